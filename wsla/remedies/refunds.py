"""Credits that are earned back: by so many good windows that follow the credited one (rules M63 and M64)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from attrs import define

from wsla.evaluation.verdicts import Judgement, Labels, Verdict
from wsla.plan.model import Goal, Refund
from wsla.remedies.decisions import Decision, LedgerEntry
from wsla.values.money import round_to_minor


@define(kw_only=True)
class _Waiting:
    """A credit that may be earned back: ``amount`` is what it came to, ``left`` how many windows are still to be good.

    ``number`` counts the refunds of the goal from 0; ``credit`` is the identity of the credit without its last part.
    """

    goal: str
    labels: Labels
    number: int
    left: int
    credit: str
    debtor: str
    creditor: str
    amount: Decimal
    currency: str
    memo: str
    state: str
    claim_until: int | None


class Refunds:
    """Remembers the credits that wait to be earned back, and books those that are."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []

    def judged(self, goal: Goal, judgement: Judgement) -> list[LedgerEntry]:
        """What a final verdict earns back; a window that is not good ends the waiting of every credit before it."""
        booked: list[LedgerEntry] = []
        kept: list[_Waiting] = []
        for one in self._waiting:
            if (one.goal, one.labels) != (judgement.goal, judgement.labels):
                kept.append(one)
                continue
            refund = goal.refunds[one.number]
            if not _is_good(refund, judgement):
                continue
            one.left -= 1
            if one.left:
                kept.append(one)
            else:
                booked += _entry(one, refund, judgement)
        self._waiting = kept
        return booked

    def credited(self, goal: Goal, judgement: Judgement, decisions: Iterable[Decision]) -> None:
        """Notes the credits among what follows from a verdict, each with what caps have left of it."""
        entries = [one for one in decisions if isinstance(one, LedgerEntry)]
        for entry in entries:
            if entry.kind != "credit":
                continue
            credit = _stem(entry)
            taken = sum(
                (Fraction(cap.amount) for cap in entries if cap.kind == "cap" and _stem(cap) == credit),
                Fraction(),
            )
            net = round_to_minor(Fraction(entry.amount) - taken, entry.currency)
            for number, refund in enumerate(goal.refunds):
                if net > 0:
                    self._waiting.append(
                        _Waiting(
                            goal=goal.name,
                            labels=judgement.labels,
                            number=number,
                            left=refund.count,
                            credit=credit,
                            debtor=entry.debtor,
                            creditor=entry.creditor,
                            amount=net,
                            currency=entry.currency,
                            memo=entry.memo,
                            state=entry.state,
                            claim_until=entry.claim_until,
                        )
                    )

    def save(self) -> list[list[Any]]:
        """Everything that waits, in terms of JSON."""
        return [
            [
                one.goal,
                [list(label) for label in one.labels],
                one.number,
                one.left,
                one.credit,
                one.debtor,
                one.creditor,
                str(one.amount),
                one.currency,
                one.memo,
                one.state,
                one.claim_until,
            ]
            for one in self._waiting
        ]

    def load(self, saved: Iterable[Any]) -> None:
        """What ``save`` gave."""
        names: Final = (
            "number",
            "left",
            "credit",
            "debtor",
            "creditor",
            "amount",
            "currency",
            "memo",
            "state",
            "claim_until",
        )
        for goal, labels, *rest in saved:
            values: dict[str, Any] = dict(zip(names, rest, strict=True))
            values["amount"] = Decimal(values["amount"])
            own = tuple((name, value) for name, value in labels)
            self._waiting.append(_Waiting(goal=goal, labels=own, **values))


def _is_good(refund: Refund, judgement: Judgement) -> bool:
    if refund.condition is None:
        return judgement.verdict is Verdict.MET
    return dict(judgement.amounts).get(refund.condition) == 1


def _entry(waiting: _Waiting, refund: Refund, judgement: Judgement) -> list[LedgerEntry]:
    amount = round_to_minor(Fraction(waiting.amount) * refund.share, waiting.currency)
    if amount <= 0:
        return []
    return [
        LedgerEntry(
            id=f"{waiting.credit}|refund {waiting.number + 1}",
            kind="refund",
            debtor=waiting.creditor,
            creditor=waiting.debtor,
            amount=amount,
            currency=waiting.currency,
            at=judgement.window.end,
            cause=waiting.goal,
            labels=waiting.labels,
            window=judgement.window,
            memo=f"earned back: {waiting.memo}",
            state=waiting.state,
            claim_until=waiting.claim_until,
        )
    ]


def _stem(entry: LedgerEntry) -> str:
    """What the identities of a credit and of what belongs to it have in common."""
    return entry.id.rpartition("|")[0]
