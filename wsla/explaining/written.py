"""An agreement as it was written: each declaration, and each part of a formula, with its place."""

from __future__ import annotations

import re

from attrs import define, field

from wsla.analysis.reuse.expansion import expand
from wsla.analysis.reuse.library import collect
from wsla.diagnostics.source import NOWHERE, SourceText, Span
from wsla.explaining.words import one_line
from wsla.syntax import surface
from wsla.syntax.parse import parse

_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*")|#[^\n]*')
"""A quoted text, which is kept, or a comment."""


@define
class Written:
    """Quotes an agreement. What has no place in the text is quoted as nothing."""

    source: SourceText
    title: str
    _text: SourceText = field(init=False)
    _declared: dict[tuple[str, str], Span] = field(init=False)

    def __attrs_post_init__(self) -> None:
        document, _ = parse(self.source)
        library, _ = collect(document, self.source)
        # Where templates are used, places are in the text with the templates in place of the uses.
        expanded = expand(document, self.source, library)
        self._text = expanded.source
        self._declared = {}
        for item in expanded.document.items:
            if isinstance(item, surface.Agreement) and item.title.value == self.title:
                for declared in item.declarations:
                    name = getattr(declared, "name", None)
                    if isinstance(name, surface.Word):
                        self._declared[type(declared).__name__.lower(), name.text] = declared.span

    def span(self, kind: str, name: str, otherwise: Span = NOWHERE) -> Span:
        """Where the declaration of that kind (``metric``, ``schedule`` …) and name stands."""
        return self._declared.get((kind, name), otherwise)

    def quote(self, span: Span) -> str:
        """The text of a span on one line, without comments; empty for a span that is nowhere."""
        return one_line(_COMMENT.sub(r"\1", self._text.text[span.start : span.end]))

    def place(self, span: Span) -> str | None:
        """``FILE:LINE``; None for a span that is nowhere."""
        if span.start == span.end:
            return None
        source, written = self._text.place(span)
        return f"{source.name}:{source.position(written.start)[0]}"
