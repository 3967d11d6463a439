"""Verdicts and changes of triggers become decisions: notices to send, rights to grant, entries to book."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import partial
from heapq import heapify, heappop, heappush
from typing import Any, Final, Self, assert_never

from attrs import astuple

from wsla.analysis.types import Shape
from wsla.evaluation.report import JudgedColumns, Outcome, TruthChange
from wsla.evaluation.scalars import scalar_value
from wsla.evaluation.verdicts import Judgement, Labels, Verdict
from wsla.plan.model import Action, Credit, Goal, Grant, Notify, Plan, Target
from wsla.remedies.credits import CreditBook, counted_at
from wsla.remedies.decisions import Decision, Intent, LedgerEntry, Words
from wsla.remedies.identity import Occasion
from wsla.remedies.refunds import Refunds
from wsla.remedies.rules import Act, Phase, RuleMachine, RuleState
from wsla.remedies.wording import Notice, Wording
from wsla.values.calendars import RollingWindow
from wsla.values.instants import Interval

_FORMAT: Final = 2

MachineKey = tuple[int, Labels]
"""The position of a rule in the plan, and the labels of one of its machines."""


class Decider:
    """Decides what follows, as it becomes known. It remembers enough never to decide one thing twice.

    Events must come in the order of their instants: judgements of one goal and labels by the ends of
    their windows, changes of one rule and labels by ``at``. What comes again, or late, decides nothing.
    Where verdicts and changes fall on one instant, ``moment`` takes them together, in the order of rule M29.
    """

    def __init__(self, plan: Plan, whole: Callable[[Judgement], Judgement] | None = None) -> None:
        """``whole`` gives what judgements that lack them have measured; it is asked where a notice is read.

        Raises ValueError for a cap over rolling windows, or an amount of money without a currency.
        """
        self._plan: Final = plan
        self._whole: Final = whole
        self._wording: Final = Wording(plan)
        self._goals: Final = {goal.name: (position, goal) for position, goal in enumerate(plan.goals)}
        self._rules: Final = {rule.name: position for position, rule in enumerate(plan.rules)}
        self._book: Final = CreditBook(plan)
        self._refunds: Final = Refunds()
        # The end of the window judged last, and its verdict, per goal and labels.
        self._judged: Final[dict[tuple[str, Labels], tuple[int, Verdict]]] = {}
        self._machines: Final[dict[MachineKey, RuleMachine]] = {}
        # Timers as (due, rule, labels); one that its machine no longer runs is dropped when it comes up.
        self._timers: Final[list[tuple[int, int, Labels]]] = []

    def judged(self, judgement: Judgement) -> list[Decision]:
        """What follows from a final verdict; due at its window's end plus grace. Nothing from any other.

        Timers are not looked at. Raises KeyError for a goal that the plan does not have.
        """
        _, goal = self._goals[judgement.goal]
        if not judgement.final:
            return []
        key = (goal.name, judgement.labels)
        last = self._judged.get(key)
        if last is not None and judgement.window.end <= last[0]:
            return []
        self._judged[key] = (judgement.window.end, judgement.verdict)
        earned: list[Decision] = [*self._refunds.judged(goal, judgement)]
        # M27: of a run of equal verdicts in rolling windows the first alone.
        if isinstance(goal.window, RollingWindow) and last is not None and last[1] is judgement.verdict:
            return earned
        match judgement.verdict:
            case Verdict.VIOLATED:
                decisions = self._follow_verdict(goal, judgement, "otherwise", goal.otherwise)
                self._refunds.credited(goal, judgement, decisions)
                return [*earned, *decisions]
            case Verdict.MET:
                return [*earned, *self._follow_verdict(goal, judgement, "rewarding", goal.rewarding)]
            case _:
                return earned

    def count(self, entry: LedgerEntry) -> None:
        """Takes an entry that a rule has booked before as it is: it counts towards the caps of what follows."""
        self._book.count(entry)

    def changed(self, rule: str, change: TruthChange) -> list[Decision]:
        """What follows until and from a change of a rule's trigger: all timers due by then act, then it is looked at.

        Raises KeyError for a rule that the plan does not have.
        """
        return self.moment(change.at, changes=[(rule, change)])

    def advance(self, to: int) -> list[Decision]:
        """What follows from time passing: every timer due at or before ``to`` acts."""
        decisions: list[Decision] = []
        while (due := self.next_due()) is not None and due <= to:
            _, rule, labels = heappop(self._timers)
            decisions += self._run_timer((rule, labels))
        return decisions

    def next_due(self) -> int | None:
        """The instant at which the next timer acts, or None where none is running."""
        while self._timers:
            due, rule, labels = self._timers[0]
            if self._machines[rule, labels].due() == due:
                return due
            heappop(self._timers)
        return None

    def moment(
        self,
        at: int,
        judgements: Iterable[Judgement] = (),
        changes: Iterable[tuple[str, TruthChange]] = (),
    ) -> list[Decision]:
        """What follows until and at one instant, in the order of rule M29.

        ``judgements`` are due, and ``changes`` (of named rules) are, at that instant. Timers due before it act first.
        """
        decisions = self.advance(at - 1)
        for judgement in sorted(judgements, key=self._judgement_order):
            decisions += self.judged(judgement)
        found: dict[MachineKey, list[TruthChange]] = defaultdict(list)
        for name, change in changes:
            found[self._rules[name], change.labels].append(change)
        while self.next_due() == at:
            _, rule, labels = heappop(self._timers)
            found[rule, labels] += ()
        for key in sorted(found):
            decisions += self._run_timers(key, at)
            for change in found[key]:
                decisions += self._look_at(key, change)
                decisions += self._run_timers(key, at)
        return decisions

    def snapshot(self) -> dict[str, Any]:
        """Everything remembered, in terms of JSON."""
        return {
            "format": _FORMAT,
            "agreement": self._plan.title,
            "version": self._plan.version,
            "goals": [
                [goal, _listed(labels), end, verdict.value]
                for (goal, labels), (end, verdict) in sorted(self._judged.items(), key=lambda item: item[0])
            ],
            "rules": [
                [self._plan.rules[rule].name, _listed(labels), *astuple(machine.state)]
                for (rule, labels), machine in sorted(self._machines.items(), key=lambda item: item[0])
            ],
            "refunds": self._refunds.save(),
            "caps": [[*key, str(total)] for key, total in sorted(self._book.sums.items())],
        }

    @classmethod
    def restore(cls, plan: Plan, snapshot: Any) -> Self:
        """A decider that goes on where the snapshot was taken, also after a way through JSON.

        Raises ValueError for a snapshot of another agreement, version or form, or of rules that are not in it.
        """
        expected = (_FORMAT, plan.title, plan.version)
        if (snapshot.get("format"), snapshot.get("agreement"), snapshot.get("version")) != expected:
            raise ValueError(f"the snapshot is not of {plan.title!r}, version {plan.version}")
        decider = cls(plan)
        for goal, labels, end, verdict in snapshot["goals"]:
            decider._judged[goal, _labels(labels)] = (end, Verdict(verdict))
        # A snapshot of an earlier release knows nothing of what was told.
        for name, labels, looked_at, since, fired, repeats, steps, *told in snapshot["rules"]:
            rule = decider._rules.get(name)
            if rule is None:
                raise ValueError(f"the snapshot knows a rule that {plan.title!r} does not have: {name}")
            state = RuleState(looked_at, since, fired, repeats, steps, *told)
            machine = RuleMachine(plan, plan.rules[rule], state)
            decider._machines[rule, _labels(labels)] = machine
            due = machine.due()
            if due is not None:
                decider._timers.append((due, rule, _labels(labels)))
        heapify(decider._timers)
        # A snapshot of an earlier release knows of none.
        decider._refunds.load(snapshot.get("refunds", ()))
        decider._book.sums.update(
            {
                (position, start, currency): Decimal(total)
                for position, start, currency, total in snapshot["caps"]
            }
        )
        return decider

    def _judgement_order(self, judgement: Judgement) -> tuple[int, Labels, Interval]:
        return (self._goals[judgement.goal][0], judgement.labels, judgement.window)

    def _follow_verdict(
        self, goal: Goal, judgement: Judgement, branch: str, actions: Sequence[Action]
    ) -> list[Decision]:
        if not actions:
            return []
        amounts = dict(judgement.amounts)

        def amount(op: int) -> Fraction | None:
            return amounts[op] if op in amounts else self._scalar(op)

        def notice(entries: Sequence[LedgerEntry], message: str | None) -> Notice:
            told = judgement if self._whole is None else self._whole(judgement)
            return self._wording.of_verdict(goal, told, entries, message)

        occasion = Occasion(
            plan=self._plan,
            kind="goal",
            cause=goal.name,
            start=judgement.window.start,
            labels=judgement.labels,
        )
        return self._carry_out(
            actions,
            occasion,
            step=branch,
            at=judgement.window.end + self._plan.grace,
            window=judgement.window,
            memo=lambda: self._wording.headline(goal, judgement),
            amount=amount,
            notice=notice,
            reward=branch == "rewarding",
            counts_at=counted_at(goal.window, judgement.window, self._plan.effective_end),
        )

    def _follow_act(self, key: MachineKey, act: Act) -> list[Decision]:
        position, labels = key
        rule = self._plan.rules[position]

        def notice(entries: Sequence[LedgerEntry], message: str | None) -> Notice:
            return self._wording.of_act(rule, act, labels, entries, message)

        occasion = Occasion(plan=self._plan, kind="rule", cause=rule.name, start=act.since, labels=labels)
        window = Interval(act.since, act.at)
        if act.phase is Phase.TOLD:
            # What was booked and granted meanwhile stands: the messages alone were held back (rule M103).
            parts = [
                ("fired", act.actions),
                *((f"after {number} action", step) for number, step in act.passed),
            ]
            return [
                _intent(
                    occasion, f"{step} {number}", action, act.at, window, partial(notice, (), action.message)
                )
                for step, actions in parts
                for number, action in enumerate(actions, start=1)
                if isinstance(action, Notify)
            ]
        numbered = act.phase in (Phase.REPEAT, Phase.AFTER)
        return self._carry_out(
            act.actions,
            occasion,
            step=f"{act.phase.value} {act.number} action" if numbered else act.phase.value,
            at=act.at,
            window=window,
            memo=lambda: self._wording.condition(rule),
            amount=self._scalar,
            notice=notice,
            counts_at=act.at,
            told=act.told,
        )

    def _carry_out(
        self,
        actions: Sequence[Action],
        occasion: Occasion,
        *,
        step: str,
        at: int,
        window: Interval,
        memo: Callable[[], str],
        amount: Callable[[int], Fraction | None],
        notice: Callable[[Sequence[LedgerEntry], str | None], Notice],
        reward: bool = False,
        counts_at: int | None = None,
        told: bool = True,
    ) -> list[Decision]:
        steps = [(f"{step} {number}", action) for number, action in enumerate(actions, start=1)]
        # Credits first: a notice that stands before a credit in the text tells of it too.
        booked = {
            name: self._book.book(
                action,
                amount,
                occasion,
                step=name,
                window=window,
                memo=memo(),
                reward=reward,
                counts_at=counts_at,
            )
            for name, action in steps
            if isinstance(action, Credit)
        }
        entries = [entry for group in booked.values() for entry in group]

        decisions: list[Decision] = []
        for name, action in steps:
            match action:
                case Credit():
                    decisions += booked[name]
                case Notify():
                    words = partial(notice, entries, action.message)
                    step = name if told else f"{name} held back"
                    decisions.append(_intent(occasion, step, action, at, window, words, held=not told))
                case Grant():
                    words = partial(self._right, action, partial(notice, entries, None))
                    decisions.append(_intent(occasion, name, action, at, window, words))
                case _:
                    assert_never(action)
        return decisions

    def _right(self, action: Grant, reason: Callable[[], Notice]) -> Notice:
        return self._wording.of_right(action.party, action.right, reason())

    def _scalar(self, op: int) -> Fraction | None:
        if self._plan.operations[op].shape is not Shape.SCALAR:
            return None
        value = scalar_value(self._plan.operations, op)
        return Fraction(value) if isinstance(value, int | Fraction) else None

    def _look_at(self, key: MachineKey, change: TruthChange) -> list[Decision]:
        machine = self._machines.get(key)
        if machine is None:
            machine = self._machines[key] = RuleMachine(self._plan, self._plan.rules[key[0]])
        act = machine.change(change.at, change.value)
        self._schedule(key)
        return [] if act is None else self._follow_act(key, act)

    def _run_timers(self, key: MachineKey, to: int) -> list[Decision]:
        machine = self._machines.get(key)
        decisions: list[Decision] = []
        while machine is not None and (due := machine.due()) is not None and due <= to:
            decisions += self._run_timer(key)
        return decisions

    def _run_timer(self, key: MachineKey) -> list[Decision]:
        act = self._machines[key].act()
        self._schedule(key)
        return self._follow_act(key, act)

    def _schedule(self, key: MachineKey) -> None:
        due = self._machines[key].due()
        if due is not None:
            heappush(self._timers, (due, *key))


def decide(plan: Plan, outcome: Outcome) -> tuple[Decision, ...]:
    """Every decision that follows from a stretch of history, in the order of rule M29.

    Final verdicts are carried out though their grace may end later than the stretch; rules act until its end.
    Raises KeyError for a goal or rule that the plan does not have, and ValueError as ``Decider`` does.
    """
    told = outcome.judgements
    columns = told if isinstance(told, JudgedColumns) else None
    decider = Decider(plan, None if columns is None else columns.whole)
    judgements: dict[int, list[Judgement]] = defaultdict(list)
    changes: dict[int, list[tuple[str, TruthChange]]] = defaultdict(list)
    for judgement in told if columns is None else columns.that_matter(plan):
        if judgement.final:
            judgements[judgement.window.end + plan.grace].append(judgement)
    for rule, found in outcome.triggers.items():
        for change in found:
            if change.at <= outcome.until:
                changes[change.at].append((rule, change))
    decisions: list[Decision] = []
    instants = sorted({*judgements, *changes})
    for at in instants:
        if at <= outcome.until:
            decisions += decider.moment(at, judgements[at], changes[at])
    decisions += decider.advance(outcome.until)
    for at in instants:
        if at > outcome.until:
            # No timer may run past the end of the history.
            for judgement in sorted(judgements[at], key=decider._judgement_order):
                decisions += decider.judged(judgement)
    return tuple(decisions)


def _intent(
    occasion: Occasion,
    step: str,
    action: Notify | Grant,
    at: int,
    window: Interval,
    words: Callable[[], Notice],
    *,
    held: bool = False,
) -> Intent:
    if isinstance(action, Notify):
        verb, targets = action.verb, action.targets
    else:
        verb, targets = "grant", (Target(party=action.party),)
    return Intent(
        id=occasion.identity(step),
        verb=verb,
        targets=targets,
        at=at,
        cause=occasion.cause,
        labels=occasion.labels,
        window=window,
        words=Words(lambda: words().said),
        held=held,
    )


def _listed(labels: Labels) -> list[list[str]]:
    return [[name, value] for name, value in labels]


def _labels(listed: list[list[str]]) -> Labels:
    return tuple((name, value) for name, value in listed)
