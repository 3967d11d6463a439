"""Files of history as observations: every kind, every way to be wrong."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from wsla.analysis.checked import Field, Source
from wsla.analysis.types import BooleanType, InstantType, NumberType, TextType
from wsla.sources.files import DataError, History, read_history
from wsla.values.instants import parse_instant
from wsla.values.observations import Observation
from wsla.values.quantities import TIME

NOON = parse_instant("2026-03-04T12:00:00Z")
SECOND = 10**9

PROBE = Source(
    name="probe",
    records=False,
    kind="csv",
    options={},
    labels=("service",),
    fields=(
        Field(name="at", column="", type=InstantType()),
        Field(name="service", column="service", type=TextType()),
        Field(name="up", column="state", type=BooleanType()),
        Field(
            name="latency",
            column="latency_ms",
            type=NumberType(dimension=TIME),
            unit_factor=Fraction(10**6),
            unit_stated=True,
            resolution=Fraction(1),
        ),
    ),
)
TICKETS = Source(
    name="tickets",
    records=True,
    kind="csv",
    options={},
    key="key",
    updated="updated",
    fields=(
        Field(name="key", column="number", type=TextType()),
        Field(name="at", column="closed", type=InstantType()),
        Field(name="updated", column="changed", type=InstantType()),
    ),
)
HEADER = "time,service,state,latency_ms\n"
FIRST = "2026-03-04T12:00:00Z,web,yes,601\n"


def read(folder: Path, content: str | bytes, name: str = "probe.csv", **options: object) -> History:
    path = folder / name
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    source = options.pop("source", PROBE)
    return read_history(source, str(path), **options)  # type: ignore[arg-type]


def seen(
    after: int = 0, service: str = "web", up: bool | None = True, latency: int | None = 601
) -> Observation:
    nanoseconds = None if latency is None else latency * 10**6
    fields = {"service": service, "up": up, "latency": nanoseconds}
    return Observation(source="probe", at=NOON + after * SECOND, fields=fields)


def test_csv(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER + FIRST + "2026-03-04 12:00:01Z,shop,no,\n\n")
    assert found.observations == [seen(), seen(1, "shop", up=False, latency=None)]
    assert (found.rows, found.duplicates, found.out_of_order, found.rejects.total) == (2, 0, 0, 0)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", "\ufeff" + HEADER + FIRST),
        ("x.csv", (HEADER + FIRST).replace("\n", "\r\n")),
        ("x.csv", (HEADER + FIRST).replace("\n", "\r")),
        ("x.csv", "\n\n" + HEADER + FIRST.rstrip()),
        ("x.csv", (HEADER + FIRST).replace(",", ";")),
        ("x.csv", (HEADER + FIRST).replace(",", "\t")),
        ("X.CSV", HEADER.replace(",", " , ") + FIRST),
        ("x.tsv", (HEADER + FIRST).replace(",", "\t")),
        ("x.csv.gz", HEADER + FIRST),
        (
            "x.csv",
            '"Time","service","note, long",state,latency_ms\n"2026-03-04T12:00:00Z",web,"a\n""b""",yes,601',
        ),
        ("x.jsonl", '{"time":"2026-03-04T12:00:00Z","service":"web","state":true,"latency_ms":601}'),
        (
            "x.ndjson",
            '\n{"time":"2026-03-04T12:00:00Z","service":"web","state":"yes","latency_ms":601.0}\r\n',
        ),
        (
            "x.jsonl.gz",
            '\ufeff{"time":"2026-03-04T12:00:00Z","service":"web","state":1,"latency_ms":"601ms"}',
        ),
    ],
)
def test_ways_to_write_the_same(tmp_path: Path, name: str, content: str) -> None:
    found = read(tmp_path, content, name)
    assert found.observations == [seen()]
    assert found.rows == 1


def test_a_header_alone_is_history_without_observations(tmp_path: Path) -> None:
    assert read(tmp_path, HEADER) == History(observations=[], rejects=read(tmp_path, HEADER).rejects)


