"""Text to surface tree: the whole text at once if it is right, else piece by piece with one message a broken piece."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Final

from wsla import syntax
from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText, Span
from wsla.syntax import surface
from wsla.syntax.comments import scan
from wsla.syntax.direct import Declined, DirectReader
from wsla.syntax.tables import load_tables

if TYPE_CHECKING:
    from lark import Lark

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

_FOLDER: Final[str] = syntax.__path__[0]
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\u2028\u2029]|\r(?!\n)"
)
EXPRESSIONS: Final = frozenset(
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
"""The grammar's rules that make an expression deeper."""
_SETTLED: Final = frozenset(
    {"metric", "goal", "rule", "cap", "tell", "credit", "grant", "given", "expect_value"}
)
"""Rules that stand in no expression: with each, the expressions before it are at their end."""


@cache
def parser() -> Lark:
    """lark's parser for documents and for the pieces of broken ones."""
    from wsla.syntax.grammar import load_parser

    return load_parser(_FOLDER)


@cache
def direct_reader() -> DirectReader:
    """What reads sound texts without lark. Templates, whose parameters stand in place of other tokens, are lark's."""
    return DirectReader(
        load_tables(_FOLDER, parser),
        deepening=EXPRESSIONS,
        settling=_SETTLED,
        most=MAX_EXPRESSION_DEPTH,
        declined=frozenset({"TEMPLATE"}),
    )


@cache
def reserved_words() -> frozenset[str]:
    """The words that cannot be names."""
    from wsla.syntax.vocabulary import words_of

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
    broken: tuple[tuple[str, str], ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    with without_collector():
        try:
            items = direct_reader().read(source.text, "document", 0, len(source.text))
        except Declined:
            # Most texts are sound: what explains the others is loaded for them alone.
            from wsla.syntax.salvage import recover

            items, broken, problems = recover(source)
    return surface.Document(items=items, comments=scanned.comments, broken_names=broken), problems


def parse_declarations(
    source: SourceText, span: Span
) -> tuple[tuple[surface.Declaration, ...], Diagnostic | None]:
    """The declarations in a stretch of a text, or none and why they cannot be read."""
    with without_collector():
        try:
            return direct_reader().read(source.text, "declarations", span.start, span.end), None
        except Declined:
            from wsla.syntax.salvage import read_declarations

            return read_declarations(source, span)


@contextmanager
def without_collector() -> Iterator[None]:
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
