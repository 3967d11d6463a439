"""Elements as XML text."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from wsla.interop.wsla_xml.tree import Element

_SPACES = ' xmlns="http://www.ibm.com/wsla" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def document_text(root: Element) -> str:
    """A whole document, indented."""
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', *_lines(root, "", _SPACES), ""])


def in_one_line(element: Element) -> str:
    """An element as it stands in a comment."""
    head = _head(element, "")
    if not element.children and not element.text:
        return f"<{head}/>"
    inner = "".join(in_one_line(child) for child in element.children)
    return f"<{head}>{escape(element.text)}{inner}</{element.name}>"


def _lines(element: Element, indent: str, spaces: str = "") -> Iterator[str]:
    head = _head(element, spaces)
    if not element.children:
        text = escape(element.text)
        yield f"{indent}<{head}>{text}</{element.name}>" if text else f"{indent}<{head}/>"
        return
    yield f"{indent}<{head}>{escape(element.text)}"
    for child in element.children:
        yield from _lines(child, f"{indent}  ")
    yield f"{indent}</{element.name}>"


def _head(element: Element, spaces: str) -> str:
    return element.name + spaces + "".join(f" {key}={quoteattr(value)}" for key, value in element.attributes)
