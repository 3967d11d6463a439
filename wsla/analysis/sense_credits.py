"""Credits and rewards of goals: who is paid for which value, and whether that can be meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from attrs import frozen

from wsla.analysis import operations as op
from wsla.analysis.checked import Action, CheckedAgreement, Credit, Goal
from wsla.analysis.possible import Between, Possible
from wsla.analysis.reporter import Reporter
from wsla.analysis.rows import fits, fixed
from wsla.analysis.scope import Scope
from wsla.analysis.sense_points import (
    Point,
    Promise,
    domain_of,
    points,
    promise_of,
    reachable,
    runs,
    shown,
    shown_points,
    thresholds,
)
from wsla.analysis.sense_tables import Lines, lines_of, say_nothing
from wsla.analysis.types import NumberType
from wsla.diagnostics.diagnostic import Related
from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.values.records import Record


@frozen(kw_only=True, eq=False, repr=False)
class Payment(Record):
    """A credit of a goal with what was written. ``reward`` tells those for a goal that was met."""

    promise: Promise
    credit: Credit
    written: surface.Credit
    reward: bool


def payments(agreement: CheckedAgreement, written: Sequence[tuple[Goal, surface.Goal]]) -> Iterator[Payment]:
    """The credits of all goals that compare one metric with a fixed number."""
    for goal, declared in written:
        promise = promise_of(agreement, goal, declared)
        if promise is None:
            continue
        for reward, actions in ((False, goal.otherwise), (True, goal.rewarding)):
            for action, said in zip(actions, written_actions(declared, reward), strict=True):
                if isinstance(action, Credit) and isinstance(said, surface.Credit):
                    yield Payment(promise=promise, credit=action, written=said, reward=reward)


def written_actions(declared: surface.Goal, reward: bool) -> list[surface.Action]:
    """The actions of ``otherwise`` or ``rewarding`` in the order of the text."""
    kind = surface.Rewarding if reward else surface.Otherwise
    return [action for item in declared.items or () if isinstance(item, kind) for action in item.actions]


def all_credits(agreement: CheckedAgreement) -> Iterator[Credit]:
    """Every credit, those of rules too."""
    actions: list[Action] = []
    for goal in agreement.goals:
        actions += [*goal.otherwise, *goal.rewarding]
    for rule in agreement.rules:
        actions += [*rule.actions, *rule.on_recovery]
        actions += [action for step in rule.steps for action in step.actions]
    return (action for action in actions if isinstance(action, Credit))


def check_payment(scope: Scope, agreement: CheckedAgreement, payment: Payment) -> None:
    """One credit or reward against its goal."""
    _Check(scope, agreement.operations, payment).run()


@frozen(eq=False, repr=False)
class _Check(Record):
    scope: Scope
    operations: Sequence[op.Operation]
    payment: Payment

    @property
    def reporter(self) -> Reporter:
        return self.scope.reporter

    def run(self) -> None:
        promise, credit = self.payment.promise, self.payment.credit
        reached = reachable(self.operations, credit.amount)
        found = {promise.target, *thresholds(self.operations, reached, promise.subject)}
        for table in self.scope.tables:
            lines = lines_of(self.operations, table) if table.subject == promise.subject else None
            if lines is not None and table.operation in reached:
                found |= {bound for _, asked in lines.rows for _, bound in asked}
        every = points(found, domain_of(self.operations, promise.subject))
        due = [point for point in every if promise.kept(point.value) == self.payment.reward]
        # From the promise outwards: the worse the value, the later; of rewards, the better.
        if promise.upwards != self.payment.reward:
            due.reverse()
        self._limits(due)
        for table in self.scope.tables:
            if table.operation not in reached or table.subject != promise.subject:
                continue
            lines = lines_of(self.operations, table)
            if lines is None:
                continue
            self._never_due(lines, every)
            self._gaps(lines, due)
        if promise.subject in reached:
            self._order(due)

    # --- lines against the promise

    def _never_due(self, lines: Lines, every: Sequence[Point]) -> None:
        promise, reward = self.payment.promise, self.payment.reward
        kind = self.operations[promise.subject].type
        for row, asked in lines.rows:
            own = [point for point in every if fits(asked, point.value)]
            wrong = [point for point in own if promise.kept(point.value) != reward]
            if not wrong:
                continue
            what, held = ("reward", "missed") if reward else ("credit", "met")
            related = (Related(span=promise.span, text="the promise"),)
            if len(wrong) == len(own):
                target = shown(promise.target, kind)
                self.reporter.error(
                    "E0404",
                    f"this {what} is never due: the goal is {held} at such values ({target})",
                    row.span,
                    related=related,
                )
                continue
            touching = len(wrong) == 1 and wrong[0].exact and wrong[0].value in {bound for _, bound in asked}
            if len(asked) == 1 and not touching:
                continue
            if touching and self._settled(lines):
                continue
            note = f"no {what} follows there: let the line begin where the goal is {'met' if reward else 'missed'}"
            if touching and lines.table.ties is not None:
                note = f"to let `{lines.table.ties.party.text}` have it, write the goal with `>` or `<`"
            elif touching:
                debtor = self.payment.credit.debtor
                note = f"no {what} follows there: write `<` or `>` in the line, or `ties go to {debtor}`"
            self.reporter.error(
                "E0406",
                f"this line claims {shown_points(wrong, kind)}, where the goal is {held}",
                row.span,
                related=related,
                notes=(note,),
            )

    def _settled(self, lines: Lines) -> bool:
        ties = lines.table.ties
        return ties is not None and ties.party.text != self.payment.credit.creditor

    def _gaps(self, lines: Lines, due: Sequence[Point]) -> None:
        if lines.table.otherwise is not None:
            return
        settled = lines.table.operation
        marked = [(point, self._given(point, settled) is None) for point in due]
        found = runs(marked)
        if not found:
            return
        if len(found[0]) == len(due):
            return
        if found[0][0] == due[0]:
            self._first_gap(lines, sorted(found[0], key=lambda point: point.value))
            found = found[1:]
        for run in found[:1]:
            ordered = sorted(run, key=lambda point: point.value)
            say_nothing(self.reporter, self.operations, lines.table, ordered)

    def _first_gap(self, lines: Lines, run: Sequence[Point]) -> None:
        where = shown_points(run, self.operations[self.payment.promise.subject].type)
        related = (Related(span=self.payment.promise.span, text="the promise"),)
        notes = ("if that is meant, say it with a line: `…: 0 EUR`",)
        if self.payment.reward:
            self.reporter.warning(
                "W0413",
                f"the goal is met without any reward at values {where}",
                lines.table.span,
                notes=notes,
                related=related,
            )
        else:
            self.reporter.warning(
                "W0412",
                f"the goal is missed without any credit at values {where}",
                lines.table.span,
                notes=notes,
                related=related,
            )

    # --- amounts along the metric

    def _given(self, point: Point, operation: int) -> Between | None:
        return Possible(self.operations, {self.payment.promise.subject: point.value}).numbers(operation)

    def _order(self, due: Sequence[Point]) -> None:
        """From the promise outwards, what is paid may not shrink."""
        before: tuple[Point, Fraction] | None = None
        reported: set[Span] = set()
        for point in due:
            amount = self._given(point, self.payment.credit.amount)
            if amount is None:
                continue
            if before is not None and amount.high is not None and amount.high < before[1]:
                span, related = self._line_at(point), self._line_at(before[0])
                if span not in reported:
                    reported.add(span)
                    self._say_smaller(span, related)
            if amount.low is not None:
                before = point, amount.low

    def _say_smaller(self, span: Span, other: Span) -> None:
        if self.payment.reward:
            self.reporter.warning(
                "W0414",
                "a better value earns a smaller reward here",
                span,
                related=(Related(span=other, text="a worse value earns more"),),
            )
        else:
            self.reporter.warning(
                "W0405",
                "a worse value earns a smaller credit here",
                span,
                related=(Related(span=other, text="a better value earns more"),),
            )

    def _line_at(self, point: Point) -> Span:
        reached = reachable(self.operations, self.payment.credit.amount)
        for table in self.scope.tables:
            if table.subject != self.payment.promise.subject or table.operation not in reached:
                continue
            lines = lines_of(self.operations, table)
            for row, asked in () if lines is None else lines.rows:
                if fits(asked, point.value):
                    return row.span
            if table.otherwise_span is not None:
                return table.otherwise_span
        return self.payment.written.amount.span

    # --- `at most` and `only above`

    def _limits(self, due: Sequence[Point]) -> None:
        written, credit = self.payment.written, self.payment.credit
        amounts = [found for point in due if (found := self._given(point, credit.amount)) is not None]
        if written.blocks is not None:
            # Between two points the number of blocks goes on growing: the points alone do not tell the ends.
            whole = Possible(self.operations, {}).numbers(credit.amount)
            amounts = [] if whole is None else [whole]
        if not amounts:
            return
        highs = [amount.high for amount in amounts]
        highest = None if None in highs else max(high for high in highs if high is not None)
        always = fixed(self.operations, credit.amount)
        if always is not None and always <= 0:
            self.reporter.warning(
                "W0416", "this credit comes to nothing: it is never above zero", written.amount.span
            )
            return
        lows = [amount.low for amount in amounts if amount.low is not None and amount.low > 0]
        most = None if credit.at_most is None or credit.part else self._limit(credit.at_most)
        if most is not None and written.ceiling is not None:
            span = written.ceiling.amount.span
            if highest is not None and most > highest:
                self.reporter.warning(
                    "W0410",
                    f"this limit never acts: no more than {self._money(highest)} can be due",
                    span,
                )
            elif (
                isinstance(self.operations[credit.amount], op.Choice)
                and len(lows) == len(amounts)
                and most < min(lows)
                and len({*lows}) > 1
            ):
                self.reporter.warning(
                    "W0415",
                    f"this limit is below the smallest credit, {self._money(min(lows))}: every credit is the same",
                    span,
                )
        above = None if credit.only_above is None or credit.part else self._limit(credit.only_above)
        if above is not None and written.floor is not None:
            top = highest if most is None else most if highest is None else min(most, highest)
            if top is not None and top <= above:
                self.reporter.warning(
                    "W0416",
                    f"no credit passes this limit: none is above {self._money(above)}",
                    written.floor.amount.span,
                )

    def _limit(self, position: int) -> Fraction | None:
        found = Possible(self.operations, {}).numbers(position)
        return None if found is None else found.only

    def _money(self, amount: Fraction) -> str:
        kind = self.operations[self.payment.credit.amount].type
        return shown(amount, kind if isinstance(kind, NumberType) else NumberType())


def check_both_ways(scope: Scope, agreement: CheckedAgreement, found: Sequence[Payment]) -> None:
    """One value of a metric may not be paid for by the one party and rewarded by the other."""
    operations = agreement.operations
    for reward in (one for one in found if one.reward):
        for penalty in (one for one in found if not one.reward):
            opposite = (penalty.credit.creditor, penalty.credit.debtor) == (
                reward.credit.debtor,
                reward.credit.creditor,
            )
            if not opposite or penalty.promise.subject != reward.promise.subject:
                continue
            subject = reward.promise.subject
            positions = reachable(operations, penalty.credit.amount) | reachable(
                operations, reward.credit.amount
            )
            wanted = {
                reward.promise.target,
                penalty.promise.target,
                *thresholds(operations, positions, subject),
            }
            both = [
                (point, _pays(operations, penalty, point) and _pays(operations, reward, point))
                for point in points(wanted, domain_of(operations, subject))
            ]
            for run in runs(both)[:1]:
                where = shown_points(run, operations[subject].type)
                scope.reporter.error(
                    "E0411",
                    f"`{reward.credit.debtor}` rewards values {where}, and is credited for them as well",
                    reward.written.span,
                    related=(Related(span=penalty.written.span, text="the credit for the same values"),),
                )


def _pays(operations: Sequence[op.Operation], payment: Payment, point: Point) -> bool:
    if payment.promise.kept(point.value) != payment.reward:
        return False
    amount = Possible(operations, {payment.promise.subject: point.value}).numbers(payment.credit.amount)
    return amount is not None and (amount.high is None or amount.high > 0)


def highest_amount(operations: Sequence[op.Operation], credit: Credit) -> Fraction | None:
    """The most that a credit can come to for one window, or None where that has no end."""
    if credit.part is not None:
        return None
    amount = Possible(operations, {}).numbers(credit.amount)
    found = Fraction(0) if amount is None else amount.high
    if credit.at_most is not None:
        limit = Possible(operations, {}).numbers(credit.at_most)
        if limit is not None and limit.high is not None:
            found = limit.high if found is None else min(found, limit.high)
    return found
