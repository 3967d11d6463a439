"""Conditions as PromQL: a text that has a value exactly where the condition is known to be true."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from wsla.interop.prometheus.terms import Comparison, Term, ValueOf


@frozen
class Both:
    """All of them hold."""

    parts: tuple[Condition, ...]


@frozen
class Either:
    """One of them holds."""

    parts: tuple[Condition, ...]


Condition = Comparison | Both | Either


def joined(kind: type[Both] | type[Either], *parts: Condition) -> Condition:
    """Some conditions as one; what is said twice is said once."""
    flat: list[Condition] = []
    for part in parts:
        flat += part.parts if isinstance(part, kind) else (part,)
    once = [one for number, one in enumerate(flat) if one not in flat[:number]]
    return once[0] if len(once) == 1 else kind(tuple(once))


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """Every comparison in a condition."""
    if isinstance(condition, Comparison):
        yield condition
    else:
        for part in condition.parts:
            yield from comparisons(part)


def terms_of(condition: Condition) -> tuple[Term, ...]:
    """Every series that a condition rests on, once."""
    return tuple(dict.fromkeys(term for one in comparisons(condition) for term in one.terms))


def holds(condition: Condition, value_of: ValueOf) -> bool:
    """Whether a condition is known to be true."""
    match condition:
        case Comparison():
            return condition.holds(value_of) is True
        case Both(parts):
            return all(holds(part, value_of) for part in parts)
        case Either(parts):
            return any(holds(part, value_of) for part in parts)


def text_of(condition: Condition, indent: str = "") -> str:
    """The text of a condition, on several lines where it has several parts."""
    if isinstance(condition, Comparison):
        return indent + condition.text
    word = "and" if isinstance(condition, Both) else "or"
    parts = [
        text_of(part, indent)
        if isinstance(part, Comparison)
        else f"{indent}(\n{text_of(part, indent + '  ')}\n{indent})"
        for part in condition.parts
    ]
    return f"\n{indent}{word}\n".join(parts)
