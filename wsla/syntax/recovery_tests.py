"""The lines of a test block, found by their words alone, so that each mistake in them gives a message of its own."""

from __future__ import annotations

import difflib
import re
from typing import Final

from wsla.diagnostics.source import Span

_HEAD: Final = re.compile(r'test\s+"(?:[^"\\\n]|\\.)*"\s*\{')
_PARTS: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"?|#[^\n]*|[^\W\d]\w*|\n|\S')
_LINES: Final = ("given", "expect")


def test_lines(text: str, span: Span) -> tuple[Span, ...]:
    """Where each ``given`` and ``expect`` of a test stands, up to the next; a misspelt one only at a line's start."""
    head = _HEAD.search(text, span.start, span.end)
    if head is None:
        return ()
    end = text.rfind("}", head.end(), span.end)
    end = span.end if end == -1 else end
    starts: list[int] = []
    at_line_start, previous = True, ""
    for match in _PARTS.finditer(text, head.end(), end):
        part = match.group()
        if part == "\n":
            at_line_start = True
            continue
        misspelt = at_line_start and difflib.get_close_matches(part, _LINES, n=1, cutoff=0.7)
        if previous != "." and (part in _LINES or misspelt):
            starts.append(match.start())
        at_line_start, previous = False, part
    return tuple(Span(start, stop) for start, stop in zip(starts, [*starts[1:], end], strict=True))


def without_others(text: str, kept: Span, span: Span) -> str:
    """The text with all lines of a test but one made blank; every other character stays where it is."""
    lines = test_lines(text, span)
    for line in lines:
        if line != kept:
            blank = re.sub(r"[^\n]", " ", text[line.start : line.end])
            text = f"{text[: line.start]}{blank}{text[line.end :]}"
    return text
