"""Names of currencies: signs and codes -> names, from CLDR where these are in use."""

from dataclasses import dataclass
from functools import lru_cache

from babel.numbers import get_currency_name, list_currencies

_NAMES = "en_US"  # Babel's British data has the same names


@dataclass(frozen=True, slots=True, kw_only=True)
class Currency:
    """The names of a currency and its hundredth; without `cent`, fractions are read as decimals."""

    one: str
    many: str
    cent: str = ""
    cents: str = ""


def _currency(one: str, many: str = "", cent: str = "", cents: str = "") -> Currency:
    cents = cents or (f"{cent}s" if cent else "")
    return Currency(one=one, many=many or f"{one}s", cent=cent, cents=cents)


_DOLLAR = _currency("dollar", cent="cent")
# Before the number, with or without a space.
SIGNS = {
    "$": _DOLLAR,
    "US$": _DOLLAR,
    "U.S.$": _DOLLAR,
    "A$": _currency("Australian dollar", cent="cent"),
    "AU$": _currency("Australian dollar", cent="cent"),
    "C$": _currency("Canadian dollar", cent="cent"),
    "CA$": _currency("Canadian dollar", cent="cent"),
    "HK$": _currency("Hong Kong dollar", cent="cent"),
    "NZ$": _currency("New Zealand dollar", cent="cent"),
    "S$": _currency("Singapore dollar", cent="cent"),
    "NT$": _currency("Taiwan dollar", cent="cent"),
    "Mex$": _currency("Mexican peso", cent="centavo"),
    "MX$": _currency("Mexican peso", cent="centavo"),
    "AR$": _currency("Argentine peso", cent="centavo"),
    "CLP$": _currency("Chilean peso"),
    "COP$": _currency("Colombian peso"),
    "CAD$": _currency("Canadian dollar", cent="cent"),
    "AUD$": _currency("Australian dollar", cent="cent"),
    "U$S": _DOLLAR,
    "R$": _currency("real", "reais", "centavo"),
    "£": _currency("pound", cent="penny", cents="pence"),
    "€": _currency("euro", cent="cent"),
    "¥": _currency("yen", "yen"),
    "JP¥": _currency("yen", "yen"),
    "CN¥": _currency("yuan", "yuan"),
    "E£": _currency("Egyptian pound", cent="piaster"),
    "S/.": _currency("sol", "soles", "céntimo"),
    "S/": _currency("sol", "soles", "céntimo"),
    "৳": _currency("taka", "taka"),
    "₹": _currency("rupee", cent="paisa", cents="paise"),
    "₨": _currency("rupee", cent="paisa", cents="paise"),
    "₩": _currency("won", "won"),
    "₽": _currency("ruble", cent="kopek"),
    "₺": _currency("lira", "lira", "kuruş", "kuruş"),
    "₴": _currency("hryvnia", "hryvnias", "kopiyka", "kopiykas"),
    "₪": _currency("shekel", cent="agora", cents="agorot"),
    "₫": _currency("dong", "dong"),
    "₱": _currency("peso", cent="centavo"),
    "₦": _currency("naira", "naira", "kobo", "kobo"),
    "₡": _currency("colón", "colones"),
    "₲": _currency("guarani", "guaranies"),
    "₵": _currency("cedi", cent="pesewa"),
    "GH₵": _currency("cedi", cent="pesewa"),
    "₸": _currency("tenge", "tenge"),
    "₼": _currency("manat", "manat"),
    "₾": _currency("lari", "lari"),
    "฿": _currency("baht", "baht", "satang", "satang"),
    "₿": _currency("bitcoin"),
    "₭": _currency("kip", "kip"),
    "₮": _currency("tugrik"),
    "₤": _currency("lira", "lire"),
}
# Words for money that are written like signs; a full stop may follow. The accents of zł and Kč are
# already removed when these are looked up.
ABBREVIATED = {
    "Rs": _currency("rupee", cent="paisa", cents="paise"),
    "Re": _currency("rupee", cent="paisa", cents="paise"),
    "Kc": _currency("koruna", "korunas"),
    "zl": _currency("zloty", "zlotys", "grosz", "groszy"),
    "kr": _currency("krona", "kronor"),
    "Fr": _currency("franc", cent="centime"),
    "fr": _currency("franc", cent="centime"),
    "frs": _currency("franc", cent="centime"),
    "SFr": _currency("Swiss franc", cent="centime"),
    "sFr": _currency("Swiss franc", cent="centime"),
    "Kr": _currency("krona", "kronor"),
    "Ft": _currency("forint"),
    "RM": _currency("ringgit", "ringgit", "sen", "sen"),
    "Rp": _currency("rupiah", "rupiah"),
    "Php": _currency("peso", cent="centavo"),
    "KSh": _currency("Kenyan shilling", cent="cent"),
    "Ksh": _currency("Kenyan shilling", cent="cent"),
    "USh": _currency("Ugandan shilling"),
    "TSh": _currency("Tanzanian shilling"),
    "Tk": _currency("taka", "taka"),
    "Dh": _currency("dirham"),
    "Dhs": _currency("dirham"),
    "dh": _currency("dirham"),
    "NIS": _currency("shekel", cent="agora", cents="agorot"),
    "TL": _currency("lira", "lira", "kuruş", "kuruş"),
    "lv": _currency("lev", "leva"),
    "din": _currency("dinar"),
    "руб": _currency("ruble", cent="kopek"),
    "грн": _currency("hryvnia", "hryvnias", "kopiyka", "kopiykas"),
    "лв": _currency("lev", "leva"),
    "DM": _currency("mark", cent="pfennig"),
}
# After a number only, because before one they are other words, or none.
ONLY_BEHIND = frozenset({"fr", "frs", "dh", "lv", "din", "руб", "грн", "лв"})
# With these, thousands are separated by full stops, and there are no thousandths.
POINTED = ("DM", "Ft", "Kc", "zl", "kr", "Rp", "TL", "HUF", "IDR", "VND", "COP", "CLP", "₫")
# Hundredths that are in common use, by codes.
_CENTS = {
    **dict.fromkeys(("AUD", "CAD", "NZD", "HKD", "SGD", "ZAR"), ("cent", "cents")),
    **dict.fromkeys(("MXN", "BRL", "ARS"), ("centavo", "centavos")),
    "CHF": ("centime", "centimes"),
    "PLN": ("grosz", "groszy"),
    "SEK": ("öre", "öre"),
    "NOK": ("øre", "øre"),
    "DKK": ("øre", "øre"),
}
# CLDR says "US dollars" and "Japanese yen"; speakers leave the country out.
_PLAIN_CODES = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "BTC": "₿"}
CODES = frozenset(
    (  # noqa: SIM905 - codes in a row are easier to read
        "USD EUR GBP JPY INR CHF AUD CAD NZD HKD SGD CNY RMB SEK NOK DKK ISK PLN CZK HUF RUB TRY "
        "ILS ZAR BRL MXN ARS CLP COP PEN KRW TWD THB IDR MYR PHP VND AED SAR EGP NGN KES GHS UAH "
        "RON BGN RSD PKR BDT LKR QAR KWD KZT GEL BTC DEM FRF ITL ESP ATS"
    ).split()
)


@lru_cache(maxsize=256)
def currency(sign: str) -> Currency:
    """Return the currency of a sign, an abbreviation or an ISO 4217 code."""
    sign = _PLAIN_CODES.get(sign, sign).rstrip(".")
    if sign in SIGNS:
        return SIGNS[sign]
    if sign in ABBREVIATED:
        return ABBREVIATED[sign]
    code = "CNY" if sign == "RMB" else sign
    if code not in list_currencies():
        return _currency(code)
    one, many = (_bare(get_currency_name(code, count=n, locale=_NAMES)) for n in (1, 2))
    cent, cents = _CENTS.get(code, ("", ""))
    return Currency(one=one, many=many, cent=cent, cents=cents)


def _bare(name: str) -> str:
    """Remove the years that CLDR adds to former currencies."""
    return name.partition(" (")[0]
