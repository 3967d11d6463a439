"""Two versions of an agreement compared by what they mean: nothing of their layout, comments or order counts."""

from __future__ import annotations

from attrs import evolve, frozen

from wsla.comparing.agreement import changes_around, renamed, same_schedule
from wsla.comparing.canon import Numbering
from wsla.comparing.caps import changes_of_caps
from wsla.comparing.changes import Change, Renamed, Version
from wsla.comparing.consequences import changes_of_actions
from wsla.comparing.formulas import Comparison, Side
from wsla.comparing.promises import changes_of_goal, paired_goals
from wsla.comparing.recurring import changes_of_recurring
from wsla.comparing.rules import changes_of_rules
from wsla.plan.model import Goal, Plan


@frozen(kw_only=True)
class Compared:
    """What changed from one version to the next, in the order of the newer text, and what was renamed."""

    old: Version
    new: Version
    changes: tuple[Change, ...]
    renamed: Renamed


def compare(old: Version, new: Version) -> Compared:
    """Every difference in meaning, each with whom it affects and which way."""
    names = _names(old.plan, new.plan)
    numbering = Numbering()
    comparison = Comparison(
        Side(version=old, numbers=numbering.of(old.plan, names.sources, names.schedules, names.goals)),
        Side(version=new, numbers=numbering.of(new.plan)),
    )
    names = evolve(names, metrics=_metrics(comparison))
    changes = changes_around(comparison.old, comparison.new, names)
    for first, second in paired_goals(comparison.old, comparison.new, names):
        changes += changes_of_goal(comparison, first, second, names)
        changes += changes_of_actions(comparison, first, second, names)
    changes += changes_of_rules(comparison, names)
    changes += changes_of_caps(comparison, names)
    changes += changes_of_recurring(comparison, names)
    return Compared(old=old, new=new, changes=tuple(dict.fromkeys(changes)), renamed=names)


def _names(old: Plan, new: Plan) -> Renamed:
    """What is called otherwise, and is the same."""
    parties = renamed(
        {one.name: one for one in old.parties},
        {one.name: one for one in new.parties},
        lambda a, b: (a.roles, a.title, a.channels) == (b.roles, b.title, b.channels),
    )
    sources = renamed(
        {one.name: one for one in old.sources},
        {one.name: one for one in new.sources},
        lambda a, b: evolve(a, name=b.name) == b,
    )
    schedules = renamed(
        {one.name: one for one in old.schedules},
        {one.name: one for one in new.schedules},
        lambda a, b: same_schedule(old, a, new, b),
    )
    numbering = Numbering()
    before, after = numbering.of(old, sources, schedules), numbering.of(new)

    def same_goal(a: Goal, b: Goal) -> bool:
        return before[a.condition] == after[b.condition] and parties.get(a.party, a.party) == b.party

    goals = renamed({one.name: one for one in old.goals}, {one.name: one for one in new.goals}, same_goal)
    return Renamed(parties=parties, sources=sources, schedules=schedules, metrics={}, goals=goals)


def _metrics(comparison: Comparison) -> dict[str, str]:
    old, new = comparison.old, comparison.new
    return renamed(
        old.version.plan.metrics,
        new.version.plan.metrics,
        lambda a, b: old.numbers[a] == new.numbers[b],
    )
