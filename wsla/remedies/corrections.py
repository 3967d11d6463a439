"""Corrections: windows whose verdict was final are judged again, and what is owed otherwise is booked beside the old
entries (rules M96 to M98)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final, Self

from attrs import evolve, field, frozen

from wsla.evaluation.verdicts import Judgement, Labels, Verdict
from wsla.plan.model import Credit, Goal, Plan
from wsla.remedies.claims import credit_of
from wsla.remedies.credits import claim_deadline
from wsla.remedies.decider import Decider
from wsla.remedies.decisions import Intent, LedgerEntry, Words
from wsla.remedies.wording import Wording
from wsla.values.instants import Interval
from wsla.values.money import round_to_minor

WindowKey = tuple[str, Labels, Interval]
"""A goal, labels and a window: what has one verdict."""


@frozen
class Withdrawn:
    """What a correction said of a window that does not exist any more: ``judgement`` is not applicable."""

    judgement: Judgement

    @classmethod
    def of(cls, before: Judgement) -> Self:
        """What is said of the window of a verdict that stood."""
        nothing = evolve(
            before, value=None, lower=None, upper=None, budget=None, budget_left=None, amounts=()
        )
        return cls(evolve(nothing, verdict=Verdict.NOT_APPLICABLE, final=True))


Said = Judgement | Withdrawn
"""What was said of a window at some time."""


@frozen(kw_only=True)
class Corrected:
    """A window's verdict as it stood and as it is now; None where there was none, or where there is none any more."""

    before: Judgement | None
    after: Judgement | None

    @property
    def said(self) -> Said:
        """What is said of the window from now on."""
        if self.after is not None:
            return self.after
        assert self.before is not None
        return Withdrawn.of(self.before)


@frozen(kw_only=True)
class Correction:
    """What judging again changes: verdicts, the entries to book at the instant ``at``, and the notices to send."""

    at: int
    changed: tuple[Corrected, ...] = ()
    entries: tuple[LedgerEntry, ...] = ()
    intents: tuple[Intent, ...] = ()


@frozen(kw_only=True)
class _Anew:
    """What follows from the verdicts as they are now: entries by the credit that they belong to, intents by window."""

    entries: Mapping[str, list[LedgerEntry]]
    intents: Mapping[WindowKey, list[Intent]] = field(factory=dict)


def correct(
    plan: Plan,
    judged: Sequence[Said],
    found: Iterable[Judgement],
    booked: Iterable[LedgerEntry],
    at: int,
) -> Correction:
    """Compares what was said and booked with what is found now.

    ``judged`` are the final verdicts as they were said, later ones of a window (corrections before this one) after
    earlier ones; ``found`` those of judging again with everything that is known now, as far as any of
    these. ``booked`` is the ledger of this agreement so far. Nothing that stands is touched.
    """
    standing = standing_of(judged)
    said = [_verdict(one) for one in judged]
    times = Counter(_key(one) for one in said)
    latest: dict[str, int] = {}
    for one in said:
        latest[one.goal] = max(one.window.end, latest.get(one.goal, one.window.end))
    until = judged_until(plan, judged, at)
    # A window of labels that only late data brought forth counts where its goal had been judged as far as that.
    again = {
        _key(one): one
        for one in found
        if one.window.end + plan.grace <= until
        and (_key(one) in standing or one.window.end <= latest.get(one.goal, one.window.end - 1))
    }
    entries = list(booked)
    goals = {goal.name: goal for goal in plan.goals}
    of_goals = [one for one in entries if one.cause in goals]
    anew = _decide(plan, again.values(), [one for one in entries if one.cause not in goals])
    adjusting = _adjusting(plan, of_goals, anew.entries, at)
    changed = [
        Corrected(before=standing.get(key), after=again.get(key))
        for key in sorted({*standing, *again}, key=lambda key: (key[2].end, key[2].start, key[0], key[1]))
        if _said(standing.get(key)) != _said(again.get(key))
    ]
    return Correction(
        at=at,
        changed=tuple(changed),
        entries=tuple(adjusting),
        intents=tuple(_intents(plan, goals, standing, again, anew, adjusting, times, at)),
    )


def standing_of(judged: Iterable[Said]) -> dict[WindowKey, Judgement]:
    """The verdicts that stand; what was said later follows what was said earlier."""
    found: dict[WindowKey, Judgement] = {}
    for one in judged:
        if isinstance(one, Withdrawn):
            found.pop(_key(one.judgement), None)
        else:
            found[_key(one)] = one
    return found


def _verdict(said: Said) -> Judgement:
    return said.judgement if isinstance(said, Withdrawn) else said


def judged_until(plan: Plan, judged: Iterable[Said], at: int) -> int:
    """Up to when history is to be judged for a correction dated ``at``: the clock may have been set back since, or the
    correction be dated earlier, and what was final is final all the same."""
    return max((at, *(_verdict(one).window.end + plan.grace + 1 for one in judged)))


def _key(judgement: Judgement) -> WindowKey:
    return judgement.goal, judgement.labels, judgement.window


def _said(judgement: Judgement | None) -> object:
    """What a correction is about: positions in the plan and the word for "final" are not."""
    return None if judgement is None else evolve(judgement, final=True, amounts=())