@pytest.mark.parametrize(("row", "said"), [("x", "1 cell"), ("x,y", "2 cells"), ("x,y,z,1,2", "5 cells")])
def test_a_row_with_too_few_or_too_many_cells_is_said_to_have_so_many(
    tmp_path: Path, row: str, said: str
) -> None:
    (example,) = read(tmp_path, f"{HEADER}{FIRST}{row}\n").rejects.examples
    assert example.reason == f"{said} where the header has 4"


def test_rows_that_do_not_fit_are_counted_by_reason_with_their_lines(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        HEADER
        + FIRST
        + "yesterday,web,yes,1\n"
        + '2026-03-04T12:00:01Z,web,"a\nb",1\n'
        + "2026-03-04T12:00:02Z,web\n"
        + "2026-03-04T12:00:03Z,web,yes,1,1\n"
        + "2026-03-04T12:00:04Z,web,maybe,1\n"
        + "2026-03-04T12:00:05,web,yes,1\n"
        + ",web,yes,1\n"
        + "2026-03-04T12:00:06Z,,yes,1\n"
        + "2026-03-04T12:00:07Z,web,no,0.0000001\n"
        + "2026-03-04T12:00:08Z,web,no,1\n",
    )
    assert found.observations == [seen(), seen(8, up=False, latency=1)]
    assert found.rows == 11
    assert found.rejects.counts == {
        "at is not a time such as 2026-03-04T10:00:00Z": 1,
        "up is neither true nor false (true, false, yes, no, 1 or 0)": 2,
        "another number of cells than the header has": 2,
        "at has no zone: write an offset such as Z or +01:00": 1,
        "at is empty, so the row has no instant": 1,
        "the label service is empty": 1,
        "latency is not a whole number of nanoseconds": 1,
    }
    assert found.rejects.total == 9
    assert [(x.line, x.reason) for x in found.rejects.examples] == [
        (3, "at: 'yesterday' is not a time such as 2026-03-04T10:00:00Z"),
        (4, "up: 'a\\nb' is neither true nor false (true, false, yes, no, 1 or 0)"),
        (6, "2 cells where the header has 4"),
        (7, "5 cells where the header has 4"),
        (8, "up: 'maybe' is neither true nor false (true, false, yes, no, 1 or 0)"),
    ]


def test_bytes_that_are_no_utf8_spoil_their_row_only(tmp_path: Path) -> None:
    rows = HEADER + FIRST.replace("web", "B\xfcro") + FIRST
    found = read(tmp_path, rows.encode("latin-1"))
    assert found.observations == [seen()]
    assert [(x.line, x.reason) for x in found.rejects.examples] == [(2, "service is not written in UTF-8")]
    unused = ("note," + HEADER).encode() + b"\xff," + FIRST.encode()
    assert read(tmp_path, unused).observations == [seen()]
    filtered = read(tmp_path, rows.encode("latin-1"), where={"service": "Büro"})
    assert (filtered.filtered, filtered.rejects.total) == (1, 1)


def test_a_quotation_mark_that_is_not_closed_costs_no_traceback(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER + FIRST + '2026-03-04T12:00:01Z,"web,yes,1\n' + FIRST)
    assert found.observations == [seen()]
    assert [x.line for x in found.rejects.examples] == [3]
    misplaced = read(tmp_path, HEADER + '2026-03-04T12:00:01Z,"w"eb,yes,1\n' + FIRST)
    assert misplaced.observations == [seen()]
    assert [x.line for x in misplaced.rejects.examples] == [2]


def test_reading_goes_on_after_a_cell_that_is_too_long(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER + f"2026-03-04T12:00:01Z,{'w' * 140_000},yes,1\n" + FIRST)
    assert found.observations == [seen()]
    assert [x.line for x in found.rejects.examples] == [2]
    assert "128 KiB" in found.rejects.examples[0].reason


