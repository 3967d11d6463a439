"""Declarations: from the parser's tree to the surface tree."""

from __future__ import annotations

from typing import Any

from wsla.syntax import surface
from wsla.syntax.build.words import (
    Meta,
    Token,
    as_word,
    items,
    maybe_text,
    maybe_word,
    only,
    span_of,
    to_text,
    to_word,
    token_span,
)

Header = tuple[surface.Text, surface.Word, surface.Word | None]


class DeclarationBuilder:
    """What an agreement declares."""

    document = declarations = items
    roles = texts = source_options = channels = fields = kinds = items
    days = clock_ranges = exceptions = targets = actions = items
    provided = idle = items

    # --- heads

    def header(self, _: Meta, title: Token, version: Token, amends: Token | None) -> Header:
        return to_text(title), to_word(version), maybe_word(amends)

    def agreement(self, meta: Meta, header: Header, *declarations: Any) -> Any:
        title, version, amends = header
        return surface.Agreement(
            title=title, version=version, amends=amends, declarations=declarations, span=span_of(meta)
        )

    def setting(self, meta: Meta, name: Token, value: Token | surface.Word) -> surface.Setting:
        return surface.Setting(name=to_word(name), value=as_word(value), span=span_of(meta))

    def date(self, _: Meta, token: Token) -> surface.Word:
        return to_word(token)

    def effective(
        self,
        meta: Meta,
        start: surface.Word,
        until: surface.Word | None,
        zone: Token | None,
        *under_way: Token | None,
    ) -> surface.Effective:
        return surface.Effective(
            start=start,
            until=until,
            zone=maybe_text(zone),
            under_way=tuple(to_word(word) for word in under_way if word is not None),
            span=span_of(meta),
        )

    def unit(self, meta: Meta, name: Token, plural: Token | None) -> surface.Unit:
        return surface.Unit(name=to_word(name), plural=maybe_text(plural), span=span_of(meta))

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

    def service(
        self, meta: Meta, name: Token, title: Token | None, origin: Any, *items: Any
    ) -> surface.Service:
        kept = tuple(item for item in items if item is not None)
        return surface.Service(
            name=to_word(name),
            title=maybe_text(title),
            items=kept or None,
            origin=origin,
            span=span_of(meta),
        )

    def origin(self, meta: Meta, title: Token, service: surface.Word) -> surface.Origin:
        return surface.Origin(title=to_text(title), service=service, span=span_of(meta))

    def assumed(
        self, meta: Meta, name: surface.Word, measure: Token, value: Token, period: Token
    ) -> surface.Assumed:
        return surface.Assumed(
            name=name,
            measure=to_word(measure),
            value=surface.Quantity(text=to_word(value).text, span=token_span(value)),
            window=surface.EachWindow(period=to_word(period), starting=None, span=token_span(period)),
            span=span_of(meta),
        )

    def needs(self, meta: Meta, need: surface.Need) -> surface.Needs:
        return surface.Needs(need=need, span=span_of(meta))

    def needed(self, meta: Meta, name: Token) -> surface.Needed:
        return surface.Needed(name=to_word(name), span=span_of(meta))

    def needed_group(self, meta: Meta, word: Token, *members: surface.Need) -> surface.NeededGroup:
        return surface.NeededGroup(word=to_word(word), counted=False, members=members, span=span_of(meta))

    def needed_some(self, meta: Meta, count: Token, *members: surface.Need) -> surface.NeededGroup:
        return surface.NeededGroup(word=to_word(count), counted=True, members=members, span=span_of(meta))

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
        return as_word(token), False

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
            idle=None if idle is None else only(idle),
            span=span_of(meta),
        )

    def goal(
        self,
        meta: Meta,
        name: Token,
        service: Token | None,
        party: Token,
        condition: Any,
        provided: Any,
        *items: Any,
    ) -> surface.Goal:
        kept = tuple(item for item in items if item is not None)
        return surface.Goal(
            name=to_word(name),
            service=maybe_word(service),
            party=to_word(party),
            condition=condition,
            provided=only(provided),
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

    def refund(
        self, meta: Meta, share: Token, length: Any, word: Token, condition: Any = None
    ) -> surface.Refund:
        return surface.Refund(
            share=to_word(share),
            length=length,
            word=to_word(word),
            condition=condition,
            span=span_of(meta),
        )

    def rule(
        self,
        meta: Meta,
        condition: Any,
        holding_for: Token | None,
        often: surface.Often | None,
        *items: Any,
    ) -> surface.Rule:
        kept = tuple(item for item in items if item is not None)
        return surface.Rule(
            condition=condition,
            holding_for=maybe_word(holding_for),
            often=often,
            items=kept,
            span=span_of(meta),
        )

    def often(self, meta: Meta, word: Token, count: Token, length: Token) -> surface.Often:
        return surface.Often(
            word=to_word(word), count=to_word(count), length=to_word(length), span=span_of(meta)
        )

    def among(self, meta: Meta, word: Token) -> surface.Word:
        return to_word(word)

    def recurring(
        self,
        meta: Meta,
        verb: Token,
        what: Token,
        among: surface.Word,
        targets: Any,
        window: surface.EachWindow,
        after: Token | None,
        at: Token | None,
        length: Token | None,
        title: Token | None,
    ) -> surface.Recurring:
        return surface.Recurring(
            verb=to_word(verb),
            what=to_word(what),
            among=among,
            targets=targets,
            window=window,
            after=maybe_word(after),
            at=maybe_word(at),
            length=maybe_word(length),
            title=maybe_text(title),
            span=span_of(meta),
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

    def credit(
        self,
        meta: Meta,
        target: Any,
        amount: Any,
        blocks: surface.Blocks | None,
        length: Any,
        debtor: Token | None,
        ceiling: surface.Limit | None,
        floor: surface.Limit | None,
        claim: surface.Claim | None,
    ) -> surface.Credit:
        return surface.Credit(
            target=target,
            amount=amount,
            blocks=blocks,
            length=length,
            debtor=maybe_word(debtor),
            ceiling=ceiling,
            floor=floor,
            claim=claim,
            span=span_of(meta),
        )

    def blocks(self, meta: Meta, rounding: Token, size: Token, value: Any) -> surface.Blocks:
        written = surface.Quantity(text=str(size), span=token_span(size))
        return surface.Blocks(rounding=to_word(rounding), size=written, value=value, span=span_of(meta))

    def ceiling(self, meta: Meta, word: Token, amount: Any) -> surface.Limit:
        return surface.Limit(word=to_word(word), amount=amount, span=span_of(meta))

    def floor(self, meta: Meta, word: Token, amount: Any) -> surface.Limit:
        return surface.Limit(word=to_word(word), amount=amount, span=span_of(meta))

    def claim(
        self, meta: Meta, within: Token, length: Token | surface.Quantity, first: Token, second: Token
    ) -> surface.Claim:
        if isinstance(length, Token):
            length = surface.Quantity(text=str(length), span=token_span(length))
        words = (to_word(within), to_word(first), to_word(second))
        return surface.Claim(words=words, length=length, span=span_of(meta))

    def grant(self, meta: Meta, target: Any, right: Token) -> surface.Grant:
        return surface.Grant(target=target, right=to_text(right), span=span_of(meta))

    def target(self, meta: Meta, party: Token, channel: surface.Word | None) -> surface.Target:
        return surface.Target(party=to_word(party), channel=channel, span=span_of(meta))

    def highest(self, meta: Meta, first: Token, second: Token) -> surface.Highest:
        return surface.Highest(words=(to_word(first), to_word(second)), span=span_of(meta))

    def last_periods(self, meta: Meta, _: Token, count: Token, unit: Token) -> surface.LastPeriods:
        return surface.LastPeriods(count=to_word(count), unit=to_word(unit), span=span_of(meta))

    def capped(self, meta: Meta, word: Token) -> surface.Word:
        return to_word(word)

    def cap(self, meta: Meta, what: surface.Word, party: Token, amount: Any, window: Any) -> surface.Cap:
        return surface.Cap(what=what, party=to_word(party), amount=amount, window=window, span=span_of(meta))
