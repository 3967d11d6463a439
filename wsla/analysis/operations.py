"""The operations that a checked agreement and its plan consist of: a flat list, each operation after its inputs.

Inputs are positions in that list. Numbers are exact: durations in nanoseconds, data in bytes, money in units of its
currency, shares and counts as plain numbers, instants in nanoseconds since the epoch.
"""

from __future__ import annotations

from fractions import Fraction

from attrs import field, frozen

from wsla.analysis.types import Shape, ValueType
from wsla.diagnostics.source import NOWHERE, Span
from wsla.values.calendars import CalendarWindow, ExactWindow, RollingWindow

Value = bool | int | Fraction | str | None
"""A value at run time; None is *unknown*."""

Window = CalendarWindow | ExactWindow | RollingWindow


@frozen(kw_only=True)
class Node:
    """What every operation has: its shape, the type of its values, and where it was written."""

    shape: Shape
    type: ValueType
    span: Span = field(default=NOWHERE, eq=False, repr=False)


@frozen(kw_only=True)
class Constant(Node):
    """A value that never changes."""

    value: Value


@frozen(kw_only=True)
class SourceField(Node):
    """A field of a source: a signal for samples, one value a record for records."""

    source: str
    field: str


@frozen(kw_only=True)
class Compare(Node):
    """``left operator right`` with one of ``<= < >= > == !=``."""

    operator: str
    left: int
    right: int


@frozen(kw_only=True)
class Logical(Node):
    """``and``, ``or``, ``implies`` by Kleene's three values."""

    operator: str
    left: int
    right: int


@frozen(kw_only=True)
class Negation(Node):
    """``not``."""

    operand: int


@frozen(kw_only=True)
class AtLeastDown(Node):
    """A signal: true where at least ``count`` of the conditions are false, false where fewer can be, else unknown."""

    conditions: tuple[int, ...]
    count: int


@frozen(kw_only=True)
class Arithmetic(Node):
    """``left operator right`` with one of ``+ - * /``, or ``started`` or ``completed``: how many blocks of the size
    ``right`` ``left`` has begun, or filled.
    """

    operator: str
    left: int
    right: int


@frozen(kw_only=True)
class Arm:
    """One line of a ``by`` table: where ``subject operator bound`` holds, ``value``."""

    operator: str
    bound: int
    value: int
    span: Span = field(default=NOWHERE, eq=False, repr=False)


@frozen(kw_only=True)
class Choice(Node):
    """A ``by`` table: the first arm that fits wins, else ``otherwise``; unknown where the subject is unknown, or where
    no arm fits and there is no ``otherwise``."""

    subject: int
    arms: tuple[Arm, ...]
    otherwise: int | None


@frozen(kw_only=True)
class TimeFilter:
    """Schedules that cut time: only time inside every one of ``during`` and outside each of ``excluding`` is kept."""

    during: tuple[str, ...] = ()
    excluding: tuple[str, ...] = ()


@frozen(kw_only=True)
class Elapsed(Node):
    """Records: kept time from one instant to another, minus time in which ``pausing`` was true for that record's
    key.
    """

    source: str
    start: int
    end: int
    filter: TimeFilter
    pausing: int | None


@frozen(kw_only=True)
class Aggregate(Node):
    """One value a window (a series): ``function`` of ``argument`` over a window of time.

    ``argument`` is None for ``count(source)``. ``where`` keeps the samples, records or windows for which it is true.
    ``parameter`` is the percentile's rank as a share. ``by`` names labels: one series a combination of their values.
    ``idle`` is the value of a window in which there was nothing to look at.
    """

    function: str
    source: str | None
    argument: int | None
    where: int | None
    parameter: Fraction | None
    window: Window
    filter: TimeFilter
    by: tuple[str, ...]
    idle: int | None = None


@frozen(kw_only=True)
class Idle(Node):
    """A series with another value, a scalar, in each window in which none of its aggregates had anything to look at."""

    operand: int
    value: int


@frozen(kw_only=True)
class Latest(Node):
    """A series as a signal: at every instant the value of the window that ended last."""

    operand: int


@frozen(kw_only=True)
class VerdictState(Node):
    """A signal: true while at least ``count`` of the goal's last ``of_last`` final verdicts are ``verdict``."""

    goal: str
    verdict: str
    count: int
    of_last: int


@frozen(kw_only=True)
class Sustained(Node):
    """A signal: true where ``condition`` has been true for ``length`` nanoseconds, false where it was false in them."""

    condition: int
    length: int


@frozen(kw_only=True)
class Debounced(Node):
    """A signal that takes a value once ``condition`` has had it for ``down`` (false) or ``up`` (true) nanoseconds."""

    condition: int
    down: int
    up: int


@frozen(kw_only=True)
class Limited(Node):
    """A signal: ``condition``, but false in each window once it has been true there for ``length`` nanoseconds."""

    condition: int
    length: int
    window: CalendarWindow | ExactWindow


@frozen(kw_only=True)
class Active(Node):
    """A signal: true from ``start`` until ``end`` of a record of ``source`` for which ``where`` is true."""

    source: str
    start: int
    end: int
    where: int | None


Stateful = Sustained | Debounced | Limited | Active
"""Signals whose value at an instant rests on what was before it."""

Operation = (
    Constant
    | SourceField
    | Compare
    | Logical
    | Negation
    | AtLeastDown
    | Arithmetic
    | Choice
    | Elapsed
    | Aggregate
    | Idle
    | Latest
    | VerdictState
    | Sustained
    | Debounced
    | Limited
    | Active
)
