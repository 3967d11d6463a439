"""What the grammar ignores: comments, and where braces and parentheses open and close. One pass, no parser."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.values.records import Record

_PARTS: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"?|#[^\n]*|[{}()]')
_BLANKS: Final = " \t\r\f\ufeff"


@frozen(kw_only=True, eq=False, repr=False)
class Scan(Record):
    """Comments in order; ``closing`` maps the offset of each ``}`` to that of its ``{``; where it is too deep."""

    comments: tuple[surface.Comment, ...]
    closing: Mapping[int, int]
    too_deep: Span | None


def scan(text: str, depth_limit: int | None = None) -> Scan:
    """Comments and braces of a text. ``too_deep`` is the first brace or parenthesis past ``depth_limit``."""
    comments: list[surface.Comment] = []
    closing: dict[int, int] = {}
    opened: list[tuple[str, int]] = []
    too_deep: Span | None = None
    for match in _PARTS.finditer(text):
        start = match.start()
        match text[start]:
            case "#":
                before = text[text.rfind("\n", 0, start) + 1 : start]
                kept = match.group().rstrip()
                comments.append(
                    surface.Comment(
                        text=kept, alone=not before.strip(_BLANKS), span=Span(start, start + len(kept))
                    )
                )
            case "{" | "(" as sign:
                opened.append((sign, start))
                if depth_limit is not None and len(opened) > depth_limit and too_deep is None:
                    too_deep = Span(start, start + 1)
            case "}":
                while opened and opened[-1][0] == "(":
                    opened.pop()
                if opened:
                    closing[start] = opened.pop()[1]
            case ")":
                if opened and opened[-1][0] == "(":
                    opened.pop()
            case _:
                pass
    return Scan(comments=tuple(comments), closing=closing, too_deep=too_deep)
