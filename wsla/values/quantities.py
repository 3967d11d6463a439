"""Quantities: exact numbers with dimensions; durations in nanoseconds, data in bytes, money in its unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from attrs import field, frozen

from wsla.values.instants import (
    DAY,
    HOUR,
    MICROSECOND,
    MILLISECOND,
    MINUTE,
    NANOSECOND,
    SECOND,
    format_length,
)
from wsla.values.money import MINOR_UNIT_PLACES

_LONGEST_NUMBER: Final = 40


def _sorted_exponents(exponents: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    total: dict[str, int] = {}
    for base, power in exponents:
        total[base] = total.get(base, 0) + power
    return tuple(sorted((base, power) for base, power in total.items() if power))


@frozen
class Dimension:
    """What a number measures: powers of bases, sorted, none zero.

    The bases are ``time``, ``data``, ``money:EUR`` (one a currency) and units that an agreement names itself.
    """

    exponents: tuple[tuple[str, int], ...] = field(default=(), converter=_sorted_exponents)

    def __mul__(self, other: Dimension) -> Dimension:
        return Dimension(self.exponents + other.exponents)

    def __truediv__(self, other: Dimension) -> Dimension:
        return self * other.power(-1)

    def power(self, exponent: int) -> Dimension:
        """The dimension multiplied with itself; a negative exponent divides."""
        return Dimension(tuple((base, power * exponent) for base, power in self.exponents))

    @property
    def currency(self) -> str | None:
        """The currency's code where this is an amount of money, otherwise None."""
        if len(self.exponents) == 1 and self.exponents[0][1] == 1:
            base = self.exponents[0][0]
            return base.removeprefix("money:") if base.startswith("money:") else None
        return None

    def describe(self) -> str:
        """The dimension in a reader's words: ``a duration``, ``an amount in EUR``, ``a rate per time``."""
        if not self.exponents:
            return "a share or a number"
        above = [_in_words(base, power) for base, power in self.exponents if power > 0]
        below = [_in_words(base, -power) for base, power in self.exponents if power < 0]
        if not above:
            return "a rate per " + " and ".join(_short(word) for word in below)
        words = " times ".join([above[0], *(_short(word) for word in above[1:])])
        return " per ".join([words, " and ".join(_short(word) for word in below)]) if below else words


def _in_words(base: str, power: int) -> str:
    if base == "time":
        word = "a duration"
    elif base == "data":
        word = "an amount of data"
    elif base.startswith("money:"):
        word = f"an amount in {base.removeprefix('money:')}"
    else:
        word = f"a number of {base}s"
    return word if power == 1 else f"{word} to the power of {power}"


def _short(word: str) -> str:
    for article, short in (
        ("a duration", "time"),
        ("an amount of ", ""),
        ("an amount in ", ""),
        ("a number of ", ""),
    ):
        if word.startswith(article):
            return short + word.removeprefix(article)
    return word


DIMENSIONLESS: Final = Dimension()
TIME: Final = Dimension((("time", 1),))
DAYS: Final = Dimension((("day", 1),))
"""Calendar days, whatever their length: what a fee is taken a part of, never a duration."""
DATA: Final = Dimension((("data", 1),))


def money(code: str) -> Dimension:
    """The dimension of amounts in a currency."""
    return Dimension(((f"money:{code}", 1),))


UNITS: Final[Mapping[str, tuple[Dimension, Fraction]]] = MappingProxyType(
    {
        "%": (DIMENSIONLESS, Fraction(1, 100)),
        "ns": (TIME, Fraction(NANOSECOND)),
        "us": (TIME, Fraction(MICROSECOND)),
        "ms": (TIME, Fraction(MILLISECOND)),
        "s": (TIME, Fraction(SECOND)),
        "m": (TIME, Fraction(MINUTE)),
        "h": (TIME, Fraction(HOUR)),
        "d": (TIME, Fraction(DAY)),
        "B": (DATA, Fraction(1)),
        "kB": (DATA, Fraction(1000)),
        "MB": (DATA, Fraction(1000**2)),
        "GB": (DATA, Fraction(1000**3)),
        "TB": (DATA, Fraction(1000**4)),
        "PB": (DATA, Fraction(1000**5)),
        "KiB": (DATA, Fraction(1024)),
        "MiB": (DATA, Fraction(1024**2)),
        "GiB": (DATA, Fraction(1024**3)),
        "TiB": (DATA, Fraction(1024**4)),
    }
)
"""Every suffix of the language: its dimension and how many base units it is."""

RATE_UNITS: Final[Mapping[str, int]] = MappingProxyType({"s": SECOND, "min": MINUTE, "h": HOUR, "day": DAY})
"""What may stand after the slash of a rate, in nanoseconds."""


