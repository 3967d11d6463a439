"""Property: a version compared with itself has no change; what is reached by a goal and differs is told."""

from __future__ import annotations

from fractions import Fraction

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsla.analysis.operations import Constant
from wsla.comparing.agreement import below
from wsla.comparing.canon import Numbering
from wsla.comparing.changes import Version
from wsla.comparing.compare import compare
from wsla.diagnostics.source import SourceText
from wsla.explaining.written import Written
from wsla.plan.model import Plan
from wsla.testing.strategies import plans

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=35)
NOTHING = Written(source=SourceText(name="plan.sla", text=""), title="")


def version(plan: Plan) -> Version:
    return Version(plan=plan, written=NOTHING)


@QUICK
@given(plans())
def test_a_version_compared_with_itself_has_no_change(plan: Plan) -> None:
    assert compare(version(plan), version(plan)).changes == ()


@QUICK
@given(plans(), plans())
def test_any_two_can_be_compared_and_a_goal_that_differs_is_told(one: Plan, two: Plan) -> None:
    found = compare(version(one), version(two))
    numbering = Numbering()
    names = found.renamed
    before = numbering.of(one, names.sources, names.schedules, names.goals)
    after = numbering.of(two)
    told = {change.name for change in found.changes if change.kind == "goal"}
    goals = {names.goals.get(goal.name, goal.name): goal for goal in one.goals}
    for goal in two.goals:
        if goal.name not in goals or before[goals[goal.name].condition] != after[goal.condition]:
            assert goal.name in told


@QUICK
@given(plans(), st.data())
def test_another_fixed_number_below_a_goal_is_told(plan: Plan, data: st.DataObject) -> None:
    reached = [
        index
        for goal in plan.goals
        for index in below(plan, goal.condition)
        if isinstance(node := plan.operations[index], Constant)
        and isinstance(node.value, int | Fraction)
        and not isinstance(node.value, bool)
    ]
    if not reached:
        return
    index = data.draw(st.sampled_from(reached))
    node = plan.operations[index]
    assert isinstance(node, Constant)
    assert isinstance(node.value, int | Fraction)
    other = list(plan.operations)
    other[index] = evolve(node, value=node.value + 1)
    assert compare(version(plan), version(evolve(plan, operations=tuple(other)))).changes
