"""Who judged when: the versions of an agreement as they came into force, told by the texts that a store holds.

What came into force together at one instant runs side by side; what came alone took the place of all before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from weakref import WeakValueDictionary

from attrs import define, evolve, field, frozen

from wsla.api import Agreement, AgreementError
from wsla.daemon.agreements import alone, read_all, sha256_of
from wsla.daemon.lineage import stored_names
from wsla.diagnostics.source import SourceText
from wsla.plan.model import Plan
from wsla.plan.succession import in_succession
from wsla.store.records import AgreementVersion
from wsla.values.observations import Observation

_NEVER: Final = -(2**63)
_running: Final[WeakValueDictionary[tuple[str, int, str], Agreement]] = WeakValueDictionary()
"""Agreements by title, version and checksum: what was registered of those that run need not be checked once more."""


@frozen(kw_only=True)
class Reign:
    """A version while it judged. ``version`` is its last text, ``agreement`` what that says (None where this wsla does
    not accept it any more), bounded by the versions beside it.

    ``start`` is the instant from which it judged, ``switch`` that at which another took its place (None: it is in
    force). ``taken_over_at`` is the instant at which an amendment came that had taken effect before: what was final by
    then was judged without it.
    ``names`` say what its sources are called in the store.
    """

    version: AgreementVersion
    agreement: Agreement | None
    start: int
    switch: int | None = None
    taken_over_at: int | None = None
    names: Mapping[str, str] = field(factory=dict)

    def own(self, observation: Observation) -> Observation | None:
        """An observation of the store as this version takes it; None where it is of no source of it."""
        for declared, stored in self.names.items():
            if stored == observation.source:
                return observation if declared == stored else evolve(observation, source=declared)
        return None


@define
class _Member:
    version: AgreementVersion
    start: int
    taken_over_at: int | None = None


def reigns(history: Sequence[AgreementVersion]) -> list[Reign]:
    """All of them, in the order in which they came."""
    return [reign for group in successions(history) for reign in group]


def successions(history: Sequence[AgreementVersion]) -> list[tuple[Reign, ...]]:
    """Versions that ran side by side, the oldest first in each group; each group took the place of the one before."""
    found: list[tuple[Reign, ...]] = []
    current: list[_Member] = []
    for event in _events(history):
        at = event[0].at
        start = at - _grace(current[-1].version) if current else at
        going_on = _going_on(current, event, at, start)
        if going_on is not None:
            current = going_on
            continue
        if current:
            found.append(_closed(current, at))
        current = [_Member(version, start) for version in event]
    if current:
        found.append(_closed(current, None))
    return found


def latest(history: Sequence[AgreementVersion]) -> tuple[Reign, ...]:
    """The versions that are in force, the oldest first; none of an agreement that was never kept."""
    groups = successions(history)
    return groups[-1] if groups else ()


def remember(agreement: Agreement) -> None:
    """An agreement that runs alone is known when its text is asked for; an amendment may have been bounded."""
    if agreement.checked.amends is None:
        _running[agreement.title, agreement.version, sha256_of(agreement)] = agreement


def parsed(registered: AgreementVersion) -> Agreement | None:
    """The agreement as it was registered; None where this wsla no longer accepts its text."""
    known = _running.get((registered.title, registered.version, registered.sha256))
    if known is not None:
        return known
    try:
        agreements = read_all(SourceText(name=registered.title, text=registered.text))
    except AgreementError:
        return None
    same = [one for one in agreements if one.title == registered.title]
    exact = [one for one in same if one.version == registered.version]
    return alone((exact or same)[0]) if same else None


def _events(history: Sequence[AgreementVersion]) -> Iterator[list[AgreementVersion]]:
    event: list[AgreementVersion] = []
    for one in history:
        if event and not (one.at == event[-1].at and _follows(event[-1], one)):
            yield event
            event = []
        event.append(one)
    if event:
        yield event


def _follows(before: AgreementVersion, after: AgreementVersion) -> bool:
    agreement = parsed(after) if after.version > before.version else None
    return agreement is not None and agreement.checked.amends == before.version


def _going_on(
    current: Sequence[_Member], event: Sequence[AgreementVersion], at: int, start: int
) -> list[_Member] | None:
    """The versions that run from an event on, where those before go on; None where their places are taken."""
    common = 0
    while common < min(len(current), len(event)) and current[common].version.version == event[common].version:
        common += 1
    # An amendment may be taken back before it takes effect; afterwards another one takes its place.
    if common == 0 or any(_effective(one.version) < at for one in current[common:]):
        return None
    members = [_Member(text, one.start, one.taken_over_at) for one, text in zip(current, event, strict=False)]
    del members[common:]
    for text in event[common:]:
        if _effective(text) < at:
            for member in members:
                member.taken_over_at = member.taken_over_at or at
        members.append(_Member(text, start))
    return members


def _closed(members: Sequence[_Member], switch: int | None) -> tuple[Reign, ...]:
    agreements = bounded([parsed(one.version) for one in members])
    names = iter(stored_names([one.plan for one in agreements if one is not None]))
    return tuple(
        Reign(
            version=member.version,
            agreement=agreement,
            start=member.start,
            switch=switch,
            taken_over_at=member.taken_over_at,
            names={} if agreement is None else next(names),
        )
        for member, agreement in zip(members, agreements, strict=True)
    )


def bounded(agreements: Sequence[Agreement | None]) -> list[Agreement | None]:
    """Versions that run side by side, each bounded by the next; the first judges alone what was before the second."""
    known = [one for one in agreements if one is not None]
    if len(known) < 2:
        return list(agreements)
    plans = {
        plan.version: plan for plan in in_succession([_unbounded(one, one is known[0]) for one in known])
    }
    return [None if one is None else evolve(one, plan=plans[one.version]) for one in agreements]


def _unbounded(agreement: Agreement, first: bool) -> Plan:
    checked, plan = agreement.checked, agreement.plan
    begins = None if first or checked.amends is None or checked.takes_over else checked.effective_start
    return evolve(plan, judges_from=begins)


def _grace(version: AgreementVersion) -> int:
    agreement = parsed(version)
    return 0 if agreement is None else agreement.plan.grace


def _effective(version: AgreementVersion) -> int:
    agreement = parsed(version)
    return _NEVER if agreement is None else agreement.plan.effective_start
