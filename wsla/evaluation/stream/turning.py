"""Outages that end and begin where conditions turn (rule M59)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wsla.evaluation.stream.outages import OutageWatch
from wsla.evaluation.stream.wiring import Run, Wiring
from wsla.values.instants import Interval
from wsla.values.observations import Observation

if TYPE_CHECKING:
    from wsla.evaluation.stream.machine import Machine


def accept_records(wiring: Wiring, records: Iterable[Observation]) -> None:
    """Windows see these records from now on."""
    for observation in records:
        wiring.tables[observation.source].accept(observation)


def turn(machine: Machine, records: Iterable[Observation]) -> None:
    """Conditions have turned: outages are over, as it was known before these records, and others begin."""
    turned: list[OutageWatch] = []
    _end_outages(machine, turned)
    accept_records(machine.wiring, records)
    at, term, end = machine.now, machine.layout.plan.effective_start, machine.layout.plan.effective_end
    for watch in turned:
        if watch.begins(at) and term <= at and (end is None or at < end):
            window = watch.window(at, end)
            for index, run in machine.wiring.runs_over(watch):
                if run.begin <= at and at >= machine.start:
                    run.open(window)
                    machine.push_end(run, index)


def _end_outages(machine: Machine, turned: list[OutageWatch]) -> None:
    waiting = machine.wiring.turned
    while waiting:
        # A condition may rest on what the end of another one's outage says, which stands before it.
        condition = min(watch.condition for watch in waiting)
        group = [watch for watch in waiting if watch.condition == condition]
        waiting[:] = [watch for watch in waiting if watch.condition != condition]
        turned += [watch for watch in group if watch not in turned]
        ending: dict[int, list[Run]] = {}
        for watch in group:
            if watch.turn():
                for index, run in machine.wiring.runs_over(watch):
                    if run.window is not None:
                        run.window = Interval(run.window.start, machine.now)
                        ending.setdefault(index, []).append(run)
        if ending:
            machine.end_early(ending)
