"""`wsla eval` and its data: rows that cannot be used, and what is loaded to read which kind of file."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars
import pytest

from wsla.sources.files import columns

Run = Callable[..., Any]
Write = Callable[..., Path]


@pytest.fixture
def evaluate(run_wsla: Run, agreement: Path) -> Run:
    """Judges a file by the agreement: evaluate(path, *options)."""
    return lambda path, *options: run_wsla("eval", agreement, "--data", f"probe={path}", *options)


BAD = ["2026-03-02T04:00:00Z,perhaps,105", "2026-03-02T04:00:00Z,true,105,x"]


def as_parquet(path: Path) -> Path:
    made = path.with_suffix(".parquet")
    polars.read_csv(path, truncate_ragged_lines=True).write_parquet(made)
    return made


def test_refused_rows_are_written_to_a_file(
    evaluate: Run, write: Write, rows: list[str], tmp_path: Path
) -> None:
    path = write([*rows[:5], *BAD, *rows[6:]])
    out = tmp_path / "refused.csv"
    finished = evaluate(path, "--rejects", out)
    assert finished.code == 0, finished.said
    with out.open(encoding="utf-8", newline="") as lines:
        found = list(csv.DictReader(lines))
    assert [(one["source"], one["file"], one["line"]) for one in found] == [
        ("probe", str(path), "7"),
        ("probe", str(path), "8"),
    ]
    assert "neither true nor false" in found[0]["reason"]
    assert json.loads(found[0]["cells"]) == {
        "time": "2026-03-02T04:00:00Z",
        "healthy": "perhaps",
        "took": "105",
    }
    assert json.loads(found[1]["cells"]) == ["2026-03-02T04:00:00Z", "true", "105", "x"]


def test_a_table_gives_the_same_refused_rows(
    evaluate: Run, write: Write, rows: list[str], tmp_path: Path
) -> None:
    path = as_parquet(write([*rows[:5], BAD[0], *rows[6:]]))
    out = tmp_path / "refused.csv"
    assert evaluate(path, "--rejects", out).code == 0
    with out.open(encoding="utf-8", newline="") as lines:
        (found,) = csv.DictReader(lines)
    assert found["line"] == "6"
    assert json.loads(found["cells"])["healthy"] == "perhaps"


def test_a_file_that_cannot_be_written_is_said(
    evaluate: Run, write: Write, rows: list[str], tmp_path: Path
) -> None:
    finished = evaluate(write(rows), "--rejects", tmp_path / "nowhere" / "refused.csv")
    assert finished.code == 1
    assert "cannot be written" in finished.err


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_strict_ends_at_the_first_row(evaluate: Run, write: Write, rows: list[str], kind: str) -> None:
    path = write([*rows[:5], BAD[0], BAD[0].replace("4:00", "5:00"), *rows[7:]])
    finished = evaluate(path if kind == "csv" else as_parquet(path), "--strict")
    assert finished.code == 1
    assert finished.out == ""
    assert finished.err.count("  line ") == 1
    assert f"line {7 if kind == 'csv' else 6}: up: 'perhaps'" in finished.err


def test_a_folder_and_a_pattern_are_the_files_in_them(
    evaluate: Run, write: Write, rows: list[str], tmp_path: Path
) -> None:
    whole = evaluate(write(rows), "--format", "json").out
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "notes.txt").write_text("no history", "utf-8")
    for name, some in (("b.csv", rows[12:]), ("a.csv", rows[:15])):
        (folder / name).write_text("\n".join(["time,healthy,took", *some]), "utf-8")
    assert evaluate(folder, "--format", "json").out == whole
    assert evaluate(folder / "*.csv", "--format", "json").out == whole
    for path in folder.glob("*.csv"):
        as_parquet(path)
        path.unlink()
    assert evaluate(folder, "--format", "json").out == whole
    assert "called like" in evaluate(folder / "*.csv").err


def test_the_unit_of_times_is_found_or_said(evaluate: Run, write: Write, rows: list[str]) -> None:
    whole = evaluate(write(rows), "--format", "json").out
    for factor in (1, 1000, 10**9):
        counted = []
        for row in rows:
            instant, _, rest = row.partition(",")
            seconds = int(datetime.fromisoformat(instant).timestamp())
            counted.append(f"{seconds * factor},{rest}")
        path = write(counted, name="counted.csv")
        assert evaluate(path, "--format", "json").out == whole
        assert evaluate(as_parquet(path), "--format", "json").out == whole
    early = write(["7,true,100", "3600007,true,100"], name="early.csv")
    assert "`--time-unit`" in evaluate(early).err
    said = evaluate(early, "--time-unit", "probe=ms")
    assert "the agreement takes effect after the last observation" in said.err
    assert evaluate(early, "--time-unit", "probe=days").code == 2


def test_long_text_is_judged_in_columns_and_quotation_marks_do_not_matter(
    evaluate: Run, write: Write, rows: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write([*rows[:5], "2026-03-02T04:00:00Z,perhaps,105", *rows[6:]])
    by_rows = evaluate(path, "--format", "json")
    real = columns.open_columns
    monkeypatch.setattr("wsla.sources.files.places._LONG_TEXT", 1)
    opened: list[object] = []
    monkeypatch.setattr(
        columns, "open_columns", lambda *rest, **options: opened.append(rest) or real(*rest, **options)
    )
    in_columns = evaluate(path, "--format", "json")
    assert len(opened) == 1
    assert (in_columns.out, in_columns.err) == (by_rows.out, by_rows.err)
    assert "line 7: up: 'perhaps'" in in_columns.err
    quoted = write([*rows[:5], '"2026-03-02T04:00:00Z",perhaps,105', *rows[6:]])
    assert evaluate(quoted, "--format", "json").out == by_rows.out


HEAVY = ("numpy", "polars", "pandas", "pyarrow", "sqlalchemy", "httpx", "asyncio", "psycopg", "sqlite3")


def test_ten_thousand_rows_of_csv_load_no_library_for_columns(agreement: Path, tmp_path: Path) -> None:
    """C3: below about 170,000 rows plain Python is faster than to load one."""
    path = tmp_path / "many.csv"
    instants = (f"2026-03-02T{x // 3600:02}:{x // 60 % 60:02}:{x % 60:02}Z" for x in range(10_000))
    path.write_text("time,healthy,took\n" + "".join(f"{one},true,100\n" for one in instants), "utf-8")
    program = (
        "import sys\n"
        "from wsla.cli import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        f"found = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "print(found, file=sys.stderr)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program, "eval", str(agreement), "--data", f"probe={path}", "--format", "csv"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("goal") or "met" in finished.stdout
    assert finished.stderr.strip() == "[]"
