"""From what is stored to an engine that goes on where the last one ended, however that ended."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from attrs import define, evolve, field, frozen

from wsla.api import Agreement
from wsla.daemon.agreements import sha256_of, state_version
from wsla.daemon.lineage import Lineage, RestsOn, judged_to, over_at
from wsla.daemon.reigns import Reign, latest, parsed, remember, successions
from wsla.daemon.versions import (
    Judging,
    Member,
    Said,
    TakenOver,
    Versions,
    bounded_state,
    said_by,
    state_beside,
    states_of,
)
from wsla.engine import Engine, SnapshotError
from wsla.evaluation.stream import JudgementFinal
from wsla.plan.model import Plan
from wsla.remedies.decisions import Intent, LedgerEntry
from wsla.store.records import AgreementVersion, Batch, Decided, Judged
from wsla.store.sqlite import Store

_log = logging.getLogger(__name__)

_BEGINNING_OF_TIME: Final = -(2**63)
_END_OF_TIME: Final = 2**63 - 1
_PIECE: Final = 5_000


@define
class Recovered:
    """An engine up to date, or the engines of several versions as one.

    ``state`` says what its snapshots are good for; ``latest`` is the latest instant that it knows of; ``outputs`` are
    what it said last, not stored yet.
    """

    engine: Judging
    state: str
    latest: int
    outputs: list[Said] = field(factory=list)


@frozen
class _Version:
    """A version that is to be brought up to date. ``state`` is what its snapshots are good for, ``start`` the first
    instant that it judges, ``declared`` what it calls the sources of the store."""

    plan: Plan
    state: str
    start: int
    declared: Mapping[str, str]
    rests_on: RestsOn
    place: int = 0


@define
class _CaughtUp:
    """The engine of a version with everything that is stored; see ``Recovered``."""

    engine: Engine
    latest: int
    outputs: list[Said]


def recover(store: Store, agreement: Agreement, until: int, before: Sequence[Agreement] = ()) -> Recovered:
    """An engine for an agreement, with everything that is stored, its time at ``until``.

    A version that the store does not know comes into force at ``until``: the version before it judges the windows that
    were final by then, the new one all later ones. Versions ``before``, the oldest first, run beside it, each bounded
    by the next (rules M69 and M70). What engines say is stored; all of it may have been stored before, and is the same
    then. Raises StoreError.
    """
    lineage = Lineage(agreements=(*before, agreement))
    title = agreement.title
    if not before:
        remember(agreement)
    history = store.agreement_history(title)
    # The machine's clock may have been set back since: what was said of later time was said all the same.
    said = _said_last(store, title, history)
    until = max(until, said)
    known, texts = latest(history), registrations(lineage, until)
    if [_text_of(one.version) for one in known] != [_text_of(one) for one in texts]:
        following = [*history, *texts]
        if known and len(successions(following)) > len(successions(history)):
            _settle(store, known, until)
        store.write(Batch(agreements=texts))
        history = following
    starts = [reign.start for reign in latest(history)]
    if before:
        return _recover_beside(store, lineage, starts, until, said)
    [start] = starts
    version = _Version(
        agreement.plan,
        state_version(agreement, start),
        start,
        {name: name for name in lineage.sources},
        lineage.rests_on(),
    )
    caught = _caught_up(store, version, store.latest_snapshot(title), until)
    return Recovered(
        engine=caught.engine,
        state=version.state,
        latest=max(caught.latest, said),
        outputs=caught.outputs,
    )


def _recover_beside(
    store: Store, lineage: Lineage, starts: Sequence[int], until: int, said: int
) -> Recovered:
    """The engines of several versions; each is brought up to date by itself."""
    noted = states_of(store.latest_snapshot(lineage.newest.title))
    rests_on = lineage.rests_on()
    members: list[Member] = []
    outputs: list[Said] = []
    reached = said
    together = zip(lineage.agreements, lineage.names, starts, strict=True)
    for place, (agreement, names, start) in enumerate(together):
        plan = agreement.plan
        state = bounded_state(agreement, start)
        declared = {stored: name for name, stored in names.items()}
        own = noted.get(plan.version)
        engine: Engine | None = None
        # What a version had to say it has said, whatever program computes it.
        is_over = own is not None and own[2] is None and _terms_of(own[0]) == _terms_of(state)
        if not is_over:
            caught = _caught_up(store, _Version(plan, state, start, declared, rests_on, place), own, until)
            engine, reached = caught.engine, max(reached, caught.latest)
            outputs += caught.outputs
        members.append(
            Member(
                plan=plan,
                state=state,
                declared=declared,
                engine=engine,
                start=start,
                over_at=over_at(plan),
                judged_to=judged_to(plan),
            )
        )
    engines = Versions(members, max(until, reached))
    engines.end(until)
    return Recovered(
        engine=engines,
        state=state_beside([one.state for one in members]),
        latest=reached,
        outputs=outputs,
    )


def _terms_of(state: str) -> str:
    return state.rpartition("/")[0]


def registrations(lineage: Lineage, at: int) -> tuple[AgreementVersion, ...]:
    """The texts of versions that come into force together at an instant."""
    return tuple(
        AgreementVersion(
            key=one.title,
            title=one.title,
            version=one.version,
            text=one.text,
            sha256=sha256_of(one),
            at=at,
            beside=len(lineage.agreements) > 1,
        )
        for one in lineage.agreements
    )


def _text_of(version: AgreementVersion) -> tuple[int, str]:
    return version.version, version.sha256


def _caught_up(store: Store, version: _Version, noted: tuple[str, int, Any] | None, until: int) -> _CaughtUp:
    """Brings a version up to date from its state as it was noted, if it was, and what was observed since."""
    plan, title, start = version.plan, version.plan.title, version.start
    engine, reached = _restored(version, noted)
    said_until: int | None = None
    if engine is None:
        # What was said under other words of the same version was stored with that state, and stays as it is.
        said_until = _said_until(store, title, start)
        kept_from = store.kept_from(title)
        if kept_from is not None and kept_from > start:
            # What rests on observations that are no longer kept was said and stored long ago; it is not said anew.
            start, said_until = kept_from, store.snapshot_at(title)
        engine = Engine(plan, start)
        # An amendment knows what was observed last before it took effect.
        since = plan.effective_start if plan.judges_from is None else _BEGINNING_OF_TIME
        observations = store.observations(title, since, _END_OF_TIME, late=False)
    else:
        observations = store.observations_after_snapshot(title)
    outputs: list[Said] = []
    for observation in observations:
        if said_until is not None and observation.at > said_until:
            engine.advance(said_until)
            outputs.clear()
            said_until = None
        reached = max(reached, observation.at)
        name = version.declared.get(observation.source)
        if name is not None:
            own = observation if name == observation.source else evolve(observation, source=name)
            outputs.extend(said_by(plan, version.place, engine.observe(own)))
        if said_until is not None:
            outputs.clear()
        if len(outputs) >= _PIECE:
            _store(store, version, outputs)
            outputs.clear()
    if said_until is not None:
        engine.advance(min(said_until, until))
        outputs.clear()
    outputs.extend(said_by(plan, version.place, engine.advance(until)))
    for begin in range(0, len(outputs) - _PIECE, _PIECE):
        _store(store, version, outputs[begin : begin + _PIECE])
    return _CaughtUp(engine, reached, outputs[-_PIECE:])


def judged_from(history: Sequence[AgreementVersion]) -> int:
    """From when the latest version judges: windows that were final before that are those of the version before it."""
    return latest(history)[-1].start


def terms_from(history: Sequence[AgreementVersion], number: int | None = None) -> int | None:
    """Since when the latest version, or that of a number among those that run, has the terms that it has now; None
    where it never had others."""
    last = history[-1].version if number is None else number
    if len(latest(history)) > 1:
        history = [one for one in history if one.version == last]
    now = parsed(history[-1])
    for earlier, later in reversed(list(pairwise(history))):
        if earlier.version != last:
            return None
        before = parsed(earlier)
        if now is None or before is None or before.plan != now.plan:
            return later.at
    return None


def _settle(store: Store, known: Sequence[Reign], until: int) -> None:
    """Lets the versions that were in force judge up to the instant at which another takes their place."""
    agreements = [one.agreement for one in known if one.agreement is not None]
    if len(agreements) < len(known):
        _log.warning(
            "“%s”: the text of version %d cannot be read any more; what it had not judged is left to the new one",
            known[-1].version.title,
            next(one.version.version for one in known if one.agreement is None),
        )
        return
    *before, newest = agreements
    recovered = recover(store, newest, until, before)
    rests_on = Lineage(agreements=tuple(agreements)).rests_on()
    _write(store, newest.title, rests_on, recovered.outputs)


def _restored(version: _Version, noted: tuple[str, int, Any] | None) -> tuple[Engine | None, int]:
    title = version.plan.title
    if noted is None:
        return None, 0
    state, at, content = noted
    if state != version.state:
        _log.info(
            "“%s”: the noted state is that of another text or program; it is computed anew from the observations",
            title,
        )
        return None, 0
    try:
        return Engine.restore(version.plan, content), at
    except SnapshotError as problem:
        _log.warning(
            "“%s”: the noted state cannot be used (%s); it is computed anew from the observations",
            title,
            problem,
        )
        return None, 0


def _said_last(store: Store, title: str, history: Sequence[AgreementVersion]) -> int:
    """The latest instant of which something is known to have been said or done; 0 where there is none."""
    noted = store.snapshot_at(title) or 0
    if not history:
        return noted
    # A verdict was said by the terms of its time, which may have waited longer for it, or less long, than those of now.
    known = latest(history)
    numbers = {one.version.version for one in known}
    texts = [parsed(one) for one in history if one.version in numbers]
    grace = min((one.plan.grace for one in texts if one is not None), default=0)
    start = min(one.start for one in known)
    ends = [
        one.window.end + grace
        for one in store.judgements(title, max(noted - grace, start), _END_OF_TIME, final_only=True)
        if one.window.end > start
    ]
    acts = [intent.at for _, intent in store.intents(title, noted, _END_OF_TIME)]
    return max(noted, history[-1].at, *ends, *acts)


def _said_until(store: Store, title: str, start: int) -> int | None:
    """Until when another engine has said everything from the same start; None where there was none."""
    snapshot = store.latest_snapshot(title)
    starts = [] if snapshot is None else snapshot[0].split("/")[1:2]
    if snapshot is None or not any(str(start) in one.split("+") for one in starts):
        return None
    return snapshot[1]


def _store(store: Store, version: _Version, outputs: Sequence[Said]) -> None:
    _write(store, version.plan.title, version.rests_on, outputs)


def _write(store: Store, title: str, rests_on: RestsOn, outputs: Sequence[Said]) -> None:
    """Stores verdicts and decisions; what was said of open windows on the way is said again at the end."""
    judgements: list[Judged] = []
    for said in outputs:
        if isinstance(said, TakenOver):
            final, version, place = said.output, said.version, said.place
            if isinstance(final, JudgementFinal):
                sources = rests_on(final.judgement, place)
                judgements.append(Judged(title, final.judgement, sources, version))
        elif isinstance(said, JudgementFinal):
            judgements.append(Judged(title, said.judgement, rests_on(said.judgement, None)))
    decisions = tuple(Decided(title, one) for one in outputs if isinstance(one, Intent | LedgerEntry))
    if judgements or decisions:
        store.write(Batch(judgements=tuple(judgements), decisions=decisions))
