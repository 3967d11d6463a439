"""Databases that are asked while an agreement is kept: stored, judged, read on, and in nobody's way."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsla.api import judge, load
from wsla.daemon.config import Config, Limits
from wsla.store.sqlite import Store
from wsla.values.instants import SECOND, format_instant

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")

SOON = Config(limits=Limits(snapshot_every=300_000_000))
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS length FROM n"


def execute(file: Path, sql: str, *values: object) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute(sql, values)
    connection.close()


def agreement(place: Any) -> str:
    return (
        'agreement "Bases" version 1 {\n  effective 2026-01-01 in "UTC"\n  grace 0s\n'
        '  party acme "Acme" provider\n  party globex "Globex" consumer\n'
        '  source queue = sql "sqlite:///shop.db" "SELECT region, length FROM queue" every 200ms {\n'
        "    label region\n  }\n"
        f'  source stuck = sql "sqlite:///shop.db" "{ENDLESS}" every 300ms timeout 100ms\n'
        '  source desk = records sql env DESK "SELECT closed, done FROM desk" every 200ms { at closed }\n'
        "  metric short = availability(queue.length < 5) each 1s by region\n"
        "  metric odd = availability(stuck.length < 5) each 1s\n"
        "  metric fixed = count(desk where desk.done) each 1s\n"
        "  goal available: acme guarantees short >= 99%\n"
        "  goal odd_one: acme guarantees odd >= 99%\n"
        "  goal fixing: acme guarantees fixed <= 1000\n}\n"
    )


def close_case(place: Any) -> None:
    execute(place.folder / "shop.db", "INSERT INTO desk VALUES (?, 1)", format_instant(time.time_ns()))


def test_databases_are_asked_and_judged_as_history_is(place: Any) -> None:
    base = place.folder / "shop.db"
    execute(base, "CREATE TABLE queue (region TEXT, length INTEGER)")
    execute(base, "CREATE TABLE desk (closed TEXT, done INTEGER)")
    execute(base, "INSERT INTO queue VALUES ('eu', 3), ('us', 7)")
    place.environ["DESK"] = f"sqlite:///{base}"
    path = place.write(agreement(place))
    rows = "observations JOIN streams ON streams.id = stream_id"
    for turn in range(2):
        running = place.run(path, config=SOON)
        close_case(place)
        place.until(lambda turn=turn: place.count(rows, "source = 'desk'") == 2 * turn + 1)
        close_case(place)
        place.until(lambda turn=turn: place.count(rows, "source = 'desk'") == 2 * turn + 2)
        before = place.count("judgements", "final")
        place.until(lambda before=before: place.count("judgements", "final") >= before + 4)
        assert running.stop() == 0
    assert place.count(rows, "source = 'desk'") == 4
    assert {row[0] for row in place.rows(f"SELECT DISTINCT failure FROM {rows} WHERE source = 'stuck'")} <= {
        "observer-database",
        "observer-shutdown",
        "observer-missed",
    }
    # A query that hangs delays nobody else.
    assert place.count(rows, "source = 'queue' AND failure IS NULL") >= 8
    with Store.open(str(place.store), writer=False) as store:
        [registered] = store.agreement_history("Bases")
        observations = list(store.observations("Bases", 0, 2**62, late=False))
        live = {
            (one.goal, one.labels, one.window): one
            for one in store.judgements("Bases", 0, 2**62, final_only=True)
        }
    report = judge(load(path), observations, registered.at, max(window.end for *_, window in live))
    again = {(one.goal, one.labels, one.window): one for one in report.judgements}
    assert {key: again[key] for key in live} == live


def test_a_secret_that_is_missing_keeps_it_from_starting(place: Any) -> None:
    running = place.run(place.write(agreement(place)))
    assert running.stop() == 1
    assert any("DESK is not set" in line for line in running.lines)


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_killed_at_any_moment_no_row_is_lost_or_doubled(place: Any, spawned: Callable[..., Any]) -> None:
    """K2, for a table that is read on: rows are added, some late, while the daemon is killed again and again."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    base = place.folder / "shop.db"
    execute(base, "CREATE TABLE desk (closed TEXT, done INTEGER)")
    path = place.write(
        'agreement "Bases" version 1 {\n  effective 2026-01-01 in "UTC"\n  grace 1h\n'
        '  party acme "Acme" provider\n  party globex "Globex" consumer\n'
        '  source desk = records sql "sqlite:///shop.db" "SELECT closed, done FROM desk" every 100ms { at closed }\n'
        "  metric fixed = count(desk where desk.done) each 1s\n"
        "  goal fixing: acme guarantees fixed <= 1000\n}\n"
    )
    written: list[tuple[int, str]] = []

    def add() -> None:
        with sqlite3.connect(base, timeout=30) as connection:
            for _ in range(chance.randrange(1, 20)):
                # Rows of a second mostly say the same; one in ten is of up to half a minute ago.
                late = chance.randrange(30) if chance.random() < 0.1 else 0
                closed = format_instant((time.time_ns() // SECOND - late) * SECOND)
                row = (int(chance.random() < 0.9), closed)
                connection.execute("INSERT INTO desk (done, closed) VALUES (?, ?)", row)
                written.append(row)
        connection.close()

    def adding(before: int) -> bool:
        add()
        return bool(place.count("observations") > before)

    for _ in range(3):
        before = len(written)
        process = spawned(path)
        # It has begun to read when the time runs that it has to live.
        place.until(lambda before=before: adding(before))
        end = time.monotonic() + chance.uniform(0.0, 0.8)
        while time.monotonic() < end:
            add()
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    process = spawned(path)
    add()
    place.until(lambda: place.count("observations") >= len(written))
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    with Store.open(str(place.store), writer=False) as store:
        found = list(store.observations("Bases", 0, 2**62))
    assert Counter((int(one.fields["done"]), format_instant(one.at)) for one in found) == Counter(written)
