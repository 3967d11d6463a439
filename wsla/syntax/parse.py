"""Text to surface tree: the whole text at once if it is right, else piece by piece with one message a broken piece."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput
from lark.utils import TextSlice

from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText, Span
from wsla.syntax import surface
from wsla.syntax.build import SurfaceBuilder
from wsla.syntax.build.words import unquote
from wsla.syntax.comments import scan
from wsla.syntax.messages import explain
from wsla.syntax.recovery import Piece, cut, name_of
from wsla.syntax.vocabulary import words_of

MAX_TEXT: Final = 16 * 1024 * 1024
"""The most code points that a text may have."""
MAX_NESTING: Final = 100
"""How deep braces and parentheses may be nested."""
MAX_EXPRESSION_DEPTH: Final = 200
"""How deep an expression may be: an operator, a call or a parenthesis adds one."""
MAX_PROBLEMS: Final = 100
"""How many problems of one text are reported."""

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
_HEADER_TITLE: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_HEADER_VERSION: Final = re.compile(r"\bversion\s+(\d+(?:\.\d+)?)")


def _grammar_text() -> str:
    shipped = files("wsla.syntax").joinpath("wsla.lark")
    if shipped.is_file():
        return shipped.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "grammar" / "wsla.lark").read_text(encoding="utf-8")


@cache
def parser() -> Lark:
    """The LALR parser for documents and for the pieces of broken ones."""
    return Lark(
        _grammar_text(),
        start=["document", "declarations", "header", "test"],
        parser="lalr",
        lexer="basic",
        propagate_positions=True,
        maybe_placeholders=True,
    )


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
            tree = _read(source.text, Piece(start="document", span=Span(0, len(source.text))))
        except _Unreadable as unreadable:
            items, broken, problems = _recover(source, unreadable)
        else:
            items, broken, problems = SurfaceBuilder().transform(tree), (), ()
    return surface.Document(items=items, comments=scanned.comments, broken_names=broken), problems


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


class _Unreadable(Exception):
    """A piece that cannot be read: lark's error, or what an agreement may not say although the grammar takes it."""

    def __init__(self, offset: int, cause: UnexpectedInput | None, code: str = "", message: str = "") -> None:
        super().__init__(message)
        self.offset = offset
        self.cause = cause
        self.code = code
        self.message = message
        self.end = offset


def _read(text: str, piece: Piece) -> Tree[Token]:
    """The tree of a piece, its missing braces added. Raises _Unreadable."""
    reading: Any = parser().parse_interactive(
        TextSlice(text, piece.span.start, piece.span.end), start=piece.start
    )
    last: Token | None = None
    try:
        for token in reading.lexer_thread.lex(reading.parser_state):
            reading.feed_token(token)
            last = token
        for _ in range(piece.missing):
            last = _closing_brace(last, piece.span.end)
            reading.feed_token(last)
        tree: Tree[Token] = reading.feed_eof(last)
    except UnexpectedInput as error:
        ended = isinstance(getattr(error, "token", None), Token) and error.token.type == "$END"  # type: ignore[attr-defined]
        offset = piece.span.end if ended else min(error.pos_in_stream or 0, piece.span.end)
        raise _Unreadable(offset, error) from None
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
        elif node.data == "label_value" and node.children[1] != "==":
            raise _refused(node, "E0110", f"a label is compared with `==`, not with `{node.children[1]}`")
        for child in node.children:
            if isinstance(child, Tree):
                waiting.append((child, depth))


def _refused(node: Tree[Token], code: str, message: str) -> _Unreadable:
    unreadable = _Unreadable(node.meta.start_pos, None, code, message)
    unreadable.end = node.meta.end_pos
    return unreadable


# --- a broken text, piece by piece

_Broken = tuple[tuple[str, str], ...]


def _recover(
    source: SourceText, whole: _Unreadable
) -> tuple[tuple[Any, ...], _Broken, tuple[Diagnostic, ...]]:
    """Items, names of the broken declarations, and diagnostics of a text that cannot be read as a whole."""
    pieces = cut(source)
    salvage = _Salvage(source, list(pieces.problems))
    for piece in pieces.pieces:
        salvage.take(piece)
        if len(salvage.problems) > MAX_PROBLEMS:
            break
    salvage.finish()
    if not salvage.problems:
        salvage.report(Piece(start="document", span=Span(0, len(source.text))), whole)
    problems = sorted(salvage.problems, key=lambda problem: problem.span.start)
    if len(problems) > MAX_PROBLEMS:
        further = problems[MAX_PROBLEMS]
        problems[MAX_PROBLEMS:] = [
            Diagnostic(
                code="E0105",
                message=f"more than {MAX_PROBLEMS} syntax errors: the rest is not shown",
                source=source,
                span=further.span,
            )
        ]
    return tuple(salvage.items), tuple(salvage.broken), tuple(problems)


