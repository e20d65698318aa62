"""Generated lines with the names, numbers, dates, prices, lists and questions of real texts.

Numbers are mostly spelled out, since the product spells them before the model reads a chunk.
"""

# ruff: noqa: SIM905 - a list would take one line per word

import random

from num2words import num2words

FIRST = (
    "Alice Amara Anna Arthur Beatrice Ben Bridget Caleb Carmen Charlotte Chen Clara Daniel "
    "David Diego Edith Eleanor Elena Emily Ethan Fatima Felix Fiona Frances George Grace Hannah "
    "Harold Helen Henry Hugo Ines Isaac Ivan Jack Jacob James Jane Jasper Joan John Joseph "
    "Julia Karen Kate Kenji Laura Leo Liam Lily Louis Lucy Maria Mark Martha Martin Mary Maya "
    "Michael Miguel Mina Nadia Nathan Noah Nora Oliver Omar Oscar Patrick Paul Peter Philip "
    "Priya Rachel Ralph Rebecca Richard Robert Rosa Ruth Samuel Sarah Sofia Sophie Stephen "
    "Susan Theo Thomas Tom Victor Vincent Violet Walter William Yusuf Zoe"
).split()
LAST = (
    "Adams Bailey Baker Barnes Bennett Brooks Brown Campbell Carter Clarke Collins Cooper "
    "Davies Dixon Edwards Evans Fisher Foster Garcia Gibson Graham Grant Green Hall Harris Hart "
    "Hayes Hill Holmes Howard Hughes Jackson Johnson Jones Kelly Kennedy King Lambert Lee Lewis "
    "Lopez Marshall Martinez Mason Miller Mitchell Moore Morgan Murphy Nelson Newton Oakley "
    "Palmer Parker Patel Perry Price Quinn Reed Reynolds Roberts Robinson Rossi Russell Schmidt "
    "Scott Shaw Silva Simpson Singh Smith Stewart Stone Sullivan Taylor Thompson Turner Walker "
    "Wallace Ward Watson Webb White Williams Wilson Wood Wright Young"
).split()
PLACES = (
    "London Paris Berlin Vienna Madrid Lisbon Dublin Edinburgh Boston Chicago Denver Seattle "
    "Texas Oregon Canada Norway Sweden Japan Kenya Egypt Brazil Mexico India China Russia "
    "Ireland Wales Bristol Oxford Cambridge York Manchester Glasgow Geneva Prague Warsaw Athens "
    "Naples Cairo Delhi Sydney Toronto Havana Lima Oslo Helsinki Budapest Istanbul Jerusalem "
    "Nairobi"
).split()
MONTHS = (
    "January February March April May June July August September October November December"
).split()
DAYS = ("Monday Tuesday Wednesday Thursday Friday Saturday Sunday").split()
THINGS = (
    "apples baskets bicycles blankets boats books bottles bridges buttons cameras candles "
    "carpets chairs clocks coins cups dogs doors eggs engines envelopes farms feathers flowers "
    "forks gardens gloves guitars hammers hats horses houses islands jackets keys knives "
    "ladders lamps lemons letters maps mirrors mountains mushrooms needles notebooks onions "
    "oranges paintings papers pencils pictures plates potatoes pumpkins questions radios "
    "ribbons rings rivers ropes scissors shirts shoes spoons stamps stones stories tables "
    "telephones tickets towels trains trees umbrellas vegetables villages violins watches "
    "wheels windows"
).split()
ADJECTIVES = (
    "ancient blue broken bright careful cheap clever cold curious dark dusty early empty "
    "enormous fine foreign fresh gentle golden green heavy honest hungry large late little "
    "lonely narrow new old patient pale perfect plain quick quiet red rough round sharp silent "
    "silver simple small smooth soft square strange strong sudden sweet tall thin tired warm "
    "white wide wild wooden yellow young"
).split()
VERBS = (
    "bought borrowed carried collected counted cleaned described discovered delivered dropped "
    "found forgot found hid kept left lent lost measured mended moved noticed painted planted "
    "polished promised remembered repaired saved sold sorted stole studied threw took wanted "
    "wrote"
).split()
ROLES = (
    "teacher doctor captain lawyer baker farmer engineer sister brother uncle neighbour driver "
    "judge nurse painter pilot sailor singer student tailor writer"
).split()


