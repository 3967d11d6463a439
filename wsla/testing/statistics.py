"""How often each construct and each event of the data occurs in generated cases: what is never drawn is never compared.

``python -m wsla.testing.statistics 300`` counts that for 300 cases.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Final, TypeVar, get_args

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from wsla.analysis.functions import FUNCTIONS, Look
from wsla.analysis.operations import (
    Across,
    Active,
    Aggregate,
    Arithmetic,
    Choice,
    Compare,
    Due,
    Elapsed,
    Logical,
    Operation,
    OutageWindow,
    VerdictCount,
    VerdictState,
)
from wsla.analysis.types import Shape
from wsla.plan.model import Credit, Goal, Plan, Rule, UnknownTime
from wsla.testing.happenings import EVENTS, events
from wsla.testing.strategies import Case, cases
from wsla.values.calendars import CalendarWindow, ExactWindow, OverlappingWindow, RollingWindow

_Example = TypeVar("_Example")

OPERATORS: Final[Mapping[str, tuple[str, ...]]] = {
    "Compare": ("<=", "<", ">=", ">", "==", "!="),
    "Logical": ("and", "or", "implies"),
    "Arithmetic": ("+", "-", "*", "/", "started", "completed", "rounded"),
    "Across": ("count", "share", "min", "max", "sum", "mean"),
}

_TOGETHER: Final = 20
_WINDOWS: Final = (CalendarWindow, ExactWindow, OutageWindow, OverlappingWindow, RollingWindow)

EXPECTED: Final = frozenset(
    {
        *(kind.__name__ for kind in get_args(Operation)),
        "Due",
        *(f"function {name}" for name in FUNCTIONS),
        *(f"{kind} {sign}" for kind, signs in OPERATORS.items() for sign in signs),
        *(f"window {kind.__name__}" for kind in _WINDOWS),
        *(f"unknown time {policy.value}" for policy in UnknownTime),
        *(
            "where",
            "where, over time",
            "during",
            "excluding",
            "idle",
            "forgiving",
            "by a label",
            "by one of two labels",
        ),
        *(
            "streams joined in a window",
            "otherwise",
            "no otherwise",
            "pausing",
            "across, compared",
            "across, by a label",
        ),
        *("consecutive", "misses", "violated in", "met in", "unknown in", "active where"),
        *("budget of time", "budget of items", "provided", "credit", "escalating credit", "reward", "refund"),
        *(
            "refund under a condition",
            "rule that holds",
            "rule that repeats",
            "rule with steps",
            "rule on recovery",
            "rule that tells of so many",
        ),
        *(
            "grace",
            "term that ends",
            "judged from",
            "judged until",
            "samples that expire",
            "samples that hold",
        ),
    }
)
"""What a plan can say, and every engine has to judge."""


def drawn(strategy: SearchStrategy[_Example], number: int) -> list[_Example]:
    """So many examples, the same in every run."""
    found: list[_Example] = []
    # The examples of one run resemble each other: hypothesis varies what it has drawn.
    for begin in range(0, number, _TOGETHER):

        @seed(begin)
        @settings(
            database=None,
            deadline=None,
            max_examples=min(_TOGETHER, number - begin),
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def collect(example: _Example) -> None:
            found.append(example)

        collect()
    return found


def occurring(found: Iterable[Case]) -> Counter[str]:
    """In how many cases each construct and each event occurs."""
    counted: Counter[str] = Counter()
    for case in found:
        counted.update(constructs(case.plan) | events(case))
    return counted


# What a plan says


def constructs(plan: Plan) -> set[str]:
    """The names, among ``EXPECTED``, of what a plan says."""
    found = set(chain.from_iterable(_of_operation(plan, node) for node in plan.operations))
    found |= set(chain.from_iterable(map(_of_goal, plan.goals)))
    found |= set(chain.from_iterable(map(_of_rule, plan.rules)))
    for source in plan.sources:
        if not source.records:
            found.add("samples that hold" if source.staleness is None else "samples that expire")
    return found | _named(
        ("grace", plan.grace),
        ("term that ends", plan.effective_end is not None),
        ("judged from", plan.judges_from is not None),
        ("judged until", plan.judges_until is not None),
    )


def _named(*pairs: tuple[str, object]) -> set[str]:
    return {name for name, there in pairs if there}


def _of_operation(plan: Plan, node: Operation) -> set[str]:
    found = {type(node).__name__}
    match node:
        case Aggregate():
            found |= {f"function {node.function}", f"window {type(node.window).__name__}"}
            found |= _of_aggregate(plan, node)
        case Compare(operator=sign) | Logical(operator=sign) | Arithmetic(operator=sign):
            found.add(f"{type(node).__name__} {sign}")
        case Across():
            found.add(f"Across {node.function}")
            found |= _named(("across, compared", node.limit is not None), ("across, by a label", node.by))
        case Choice():
            found.add("no otherwise" if node.otherwise is None else "otherwise")
        case Elapsed() if not isinstance(node, Due):
            found |= _named(("pausing", node.pausing is not None))
        case VerdictCount():
            found.add("consecutive" if node.of_last is None else "misses")
            found |= _named(("escalating credit", node.shape is Shape.SERIES))
        case VerdictState():
            found.add(f"{node.verdict} in")
        case Active():
            found |= _named(("active where", node.where is not None))
        case _:
            pass
    return found


def _of_aggregate(plan: Plan, node: Aggregate) -> set[str]:
    labels: tuple[str, ...] = ()
    if node.source is not None:
        labels = plan.source(node.source).labels
    over_time = FUNCTIONS[node.function].look is Look.TIME
    return _named(
        ("where", node.where is not None),
        ("where, over time", over_time and node.where is not None),
        ("during", node.filter.during),
        ("excluding", node.filter.excluding),
        ("idle", node.idle is not None),
        ("forgiving", node.forgiving is not None),
        ("by a label", node.by),
        ("by one of two labels", node.by and len(labels) > len(node.by)),
        ("streams joined in a window", len(labels) > len(node.by)),
    )


def _of_goal(goal: Goal) -> set[str]:
    budget = goal.budget
    return {f"unknown time {goal.unknown_time.value}"} | _named(
        ("budget of time", budget is not None and budget.time),
        ("budget of items", budget is not None and not budget.time),
        ("provided", goal.provided is not None),
        ("credit", any(isinstance(action, Credit) for action in goal.otherwise)),
        ("reward", any(isinstance(action, Credit) for action in goal.rewarding)),
        ("refund", goal.refunds),
        ("refund under a condition", any(refund.condition is not None for refund in goal.refunds)),
    )


def _of_rule(rule: Rule) -> set[str]:
    return _named(
        ("rule that holds", rule.holding_for),
        ("rule that repeats", rule.repeat_every is not None),
        ("rule with steps", rule.steps),
        ("rule on recovery", rule.on_recovery),
        ("rule that tells of so many", rule.often is not None),
    )


def main(arguments: Sequence[str]) -> None:
    """Prints in how many of so many generated cases each construct and each event occurs, the rarest last."""
    number = int(arguments[0]) if arguments else 300
    counted = occurring(drawn(cases(), number))
    for name in sorted(EXPECTED | EVENTS, key=lambda name: (-counted[name], name)):
        print(f"{counted[name]:6} {100 * counted[name] / number:5.1f} %  {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
