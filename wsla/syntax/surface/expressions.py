"""Formulas, as written."""

from __future__ import annotations

from attrs import frozen

from wsla.diagnostics.source import Span
from wsla.syntax.surface.words import Word, span_field
from wsla.values.records import Record


@frozen(kw_only=True, eq=False, repr=False)
class Quantity(Record):
    """A number with or without a unit, as written: ``99.9%``, ``30s``, ``500 EUR``, ``3``."""

    text: str
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class String(Record):
    """A quoted text as a value, or the name of a parameter that stands for one."""

    value: str
    parameter: bool = False
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Truth(Record):
    """``true`` or ``false``."""

    value: bool
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Moment(Record):
    """A date or a date with a time, as written."""

    text: str
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Reference(Record):
    """A name with parts after dots: ``probe.elapsed``."""

    parts: tuple[Word, ...]
    span: Span = span_field()

    @property
    def text(self) -> str:
        """The reference as written."""
        return ".".join(part.text for part in self.parts)


@frozen(kw_only=True, eq=False, repr=False)
class Across(Record):
    """``across label, label``."""

    labels: tuple[Word, ...]
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Forgiving(Record):
    """``forgiving outages under 5m``: ``words`` are all before the length."""

    words: tuple[Word, ...]
    length: Word
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Approximate(Record):
    """``approximate within 1%``: ``words`` are all before the error."""

    words: tuple[Word, ...]
    error: Word
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Call(Record):
    """``function(argument, … across label, … where condition, forgiving outages under 5m)``; in place of the last part
    there may be ``approximate within 1%``.
    """

    function: Word
    arguments: tuple[Expression, ...]
    where: Expression | None
    forgiving: Forgiving | None = None
    across: Across | None = None
    approximate: Approximate | None = None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Binary(Record):
    """``left operator right``; operators are ``implies or and <= < >= > == != + - * / of``."""

    operator: str
    left: Expression
    right: Expression
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Unary(Record):
    """``not operand`` or ``-operand``."""

    operator: str
    operand: Expression
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Parenthesised(Record):
    """An expression in parentheses, kept so that it prints as written."""

    inner: Expression
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class GoalState(Record):
    """``GOAL violated`` or ``GOAL violated in 3 of last 6 months``."""

    goal: Reference
    verdict: str
    count: Word | None
    of_last: Word | None
    unit: Word | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Arm(Record):
    """A line of a ``by`` table. ``operator`` is ``==`` for a plain value; ``bound`` is None for ``else``.

    ``second`` is the other comparison of a line with two: ``> 99% and <= 99.9%: …``.
    """

    operator: str
    bound: Expression | None
    value: Expression
    second: Comparison | None = None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Comparison(Record):
    """A comparison of a table's line, without its left side: ``<= 99.9%``."""

    operator: str
    bound: Expression


@frozen(kw_only=True, eq=False, repr=False)
class Ties(Record):
    """``ties go to PARTY``."""

    party: Word
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Table(Record):
    """``by subject { arms  ties go to PARTY }``."""

    subject: Expression
    arms: tuple[Arm, ...]
    ties: Ties | None = None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Key(Record):
    """The head of a column or row of a table with two keys; as an ``Arm`` without its value."""

    operator: str
    bound: Expression | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class MatrixRow(Record):
    """A row of a table with two keys: its head, and a value for each column."""

    key: Key
    cells: tuple[Expression, ...]
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Matrix(Record):
    """``by first, second { columns rows }``: the first subject chooses the row, the second the column."""

    first: Expression
    second: Expression
    columns: tuple[Key, ...]
    rows: tuple[MatrixRow, ...]
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class NotApplicable(Record):
    """``not applicable`` as the value of a table's line."""

    word: Word
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class EachWindow(Record):
    """``each month``, ``each 5m``, ``each month starting 15th``, ``each year starting April 6th``."""

    period: Word
    starting: Word | None
    month: Word | None = None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class RollingWindow(Record):
    """``over last 1h every 1m``."""

    length: Word
    every: Word | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class OverlappingWindow(Record):
    """``over last 2 months``."""

    count: Word
    unit: Word
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class PerOutage(Record):
    """``per outage of CONDITION``, or ``per outage`` of the condition that the function itself looks at."""

    word: Word
    condition: Expression | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class During(Record):
    """``during SCHEDULE``."""

    schedule: Word
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Excluding(Record):
    """``excluding SCHEDULE``."""

    schedule: Word
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Pausing(Record):
    """``pausing while CONDITION``."""

    condition: Expression
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class ByLabel(Record):
    """``by LABEL`` after an aggregate."""

    label: Word
    span: Span = span_field()


Modifier = EachWindow | RollingWindow | OverlappingWindow | PerOutage | During | Excluding | Pausing | ByLabel


@frozen(kw_only=True, eq=False, repr=False)
class Windowed(Record):
    """An expression with windows, filters and labels."""

    operand: Expression
    modifiers: tuple[Modifier, ...]
    span: Span = span_field()


Expression = (
    Quantity
    | String
    | Truth
    | Moment
    | Reference
    | Call
    | Binary
    | Unary
    | Parenthesised
    | GoalState
    | Table
    | Matrix
    | NotApplicable
    | Windowed
)