class QuantityError(ValueError):
    """A text that is no quantity; ``suggestion`` is the unit that was probably meant, or None."""

    def __init__(self, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.suggestion = suggestion


@frozen
class Quantity:
    """An exact number in base units, its dimension, and how it was written; equality ignores the writing."""

    value: Fraction
    dimension: Dimension = DIMENSIONLESS
    written: str = field(default="", eq=False)
    is_percentage: bool = field(default=False, eq=False)


_LEXEME: Final = re.compile(r"(\d+(?:\.\d+)?)[ \t]*([^\W\d_]+|%)?(?:/([^\W\d_]+))?", re.UNICODE)


def parse_quantity(text: str, custom_units: Mapping[str, str] | None = None) -> Quantity:
    """The quantity of a lexeme: ``250ms``, ``99.9%``, ``500 EUR``, ``1.5GiB``, ``120/min``, ``0.5``.

    ``custom_units`` maps further unit words to their base (``{"points": "point"}``). Raises QuantityError.
    """
    return _read(text, custom_units) if custom_units else _read_alone(text)


def _read(text: str, custom_units: Mapping[str, str]) -> Quantity:
    match = _LEXEME.fullmatch(text.strip())
    if match is None or not text.isascii():
        unit = re.sub(r"^[\d., _]*", "", text.strip())
        raise QuantityError(f"{text!r} is not a quantity such as 250ms, 99.9% or 500 EUR", nearest_unit(unit))
    number, unit, per = match.groups()
    if len(number) > _LONGEST_NUMBER:
        raise QuantityError(f"a number has at most {_LONGEST_NUMBER} digits")
    dimension, factor = _unit(unit, custom_units)
    if per is not None:
        if per not in RATE_UNITS:
            import difflib

            near = difflib.get_close_matches(
                _RATE_ALIASES.get(per.casefold(), per), RATE_UNITS, n=1, cutoff=0.5
            )
            raise QuantityError(f"a rate is per s, min, h or day, not per {per}", near[0] if near else None)
        dimension, factor = dimension / TIME, factor / RATE_UNITS[per]
    return Quantity(Fraction(number) * factor, dimension, text, unit == "%" and per is None)


@lru_cache(maxsize=4096)
def _read_alone(text: str) -> Quantity:
    # The same few stand in agreements again and again.
    return _read(text, {})


def _unit(unit: str | None, custom_units: Mapping[str, str]) -> tuple[Dimension, Fraction]:
    if unit is None:
        return DIMENSIONLESS, Fraction(1)
    if unit in UNITS:
        return UNITS[unit]
    if unit in custom_units:
        return Dimension(((custom_units[unit], 1),)), Fraction(1)
    if unit in MINOR_UNIT_PLACES:
        return money(unit), Fraction(1)
    if unit.isupper() and len(unit) == 3 and nearest_unit(unit) not in UNITS:
        raise QuantityError(f"{unit!r} is not a currency such as EUR or USD", nearest_unit(unit))
    raise QuantityError(f"{unit!r} is not a unit", nearest_unit(unit, custom_units))


_ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        alias: unit
        for unit, aliases in {
            "%": "percent pct percents percentage",
            "ns": "nanosecond nanoseconds nanos nsec",
            "us": "µs μs microsecond microseconds micros usec",
            "ms": "millisecond milliseconds millis msec msecs",
            "s": "sec secs second seconds",
            "m": "min mins minute minutes",
            "h": "hr hrs hour hours std",
            "d": "day days",
            "B": "byte bytes",
            "kB": "kilobyte kilobytes",
            "MB": "megabyte megabytes",
            "GB": "gigabyte gigabytes gig",
            "TB": "terabyte terabytes",
            "PB": "petabyte petabytes",
            "EUR": "€ euro euros",
            "USD": "$ dollar dollars",
            "GBP": "£ pound pounds",
            "JPY": "¥ yen",
            "CHF": "franken sfr",
        }.items()
        for alias in aliases.split()
    }
)
_COMMON_CURRENCIES: Final = frozenset({"EUR", "USD", "GBP", "JPY", "CHF", "CNY", "INR", "AUD", "CAD"})
_RATE_ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {"m": "min", "minute": "min", "sec": "s", "second": "s", "hour": "h", "hr": "h", "d": "day"}
)


def nearest_unit(text: str, custom_units: Mapping[str, str] | None = None) -> str | None:
    """The unit or currency that was probably meant, or None: ``min`` gives ``m``, ``hours`` gives ``h``."""
    if text == "M":
        return None  # months are as likely as minutes
    lowered = text.casefold()
    if lowered in _ALIASES:
        return _ALIASES[lowered]
    known = [*UNITS, *(custom_units or {})]
    for name in (*known, *MINOR_UNIT_PLACES):
        if lowered == name.casefold():
            return name
    if len(text) == 3 and text.isupper():
        return _nearest_currency(text)
    import difflib

    near = difflib.get_close_matches(lowered, [*_ALIASES, *known], n=1, cutoff=0.75)
    return _ALIASES.get(near[0], near[0]) if near else None


