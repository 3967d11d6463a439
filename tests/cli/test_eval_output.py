"""`wsla eval`: its results as files and as pictures."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars
import pytest
from attrs import evolve

import wsla
from wsla.cli import eval_output, show
from wsla.evaluation.verdicts import Judgement

LABELLED = """\
agreement "Shops" version 1 {
  effective 2026-01-01 in "UTC"
  party host "Höst" provider
  party shop "Shop" consumer { email "it@shop.example" }
  source probe = csv "probe.csv" every 1h {
    at    time
    label shop
    up    healthy
  }
  metric uptime = availability(probe.up) each 1h by shop
  goal available: host guarantees uptime >= 99% { otherwise notify shop }
}
"""
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


@pytest.mark.parametrize("at_once", [1, 2, 3])
@pytest.mark.parametrize("kind", ["json", "csv"])
def test_verdicts_are_written_the_same_however_many_at_once(
    evaluate: Run, kind: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluate("--format", kind).out
    monkeypatch.setattr(eval_output, "_AT_ONCE", at_once)
    assert evaluate("--format", kind).out == whole


def test_json_is_laid_out_as_it_always_is(evaluate: Run) -> None:
    printed = evaluate("--format", "json").out
    assert printed == json.dumps(json.loads(printed), indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_json_of_versions_and_of_no_verdicts_is_laid_out_too(number: int) -> None:
    shop = wsla.loads(LABELLED)
    rows = [
        {"time": f"2026-01-01T0{hour}:00:00Z", "healthy": hour != 2, "shop": '"a"\n'} for hour in range(3)
    ]
    some = wsla.evaluate(shop, {"probe": rows}, until="2026-01-02T00:00:00Z")
    none = wsla.evaluate(shop, {"probe": []})
    for reports in ([some] * number, [none] * number, [none, some][:number]):
        text = "".join(eval_output._json(reports))
        assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        told = json.loads(text) if number != 1 else [json.loads(text)]
        assert [len(one["judgements"]) for one in told] == [len(report.judgements) for report in reports]
    assert len(some.judgements) == 24


def test_csv_of_no_verdicts_is_a_line_without_names() -> None:
    shop = wsla.loads(LABELLED)
    assert "".join(eval_output._csv([wsla.evaluate(shop, {"probe": []})])) == "\n"


def test_a_long_table_is_the_same_without_being_kept(evaluate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = evaluate().out
    monkeypatch.setattr(eval_output, "_FEW", 0)
    monkeypatch.setattr(show, "_AT_ONCE", 1)
    assert evaluate().out == whole


class Counted(Sequence[Judgement]):
    """Judgements that tell how many of them were asked for."""

    def __init__(self, judgements: Sequence[Judgement]) -> None:
        self.judgements = judgements
        self.asked = 0

    def __len__(self) -> int:
        return len(self.judgements)

    def __getitem__(self, index: Any) -> Any:
        return self.judgements[index]

    def __iter__(self) -> Iterator[Judgement]:
        for judgement in self.judgements:
            self.asked += 1
            yield judgement


@pytest.mark.parametrize("write", [eval_output._csv, eval_output._json])
def test_verdicts_are_written_as_they_are_made(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eval_output, "_AT_ONCE", 2)
    rows = [{"time": f"2026-01-01T0{hour}:00:00Z", "healthy": True, "shop": "a"} for hour in range(9)]
    report = wsla.evaluate(wsla.loads(LABELLED), {"probe": rows})
    counted = Counted(report.judgements)
    monkeypatch.setattr(type(report), "counts", property(lambda one: {("available", (("shop", "a"),)): {}}))
    pieces = write([evolve(report, judgements=counted)])
    found = ""
    while "met" not in found:
        found += next(pieces)
    assert counted.asked == 2
    found += "".join(pieces)
    assert counted.asked == 9


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
