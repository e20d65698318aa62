"""Names of units: abbreviations in English print -> names by CLDR, singular and plural.

CLDR (through Babel) has the plurals and both spellings; the tables below have the abbreviations.
"""

from functools import lru_cache

from babel.units import format_unit

from narration.text.english import English

LOCALES = {English.AMERICAN: "en_US", English.BRITISH: "en_GB"}

# Abbreviation -> CLDR's name of the unit. If it is also a word, or has another meaning in the other
# case, it is listed only if it is unambiguous after a number.
CLDR_UNITS = {
    "km": "length-kilometer", "m": "length-meter", "cm": "length-centimeter",
    "mm": "length-millimeter", "nm": "length-nanometer", "μm": "length-micrometer",
    "mi": "length-mile", "yd": "length-yard", "ft": "length-foot", "in": "length-inch",
    "kg": "mass-kilogram", "mg": "mass-milligram", "g": "mass-gram", "μg": "mass-microgram",
    "mcg": "mass-microgram", "lb": "mass-pound", "oz": "mass-ounce", "ct": "mass-carat",
    "mph": "speed-mile-per-hour", "kph": "speed-kilometer-per-hour",
    "kmh": "speed-kilometer-per-hour", "kn": "speed-knot", "kt": "speed-knot",
    "°C": "temperature-celsius", "°F": "temperature-fahrenheit", "°": "angle-degree",
    "kB": "digital-kilobyte", "KB": "digital-kilobyte",
    "MB": "digital-megabyte", "GB": "digital-gigabyte", "TB": "digital-terabyte",
    "PB": "digital-petabyte", "Mbit": "digital-megabit", "Gbit": "digital-gigabit",
    "kbit": "digital-kilobit", "Mb": "digital-megabit", "Gb": "digital-gigabit",
    "Hz": "frequency-hertz", "kHz": "frequency-kilohertz", "MHz": "frequency-megahertz",
    "GHz": "frequency-gigahertz", "W": "power-watt", "kW": "power-kilowatt",
    "MW": "power-megawatt", "GW": "power-gigawatt", "mW": "power-milliwatt",
    "hp": "power-horsepower", "kWh": "energy-kilowatt-hour", "kcal": "energy-kilocalorie",
    "cal": "energy-calorie", "kJ": "energy-kilojoule", "eV": "energy-electronvolt",
    "V": "electric-volt", "mA": "electric-milliampere",
    "amp": "electric-ampere", "Ω": "electric-ohm", "lx": "light-lux",
    "lm": "light-lumen", "Pa": "pressure-pascal", "hPa": "pressure-hectopascal",
    "kPa": "pressure-kilopascal", "MPa": "pressure-megapascal", "mbar": "pressure-millibar",
    "ml": "volume-milliliter", "mL": "volume-milliliter", "cl": "volume-centiliter",
    "dl": "volume-deciliter", "dL": "volume-deciliter", "l": "volume-liter",
    "L": "volume-liter", "gal": "volume-gallon", "qt": "volume-quart", "pt": "volume-pint",
    "tbsp": "volume-tablespoon", "tsp": "volume-teaspoon", "fl oz": "volume-fluid-ounce",
    "bbl": "volume-barrel", "ms": "duration-millisecond", "μs": "duration-microsecond",
    "ns": "duration-nanosecond", "s": "duration-second", "sec": "duration-second",
    "min": "duration-minute", "h": "duration-hour", "hr": "duration-hour", "wk": "duration-week",
    "mo": "duration-month", "yr": "duration-year", "ha": "area-hectare",
    "sq ft": "area-square-foot", "sq in": "area-square-inch", "sq mi": "area-square-mile",
    "sq yd": "area-square-yard", "sq m": "area-square-meter", "sq km": "area-square-kilometer",
    "cu ft": "volume-cubic-foot", "cu in": "volume-cubic-inch", "cu yd": "volume-cubic-yard",
    "cu m": "volume-cubic-meter", "cc": "volume-cubic-centimeter",
    "m^2": "area-square-meter", "km^2": "area-square-kilometer",
    "cm^2": "area-square-centimeter", "mi^2": "area-square-mile", "ft^2": "area-square-foot",
    "in^2": "area-square-inch", "m^3": "volume-cubic-meter", "km^3": "volume-cubic-kilometer",
    "cm^3": "volume-cubic-centimeter", "ft^3": "volume-cubic-foot",
    "m2": "area-square-meter", "km2": "area-square-kilometer", "cm2": "area-square-centimeter",
    "m3": "volume-cubic-meter", "cm3": "volume-cubic-centimeter",
    "km3": "volume-cubic-kilometer",
}  # fmt: skip
# Units that CLDR lacks, or whose names are not in common use.
OWN_UNITS = {
    "dB": ("decibel", "decibels"), "rpm": ("revolution per minute", "revolutions per minute"),
    "bpm": ("beat per minute", "beats per minute"),
    "fps": ("frame per second", "frames per second"),
    "psi": ("pound per square inch", "pounds per square inch"),
    "dpi": ("dot per inch", "dots per inch"),
    "ppm": ("part per million", "parts per million"),
    "ppb": ("part per billion", "parts per billion"),
    "mmHg": ("millimeter of mercury", "millimeters of mercury"),
    "mAh": ("milliamp hour", "milliamp hours"),
    "Mbps": ("megabit per second", "megabits per second"),
    "mbps": ("megabit per second", "megabits per second"),
    "kbps": ("kilobit per second", "kilobits per second"),
    "Kbps": ("kilobit per second", "kilobits per second"),
    "Gbps": ("gigabit per second", "gigabits per second"), "doz": ("dozen", "dozen"),
    "mpg": ("mile per gallon", "miles per gallon"), "MWh": ("megawatt hour", "megawatt hours"),
    "GWh": ("gigawatt hour", "gigawatt hours"), "cwt": ("hundredweight", "hundredweight"),
    "kΩ": ("kilohm", "kilohms"), "kV": ("kilovolt", "kilovolts"), "mV": ("millivolt", "millivolts"),
    "μF": ("microfarad", "microfarads"), "kN": ("kilonewton", "kilonewtons"),
    "keV": ("kiloelectronvolt", "kiloelectronvolts"),
    "MeV": ("megaelectronvolt", "megaelectronvolts"),
    "GeV": ("gigaelectronvolt", "gigaelectronvolts"), "kelvin": ("kelvin", "kelvin"),
}  # fmt: skip
# Other spellings of the above.
SPELLINGS = {
    "kgs": "kg", "KG": "kg", "Kg": "kg", "kms": "km", "KM": "km", "Km": "km", "cms": "cm",
    "CM": "cm",
    "MM": "mm", "mms": "mm", "lbs": "lb", "LBS": "lb", "Lbs": "lb", "ozs": "oz", "OZ": "oz",
    "yds": "yd",
    "MPH": "mph", "KPH": "kph", "mins": "min", "secs": "sec", "hrs": "hr", "yrs": "yr", "wks": "wk",
    "mos": "mo", "gals": "gal", "qts": "qt", "tbsps": "tbsp", "Tbsp": "tbsp", "tsps": "tsp",
    "gm": "g", "gms": "g", "gr": "g", "ML": "ml", "KHz": "kHz", "khz": "kHz", "mhz": "MHz",
    "ghz": "GHz",
    "Mhz": "MHz", "Ghz": "GHz", "hz": "Hz", "KW": "kW", "kwh": "kWh", "KWh": "kWh", "db": "dB",
    "µm": "μm", "µg": "μg", "µs": "μs", "um": "μm", "ug": "μg", "ºC": "°C", "ºF": "°F", "kts": "kt",
    "amps": "amp", "MBPS": "Mbps", "PSI": "psi", "RPM": "rpm", "sqft": "sq ft", "sqm": "sq m",
    "feet": "ft", "foot": "ft", "inches": "in", "inch": "in", "miles": "mi", "mile": "mi",
    "meters": "m", "metres": "m", "hours": "h", "hour": "h", "second": "s", "liter": "l",
    "litre": "l",
}  # fmt: skip


@lru_cache(maxsize=1024)
def unit_name(unit: str, english: English, *, is_plural: bool) -> str:
    """Return a unit's name without a number; what follows a slash is read with `per`."""
    head, *rest = unit.split("/")
    head = SPELLINGS.get(head, head)
    if head in OWN_UNITS:
        words = OWN_UNITS[head][is_plural]
    else:
        written = format_unit(
            2 if is_plural else 1, CLDR_UNITS[head], length="long", locale=LOCALES[english]
        )
        words = written.partition(" ")[2].replace("-", " ")
    tails = [unit_name(part, english, is_plural=False) for part in rest]
    return " per ".join([words, *tails])
