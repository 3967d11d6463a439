"""What the parts of an import share: the document's things by name, and what was said of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from attrs import define, evolve, field

from wsla.diagnostics.diagnostic import Diagnostic, Severity
from wsla.diagnostics.source import SourceText, Span
from wsla.interop.writing import Names, kept, kept_as_comment
from wsla.interop.wsla_xml.tree import Element
from wsla.interop.wsla_xml.writing import in_one_line


class Unreadable(Exception):
    """A part that cannot be read, so that what needs it cannot be either; it was told of."""


@define
class Context:
    """One import: its text, the names given, what is said, and comments that wait for their declaration."""

    source: SourceText
    names: Names = field(factory=Names)
    found: list[Diagnostic] = field(factory=list)
    _elsewhere: dict[tuple[str, str], int] = field(factory=dict)

    def remark(self, code: str, span: Span, message: str, *notes: str) -> None:
        """A warning: something was read as it was most probably meant."""
        self._say(code, span, message, notes, Severity.WARNING)

    def error(self, span: Span, message: str, *notes: str) -> Unreadable:
        """An error, and what to raise where nothing can be made of the part."""
        self._say("E1103", span, message, notes, Severity.ERROR)
        return Unreadable(message)

    def keep(self, element: Element, what: str) -> str:
        """The comment that keeps an element, of which is told."""
        self.found.append(kept_as_comment(self.source, element.span, what))
        return kept("wsla", in_one_line(element))

    def resolve(self, kind: str, name: Element, known: Iterable[str], what: str) -> str | None:
        """The known name that an element means: that one, or the nearest, which is told. None if there is none."""
        wanted = name.text
        there = list(known)
        if wanted in there:
            return wanted
        folded = {one.casefold(): one for one in there}
        near = get_close_matches(wanted.casefold(), list(folded), n=1, cutoff=0.75)
        read_as = folded[near[0]] if near else None
        place = self._elsewhere.get((kind, wanted))
        if place is None:
            self._elsewhere[kind, wanted] = len(self.found)
            reading = f"read as `{read_as}`" if read_as is not None else "and none that is like it"
            self.remark("W1102", name.inside, f"there is no {what} named `{wanted}`, {reading}")
        else:
            self._again(place, name.inside)
        return read_as

    def _again(self, place: int, span: Span) -> None:
        """Adds the line of another place to what was said."""
        told = self.found[place]
        line, _ = self.source.position(span.start)
        lines = told.notes[0].removeprefix("also in lines ").split(", ") if told.notes else []
        if str(line) not in (*lines, str(told.position[0])):
            self.found[place] = evolve(told, notes=(f"also in lines {', '.join([*lines, str(line)])}",))

    def _say(self, code: str, span: Span, message: str, notes: tuple[str, ...], severity: Severity) -> None:
        said = Diagnostic(
            code=code, message=message, source=self.source, span=span, severity=severity, notes=notes
        )
        if said not in self.found:
            self.found.append(said)


def named(elements: Iterable[Element]) -> Mapping[str, Element]:
    """Elements by their name; of several of one name the first stands."""
    found: dict[str, Element] = {}
    for one in elements:
        found.setdefault(one.attribute("name"), one)
    return found
