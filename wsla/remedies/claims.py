"""What becomes of entries that have to be claimed: accrued, claimed, then issued or refused; or expired."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final, assert_never

from attrs import frozen

from wsla.remedies.decisions import LedgerEntry
from wsla.values.calendars import find_zone
from wsla.values.instants import format_instant


class ClaimState(Enum):
    """Where an entry stands. ``DUE`` is one that needs no claim; the last three are final."""

    DUE = "due"
    ACCRUED = "accrued"
    CLAIMED = "claimed"
    ISSUED = "issued"
    REFUSED = "refused"
    EXPIRED = "expired"

    @property
    def counts(self) -> bool:
        """True where the entry is a part of what is owed (M66)."""
        return self not in (ClaimState.REFUSED, ClaimState.EXPIRED)


class ClaimStep(Enum):
    """What somebody does about a credit: the creditor claims it, the debtor issues or refuses it."""

    CLAIMED = "claimed"
    ISSUED = "issued"
    REFUSED = "refused"


_LEADS_TO: Final = {
    ClaimStep.CLAIMED: ClaimState.CLAIMED,
    ClaimStep.ISSUED: ClaimState.ISSUED,
    ClaimStep.REFUSED: ClaimState.REFUSED,
}


@frozen(kw_only=True)
class ClaimEvent:
    """A step that was taken about the credit of an identity, at an instant (nanoseconds)."""

    entry: str
    step: ClaimStep
    at: int
    reason: str | None = None


class ClaimRefused(Exception):
    """A step that the entry's state does not allow. Its text is meant to be shown as it is."""


class Claims:
    """The steps taken so far, in the order in which they were taken."""

    def __init__(self, events: Iterable[ClaimEvent] = ()) -> None:
        self._events: Final[dict[str, list[ClaimEvent]]] = {}
        for event in events:
            self._events.setdefault(event.entry, []).append(event)

    def of(self, entry: LedgerEntry, at: int) -> tuple[ClaimEvent, ...]:
        """The steps about an entry up to and including an instant; a cap's and a refund's are those of its credit."""
        return tuple(event for event in self._events.get(credit_of(entry), ()) if event.at <= at)

    def state(self, entry: LedgerEntry, at: int) -> ClaimState:
        """Where an entry stands at an instant, by the steps taken until then (M66)."""
        if entry.claim_until is None:
            return ClaimState.DUE
        events = self.of(entry, at)
        if events:
            return _LEADS_TO[events[-1].step]
        return ClaimState.ACCRUED if at < entry.claim_until else ClaimState.EXPIRED

    def counted(self, entries: Iterable[LedgerEntry], at: int) -> list[LedgerEntry]:
        """The entries that are a part of what is owed at an instant, in their order."""
        return [entry for entry in entries if self.state(entry, at).counts]

    def take(self, entry: LedgerEntry, step: ClaimStep, at: int, reason: str | None, zone: str) -> ClaimEvent:
        """The step, noted. Raises ClaimRefused with the reason, in which times are shown in ``zone``."""
        event = ClaimEvent(entry=entry.id, step=step, at=at, reason=reason)
        self._check(entry, event, zone)
        self._events.setdefault(entry.id, []).append(event)
        return event

    def _check(self, entry: LedgerEntry, event: ClaimEvent, zone: str) -> None:
        if credit_of(entry) != entry.id:
            raise ClaimRefused(
                f"this entry ({entry.kind}) has no claim of its own: it goes with the credit {credit_of(entry)}"
            )
        if entry.claim_until is None:
            raise ClaimRefused("this entry needs no claim: it is owed as it was booked")

        def shown(instant: int) -> str:
            return format_instant(instant, find_zone(zone))

        taken = self._events.get(entry.id, [])
        last = taken[-1] if taken else None
        match event.step:
            case ClaimStep.CLAIMED:
                if last is not None:
                    raise ClaimRefused(f"this entry was {last.step.value} at {shown(last.at)}")
                if not in_time(entry, event.at):
                    if event.at < entry.window.start:
                        raise ClaimRefused(
                            f"this entry is for time that began at {shown(entry.window.start)}"
                        )
                    raise ClaimRefused(f"this entry had to be claimed before {shown(entry.claim_until)}")
            case ClaimStep.ISSUED | ClaimStep.REFUSED:
                if last is None:
                    raise ClaimRefused(
                        "this entry was not claimed; only what was claimed is issued or refused"
                    )
                if last.step is not ClaimStep.CLAIMED:
                    raise ClaimRefused(f"this entry was {last.step.value} at {shown(last.at)}")
                if event.at < last.at:
                    raise ClaimRefused(f"this entry was claimed at {shown(last.at)}, which is later")
            case _:
                assert_never(event.step)


def in_time(entry: LedgerEntry, at: int) -> bool:
    """True where a claim at an instant is neither before the entry's window nor at the deadline or later; True for
    what needs no claim."""
    return entry.claim_until is None or entry.window.start <= at < entry.claim_until


def credit_of(entry: LedgerEntry) -> str:
    """The identity of the credit or reward that an entry belongs to: its own, unless it is a cap's, a refund's or that
    of a correction of a credit booked before."""
    if entry.kind in ("credit", "reward"):
        return entry.id
    return f"{entry.id.rpartition('|')[0]}|0"
