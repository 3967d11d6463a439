"""Files of rules and of unit tests as YAML: mappings, lists, texts. Every text stands between quotes or in a block."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_:.-]*|[1-9][0-9]*(?:ms|s|m|h|d)(?:[0-9]+(?:ms|s|m|h|d))*")
_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_SPECIAL: Final = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_HALF: Final = re.compile(r"[\ud800-\udfff]")

Value = str | int | Mapping[str, "Value"] | Sequence["Value"]


def document(value: Mapping[str, Value], remarks: Iterable[str] = ()) -> str:
    """A document, with remarks above it."""
    above = [f"# {' '.join(_UNPRINTABLE.sub(' ', one).split())}" for one in remarks]
    return "\n".join([*above, *_mapping(value, "")]) + "\n"


def templated(text: str) -> str:
    """A text in which Prometheus finds no template."""
    return text.replace("{{", '{{ "{{" }}')


def _mapping(value: Mapping[str, Value], indent: str) -> Iterator[str]:
    for key, one in value.items():
        head = f"{indent}{_scalar(key)}:"
        if isinstance(one, str | int):
            yield from _text(head, one, indent)
        elif not one:
            yield f"{head} {'{}' if isinstance(one, Mapping) else '[]'}"
        elif isinstance(one, Mapping):
            yield head
            yield from _mapping(one, f"{indent}  ")
        else:
            yield head
            for item in one:
                lines = list(_item(item, f"{indent}    "))
                yield f"{indent}  - {lines[0].lstrip(' ')}"
                yield from lines[1:]


def _item(value: Value, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _mapping(value, indent)
    else:
        assert isinstance(value, str | int)
        yield f"{indent}{_scalar(value)}"


def _text(head: str, value: str | int, indent: str) -> Iterator[str]:
    lines = value.split("\n") if isinstance(value, str) else []
    if len(lines) > 1 and not _UNPRINTABLE.search(str(value)) and lines[0][:1] not in ("", " ") and lines[-1]:
        yield f"{head} |-"
        for line in lines:
            yield f"{indent}  {line}" if line else ""
    else:
        yield f"{head} {_scalar(value)}"


def _scalar(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if '"' in value and not _UNPRINTABLE.search(value) and "\n" not in value:
        return "'" + value.replace("'", "''") + "'"
    whole = _HALF.sub("\N{REPLACEMENT CHARACTER}", value)
    return _SPECIAL.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(whole, ensure_ascii=False))
