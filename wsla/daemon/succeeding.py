"""An amendment that was put into the place of what it amends: the version before it goes on from the store's text."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from attrs import evolve

from wsla.api import Agreement
from wsla.daemon.bindings import Deployment, deploy_together
from wsla.daemon.config import Config
from wsla.daemon.keeper import Complete
from wsla.daemon.recovery import Recovered, recover
from wsla.daemon.reigns import latest
from wsla.ports import Clock
from wsla.store.sqlite import Store

_log = logging.getLogger(__name__)


def recover_all(
    store: Store, deployments: Sequence[Deployment], until: int, complete: Complete
) -> tuple[list[Deployment], dict[str, Recovered]]:
    """Agreements as ``complete`` makes them whole, and their engines by title, at a start. Raises StoreError."""
    whole = [complete(store, one) for one in deployments]
    return whole, {
        one.agreement.title: recover(
            store, one.agreement, until, [earlier.agreement for earlier in one.before]
        )
        for one in whole
    }


def with_stored(
    store: Store, deployment: Deployment, config: Config, environ: Mapping[str, str], clock: Clock
) -> Deployment:
    """An agreement with the versions before it that are in force by the store, and in no file. Raises StoreError."""
    given = [one.agreement for one in deployment.versions]
    first = given[0]
    if first.checked.amends is None:
        return deployment
    known = _before(first, [one.agreement for one in latest(store.agreement_history(first.title))])
    if not known:
        return deployment
    # Paths in it start from where the amendment stands.
    place = first.source.name
    earlier = [evolve(one, source=evolve(one.source, name=place)) for one in known]
    # What keeps an earlier version from looking somewhere must not keep the one in the files from running.
    together, problems, _ = deploy_together([*earlier, *given], config, environ, clock)
    for problem in problems:
        _log.warning("%s (version %d and before, by the store)", problem, earlier[-1].version)
    return together


def _before(first: Agreement, known: list[Agreement | None]) -> list[Agreement]:
    """Those of the versions in force that come before a version, the one that it amends last."""
    found: list[Agreement] = []
    for one in known:
        if one is None or one.plan.effective_start >= first.plan.effective_start:
            return []
        found.append(one)
        if one.version == first.checked.amends:
            return found
    return []
