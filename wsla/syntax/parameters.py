"""Parameters in the body of a template: names that stand where a quantity or a quoted text could.

The grammar knows nothing of them. While a template is read, a name that is a parameter becomes a token of its kind
wherever the parser takes one; so every rule that takes a quantity takes a parameter too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from wsla.diagnostics.source import Span
from wsla.syntax import surface

if TYPE_CHECKING:
    from lark import Token, Tree

KINDS: Final = ("party", "service", "source", "schedule", "metric", "goal", "quantity", "text", "name")
"""What a parameter can be."""

_TERMINALS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"quantity": ("QUANTITY", "NUMBER"), "text": ("STRING",)}
)
_VALUES: Final = frozenset({"QUANTITY", "NUMBER", "STRING"})
_FIXED: Final = frozenset(
    {
        "approximate",
        "blocks",
        "capped",
        "ceiling",
        "channel",
        "claim",
        "counted",
        "effective",
        "environment",
        "every_day",
        "floor",
        "forgiving",
        "highest",
        "key",
        "kinds",
        "last_periods",
        "not_applicable",
        "overlapping_window",
        "parameter",
        "roles",
        "unknown_policy",
        "unknown_time",
        "until_value",
        "word",
    }
)
"""Rules in which a name is a word of the language or of a source, never a thing that the agreement declares."""


def tokens(reading: Any, text: str, parameters: Mapping[str, str] | None = None) -> Iterator[Token]:
    """The tokens of a text, for a parser that takes each before the next is asked for.

    ``parameters`` maps those of a template whose body is read on its own to their kinds.
    """
    lexed: Iterator[Token] = reading.lexer_thread.lex(reading.parser_state)
    return _tokens(reading, lexed, dict(parameters or {})) if parameters or "template" in text else lexed


def _tokens(reading: Any, lexed: Iterator[Token], parameters: dict[str, str]) -> Iterator[Token]:
    from lark import Token

    heading, depth = False, -1
    previous = before = ""
    for token in lexed:
        match token.type:
            case "TEMPLATE" if depth == -1 and previous not in (".", "{"):
                heading, parameters = True, {}
            case "LBRACE":
                if heading:
                    heading, depth = False, 0
                depth += depth >= 0
            case "RBRACE" if depth > 0:
                depth -= 1
                if depth == 0:
                    depth, parameters = -1, {}
            case _ if heading and previous == ":":
                parameters[before] = str(token)
            case "NAME" if not heading and parameters.get(token) in _TERMINALS:
                accepts = reading.accepts()
                kind = next((kind for kind in _TERMINALS[parameters[token]] if kind in accepts), "NAME")
                yield Token.new_borrow_pos(kind, str(token), token)
                previous, before = str(token), previous
                continue
        yield token
        previous, before = str(token), previous


def holes(template: Tree[Token]) -> tuple[surface.Word, ...]:
    """The places in a template's body at which one of its parameters stands, in order."""
    from lark import Token, Tree

    head, *declarations = template.children
    assert isinstance(head, Tree)
    names = {str(node.children[0]) for node in head.find_data("parameter")}
    found: list[surface.Word] = []
    waiting = [node for node in declarations if isinstance(node, Tree)]
    while waiting:
        node = waiting.pop()
        for place, child in enumerate(node.children):
            if isinstance(child, Tree):
                waiting.append(child)
            elif isinstance(child, Token) and child in names and _is_hole(node, place, child):
                start = child.start_pos or 0
                found.append(surface.Word(text=str(child), span=Span(start, start + len(child))))
    return tuple(sorted(found, key=lambda word: word.span.start))


def _is_hole(node: Tree[Token], place: int, token: Token) -> bool:
    if token.type in _VALUES:
        return True
    if token.type != "NAME" or node.data in _FIXED:
        return False
    # A function's name, a template's, a field's unit and the period of a fee are no names of the agreement.
    return not (
        (node.data in ("call", "use", "needed_group") and place == 0)
        or node.data in ("field", "service_item", "assumed", "each")
    )
