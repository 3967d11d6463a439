"""How the open windows of an agreement stand, from what is stored alone: for daemons that do not judge."""

from __future__ import annotations

import logging

from wsla.api import Agreement
from wsla.daemon.agreements import sha256_of
from wsla.engine import Engine, SnapshotError
from wsla.evaluation.verdicts import Judgement
from wsla.store.sqlite import Store
from wsla.values.observations import Observation

_log = logging.getLogger(__name__)

_END_OF_TIME = 2**63 - 1


def stored_standing(store: Store, agreement: Agreement, now: int) -> tuple[int, tuple[Judgement, ...]]:
    """The open windows, and the instant (nanoseconds) as of which they stand so: that of the latest observation.

    The engine's state is taken from where the one that judges noted it last, and goes on with what was stored since.
    Where none of this text is noted, verdicts stand as they were stored when they changed last. Raises StoreError.
    """
    title = agreement.title
    since: list[Observation] = []
    with store.at_once():
        snapshot = store.latest_snapshot(title)
        if snapshot is not None and snapshot[0].split("/")[0] == sha256_of(agreement):
            since = list(store.observations_after_snapshot(title))
        else:
            snapshot = None
    if snapshot is not None:
        try:
            return _continued(agreement, snapshot[1], snapshot[2], since)
        except SnapshotError as problem:
            _log.debug("“%s”: the noted state cannot be used: %s", title, problem)
        except Exception:
            _log.exception("“%s”: how it stands cannot be computed here", title)
    stored = [one for one in store.judgements(title, now, _END_OF_TIME) if not one.final]
    return now, tuple(stored)


def _continued(
    agreement: Agreement, at: int, state: object, since: list[Observation]
) -> tuple[int, tuple[Judgement, ...]]:
    engine = Engine.restore(agreement.plan, state)
    known = {source.name for source in agreement.plan.sources}
    for one in since:
        at = max(at, one.at)
        if one.source in known:
            engine.observe(one)
    engine.advance(at)
    return at, engine.judgements(at)
