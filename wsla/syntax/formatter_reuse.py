"""Templates and their uses as text: on one line if they fit, else with a line for each parameter or argument."""

from __future__ import annotations

from collections.abc import Sequence

from wsla.diagnostics.width import display_width
from wsla.syntax import surface
from wsla.syntax.formatter_expressions import text_of
from wsla.syntax.formatter_layout import INDENT, WIDTH


def template_head(node: surface.Template) -> str:
    """``template NAME(parameters)``; the opening brace follows it."""
    return _listed(f"template {node.name.text}", [_parameter(one) for one in node.parameters], 0, len(" {"))


def use(node: surface.Use) -> str:
    """``use NAME(arguments)``."""
    arguments = [f"{one.name.text} = {_value(one.value)}" for one in node.arguments]
    return _listed(f"use {node.template.text}", arguments, INDENT, 0)


def _parameter(node: surface.Parameter) -> str:
    default = "" if node.default is None else f" = {_value(node.default)}"
    return f"{node.name.text}: {node.kind.text}{default}"


def _value(node: surface.ArgumentValue) -> str:
    return text_of(node) if isinstance(node, surface.Text) else node.text


def _listed(head: str, parts: Sequence[str], indent: int, reserve: int) -> str:
    joined = f"{head}({', '.join(parts)})"
    if indent + display_width(joined) + reserve <= WIDTH:
        return joined
    margin = " " * indent
    return "\n".join(
        [
            f"{head}(",
            *(
                f"{margin}{' ' * INDENT}{part}{',' * (place < len(parts))}"
                for place, part in enumerate(parts, 1)
            ),
            f"{margin})",
        ]
    )
