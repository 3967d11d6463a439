"""Stage one in stores that speak SQL gives what the rules say, and what is not exact is refused or left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from wsla.api import Agreement, loads
from wsla.evaluation.batch.streams import streams_of
from wsla.evaluation.encoding import DataError, observations_from_rows
from wsla.evaluation.panes import PanesError, PaneTable, panes_of
from wsla.evaluation.panes.collect import wanted
from wsla.sources.stores.dialects import NotPushed
from wsla.sources.stores.push import Pushed, Table, fetch, push
from wsla.testing.pane_cases import pane_cases
from wsla.testing.strategies import Case
from wsla.values.calendars import find_zone
from wsla.values.instants import MINUTE

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=40)
UTC = find_zone("UTC")
COLUMNS = {"time": "instant", "region": "text", "ok": "truth", "ms": "decimal"}


def agreement(**changed: str) -> Agreement:
    text = """\
agreement "Shop" version 1 {
  effective 2026-03-01 in "UTC"
  party host "Host GmbH" provider
  party shop "Shop AG" consumer
  source web = push {
    at      time
    label   region
    latency ms in ms
    holds   90s
  }
  metric up      = availability(web.ok) each day by region
  metric quick   = share(web.latency <= 300.5ms) each day
  metric average = mean(web.latency where web.ok) each day by region
  metric worst   = max(web.latency) each day
  metric total   = sum(web.latency) each day
  metric seen    = count(web) each day
  goal quick_enough: host guarantees quick >= 99%
}
"""
    for old, new in changed.items():
        text = text.replace(TEXTS[old], new)
    return loads(text)


TEXTS = {"times": "at      time"}

ROUNDING = ("ClickHouse", "Spark")
"""Stores that do not write binary fractions out in full."""

COUNTING = ("ClickHouse",)
"""Stores whose times are counts since 1970, whatever zone they are shown in."""

Row = tuple[Any, ...]
ROWS: list[Row] = [
    # On the edges of minutes, a nanosecond before being beyond them, and held over several of them.
    ("2026-03-01T00:00:00Z", "eu", True, "12.345"),
    ("2026-03-01T00:00:59.999999Z", "eu", False, "300.500"),
    ("2026-03-01T00:01:00Z", "eu", True, "300.501"),
    ("2026-03-01T00:01:30.5Z", "us", None, "0.001"),
    ("2026-03-01T00:05:00Z", "eu", True, None),
    ("2026-03-01T23:59:30Z", "eu", True, "7.000"),
    ("2026-03-02T00:00:00Z", "us", False, "99999.999"),
]


def expected(of: Agreement, columns: Mapping[str, str], rows: Sequence[Row], until: int) -> PaneTable:
    seen = observations_from_rows(
        of.plan.source("web"), [dict(zip(columns, row, strict=True)) for row in rows], UTC
    )
    return panes_of(of.plan, streams_of(of.plan, seen), until)


def pushed(
    database: Any,
    of: Agreement,
    columns: Mapping[str, str],
    rows: Sequence[Row],
    until: int,
    table: Table | None = None,
) -> Pushed:
    database.fill("web", columns, rows)
    asked = wanted(of.plan)
    where = table or Table(name="web")
    return push(
        database.store, of.plan, of.plan.source("web"), where, asked.sources["web"], asked.length, until
    )


def assert_same(found: Pushed, panes: PaneTable) -> None:
    web = panes.sources["web"]
    order = {stream.labels: stream for stream in web.streams}
    assert {stream.labels: stream for stream in found.panes.streams} == order
    assert _by_labels(found.panes) == _by_labels(web)


def _by_labels(panes: Any) -> dict[Any, Any]:
    found = {}
    for number, stream in enumerate(panes.streams):
        rows = np.flatnonzero(panes.stream == number)
        found[stream.labels] = {
            "pane": panes.pane[rows].tolist(),
            **{name: values[rows].tolist() for name, values in panes.columns.items()},
        }
    return found


@QUICK
@given(case=pane_cases())
def test_panes_made_by_a_store_give_what_the_rules_say(database: Any, assert_exact: Any, case: Case) -> None:
    """Rules M3, M6, M10 to M13, M23, M36 and M50, with samples on the edges of panes and windows."""
    assert_exact(case, database)


def end_of(of: Agreement) -> int:
    return of.instant("2026-03-02T00:10:00Z")


def test_times_with_a_zone_truths_and_decimals_are_exact(database: Any) -> None:
    of = agreement()
    found = pushed(database, of, COLUMNS, ROWS, end_of(of))
    assert found.misfits == 0
    assert_same(found, expected(of, COLUMNS, ROWS, end_of(of)))


def test_what_was_observed_at_the_end_or_later_is_not_there(database: Any) -> None:
    """Rule M5: [from, until) is half open."""
    of = agreement()
    until = of.instant("2026-03-01T00:01:00Z")
    assert_same(pushed(database, of, COLUMNS, ROWS, until), expected(of, COLUMNS, ROWS[:2], until))
    assert_same(pushed(database, of, COLUMNS, ROWS, until + 1), expected(of, COLUMNS, ROWS[:3], until + 1))


def test_binary_fractions_are_the_shortest_decimals_that_mean_them(database: Any) -> None:
    """A mean of floats added up by the store would be 0.30000000000000004 ms."""
    of = agreement()
    columns = {**COLUMNS, "ms": "float"}
    rows: list[Row] = [
        (f"2026-03-01T00:00:{second:02}Z", "eu", True, value)
        for second, value in enumerate((0.1, 0.2, 1e-06, 123456.654321, -0.3))
    ]
    if database.store.dialect.name in ROUNDING:
        with pytest.raises(NotPushed, match="binary fractions"):
            pushed(database, of, columns, rows, end_of(of))
        return
    found = pushed(database, of, columns, rows, end_of(of))
    assert found.misfits == 0
    assert_same(found, expected(of, columns, rows, end_of(of)))


def test_truths_may_be_numbers_or_words(database: Any) -> None:
    of = agreement()
    for kind, values in (("whole", (1, 0, None)), ("text", ("Yes", " false", ""))):
        columns = {**COLUMNS, "ok": kind}
        rows = [(f"2026-03-01T00:00:{second:02}Z", "eu", value, "1") for second, value in enumerate(values)]
        found = pushed(database, of, columns, rows, end_of(of))
        assert found.misfits == 0
        assert_same(found, expected(of, columns, rows, end_of(of)))


def test_rows_that_do_not_fit_are_left_out_and_counted(database: Any) -> None:
    of = agreement()
    columns = {**COLUMNS, "ok": "whole", "ms": "float"}
    good: list[Row] = [("2026-03-01T00:00:01Z", "eu", 1, 1.5)]
    bad: list[Row] = [
        ("2026-03-01T00:00:02Z", "eu", 2, 1.5),
        ("2026-03-01T00:00:03Z", None, 1, 1.5),
        ("2026-03-01T00:00:04Z", "", 1, 1.5),
        (None, "eu", 1, 1.5),
    ]
    if database.store.dialect.name in ROUNDING:
        columns["ms"] = "decimal"
    else:
        # Finer than a nanosecond.
        bad.append(("2026-03-01T00:00:05Z", "eu", 1, 1.0000005))
    found = pushed(database, of, columns, [*good, *bad], end_of(of))
    assert found.misfits == len(bad)
    assert_same(found, expected(of, columns, good, end_of(of)))


def test_numbers_that_are_too_large_to_be_stored_are_left_out_as_of_a_file(database: Any) -> None:
    of = agreement()
    largest: Row = ("2026-03-01T00:00:01Z", "eu", True, "9223372036854.775")
    larger: Row = ("2026-03-01T00:00:02Z", "eu", True, "9223372036854.776")
    lowest: Row = ("2026-03-01T00:01:01Z", "eu", True, "-9223372036854.775")
    lower: Row = ("2026-03-01T00:01:02Z", "eu", True, "-999999999999999.999")
    found = pushed(database, of, COLUMNS, [largest, larger, lowest, lower], end_of(of))
    assert found.misfits == 2
    assert_same(found, expected(of, COLUMNS, [largest, lowest], end_of(of)))


def test_sums_that_are_too_large_are_refused(database: Any) -> None:
    of = agreement()
    rows: list[Row] = [
        (f"2026-03-01T00:00:0{second}Z", "eu", True, "9223372036854.775") for second in range(4)
    ]
    with pytest.raises(PanesError, match="too large"):
        pushed(database, of, COLUMNS, rows, end_of(of))


def test_doubled_rows_count_once(database: Any) -> None:
    """Rule M1."""
    of = agreement()
    found = pushed(database, of, COLUMNS, [*ROWS, *ROWS], end_of(of))
    assert_same(found, expected(of, COLUMNS, ROWS, end_of(of)))


def test_two_different_rows_of_one_instant_are_refused(database: Any) -> None:
    of = agreement()
    other = (*ROWS[0][:3], "12.346")
    with pytest.raises(PanesError, match="no order says which"):
        pushed(database, of, COLUMNS, [*ROWS, other], end_of(of))


def test_times_that_are_counted_need_a_unit(database: Any) -> None:
    columns = {**COLUMNS, "time": "whole"}
    rows = [(1_772_323_200_000 + second * 1000, "eu", True, "1") for second in (0, 1, 70)]
    of = agreement(times="at      time in ms")
    assert_same(pushed(database, of, columns, rows, end_of(of)), expected(of, columns, rows, end_of(of)))
    with pytest.raises(NotPushed, match="not a time with a zone"):
        pushed(database, agreement(), columns, rows, end_of(of))


def test_times_without_a_zone_need_one(database: Any) -> None:
    of = agreement()
    columns = {**COLUMNS, "time": "local"}
    rows = [(row[0].removesuffix("Z"), *row[1:]) for row in ROWS]
    if database.store.dialect.name not in COUNTING:
        with pytest.raises(NotPushed, match="have no zone"):
            pushed(database, of, columns, rows, end_of(of))
    found = pushed(database, of, columns, rows, end_of(of), Table(name="web", zone=UTC))
    assert_same(found, expected(of, columns, rows, end_of(of)))


def test_columns_and_rows_are_chosen_as_in_files(database: Any) -> None:
    of = agreement()
    columns = {"taken": "instant", "region": "text", "ok": "truth", "ms": "decimal", "kind's": "text"}
    rows = [(*row, kind) for row in ROWS for kind in ("a'b", "other")]
    table = Table(name="web", columns={"at": "taken"}, where={"kind's": "a'b"})
    found = pushed(database, of, columns, rows, end_of(of), table)
    assert_same(found, expected(of, COLUMNS, ROWS, end_of(of)))
    with pytest.raises(DataError, match="lacks the column `time`"):
        pushed(database, of, columns, rows, end_of(of))


def test_a_query_may_stand_for_the_table(database: Any) -> None:
    of = agreement()
    query = "SELECT * FROM web WHERE region = 'eu';"
    found = pushed(database, of, COLUMNS, ROWS, end_of(of), Table(name="web", query=query))
    assert_same(found, expected(of, COLUMNS, [row for row in ROWS if row[1] == "eu"], end_of(of)))


def test_an_empty_table_has_no_streams(database: Any) -> None:
    of = agreement()
    assert pushed(database, of, COLUMNS, [], end_of(of)).panes.streams == ()


def test_a_table_that_is_not_there_is_said(database: Any) -> None:
    of = agreement()
    asked = wanted(of.plan)
    with pytest.raises(DataError, match="cannot be read"):
        push(
            database.store,
            of.plan,
            of.plan.source("web"),
            Table(name="nowhere"),
            asked.sources["web"],
            MINUTE,
            0,
        )


@pytest.mark.parametrize("kind", ["decimal", "float"])
def test_rows_that_are_fetched_are_those_of_a_file(database: Any, kind: str) -> None:
    of = agreement()
    columns = {**COLUMNS, "ms": kind}
    database.fill("web", columns, ROWS)
    history = fetch(database.store, of.plan.source("web"), Table(name="web"))
    values = [(*row[:3], None if row[3] is None else Decimal(row[3])) for row in ROWS]
    seen = observations_from_rows(
        of.plan.source("web"), [dict(zip(columns, row, strict=True)) for row in values], UTC
    )
    assert sorted(history.observations, key=str) == sorted(seen, key=str)
    assert history.rejects.total == 0
