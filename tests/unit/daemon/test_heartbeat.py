"""Beats that come and beats that do not, at exact instants, over restarts and standstills."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from wsla.daemon.bindings import ProbePlan
from wsla.daemon.heartbeat import HeartbeatRunner
from wsla.sources.heartbeat import MISSED, MISSING, REPORTED, HeartbeatTarget, beat, missing
from wsla.values.instants import SECOND
from wsla.values.observations import Observation

START = 1_780_000_000 * SECOND
EVERY = 100 * SECOND
TIMEOUT = 20 * SECOND


class Clock:
    """Moved by hand; whoever sleeps wakes up when its time has come."""

    def __init__(self) -> None:
        self.time = START
        self._sleeping: list[tuple[int, asyncio.Future[None]]] = []

    def now(self) -> int:
        return self.time

    def monotonic(self) -> int:
        return self.time

    async def sleep(self, nanoseconds: int) -> None:
        future = asyncio.get_running_loop().create_future()
        self._sleeping.append((self.time + nanoseconds, future))
        await future

    async def go(self, to: int) -> None:
        """In the steps in which somebody wakes up."""
        while True:
            await settle()
            due = [at for at, future in self._sleeping if not future.done()]
            if not due or min(due) > to:
                break
            await self.jump(max(min(due), self.time))
        await self.jump(to)

    async def jump(self, to: int) -> None:
        """At once, as after a suspend."""
        self.time = to
        for at, future in self._sleeping:
            if at <= to and not future.done():
                future.set_result(None)
        await settle()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class Stored:
    """A writer whose store holds some observations."""

    def __init__(self, observations: list[Observation]) -> None:
        self._observations = observations

    def observations(self, _: str, since: int, until: int, source: str) -> Iterator[Observation]:
        return (one for one in self._observations if since <= one.at < until and one.source == source)

    def call(self, function: Callable[[Any], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(self))
        return future


class Waiting:
    def __init__(self, *stored: Observation) -> None:
        self.clock = Clock()
        self.seen: list[Observation] = []
        target = HeartbeatTarget(source="backup", timeout=TIMEOUT)
        plan = ProbePlan(source="backup", kind="heartbeat", every=EVERY, target=target)
        writer: Any = Stored(list(stored))
        self.runner = HeartbeatRunner("Backups", plan, target, self.clock, writer, self.seen.append)

    async def __aenter__(self) -> Waiting:
        self.runner.start()
        await settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.runner.stop(0)

    def told(self) -> list[tuple[int, str | None]]:
        return [((one.at - START) // SECOND, one.failure) for one in self.seen]


def run(scenario: Callable[[], Any]) -> None:
    asyncio.run(scenario())


def test_beats_in_time_are_well() -> None:
    async def scenario() -> None:
        async with Waiting() as waiting:
            for number in range(1, 4):
                await waiting.clock.go(START + number * (EVERY + TIMEOUT - 1))
                seen = waiting.runner.beat(good=True)
                assert (seen.at, seen.fields["ok"]) == (waiting.clock.now(), True)
            assert seen.fields["gap"] == EVERY + TIMEOUT - 1
            assert waiting.seen == []

    run(scenario)


def test_one_that_does_not_come_is_missing_from_the_very_instant() -> None:
    async def scenario() -> None:
        async with Waiting() as waiting:
            waiting.runner.beat(good=True)
            await waiting.clock.go(START + EVERY + TIMEOUT - 1)
            assert waiting.seen == []
            assert waiting.runner.pending == START + EVERY + TIMEOUT
            await waiting.clock.go(START + EVERY + TIMEOUT)
            [first] = waiting.seen
            assert (first.at, first.failure) == (START + EVERY + TIMEOUT, MISSING)
            assert first.fields == {"ok": False, "gap": EVERY + TIMEOUT}
            # One more after each `every`, so that it does not go stale.
            await waiting.clock.go(START + 3 * EVERY + TIMEOUT)
            assert waiting.told() == [(120, MISSING), (220, MISSING), (320, MISSING)]
            await waiting.clock.go(START + 350 * SECOND)
            assert waiting.runner.beat(good=True).fields == {"ok": True, "gap": 350 * SECOND}
            assert waiting.runner.pending == START + 470 * SECOND

    run(scenario)


def test_a_sender_may_say_that_it_failed() -> None:
    async def scenario() -> None:
        async with Waiting() as waiting:
            seen = waiting.runner.beat(good=False)
            assert (seen.failure, seen.fields["ok"]) == (REPORTED, False)
            assert waiting.runner.pending == START + EVERY + TIMEOUT

    run(scenario)


def test_a_beat_after_its_time_follows_what_was_missing() -> None:
    async def scenario() -> None:
        async with Waiting() as waiting:
            waiting.runner.beat(good=True)
            # Nothing has woken up yet when the beat comes.
            waiting.clock.time = START + EVERY + TIMEOUT + SECOND
            waiting.runner.beat(good=True)
            assert waiting.told() == [(120, MISSING)]

    run(scenario)


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (beat("backup", START - 119 * SECOND, None, good=True), 1),
        (beat("backup", START - 30 * SECOND, None, good=False), 90),
        (missing("backup", START - 30 * SECOND, None), 70),
        # What fell due meanwhile is unknown: nobody was there.
        (beat("backup", START - 120 * SECOND, None, good=True), 120),
        (missing("backup", START - 100 * SECOND, None), 120),
        (None, 120),
    ],
)
def test_a_restart_changes_no_instant(last: Observation | None, due: int) -> None:
    async def scenario() -> None:
        async with Waiting(*([] if last is None else [last])) as waiting:
            assert waiting.runner.pending == START + due * SECOND
            await waiting.clock.go(START + due * SECOND)
            assert waiting.told() == [(due, MISSING)]

    run(scenario)


def test_after_a_standstill_it_is_unknown() -> None:
    async def scenario() -> None:
        async with Waiting() as waiting:
            waiting.runner.beat(good=True)
            await waiting.clock.jump(START + 1000 * SECOND)
            [seen] = waiting.seen
            assert (waiting.told(), seen.fields) == ([(120, MISSED)], {"ok": None, "gap": None})
            assert waiting.runner.pending == START + 1120 * SECOND

    run(scenario)
