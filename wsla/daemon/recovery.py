"""From what is stored to an engine that goes on where the last one ended, however that ended."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import pairwise
from typing import Final
from weakref import WeakValueDictionary

from attrs import define, field

from wsla.api import Agreement, AgreementError
from wsla.daemon.agreements import alone, read_all, sha256_of, state_version
from wsla.diagnostics.source import SourceText
from wsla.engine import Engine, Output, SnapshotError
from wsla.evaluation.stream import JudgementFinal
from wsla.plan.model import Plan
from wsla.plan.rests import sources_of_goals
from wsla.remedies.decisions import Intent, LedgerEntry
from wsla.store.records import AgreementVersion, Batch, Decided, Judged
from wsla.store.sqlite import Store

_log = logging.getLogger(__name__)

_END_OF_TIME: Final = 2**63 - 1
_PIECE: Final = 5_000
_running: Final[WeakValueDictionary[tuple[str, str], Agreement]] = WeakValueDictionary()
"""Agreements by title and checksum: what was registered of those that run need not be checked once more."""


@define
class Recovered:
    """An engine up to date.

    ``state`` says what its snapshots are good for; ``latest`` is the latest instant that it knows of; ``outputs`` are
    what it said last, not stored yet.
    """

    engine: Engine
    state: str
    latest: int
    outputs: list[Output] = field(factory=list)


def recover(store: Store, agreement: Agreement, until: int) -> Recovered:
    """An engine for an agreement, with everything that is stored, its time at ``until``.

    A version that the store does not know comes into force at ``until``: the version before it judges the windows that
    were final by then, the new one all later ones. What engines say is stored; all of it may have been stored before,
    and is the same then. Raises StoreError.
    """
    title = agreement.title
    _running[title, sha256_of(agreement)] = agreement
    # The machine's clock may have been set back since: what was said of later time was said all the same.
    said = _said_last(store, agreement)
    until = max(until, said)
    history = store.agreement_history(title)
    if not history or history[-1].sha256 != sha256_of(agreement):
        registration = AgreementVersion(
            key=title,
            title=title,
            version=agreement.version,
            text=agreement.text,
            sha256=sha256_of(agreement),
            at=until,
        )
        if history and history[-1].version != agreement.version:
            _settle(store, history, until)
        store.write(Batch(agreements=(registration,)))
        history = [*history, registration]
    start = judged_from(history)
    state = state_version(agreement, start)
    engine, latest = _restored(store, agreement, state)
    said_until: int | None = None
    if engine is None:
        # What was said under other words of the same version was stored with that state, and stays as it is.
        said_until = _said_until(store, title, state)
        kept_from = store.kept_from(title)
        if kept_from is not None and kept_from > start:
            # What rests on observations that are no longer kept was said and stored long ago; it is not said anew.
            start, said_until = kept_from, store.snapshot_at(title)
        engine = Engine(agreement.plan, start)
        observations = store.observations(title, agreement.plan.effective_start, _END_OF_TIME, late=False)
    else:
        observations = store.observations_after_snapshot(title)
    known = {source.name for source in agreement.plan.sources}
    outputs: list[Output] = []
    for observation in observations:
        if said_until is not None and observation.at > said_until:
            engine.advance(said_until)
            outputs.clear()
            said_until = None
        latest = max(latest, observation.at)
        if observation.source in known:
            outputs.extend(engine.observe(observation))
        if said_until is not None:
            outputs.clear()
        if len(outputs) >= _PIECE:
            _store(store, agreement.plan, outputs)
            outputs.clear()
    if said_until is not None:
        engine.advance(min(said_until, until))
        outputs.clear()
    outputs.extend(engine.advance(until))
    for begin in range(0, len(outputs) - _PIECE, _PIECE):
        _store(store, agreement.plan, outputs[begin : begin + _PIECE])
    return Recovered(
        engine=engine,
        state=state,
        latest=max(latest, said),
        outputs=outputs[-_PIECE:],
    )


def judged_from(history: list[AgreementVersion]) -> int:
    """From when the latest version judges: windows that were final before that are those of the version before it."""
    number = history[-1].version
    first = len(history) - 1
    while first > 0 and history[first - 1].version == number:
        first -= 1
    if first == 0:
        return history[0].at
    before = parsed(history[first - 1])
    return history[first].at - (0 if before is None else before.plan.grace)


def terms_from(history: list[AgreementVersion]) -> int | None:
    """Since when the latest version has the terms that it has now; None where it never had others."""
    now = parsed(history[-1])
    for earlier, later in reversed(list(pairwise(history))):
        if earlier.version != history[-1].version:
            return None
        before = parsed(earlier)
        if now is None or before is None or before.plan != now.plan:
            return later.at
    return None


def _settle(store: Store, history: list[AgreementVersion], until: int) -> None:
    """Lets the version that was in force judge up to the instant at which another takes its place."""
    before = parsed(history[-1])
    if before is None:
        _log.warning(
            "“%s”: the text of version %d cannot be read any more; what it had not judged is left to the new one",
            history[-1].title,
            history[-1].version,
        )
        return
    recovered = recover(store, before, until)
    _store(store, before.plan, recovered.outputs)


def parsed(registered: AgreementVersion) -> Agreement | None:
    """The agreement as it was registered; None where this wsla no longer accepts its text."""
    known = _running.get((registered.title, registered.sha256))
    if known is not None:
        return known
    try:
        agreements = read_all(SourceText(name=registered.title, text=registered.text))
    except AgreementError:
        return None
    return next((alone(one) for one in agreements if one.title == registered.title), None)


def _restored(store: Store, agreement: Agreement, state: str) -> tuple[Engine | None, int]:
    snapshot = store.latest_snapshot(agreement.title)
    if snapshot is None:
        return None, 0
    if snapshot[0] != state:
        _log.info(
            "“%s”: the noted state is that of another text or program; it is computed anew from the observations",
            agreement.title,
        )
        return None, 0
    try:
        return Engine.restore(agreement.plan, snapshot[2]), snapshot[1]
    except SnapshotError as problem:
        _log.warning(
            "“%s”: the noted state cannot be used (%s); it is computed anew from the observations",
            agreement.title,
            problem,
        )
        return None, 0


def _said_last(store: Store, agreement: Agreement) -> int:
    """The latest instant of which something is known to have been said or done; 0 where there is none."""
    title = agreement.title
    noted = store.snapshot_at(title) or 0
    history = store.agreement_history(title)
    if not history:
        return noted
    # A verdict was said by the terms of its time, which may have waited longer for it, or less long, than those of now.
    texts = [parsed(one) for one in history if one.version == history[-1].version]
    grace = min((one.plan.grace for one in texts if one is not None), default=0)
    start = judged_from(history)
    ends = [
        one.window.end + grace
        for one in store.judgements(title, max(noted - grace, start), _END_OF_TIME, final_only=True)
        if one.window.end > start
    ]
    acts = [intent.at for _, intent in store.intents(title, noted, _END_OF_TIME)]
    return max(noted, history[-1].at, *ends, *acts)


def _said_until(store: Store, title: str, state: str) -> int | None:
    """Until when another engine has said everything from the same start; None where there was none."""
    snapshot = store.latest_snapshot(title)
    if snapshot is None or snapshot[0].split("/")[1:2] != state.split("/")[1:2]:
        return None
    return snapshot[1]


def _store(store: Store, plan: Plan, outputs: Sequence[Output]) -> None:
    """Stores verdicts and decisions; what was said of open windows on the way is said again at the end."""
    sources = sources_of_goals(plan)
    judgements = tuple(
        Judged(plan.title, one.judgement, sources.get(one.judgement.goal))
        for one in outputs
        if isinstance(one, JudgementFinal)
    )
    decisions = tuple(Decided(plan.title, one) for one in outputs if isinstance(one, Intent | LedgerEntry))
    if judgements or decisions:
        store.write(Batch(judgements=judgements, decisions=decisions))
