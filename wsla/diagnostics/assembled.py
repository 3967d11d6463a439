"""A text put together of pieces of others: what is checked where templates are used. Every place in it can be told in
the text that its author wrote.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from attrs import define, evolve, field, frozen

from wsla.diagnostics.diagnostic import Diagnostic, Related, Suggestion
from wsla.diagnostics.source import SourceText, Span
from wsla.values.records import Record


@frozen(kw_only=True, eq=False, repr=False)
class Piece(Record):
    """``[start, end)`` of an assembled text stands for ``written`` in ``source``.

    A piece that stands in place of a parameter, which is what was ``written``, has a ``value``, the place of the
    argument in the assembled text, or a ``default``, a place in ``source``. ``use`` is the use that put the piece here.
    """

    start: int
    end: int
    source: SourceText
    written: Span
    value: Span | None = None
    default: Span | None = None
    use: Span | None = None

    @property
    def filled(self) -> bool:
        """True where it stands in place of a parameter."""
        return self.value is not None or self.default is not None


@define(eq=False, repr=False)
class AssembledText(SourceText):
    """``pieces`` cover the text, in order; the first one is the text that was to be checked."""

    pieces: tuple[Piece, ...] = field(kw_only=True, repr=False, eq=False)

    def place(self, span: Span) -> tuple[SourceText, Span]:
        """The text that was written and the span in it: that of an argument inside it, else that of the template."""
        first, last = self._piece(span.start), self._piece(max(span.start, span.end - 1))
        if first is last and first.value is not None:
            begin = first.value.start + min(span.start - first.start, first.value.end - first.value.start)
            return self.place(Span(begin, min(begin + span.end - span.start, first.value.end)))
        if first is last and first.default is not None:
            return first.source, first.default
        start = first.written.start if first.filled else first.written.start + span.start - first.start
        if last.source is not first.source or last.use != first.use:
            return first.source, Span(start, first.written.end)
        end = last.written.end if last.filled else last.written.start + span.end - last.start
        return first.source, Span(start, max(start, end))

    def position(self, offset: int) -> tuple[int, int]:
        """(line, column) in the first text: of the use, for what stands in a template."""
        main = self.pieces[0]
        piece = self._piece(offset)
        while piece is not main:
            offset = (piece.use or main.written).start
            piece = self._piece(offset)
        return main.source.position(offset)

    def reasons(self, span: Span) -> tuple[Related, ...]:
        """Why a place is there at all: what an argument stands for, and each use, the innermost first."""
        found: list[Related] = []
        piece = self._piece(span.start)
        if piece.value is not None and span.end <= piece.end:
            name = piece.source.text[piece.written.start : piece.written.end]
            text = f"it stands here in place of `{name}`"
            found.append(Related(span=piece.written, text=text, source=piece.source))
        while piece.use is not None:
            source, use = self.place(piece.use)
            line, _ = source.position(use.start)
            found.append(Related(span=use, text=f"used at {source.name}:{line}", source=source))
            piece = self._piece(piece.use.start)
        return tuple(found)

    def told(self, diagnostic: Diagnostic) -> Diagnostic:
        """A diagnostic of this text as one of the texts that were written."""
        source, span = self.place(diagnostic.span)
        related = [self._related(one, source) for one in diagnostic.related]
        related += self.reasons(diagnostic.span)
        return evolve(
            diagnostic,
            source=source,
            span=span,
            related=tuple(related),
            suggestion=self._suggestion(diagnostic.suggestion, source),
        )

    def _related(self, related: Related, source: SourceText) -> Related:
        if related.source is not None:
            return related
        other, span = self.place(related.span)
        return Related(span=span, text=related.text, source=None if other is source else other)

    def _suggestion(self, suggestion: Suggestion | None, source: SourceText) -> Suggestion | None:
        if suggestion is None or suggestion.span is None:
            return suggestion
        other, span = self.place(suggestion.span)
        if other is not source:
            return Suggestion(text=suggestion.text)
        within = self._piece(suggestion.span.start)
        # What stands in a template is read by others too: that is not changed without asking.
        return evolve(suggestion, span=span, safe=suggestion.safe and within is self.pieces[0])

    def _piece(self, offset: int) -> Piece:
        place = bisect_right(self.pieces, offset, key=lambda piece: piece.start) - 1
        return self.pieces[max(0, place)]


def merged(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Each mistake once, though a template that holds it is used several times; the places of all uses stay."""
    kept: dict[tuple[object, ...], Diagnostic] = {}
    for found in diagnostics:
        key = (found.code, found.source.name, found.span, found.message)
        before = kept.get(key)
        if before is None:
            kept[key] = found
        else:
            more = tuple(one for one in found.related if one not in before.related)
            kept[key] = evolve(before, related=before.related + more)
    return tuple(kept.values())
