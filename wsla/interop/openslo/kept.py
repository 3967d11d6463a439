"""Nodes as JSON on one line, as they stand in comments; what looks like a secret is left out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from wsla.interop.openslo.schema import number_of
from wsla.interop.openslo.tree import Node, Shape

LEFT_OUT: Final = "left out"
_SECRET: Final = re.compile(
    r"secret|password|passphrase|token|api_?key|app_?key|access_?key|credential|private", re.I
)
_TRUTHS: Final = {"true": True, "false": False}


def value_of(node: Node, key: str = "") -> Any:
    """The mappings, lists, texts, truths and numbers of a node; numbers that JSON would change stay texts."""
    match node.shape:
        case Shape.NOTHING:
            return None
        case Shape.MAPPING:
            return {one.key: value_of(one.value, one.key) for one in node.entries}
        case Shape.LIST:
            return [value_of(one, key) for one in node.items]
        case Shape.TEXT:
            return LEFT_OUT if _SECRET.search(key) else _scalar(node)


def _scalar(node: Node) -> Any:
    if not node.plain:
        return node.text
    if node.text in _TRUTHS:
        return _TRUTHS[node.text]
    number = number_of(node.text)
    if number is None:
        return node.text
    read = json.loads(str(number)) if json_number(node.text) else node.text
    return read if str(read) == node.text else node.text


def json_number(text: str) -> bool:
    """True where JSON writes a number so."""
    return re.fullmatch(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", text) is not None


def in_one_line(value: Any) -> str:
    """A value as JSON, of which the blanks outlive that comments are put in order."""
    return json.dumps(value, ensure_ascii=False).replace("  ", " \\u0020")


def without(value: dict[str, Any], *paths: tuple[str, ...]) -> dict[str, Any]:
    """A mapping without what stands at some paths, and without mappings that are empty then."""
    left = {
        key: without(one, *[path[1:] for path in paths if path[0] == key and len(path) > 1])
        if isinstance(one, dict)
        else one
        for key, one in value.items()
        if (key,) not in paths
    }
    return {key: one for key, one in left.items() if one not in ({}, None)}


def has_secrets(node: Node) -> bool:
    """True where something that looks like a secret stands in a node."""
    if node.shape is Shape.MAPPING:
        return any(
            (_SECRET.search(one.key) and one.value.shape is Shape.TEXT) or has_secrets(one.value)
            for one in node.entries
        )
    return any(has_secrets(one) for one in node.items)


def merged(*values: dict[str, Any]) -> dict[str, Any]:
    """Mappings laid over one another, the later over the earlier."""
    made: dict[str, Any] = {}
    for value in values:
        for key, one in value.items():
            there = made.get(key)
            made[key] = merged(there, one) if isinstance(there, dict) and isinstance(one, dict) else one
    return made


def first_of(values: Iterable[str]) -> str:
    """The first text that is not empty, or an empty one."""
    return next((one for one in values if one), "")
