"""Collects diagnostics of one text and finds near names for suggestions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import define, field

from wsla.diagnostics.diagnostic import Diagnostic, Related, Severity, Suggestion
from wsla.diagnostics.source import SourceText, Span
from wsla.syntax import surface

Place = Span | surface.Word | surface.Text


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, or None."""
    candidates = sorted(known)
    folded = {candidate.casefold(): candidate for candidate in candidates}
    if name.casefold() in folded:
        return folded[name.casefold()]
    import difflib

    near = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    return near[0] if near else None


@define(eq=False, repr=False)
class Reporter:
    """Where passes put what they find.

    ``broken`` is True where parts of the text could not be read, ``nameless`` where among them is a name: an unknown
    name may be that one.
    """

    source: SourceText
    diagnostics: list[Diagnostic] = field(factory=list)
    broken: bool = False
    nameless: bool = False
    _closing: Mapping[int, int] | None = field(init=False, default=None)

    def closing_braces(self) -> Mapping[int, int]:
        """Where each closing brace of the text was opened."""
        if self._closing is None:
            from wsla.syntax.comments import scan

            self._closing = scan(self.source.text).closing
        return self._closing

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        label: str = "",
        notes: tuple[str, ...] = (),
        related: tuple[Related, ...] = (),
        suggestion: Suggestion | None = None,
    ) -> None:
        """Adds an error."""
        self._add(Severity.ERROR, code, message, span, label, notes, related, suggestion)

    def warning(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        label: str = "",
        notes: tuple[str, ...] = (),
        related: tuple[Related, ...] = (),
        suggestion: Suggestion | None = None,
    ) -> None:
        """Adds a warning."""
        self._add(Severity.WARNING, code, message, span, label, notes, related, suggestion)

    def unknown_name(
        self, code: str, what: str, word: surface.Word, known: Iterable[str], hint: str = ""
    ) -> None:
        """An error for a name that nothing has, with the nearest known one."""
        names = sorted(known)
        near = nearest(word.text, names)
        if self.nameless and code == "E0201" and near is None:
            return
        notes = (hint,) if hint else (f"known: {', '.join(names)}",) if names and near is None else ()
        self.error(
            code,
            f"there is no {what} named `{word.text}`",
            word.span,
            label="not known here",
            notes=notes,
            suggestion=replace(word.span, near) if near else None,
        )

    def _add(
        self,
        severity: Severity,
        code: str,
        message: str,
        span: Span,
        label: str,
        notes: tuple[str, ...],
        related: tuple[Related, ...],
        suggestion: Suggestion | None,
    ) -> None:
        self.diagnostics.append(
            Diagnostic(
                code=code,
                message=message,
                source=self.source,
                span=span,
                severity=severity,
                label=label,
                notes=notes,
                related=related,
                suggestion=suggestion,
            )
        )


def replace(span: Span, text: str, words: str | None = None) -> Suggestion:
    """A suggestion to write ``text`` there."""
    return Suggestion(text=words or f"write `{text}`", span=span, replacement=text)
