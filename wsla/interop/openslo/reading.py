"""YAML into nodes with places. No tag makes an object, and what aliases repeat counts as often as it is repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from attrs import define, field

from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText, Span
from wsla.interop.openslo.tree import Entry, Node, Shape
from wsla.interop.safety import DEEPEST, MOST_PARTS, not_well_formed, refused, too_deep, too_many_parts

if TYPE_CHECKING:
    from yaml import Event
    from yaml.error import Mark

_TAGS: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = frozenset(
    f"{_TAGS}{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map", "timestamp")
)
_NOTHING: Final = re.compile(r"|~|null|Null|NULL")
_MERGE: Final = "<<"


class _Stopped(Exception):
    """Reading ends here."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def read(source: SourceText) -> tuple[Node, ...] | Diagnostic:
    """The documents of a file, or why there are none. Raises ImportError where PyYAML is missing."""
    import yaml

    try:
        # A file may begin with a mark of its encoding, of which nothing is said any more.
        return tuple(
            _Reading(source=source, events=yaml.parse(source.text, Loader=yaml.SafeLoader)).documents()
        )
    except _Stopped as stopped:
        return stopped.diagnostic
    except yaml.reader.ReaderError as problem:
        place = Span(problem.position, problem.position + 1)
        return not_well_formed(source, place, f"the sign U+{problem.character:04X} may not stand in it")
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        start = 0 if mark is None else min(mark.index, max(0, len(source.text) - 1))
        return not_well_formed(source, Span(start, start + 1), problem.problem or "it cannot be read")


@define
class _Open:
    """A mapping or list whose end has not come yet."""

    shape: Shape
    start: int
    anchor: str | None
    before: int
    height: int = 1
    items: list[Node] = field(factory=list)


@define
class _Reading:
    """What is made of the events of the parser, without recursion."""

    source: SourceText
    events: Iterator[Event]
    _open: list[_Open] = field(factory=list)
    _anchors: dict[str, tuple[Node, int, int]] = field(factory=dict)
    _count: int = 0

    def documents(self) -> Iterator[Node]:
        """The root of each document that says anything."""
        import yaml

        for event in self.events:
            made: Node | None = None
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors.clear()
            elif isinstance(event, yaml.AliasEvent):
                made = self._alias(event.anchor, _span(event))
            elif isinstance(event, yaml.ScalarEvent):
                made = self._scalar(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._enter(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                made = self._leave(event.end_mark)
            if made is None:
                continue
            if self._open:
                self._open[-1].items.append(made)
            elif made.shape is not Shape.NOTHING:
                yield made

    def _counted(self, parts: int, span: Span) -> None:
        self._count += parts
        if self._count > MOST_PARTS:
            raise _Stopped(too_many_parts(self.source, span))

    def _alias(self, anchor: str, span: Span) -> Node:
        if anchor not in self._anchors:
            raise _Stopped(
                not_well_formed(self.source, span, f"there is nothing that `*{anchor}` could mean")
            )
        node, size, height = self._anchors[anchor]
        self._counted(size, span)
        self._deep(height, span)
        return node

    def _deep(self, height: int, span: Span) -> None:
        if len(self._open) + height > DEEPEST:
            raise _Stopped(too_deep(self.source, span))
        if self._open:
            self._open[-1].height = max(self._open[-1].height, height + 1)

    def _tag(self, tag: str | None, span: Span) -> None:
        if tag not in (None, "!") and tag not in _PLAIN_TAGS:
            raise _Stopped(refused(self.source, span, "tags, which would make objects, are"))

    def _scalar(self, event: Event) -> Node:
        span = _span(event)
        self._tag(event.tag, span)
        self._counted(1, span)
        plain = event.style is None and event.tag is None
        shape = Shape.NOTHING if plain and _NOTHING.fullmatch(event.value) else Shape.TEXT
        node = Node(shape=shape, text=event.value, plain=plain, span=span)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, 1, 0)
        return node

    def _enter(self, event: Event) -> None:
        import yaml

        span = _span(event)
        self._tag(event.tag, span)
        self._counted(1, span)
        if len(self._open) >= DEEPEST:
            raise _Stopped(too_deep(self.source, span))
        shape = Shape.MAPPING if isinstance(event, yaml.MappingStartEvent) else Shape.LIST
        self._open.append(_Open(shape=shape, start=span.start, anchor=event.anchor, before=self._count - 1))

    def _leave(self, end: Mark) -> Node:
        done = self._open.pop()
        # The mark of a block's end is where the next thing begins.
        text = self.source.text[done.start : end.index].rstrip()
        span = Span(done.start, done.start + max(1, len(text)))
        if done.shape is Shape.LIST:
            node = Node(shape=Shape.LIST, items=tuple(done.items), span=span)
        else:
            node = Node(shape=Shape.MAPPING, entries=tuple(self._entries(done.items)), span=span)
        if done.anchor is not None:
            self._anchors[done.anchor] = (node, self._count - done.before, done.height)
        if self._open:
            self._open[-1].height = max(self._open[-1].height, done.height + 1)
        return node

    def _entries(self, parts: list[Node]) -> list[Entry]:
        made: dict[str, Entry] = {}
        merged: list[Entry] = []
        for key, value in zip(parts[::2], parts[1::2], strict=True):
            if key.shape not in (Shape.TEXT, Shape.NOTHING):
                raise _Stopped(not_well_formed(self.source, key.span, "a key has to be a word"))
            if key.text == _MERGE and key.plain:
                merged += [entry for one in (value.items or (value,)) for entry in one.entries]
            elif key.text in made:
                raise _Stopped(
                    not_well_formed(self.source, key.span, f"the key `{key.text}` stands here twice")
                )
            else:
                made[key.text] = Entry(key=key.text, value=value, span=key.span)
        for entry in merged:
            made.setdefault(entry.key, entry)
        return list(made.values())


def _span(event: Event) -> Span:
    start = event.start_mark.index
    return Span(start, max(start + 1, event.end_mark.index))
