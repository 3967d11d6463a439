"""What changed in rules: their conditions, how long these must hold, and what is done when."""

from __future__ import annotations

from collections.abc import Sequence

from wsla.comparing.changes import Change, Direction, Renamed, effects
from wsla.comparing.formulas import Comparison
from wsla.comparing.messages import changes_of_messages, messages, money_effects, name_now
from wsla.explaining.words import length_words
from wsla.plan.model import Action, Credit, Rule


def changes_of_rules(comparison: Comparison, names: Renamed) -> list[Change]:
    """What changed in rules: their conditions, how long these must hold, and what is done when."""
    old, new = list(comparison.old.version.plan.rules), list(comparison.new.version.plan.rules)
    pairs: list[tuple[Rule, Rule]] = []
    for rule in list(new):
        number = comparison.new.numbers[rule.trigger]
        same = [one for one in old if comparison.old.numbers[one.trigger] == number]
        if same:
            # Of several with one condition, the one that waits as long.
            best = next((one for one in same if one.holding_for == rule.holding_for), same[0])
            pairs.append((best, rule))
            old.remove(best)
            new.remove(rule)
    for one, two in zip(list(old), list(new), strict=False):
        pairs.append((one, two))
        old.remove(one)
        new.remove(two)
    found = [change for pair in pairs for change in _of_rule(comparison, *pair, names)]
    for rule in new:
        found.append(_rule_change(comparison, None, rule, f"a rule was added: {rule.text}", Direction.GAINS))
    for rule in old:
        found.append(
            _rule_change(comparison, rule, None, f"a rule was removed: {rule.text}", Direction.LOSES)
        )
    return found


def _of_rule(comparison: Comparison, old: Rule, new: Rule, names: Renamed) -> list[Change]:
    found = []

    def told(
        text: str, direction: Direction = Direction.CHANGED, actions: Sequence[Action] = new.actions
    ) -> None:
        words = f"{new.text}: {text}"
        found.append(_rule_change(comparison, old, new, words, direction, actions))

    for difference in comparison.differences(old.trigger, new.trigger, 0):
        told(difference.text)
    if old.holding_for != new.holding_for:
        sooner = new.holding_for < old.holding_for
        a, b = length_words(old.holding_for), length_words(new.holding_for)
        told(
            f"it acts after {b} instead of {a}, {'sooner' if sooner else 'later'}",
            Direction.GAINS if sooner else Direction.LOSES,
        )
    if old.repeat_every != new.repeat_every:
        a, b = (
            "never" if one is None else f"every {length_words(one)}"
            for one in (old.repeat_every, new.repeat_every)
        )
        told(f"it repeats {b} instead of {a}")
    if old.often != new.often:
        a, b = (
            "every episode"
            if one is None
            else f"at most {one.count} episode{'s' if one.count > 1 else ''} each {length_words(one.length)}"
            for one in (old.often, new.often)
        )
        told(f"it tells of {b} instead of {a}")
    found += changes_of_messages("rule", new.name, f"{new.text}", old.actions, new.actions, names)
    recovery = f"{new.text}, on recovery"
    found += changes_of_messages("rule", new.name, recovery, old.on_recovery, new.on_recovery, names)
    for number in range(max(len(old.steps), len(new.steps))):
        one = old.steps[number] if number < len(old.steps) else None
        two = new.steps[number] if number < len(new.steps) else None
        step = two or one
        assert step is not None
        if one is not None and two is not None and one.delay != two.delay:
            a, b = length_words(one.delay), length_words(two.delay)
            told(
                f"the next step is taken after {b} instead of {a}",
                Direction.GAINS if two.delay < one.delay else Direction.LOSES,
                two.actions,
            )
        found += changes_of_messages(
            "rule",
            new.name,
            f"{new.text}, after {length_words(step.delay)}",
            () if one is None else one.actions,
            () if two is None else two.actions,
            names,
        )
    found += _rule_credits(comparison, old, new, names)
    return found


def _rule_credits(comparison: Comparison, old: Rule, new: Rule, names: Renamed) -> list[Change]:
    def all_credits(rule: Rule) -> list[Credit]:
        actions = [*rule.actions, *rule.on_recovery, *(one for step in rule.steps for one in step.actions)]
        return [action for action in actions if isinstance(action, Credit)]

    found = []
    before, after = all_credits(old), all_credits(new)
    for number in range(max(len(before), len(after))):
        one = before[number] if number < len(before) else None
        two = after[number] if number < len(after) else None
        a = "nothing" if one is None else comparison.old.called(one.amount)
        b = "nothing" if two is None else comparison.new.called(two.amount)
        credit = two or one
        assert credit is not None
        more = 1 if one is None else -1
        if one is not None and two is not None:
            differences = comparison.differences(one.amount, two.amount, -1)
            if not differences:
                continue
            more = differences[0].strictness
        found.append(
            Change(
                kind="credit",
                name=new.name,
                text=f"{new.text}: {credit.creditor} is credited {b} instead of {a}",
                before=a,
                after=b,
                effects=money_effects(name_now(credit.debtor, names), name_now(credit.creditor, names), more),
            )
        )
    return found


def _rule_change(
    comparison: Comparison,
    old: Rule | None,
    new: Rule | None,
    text: str,
    direction: Direction,
    actions: Sequence[Action] | None = None,
) -> Change:
    rule = new or old
    assert rule is not None
    reached = [
        party
        for action in (rule.actions if actions is None else actions)
        for party, _ in messages(action, None)
    ]
    return Change(
        kind="rule",
        name=rule.name,
        text=text,
        before=None if old is None else old.text,
        after=None if new is None else new.text,
        place_before=None if old is None else comparison.old.version.written.place(old.span),
        place_after=None if new is None else comparison.new.version.written.place(new.span),
        effects=effects(reached, direction),
    )
