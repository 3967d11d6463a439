"""The templates that a text knows: its own and those of the files that it imports."""

from __future__ import annotations

from attrs import define, field, frozen

from wsla.analysis.reporter import Reporter, nearest, replace
from wsla.analysis.reuse.arguments import checked_arguments, kind_of_value, said_of_value
from wsla.diagnostics.diagnostic import Diagnostic, Related, Severity
from wsla.diagnostics.source import Imported, SourceText
from wsla.syntax import surface
from wsla.syntax.parameters import KINDS
from wsla.syntax.parse import parse


@frozen(kw_only=True)
class Entry:
    """A template and the text that it stands in."""

    template: surface.Template
    source: SourceText


@define
class Library:
    """Templates by name. ``broken`` names those that could not be read, ``circular`` those that use themselves;
    ``incomplete`` is True where a file is missing.
    """

    templates: dict[str, Entry] = field(factory=dict)
    broken: set[str] = field(factory=set)
    circular: set[str] = field(factory=set)
    incomplete: bool = False

    def find(self, reporter: Reporter, use: surface.Use) -> Entry | None:
        """The template of a use; None, and an error unless its own text is broken, where there is none."""
        name = use.template.text
        entry = self.templates.get(name)
        if entry is not None:
            return None if name in self.circular else entry
        if name not in self.broken and not self.incomplete:
            reporter.unknown_name("E0904", "template", use.template, self.templates, _NO_TEMPLATE)
        return None


_NO_TEMPLATE = "a template is written outside of agreements, in this file or in one that it imports"


def collect(document: surface.Document, source: SourceText) -> tuple[Library, tuple[Diagnostic, ...]]:
    """Everything that a document can use, and what is wrong with the templates and the imports."""
    library = Library()
    diagnostics: list[Diagnostic] = []
    imports = {(one.importer, one.path): one for one in source.imports}
    seen = {source.name}
    waiting = [(document, source)]
    while waiting:
        document, text = waiting.pop(0)
        reporter = Reporter(text)
        library.broken |= {name for keyword, name in document.broken_names if keyword == "template"}
        for item in document.items:
            match item:
                case surface.Import():
                    found = _follow(reporter, item, imports)
                    if found is None:
                        library.incomplete = True
                    elif found.name not in seen:
                        seen.add(found.name)
                        inner, problems = parse(found)
                        diagnostics.extend(problems)
                        waiting.append((inner, found))
                case surface.Template():
                    _add(reporter, library, Entry(template=item, source=text))
                case _:
                    pass
        diagnostics.extend(reporter.diagnostics)
    diagnostics.extend(_check_templates(library, source))
    return library, tuple(diagnostics)


def _follow(
    reporter: Reporter, written: surface.Import, imports: dict[tuple[str, str], Imported]
) -> SourceText | None:
    entry = imports.get((reporter.source.name, written.path.value))
    if entry is None:
        reporter.error(
            "E0901",
            f"`{written.path.value}` cannot be read: this text was not read together with its imports",
            written.path.span,
        )
        return None
    if entry.found is None:
        reporter.error(entry.problem[0], entry.problem[1], written.path.span)
    return entry.found


def _add(reporter: Reporter, library: Library, entry: Entry) -> None:
    name = entry.template.name
    first = library.templates.get(name.text)
    if first is None:
        library.templates[name.text] = entry
        return
    other = None if first.source is entry.source else first.source
    reporter.error(
        "E0905",
        f"there are two templates named `{name.text}`",
        name.span,
        related=(Related(span=first.template.name.span, text="the other one", source=other),),
    )


def _check_templates(library: Library, main: SourceText) -> list[Diagnostic]:
    reporters: dict[str, Reporter] = {}
    for entry in library.templates.values():
        reporter = reporters.setdefault(entry.source.name, Reporter(entry.source))
        _check_parameters(reporter, entry.template)
        for use in uses(entry.template.declarations):
            used = library.find(reporter, use)
            if used is not None:
                checked_arguments(reporter, use, used.template, {})
    for entry in library.templates.values():
        _check_circle(reporters[entry.source.name], library, entry.template)
    # What is remarkable in an imported file is said where that file itself is checked.
    return [
        found
        for reporter in reporters.values()
        for found in reporter.diagnostics
        if reporter.source is main or found.severity is Severity.ERROR
    ]


def uses(declarations: tuple[surface.Declaration, ...]) -> list[surface.Use]:
    """The uses among declarations."""
    return [declaration for declaration in declarations if isinstance(declaration, surface.Use)]


def _check_parameters(reporter: Reporter, template: surface.Template) -> None:
    seen: dict[str, surface.Parameter] = {}
    used = {hole.text for hole in template.holes}
    for parameter in template.parameters:
        name, kind, default = parameter.name, parameter.kind.text, parameter.default
        if name.text in seen:
            related = (Related(span=seen[name.text].name.span, text="first defined here"),)
            reporter.error("E0202", f"`{name.text}` is defined twice", name.span, related=related)
            continue
        seen[name.text] = parameter
        if kind not in KINDS:
            near = nearest(kind, KINDS)
            reporter.error(
                "E0906",
                f"there is no kind of parameter named `{kind}`",
                parameter.kind.span,
                notes=() if near else (f"kinds: {', '.join(KINDS)}",),
                suggestion=replace(parameter.kind.span, near) if near else None,
            )
            continue
        if default is not None and kind_of_value(default) != kind_of_value(kind):
            reporter.error("E0908", f"`{name.text}` is a {kind}, and {said_of_value(default)}", default.span)
        if name.text not in used:
            reporter.warning("W0910", f"the parameter `{name.text}` is never used", name.span)


def _check_circle(reporter: Reporter, library: Library, template: surface.Template) -> None:
    """An error at the use through which a template uses itself."""
    for use in uses(template.declarations):
        trail = _path(library, use.template.text, template.name.text)
        if trail is not None:
            library.circular.add(template.name.text)
            names = " → ".join(f"`{name}`" for name in (template.name.text, *trail))
            reporter.error("E0909", f"a template cannot be used to define itself: {names}", use.template.span)


def _path(library: Library, start: str, goal: str) -> tuple[str, ...] | None:
    trails: dict[str, tuple[str, ...]] = {start: (start,)}
    waiting = [start]
    while waiting:
        name = waiting.pop(0)
        if name == goal:
            return trails[name]
        entry = library.templates.get(name)
        for use in () if entry is None else uses(entry.template.declarations):
            if use.template.text not in trails:
                trails[use.template.text] = (*trails[name], use.template.text)
                waiting.append(use.template.text)
    return None
