"""What changed in ceilings on credits."""

from __future__ import annotations

from fractions import Fraction

from wsla.comparing.changes import Change, Direction, Effect, Renamed, effects
from wsla.comparing.formulas import Comparison, Side
from wsla.comparing.messages import name_now
from wsla.explaining.words import window_kind_words
from wsla.plan.model import Cap, Credit


def changes_of_caps(comparison: Comparison, names: Renamed) -> list[Change]:
    """What changed in ceilings on credits: a higher one is dearer for those who owe."""
    plan = comparison.new.version.plan
    before: dict[tuple[str, str, str], list[Cap]] = {}
    after: dict[tuple[str, str, str], list[Cap]] = {}
    for cap in comparison.old.version.plan.caps:
        before.setdefault((name_now(cap.creditor, names), _capped(cap), _cap_window(cap)), []).append(cap)
    for cap in plan.caps:
        after.setdefault((cap.creditor, _capped(cap), _cap_window(cap)), []).append(cap)
    found: list[Change] = []
    for creditor, capped, window in dict.fromkeys((*before, *after)):
        old, new = before.get((creditor, capped, window), []), after.get((creditor, capped, window), [])
        debtors = _debtors(comparison, creditor, names)
        for number in range(max(len(old), len(new))):
            one = old[number] if number < len(old) else None
            two = new[number] if number < len(new) else None
            a = "none" if one is None else _cap_words(comparison.old, one)
            b = "none" if two is None else _cap_words(comparison.new, two)
            if a == b:
                continue
            more = _higher(comparison, one, two)
            text = f"the cap on {capped} to {creditor} {window} is {b} instead of {a}"
            affected = effects(
                debtors,
                Direction.DEARER if more > 0 else Direction.CHEAPER if more < 0 else Direction.CHANGED,
            )
            direction = Direction.GAINS if more > 0 else Direction.LOSES if more < 0 else Direction.CHANGED
            affected += (Effect(party=creditor, direction=direction),)
            found.append(
                Change(
                    kind="cap",
                    name=creditor,
                    text=text,
                    before=None if one is None else a,
                    after=None if two is None else b,
                    effects=affected,
                )
            )
    return found


def _capped(cap: Cap) -> str:
    return "rewards" if cap.rewards else "credits"


def _cap_window(cap: Cap) -> str:
    words = window_kind_words(cap.window)
    return words if cap.last == 1 else f"over {cap.last} in a row of {words.removeprefix('each ')}s"


def _cap_words(side: Side, cap: Cap) -> str:
    return (
        f"the highest {_capped(cap).removesuffix('s')}"
        if cap.amount is None
        else side.fixed_words(cap.amount)
    )


def _higher(comparison: Comparison, one: Cap | None, two: Cap | None) -> int:
    if one is None or two is None:
        # Without a ceiling more can be owed.
        return -1 if one is None else 1
    if one.amount is None or two.amount is None:
        return 0
    a, b = comparison.old.fixed(one.amount), comparison.new.fixed(two.amount)
    if isinstance(a, int | Fraction) and isinstance(b, int | Fraction):
        return (b > a) - (b < a)
    return 0


def _debtors(comparison: Comparison, creditor: str, names: Renamed) -> list[str]:
    found = [
        action.debtor
        for goal in comparison.new.version.plan.goals
        for action in (*goal.otherwise, *goal.rewarding)
        if isinstance(action, Credit) and action.creditor == creditor
    ]
    found += [
        name_now(action.debtor, names)
        for goal in comparison.old.version.plan.goals
        for action in (*goal.otherwise, *goal.rewarding)
        if isinstance(action, Credit) and name_now(action.creditor, names) == creditor
    ]
    return list(dict.fromkeys(found))
