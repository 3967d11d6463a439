"""Words and texts, as written."""

from __future__ import annotations

from attrs import field, frozen

from wsla.diagnostics.source import Span
from wsla.values.records import Record


def span_field() -> Span:
    return field(eq=False, repr=False)  # type: ignore[no-any-return]


@frozen(kw_only=True, eq=False, repr=False)
class Word(Record):
    """A name, keyword used as a name, or other single token, as written."""

    text: str
    span: Span = span_field()


@frozen(kw_only=True, eq=False, repr=False)
class Text(Record):
    """A quoted text (``value`` without quotes and escapes), the name of an environment variable, or of a parameter."""

    value: str
    environment: bool
    parameter: bool = False
    span: Span = span_field()
