"""XML into elements with places. Document types, entities and anything outside of the file are refused."""

from __future__ import annotations

import re
from typing import Final
from xml.parsers import expat

from attrs import define, field

from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText, Span
from wsla.interop.safety import DEEPEST, MOST_PARTS, not_well_formed, refused, too_deep, too_many_parts
from wsla.interop.wsla_xml.tree import Element
from wsla.interop.wsla_xml.vocabulary import canonical

_TAG: Final = re.compile(r"""<[^<>"']*(?:"[^"]*"[^<>"']*|'[^']*'[^<>"']*)*>""")


def read(source: SourceText) -> Element | Diagnostic:
    """The root of a document, or why there is none."""
    reading = _Reading(source=source, bytes_=source.text.encode("utf-8", "replace"))
    parser = expat.ParserCreate(encoding="utf-8")
    parser.buffer_text = True
    reading.parser = parser
    parser.StartDoctypeDeclHandler = reading.doctype
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.characters
    try:
        parser.Parse(reading.bytes_, True)
    except _Stopped as stopped:
        return stopped.diagnostic
    except expat.ExpatError as problem:
        place = reading.place(parser.ErrorByteIndex)
        reason = (
            expat.errors.messages[problem.code] if problem.code in expat.errors.messages else str(problem)
        )
        return not_well_formed(source, Span(place, place + 1), reason)
    assert reading.root is not None
    return reading.root


class _Stopped(Exception):
    """Reading ends here."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


@define
class _Open:
    """An element whose end has not come yet."""

    name: str
    attributes: tuple[tuple[str, str], ...]
    span: Span
    children: list[Element] = field(factory=list)
    pieces: list[str] = field(factory=list)


@define
class _Reading:
    """What the parser calls. Its places are bytes; those of texts are code points."""

    source: SourceText
    bytes_: bytes
    parser: expat.XMLParserType = field(init=False)
    root: Element | None = None
    _open: list[_Open] = field(factory=list)
    _count: int = 0
    _known: tuple[int, int] = (0, 0)

    def place(self, byte: int) -> int:
        """The code point of a byte. Asked in the order of the text, each byte is looked at once."""
        before, points = self._known
        if byte < before:
            before, points = 0, 0
        points += len(self.bytes_[before:byte].decode("utf-8", "ignore"))
        self._known = (byte, points)
        return points

    def doctype(self, *_: object) -> None:
        # The parser tells of it when it has read the name and where the definitions are.
        end = self.place(self.parser.CurrentByteIndex)
        start = max(0, self.source.text.rfind("<!DOCTYPE", 0, end + 1))
        span = Span(start, start + len("<!DOCTYPE"))
        raise _Stopped(refused(self.source, span, "document types and their entities are"))

    def start(self, name: str, attributes: dict[str, str]) -> None:
        start = self.place(self.parser.CurrentByteIndex)
        tag = _TAG.match(self.source.text, start)
        span = Span(start, tag.end() if tag is not None else start + 1)
        self._count += 1
        if self._count > MOST_PARTS:
            raise _Stopped(too_many_parts(self.source, span))
        if len(self._open) >= DEEPEST:
            raise _Stopped(too_deep(self.source, span))
        found = tuple(
            (_attribute(key), " ".join(value.split()))
            for key, value in attributes.items()
            if not key.startswith("xmlns")
        )
        self._open.append(_Open(name=canonical(name.rpartition(":")[2]), attributes=found, span=span))

    def end(self, _: str) -> None:
        done = self._open.pop()
        end = self.place(self.parser.CurrentByteIndex)
        text = "".join(done.pieces)
        inside = done.span
        if text.strip() and not done.children:
            start = done.span.end + len(text) - len(text.lstrip())
            # References such as `&amp;` are longer than what they stand for.
            rest = self.source.text[done.span.end : end]
            inside = Span(min(start, end), done.span.end + len(rest.rstrip()))
        made = Element(
            name=done.name,
            attributes=done.attributes,
            children=tuple(done.children),
            text=" ".join(text.split()),
            span=done.span,
            inside=inside,
        )
        if self._open:
            self._open[-1].children.append(made)
        else:
            self.root = made

    def characters(self, text: str) -> None:
        if self._open:
            self._open[-1].pieces.append(text)


def _attribute(key: str) -> str:
    """Names without prefixes, but that the type of the instance and an attribute `type` stay apart."""
    prefix, _, name = key.rpartition(":")
    return f"xsi:{name}" if prefix and name in ("type", "schemaLocation", "nil") else name
