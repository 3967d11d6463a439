"""What followed from a verdict: each credit with how its amount came about, what caps took back, who was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from attrs import define

from wsla.analysis.operations import Arithmetic, Choice, Constant, Idle, Value, VerdictCount
from wsla.analysis.sense import inputs
from wsla.analysis.types import NumberType, Shape
from wsla.diagnostics.source import NOWHERE, Span
from wsla.evaluation.reference.pointwise import Leaf, value_of
from wsla.evaluation.verdicts import CLOSED_VERDICTS, Judgement, Verdict
from wsla.explaining.statements import Statement, Tone
from wsla.explaining.words import instant_words, length_words, shortened, value_words
from wsla.explaining.written import Written
from wsla.plan.model import Action, Credit, Goal, Grant, Notify, PartOfFee, Plan, UnknownTime
from wsla.remedies.credits import counted_at
from wsla.remedies.decisions import Decision, Intent, LedgerEntry
from wsla.remedies.identity import Occasion
from wsla.testing.history import History, arm_number, leaves
from wsla.values.calendars import RollingWindow, find_zone, window_containing
from wsla.values.instants import format_instant, to_datetime
from wsla.values.money import format_money, round_to_minor

Deliveries = Mapping[tuple[str, str], tuple[str, str | None]]
"""The state of a delivery (``delivered``, ``pending``, ``dead``) and its last error, by (intent's id, target)."""


@define
class Followed:
    """Tells what a goal's verdict in one window led to. ``decisions`` may hold more than belongs to it."""

    history: History
    written: Written
    judgement: Judgement
    decisions: Sequence[Decision]
    deliveries: Deliveries | None = None

    @property
    def plan(self) -> Plan:
        """The plan judged by."""
        return self.history.plan

    def of_goal(self, goal: Goal) -> tuple[Statement, ...]:
        """A statement for each action that the verdict calls for; or why nothing follows."""
        branch, actions = self._branch(goal)
        if not actions:
            return ()
        own = [one for one in self.decisions if self._belongs(one)]
        if not self.judgement.final:
            when = instant_words(self.judgement.window.end + self.plan.grace, self.plan.zone)
            text = f"nothing has followed yet: what follows is decided when the verdict is final, at {when}"
            return (Statement(kind="nothing", text=text),)
        if not own and isinstance(goal.window, RollingWindow):
            text = "nothing new followed: of rolling windows in a row with one verdict only the first has consequences"
            return (Statement(kind="nothing", text=text),)
        told = [
            self._action(goal, action, self._identity(goal, f"{branch} {number}"), own)
            for number, action in enumerate(actions, start=1)
        ]
        return tuple(told)

    def _branch(self, goal: Goal) -> tuple[str, tuple[Action, ...]]:
        if self.judgement.verdict not in CLOSED_VERDICTS:
            return "otherwise", ()
        if self.judgement.verdict is Verdict.VIOLATED:
            return "otherwise", goal.otherwise
        return "rewarding", goal.rewarding if self.judgement.verdict is Verdict.MET else ()

    def _belongs(self, decision: Decision) -> bool:
        return (
            decision.cause == self.judgement.goal
            and decision.labels == self.judgement.labels
            and decision.window == self.judgement.window
        )

    def _identity(self, goal: Goal, step: str) -> str:
        occasion = Occasion(
            plan=self.plan,
            kind="goal",
            cause=goal.name,
            start=self.judgement.window.start,
            labels=self.judgement.labels,
        )
        return occasion.identity(step)

    def _action(self, goal: Goal, action: Action, identity: str, own: Sequence[Decision]) -> Statement:
        match action:
            case Credit():
                # What caps take back is booked beside the entry: only the last part of its identity differs.
                stem = identity.rpartition("|")[0]
                entries = [
                    one for one in own if isinstance(one, LedgerEntry) and one.id.rpartition("|")[0] == stem
                ]
                return self._credit(goal, action, entries)
            case Notify() | Grant():
                intents = [one for one in own if isinstance(one, Intent) and one.id == identity]
                return self._told(action, intents)

    # --- credits

    def _credit(self, goal: Goal, credit: Credit, entries: Sequence[LedgerEntry]) -> Statement:
        debtor, creditor = self._party(credit.debtor), self._party(credit.creditor)
        booked = next((one for one in entries if one.kind != "cap"), None)
        caps = [one for one in entries if one.kind == "cap"]
        steps = [*self._amount(goal, credit)]
        if booked is None:
            text = f"{creditor} is credited nothing: {self._why_nothing(goal, credit)}"
            return Statement(
                kind="no credit",
                text=text,
                facts=(("debtor", credit.debtor), ("creditor", credit.creditor)),
                because=tuple(steps),
            )
        taken = sum((Fraction(one.amount) for one in caps), Fraction(0))
        net = round_to_minor(Fraction(booked.amount) - taken, booked.currency)
        word = "as a reward" if booked.kind == "reward" else "as a credit"
        steps += [
            Statement(
                kind="cap",
                text=f"{format_money(one.amount, one.currency)} is taken back {one.memo.partition(':')[0]}",
                facts=(("amount", str(one.amount)), ("currency", one.currency)),
            )
            for one in caps
        ]
        if booked.claim_until is not None:
            until = format_instant(booked.claim_until, find_zone(self.plan.zone))
            text = f"it has to be claimed before {instant_words(booked.claim_until, self.plan.zone)}"
            steps.append(Statement(kind="claim", text=text, facts=(("claim_until", until),)))
        return Statement(
            kind=booked.kind,
            text=f"{debtor} owes {creditor} {format_money(net, booked.currency)} {word}",
            facts=(
                ("debtor", booked.debtor),
                ("creditor", booked.creditor),
                ("amount", str(net)),
                ("booked", str(booked.amount)),
                ("taken_back", str(round_to_minor(taken, booked.currency))),
                ("currency", booked.currency),
            ),
            tone=Tone.BAD if booked.kind == "credit" else Tone.GOOD,
            because=tuple(steps),
        )

    def _why_nothing(self, goal: Goal, credit: Credit) -> str:
        amount = self._owed(goal, credit)
        if amount is None:
            return "its amount is not known"
        if amount <= 0:
            return "its amount is nothing"
        if credit.only_above is not None:
            return "its amount is not above what it takes to be owed at all"
        return "no entry was booked for it"

    def _owed(self, goal: Goal, credit: Credit) -> Fraction | None:
        value = self._value(goal, credit.amount)
        if value is None or isinstance(value, str):
            return None
        owed = Fraction(value)
        return owed / self._whole(credit.part) if credit.part is not None else owed

    def _whole(self, part: PartOfFee) -> int:
        goal = next(one for one in self.plan.goals if one.name == self.judgement.goal)
        period = window_containing(
            part.period, counted_at(goal.window, self.judgement.window, self.plan.effective_end)
        )
        if not part.in_days:
            return period.length
        zone = find_zone(part.period.zone)
        return (to_datetime(period.end, zone).date() - to_datetime(period.start, zone).date()).days

    def _amount(self, goal: Goal, credit: Credit) -> list[Statement]:
        """How an amount came about: what it was computed from, and each limit."""
        steps = self._computed(goal, credit.amount)
        if credit.part is not None:
            whole = self._whole(credit.part)
            size = f"{whole} days" if credit.part.in_days else length_words(whole)
            text = f"that is a part of the fee of a {credit.part.period.unit.value}, which here has {size}"
            steps.append(Statement(kind="part of fee", text=text, facts=(("whole", whole),)))
        for kind, words, limit in (
            ("at most", "it is at most", credit.at_most),
            ("only above", "it is owed only above", credit.only_above),
        ):
            if limit is not None:
                value = self._value(goal, limit)
                shown = value_words(value, self.plan.operations[limit].type)
                steps.append(Statement(kind=kind, text=f"{words} {shown}", facts=(("limit", value),)))
        return steps

    def _computed(self, goal: Goal, index: int) -> list[Statement]:
        node = self.plan.operations[index]
        value = self._value(goal, index)
        match node:
            case Choice():
                return self._table(goal, index, node)
            case Arithmetic(operator="started" | "completed"):
                size = value_words(self._value(goal, node.right), self.plan.operations[node.right].type)
                of = value_words(self._value(goal, node.left), self.plan.operations[node.left].type)
                count = value_words(value, NumberType())
                text = f"{count} blocks of {size} are {node.operator} in {of}"
                return [
                    Statement(
                        kind="blocks",
                        text=text,
                        place=self._place(node.span),
                        facts=(("blocks", value), ("value", self._value(goal, node.left))),
                    )
                ]
            case Constant() if not self._quote(node.span):
                return []
            case _:
                below = [step for one in inputs(node) for step in self._parts(goal, one)]
                shown = value_words(value, node.type)
                quoted = self._quote(node.span)
                text = f"`{quoted}` is {shown}" if quoted != shown else f"the amount is {shown}"
                place = self._place(node.span)
                if isinstance(node, Constant):
                    # A fee is what the service says, wherever it is used.
                    place = self._place(self.written.span("service", quoted.partition(".")[0], node.span))
                own = Statement(kind="amount", text=text, place=place, facts=(("value", value),))
                return [own, *below]

    def _parts(self, goal: Goal, index: int) -> list[Statement]:
        """Steps of an operand that are worth telling: tables, blocks, fees; not plain numbers."""
        node = self.plan.operations[index]
        match node:
            case Choice() | Arithmetic():
                return self._computed(goal, index)
            case Constant() if "." in self._quote(node.span) and self._quote(node.span)[:1].isalpha():
                return self._computed(goal, index)
            case Constant():
                return []
            case _ if node.shape is Shape.SERIES and not isinstance(node, Idle):
                return self._computed_series(goal, index)
            case _:
                return []

    def _computed_series(self, goal: Goal, index: int) -> list[Statement]:
        value = self._value(goal, index)
        name = self.history.names.get(index) or self._quote(self.plan.operations[index].span)
        text = f"{name} is {value_words(value, self.plan.operations[index].type)} here"
        return [Statement(kind="operand", text=text, facts=(("name", name), ("value", value)))]

    def _table(self, goal: Goal, index: int, node: Choice) -> list[Statement]:
        values = {leaf: self._leaf(goal, leaf) for leaf in leaves(self.plan, index)}
        number = arm_number(self.plan, index, values)
        kind = self.plan.operations[node.subject].type
        subject = value_words(self._value(goal, node.subject), kind)
        name = self.history.names.get(node.subject) or self._quote(self.plan.operations[node.subject].span)
        if number is None:
            text = f"no line of the table fits {name} of {subject}"
            return [Statement(kind="table", text=text, place=self._place(node.span))]
        if number < len(node.arms):
            span, below = node.arms[number].span, node.arms[number].value
            bound = self._value(goal, node.arms[number].bound)
            condition = f"{node.arms[number].operator} {value_words(bound, kind)}"
            line = f"the line `{self._quote(span) or condition}`"
        else:
            assert node.otherwise is not None
            below = node.otherwise
            span = self.plan.operations[below].span
            line = "the line `else`"
        text = f"{line} of the table fits, as {name} is {subject}"
        facts: tuple[tuple[str, Value], ...] = (
            ("line", number + 1),
            ("subject", self._value(goal, node.subject)),
        )
        table = Statement(kind="table", text=text, place=self._place(span), facts=facts)
        return [table, *self._computed(goal, below)]

    def _value(self, goal: Goal, index: int) -> Value:
        known = dict(self.judgement.amounts)
        if index in known:
            return known[index]

        def leaf(position: int, _: Leaf) -> Value:
            return self._leaf(goal, position)

        return value_of(self.plan.operations, index, leaf)

    def _leaf(self, goal: Goal, position: int) -> Value:
        """A series' value as amounts take it (M28)."""
        if isinstance(self.plan.operations[position], VerdictCount):
            # It counts verdicts, and only the judge knows them all: the amount has it, its parts are not told.
            return None
        series = self.history.series(position, frozenset(self.judgement.labels), self.judgement.window)
        if series is None:
            return None
        match goal.unknown_time:
            case UnknownTime.MISSED:
                chosen = series.lower
            case UnknownTime.MET:
                chosen = series.upper
            case UnknownTime.EXCLUDED | UnknownTime.UNKNOWN:
                chosen = series.value
        return series.upper if chosen is None else chosen

    # --- messages

    def _told(self, action: Notify | Grant, intents: Sequence[Intent]) -> Statement:
        targets = [str(one) for one in action.targets] if isinstance(action, Notify) else [action.party]
        what = (
            f"{action.verb} {', '.join(targets)}"
            if isinstance(action, Notify)
            else f"grant {action.party} “{action.right}”"
        )
        if not intents:
            return Statement(kind="notice", text=f"{what}: nothing was decided", facts=(("due", None),))
        intent = intents[0]
        zone = find_zone(self.plan.zone)
        due = f"due {instant_words(intent.at, self.plan.zone)}"
        states = []
        if self.deliveries is not None:
            for target in map(str, intent.targets):
                state, error = self.deliveries.get((intent.id, target), ("delivered", None))
                told = "given up" if state == "dead" else state
                states.append(
                    Statement(
                        kind="delivery",
                        text=f"to {target}: {told}{f' ({shortened(error)})' if error else ''}",
                        facts=(("target", target), ("state", state), ("error", error)),
                        tone=Tone.GOOD if state == "delivered" else Tone.UNSURE,
                    )
                )
        return Statement(
            kind="notice",
            text=f"{what}: {due}",
            facts=(("id", intent.id), ("verb", intent.verb), ("due", format_instant(intent.at, zone))),
            because=tuple(states),
        )

    # --- words

    def _party(self, name: str) -> str:
        titles = {party.name: party.title for party in self.plan.parties}
        return titles.get(name) or name

    def _quote(self, span: Span) -> str:
        return shortened(self.written.quote(span))

    def _place(self, span: Span) -> str | None:
        return None if span == NOWHERE else self.written.place(span)