def _nearest_currency(text: str) -> str | None:
    def likeness(code: str) -> tuple[int, bool]:
        swapped = sorted(text) == sorted(code)
        return (
            3 if swapped else sum(a == b for a, b in zip(text, code, strict=True))
        ), code in _COMMON_CURRENCIES

    best = max(MINOR_UNIT_PLACES, key=likeness)
    return best if likeness(best)[0] >= 2 else None


_EXACT_PLACES: Final = 18
_DATA_UNITS: Final = ("B", "kB", "KiB", "MB", "MiB", "GB", "GiB", "TB", "TiB", "PB")


def format_quantity(value: Fraction, dimension: Dimension = DIMENSIONLESS, places: int = 6) -> str:
    """A value in base units as the language would write it: ``2h 5m``, ``500 EUR``, ``1.5GiB``,
    ``120/min``, ``0.25``.

    Exact where the decimal ends (within 18 places); otherwise rounded half-even to ``places`` and marked
    with ``~``.
    """
    over_time = dimension * TIME
    if dimension.exponents == (("time", -1),) or (
        ("time", -1) in dimension.exponents and len(over_time.exponents) == 1
    ):
        texts = {unit: f"{_plain(value * RATE_UNITS[unit], over_time, places)}/{unit}" for unit in RATE_UNITS}
        exact = [text for text in texts.values() if not text.startswith("~")]
        if exact:
            return min(exact, key=len)
        return next(
            (texts[unit] for unit, size in RATE_UNITS.items() if abs(value * size) >= 1), texts["day"]
        )
    return _plain(value, dimension, places)


def format_percentage(value: Fraction, places: int = 4, apart_from: Fraction | None = None) -> str:
    """A share as a percentage: ``99.9%``; exact where ``places`` suffice, otherwise rounded half-even after
    a ``~``.

    A share that is not ``apart_from`` (a target, say), 0 or 1 gets as many more places as it takes not to
    look like it.
    """
    top, bottom = value.numerator * 100, value.denominator
    others = [(0, 1)] if value else []
    others += [(100, 1)] if top != 100 * bottom else []
    if apart_from is not None and apart_from != value:
        others.append((apart_from.numerator * 100, apart_from.denominator))
    while any(_rounded(top * 10**places, bottom) * below == above * 10**places for above, below in others):
        places += 1
    return f"{_written(top, bottom, places)}%"


def _plain(value: Fraction, dimension: Dimension, places: int) -> str:
    if dimension == TIME:
        nearest = round(value)
        return ("" if nearest == value else "~") + format_length(nearest)
    if dimension == DATA:
        return _data(value, places)
    number = _decimal(value, places)
    if dimension.currency is not None:
        return f"{number} {dimension.currency}"
    units = [base if power == 1 else f"{base}^{power}" for base, power in dimension.exponents]
    return " ".join([number, *units])


def _data(value: Fraction, places: int) -> str:
    exact = [(_decimal(value / UNITS[unit][1], places), unit) for unit in _DATA_UNITS]
    fitting = [pair for pair in exact if not pair[0].startswith("~")] or exact[:1]
    number, unit = min(fitting, key=lambda pair: len(pair[0]) + len(pair[1]))
    return number + unit


def _decimal(value: Fraction, places: int) -> str:
    """A decimal without trailing zeros, marked with ``~`` where it is not the value itself."""
    ends = 10**_EXACT_PLACES % value.denominator == 0
    return _written(value.numerator, value.denominator, _EXACT_PLACES if ends else places)


def _written(top: int, bottom: int, places: int) -> str:
    """A quotient with so many places, rounded half-even, without trailing zeros; ``~`` where it is not the value."""
    scaled = _rounded(abs(top) * 10**places, bottom)
    whole, fraction = divmod(scaled, 10**places)
    tail = f".{fraction:0{places}d}".rstrip("0").rstrip(".") if places else ""
    mark = "" if scaled * bottom == abs(top) * 10**places else "~"
    sign = "-" if top < 0 and scaled else ""
    return f"{mark}{sign}{whole}{tail}"


def _rounded(top: int, bottom: int) -> int:
    """The whole number nearest to a quotient, of two the even one; ``bottom`` is above zero."""
    whole, rest = divmod(top, bottom)
    return whole + (2 * rest > bottom or (2 * rest == bottom and whole % 2 == 1))
