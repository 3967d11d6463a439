"""Applying suggestions to a text."""

from __future__ import annotations

from collections.abc import Iterable

from wsla.diagnostics.diagnostic import Diagnostic


def apply_safe(text: str, diagnostics: Iterable[Diagnostic]) -> tuple[str, int]:
    """The text with every safe suggestion applied that does not overlap an earlier one, and how many were."""
    changes: list[tuple[int, int, str]] = []
    for found in diagnostics:
        suggestion = found.suggestion
        if suggestion is None or not suggestion.safe or suggestion.span is None:
            continue
        if suggestion.replacement is not None:
            changes.append((suggestion.span.start, suggestion.span.end, suggestion.replacement))
    pieces: list[str] = []
    position = applied = 0
    for start, end, replacement in sorted(changes):
        if start < position:
            continue
        pieces += [text[position:start], replacement]
        position = end
        applied += 1
    return "".join([*pieces, text[position:]]), applied
