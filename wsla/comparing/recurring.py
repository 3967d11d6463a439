"""What changed in reports and reviews."""

from __future__ import annotations

from datetime import timedelta

from wsla.comparing.changes import Change, Direction, Effect, Renamed
from wsla.comparing.formulas import Comparison
from wsla.comparing.messages import name_now
from wsla.explaining.words import length_words
from wsla.plan.model import Recurring, RecurringKind, Target


def changes_of_recurring(comparison: Comparison, names: Renamed) -> list[Change]:
    """Who gets other reports, or is called to other reviews; the first of a kind is compared with the first."""
    old = {one.name: one for one in comparison.old.version.plan.recurring}
    new = {one.name: one for one in comparison.new.version.plan.recurring}
    found = []
    for name in dict.fromkeys((*old, *new)):
        one, two = old.get(name), new.get(name)
        before = {} if one is None else {_target(target, names): _words(one) for target in one.targets}
        after = {} if two is None else {str(target): _words(two) for target in two.targets}
        for target in dict.fromkeys((*before, *after)):
            a, b = before.get(target), after.get(target)
            if a == b:
                continue
            if a is None:
                text, direction = f"{target} gets {b}", Direction.GAINS
            elif b is None:
                text, direction = f"{target} does not get {a} any more", Direction.LOSES
            else:
                text, direction = f"{target} gets {b} instead of {a}", Direction.CHANGED
            party = target.partition(".")[0]
            found.append(
                Change(
                    kind=name.partition(" ")[0],
                    name=name,
                    text=text,
                    before=a,
                    after=b,
                    effects=(Effect(party=party, direction=direction),),
                )
            )
    return found


def _target(target: Target, names: Renamed) -> str:
    party = name_now(target.party, names)
    return party if target.channel is None else f"{party}.{target.channel}"


def _words(one: Recurring) -> str:
    what = "a report" if one.kind is RecurringKind.REPORT else f"a review of {length_words(one.length)}"
    period = one.window.unit.value
    if one.window.anchor is not None:
        period += (
            f" from {one.window.anchor:%d.%m.}" if period == "year" else f" from the {one.window.anchor.day}."
        )
    days = "" if not one.days else f" {one.days} day{'s' if one.days > 1 else ''} after its end"
    at = "" if one.at is None else f" at {timedelta(microseconds=one.at // 1_000)}"
    title = f" (“{one.title}”)" if one.title else ""
    return f"{what} each {period}{days}{at}{title}"
