"""The words of notices: what was promised, what was measured, since when, and who owes what."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache, partial
from typing import Final, assert_never

from attrs import frozen

from wsla.analysis.operations import OutageWindow, Value
from wsla.analysis.types import BooleanType, InstantType, NumberType, TextType, ValueType
from wsla.evaluation.verdicts import Judgement, Labels
from wsla.plan.model import Goal, Plan, Rule
from wsla.remedies.decisions import LedgerEntry
from wsla.remedies.rules import Act, Phase
from wsla.values.calendars import (
    CalendarWindow,
    ExactWindow,
    OverlappingWindow,
    RollingWindow,
    find_zone,
    label_of,
    window_containing,
)
from wsla.values.instants import Interval, format_instant, format_length
from wsla.values.money import format_money, round_to_minor
from wsla.values.quantities import DIMENSIONLESS, TIME, format_percentage, format_quantity


@frozen(kw_only=True)
class Notice:
    """A subject of one line, and a text of several."""

    subject: str
    text: str

    @property
    def said(self) -> tuple[str, str]:
        """(subject, text)."""
        return self.subject, self.text


class Wording:
    """Puts decisions under one agreement into plain words; instants are shown in its time zone."""

    def __init__(self, plan: Plan) -> None:
        self._plan: Final = plan
        self._zone: Final = find_zone(plan.zone)
        # Windows of many label combinations begin and end at the same instants.
        self._instant: Final = lru_cache(maxsize=1024)(partial(format_instant, zone=self._zone))
        self._titles: Final = {party.name: party.title or party.name for party in plan.parties}

    def party(self, name: str) -> str:
        """The title of a party, or its name where it has none."""
        return self._titles.get(name, name)

    def headline(self, goal: Goal, judgement: Judgement) -> str:
        """``available violated in 2026-03 (region eu)``."""
        window = self._window(goal, judgement.window)
        return f"{goal.name} {judgement.verdict.value} {window}{_of(judgement.labels)}"

    def of_verdict(
        self, goal: Goal, judgement: Judgement, entries: Sequence[LedgerEntry], message: str | None = None
    ) -> Notice:
        """What a verdict says, with the ledger entries that follow from it; ``message`` leads."""
        window = judgement.window
        kind = self._plan.operations[goal.value].type
        target = None if goal.budget is None else goal.budget.target
        lines = [
            f"{self.party(goal.party)} promised: {goal.text or goal.name}",
            f"Verdict: {judgement.verdict.value}",
            f"Measured: {self._value(judgement.value, kind, target)}",
            *self._bounds(judgement, kind, target),
            f"Coverage: {_plainly(format_percentage(judgement.coverage))} of what there was to observe is known",
            f"Window: {self._instant(window.start)} to {self._instant(window.end)}",
            *_budget(goal, judgement),
            *self.debts(entries),
        ]
        return self._notice(self.headline(goal, judgement), judgement.labels, lines, message)

    def condition(self, rule: Rule) -> str:
        """The condition of a rule as it was written, without its ``when``."""
        return (rule.text or rule.name).removeprefix("when ").strip()

    def of_act(
        self,
        rule: Rule,
        act: Act,
        labels: Labels,
        entries: Sequence[LedgerEntry],
        message: str | None = None,
    ) -> Notice:
        """What a rule says when it acts, with the ledger entries that follow from it; ``message`` leads."""
        condition = self.condition(rule)
        lasted, after = format_length(act.at - act.since), format_length(act.at - act.fired)
        match act.phase:
            case Phase.FIRED:
                head, now = condition, f"It has held for {lasted}."
            case Phase.REPEAT:
                head = f"still, {after} after: {condition}"
                now = f"It still holds, {after} after the first notice. This is reminder {act.number}."
            case Phase.AFTER:
                head = f"not over {after} after: {condition}"
                now = f"It is not over {after} after the first notice: the next step is taken."
            case Phase.TOLD:
                head = condition
                now = f"It has held for {lasted}, and was not told of before{self._often(rule)}."
            case Phase.RECOVERY:
                head, now = f"recovered: {condition}", f"It is over since {self._instant(act.at)}."
            case _:
                assert_never(act.phase)
        lines = [
            f"Condition: {condition}",
            f"Since: {self._instant(act.since)}",
            f"Lasted: {lasted}",
            now,
            *(
                [f"{_episodes(act.held)} before were over without being told{self._often(rule)}."]
                if act.held
                else []
            ),
            *self.debts(entries),
        ]
        return self._notice(f"{head}{_of(labels)}", labels, lines, message)

    def _often(self, rule: Rule) -> str:
        often = rule.often
        return "" if often is None else f": at most {often.count} each {format_length(often.length)}"

    def of_right(self, party: str, right: str, reason: Notice) -> Notice:
        """That a party is granted a right, and why."""
        granted = f"{self.party(party)} is granted the right: {right}"
        return Notice(subject=_one_line(f"{self._plan.title}: {granted}"), text=f"{granted}\n\n{reason.text}")

    def debts(self, entries: Sequence[LedgerEntry]) -> list[str]:
        """A line for each credit or reward: who owes whom how much, less what caps take back."""
        lines = []
        for entry in entries:
            if entry.kind == "cap":
                continue
            cut = sum((Fraction(cap.amount) for cap in entries if _belongs(cap, entry)), Fraction(0))
            kept = format_money(round_to_minor(Fraction(entry.amount) - cut, entry.currency), entry.currency)
            line = f"{self.party(entry.debtor)} owes {self.party(entry.creditor)} {kept}"
            if cut:
                above = format_money(round_to_minor(cut, entry.currency), entry.currency)
                line += f" ({format_money(entry.amount, entry.currency)} less {above} above the cap)"
            lines.append(f"{line} as a reward" if entry.kind == "reward" else line)
        return lines

    def _notice(self, head: str, labels: Labels, lines: Sequence[str], message: str | None) -> Notice:
        plan = self._plan
        named = [f"{name}: {value}" for name, value in labels]
        body = "\n".join([f"Agreement: {plan.title}, version {plan.version}", *named, *lines])
        text = f"{message}\n\n{body}" if message else body
        return Notice(subject=_one_line(f"{plan.title}: {head}"), text=text)

    def _window(self, goal: Goal, window: Interval) -> str:
        match goal.window:
            case CalendarWindow(unit=unit, zone=zone):
                return f"in {label_of(window, unit, zone)}"
            case ExactWindow():
                return f"in {label_of(window, None, self._plan.zone)}"
            case OverlappingWindow(period=CalendarWindow(unit=unit, zone=zone) as period, count=count):
                last = label_of(window_containing(period, window.end - 1), unit, zone)
                return f"in the {count} {unit.value}s up to {last}" if count > 1 else f"in {last}"
            case OutageWindow():
                return f"in the outage from {self._instant(window.start)} to {self._instant(window.end)}"
            case RollingWindow():
                return f"in the {format_length(window.length)} before {self._instant(window.end)}"
            case _:
                assert_never(goal.window)

    def _bounds(self, judgement: Judgement, kind: ValueType, target: Fraction | None) -> list[str]:
        lower, upper = judgement.lower, judgement.upper
        if not isinstance(kind, NumberType) or lower == upper:
            return []
        least = self._value(lower, kind, target) if lower is not None else "any lower value"
        most = self._value(upper, kind, target) if upper is not None else "any higher value"
        return [f"Whatever is unknown may have been: {least} to {most}"]

    def _value(self, value: Value, kind: ValueType, target: Fraction | None) -> str:
        if value is None:
            return "unknown"
        if isinstance(value, str):
            return value
        match kind:
            case NumberType(share=True):
                return _plainly(format_percentage(Fraction(value), apart_from=target))
            case NumberType(dimension=dimension):
                return _plainly(format_quantity(Fraction(value), dimension))
            case BooleanType():
                return "true" if value else "false"
            case InstantType():
                return self._instant(int(value))
            case TextType():
                return str(value)
            case _:
                assert_never(kind)


def _belongs(cap: LedgerEntry, entry: LedgerEntry) -> bool:
    """True where a cap's entry stands beside this one: their identities differ in the last part alone."""
    return cap.kind == "cap" and cap.id.rpartition("|")[0] == entry.id.rpartition("|")[0]


def _budget(goal: Goal, judgement: Judgement) -> list[str]:
    if goal.budget is None or judgement.budget is None or judgement.budget_left is None:
        return []
    dimension = TIME if goal.budget.time else DIMENSIONLESS
    whole = _plainly(format_quantity(judgement.budget, dimension))
    rest = _plainly(format_quantity(abs(judgement.budget_left), dimension))
    said = f"overspent by {rest}" if judgement.budget_left < 0 else f"{rest} left"
    return [f"Budget: {whole}, {said}"]


def _episodes(count: int) -> str:
    return "One episode" if count == 1 else f"{count} episodes"


def _of(labels: Labels) -> str:
    return f" ({', '.join(f'{name} {value}' for name, value in labels)})" if labels else ""


def _one_line(text: str) -> str:
    """Conditions span lines and labels hold what they like, but a subject is the header of a message."""
    return " ".join(text.split())


def _plainly(text: str) -> str:
    return f"about {text[1:]}" if text.startswith("~") else text
