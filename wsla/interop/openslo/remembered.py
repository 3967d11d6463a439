"""What the comments of an import keep of objects, by the declaration that they stand above."""

from __future__ import annotations

import json
from typing import Any

from attrs import define

from wsla.interop.writing import kept_in
from wsla.syntax import surface


@define
class Remembered:
    """The objects kept in the comments of a text, with their places."""

    kept: list[tuple[int, dict[str, Any]]]

    @classmethod
    def of(cls, document: surface.Document) -> Remembered:
        """Reads them; a comment that somebody has changed into something else says nothing."""
        found: list[tuple[int, dict[str, Any]]] = []
        for one in document.comments:
            line = kept_in(one.text, "openslo")
            try:
                value = None if line is None else json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict) and isinstance(value.get("kind"), str):
                found.append((one.span.start, value))
        return cls(found)

    def above(self, kind: str, start: int, before: int) -> dict[str, Any]:
        """What is kept of an object of a kind between two places; the last where there are several."""
        found = [
            one
            for place, one in self.kept
            if before <= place < start and one["kind"] == kind and "apiVersion" not in one
        ]
        return found[-1] if found else {}

    def whole(self) -> list[dict[str, Any]]:
        """The objects of v1 that were kept as they are."""
        return [one for _, one in self.kept if one.get("apiVersion") == "openslo/v1"]


def part(value: dict[str, Any], *path: str) -> dict[str, Any]:
    """The mapping at a path, empty where there is none."""
    found: Any = value
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def text_at(value: dict[str, Any], *path: str) -> str:
    """The text at a path, empty where there is none."""
    found = part(value, *path[:-1]).get(path[-1])
    return found if isinstance(found, str) else ""
