"""What a service is made of, as written: its fee, what it stands on, what is assumed of it."""

from __future__ import annotations

from attrs import frozen

from wsla.diagnostics.source import Span
from wsla.syntax.surface.expressions import EachWindow, Expression, Quantity
from wsla.syntax.surface.words import Text, Word, span_field
from wsla.values.records import Record


@frozen(kw_only=True, eq=False, repr=False)
class ServiceItem(Record):
    """A line of a service: ``fee 2000 EUR per month``."""

    name: Word
    value: Expression
    per: Word | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Assumed(Record):
    """A line of a service: ``assume availability 99.9% each month``; ``measure`` is the second word."""

    name: Word
    measure: Word
    value: Quantity
    window: EachWindow
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Needed(Record):
    """The name of a service that is needed."""

    name: Word
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class NeededGroup(Record):
    """``all(…)`` or ``any(…)``, where ``word`` is that word, or ``2 of (…)``, where it is the number."""

    word: Word
    counted: bool
    members: tuple[Need, ...]
    span: Span = span_field()


Need = Needed | NeededGroup


@frozen(kw_only=True, eq=False, repr=False)
class Needs(Record):
    """A line of a service: ``needs all(database, any(first, second))``."""

    need: Need
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Origin(Record):
    """``from "Title".service``: the agreement that says what the service is."""

    title: Text
    service: Word
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Service(Record):
    """``service NAME "Title" from "Title".service { items }``; ``items`` is None without braces."""

    name: Word
    title: Text | None
    items: tuple[ServiceItem | Assumed | Needs, ...] | None
    origin: Origin | None = None
    span: Span = span_field()
