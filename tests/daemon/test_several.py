"""Several daemons on one database: killed, paused and cut off, they lose nothing, act once, and share the sources."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import wsla
from wsla.daemon.judge import Judge
from wsla.reporting.verification import verify_agreement
from wsla.store.sqlite import Store

from .conftest import Place, Receiver, Service, until
from .test_process import PROGRAM, check

ROUNDS = int(os.environ.get("WSLA_ROUNDS", "2"))
# So many that with three daemons each looks at some, however the names fall.
MORE = "\n".join(
    f'  source more{number} = http "{{url}}" every {{every}} timeout {{timeout}}' for number in range(20)
)


class Database(Place):
    """A place whose store is a database."""

    url: str = ""
    connection: Any = None

    @property
    def store(self) -> Any:
        return self.url

    def rows(self, query: str, *values: Any) -> list[Any]:
        import psycopg

        for last in (False, True):
            if self.connection is None or self.connection.closed:
                self.connection = psycopg.connect(self.url, options="-c search_path=wsla", autocommit=True)
            try:
                return list(self.connection.execute(query.encode(), values or None).fetchall())
            except psycopg.OperationalError:
                # The test has stopped the server meanwhile.
                if last:
                    raise
        raise AssertionError

    def count(self, table: str, condition: str = "TRUE") -> int:
        import psycopg

        try:
            return int(self.rows(f"SELECT count(*) FROM {table} WHERE {condition}")[0][0])
        except psycopg.errors.UndefinedTable:
            return 0

    def start(self, path: Path, *, wait: bool = True, lease: float = 2.0) -> subprocess.Popen[str]:
        """A daemon as a process, once it says that it runs or stands by."""
        place = self.folder / f"said-{len(self.processes)}.txt"
        library = str(Path(wsla.__path__[0]).parent)
        environ = {**os.environ, **self.environ, "PYTHONPATH": library, "WSLA_TEST_LEASE": str(lease)}
        arguments = [self.url, str(self.folder / "wsla.toml"), str(self.folder / "accepted.jsonl"), str(path)]
        with place.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, str(PROGRAM), *arguments],
                env=environ,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.processes.append(process)

        def runs() -> bool:
            text = place.read_text()
            assert process.poll() is None, text
            return "keeping " in text or "stands by" in text

        if wait:
            until(runs)
        return process

    def said_by(self, process: subprocess.Popen[str]) -> str:
        return (self.folder / f"said-{self.processes.index(process)}.txt").read_text()

    def said(self) -> str:
        return "\n".join(one.read_text() for one in sorted(self.folder.glob("said-*.txt")))

    def writer(self) -> int:
        """The process that judges."""
        import json

        [(holder,)] = self.rows("SELECT holder FROM store")
        return int(json.loads(holder)["pid"])


@pytest.fixture
def place(tmp_path: Path, postgres: Any) -> Iterator[Database]:
    found = Database(tmp_path, Service(), Receiver(tmp_path / "received.jsonl"))
    found.url = postgres.database()
    (tmp_path / "wsla.toml").write_text('[limits]\nsnapshot_every = "300ms"\n')
    try:
        yield found
    finally:
        for process in found.processes:
            process.kill()
            process.wait()
        if found.connection is not None:
            found.connection.close()
        found.service.end()
        found.receiver.end()
        postgres.drop(found.url)


def agreement(place: Database, **changes: Any) -> Path:
    # So low a promise that a busy machine, where many a look takes too long, keeps it too.
    values = {
        "every": "50ms",
        "timeout": "50ms",
        "window": "500ms",
        "patience": "200ms",
        "promised": "40%",
        **changes,
    }
    text = place.text(**values)
    more = MORE.format(url=f"{place.service.url}/ok", every="500ms", timeout="300ms")
    return place.write(text.replace("  metric up = ", f"{more}\n  metric up = ", 1))


def end_with_all_delivered(place: Database, path: Path) -> None:
    """Stops all in order, the one that judges last; what was decided on the way out is delivered by the next."""
    for process in place.processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, place.said_by(process)
    for _ in range(20):
        process = place.start(path)
        until(lambda: place.count("outbox", "state = 'pending'") == 0)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, place.said_by(process)
        if place.count("outbox", "state = 'pending'") == 0:
            return
    raise AssertionError("each stop left something to deliver")


def check_all(place: Database, path: Path) -> dict[str, int]:
    found = check(place, path)
    assert "Traceback" not in place.said()
    assert place.count("incoming") == 0 or set(
        place.rows("SELECT agreement, source, at FROM incoming")
    ) <= set(
        place.rows(
            "SELECT key, source, at FROM observations JOIN streams ON streams.id = stream_id"
            " JOIN agreements ON agreements.id = observations.agreement_id"
        )
    )
    with Store.open(place.url, writer=False) as store:
        assert verify_agreement(store, "Quick", lambda *_: None).findings == []
    return found


def everything_is_looked_at(place: Database) -> None:
    """Waits until every source has been looked at from now on."""
    now = time.time_ns()
    until(lambda: min(place.rows("SELECT max(at) FROM observations GROUP BY stream_id"))[0] > now)


def miss(place: Database) -> None:
    """Has a promise missed, told and booked."""
    place.service.healthy = False
    until(lambda: place.receiver.got and (place.folder / "ops.log").exists())
    place.service.healthy = True


class Swaying:
    """The service is well and not, in turns."""

    def __init__(self, place: Place) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(place,))

    def _run(self, place: Place) -> None:
        while not self._ended.wait(0.35):
            place.service.healthy = not place.service.healthy

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def test_any_of_three_killed_at_random_moments(place: Database) -> None:
    """D7, K1: nothing acknowledged is lost, every credit is booked once, every message has one key."""
    seed = int(os.environ.get("WSLA_SEED", "0")) or random.randrange(2**32)
    print(f"WSLA_SEED={seed}")
    chance = random.Random(seed)
    path = agreement(place)
    running = [place.start(path) for _ in range(3)]
    until(lambda: place.count("shares") > 0)
    with Swaying(place):
        for _ in range(ROUNDS):
            time.sleep(chance.uniform(0.2, 1.2))
            victim = chance.randrange(3)
            running[victim].send_signal(signal.SIGKILL)
            running[victim].wait()
            time.sleep(chance.uniform(0.0, 0.5))
            running[victim] = place.start(path)
        # However the dice fell: also the one that judges, once it is one of those that run.
        alive = {process.pid: process for process in running}
        number = until(lambda: place.writer() if place.writer() in alive else 0)
        alive[number].kill()
        alive[number].wait()
        until(lambda: place.writer() != number)
        until(lambda: place.count("judgements", "final = 1 AND verdict = 'violated'") > 1)
    place.service.healthy = True
    until(lambda: place.count("judgements", "final = 1 AND verdict = 'met'"))
    end_with_all_delivered(place, path)
    found = check_all(place, path)
    print(found)
    assert found["accepted"] > 100
    assert found["violated"] > 1


def test_the_sources_are_shared_and_go_on_when_others_stop(place: Database) -> None:
    path = agreement(place)
    # Who ends in order gives back what it holds: no lease has to run out, however busy the machine is.
    first, second, third = (place.start(path, lease=20.0) for _ in range(3))
    assert f"kept by another wsla: process {first.pid} on " in place.said_by(third)
    until(lambda: len(place.rows("SELECT DISTINCT member FROM shares")) == 2)
    assert place.count("shares") < 21
    everything_is_looked_at(place)
    assert place.writer() == first.pid
    second.send_signal(signal.SIGTERM)
    assert second.wait(30) == 0
    until(lambda: len(place.rows("SELECT DISTINCT member FROM shares")) == 1)
    everything_is_looked_at(place)
    # And the one that judges: what it was told to end, another one goes on with.
    first.send_signal(signal.SIGTERM)
    assert first.wait(30) == 0
    until(lambda: "keeping 1 agreement" in place.said_by(third))
    assert place.writer() == third.pid
    miss(place)
    end_with_all_delivered(place, path)
    check_all(place, path)


def test_who_was_paused_writes_nothing_after_others_took_over(place: Database) -> None:
    """D7: a grant and a lease end although a stopped process keeps its connections."""
    path = agreement(place)
    first, second = (place.start(path, lease=4.0) for _ in range(2))
    until(lambda: place.count("shares") > 0)
    second.send_signal(signal.SIGSTOP)
    until(lambda: place.count("shares") == 0)
    everything_is_looked_at(place)
    second.send_signal(signal.SIGCONT)
    until(lambda: place.count("shares") > 0)
    first.send_signal(signal.SIGSTOP)
    try:
        until(lambda: "keeping 1 agreement" in place.said_by(second))
        miss(place)
    finally:
        first.send_signal(signal.SIGCONT)
    # When it goes on it finds another one in force, and is one of those that stand by.
    until(lambda: "steps back and stands by" in place.said_by(first))
    assert f"kept by another wsla: process {second.pid}" in place.said_by(first)
    until(lambda: place.count("shares") > 0)
    second.send_signal(signal.SIGKILL)
    second.wait()
    until(lambda: place.writer() == first.pid)
    everything_is_looked_at(place)
    end_with_all_delivered(place, path)
    check_all(place, path)


def test_while_the_server_is_away_looking_goes_on(place: Database, postgres: Any) -> None:
    """What was seen waits in memory and is stored when the server is back; nobody else takes over meanwhile."""
    path = agreement(place)
    # Leases longer than the server is away: under load a daemon needs a moment to be back.
    first = place.start(path, lease=60.0)
    second = place.start(path, lease=60.0)
    until(lambda: place.count("shares") > 0)
    everything_is_looked_at(place)
    postgres.stop()
    try:
        until(lambda: "in memory" in place.said_by(first) and "in memory" in place.said_by(second))
        away = time.time_ns()
        time.sleep(1.0)
        back = time.time_ns()
    finally:
        postgres.start()
    until(lambda: "can be written again" in place.said_by(first))
    until(lambda: "can be reached again" in place.said_by(second))
    assert place.writer() == first.pid
    miss(place)
    for held in ("source = 'probe'", "source <> 'probe'"):
        until(
            lambda held=held: place.rows(
                f"SELECT 1 FROM observations JOIN streams ON streams.id = stream_id WHERE {held}"
                " AND at BETWEEN %s AND %s",
                away,
                back,
            )
        )
    end_with_all_delivered(place, path)
    check_all(place, path)


def test_who_is_replaced_steps_back_and_judges_again_in_the_same_process(place: Database) -> None:
    """Nothing of a turn that is over is left behind: no thread, no descriptor, no task, no judge."""
    path = agreement(place)
    running = place.run(path)

    def left() -> tuple[int, int, int, int]:
        gc.unfreeze()
        gc.collect()
        judges = sum(type(one) is Judge for one in gc.get_objects())
        tasks = running.ask(lambda _: len(asyncio.all_tasks()))
        return threading.active_count(), len(os.listdir("/proc/self/fd")), tasks, judges

    found = []
    for number in range(1, 6):
        now = time.time_ns()
        until(lambda now=now: place.count("observations", f"at > {now}") > 20)
        # Whoever raises the number is in force from then on; this one has gone again at once.
        place.rows("UPDATE store SET epoch = epoch + 1 RETURNING epoch")
        until(lambda number=number: sum("keeping 1 agreement" in one for one in running.lines) > number)
        found.append(left())
    print(found)
    assert sum("steps back and stands by" in one for one in running.lines) == 5
    threads, descriptors, tasks, judges = zip(*found, strict=True)
    # Tests before this one may have left one to the collector.
    assert judges[-1] <= judges[0]
    assert max(tasks) - min(tasks) <= 2
    # Looks come and go; what stayed behind at every turn would be seen.
    assert threads[-1] - threads[1] < 4
    assert descriptors[-1] - descriptors[1] < 20
    assert running.stop() == 0
    with Store.open(place.url, writer=False) as store:
        assert verify_agreement(store, "Quick", lambda *_: None).findings == []
