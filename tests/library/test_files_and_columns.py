"""`evaluate` with files, and long histories in columns: the same report as one observation after the other gives."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars
import pytest

import wsla
from wsla import api
from wsla.evaluation.report import JudgedColumns
from wsla.evaluation.verdicts import Verdict

START = datetime(2026, 3, 2, tzinfo=UTC)
TEXT = """\
agreement "Web shop" version 1 {
  effective 2026-01-01 until 2027-01-01 in "UTC"
  currency EUR

  party host "Host" provider
  party shop "Shop" consumer { email "it@shop.example" }

  source probe = push every 1m { label region elapsed elapsed in ms }
  source query = records push { key number
    at opened }

  metric up = probe.ok and probe.elapsed < 2s
  metric uptime = availability(up) each 1h by region
  metric lately = availability(up) over last 30m every 10m by region
  metric solved = share(query.good) each day, or 100% when idle

  goal available: host guarantees uptime >= 90% { otherwise credit shop 10 EUR }
  goal steady: host guarantees lately >= 80% { otherwise notify shop }
  goal helpful: host guarantees solved >= 50% { otherwise notify shop }

  when not up for 2m { notify shop }
}
"""


@pytest.fixture(scope="module")
def agreement() -> wsla.Agreement:
    return wsla.loads(TEXT)


def probes(count: int = 300) -> list[Mapping[str, object]]:
    """A row a minute and region; each region is down for some minutes."""
    return [
        {
            "at": START + timedelta(minutes=minute),
            "region": region,
            "ok": not down <= minute < down + 9,
            "elapsed": timedelta(milliseconds=80),
        }
        for minute in range(count)
        for region, down in (("eu", 70), ("us", 130))
    ]


def tickets() -> list[Mapping[str, object]]:
    return [
        {"number": str(hour), "opened": START + timedelta(hours=hour), "good": hour != 2, "at": START}
        for hour in range(4)
    ]


def assert_same(found: wsla.Report, expected: wsla.Report) -> None:
    assert tuple(found.judgements) == tuple(expected.judgements)
    assert {name: tuple(points) for name, points in found.metrics.items()} == dict(expected.metrics)
    assert found.decisions == expected.decisions
    assert (found.start, found.until) == (expected.start, expected.until)
    assert found.counts == expected.counts
    assert found.episodes == expected.episodes


def written(path: Path, rows: list[Mapping[str, object]]) -> Path:
    """A CSV file of rows."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({**row, "at": row["at"].isoformat(), "elapsed": "80"})  # type: ignore[attr-defined]
    return path


def as_parquet(path: Path, rows: list[Mapping[str, object]]) -> Path:
    polars.DataFrame([{**row, "elapsed": 80} for row in rows]).write_parquet(path)
    return path


def test_a_csv_file_gives_what_its_rows_give(agreement: wsla.Agreement, tmp_path: Path) -> None:
    path = written(tmp_path / "probe.csv", probes())
    found = wsla.evaluate(agreement, {"probe": path, "query": tickets()})
    assert_same(found, wsla.evaluate(agreement, {"probe": probes(), "query": tickets()}))


def test_a_parquet_file_gives_what_its_rows_give(agreement: wsla.Agreement, tmp_path: Path) -> None:
    path = as_parquet(tmp_path / "probe.parquet", probes())
    found = wsla.evaluate(agreement, {"probe": path, "query": tickets()})
    assert isinstance(found.judgements, JudgedColumns)
    assert_same(found, wsla.evaluate(agreement, {"probe": probes(), "query": tickets()}))


@pytest.mark.parametrize("quotation", [False, True])
def test_a_long_csv_file_is_judged_in_columns(
    agreement: wsla.Agreement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quotation: bool
) -> None:
    """Where it has what columns do not hold, such as quotation marks, it is read row by row."""
    path = written(tmp_path / "probe.csv", probes())
    # Without the carriage returns of Python's writer, which columns do not hold either.
    text = path.read_text()
    path.write_text(text.replace(",eu,", ',"eu",', 1) if quotation else text)
    monkeypatch.setattr("wsla.sources.files.places._LONG_TEXT", path.stat().st_size + 1)
    short = wsla.evaluate(agreement, {"probe": path, "query": tickets()})
    assert not isinstance(short.judgements, JudgedColumns)
    monkeypatch.setattr("wsla.sources.files.places._LONG_TEXT", path.stat().st_size)
    long = wsla.evaluate(agreement, {"probe": path, "query": tickets()})
    assert isinstance(long.judgements, JudgedColumns) is not quotation
    assert_same(long, short)


def test_what_a_file_holds_that_does_not_fit_is_told(agreement: wsla.Agreement, tmp_path: Path) -> None:
    path = written(tmp_path / "probe.csv", probes(3))
    path.write_text(path.read_text() + "yesterday,eu,True,80\n")
    assert wsla.evaluate(agreement, {"probe": path}).rejects["probe"].total == 1
    assert wsla.evaluate(agreement, {"probe": probes(3)}).rejects == {}


def test_a_file_that_is_not_there_is_said(agreement: wsla.Agreement, tmp_path: Path) -> None:
    with pytest.raises(wsla.DataError, match=r"gone\.csv"):
        wsla.evaluate(agreement, {"probe": tmp_path / "gone.csv"})


@pytest.mark.parametrize("longest", [1, 599, 600, 604, 605])
def test_long_histories_are_judged_in_columns(
    agreement: wsla.Agreement, monkeypatch: pytest.MonkeyPatch, longest: int
) -> None:
    data = {"probe": probes(), "query": tickets()}
    expected = wsla.evaluate(agreement, data)
    assert not isinstance(expected.judgements, JudgedColumns)
    monkeypatch.setattr(api, "LONG", longest)
    found = wsla.evaluate(agreement, data)
    # There are 604 observations.
    assert isinstance(found.judgements, JudgedColumns) is (longest <= 604)
    assert_same(found, expected)


def test_verdicts_are_counted_in_columns(agreement: wsla.Agreement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "LONG", 1)
    report = wsla.evaluate(
        agreement, {"probe": probes(), "query": tickets()}, until=START + timedelta(hours=4)
    )
    # Nine of the minutes from 01:10 are bad: 15 % of that hour.
    assert report.counts["available", (("region", "eu"),)] == {Verdict.MET: 3, Verdict.VIOLATED: 1}
    assert report.episodes["steady", (("region", "us"),)] == 1
    assert report.counts["helpful", ()] == {Verdict.ON_TRACK: 1}


def test_versions_are_judged_from_files(tmp_path: Path) -> None:
    path = written(tmp_path / "probe.csv", probes())
    first = TEXT.replace("until 2027-01-01 ", "")
    second = first.replace("version 1", "version 2 amends 1").replace("2026-01-01", "2026-03-02T02:00")
    versions = [wsla.loads(first), wsla.loads(second)]
    found = api.evaluate_versions(versions, {"probe": path})
    expected = api.evaluate_versions(versions, {"probe": probes()})
    assert len(found) == len(expected) == 2
    for one, other in zip(found, expected, strict=True):
        assert_same(one, other)
