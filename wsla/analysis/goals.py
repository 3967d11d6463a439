"""Goals, rules, actions and caps."""

from __future__ import annotations

from fractions import Fraction
from typing import assert_never

from attrs import define, evolve

from wsla.analysis import operations as op
from wsla.analysis.arena import Typed, resolve
from wsla.analysis.checked import (
    Action,
    Budget,
    Cap,
    Goal,
    Grant,
    Notify,
    Often,
    Rule,
    Step,
    Target,
    UnknownTime,
)
from wsla.analysis.counts import Deciding
from wsla.analysis.credits import CreditChecker
from wsla.analysis.expressions import ExpressionChecker
from wsla.analysis.latest import latest
from wsla.analysis.matrices import and_applicable
from wsla.analysis.modifiers import Context, duration, each_window
from wsla.analysis.operations import Window
from wsla.analysis.refunds import check_refunds, refund_of
from wsla.analysis.reporter import replace
from wsla.analysis.scope import Scope
from wsla.analysis.types import NumberType, Shape
from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.values.calendars import CalendarUnit, CalendarWindow
from wsla.values.quantities import QuantityError, parse_quantity

_MOST_PERIODS = 366
_MOST_TOLD = 1_000
_POLICIES = {policy.value: policy for policy in UnknownTime}
_CAPPED = ("credits", "rewards")


