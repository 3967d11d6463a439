"""`wsla eval`: its results as files and as pictures."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars
import pytest

Run = Callable[..., Any]
Write = Callable[..., Path]


@pytest.fixture
def evaluate(run_wsla: Run, agreement: Path, write: Write, rows: list[str]) -> Run:
    """Judges the usual rows by the agreement: evaluate(*options)."""
    path = write(rows)
    return lambda *options: run_wsla("eval", agreement, "--data", f"probe={path}", *options)


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_a_file_holds_what_is_printed(evaluate: Run, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"verdicts.{kind}"
    finished = evaluate("--format", kind, "--output", path)
    assert finished.code == 0, finished.said
    assert path.read_text("utf-8") == finished.out


def test_a_table_is_printed_beside_the_file(evaluate: Run, tmp_path: Path) -> None:
    path = tmp_path / "verdicts.JSON"
    assert "Web shop, version 1" in evaluate("--output", path).out
    assert len(json.loads(path.read_text("utf-8"))["judgements"]) == 2


def test_parquet_has_the_columns_of_csv_and_numbers_beside(evaluate: Run, tmp_path: Path) -> None:
    path = tmp_path / "verdicts.parquet"
    finished = evaluate("--format", "csv", "--output", path)
    assert finished.code == 0, finished.said
    table = polars.read_parquet(path)
    written = list(csv.DictReader(finished.out.splitlines()))
    assert set(written[0]) - {"value_text"} <= set(table.columns)
    assert table["verdict"].to_list() == [row["verdict"] for row in written]
    assert table["value"].to_list() == [row["value"] for row in written]
    assert table["value_number"].to_list() == [float(Fraction(row["value"])) for row in written]
    assert table.schema["start"] == polars.Datetime("ns", "UTC")
    assert table["start"][0].isoformat() == "2026-03-01T23:00:00+00:00"


def test_a_plot_stands_below_the_table(evaluate: Run) -> None:
    finished = evaluate("--plot")
    assert finished.code == 0, finished.said
    table, _, plot = finished.out.partition("due\n")
    assert "Web shop, version 1" in table
    assert "uptime >= 99%" in plot
    assert "credit 30.00 EUR" in plot


def test_a_picture(evaluate: Run, tmp_path: Path) -> None:
    path = tmp_path / "shop.svg"
    finished = evaluate("--save-plot", path)
    assert finished.code == 0, finished.said
    assert "Web shop, version 1" in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--output", "verdicts.xlsx"), 2, "--output: `verdicts.xlsx` should end in .json, .csv, .parquet"),
        (("--save-plot", "shop.gif"), 2, "--save-plot: `shop.gif` should end in .svg, .png"),
        (("--output", "nowhere/verdicts.csv"), 1, "there is no folder `nowhere` for --output"),
        (("--plot", "--format", "json"), 2, "--plot draws below a table"),
    ],
)
def test_what_cannot_be_written_is_said_first(evaluate: Run, options: Any, code: int, said: str) -> None:
    finished = evaluate(*options)
    assert finished.code == code
    assert said in finished.err
    assert finished.out == ""


def test_a_folder_in_the_place_of_the_file(evaluate: Run, tmp_path: Path) -> None:
    (tmp_path / "taken.csv").mkdir()
    finished = evaluate("--output", tmp_path / "taken.csv")
    assert finished.code == 1
    assert "taken.csv cannot be written" in finished.err
