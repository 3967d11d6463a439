"""Text to surface tree: the whole text at once if it is right, else piece by piece with one message a broken piece."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any, Final

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput
from lark.utils import TextSlice

from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText, Span
from wsla.syntax import surface
from wsla.syntax.build import SurfaceBuilder
from wsla.syntax.comments import scan
from wsla.syntax.grammar import load_parser
from wsla.syntax.parameters import holes, tokens
from wsla.syntax.vocabulary import words_of

MAX_TEXT: Final = 16 * 1024 * 1024
"""The most code points that a text may have."""
MAX_NESTING: Final = 100
"""How deep braces and parentheses may be nested."""
MAX_EXPRESSION_DEPTH: Final = 200
"""How deep an expression may be: an operator, a call or a parenthesis adds one."""
MAX_PROBLEMS: Final = 100
"""How many problems of one text are reported."""
NAMELESS: Final = "?"
"""Stands among ``broken_names`` for the name of a broken declaration where that cannot be read."""

_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\u2028\u2029]|\r(?!\n)"
)
_EXPRESSIONS: Final = frozenset(
    {
        "add",
        "both",
        "call",
        "compare",
        "divide",
        "either",
        "implication",
        "multiply",
        "negation",
        "negative",
        "parenthesised",
        "share_of",
        "state",
        "subtract",
        "table",
        "windowed",
    }
)


@cache
def parser() -> Lark:
    """The LALR parser for documents and for the pieces of broken ones."""
    return load_parser(files("wsla.syntax"))


@cache
def reserved_words() -> frozenset[str]:
    """The words that cannot be names."""
    return frozenset(words_of(frozenset(terminal.name for terminal in parser().terminals)))


def decode(name: str, data: bytes) -> tuple[SourceText, tuple[Diagnostic, ...]]:
    """The text of a file's bytes. Bytes that are not UTF-8 give a diagnostic and stand as U+FFFD."""
    try:
        return SourceText(name=name, text=data.decode("utf-8")), ()
    except UnicodeDecodeError as error:
        source = SourceText(name=name, text=data.decode("utf-8", "replace"))
        start = len(data[: error.start].decode("utf-8"))
        hint = "it looks like UTF-16; " if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        problem = Diagnostic(
            code="E0100",
            message="the file is not UTF-8 text",
            source=source,
            span=Span(start, start + 1),
            label=f"the byte 0x{data[error.start]:02x} is not UTF-8",
            notes=(f"{hint}save the file as UTF-8",),
        )
        return source, (problem,)


def parse(source: SourceText) -> tuple[surface.Document, tuple[Diagnostic, ...]]:
    """The surface tree of a text with every syntax problem found in it.

    Declarations that could not be read are left out of the tree; ``broken_names`` says which. Never raises.
    """
    refused = _refuse(source)
    if refused is not None:
        return surface.Document(items=(), comments=()), (refused,)
    scanned = scan(source.text, MAX_NESTING)
    if scanned.too_deep is not None:
        problem = Diagnostic(
            code="E0103",
            message=f"braces and parentheses may be nested {MAX_NESTING} deep, and these go deeper",
            source=source,
            span=scanned.too_deep,
            label=f"this is number {MAX_NESTING + 1}",
        )
        return surface.Document(items=(), comments=scanned.comments), (problem,)
    with _without_collector():
        try:
            tree = read(source.text, "document", Span(0, len(source.text)))
        except Unreadable as unreadable:
            # Most texts are sound: what explains the others is loaded for them alone.
            from wsla.syntax.salvage import recover

            items, broken, problems = recover(source, unreadable)
        else:
            items, broken, problems = SurfaceBuilder().transform(tree), (), ()
    return surface.Document(items=items, comments=scanned.comments, broken_names=broken), problems


def parse_declarations(
    source: SourceText, span: Span
) -> tuple[tuple[surface.Declaration, ...], Diagnostic | None]:
    """The declarations in a stretch of a text, or none and why they cannot be read."""
    with _without_collector():
        try:
            return SurfaceBuilder().transform(read(source.text, "declarations", span)), None
        except Unreadable as unreadable:
            from wsla.syntax.salvage import why_unreadable

            return (), why_unreadable(source, span, unreadable)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Trees of a big text are many small objects and no cycles: collecting meanwhile costs time for nothing."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _refuse(source: SourceText) -> Diagnostic | None:
    if len(source.text) > MAX_TEXT:
        return Diagnostic(
            code="E0102",
            message=f"the text has {len(source.text):,} characters, and {MAX_TEXT:,} are the most",
            source=source,
            span=Span(0, 0),
        )
    match = _UNPRINTABLE.search(source.text)
    if match is None:
        return None
    character = ord(match.group())
    reasons = {
        0x0D: "a carriage return without a line feed",
        0x00: "a NUL character",
    }
    if 0xD800 <= character <= 0xDFFF:
        reason = "half of a surrogate pair"
    elif 0x2028 <= character <= 0x2069:
        reason = "an invisible character that changes how the text is shown"
    else:
        reason = reasons.get(character, "a control character")
    return Diagnostic(
        code="E0101",
        message=f"{reason} (U+{character:04X}) cannot stand in an agreement",
        source=source,
        span=Span(match.start(), match.end()),
        label="remove it",
    )


# --- one piece


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
        if node.data in _EXPRESSIONS:
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
