"""One process of several on a database: it judges or stands by, and goes from one to the other as often as it comes."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wsla.daemon.agreements import Found, find_agreements
from wsla.daemon.clock import SystemClock
from wsla.daemon.collecting import settle
from wsla.daemon.composing import Report
from wsla.daemon.config import Config
from wsla.daemon.daemon import Announce, Daemon, count
from wsla.daemon.reload import Changes, compare, remarks
from wsla.daemon.supervisor import Supervisor
from wsla.store.errors import StoreCorrupt, StoreError, StoreLocked, StoreReplaced, StoreTooNew
from wsla.store.postgres_place import is_postgres
from wsla.store.sqlite import Store

if TYPE_CHECKING:
    from wsla.daemon.member import Member

_MOST_FILES: Final = 65_536
_REST: Final = 1.0
"""Seconds until the next attempt, where what was to be taken over could not be read."""


def begin(
    paths: Sequence[str | Path],
    config: Config,
    store_url: str | None,
    say: Announce,
    environ: Mapping[str, str],
    started: Callable[[Daemon], None] | None,
    stands_by: Callable[[Member], None] | None,
    report: Report | None,
) -> int:
    """What ``run_daemon`` does, once it can say something."""
    clock = SystemClock()
    found = find_agreements(paths, within=config.within)
    changes = compare({}, found, config, environ, clock)
    if changes.messages:
        for message in changes.messages:
            say(message, logging.ERROR)
        return 1
    if not changes.added:
        say("There is no agreement in these files.", logging.ERROR)
        return 1
    remarked = len(remarks(found))
    if remarked:
        say(f"{count(remarked, 'remark')} on the agreements; `wsla check` shows them")
    for warning in changes.warnings:
        say(f"warning: {warning}", logging.WARNING)
    _raise_limit_on_files()
    url = store_url or config.store
    store: Store | None = None
    try:
        store = Store.open(url, writer=True)
    except StoreError as error:
        if not (isinstance(error, StoreLocked) and is_postgres(url)):
            say(str(error), logging.ERROR)
            return 1
        say(f"{error} This one stands by, and looks at a share of the sources.")
    turns = Turns(paths, url, environ, clock, say=say, started=started, stands_by=stands_by, report=report)
    try:
        return asyncio.run(turns.run(store, config, found, changes))
    except StoreError as error:
        say(str(error), logging.ERROR)
        return 1


class Turns:
    """``started`` is called whenever this process judges from then on, ``stands_by`` whenever it stands by."""

    def __init__(
        self,
        paths: Sequence[str | Path],
        url: str,
        environ: Mapping[str, str],
        clock: SystemClock,
        *,
        say: Announce,
        started: Callable[[Daemon], None] | None,
        stands_by: Callable[[Member], None] | None,
        report: Report | None,
    ) -> None:
        self._paths: Final = tuple(paths)
        self._url: Final = url
        self._environ: Final = environ
        self._clock: Final = clock
        self._say: Final = say
        self._started: Final = started
        self._stands_by: Final = stands_by
        self._report: Final = report
        self._store: Store | None = None
        self._stop: asyncio.Event
        self._supervisor: Supervisor

    async def run(self, store: Store | None, config: Config, found: Found, changes: Changes) -> int:
        """Judges where there is an open store, else stands by, in turns until it is told to stop; returns the exit
        code. Raises StoreError."""
        self._store = store
        self._stop = asyncio.Event()
        self._supervisor = Supervisor(self._environ)
        first = store is not None
        try:
            while True:
                if self._store is None:
                    member = await self._stand_by(config, found, changes)
                    if member is None:
                        return 0
                    config, found, changes = member.config, member.found, member.changes
                    del member
                over = await self._judge(config, found, changes, first)
                if isinstance(over, int):
                    return over
                first = False
                config, found, changes = over
                store, self._store = self._store, None
                if store is not None:
                    await asyncio.to_thread(store.close)
                    del store
                # What the turn that is over left behind goes now: nothing of it is looked at any more.
                settle()
        finally:
            self._supervisor.close()
            if self._store is not None:
                self._store.close()

    async def _stand_by(self, config: Config, found: Found, changes: Changes) -> Member | None:
        """The member once it keeps the store; None where it was told to stop."""
        from wsla.daemon.member import Member

        member = Member(
            self._paths,
            config,
            self._url,
            found,
            changes,
            self._environ,
            self._clock,
            tell=self._say,
            stop=self._stop,
        )
        self._supervisor.ready("standing by")
        if self._stands_by is not None:
            self._stands_by(member)
        self._store = await member.run()
        return None if self._store is None else member

    async def _judge(
        self, config: Config, found: Found, changes: Changes, first: bool
    ) -> int | tuple[Config, Found, Changes]:
        """The exit code; or what to stand by with, where another one judges from now on."""
        assert self._store is not None
        daemon = Daemon(
            self._paths,
            config,
            self._store,
            say=self._say,
            environ=self._environ,
            clock=self._clock,
            stop=self._stop,
            report=self._report,
            supervisor=self._supervisor,
        )
        try:
            code = await daemon.run(found, changes, self._started)
        except (StoreCorrupt, StoreReplaced, StoreTooNew):
            raise
        except StoreError as error:
            # At the very start a store that cannot be read is a reason to end; later on it passes.
            if not is_postgres(self._url) or (first and not isinstance(error, StoreLocked)):
                raise
            self._say(f"{error} This one stands by again.", logging.WARNING)
            await asyncio.sleep(_REST)
            return config, found, changes
        return (daemon.config, *daemon.held()) if daemon.replaced else code


def _raise_limit_on_files() -> None:
    """Every probe that runs needs a file descriptor, and many systems give a process only 1,024 to begin with."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
