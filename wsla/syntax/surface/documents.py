"""Tests, comments and whole files, as written."""

from __future__ import annotations

from attrs import frozen

from wsla.diagnostics.source import Span
from wsla.syntax.surface.declarations import Agreement, Import, Target, Template
from wsla.syntax.surface.expressions import Expression, Reference
from wsla.syntax.surface.words import Text, Word, span_field
from wsla.values.records import Record


@frozen(kw_only=True, eq=False, repr=False)
class Assignment(Record):
    """``probe.ok = true``; a value of None is ``unknown``."""

    source: Word
    field: Word
    value: Expression | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Given(Record):
    """Observations that a test makes up. Each of the moments and lengths is as written, or None."""

    assignments: tuple[Assignment, ...]
    every: Word | None
    at: Word | None
    start: Word | None
    until: Word | None
    length: Word | None
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Occasion(Record):
    """``in PERIOD`` or ``at INSTANT`` of an expectation."""

    preposition: str
    text: str
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class LabelValue(Record):
    """``region == "eu"``."""

    label: Word
    value: Text
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class ExpectVerdict(Record):
    """``expect GOAL VERDICT in PERIOD``."""

    goal: Reference
    verdict: str
    occasion: Occasion | None
    labels: tuple[LabelValue, ...]
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class ExpectValue(Record):
    """``expect METRIC == VALUE in PERIOD``."""

    operator: str
    left: Expression
    right: Expression
    occasion: Occasion | None
    labels: tuple[LabelValue, ...]
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class ExpectCredit(Record):
    """``expect credit PARTY AMOUNT claimed at INSTANT in PERIOD`` or ``expect no credit PARTY``; ``refund`` instead
    of ``credit`` asks for what a party earned back.
    """

    negated: bool
    target: Target
    amount: Expression | None
    occasion: Occasion | None
    claimed: Word | None = None
    refund: bool = False
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class ExpectAction(Record):
    """``expect notify PARTY at INSTANT``, ``expect no grant PARTY "right"``."""

    negated: bool
    verb: str
    target: Target
    text: Text | None
    occasion: Occasion | None
    span: Span = span_field()


Expectation = ExpectVerdict | ExpectValue | ExpectCredit | ExpectAction


@frozen(kw_only=True, eq=False, repr=False)
class Test(Record):
    """``test "title" { given … expect … }``; ``steps`` in the order of the text."""

    title: Text
    steps: tuple[Given | Expectation, ...]
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Comment(Record):
    """A comment. ``text`` begins with ``#``; ``alone`` is True where nothing stands before it on its line."""

    text: str
    alone: bool
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Document(Record):
    """A whole file. ``broken_names`` are (keyword, name) of declarations that could not be read."""

    items: tuple[Import | Template | Agreement | Test, ...]
    comments: tuple[Comment, ...]
    broken_names: tuple[tuple[str, str], ...] = ()