class _Salvage:
    """Collects what can be read of a broken text."""

    def __init__(self, source: SourceText, problems: list[Diagnostic]) -> None:
        self.source = source
        self.problems = problems
        self.items: list[Any] = []
        self.broken: list[tuple[str, str]] = []
        self._heading: tuple[surface.Text, surface.Word] | None = None
        self._declarations: list[Any] = []
        self._span = Span(0, 0)

    def take(self, piece: Piece) -> None:
        """Read one piece; what cannot be read is reported."""
        match piece.start:
            case "header":
                self.finish()
                self._take_header(piece)
            case "test":
                self.finish()
                built = self._build(piece)
                if built is not None:
                    self.items.append(built)
            case "stray":
                self.report(piece, _Unreadable(piece.span.start, None))
            case _:
                self._take_declarations(piece)

    def finish(self) -> None:
        """End the agreement that is being read."""
        if self._heading is not None:
            title, version = self._heading
            self.items.append(
                surface.Agreement(
                    title=title, version=version, declarations=tuple(self._declarations), span=self._span
                )
            )
        self._heading, self._declarations = None, []

    def _take_header(self, piece: Piece) -> None:
        built = self._build(piece)
        if built is not None:
            self._heading = built[:2]
        else:
            text = self.source.text[piece.span.start : piece.span.end]
            title, version = _HEADER_TITLE.search(text), _HEADER_VERSION.search(text)
            self._heading = (
                surface.Text(
                    value=unquote(title.group()) if title else "", environment=False, span=piece.span
                ),
                surface.Word(text=version.group(1) if version else "1", span=piece.span),
            )
        self._span = piece.span

    def _take_declarations(self, piece: Piece) -> None:
        start, end = piece.span.start, piece.span.end
        while start < end and len(self.problems) <= MAX_PROBLEMS:
            rest = Piece(start="declarations", span=Span(start, end), missing=piece.missing)
            try:
                tree = _read(self.source.text, rest)
            except _Unreadable as unreadable:
                start = self._skip_broken(piece, rest, unreadable)
            else:
                self._keep(tree)
                break
        self._span = self._span.to(piece.span)

    def _skip_broken(self, piece: Piece, rest: Piece, unreadable: _Unreadable) -> int:
        """Report the broken declaration, keep what stands before it, and say where to go on."""
        start, end = rest.span.start, rest.span.end
        before = [at for at in piece.weak if start < at <= unreadable.offset]
        if before:
            try:
                self._keep(_read(self.source.text, Piece(start="declarations", span=Span(start, before[-1]))))
            except _Unreadable:
                pass
            else:
                return before[-1]
        following = next((at for at in piece.weak if at > max(start, unreadable.offset)), end)
        broken = Piece(
            start="declarations",
            span=Span(start, following),
            missing=piece.missing if following == end else 0,
        )
        self.report(broken, unreadable)
        return following

    def _keep(self, tree: Tree[Token]) -> None:
        self._declarations.extend(SurfaceBuilder().transform(tree))

    def _build(self, piece: Piece) -> Any:
        try:
            return SurfaceBuilder().transform(_read(self.source.text, piece))
        except _Unreadable as unreadable:
            self.report(piece, unreadable)
            return None

    def report(self, piece: Piece, unreadable: _Unreadable) -> None:
        """Add the diagnostic of a broken piece, and its name."""
        named = name_of(self.source.text, _first_word(self.source.text, piece.span.start))
        if named is not None and piece.start == "declarations":
            self.broken.append(named)
        if unreadable.code:
            self.problems.append(
                Diagnostic(
                    code=unreadable.code,
                    message=unreadable.message,
                    source=self.source,
                    span=Span(unreadable.offset, unreadable.end),
                )
            )
        else:
            self.problems.append(explain(parser(), self.source, piece))


_BLANKS_AND_COMMENTS: Final = re.compile(r"(?:[\s\ufeff]+|#[^\n]*)*")


def _first_word(text: str, start: int) -> int:
    match = _BLANKS_AND_COMMENTS.match(text, start)
    return match.end() if match else start
