"""Shapes and types of expressions: what a formula is over time, and what its values are."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from wsla.values.quantities import DIMENSIONLESS, Dimension
from wsla.values.records import Record


class Shape(Enum):
    """What an expression is: one value; a value at every instant; a value a record; a value a window."""

    SCALAR = "scalar"
    SIGNAL = "signal"
    RECORDS = "records"
    SERIES = "series"


@frozen(eq=False, repr=False)
class NumberType(Record):
    """A number with a dimension. ``share`` marks a ratio of like things, written as a percentage."""

    dimension: Dimension = DIMENSIONLESS
    share: bool = False


@frozen(eq=False, repr=False)
class BooleanType(Record):
    """True, false or unknown."""


@frozen(eq=False, repr=False)
class TextType(Record):
    """A word or label, compared for equality only."""


@frozen(eq=False, repr=False)
class InstantType(Record):
    """A point in time."""


ValueType = NumberType | BooleanType | TextType | InstantType
