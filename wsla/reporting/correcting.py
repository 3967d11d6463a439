"""A correction of what a store holds: windows whose verdict was final are judged again with everything known by now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from wsla.reporting.stored import EARLIEST, LATEST

if TYPE_CHECKING:
    from wsla.api import Agreement
    from wsla.remedies.corrections import Correction
    from wsla.store.records import Batch, Observed
    from wsla.store.sqlite import Store
    from wsla.values.instants import Interval


@frozen(kw_only=True)
class Reconsidered:
    """What a correction finds, not stored yet; ``late`` counts the observations that came too late for a verdict,
    ``kept_from`` is the instant before which not all are kept, ``terms_from`` that at which the terms changed without
    another version's number (nanoseconds, None: never). ``versions`` are the verdicts of other agreements that are
    others by now than they were observed."""

    key: str
    agreement: Agreement
    found: Correction
    arrival: int
    late: int
    kept_from: int | None
    terms_from: int | None
    versions: tuple[Observed, ...] = ()

    def batch(self) -> Batch:
        """What is to be stored because of it, in one transaction."""
        from wsla.remedies.corrections import Withdrawn
        from wsla.store.records import Batch, Decided, Rejudged, Reviewed

        return Batch(
            observations=self.versions,
            decisions=(
                *(Decided(self.key, one) for one in self.found.entries),
                *(Decided(self.key, one) for one in self.found.intents),
            ),
            corrections=tuple(
                Rejudged(self.key, self.found.at, one.said.judgement, False)
                if isinstance(one.said, Withdrawn)
                else Rejudged(self.key, self.found.at, one.said)
                for one in self.found.changed
            ),
            reviews=(Reviewed(self.key, self.found.at, self.arrival),),
        )


def reconsider(
    store: Store, key: str, agreement: Agreement, at: int, versions: Sequence[Observed] = ()
) -> Reconsidered:
    """Judges again what was judged by an agreement in force, for a correction dated ``at``; ``versions`` are looked at
    as if they were stored. Raises StoreError."""
    from wsla.api import judge
    from wsla.daemon.recovery import judged_from, terms_from
    from wsla.remedies.corrections import Withdrawn, correct, judged_until

    plan = agreement.plan
    # A daemon may be writing: a verdict and what was booked with it are read as of one moment.
    with store.at_once():
        arrival = store.latest_arrival()
        history = store.agreement_history(key)
        start, terms = judged_from(history), terms_from(history)
        judged = list(store.judgements(key, EARLIEST, LATEST, final_only=True))
        # What another version has judged is that version's.
        own = [one for one in judged if one.window.end > start and one.goal in agreement.goals]
        said = [
            *own,
            *(
                one.judgement if one.exists else Withdrawn(one.judgement)
                for one in store.rejudged(key)
                if one.judgement.goal in agreement.goals
            ),
        ]
        prefix = (agreement.title.replace("%", "%25").replace("|", "%7C"), f"v{agreement.version}")
        booked = [
            entry
            for _, entry in store.entries(key, EARLIEST, LATEST)
            if tuple(entry.id.split("|")[:2]) == prefix
        ]
    until = max(start, judged_until(plan, said, at))
    known = {source.name for source in plan.sources}
    observations = (one for one in store.observations_that_stand(key, versions) if one.source in known)
    report = judge(agreement, observations, start, until)
    found = correct(plan, said, report.judgements, booked, at)
    kept_from = store.kept_from(key)
    return Reconsidered(
        key=key,
        agreement=agreement,
        versions=tuple(versions),
        found=_without_what_stands(found, agreement, kept_from, terms),
        arrival=arrival,
        late=store.late_observations(key),
        kept_from=kept_from,
        terms_from=terms,
    )


def _without_what_stands(
    found: Correction, agreement: Agreement, kept_from: int | None, terms: int | None
) -> Correction:
    """Without the windows that rest on observations that are no longer kept, and those that were final before the
    terms changed without another version's number: what was said of them stands."""
    from wsla.daemon.retention import reach

    far = None if kept_from is None else reach(agreement.plan)
    earliest = EARLIEST if kept_from is None or far is None else kept_from + far
    final_before = EARLIEST if terms is None else terms - agreement.plan.grace

    def stands(window: Interval | None) -> bool:
        return window is None or window.start < earliest or window.end <= final_before

    if earliest == final_before == EARLIEST:
        return found
    pairs = ((pair, pair.after or pair.before) for pair in found.changed)
    return evolve(
        found,
        changed=tuple(pair for pair, one in pairs if one is not None and not stands(one.window)),
        entries=tuple(entry for entry in found.entries if not stands(entry.window)),
        intents=tuple(intent for intent in found.intents if not stands(intent.window)),
    )