def _decide(plan: Plan, judgements: Iterable[Judgement], of_rules: Sequence[LedgerEntry]) -> _Anew:
    """M97: what verdicts lead to, in the order of M29; what rules have booked stands and counts towards the caps."""
    decider = Decider(plan)
    position = {goal.name: number for number, goal in enumerate(plan.goals)}
    waiting = sorted(of_rules, key=lambda entry: entry.at, reverse=True)
    entries: dict[str, list[LedgerEntry]] = defaultdict(list)
    intents: dict[WindowKey, list[Intent]] = defaultdict(list)

    def order(one: Judgement) -> tuple[int, int, Labels, Interval]:
        return one.window.end + plan.grace, position[one.goal], one.labels, one.window

    for judgement in sorted(judgements, key=order):
        while waiting and waiting[-1].at < judgement.window.end + plan.grace:
            decider.count(waiting.pop())
        for decision in decider.judged(evolve(judgement, final=True)):
            if isinstance(decision, Intent):
                intents[_key(judgement)].append(decision)
            else:
                entries[credit_of(decision)].append(decision)
    return _Anew(entries=entries, intents=intents)


def _adjusting(
    plan: Plan, booked: Sequence[LedgerEntry], owed: Mapping[str, list[LedgerEntry]], at: int
) -> list[LedgerEntry]:
    """M97: for each credit what is owed now less what was booked, caps and refunds on either side."""
    before: dict[str, list[LedgerEntry]] = defaultdict(list)
    for entry in booked:
        before[credit_of(entry)].append(entry)
    found = []
    for credit in dict.fromkeys((*before, *owed)):
        old, new = before.get(credit, []), owed.get(credit, [])
        model = next((one for one in (*old, *new) if one.id == credit), (*old, *new)[0])
        was, now = _net(old, model.debtor), _net(new, model.debtor)
        if was == now:
            continue
        more = now > was
        number = sum(_adjusts(one) for one in old)
        found.append(
            evolve(
                model,
                # The first entry of a credit stands for it: it is what is claimed.
                id=f"{credit.rpartition('|')[0]}|correction {number + 1}" if old else credit,
                kind=ADJUSTMENT,
                debtor=model.debtor if more else model.creditor,
                creditor=model.creditor if more else model.debtor,
                amount=round_to_minor(abs(now - was), model.currency),
                at=at,
                memo=f"correction from {_shown(was, model)} to {_shown(now, model)}: {(new or old)[0].memo}",
                claim_until=model.claim_until if old else _deadline(plan, model, at),
            )
        )
    return found


ADJUSTMENT: Final = "adjustment"


def _adjusts(entry: LedgerEntry) -> bool:
    return entry.kind == ADJUSTMENT and entry.id != credit_of(entry)


def _net(entries: Iterable[LedgerEntry], debtor: str) -> Fraction:
    return sum(
        (Fraction(one.amount) if one.debtor == debtor else -Fraction(one.amount) for one in entries),
        Fraction(0),
    )


def _shown(amount: Fraction, entry: LedgerEntry) -> Decimal:
    return round_to_minor(amount, entry.currency)


def _deadline(plan: Plan, entry: LedgerEntry, at: int) -> int | None:
    """M97: what is owed for the first time is claimed within the same number of days, counted from the correction."""
    if entry.claim_until is None:
        return None
    branch, _, number = entry.id.split("|")[3].partition(" ")
    goal = next(goal for goal in plan.goals if goal.name == entry.cause)
    actions = goal.otherwise if branch == "otherwise" else goal.rewarding
    action = actions[int(number) - 1]
    assert isinstance(action, Credit)
    assert action.claim is not None
    return max(entry.claim_until, claim_deadline(action.claim, at, plan.zone))


def _intents(
    plan: Plan,
    goals: Mapping[str, Goal],
    standing: Mapping[WindowKey, Judgement],
    again: Mapping[WindowKey, Judgement],
    anew: _Anew,
    adjusting: Sequence[LedgerEntry],
    times: Mapping[WindowKey, int],
    at: int,
) -> list[Intent]:
    """M98: who is told of a verdict is told that it is another now, or that other money follows from it."""
    wording = Wording(plan)
    money: dict[WindowKey, list[LedgerEntry]] = defaultdict(list)
    for entry in adjusting:
        money[entry.cause, entry.labels, entry.window].append(entry)
    found = []
    withdrawn = {key: Withdrawn.of(one).judgement for key, one in standing.items() if key not in again}
    for key, after in {**again, **withdrawn}.items():
        before = standing.get(key)
        same = before is not None and before.verdict is after.verdict
        if same and key not in money:
            continue
        told = anew.intents.get(key) or _told(plan, before)
        was = "nothing" if before is None else before.verdict.value
        now = " There is no such window any more." if key in withdrawn else ""
        goal = goals[after.goal]
        notice = wording.of_verdict(goal, after, money.get(key, []), f"Said before: {was}.{now}")
        found += [
            evolve(
                intent,
                id=f"{intent.id.rpartition('|')[0]}|correction {max(times.get(key, 1), 1)}",
                at=at,
                words=Words.of(f"Corrected: {notice.subject}", notice.text),
            )
            for intent in told
            # A right is granted once, with the verdict that grants it.
            if intent.verb != "grant" or not same
        ]
    return found


def _told(plan: Plan, before: Judgement | None) -> list[Intent]:
    """Who was told of the verdict that no longer stands."""
    if before is None:
        return []
    decisions = Decider(plan).judged(evolve(before, final=True))
    return [one for one in decisions if isinstance(one, Intent) and one.verb != "grant"]
