"""A piece of a text by lark itself: what is read of broken texts, and why the rest cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lark import Token, Tree
from lark.exceptions import UnexpectedInput
from lark.utils import TextSlice

from wsla.diagnostics.source import Span
from wsla.syntax.parameters import holes, tokens
from wsla.syntax.parse import EXPRESSIONS, MAX_EXPRESSION_DEPTH, parser


class Unreadable(Exception):
    """A piece that cannot be read: lark's error, or what an agreement may not say although the grammar takes it."""

    def __init__(self, offset: int, cause: UnexpectedInput | None, code: str = "", message: str = "") -> None:
        super().__init__(message)
        self.offset = offset
        self.cause = cause
        self.code = code
        self.message = message
        self.end = offset


def read(
    text: str, start: str, span: Span, missing: int = 0, parameters: Mapping[str, str] | None = None
) -> Tree[Token]:
    """The tree of a piece of a text, its missing braces added. Raises Unreadable.

    ``parameters`` maps those of the template that the piece belongs to to their kinds.
    """
    reading: Any = parser().parse_interactive(TextSlice(text, span.start, span.end), start=start)
    last: Token | None = None
    try:
        for token in tokens(reading, text, parameters):
            reading.feed_token(token)
            last = token
        for _ in range(missing):
            last = _closing_brace(last, span.end)
            reading.feed_token(last)
        tree: Tree[Token] = reading.feed_eof(last)
    except UnexpectedInput as error:
        ended = isinstance(getattr(error, "token", None), Token) and error.token.type == "$END"  # type: ignore[attr-defined]
        offset = span.end if ended else min(error.pos_in_stream or 0, span.end)
        raise Unreadable(offset, error) from None
    _check(tree)
    return tree


def _closing_brace(last: Token | None, end: int) -> Token:
    at = end if last is None or last.end_pos is None else last.end_pos
    return Token("RBRACE", "}", start_pos=at, line=1, column=1, end_line=1, end_column=1, end_pos=at)


def _check(tree: Tree[Token]) -> None:
    """What the grammar takes and an agreement may not say. A loop, since a tree may be deeper than Python's stack."""
    waiting: list[tuple[Tree[Token], int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if node.data in EXPRESSIONS:
            depth += 1
            if depth > MAX_EXPRESSION_DEPTH:
                raise _refused(
                    node,
                    "E0104",
                    f"an expression may be {MAX_EXPRESSION_DEPTH} deep, and this one goes deeper:"
                    " divide it into several metrics",
                )
        elif node.data == "template":
            node.children.append(holes(node))  # type: ignore[arg-type]
        elif node.data == "label_value" and node.children[1] != "==":
            raise _refused(node, "E0110", f"a label is compared with `==`, not with `{node.children[1]}`")
        for child in node.children:
            if isinstance(child, Tree):
                waiting.append((child, depth))


def _refused(node: Tree[Token], code: str, message: str) -> Unreadable:
    unreadable = Unreadable(node.meta.start_pos, None, code, message)
    unreadable.end = node.meta.end_pos
    return unreadable
