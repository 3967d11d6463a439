"""Kinds of files beside text and Parquet: Arrow, SQLite, zstd; folders and patterns; counts since 1970."""

from __future__ import annotations

import sqlite3
import sys
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from wsla.analysis.checked import Field, Source
from wsla.analysis.types import BooleanType, InstantType, NumberType, TextType
from wsla.evaluation.cells import EncodingError
from wsla.sources.files import DataError, History, read_history
from wsla.sources.files.epochs import TIME_UNITS, Epochs, unit_of
from wsla.sources.files.places import files_at
from wsla.values.instants import parse_instant

NOON = parse_instant("2026-03-04T12:00:00Z")
AT = Field(name="at", column="", type=InstantType())
PROBE = Source(
    name="probe",
    records=False,
    kind="csv",
    options={},
    labels=("service",),
    fields=(
        AT,
        Field(name="service", column="service", type=TextType()),
        Field(name="up", column="up", type=BooleanType()),
        Field(name="load", column="load", type=NumberType(), unit_stated=True),
    ),
)
ROWS = [
    ("2026-03-04T12:00:00Z", "web", 1, 0.25),
    ("2026-03-04T12:00:01Z", "web", 0, 7),
    ("2026-03-04T12:00:01Z", "shop", None, "0.5"),
]


def seen(history: History) -> list[tuple[object, ...]]:
    return [
        (x.at - NOON, *(x.fields[name] for name in ("service", "up", "load"))) for x in history.observations
    ]


EXPECTED = [(0, "web", True, 250_000), (10**9, "web", False, 7_000_000), (10**9, "shop", None, 500_000)]


# --- SQLite


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "history of 2026.sqlite"
    with sqlite3.connect(path) as made:
        made.execute('create table "the ""rows" (time text, service text, up, load)')
        made.executemany('insert into "the ""rows" values (?, ?, ?, ?)', ROWS)
    made.close()
    return path


@pytest.mark.parametrize(
    "table",
    [
        "",
        '::the "rows',
        '::THE "rows',
        '::select * from "the ""rows"',
        '::with x as (select * from "the ""rows") select service, load, up, time from x',
    ],
)
def test_a_database(database: Path, table: str) -> None:
    found = read_history(PROBE, f"{database}{table}")
    assert seen(found) == EXPECTED
    assert found.rows == 3
    chosen = read_history(PROBE, f"{database}{table}", where={"service": "shop"})
    assert (seen(chosen), chosen.filtered) == (EXPECTED[2:], 2)


def test_rows_of_a_database_that_do_not_fit(database: Path) -> None:
    with sqlite3.connect(database) as made:
        made.execute("""insert into "the ""rows" values ('soon', 'web', 1, 1), ('2026-03-04', x'ff', 1, 1)""")
        made.execute("""insert into "the ""rows" values ('2026-03-05', cast(x'ff' as text), 1, 1)""")
    made.close()
    rejects = read_history(PROBE, str(database), zone=ZoneInfo("UTC")).rejects
    assert [(one.line, one.reason) for one in rejects.examples] == [
        (4, "at: 'soon' is not a time such as 2026-03-04T10:00:00Z"),
        (5, "service: a value of the kind `bytes` is no text"),
        (6, "service is not written in UTF-8"),
    ]


def test_what_is_no_such_database(database: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match='has no table `other`; its tables: `the "rows`'):
        read_history(PROBE, f"{database}::other")
    with pytest.raises(DataError, match="there is no file"):
        read_history(PROBE, f"{tmp_path}/gone.sqlite::other")
    with pytest.raises(DataError, match="cannot be read: "):
        read_history(PROBE, f"{database}::select nonsense from nowhere")
    with pytest.raises(DataError, match=r"lacks .*the column `load`"):
        read_history(PROBE, f'{database}::select time, service, up from "the ""rows"')
    with sqlite3.connect(database) as made:
        made.execute("create table other (x)")
    made.close()
    with pytest.raises(DataError, match=r"has several tables, or none: write .*::TABLE"):
        read_history(PROBE, str(database))
    with pytest.raises(DataError, match="cannot be read: "):
        read_history(PROBE, f"{database}::with x as (select 1) insert into other select * from x")
    (tmp_path / "text.db").write_text("no database" * 100, "utf-8")
    with pytest.raises(DataError, match="cannot be read: file is not a database"):
        read_history(PROBE, str(tmp_path / "text.db"))


# --- Arrow


