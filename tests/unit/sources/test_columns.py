"""Tables as columns mean what they mean row by row: the same values, rejects, duplicates, streams."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsla.analysis.checked import Field, Source
from wsla.analysis.types import BooleanType, InstantType, NumberType, TextType
from wsla.sources.files import DataError, read_history
from wsla.values.instants import parse_instant
from wsla.values.quantities import TIME

polars = pytest.importorskip("polars", reason="what reads Parquet files is not installed")
pytest.importorskip("numpy", reason="what holds columns is not installed")

from wsla.sources.files.columns import NotInColumns, open_columns  # noqa: E402

NOON = parse_instant("2026-03-29T00:30:00Z")
MILLISECONDS = Field(
    name="took",
    column="took",
    type=NumberType(dimension=TIME),
    unit_factor=Fraction(10**6),
    unit_stated=True,
    resolution=Fraction(1),
)
PROBE = Source(
    name="probe",
    records=False,
    kind="parquet",
    options={},
    labels=("site", "number"),
    fields=(
        Field(name="at", column="ts", type=InstantType(), unit_stated=True),
        Field(name="site", column="site", type=TextType()),
        Field(name="number", column="number", type=TextType()),
        Field(name="up", column="up", type=BooleanType()),
        MILLISECONDS,
        Field(name="load", column="load", type=NumberType(), unit_stated=True),
        Field(name="state", column="state", type=TextType()),
        Field(name="seen", column="seen", type=InstantType()),
    ),
)


def by_row(source: Source, path: str, **options: Any) -> tuple[dict[Any, Any], Any]:
    """Streams by their labels, and what else was found, as the reader of rows has it."""
    found = read_history(source, path, **options)
    streams: dict[Any, Any] = defaultdict(list)
    for one in found.observations:
        labels = tuple(sorted((name, one.fields[name]) for name in source.labels))
        streams[labels].append((one.at, dict(one.fields)))
    counts = (found.rows, found.duplicates, found.out_of_order, found.filtered, found.rejects)
    bounds = (found.observations[0].at, found.observations[-1].at) if found.observations else (None, None)
    return dict(streams), (*counts, list(found.rejects.counts), *bounds)


def by_column(source: Source, path: str, **options: Any) -> tuple[dict[Any, Any], Any]:
    """The same as the reader of columns has it."""
    found = open_columns(source, path, **options)
    streams: dict[Any, Any] = {}
    for one in found.streams():
        assert one.source == source.name
        assert one.labels not in streams
        assert one.at.dtype == "int64"
        streams[one.labels] = [
            (at, {name: value(column, place) for name, column in one.fields.items()})
            for place, at in enumerate(one.at.tolist())
        ]
    counts = (found.rows, found.duplicates, found.out_of_order, found.filtered, found.rejects)
    return streams, (*counts, list(found.rejects.counts), found.first, found.last)


def value(column: Any, place: int) -> Any:
    if column.known is not None and not column.known[place]:
        return None
    value = column.raws[place]
    return value.item() if hasattr(value, "item") else value


def assert_same(source: Source, path: str, **options: Any) -> Any:
    rows = by_row(source, path, **options)
    try:
        columns = by_column(source, path, **options)
    except NotInColumns:
        assert any(abs(at) >= 2**63 for stream in rows[0].values() for at, _ in stream)
        return rows[1]
    assert columns[1] == rows[1]
    assert columns[0] == rows[0]
    return rows[1]


# --- generated tables

numbers = st.one_of(
    st.integers(-(10**6), 10**6).map(lambda x: x / 100),
    st.integers(0, 10**16).map(lambda x: x / 10**6),
    st.sampled_from(
        [0.0, -0.0, 0.1 + 0.2, 1e-7, 1e22, 5e-324, 1.7e308, 2.0**53, 4503599627.370497, 9223372036854.775]
    ),
    st.floats(),
)
small = st.one_of(st.integers(-128, 127), st.none())


def cells(kind: str) -> tuple[Any, Any]:
    """A strategy for the values of a column, and its Polars type."""
    large = st.integers(-(2**63), 2**63 - 1)
    return {
        "float64": (st.one_of(numbers, st.none()), polars.Float64),
        "float32": (
            st.one_of(st.floats(width=32), st.integers(-999, 999).map(lambda x: x / 100)),
            polars.Float32,
        ),
        "int8": (small, polars.Int8),
        "int64": (st.one_of(small, large), polars.Int64),
        "uint64": (st.integers(0, 2**64 - 1) | st.integers(0, 9), polars.UInt64),
        "boolean": (st.sampled_from([True, False, None]), polars.Boolean),
        "text": (
            st.sampled_from(["a", "", "yes", "no", "1", "0.5", " 7 ", "2s", "x" * 1025, None]),
            polars.String,
        ),
        "category": (st.sampled_from(["a", "b", "true", None]), polars.Categorical),
        "duration": (
            st.integers(-9, 9).map(lambda x: timedelta(milliseconds=x)) | st.none(),
            polars.Duration("us"),
        ),
        "decimal": (st.integers(-999, 999).map(lambda x: Decimal(x) / 100) | st.none(), polars.Decimal(9, 2)),
        "date": (st.sampled_from([date(2026, 3, 29), date(2026, 3, 30), None]), polars.Date),
        "aware": (
            st.integers(-5, 5).map(lambda x: NOON + x * 10**12) | st.none(),
            polars.Datetime("ns", "UTC"),
        ),
        "naive": (st.integers(-5, 5).map(lambda x: NOON + x * 10**12 + x), polars.Datetime("ns")),
        "micros": (
            st.integers(-5, 5).map(lambda x: NOON // 1000 + x * 10**9),
            polars.Datetime("us", "Europe/Berlin"),
        ),
        "seconds": (st.integers(-5, 5).map(lambda x: NOON // 10**9 + x), polars.Int32),
        "counted": (
            st.sampled_from([NOON // 10**6 + 7, NOON // 10**6, None, NOON / 10**6 + 0.5]),
            polars.Float64,
        ),
        "written": (
            st.sampled_from(["2026-03-29T01:00:00Z", "2026-03-29 02:30", "soon", None]),
            polars.String,
        ),
    }[kind]


INSTANTS = ("aware", "naive", "micros", "int64", "seconds", "written", "date", "counted")
VALUES = (
    "float64",
    "float32",
    "int8",
    "int64",
    "uint64",
    "boolean",
    "text",
    "category",
    "duration",
    "decimal",
)
FACTORS = (
    Fraction(1),
    Fraction(10**6),
    Fraction(60 * 10**9),
    Fraction(1, 8),
    Fraction(1, 100),
    Fraction(86400),
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Any, Source]:
    """A table, and a source that may be read from it."""
    rows = draw(st.integers(0, 40))
    kinds = {
        "ts": draw(st.sampled_from(INSTANTS)),
        "site": draw(st.sampled_from(["category", "text", "category", "category"])),
        "number": draw(st.sampled_from(["int8", "int8", "text", "float64"])),
        **{name: draw(st.sampled_from(VALUES)) for name in ("up", "took", "load", "state")},
        "seen": draw(st.sampled_from(INSTANTS)),
    }
    usual = draw(st.booleans())
    if usual:
        kinds |= {"number": "int8", "up": "boolean", "took": "float64", "load": "int64", "state": "category"}
    columns = {}
    for name, kind in kinds.items():
        values, dtype = cells(kind)
        found = draw(st.lists(values, min_size=rows, max_size=rows))
        if usual and name in ("site", "number"):
            found = sorted(found, key=lambda x: (x is None, x))
        columns[name] = polars.Series(name, found, dtype=dtype)
    took = evolve(
        MILLISECONDS,
        unit_factor=draw(st.sampled_from(FACTORS)),
        rounded=draw(st.booleans()),
        unit_stated=draw(st.booleans()),
    )
    load = evolve(
        PROBE.fields[5],
        resolution=Fraction(1, 10 ** draw(st.sampled_from([0, 6, 12]))),
        rounded=draw(st.booleans()),
    )
    unit = draw(st.sampled_from([Fraction(1), Fraction(10**9)]))
    at = evolve(PROBE.fields[0], unit_factor=unit, unit_stated=draw(st.booleans()))
    fields = (at, *PROBE.fields[1:4], took, load, *PROBE.fields[6:])
    labels = draw(st.sampled_from([(), ("site",), ("site", "number"), ("number",)]))
    return polars.DataFrame(columns), evolve(PROBE, fields=fields, labels=labels)


@pytest.fixture(params=["", "small", "many reads"], autouse=True)
def _sizes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param:
        monkeypatch.setattr("wsla.sources.files.columns._ROWS_TOGETHER", 7)
        monkeypatch.setattr("wsla.sources.files.columns._BYTES_TOGETHER", 1)
        monkeypatch.setattr("wsla.sources.files.fixed._FEW", 3)
        monkeypatch.setattr("wsla.sources.files.decimals._BLOCK", 4)
        monkeypatch.setattr(
            "wsla.sources.files.runs._ROWS_PER_LOOK", 5 if request.param == "small" else 1 << 20
        )
        monkeypatch.setattr("wsla.sources.files.pieces._ODD_ROWS_TOGETHER", 3)
    if request.param == "many reads":
        monkeypatch.setattr("wsla.sources.files.runs._ROWS_WORTH_A_READ", 1)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(made=tables(), zone=st.sampled_from([None, ZoneInfo("UTC"), ZoneInfo("Europe/Berlin")]))
def test_columns_say_what_rows_say(made: tuple[Any, Source], zone: ZoneInfo | None, tmp_path: Path) -> None:
    table, source = made
    path = str(tmp_path / "table.parquet")
    table.write_parquet(path, row_group_size=6)
    assert_same(source, path, zone=zone)


def plain(rows: int = 30, labels: int = 3) -> Any:
    """A table in which nothing is remarkable, sorted by its labels."""
    each = rows // labels
    return polars.DataFrame(
        {
            "ts": polars.Series([NOON + x % each * 10**9 for x in range(rows)], dtype=polars.Int64),
            "site": polars.Series(["here"] * rows, dtype=polars.Categorical),
            "number": polars.Series([x // each for x in range(rows)], dtype=polars.Int16),
            "up": [x % 7 > 0 for x in range(rows)],
            "took": [x / 100 for x in range(rows)],
            "load": polars.Series([None if x % 9 == 1 else x for x in range(rows)], dtype=polars.Int32),
            "state": [f"state {x % 4}" for x in range(rows)],
            "seen": polars.Series([NOON // 10**6] * rows, dtype=polars.Datetime("ms", "UTC")),
        }
    )


def written(folder: Path, table: Any) -> str:
    path = str(folder / "table.parquet")
    table.write_parquet(path, row_group_size=6)
    return path


@pytest.mark.parametrize("shuffled", [False, True])
def test_plain_values_do_not_pass_through_the_encoder_of_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shuffled: bool
) -> None:
    table = plain()
    path = written(tmp_path, table.reverse() if shuffled else table)
    rows = by_row(PROBE, path)
    monkeypatch.setattr("wsla.sources.files.pieces.Conversion._judge", lambda *_: pytest.fail("a row is odd"))
    assert by_column(PROBE, path) == rows


@pytest.mark.parametrize(
    "where", [{"up": "true"}, {"took": "0.25"}, {"load": ""}, {"up": "true", "number": "1"}]
)
def test_rows_are_chosen_as_they_are_row_by_row(tmp_path: Path, where: dict[str, str]) -> None:
    counts = assert_same(PROBE, written(tmp_path, plain()), where=where)
    assert counts[3] > 0
    assert_same(PROBE, written(tmp_path, plain().reverse()), where=where)
    assert_same(PROBE, written(tmp_path, plain()), where={"up": "nothing"})


def test_of_two_samples_of_one_instant_the_first_stands(tmp_path: Path) -> None:
    """Rule M1, with the second one far away in the file."""
    twice = polars.concat([plain(), plain().with_columns(up=polars.col("up") & (polars.col("took") < 0.2))])
    counts = assert_same(PROBE, written(tmp_path, twice))
    assert counts[1] > 0
    assert counts[4].total > 0
    assert counts[4].examples[0].line > 30


def test_a_column_with_another_name_and_the_fields_of_a_probe_that_are_not_there(tmp_path: Path) -> None:
    source = evolve(PROBE, kind="http", labels=("number",))
    table = plain().drop("load", "state", "seen").rename({"took": "ms"})
    assert_same(source, written(tmp_path, table), columns={"took": "ms"})


ROUNDED = evolve(PROBE, fields=(*PROBE.fields[:4], evolve(MILLISECONDS, rounded=True), *PROBE.fields[5:]))


def test_the_rounding_of_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    halves = [x / 2 / 10**6 for x in range(1, 28)]
    table = plain().with_columns(took=polars.Series([*halves, 2.0000005, 123456789.0000005, 0.1 + 0.2]))
    assert assert_same(ROUNDED, written(tmp_path, table))[4].total == 0
    # What is not about halfway needs no look at single cells.
    path = written(tmp_path, plain().with_columns(took=polars.col("took") / 7))
    rows = by_row(ROUNDED, path)
    monkeypatch.setattr("wsla.sources.files.pieces.Conversion._judge", lambda *_: pytest.fail("a row is odd"))
    assert by_column(ROUNDED, path) == rows


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    floats=st.lists(
        st.one_of(
            st.floats(-1e9, 1e9),
            st.integers(-(10**13), 10**13).map(lambda x: x / (2 * 10**6)),
            st.integers(-(10**15), 10**15).map(lambda x: math.nextafter(x / (2 * 10**6), math.inf)),
        ),
        min_size=30,
        max_size=30,
    )
)
def test_rounding_is_half_to_even_of_what_is_meant(floats: list[float], tmp_path: Path) -> None:
    assert_same(ROUNDED, written(tmp_path, plain().with_columns(took=polars.Series(floats))))


def test_the_first_and_the_last_instant_are_those_of_rows_that_fit(tmp_path: Path) -> None:
    table = plain().with_columns(took=polars.when(polars.col("ts") == NOON).then(math.nan).otherwise("took"))
    assert assert_same(PROBE, written(tmp_path, table))[6] == NOON + 10**9
    for count in (0, 1):
        assert_same(PROBE, written(tmp_path, plain().head(count)))


def test_what_is_no_such_table(tmp_path: Path) -> None:
    path = Path(written(tmp_path, plain()))
    whole = path.read_bytes()
    for content in (b"", b"PAR1", whole[:-20], whole[50:]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"is empty|is no Parquet file that can be read"):
            list(open_columns(PROBE, str(path)).streams())
    # The beginning is looked at late.
    path.write_bytes(whole[:4] + bytes(len(whole) - 604) + whole[-600:])
    with pytest.raises(DataError, match="is no Parquet file that can be read"):
        list(open_columns(PROBE, str(path)).streams())
    with pytest.raises(DataError, match="lacks the column `load`"):
        open_columns(PROBE, written(tmp_path, plain().drop("load")))
    with pytest.raises(ValueError, match="has records"):
        open_columns(evolve(PROBE, records=True), str(path))


def test_the_first_and_the_last_instant_are_told_to_the_nanosecond(tmp_path: Path) -> None:
    times = [NOON + x for x in (2, 1, 4, 3)]
    table = plain(4, 1).with_columns(ts=polars.Series(times, dtype=polars.Datetime("ns", "UTC")))
    assert assert_same(PROBE, written(tmp_path, table))[6:] == (NOON + 1, NOON + 4)


TEXTS = {
    "ts": [
        "2026-03-29T01:00:00Z",
        "2026-03-29T01:00:00.5Z",
        "2026-03-29 02:30:00",
        "1774746000",
        "1774746000.25",
        "soon",
    ],
    "site": ["here", "there", "", " here"],
    "number": ["1", "2", "02"],
    "up": ["true", "no", "1", "", "perhaps"],
    "took": ["1.5", "0.1234567", "-2", "1e3", "250ms", "", " 7", "99999999.999999", "٣"],
    "load": ["0.30", "7", "0.0000001", "", "NaN", "+1"],
    "state": ["a", "b", "", "ü" * 1025],
    "seen": ["2026-02-30T00:00:00Z", "2026-03-01T00:00:60Z", "", "2026-03-29T02:30:00", "7", "1774746000000"],
}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    data=st.data(),
    zone=st.sampled_from([None, ZoneInfo("Europe/Berlin")]),
    ending=st.sampled_from(["csv", "tsv"]),
)
def test_plain_csv_as_columns_says_what_rows_say(
    data: st.DataObject, zone: ZoneInfo | None, ending: str, tmp_path: Path
) -> None:
    rows = data.draw(st.integers(1, 25))
    cells = {}
    for name, texts in TEXTS.items():
        # Few kinds of cells in a column, as in data that people have.
        some = st.sampled_from(texts[: data.draw(st.integers(1, len(texts)))])
        cells[name] = data.draw(st.lists(some, min_size=rows, max_size=rows))
    separator = "\t" if ending == "tsv" else data.draw(st.sampled_from([",", ";"]))
    lines = [separator.join([*row, "x"]) for row in [list(cells), *zip(*cells.values(), strict=True)]]
    path = tmp_path / f"table.{ending}"
    end = data.draw(st.sampled_from(["", "\n"]))
    path.write_bytes(("\n".join(lines) + end).encode("utf-8-sig" if data.draw(st.booleans()) else "utf-8"))
    unit = data.draw(st.booleans())
    labels = data.draw(st.sampled_from([(), ("site",), ("site", "number")]))
    source = evolve(
        PROBE, fields=(evolve(PROBE.fields[0], unit_stated=unit), *PROBE.fields[1:]), labels=labels
    )
    assert_same(source, str(path), zone=zone)


@pytest.mark.parametrize(
    "spoiled",
    [
        ('"', ""),
        ("\n", "\r\n"),
        ("here", "he\nre"),
        ("here", "he,re"),
        ("here,", "here"),
        ("\n", "\n\n"),
        ("here", "\udcff"),
        ("here", "\0"),
        ("here", "x" * 200_000),
        ("site", "ts"),
    ],
)
def test_csv_that_is_not_plain_is_left_to_the_reader_of_rows(
    tmp_path: Path, spoiled: tuple[str, str]
) -> None:
    table = plain().with_columns(seen=polars.lit('"now"' if spoiled[0] == '"' else "now"))
    path = tmp_path / "table.csv"
    text = table.write_csv(quote_style="never")
    path.write_bytes(text.replace(*spoiled, 1 if spoiled[0] != '"' else 0).encode("utf-8", "surrogateescape"))
    with pytest.raises(NotInColumns):
        open_columns(PROBE, str(path))


SHORT = (2**31 - 1) / 1000


@pytest.mark.parametrize(
    ("numbers", "is_short"),
    [
        ([0.5, -0.001, SHORT, -SHORT, 0.0, -0.0], True),
        ([0.5, SHORT + 0.001], False),
        ([0.5, -SHORT - 0.001], False),
        ([0.5] * 9 + [0.0001], False),
        ([0.5, math.nan], False),
        ([0.5, math.inf], False),
        ([0.5, None], True),
        ([], True),
    ],
)
def test_decimals_that_32_bits_hold_are_not_multiplied(
    tmp_path: Path, numbers: list[float | None], is_short: bool
) -> None:
    table = polars.DataFrame(
        {
            "ts": polars.Series([NOON + x for x in range(len(numbers))], dtype=polars.Int64),
            "took": polars.Series(numbers, dtype=polars.Float64),
        }
    )
    source = evolve(PROBE, labels=(), fields=(PROBE.fields[0], MILLISECONDS))
    path = written(tmp_path, table)
    assert_same(source, path)
    for stream in open_columns(source, path).streams():
        assert (stream.fields["took"].times > 1) == is_short
        assert (stream.fields["took"].values.dtype == "int32") == is_short
