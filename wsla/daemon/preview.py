"""What `wsla run` would do, worked out as it would work it out, without starting, asking or making anything."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen

from wsla.daemon.agreements import find_agreements
from wsla.daemon.bindings import PUSHED, ChannelPlan, Deployment
from wsla.daemon.clock import SystemClock
from wsla.daemon.config import Config
from wsla.daemon.reload import compare, remarks
from wsla.daemon.scheduler import phase_of
from wsla.plan.model import Plan, Recurring
from wsla.plan.recurring import next_due
from wsla.store.errors import StoreEmpty, StoreError
from wsla.store.location import check_place, parse_location
from wsla.store.postgres_place import is_postgres, place_of
from wsla.store.sqlite import Store
from wsla.values.calendars import find_zone
from wsla.values.instants import format_instant

_SENT: Final = "what others send over HTTP"
_SHOWN_WHOLE: Final = frozenset({"email", "log", "command"})


@frozen(kw_only=True)
class SourcePreview:
    """A source that would be looked at. Lengths are nanoseconds; ``phase`` is how much later than whole multiples of
    ``every`` a look takes place. What others send has neither.
    """

    name: str
    kind: str
    target: str
    every: int | None
    timeout: int | None
    phase: int | None


@frozen(kw_only=True)
class ChannelPreview:
    """Where messages to a party or its channel would go, or in ``nowhere`` why they would be dead letters."""

    name: str
    kind: str | None = None
    address: str | None = None
    nowhere: str | None = None


@frozen(kw_only=True)
class RecurringPreview:
    """A report that would be sent, or a review that people would be called to: ``next_at`` says when next, in the
    agreement's zone, None where there is none any more."""

    name: str
    targets: tuple[str, ...]
    next_at: str | None


@frozen(kw_only=True)
class AgreementPreview:
    """An agreement that would be kept. ``beside`` are the versions before it that would run beside it, by the files;
    the store may know of more."""

    title: str
    version: int
    file: str
    sources: tuple[SourcePreview, ...]
    channels: tuple[ChannelPreview, ...]
    recurring: tuple[RecurringPreview, ...] = ()
    beside: tuple[int, ...] = ()


@frozen(kw_only=True)
class Preview:
    """Everything that would run. ``problems`` would keep it from starting, ``warnings`` and ``remarks`` would not.

    ``store`` is the path of the store, None where there can be none; ``store_exists`` whether it is there.
    ``remarks`` counts what the checker remarks on the agreements.
    """

    agreements: tuple[AgreementPreview, ...]
    store: str | None
    store_exists: bool
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    remarks: int


def preview(
    paths: Sequence[str | Path], config: Config, store_url: str | None, environ: Mapping[str, str]
) -> Preview:
    """What `wsla run` would do with these files, this configuration and this store. Never raises for what is wrong."""
    found = find_agreements(paths, within=config.within)
    clock = SystemClock()
    changes = compare({}, found, config, environ, clock)
    problems = list(changes.messages)
    if not problems and not changes.added:
        problems.append("There is no agreement in these files.")
    store, exists = None, False
    try:
        store, exists = _look_at(store_url or config.store)
    except StoreError as error:
        problems.append(str(error))
    return Preview(
        agreements=tuple(_agreement(one, clock.now()) for one in changes.added),
        store=store,
        store_exists=exists,
        problems=tuple(problems),
        warnings=tuple(changes.warnings),
        remarks=len(remarks(found)),
    )


def _look_at(url: str) -> tuple[str, bool]:
    """The store of a URL in words for people, and whether it is there. Raises StoreError where it cannot be used."""
    if is_postgres(url):
        try:
            with Store.open(url, writer=False) as store:
                return store.path, True
        except StoreEmpty:
            return place_of(url).shown, False
    path = parse_location(url)
    check_place(path)
    exists = os.path.exists(path)
    if exists:
        Store.open(path, writer=False).close()
    return path, exists


def _agreement(deployment: Deployment, now: int) -> AgreementPreview:
    agreement = deployment.agreement
    return AgreementPreview(
        title=agreement.title,
        version=agreement.version,
        file=agreement.source.name,
        sources=tuple(
            SourcePreview(
                name=name,
                kind=plan.kind,
                target=plan.target.shown,
                every=plan.every,
                timeout=getattr(plan.target, "timeout", None),
                phase=phase_of(agreement.title, name, plan.every),
            )
            for name, plan in deployment.probes.items()
        )
        + tuple(
            SourcePreview(name=name, kind=PUSHED, target=_SENT, every=None, timeout=None, phase=None)
            for name in sorted(deployment.pushed)
        ),
        channels=tuple(_channel(name, plan) for name, plan in deployment.channels.items()),
        recurring=tuple(_recurring(agreement.plan, one, now) for one in agreement.plan.recurring),
        beside=tuple(one.agreement.version for one in deployment.before),
    )


def _recurring(plan: Plan, one: Recurring, now: int) -> RecurringPreview:
    at = next_due(plan, one, now)
    return RecurringPreview(
        name=one.name,
        targets=tuple(str(target) for target in one.targets),
        next_at=None if at is None else format_instant(at, find_zone(plan.zone)),
    )


def _channel(name: str, plan: ChannelPlan | str) -> ChannelPreview:
    if isinstance(plan, str):
        return ChannelPreview(name=name, nowhere=plan)
    return ChannelPreview(name=name, kind=plan.kind, address=_shown(plan))


def _shown(plan: ChannelPlan) -> str | None:
    """An address without what may be secret: of a web address the host, since tokens stand in its path."""
    if plan.kind in _SHOWN_WHOLE:
        return plan.address
    try:
        parts = urlsplit(plan.address)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"
