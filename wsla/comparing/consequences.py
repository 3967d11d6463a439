"""What changed in what follows: credits at every measured value, claims, messages and rights."""

from __future__ import annotations

from wsla.comparing.changes import Change, Direction, Effect, Renamed
from wsla.comparing.formulas import Comparison, Side
from wsla.comparing.messages import changes_of_messages, money_effects, name_now
from wsla.comparing.payoff import Key, NotStepwise, Payoff, Step, owed_words, steps, unit_of
from wsla.plan.model import Claim, Credit, Goal
from wsla.values.calendars import CalendarUnit

Branches = dict[Key, list[tuple[Credit, bool]]]


def changes_of_actions(
    comparison: Comparison, first: Goal | None, second: Goal | None, names: Renamed
) -> list[Change]:
    """What changed in what follows from a goal's verdicts."""
    before, after = _credits(comparison.old, first, names), _credits(comparison.new, second, {})
    found: list[Change] = []
    for key in dict.fromkeys((*before, *after)):
        found += _of_credit(comparison, first, second, key, before.get(key, []), after.get(key, []))
        found += _of_claims(second or first, key, before.get(key, []), after.get(key, []))
    goal = second or first
    name = "" if goal is None else goal.name
    for word, one, two in (
        ("missed", first.otherwise if first else (), second.otherwise if second else ()),
        ("met", first.rewarding if first else (), second.rewarding if second else ()),
    ):
        found += changes_of_messages("goal", name, f"when {name} is {word}", one, two, names)
    return found


def _credits(side: Side, goal: Goal | None, names: Renamed | dict[str, str]) -> Branches:
    found: Branches = {}
    if goal is not None:
        for actions, reward in ((goal.otherwise, False), (goal.rewarding, True)):
            for action in actions:
                if isinstance(action, Credit):
                    debtor, creditor = name_now(action.debtor, names), name_now(action.creditor, names)
                    found.setdefault((debtor, creditor, unit_of(side, action)), []).append((action, reward))
    return found


# --- credits


def _of_credit(
    comparison: Comparison,
    first: Goal | None,
    second: Goal | None,
    key: Key,
    before: list[tuple[Credit, bool]],
    after: list[tuple[Credit, bool]],
) -> list[Change]:
    goal = second or first
    assert goal is not None
    for judged in (True, False):
        try:
            old = Payoff(comparison.old, first, before, judged) if first is not None and before else None
            new = Payoff(comparison.new, second, after, judged) if second is not None and after else None
            found = steps(old, new)
        except NotStepwise:
            continue
        return [_of_step(comparison, goal, key, step, old, new, judged) for step in found]
    if len(before) == len(after) > 1:
        pairs = zip(before, after, strict=True)
        return [
            change
            for one, two in pairs
            for change in _of_credit(comparison, first, second, key, [one], [two])
        ]
    return _by_formula(comparison, goal, key, before, after)


def _of_step(
    comparison: Comparison,
    goal: Goal,
    key: Key,
    step: Step,
    old: Payoff | None,
    new: Payoff | None,
    judged: bool,
) -> Change:
    debtor, creditor, unit = key
    payoff = new if new is not None and new.leaf is not None else old
    where = ""
    if payoff is not None and payoff.leaf is not None and step.range is not None:
        words = step.range.words(payoff.side, payoff.leaf)
        where = f"where {payoff.side.called(payoff.leaf)} {words}, " if words else ""
    elif not judged or not where:
        where = f"when {goal.name} is missed, " if step.range is not None else ""
    a = owed_words(step.before, unit, step.written_before)
    b = owed_words(step.after, unit, step.written_after)
    return Change(
        kind="credit",
        name=goal.name,
        text=f"{where}{debtor} owes {creditor} {b} instead of {a}",
        before=a,
        after=b,
        effects=money_effects(debtor, creditor, step.after - step.before),
    )


