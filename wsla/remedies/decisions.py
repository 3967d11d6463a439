"""What remedies decide: intents to act and entries to book. Deciding is all that this room does."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Self

from attrs import frozen

from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Target
from wsla.values.instants import Interval


@frozen(kw_only=True, slots=False)
class Intent:
    """Something to be carried out once: ``verb`` is ``notify``, ``escalate``, ``call``, ``ticket``,
    ``publish`` or ``grant``.

    ``id`` is made of agreement, version, rule, window or episode, labels and step, and is the idempotency key.
    ``at`` is the instant at which it became due, nanoseconds since the epoch.
    ``cause`` names the goal or rule; ``window`` the window judged, or the episode so far. ``subject`` and ``text`` are
    the words of a notice, which may be put together only when somebody reads them.
    """

    id: str
    verb: str
    targets: tuple[Target, ...]
    at: int
    cause: str
    labels: Labels
    window: Interval | None
    subject: str
    text: str

    @classmethod
    def worded_later(cls, words: Callable[[], tuple[str, str]], **known: Any) -> Self:
        """As the class, but subject and text are what ``words`` gives, and it is not asked before they are read."""
        intent = cls(**known, subject="", text="")
        del intent.__dict__["subject"], intent.__dict__["text"]
        intent.__dict__["_words"] = words
        return intent

    def __getattr__(self, name: str) -> str:
        words = self.__dict__.get("_words")
        if words is None or name not in ("subject", "text"):
            raise AttributeError(f"an intent has no {name}")
        self.__dict__["subject"], self.__dict__["text"] = words()
        self.__dict__.pop("_words", None)
        found: str = self.__dict__[name]
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in (*self.__dict__, "subject", "text") if name != "_words"}


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
