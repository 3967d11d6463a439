"""Tables of many streams that differ in their labels alone are read as one; what is not quite like it stands apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

import wsla
from wsla.analysis.checked import Source
from wsla.sources.files import read_history
from wsla.values.instants import MINUTE, SECOND

polars = pytest.importorskip("polars", reason="what reads Parquet files is not installed")
pytest.importorskip("numpy", reason="what holds columns is not installed")

from wsla.evaluation.batch.alike import AlikeStreams  # noqa: E402
from wsla.sources.files.columns import open_columns  # noqa: E402

START = 1_767_225_600 * SECOND
TEXT = """
agreement "Requests" version 1 {
  kind internal
  effective 2026-01-01 until 2026-01-02 in "UTC"
  party platform "Platform" provider
  party products "Products" consumer { email "p@example.org" }
  source requests = parquet "x.parquet" every 1m {
    at    minute in ns
    label slo
    good  good
    total total
  }
  metric served = sum(requests.good) / sum(requests.total) each 5m by slo
  metric least  = min(requests.good) each day by slo
  metric seen   = share(requests.good > 1) each 5m by slo
  goal kept: platform guarantees served >= 90% { otherwise notify products }
  goal some: platform guarantees least >= 1 { otherwise notify products }
  goal well: platform guarantees seen >= 90% { otherwise notify products }
}
"""
AGREEMENT = wsla.loads(TEXT)
SOURCE: Source = AGREEMENT.plan.source("requests")


def rows(name: int, *, without: int | None = None, more: int = 0) -> list[dict[str, Any]]:
    return [
        {"slo": name, "minute": START + x * MINUTE, "good": (name + x) % 9, "total": 9}
        for x in range(12 + more)
        if x != without
    ]


def written(folder: Path, found: list[dict[str, Any]], size: int = 24) -> str:
    schema = {"slo": polars.Int16, "minute": polars.Int64, "good": polars.Int32, "total": polars.Int32}
    path = str(folder / "requests.parquet")
    polars.DataFrame(found, schema=schema).write_parquet(path, row_group_size=size)
    return path


def sizes(path: str) -> list[int]:
    """How many streams were read together, in the order of the table."""
    return [
        len(one.labels) if isinstance(one, AlikeStreams) else 1
        for one in open_columns(SOURCE, path).batches()
    ]


def assert_judged_alike(path: str) -> None:
    """By columns and row by row the verdicts, values and decisions are the same."""
    by_row = read_history(SOURCE, path)
    end = START + 24 * 60 * MINUTE
    columns = wsla.evaluate(AGREEMENT, {"requests": Path(path)}, START, end)
    single = wsla.evaluate(AGREEMENT, by_row.observations, START, end)
    assert tuple(columns.judgements) == tuple(single.judgements)
    assert {name: tuple(found) for name, found in columns.metrics.items()} == {
        name: tuple(found) for name, found in single.metrics.items()
    }
    assert columns.decisions == single.decisions
    assert columns.rejects.get("requests", by_row.rejects) == by_row.rejects


def test_streams_that_differ_in_their_labels_are_read_as_one(tmp_path: Path) -> None:
    path = written(tmp_path, [row for name in range(6) for row in rows(name)])
    assert sizes(path) == [6]
    assert_judged_alike(path)
    (found,) = open_columns(SOURCE, path).batches()
    singly = list(open_columns(SOURCE, path).streams())
    assert isinstance(found, AlikeStreams)
    assert found.labels == tuple(one.labels for one in singly)
    assert all(one.at is singly[0].at for one in singly)
    assert [one.fields["good"].raws.tolist() for one in singly] == [
        [x % 9 * 10**6 for x in range(name, name + 12)] for name in range(6)
    ]
    assert [one.fields["slo"].values[0] for one in singly] == list("012345")


@pytest.mark.parametrize(
    ("third", "expected"),
    [
        (rows(2, without=5), [2, 1, 3]),
        (rows(2, without=0), [2, 1, 3]),
        (rows(2, without=11), [2, 1, 3]),
        (rows(2, more=1), [2, 1, 3]),
        ([{**row, "minute": row["minute"] + 1} for row in rows(2)], [2, 1, 3]),
        ([{**row, "good": None} if row["good"] == 5 else row for row in rows(2)], [2, 1, 3]),
        (rows(2)[::-1], [2, 1, 3]),
        ([*rows(2), rows(2)[3]], [2, 1, 3]),
        ([*rows(2), {**rows(2)[3], "good": 1}], [2, 1, 3]),
        ([*rows(2), {**rows(2)[3], "minute": None}], [6]),
    ],
    ids=["gap", "late", "early", "more", "shifted", "unknown", "backwards", "twice", "differs", "refused"],
)
def test_one_that_is_almost_like_the_others_stands_apart(
    tmp_path: Path, third: list[dict[str, Any]], expected: list[int]
) -> None:
    path = written(tmp_path, [row for name in range(6) for row in (third if name == 2 else rows(name))])
    assert sizes(path) == expected
    assert_judged_alike(path)


def test_sums_beyond_64_bits_are_exact(tmp_path: Path) -> None:
    found = [row for name in range(4) for row in rows(name)]
    path = str(tmp_path / "requests.parquet")
    # In millionths they just fit into 64 bits, and sums of them do not.
    large = [9 * 10**12 if x % 7 == 3 else row["good"] for x, row in enumerate(found)]
    table = polars.DataFrame(found).with_columns(good=polars.Series(large, dtype=polars.Int64))
    table.write_parquet(path, row_group_size=24)
    assert sizes(path) == [4]
    assert_judged_alike(path)


def test_a_batch_ends_where_the_file_has_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsla.sources.files.columns._ROWS_TOGETHER", 40)
    monkeypatch.setattr("wsla.sources.files.columns._BYTES_TOGETHER", 1)
    path = written(tmp_path, [row for name in range(6) for row in rows(name)], size=24)
    # Three streams would fit; two are a block of the file.
    assert sizes(path) == [2, 2, 2]
    assert sizes(written(tmp_path, [row for name in range(6) for row in rows(name)], size=1000)) == [3, 3]
    assert_judged_alike(path)


def test_labels_are_read_again_only_for_rows_that_are_looked_at_one_by_one(tmp_path: Path) -> None:
    path = written(tmp_path, [row for name in range(6) for row in rows(name)])
    found = open_columns(SOURCE, path)
    assert "slo" not in found._values
    path = written(tmp_path, [{**row, "minute": None} for row in rows(7)[:1]] + rows(8))
    table = open_columns(SOURCE, path, refused=lambda _: lambda line, reason, cells: refused.append(cells))
    refused: list[Any] = []
    assert [one.labels for one in table.streams()] == [(("slo", "8"),)]
    assert refused == [{"minute": None, "slo": 7, "good": 7, "total": 9}]


def test_streams_are_not_taken_for_alike_across_refused_labels(tmp_path: Path) -> None:
    schema = {"slo": polars.String, "minute": polars.Int64, "good": polars.Int32, "total": polars.Int32}
    found = [
        {**row, "slo": name} for name in ("a", "b", "", "c", "d") for row in rows(len(name) and ord(name))
    ]
    path = str(tmp_path / "requests.parquet")
    polars.DataFrame(found, schema=schema).write_parquet(path)
    assert_judged_alike(path)
    source = evolve(SOURCE)
    assert [one.labels for one in open_columns(source, path).streams()] == [
        (("slo", name),) for name in "abcd"
    ]
