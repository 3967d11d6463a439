"""What an agreement declares, as written."""

from __future__ import annotations

from attrs import field, frozen

from wsla.diagnostics.source import Span
from wsla.syntax.surface.expressions import EachWindow, Expression, Quantity
from wsla.syntax.surface.services import Service
from wsla.syntax.surface.words import Text, Word, span_field

ArgumentValue = Word | Quantity | Text


@frozen(kw_only=True)
class Setting:
    """``kind internal``, ``currency EUR``, ``grace 10m``."""

    name: Word
    value: Word
    span: Span = span_field()


@frozen(kw_only=True)
class Effective:
    """``effective DATE until DATE in "Zone" for windows under way``; ``under_way`` are the three words at the end."""

    start: Word
    until: Word | None
    zone: Text | None
    under_way: tuple[Word, ...] = ()
    span: Span = span_field()


@frozen(kw_only=True)
class Unit:
    """``unit NAME "plural"``: something that is counted beside money."""

    name: Word
    plural: Text | None
    span: Span = span_field()


@frozen(kw_only=True)
class Channel:
    """A line of a party: name, kind (None where the name is the kind), address, signing secret."""

    name: Word
    kind: Word | None
    address: Text
    secret: Text | None
    span: Span = span_field()


@frozen(kw_only=True)
class Party:
    """``party NAME "Title" role … { channels }``; ``channels`` is None without braces."""

    name: Word
    title: Text | None
    roles: tuple[Word, ...]
    channels: tuple[Channel, ...] | None
    span: Span = span_field()


@frozen(kw_only=True)
class Weekdays:
    """``Monday`` or ``Monday-Friday``."""

    first: Word
    last: Word | None
    span: Span = span_field()


@frozen(kw_only=True)
class EveryDay:
    """``every day``."""

    unit: Word
    span: Span = span_field()


@frozen(kw_only=True)
class Dates:
    """``2026-12-24`` or ``2026-12-24 until 2026-12-31`` (both days included)."""

    first: Word
    last: Word | None
    span: Span = span_field()


@frozen(kw_only=True)
class Holidays:
    """``holidays "DE-BE"``."""

    country: Text
    span: Span = span_field()


Day = Weekdays | EveryDay | Dates | Holidays


@frozen(kw_only=True)
class ClockRange:
    """``09:00-17:00``."""

    start: Word
    end: Word
    span: Span = span_field()


@frozen(kw_only=True)
class Hours:
    """A line of a schedule; no clock ranges means whole days."""

    days: tuple[Day, ...]
    clock_ranges: tuple[ClockRange, ...]
    exceptions: tuple[Day, ...]
    span: Span = span_field()


@frozen(kw_only=True)
class Schedule:
    """``schedule NAME { hours }``."""

    name: Word
    hours: tuple[Hours, ...]
    span: Span = span_field()


@frozen(kw_only=True)
class Field:
    """A line of a source: a field and its column, or an option and its value. ``until`` marks ``holds until next``."""

    name: Word
    value: Word | Text
    until: bool
    unit: Word | None
    span: Span = span_field()


@frozen(kw_only=True)
class Source:
    """``source NAME = KIND "text" every 30s timeout 5s by PARTY { fields }``; ``fields`` is None without braces."""

    name: Word
    kinds: tuple[Word, ...]
    texts: tuple[Text, ...]
    every: Word | None
    timeout: Word | None
    measured_by: Word | None
    fields: tuple[Field, ...] | None
    span: Span = span_field()


@frozen(kw_only=True)
class Metric:
    """``metric NAME = EXPRESSION, or VALUE when idle``."""

    name: Word
    expression: Expression
    idle: Expression | None
    span: Span = span_field()


@frozen(kw_only=True)
class Target:
    """A party, or a channel of it."""

    party: Word
    channel: Word | None
    span: Span = span_field()


@frozen(kw_only=True)
class Tell:
    """``notify a, b.c "message"``; ``verb`` is ``notify``, ``escalate``, ``call``, ``ticket`` or ``publish``."""

    verb: Word
    targets: tuple[Target, ...]
    message: Text | None
    span: Span = span_field()


@frozen(kw_only=True)
class Blocks:
    """``per started 30m of VALUE``; ``rounding`` is ``started`` or ``completed``."""

    rounding: Word
    size: Quantity
    value: Expression
    span: Span = span_field()


@frozen(kw_only=True)
class Limit:
    """``at most AMOUNT`` or ``only above AMOUNT``; ``word`` is ``most`` or ``above``."""

    word: Word
    amount: Expression
    span: Span = span_field()


