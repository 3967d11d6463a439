"""The checked agreement: names resolved, every default explicit, types and units known.

The declarations here are what the plan consists of too; the plan leaves out what only the reader of the text needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from fractions import Fraction

from attrs import field, frozen

from wsla.analysis.operations import Operation, Window
from wsla.analysis.services import Assumption, Need, Origin
from wsla.analysis.types import ValueType
from wsla.diagnostics.source import NOWHERE, Span
from wsla.values.calendars import CalendarUnit, CalendarWindow
from wsla.values.instants import Interval
from wsla.values.observations import Raw
from wsla.values.records import Record
from wsla.values.schedules import Schedule


@frozen(kw_only=True, eq=False, repr=False)
class Secret(Record):
    """A value that the deployment supplies: the name of an environment variable."""

    variable: str


Text = str | Secret


@frozen(kw_only=True, eq=False, repr=False)
class Channel(Record):
    """How a party is reached: a name within the party, a kind (``email``, ``webhook`` …), an address, a signing
    secret.
    """

    name: str
    kind: str
    address: Text
    secret: Text | None = None


@frozen(kw_only=True, eq=False, repr=False)
class Party(Record):
    """Someone named in the agreement; ``roles`` as in WSLA: provider and consumer sign, the others support."""

    name: str
    title: str
    roles: tuple[str, ...]
    channels: tuple[Channel, ...]


@frozen(kw_only=True, eq=False, repr=False)
class Service(Record):
    """What is delivered. ``fee`` is in units of the currency, for each ``fee_period`` (``month`` …).

    At most one of ``needs``, ``origin`` and ``assumed`` says what it stands on.
    """

    name: str
    title: str
    fee: Fraction | None
    fee_currency: str | None
    fee_period: str | None
    needs: Need | None = None
    origin: Origin | None = None
    assumed: Assumption | None = None


@frozen(kw_only=True, eq=False, repr=False)
class Field(Record):
    """A field of a source: its column in the data, its type, and how a bare number there is read.

    ``unit_factor`` turns a bare number of the column into the base unit of its type (1/1000 s is 1_000_000 ns).
    ``resolution`` is the fixed-point step of a stored number in its base unit: 1 for lengths, instants, money's
    and other numbers' default is a millionth. A number that is no multiple of it is refused,
    or where ``rounded`` taken as the nearest one (half to even).
    """

    name: str
    column: str
    type: ValueType
    unit_factor: Fraction = Fraction(1)
    unit_stated: bool = False
    resolution: Fraction = Fraction(1, 1_000_000)
    rounded: bool = False


@frozen(kw_only=True, eq=False, repr=False)
class Source(Record):
    """Where observations come from.

    ``records`` tells rows with a key from samples of a signal. ``kind`` is ``http``, ``csv``, ``jsonl``, ``parquet``,
    ``push`` …; ``options`` hold what that kind needs (``url``, ``path``, ``expect`` …). ``every``, ``timeout`` and
    ``staleness`` are nanoseconds; a staleness of None lets a sample hold until the next one.
    ``labels`` name the text fields that tell one stream of the source from another.
    ``at``, ``updated`` and ``key`` name fields: the instant at which a row counts, the instant from which its values
    hold, and what makes two rows versions of one record.
    """

    name: str
    records: bool
    kind: str
    options: Mapping[str, Text | int | bool]
    fields: tuple[Field, ...]
    every: int | None = None
    timeout: int | None = None
    staleness: int | None = None
    measured_by: str | None = None
    labels: tuple[str, ...] = ()
    at: str = "at"
    updated: str | None = None
    key: str | None = None
    span: Span = field(default=NOWHERE, eq=False, repr=False)


class UnknownTime(Enum):
    """What a goal says of time that was not observed."""

    EXCLUDED = "is excluded"
    MET = "counts as met"
    MISSED = "counts as missed"
    UNKNOWN = "is unknown"


@frozen(kw_only=True, eq=False, repr=False)
class Target(Record):
    """A party, or one channel of it."""

    party: str
    channel: str | None = None

    def __str__(self) -> str:
        return self.party if self.channel is None else f"{self.party}.{self.channel}"


@frozen(kw_only=True, eq=False, repr=False)
class Notify(Record):
    """Tell somebody. ``verb`` is ``notify``, ``escalate``, ``call``, ``ticket`` or ``publish``."""

    verb: str
    targets: tuple[Target, ...]
    message: str | None = None


@frozen(kw_only=True, eq=False, repr=False)
class PartOfFee(Record):
    """What an amount is divided by: the period of the fee that contains the start of the window judged.

    Its length in nanoseconds, or where ``in_days`` the number of its days.
    """

    period: CalendarWindow
    in_days: bool


@frozen(kw_only=True, eq=False, repr=False)
class Claim(Record):
    """Until when a credit must be claimed: so many days or other calendar units after the judged window's last day."""

    unit: CalendarUnit
    count: int


