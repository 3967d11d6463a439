"""Runs the ``test`` blocks of an agreement in virtual time."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, assert_never

from attrs import field, frozen

from wsla.analysis.checked import (
    CheckedAgreement,
    Example,
    ExpectAction,
    Expectation,
    ExpectCredit,
    ExpectValue,
    ExpectVerdict,
)
from wsla.analysis.operations import OutageWindow, Window
from wsla.analysis.types import NumberType, ValueType
from wsla.diagnostics.source import Span
from wsla.evaluation.reference.shapes import window_kind
from wsla.evaluation.report import Outcome, SeriesPoint
from wsla.evaluation.stream import StreamEvaluator
from wsla.evaluation.verdicts import Judgement, Labels
from wsla.plan.build import build_plan
from wsla.plan.model import Plan
from wsla.remedies.claims import in_time
from wsla.remedies.decider import decide
from wsla.remedies.decisions import Decision, Intent, LedgerEntry
from wsla.testing import evidence
from wsla.testing.findings import Evidence
from wsla.testing.history import History
from wsla.testing.made_up import observations, span_of_time
from wsla.testing.suspects import Suspect, behind_action, behind_credit, is_foreseen
from wsla.values.calendars import CalendarWindow, OverlappingWindow, find_zone, label_of
from wsla.values.instants import Interval, format_instant
from wsla.values.quantities import format_percentage, format_quantity

# So many wrong windows are explained; of those that follow a line is said.
_EXPLAINED = 2

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}


@frozen(kw_only=True)
class Failure:
    """An expectation that did not come true: where it stands, what was found instead, line by line."""

    span: Span
    message: str
    details: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


@frozen(kw_only=True)
class ExampleResult:
    """What became of a test. ``observations`` counts those that it made up.

    ``history`` and ``decisions`` are what the test went through, None and empty where it could not run.
    """

    title: str
    span: Span
    observations: int
    failures: tuple[Failure, ...]
    history: History | None = field(default=None, eq=False, repr=False)
    decisions: tuple[Decision, ...] = field(default=(), eq=False, repr=False)

    @property
    def passed(self) -> bool:
        """True where every expectation came true."""
        return not self.failures


def run_example(agreement: CheckedAgreement, example: Example, plan: Plan | None = None) -> ExampleResult:
    """Runs one test; ``plan`` saves building it again for every test of an agreement."""
    plan = plan or build_plan(agreement)
    stretch = span_of_time(agreement, example)
    if stretch is None:
        failure = Failure(span=example.span, message="this test does not say when anything happens")
        return ExampleResult(title=example.title, span=example.span, observations=0, failures=(failure,))
    made_up = observations(agreement, example, stretch)
    evaluator = StreamEvaluator(plan, stretch.start)
    evaluator.observe_all(made_up)
    outcome = evaluator.outcome(stretch.end)
    decisions = decide(plan, outcome)
    history = History(plan, made_up, outcome)
    checker = _Checker(plan, outcome, decisions, history)
    failures = [
        found for expectation in example.expectations if (found := checker.check(expectation)) is not None
    ]
    return ExampleResult(
        title=example.title,
        span=example.span,
        observations=len(made_up),
        failures=tuple(failures),
        history=history,
        decisions=decisions,
    )


def inside(window: Interval, occasion: Interval | None) -> bool:
    """True where a window belongs to an occasion: lies in it or, for an instant, ends there or contains it."""
    if occasion is None:
        return True
    if occasion.length == 0:
        return window.end == occasion.start or window.contains(occasion.start)
    return occasion.start <= window.start and window.end <= occasion.end


def place_of(kind: Window, window: Interval, term_end: int | None) -> Interval:
    """What of a window tells the period that it belongs to: of overlapping ones the period with which it ends, of an
    outage the instant by which it is over (M59).
    """
    if isinstance(kind, OutageWindow):
        over = kind.over_at(window, term_end)
        return Interval(over, over + 1)
    return kind.last_period(window) if isinstance(kind, OverlappingWindow) else window


@frozen
class _Checker:
    plan: Plan
    outcome: Outcome
    decisions: tuple[Decision, ...]
    history: History

    def check(self, expectation: Expectation) -> Failure | None:
        match expectation:
            case ExpectVerdict():
                return self._verdict(expectation)
            case ExpectValue():
                return self._value(expectation)
            case ExpectCredit():
                return self._credit(expectation)
            case ExpectAction():
                return self._action(expectation)
            case _ as unreachable:
                assert_never(unreachable)

    # --- verdicts and values

    def _verdict(self, expected: ExpectVerdict) -> Failure | None:
        found = [
            judgement
            for judgement in self.outcome.judgements
            if judgement.goal == expected.goal and _has(judgement.labels, expected.labels)
        ]
        kind = next(goal.window for goal in self.plan.goals if goal.name == expected.goal)
        chosen = [one for one in found if inside(self._place_in(kind, one.window), expected.occasion)]
        if not chosen:
            return self._nothing(
                expected.span, f"`{expected.goal}`", [judgement.window for judgement in found]
            )
        wrong = [judgement for judgement in chosen if judgement.verdict.value != expected.verdict]
        if not wrong:
            return None
        return Failure(
            span=expected.span,
            message=f"`{expected.goal}` should be {expected.verdict}, and is {wrong[0].verdict.value}",
            details=tuple(self._describe(judgement) for judgement in wrong[_EXPLAINED:5]),
            evidence=tuple(
                evidence.of_judgement(self.history, judgement) for judgement in wrong[:_EXPLAINED]
            ),
        )

    def _describe(self, judgement: Judgement) -> str:
        goal = next(goal for goal in self.plan.goals if goal.name == judgement.goal)
        kind = self.plan.operations[goal.value].type
        parts = [
            f"{self._window(judgement.window)}{_labelled(judgement.labels)}: {judgement.verdict.value}",
            f"measured {show(judgement.value, kind)}",
            f"promised {goal.text}",
            f"known time {format_percentage(judgement.coverage, 2)}",
        ]
        if judgement.lower != judgement.upper:
            parts.append(f"between {show(judgement.lower, kind)} and {show(judgement.upper, kind)}")
        return ", ".join(parts)

    def _value(self, expected: ExpectValue) -> Failure | None:
        kind = self.plan.operations[self.plan.metrics[expected.metric]].type
        found = [
            point
            for point in self.outcome.metrics.get(expected.metric, ())
            if _has(point.labels, expected.labels)
        ]
        windows = window_kind(self.plan, self.plan.metrics[expected.metric])
        chosen = [one for one in found if inside(self._place_in(windows, one.window), expected.occasion)]
        if not chosen:
            return self._nothing(expected.span, f"`{expected.metric}`", [point.window for point in found])
        wrong = [point for point in chosen if not _holds(point, expected)]
        if not wrong:
            return None
        return Failure(
            span=expected.span,
            message=f"`{expected.metric}` should be {expected.operator} {show(expected.value, kind)}, "
            f"and is {show(wrong[0].value.value, kind)}",
            details=tuple(
                f"{self._window(point.window)}{_labelled(point.labels)}: {show(point.value.value, kind)}"
                for point in wrong[_EXPLAINED:5]
            ),
            evidence=tuple(
                evidence.of_point(self.history, expected.metric, point, (expected.operator, expected.value))
                for point in wrong[:_EXPLAINED]
            ),
        )

    def _nothing(self, span: Span, what: str, windows: list[Interval]) -> Failure:
        shown = ", ".join(self._window(window) for window in windows[:5])
        return Failure(
            span=span,
            message=f"no window of {what} lies there",
            details=(f"windows: {shown}",) if windows else ("the test has no window of it at all",),
        )

    # --- what follows

    def _credit(self, expected: ExpectCredit) -> Failure | None:
        entries = [
            entry
            for entry in self.decisions
            if isinstance(entry, LedgerEntry)
            and expected.party in (entry.creditor, entry.debtor)
            and expected.unit in (None, entry.currency)
            and (not expected.refund or entry.kind == "refund")
            and (expected.occasion is None or _starts_in(self._place(entry), expected.occasion))
            and (expected.claimed is None or in_time(entry, expected.claimed))
        ]
        total = sum(
            (entry.amount if entry.creditor == expected.party else -entry.amount for entry in entries),
            Decimal(0),
        )
        due = total > 0 if expected.amount is None else Fraction(total) == expected.amount
        if due != expected.negated:
            return None
        wanted = "nothing" if expected.negated else "a refund" if expected.refund else "a credit"
        verb = "paid back" if expected.refund else "credited"
        if expected.amount is not None:
            wanted = ("other than " if expected.negated else "") + f"{float_free(expected.amount)}"
        currency = entries[0].currency if entries else self.plan.currency or ""
        return Failure(
            span=expected.span,
            message=f"`{expected.party}` should be {verb} {wanted}, and is {verb} {total} {currency}".rstrip(),
            details=tuple(
                f"{self._window(entry.window)}: {entry.kind} {entry.amount} {entry.currency}, {entry.cause}"
                for entry in entries[:5]
            ),
            evidence=self._evidence(behind_credit(self.plan, self.outcome, expected, entries)),
        )

    def _action(self, expected: ExpectAction) -> Failure | None:
        same_verb = [
            intent
            for intent in self.decisions
            if isinstance(intent, Intent) and not intent.held and intent.verb == expected.verb
        ]
        chosen = [intent for intent in same_verb if self._is_expected(intent, expected)]
        if bool(chosen) != expected.negated:
            return None
        wanted = f"{expected.verb} {expected.target}"
        return Failure(
            span=expected.span,
            message=f"`{wanted}` should {'not ' if expected.negated else ''}be due"
            + ("" if expected.negated else ", and is not"),
            details=(
                *(
                    ()
                    if is_foreseen(self.plan, expected)
                    else ("no goal and no rule of this agreement does that",)
                ),
                *(self._due(intent) for intent in (chosen or same_verb)[:5]),
            ),
            evidence=self._evidence(behind_action(self.plan, self.outcome, expected, chosen)),
        )

    def _evidence(self, suspects: Iterable[Suspect]) -> tuple[Evidence, ...]:
        return tuple(
            evidence.of_judgement(self.history, suspect)
            if isinstance(suspect, Judgement)
            else evidence.of_rule(self.history, suspect.rule, suspect.labels, suspect.window)
            for suspect in suspects
        )

    def _is_expected(self, intent: Intent, expected: ExpectAction) -> bool:
        if expected.target not in intent.targets and not (
            expected.target.channel is None
            and any(target.party == expected.target.party for target in intent.targets)
        ):
            return False
        if (
            expected.text is not None
            and expected.text not in intent.text
            and expected.text not in intent.subject
        ):
            return False
        occasion = expected.occasion
        if occasion is None:
            return True
        if occasion.length == 0:
            return intent.at == occasion.start
        due_then = occasion.contains(intent.at)
        return due_then or (intent.window is not None and _starts_in(self._place(intent), occasion))

    def _place(self, decision: Decision) -> Interval:
        kind = next((goal.window for goal in self.plan.goals if goal.name == decision.cause), None)
        assert decision.window is not None
        return decision.window if kind is None else self._place_in(kind, decision.window)

    def _place_in(self, kind: Window, window: Interval) -> Interval:
        return place_of(kind, window, self.plan.effective_end)

    def _due(self, intent: Intent) -> str:
        zone = find_zone(self.plan.zone)
        targets = ", ".join(str(target) for target in intent.targets)
        return f"{format_instant(intent.at, zone)}: {intent.verb} {targets}: {intent.subject}"

    def _window(self, window: Interval) -> str:
        units = {goal.window.unit for goal in self.plan.goals if isinstance(goal.window, CalendarWindow)}
        for unit in sorted(units, key=lambda unit: unit.value):
            label = label_of(window, unit, self.plan.zone)
            if ".." not in label and "/" not in label and "T" not in label:
                return label
        return label_of(window, None, self.plan.zone)


def _has(labels: Labels, wanted: Iterable[tuple[str, str]]) -> bool:
    return set(wanted) <= set(labels)


def _holds(point: SeriesPoint, expected: ExpectValue) -> bool:
    value = point.value.value
    return value is not None and _COMPARE[expected.operator](value, expected.value)


def _starts_in(window: Interval, occasion: Interval) -> bool:
    return occasion.contains(window.start) if occasion.length else inside(window, occasion)


def _labelled(labels: Labels) -> str:
    return "".join(f" {name}={value}" for name, value in labels)


def float_free(amount: Fraction) -> str:
    """An amount as the language would write it."""
    return format_quantity(amount)


def show(value: object, kind: ValueType) -> str:
    """A measured value in the language's own units."""
    if value is None:
        return "unknown"
    if isinstance(value, bool | str):
        return str(value).lower() if isinstance(value, bool) else value
    assert isinstance(value, int | Fraction)
    if isinstance(kind, NumberType):
        return (
            format_percentage(Fraction(value))
            if kind.share
            else format_quantity(Fraction(value), kind.dimension)
        )
    return format_instant(int(value))
