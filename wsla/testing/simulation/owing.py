"""What is owed after corrections, held against what the reference says of everything that was ever observed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from attrs import evolve

from wsla.api import Agreement
from wsla.daemon.recovery import judged_from, terms_from
from wsla.evaluation.reference import evaluate
from wsla.evaluation.verdicts import Judgement
from wsla.plan.model import Plan
from wsla.remedies.claims import credit_of
from wsla.remedies.corrections import ADJUSTMENT
from wsla.remedies.decider import Decider
from wsla.remedies.decisions import LedgerEntry
from wsla.reporting.correcting import reconsider
from wsla.reporting.stored import EARLIEST, LATEST
from wsla.store.sqlite import Store
from wsla.values.observations import Observation


def owed_otherwise(
    store: Store, key: str, agreement: Agreement, everything: Sequence[Observation]
) -> list[str]:
    """M97: a sentence for each credit of the last version whose entries, with those that one more correction would
    book now, are not what the reference gives over all observations, those that came too late among them. What rules
    have booked has to stand as it was booked, and counts towards the caps."""
    plan = agreement.plan
    said = [
        one for one in store.judgements(key, EARLIEST, LATEST, final_only=True) if one.goal in agreement.goals
    ]
    history = store.agreement_history(key)
    start, terms = judged_from(history), terms_from(history)
    # What was final under other terms of the same version stands as it was said.
    compared_from = start if terms is None else terms - plan.grace
    said = [one for one in said if one.window.end > start]
    if not said:
        return []
    until = max(one.window.end + plan.grace + 1 for one in said)
    last = reconsider(store, key, agreement, until).found
    if not store.late_observations(key) and (last.changed or last.entries):
        return [f"nothing came too late, and a correction would change {len(last.changed)} verdicts"]
    prefix = f"{plan.title}|v{plan.version}|"
    booked = [one for _, one in store.entries(key, EARLIEST, LATEST) if one.id.startswith(prefix)]
    of_rules = [one for one in booked if one.cause not in agreement.goals]
    known = {source.name for source in plan.sources}
    observed = [one for one in everything if one.source in known and one.at < until]
    outcome = evaluate(plan, observed, start, until)
    standing = {(one.goal, one.labels, one.window) for one in said}
    latest = {one.goal: max(x.window.end for x in said if x.goal == one.goal) for one in said}
    judged = [
        one
        for one in outcome.judgements
        if one.final
        and ((one.goal, one.labels, one.window) in standing or one.window.end <= latest.get(one.goal, start))
    ]
    owed = _nets(one for one in _follows(plan, judged, of_rules) if one.window.end > compared_from)
    goals = [one for one in (*booked, *last.entries) if one.cause in agreement.goals]
    nets = _nets(one for one in goals if one.window.end > compared_from)
    touched = [one.id for one in (*of_rules, *last.entries) if one.kind == ADJUSTMENT and one not in goals]
    return [f"a correction touched what a rule has booked: {one}" for one in touched] + [
        f"{credit} comes to {nets.get(credit, 0)} with its corrections, and to {owed.get(credit, 0)} by the rules"
        for credit in dict.fromkeys((*owed, *nets))
        if owed.get(credit, 0) != nets.get(credit, 0)
    ]


def _follows(
    plan: Plan, judgements: Iterable[Judgement], of_rules: Iterable[LedgerEntry]
) -> Iterator[LedgerEntry]:
    """M29: what follows from verdicts in the order of their instants, at one instant before what rules do at it; of
    rules there is what was booked, no more."""
    decider = Decider(evolve(plan, rules=()))
    decided: dict[int, list[Judgement]] = defaultdict(list)
    stands: dict[int, list[LedgerEntry]] = defaultdict(list)
    for one in judgements:
        decided[one.window.end + plan.grace].append(one)
    for entry in of_rules:
        stands[entry.at].append(entry)
    for at in sorted({*decided, *stands}):
        for decision in decider.moment(at, decided[at]):
            if isinstance(decision, LedgerEntry):
                yield decision
        for entry in stands[at]:
            decider.count(entry)


def _nets(entries: Iterable[LedgerEntry]) -> dict[str, Decimal]:
    """What each credit comes to; above zero where who comes first by name owes it."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for one in entries:
        found[credit_of(one)] += one.amount if one.debtor < one.creditor else -one.amount
    return dict(found)
