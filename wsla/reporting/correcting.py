"""A correction of what a store holds: windows whose verdict was final are judged again with everything known by now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from wsla.reporting.stored import EARLIEST, LATEST

if TYPE_CHECKING:
    from wsla.api import Agreement
    from wsla.daemon.reigns import Reign
    from wsla.evaluation.verdicts import Judgement
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
    from wsla.daemon.recovery import terms_from
    from wsla.daemon.reigns import latest
    from wsla.remedies.corrections import Correction, Withdrawn, correct, judged_until

    # A daemon may be writing: a verdict and what was booked with it are read as of one moment.
    with store.at_once():
        arrival = store.latest_arrival()
        history = store.agreement_history(key)
        judged = list(store.judgements(key, EARLIEST, LATEST, final_only=True))
        rejudged = [one.judgement if one.exists else Withdrawn(one.judgement) for one in store.rejudged(key)]
        entries = [entry for _, entry in store.entries(key, EARLIEST, LATEST)]
    kept_from = store.kept_from(key)
    running = latest(history)
    parts: list[Correction] = []
    for place, reign in enumerate(running):
        one = agreement if len(running) == 1 else reign.agreement
        if one is None:
            continue
        own = _own_windows(running, place, judged)
        plan, start = one.plan, reign.start
        # What another version has judged is that version's.
        said = [
            *(x for x in judged if x.window.end > start and x.goal in one.goals and own(x)),
            *(
                x
                for x in rejudged
                if (about := x.judgement if isinstance(x, Withdrawn) else x).goal in one.goals and own(about)
            ),
        ]
        prefix = (one.title.replace("%", "%25").replace("|", "%7C"), f"v{one.version}")
        booked = [entry for entry in entries if tuple(entry.id.split("|")[:2]) == prefix]
        until = max(start, judged_until(plan, said, at))
        stored = store.observations_that_stand(key, versions)
        known = (x for observation in stored if (x := reign.own(observation)) is not None)
        report = judge(one, known, start, until)
        found = correct(plan, said, [x for x in report.judgements if own(x)], booked, at)
        parts.append(_without_what_stands(found, one, kept_from, terms_from(history, one.version)))
    return Reconsidered(
        key=key,
        agreement=agreement,
        versions=tuple(versions),
        found=Correction(
            at=at,
            changed=tuple(x for part in parts for x in part.changed),
            entries=tuple(x for part in parts for x in part.entries),
            intents=tuple(x for part in parts for x in part.intents),
        ),
        arrival=arrival,
        late=store.late_observations(key),
        kept_from=kept_from,
        terms_from=terms_from(history),
    )


def _own_windows(
    running: Sequence[Reign], place: int, judged: Sequence[Judgement]
) -> Callable[[Judgement], bool]:
    """Tells the windows of one of the versions that run from those of the others. A window that two of them have judged
    parts of (rule M70) is nobody's here: what was said of it stands."""
    if len(running) == 1:
        return lambda one: True
    starts = [
        EARLIEST if reign.agreement is None else reign.agreement.plan.effective_start for reign in running
    ]
    begin = EARLIEST if place == 0 else starts[place]
    end = min(starts[place + 1 :], default=LATEST)
    counted = Counter((one.goal, one.labels, one.window) for one in judged)
    parted = {which for which, count in counted.items() if count > 1}
    return lambda one: begin <= one.window.start < end and (one.goal, one.labels, one.window) not in parted


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
