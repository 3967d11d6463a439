"""How the signals that rest on the past went, for whoever asks why a value came out as it did."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from operator import attrgetter

from wsla.analysis.operations import Value
from wsla.evaluation.stream.layout import Layout, restrict
from wsla.evaluation.stream.machine import Machine
from wsla.evaluation.stream.past import Changes
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Plan
from wsla.values.observations import Observation


class Timelines:
    """The values of these signals before ``until``, for each label combination that was seen."""

    def __init__(self, plan: Plan, observations: Iterable[Observation], start: int, until: int) -> None:
        self._layout = Layout(plan, metrics=True)
        machine = Machine(self._layout, start, live=False, keep=True)
        machine.wiring.record_past()
        machine.put_all(sorted(observations, key=attrgetter("at")))
        machine.move(until)
        self._past = {key: signal.changes or [] for key, signal in machine.wiring.past.items()}

    def changes(self, index: int, labels: Iterable[tuple[str, str]]) -> Changes:
        """The instants from which such a signal has another value, with the values, in order."""
        own: Labels = restrict(tuple(sorted(labels)), self._layout.names(index))
        found = self._past.get((index, own))
        return self._past.get((index, None), []) if found is None else found

    def value(self, index: int, labels: Iterable[tuple[str, str]], at: int) -> Value:
        """The value at an instant; unknown for a signal that nothing rests on."""
        changes = self.changes(index, labels)
        count = bisect_right(changes, at, key=lambda change: change[0])
        return changes[count - 1][1] if count else None

    def combinations(self, index: int) -> list[Labels]:
        """The label combinations that were seen."""
        return [labels for number, labels in self._past if number == index and labels is not None]
