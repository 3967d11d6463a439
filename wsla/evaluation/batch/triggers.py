"""The triggers of rules in columns: truths that change at certain instants (rules M20, M25, M26 and M62)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from attrs import frozen

from wsla.analysis.operations import (
    Arithmetic,
    AtLeastDown,
    Compare,
    Latest,
    Logical,
    Negation,
    VerdictCount,
    VerdictState,
)
from wsla.analysis.types import Shape
from wsla.evaluation.batch.columns import Instants
from wsla.evaluation.batch.formulas import Formulas
from wsla.evaluation.batch.judging import held, misses, verdict_codes, windows_judged
from wsla.evaluation.batch.ratios import (
    NO_NUMBERS,
    UNSURE,
    as_ratios,
    calculate,
    compare,
    logic,
    negated,
    of_value,
    spread,
    take,
)
from wsla.evaluation.batch.sequences import behind
from wsla.evaluation.batch.series import Ratios, Reduction, Truths, Values
from wsla.evaluation.report import TruthChange
from wsla.evaluation.scalars import scalar_value
from wsla.evaluation.stream.layout import in_order
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Rule

_EVER: Final = np.array([-(2**63)], dtype=np.int64)


@frozen(eq=False)
class Steps:
    """From ``at[i]`` on the value is ``values[i]``; the first instant is that before all others."""

    at: Instants
    values: Values

    def seen_at(self, instants: Instants) -> Values:
        """The values at these instants."""
        return take(self.values, np.searchsorted(self.at, instants, side="right") - 1)


class Triggers:
    """The triggers of a plan's rules; ``signals`` are the operations that the first stage gives as they are."""

    def __init__(self, formulas: Formulas, reduction: Reduction, signals: frozenset[int]) -> None:
        self._formulas: Final = formulas
        self._reduction: Final = reduction
        self._signals: Final = signals

    def changes(self, rule: Rule) -> tuple[TruthChange, ...]:
        """The changes of a rule's trigger, for each label combination from its start to the instant asked about."""
        formulas, until = self._formulas, self._formulas.until
        found: list[TruthChange] = []
        for labels, start in formulas.combinations(rule.trigger).items():
            steps = self._steps(rule.trigger, labels)
            at = np.unique(np.concatenate([[start], steps.at[(steps.at > start) & (steps.at <= until)]]))
            values = steps.seen_at(at)
            assert isinstance(values, Truths)
            truths = np.broadcast_to(values.values, at.shape)
            new = np.ones(len(at), dtype=np.bool_)
            new[1:] = truths[1:] != truths[:-1]
            shown = in_order(labels, rule.by)
            found += [
                TruthChange(at=instant, labels=shown, value=None if truth < 0 else bool(truth))
                for instant, truth in zip(at[new].tolist(), truths[new].tolist(), strict=True)
            ]
        return tuple(sorted(found, key=lambda change: (change.at, change.labels)))

    def _steps(self, index: int, labels: Labels) -> Steps:
        formulas = self._formulas
        own = formulas.own(index, labels)
        node = formulas.plan.operations[index]
        if node.shape is Shape.SCALAR:
            value = scalar_value(formulas.plan.operations, index)
            unknown = UNSURE if formulas.layout.truth(index) else NO_NUMBERS
            return Steps(_EVER, unknown if value is None else of_value(value))
        if index in self._signals:
            signal = self._reduction.signal(index, own)
            return _with_past(signal.at, signal.values, UNSURE)
        match node:
            case Latest(operand=operand):
                if own not in formulas.combinations(index):
                    return Steps(_EVER, UNSURE if formulas.layout.truth(index) else NO_NUMBERS)
                columns = formulas.stack(operand, (own,)).columns
                ended = np.flatnonzero(columns.ends <= formulas.until)
                values = take(spread(columns.value, len(columns.ends)), ended)
                return _with_past(
                    columns.ends[ended], values, UNSURE if formulas.layout.truth(index) else NO_NUMBERS
                )
            case VerdictState(goal=name, verdict=verdict, count=count, of_last=of_last):
                at, codes = self._final(name, own)
                states = held(codes, verdict, count, of_last).astype(np.int8)
                return _with_past(at, Truths(states), Truths(np.zeros(1, dtype=np.int8)))
            case VerdictCount(goal=name, of_last=last):
                at, codes = self._final(name, own)
                return _with_past(at, Ratios(misses(codes, last)), Ratios(np.zeros(1, dtype=np.int64)))
            case Compare(operator=sign, left=left, right=right):
                return _together(
                    [self._steps(x, labels) for x in (left, right)], lambda a, b: Truths(compare(sign, a, b))
                )
            case Logical(operator=word, left=left, right=right):
                return _together(
                    [self._steps(x, labels) for x in (left, right)],
                    lambda a, b: Truths(logic(word, a.values, b.values)),
                )
            case Negation(operand=only):
                return _together([self._steps(only, labels)], lambda a: Truths(negated(a.values)))
            case Arithmetic(operator=sign, left=left, right=right):
                return _together(
                    [self._steps(x, labels) for x in (left, right)],
                    lambda a, b: calculate(sign, as_ratios(a), as_ratios(b)),
                )
            case AtLeastDown(conditions=conditions, count=number):
                return _together(
                    [self._steps(x, labels) for x in conditions], lambda *parts: _downs(parts, number)
                )
            case _:
                raise TypeError(f"operation {index} is no trigger in columns: {type(node).__name__}")

    def _final(self, name: str, labels: Labels) -> tuple[Instants, Any]:
        """The verdicts of a goal, with the instants at which they become final."""
        formulas = self._formulas
        goal = formulas.layout.goals[name]
        if labels not in formulas.combinations(goal.condition):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int8)
        windows = windows_judged(formulas, goal, (labels,))
        codes, _ = verdict_codes(formulas, goal, (labels,), windows)
        at = windows.ends + formulas.plan.grace
        final = at <= formulas.until
        return at[final], codes[final]


def _with_past(at: Instants, values: Values, before: Values) -> Steps:
    return Steps(np.concatenate([_EVER, at]), behind([before, values], [1, len(at)]))


def _together(parts: list[Steps], combine: Any) -> Steps:
    at = parts[0].at
    for part in parts[1:]:
        at = np.union1d(at, part.at)
    return Steps(at, spread(combine(*(part.seen_at(at) for part in parts)), len(at)))


def _downs(parts: tuple[Any, ...], count: int) -> Truths:
    """Whether so many are false, as soon as the known ones decide it (M36)."""
    down = sum((part.values == 0).astype(np.int64) for part in parts)
    perhaps = down + sum((part.values < 0).astype(np.int64) for part in parts)
    return Truths(np.where(down >= count, 1, np.where(perhaps < count, 0, -1)).astype(np.int8))
