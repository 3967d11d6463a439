"""Standings: what was last said of each window that is still open, so that only changes are told."""

from __future__ import annotations

from typing import Any

from wsla.evaluation.stream.judging import Judge
from wsla.evaluation.stream.machine import Machine
from wsla.evaluation.stream.over_time import TimeRun
from wsla.evaluation.stream.snapshot import load_labels, save_labels
from wsla.evaluation.stream.unended import open_judgements
from wsla.evaluation.verdicts import Judgement, Labels, Verdict


class Standings:
    """The word last said for each goal and label combination, with the window's end.

    Goals over time are looked at after an observation that finds the service other than good, and whenever time moves
    on; other goals, which cost more, only where there is something new.
    """

    def __init__(self) -> None:
        self._said: dict[tuple[str, Labels], tuple[int, str]] = {}
        self._looked: dict[str, tuple[int, int]] = {}
        self._observed = 0

    def after_observation(self, machine: Machine) -> list[Judgement]:
        """The judgements of open windows whose word has changed, as far as that is cheap to tell."""
        self._observed += 1
        judges = (judge for judge in machine.wiring.judges if judge.over_time)
        return [
            found
            for judge in judges
            if _in_trouble(machine, judge)
            for found in self._changed(machine, judge)
        ]

    def after_time(self, machine: Machine) -> list[Judgement]:
        """The judgements of all open windows whose word has changed."""
        found = []
        for judge in machine.wiring.judges:
            state = (machine.ends, 0 if judge.over_series else self._observed)
            name = judge.goal.name
            if judge.over_time or self._looked.get(name) != state:
                self._looked[name] = state
                found += self._changed(machine, judge)
        return found

    def _changed(self, machine: Machine, judge: Judge) -> list[Judgement]:
        found = []
        for judgement in open_judgements(machine.wiring, judge, machine.now):
            key, end = (judgement.goal, judgement.labels), judgement.window.end
            before = self._said.get(key)
            word = judgement.verdict.value
            previous = before[1] if before is not None and before[0] == end else Verdict.UNKNOWN.value
            if word != previous:
                found.append(judgement)
            self._said[key] = (end, word)
        return found

    def save(self) -> dict[str, Any]:
        said = [[goal, save_labels(labels), end, word] for (goal, labels), (end, word) in self._said.items()]
        looked = [[name, *state] for name, state in self._looked.items()]
        return {"said": said, "looked": looked, "observed": self._observed}

    def load(self, saved: Any) -> None:
        self._said = {(goal, load_labels(labels)): (end, word) for goal, labels, end, word in saved["said"]}
        self._looked = {name: (ends, observed) for name, ends, observed in saved["looked"]}
        self._observed = saved["observed"]


def _in_trouble(machine: Machine, judge: Judge) -> bool:
    runs = (run for index in judge.aggregates for run in machine.wiring.series[index].runs.values())
    return any(isinstance(run, TimeRun) and run.gauge.value is not True for run in runs)
