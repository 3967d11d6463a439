"""What Prometheus cannot evaluate."""

from __future__ import annotations

from wsla.diagnostics.source import Span


class Unsaid(Exception):
    """Something that Prometheus cannot evaluate, at a place."""

    def __init__(self, what: str, span: Span) -> None:
        super().__init__(what)
        self.what = what
        self.span = span