def spell(number: int) -> str:
    """Write a number in words."""
    return str(num2words(number)).replace(",", "")


def make_line(rng: random.Random) -> str:
    """Generate one to three sentences."""
    return " ".join(rng.choice(PATTERNS)(rng) for _ in range(rng.choice((1, 1, 1, 2, 2, 3))))


def _number(rng: random.Random, highest: int) -> str:
    number = rng.randint(1, highest)
    return str(number) if rng.random() < 0.15 else spell(number)


def _year(rng: random.Random) -> str:
    year = rng.randint(1700, 2030)
    return str(year) if rng.random() < 0.15 else str(num2words(year, to="year"))


def _person(rng: random.Random) -> str:
    first, last = rng.choice(FIRST), rng.choice(LAST)
    title = rng.choice(("Mister", "Missus", "Miss", "Doctor", "Professor"))
    return rng.choice((first, f"{first} {last}", f"{title} {last}"))


def _thing(rng: random.Random) -> str:
    return f"{rng.choice(ADJECTIVES)} {rng.choice(THINGS)}"


def _date(rng: random.Random) -> str:
    day = str(num2words(rng.randint(1, 31), to="ordinal"))
    return f"{rng.choice(DAYS)}, the {day} of {rng.choice(MONTHS)}"


def _clock(rng: random.Random) -> str:
    hour = spell(rng.randint(1, 12))
    minutes = ("half past", "a quarter to", "a quarter past", "ten minutes to", "twenty past")
    return rng.choice((f"{rng.choice(minutes)} {hour}", f"{hour} o'clock", f"{hour} thirty"))


def _sale(rng: random.Random) -> str:
    price = f"{_number(rng, 999)} {rng.choice(('dollars', 'pounds', 'euros'))}"
    return f"{_person(rng)} {rng.choice(VERBS)} {_number(rng, 200)} {_thing(rng)} for {price}."


def _meeting(rng: random.Random) -> str:
    return (
        f"{_person(rng)} will meet {_person(rng)} in {rng.choice(PLACES)} on {_date(rng)}, "
        f"at {_clock(rng)}."
    )


def _history(rng: random.Random) -> str:
    return (
        f"In {_year(rng)}, {_person(rng)} moved from {rng.choice(PLACES)} to {rng.choice(PLACES)} "
        f"with {_number(rng, 9000)} {_thing(rng)}."
    )


def _question(rng: random.Random) -> str:
    return rng.choice(
        (
            f"Who {rng.choice(VERBS)} the {_thing(rng)}?",
            f"Did {_person(rng)} really come from {rng.choice(PLACES)}?",
            f"How many {_thing(rng)} are there, and why are they so {rng.choice(ADJECTIVES)}?",
            f"Is it {_clock(rng)} already, {rng.choice(FIRST)}?",
            f"When will the {rng.choice(ROLES)} bring the {_thing(rng)}?",
            f"Where is the {rng.choice(ROLES)} from {rng.choice(PLACES)}?",
        )
    )


def _list(rng: random.Random) -> str:
    *some, last = (_thing(rng) for _ in range(rng.randint(3, 5)))
    return f"The {rng.choice(ROLES)} {rng.choice(VERBS)} {', '.join(some)} and {last}."


def _speech(rng: random.Random) -> str:
    verb = rng.choice(("said", "asked", "cried", "whispered", "answered", "shouted"))
    end = "?" if verb == "asked" else rng.choice("!,")
    content = f"{rng.choice(('Look', 'Listen', 'Wait', 'Come here', 'Never mind', 'Tell me'))}"
    speaker = f"the {rng.choice(ADJECTIVES)} {rng.choice(ROLES)}"
    return f'"{content}, {rng.choice(FIRST)}{end}" {verb} {speaker}.'


def _short(rng: random.Random) -> str:
    return rng.choice(
        (
            f"Yes, {rng.choice(FIRST)}.",
            f"No, not {rng.choice(DAYS)}.",
            f"Chapter {_number(rng, 60)}.",
            f"{rng.choice(PLACES)}, {_year(rng)}.",
            f"The {_thing(rng)}.",
            f"Page {_number(rng, 400)}, please.",
            f"Room {_number(rng, 900)}.",
        )
    )


PATTERNS = (_sale, _meeting, _history, _question, _question, _list, _speech, _short)
