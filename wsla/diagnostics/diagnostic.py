"""One diagnostic value, shown by many renderers."""

from __future__ import annotations

from enum import Enum

from attrs import field, frozen

from wsla.diagnostics.source import SourceText, Span
from wsla.values.records import Record


class Severity(Enum):
    """How much a diagnostic matters: an error stops, a warning does not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@frozen(kw_only=True, eq=False, repr=False)
class Related(Record):
    """Another place that belongs to the problem, with a few words on why; ``source`` where it is in another text."""

    span: Span
    text: str
    source: SourceText | None = None


@frozen(kw_only=True, eq=False, repr=False)
class Suggestion(Record):
    """A change that would mend the problem: put ``replacement`` in place of ``span``.

    ``safe`` is True where applying it cannot change what the author meant.
    """

    text: str
    span: Span | None = None
    replacement: str | None = None
    safe: bool = False


@frozen(kw_only=True, eq=False, repr=False)
class Diagnostic(Record):
    """A problem in a source text: a stable code (``E0302``), where, and what to do.

    ``message`` is one sentence in the reader's words; ``label`` stands beside the caret; ``notes`` explain.
    """

    code: str
    message: str
    source: SourceText
    span: Span
    severity: Severity = Severity.ERROR
    label: str = ""
    notes: tuple[str, ...] = ()
    related: tuple[Related, ...] = ()
    suggestion: Suggestion | None = field(default=None)

    @property
    def position(self) -> tuple[int, int]:
        """(line, column), counted from 1."""
        return self.source.position(self.span.start)


def has_errors(diagnostics: tuple[Diagnostic, ...] | list[Diagnostic]) -> bool:
    """True where at least one of them is an error."""
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
