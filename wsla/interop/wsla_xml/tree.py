"""The elements of a document, with their places in the text."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import field, frozen

from wsla.diagnostics.source import NOWHERE, Span
from wsla.interop.wsla_xml.vocabulary import canonical
from wsla.values.records import Record


@frozen(kw_only=True, eq=False, repr=False)
class Element(Record):
    """An element: its name without prefix, its attributes (``xsi:type`` is ``type`` of the schema's namespace, here
    ``xsi:type``), what stands in it, its own text without blanks around it.

    ``span`` is the start tag, ``inside`` the text where there is some and else the start tag.
    """

    name: str
    attributes: tuple[tuple[str, str], ...] = ()
    children: tuple[Element, ...] = ()
    text: str = ""
    span: Span = field(default=NOWHERE, eq=False, repr=False)
    inside: Span = field(default=NOWHERE, eq=False, repr=False)

    def attribute(self, name: str) -> str:
        """The value of an attribute, empty where there is none."""
        return next((value for key, value in self.attributes if key == name), "")

    @property
    def type(self) -> str:
        """The local name that ``xsi:type`` selects, with any prefix or none."""
        return canonical(self.attribute("xsi:type").rpartition(":")[2].strip())

    def all(self, *names: str) -> list[Element]:
        """The elements in it of these names, in the order of the document."""
        return [child for child in self.children if child.name in names]

    def first(self, *names: str) -> Element | None:
        """The first of them, or None."""
        return next(iter(self.all(*names)), None)

    def text_in(self, *names: str) -> str:
        """The text of the first of them, empty where there is none."""
        found = self.first(*names)
        return "" if found is None else found.text

    def walk(self) -> Iterator[Element]:
        """This element and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def element(tag: str, /, *children: Element, text: str = "", kind: str = "", **attributes: str) -> Element:
    """An element of our own; ``kind`` is its ``xsi:type``. Attributes without a value are left out."""
    named = tuple((key, value) for key, value in (("xsi:type", kind), *attributes.items()) if value)
    return Element(name=tag, attributes=named, children=children, text=text)
