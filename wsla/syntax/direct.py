"""Reads a sound text straight into surface nodes, by lark's tables and without lark; gives up on every other text.

What is wrong with a text, and what can be read of it all the same, is lark's part: see ``parse``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from wsla.syntax.build import SurfaceBuilder
from wsla.syntax.build.words import Token
from wsla.syntax.tables import DEFAULT, Reduction, Tables

_Make = Callable[[list[Any], int, int], Any]


class Declined(Exception):
    """The text is not for this reader: it is broken, or it may be."""


class DirectReader:
    """The reader for one grammar.

    ``deepening`` names the rules that make an expression deeper; where more than ``most`` of them come between two of
    the rules ``settling``, the depth is for others to find out. ``declined`` names tokens that are for others too.
    """

    def __init__(
        self,
        tables: Tables,
        *,
        deepening: frozenset[str],
        settling: frozenset[str],
        most: int,
        declined: frozenset[str],
    ) -> None:
        self._tables = tables
        self._find: Final = re.compile(tables.pattern).finditer
        self._rows: Final = [dict(zip(state[::2], state[1::2], strict=True)) for state in tables.states]
        self._prepared: Final[list[tuple[int, int, _Make | None, int] | None]] = [None] * len(
            tables.reductions
        )
        self._deepening = deepening
        self._settling = settling
        self._most = most
        self._declined: Final = frozenset(
            number for number, name in enumerate(tables.names) if name in declined
        )
        self._kept: Final = frozenset(tables.kept)
        self._builder: Final = _Builder()

    def read(self, text: str, start: str, begin: int, end: int) -> Any:
        """What the builder makes of ``text[begin:end]``. Raises Declined."""
        tables, rows, prepared, names = self._tables, self._rows, self._prepared, self._tables.names
        kinds, words, word, kept = tables.kinds, tables.words, tables.word, self._kept
        most, declined, deeper = self._most, self._declined, 0
        final_kind = tables.end
        new = str.__new__
        state, last = tables.starts[start]
        states = [state]
        values: list[Any] = []
        # Where each value begins and ends; -1 for what is empty.
        begins: list[int] = []
        ends: list[int] = []
        position = begin
        for match in self._find(text, begin, end):
            if match.start() != position:
                raise Declined
            group = match.lastindex or 0
            at, position = match.span(group)
            kind = kinds[group]
            lexeme = match[group]
            if kind == word:
                kind = words.get(lexeme, word)
                if kind in declined:
                    raise Declined
            while True:
                row = rows[state]
                action = row.get(kind)
                if action is None:
                    action = row.get(DEFAULT)
                    if action is None:
                        raise Declined
                if action >= 0:
                    break
                origin, size, make, weight = prepared[~action] or self._prepare(~action)
                if make is None:
                    states.pop()
                    state = rows[states[-1]][origin]
                    states.append(state)
                    continue
                if weight:
                    deeper = deeper + 1 if weight > 0 else 0
                    if deeper > most:
                        raise Declined
                if size:
                    first, final = begins[-size], ends[-1]
                    if first < 0:
                        first = next((one for one in begins[-size:] if one >= 0), -1)
                    if final < 0:
                        final = next((one for one in reversed(ends[-size:]) if one >= 0), -1)
                    value = make(values[-size:], first, final)
                    del states[-size:], values[-size:], begins[-size:], ends[-size:]
                else:
                    first = final = -1
                    value = make([], -1, -1)
                values.append(value)
                begins.append(first)
                ends.append(final)
                state = rows[states[-1]][origin]
                states.append(state)
                if state == last:
                    if kind != final_kind:
                        raise Declined
                    return value
            state = action
            states.append(state)
            begins.append(at)
            ends.append(position)
            if kind in kept:
                token = new(Token, lexeme)
                token.type = names[kind]
                token.start_pos = at
                values.append(token)
            else:
                values.append(None)
        raise Declined

    def _prepare(self, number: int) -> tuple[int, int, _Make | None, int]:
        """(symbol, size, what makes its value, how it counts) of a reduction; None hands its one value on."""
        reduction = Reduction(*self._tables.reductions[number])
        weight = 1 if reduction.name in self._deepening else -1 if reduction.name in self._settling else 0
        make = None if reduction.single and reduction.size == 1 else self._make(reduction)
        found = reduction.origin, reduction.size, make, weight
        self._prepared[number] = found
        return found

    def _make(self, reduction: Reduction) -> _Make:
        gather = _gathering(reduction)
        if not reduction.name:
            return lambda children, first, final: gather(children)
        method = getattr(self._builder, reduction.name)
        place = _Place()

        def make(children: list[Any], first: int, final: int) -> Any:
            place.start_pos = first
            place.end_pos = final
            place.empty = first < 0
            return method(place, *gather(children))

        return make


def _gathering(reduction: Reduction) -> Callable[[list[Any]], list[Any]]:
    """What takes of a rule's children those that count: lists spread out, None for what was left out."""
    parts, missing = reduction.parts, reduction.missing
    if not any(spread for _, spread, _ in parts):
        chosen: list[int | None] = []
        for number, _, before in parts:
            chosen += [*[None] * before, number]
        chosen += [None] * missing
        if chosen == list(range(reduction.size)):
            return lambda children: children
        return lambda children: [None if number is None else children[number] for number in chosen]

    def gather(children: list[Any]) -> list[Any]:
        found: list[Any] = []
        for number, spread, before in parts:
            if before:
                found += [None] * before
            if not spread:
                found.append(children[number])
            elif found:
                found += children[number]
            else:
                # It is nobody else's list: one that grows to the right stays one list.
                found = children[number]
        if missing:
            found += [None] * missing
        return found

    return gather


class _Place:
    """From where to where the rule goes that a builder's method is called for."""

    __slots__ = ("empty", "end_pos", "start_pos")

    empty: bool
    start_pos: int
    end_pos: int


class _Builder(SurfaceBuilder):
    """Declines what others have to refuse."""

    def label_value(self, meta: Any, *parts: Any) -> Any:
        """A label is compared with `==` alone."""
        if parts[1] != "==":
            raise Declined
        return super().label_value(meta, *parts)
