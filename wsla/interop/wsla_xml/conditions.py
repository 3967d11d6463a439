"""Predicates and connectives as conditions of goals and of rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final

from attrs import define, evolve, frozen

from wsla.interop.wsla_xml.context import Context
from wsla.interop.wsla_xml.formulas import Formulas, number_of, truth
from wsla.interop.wsla_xml.tree import Element
from wsla.interop.wsla_xml.values import ATOM, COMPARISON, LOGIC, SUM, Grid, Value, as_kind, windowed
from wsla.values.records import Record

OPERATORS: Final = {"Greater": ">", "Less": "<", "Equal": "==", "GreaterEqual": ">=", "LessEqual": "<="}
_WORDS: Final = {"And": "and", "Or": "or", "Implies": "implies"}
# How tightly `or` and `and` hold within conditions.
_NOT: Final = 0.75
_AND: Final = 0.5
_OR: Final = 0.25


@frozen(kw_only=True, eq=False, repr=False)
class Test(Record):
    """A comparison: a value, an operator and a number; of a boolean value without them."""

    value: Value
    operator: str | None = None
    number: Fraction | None = None
    negated: bool = False


@frozen(kw_only=True, eq=False, repr=False)
class Violated(Record):
    """That an objective is violated."""

    objective: str


@frozen(kw_only=True, eq=False, repr=False)
class Joined(Record):
    """Conditions with ``and``, ``or``, ``implies`` or ``not`` between or before them."""

    word: str
    parts: tuple[Condition, ...]


Condition = bool | Test | Violated | Joined


@define
class Conditions:
    """Reads expressions. ``parameters`` are the elements by name, ``objectives`` likewise; ``own`` the names of both in
    the agreement; ``shares`` are the parameters of which a number above 1 is a percentage.
    """

    context: Context
    formulas: Formulas
    parameters: Mapping[str, Element]
    objectives: Mapping[str, Element]
    value_of: Callable[[str, Element], Value]

    def read(self, owner: Element) -> Condition:
        """The condition that stands in the expression of an element. Raises Unreadable."""
        expression = owner.first("Expression", "Expresssion")
        if expression is None:
            raise self.context.error(owner.span, f"`{owner.name}` needs an expression")
        return self.expression(expression)

    def expression(self, expression: Element) -> Condition:
        """The condition of an expression; parts that are always true or false are worked out."""
        found = expression.first("Predicate", "And", "Or", "Not", "Implies")
        if found is None:
            raise self.context.error(expression.span, "an expression needs a predicate or a connective")
        if found.name == "Predicate":
            return self._predicate(found)
        parts = [self.expression(one) for one in found.all("Expression", "Expresssion")]
        if found.name == "Not":
            if len(parts) != 1:
                raise self.context.error(found.span, "`Not` needs one expression")
            return joined("not", *parts)
        if len(parts) < 2 or (found.name == "Implies" and len(parts) > 2):
            raise self.context.error(found.span, f"`{found.name}` needs two expressions")
        if len(parts) > 2:
            self.context.remark(
                "W1101", found.span, f"`{found.name}` has two expressions in WSLA 1.0; all of them are read"
            )
        made = parts[0]
        for part in parts[1:]:
            made = joined(_WORDS[found.name], made, part)
        return made

    def _predicate(self, predicate: Element) -> Condition:
        match predicate.type:
            case "True" | "False" as word:
                return word == "True"
            case "Violation":
                named = predicate.first("ServiceLevelObjective")
                found = (
                    None
                    if named is None
                    else self.context.resolve("objective", named, self.objectives, "objective")
                )
                if found is None:
                    raise self.context.error(predicate.span, "`Violation` needs an objective")
                return Violated(objective=found)
            case "NewValue":
                return self._new_value(predicate)
            case kind if kind in OPERATORS:
                return self._compared(predicate, OPERATORS[kind])
            case other:
                raise self.context.error(predicate.span, f"there is no predicate `{other}` in WSLA 1.0")

    def _compared(self, predicate: Element, operator: str) -> Condition:
        value = self._parameter(predicate.first("SLAParameter"), predicate)
        given = predicate.first("Value")
        if given is None:
            raise self.context.error(predicate.span, f"`{predicate.type}` needs a value")
        if given.text in ("INF", "-INF"):
            below = (given.text == "INF") == (operator in ("<", "<="))
            self.context.remark(
                "W1105", given.inside, f"this is {'always' if below else 'never'} so, whatever is measured"
            )
            return below and operator != "=="
        number = number_of(self.context, given)
        if value.number is not None:
            raise self.context.error(predicate.span, "this parameter never changes")
        if value.kind == "boolean":
            condition = truth(value, operator, number)
            if condition is None:
                raise self.context.error(given.inside, "a status is 0 or 1, so this says nothing of it")
            return Test(value=value, negated=condition.startswith("not "))
        if value.kind == "share" and number > 1:
            self.context.remark(
                "W1104",
                given.inside,
                f"`{given.text}` is compared with a share of 0 to 1, and read as per cent",
            )
            number /= 100
        return Test(value=value, operator=operator, number=number)

    def _parameter(self, named: Element | None, owner: Element) -> Value:
        found = (
            None
            if named is None
            else self.context.resolve("parameter", named, self.parameters, "SLA parameter")
        )
        if found is None or named is None:
            raise self.context.error(owner.span, f"`{owner.type}` needs an SLA parameter")
        return self.value_of(found, named)

    def _new_value(self, predicate: Element) -> Condition:
        names = predicate.all("SLAParameter", "SLAParameterList")
        wanted = [evolve(one, text=word) for one in names for word in one.text.split()]
        if not wanted:
            raise self.context.error(predicate.span, "`NewValue` needs an SLA parameter")
        values = [self._parameter(one, predicate) for one in wanted]
        sources = dict.fromkeys(source for value in values for source in value.sources)
        tests: list[Condition] = []
        for source in sources:
            tick = self.formulas.measuring.tick(source)
            counted = windowed(
                f"count({source})", Grid(length=tick, tick=tick, tumbling=True), "number", (source,)
            )
            tests.append(Test(value=counted, operator=">=", number=Fraction(1)))
        if not tests:
            raise self.context.error(predicate.span, "nothing new is ever measured for this")
        made = tests[0]
        for test in tests[1:]:
            made = joined("or", made, test)
        return made


def joined(word: str, *parts: Condition) -> Condition:
    """Conditions joined, without those that are always true or always false."""
    if word == "not":
        (part,) = parts
        return not part if isinstance(part, bool) else Joined(word="not", parts=(part,))
    left, right = parts
    if word == "implies" and isinstance(left, bool):
        return right if left else True
    if word == "implies" and isinstance(right, bool):
        return True if right else joined("not", left)
    for one, other in ((left, right), (right, left)):
        if isinstance(one, bool):
            neutral = word == "and"
            return other if one == neutral else one
    return Joined(word=word, parts=(left, right))


def tests_in(condition: Condition) -> list[Test]:
    """All comparisons in a condition, in the order of the text."""
    match condition:
        case Test():
            return [condition]
        case Joined(parts=parts):
            return [test for part in parts for test in tests_in(part)]
        case _:
            return []


def objectives_in(condition: Condition) -> list[str]:
    """All objectives whose violation a condition looks at."""
    match condition:
        case Violated(objective=objective):
            return [objective]
        case Joined(parts=parts):
            return [one for part in parts for one in objectives_in(part)]
        case _:
            return []


def with_values(condition: Condition, values: Mapping[int, Value]) -> Condition:
    """The condition with other values for its comparisons, by their identity."""
    match condition:
        case Test():
            return evolve(condition, value=values[id(condition)])
        case Joined(parts=parts):
            return evolve(condition, parts=tuple(with_values(part, values) for part in parts))
        case _:
            return condition


def text_of(condition: Condition, names: Mapping[str, str]) -> str:
    """The condition as it stands in an agreement."""
    return _text(condition, names)[0]


def _text(condition: Condition, names: Mapping[str, str]) -> tuple[str, float]:
    match condition:
        case bool():
            raise AssertionError("what is always so is no condition")
        case Violated(objective=objective):
            return f"{names[objective]} violated", COMPARISON
        case Test(operator=None, value=value, negated=negated):
            return (f"not {value.at(ATOM)}", _NOT) if negated else (value.text, value.level)
        case Test(value=value, operator=operator, number=number):
            assert number is not None
            bound = as_kind(Value(text="", kind="literal", number=number), value.kind)
            return (
                f"{value.at(SUM) if value.level < SUM and value.level != 2 else value.text} {operator} {bound.text}",
                COMPARISON,
            )
        case Joined(word="not", parts=(part,)):
            text, level = _text(part, names)
            return f"not {text if level >= ATOM else f'({text})'}", _NOT
        case Joined(word=word, parts=(left, right)):
            own = {"and": _AND, "or": _OR, "implies": LOGIC}[word]
            texts = []
            loosest = own + 0.01 if word == "implies" else own
            for part, least in ((left, loosest), (right, own + 0.01)):
                text, level = _text(part, names)
                texts.append(text if level >= least else f"({text})")
            return f"{texts[0]} {word} {texts[1]}", own
        case _:
            raise AssertionError(condition)