def test_the_first_of_two_rows_for_one_instant_stands(tmp_path: Path) -> None:
    changed = FIRST.replace("601", "602")
    elsewhere = FIRST.replace("web", "shop")
    same = FIRST.replace("yes", "TRUE").replace("601", "601.0")
    found = read(tmp_path, HEADER + FIRST + changed + elsewhere + same)
    assert found.observations == [seen(), seen(service="shop")]
    assert found.duplicates == 1
    assert [(x.line, x.reason) for x in found.rejects.examples] == [
        (3, "a second, different value for the same instant")
    ]


def test_observations_are_in_order_of_time(tmp_path: Path) -> None:
    rows = [
        f"2026-03-04T12:00:0{second}Z,{name},yes,601\n"
        for second, name in ((2, "b"), (0, "a"), (2, "a"), (1, "a"))
    ]
    found = read(tmp_path, HEADER + "".join(rows))
    assert found.observations == [seen(0, "a"), seen(1, "a"), seen(2, "b"), seen(2, "a")]
    # One of them stands after a later one of its stream; that streams stand one after the other is in order.
    assert found.out_of_order == 1


def test_records(tmp_path: Path) -> None:
    rows = (
        "number,closed,changed\n"
        "7,,2026-03-04T12:00:00Z\n"
        "7,2026-03-04T12:00:02Z,2026-03-04T12:00:02Z\n"
        "7,,2026-03-04T12:00:00Z\n"
        "7,2026-03-04T12:00:01Z,2026-03-04T12:00:00Z\n"
        "8,2026-03-04T12:00:01Z,\n"
    )
    found = read(tmp_path, rows, source=TICKETS)
    later = NOON + 2 * SECOND
    assert found.observations == [
        Observation(source="tickets", at=NOON, fields={"key": "7", "at": None, "updated": NOON}),
        Observation(source="tickets", at=NOON, fields={"key": "7", "at": NOON + SECOND, "updated": NOON}),
        Observation(source="tickets", at=later, fields={"key": "7", "at": later, "updated": later}),
    ]
    assert found.duplicates == 1
    assert found.rejects.counts == {
        "updated is empty, so the row has no instant": 1,
    }


def test_records_without_updates_count_from_their_instant_and_without_key_all_stay(tmp_path: Path) -> None:
    calls = evolve(TICKETS, key=None, updated=None, fields=TICKETS.fields[1:2])
    rows = "number,closed\n1,2026-03-04T12:00:00Z\n1,2026-03-04T12:00:00Z\n1,\n"
    found = read(tmp_path, rows, source=calls)
    assert found.observations == [Observation(source="tickets", at=NOON, fields={"at": NOON})] * 2
    assert found.rejects.counts == {"at is empty, so the row has no instant": 1}


