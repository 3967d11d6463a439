"""What an agreement declares, as written."""

from __future__ import annotations

from attrs import field, frozen

from wsla.diagnostics.source import Span
from wsla.syntax.surface.expressions import EachWindow, Expression, Quantity
from wsla.syntax.surface.services import Service
from wsla.syntax.surface.words import Text, Word, span_field
from wsla.values.records import Record

ArgumentValue = Word | Quantity | Text


@frozen(kw_only=True, eq=False, repr=False)
class Setting(Record):
    """``kind internal``, ``currency EUR``, ``grace 10m``."""

    name: Word
    value: Word
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Effective(Record):
    """``effective DATE until DATE in "Zone" for windows under way``; ``under_way`` are the three words at the end."""

    start: Word
    until: Word | None
    zone: Text | None
    under_way: tuple[Word, ...] = ()
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Unit(Record):
    """``unit NAME "plural"``: something that is counted beside money."""

    name: Word
    plural: Text | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Channel(Record):
    """A line of a party: name, kind (None where the name is the kind), address, signing secret."""

    name: Word
    kind: Word | None
    address: Text
    secret: Text | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Party(Record):
    """``party NAME "Title" role … { channels }``; ``channels`` is None without braces."""

    name: Word
    title: Text | None
    roles: tuple[Word, ...]
    channels: tuple[Channel, ...] | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Weekdays(Record):
    """``Monday`` or ``Monday-Friday``."""

    first: Word
    last: Word | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class EveryDay(Record):
    """``every day``."""

    unit: Word
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Dates(Record):
    """``2026-12-24`` or ``2026-12-24 until 2026-12-31`` (both days included)."""

    first: Word
    last: Word | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Holidays(Record):
    """``holidays "DE-BE"``."""

    country: Text
    span: Span = span_field()


Day = Weekdays | EveryDay | Dates | Holidays


@frozen(kw_only=True, eq=False, repr=False)
class ClockRange(Record):
    """``09:00-17:00``."""

    start: Word
    end: Word
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Hours(Record):
    """A line of a schedule; no clock ranges means whole days."""

    days: tuple[Day, ...]
    clock_ranges: tuple[ClockRange, ...]
    exceptions: tuple[Day, ...]
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Schedule(Record):
    """``schedule NAME { hours }``."""

    name: Word
    hours: tuple[Hours, ...]
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Field(Record):
    """A line of a source: a field and its column, or an option and its value. ``until`` marks ``holds until next``."""

    name: Word
    value: Word | Text
    until: bool
    unit: Word | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Source(Record):
    """``source NAME = KIND "text" every 30s timeout 5s by PARTY { fields }``; ``fields`` is None without braces."""

    name: Word
    kinds: tuple[Word, ...]
    texts: tuple[Text, ...]
    every: Word | None
    timeout: Word | None
    measured_by: Word | None
    fields: tuple[Field, ...] | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Metric(Record):
    """``metric NAME = EXPRESSION, or VALUE when idle``."""

    name: Word
    expression: Expression
    idle: Expression | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Target(Record):
    """A party, or a channel of it."""

    party: Word
    channel: Word | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Tell(Record):
    """``notify a, b.c "message"``; ``verb`` is ``notify``, ``escalate``, ``call``, ``ticket`` or ``publish``."""

    verb: Word
    targets: tuple[Target, ...]
    message: Text | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Blocks(Record):
    """``per started 30m of VALUE``; ``rounding`` is ``started`` or ``completed``."""

    rounding: Word
    size: Quantity
    value: Expression
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Limit(Record):
    """``at most AMOUNT`` or ``only above AMOUNT``; ``word`` is ``most`` or ``above``."""

    word: Word
    amount: Expression
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Claim(Record):
    """``claimed within 30 days of window end``; ``words`` are ``within``, ``window`` and ``end``."""

    words: tuple[Word, Word, Word]
    length: Quantity
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Credit(Record):
    """``credit PARTY AMOUNT per started 30m of VALUE for LENGTH from PARTY at most AMOUNT only above AMOUNT``."""

    target: Target
    amount: Expression
    debtor: Word | None
    blocks: Blocks | None = None
    length: Expression | None = None
    ceiling: Limit | None = None
    floor: Limit | None = None
    claim: Claim | None = None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Grant(Record):
    """``grant PARTY "right"``."""

    target: Target
    right: Text
    span: Span = span_field()


Action = Tell | Credit | Grant


