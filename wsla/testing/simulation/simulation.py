"""One run: the real daemon on a real file, life after life, in a world made from a seed; then all is looked at."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Final

from attrs import define, field

from wsla.daemon.agreements import find_agreements
from wsla.daemon.clock import SystemClock
from wsla.daemon.config import load_config
from wsla.daemon.daemon import Daemon
from wsla.daemon.reload import compare
from wsla.daemon.surroundings import Surroundings
from wsla.store.errors import StoreError
from wsla.store.sqlite import Store
from wsla.testing.simulation.checker import Checker, Known, Looked
from wsla.testing.simulation.correcting import Corrector, Fault
from wsla.testing.simulation.disk import Disk, FaultyStore
from wsla.testing.simulation.hearing import listening
from wsla.testing.simulation.machine import Machine
from wsla.testing.simulation.outside import Outside
from wsla.testing.simulation.people import (
    Acknowledged,
    Heart,
    Operator,
    Sender,
    feed_rows,
    ticket_rows,
)
from wsla.testing.simulation.scenario import DOWN_FOR, Edit, Scenario, drawn
from wsla.testing.simulation.texts import Wording
from wsla.testing.simulation.timeline import Crash, Timeline
from wsla.values.instants import HOUR, MINUTE, SECOND, format_length

LENGTH: Final = 15 * MINUTE
_HEALING: Final = 40 * MINUTE
_MOST_LIVES: Final = 60
_LIMITS: Final = {"20m": 20 * MINUTE, "2h": 2 * HOUR, "24h": 24 * HOUR}


@define(kw_only=True)
class Result:
    """What became of a run. ``problems`` is empty where every invariant holds; ``ledger`` is a digest of everything
    that the store holds; ``log`` says what happened, a line each."""

    seed: int
    problems: list[str]
    ledger: str
    lives: int
    crashes: list[str]
    seen: Looked
    log: list[str] = field(factory=list)


def quick_folder() -> tempfile.TemporaryDirectory[str]:
    """An empty folder, in memory where the system has such a place: a run writes often, and no power is ever cut."""
    memory = Path("/dev/shm")
    place = str(memory) if memory.is_dir() and os.access(memory, os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="wsla-simulation-", dir=place)


def command_for(seed: int, length: int) -> str:
    """The one command that plays a run again, with a log to read."""
    hours = "" if length == LENGTH else f" --hours {length / HOUR:g}"
    return f"python -m wsla.testing.simulation --seed {seed}{hours}"


class Simulation:
    """A run that is under way. ``folder`` holds its files, and nothing else."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario: Final = scenario
        self.timeline: Final = Timeline(scenario.seed, scenario.start)
        self.outside: Final = Outside(self.timeline, scenario.seed)
        self.path: Final = str(folder / "wsla.db")
        self.daemon: Daemon | None = None
        self.healing = False
        self.over = False
        self.acknowledged: Final[list[Acknowledged]] = []
        self.crashes: Final[list[str]] = []
        self.lives = 0
        self.operator: Operator | None = None
        self.corrector: Corrector | None = None
        self._asked_to_end = False
        self._healed_at = 0
        self._deadline = 0
        self._folder: Final = folder
        self._chance: Final = Random(f"lives {scenario.seed}")
        self._disk: Final = Disk(troubles=list(scenario.troubles), chance=Random(f"disk {scenario.seed}"))
        self._crashes_left: Final = list(scenario.crashes)
        self._problems: Final[list[str]] = []
        self._logged: Final[list[str]] = []

    def run(self) -> Result:
        """Runs it to the end, and looks at what is left."""
        self._prepare()
        scenario, timeline = self.scenario, self.timeline
        timeline.at(scenario.length, self._heal)
        while not self.over:
            if self.lives >= _MOST_LIVES * scenario.often:
                self._problems.append(f"the daemon does not stay up: {self.lives} starts")
                break
            self.lives += 1
            code = self._live()
            if not self.over:
                down = self._chance.choice(DOWN_FOR)
                timeline.say("process", f"ended with {code}; starts again in {format_length(down)}")
                timeline.pass_until(timeline.now + down)
        known = Known(
            healed_at=self._healed_at,
            attempts=int(scenario.limits["attempts"]),
            deliver_within=_LIMITS[scenario.limits["deliver_within"]],
            handled=set() if self.operator is None else self.operator.touched,
            kept={wording.title for wording in self._last_wordings().values()},
            logged=self._logged,
            thorough=scenario.seed % 10 == 0,
            corrected=self.corrector is not None,
        )
        seen = Checker(self.path, self.outside, known, self._problems).look(self.acknowledged)
        return Result(
            seed=scenario.seed,
            problems=self._problems,
            ledger=seen.digest,
            lives=self.lives,
            crashes=self.crashes,
            seen=seen,
            log=[timeline.readable(*entry) for entry in timeline.log],
        )

    def heard(self, what: str) -> None:
        """The daemon logged something that nobody expects."""
        if not self.machine.crashed:
            self.timeline.say("log", what)
            self._logged.append(what)

    # What is there at the beginning

    def _prepare(self) -> None:
        scenario, timeline = self.scenario, self.timeline
        for old in self._folder.iterdir():
            old.unlink()
        if not scenario.empty_store:
            Path(self.path).write_bytes(_empty_store())
        limits = "\n".join(f"{name} = {_toml(value)}" for name, value in scenario.limits.items())
        kept = '[retention]\nobservations = "1d"\nrollup = "1h"\n' if scenario.retention else ""
        (self._folder / "wsla.toml").write_text(
            f'[limits]\n{limits}\n[reload]\non_change = false\n[http]\naddress = "127.0.0.1:8321"\n{kept}',
            "utf-8",
        )
        for kind, wording in scenario.wordings.items():
            self._file(kind).write_text(wording.text(), "utf-8")
            timeline.say("files", f"{kind}.sla is “{wording.title}”, variant {wording.variant}")
        for host, spells in scenario.services.items():
            self.outside.service(host).spells = list(spells)
        for address, spells in scenario.receivers.items():
            self.outside.receiver(address).spells = list(spells)
        timeline.computing = scenario.computing
        for at, by in scenario.steps:
            timeline.at(at, partial(self._step, by))
        for at, length in scenario.suspends:
            timeline.at(at, partial(self._suspend, length))
        for at in scenario.kills:
            timeline.at(at, self._kill)
        for at in scenario.restarts:
            timeline.at(at, self._restart)
        for edit in scenario.edits:
            timeline.at(edit.at, partial(self._edit, edit))
        for at in scenario.packs:
            timeline.at(at, self._pack)
        self._bring_people()

    def _bring_people(self) -> None:
        scenario = self.scenario
        unruly = "lateness" in scenario.families

        def sender(title: str, source: str, every: int, make: Callable[..., list[dict[str, object]]]) -> None:
            chance = Random(f"sender {scenario.seed} {source}")
            Sender(self, title, source, every, chance, make, unruly, self.acknowledged).begin()

        if "feed" in scenario.wordings:
            sender("Feed", "feed", 2 * MINUTE, feed_rows)
        if "desk" in scenario.wordings:
            sender("Desk", "tickets", 4 * MINUTE, ticket_rows)
        if "beat" in scenario.wordings:
            Heart(
                self, "Beat", "backup", 100 * SECOND, Random(f"heart {scenario.seed}"), self.acknowledged
            ).begin()
        if "people" in scenario.families:
            chance = Random(f"operator {scenario.seed}")
            self.operator = Operator(self, chance, _open_beside(self.timeline))
            self.operator.begin(
                sorted(
                    chance.randrange(scenario.length) for _ in range(chance.randint(1, 5 * scenario.often))
                )
            )

        if scenario.corrections:
            chance = Random(f"corrector {scenario.seed}")
            self.corrector = Corrector(self, chance, _open_and_fail(self.timeline))
            self.corrector.begin(scenario.corrections)

    def _file(self, kind: str) -> Path:
        return self._folder / f"{kind}.sla"

    # A life of the daemon

    def _live(self) -> str:
        machine = Machine(self.timeline)
        disk = self._disk
        disk.machine = machine
        disk.crash_in = self._crashes_left.pop(0) if self._crashes_left else None
        store: Store | None = None
        self.machine = machine
        try:
            store = disk.open(self.path, now=self.timeline.wall, writer=True)
            return self._run_daemon(machine, store)
        except Crash:
            self.crashes.append(disk.crash_at or "at some moment")
            disk.crash_at = None
            return "no word"
        except StoreError as error:
            return f"1: {error}"
        finally:
            self.daemon = None
            machine.crashed = True
            machine.end()
            disk.close()
            if isinstance(store, FaultyStore):
                store.raw.close()

    def _run_daemon(self, machine: Machine, store: Store) -> str:
        timeline = self.timeline
        clock = SystemClock(wall=timeline.wall, monotonic=timeline.monotonic)
        config = load_config(self._folder / "wsla.toml", {})
        paths = [str(self._folder)]
        found = find_agreements(paths)
        changes = compare({}, found, config, {}, clock)
        if changes.messages or not changes.added:
            return f"1: {'; '.join(changes.messages) or 'no agreement'}"
        daemon = Daemon(
            paths,
            config,
            store,
            say=lambda sentence, level=0: timeline.say("daemon", sentence),
            environ={},
            clock=clock,
            surroundings=Surroundings(
                prober=self.outside.prober,
                channel=self.outside.channel,
                reader=lambda path: self._disk.reader(path, timeline.wall),
                fraction=Random(f"jitter {self.scenario.seed} {self.lives}").random,
                threads=machine,
                beside=30.0,
                collect=lambda: None,
                watches=False,
            ),
        )

        def started(_: Daemon) -> None:
            self.daemon = daemon

        timeline.say("process", f"starts, at {timeline.shown()} by its clock")
        code = machine.loop.run_until_complete(daemon.run(found, changes, started))
        if self.healing and code == 0 and self._asked_to_end:
            self.over = True
        return str(code)

    # What happens to it

    def _step(self, by: int) -> None:
        self.timeline.say("clock", f"is set by {format_length(abs(by))} {'back' if by < 0 else 'ahead'}")
        self.timeline.step_clock(by)

    def _suspend(self, length: int) -> None:
        if not self.healing:
            self.timeline.say("machine", f"is suspended for {format_length(length)}")
            self.timeline.suspend(length)

    def _kill(self) -> None:
        if self.daemon is not None and not self.healing:
            self.machine.crash("by a signal")

    def _restart(self) -> None:
        if self.daemon is not None:
            self.timeline.say("process", "is asked to end")
            self.daemon.stop()

    def _edit(self, edit: Edit) -> None:
        file = self._file(edit.kind)
        if self.healing and edit.raw is not None:
            return
        if edit.wording is None:
            file.unlink(missing_ok=True)
            said = "is removed"
        else:
            file.write_text(edit.wording.text() if edit.raw is None else edit.raw, "utf-8")
            said = (
                f"is “{edit.wording.title}” version {edit.wording.version}, variant {edit.wording.variant}"
                f"{', other addresses' * edit.wording.moved}"
                if edit.raw is None
                else "is broken"
            )
        self.timeline.say("files", f"{edit.kind}.sla {said}")
        for _ in range(edit.told):
            if self.daemon is not None:
                self.daemon.reload()

    def _pack(self) -> None:
        """Housekeeping at an odd moment, and of streams that are not worth it yet."""
        if self.daemon is None:
            return
        before = self.timeline.wall() - self._chance.randrange(HOUR)

        def pack(store: Store) -> None:
            store.pack([1, 2, 3, 4], before)
            store.merge(store.streams_to_merge())

        self.timeline.say("housekeeping", "packs")
        self.daemon._writer.call(pack)

    # The end

    def _heal(self) -> None:
        """Every fault ends, so that what is still to be done can be done; then the daemon ends in order."""
        self.healing = True
        self._healed_at = self.timeline.wall()
        self.timeline.say("world", "every fault ends")
        self._disk.troubles.clear()
        self._disk.crash_in = None
        self._crashes_left.clear()
        self.outside.heal()
        self.timeline.computing = 0
        for kind, wording in self._last_wordings().items():
            self._file(kind).write_text(wording.text(), "utf-8")
        if self.daemon is not None:
            self.daemon.reload()
        self._deadline = self.timeline.now + _HEALING
        self.timeline.after(2 * MINUTE, self._end_when_quiet)

    def _last_wordings(self) -> dict[str, Wording]:
        last = dict(self.scenario.wordings)
        for edit in self.scenario.edits:
            if edit.wording is not None:
                last[edit.kind] = edit.wording
        return last

    def _end_when_quiet(self) -> None:
        daemon = self.daemon
        quiet = daemon is not None and daemon.status().in_hand == 0
        if daemon is not None and (quiet or self.timeline.now >= self._deadline):
            self._asked_to_end = True
            self.timeline.say("process", "is asked to end, for good")
            for agreement in daemon.status().agreements:
                if agreement.failed is not None:
                    self._problems.append(f"{agreement.title}: {agreement.failed}")
            daemon.stop()
        self.timeline.after(MINUTE, self._end_when_quiet)


@cache
def _empty_store() -> bytes:
    """The file of a store in which nothing is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wsla.db"
        Store.open(str(path), writer=True, now=lambda: 0).close()
        return path.read_bytes()


def _open_beside(timeline: Timeline) -> Callable[[str], Store]:
    def opened(path: str) -> Store:
        return Store.open(path, writer=False, beside=True, now=timeline.wall, busy_timeout=0.0)

    return opened


def _open_and_fail(timeline: Timeline) -> Callable[[str, Fault], Store]:
    def opened(path: str, fault: Fault) -> Store:
        return Store.open(path, writer=False, beside=True, now=timeline.wall, busy_timeout=0.0, fault=fault)

    return opened


def _toml(value: str) -> str:
    return value if value.isdigit() else f'"{value}"'


def run_seed(seed: int, folder: Path, length: int = LENGTH) -> Result:
    """One run. ``folder`` is emptied."""
    simulation = Simulation(drawn(seed, length), folder)
    collects = gc.isenabled()
    # A third of the time would go to looking for garbage among what every run shares.
    gc.disable()
    try:
        with listening(simulation.heard):
            return simulation.run()
    finally:
        if collects:
            gc.enable()
