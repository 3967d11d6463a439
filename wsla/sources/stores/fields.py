"""Columns of a table as the fields of a source, in the fixed point in which observations are kept."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from attrs import frozen

from wsla.analysis.checked import Field
from wsla.analysis.types import BooleanType, InstantType, NumberType, TextType
from wsla.evaluation.cells import LARGEST, LONGEST_TEXT
from wsla.sources.stores.dialects import Column, ColumnKind, Dialect, NotPushed
from wsla.values.quantities import DIMENSIONLESS

_NUMBERS: Final = (ColumnKind.WHOLE, ColumnKind.DECIMAL, ColumnKind.FLOAT)


@frozen
class Written:
    """A field's value, NULL where it is unknown, and when a row has one that fits (None: always)."""

    value: str
    fits: str | None = None


def field_of(dialect: Dialect, field: Field, name: str, column: Column, *, utc: bool) -> Written:
    """A column as a field. With ``utc``, times without a zone are those of UTC.

    Raises NotPushed where that would not be exact, or the column is of another kind.
    """
    expression = dialect.quoted(name)
    match field.type:
        case BooleanType():
            return _truth(dialect, name, expression, column)
        case TextType():
            return _text(dialect, name, expression, column)
        case InstantType():
            return _instant(dialect, field, name, expression, column, utc=utc)
        case NumberType():
            kind = field.type
            if not field.unit_stated and (kind.share or kind.dimension != DIMENSIONLESS):
                raise NotPushed(f"the agreement does not state the unit of `{name}`")
            return _number(dialect, field, name, expression, column)


def _truth(dialect: Dialect, name: str, expression: str, column: Column) -> Written:
    match column.kind:
        case ColumnKind.TRUTH:
            return Written(expression)
        case ColumnKind.WHOLE:
            value = f"CASE WHEN {expression} = 1 THEN TRUE WHEN {expression} = 0 THEN FALSE END"
            return Written(value, f"({expression} IS NULL OR {expression} IN (0, 1))")
        case ColumnKind.TEXT:
            word = f"lower(trim({expression}))"
            true, false = "('true', 'yes', '1')", "('false', 'no', '0')"
            value = f"CASE WHEN {word} IN {true} THEN TRUE WHEN {word} IN {false} THEN FALSE END"
            return Written(
                value, f"({expression} IS NULL OR {word} IN ('', 'true', 'yes', '1', 'false', 'no', '0'))"
            )
    raise NotPushed(f"the column `{name}` is {column.kind.value}, not true or false")


def _text(dialect: Dialect, name: str, expression: str, column: Column) -> Written:
    match column.kind:
        case ColumnKind.TEXT:
            return Written(
                f"NULLIF({expression}, '')",
                f"({expression} IS NULL OR {dialect.length(expression)} <= {LONGEST_TEXT})",
            )
        case ColumnKind.WHOLE:
            return Written(dialect.as_text(expression))
    raise NotPushed(f"the column `{name}` is {column.kind.value}, not text")


def _instant(
    dialect: Dialect, field: Field, name: str, expression: str, column: Column, *, utc: bool
) -> Written:
    if column.kind is ColumnKind.INSTANT or (column.kind is ColumnKind.LOCAL and utc):
        return Written(dialect.instant(expression, column))
    if column.kind is ColumnKind.LOCAL:
        raise NotPushed(f"the times in `{name}` have no zone: with `--zone UTC` they are those of UTC")
    if column.kind is ColumnKind.WHOLE and field.unit_stated:
        found = _number(dialect, field, name, expression, column)
        return Written(dialect.narrow(found.value), found.fits)
    raise NotPushed(f"the column `{name}` is {column.kind.value}, not a time with a zone")


def _number(dialect: Dialect, field: Field, name: str, expression: str, column: Column) -> Written:
    if column.kind not in _NUMBERS:
        raise NotPushed(f"the column `{name}` is {column.kind.value}, not a number")
    factor = field.unit_factor / (field.resolution if isinstance(field.type, NumberType) else Fraction(1))
    fits: list[str] = []
    if column.kind is ColumnKind.WHOLE:
        steps = dialect.wide(expression)
    else:
        steps, multiplied, exact = dialect.steps(expression, column)
        factor /= multiplied
        fits += [] if exact is None else [exact]
    value = steps if factor.numerator == 1 else f"({steps} * {dialect.whole(factor.numerator)})"
    if factor.denominator > 1 or (column.kind is not ColumnKind.WHOLE and dialect.name == "PostgreSQL"):
        if field.rounded:
            raise NotPushed(f"the numbers in `{name}` are to be rounded")
        fits.append(f"{dialect.remainder(value, factor.denominator)} = 0")
        value = dialect.quotient(value, factor.denominator)
    fits.append(f"{value} BETWEEN {dialect.whole(-LARGEST)} AND {dialect.whole(LARGEST)}")
    return Written(value, f"({expression} IS NULL OR ({' AND '.join(fits)}))")
