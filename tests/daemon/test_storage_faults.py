"""Faults of the store under a whole daemon: it looks on, blames nobody, tells nothing that is not booked."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="what answers over HTTP is not installed")
pytest.importorskip("uvicorn", reason="what answers over HTTP is not installed")
pytest.importorskip("jinja2", reason="what draws pages is not installed")
pytest.importorskip("prometheus_client", reason="what tells figures is not installed")

import httpx

from wsla.daemon.http_config import Http
from wsla.store.sqlite import Store
from wsla.values.instants import SECOND
from wsla.web.server import WebServer
from wsla.web.view import View

Harm = Callable[[Any, Any], AbstractContextManager[None]]


def ask(running: Any, question: Callable[[Store], Any]) -> Any:
    """What the daemon's own store answers, between two of its transactions."""
    return running.daemon._writer.call(question).result(30)


@contextmanager
def full(place: Any, running: Any) -> Any:
    """No page more may be used."""
    ((pages,),) = ask(running, lambda store: store._session.read("PRAGMA page_count"))
    ask(running, lambda store: store._session.read(f"PRAGMA max_page_count = {pages}"))
    yield
    # Its own thread answers nothing while it tries to write.
    running.daemon._store._session._connection.execute("PRAGMA max_page_count = 1000000")


@contextmanager
def locked(place: Any, running: Any) -> Any:
    """Another program holds the file; the daemon's own patience is made short."""
    ask(running, lambda store: store._session.read("PRAGMA busy_timeout = 50"))
    blocker = sqlite3.connect(place.store, isolation_level=None, timeout=10)
    blocker.execute("BEGIN EXCLUSIVE")
    yield
    blocker.execute("ROLLBACK")
    blocker.close()


@contextmanager
def read_only(place: Any, running: Any) -> Any:
    """Whatever is opened may be read only."""
    session = running.daemon._store._session
    connect = session._connect

    def open_for_reading(*arguments: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments)
        connection.execute("PRAGMA query_only = ON")
        return connection

    session._connect = open_for_reading
    ask(running, lambda store: store._session._drop())
    yield
    session._connect = connect
    ask(running, lambda store: store._session._drop())


@contextmanager
def moved_away(place: Any, running: Any) -> Any:
    """Somebody moves the file, and puts it back."""
    away = Path(f"{place.store}.away")
    place.store.rename(away)
    yield
    away.rename(place.store)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        pytest.param(full, "no room left", id="D1 full"),
        pytest.param(locked, "holds the store", id="D5 locked"),
        pytest.param(read_only, "read-only", id="D4 read-only"),
        pytest.param(moved_away, "was removed or moved away", id="D9 moved away"),
    ],
)
def test_the_store_fails_and_comes_back(place: Any, harm: Harm, words: str) -> None:
    """D1, D4, D5, D9."""
    text = place.text(every="200ms", timeout="190ms", promised="30%", patience="900ms")
    running = place.run(place.write(text))
    server = WebServer(Http(host="127.0.0.1", port=0))
    server.serve(View(running.daemon, str(place.store)))
    client = httpx.Client(base_url=server.url, timeout=30, trust_env=False)
    trouble = lambda: running.ask(lambda daemon: daemon.status().store_trouble)  # noqa: E731
    try:
        place.until(lambda: place.count("observations") > 5)
        assert client.get("/readyz").status_code == 200
        with harm(place, running):
            began = time.time_ns()
            assert words in place.until(trouble)
            assert any(words in line for line in running.lines)
            assert client.get("/readyz").status_code == 503
            assert "wsla_store_ok 0.0" in client.get("/metrics").text
            # It looks on; and nothing is told that is not booked.
            asked = place.service.asked["/health"]
            place.until(lambda: place.service.asked["/health"] > asked + 10)
            turned = time.time_ns()
            place.service.healthy = False
            asked = place.service.asked["/health"]
            place.until(lambda: place.service.asked["/health"] > asked + 20)
            assert not place.receiver.got
            assert not (place.folder / "ops.log").exists()
        place.until(lambda: place.receiver.got)
        place.until(lambda: trouble() is None)
        assert client.get("/readyz").status_code == 200
        assert running.ask(lambda daemon: daemon.status().dropped) == 0
    finally:
        client.close()
        server.close()
    assert running.stop() == 0
    seen = [
        (at, json.loads(fields)["ok"], failure)
        for at, fields, failure in place.rows("SELECT at, fields, failure FROM observations ORDER BY at")
    ]
    # Each has its own instant, and the service is never marked down for what is wrong here.
    assert sum(began < at < turned for at, _, _ in seen) > 8
    before = [(ok, failure) for at, ok, failure in seen if at < turned - SECOND // 5]
    # A loaded machine may be slow to look.
    assert all(ok is not False or failure == "timeout" for ok, failure in before)
    assert any(ok for ok, _ in before)
    verdicts = place.rows("SELECT window_end, verdict FROM judgements WHERE final ORDER BY window_end")
    assert all(verdict != "violated" for end, verdict in verdicts if end < turned)
    assert all(late - early == SECOND for early, late in pairwise(end for end, _ in verdicts))
    entries = place.rows("SELECT at FROM entries ORDER BY at")
    assert [at for (at,) in entries] == [end for end, verdict in verdicts if verdict == "violated"]