@define(eq=False, repr=False)
class GoalChecker:
    """Checks what is promised and what follows."""

    scope: Scope
    expressions: ExpressionChecker

    # --- goals

    def condition(self, declared: surface.Goal) -> Typed | None:
        """A goal's condition, which must be one truth a window."""
        value = self.expressions.condition(declared.condition)
        if value is None or value.shape is Shape.SERIES:
            return value
        words = {
            Shape.SCALAR: "this condition never changes",
            Shape.SIGNAL: "this is true or false at every instant, but a goal is judged over windows of time",
            Shape.RECORDS: "this is true or false for every record, but a goal is judged over windows of time",
        }
        hints = {
            Shape.SCALAR: (),
            Shape.SIGNAL: ("promise a share of the time: `availability(…) each month >= 99.9%`",),
            Shape.RECORDS: ("promise a share of the records: `share(…) each month >= 95%`",),
        }
        self.scope.reporter.error(
            "E0501", words[value.shape], declared.condition.span, notes=hints.get(value.shape, ())
        )
        return None

    def goal(self, declared: surface.Goal, condition: Typed) -> Goal | None:
        """A whole goal."""
        scope = self.scope
        known = scope.find("party", declared.party, scope.parties)
        provided = None if declared.provided is None else self.expressions.condition(declared.provided)
        if declared.provided is not None and provided is not None:
            joined = self.expressions.join(condition, provided, declared.provided.span)
            if joined is None or provided.shape is not Shape.SERIES:
                if joined is not None:
                    scope.reporter.error(
                        "E0501", "`provided` needs one value a window", declared.provided.span
                    )
                provided = None
        assert condition.window is not None
        provided = and_applicable(scope.arena, provided, condition, declared.condition.span)
        goal = Goal(
            name=declared.name.text,
            service=self._service(declared.service),
            party=declared.party.text,
            condition=condition.operation,
            value=self._measured(condition.operation),
            provided=None if provided is None else provided.operation,
            window=condition.window,
            by=condition.by,
            budget=self._budget(condition.operation),
            text=_written(scope, declared.condition.span),
            span=declared.span,
        )
        self.expressions.deciding = Deciding(goal.name, condition)
        for item in declared.items or ():
            match item:
                case surface.Otherwise(actions=actions):
                    checked = self._actions(actions, condition, declared.party.text)
                    goal = evolve(goal, otherwise=(*goal.otherwise, *checked))
                case surface.Rewarding(actions=actions):
                    checked = self._actions(actions, condition, None)
                    goal = evolve(goal, rewarding=(*goal.rewarding, *checked))
                case surface.UnknownTime():
                    goal = evolve(goal, unknown_time=self._policy(item))
                case surface.Refund():
                    refund = refund_of(scope, self.expressions, item, condition)
                    if refund is not None:
                        goal = evolve(goal, refunds=(*goal.refunds, refund))
                case surface.Coverage(minimum=minimum):
                    goal = evolve(goal, minimum_coverage=self._coverage(minimum))
                case _ as unreachable:
                    assert_never(unreachable)
        self.expressions.deciding = None
        check_refunds(scope, declared, goal)
        return goal if known else None

    def _service(self, word: surface.Word | None) -> str | None:
        if word is None or not self.scope.find("service", word, self.scope.services):
            return None
        service = self.scope.services[word.text]
        if service.origin is not None or service.assumed is not None:
            self.scope.reporter.error(
                "E0954",
                f"`{word.text}` is somebody else's, so nothing is promised of it here",
                word.span,
                notes=("a goal is about a service that this agreement delivers",),
            )
        return word.text

    def _measured(self, condition: int) -> int:
        """The series that is shown as the value: the first in the condition that is not a condition itself."""
        operations = self.scope.arena.operations
        found = operations[condition]
        while True:
            match found:
                case op.Compare(left=left, right=right):
                    return left if operations[left].shape is Shape.SERIES else right
                case op.Logical(left=left, right=right):
                    condition = left if operations[left].shape is Shape.SERIES else right
                case op.Negation(operand=operand):
                    condition = operand
                case _:
                    return condition
            found = operations[condition]

    def _budget(self, condition: int) -> Budget | None:
        operations = self.scope.arena.operations
        compare = operations[condition]
        if not isinstance(compare, op.Compare):
            return None
        aggregate, target = operations[compare.left], operations[compare.right]
        position = compare.left
        if isinstance(aggregate, op.Constant) and compare.operator in ("<=", "<"):
            aggregate, target, position = target, aggregate, compare.right
        elif compare.operator not in (">=", ">"):
            return None
        if not isinstance(aggregate, op.Aggregate) or not isinstance(target, op.Constant):
            return None
        if aggregate.function not in ("availability", "share") or not isinstance(target.value, Fraction):
            return None
        return Budget(aggregate=position, target=target.value, time=aggregate.function == "availability")

    def _policy(self, item: surface.UnknownTime) -> UnknownTime:
        written = " ".join(word.text for word in item.words[1:])
        policy = _POLICIES.get(written)
        if policy is None or item.words[0].text != "time":
            choices = ", ".join(f"`unknown time {known}`" for known in _POLICIES)
            self.scope.reporter.error("E0502", f"this can be said: {choices}", item.span)
            return UnknownTime.EXCLUDED
        return policy

    def _coverage(self, word: surface.Word) -> Fraction:
        try:
            quantity = parse_quantity(word.text)
        except QuantityError:
            quantity = None
        if quantity is None or not quantity.is_percentage or not 0 <= quantity.value <= 1:
            self.scope.reporter.error("E0503", "coverage is a percentage, 0% to 100%", word.span)
            return Fraction(9, 10)
        return quantity.value

    # --- actions

    def _actions(
        self, actions: tuple[surface.Action, ...], context: Typed | None, debtor: str | None
    ) -> tuple[Action, ...]:
        checked = (self._action(action, context, debtor) for action in actions)
        return tuple(action for action in checked if action is not None)

    def _action(self, action: surface.Action, context: Typed | None, debtor: str | None) -> Action | None:
        match action:
            case surface.Tell(verb=verb, targets=targets, message=message):
                found = tuple(target for word in targets if (target := self.target(word)) is not None)
                text = None if message is None else message.value
                return Notify(verb=verb.text, targets=found, message=text) if found else None
            case surface.Grant(target=word, right=right):
                target = self.target(word)
                return None if target is None else Grant(party=target.party, right=right.value)
            case surface.Credit():
                return CreditChecker(self.scope, self.expressions, self.target).credit(
                    action, context, debtor
                )
            case _ as unreachable:
                assert_never(unreachable)

    def target(self, target: surface.Target) -> Target | None:
        """A party or channel, or None and an error."""
        if not self.scope.find("party", target.party, self.scope.parties):
            return None
        party = self.scope.parties[target.party.text]
        names = [channel.name for channel in party.channels]
        if target.channel is not None and target.channel.text not in names:
            self.scope.reporter.unknown_name("E0201", f"channel of `{party.name}`", target.channel, names)
            return None
        return Target(party=party.name, channel=None if target.channel is None else target.channel.text)

    # --- rules

    def rule(self, declared: surface.Rule, number: int) -> Rule | None:
        """A ``when`` rule; ``number`` counts the rules of the agreement from 1."""
        trigger = self.expressions.condition(declared.condition, Context(as_signals=True))
        holding = 0
        if declared.holding_for is not None:
            holding = duration(self.scope, declared.holding_for, "`for`") or 0
        written = _written(self.scope, declared.condition.span)
        rule = Rule(
            name=f"when {number}",
            trigger=-1,
            by=() if trigger is None else trigger.by,
            holding_for=holding,
            actions=(),
            often=None if declared.often is None else self._often(declared.often),
            text=written if declared.holding_for is None else f"{written} for {declared.holding_for.text}",
            span=declared.span,
        )
        for item in declared.items:
            match item:
                case surface.AtOnce(action=action):
                    rule = evolve(rule, actions=(*rule.actions, *self._actions((action,), None, None)))
                case surface.Repeat(every=every):
                    rule = evolve(rule, repeat_every=duration(self.scope, every, "`repeat every`"))
                case surface.After(delay=delay, actions=actions):
                    step = duration(self.scope, delay, "`after`")
                    checked = self._actions(actions, None, None)
                    if step is not None:
                        rule = evolve(rule, steps=(*rule.steps, Step(delay=step, actions=checked)))
                case surface.Recovery(actions=actions):
                    rule = evolve(rule, on_recovery=(*rule.on_recovery, *self._actions(actions, None, None)))
                case _ as unreachable:
                    assert_never(unreachable)
        if trigger is None:
            return None
        at_once = any(isinstance(item, surface.AtOnce) for item in declared.items)
        all_of_it = [*rule.actions, *rule.on_recovery, *(one for step in rule.steps for one in step.actions)]
        if declared.often is not None and not any(isinstance(one, Notify) for one in all_of_it):
            self.scope.reporter.error("E0516", "this rule tells nobody anything", declared.often.span)
        if rule.repeat_every is not None and not at_once:
            self.scope.reporter.error(
                "E0505", "there is nothing to repeat: this rule does nothing at once", rule.span
            )
        signal = self._as_signal(trigger, declared.condition.span)
        return None if signal is None else evolve(rule, trigger=signal)

    def _often(self, written: surface.Often) -> Often | None:
        length = duration(self.scope, written.length, "`each`")
        count = parse_quantity(written.count.text).value
        if written.word.text != "most":
            self.scope.reporter.error(
                "E0516",
                f"there is no `at {written.word.text}`",
                written.word.span,
                suggestion=replace(written.word.span, "most"),
            )
        elif count.denominator != 1 or not 1 <= count <= _MOST_TOLD:
            self.scope.reporter.error(
                "E0516",
                f"this is a whole number from 1 to {_MOST_TOLD}",
                written.count.span,
                label="so many episodes are told",
            )
        elif length is not None:
            return Often(count=int(count), length=length)
        return None

    def _as_signal(self, trigger: Typed, span: Span) -> int | None:
        match trigger.shape:
            case Shape.SIGNAL:
                return trigger.operation
            case Shape.SERIES:
                return latest(self.scope.arena, trigger, span).operation
            case Shape.SCALAR | Shape.RECORDS:
                self.scope.reporter.error(
                    "E0309",
                    "a rule needs something that becomes true and false in the course of time",
                    span,
                )
                return None

    # --- caps

    def cap(self, declared: surface.Cap, number: int) -> Cap | None:
        """A ceiling; ``number`` counts the caps of the agreement from 1."""
        known = self.scope.find("party", declared.party, self.scope.parties)
        window, last = self._cap_window(declared.window)
        fine = declared.what.text in _CAPPED
        if not fine:
            self.scope.reporter.unknown_name("E0208", "thing to cap", declared.what, _CAPPED)
        amount: int | None = None
        if isinstance(declared.amount, surface.Highest):
            fine = self._highest(declared.amount, declared.window) and fine
        else:
            amount = self._cap_amount(declared.amount)
            fine = amount is not None and fine
        if not fine or window is None or not known:
            return None
        return Cap(
            name=f"cap {number}",
            creditor=declared.party.text,
            amount=amount,
            window=window,
            last=last,
            rewards=declared.what.text == "rewards",
            span=declared.span,
        )

    def _cap_amount(self, written: surface.Expression) -> int | None:
        amount = self.expressions.check(written, Context())
        if amount is None:
            return None
        kind = resolve(amount.type)
        if (
            amount.shape is not Shape.SCALAR
            or not isinstance(kind, NumberType)
            or self.scope.countable(kind.dimension) is None
        ):
            self.scope.reporter.error("E0303", "a cap is a fixed amount of money", written.span)
            return None
        return amount.operation

    def _highest(self, written: surface.Highest, window: surface.EachWindow | surface.LastPeriods) -> bool:
        for word, expected in zip(written.words, ("the", "highest"), strict=True):
            if word.text != expected:
                self.scope.reporter.unknown_name(
                    "E0208", "cap", word, (expected,), "a cap is at an amount, or `at the highest`"
                )
                return False
        if isinstance(window, surface.LastPeriods):
            self.scope.reporter.error(
                "E0305",
                "the highest credit is that of one period",
                window.span,
                notes=("write for instance `at the highest each month`",),
            )
            return False
        return True

    def _cap_window(self, written: surface.EachWindow | surface.LastPeriods) -> tuple[Window | None, int]:
        if isinstance(written, surface.EachWindow):
            return each_window(self.scope, written), 1
        units = {unit.value: unit for unit in CalendarUnit}
        unit = units.get(written.unit.text.removesuffix("s"))
        if unit is None:
            self.scope.reporter.unknown_name("E0305", "period", written.unit, [f"{name}s" for name in units])
            return None, 1
        count = Fraction(written.count.text)
        if count.denominator != 1 or not 1 <= count <= _MOST_PERIODS:
            self.scope.reporter.error(
                "E0305", f"a cap holds for 1 to {_MOST_PERIODS} whole periods", written.count.span
            )
            return None, 1
        return CalendarWindow(unit, 1, None, self.scope.term.zone), int(count)


def _written(scope: Scope, span: Span) -> str:
    return " ".join(scope.reporter.source.text[span.start : span.end].split())
