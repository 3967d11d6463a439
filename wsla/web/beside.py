"""What can be seen of a daemon that stands by: itself, and everything else out of the database that all share."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Final

from attrs import frozen

from wsla.api import Agreement
from wsla.daemon.agreements import sha256_of
from wsla.daemon.lineage import Lineage
from wsla.daemon.member import Member
from wsla.daemon.post import Post
from wsla.daemon.pushing import Beat, Taken
from wsla.evaluation.verdicts import Judgement
from wsla.plan.model import Plan
from wsla.reporting.period import latest_standing
from wsla.reporting.stored import LATEST, beside
from wsla.store.errors import StoreError
from wsla.store.records import AgreementVersion, Observed
from wsla.store.sqlite import Store
from wsla.web.view import Seen, Sight

_FRESH_FOR: Final = 2.0
_SHARE: Final = 20
"""How many times as long as it took to find something out it is good for: looks come first."""


@frozen
class _Known:
    """An agreement as the one that judges has it in force: what it registered last, and the versions that run."""

    registered: AgreementVersion
    lineage: Lineage


class Beside(Sight):
    """A daemon that stands by. What it keeps is what its own files name, as the one that judges has taken it into
    force. What is sent goes to that one; what people do about messages goes into the store at once."""

    def __init__(self, member: Member, store_url: str) -> None:
        super().__init__(member, store_url)
        self._member: Final = member
        self._post: Final = Post(store_url, member.now)
        self._kept: dict[str, _Known] = {}
        self._kept_until = 0.0
        self._seen: Final[dict[str, tuple[float, Seen]]] = {}

    def titles(self) -> dict[str, Plan]:
        """See ``Sight``."""
        now = self.now()
        return {title: one.lineage.shown(now) for title, one in self._all().items()}

    def agreement(self, title: str) -> Seen | None:
        """See ``Sight``."""
        until, seen = self._seen.get(title, (0.0, None))
        if seen is not None and time.monotonic() < until:
            return seen
        one = self._all().get(title)
        if one is None:
            self._seen.pop(title, None)
            return None
        began, now = time.monotonic(), self.now()
        with self.store() as store:
            asked_at, windows = standing(store, one.lineage.newest, now)
        agreement = one.lineage.at(now)
        seen = Seen(
            title=title,
            plan=one.lineage.shown(now),
            version=agreement.version,
            text=agreement.text,
            sha256=sha256_of(agreement),
            failed=None,
            accepted=self._member.told_of(title),
            asked_at=asked_at,
            open_windows=windows,
        )
        took = time.monotonic() - began
        self._seen[title] = (time.monotonic() + max(_FRESH_FOR, _SHARE * took), seen)
        return seen

    def push(self, title: str, source: str, sent: Sequence[Observed]) -> Future[Taken]:
        """See ``Sight``."""
        return self._post.push(title, source, sent)

    def beat(self, title: str, source: str, *, good: bool) -> Future[Beat]:
        """See ``Sight``."""
        return self._post.beat(title, source, good=good)

    @contextmanager
    def noting(self) -> Iterator[Store]:
        """See ``Sight``; nothing is noted by a clock that is wrong."""
        if self._member.apart:
            raise StoreError(
                "This machine's clock and that of the database's server do not agree: say it to another daemon."
            )
        with super().noting() as store:
            yield store

    def _all(self) -> dict[str, _Known]:
        if time.monotonic() < self._kept_until:
            return self._kept
        mine = self._ask(self._member.titles)
        kept = {}
        with self.store() as store:
            for registered in store.agreements():
                if registered.key not in mine:
                    continue
                known = self._kept.get(registered.key)
                if known is None or known.registered != registered:
                    versions = beside(store, registered.key)
                    known = _Known(registered, Lineage(agreements=versions)) if versions else None
                if known is not None:
                    kept[registered.key] = known
        self._kept, self._kept_until = kept, time.monotonic() + _FRESH_FOR
        return kept


def standing(store: Store, agreement: Agreement, now: int) -> tuple[int, tuple[Judgement, ...]]:
    """The open windows, and the instant (nanoseconds) as of which they stand so. Where no state of the engine of this
    text is noted, verdicts stand as they were stored when they changed last. Raises StoreError."""
    # Between the noted state and what came since, another state may be noted.
    with store.at_once():
        found = latest_standing(store, agreement.title, agreement)
    if found is not None:
        return found.at, tuple(found.judgements)
    return now, tuple(one for one in store.judgements(agreement.title, now, LATEST) if not one.final)
