"""The operations that a checked agreement and its plan consist of: a flat list, each operation after its inputs.

Inputs are positions in that list. Numbers are exact: durations in nanoseconds, data in bytes, money in units of its
currency, shares and counts as plain numbers, instants in nanoseconds since the epoch.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from attrs import field, frozen

from wsla.analysis.types import Shape, ValueType
from wsla.diagnostics.source import NOWHERE, Span
from wsla.values.calendars import CalendarWindow, ExactWindow, OverlappingWindow, RollingWindow
from wsla.values.instants import DAY, Interval
from wsla.values.records import Record

Value = bool | int | Fraction | str | None
"""A value at run time; None is *unknown*."""

LONGEST_OUTAGE: Final = 366 * DAY
"""Nanoseconds after which the window of an outage ends, whether or not the outage does."""


@frozen(eq=False, repr=False)
class OutageWindow(Record):
    """One window for each outage of a condition, a signal: from where it is false until it is true again."""

    condition: int
    # The labels by which outages are told apart.
    by: tuple[str, ...] = ()

    @staticmethod
    def over_at(window: Interval, term_end: int | None) -> int:
        """The instant by which an outage that is over belongs to a day or month: that of its end, or, where nothing
        but the end of the term (or the longest length) ended it, the last one before.
        """
        cut = window.end == term_end or window.length == LONGEST_OUTAGE
        return window.end - 1 if cut else window.end


Window = CalendarWindow | ExactWindow | OutageWindow | OverlappingWindow | RollingWindow


@frozen(kw_only=True, eq=False, repr=False)
class Node(Record):
    """What every operation has: its shape, the type of its values, and where it was written."""

    shape: Shape
    type: ValueType
    span: Span = field(default=NOWHERE, eq=False, repr=False)


@frozen(kw_only=True, eq=False, repr=False)
class Constant(Node):
    """A value that never changes."""

    value: Value


@frozen(kw_only=True, eq=False, repr=False)
class SourceField(Node):
    """A field of a source: a signal for samples, one value a record for records."""

    source: str
    field: str


@frozen(kw_only=True, eq=False, repr=False)
class Compare(Node):
    """``left operator right`` with one of ``<= < >= > == !=``."""

    operator: str
    left: int
    right: int


@frozen(kw_only=True, eq=False, repr=False)
class Logical(Node):
    """``and``, ``or``, ``implies`` by Kleene's three values."""

    operator: str
    left: int
    right: int


@frozen(kw_only=True, eq=False, repr=False)
class Negation(Node):
    """``not``."""

    operand: int


@frozen(kw_only=True, eq=False, repr=False)
class AtLeastDown(Node):
    """A signal: true where at least ``count`` of the conditions are false, false where fewer can be, else unknown."""

    conditions: tuple[int, ...]
    count: int


@frozen(kw_only=True, eq=False, repr=False)
class Arithmetic(Node):
    """``left operator right`` with one of ``+ - * /``, or ``started`` or ``completed``: how many blocks of the size
    ``right`` ``left`` has begun, or filled; ``rounded``: the multiple of ``right`` that is nearest to ``left``.
    """

    operator: str
    left: int
    right: int


@frozen(kw_only=True, eq=False, repr=False)
class Arm(Record):
    """One line of a ``by`` table: where ``subject operator bound`` holds, ``value``."""

    operator: str
    bound: int
    value: int
    span: Span = field(default=NOWHERE, eq=False, repr=False)


@frozen(kw_only=True, eq=False, repr=False)
class Choice(Node):
    """A ``by`` table: the first arm that fits wins, else ``otherwise``; unknown where the subject is unknown, or where
    no arm fits and there is no ``otherwise``."""

    subject: int
    arms: tuple[Arm, ...]
    otherwise: int | None


@frozen(kw_only=True, eq=False, repr=False)
class TimeFilter(Record):
    """Schedules that cut time: only time inside every one of ``during`` and outside each of ``excluding`` is kept."""

    during: tuple[str, ...] = ()
    excluding: tuple[str, ...] = ()


@frozen(kw_only=True, eq=False, repr=False)
class Elapsed(Node):
    """Records: kept time from one instant to another, minus time in which ``pausing`` was true for that record's
    key.
    """

    source: str
    start: int
    end: int
    filter: TimeFilter
    pausing: int | None


