"""History judged under two versions: the windows whose verdict or credits would have differed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from attrs import evolve, frozen

from wsla.comparing.changes import Renamed
from wsla.evaluation.verdicts import Judgement, Labels
from wsla.remedies.decisions import LedgerEntry
from wsla.values.instants import Interval

Sums = tuple[tuple[str, str, str, Decimal], ...]
"""What is owed for a window, caps taken off: (debtor, creditor, currency, amount), sorted; nothing that is zero."""


@frozen(kw_only=True)
class WindowChange:
    """A window that would have come out differently; None is a window that one of the versions does not have."""

    goal: str
    labels: Labels
    window: Interval
    before: str | None
    after: str | None
    owed_before: Sums
    owed_after: Sums


@frozen(kw_only=True)
class Replayed:
    """All differences, and everything that is owed in the whole history under each version."""

    windows: tuple[WindowChange, ...]
    compared: int
    owed_before: Sums
    owed_after: Sums


_Key = tuple[str, Labels, Interval]


def replay(
    before: tuple[Sequence[Judgement], Sequence[LedgerEntry]],
    after: tuple[Sequence[Judgement], Sequence[LedgerEntry]],
    renamed: Renamed,
) -> Replayed:
    """Compares what was judged and booked under both versions, window by window."""
    old_judgements = [evolve(one, goal=renamed.goals.get(one.goal, one.goal)) for one in before[0]]
    old_entries = [
        evolve(
            one,
            cause=renamed.goals.get(one.cause, one.cause),
            debtor=renamed.parties.get(one.debtor, one.debtor),
            creditor=renamed.parties.get(one.creditor, one.creditor),
        )
        for one in before[1]
    ]
    verdicts = [{_key(one): one.verdict.value for one in found} for found in (old_judgements, after[0])]
    owed = [_by_window(found) for found in (old_entries, after[1])]
    keys = dict.fromkeys((*verdicts[1], *verdicts[0]))
    windows = [
        WindowChange(
            goal=key[0],
            labels=key[1],
            window=key[2],
            before=verdicts[0].get(key),
            after=verdicts[1].get(key),
            owed_before=sums(owed[0].get(key, ())),
            owed_after=sums(owed[1].get(key, ())),
        )
        for key in keys
    ]
    return Replayed(
        windows=tuple(one for one in windows if (one.before, one.owed_before) != (one.after, one.owed_after)),
        compared=len(windows),
        owed_before=sums(old_entries),
        owed_after=sums(after[1]),
    )


def _key(judgement: Judgement) -> _Key:
    return (judgement.goal, tuple(sorted(judgement.labels)), judgement.window)


def _by_window(entries: Iterable[LedgerEntry]) -> dict[_Key, list[LedgerEntry]]:
    found: dict[_Key, list[LedgerEntry]] = {}
    for entry in entries:
        found.setdefault((entry.cause, tuple(sorted(entry.labels)), entry.window), []).append(entry)
    return found


def sums(entries: Iterable[LedgerEntry]) -> Sums:
    """What is owed in all, by debtor, creditor and currency; what caps took back is taken off."""
    found: dict[tuple[str, str, str], Decimal] = {}
    for entry in entries:
        back = entry.kind == "cap"
        parties = (entry.creditor, entry.debtor) if back else (entry.debtor, entry.creditor)
        key = (*parties, entry.currency)
        found[key] = found.get(key, Decimal(0)) + (-entry.amount if back else entry.amount)
    return tuple(sorted((*key, amount) for key, amount in found.items() if amount))
