"""What happened in the demo, counted from the store and from what the receiver got; nothing here knows the script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from attrs import frozen

from wsla.cli.demo_servers import Received
from wsla.cli.demo_watch import Look, look_of
from wsla.cli.ledger import balances_text, party_titles
from wsla.evaluation.scalars import scalar_value
from wsla.evaluation.verdicts import Judgement, Verdict
from wsla.plan.model import Plan
from wsla.remedies.decisions import Intent, LedgerEntry
from wsla.remedies.ledger import Balance, balances
from wsla.reporting.money import balance_value
from wsla.reporting.stored import EARLIEST, LATEST
from wsla.values.money import format_money

if TYPE_CHECKING:
    from wsla.store.sqlite import Store


@frozen(kw_only=True)
class Facts:
    """Everything that the store and the receiver hold at the end."""

    looks: Counter[Look]
    verdicts: tuple[Judgement, ...]
    entries: tuple[LedgerEntry, ...]
    intents: tuple[Intent, ...]
    undelivered: int
    given_up: int
    received: tuple[Received, ...]
    altered: str | None
    balance: tuple[Balance, ...]

    @property
    def credits(self) -> tuple[LedgerEntry, ...]:
        """The entries that owe something for a missed window."""
        return tuple(entry for entry in self.entries if entry.kind == "credit")

    @property
    def violated(self) -> tuple[Judgement, ...]:
        """The windows that were missed."""
        return tuple(one for one in self.verdicts if one.verdict is Verdict.VIOLATED)

    @property
    def messages(self) -> frozenset[tuple[str, str]]:
        """The messages that arrived with a valid signature: identity and receiver, each once."""
        return frozenset((one.id, one.to) for one in self.received if one.valid)


def count_facts(store: Store, key: str, received: Sequence[Received], limit: int) -> Facts:
    """Reads the store of a daemon that has ended."""
    entries = tuple(entry for _, entry in store.entries(key, EARLIEST, LATEST))
    counts = store.outbox_counts()
    return Facts(
        looks=Counter(look_of(one, limit) for one in store.observations(key, EARLIEST, LATEST)),
        verdicts=tuple(store.judgements(key, EARLIEST, LATEST, final_only=True)),
        entries=entries,
        intents=tuple(intent for _, intent in store.intents(key, EARLIEST, LATEST)),
        undelivered=counts.pending,
        given_up=counts.dead,
        received=tuple(received),
        altered=store.first_altered_entry(),
        balance=balances(entries),
    )


def checks(facts: Facts, plan: Plan) -> dict[str, bool]:
    """What has to be true for the story to have happened, and for its books to be right; in words."""
    violated = Counter((one.goal, one.labels, one.window) for one in facts.violated)
    credited = Counter((one.cause, one.labels, one.window) for one in facts.credits)
    due = {(intent.id, str(target)) for intent in facts.intents for target in intent.targets}
    recoveries = {intent.id for intent in facts.intents if "recovered" in intent.subject}
    return {
        "a window was violated": bool(violated),
        "a credit was booked for each violated window, once": bool(credited) and credited == violated,
        "credits stay below the cap": _below_cap(facts, plan),
        "the chain of ledger entries is whole": facts.altered is None,
        "every message that was due arrived": bool(due) and due == facts.messages,
        "every signature was valid": bool(facts.received) and all(one.valid for one in facts.received),
        "the recovery was noticed and told": any(one in recoveries for one, _ in facts.messages),
    }


def _below_cap(facts: Facts, plan: Plan) -> bool:
    for cap in plan.caps:
        if cap.amount is None:
            continue
        owed = sum((one.amount for one in facts.balance if one.creditor == cap.creditor), Decimal(0))
        ceiling = scalar_value(plan.operations, cap.amount)
        assert isinstance(ceiling, int | Fraction)
        if Fraction(owed) > ceiling:
            return False
    return True


def facts_rows(facts: Facts, plan: Plan) -> list[tuple[str, str, str]]:
    """The summary: what was counted, how many, and what they were."""
    currency = plan.currency or "EUR"
    sums = {
        kind: sum((one.amount for one in facts.entries if one.kind == kind), Decimal(0))
        for kind in ("credit", "cap")
    }
    verdicts = Counter(one.verdict.value for one in facts.verdicts)
    looks = ", ".join(f"{facts.looks[look]} {look.value}" for look in Look)
    booked = format_money(sums["credit"], currency) if facts.credits else "none"
    if sums["cap"]:
        booked += f", of which {format_money(sums['cap'], currency)} above the cap were taken back"
    valid = sum(one.valid for one in facts.received)
    repeated = valid - len(facts.messages)
    due = sum(len(intent.targets) for intent in facts.intents)
    said = f"of {due} that were due; {valid} of {len(facts.received)} signatures valid; {repeated} repeated"
    if facts.undelivered or facts.given_up:
        said += f"; {facts.undelivered} still pending, {facts.given_up} given up"
    return [
        ("probes made", str(facts.looks.total()), looks),
        (
            "windows judged",
            str(len(facts.verdicts)),
            ", ".join(f"{n} {name}" for name, n in verdicts.items()),
        ),
        ("credits booked", str(len(facts.credits)), booked),
        ("messages delivered", str(len(facts.messages)), said),
        ("balance", "", balances_text(facts.balance, party_titles(plan))),
    ]


def facts_value(facts: Facts) -> dict[str, Any]:
    """The summary for machines."""
    return {
        "probes": {"made": facts.looks.total()} | {look.name.lower(): facts.looks[look] for look in Look},
        "windows": {"judged": len(facts.verdicts)} | Counter(one.verdict.value for one in facts.verdicts),
        "credits": {
            "booked": len(facts.credits),
            "sum": str(sum((one.amount for one in facts.credits), Decimal(0))),
        },
        "messages": {
            "due": sum(len(intent.targets) for intent in facts.intents),
            "received": len(facts.received),
            "delivered": len(facts.messages),
            "valid": sum(one.valid for one in facts.received),
            "pending": facts.undelivered,
            "dead": facts.given_up,
        },
        "balance": [balance_value(one) for one in facts.balance],
    }