def test_local_times_and_other_columns_and_chosen_rows(tmp_path: Path) -> None:
    rows = (
        "when,date,service,state,latency_ms,region\n"
        "2026-03-04T13:00:00,1,web,yes,601,eu\n"
        "2026-03-04T13:00:01,1,web,yes,601,us\n"
    )
    found = read(
        tmp_path, rows, zone=ZoneInfo("Europe/Berlin"), columns={"at": "when"}, where={"region": "eu"}
    )
    assert found.observations == [seen()]
    assert (found.rows, found.filtered) == (2, 1)
    nothing = read(tmp_path, rows, columns={"at": "when"}, where={"region": "eu", "state": "no"})
    assert (nothing.observations, nothing.filtered) == ([], 2)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (
            "time,service,status,latency_ms\n",
            {},
            "lacks the column `state` for the field `up` (is it `status`?)",
        ),
        ("when,service,state,latency_ms\n", {}, "lacks a column for the time: `time`, `timestamp`"),
        (
            "time,service\n",
            {},
            "; and the column `latency_ms` for the field `latency`. Its columns: `time`, `service`",
        ),
        ("time,date,service,state,latency_ms\n", {}, "`time` and `date` could both hold the time"),
        ("time,service,state,state,latency_ms\n", {}, "has the column `state` more than once"),
        (HEADER, {"columns": {"latncy": "x"}}, "has no field `latncy`: is it `latency`?"),
        (HEADER, {"columns": {"latency": "ms"}}, "lacks the column `ms`"),
        (HEADER, {"where": {"servce": "web"}}, "lacks the column `servce` (is it `service`?)"),
        ("", {}, "is empty"),
        ("\n \n", {}, "is empty"),
        ('"time,service', {}, "the header of"),
        (HEADER.encode("utf-16"), {}, "UTF-16"),
        (b"time,B\xfcro\n", {}, "is not written in UTF-8"),
        ("\x1b[31m,service,state,latency_ms\n", {}, "`\\x1b[31m`"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_message(
    tmp_path: Path, content: str | bytes, options: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, content, **options)
    assert message in str(caught.value)
    assert "probe" in str(caught.value) or "could both" in str(caught.value)


def test_a_wide_table_is_not_listed_whole(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"`column19` and 5 more$"):
        read(tmp_path, ",".join(f"column{x}" for x in range(25)))


@pytest.mark.parametrize("name", ["x.csv.gz", "x.jsonl.gz"])
@pytest.mark.parametrize(
    "damage", [lambda data: data[:-12], lambda data: b"no gzip" + data, lambda data: data + b"x"]
)
def test_damaged_gzip(tmp_path: Path, name: str, damage: object) -> None:
    path = tmp_path / name
    path.write_bytes(damage(gzip.compress((HEADER + FIRST * 1000).encode())))  # type: ignore[operator]
    with pytest.raises(DataError, match="is no whole gzip file"):
        read_history(PROBE, str(path))


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    for name, message in (
        ("gone.csv", "there is no file"),
        ("folder.csv", "is a folder"),
        ("pipe.csv", "is no ordinary file"),
        ("a\0b.csv", "cannot be read"),
        ("n" * 300 + ".csv", "cannot be read"),
    ):
        with pytest.raises(DataError, match=message):
            read_history(PROBE, str(tmp_path / name))
    (tmp_path / "data.xlsx").write_text("x")
    with pytest.raises(DataError, match=r"its name should end in \.csv"):
        read_history(PROBE, str(tmp_path / "data.xlsx"))


@pytest.mark.parametrize("name", ["probe.csv", "probe.jsonl"])
def test_a_file_that_may_not_be_read_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def refuse(path: str, mode: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    (tmp_path / name).write_text(HEADER)
    monkeypatch.setattr("wsla.sources.files.packed.open", refuse, raising=False)
    with pytest.raises(DataError, match="cannot be read: Permission denied"):
        read_history(PROBE, str(tmp_path / name))


# --- JSON lines


def test_lines_that_are_no_json_objects(tmp_path: Path) -> None:
    good = b'{"time":"2026-03-04T12:00:00Z","service":"web","state":true,"latency_ms":601}\n'
    lines = [
        good,
        b"not json\n",
        b"[1]\n",
        b'{"time":"\xff"}\n',
        b"[" * 100_000 + b"\n",
        b'{"time":"2026-03-04T12:00:01Z","service":"web","state":true,"latency_ms":NaN}\n',
        b'{"time":"2026-03-04T12:00:01Z","service":"web","state":true,"latency_ms":' + b"9" * 5000 + b"}\n",
        b'{"time":"2026-03-04T12:00:01Z","service":"web","state":true,"latency_ms":1e999999999}\n',
        b'{"time":"2026-03-04T12:00:01Z","service":"\\ud800","state":true,"latency_ms":1}\n',
        b'{"time":"2026-03-04T12:00:01Z","service":["web"],"state":true,"latency_ms":1}\n',
        b'{"service":"web","state":true,"latency_ms":1}\n',
        b'{"time":"2026-03-04T12:00:02Z","service":"web"}\n',
        good[:-20],
    ]
    found = read(tmp_path, b"".join(lines), "probe.jsonl")
    assert found.observations == [seen(), seen(2, up=None, latency=None)]
    assert found.rows == 13
    assert found.rejects.counts == {
        "the line is no JSON": 4,
        'the line is no JSON object such as {"time": …}': 1,
        "the line is not written in UTF-8": 1,
        "latency is not a finite number": 1,
        "latency is too large": 1,
        "service is not written in UTF-8": 1,
        "service is no text": 1,
        "at is empty, so the row has no instant": 1,
    }
    assert [x.line for x in found.rejects.examples] == [2, 3, 4, 5, 6]


def test_json_numbers_do_not_pass_through_floats(tmp_path: Path) -> None:
    row = '{"time":"2026-03-04T12:00:00Z","service":"web","state":0,"latency_ms":9007199254.740993}'
    assert read(tmp_path, row, "x.jsonl").observations[0].fields["latency"] == 9007199254740993


def test_keys_that_no_line_has(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match="lacks the column `latency_ms` for the field `latency` \\(is it `latency`"
    ):
        read(tmp_path, '{"time":1,"service":"web","state":0}\n{"latency":1}', "x.jsonl")
    with pytest.raises(DataError, match="a column for the time"):
        read(tmp_path, '{"when":1,"service":"web","state":0,"latency_ms":1}', "x.jsonl")
    with pytest.raises(DataError, match="could both hold the time"):
        read(tmp_path, '{"time":1,"ts":1}', "x.jsonl")
    with pytest.raises(DataError, match="lacks the column `region`"):
        read(
            tmp_path, '{"time":1,"service":"web","state":0,"latency_ms":1}', "x.jsonl", where={"region": "eu"}
        )
    with pytest.raises(DataError, match="is empty"):
        read(tmp_path, "\n\n", "x.jsonl")


def test_chosen_lines(tmp_path: Path) -> None:
    rows = "".join(
        f'{{"time":"2026-03-04T12:00:0{x}Z","service":"web","state":true,"latency_ms":601,"live":{live}}}\n'
        for x, live in enumerate(("true", "false", "null", "1"))
    )
    assert read(tmp_path, rows, "x.jsonl", where={"live": "true"}).observations == [seen(0)]
    assert read(tmp_path, rows, "x.jsonl", where={"live": "1"}).observations == [seen(3)]
    assert read(tmp_path, rows, "x.jsonl", where={"live": ""}).filtered == 3


# --- all kinds


def test_progress_grows_to_the_size_of_the_file(tmp_path: Path) -> None:
    rows = [f"2026-03-04T12:{x // 60 % 60:02}:{x % 60:02}Z,s{x // 3600},yes,601\n" for x in range(12_000)]
    calls: list[tuple[int, int]] = []
    found = read(tmp_path, HEADER + "".join(rows), progress=lambda done, of, _: calls.append((done, of)))
    size = (tmp_path / "probe.csv").stat().st_size
    assert len(found.observations) == 12_000
    assert [of for _, of in calls] == [size] * len(calls)
    assert len(calls) == 3
    assert 0 < calls[0][0] < calls[1][0] < calls[2][0] == size


def test_reading_csv_loads_no_library_of_columns(tmp_path: Path) -> None:
    program = (
        "import sys, wsla.sources.files.csv, wsla.sources.files.jsonl\n"
        "print([name for name in ('polars', 'numpy', 'pandas', 'pyarrow') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@given(content=st.binary(max_size=300) | st.text(alphabet='",;\n\r7Zy-:T', max_size=80).map(str.encode))
@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl"])
def test_whatever_is_in_a_file_every_row_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    for start in (b"", HEADER.replace(",", "\t" if name == "x.tsv" else ",").encode()):
        try:
            found = read(folder, start + content, name)
        except DataError:
            continue
        assert found.rows == len(found.observations) + found.rejects.total + found.duplicates + found.filtered
