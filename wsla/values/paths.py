"""Paths to one value in a JSON document: `$.queue.length`, `$.items[0]['due at']` (singular queries of RFC 9535)."""

from __future__ import annotations

import re
from typing import Final

Step = str | int
"""The name of a member, or the index of an element; negative ones count from the end."""

_STEP: Final = re.compile(
    r"""\.(?P<name>[^\W\d][\w-]*)|\[(?:(?P<index>0|-?[1-9][0-9]{0,8})|'(?P<one>[^'\\]*)'|"(?P<two>[^"\\]*)")\]"""
)
_MOST_STEPS: Final = 64


class PathError(ValueError):
    """A text that is no path to one value."""


class Missing:
    """What `value_at` gives where there is nothing at the path."""


def parse_path(text: str) -> tuple[Step, ...]:
    """The steps of a path. Raises PathError."""
    steps: list[Step] = []
    place = 1
    while place < len(text):
        match = _STEP.match(text, place)
        if match is None:
            break
        place = match.end()
        names = [name for name in match.group("name", "one", "two") if name is not None]
        steps.append(names[0] if names else int(match["index"]))
    if not text.startswith("$") or place < len(text) or len(steps) > _MOST_STEPS:
        raise PathError(f"`{text}` is not a path to one value, such as `$.queue.length` or `$.items[0].age`")
    return tuple(steps)


def value_at(document: object, path: tuple[Step, ...]) -> object:
    """The value at a path of a JSON document; the class Missing where there is none."""
    found = document
    for step in path:
        if isinstance(step, str):
            found = found.get(step, Missing) if isinstance(found, dict) else Missing
        else:
            elements = found if isinstance(found, list) else []
            found = elements[step] if -len(elements) <= step < len(elements) else Missing
    return found
