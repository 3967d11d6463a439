"""The simulator itself: one seed is one run, its time is its own, and a failure says how to see it again."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from wsla.api import loads
from wsla.daemon.appointments import report_of
from wsla.daemon.threads import Steps
from wsla.plan.recurring import appointed
from wsla.store.records import AgreementVersion
from wsla.store.sqlite import Store
from wsla.testing.simulation.__main__ import main
from wsla.testing.simulation.calendar import missed_by_calendar, reported_twice
from wsla.testing.simulation.machine import Machine
from wsla.testing.simulation.scenario import drawn
from wsla.testing.simulation.simulation import LENGTH, run_seed
from wsla.testing.simulation.texts import Wording
from wsla.testing.simulation.timeline import Crash, Stuck, Timeline
from wsla.values.instants import HOUR, MINUTE, SECOND, parse_instant

CORRECTED = 158
"""A seed of a run in which something is owed otherwise after a correction, which is killed once."""
EVENTFUL = 26
"""A seed of a run in which much happens."""


def test_the_same_seed_gives_the_same_run_to_the_byte(folder: Path) -> None:
    """S1: the ledger and everything else in the file, whatever order this process gives to sets of texts."""
    here = run_seed(EVENTFUL, folder)
    again = run_seed(EVENTFUL, folder)
    assert (again.ledger, again.log) == (here.ledger, here.log)
    assert here.seen.entries
    command = [sys.executable, "-m", "wsla.testing.simulation", "--seed", str(EVENTFUL), "--format", "json"]
    for number in ("1", "2"):
        environ = {**os.environ, "PYTHONHASHSEED": number}
        done = subprocess.run(command, capture_output=True, check=True, env=environ)
        assert json.loads(done.stdout)["ledger"] == here.ledger


def test_a_run_leaves_no_thread_behind(folder: Path) -> None:
    """A thousand of them did, and those that still looked at files kept everything else from running."""
    before = set(threading.enumerate())
    run_seed(EVENTFUL, folder)
    # One that has ended may take a moment till it is gone.
    for one in set(threading.enumerate()) - before:
        one.join(60)
    assert set(threading.enumerate()) <= before


def test_other_seeds_give_other_runs(folder: Path) -> None:
    assert len({run_seed(seed, folder).ledger for seed in range(4)}) == 4


def test_windows_are_judged_again_in_the_middle_of_a_run(folder: Path) -> None:
    result = run_seed(CORRECTED, folder)
    assert not result.problems
    assert any("6 late, 6 verdicts, 3 entries" in line for line in result.log)
    assert any("correct is killed at" in line for line in result.log)
    assert any("takes Feed|" in line and "|correction " in line for line in result.log)


def test_longer_runs_have_more_faults() -> None:
    assert drawn(CORRECTED, LENGTH).often == drawn(CORRECTED, 4 * HOUR).often == 1
    assert drawn(CORRECTED, 24 * HOUR).often == 6


def test_what_the_calendar_asks_for_is_missed_and_not_asked_for_twice() -> None:
    """M104, M105."""
    shop = loads(Wording(kind="shop", variant=1, title="Shop").text())
    begun = parse_instant("2026-05-01T21:00:00Z")
    until = begun + 24 * HOUR
    version = AgreementVersion(key="Shop", title="Shop", version=1, text="", sha256="", at=begun)
    missing = missed_by_calendar(shop.plan, [version], until, ())
    assert missing == ["report 1 of 2026-04-30T22:00:00Z is missing"]
    [recurring] = shop.plan.recurring
    [due] = appointed(shop.plan, recurring, begun, until)
    report = report_of(shop.plan, due)
    assert missed_by_calendar(shop.plan, [version], until, (report,)) == []
    [twice] = missed_by_calendar(shop.plan, [version], until, (report, report))
    assert twice.endswith("was told 2 times")
    assert reported_twice((report,)) == []
    assert len(reported_twice((report, report))) == 2
    [early] = missed_by_calendar(shop.plan, [version], begun + HOUR // 2, (report,))
    assert early.endswith("is not due")


def test_a_run_that_fails_says_how_to_see_it_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["--seeds", "0..1"]) == 0
    assert capsys.readouterr().out == "1 runs, 0 failed\n"
    # Nothing that was acknowledged is found any more.
    monkeypatch.setattr(Store, "held", lambda *_: {})
    assert main(["--seeds", "20..24", "--hours", "0.5"]) == 1
    out = capsys.readouterr().out
    [command, *_] = [line.partition("again: ")[2] for line in out.splitlines() if "again: " in line]
    assert main(command.removeprefix("python -m wsla.testing.simulation ").split()) == 1
    out = capsys.readouterr().out
    assert "process      starts, at " in out
    assert "is lost" in out


@pytest.mark.parametrize("wrong", [["--seeds", "5"], ["--seeds", "5..5"], ["--hours", "0"], ["--hours", "x"]])
def test_wrong_usage_is_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(wrong)
    assert refused.value.code == 2


def test_time_passes_without_anybody_waiting() -> None:
    timeline = Timeline(0, 5 * HOUR)
    machine = Machine(timeline)
    happened: list[int] = []
    timeline.at(30 * MINUTE, lambda: happened.append(timeline.now))

    async def sleep() -> float:
        await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(60), asyncio.to_thread(happened.append, 0))
        return asyncio.get_running_loop().time()

    began = time.monotonic()
    assert machine.loop.run_until_complete(sleep()) == 3600
    assert time.monotonic() - began < 600
    assert happened == [0, 30 * MINUTE]
    assert timeline.wall() == 6 * HOUR
    machine.end()


def test_a_suspended_machine_wakes_up_later_by_its_clock_alone() -> None:
    timeline = Timeline(0, 0)
    machine = Machine(timeline)
    timeline.at(SECOND, lambda: timeline.suspend(HOUR))
    machine.loop.run_until_complete(asyncio.sleep(2))
    assert timeline.wall() == HOUR + 2 * SECOND
    assert timeline.monotonic() == 2 * SECOND
    machine.end()


def test_nothing_goes_on_after_a_crash() -> None:
    timeline = Timeline(0, 0)
    machine = Machine(timeline)
    done: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        except Exception:
            done.append("went on")

    timeline.at(SECOND, lambda: machine.crash("by a signal"))
    with pytest.raises(Crash):
        machine.loop.run_until_complete(work())
    machine.end()
    assert (done, timeline.now) == ([], SECOND)


def test_a_loop_that_is_told_to_end_while_a_thread_waits_in_a_step_ends() -> None:
    """Seed 947: it went round for ever in one instant."""
    machine = Machine(Timeline(0, 0))
    done: list[float] = []

    def steps() -> Steps[None]:
        yield machine.sleeping(1)
        machine.wait(None, 5)
        done.append(machine.monotonic())

    async def work() -> None:
        machine.start(steps(), "writer")
        await asyncio.sleep(3)

    machine.loop.run_until_complete(work())
    assert done == [6]
    machine.end()


def test_whoever_waits_for_nothing_is_found() -> None:
    machine = Machine(Timeline(0, 0))

    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck):
        machine.loop.run_until_complete(wait())
    machine.end()
