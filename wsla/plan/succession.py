"""Versions of one agreement after each other: which of them judges a window (rules M69 and M70)."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from wsla.analysis.checked import CheckedAgreement
from wsla.plan.build import build_plan
from wsla.plan.model import Plan


def plans_of(agreements: Sequence[CheckedAgreement]) -> list[Plan]:
    """The plans of agreements, in their order; versions of one agreement follow each other."""
    by_title: dict[str, list[Plan]] = {}
    for agreement in agreements:
        by_title.setdefault(agreement.title, []).append(build_plan(agreement))
    bounded = {
        (plan.title, plan.version): plan for plans in by_title.values() for plan in in_succession(plans)
    }
    return [bounded[agreement.title, agreement.version] for agreement in agreements]


def in_succession(plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """The versions of one agreement, in order of their numbers, each with its bounds.

    A version before an amendment judges the windows that start before the amendment takes effect, to their ends. Where
    the amendment takes over the windows under way, the term of every version before it ends there.
    """
    ordered = sorted(plans, key=lambda plan: plan.version)
    for place, following in enumerate(ordered):
        if following.amends is None:
            continue
        start = following.effective_start
        for earlier, plan in enumerate(ordered[:place]):
            if following.judges_from is None:
                end = start if plan.effective_end is None else min(start, plan.effective_end)
                ordered[earlier] = evolve(plan, effective_end=end)
            elif plan.judges_until is None:
                ordered[earlier] = evolve(plan, judges_until=start)
    return tuple(ordered)
