"""The answers that a new agreement is made of, and how each is read: the value, or what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from difflib import get_close_matches
from fractions import Fraction
from itertools import pairwise
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen

from wsla.values.calendars import CalendarUnit, UnknownZone, find_zone
from wsla.values.instants import DAY, MINUTE, SECOND
from wsla.values.money import MINOR_UNIT_PLACES
from wsla.values.quantities import TIME, QuantityError, parse_quantity

KINDS: Final = ("customer", "internal", "underpinning")
MEASURES: Final = ("http", "tickets", "file")
PERIODS: Final = tuple(unit.value for unit in CalendarUnit)
CADENCES: Final = (MINUTE, 30 * SECOND, 10 * SECOND, 5 * SECOND, SECOND)
"""How often an address may be asked, rarest first."""
SHORTEST_PERIOD: Final = {
    CalendarUnit.DAY: DAY,
    CalendarUnit.WEEK: 7 * DAY,
    CalendarUnit.MONTH: 28 * DAY,
    CalendarUnit.QUARTER: 90 * DAY,
    CalendarUnit.YEAR: 365 * DAY,
}
"""The shortest length of a calendar period in nanoseconds, leaving clock changes aside."""

_LONGEST_TITLE: Final = 200
_LONGEST_ADDRESS: Final = 2000
_LONGEST_WITHIN: Final = 366 * DAY
_UNUSABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]"
)
_GOAL: Final = re.compile(r"(\d{1,3}(?:\.\d{1,10})?)%", re.ASCII)
_FEE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,4})?) ?([A-Za-z]{3})", re.ASCII)


class Unfit(ValueError):
    """An answer that cannot be taken; the text says why, and what would do."""


@frozen(kw_only=True)
class Answers:
    """All that a new agreement says. Shares are fractions of one, lengths nanoseconds.

    ``tiers`` pairs the value that a credit reaches down to (None for the last) with its share of the fee; it is
    empty, and ``fee`` None, where a missed goal has no credit. ``place`` is the address or the file; ``within`` is
    for tickets.
    """

    title: str
    kind: str
    provider: str
    consumer: str
    zone: str
    start: date
    measure: str
    place: str
    within: int
    goal: Fraction
    each: CalendarUnit
    fee: tuple[Fraction, str] | None
    tiers: tuple[tuple[Fraction | None, Fraction], ...]


def read_title(text: str) -> str:
    """A title or a name of a party; line breaks inside it are kept."""
    title = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not title:
        raise Unfit("it cannot be empty")
    if len(title) > _LONGEST_TITLE:
        raise Unfit(f"at most {_LONGEST_TITLE} characters, please")
    if found := _UNUSABLE.search(title):
        raise Unfit(f"the character U+{ord(found.group()):04X} cannot stand in an agreement")
    return title


def choice(what: str, words: Sequence[str]) -> Callable[[str], str]:
    """A reader of one of a few words; a beginning of a word that is clear will do."""

    def read(text: str) -> str:
        word = text.strip().casefold()
        fitting = [known for known in words if word and known.startswith(word)]
        if word in words or len(fitting) == 1:
            return word if word in words else fitting[0]
        near = get_close_matches(word, words, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise Unfit(f"{text.strip()!r} is no {what}: {', '.join(words)}{hint}")

    return read


def read_period(text: str) -> CalendarUnit:
    """``day``, ``week``, ``month``, ``quarter`` or ``year``."""
    return CalendarUnit(choice("period", PERIODS)(text))


def read_zone(text: str) -> str:
    """An IANA time zone."""
    name = text.strip()
    try:
        find_zone(name)
    except UnknownZone as problem:
        near = problem.suggestions
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise Unfit(f"{problem}{hint}") from None
    return name


def read_start(text: str) -> date:
    """The first day of an agreement, between 2000 and 2199."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise Unfit(f"{text.strip()!r} is not a date such as 2026-01-01") from None
    if not 2000 <= day.year <= 2199:
        raise Unfit("an agreement begins between 2000 and 2199")
    return day


def read_address(text: str) -> str:
    """A web address that may stand in an agreement."""
    address = text.strip()
    if len(address) > _LONGEST_ADDRESS or not address.isascii() or re.search(r"[\x00-\x20\x7f]", address):
        raise Unfit(
            "a web address is written without blanks and in ASCII, such as https://service.example/health"
        )
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not address.startswith(("http://", "https://")):
        raise Unfit(f"{address!r} is not a web address such as https://service.example/health")
    if "@" in parts.netloc:
        raise Unfit("a password in an address would be seen by every reader of the agreement")
    return address


def read_file(text: str) -> str:
    """The name of a file of observations; its ending says how it is read."""
    name = text.strip()
    if _UNUSABLE.search(name) or re.search(r"[\n\t]", name) or len(name) > _LONGEST_ADDRESS:
        raise Unfit("the name of this file cannot stand in an agreement")
    if file_kind(name) is None:
        raise Unfit(f"{name!r} is no file of observations: its name ends in .csv, .jsonl or .parquet")
    return name


