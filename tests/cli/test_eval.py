"""`wsla eval`: every form of its output, and what its options do."""

from __future__ import annotations

import csv
import io
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
def evaluate(run_wsla: Run, agreement: Path) -> Run:
    """Judges a file by the agreement: evaluate(path, *options)."""
    return lambda path, *options: run_wsla("eval", agreement, "--data", f"probe={path}", *options)


def judged(finished: Any) -> dict[str, Any]:
    assert finished.code == 0, finished.said
    report: dict[str, Any] = json.loads(finished.out)
    return report


def test_a_table_says_verdict_value_coverage_budget_and_what_is_owed(
    evaluate: Run, write: Write, rows: list[str]
) -> None:
    finished = evaluate(write(rows))
    assert finished.code == 0
    assert finished.err == ""
    lines = finished.out.splitlines()
    assert lines[0] == "Web shop, version 1"
    assert lines[2].split() == [
        *("available", "2026-03-02", "violated", "~95.8333%", "uptime", ">=", "99%", "100%", "-45m", "36s"),
    ]
    assert "30.00 EUR" in finished.out
    assert lines[-1] == "2 windows: 1 violated, 1 on track; 1 ledger entry, 1 action due"


def test_json_holds_every_number_without_loss(evaluate: Run, write: Write, rows: list[str]) -> None:
    report = judged(evaluate(write(rows), "--format", "json"))
    day, open_day = report["judgements"]
    assert day["window"] == "2026-03-02"
    assert (day["start"], day["end"]) == ("2026-03-02T00:00:00+01:00", "2026-03-03T00:00:00+01:00")
    assert (day["verdict"], day["final"]) == ("violated", True)
    assert open_day["final"] is False
    assert Fraction(day["value"]) == Fraction(23, 24)
    assert (Fraction(day["lower"]), Fraction(day["upper"])) == (Fraction(23, 24), Fraction(23, 24))
    assert day["coverage"] == "1"
    assert Fraction(day["budget"]) == 86_400 * 10**9 / Fraction(100)
    assert Fraction(day["budget_left"]) == (864 - 3600) * 10**9
    assert open_day["verdict"] == "on track"
    (entry,) = report["entries"]
    assert (entry["kind"], entry["debtor"], entry["creditor"], entry["amount"], entry["currency"]) == (
        *("credit", "host", "shop"),
        *("30.00", "EUR"),
    )
    (action,) = report["actions"]
    assert (action["verb"], action["targets"], action["at"]) == (
        "notify",
        ["shop"],
        "2026-03-03T00:10:00+01:00",
    )


def test_csv_is_a_row_a_window(evaluate: Run, write: Write, rows: list[str]) -> None:
    finished = evaluate(write(rows), "--format", "csv")
    found = list(csv.DictReader(io.StringIO(finished.out)))
    assert [row["verdict"] for row in found] == ["violated", "on track"]
    assert found[0]["value"] == "23/24"


def test_the_same_text_and_data_give_the_same_bytes(evaluate: Run, write: Write, rows: list[str]) -> None:
    path = write(rows)
    assert evaluate(path, "--format", "json").out == evaluate(path, "--format", "json").out


def test_from_and_until_cut_what_is_judged(evaluate: Run, write: Write, rows: list[str]) -> None:
    path = write(rows)
    whole = judged(evaluate(path, "--format", "json", "--until", "2026-03-04"))
    assert [one["window"] for one in whole["judgements"]] == ["2026-03-02", "2026-03-03"]
    assert whole["judgements"][1]["verdict"] == "unknown"
    # A day may lose 14 minutes and 24 seconds; at that instant it is still not lost.
    for until, verdict in (("07:00", "on track"), ("07:14:24", "at risk"), ("07:14:25", "lost")):
        early = judged(evaluate(path, "--format", "json", "--until", f"2026-03-02T{until}"))
        assert [one["verdict"] for one in early["judgements"]] == [verdict]
        assert early["entries"] == []
    late = judged(evaluate(path, "--format", "json", "--from", "2026-03-03", "--until", "2026-03-04"))
    assert [one["window"] for one in late["judgements"]] == ["2026-03-03"]


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "tsv", "csv.gz"])
def test_every_kind_of_file_gives_the_same(
    evaluate: Run, write: Write, rows: list[str], tmp_path: Path, kind: str
) -> None:
    plain = write(rows)
    path = tmp_path / f"other.{kind}"
    table = polars.read_csv(plain)
    match kind:
        case "jsonl":
            table.write_ndjson(path)
        case "parquet":
            table.write_parquet(path)
        case "tsv":
            table.write_csv(path, separator="\t")
        case _:
            import gzip

            path.write_bytes(gzip.compress(plain.read_bytes()))
    assert judged(evaluate(path, "--format", "json")) == judged(evaluate(plain, "--format", "json"))


def test_columns_can_be_named_on_the_command_line(evaluate: Run, write: Write, rows: list[str]) -> None:
    other = write(rows, header="when,fine,ms")
    renamed = ("--map", "probe.at=when", "--map", "probe.up=fine", "--map", "probe.elapsed=ms")
    assert judged(evaluate(other, *renamed, "--format", "json"))["judgements"][0]["value"] == "23/24"


def test_rows_can_be_chosen_by_a_column(evaluate: Run, write: Write, rows: list[str]) -> None:
    both = [f"{row},eu" for row in rows] + [f"{row.replace('false', 'true')},us" for row in rows]
    path = write(both, header="time,healthy,took,region")
    down = judged(evaluate(path, "--where", "probe.region=eu", "--format", "json"))
    fine = judged(evaluate(path, "--where", "probe.region=us", "--format", "json"))
    assert (down["judgements"][0]["verdict"], fine["judgements"][0]["verdict"]) == ("violated", "met")


def test_times_without_a_zone_are_read_in_the_zone_that_is_said(
    evaluate: Run, write: Write, rows: list[str]
) -> None:
    bare = [row.replace("Z", "") for row in rows]
    utc = judged(evaluate(write(bare, name="bare.csv"), "--zone", "UTC", "--format", "json"))
    assert utc == judged(evaluate(write(rows), "--format", "json"))


def test_several_files_of_one_source_are_one_history(
    run_wsla: Run, agreement: Path, write: Write, rows: list[str]
) -> None:
    first, second = write(rows[:15], name="first.csv"), write(rows[10:], name="second.csv")
    arguments = ("eval", agreement, "--format", "json")
    parts = run_wsla(*arguments, "--data", f"probe={first}", "--data", f"probe={second}")
    assert judged(parts) == judged(run_wsla(*arguments, "--data", f"probe={write(rows)}"))


def test_numbers_are_rounded_only_where_the_agreement_says_so(
    evaluate: Run, write: Write, rows: list[str], agreement: Path
) -> None:
    fine = [*rows[:5], rows[5].rsplit(",", 1)[0] + ",45.751999999999995", *rows[6:]]
    path = write(fine)
    assert "is not a whole number of nanoseconds" in evaluate(path).err
    text = agreement.read_text("utf-8")
    agreement.write_text(text.replace("took in ms", "took in ms\n    numbers  rounded"), "utf-8")
    assert evaluate(path).err == ""