@frozen(kw_only=True, eq=False, repr=False)
class Credit(Record):
    """Owe a party an amount: an operation of one money value (a scalar, or a series over the goal's window).

    ``at_most`` and ``only_above`` are operations of the same kind: the most that is owed, and what the
    rounded amount must be greater than to be owed at all. Where there is a ``part``, ``amount`` is a fee times a length
    or a number of days, and what is owed is that divided by the fee's period.
    """

    creditor: str
    debtor: str
    amount: int
    part: PartOfFee | None = None
    at_most: int | None = None
    only_above: int | None = None
    claim: Claim | None = None

    @property
    def operations(self) -> tuple[int, ...]:
        """The operations that tell what is owed: the amount and its limits."""
        found = (self.amount, self.at_most, self.only_above)
        return tuple(operation for operation in found if operation is not None)


@frozen(kw_only=True, eq=False, repr=False)
class Grant(Record):
    """Give a party a right, and tell it so."""

    party: str
    right: str


Action = Notify | Credit | Grant


@frozen(kw_only=True, eq=False, repr=False)
class Budget(Record):
    """What a goal may lose in a window: ``aggregate`` is the operation compared with ``target`` by ``>=`` or ``>``.

    ``time`` tells a budget of nanoseconds from one of items.
    """

    aggregate: int
    target: Fraction
    time: bool


@frozen(kw_only=True, eq=False, repr=False)
class Refund(Record):
    """A share of what a credit came to is booked back once the ``count`` windows that follow the credited one are all
    *met*, or where there is a ``condition`` (a boolean series over the goal's window) once it is true in all of them.
    """

    share: Fraction
    count: int
    condition: int | None = None


@frozen(kw_only=True, eq=False, repr=False)
class Goal(Record):
    """An obligation of one party that is judged in every window.

    ``condition`` and ``provided`` are operations of boolean series over ``window``; ``value`` is the series that is
    shown as the measured value. ``text`` is the condition as it was written. ``service`` is the one that the goal says
    it is about.
    """

    name: str
    party: str
    condition: int
    value: int
    provided: int | None
    window: Window
    by: tuple[str, ...]
    unknown_time: UnknownTime = UnknownTime.EXCLUDED
    minimum_coverage: Fraction = Fraction(9, 10)
    budget: Budget | None = None
    otherwise: tuple[Action, ...] = ()
    rewarding: tuple[Action, ...] = ()
    refunds: tuple[Refund, ...] = ()
    service: str | None = None
    text: str = ""
    span: Span = field(default=NOWHERE, eq=False, repr=False)


@frozen(kw_only=True, eq=False, repr=False)
class Step(Record):
    """Actions that follow ``delay`` nanoseconds after a rule fired, if its condition still holds."""

    delay: int
    actions: tuple[Action, ...]


@frozen(kw_only=True, eq=False, repr=False)
class Often(Record):
    """At most ``count`` episodes are told in any stretch of ``length`` nanoseconds."""

    count: int
    length: int


@frozen(kw_only=True, eq=False, repr=False)
class Rule(Record):
    """``when CONDITION for D at most N each L``: ``trigger`` is an operation of a boolean signal; lengths are
    nanoseconds."""

    name: str
    trigger: int
    by: tuple[str, ...]
    holding_for: int
    actions: tuple[Action, ...]
    repeat_every: int | None = None
    steps: tuple[Step, ...] = ()
    on_recovery: tuple[Action, ...] = ()
    often: Often | None = None
    text: str = ""
    span: Span = field(default=NOWHERE, eq=False, repr=False)


@frozen(kw_only=True, eq=False, repr=False)
class Cap(Record):
    """A ceiling on what a party is credited in each window: ``amount`` is an operation of one scalar money value.

    Where it is None, only the highest credit of each window stands. Above 1, ``last`` calendar windows in a row are
    held together. With ``rewards`` it holds rewards, and nothing else.
    """

    name: str
    creditor: str
    amount: int | None
    window: Window
    last: int = 1
    rewards: bool = False
    span: Span = field(default=NOWHERE, eq=False, repr=False)


