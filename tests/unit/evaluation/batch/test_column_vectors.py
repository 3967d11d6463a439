"""Formulas over columns, against the rules for single values, with numbers that overflow 64 bits on the way."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wsla.analysis.operations import Value
from wsla.analysis.types import BooleanType, NumberType, TextType
from wsla.evaluation.batch import vectors
from wsla.evaluation.batch.vectors import Number, Text, Truth, Vector, common
from wsla.evaluation.reference.pointwise import arithmetic, compare, logical, negate

TRUTHS = st.sampled_from((True, False, None))
WHOLE = st.one_of(
    st.none(), st.integers(-4, 4), st.sampled_from((10**9, 2**31, 2**53 + 1, 2**62, -(2**62), 2**63 - 1))
)
SCALES = st.sampled_from((Fraction(1), Fraction(1, 10**6), Fraction(3, 7), Fraction(10**9)))


@st.composite
def numbers(draw: st.DrawFn, size: int) -> tuple[Number, list[Value]]:
    """A column with its values; one value may stand for all."""
    alone = draw(st.booleans())
    raw = draw(st.lists(WHOLE, min_size=1 if alone else size, max_size=1 if alone else size))
    scale = draw(SCALES)
    known = np.array([value is not None for value in raw], dtype=np.bool_)
    above = np.array([value or 0 for value in raw], dtype=np.int64)
    below = None
    parts = [1] * len(raw)
    if draw(st.integers(0, 3)) == 0:
        parts = draw(st.lists(st.integers(1, 5), min_size=len(raw), max_size=len(raw)))
        below = np.array(parts, dtype=np.int64)
    column = Number(above, below, scale, None if known.all() else known)
    values = [
        None if value is None else Fraction(value, part) * scale
        for value, part in zip(raw, parts, strict=True)
    ]
    return column, values * size if alone else values


@st.composite
def truths(draw: st.DrawFn, size: int) -> tuple[Truth, list[Value]]:
    raw = draw(st.lists(TRUTHS, min_size=size, max_size=size))
    true = np.array([value is True for value in raw], dtype=np.bool_)
    false = np.array([value is False for value in raw], dtype=np.bool_)
    return Truth(true, None if None not in raw else false), list(raw)


def values_of(vector: Vector, size: int) -> list[Value]:
    found: list[Any]
    match vector:
        case Truth():
            true = np.broadcast_to(vector.true, (size,)).tolist()
            false = np.broadcast_to(vector.not_true, (size,)).tolist()
            assert not any(a and b for a, b in zip(true, false, strict=True))
            return [True if a else False if b else None for a, b in zip(true, false, strict=True)]
        case Number():
            above = np.broadcast_to(vector.numerators, (size,)).tolist()
            below = [1] * size
            if vector.denominators is not None:
                below = np.broadcast_to(vector.denominators, (size,)).tolist()
            found = [Fraction(a) / b * vector.scale for a, b in zip(above, below, strict=True)]
        case Text():
            found = np.broadcast_to(vector.values, (size,)).tolist()
    known = [True] * size if vector.known is None else np.broadcast_to(vector.known, (size,)).tolist()
    return [value if here else None for value, here in zip(found, known, strict=True)]


SIZE = 4


@given(numbers(SIZE), numbers(SIZE), st.sampled_from(("+", "-", "*", "/", "started", "completed")))
def test_arithmetic(one: Any, other: Any, symbol: str) -> None:
    (left, a), (right, b) = one, other
    found = vectors.arithmetic(symbol, left, right)
    expected = [arithmetic(symbol, x, y) for x, y in zip(a, b, strict=True)]
    assert values_of(found, SIZE) == expected
    assert values_of(common(found), SIZE) == expected


@given(numbers(SIZE), st.sampled_from((Fraction(1), Fraction(1, 4), Fraction(3))))
def test_rounding(one: Any, step: Fraction) -> None:
    left, a = one
    right = vectors.constant(step, NumberType())
    assert isinstance(right, Number)
    found = vectors.arithmetic("rounded", left, right)
    assert values_of(found, SIZE) == [arithmetic("rounded", x, step) for x in a]


@given(numbers(SIZE), numbers(SIZE), st.sampled_from(("<", "<=", ">", ">=", "==", "!=")))
def test_comparisons(one: Any, other: Any, symbol: str) -> None:
    (left, a), (right, b) = one, other
    expected = [compare(symbol, x, y) for x, y in zip(a, b, strict=True)]
    assert values_of(vectors.compare(symbol, left, right), SIZE) == expected


@given(truths(SIZE), truths(SIZE), truths(SIZE), st.integers(1, 3))
def test_logic(one: Any, other: Any, third: Any, count: int) -> None:
    (left, a), (right, b), (last, c) = one, other, third
    for symbol in ("and", "or", "implies"):
        expected = [logical(symbol, x, y) for x, y in zip(a, b, strict=True)]
        assert values_of(vectors.logical(symbol, left, right), SIZE) == expected
    assert values_of(vectors.negate(left), SIZE) == [negate(x) for x in a]
    down = [
        True if row.count(False) >= count else False if row.count(False) + row.count(None) < count else None
        for row in zip(a, b, c, strict=True)
    ]
    assert values_of(vectors.at_least_down((left, right, last), count), SIZE) == down


@given(numbers(SIZE), numbers(SIZE), numbers(SIZE), numbers(SIZE) | st.none())
def test_tables(subject: Any, bound: Any, value: Any, otherwise: Any) -> None:
    """M8: an unknown subject gives unknown, whatever the last line says."""
    arms = [(">=", bound[0], value[0]), ("<", value[0], bound[0])]
    found = vectors.choice(subject[0], arms, None if otherwise is None else otherwise[0], NumberType())
    expected: list[Value] = []
    for row in range(SIZE):
        s, b, v = subject[1][row], bound[1][row], value[1][row]
        last = None if otherwise is None else otherwise[1][row]
        chosen = v if compare(">=", s, b) else b if compare("<", s, v) else last
        expected.append(None if s is None else chosen)
    assert values_of(found, SIZE) == expected


def test_words_are_equal_or_not() -> None:
    words = Text(np.array(["open", "closed", ""], dtype=object), np.array([True, True, False]))
    found = vectors.compare("==", words, vectors.constant("open", TextType()))
    assert values_of(found, 3) == [True, False, None]
    found = vectors.compare("!=", vectors.constant("open", TextType()), words)
    assert values_of(found, 3) == [False, True, None]


def test_a_limit_that_is_not_whole_is_compared_exactly() -> None:
    """0.3 in millionths is whole, a third is not; neither is rounded."""
    column = Number(np.array([333_333, 333_334], dtype=np.int64), scale=Fraction(1, 10**6))
    third = vectors.constant(Fraction(1, 3), NumberType())
    assert values_of(vectors.compare("<", column, third), 2) == [True, False]
    assert values_of(vectors.compare(">=", column, third), 2) == [False, True]
    assert values_of(vectors.compare("==", column, third), 2) == [False, False]
    assert values_of(vectors.compare("!=", column, third), 2) == [True, True]


def test_what_is_never_known() -> None:
    for type_ in (BooleanType(), NumberType(), TextType()):
        assert values_of(vectors.unknown(type_), 2) == [None, None]
        assert values_of(vectors.constant(None, type_), 2) == [None, None]
