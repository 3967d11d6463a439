"""Reads the files anew, when asked or when they changed: one state of all of them is taken as a whole or not at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from attrs import evolve, field, frozen

from wsla.api import Agreement
from wsla.channels.trust import trusted_context
from wsla.daemon.agreements import Found, files_of, find_agreements
from wsla.daemon.bindings import Deployment
from wsla.daemon.config import Config, ConfigError, load_config
from wsla.daemon.http_config import Http
from wsla.daemon.keeper import Keeper
from wsla.daemon.reload import Changes, compare
from wsla.daemon.watching import Contents, Looks, Watching
from wsla.ports import Clock

_log = logging.getLogger(__name__)

_TRIES: Final = 5
_BETWEEN_TRIES: Final = 0.2


class Answering(Protocol):
    """What answers over HTTP, as far as a reload concerns it."""

    def prepare(self, settings: Http | None) -> Callable[[], None]:
        """Whatever may fail before other settings hold; what is returned makes them hold. Raises ValueError."""

    def end_soon(self) -> None:
        """No new requests are taken; what is being answered has a moment."""


@frozen(kw_only=True)
class Reading:
    """One state of all files, read together: ``contents``. ``problems`` are those of the configuration, which is the
    one before then."""

    config: Config
    problems: tuple[str, ...]
    found: Found
    changes: Changes
    contents: Contents


@frozen(kw_only=True)
class Standing:
    """How reading went: how often, what is wrong since the last time, and when all was sound last (nanoseconds)."""

    reloads: int = 0
    broken: tuple[str, ...] = ()
    sound_at: int = field(default=0)


class Reloading:
    """Keeps what runs in step with the files. Used in the loop of the daemon; one reload at a time, the last one wins.

    ``trouble`` says why the store cannot be written, None where it can; ``taken`` is called when a configuration holds.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        config: Config,
        environ: Mapping[str, str],
        clock: Clock,
        keeper: Keeper,
        *,
        tell: Callable[[str], None],
        trouble: Callable[[], str | None],
        taken: Callable[[], None],
        watches: bool = True,
    ) -> None:
        self.config = config
        self.standing = Standing()
        self.answering: Answering | None = None
        self._paths: Final = tuple(paths)
        self._environ: Final = environ
        self._clock: Final = clock
        self._keeper: Final = keeper
        self._tell: Final = tell
        self._trouble: Final = trouble
        self._taken: Final = taken
        self._watches: Final = watches
        self._asked: Final = asyncio.Event()
        self._by_hand = False
        self._postponed = False
        self._known: Mapping[str, tuple[Agreement, ...]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._watching: Final = Watching(
            self._names, self._noticed, wanted=lambda: self.config.reload_on_change
        )

    def start(self, found: Found) -> None:
        """Begin: what was found at the start runs by now."""
        self._loop = asyncio.get_running_loop()
        self._known = found.read
        settings = Looks().look(self._settings())
        self._watching.taken = {**found.checksums, **settings}
        self.standing = Standing(sound_at=self._clock.now())
        self._task = self._loop.create_task(self._run(), name="reload")
        if self._watches:
            self._watching.start()

    def stop(self) -> None:
        """End; what is read at the moment is not taken any more."""
        self._watching.stop()
        if self.answering is not None:
            self.answering.end_soon()
        if self._task is not None:
            self._task.cancel()

    def ask(self) -> None:
        """Read the files anew. Asked for again while it reads, it reads once more afterwards."""
        self._by_hand = True
        self._asked.set()

    def store_is_well(self) -> None:
        """What waited for the store is read again."""
        if self._postponed:
            self.ask()

    # Looking

    def _settings(self) -> list[str]:
        return [] if self.config.path is None else [self.config.path, *self.config.files]

    def _names(self) -> Iterable[str]:
        """Called from another thread: all files whose content matters."""
        taken = self._watching.taken or {}
        return dict.fromkeys([*files_of(self._paths)[0], *taken])

    def _noticed(self) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._asked.set)
        except RuntimeError:
            _log.debug("the loop has ended meanwhile")

    # Reading

    async def _run(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            by_hand, self._by_hand = self._by_hand, False
            try:
                done = await self._reload(by_hand)
            except Exception:
                _log.exception(
                    "the reload failed; everything stays as it was where it had not been changed yet"
                )
                self._tell("The reload failed; see the log.")
                done = True
                # Where a locked store was the reason, it is tried again once the store can be written.
                self._postponed = True
            if done:
                self.standing = evolve(self.standing, reloads=self.standing.reloads + 1)

    async def _reload(self, by_hand: bool) -> bool:
        """One reload; False where there was nothing to do, or not yet."""
        reading = None
        running = {title: kept.deployment for title, kept in self._keeper.agreements.items()}
        for _ in range(_TRIES):
            reading = await asyncio.to_thread(self._read, running)
            if reading is not None:
                break
            await asyncio.sleep(_BETWEEN_TRIES)
        if reading is None:
            if by_hand:
                self._tell("The files change while they are read; they are taken once they hold still.")
                self._by_hand = True
                self._loop_later()
            return False
        if not by_hand and reading.contents == self._watching.taken:
            return False
        if self._trouble() is not None:
            self._tell("The files changed; they are taken once the store can be written again.")
            self._watching.taken = reading.contents
            self._postponed = True
            return False
        self._postponed = False
        self._watching.taken = reading.contents
        problems = [*reading.problems, *reading.changes.messages]
        settle: Callable[[], None] | None = None
        if not problems and reading.config.http != self.config.http:
            try:
                settle = self._prepare_http(reading.config.http)
            except ValueError as problem:
                problems.append(str(problem))
        for message in problems:
            self._tell(message)
        if problems:
            self.standing = evolve(self.standing, broken=tuple(problems))
            self._tell("read again: something is wrong, and everything stays as it was until it is mended")
            return True
        await self._take(reading, settle)
        return True

    def _loop_later(self) -> None:
        assert self._loop is not None
        self._loop.call_later(1, self._asked.set)

    def _read(self, running: Mapping[str, Deployment]) -> Reading | None:
        """Called in another thread: one state of all files; None where they changed meanwhile."""
        looks = Looks()
        settings = self._settings()
        while True:
            before = looks.look(settings)
            config, files = self.config, self.config.files
            problems: tuple[str, ...] = ()
            if self.config.path is not None:
                try:
                    config = load_config(self.config.path, self._environ)
                    files = config.files
                except ConfigError as error:
                    problems, files = error.problems, error.files
                files = (self.config.path, *files)
            if set(files) <= set(settings):
                break
            settings = list(files)
        found = find_agreements(self._paths, self._known, config.within)
        changes = compare(running, found, config, self._environ, self._clock)
        prepare_channels(changes)
        contents = {**found.checksums, **{name: before[name] for name in files}}
        after = looks.look(dict.fromkeys([*files_of(self._paths)[0], *contents]))
        if after != contents:
            return None
        return Reading(config=config, problems=problems, found=found, changes=changes, contents=contents)

    # Taking

    def _prepare_http(self, settings: Http | None) -> Callable[[], None] | None:
        if self.answering is not None:
            return self.answering.prepare(settings)
        self._tell("What changed in [http] takes a new start.")
        return None

    async def _take(self, reading: Reading, settle: Callable[[], None] | None) -> None:
        changes = reading.changes
        for warning in changes.warnings:
            self._tell(f"warning: {warning}")
        for name in _fixed(self.config, reading.config):
            self._tell(f"{name} is read at the start only; what changed there takes a new start.")
        self.config = reading.config
        self._known = reading.found.read
        await self._keeper.apply(changes)
        # What the store kept from being taken is tried again with it.
        self._postponed = self._trouble() is not None
        if settle is not None:
            settle()
        self._taken()
        self.standing = evolve(self.standing, broken=(), sound_at=self._clock.now())
        done = [
            f"{len(which)} {'agreement' if len(which) == 1 else 'agreements'} {what}"
            for what, which in (
                ("added", changes.added),
                ("changed", [*changes.changed, *changes.adjusted]),
                ("removed", changes.removed),
            )
            if which
        ]
        self._tell(f"read again: {', '.join(done) or 'nothing changed'}")


def prepare_channels(changes: Changes) -> None:
    """Loads what webhooks need, which takes a few hundred milliseconds that no probe should have to wait."""
    begun = [*changes.added, *changes.changed, *changes.adjusted]
    plans = [plan for one in begun for plan in one.channels.values()]
    if any(not isinstance(plan, str) and plan.kind in ("webhook", "alertmanager") for plan in plans):
        trusted_context()


def _fixed(before: Config, after: Config) -> list[str]:
    """What differs and holds from the start on."""
    settings = {
        "store": before.store == after.store,
        "log_format": before.log_format == after.log_format,
        "[limits]": before.limits == after.limits,
        "network.references": before.network.references == after.network.references,
    }
    return [name for name, same in settings.items() if not same]
