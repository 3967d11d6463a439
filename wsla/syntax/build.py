"""From the parser's tree to the surface tree. Method names are the grammar's rule names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve
from lark import Token, v_args
from lark.tree import Meta
from lark.visitors import Transformer_NonRecursive

from wsla.diagnostics.source import Span
from wsla.syntax import surface

_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


def unquote(lexeme: str) -> str:
    """The value of a quoted text: without quotes, with escapes undone; an unknown escape stands for its character."""
    inner = lexeme[1:-1]
    if "\\" not in inner:
        return inner
    parts: list[str] = []
    characters = iter(inner)
    for character in characters:
        if character == "\\":
            following = next(characters, "")
            parts.append(_ESCAPES.get(following, following))
        else:
            parts.append(character)
    return "".join(parts)


def span_of(meta: Meta) -> Span:
    """The span of a rule's match; an empty match has no place."""
    return Span(0, 0) if meta.empty else Span(meta.start_pos, meta.end_pos)


def token_span(token: Token) -> Span:
    """The span of a token."""
    start = token.start_pos or 0
    return Span(start, start + len(token))


def to_word(token: Token) -> surface.Word:
    """A token as a word."""
    return surface.Word(text=str(token), span=token_span(token))


def maybe_word(token: Token | None) -> surface.Word | None:
    """A token as a word, if there is one."""
    return None if token is None else to_word(token)


def to_text(token: Token) -> surface.Text:
    """A quoted token as a text."""
    return surface.Text(value=unquote(token), environment=False, span=token_span(token))


def maybe_text(token: Token | None) -> surface.Text | None:
    """A quoted token as a text, if there is one."""
    return None if token is None else to_text(token)


def _binary(operator: str) -> Callable[..., surface.Binary]:
    def build(
        _: SurfaceBuilder, meta: Meta, left: surface.Expression, right: surface.Expression
    ) -> surface.Binary:
        return surface.Binary(operator=operator, left=left, right=right, span=span_of(meta))

    return build


def _items(_: SurfaceBuilder, __: Meta, *items: Any) -> tuple[Any, ...]:
    return tuple(item for item in items if item is not None)


def _first(_: SurfaceBuilder, __: Meta, item: Any = None) -> Any:
    return item