def file_kind(name: str) -> str | None:
    """The kind of source that reads a file of this name."""
    found = re.search(r"[^/\\.][^/\\]*\.(csv|jsonl|parquet)$", name)
    return None if found is None else found[1]


def read_goal(text: str) -> Fraction:
    """A share such as ``99.9%``, above 0 and at most 1."""
    found = _GOAL.fullmatch(text.strip())
    if found is None:
        tidy = re.sub(r"\s+", "", text).replace(",", ".").rstrip("%") + "%"
        hint = f"write {tidy}" if _GOAL.fullmatch(tidy) else "write for instance 99.9%"
        raise Unfit(f"{text.strip()!r} is not a percentage: {hint}")
    share = Fraction(found[1]) / 100
    if not 0 < share <= 1:
        raise Unfit("a promise lies above 0% and is at most 100%")
    return share


def read_within(text: str) -> int:
    """The time in which a ticket is to be solved, a minute to a year."""
    try:
        quantity = parse_quantity(text.strip())
    except QuantityError as problem:
        hint = f"; did you mean {problem.suggestion}?" if problem.suggestion else ""
        raise Unfit(f"{problem}{hint}") from None
    if quantity.dimension != TIME or quantity.value.denominator != 1:
        raise Unfit(f"{text.strip()!r} is not a length of time such as 30m, 8h or 2d")
    if not MINUTE <= quantity.value <= _LONGEST_WITHIN:
        raise Unfit("a ticket has between 1m and 366d")
    return int(quantity.value)


def read_fee(text: str) -> tuple[Fraction, str]:
    """An amount a month and its currency, such as ``2000 EUR``."""
    found = _FEE.fullmatch(text.strip())
    if found is None:
        raise Unfit(
            f"{text.strip()!r} is not an amount such as 2000 EUR: a number, then a currency of three letters"
        )
    currency = found[2].upper()
    if currency not in MINOR_UNIT_PLACES:
        near = get_close_matches(currency, sorted(MINOR_UNIT_PLACES), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise Unfit(f"{found[2]} is not a currency such as EUR or USD{hint}")
    amount = Fraction(found[1])
    if amount == 0:
        raise Unfit("a fee is more than nothing")
    return amount, currency


_FIRST_TIER: Final = re.compile(r"(\S+%)", re.ASCII)
_FURTHER_TIER: Final = re.compile(r"(\S+%)\s*:\s*(\S+%)", re.ASCII)


def tiers_reader(goal: Fraction) -> Callable[[str], tuple[tuple[Fraction | None, Fraction], ...]]:
    """A reader of ``10%, 99%: 25%, 95%: 50%``: a tenth of the fee when the goal is missed, a quarter below 99%, …"""

    def read(text: str) -> tuple[tuple[Fraction | None, Fraction], ...]:
        first, *further = [part.strip() for part in text.split(",")]
        lines = [_FURTHER_TIER.fullmatch(part) for part in further]
        found = _FIRST_TIER.fullmatch(first)
        if found is None or None in lines:
            raise Unfit(
                "write 10%, 99%: 25%, 95%: 50% for a tenth of the fee when the goal is missed, "
                "a quarter below 99% and half of it below 95%"
            )
        bounds = [read_goal(line[1]) for line in lines if line is not None]
        shares = [read_goal(found[1]), *(read_goal(line[2]) for line in lines if line is not None)]
        falling = [goal, *bounds]
        if any(after >= before for before, after in zip(falling, bounds, strict=False)):
            raise Unfit("each step lies below the one before it, and the first below the goal")
        if any(after <= before for before, after in pairwise(shares)):
            raise Unfit("each step credits more than the one before it")
        return tuple(zip([*bounds, None], shares, strict=True))

    return read


def usual_tiers(goal: Fraction) -> str:
    """The credit steps that are offered for a goal, as ``tiers_reader`` takes them."""
    usual = [
        Fraction(text)
        for text in ["0.999", "0.995", "0.99", "0.98", "0.95", "0.9", "0.8", "0.7", "0.5", "0.25", "0.1"]
    ]
    lost = max(1 - goal, Fraction(1, 10_000))
    steps: list[tuple[Fraction, str]] = []
    for factor, share in ((4, "25%"), (10, "50%")):
        below = next((step for step in usual if 1 - step >= lost * factor), None)
        if below is not None and (not steps or below < steps[-1][0]):
            steps.append((below, share))
    return ", ".join(["10%", *(f"{percent(step)}: {share}" for step, share in steps)])


def percent(share: Fraction) -> str:
    """A share as the language writes it, with all its places."""
    from wsla.values.quantities import format_percentage

    return format_percentage(share, 12)


def cadence(goal: Fraction, each: CalendarUnit) -> int:
    """How often to ask, in nanoseconds, so that a look is shorter than what the promise allows to be lost.

    Raises Unfit where even a look every second is too rare.
    """
    allowed = (1 - goal) * SHORTEST_PERIOD[each]
    for every in CADENCES:
        if goal == 1 or every <= allowed:
            return every
    raise Unfit(
        f"{percent(goal)} each {each.value} allows less than a second to be lost, which no look at an address can see: "
        "promise 100%, or less, or a longer period"
    )
