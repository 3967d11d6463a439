"""Printing of what a service is made of: its fee, what it stands on, what is assumed of it."""

from __future__ import annotations

from typing import assert_never

from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.syntax.formatter_expressions import each_window, expression, text_of
from wsla.syntax.formatter_layout import Layout

ServiceLine = surface.ServiceItem | surface.Assumed | surface.Needs


def service_head(node: surface.Service) -> tuple[str, Span]:
    """What stands behind the name of a service, and the part after which its block begins."""
    parts: list[str] = []
    after = node.name.span
    if node.title is not None:
        parts.append(text_of(node.title))
        after = node.title.span
    if node.origin is not None:
        parts.append(f"from {text_of(node.origin.title)}.{node.origin.service.text}")
        after = node.origin.span
    return " ".join(parts), after


def item_name(item: ServiceLine) -> str:
    """The word with which a line of a service begins."""
    return "needs" if isinstance(item, surface.Needs) else item.name.text


def service_item(item: ServiceLine, layout: Layout, indent: int) -> str:
    """What stands behind that word."""
    match item:
        case surface.ServiceItem(value=value, per=per):
            return expression(value, layout, indent) + (f" per {per.text}" if per else "")
        case surface.Assumed(measure=measure, value=value, window=window):
            return f"{measure.text} {value.text} {each_window(window)}"
        case surface.Needs(need=need):
            return _need(need)
        case _:
            assert_never(item)


def _need(node: surface.Need) -> str:
    match node:
        case surface.Needed(name=name):
            return name.text
        case surface.NeededGroup(word=word, counted=counted, members=members):
            return f"{word.text}{' of ' if counted else ''}({', '.join(_need(one) for one in members)})"
        case _:
            assert_never(node)