def _by_formula(
    comparison: Comparison,
    goal: Goal,
    key: Key,
    before: list[tuple[Credit, bool]],
    after: list[tuple[Credit, bool]],
) -> list[Change]:
    """Credits one by one, where no single value decides about them."""
    debtor, creditor, _ = key
    found: list[Change] = []
    for number in range(max(len(before), len(after))):
        if number >= len(before) or number >= len(after):
            added = number >= len(before)
            side = comparison.new if added else comparison.old
            credit = (after if added else before)[number][0]
            quoted = side.called(credit.amount)
            word = "is credited" if added else "is not credited any more"
            text = f"when {goal.name} is missed, {creditor} {word} {quoted}"
            found.append(_credit_change(goal, text, money_effects(debtor, creditor, 1 if added else -1)))
            continue
        old, new = before[number][0], after[number][0]
        for kind, one, two in (
            ("the amount", old.amount, new.amount),
            ("the most that is owed", old.at_most, new.at_most),
            ("what an amount must be above", old.only_above, new.only_above),
        ):
            higher = -1 if kind.startswith("what") else 1
            if one is not None and two is not None:
                for difference in comparison.differences(one, two, -1):
                    text = f"{goal.name}, {kind} that {creditor} is credited: {difference.text}"
                    if kind != "the amount":
                        text = f"{goal.name}, {kind} to {creditor}: {difference.text}"
                    found.append(
                        _credit_change(
                            goal, text, money_effects(debtor, creditor, higher * difference.strictness)
                        )
                    )
            elif one is not None or two is not None:
                side, index = (comparison.old, one) if one is not None else (comparison.new, two)
                assert index is not None
                word = "is gone" if one is not None else "is new"
                text = f"{goal.name}, {kind} to {creditor}: {side.called(index)} {word}"
                found.append(
                    _credit_change(goal, text, money_effects(debtor, creditor, 1 if one is not None else -1))
                )
        if old.part != new.part:
            text = f"{goal.name}: the credit to {creditor} is another part of the fee"
            found.append(_credit_change(goal, text, money_effects(debtor, creditor, 0)))
    return found


def _credit_change(goal: Goal, text: str, affected: tuple[Effect, ...]) -> Change:
    return Change(kind="credit", name=goal.name, text=text, effects=affected)


# --- claims


def _of_claims(
    goal: Goal | None, key: Key, before: list[tuple[Credit, bool]], after: list[tuple[Credit, bool]]
) -> list[Change]:
    creditor = key[1]
    found = []
    for (old, _), (new, _) in zip(before, after, strict=False):
        if old.claim == new.claim or goal is None:
            continue
        a, b = _claim_words(old.claim), _claim_words(new.claim)
        longer = _longer(old.claim, new.claim)
        direction = Direction.GAINS if longer > 0 else Direction.LOSES if longer < 0 else Direction.CHANGED
        text = f"{creditor} has to claim credits for {goal.name} {b} instead of {a}"
        found.append(
            Change(
                kind="claim",
                name=goal.name,
                text=text,
                before=a,
                after=b,
                effects=(Effect(party=creditor, direction=direction),),
            )
        )
    return found


def _claim_words(claim: Claim | None) -> str:
    if claim is None:
        return "never"
    return f"within {claim.count} {claim.unit.value}{'s' if claim.count > 1 else ''}"


_LENGTHS = {
    CalendarUnit.DAY: (1, 1),
    CalendarUnit.WEEK: (7, 7),
    CalendarUnit.MONTH: (28, 31),
    CalendarUnit.QUARTER: (90, 92),
    CalendarUnit.YEAR: (365, 366),
}
"""The fewest and most days of a unit."""


def _longer(old: Claim | None, new: Claim | None) -> int:
    """1 where the newer deadline is later for sure, -1 where it is earlier for sure, else 0."""
    if old is None or new is None:
        return 1 if new is None else -1
    if old.unit is new.unit:
        return (new.count > old.count) - (new.count < old.count)
    (least, most), (new_least, new_most) = (
        tuple(days * claim.count for days in _LENGTHS[claim.unit]) for claim in (old, new)
    )
    return 1 if new_least > most else -1 if new_most < least else 0
