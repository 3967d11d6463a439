"""Scalar operations: arithmetic, comparisons, Kleene's logic and tables, without observations."""

from __future__ import annotations

from fractions import Fraction

import pytest

from wsla.analysis.operations import (
    Arithmetic,
    Arm,
    Choice,
    Compare,
    Constant,
    Logical,
    Negation,
    Operation,
    SourceField,
    Value,
)
from wsla.analysis.types import BooleanType, NumberType, Shape, TextType
from wsla.evaluation.scalars import scalar_value


def number(value: Value) -> Constant:
    return Constant(shape=Shape.SCALAR, type=NumberType(), value=value)


def calculate(operator: str, left: Value, right: Value) -> Value:
    operation = Arithmetic(shape=Shape.SCALAR, type=NumberType(), operator=operator, left=0, right=1)
    return scalar_value((number(left), number(right), operation), 2)


def compare(operator: str, left: Value, right: Value) -> Value:
    operation = Compare(shape=Shape.SCALAR, type=BooleanType(), operator=operator, left=0, right=1)
    return scalar_value((number(left), number(right), operation), 2)


def combine(operator: str, left: Value, right: Value) -> Value:
    operation = Logical(shape=Shape.SCALAR, type=BooleanType(), operator=operator, left=0, right=1)
    return scalar_value((number(left), number(right), operation), 2)


def test_arithmetic_is_exact() -> None:
    assert calculate("+", Fraction(1, 10), Fraction(2, 10)) == Fraction(3, 10)
    assert calculate("-", 1, 3) == -2
    assert calculate("*", Fraction(1, 10), 2000) == 200
    result = calculate("/", 1, 3)
    assert result == Fraction(1, 3)
    assert isinstance(result, Fraction)


def test_division_by_zero_and_unknown_operands_are_unknown() -> None:
    assert calculate("/", 1, 0) is None
    assert calculate("+", None, 1) is None
    assert compare("<", 1, None) is None
    assert compare("==", None, None) is None


@pytest.mark.parametrize(
    ("operator", "less", "equal", "more"),
    [
        ("<=", True, True, False),
        ("<", True, False, False),
        (">=", False, True, True),
        (">", False, False, True),
        ("==", False, True, False),
        ("!=", True, False, True),
    ],
)
def test_comparisons_at_their_boundary(operator: str, less: bool, equal: bool, more: bool) -> None:
    found = [compare(operator, Fraction(side, 3), Fraction(2, 3)) for side in (1, 2, 3)]
    assert found == [less, equal, more]


def test_words_compare_for_equality_alone() -> None:
    assert compare("==", "eu", "eu") is True
    assert compare("!=", "eu", "us") is True
    with pytest.raises(ValueError, match="words"):
        compare("<", "eu", "us")


@pytest.mark.parametrize("left", [True, False, None])
@pytest.mark.parametrize("right", [True, False, None])
def test_logic_is_kleenes(left: bool | None, right: bool | None) -> None:
    order = {False: 0, None: 1, True: 2}
    back = {place: value for value, place in order.items()}
    assert combine("and", left, right) is back[min(order[left], order[right])]
    assert combine("or", left, right) is back[max(order[left], order[right])]
    assert combine("implies", left, right) is back[max(2 - order[left], order[right])]


def test_negation_of_unknown_is_unknown() -> None:
    for value, expected in ((True, False), (False, True), (None, None)):
        operations = (number(value), Negation(shape=Shape.SCALAR, type=BooleanType(), operand=0))
        assert scalar_value(operations, 1) is expected


def table(subject: Value, otherwise: int | None = 5) -> Value:
    operations: tuple[Operation, ...] = (
        number(subject),
        number(Fraction(99, 100)),
        number(Fraction(95, 100)),
        number(10),
        number(25),
        number(100),
        Choice(
            shape=Shape.SCALAR,
            type=NumberType(),
            subject=0,
            arms=(Arm(operator=">=", bound=1, value=3), Arm(operator=">=", bound=2, value=4)),
            otherwise=otherwise,
        ),
    )
    return scalar_value(operations, 6)


def test_the_first_arm_that_fits_wins() -> None:
    assert table(Fraction(99, 100)) == 10
    assert table(Fraction(9899, 10000)) == 25
    assert table(Fraction(94, 100)) == 100
    assert table(Fraction(94, 100), otherwise=None) is None
    assert table(None) is None


def test_what_depends_on_observations_is_refused() -> None:
    operations = (SourceField(shape=Shape.SIGNAL, type=TextType(), source="probe", field="ok"),)
    with pytest.raises(ValueError, match="depends on observations"):
        scalar_value(operations, 0)


def test_operations_that_are_not_needed_are_not_looked_at() -> None:
    field = SourceField(shape=Shape.SIGNAL, type=TextType(), source="probe", field="ok")
    assert scalar_value((field, number(7)), 1) == 7


def test_a_long_sum_does_not_exhaust_the_stack() -> None:
    operations: list[Operation] = [number(1)]
    for position in range(5000):
        operations.append(
            Arithmetic(shape=Shape.SCALAR, type=NumberType(), operator="+", left=position, right=0)
        )
    assert scalar_value(operations, 5000) == 5001
