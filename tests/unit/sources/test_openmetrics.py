"""Metrics with timestamps as history: text files, and range queries of a server that answers like Prometheus."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from wsla.analysis.checked import Field
from wsla.analysis.types import NumberType
from wsla.sources.files import DataError, History, read_history
from wsla.sources.files.openmetrics import sample
from wsla.testing.metric_sources import UP, metric_source
from wsla.values.instants import parse_instant
from wsla.values.quantities import TIME

from .asked_server import asked_server

NOON = parse_instant("2026-03-04T12:00:00Z")
TOOK = metric_source(
    Field(
        name="took",
        column="value",
        type=NumberType(dimension=TIME),
        unit_factor=Fraction(10**9),
        unit_stated=True,
        resolution=Fraction(1),
    ),
    at="time",
)
TEXT = """\
# TYPE up gauge
up{region="eu",job="a"} 1.0 1772625600
up{region="eu",job="a"} 0 1772625660.001
up{region="us"} 1 1772625600.000000001 # {trace="x"} 0.5

# HELP took how long
took_seconds 0.25 1772625600
took_seconds 1e-1 1772625601
took_seconds +Inf 1772625602
took_seconds 0.3
# EOF
"""


def seen(found: History) -> list[tuple[Any, ...]]:
    return [(x.at - NOON, *x.fields.values()) for x in found.observations]


@pytest.mark.parametrize("packed", [False, True])
def test_a_file(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("metrics.om.gz" if packed else "metrics.om")
    path.write_bytes(gzip.compress(TEXT.encode()) if packed else TEXT.encode())
    up = read_history(UP, str(path), where={"metric": "up"})
    assert seen(up) == [(0, "eu", True), (1, "us", True), (60_001_000_000, "eu", False)]
    assert (up.rows, up.filtered) == (7, 4)
    took = read_history(TOOK, str(path), where={"metric": "took_seconds"})
    assert seen(took) == [(0, 250_000_000), (10**9, 100_000_000)]
    assert [(x.line, x.reason) for x in took.rejects.examples] == [
        (9, "took: '+Inf' is not a finite number"),
        (10, "at is empty, so the row has no instant"),
    ]


def test_the_form_of_prometheus_counts_milliseconds(tmp_path: Path) -> None:
    path = tmp_path / "metrics.prom"
    path.write_text("took_seconds 0.25 1772625600001\nnonsense\ntook_seconds{ 1 1\n", "utf-8")
    found = read_history(TOOK, str(path))
    assert seen(found) == [(1_000_000, 250_000_000)]
    assert [x.line for x in found.rejects.examples] == [2, 3]


def test_a_file_that_is_cut_short_or_empty(tmp_path: Path) -> None:
    path = tmp_path / "metrics.om"
    for text, words in ((TEXT.removesuffix("# EOF\n"), "is cut short"), ("", "is empty")):
        path.write_text(text, "utf-8")
        with pytest.raises(DataError, match=words):
            read_history(UP, str(path))
    path.write_text("up 1 1\n# EOF\n", "utf-8")
    with pytest.raises(DataError, match="lacks the column `region`"):
        read_history(UP, str(path))


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ("up 1", {"metric": "up", "value": "1", "time": None}),
        ("up{} 1.50 0", {"metric": "up", "value": "1.50", "time": "1970-01-01T00:00:00Z"}),
        (
            'a:b{x="1", y = "}\\"\\\\\\n\\t" ,} 1e3',
            {"metric": "a:b", "x": "1", "y": '}"\\\n\\t', "value": "1000", "time": None},
        ),
        ('up{time="no"} NaN', {"metric": "up", "value": "NaN", "time": None}),
        ("up", None),
        ("up{x=1} 1", None),
        ('up{x="1" 1', None),
        ("up one", None),
        ("up 1 1 1", None),
        ("up 1 0.0000000001", None),
        ("up 1 1e99999999", None),
        ("1up 1", None),
        ("{up} 1", None),
    ],
)
def test_lines(line: str, cells: dict[str, Any] | None) -> None:
    assert sample(line, seconds=True) == cells


# --- range queries


def answered(one: dict[str, str]) -> bytes:
    """Two series with a point each step."""
    if one["query"] == "busy":
        return b"busy"
    if one["query"] == "wrong":
        return b'{"status": "error", "error": "no such function"}'
    start, end, step = (Decimal(one[name]) for name in ("start", "end", "step"))
    points = [[float(start + x * step), "1"] for x in range(int((end - start) / step) + 1)]
    series = [{"metric": {"__name__": "up", "region": region}, "values": points} for region in ("eu", "us")]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}}).encode()


@pytest.fixture
def server() -> Iterator[Any]:
    with asked_server(answered) as made:
        yield made


def address(server: Any, query: str = "up", step: str = "30s", end: str = "2026-03-04T12:01:00Z") -> str:
    return (
        f"prometheus+http://127.0.0.1:{server.server_port}/prefix?query={quote(query)}&step={step}"
        f"&start=2026-03-04T12:00:00Z&end={end}&nocache=1"
    )


def test_a_range_query_is_half_open(server: Any) -> None:
    found = read_history(UP, address(server, 'up{job="a"}'))
    assert seen(found) == [(x, region, True) for x in (0, 30 * 10**9) for region in ("eu", "us")]
    assert server.asked == [
        {
            "path": "/prefix/api/v1/query_range?nocache=1",
            "query": 'up{job="a"}',
            "start": "1772625600.000",
            "end": "1772625630.000",
            "step": "30.000",
        }
    ]


def test_a_long_query_is_asked_in_parts(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsla.sources.files.range_query._POINTS_AT_ONCE", 7)
    found = read_history(
        UP, address(server, step="7.5", end="2026-03-04T12:01:40.001Z"), where={"region": "eu"}
    )
    assert [x.at - NOON for x in found.observations] == [x * 7_500_000_000 for x in range(14)]
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("query=up", "query=wrong"), "refuses the query: no such function"),
        (("query=up", "query=busy"), "gives no answer of Prometheus"),
        (("query=up&", ""), "does not say query: write …\\?query=up behind it"),
        (("step=30s", "step=soon"), "has no step such as 30s"),
        (("step=30s", "step=0s"), "has no step such as 30s"),
        (("12:00:00Z", "12:00:00"), "has a start without an offset"),
        (("12:01:00Z", "later"), "has no end such as"),
        (("12:01:00Z", "12:01:00.0001Z"), "finer than a millisecond"),
    ],
)
def test_what_cannot_be_asked(server: Any, change: tuple[str, str], words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_history(UP, address(server).replace(*change))


def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    with pytest.raises(DataError, match="does not answer") as found:
        read_history(
            UP,
            "prometheus+http://me:secret@127.0.0.1:1?query=up&step=1m&start=2026-03-04T12:00:00Z&end=2026-03-05T12:00:00Z",
        )
    assert "secret" not in str(found.value)
