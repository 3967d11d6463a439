"""The same agreement, observations and outcome in another time: everything moved by whole periods of the calendar."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from attrs import evolve

from wsla.analysis.types import InstantType
from wsla.evaluation.report import Outcome, SeriesPoint, TruthChange
from wsla.evaluation.verdicts import Judgement
from wsla.plan.model import Plan
from wsla.testing.strategies import Case
from wsla.values.instants import DAY, Interval
from wsla.values.observations import Observation
from wsla.values.schedules import DatedHours, Hours, Schedule

PERIOD: Final = 20_454 * DAY
"""56 years, as whole weeks: between 1901 and 2099 the calendar, its clock changes and every length that generated
plans use begin anew after it."""


def shifted_case(case: Case, by: int) -> Case:
    """The case ``by`` nanoseconds later: terms, dates, observations and the instants that they name."""
    return Case(
        plan=_plan(case.plan, by),
        observations=tuple(_observation(case.plan, one, by) for one in case.observations),
        start=case.start + by,
        until=case.until + by,
    )


def shifted_outcome(outcome: Outcome, by: int) -> Outcome:
    """The outcome with every window and instant ``by`` nanoseconds later; no value is an instant."""
    return Outcome(
        start=outcome.start + by,
        until=outcome.until + by,
        judgements=tuple(_judgement(one, by) for one in outcome.judgements),
        metrics={
            name: tuple(
                SeriesPoint(labels=point.labels, window=_window(point.window, by), value=point.value)
                for point in points
            )
            for name, points in outcome.metrics.items()
        },
        triggers={
            name: tuple(
                TruthChange(at=change.at + by, labels=change.labels, value=change.value) for change in changes
            )
            for name, changes in outcome.triggers.items()
        },
    )


def _window(window: Interval, by: int) -> Interval:
    return Interval(window.start + by, window.end + by)


def _judgement(judgement: Judgement, by: int) -> Judgement:
    return evolve(judgement, window=_window(judgement.window, by))


def _plan(plan: Plan, by: int) -> Plan:
    def later(instant: int | None) -> int | None:
        return None if instant is None else instant + by

    return evolve(
        plan,
        effective_start=plan.effective_start + by,
        effective_end=later(plan.effective_end),
        judges_from=later(plan.judges_from),
        judges_until=later(plan.judges_until),
        schedules=tuple(_schedule(schedule, by) for schedule in plan.schedules),
    )


def _schedule(schedule: Schedule, by: int) -> Schedule:
    days = timedelta(days=by // DAY)

    def moved(hours: tuple[Hours, ...]) -> tuple[Hours, ...]:
        return tuple(
            DatedHours(one.first + days, one.last + days, one.start, one.end)
            if isinstance(one, DatedHours)
            else one
            for one in hours
        )

    return Schedule(schedule.name, schedule.zone, moved(schedule.include), moved(schedule.exclude))


def _observation(plan: Plan, observation: Observation, by: int) -> Observation:
    instants = {
        field.name for field in plan.source(observation.source).fields if isinstance(field.type, InstantType)
    }
    fields = {
        name: raw + by if name in instants and isinstance(raw, int) else raw
        for name, raw in observation.fields.items()
    }
    return Observation(source=observation.source, at=observation.at + by, fields=fields)
