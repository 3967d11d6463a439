"""What OpenTelemetry sends, as rows of push sources."""

from __future__ import annotations

import gzip
import math
from typing import Any

import pytest

from wsla.api import loads
from wsla.sources import otlp
from wsla.sources.otlp import failure, points_of, read_request, response, rows_for, unpacked
from wsla.sources.pushed import TooManyRows, Unreadable, read_rows
from wsla.values.instants import SECOND, parse_instant

pytest.importorskip("opentelemetry.proto", reason="OpenTelemetry's messages are not installed")

from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

AT = parse_instant("2026-03-01T10:00:00Z")
BEGAN = AT - 60 * SECOND
CUMULATIVE, DELTA = 2, 1


def source(lines: str, metric: str = "max(s.value) each day", records: str = "") -> Any:
    text = f"""agreement "Sent" version 1 {{
  effective 2026-01-01 in "UTC"
  party host "Host" provider
  party shop "Shop" consumer
  source s = {records} push {"" if records else "every 30s"} {{
    {lines}
  }}
  metric found = {metric}
  goal g: host guarantees found <= 1000
}}
"""
    return loads(text).plan.source("s")


def request(*metrics: dict[str, Any], resource: dict[str, str] | None = None) -> ExportMetricsServiceRequest:
    """A request with metrics as JSON has them."""
    from google.protobuf.json_format import ParseDict

    value = {
        "resourceMetrics": [
            {
                "resource": {"attributes": attributes(resource or {"service.name": "checkout"})},
                "scopeMetrics": [{"scope": {"name": "lib"}, "metrics": list(metrics)}],
            }
        ]
    }
    return ParseDict(value, ExportMetricsServiceRequest())


def attributes(given: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in given.items()]


def point(value: Any, at: int = AT, began: int = 0, **labels: str) -> dict[str, Any]:
    kind = "asDouble" if isinstance(value, float) else "asInt"
    shown = repr(value).replace("nan", "NaN") if isinstance(value, float) and math.isnan(value) else value
    return {
        "attributes": attributes(labels),
        "timeUnixNano": str(at),
        "startTimeUnixNano": str(began),
        kind: shown,
    }


def gauge(name: str, *points: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "gauge": {"dataPoints": list(points)}}


def total(name: str, *points: dict[str, Any], kind: int = CUMULATIVE, only_up: bool = True) -> dict[str, Any]:
    return {
        "name": name,
        "sum": {"dataPoints": list(points), "aggregationTemporality": kind, "isMonotonic": only_up},
    }


def taken(
    declared: Any, asked: ExportMetricsServiceRequest, since: int = 0
) -> list[tuple[int, dict[str, Any]]]:
    found = rows_for(declared, points_of(asked), since)
    assert found is not None
    assert found.unfit == []
    pushed = read_rows(declared, found.rows, None, AT)
    assert pushed.refused == ()
    return [(one.at, dict(one.fields)) for _, _, one in pushed.rows]


def unfit(declared: Any, asked: ExportMetricsServiceRequest) -> list[str]:
    found = rows_for(declared, points_of(asked), 0)
    assert found is not None
    return found.unfit


def test_metrics_of_one_instant_are_one_row() -> None:
    declared = source(
        'label region\n up "checkout.up"\n value took_ms', "max(s.value where s.up) each day by region"
    )
    asked = request(
        gauge("checkout.up", point(1, region="eu"), point(0, region="us")),
        gauge("took.ms", point(12.5, region="eu")),
        gauge("other", point(7)),
    )
    assert taken(declared, asked) == [
        (AT, {"region": "eu", "up": True, "value": 12_500_000}),
        (AT, {"region": "us", "up": False, "value": None}),
    ]


@pytest.mark.parametrize(
    ("number", "stored"), [(41.5, 41_500_000), (3.0, 3_000_000), (-2, -2_000_000), (math.nan, None)]
)
def test_numbers_are_exact_and_what_is_none_is_unknown(number: Any, stored: int | None) -> None:
    assert taken(source("value n"), request(gauge("n", point(number)))) == [(AT, {"value": stored})]


def test_what_was_not_recorded_is_unknown() -> None:
    one = {**point(5), "flags": 1}
    assert taken(source("value n"), request(gauge("n", one))) == [(AT, {"value": None})]


def test_a_cumulative_sum_was_zero_when_it_began() -> None:
    declared = source("value orders", "increase(s.value) each day")
    asked = request(total("orders", point(7, began=BEGAN)))
    assert taken(declared, asked) == [(BEGAN, {"value": 0}), (AT, {"value": 7_000_000})]
    assert taken(declared, asked, since=BEGAN + 1) == [(AT, {"value": 7_000_000})]
    for other in (
        total("orders", point(7, began=BEGAN), kind=DELTA),
        total("orders", point(7, began=BEGAN), only_up=False),
        total("orders", point(7, began=AT)),
    ):
        assert taken(declared, request(other)) == [(AT, {"value": 7_000_000})]


