"""Shapes and types of expressions: what a formula is over time, and what its values are."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from wsla.values.quantities import DIMENSIONLESS, Dimension


class Shape(Enum):
    """What an expression is: one value; a value at every instant; a value a record; a value a window."""

    SCALAR = "scalar"
    SIGNAL = "signal"
    RECORDS = "records"
    SERIES = "series"


@frozen
class NumberType:
    """A number with a dimension. ``share`` marks a ratio of like things, written as a percentage."""

    dimension: Dimension = DIMENSIONLESS
    share: bool = False


@frozen
class BooleanType:
    """True, false or unknown."""


@frozen
class TextType:
    """A word or label, compared for equality only."""


@frozen
class InstantType:
    """A point in time."""


ValueType = NumberType | BooleanType | TextType | InstantType
