"""``test`` blocks: the observations they make up and what they expect."""

from __future__ import annotations

from fractions import Fraction
from typing import assert_never

from attrs import define

from wsla.analysis import operations as op
from wsla.analysis.arena import Typed, resolve, settled
from wsla.analysis.checked import (
    Example,
    ExpectAction,
    Expectation,
    ExpectCredit,
    ExpectValue,
    ExpectVerdict,
    GivenData,
)
from wsla.analysis.constants import fixed_value
from wsla.analysis.expressions import ExpressionChecker
from wsla.analysis.goals import GoalChecker
from wsla.analysis.heads import instant
from wsla.analysis.modifiers import Context, duration
from wsla.analysis.reporter import replace
from wsla.analysis.scope import Scope
from wsla.analysis.types import InstantType, NumberType, Shape
from wsla.analysis.unify import agree
from wsla.syntax import surface
from wsla.values.calendars import parse_period, period_interval
from wsla.values.instants import Interval
from wsla.values.observations import Raw


@define(eq=False, repr=False)
class ExampleChecker:
    """Checks the tests of one agreement."""

    scope: Scope
    expressions: ExpressionChecker
    goals: GoalChecker

    def example(self, test: surface.Test) -> Example:
        """A whole test; steps with errors are left out, once reported."""
        given = [data for step in test.steps if isinstance(step, surface.Given) for data in self._given(step)]
        expectations = [
            found
            for step in test.steps
            if not isinstance(step, surface.Given) and (found := self._expectation(step)) is not None
        ]
        if not any(not isinstance(step, surface.Given) for step in test.steps):
            self.scope.reporter.error(
                "E0801", "this test expects nothing", test.title.span, notes=("add a line with `expect`",)
            )
        return Example(
            title=test.title.value, given=tuple(given), expectations=tuple(expectations), span=test.span
        )

    # --- given

    def _given(self, given: surface.Given) -> list[GivenData]:
        scope = self.scope
        beginning = given.start or given.at
        start = instant(scope, beginning) if beginning is not None else None
        every = duration(scope, given.every, "`every`") if given.every is not None else None
        until = instant(scope, given.until) if given.until is not None else None
        if given.length is not None:
            length = duration(scope, given.length, "`for`")
            if start is None:
                if given.start is None:
                    scope.reporter.error("E0802", "`for` needs a `from` to start at", given.length.span)
            elif length is not None:
                until = start + length
        if start is not None and until is not None and until <= start:
            scope.reporter.error("E0602", "these observations end before they start", given.span)
            return []
        groups: dict[str, dict[str, Raw]] = {}
        for assignment in given.assignments:
            value = self._assignment(assignment)
            if value is not None:
                groups.setdefault(assignment.source.text, {})[assignment.field.text] = value[0]
        found = []
        for name, values in groups.items():
            source = scope.sources[name].declared
            if source.records and given.every is None and start is None:
                scope.reporter.error(
                    "E0802",
                    f"a row of `{name}` needs an instant from which it holds",
                    given.span,
                    notes=("add `at 2026-03-02T10:00`",),
                )
                continue
            step = every
            if given.at is None and step is None and not source.records:
                step = source.every
                if step is None and start is None:
                    scope.reporter.error(
                        "E0802",
                        f"say when `{name}` gives these values: `every 30s`, or `at` an instant",
                        given.span,
                    )
                    continue
            found.append(
                GivenData(
                    source=name,
                    values=tuple(values.items()),
                    every=None if given.at is not None else step,
                    start=start,
                    until=until,
                    span=given.span,
                )
            )
        return found

    def _assignment(self, assignment: surface.Assignment) -> tuple[Raw] | None:
        scope = self.scope
        if not scope.find("source", assignment.source, scope.sources):
            return None
        source = scope.sources[assignment.source.text]
        entry = source.field(assignment.field.text)
        if entry is None:
            scope.reporter.unknown_name("E0203", f"field of `{source.name}`", assignment.field, source.fields)
            return None
        if assignment.value is None:
            return (None,)
        value = self.expressions.check(assignment.value, Context())
        if value is None:
            return None
        field = Typed(operation=-1, shape=Shape.SIGNAL, type=entry.type)
        if not agree(scope.reporter, field, value, assignment.value.span, "the field"):
            return None
        constant = scope.arena.operations[value.operation]
        assert isinstance(constant, op.Constant)
        if isinstance(constant.value, Fraction):
            kind = settled(entry.type)
            exact = isinstance(kind, NumberType | InstantType) and constant.value / entry.finish().resolution
            if not isinstance(exact, Fraction) or exact.denominator != 1:
                scope.reporter.error(
                    "E0803", "this value has more digits than the field keeps", assignment.value.span
                )
                return None
            return (int(exact),)
        return (constant.value,)

    # --- expect

    def _expectation(self, step: surface.Expectation) -> Expectation | None:
        match step:
            case surface.ExpectVerdict():
                return self._verdict(step)
            case surface.ExpectValue():
                return self._value(step)
            case surface.ExpectCredit():
                return self._credit(step)
            case surface.ExpectAction():
                return self._action(step)
            case _ as unreachable:
                assert_never(unreachable)

    def _occasion(self, occasion: surface.Occasion | None) -> tuple[Interval | None] | None:
        """The interval meant, in a tuple; an instant is an interval of no length. None after an error."""
        if occasion is None:
            return (None,)
        word = surface.Word(text=occasion.text, span=occasion.span)
        if occasion.preposition == "at":
            at = instant(self.scope, word)
            return None if at is None else (Interval(at, at),)
        try:
            unit, first = parse_period(occasion.text)
        except ValueError:
            self.scope.reporter.error(
                "E0601",
                f"`{occasion.text}` is not a period",
                occasion.span,
                notes=("periods are written 2026, 2026-Q1, 2026-03, 2026-W10 or 2026-03-04",),
            )
            return None
        return (period_interval(unit, first, self.scope.term.zone),)

    def _labels(self, labels: tuple[surface.LabelValue, ...]) -> tuple[tuple[str, str], ...]:
        return tuple((label.label.text, label.value.value) for label in labels)

    def _verdict(self, step: surface.ExpectVerdict) -> ExpectVerdict | None:
        occasion = self._occasion(step.occasion)
        word = step.goal.parts[0]
        if not self.scope.find("goal", word, self.expressions.goals) or occasion is None:
            return None
        return ExpectVerdict(
            goal=word.text,
            verdict=step.verdict,
            occasion=occasion[0],
            labels=self._labels(step.labels),
            span=step.span,
        )

    def _value(self, step: surface.ExpectValue) -> ExpectValue | None:
        occasion = self._occasion(step.occasion)
        left = self.expressions.check(step.left, Context())
        right = self.expressions.check(step.right, Context())
        if occasion is None or left is None or right is None:
            return None
        if not agree(self.scope.reporter, left, right, step.right.span, "the value"):
            return None
        fixed = fixed_value(self.scope.arena, right.operation)
        is_metric = isinstance(step.left, surface.Reference) and step.left.text in self.expressions.metrics
        if not is_metric or left.shape is not Shape.SERIES or fixed is None:
            self.scope.reporter.error(
                "E0804",
                "a test compares a metric that has one value a window with a fixed value",
                step.span,
                notes=("for instance `expect uptime == 99.95% in 2026-03`",),
            )
            return None
        assert isinstance(step.left, surface.Reference)
        value = fixed if isinstance(fixed, bool | str) else Fraction(fixed)
        return ExpectValue(
            metric=step.left.text,
            operator=step.operator,
            value=value,
            occasion=occasion[0],
            labels=self._labels(step.labels),
            span=step.span,
        )

    def _credit(self, step: surface.ExpectCredit) -> ExpectCredit | None:
        occasion = self._occasion(step.occasion)
        target = self.goals.target(step.target)
        claimed = None if step.claimed is None else instant(self.scope, step.claimed)
        if occasion is None or target is None or (step.claimed is not None and claimed is None):
            return None
        amount: Fraction | None = None
        unit: str | None = None
        if step.amount is not None:
            value = self.expressions.check(step.amount, Context())
            if value is None:
                return None
            constant = self.scope.arena.operations[value.operation]
            kind = resolve(value.type)
            unit = self.scope.countable(kind.dimension) if isinstance(kind, NumberType) else None
            if not isinstance(constant, op.Constant) or not isinstance(constant.value, Fraction) or not unit:
                currency = self.scope.term.currency or "EUR"
                written = self.scope.reporter.source.text[step.amount.span.start : step.amount.span.end]
                self.scope.reporter.error(
                    "E0303",
                    "a credit is an amount of money such as `200 EUR`",
                    step.amount.span,
                    suggestion=replace(step.amount.span, f"{written} {currency}")
                    if written.isdigit()
                    else None,
                )
                return None
            amount = constant.value
        return ExpectCredit(
            negated=step.negated,
            party=target.party,
            amount=amount,
            occasion=occasion[0],
            unit=unit,
            claimed=claimed,
            refund=step.refund,
            span=step.span,
        )

    def _action(self, step: surface.ExpectAction) -> ExpectAction | None:
        occasion = self._occasion(step.occasion)
        target = self.goals.target(step.target)
        if occasion is None or target is None:
            return None
        return ExpectAction(
            negated=step.negated,
            verb=step.verb,
            target=target,
            text=None if step.text is None else step.text.value,
            occasion=occasion[0],
            span=step.span,
        )