@frozen(kw_only=True, eq=False, repr=False)
class Otherwise(Record):
    """``otherwise ACTION`` or ``otherwise { actions }``."""

    actions: tuple[Action, ...]
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Rewarding(Record):
    """``rewarding ACTION`` or ``rewarding { actions }``."""

    actions: tuple[Action, ...]
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class UnknownTime(Record):
    """``unknown time is excluded``; ``words`` are those after ``unknown``."""

    words: tuple[Word, ...]
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Coverage(Record):
    """``coverage 95%``: the least share of a window that must be known."""

    minimum: Word
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Refund(Record):
    """``refund 50% after 6 months met``, or ``refund 50% after 6 months with CONDITION``; ``word`` is ``met`` or
    ``with`` as it was written, ``length`` the number and the word behind it.
    """

    share: Word
    length: Quantity
    word: Word
    condition: Expression | None
    span: Span = span_field()


GoalItem = Otherwise | Rewarding | UnknownTime | Coverage | Refund


@frozen(kw_only=True, eq=False, repr=False)
class Goal(Record):
    """``goal NAME for SERVICE: PARTY guarantees CONDITION provided CONDITION { items }``; ``items`` is None without
    braces.
    """

    name: Word
    party: Word
    condition: Expression
    provided: Expression | None
    items: tuple[GoalItem, ...] | None
    service: Word | None = None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class AtOnce(Record):
    """An action of a rule, carried out when it fires."""

    action: Action
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Repeat(Record):
    """``repeat every 30m``."""

    every: Word
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class After(Record):
    """``after 2h: actions``."""

    delay: Word
    actions: tuple[Action, ...]
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Recovery(Record):
    """``on recovery: actions``."""

    actions: tuple[Action, ...]
    span: Span = span_field()


RuleItem = AtOnce | Repeat | After | Recovery


@frozen(kw_only=True, eq=False, repr=False)
class Often(Record):
    """``at most 3 each 1h``; ``word`` is ``most``."""

    word: Word
    count: Word
    length: Word
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Rule(Record):
    """``when CONDITION for 3m at most 3 each 1h { items }``."""

    condition: Expression
    holding_for: Word | None
    items: tuple[RuleItem, ...]
    often: Often | None = None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Recurring(Record):
    """``publish report to PARTY each month after 2d at 9:00``, ``call review with PARTY each quarter after 10d at 10:00
    for 1h "Title"``; ``verb``, ``what`` and ``among`` are the first three words."""

    verb: Word
    what: Word
    among: Word
    targets: tuple[Target, ...]
    window: EachWindow
    after: Word | None
    at: Word | None
    length: Word | None
    title: Text | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Highest(Record):
    """``the highest``, as a cap."""

    words: tuple[Word, Word]
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class LastPeriods(Record):
    """``over last 12 months``, of a cap."""

    count: Word
    unit: Word
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Cap(Record):
    """``cap credits to PARTY at AMOUNT each month``, ``at the highest each month``, ``… over last 12 months``; ``what``
    is ``credits`` or ``rewards``."""

    what: Word
    party: Word
    amount: Expression | Highest
    window: EachWindow | LastPeriods
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Argument(Record):
    """``NAME = VALUE`` of a use: a name, a quantity or a quoted text."""

    name: Word
    value: ArgumentValue
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Use(Record):
    """``use TEMPLATE(NAME = VALUE, …)``."""

    template: Word
    arguments: tuple[Argument, ...]
    span: Span = span_field()


Declaration = (
    Use
    | Setting
    | Effective
    | Unit
    | Party
    | Service
    | Schedule
    | Source
    | Metric
    | Goal
    | Rule
    | Cap
    | Recurring
)


@frozen(kw_only=True, eq=False, repr=False)
class Agreement(Record):
    """``agreement "Title" version 3 amends 2 { declarations }``."""

    title: Text
    version: Word
    declarations: tuple[Declaration, ...]
    amends: Word | None = None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Import(Record):
    """``import "path.sla"``."""

    path: Text
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Parameter(Record):
    """``NAME: KIND = DEFAULT`` of a template."""

    name: Word
    kind: Word
    default: ArgumentValue | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Template(Record):
    """``template NAME(parameters) { declarations }``.

    ``body`` is what stands between the braces; ``holes`` are the places in it, in order, where a parameter stands.
    """

    name: Word
    parameters: tuple[Parameter, ...]
    declarations: tuple[Declaration, ...]
    body: Span = span_field()
    holes: tuple[Word, ...] = field(default=(), eq=False, repr=False)
    span: Span = span_field()
