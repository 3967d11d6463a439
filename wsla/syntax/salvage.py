"""What can be read of a broken text, piece by piece, with one message a broken piece."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve, frozen
from lark import Token, Tree

from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText, Span
from wsla.syntax import surface
from wsla.syntax.build import SurfaceBuilder
from wsla.syntax.build.words import unquote
from wsla.syntax.comments import scan
from wsla.syntax.messages import explain
from wsla.syntax.parse import MAX_PROBLEMS, parser
from wsla.syntax.pieces import Unreadable, read
from wsla.syntax.recovery import Piece, cut, name_of
from wsla.syntax.recovery_tests import test_lines, without_others

_HEADER_TITLE: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_HEADER_VERSION: Final = re.compile(r"\bversion\s+(\d+(?:\.\d+)?)")

_Broken = tuple[tuple[str, str], ...]


def recover(source: SourceText) -> tuple[tuple[Any, ...], _Broken, tuple[Diagnostic, ...]]:
    """Items, names of the broken declarations, and diagnostics of a text that was not read directly."""
    try:
        return SurfaceBuilder().transform(read(source.text, "document", Span(0, len(source.text)))), (), ()
    except Unreadable as unreadable:
        return _recover(source, unreadable)


def _recover(
    source: SourceText, whole: Unreadable
) -> tuple[tuple[Any, ...], _Broken, tuple[Diagnostic, ...]]:
    pieces = cut(source)
    salvage = _Salvage(source, list(pieces.problems))
    for piece in pieces.pieces:
        salvage.take(piece)
        if len(salvage.problems) > MAX_PROBLEMS:
            break
    salvage.finish()
    salvage.problems = _without_consequences(salvage.problems)
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


def read_declarations(
    source: SourceText, span: Span
) -> tuple[tuple[surface.Declaration, ...], Diagnostic | None]:
    """The declarations in a stretch of a text, or none and why they cannot be read."""
    try:
        return SurfaceBuilder().transform(read(source.text, "declarations", span)), None
    except Unreadable as unreadable:
        cause = unreadable
    salvage = _Salvage(source, [])
    salvage.report(Piece(start="declarations", span=span), cause)
    return (), salvage.problems[0]


@frozen(kw_only=True)
class _TemplateRegion:
    """A template that is being read: where it begins, its opening brace, and how many problems there were before."""

    begin: int
    brace: int
    name: str
    parameters: Mapping[str, str]
    problems: int


def _without_consequences(problems: list[Diagnostic]) -> list[Diagnostic]:
    """A brace that is missing makes another one surplus, or missing again: that is said once."""
    kept: list[Diagnostic] = []
    opened = closed = 0
    for problem in sorted(problems, key=lambda problem: problem.span.start):
        inserted = "" if problem.suggestion is None else (problem.suggestion.replacement or "").strip()
        if problem.code == "E0113" and opened and problem.source.text[problem.span.start] == "}":
            opened -= 1
            continue
        if problem.code == "E0110" and inserted == "}" and closed:
            closed -= 1
            continue
        opened += problem.code == "E0110" and inserted == "{"
        closed += problem.code == "E0112"
        kept.append(problem)
    return kept


class _Salvage:
    """Collects what can be read of a broken text."""

    def __init__(self, source: SourceText, problems: list[Diagnostic]) -> None:
        self.source = source
        self.problems = problems
        self.items: list[Any] = []
        self.broken: list[tuple[str, str]] = []
        self._heading: tuple[surface.Text, surface.Word, surface.Word | None] | None = None
        self._template: _TemplateRegion | None = None
        self._declarations: list[Any] = []
        self._span = Span(0, 0)

    def take(self, piece: Piece) -> None:
        """Read one piece; what cannot be read is reported."""
        match piece.start:
            case "header":
                self.finish()
                self._take_header(piece)
            case "template_header":
                self.finish()
                self._take_template(piece)
            case "test" | "import_file":
                self.finish()
                self._take_test(piece)
            case "stray":
                self.report(piece, Unreadable(piece.span.start, None))
            case _:
                self._take_declarations(piece)

    def finish(self) -> None:
        """End the agreement or the template that is being read."""
        if self._heading is not None:
            title, version, amends = self._heading
            self.items.append(
                surface.Agreement(
                    title=title,
                    version=version,
                    amends=amends,
                    declarations=tuple(self._declarations),
                    span=self._span,
                )
            )
        elif self._template is not None:
            self._finish_template(self._template)
        self._heading, self._template, self._declarations = None, None, []

    def _take_template(self, piece: Piece) -> None:
        built = self._build(piece)
        named = name_of(self.source.text, _first_word(self.source.text, piece.span.start))
        self._template = _TemplateRegion(
            begin=piece.span.start,
            brace=piece.span.end - 1,
            name="" if named is None else named[1],
            parameters={} if built is None else {one.name.text: one.kind.text for one in built[1]},
            problems=len(self.problems) - (built is None),
        )

    def _finish_template(self, region: _TemplateRegion) -> None:
        """A template without a mistake is read as a whole; of another one, its names are known to be broken."""
        closing = {opened: close for close, opened in scan(self.source.text).closing.items()}
        if len(self.problems) == region.problems and region.brace in closing:
            whole = Piece(start="template", span=Span(region.begin, closing[region.brace] + 1))
            built = self._build(whole)
            if built is not None:
                self.items.append(built)
                return
        self.broken.append(("template", region.name))
        for declaration in self._declarations:
            name = getattr(declaration, "name", None)
            if isinstance(name, surface.Word):
                self.broken.append((type(declaration).__name__.lower(), name.text))

    def _take_test(self, piece: Piece) -> None:
        """A whole test; of a broken one, each broken line by itself, as if the others were not there."""
        text = self.source.text
        try:
            self.items.append(SurfaceBuilder().transform(read(text, "test", piece.span, piece.missing)))
            return
        except Unreadable as error:
            unreadable = error
        broken = []
        for line in test_lines(text, piece.span):
            alone = SourceText(name=self.source.name, text=without_others(text, line, piece.span))
            try:
                read(alone.text, "test", piece.span, piece.missing)
            except Unreadable as error:
                broken.append((alone, error))
        if len(broken) < 2:
            self.report(piece, unreadable)
            return
        for alone, cause in broken:
            found = self._said(alone, piece, cause)
            self.problems.append(evolve(found, source=self.source))

    def _take_header(self, piece: Piece) -> None:
        built = self._build(piece)
        if built is not None:
            self._heading = built
        else:
            text = self.source.text[piece.span.start : piece.span.end]
            title, version = _HEADER_TITLE.search(text), _HEADER_VERSION.search(text)
            self._heading = (
                surface.Text(
                    value=unquote(title.group()) if title else "", environment=False, span=piece.span
                ),
                surface.Word(text=version.group(1) if version else "1", span=piece.span),
                None,
            )
        self._span = piece.span

    def _take_declarations(self, piece: Piece) -> None:
        start, end = piece.span.start, piece.span.end
        while start < end and len(self.problems) <= MAX_PROBLEMS:
            rest = Piece(
                start="declarations",
                span=Span(start, end),
                missing=piece.missing,
                parameters=self._parameters(),
            )
            try:
                tree = read(self.source.text, rest.start, rest.span, rest.missing, rest.parameters)
            except Unreadable as unreadable:
                start = self._skip_broken(piece, rest, unreadable)
            else:
                self._keep(tree)
                break
        self._span = self._span.to(piece.span)

    def _skip_broken(self, piece: Piece, rest: Piece, unreadable: Unreadable) -> int:
        """Report the broken declaration, keep what stands before it, and say where to go on."""
        start, end = rest.span.start, rest.span.end
        before = [at for at in piece.weak if start < at <= unreadable.offset]
        if before:
            try:
                span = Span(start, before[-1])
                self._keep(read(self.source.text, "declarations", span, parameters=self._parameters()))
            except Unreadable:
                pass
            else:
                return before[-1]
        following = next((at for at in piece.weak if at > max(start, unreadable.offset)), end)
        broken = Piece(
            start="declarations",
            span=Span(start, following),
            missing=piece.missing if following == end else 0,
            parameters=self._parameters(),
        )
        self.report(broken, unreadable)
        return following

    def _parameters(self) -> Mapping[str, str]:
        return {} if self._template is None else self._template.parameters

    def _keep(self, tree: Tree[Token]) -> None:
        self._declarations.extend(SurfaceBuilder().transform(tree))

    def _build(self, piece: Piece) -> Any:
        try:
            return SurfaceBuilder().transform(read(self.source.text, piece.start, piece.span, piece.missing))
        except Unreadable as unreadable:
            self.report(piece, unreadable)
            return None

    def report(self, piece: Piece, unreadable: Unreadable) -> None:
        """Add the diagnostic of a broken piece, and its name."""
        named = name_of(self.source.text, _first_word(self.source.text, piece.span.start))
        if named is not None and piece.start == "declarations":
            self.broken.append(named)
        self.problems.append(self._said(self.source, piece, unreadable))

    @staticmethod
    def _said(source: SourceText, piece: Piece, unreadable: Unreadable) -> Diagnostic:
        if not unreadable.code:
            return explain(parser(), source, piece)
        return Diagnostic(
            code=unreadable.code,
            message=unreadable.message,
            source=source,
            span=Span(unreadable.offset, unreadable.end),
        )


_BLANKS_AND_COMMENTS: Final = re.compile(r"(?:[\s\ufeff]+|#[^\n]*)*")


def _first_word(text: str, start: int) -> int:
    match = _BLANKS_AND_COMMENTS.match(text, start)
    return match.end() if match else start
