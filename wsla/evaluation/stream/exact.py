"""Exact values and unknown: comparison, arithmetic and Kleene's logic (rule M6)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from wsla.analysis.operations import Value

COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = MappingProxyType(
    {
        "<=": operator.le,
        "<": operator.lt,
        ">=": operator.ge,
        ">": operator.gt,
        "==": operator.eq,
        "!=": operator.ne,
    }
)


def compare(sign: str, left: Value, right: Value) -> bool | None:
    """``left sign right``; unknown where a side is."""
    return None if left is None or right is None else COMPARISONS[sign](left, right)


def divide(left: Any, right: Any) -> Value:
    """The exact quotient, a whole number where it is one; unknown for a division by zero."""
    if right == 0:
        return None
    if type(left) is int and type(right) is int:
        return Fraction(left, right) if left % right else left // right
    return whole(Fraction(left) / right)


def whole(number: Fraction) -> int | Fraction:
    """A fraction, or the whole number that it is (those are faster)."""
    return number.numerator if number.denominator == 1 else number


def calculate(sign: str, left: Any, right: Any) -> Value:
    """``left sign right`` with one of ``+ - * / started completed rounded``; unknown where a side or a quotient is."""
    if left is None or right is None:
        return None
    match sign:
        case "+":
            result = left + right
        case "-":
            result = left - right
        case "*":
            result = left * right
        case "started":
            return None if right == 0 else -(-left // right)
        case "completed":
            return None if right == 0 else left // right
        case "rounded":
            result = round(Fraction(left) / right) * right
        case _:
            return divide(left, right)
    return whole(result) if isinstance(result, Fraction) else result


def both(left: Value, right: Value) -> bool | None:
    """``and``."""
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def either(left: Value, right: Value) -> bool | None:
    """``or``."""
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


def negation(operand: Value) -> bool | None:
    """``not``."""
    return None if operand is None else not operand


def logic(word: str, left: Value, right: Value) -> bool | None:
    """``and``, ``or``, ``implies``."""
    match word:
        case "and":
            return both(left, right)
        case "or":
            return either(left, right)
        case _:
            return either(negation(left), right)


def text_of(value: Value) -> object:
    """A value as JSON holds it; ``value_of`` reads it back."""
    # Asking for the very type is much quicker than asking whether it is one of the numbers.
    if type(value) is Fraction:
        return {"ratio": f"{value.numerator}/{value.denominator}"}
    return value


def value_of(text: Any) -> Any:
    """The value that ``text_of`` wrote."""
    return Fraction(text["ratio"]) if isinstance(text, dict) else text
