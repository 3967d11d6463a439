"""The mappings, lists and scalars of a file, with their places in the text."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from attrs import field, frozen

from wsla.diagnostics.source import NOWHERE, Span
from wsla.values.records import Record


class Shape(Enum):
    """What a node is."""

    MAPPING = "a mapping"
    LIST = "a list"
    TEXT = "a text"
    NOTHING = "nothing"


@frozen(kw_only=True, eq=False, repr=False)
class Entry(Record):
    """A key of a mapping and what stands behind it."""

    key: str
    value: Node
    span: Span = field(default=NOWHERE, eq=False, repr=False)


@frozen(kw_only=True, eq=False, repr=False)
class Node(Record):
    """A part of a file: ``entries`` of a mapping, ``items`` of a list, ``text`` of a scalar as it was written.

    ``plain`` is False where quotes say that a scalar is a text, whatever it looks like.
    """

    shape: Shape
    entries: tuple[Entry, ...] = ()
    items: tuple[Node, ...] = ()
    text: str = ""
    plain: bool = True
    span: Span = field(default=NOWHERE, eq=False, repr=False)

    def get(self, *path: str) -> Node | None:
        """What stands behind a key, and there behind the next one; None where nothing does."""
        found: Node | None = self
        for key in path:
            if found is None:
                return None
            found = next((one.value for one in found.entries if one.key == key), None)
        return None if found is None or found.shape is Shape.NOTHING else found

    def string(self, *path: str) -> str:
        """The text behind keys, without blanks around it; empty where there is none."""
        found = self.get(*path)
        return found.text.strip() if found is not None and found.shape is Shape.TEXT else ""

    def each(self, *path: str) -> tuple[Node, ...]:
        """The items of the list behind keys."""
        found = self.get(*path)
        return () if found is None else found.items

    def keys(self) -> Iterator[str]:
        """The keys of a mapping."""
        return (one.key for one in self.entries)
