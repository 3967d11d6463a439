"""Metrics sent by OpenTelemetry's own SDK, and by hand: on the disk once when they are acknowledged."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("starlette", reason="what answers over HTTP is not installed")
pytest.importorskip("uvicorn", reason="what answers over HTTP is not installed")
pytest.importorskip("opentelemetry.proto", reason="OpenTelemetry's messages are not installed")
pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry's SDK is not installed")

import httpx
from google.protobuf.json_format import MessageToJson, ParseDict
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from wsla.daemon.config import Config, Limits
from wsla.daemon.http_config import Http, Token
from wsla.store.sqlite import Store
from wsla.web.openapi import document
from wsla.web.server import WebServer
from wsla.web.view import View

SENDER = Token(name="sender", secret="sender-012345678", scopes=frozenset({"push"}), party="Host")
READER = Token(name="reader", secret="reader-012345678", scopes=frozenset({"read"}))
STRANGER = Token(name="stranger", secret="stranger-0123456", scopes=frozenset({"push"}), party="initech")
PROTOBUF, JSON = "application/x-protobuf", "application/json"
TEXT = """agreement "Sent" version 1 {
  effective 2026-01-01 in "UTC"
  grace 1h
  party host "Host" provider
  party shop "Shop" consumer
  source queue = push every 1s { only "service.name=checkout"  label region  length "queue.length" }
  source orders = push every 1s { orders orders }
  source took = push every 1s { n "took.count"  fast "took.le.0.5" }
  metric long = max(queue.length) each 10s by region
  metric sold = increase(orders.orders) each 10s
  metric slow = max(took.n - took.fast) each 10s
  goal a: host guarantees long <= 100
  goal b: host guarantees sold <= 100
  goal c: host guarantees slow <= 100
}
"""


class Telemetry:
    """A daemon to which metrics are sent."""

    def __init__(self, place: Any, **settings: Any) -> None:
        self.place = place
        place.write(TEXT, "sent.sla")
        self.http = Http(host="127.0.0.1", port=0, **settings)
        config = Config(http=self.http, limits=Limits(snapshot_every=500_000_000))
        self.running = place.run(config=config)
        assert self.running.daemon is not None, self.running.lines
        self.server = WebServer(self.http)
        self.server.serve(View(self.running.daemon, str(place.store)))
        self.client = httpx.Client(base_url=self.server.url, timeout=60, trust_env=False)

    def send(
        self, body: bytes, token: Token | None = None, kind: str = PROTOBUF, **headers: str
    ) -> httpx.Response:
        given = {"Content-Type": kind, **{name.replace("_", "-"): x for name, x in headers.items()}}
        if token is not None:
            given["Authorization"] = f"Bearer {token.secret}"
        return self.client.post("/v1/metrics", content=body, headers=given)

    def stored(self, source: str) -> list[Any]:
        with Store.open(str(self.place.store), writer=False) as store:
            return list(store.observations("Sent", 0, 2**62, source))

    def close(self) -> None:
        self.client.close()
        self.server.close()
        self.running.stop()


@pytest.fixture
def telemetry(place: Any) -> Iterator[Callable[..., Telemetry]]:
    opened: list[Telemetry] = []

    def make(**settings: Any) -> Telemetry:
        opened.append(Telemetry(place, **settings))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def request(value: float, at: int | None = None, region: str | None = "eu") -> ExportMetricsServiceRequest:
    labels = [] if region is None else [{"key": "region", "value": {"stringValue": region}}]
    point = {"timeUnixNano": str(at or time.time_ns()), "asDouble": value, "attributes": labels}
    metric = {"name": "queue.length", "gauge": {"dataPoints": [point]}}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "checkout"}}]}
    whole = {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]}
    return ParseDict(whole, ExportMetricsServiceRequest())


def rejected(answer: httpx.Response) -> tuple[int, str]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == PROTOBUF
    found = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    return found.rejected_data_points, found.error_message


@pytest.mark.parametrize("packed", [False, True])
def test_the_sdk_of_opentelemetry_can_send(telemetry: Any, packed: bool) -> None:
    there = telemetry(tokens=(SENDER,))
    exporter = OTLPMetricExporter(
        endpoint=f"{there.server.url}v1/metrics",
        headers={"authorization": f"Bearer {SENDER.secret}"},
        compression=Compression.Gzip if packed else Compression.NoCompression,
    )
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider([reader], Resource.create({"service.name": "checkout"}))
    meter = provider.get_meter("shop")
    length = meter.create_gauge("queue.length")
    orders = meter.create_counter("orders")
    took = meter.create_histogram("took", explicit_bucket_boundaries_advisory=[0.25, 0.5, 1.0])
    for turn in range(2):
        length.set(7, {"region": "eu"})
        length.set(9, {"region": "us"})
        orders.add(3)
        took.record(0.3)
        took.record(0.9)
        assert provider.force_flush()
        assert len(there.stored("queue")) == 2 * turn + 2
    provider.shutdown()
    assert {(one.fields["region"], one.fields["length"]) for one in there.stored("queue")} == {
        ("eu", 7_000_000),
        ("us", 9_000_000),
    }
    sold = [one.fields["orders"] for one in there.stored("orders")]
    assert sold[:3] == [0, 3_000_000, 6_000_000]
    slow = [(one.fields["n"], one.fields["fast"]) for one in there.stored("took")]
    assert slow[:2] == [(2_000_000, 1_000_000), (4_000_000, 2_000_000)]


def test_the_same_again_changes_nothing_and_another_value_is_rejected(telemetry: Any) -> None:
    """A5, for what OpenTelemetry sends."""
    there = telemetry()
    at = time.time_ns()
    body = request(5, at).SerializeToString()
    assert rejected(there.send(body)) == (0, "")
    assert rejected(there.send(body)) == (0, "")
    number, message = rejected(there.send(request(6, at).SerializeToString()))
    assert number == 1
    assert message == "queue of “Sent”: a second, different value for the same instant"
    assert [one.fields["length"] for one in there.stored("queue")] == [5_000_000]


def test_what_does_not_fit_is_rejected_and_told_and_the_rest_is_taken(telemetry: Any) -> None:
    there = telemetry()
    both = request(1)
    both.MergeFrom(request(2, region=None))
    both.MergeFrom(request(0.12345678))
    both.MergeFrom(request(3, time.time_ns() + 3_600_000_000_000))
    number, message = rejected(there.send(both.SerializeToString()))
    assert number == 3
    assert "queue.length lacks the attribute region" in message
    assert "ahead of the daemon's clock" in message
    assert len(there.stored("queue")) == 1
    other = MessageToJson(request(4)).replace("queue.length", "something.else")
    answer = there.send(other.encode(), kind=JSON)
    assert answer.json() == {
        "partialSuccess": {"errorMessage": "No source of kind push takes any of these metrics."}
    }


def test_json_is_taken_and_answered(telemetry: Any) -> None:
    there = telemetry()
    answer = there.send(MessageToJson(request(5)).encode(), kind=JSON)
    assert (answer.status_code, answer.headers["content-type"], answer.json()) == (200, JSON, {})
    assert len(there.stored("queue")) == 1


def test_only_who_may_send_sends(telemetry: Any) -> None:
    """A token of another party, and a page of a browser."""
    there = telemetry(tokens=(SENDER, READER, STRANGER))
    body = request(5).SerializeToString()
    for token, status in ((None, 401), (READER, 403)):
        answer = there.send(body, token)
        assert answer.status_code == status
        assert Status.FromString(answer.content).message
    assert there.send(body, SENDER, Origin="http://evil.example").status_code == 403
    # What belongs to others does not exist.
    assert rejected(there.send(body, STRANGER)) == (0, "No source of kind push takes any of these metrics.")
    assert there.stored("queue") == []
    assert rejected(there.send(body, SENDER)) == (0, "")


def test_bounds(telemetry: Any) -> None:
    """W1 and N4, for what OpenTelemetry sends."""
    there = telemetry(largest_push=1024)
    for body, status, headers in (
        (b"x" * 1025, 413, {}),
        (gzip.compress(b"\0" * 1_000_000), 413, {"Content_Encoding": "gzip"}),
        (b"nonsense", 400, {}),
        (b"nonsense", 400, {"Content_Encoding": "gzip"}),
        (b"nonsense", 415, {"Content_Encoding": "br"}),
    ):
        answer = there.send(body, **headers)
        assert answer.status_code == status
        assert Status.FromString(answer.content).message
    answer = there.send(b"{}", kind="text/plain")
    assert answer.status_code == 415
    assert there.send(b"nonsense", kind=JSON).json()["message"] == "This is no request with metrics in JSON."
    assert (
        there.send(gzip.compress(request(5).SerializeToString()), Content_Encoding="gzip").status_code == 200
    )


def test_a_full_store_asks_to_send_again(telemetry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    there = telemetry()
    from wsla.daemon.pushing import Crowded, Inbox

    async def crowded(*_: Any) -> Any:
        raise Crowded("The store takes nothing more at the moment.")

    monkeypatch.setattr(Inbox, "take", crowded)
    answer = there.send(request(5).SerializeToString())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert Status.FromString(answer.content).message == "The store takes nothing more at the moment."


def test_it_is_described() -> None:
    assert "/v1/metrics" in document()["paths"]
