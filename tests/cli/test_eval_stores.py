"""`wsla eval --on` and `--partials`: the same verdicts as from the file, without the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numpy", reason="numpy is not installed")
polars = pytest.importorskip("polars", reason="polars is not installed")

Run = Callable[..., Any]
Write = Callable[..., Path]

RULE = """\
  when not probe.up for 10m { notify shop }
}
"""


@pytest.fixture
def evaluate(run_wsla: Run, agreement: Path) -> Run:
    """Judges by the agreement: evaluate(*options)."""
    return lambda *options: run_wsla("eval", agreement, *options)


@pytest.fixture
def with_rule(agreement: Path) -> Path:
    """The agreement, with a rule that looks at samples one by one."""
    text = agreement.read_text()
    agreement.write_text(text.rstrip().removesuffix("}") + RULE)
    return agreement


def report(finished: Any) -> dict[str, Any]:
    assert finished.code == 0, finished.said
    found: dict[str, Any] = json.loads(finished.out)
    return found


def test_what_was_kept_gives_the_same_verdicts_and_entries(
    evaluate: Run, write: Write, rows: list[str], tmp_path: Path
) -> None:
    kept = tmp_path / "kept.parquet"
    data = ("--data", f"probe={write(rows)}", "--format", "json")
    whole = report(evaluate(*data))
    assert report(evaluate(*data, "--write-partials", kept)) == whole
    assert report(evaluate("--partials", kept, "--format", "json")) == whole
    assert {judgement["verdict"] for judgement in whole["judgements"]} == {"violated", "on track"}


def test_what_was_kept_goes_on_with_newer_data(
    evaluate: Run, write: Write, rows: list[str], tmp_path: Path
) -> None:
    kept = tmp_path / "kept.parquet"
    whole = report(evaluate("--data", f"probe={write(rows)}", "--format", "json"))
    older, newer = write(rows[:8], name="older.csv"), write(rows[8:], name="newer.csv")
    assert evaluate("--data", f"probe={older}", "--write-partials", kept).code == 0
    more = ("--partials", kept, "--data", f"probe={newer}", "--write-partials", kept, "--format", "json")
    assert report(evaluate(*more)) == whole
    assert report(evaluate("--partials", kept, "--format", "json")) == whole
    again = evaluate(*more)
    assert again.code == 1
    assert "cover the same time of `probe`" in again.err


def test_partial_results_of_several_months_are_given_together(
    evaluate: Run, write: Write, rows: list[str], tmp_path: Path
) -> None:
    whole = report(evaluate("--data", f"probe={write(rows)}", "--format", "json"))
    names = []
    for number, part in enumerate((rows[:11], rows[11:])):
        names += ["--partials", tmp_path / f"{number}.parquet"]
        data = write(part, name=f"{number}.csv")
        assert evaluate("--data", f"probe={data}", "--write-partials", names[-1]).code == 0
    assert report(evaluate(*names, "--format", "json")) == whole


def test_a_rule_needs_the_samples(run_wsla: Run, with_rule: Path, write: Write, rows: list[str]) -> None:
    kept = with_rule.parent / "kept.parquet"
    data = ("--data", f"probe={write(rows)}")
    assert run_wsla("eval", with_rule, *data, "--write-partials", kept).code == 0
    finished = run_wsla("eval", with_rule, "--partials", kept)
    assert finished.code == 1
    assert "`when not probe.up for 10m` cannot be judged from partial results of `probe`" in finished.err
    assert "--data probe=FILE" in finished.err


def test_another_agreement_refuses_the_file(
    evaluate: Run, agreement: Path, write: Write, rows: list[str], tmp_path: Path
) -> None:
    kept = tmp_path / "kept.parquet"
    assert evaluate("--data", f"probe={write(rows)}", "--write-partials", kept).code == 0
    agreement.write_text(agreement.read_text().replace("2s", "3s"))
    finished = evaluate("--partials", kept)
    assert finished.code == 1
    assert "were made for another agreement: they lack `true for" in finished.err


@pytest.fixture
def database(tmp_path: Path) -> Path:
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed")
    path = tmp_path / "shop.db"
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute(
            "CREATE TABLE probe AS SELECT CAST(time AS TIMESTAMPTZ) AS time, healthy, took FROM "
            f"read_csv('{tmp_path}/probe.csv', all_varchar = false)"
        )
        connection.execute("CREATE TABLE other AS FROM probe")
        connection.execute("DROP TABLE IF EXISTS nothing")
        connection.execute(f"COPY probe TO '{tmp_path}/probe.parquet'")
    return path


def test_duckdb_gives_the_same_verdicts(
    evaluate: Run, write: Write, rows: list[str], request: pytest.FixtureRequest
) -> None:
    whole = report(evaluate("--data", f"probe={write(rows)}", "--format", "json"))
    database = request.getfixturevalue("database")
    for address in (
        f"duckdb:///{database}",
        f"probe=duckdb:///{database}?table=other",
        f"duckdb://?parquet={database.parent}/probe.parquet",
    ):
        finished = evaluate("--on", address, "--format", "json")
        assert report(finished) == whole
        assert finished.err == ""


def test_what_is_not_pushed_is_said_and_done_here(
    run_wsla: Run, with_rule: Path, write: Write, rows: list[str], request: pytest.FixtureRequest
) -> None:
    data = write(rows)
    whole = report(run_wsla("eval", with_rule, "--data", f"probe={data}", "--format", "json"))
    database = request.getfixturevalue("database")
    finished = run_wsla("eval", with_rule, "--on", f"duckdb:///{database}", "--format", "json")
    assert report(finished) == whole
    assert whole["actions"]
    assert finished.err == "note: the rows of `probe` are fetched, for `when not probe.up for 10m`\n"


def test_rows_that_cannot_be_used_are_told(
    evaluate: Run, write: Write, rows: list[str], request: pytest.FixtureRequest
) -> None:
    write([*rows, ",true,100"])
    database = request.getfixturevalue("database")
    finished = evaluate("--on", f"duckdb:///{database}")
    assert (finished.code, finished.err) == (0, "note: 1 row of `probe` cannot be used: left out\n")
    assert evaluate("--on", f"duckdb:///{database}", "--strict").code == 1


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ((), 2, "nothing to judge"),
        (("--on", "mysql://host/db"), 1, "is no address of a store"),
        (("--on", "other=duckdb:///x.db"), 2, "the agreement has no source `other`"),
        (("--on", "duckdb:///nowhere/x.db"), 1, "cannot be read"),
        (("--partials", "nowhere.parquet"), 1, "there is no file"),
        (("--watch", "--partials", "x.parquet"), 2, "--watch follows files"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    evaluate: Run, options: tuple[str, ...], code: int, words: str
) -> None:
    finished = evaluate(*options)
    assert finished.code == code
    assert words in finished.err
    assert "Traceback" not in finished.err
