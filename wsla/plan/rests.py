"""What goals rest on: the sources that their verdicts are made of, at whatever depth."""

from __future__ import annotations

from wsla.analysis.operations import Active, Aggregate, Elapsed, SourceField, VerdictCount, VerdictState
from wsla.analysis.sense import inputs
from wsla.plan.model import Plan


def sources_of_goals(plan: Plan) -> dict[str, tuple[str, ...]]:
    """By goal the names of its sources, in alphabetical order."""
    goals = {goal.name: goal for goal in plan.goals}
    found: dict[str, tuple[str, ...]] = {}
    for name in goals:
        sources: set[str] = set()
        seen: set[int] = set()
        watched, waiting = {name}, _roots(plan, name)
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            operation = plan.operations[place]
            waiting.extend(inputs(operation))
            match operation:
                case SourceField(source=source) | Elapsed(source=source) | Active(source=source):
                    sources.add(source)
                case Aggregate(source=str(source)):
                    sources.add(source)
                case VerdictState(goal=other) | VerdictCount(goal=other) if other not in watched:
                    watched.add(other)
                    waiting.extend(_roots(plan, other))
                case _:
                    pass
        found[name] = tuple(sorted(sources))
    return found


def _roots(plan: Plan, name: str) -> list[int]:
    goal = next(goal for goal in plan.goals if goal.name == name)
    return [goal.condition, goal.value, *(() if goal.provided is None else (goal.provided,))]
