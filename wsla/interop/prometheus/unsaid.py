"""What Prometheus cannot evaluate."""

from __future__ import annotations

from wsla.diagnostics.source import Span


class Unsaid(Exception):
    """Something that Prometheus cannot evaluate, at a place; the code says whose affair it is, the note more."""

    def __init__(self, what: str, span: Span, code: str = "W1301", note: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.span = span
        self.code = code
        self.notes = (note,) if note else ()
