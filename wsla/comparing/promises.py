"""What changed in goals: the promise itself, when it holds, and how unknown time counts."""

from __future__ import annotations

from attrs import evolve

from wsla.comparing.changes import Change, Direction, Effect, Renamed
from wsla.comparing.formulas import Comparison, Difference, Side
from wsla.explaining.words import share_words
from wsla.plan.model import Goal, UnknownTime

_DIRECTIONS = {1: Direction.STRICTER, -1: Direction.LOOSER, 0: Direction.CHANGED}
_STRICTNESS = {
    UnknownTime.MET: 0,
    UnknownTime.EXCLUDED: 1,
    UnknownTime.UNKNOWN: 1,
    UnknownTime.MISSED: 2,
}


def paired_goals(old: Side, new: Side, names: Renamed) -> list[tuple[Goal | None, Goal | None]]:
    """Each goal with its older version, in the order of the newer text; then those that are gone."""
    before = {names.goals.get(one.name, one.name): one for one in old.version.plan.goals}
    after = {one.name: one for one in new.version.plan.goals}
    pairs: list[tuple[Goal | None, Goal | None]] = [(before.get(name), goal) for name, goal in after.items()]
    return [*pairs, *((goal, None) for name, goal in before.items() if name not in after)]


def changes_of_goal(
    comparison: Comparison, first: Goal | None, second: Goal | None, names: Renamed
) -> list[Change]:
    """What changed in one promise."""
    if first is None or second is None:
        return _one_sided(comparison, first, second)
    found: list[Change] = []
    if first.name != second.name:
        text = f"the goal {first.name} was renamed to {second.name}"
        found.append(_change(comparison, first, second, text, first.name, second.name))
    if names.parties.get(first.party, first.party) != second.party:
        text = f"{second.name} obliges {second.party} instead of {first.party}"
        change = _change(comparison, first, second, text, first.party, second.party)
        found.append(
            _with(
                change,
                Effect(party=second.party, direction=Direction.STRICTER),
                Effect(party=first.party, direction=Direction.LOOSER),
            )
        )
    for difference in comparison.differences(first.condition, second.condition):
        found.append(_told(comparison, first, second, difference, f"{second.name}: {difference.text}"))
    found += _provided(comparison, first, second)
    found += _policy(comparison, first, second)
    return found


def _one_sided(comparison: Comparison, first: Goal | None, second: Goal | None) -> list[Change]:
    goal = second or first
    assert goal is not None
    word, direction = ("added", Direction.STRICTER) if first is None else ("removed", Direction.LOOSER)
    side = comparison.new if first is None else comparison.old
    place = side.version.written.place(goal.span)
    return [
        Change(
            kind="goal",
            name=goal.name,
            text=f"the goal {goal.name} was {word}: {goal.party} guarantees {goal.text}",
            before=None if first is None else goal.text,
            after=goal.text if first is None else None,
            place_before=None if first is None else place,
            place_after=place if first is None else None,
            effects=(Effect(party=goal.party, direction=direction),),
        )
    ]


def _provided(comparison: Comparison, first: Goal, second: Goal) -> list[Change]:
    if first.provided is None and second.provided is None:
        return []
    if first.provided is None or second.provided is None:
        added = first.provided is None
        side, index = (comparison.new, second.provided) if added else (comparison.old, first.provided)
        assert index is not None
        quoted = side.called(index)
        text = (
            f"{second.name} holds only where `{quoted}`"
            if added
            else f"{second.name} holds always, not only where `{quoted}`"
        )
        return [_told(comparison, first, second, Difference(text, -1 if added else 1), text)]
    # The more often a promise holds, the stricter it is.
    return [
        _told(comparison, first, second, one, f"{second.name}, where it holds: {one.text}")
        for one in comparison.differences(first.provided, second.provided, -1)
    ]


def _policy(comparison: Comparison, first: Goal, second: Goal) -> list[Change]:
    found = []
    if first.unknown_time is not second.unknown_time:
        a, b = first.unknown_time, second.unknown_time
        harder = _STRICTNESS[b] - _STRICTNESS[a]
        text = f"{second.name}: unknown time {b.value}; before, it {a.value.replace('counts', 'counted')}"
        text = text.replace("it is ", "it was ")
        strictness = (harder > 0) - (harder < 0)
        found.append(_told(comparison, first, second, Difference(text, strictness), text))
    if first.minimum_coverage != second.minimum_coverage:
        a_words, b_words = share_words(first.minimum_coverage), share_words(second.minimum_coverage)
        text = f"{second.name}: {b_words} of a window must be known to judge it, instead of {a_words}"
        found.append(_told(comparison, first, second, Difference(text, 0), text))
    return found


def _told(comparison: Comparison, first: Goal, second: Goal, difference: Difference, text: str) -> Change:
    change = _change(comparison, first, second, text, first.text, second.text)
    return _with(change, Effect(party=second.party, direction=_DIRECTIONS[difference.strictness]))


def _change(comparison: Comparison, first: Goal, second: Goal, text: str, before: str, after: str) -> Change:
    return Change(
        kind="goal",
        name=second.name,
        text=text,
        before=before,
        after=after,
        place_before=comparison.old.version.written.place(first.span),
        place_after=comparison.new.version.written.place(second.span),
    )


def _with(change: Change, *found: Effect) -> Change:
    return evolve(change, effects=found)
