"""Equality, hash and representation by fields, once for all classes for which attrs would otherwise write them.

attrs compiles them anew for every class at every start, and `wsla check` has some two hundred classes: a record is
declared with ``frozen(kw_only=True, eq=False, repr=False)`` and this base, which says the same half as expensively.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any

from attrs import fields


class Record:
    """Equal to another of its own class where all fields are that count for equality."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        kind: Any = self.__class__
        compared = _compared(kind)
        return bool(compared(self) == compared(other))

    def __hash__(self) -> int:
        kind: Any = self.__class__
        return hash((kind, _compared(kind)(self)))

    def __repr__(self) -> str:
        kind: Any = self.__class__
        shown = (f"{name}={getattr(self, name)!r}" for name in _shown(kind))
        return f"{kind.__qualname__}({', '.join(shown)})"


@cache
def _compared(kind: type[Any]) -> Callable[[Any], Any]:
    names = [one.name for one in fields(kind) if one.eq]
    return attrgetter(*names) if names else _nothing


@cache
def _shown(kind: type[Any]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind) if one.repr)


def _nothing(record: object) -> tuple[()]:
    return ()
