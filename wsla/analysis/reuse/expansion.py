"""Puts in place of each use what its template declares, the arguments in place of the parameters (rule M68).

The bodies are read again as texts that stand behind the agreement's own, level by level; so whatever can be written in
an agreement can be written in a template, and every place can be told in the text that its author wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import define, evolve, field, frozen

from wsla.analysis.reporter import Reporter
from wsla.analysis.reuse.arguments import checked_arguments
from wsla.analysis.reuse.library import Entry, Library, collect, uses
from wsla.diagnostics.assembled import AssembledText, Piece
from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText, Span
from wsla.syntax import surface
from wsla.syntax.parse import MAX_TEXT, parse, parse_declarations

MAX_USES: Final = 10_000
"""How many uses a text may have, those inside of templates counted each time."""
MAX_LEVELS: Final = 16
"""How deep templates may use templates."""

_DECLARED: Final = (
    surface.Party,
    surface.Service,
    surface.Source,
    surface.Schedule,
    surface.Metric,
    surface.Goal,
)


@frozen(kw_only=True)
class Expanded:
    """``document`` without uses that could be expanded, ``source`` the text that its places are in.

    ``missing`` are names that would be declared if a broken template could be read.
    """

    document: surface.Document
    source: SourceText
    diagnostics: tuple[Diagnostic, ...] = ()
    missing: frozenset[str] = frozenset()


def expand(document: surface.Document, source: SourceText, library: Library) -> Expanded:
    """The document with all uses expanded. Every diagnostic is in the text where the mistake is."""
    agreements = [item for item in document.items if isinstance(item, surface.Agreement)]
    if not any(uses(agreement.declarations) for agreement in agreements):
        return Expanded(document=document, source=source)
    expansion = _Expansion(library=library, main=source)
    roots = {
        agreement.span: _Node(agreement.declarations, _kinds(agreement.declarations))
        for agreement in agreements
    }
    expansion.run(list(roots.values()))
    items = tuple(
        evolve(item, declarations=roots[item.span].flat()) if isinstance(item, surface.Agreement) else item
        for item in document.items
    )
    assembled = expansion.assembled()
    return Expanded(
        document=evolve(document, items=items),
        source=assembled,
        diagnostics=tuple(assembled.told(found) for found in expansion.diagnostics),
        missing=_Everything() if expansion.unknown else frozenset(expansion.missing),
    )


def expanded_text(source: SourceText) -> tuple[surface.Document, SourceText]:
    """The document of a text with its uses expanded, and the text that its places are in."""
    document, _ = parse(source)
    expanded = expand(document, source, collect(document, source)[0])
    return expanded.document, expanded.source


def _kinds(declarations: tuple[surface.Declaration, ...]) -> dict[str, str]:
    return {one.name.text: type(one).__name__.lower() for one in declarations if isinstance(one, _DECLARED)}


@define
class _Node:
    """Declarations, and those that stand in place of each use among them, by where the use begins."""

    declarations: tuple[surface.Declaration, ...]
    declared: Mapping[str, str]
    inner: dict[int, _Node] = field(factory=dict)

    def flat(self) -> tuple[surface.Declaration, ...]:
        """The declarations with every use expanded."""
        found: list[surface.Declaration] = []
        for declaration in self.declarations:
            if not isinstance(declaration, surface.Use):
                found.append(declaration)
            elif declaration.span.start in self.inner:
                found.extend(self.inner[declaration.span.start].flat())
        return tuple(found)


@define(kw_only=True)
class _Expansion:
    """``text`` is what has been put together so far: the main text and, behind it, a stretch for each use."""

    library: Library
    main: SourceText
    text: str = ""
    pieces: list[Piece] = field(factory=list)
    diagnostics: list[Diagnostic] = field(factory=list)
    missing: set[str] = field(factory=set)
    unknown: bool = False
    count: int = 0

    def run(self, roots: list[_Node]) -> None:
        """Expands the uses of agreements, those of their templates, and so on."""
        self.text = self.main.text
        whole = Span(0, len(self.text))
        self.pieces.append(Piece(start=0, end=whole.end, source=self.main, written=whole))
        nodes, level = roots, 1
        while nodes:
            nodes = self._level(nodes, level)
            level += 1

    def assembled(self) -> AssembledText:
        """The text as it is now."""
        return AssembledText(
            name=self.main.name, text=self.text, imports=self.main.imports, pieces=tuple(self.pieces)
        )

    def _level(self, nodes: list[_Node], level: int) -> list[_Node]:
        reporter = Reporter(SourceText(name=self.main.name, text=self.text) if level > 1 else self.main)
        parts, length = [self.text, "\n"], len(self.text) + 1
        regions: list[tuple[_Node, surface.Use, Span]] = []
        for node in nodes:
            for use in uses(node.declarations):
                # Mistakes in the uses that stand in templates have been reported there.
                told = reporter if level == 1 else Reporter(self.main)
                entry = self.library.find(told, use)
                given = None if entry is None else checked_arguments(told, use, entry.template, node.declared)
                if entry is None or given is None:
                    self._miss(use, self.library.templates.get(use.template.text))
                    continue
                self.count += 1
                body = entry.template.body
                if self.count > MAX_USES or level > MAX_LEVELS or length + body.end - body.start > MAX_TEXT:
                    self._refuse(reporter, use, level)
                    self.diagnostics += reporter.diagnostics
                    return []
                stretch = self._fill(entry, use, given, length)
                parts += [stretch, "\n"]
                regions.append((node, use, Span(length, length + len(stretch))))
                length += len(stretch) + 1
        self.diagnostics += reporter.diagnostics
        if regions:
            self.text = "".join(parts)
        return self._read(regions)

    def _fill(
        self, entry: Entry, use: surface.Use, given: Mapping[str, surface.ArgumentValue], start: int
    ) -> str:
        """The body of a template with what stands in place of its parameters; ``start`` is where it will begin."""
        template, source = entry.template, entry.source
        defaults = {one.name.text: one.default for one in template.parameters}
        parts: list[str] = []
        position = template.body.start

        def add(text: str, written: Span, value: Span | None = None, default: Span | None = None) -> None:
            nonlocal start
            if text:
                self.pieces.append(
                    Piece(
                        start=start,
                        end=start + len(text),
                        source=source,
                        written=written,
                        value=value,
                        default=default,
                        use=use.span,
                    )
                )
            parts.append(text)
            start += len(text)

        for hole in template.holes:
            add(source.text[position : hole.span.start], Span(position, hole.span.start))
            value = given.get(hole.text)
            if value is not None:
                add(self.text[value.span.start : value.span.end], hole.span, value=value.span)
            else:
                default = defaults[hole.text]
                assert default is not None
                add(source.text[default.span.start : default.span.end], hole.span, default=default.span)
            position = hole.span.end
        add(source.text[position : template.body.end], Span(position, template.body.end))
        return "".join(parts)

    def _read(self, regions: list[tuple[_Node, surface.Use, Span]]) -> list[_Node]:
        if not regions:
            return []
        source = SourceText(name=self.main.name, text=self.text)
        nodes = []
        for node, use, span in regions:
            declarations, problem = parse_declarations(source, span)
            if problem is not None:
                self._miss(use, self.library.templates[use.template.text])
                self.diagnostics.append(
                    evolve(
                        problem,
                        code="E0911",
                        message=f"`{use.template.text}` cannot be read with these arguments: {problem.message}",
                        suggestion=None,
                    )
                )
                continue
            inner = _Node(declarations, {**node.declared, **_kinds(declarations)})
            node.inner[use.span.start] = inner
            nodes.append(inner)
        return nodes

    def _miss(self, use: surface.Use, entry: Entry | None) -> None:
        """What a use would have declared is not reported as missing."""
        self.missing |= {one.value.text for one in use.arguments if isinstance(one.value, surface.Word)}
        if entry is not None:
            self.missing |= _kinds(entry.template.declarations).keys()
            if any(isinstance(one, surface.Effective) for one in entry.template.declarations):
                self.missing.add("effective")
        else:
            self.unknown = True

    def _refuse(self, reporter: Reporter, use: surface.Use, level: int) -> None:
        if level > MAX_LEVELS:
            message = f"templates may use templates {MAX_LEVELS} deep, and these go deeper"
        elif self.count > MAX_USES:
            message = f"templates may be used {MAX_USES:,} times, and these are used more often"
        else:
            message = f"all that templates declare may have {MAX_TEXT:,} characters, and this has more"
        reporter.error("E0912", message, use.template.span)
        self.unknown = True


class _Everything(frozenset[str]):
    """The names of a template that nobody knows: each name may be one of them."""

    def __contains__(self, name: object) -> bool:
        return True

    def __or__(self, other: object) -> _Everything:
        return self

    __ror__ = __or__
