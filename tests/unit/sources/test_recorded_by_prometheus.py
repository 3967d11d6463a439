"""History that Prometheus has recorded: saved answers, a source's own queries, metrics that are fields."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import wsla
from wsla.analysis.checked import Source
from wsla.sources.files import DataError, History, read_history
from wsla.sources.files.places import files_at
from wsla.testing.metric_sources import UP
from wsla.values.instants import parse_instant

from .asked_server import asked_server

NOON = parse_instant("2026-03-04T12:00:00Z")
SECONDS = NOON // 10**9
BAD, TOTAL = 'sum(failed{x="1"}) or 0', "sum(served)"
SLA = f"""\
agreement "Shop" version 1 {{
  effective 2026-01-01
  party shop "Shop" provider
  party users "Users" consumer
  source web = KIND every 1m {{
    label region
    bad   "{BAD.replace('"', chr(92) + '"')}"
    total "{TOTAL}"
  }}
  metric level = 100% - increase(web.bad) / increase(web.total) over last 1h every 1m by region
  goal served: shop guarantees level >= 99% {{ otherwise notify users }}
}}
"""


def source(kind: str = 'prometheus "http://x.example"') -> Source:
    (found,) = wsla.loads(SLA.replace("KIND", kind)).checked.sources
    return found


def seen(found: History) -> list[tuple[Any, ...]]:
    return [(x.at - NOON, *x.fields.values()) for x in found.observations]


def answer(*series: tuple[dict[str, str], list[tuple[Any, str]]]) -> str:
    result = [{"metric": metric, "values": values} for metric, values in series]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


ONE = answer(
    ({"__name__": "up", "region": "eu"}, [(SECONDS, "1"), (SECONDS + 0.5, "0")]),
    ({"__name__": "up", "region": "us"}, [(SECONDS, "1")]),
)


@pytest.mark.parametrize("packed", [False, True])
def test_a_saved_answer(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("up.json.gz" if packed else "up.json")
    path.write_bytes(gzip.compress(ONE.encode()) if packed else ONE.encode())
    found = read_history(UP, f"prometheus:{path}")
    assert seen(found) == [(0, "eu", True), (0, "us", True), (500_000_000, "eu", False)]
    chosen = read_history(UP, f"prometheus:{path}", where={"region": "us"})
    assert (seen(chosen), chosen.filtered) == ([(0, "us", True)], 2)


def test_several_metrics_of_a_saved_answer_are_fields(tmp_path: Path) -> None:
    path = tmp_path / "both.json"
    path.write_text(
        answer(
            ({"__name__": "failed", "region": "eu", "job": "a"}, [(SECONDS, "1"), (SECONDS + 60, "2")]),
            ({"__name__": "served", "region": "eu", "job": "b"}, [(SECONDS, "10"), (SECONDS + 60, "20")]),
            ({"__name__": "served", "region": "us"}, [(SECONDS, "5")]),
            ({"__name__": "other", "region": "us"}, [(SECONDS, "5")]),
        ),
        "utf-8",
    )
    columns = {"bad": "failed", "total": "served"}
    found = read_history(source(), f"prometheus:{path}", columns=columns)
    million = 10**6
    assert seen(found) == [
        (0, "eu", million, 10 * million),
        (0, "us", None, 5 * million),
        (60 * 10**9, "eu", 2 * million, 20 * million),
    ]
    assert found.filtered == 1


def test_several_metrics_of_a_text_are_fields(tmp_path: Path) -> None:
    path = tmp_path / "both.om"
    path.write_text(
        f'failed{{region="eu",job="a"}} 1 {SECONDS}\nserved{{region="eu"}} 10 {SECONDS}\n'
        f'served{{region="eu",job="c"}} 11 {SECONDS}\nfailed{{region="eu",job="b"}} 1 {SECONDS}\n# EOF\n',
        "utf-8",
    )
    found = read_history(source(), str(path), columns={"bad": "failed", "total": "served"})
    assert seen(found) == [(0, "eu", 10**6, 10**7)]
    assert [(x.line, x.reason) for x in found.rejects.examples] == [
        (3, "served: a second, different value for the same instant")
    ]
    only = read_history(source(), str(path), columns={"bad": "failed", "total": "served"}, where={"job": "c"})
    assert seen(only) == [(0, "eu", None, 11 * 10**6)]
    with pytest.raises(DataError, match="lacks the column `sreved`"):
        read_history(source(), str(path), columns={"bad": "failed", "total": "sreved"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is no JSON"),
        ("[1]", "refuses the query: no reason given"),
        ('{"status": "error", "error": "too long"}', "refuses the query: too long"),
        (
            '{"status": "success", "data": {"result": [{"metric": {}, "value": [1, "1"]}]}}',
            "no answer of Prometheus",
        ),
        ('{"status": "success", "data": {"result": 5}}', "no answer of Prometheus"),
        (
            '{"status": "success", "data": {"resultType": "vector", "result": []}}',
            "answers a query for one instant",
        ),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_a_file_that_is_no_such_answer(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, "utf-8")
    with pytest.raises(DataError, match=words):
        read_history(UP, f"prometheus:{path}")


def test_files_are_found_by_patterns(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(ONE, "utf-8")
    assert list(files_at(f"prometheus:{tmp_path}/*.json")) == [
        f"prometheus:{tmp_path}/{name}.json" for name in "ab"
    ]
    with pytest.raises(DataError):
        files_at(f"prometheus:{tmp_path}/*.jsn")
    with pytest.raises(DataError):
        read_history(UP, f"prometheus:{tmp_path}/gone.json")


def answered(one: dict[str, str]) -> bytes:
    """Counters by region; the failed ones of one region only."""
    start, end, step = (Decimal(one[name]) for name in ("start", "end", "step"))
    times = [float(start + x * step) for x in range(int((end - start) / step) + 1)]
    each = {BAD: 1, TOTAL: 10}.get(one["query"], 100)
    regions = ("eu",) if one["query"] == BAD else ("eu", "us")
    return answer(
        *(({"region": region}, [(time, str(each * x)) for x, time in enumerate(times)]) for region in regions)
    ).encode()


@pytest.fixture
def server() -> Iterator[Any]:
    with asked_server(answered) as made:
        yield made


def place(server: Any, more: str = "") -> str:
    return f"prometheus:http://127.0.0.1:{server.server_port}/x?start=2026-03-04T12:00:00Z&end=2026-03-04T12:02:00Z{more}"


def test_a_server_is_asked_for_the_queries_of_the_source(server: Any) -> None:
    found = read_history(source(), place(server))
    assert [(one["query"], one["step"]) for one in server.asked] == [(BAD, "60.000"), (TOTAL, "60.000")]
    assert seen(found) == [
        (0, "eu", 0, 0),
        (0, "us", None, 0),
        (60 * 10**9, "eu", 10**6, 10**7),
        (60 * 10**9, "us", None, 10**7),
    ]


def test_a_step_and_a_query_of_ones_own(server: Any) -> None:
    assert len(read_history(source(), place(server, "&step=30s")).observations) == 8
    found = read_history(UP, place(server, "&step=1m&query=vector(1)"), where={"region": "us"})
    assert server.asked[-1]["query"] == "vector(1)"
    assert found.filtered == 2


@pytest.mark.parametrize(
    ("kind", "old", "new", "words"),
    [
        ("push", "", "", "is of kind push, so there has to be a query"),
        ('prometheus "http://x.example"', "&end=", "&until=", "does not say end: write …\\?end="),
        (
            'prometheus "http://x.example"',
            "127.0.0.1:",
            "me:secret@127.0.0.1:1",
            "does not answer|cannot be read",
        ),
    ],
)
def test_what_cannot_be_asked(kind: str, old: str, new: str, words: str, server: Any) -> None:
    with pytest.raises(DataError, match=words) as found:
        read_history(source(kind), place(server).replace(old, new))
    assert "secret" not in str(found.value)
