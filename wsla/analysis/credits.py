"""Credits: who owes whom, an amount of money, by blocks, between limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, evolve, fields, has

from wsla.analysis.arena import Typed, resolve
from wsla.analysis.checked import Claim, Credit, PartOfFee, Target
from wsla.analysis.expressions import BLOCKS, ExpressionChecker
from wsla.analysis.heads import SIGNATORIES
from wsla.analysis.labels import lift
from wsla.analysis.modifiers import Context
from wsla.analysis.scope import Scope
from wsla.analysis.types import NumberType, Shape
from wsla.analysis.unify import agree
from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.values.calendars import CalendarUnit, CalendarWindow
from wsla.values.quantities import DAYS, DIMENSIONLESS, TIME

_LONGEST_CLAIM = 1000


@define(eq=False, repr=False)
class CreditChecker:
    """Checks the credits of one agreement; ``target`` finds a party, or gives None and an error."""

    scope: Scope
    expressions: ExpressionChecker
    target: Callable[[surface.Target], Target | None]

    def credit(self, credit: surface.Credit, context: Typed | None, debtor: str | None) -> Credit | None:
        """A credit; ``context`` is the condition of its goal, ``debtor`` who owes it unless the text says otherwise."""
        target = self.target(credit.target)
        if credit.target.channel is not None:
            self.scope.reporter.error("E0504", "a credit goes to a party", credit.target.span)
            return None
        if credit.debtor is not None and self.scope.find("party", credit.debtor, self.scope.parties):
            debtor = credit.debtor.text
        found_amount = self._amount(credit, context)
        if found_amount is None or target is None:
            return None
        amount, part = found_amount
        limits = []
        for limit, word in ((credit.ceiling, "most"), (credit.floor, "above")):
            found = None if limit is None else self._limit(limit, word, amount, context)
            if limit is not None and found is None:
                return None
            limits.append(found)
        claim = None if credit.claim is None else self._claim(credit.claim)
        if credit.claim is not None and claim is None:
            return None
        debtor = debtor or self._other_signatory(target.party, credit.span)
        if debtor is None:
            return None
        if debtor == target.party:
            self.scope.reporter.error("E0504", f"`{debtor}` would credit itself", credit.span)
            return None
        return Credit(
            creditor=target.party,
            debtor=debtor,
            amount=amount.operation,
            part=part,
            at_most=limits[0],
            only_above=limits[1],
            claim=claim,
        )

    def _amount(self, credit: surface.Credit, context: Typed | None) -> tuple[Typed, PartOfFee | None] | None:
        span = credit.amount.span
        written: surface.Expression | None = credit.amount
        if credit.blocks is not None:
            written = self._by_blocks(credit.amount, credit.blocks)
        if credit.length is not None and written is not None:
            whole = credit.amount.span.to(credit.length.span)
            written = surface.Binary(operator="*", left=written, right=credit.length, span=whole)
        self.scope.creditor = credit.target.party.text
        amount = None if written is None else self.expressions.check(written, Context())
        self.scope.creditor = None
        if amount is None:
            return None
        if context is not None:
            amount = lift(self.scope.arena, amount, context)
        kind = resolve(amount.type)
        dimension = kind.dimension if isinstance(kind, NumberType) else DIMENSIONLESS
        spread = DAYS if DAYS.exponents[0] in dimension.exponents else DIMENSIONLESS
        spread = spread if credit.length is None else TIME
        owed = dimension / spread
        currency = self.scope.countable(owed)
        if currency is None:
            problem = "a credit is an amount of money"
            if credit.length is not None:
                problem = "`for` takes a length of time, and in front of it stands an amount of money"
            self.scope.reporter.error("E0303", problem, span)
            return None
        if owed.currency is not None and self.scope.term.currency not in (None, currency):
            self.scope.reporter.error(
                "E0302", f"the agreement is in {self.scope.term.currency}, and this is {currency}", span
            )
            return None
        if amount.shape not in (Shape.SCALAR, Shape.SERIES) or (
            amount.shape is Shape.SERIES and context is None
        ):
            self.scope.reporter.error(
                "E0309", "an amount here must be fixed, or one value a window", credit.amount.span
            )
            return None
        if context is not None and self.expressions.join(context, amount, span) is None:
            return None
        part = None
        if spread != DIMENSIONLESS:
            period = self._period(credit)
            if period is None:
                return None
            part = PartOfFee(period=period, in_days=spread == DAYS)
        return evolve(amount, type=NumberType(owed)), part

    def _period(self, credit: surface.Credit) -> CalendarWindow | None:
        """The period of the fees that an amount is a part of, or None and an error."""
        services = [self.scope.services[name] for name in self._services_in(credit)]
        found = {service.fee_period for service in services if service.fee is not None}
        if len(found) == 1 and (unit := found.pop()) in {known.value for known in CalendarUnit}:
            return CalendarWindow(CalendarUnit(unit), 1, None, self.scope.term.zone)
        message = "this is a part of a fee, and no fee is named here"
        if found:
            message = "these fees are for different periods"
        elif services:
            message = "this is a part of a fee, and the agreement does not say what period the fee is for"
        self.scope.reporter.error(
            "E0305", message, credit.amount.span, notes=("write for instance `fee 1000 EUR per month`",)
        )
        return None

    def _services_in(self, credit: surface.Credit) -> set[str]:
        services: set[str] = set()
        seen: set[str] = set()
        waiting: list[Any] = [credit.amount]
        while waiting:
            node = waiting.pop()
            if isinstance(node, surface.Reference):
                name = node.parts[0].text
                if name in self.scope.services:
                    services.add(name)
                elif name in self.expressions.metrics and name not in seen:
                    seen.add(name)
                    waiting.append(self.expressions.metrics[name].expression)
            elif isinstance(node, tuple):
                waiting.extend(node)
            elif has(type(node)):
                waiting.extend(getattr(node, field.name) for field in fields(type(node)))
        return services

    def _by_blocks(self, amount: surface.Expression, blocks: surface.Blocks) -> surface.Binary | None:
        word, size = blocks.rounding, blocks.size
        if word.text not in BLOCKS:
            self.scope.reporter.unknown_name("E0208", "way to count blocks", word, BLOCKS)
            return None
        quantity = self.expressions.quantity(size.text, size.span)
        if quantity is None:
            return None
        if quantity.value <= 0:
            self.scope.reporter.error("E0306", "a block is larger than nothing", size.span)
            return None
        count = surface.Binary(operator=word.text, left=blocks.value, right=size, span=blocks.span)
        return surface.Binary(operator="*", left=amount, right=count, span=amount.span.to(blocks.span))

    def _limit(self, limit: surface.Limit, word: str, amount: Typed, context: Typed | None) -> int | None:
        """The operation of a limit, or None and an error."""
        if limit.word.text != word:
            self.scope.reporter.unknown_name("E0208", "limit of a credit", limit.word, (word,))
            return None
        value = self.expressions.check(limit.amount, Context())
        if value is None or not agree(
            self.scope.reporter, amount, value, limit.amount.span, "the limit of a credit"
        ):
            return None
        if value.shape not in (Shape.SCALAR, Shape.SERIES) or (
            value.shape is Shape.SERIES and context is None
        ):
            message = "a limit here must be fixed, or one value a window"
            self.scope.reporter.error("E0309", message, limit.amount.span)
            return None
        if context is not None and self.expressions.join(context, value, limit.amount.span) is None:
            return None
        return value.operation

    def _claim(self, written: surface.Claim) -> Claim | None:
        for word, expected in zip(written.words, ("within", "window", "end"), strict=True):
            if word.text != expected:
                hint = "a credit is `claimed within 30 days of window end`"
                self.scope.reporter.unknown_name("E0208", "way to claim a credit", word, (expected,), hint)
                return None
        number, _, name = written.length.text.partition(" ")
        units = {unit.value: unit for unit in CalendarUnit}
        unit = units.get(name.removesuffix("s"))
        if unit is None or not number.isdecimal() or not 1 <= int(number) <= _LONGEST_CLAIM:
            self.scope.reporter.error(
                "E0305",
                f"a claim is made within 1 to {_LONGEST_CLAIM} days, weeks, months, quarters or years",
                written.length.span,
            )
            return None
        return Claim(unit=unit, count=int(number))

    def _other_signatory(self, party: str, span: Span) -> str | None:
        others = [
            other.name
            for other in self.scope.parties.values()
            if other.name != party and SIGNATORIES.intersection(other.roles)
        ]
        if len(others) == 1:
            return others[0]
        self.scope.reporter.error(
            "E0504",
            "it is not clear who pays this credit",
            span,
            notes=("say it: `credit a 500 EUR from b`",),
        )
        return None
