"""Times that are counts since 1970 without a word about their unit: taken where they can mean one thing only."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from attrs import evolve

from wsla.analysis.checked import Field
from wsla.analysis.types import InstantType
from wsla.evaluation.cells import EncodingError, encoder
from wsla.values.instants import parse_instant
from wsla.values.observations import Raw

TIME_UNITS: Final[Mapping[str, int]] = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
"""Nanoseconds in the units in which times are counted."""

FIRST: Final = parse_instant("1990-01-01T00:00:00Z")
LAST: Final = parse_instant("2100-01-01T00:00:00Z")
"""Between these instants the counts in different units are different numbers."""

_UNCLEAR: Final = (
    "is a number that could count s, ms, us or ns: state the unit in the agreement, or with `--time-unit`"
)


def unit_of(number: float | Decimal) -> str | None:
    """The one unit in which a count lies in the years 1990 to 2099; None where there is none."""
    for unit, nanoseconds in TIME_UNITS.items():
        if FIRST <= number * nanoseconds < LAST:
            return unit
    return None


def counted_in(field: Field, unit: str) -> Field:
    """A field of times whose numbers count this unit."""
    from fractions import Fraction

    return evolve(field, unit_stated=True, unit_factor=Fraction(TIME_UNITS[unit]))


def has_open_unit(field: Field) -> bool:
    """True for times of which nobody said what their numbers count."""
    return isinstance(field.type, InstantType) and not field.unit_stated


class Epochs:
    """Encodes the cells of such a field. Its first number says what all of them count, unless ``unit`` does."""

    def __init__(self, field: Field, zone: ZoneInfo | None, unit: str | None = None) -> None:
        self._field: Final = field
        self._zone: Final = zone
        self._written: Final = encoder(field, zone)
        self._unit = unit
        self._counted: Final = {unit: encoder(counted_in(field, unit), zone) for unit in TIME_UNITS}

    def __call__(self, value: object) -> Raw:
        """The instant. Raises EncodingError for what is no time, and for a count that does not go with the others."""
        try:
            return self._written(value)
        except EncodingError:
            number = _number(value)
            if number is None:
                raise
        if self._unit is None:
            self._unit = unit_of(number)
        if self._unit is None or unit_of(number) != self._unit:
            raise EncodingError(_UNCLEAR, value)
        return self._counted[self._unit](value)


def _number(value: object) -> Decimal | None:
    """A plain number, also one that is written; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    text = value.strip() if isinstance(value, str) else str(value)
    if not text.isascii() or len(text) > 40 or not text.replace(".", "", 1).removeprefix("-").isdigit():
        return None
    return Decimal(text)