@pytest.mark.parametrize("ending", ["arrow", "feather", "ipc"])
def test_arrow(tmp_path: Path, ending: str) -> None:
    polars = pytest.importorskip("polars", reason="what reads Arrow files is not installed")
    path = tmp_path / f"probe.{ending}"
    columns = dict(zip(("time", "service", "up", "load"), zip(*ROWS[:2], strict=True), strict=True))
    polars.DataFrame(columns, strict=False).write_ipc(path, compression="zstd")
    assert seen(read_history(PROBE, str(path))) == EXPECTED[:2]
    path.write_bytes(b"ARROW1 and no more")
    with pytest.raises(DataError, match="is no Arrow file that can be read"):
        read_history(PROBE, str(path))


# --- zstd

CSV = "time,service,up,load\n" + "".join(
    f"{at},{service},{'' if up is None else up},{load}\n" for at, service, up, load in ROWS
)


def test_zstd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zstandard = pytest.importorskip("zstandard", reason="what unpacks zstd is not installed")
    monkeypatch.setattr("wsla.sources.files.packed._PACKED_BYTES", 64)
    path = tmp_path / "probe.csv.zst"
    pack = zstandard.ZstdCompressor().compress
    middle = len(CSV) // 2
    whole = pack(CSV[:middle].encode()) + pack(b"") + pack(CSV[middle:].encode())
    path.write_bytes(whole)
    assert seen(read_history(PROBE, str(path))) == EXPECTED
    for damaged in (whole[:-1], whole[:5], whole[1:], CSV.encode()):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="is no whole zstd file: it is damaged or cut short"):
            read_history(PROBE, str(path))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(DataError, match=r"pip install 'wsla\[columns\]'"):
        read_history(PROBE, str(path))


# --- folders and patterns


def test_places(tmp_path: Path) -> None:
    names = ["b.csv", "a.jsonl.gz", "c.PARQUET", "d[1].csv", ".hidden.csv", "notes.txt", "e.sqlite"]
    for name in names:
        (tmp_path / name).write_text("", "utf-8")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "f.csv").write_text("", "utf-8")

    def found(place: str) -> list[str]:
        return [str(Path(path).relative_to(tmp_path)) for path in files_at(str(tmp_path / place))]

    assert found("") == ["a.jsonl.gz", "b.csv", "c.PARQUET", "d[1].csv", "e.sqlite"]
    assert found("*.csv") == ["b.csv", "d[1].csv"]
    assert found("**/*.csv") == ["b.csv", "d[1].csv", "deeper/f.csv"]
    assert found("d[1].csv") == ["d[1].csv"]
    assert found("gone.csv") == ["gone.csv"]
    assert found("e.sqlite::a * b") == ["e.sqlite::a * b"]
    with pytest.raises(DataError, match="no file that is called like"):
        found("*.tsv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no file of history in the folder"):
        found("empty")


# --- counts since 1970


@given(
    instant=st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31)),
    unit=st.sampled_from(sorted(TIME_UNITS)),
    as_text=st.booleans(),
)
def test_a_count_between_1990_and_2099_has_one_unit(instant: datetime, unit: str, as_text: bool) -> None:
    nanoseconds = int(instant.replace(microsecond=0, tzinfo=UTC).timestamp()) * 10**9
    count = nanoseconds // TIME_UNITS[unit]
    assert unit_of(count) == unit
    assert Epochs(AT, None)(str(count) if as_text else count) == nanoseconds


def test_counts_that_do_not_go_with_the_first_are_refused() -> None:
    encode = Epochs(AT, None)
    assert encode("2026-03-04T12:00:00Z") == NOON
    for unclear in ("0", 7, "631151999", 4102444800, "1e99", "-1772625600"):
        with pytest.raises(EncodingError):
            encode(unclear)
    assert encode("1772625600.5") == NOON + 5 * 10**8
    with pytest.raises(EncodingError, match="`--time-unit`"):
        encode(1772625600000)
    assert encode(631152000) == parse_instant("1990-01-01T00:00:00Z")
    assert encode(4102444799) == parse_instant("2099-12-31T23:59:59Z")
    with pytest.raises(EncodingError, match="no zone"):
        encode("2026-03-04T12:00:00")


def test_a_unit_that_is_said_holds_for_every_time_without_one(tmp_path: Path) -> None:
    path = tmp_path / "probe.csv"
    path.write_text("time,service,up,load\n7,web,1,1\n1772625600000,web,1,1\n", "utf-8")
    found = read_history(PROBE, str(path), time_unit="ms")
    assert [x.at for x in found.observations] == [7_000_000, NOON]
    stated = evolve(AT, column="time", unit_stated=True, unit_factor=Fraction(10**9))
    source = evolve(PROBE, fields=(stated, *PROBE.fields[1:]))
    assert read_history(source, str(path), time_unit="ms").observations[0].at == 7 * 10**9