class RecurringKind(Enum):
    """What happens by the calendar; the value is the word that agreements use."""

    REPORT = "report"
    REVIEW = "review"


@frozen(kw_only=True, eq=False, repr=False)
class Recurring(Record):
    """A report that goes out, or a review to which people are called, once for each window of the calendar.

    It falls on the day ``days`` after the first one behind the window, at ``at`` (nanoseconds since midnight; None is
    its very start). ``length`` is that of a review, in nanoseconds.
    """

    name: str
    kind: RecurringKind
    targets: tuple[Target, ...]
    window: CalendarWindow
    days: int = 0
    at: int | None = None
    length: int = 0
    title: str = ""
    span: Span = field(default=NOWHERE, eq=False, repr=False)


# --- examples


@frozen(kw_only=True, eq=False, repr=False)
class GivenData(Record):
    """Observations that a test makes up: ``values`` of a source's fields as they are stored.

    With ``every`` (nanoseconds) one observation each from ``start`` until ``until``; without it, one at ``start``.
    A missing bound is that of everything the test asks about.
    """

    source: str
    values: tuple[tuple[str, Raw], ...]
    every: int | None
    start: int | None
    until: int | None
    span: Span = field(default=NOWHERE, eq=False, repr=False)


@frozen(kw_only=True, eq=False, repr=False)
class ExpectVerdict(Record):
    """A goal's verdict in every window inside ``occasion``; ``labels`` narrow it to one combination."""

    goal: str
    verdict: str
    occasion: Interval | None
    labels: tuple[tuple[str, str], ...]
    span: Span = field(default=NOWHERE, eq=False, repr=False)


@frozen(kw_only=True, eq=False, repr=False)
class ExpectValue(Record):
    """A metric's value in every window inside ``occasion``, compared with a constant."""

    metric: str
    operator: str
    value: Fraction | bool | str
    occasion: Interval | None
    labels: tuple[tuple[str, str], ...]
    span: Span = field(default=NOWHERE, eq=False, repr=False)


@frozen(kw_only=True, eq=False, repr=False)
class ExpectCredit(Record):
    """What a party is credited in all, caps included, for windows that start in ``occasion``. ``amount`` is None
    for any; ``unit`` is its currency, or a unit of the agreement's own. With ``claimed`` what must be claimed counts
    as long as a claim at that instant is in time. ``refund`` asks for what it earns back, and nothing else.
    """

    negated: bool
    party: str
    amount: Fraction | None
    occasion: Interval | None
    unit: str | None = None
    claimed: int | None = None
    refund: bool = False
    span: Span = field(default=NOWHERE, eq=False, repr=False)


@frozen(kw_only=True, eq=False, repr=False)
class ExpectAction(Record):
    """That an action of this verb is due for a target in ``occasion``."""

    negated: bool
    verb: str
    target: Target
    text: str | None
    occasion: Interval | None
    span: Span = field(default=NOWHERE, eq=False, repr=False)


Expectation = ExpectVerdict | ExpectValue | ExpectCredit | ExpectAction


@frozen(kw_only=True, eq=False, repr=False)
class Example(Record):
    """A ``test`` block."""

    title: str
    given: tuple[GivenData, ...]
    expectations: tuple[Expectation, ...]
    span: Span = field(default=NOWHERE, eq=False, repr=False)


@frozen(kw_only=True, eq=False, repr=False)
class CheckedAgreement(Record):
    """An agreement without errors. ``effective_end`` is None for an open term; ``grace`` is nanoseconds.

    ``metrics`` names the operation of each metric. ``amends`` is the number of the version that this one follows, and
    ``takes_over`` True where it judges the windows that are under way when it takes effect.
    """

    title: str
    version: int
    kind: str
    zone: str
    currency: str | None
    effective_start: int
    effective_end: int | None
    grace: int
    parties: tuple[Party, ...]
    services: tuple[Service, ...]
    schedules: tuple[Schedule, ...]
    sources: tuple[Source, ...]
    operations: tuple[Operation, ...]
    metrics: Mapping[str, int]
    goals: tuple[Goal, ...]
    rules: tuple[Rule, ...]
    caps: tuple[Cap, ...]
    recurring: tuple[Recurring, ...] = ()
    examples: tuple[Example, ...] = ()
    amends: int | None = None
    takes_over: bool = False
