"""Crossings: windows end under a sample that takes the short way, where nothing else happens with them.

That is so for windows that are judged without detours (`express`), for verdicts that become final and that no signal
counts, and for what was to go stale but has newer samples. Whatever else is due by then is left to the machine, before
anything was changed.
"""

from __future__ import annotations

from heapq import heappop
from typing import Final

from wsla.evaluation.stream.endings import END, FINAL, STALE
from wsla.evaluation.stream.machine import Machine
from wsla.evaluation.stream.over_samples import SampleRun
from wsla.evaluation.stream.standing import Standings
from wsla.evaluation.verdicts import Judgement, Labels


class Crossing:
    """What may end in a machine without anything else being looked at; ``standings`` follows the open windows."""

    def __init__(self, machine: Machine, standings: Standings) -> None:
        self._machine: Final = machine
        self._standings: Final = standings
        layout, wiring = machine.layout, machine.wiring
        counted = layout.verdict_states or layout.verdict_counts or layout.tallies
        self._possible: Final = not (
            wiring.past or wiring.metrics or wiring.previous or counted or standings.looks_at_ends
        )
        # By aggregate: who judges its windows, and the goals that speak of those that are open.
        self._goals: Final = {
            index: (express, standings.resting_on(index))
            for index, express in machine.express.items()
            if standings.is_silent_without_samples(index)
            # In a window that begins before the one before has ended there are samples already.
            and not (layout.frames(index).looks_back and standings.resting_on(index))
        }

    def may(self, to: int) -> bool:
        """True where nothing but such windows end by ``to``."""
        machine, goals = self._machine, self._goals
        if not self._possible or machine.pending or machine.touched or machine.wiring.turned:
            return False
        for at, kind, order, _, what in machine.heap:
            if at > to:
                continue
            if kind == END:
                if order not in goals:
                    return False
            elif kind == STALE:
                due = what.stale_from()
                if due is not None and due <= to:
                    return False
            elif kind != FINAL:
                return False
        return True

    def go(self, to: int) -> None:
        """Ends them, and makes ``to`` the machine's ``now``; all that was noted before is in the machine."""
        machine = self._machine
        heap = machine.heap
        while heap and heap[0][0] <= to:
            at, kind, _, _, what = heap[0]
            if kind == STALE:
                machine.postponed(at, what)
                continue
            machine.now = machine.happened = at
            ending: list[tuple[int, SampleRun]] = []
            while heap and heap[0][0] == at and heap[0][1] == END:
                _, _, order, _, run = heappop(heap)
                if run.window is not None and run.window.end == at:
                    ending.append((order, run))
            if ending:
                self._end(at, ending)
            while heap and heap[0][0] == at and heap[0][1] == FINAL:
                heappop(heap)
                machine.make_final(at)
        machine.now = to

    def _end(self, at: int, ending: list[tuple[int, SampleRun]]) -> None:
        machine, goals = self._machine, self._goals
        judged: list[tuple[int, Labels, Judgement]] = []
        for order, run in ending:
            express, numbers = goals[order]
            judgement = express.close(run)
            machine.push_end(run, order)
            if run is machine.wiring.series[order].ghost:
                continue
            if judgement is not None:
                judged.append((express.number, run.labels, judgement))
            for number in numbers:
                self._standings.follower(number, run.labels).begin_anew()
        machine.ends += 1
        judged.sort(key=_by_goal)
        for _, labels, judgement in judged:
            machine.note_judgement(at, judgement, labels)
        machine.wiring.forget_records(at)


def _by_goal(found: tuple[int, Labels, Judgement]) -> tuple[int, Labels]:
    return found[:2]
