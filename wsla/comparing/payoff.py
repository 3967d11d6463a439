"""What a goal costs at each measured value, under both versions: compared at every threshold and between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from attrs import define, field, frozen

from wsla.analysis.operations import Arithmetic, Choice, Compare, Logical, Negation, Value
from wsla.analysis.types import NumberType, Shape
from wsla.comparing.formulas import Side
from wsla.evaluation.reference.pointwise import Leaf, compare, operands, value_of
from wsla.explaining.words import value_words
from wsla.plan.model import Credit, Goal
from wsla.testing.history import leaves
from wsla.values.money import format_money, round_to_minor
from wsla.values.quantities import TIME

Key = tuple[str, str, str]
"""Debtor, creditor, and the currency or unit."""


class NotStepwise(Exception):
    """The amounts do not depend on one measured value alone, step by step."""


@frozen(kw_only=True)
class Range:
    """Values from ``low`` to ``high``, with or without the ends; None is no end. ``point`` is one of them."""

    low: Fraction | None
    high: Fraction | None
    low_included: bool
    high_included: bool
    point: Fraction

    def words(self, side: Side, leaf: int) -> str:
        """``from 95% to below 99%``; empty for all values."""
        kind = side.version.plan.operations[leaf].type

        def shown(bound: Fraction) -> str:
            return value_words(bound, kind)

        if self.low is not None and self.low == self.high:
            return f"is exactly {shown(self.low)}"
        if self.low is None and self.high is None:
            return ""
        if self.low is None:
            assert self.high is not None
            return f"is {'at most' if self.high_included else 'below'} {shown(self.high)}"
        first = f"{'at least' if self.low_included else 'above'} {shown(self.low)}"
        if self.high is None:
            return f"is {first}"
        return f"is {first} and {'at most' if self.high_included else 'below'} {shown(self.high)}"


@frozen(kw_only=True)
class Step:
    """In a range of the measured value, what is owed before and after, and how each amount was written."""

    range: Range | None
    before: Fraction
    after: Fraction
    written_before: str
    written_after: str


@define
class Payoff:
    """What one party owes another for a goal in a window, as a function of the one value that is measured.

    Raises NotStepwise on creation where it is no such function. ``judged`` says whether the goal's condition decides
    about it (else the amounts alone are compared).
    """

    side: Side
    goal: Goal
    credits: Sequence[tuple[Credit, bool]]
    judged: bool = True
    leaf: int | None = field(init=False, default=None)
    bounds: set[Fraction] = field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        plan = self.side.version.plan
        roots = [operation for credit, _ in self.credits for operation in credit.operations]
        roots += [self.goal.condition] if self.judged else []
        if any(credit.part is not None for credit, _ in self.credits):
            raise NotStepwise
        found = {leaf for root in roots for leaf in leaves(plan, root)}
        if len({self.side.numbers[leaf] for leaf in found}) > 1:
            raise NotStepwise
        self.leaf = next(iter(found), None)
        for root in roots:
            self._collect(root)

    def _collect(self, index: int) -> None:
        """The thresholds below an operation; raises NotStepwise where it is not constant between thresholds."""
        node = self.side.version.plan.operations[index]
        match node:
            case _ if node.shape is Shape.SCALAR:
                return
            case Choice():
                for arm in node.arms:
                    self._threshold(node.subject, arm.bound)
                    self._collect(arm.value)
                if node.otherwise is not None:
                    self._collect(node.otherwise)
            case Compare():
                left_is_fixed = self.side.version.plan.operations[node.left].shape is Shape.SCALAR
                one, other = (node.right, node.left) if left_is_fixed else (node.left, node.right)
                self._threshold(one, other)
            case Logical() | Negation() | Arithmetic():
                for operand in operands(node):
                    self._collect(operand)
            case _:
                raise NotStepwise

    def _threshold(self, measured: int, bound: int) -> None:
        plan = self.side.version.plan
        value = self.side.fixed(bound) if plan.operations[bound].shape is Shape.SCALAR else None
        # A condition may be measured too: then it is true or false, and there is nothing between.
        number = isinstance(value, int | Fraction) and not isinstance(value, bool)
        if not number or not isinstance(plan.operations[measured].type, NumberType):
            raise NotStepwise
        if self.leaf is None or self.side.numbers[measured] != self.side.numbers[self.leaf]:
            raise NotStepwise
        assert isinstance(value, int | Fraction)
        self.bounds.add(Fraction(value))

    def at(self, point: Fraction) -> tuple[Fraction, str]:
        """What is owed where that is measured, and how it was written."""

        def leaf(_: int, __: Leaf) -> Value:
            return point

        operations = self.side.version.plan.operations
        total, written = Fraction(0), []
        for credit, reward in self.credits:
            if self.judged and value_of(operations, self.goal.condition, leaf) is not reward:
                continue
            value = value_of(operations, credit.amount, leaf)
            owed = Fraction(value) if isinstance(value, int | Fraction) else Fraction(0)
            if credit.at_most is not None:
                most = value_of(operations, credit.at_most, leaf)
                owed = min(owed, Fraction(most)) if isinstance(most, int | Fraction) else owed
            above = None if credit.only_above is None else value_of(operations, credit.only_above, leaf)
            least = Fraction(above) if isinstance(above, int | Fraction) else Fraction(0)
            if owed > max(least, Fraction(0)):
                total += owed
                written.append(self._written(credit.amount, leaf))
        return total, " plus ".join(written)

    def _written(self, index: int, leaf: Callable[[int, Leaf], Value]) -> str:
        operations = self.side.version.plan.operations
        node = operations[index]
        if isinstance(node, Choice):
            subject = value_of(operations, node.subject, leaf)
            for arm in node.arms:
                bound = value_of(operations, arm.bound, leaf)
                if compare(arm.operator, subject, bound):
                    return self._written(arm.value, leaf)
            return "" if node.otherwise is None else self._written(node.otherwise, leaf)
        return self.side.version.written.quote(node.span)


def steps(old: Payoff | None, new: Payoff | None) -> list[Step]:
    """Where the two differ, from the least value to the greatest; neighbours with one difference are one range.

    Raises NotStepwise where they rest on different measured values.
    """
    some = new if new is not None and new.leaf is not None else old
    if old is not None and new is not None and old.leaf is not None and new.leaf is not None:
        same = old.side.numbers[old.leaf] == new.side.numbers[new.leaf]
        if not same and old.side.called(old.leaf) != new.side.called(new.leaf):
            raise NotStepwise
    bounds = sorted({bound for one in (old, new) if one is not None for bound in one.bounds})
    found: list[Step] = []
    for part in _ranges(bounds, *_domain(some)):
        before, written_before = (Fraction(0), "") if old is None else old.at(part.point)
        after, written_after = (Fraction(0), "") if new is None else new.at(part.point)
        last = found[-1] if found else None
        told = (before, after, written_before, written_after)
        if last is not None and last.range is not None and _told(last) == told:
            joined = Range(
                low=last.range.low,
                low_included=last.range.low_included,
                high=part.high,
                high_included=part.high_included,
                point=part.point,
            )
            found[-1] = Step(
                range=joined,
                before=before,
                after=after,
                written_before=written_before,
                written_after=written_after,
            )
            continue
        found.append(
            Step(
                range=part,
                before=before,
                after=after,
                written_before=written_before,
                written_after=written_after,
            )
        )
    return [step for step in found if step.before != step.after]


def _told(step: Step) -> tuple[Fraction, Fraction, str, str]:
    return (step.before, step.after, step.written_before, step.written_after)


def _domain(payoff: Payoff | None) -> tuple[Fraction | None, Fraction | None]:
    """The least and greatest value that can be measured."""
    if payoff is None or payoff.leaf is None:
        return None, None
    kind = payoff.side.version.plan.operations[payoff.leaf].type
    if isinstance(kind, NumberType) and kind.share:
        return Fraction(0), Fraction(1)
    return (Fraction(0), None) if isinstance(kind, NumberType) and kind.dimension == TIME else (None, None)


def _ranges(bounds: Sequence[Fraction], least: Fraction | None, most: Fraction | None) -> Iterable[Range]:
    """The bounds, and the open stretches around and between them, inside what can be measured."""
    inside = [
        bound for bound in bounds if (least is None or bound >= least) and (most is None or bound <= most)
    ]
    if not inside:
        yield Range(low=None, high=None, low_included=False, high_included=False, point=least or Fraction(0))
        return
    for number, bound in enumerate(inside):
        before = inside[number - 1] if number else None
        if before is None:
            if least is None or least < bound:
                yield Range(
                    low=None,
                    high=bound,
                    low_included=False,
                    high_included=False,
                    point=bound - 1 if least is None else (least + bound) / 2,
                )
        else:
            yield Range(
                low=before, high=bound, low_included=False, high_included=False, point=(before + bound) / 2
            )
        yield Range(low=bound, high=bound, low_included=True, high_included=True, point=bound)
    last = inside[-1]
    if most is None or last < most:
        point = last + 1 if most is None else (last + most) / 2
        yield Range(low=last, high=None, low_included=False, high_included=False, point=point)


def owed_words(amount: Fraction, currency: str, written: str) -> str:
    """``200.00 EUR (10% of web.fee)``, or ``nothing``."""
    if not amount:
        return "nothing"
    shown = format_money(round_to_minor(amount, currency), currency)
    plain = shown.replace(".00 ", " ")
    return shown if not written or written in (shown, plain) else f"{shown} ({written})"


def unit_of(side: Side, credit: Credit) -> str:
    """The currency, or the agreement's own unit, in which a credit is owed."""
    kind = side.version.plan.operations[credit.amount].type
    bases = kind.dimension.exponents if isinstance(kind, NumberType) else ()
    money = [base.removeprefix("money:") for base, _ in bases if base.startswith("money:")]
    own = [base for base, _ in bases if base not in ("time", "data", "day")]
    return next(iter([*money, *own]), side.version.plan.currency or "")