@frozen(kw_only=True)
class Claim:
    """``claimed within 30 days of window end``; ``words`` are ``within``, ``window`` and ``end``."""

    words: tuple[Word, Word, Word]
    length: Quantity
    span: Span = span_field()


@frozen(kw_only=True)
class Credit:
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


@frozen(kw_only=True)
class Grant:
    """``grant PARTY "right"``."""

    target: Target
    right: Text
    span: Span = span_field()


Action = Tell | Credit | Grant


@frozen(kw_only=True)
class Otherwise:
    """``otherwise ACTION`` or ``otherwise { actions }``."""

    actions: tuple[Action, ...]
    span: Span = span_field()


@frozen(kw_only=True)
class Rewarding:
    """``rewarding ACTION`` or ``rewarding { actions }``."""

    actions: tuple[Action, ...]
    span: Span = span_field()


@frozen(kw_only=True)
class UnknownTime:
    """``unknown time is excluded``; ``words`` are those after ``unknown``."""

    words: tuple[Word, ...]
    span: Span = span_field()


@frozen(kw_only=True)
class Coverage:
    """``coverage 95%``: the least share of a window that must be known."""

    minimum: Word
    span: Span = span_field()


@frozen(kw_only=True)
class Refund:
    """``refund 50% after 6 months met``, or ``refund 50% after 6 months with CONDITION``; ``word`` is ``met`` or
    ``with`` as it was written, ``length`` the number and the word behind it.
    """

    share: Word
    length: Quantity
    word: Word
    condition: Expression | None
    span: Span = span_field()


GoalItem = Otherwise | Rewarding | UnknownTime | Coverage | Refund


@frozen(kw_only=True)
class Goal:
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


@frozen(kw_only=True)
class AtOnce:
    """An action of a rule, carried out when it fires."""

    action: Action
    span: Span = span_field()


@frozen(kw_only=True)
class Repeat:
    """``repeat every 30m``."""

    every: Word
    span: Span = span_field()


@frozen(kw_only=True)
class After:
    """``after 2h: actions``."""

    delay: Word
    actions: tuple[Action, ...]
    span: Span = span_field()


@frozen(kw_only=True)
class Recovery:
    """``on recovery: actions``."""

    actions: tuple[Action, ...]
    span: Span = span_field()


RuleItem = AtOnce | Repeat | After | Recovery


@frozen(kw_only=True)
class Rule:
    """``when CONDITION for 3m { items }``."""

    condition: Expression
    holding_for: Word | None
    items: tuple[RuleItem, ...]
    span: Span = span_field()


@frozen(kw_only=True)
class Highest:
    """``the highest``, as a cap."""

    words: tuple[Word, Word]
    span: Span = span_field()


@frozen(kw_only=True)
class LastPeriods:
    """``over last 12 months``, of a cap."""

    count: Word
    unit: Word
    span: Span = span_field()


@frozen(kw_only=True)
class Cap:
    """``cap credits to PARTY at AMOUNT each month``, ``at the highest each month``, ``… over last 12 months``; ``what``
    is ``credits`` or ``rewards``."""

    what: Word
    party: Word
    amount: Expression | Highest
    window: EachWindow | LastPeriods
    span: Span = span_field()


@frozen(kw_only=True)
class Argument:
    """``NAME = VALUE`` of a use: a name, a quantity or a quoted text."""

    name: Word
    value: ArgumentValue
    span: Span = span_field()


@frozen(kw_only=True)
class Use:
    """``use TEMPLATE(NAME = VALUE, …)``."""

    template: Word
    arguments: tuple[Argument, ...]
    span: Span = span_field()


Declaration = (
    Use | Setting | Effective | Unit | Party | Service | Schedule | Source | Metric | Goal | Rule | Cap
)


@frozen(kw_only=True)
class Agreement:
    """``agreement "Title" version 3 amends 2 { declarations }``."""

    title: Text
    version: Word
    declarations: tuple[Declaration, ...]
    amends: Word | None = None
    span: Span = span_field()


@frozen(kw_only=True)
class Import:
    """``import "path.sla"``."""

    path: Text
    span: Span = span_field()


@frozen(kw_only=True)
class Parameter:
    """``NAME: KIND = DEFAULT`` of a template."""

    name: Word
    kind: Word
    default: ArgumentValue | None
    span: Span = span_field()


@frozen(kw_only=True)
class Template:
    """``template NAME(parameters) { declarations }``.

    ``body`` is what stands between the braces; ``holes`` are the places in it, in order, where a parameter stands.
    """

    name: Word
    parameters: tuple[Parameter, ...]
    declarations: tuple[Declaration, ...]
    body: Span = span_field()
    holes: tuple[Word, ...] = field(default=(), eq=False, repr=False)
    span: Span = span_field()
