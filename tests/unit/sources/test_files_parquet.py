"""Parquet files: nothing gets lost on the way from columns to values."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from wsla.analysis.checked import Field, Source
from wsla.analysis.types import BooleanType, InstantType, NumberType, TextType
from wsla.sources.files import DataError, read_history
from wsla.values.instants import parse_instant
from wsla.values.quantities import TIME

polars = pytest.importorskip("polars", reason="what reads Parquet files is not installed")

NOON = parse_instant("2026-03-04T12:00:00Z")
PROBE = Source(
    name="probe",
    records=False,
    kind="parquet",
    options={},
    fields=(
        Field(name="at", column="", type=InstantType()),
        Field(name="up", column="up", type=BooleanType()),
        Field(name="took", column="took", type=NumberType(dimension=TIME), resolution=Fraction(1)),
        Field(name="load", column="load", type=NumberType(), unit_stated=True),
        Field(name="state", column="state", type=TextType()),
    ),
)


def frame(rows: int = 1, **changes: object) -> object:
    columns: dict[str, object] = {
        "time": [datetime(2026, 3, 4, 12, tzinfo=UTC) + timedelta(seconds=x) for x in range(rows)],
        "up": [True] * rows,
        "took": [timedelta(milliseconds=250)] * rows,
        "load": [0.25] * rows,
        "state": ["good"] * rows,
        "unused": [[1, 2]] * rows,
    }
    return polars.DataFrame({**columns, **changes})


def written(folder: Path, table: object) -> str:
    path = str(folder / "probe.parquet")
    table.write_parquet(path)  # type: ignore[attr-defined]
    return path


def test_a_table(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    path = written(tmp_path, frame(rows=3))
    found = read_history(PROBE, path, progress=lambda done, of, _: calls.append((done, of)))
    assert [x.at - NOON for x in found.observations] == [0, 10**9, 2 * 10**9]
    assert found.observations[0].fields == {"up": True, "took": 250_000_000, "load": 250_000, "state": "good"}
    assert found.rows == 3
    assert calls[-1] == (Path(path).stat().st_size,) * 2


@pytest.mark.parametrize(
    ("column", "values", "name", "raw"),
    [
        ("load", polars.Series([0.1], dtype=polars.Float32), "load", 100_000),
        ("load", polars.Series([Decimal("0.000001")]), "load", 1),
        ("load", polars.Series([7], dtype=polars.UInt8), "load", 7_000_000),
        ("load", [None], "load", None),
        ("took", polars.Series([1], dtype=polars.Duration("ns")), "took", 1),
        ("took", polars.Series([-1], dtype=polars.Duration("ms")), "took", -1_000_000),
        ("took", polars.Series([None], dtype=polars.Duration("ms")), "took", None),
        ("took", ["2s"], "took", 2 * 10**9),
        ("state", polars.Series(["bad"], dtype=polars.Categorical), "state", "bad"),
        ("up", ["no"], "up", False),
        ("up", polars.Series([None], dtype=polars.Boolean), "up", None),
    ],
)
def test_kinds_of_columns(tmp_path: Path, column: str, values: object, name: str, raw: object) -> None:
    found = read_history(PROBE, written(tmp_path, frame(**{column: values})))
    assert found.rejects.counts == {}
    assert found.observations[0].fields[name] == raw


@pytest.mark.parametrize(
    ("times", "zone", "at"),
    [
        (polars.Series([NOON + 1], dtype=polars.Datetime("ns", "Europe/Berlin")), None, NOON + 1),
        (polars.Series([NOON // 10**6], dtype=polars.Datetime("ms", "UTC")), None, NOON),
        (polars.Series([NOON + 1], dtype=polars.Datetime("ns")), "UTC", NOON + 1),
        (polars.Series([NOON], dtype=polars.Datetime("ns")), "Europe/Berlin", NOON - 3600 * 10**9),
        (["2026-03-04T12:00:00Z"], None, NOON),
    ],
)
def test_times(tmp_path: Path, times: object, zone: str | None, at: int) -> None:
    path = written(tmp_path, frame(time=times))
    found = read_history(PROBE, path, zone=None if zone is None else ZoneInfo(zone))
    assert [x.at for x in found.observations] == [at]


def test_rows_that_do_not_fit(tmp_path: Path) -> None:
    path = written(tmp_path, frame(rows=3, load=[0.25, float("nan"), 0.1 + 0.2], up=[True, True, False]))
    found = read_history(PROBE, path)
    assert [(x.line, x.reason) for x in found.rejects.examples] == [
        (2, "load: 'nan' is not a finite number"),
        (3, "load: 0.30000000000000004 has more decimals than the 6 that are stored"),
    ]
    naive = written(tmp_path, frame(time=[datetime(2026, 3, 4)]))
    assert list(read_history(PROBE, naive).rejects.counts) == [
        "at has no zone: write an offset such as Z or +01:00"
    ]


def test_chosen_rows_and_other_columns(tmp_path: Path) -> None:
    path = written(tmp_path, frame(rows=3, up=[True, False, True], word=["a", "b", "c"]))
    found = read_history(PROBE, path, where={"up": "true"}, columns={"state": "word"})
    assert [x.fields["state"] for x in found.observations] == ["a", "c"]
    assert found.filtered == 1


def test_slices_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsla.sources.files.parquet._ROWS_PER_SLICE", 4)
    up = [True] * 8 + [None, True]
    path = written(tmp_path, frame(rows=10, up=up, state=["good"] * 9 + ["x" * 2000]))
    found = read_history(PROBE, path)
    assert [(x.at - NOON) // 10**9 for x in found.observations] == list(range(9))
    assert [x.line for x in found.rejects.examples] == [10]


def test_a_table_without_rows(tmp_path: Path) -> None:
    found = read_history(PROBE, written(tmp_path, frame(rows=1).clear()))  # type: ignore[attr-defined]
    assert (found.observations, found.rows) == ([], 0)


def test_what_is_no_such_table(tmp_path: Path) -> None:
    path = Path(written(tmp_path, frame(rows=100)))
    whole = path.read_bytes()
    with pytest.raises(DataError, match="lacks the column `load`"):
        read_history(PROBE, written(tmp_path, frame().drop("load")))  # type: ignore[attr-defined]
    for content in (b"", b"PAR1", b"time,up\n" * 100, whole[:-20], whole[50:], whole[:4] + whole[200:]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"is empty|is no Parquet file that can be read"):
            read_history(PROBE, str(path))


def test_without_the_library_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, frame())
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(DataError, match=r"pip install 'wsla\[parquet\]'"):
        read_history(PROBE, path)
