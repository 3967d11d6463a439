"""Partial results in Parquet files: what is written is read again, and anything else is refused in plain words."""

# ruff: noqa: E402 — what is not installed is looked for first

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("numpy", reason="what holds columns is not installed")
polars = pytest.importorskip("polars", reason="what reads Parquet files is not installed")

import numpy as np

from wsla.evaluation.batch.streams import streams_of
from wsla.evaluation.encoding import DataError
from wsla.evaluation.panes import PaneReduction, PanesError, PaneTable, panes_of
from wsla.plan.model import Plan
from wsla.sources.files.partials import read_partials, write_partials
from wsla.testing.plans import BOOLEAN, DURATION, NUMBER, PlanBuilder, observe
from wsla.values.calendars import ExactWindow
from wsla.values.instants import MINUTE, SECOND

UNTIL = 10 * MINUTE


def plan(staleness: int = 30 * SECOND, limit: int = 300) -> Plan:
    build = PlanBuilder()
    build.samples("web", {"up": BOOLEAN, "elapsed": DURATION}, staleness=staleness, labels=("region",))
    build.samples("calls", {"size": NUMBER})
    slow = build.compare(build.field("web", "elapsed"), ">", build.constant(limit * 1_000_000, DURATION))
    five = ExactWindow(5 * MINUTE)
    build.metrics["up"] = build.aggregate("availability", build.field("web", "up"), five, by=("region",))
    build.metrics["slow"] = build.aggregate("share", slow, five, source="web")
    build.metrics["least"] = build.aggregate("min", build.field("calls", "size"), five, source="calls")
    return build.build()


def table(of: Plan) -> PaneTable:
    seen = [
        observe("web", second * SECOND, region=region, up=second % 70 < 60, elapsed=second * 1_000_000)
        for second in range(5, 590, 15)
        for region in ("eu", "us")
    ]
    # A size that is unknown leaves a pane without a least value.
    seen += [observe("calls", 90 * SECOND, size=-3), observe("calls", 200 * SECOND, size=None)]
    return panes_of(of, streams_of(of, seen), UNTIL)


@pytest.mark.parametrize("run_of", [1, 16, 10**9])
def test_what_is_written_is_read_again(run_of: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the file tells of stretches without a gap, or each row has to say where it is."""
    monkeypatch.setattr("wsla.sources.files.partials._RUN_OF", run_of)
    path = str(tmp_path / "web.parquet")
    written = table(plan())
    write_partials(path, written)
    read = read_partials(path)
    assert (read.length, read.until, read.sources.keys()) == (MINUTE, UNTIL, {"web", "calls"})
    for name, panes in written.sources.items():
        found = read.sources[name]
        assert (found.signature, found.staleness, found.streams) == (
            panes.signature,
            panes.staleness,
            panes.streams,
        )
        assert found.kinds == panes.kinds
        assert np.array_equal(found.stream, panes.stream)
        assert np.array_equal(found.pane, panes.pane)
        for measure in panes.kinds:
            assert np.array_equal(found.columns[measure], panes.columns[measure]), measure
    assert not list(tmp_path.glob("*.part"))


def test_stretches_that_do_not_fit_the_rows_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsla.sources.files.partials._RUN_OF", 1)
    path = tmp_path / "web.parquet"
    write_partials(str(path), table(plan()))
    metadata = polars.read_parquet_metadata(path)
    rows = polars.read_parquet(path)
    for kept in (rows.head(-1), polars.concat([rows, rows.tail(1)])):
        kept.write_parquet(path, metadata={"wsla.partials": metadata["wsla.partials"]})
        with pytest.raises(DataError, match="its rows are not those that it tells of"):
            read_partials(str(path))


def test_a_gap_in_what_was_observed_is_a_gap_in_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsla.sources.files.partials._RUN_OF", 1)
    path = str(tmp_path / "web.parquet")
    seen = [
        observe("web", at, region=region, up=True, elapsed=5)
        for region in ("eu", "us")
        for at in (10 * SECOND, 70 * SECOND, 9 * MINUTE)
    ]
    written = panes_of(plan(), streams_of(plan(), seen), UNTIL).sources["web"]
    assert written.pane.tolist() == [0, 1, 9, 0, 1, 9]
    write_partials(path, panes_of(plan(), streams_of(plan(), seen), UNTIL))
    read = read_partials(path).sources["web"]
    assert (read.pane.tolist(), read.stream.tolist()) == ([0, 1, 9, 0, 1, 9], [0, 0, 0, 1, 1, 1])


def test_a_pane_without_a_least_value_is_null_in_the_file(tmp_path: Path) -> None:
    path = str(tmp_path / "web.parquet")
    write_partials(path, table(plan()))
    rows = polars.read_parquet(path).filter(source="calls")
    assert rows["calls: least size"].to_list() == [-3, *[None] * (len(rows) - 1)]


def test_the_results_of_nothing_are_written_too(tmp_path: Path) -> None:
    path = str(tmp_path / "none.parquet")
    write_partials(path, panes_of(plan(), [], UNTIL))
    assert read_partials(path).sources["web"].streams == ()


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "data.parquet"
    polars.DataFrame({"a": [1]}).write_parquet(other)
    with pytest.raises(DataError, match="holds no partial results"):
        read_partials(str(other))
    other.write_text("nothing of the kind")
    with pytest.raises(DataError, match="no file of partial results"):
        read_partials(str(other))
    other.write_text("")
    with pytest.raises(DataError, match="is empty"):
        read_partials(str(other))
    with pytest.raises(DataError, match="there is no file"):
        read_partials(str(tmp_path / "missing.parquet"))


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        write_partials(str(tmp_path / "no" / "web.parquet"), table(plan()))


def test_results_for_another_condition_are_refused() -> None:
    with pytest.raises(PanesError, match="another agreement: they lack"):
        PaneReduction(plan(limit=200), table(plan()), 0, UNTIL)


def test_results_for_samples_that_held_longer_are_refused() -> None:
    with pytest.raises(PanesError, match="its fields, labels or staleness were others"):
        PaneReduction(plan(staleness=MINUTE), table(plan()), 0, UNTIL)


def test_an_instant_inside_a_pane_is_refused_unless_nothing_came_after_it() -> None:
    of = plan()
    panes = table(of)
    PaneReduction(of, panes, 0, 9 * MINUTE)
    PaneReduction(of, panes, 0, UNTIL + 1)
    with pytest.raises(PanesError, match="do not say what was known inside"):
        PaneReduction(of, panes, 0, UNTIL - 1)
