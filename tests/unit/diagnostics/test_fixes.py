"""Safe suggestions mend what they are said to mend, and nothing else is touched."""

from __future__ import annotations

import pytest

from wsla.diagnostics.diagnostic import Diagnostic, Suggestion
from wsla.diagnostics.fixes import apply_safe
from wsla.diagnostics.source import SourceText, Span
from wsla.syntax.parse import parse

SOURCE = SourceText(name="t", text="0123456789")


def suggests(start: int, end: int, replacement: str | None, *, safe: bool = True) -> Diagnostic:
    span = Span(start, end)
    suggestion = Suggestion(text="", span=span, replacement=replacement, safe=safe)
    return Diagnostic(code="E0114", message="", source=SOURCE, span=span, suggestion=suggestion)


@pytest.mark.parametrize(
    ("suggestions", "expected"),
    [
        ([], ("0123456789", 0)),
        ([suggests(3, 5, "x")], ("012x56789", 1)),
        ([suggests(8, 10, ""), suggests(0, 1, "ab")], ("ab1234567", 2)),
        ([suggests(3, 5, "x", safe=False), suggests(3, 5, None)], ("0123456789", 0)),
        # Of two that overlap the first one is applied; ones that touch both are.
        ([suggests(3, 5, "x"), suggests(4, 6, "y")], ("012x56789", 1)),
        ([suggests(3, 5, "x"), suggests(5, 6, "y")], ("012xy6789", 2)),
        ([suggests(10, 10, "end")], ("0123456789end", 1)),
    ],
)
def test_applying(suggestions: list[Diagnostic], expected: tuple[str, int]) -> None:
    assert apply_safe(SOURCE.text, suggestions) == expected


def test_notation_is_mended_until_nothing_is_left() -> None:
    text = """agreement “Test” version 1 {
  grace 5 minutes
  party a "A" provider
  goal g: a guarantees b >= .9 && c ≥ 1
}
"""
    rounds = 0
    while True:
        _, problems = parse(SourceText(name="t", text=text))
        text, applied = apply_safe(text, problems)
        rounds += 1
        if not applied:
            break
    assert problems == ()
    assert rounds > 1
    assert "grace 5m" in text
    assert "b >= 0.9 and c >= 1" in text
    assert 'agreement "Test"' in text
