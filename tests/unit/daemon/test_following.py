"""What is read on reaches the disk once, whatever a look does: it hangs, fails, or ends when nobody waits any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import pytest
from attrs import define, field

from wsla.api import loads
from wsla.daemon.bindings import ProbePlan
from wsla.daemon.clock import SystemClock
from wsla.daemon.following import FollowRunner
from wsla.daemon.pushing import Crowded, Taken
from wsla.sources.followed import FileTarget
from wsla.sources.following import Found, NotFollowed
from wsla.sources.threads import Threads, TooManyThreads
from wsla.store.records import Observed
from wsla.values.instants import MILLISECOND, SECOND
from wsla.values.observations import Observation

PLAN = loads(
    """agreement "Read" version 1 {
  effective 2026-01-01 in "UTC"
  party a "A" provider
  party b "B" consumer
  source s = csv "s.csv" { holds 1h }
  metric up = availability(s.ok) each day
  goal g: a guarantees up >= 99%
}
"""
).plan
SOURCE = PLAN.source("s")


def row(at: int) -> tuple[str, str, Observation]:
    return ("", "", Observation(source="s", at=at, fields={"ok": True}))


@define
class Script:
    """A follower whose looks do what they are told, and go on from the place that they were given."""

    steps: list[Callable[[], None]]
    begun: list[Any] = field(factory=list)
    cancelled: int = 0
    closed: bool = False
    at: int = 0

    def begin(self, place: Any, since: int) -> None:
        self.begun.append(place)
        self.at = place or 0

    def look(self, now: int) -> Found:
        self.at += 1
        here = self.at
        if self.steps:
            self.steps.pop(0)()
        return Found(rows=(row(here),), place=here)

    def cancel(self) -> None:
        self.cancelled += 1

    def close(self) -> None:
        self.closed = True


@define
class Disk:
    """What takes observations and places, in memory."""

    rows: list[int] = field(factory=list)
    place: Any = None
    troubles: list[Exception] = field(factory=list)

    def call(self, function: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result((self.place, 0, []))
        return future

    def submit(self, item: Any) -> None:
        [place] = item.places
        self.place = place.content

    async def take(self, title: str, source: str, sent: Sequence[Observed]) -> Taken:
        if self.troubles:
            raise self.troubles.pop(0)
        new = [one.observation.at for one in sent if one.observation.at not in self.rows]
        self.rows.extend(new)
        return Taken(accepted=len(sent), late=0, known=0, refused=())


def run(
    script: Script,
    disk: Disk,
    until: Callable[[], bool],
    told: list[Observation] | None = None,
    deadline: int = 60 * SECOND,
) -> None:
    async def whole() -> None:
        target = FileTarget(declared=SOURCE, kind="csv", path="s.csv", timeout=0)
        runner = FollowRunner(
            "Read",
            ProbePlan(source="s", kind="csv", every=20 * MILLISECOND, target=target),
            SOURCE,
            script,
            patience=0,
            deadline=deadline,
            grace=0,
            clock=SystemClock(),
            writer=disk,  # type: ignore[arg-type]
            take=disk.take,
            ended=(told if told is not None else []).append,
        )
        runner.start()
        for _ in range(6000):
            await asyncio.sleep(0.01)
            if until():
                break
        await runner.stop(1)
        assert until()

    asyncio.run(whole())


def test_rows_then_the_place_are_kept() -> None:
    disk, script = Disk(), Script([])
    run(script, disk, lambda: len(disk.rows) >= 3)
    assert disk.rows == list(range(1, len(disk.rows) + 1))
    assert disk.place == {"kind": "csv", "place": len(disk.rows)}
    assert script.begun == [None]
    assert script.closed
    kept = disk.place["place"]
    run(again := Script([]), disk, lambda: len(disk.rows) >= kept + 2)
    assert again.begun == [kept]
    assert disk.rows == list(range(1, len(disk.rows) + 1))


def test_the_place_of_another_kind_is_none_of_this() -> None:
    script = Script([])
    run(script, disk := Disk(place={"kind": "parquet", "place": 7}), lambda: bool(disk.rows))
    assert script.begun == [None]


def test_what_a_look_finds_that_took_too_long_is_kept_all_the_same() -> None:
    ends = threading.Event()
    told: list[Observation] = []
    script = Script([lambda: ends.wait(30) and None])
    disk = Disk()

    def late() -> bool:
        if script.cancelled:
            ends.set()
        return len(disk.rows) >= 3

    run(script, disk, late, told, deadline=100 * MILLISECOND)
    assert disk.rows[:3] == [1, 2, 3]
    # On a busy machine another one may be late as well.
    assert {(one.failure, one.reason) for one in told} == {
        ("observer-late", "there was no answer within 100ms")
    }


def test_what_could_not_be_kept_is_read_again() -> None:
    script = Script([])
    disk = Disk(troubles=[Crowded(), OSError("odd")])
    told: list[Observation] = []
    run(script, disk, lambda: len(disk.rows) >= 3, told)
    assert disk.rows[:3] == [1, 2, 3]
    assert script.begun == [None, None]
    assert [one.failure for one in told] == ["observer-internal"]


def test_what_cannot_be_read_is_unknown_once_and_then_known_again() -> None:
    def away() -> None:
        raise NotFollowed("observer-file", "there is no file `s.csv`")

    told: list[Observation] = []
    disk, script = Disk(), Script([away, away, away])
    run(script, disk, lambda: bool(disk.rows), told)
    [one] = told
    assert (one.failure, one.reason, one.fields) == (
        "observer-file",
        "there is no file `s.csv`",
        {"ok": None},
    )


def test_there_are_only_so_many_threads() -> None:
    ends = threading.Event()

    async def whole() -> None:
        threads = Threads(2)
        held = [threads.begin(lambda: ends.wait(30)) for _ in range(2)]
        with pytest.raises(TooManyThreads):
            threads.begin(lambda: None)
        ends.set()
        assert await asyncio.gather(*held) == [True, True]

        def fail() -> None:
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await threads.begin(fail)
        assert await asyncio.wait_for(threads.begin(lambda: 7), 10) == 7

    asyncio.run(whole())


def test_lengths_of_waiting_are_those_that_are_documented() -> None:
    from wsla.daemon.following import SLOWEST
    from wsla.sources.threads import MOST

    assert (SLOWEST, MOST) == (60 * SECOND, 64)
