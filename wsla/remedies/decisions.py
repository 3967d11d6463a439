"""What remedies decide: intents to act and entries to book. Deciding is all that this room does."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Self

from attrs import frozen

from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Target
from wsla.values.instants import Interval


class Words:
    """A subject of one line and a text of several; what is worded once is kept. Equal where both texts are."""

    __slots__ = ("_said", "_word")

    def __init__(self, word: Callable[[], tuple[str, str]]) -> None:
        """``word`` gives subject and text; it is called when somebody asks for them: most notices nobody reads."""
        self._word: Callable[[], tuple[str, str]] | None = word
        self._said = ("", "")

    @classmethod
    def of(cls, subject: str, text: str) -> Self:
        """These words."""
        return cls(lambda: (subject, text))

    def said(self) -> tuple[str, str]:
        """(subject, text)."""
        if self._word is not None:
            self._said = self._word()
            self._word = None
        return self._said

    def __eq__(self, other: object) -> bool:
        return self.said() == other.said() if isinstance(other, Words) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.said())

    def __repr__(self) -> str:
        return "Words.of({!r}, {!r})".format(*self.said())


@frozen(kw_only=True)
class Intent:
    """Something to be carried out once: ``verb`` is ``notify``, ``escalate``, ``call``, ``ticket``,
    ``publish`` or ``grant``.

    ``id`` is made of agreement, version, rule, window or episode, labels and step, and is the idempotency key.
    ``at`` is the instant at which it became due, nanoseconds since the epoch.
    ``cause`` names the goal or rule; ``window`` the window judged, or the episode so far. One that is ``held`` is
    recorded and not sent: the rule tells of so many episodes at most (rule M103).
    """

    id: str
    verb: str
    targets: tuple[Target, ...]
    at: int
    cause: str
    labels: Labels
    window: Interval | None
    words: Words
    held: bool = False

    @property
    def sent_to(self) -> tuple[Target, ...]:
        """Whom it is sent to."""
        return () if self.held else self.targets

    @property
    def subject(self) -> str:
        """One line."""
        return self.words.said()[0]

    @property
    def text(self) -> str:
        """Several lines."""
        return self.words.said()[1]


@frozen(kw_only=True)
class LedgerEntry:
    """A debt booked between two parties: ``debtor`` owes ``creditor`` ``amount`` (always positive).

    ``kind`` is ``credit``, ``reward``, ``cap``, ``refund`` or ``adjustment``; the entries of a cap and of a refund run
    the other way, from the credit's creditor to its debtor, those of a correction (``adjustment``) either way.
    ``at`` is the end of the window in nanoseconds, that of an adjustment the instant of the correction. ``state`` is
    ``due``, or ``accrued`` for a credit (and what caps take back of it) that has to be claimed before the instant
    ``claim_until``, which is None otherwise.
    """

    id: str
    kind: str
    debtor: str
    creditor: str
    amount: Decimal
    currency: str
    at: int
    cause: str
    labels: Labels
    window: Interval
    memo: str
    state: str = "due"
    claim_until: int | None = None


Decision = Intent | LedgerEntry