@v_args(inline=True, meta=True)
class SurfaceBuilder(Transformer_NonRecursive[Token, Any]):
    """Builds surface nodes; not recursive, so that deep nesting cannot exhaust the stack."""

    document = declarations = _items
    roles = texts = source_options = channels = fields = kinds = _items
    days = clock_ranges = exceptions = targets = actions = given_options = label_filter = _items
    provided = idle = where = _items

    # --- heads

    def header(self, meta: Meta, title: Token, version: Token) -> tuple[surface.Text, surface.Word, Span]:
        return to_text(title), to_word(version), span_of(meta)

    def agreement(
        self, meta: Meta, header: tuple[surface.Text, surface.Word, Span], *declarations: Any
    ) -> Any:
        title, version, _ = header
        return surface.Agreement(title=title, version=version, declarations=declarations, span=span_of(meta))

    def setting(self, meta: Meta, name: Token, value: Token | surface.Word) -> surface.Setting:
        return surface.Setting(name=to_word(name), value=_as_word(value), span=span_of(meta))

    def date(self, _: Meta, token: Token) -> surface.Word:
        return to_word(token)

    def effective(
        self, meta: Meta, start: surface.Word, until: surface.Word | None, zone: Token | None
    ) -> surface.Effective:
        return surface.Effective(start=start, until=until, zone=maybe_text(zone), span=span_of(meta))

    # --- parties, services, schedules, sources

    def party(
        self, meta: Meta, name: Token, title: Token | None, roles: tuple[Token, ...], channels: Any
    ) -> Any:
        return surface.Party(
            name=to_word(name),
            title=maybe_text(title),
            roles=tuple(to_word(role) for role in roles),
            channels=channels,
            span=span_of(meta),
        )

    def channel(self, meta: Meta, name: surface.Word, kind: Token | None, address: Any, secret: Any) -> Any:
        return surface.Channel(
            name=name, kind=maybe_word(kind), address=address, secret=secret, span=span_of(meta)
        )

    def plain_text(self, _: Meta, token: Token) -> surface.Text:
        return to_text(token)

    def environment(self, meta: Meta, token: Token) -> surface.Text:
        return surface.Text(value=str(token), environment=True, span=span_of(meta))

    def service(self, meta: Meta, name: Token, title: Token | None, *items: Any) -> surface.Service:
        kept = tuple(item for item in items if item is not None)
        return surface.Service(
            name=to_word(name), title=maybe_text(title), items=kept or None, span=span_of(meta)
        )

    def service_item(
        self, meta: Meta, name: surface.Word, value: Any, per: Token | None
    ) -> surface.ServiceItem:
        return surface.ServiceItem(name=name, value=value, per=maybe_word(per), span=span_of(meta))

    def schedule(self, meta: Meta, name: Token, *hours: surface.Hours) -> surface.Schedule:
        return surface.Schedule(name=to_word(name), hours=hours, span=span_of(meta))

    def hours(self, meta: Meta, days: Any, clock_ranges: Any, exceptions: Any) -> surface.Hours:
        return surface.Hours(days=days, clock_ranges=clock_ranges, exceptions=exceptions, span=span_of(meta))

    def weekdays(self, meta: Meta, first: Token, last: Token | None) -> surface.Weekdays:
        return surface.Weekdays(first=to_word(first), last=maybe_word(last), span=span_of(meta))

    def every_day(self, meta: Meta, unit: Token) -> surface.EveryDay:
        return surface.EveryDay(unit=to_word(unit), span=span_of(meta))

    def dates(self, meta: Meta, first: Token, last: Token | None) -> surface.Dates:
        return surface.Dates(first=to_word(first), last=maybe_word(last), span=span_of(meta))

    def holidays(self, meta: Meta, country: Token) -> surface.Holidays:
        return surface.Holidays(country=to_text(country), span=span_of(meta))

    def clock_range(self, meta: Meta, start: Token, end: Token) -> surface.ClockRange:
        return surface.ClockRange(start=to_word(start), end=to_word(end), span=span_of(meta))

    def source(
        self, meta: Meta, name: Token, kinds: Any, texts: Any, options: Any, fields: Any
    ) -> surface.Source:
        found: dict[str, surface.Word] = dict(options)
        return surface.Source(
            name=to_word(name),
            kinds=tuple(to_word(kind) for kind in kinds),
            texts=texts,
            every=found.get("every"),
            timeout=found.get("timeout"),
            measured_by=found.get("by"),
            fields=fields,
            span=span_of(meta),
        )

    def every(self, _: Meta, token: Token) -> tuple[str, surface.Word]:
        return "every", to_word(token)

    def timeout(self, _: Meta, token: Token) -> tuple[str, surface.Word]:
        return "timeout", to_word(token)

    def measured_by(self, _: Meta, token: Token) -> tuple[str, surface.Word]:
        return "by", to_word(token)

    def word_value(self, _: Meta, token: Token | surface.Word) -> tuple[surface.Word, bool]:
        return _as_word(token), False

    def until_value(self, _: Meta, token: Token) -> tuple[surface.Word, bool]:
        return to_word(token), True

    def field(self, meta: Meta, name: surface.Word, value: Any, unit: Token | None) -> surface.Field:
        stated, until = value if isinstance(value, tuple) else (value, False)
        return surface.Field(name=name, value=stated, until=until, unit=maybe_word(unit), span=span_of(meta))

    # --- metrics, goals, rules

    def metric(self, meta: Meta, name: Token, expression: Any, idle: Any) -> surface.Metric:
        return surface.Metric(
            name=to_word(name),
            expression=expression,
            idle=None if idle is None else _only(idle),
            span=span_of(meta),
        )

    def goal(self, meta: Meta, name: Token, party: Token, condition: Any, provided: Any, *items: Any) -> Any:
        kept = tuple(item for item in items if item is not None)
        return surface.Goal(
            name=to_word(name),
            party=to_word(party),
            condition=condition,
            provided=_only(provided),
            items=kept or None,
            span=span_of(meta),
        )

    def otherwise(self, meta: Meta, actions: Any) -> surface.Otherwise:
        return surface.Otherwise(actions=actions, span=span_of(meta))

    def rewarding(self, meta: Meta, actions: Any) -> surface.Rewarding:
        return surface.Rewarding(actions=actions, span=span_of(meta))

    def unknown_policy(self, _: Meta, *words: Token | None) -> tuple[surface.Word, ...]:
        return tuple(to_word(word) for word in words if word is not None)

    def unknown_time(
        self, meta: Meta, _: Token, first: Token, second: Token, rest: Any
    ) -> surface.UnknownTime:
        return surface.UnknownTime(words=(to_word(first), to_word(second), *rest), span=span_of(meta))

    def coverage(self, meta: Meta, minimum: Token) -> surface.Coverage:
        return surface.Coverage(minimum=to_word(minimum), span=span_of(meta))

    def rule(self, meta: Meta, condition: Any, holding_for: Token | None, *items: Any) -> surface.Rule:
        kept = tuple(item for item in items if item is not None)
        return surface.Rule(
            condition=condition, holding_for=maybe_word(holding_for), items=kept, span=span_of(meta)
        )

    def at_once(self, meta: Meta, action: Any) -> surface.AtOnce:
        return surface.AtOnce(action=action, span=span_of(meta))

    def repeat(self, meta: Meta, every: Token) -> surface.Repeat:
        return surface.Repeat(every=to_word(every), span=span_of(meta))

    def after(self, meta: Meta, delay: Token, actions: Any) -> surface.After:
        return surface.After(delay=to_word(delay), actions=actions, span=span_of(meta))

    def recovery(self, meta: Meta, actions: Any) -> surface.Recovery:
        return surface.Recovery(actions=actions, span=span_of(meta))

    def tell(self, meta: Meta, verb: Token, targets: Any, message: Token | None) -> surface.Tell:
        return surface.Tell(
            verb=to_word(verb), targets=targets, message=maybe_text(message), span=span_of(meta)
        )

    def credit(self, meta: Meta, target: Any, amount: Any, debtor: Token | None) -> surface.Credit:
        return surface.Credit(target=target, amount=amount, debtor=maybe_word(debtor), span=span_of(meta))

    def grant(self, meta: Meta, target: Any, right: Token) -> surface.Grant:
        return surface.Grant(target=target, right=to_text(right), span=span_of(meta))

    def target(self, meta: Meta, party: Token, channel: surface.Word | None) -> surface.Target:
        return surface.Target(party=to_word(party), channel=channel, span=span_of(meta))

    def cap(self, meta: Meta, party: Token, amount: Any, window: Any) -> surface.Cap:
        return surface.Cap(party=to_word(party), amount=amount, window=window, span=span_of(meta))

    # --- tests

    def test(self, meta: Meta, title: Token, *steps: Any) -> surface.Test:
        return surface.Test(title=to_text(title), steps=steps, span=span_of(meta))

    def given(self, meta: Meta, *parts: Any) -> surface.Given:
        options: dict[str, surface.Word] = dict(parts[-1])
        return surface.Given(
            assignments=parts[:-1],
            every=options.get("every"),
            at=options.get("at"),
            start=options.get("from"),
            until=options.get("until"),
            length=options.get("for"),
            span=span_of(meta),
        )

    def given_every(self, _: Meta, token: Token) -> tuple[str, surface.Word]:
        return "every", to_word(token)

    def given_at(self, _: Meta, word: surface.Word) -> tuple[str, surface.Word]:
        return "at", word

    def given_from(self, _: Meta, word: surface.Word) -> tuple[str, surface.Word]:
        return "from", word

    def given_until(self, _: Meta, word: surface.Word) -> tuple[str, surface.Word]:
        return "until", word

    def given_for(self, _: Meta, token: Token) -> tuple[str, surface.Word]:
        return "for", to_word(token)

    def assignment(self, meta: Meta, source: Token, field: surface.Word, value: Any) -> surface.Assignment:
        return surface.Assignment(source=to_word(source), field=field, value=value, span=span_of(meta))

    given_value = _first

    def unknown_value(self, _: Meta, __: Token) -> None:
        return None

    def period(self, _: Meta, token: Token) -> Token:
        return token

    def moment(self, meta: Meta, occasion: Token | surface.Word | None = None) -> surface.Occasion | None:
        if occasion is None:
            return None
        at = isinstance(occasion, surface.Word)
        text = occasion.text if isinstance(occasion, surface.Word) else str(occasion)
        return surface.Occasion(preposition="at" if at else "in", text=text, span=span_of(meta))

    def label_value(
        self, meta: Meta, label: surface.Word, operator: Token, value: Token
    ) -> tuple[str, surface.LabelValue]:
        return str(operator), surface.LabelValue(label=label, value=to_text(value), span=span_of(meta))

    def expect_verdict(self, meta: Meta, goal: Any, verdict: Token, occasion: Any, labels: Any) -> Any:
        return surface.ExpectVerdict(
            goal=goal, verdict=str(verdict), occasion=occasion, labels=_labels(labels), span=span_of(meta)
        )

    def expect_value(
        self, meta: Meta, left: Any, operator: Token, right: Any, occasion: Any, labels: Any
    ) -> Any:
        return surface.ExpectValue(
            operator=str(operator),
            left=left,
            right=right,
            occasion=occasion,
            labels=_labels(labels),
            span=span_of(meta),
        )

    def expect_credit(
        self, meta: Meta, negated: Token | None, target: Any, amount: Any, occasion: Any
    ) -> Any:
        return surface.ExpectCredit(
            negated=negated is not None, target=target, amount=amount, occasion=occasion, span=span_of(meta)
        )

    def expect_tell(
        self, meta: Meta, negated: Token | None, verb: Token, target: Any, text: Token | None, occasion: Any
    ) -> Any:
        return surface.ExpectAction(
            negated=negated is not None,
            verb=str(verb),
            target=target,
            text=maybe_text(text),
            occasion=occasion,
            span=span_of(meta),
        )

    def expect_grant(
        self, meta: Meta, negated: Token | None, target: Any, text: Token | None, occasion: Any
    ) -> Any:
        return surface.ExpectAction(
            negated=negated is not None,
            verb="grant",
            target=target,
            text=maybe_text(text),
            occasion=occasion,
            span=span_of(meta),
        )

    # --- expressions

    implication = _binary("implies")
    either = _binary("or")
    both = _binary("and")
    add = _binary("+")
    subtract = _binary("-")
    multiply = _binary("*")
    divide = _binary("/")
    share_of = _binary("of")

    def negation(self, meta: Meta, operand: Any) -> surface.Unary:
        return surface.Unary(operator="not", operand=operand, span=span_of(meta))

    def negative(self, meta: Meta, operand: Any) -> surface.Unary:
        return surface.Unary(operator="-", operand=operand, span=span_of(meta))

    def compare(self, meta: Meta, left: Any, operator: Token, right: Any) -> surface.Binary:
        return surface.Binary(operator=str(operator), left=left, right=right, span=span_of(meta))

    def state(
        self,
        meta: Meta,
        goal: Any,
        verdict: Token,
        count: Token | None,
        _: Token | None,
        of_last: Token | None,
        unit: Token | None,
    ) -> surface.GoalState:
        return surface.GoalState(
            goal=goal,
            verdict=str(verdict),
            count=maybe_word(count),
            of_last=maybe_word(of_last),
            unit=maybe_word(unit),
            span=span_of(meta),
        )

    def windowed(self, meta: Meta, operand: Any, *modifiers: Any) -> surface.Windowed:
        return surface.Windowed(operand=operand, modifiers=modifiers, span=span_of(meta))

    def parenthesised(self, meta: Meta, inner: Any) -> surface.Parenthesised:
        return surface.Parenthesised(inner=inner, span=span_of(meta))

    def quantity(self, _: Meta, token: Token) -> surface.Quantity:
        return surface.Quantity(text=str(token), span=token_span(token))

    def string(self, _: Meta, token: Token) -> surface.String:
        return surface.String(value=unquote(token), span=token_span(token))

    def instant(self, _: Meta, token: Token) -> surface.Moment:
        return surface.Moment(text=str(token), span=token_span(token))

    def true(self, meta: Meta) -> surface.Truth:
        return surface.Truth(value=True, span=span_of(meta))

    def false(self, meta: Meta) -> surface.Truth:
        return surface.Truth(value=False, span=span_of(meta))

    def reference(self, meta: Meta, first: Token, *rest: surface.Word) -> surface.Reference:
        return surface.Reference(parts=(to_word(first), *rest), span=span_of(meta))

    def call(self, meta: Meta, function: Token, arguments: Any) -> surface.Call:
        positional, where = arguments
        return surface.Call(function=to_word(function), arguments=positional, where=where, span=span_of(meta))

    def arguments(self, _: Meta, *parts: Any) -> tuple[tuple[Any, ...], Any]:
        return tuple(part for part in parts[:-1] if part is not None), _only(parts[-1])

    def table(self, meta: Meta, subject: Any, *arms: surface.Arm) -> surface.Table:
        return surface.Table(subject=subject, arms=arms, span=span_of(meta))

    def compared_arm(self, meta: Meta, operator: Token, bound: Any, value: Any) -> surface.Arm:
        return surface.Arm(operator=str(operator), bound=bound, value=value, span=span_of(meta))

    def exact_arm(self, meta: Meta, bound: Any, value: Any) -> surface.Arm:
        return surface.Arm(operator="==", bound=bound, value=value, span=span_of(meta))

    def else_arm(self, meta: Meta, value: Any) -> surface.Arm:
        return surface.Arm(operator="else", bound=None, value=value, span=span_of(meta))

    def each(self, meta: Meta, period: Token, starting: Token | None) -> surface.EachWindow:
        return surface.EachWindow(period=to_word(period), starting=maybe_word(starting), span=span_of(meta))

    def each_window(self, meta: Meta, window: surface.EachWindow) -> surface.EachWindow:
        return evolve(window, span=span_of(meta))

    def rolling_window(
        self, meta: Meta, _: Token, length: Token, every: Token | None
    ) -> surface.RollingWindow:
        return surface.RollingWindow(length=to_word(length), every=maybe_word(every), span=span_of(meta))

    def during(self, meta: Meta, schedule: Token) -> surface.During:
        return surface.During(schedule=to_word(schedule), span=span_of(meta))

    def excluding(self, meta: Meta, schedule: Token) -> surface.Excluding:
        return surface.Excluding(schedule=to_word(schedule), span=span_of(meta))

    def pausing(self, meta: Meta, condition: Any) -> surface.Pausing:
        return surface.Pausing(condition=condition, span=span_of(meta))

    def by_label(self, meta: Meta, label: surface.Word) -> surface.ByLabel:
        return surface.ByLabel(label=label, span=span_of(meta))

    def word(self, _: Meta, token: Token) -> surface.Word:
        return to_word(token)

    key = word


def _as_word(value: Token | surface.Word) -> surface.Word:
    return to_word(value) if isinstance(value, Token) else value


def _only(items: tuple[Any, ...] | None) -> Any:
    return items[0] if items else None


def _labels(pairs: tuple[tuple[str, surface.LabelValue], ...]) -> tuple[surface.LabelValue, ...]:
    return tuple(label for _, label in pairs)
