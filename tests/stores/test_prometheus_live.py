"""A prometheus source that is looked at while the agreement is kept, against the servers themselves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import pytest

from wsla.api import loads
from wsla.daemon.bindings import Deploying, ProbePlan
from wsla.daemon.clock import SystemClock
from wsla.daemon.config import Config
from wsla.daemon.scheduler import Slots
from wsla.daemon.series import SeriesRunner
from wsla.sources.prometheus import PrometheusProber, PrometheusTarget
from wsla.values.instants import MILLISECOND
from wsla.values.observations import Observation

START = 1_772_323_200_000  # 2026-03-01T00:00:00Z
AT = START * MILLISECOND
NAMES = (f"wsla_live_{number}" for number in count())


def planned(url: str, lines: str, metric: str, timeout: str = "5s") -> ProbePlan:
    text = f"""agreement "Live" version 1 {{
  effective 2026-01-01 in "UTC"
  party host "Host" provider
  party shop "Shop" consumer
  source web = prometheus "{url}" every 30s timeout {timeout} {{
    {lines}
  }}
  metric found = {metric}
  goal available: host guarantees found >= 99%
}}
"""
    deploying = Deploying(loads(text), Config(), {}, SystemClock())
    deployment = deploying.deploy()
    assert deploying.problems == []
    return deployment.probes["web"]


def target_of(plan: ProbePlan) -> PrometheusTarget:
    assert isinstance(plan.target, PrometheusTarget)
    return plan.target


def look(plan: ProbePlan, at: int = AT) -> tuple[Observation, list[Observation]]:
    async def once() -> tuple[Observation, list[Observation]]:
        prober = PrometheusProber(target_of(plan), SystemClock())
        first = await prober.probe(at)
        return first, list(prober.found.values())

    return asyncio.run(once())


def by_region(url: str, name: str) -> ProbePlan:
    lines = f'label region\n    up {name}\n    latency "{name} * 250" in ms'
    return planned(url, lines, "availability(web.up and web.latency < 1s) each day by region")


def load(metrics: Any, series: dict[str, float]) -> str:
    name = next(NAMES)
    metrics.load(
        name,
        {(("job", "test"), ("region", region)): [(START - 1000, value)] for region, value in series.items()},
    )
    return name


def test_every_series_is_a_stream(metrics: Any) -> None:
    first, found = look(by_region(metrics.address, load(metrics, {"eu": 1.0, "us": 0.0})))
    assert first in found
    assert {(one.at, one.failure) for one in found} == {(AT, None)}
    assert sorted((one.fields["region"], one.fields["up"], one.fields["latency"]) for one in found) == [
        ("eu", True, 250_000_000),
        ("us", False, 0),
    ]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("{name}", "several series"),
        ('"{name} * 0.1 + 0.0000001"', "neither true nor false"),
        ('"{name}["', "refuses the query"),
        ('"{name}[5m]"', "where one value a series is wanted"),
        ("wsla_nothing_of_this_name", "no series"),
    ],
)
def test_an_answer_of_no_use_is_the_observers_fault(metrics: Any, query: str, words: str) -> None:
    name = load(metrics, {"eu": 1.0, "us": 0.0})
    plan = planned(metrics.address, f"up {query.replace('{name}', name)}", "availability(web.up) each day")
    first, found = look(plan)
    assert found == []
    assert (first.failure, first.fields) == ("observer-query", {"up": None})
    assert words in (first.reason or "")


def test_a_sum_is_one_series(metrics: Any) -> None:
    name = load(metrics, {"eu": 1.0, "us": 0.0})
    plan = planned(metrics.address, f'good "sum({name}) / count({name})"', "share(web.good >= 0.5) each day")
    first, _ = look(plan)
    assert first.fields == {"good": 500_000}


class Server(ThreadingHTTPServer):
    """Answers as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        outer = self
        self.body = b""
        self.status = 200
        self.hangs = threading.Event()
        self.hangs.set()

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                return

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.hangs.wait(10)
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.hangs.set()
    found.shutdown()
    found.server_close()


def vector(**series: str) -> bytes:
    rows = ",".join(
        f'{{"metric":{{"region":"{name}"}},"value":[1.5,"{text}"]}}' for name, text in series.items()
    )
    return f'{{"status":"success","data":{{"resultType":"vector","result":[{rows}]}}}}'.encode()


@pytest.mark.parametrize(
    "body",
    [b"", b"oops", b"[]", b'{"status": "success"}', b'{"status":"success","data":{"resultType":"vector","result":[1]}}',
     vector(eu="+Inf"), vector(eu="1e400"), b"[" * 50_000],
)  # fmt: skip
def test_a_bad_answer_is_the_observers_fault(server: Server, body: bytes) -> None:
    server.body = body
    first, found = look(by_region(server.url, "up"))
    assert (found, first.failure) == ([], "observer-query")
    assert set(first.fields.values()) == {None}


def test_no_answer_is_the_observers_fault(server: Server) -> None:
    plan = planned(server.url, "up up", "availability(web.up) each day", timeout="200ms")
    server.hangs.clear()
    assert look(plan)[0].failure == "observer-query"
    server.shutdown()
    server.server_close()
    assert look(plan)[0].failure == "observer-query"


def test_not_a_number_is_unknown(server: Server) -> None:
    server.body = vector(eu="NaN")
    _, [found] = look(by_region(server.url, "up"))
    assert (found.failure, found.fields["up"], found.fields["latency"]) == (None, None, None)


def test_a_series_that_goes_away_is_unknown(server: Server) -> None:
    async def scenario() -> list[list[Observation]]:
        told: list[list[Observation]] = []
        plan = by_region(server.url, "up")
        runner = SeriesRunner(
            "Live",
            plan,
            target_of(plan),
            SystemClock(),
            Slots(10, 10),
            lambda *found: told.append(list(found)),
        )
        for body in (b"", vector(eu="1", us="1"), vector(us="1"), b"oops"):
            server.body = body
            runner._tell(await runner._probe(AT))
        return told

    nothing, both, one, none = asyncio.run(scenario())
    # Nobody knows of any series before the first answer.
    assert nothing == []
    shown = [
        [(found.fields["region"], found.fields["up"], found.failure) for found in told]
        for told in (both, one, none)
    ]
    assert shown == [
        [("eu", True, None), ("us", True, None)],
        [("us", True, None), ("eu", None, "observer-query")],
        [("eu", None, "observer-query"), ("us", None, "observer-query")],
    ]