@frozen(kw_only=True, eq=False, repr=False)
class Due(Elapsed):
    """Records: the instant at which as much time as the length ``end`` has been kept since ``start``; never paused.

    It is the inverse of ``Elapsed``, and has the same inputs.
    """


DUE_WITHIN = 3653 * DAY
"""Later than these ten years after its start nothing is due: a schedule may have no hours left."""


@frozen(kw_only=True, eq=False, repr=False)
class Forgiving(Record):
    """Outages that do not count: those shorter than ``length`` nanoseconds or, unless ``strictly``, just as long."""

    length: int
    strictly: bool

    def counts(self, length: int) -> bool:
        """True where an outage of that many nanoseconds counts."""
        return length >= self.length if self.strictly else length > self.length


@frozen(kw_only=True, eq=False, repr=False)
class Aggregate(Node):
    """One value a window (a series): ``function`` of ``argument`` over a window of time.

    ``argument`` is None for ``count(source)``. ``where`` keeps the samples, records or windows for which it is true, of
    functions over time the time in which it is. ``forgiving`` says which outages do not count. ``parameter`` is the
    percentile's rank as a share, or the step of a standard deviation. ``by`` names labels: one series a combination of
    their values. ``idle`` is the value of a window in which there was nothing to look at. ``within`` is the share of
    itself by which a percentile may be off; None for one that is exact.
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
    forgiving: Forgiving | None = None
    within: Fraction | None = None


@frozen(kw_only=True, eq=False, repr=False)
class Idle(Node):
    """A series with another value, a scalar, in each window in which none of its aggregates had anything to look at."""

    operand: int
    value: int


@frozen(kw_only=True, eq=False, repr=False)
class Previous(Node):
    """A series: in each window the value that the operand, a series, has in the window before."""

    operand: int


@frozen(kw_only=True, eq=False, repr=False)
class Latest(Node):
    """A series as a signal: at every instant the value of the window that ended last."""

    operand: int


@frozen(kw_only=True, eq=False, repr=False)
class Label(Node):
    """A series that has, in every window, the value of a label in the combination that is looked at."""

    label: str
    by: tuple[str, ...]


@frozen(kw_only=True, eq=False, repr=False)
class VerdictState(Node):
    """A signal: true while at least ``count`` of the goal's last ``of_last`` final verdicts are ``verdict``."""

    goal: str
    verdict: str
    count: int
    of_last: int


@frozen(kw_only=True, eq=False, repr=False)
class Across(Node):
    """A signal or a series told apart by labels, joined into one for each combination of the labels in ``by``.

    ``function`` is ``count``, ``sum``, ``min``, ``max``, ``mean`` or ``share``; ``where`` keeps the streams for which
    it is true. Where there is a ``limit``, a scalar, the signal is the truth of ``value operator limit``.
    """

    function: str
    operand: int
    where: int | None
    by: tuple[str, ...]
    operator: str | None = None
    limit: int | None = None


@frozen(kw_only=True, eq=False, repr=False)
class VerdictCount(Node):
    """How many verdicts of a goal were ``violated``: of the last ``of_last``, or where that is None, in a row.

    A signal that changes at final instants; as a series, in the amounts of the goal's own credits, the number up
    to and including the verdict of the window. ``by`` are the labels of the goal.
    """

    goal: str
    of_last: int | None
    by: tuple[str, ...]


@frozen(kw_only=True, eq=False, repr=False)
class Sustained(Node):
    """A signal: true where ``condition`` has been true for ``length`` nanoseconds, false where it was false in them."""

    condition: int
    length: int


@frozen(kw_only=True, eq=False, repr=False)
class Debounced(Node):
    """A signal that takes a value once ``condition`` has had it for ``down`` (false) or ``up`` (true) nanoseconds."""

    condition: int
    down: int
    up: int


@frozen(kw_only=True, eq=False, repr=False)
class Limited(Node):
    """A signal: ``condition``, but false in each window once it has been true there for ``length`` nanoseconds."""

    condition: int
    length: int
    window: CalendarWindow | ExactWindow


@frozen(kw_only=True, eq=False, repr=False)
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
    | Previous
    | Latest
    | Label
    | VerdictState
    | Across
    | VerdictCount
    | Sustained
    | Debounced
    | Limited
    | Active
)