def test_a_sum_that_does_not_say_what_it_counts_from_is_rejected() -> None:
    [reason] = unfit(source("value orders"), request(total("orders", point(7), kind=0)))
    assert reason == "orders does not say what its values count from"


def test_of_a_histogram_plain_numbers_are_taken() -> None:
    one = {
        "timeUnixNano": str(AT),
        "count": "10",
        "sum": 42.5,
        "max": 9.25,
        "explicitBounds": [0.5, 1],
        "bucketCounts": ["4", "5", "1"],
    }
    asked = request(
        {"name": "took", "histogram": {"dataPoints": [one], "aggregationTemporality": CUMULATIVE}}
    )
    lines = 'n "took.count"\n total "took.sum"\n value "took.max"\n fast "took.le.0.5"\n good "took.le.1.0"'
    metric = "max(s.value where s.n > 0 and s.total > 0 and s.fast > 0 and s.good > 0) each day"
    millions = {"n": 10, "total": 42.5, "value": 9.25, "fast": 4, "good": 9}
    assert taken(source(lines, metric), asked) == [
        (AT, {name: int(1_000_000 * number) for name, number in millions.items()})
    ]
    assert rows_for(source("value took"), points_of(asked), 0) is None
    assert rows_for(source('value "took.le.0.7"'), points_of(asked), 0) is None


def test_labels_are_attributes_of_the_point_else_of_the_scope_or_resource() -> None:
    declared = source("label service_name\n value n", "max(s.value) each day by service_name")
    assert taken(declared, request(gauge("n", point(1))))[0][1]["service_name"] == "checkout"
    own = point(1)
    own["attributes"] = attributes({"service.name": "own"})
    assert taken(declared, request(gauge("n", own)))[0][1]["service_name"] == "own"
    [reason] = unfit(declared, request(gauge("n", point(1)), resource={"host": "a"}))
    assert reason == "n lacks the attribute service_name"


def test_only_what_is_asked_for_is_taken() -> None:
    declared = source('only "service.name=checkout"\n only "zone = a"\n value n')
    assert rows_for(declared, points_of(request(gauge("n", point(1)))), 0) is None
    assert rows_for(declared, points_of(request(gauge("n", point(1, zone="b")))), 0) is None
    assert len(taken(declared, request(gauge("n", point(1, zone="a"))))) == 1


def test_values_that_no_label_tells_apart_are_rejected() -> None:
    asked = request(gauge("n", point(1, zone="a"), point(2, zone="b"), point(1, zone="c")))
    [reason] = unfit(source("value n"), asked)
    assert "no label tells apart" in reason


def test_a_point_without_a_time_is_rejected() -> None:
    assert unfit(source("value n"), request(gauge("n", point(1, at=0)))) == ["n has no time"]


def test_records_take_none() -> None:
    declared = source("at closed\n done done", "count(s where s.done) each day", "records")
    assert rows_for(declared, points_of(request(gauge("done", point(1)))), 0) is None


@pytest.mark.parametrize("json", [False, True])
def test_both_forms_are_read(json: bool) -> None:
    asked = request(gauge("n", point(1)))
    body = MessageToJson(asked).encode() if json else asked.SerializeToString()
    assert read_request(body, json=json) == asked
    with pytest.raises(Unreadable, match="no request with metrics"):
        read_request(b"\xff\xff\xff", json=json)


def test_what_is_packed_is_unpacked_within_bounds() -> None:
    """N4, for what is sent."""
    body = b"x" * 1000
    assert unpacked(gzip.compress(body), 1000) == body
    with pytest.raises(TooManyRows):
        unpacked(gzip.compress(body + b"x"), 1000)
    with pytest.raises(Unreadable, match="not packed"):
        unpacked(body, 1000)
    with pytest.raises(Unreadable, match="cut short"):
        unpacked(gzip.compress(body)[:-9], 1000)


def test_there_may_be_so_many_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "MOST_POINTS", 2)
    assert len(points_of(request(gauge("n", point(1), point(2))))) == 2
    with pytest.raises(TooManyRows):
        points_of(request(gauge("n", point(1), point(2)), gauge("m", point(1))))


def test_answers_have_the_forms_of_the_protocol() -> None:
    answer = ExportMetricsServiceResponse.FromString(response(2, "why", json=False))
    assert (answer.partial_success.rejected_data_points, answer.partial_success.error_message) == (2, "why")
    assert response(0, "", json=False) == b""
    assert response(0, "", json=True) == b"{}"
    from google.rpc.status_pb2 import Status

    for text in ("no", "long " * 100, "ü"):
        assert Status.FromString(failure(text)).message == text
