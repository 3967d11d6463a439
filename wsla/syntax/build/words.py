"""Tokens as words and texts, and what every part of the builder needs."""

from __future__ import annotations

from typing import Any, Protocol

from wsla.diagnostics.source import Span
from wsla.syntax import surface


class Token(str):
    """A token: its text, with the grammar's name for its kind and where it begins."""

    __slots__ = ("start_pos", "type")

    start_pos: int
    type: str


class Meta(Protocol):
    """From where to where the rule goes that is being built; ``empty`` where it has no text."""

    empty: bool
    start_pos: int
    end_pos: int


_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


def unquote(lexeme: str) -> str:
    """The value of a quoted text: without quotes, with escapes undone; an unknown escape stands for its character."""
    inner = lexeme[1:-1]
    if "\\" not in inner:
        return inner
    parts: list[str] = []
    characters = iter(inner)
    for character in characters:
        if character == "\\":
            following = next(characters, "")
            parts.append(_ESCAPES.get(following, following))
        else:
            parts.append(character)
    return "".join(parts)


def span_of(meta: Meta) -> Span:
    """The span of a rule's match; an empty match has no place."""
    return Span(0, 0) if meta.empty else Span(meta.start_pos, meta.end_pos)


def token_span(token: Token) -> Span:
    """The span of a token."""
    start = token.start_pos
    return Span(start, start + len(token))


def to_word(token: Token) -> surface.Word:
    """A token as a word; a percent sign stands directly after its number."""
    return surface.Word(text=str(token).replace(" %", "%"), span=token_span(token))


def maybe_word(token: Token | None) -> surface.Word | None:
    """A token as a word, if there is one."""
    return None if token is None else to_word(token)


def to_text(token: Token) -> surface.Text:
    """A quoted token as a text; a token without quotes is the name of a template's parameter."""
    parameter = not token.startswith('"')
    value = str(token) if parameter else unquote(token)
    return surface.Text(value=value, environment=False, parameter=parameter, span=token_span(token))


def maybe_text(token: Token | None) -> surface.Text | None:
    """A quoted token as a text, if there is one."""
    return None if token is None else to_text(token)


def items(_: object, __: Meta, *found: Any) -> tuple[Any, ...]:
    """Everything that is there, without the places of what was left out."""
    return tuple(item for item in found if item is not None)


def first(_: object, __: Meta, item: Any = None) -> Any:
    """The only thing there."""
    return item


def as_word(value: Token | surface.Word) -> surface.Word:
    """A token or a word as a word."""
    return to_word(value) if isinstance(value, Token) else value


def only(found: tuple[Any, ...] | None) -> Any:
    """The one thing of a list that may be empty."""
    return found[0] if found else None
