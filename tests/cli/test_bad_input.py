"""Bad input on the command line: one clear message each, the right exit code, no traceback, nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wsla

Run = Callable[..., Any]
Write = Callable[..., Path]

PROBING = """\
agreement "Probed" version 1 {
  effective 2026-01-01 in "UTC"
  party host "Host" provider
  party shop "Shop" consumer { email "it@shop.example" }
  source probe = http "http://127.0.0.1:9/health" every 30s timeout 5s
  metric uptime = availability(probe.ok) each day
  goal available: host guarantees uptime >= 99% { otherwise notify shop }
}
"""


@pytest.fixture
def evaluate(run_wsla: Run, agreement: Path) -> Run:
    """Judges a file by the agreement: evaluate(path, *options)."""
    return lambda path, *options: run_wsla("eval", agreement, "--data", f"probe={path}", *options)


def refused(finished: Any, code: int, *words: str) -> None:
    """The command ended with this code, printed no result, and said all these words once."""
    assert finished.code == code, finished.said
    assert finished.out == ""
    for word in words:
        assert finished.err.count(word) == 1, f"{word!r} in {finished.err!r}"


# --- agreements


BROKEN_AGREEMENTS = {
    "a name that is not known": ("99% {", "99% and uptme > 0% {", "E0201", "uptme"),
    "an unknown unit in a formula": ("< 2s", "< 2parsecs", "E0301", "parsecs"),
    "an unknown unit of a column": ("in ms", "in parsecs", "E0301", "parsecs"),
    "a number against a duration": ("< 2s", "< 2", "E0302", "elapsed"),
    "a block that is not closed": ("otherwise notify shop\n  }\n}", "otherwise notify shop", "E0112", "{"),
    "a zone that is not known": ("Europe/Berlin", "Europe/Berln", "E0605", "Berln"),
}


@pytest.mark.parametrize("case", BROKEN_AGREEMENTS)
@pytest.mark.parametrize("verb", ["check", "test", "eval", "run", "report", "dump"])
def test_a_broken_agreement_is_refused_by_every_verb(
    run_wsla: Run, agreement: Path, write: Write, rows: list[str], case: str, verb: str
) -> None:
    old, new, code, word = BROKEN_AGREEMENTS[case]
    text = agreement.read_text("utf-8")
    assert old in text
    agreement.write_text(text.replace(old, new), "utf-8")
    options = ("--data", f"probe={write(rows)}") if verb == "eval" else ()
    finished = run_wsla(verb, agreement, *options)
    assert finished.code == 1, finished.said
    assert code in finished.said
    assert word in finished.said
    assert f"{agreement}:" in finished.said


def test_all_mistakes_are_found_in_one_pass(run_wsla: Run, agreement: Path) -> None:
    text = agreement.read_text("utf-8")
    agreement.write_text(text.replace("< 2s", "< 2parsecs").replace("10% of", "10% off"), "utf-8")
    finished = run_wsla("check", agreement, "--format", "json")
    assert finished.code == 1
    assert len({found["line"] for found in json.loads(finished.out)}) == 2


@pytest.mark.parametrize("verb", ["check", "test", "dump", "run", "report"])
def test_a_file_without_an_agreement(run_wsla: Run, tmp_path: Path, verb: str) -> None:
    path = tmp_path / "empty.sla"
    path.write_text("# nothing yet\n", "utf-8")
    finished = run_wsla(verb, path)
    assert finished.code == 1, finished.said
    assert "no agreement" in finished.said


@pytest.mark.parametrize("verb", ["check", "test", "fmt", "dump", "run", "report"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        (b"agreement \xff", "not UTF-8"),
        (b"\xff\xfea\x00g\x00", "not UTF-8"),
        (b"\x00\x01\x02", "error"),
    ],
)
def test_a_file_that_holds_no_text_of_an_agreement(
    run_wsla: Run, tmp_path: Path, verb: str, content: bytes | None, words: str
) -> None:
    path = tmp_path / "some.sla"
    if content is not None:
        path.write_bytes(content)
    finished = run_wsla(verb, path)
    assert finished.code == 1, finished.said
    assert words in finished.said
    if content is not None:
        assert path.read_bytes() == content


@pytest.mark.parametrize("verb", ["check", "test", "fmt", "dump", "run", "report"])
def test_a_folder_without_agreements(run_wsla: Run, tmp_path: Path, verb: str) -> None:
    finished = run_wsla(verb, tmp_path)
    assert finished.code == 1, finished.said
    assert "folder" in finished.said


def test_fmt_leaves_a_broken_file_alone(run_wsla: Run, agreement: Path) -> None:
    broken = agreement.read_text("utf-8").replace("guarantees", "guarantee")
    agreement.write_text(broken, "utf-8")
    assert run_wsla("fmt", agreement).code == 1
    assert agreement.read_text("utf-8") == broken


# --- data


def test_a_missing_column_is_named_with_those_that_there_are(
    evaluate: Run, write: Write, rows: list[str]
) -> None:
    path = write(rows, header="time,helthy,took")
    refused(evaluate(path), 1, "lacks the column `healthy`", "is it `helthy`?", "`took`", str(path))


def test_two_columns_of_one_name(evaluate: Run, write: Write, rows: list[str]) -> None:
    doubled = [f"{row},{row.rsplit(',', 1)[1]}" for row in rows]
    refused(evaluate(write(doubled, header="time,healthy,took,took")), 1, "`took` more than once")


def test_times_out_of_order_are_sorted_and_said(evaluate: Run, write: Write, rows: list[str]) -> None:
    ordered = evaluate(write(rows))
    mixed = evaluate(write(rows[::-1], name="mixed.csv"))
    assert mixed.code == 0
    assert mixed.out == ordered.out
    assert mixed.err.count("out of order") == 1


def test_doubled_rows_count_once_and_are_said(evaluate: Run, write: Write, rows: list[str]) -> None:
    once = evaluate(write(rows))
    twice = evaluate(write(rows + rows, name="twice.csv"))
    assert twice.code == 0
    assert twice.out == once.out
    assert "25 doubled rows" in twice.err


BAD_ROWS = {
    "a time without a zone": ("2026-03-02T04:00:00,true,105", "at", "no zone"),
    "no time": (",true,105", "at", "no instant"),
    "something else than a time": ("yesterday,true,105", "at", "is not a time"),
    "a day that does not exist": ("2026-02-30T04:00:00Z,true,105", "at", "is not a time"),
    "not a number": ("2026-03-02T04:00:00Z,true,NaN", "elapsed", "not a finite number"),
    "infinity": ("2026-03-02T04:00:00Z,true,-inf", "elapsed", "not a finite number"),
    "an unknown unit": ("2026-03-02T04:00:00Z,true,250 parsecs", "elapsed", "is not a duration"),
    "a unit of something else": ("2026-03-02T04:00:00Z,true,250MiB", "elapsed", "an amount of data"),
    "less than a nanosecond": (
        "2026-03-02T04:00:00Z,true,0.0000001",
        "elapsed",
        "whole number of nanoseconds",
    ),
    "a number that no field can hold": ("2026-03-02T04:00:00Z,true,1e40", "elapsed", "too large"),
    "neither true nor false": ("2026-03-02T04:00:00Z,perhaps,105", "up", "neither true nor false"),
    "a cell too many": ("2026-03-02T04:00:00Z,true,105,x", "", "cells"),
    "a quotation mark that is not closed": ('2026-03-02T04:00:00Z,true,"105', "", "quotation mark"),
    "the same instant with another value": ("2026-03-02T03:00:00Z,false,9", "", "a second, different value"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_row_that_cannot_be_used_is_shown_and_left_out(
    evaluate: Run, write: Write, rows: list[str], case: str
) -> None:
    bad, field, words = BAD_ROWS[case]
    last = case.startswith("a quotation")
    content = [*rows[:5], *rows[6:], bad] if last else [*rows[:5], bad, *rows[6:]]
    path = write(content, name="bad.csv")
    finished = evaluate(path)
    assert finished.code == 0, finished.said
    assert f"{path}: 1 of 25 rows of `probe` cannot be used" in finished.err
    assert f"line {26 if last else 7}: " in finished.err
    assert field in finished.err
    assert words in finished.err
    assert finished.out == evaluate(write([*rows[:5], *rows[6:]], name="without.csv")).out
    refused(evaluate(path, "--strict"), 1, f"line {26 if last else 7}: ")


def test_bytes_that_are_no_utf8_spoil_their_row_only(
    evaluate: Run, write: Write, rows: list[str], tmp_path: Path
) -> None:
    path = write(rows)
    path.write_bytes(path.read_bytes().replace(b"false", b"f\xe4lse"))
    finished = evaluate(path)
    assert finished.code == 0
    assert "1 of 25 rows" in finished.err
    assert "not written in UTF-8" in finished.err


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("data.csv", b"", "is empty"),
        ("data.csv", b"time,healthy,took\n", "not a single observation"),
        ("data.csv", "time,healthy,took\n".encode("utf-16"), "UTF-16"),
        ("data.csv", b"\xfc\xfc,\xfc\n1,2\n", "not written in UTF-8"),
        ("data.csv", b'"time,healthy\n', "header"),
        ("data.csv.gz", b"time,healthy,took\n", "gzip"),
        ("data.parquet", b"PAR1 but nothing else", "Parquet"),
        ("data.jsonl", b"", "empty"),
        ("data.jsonl", b"[1, 2]\n", "observation"),
        ("data.xlsx", b"PK", "no known kind"),
    ],
)
def test_a_file_that_cannot_be_read_at_all(
    evaluate: Run, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    finished = evaluate(path)
    assert finished.code == 1, finished.said
    assert finished.out == ""
    assert words in finished.err
    assert path.read_bytes() == content


def test_a_data_file_that_is_not_there_or_a_folder(evaluate: Run, tmp_path: Path) -> None:
    refused(evaluate(tmp_path / "gone.csv"), 1, "there is no file", "gone.csv")
    (tmp_path / "folder.csv").mkdir()
    refused(evaluate(tmp_path / "folder.csv"), 1, "no file of history in the folder", "folder.csv")


def test_a_file_that_ends_before_the_agreement_takes_effect(evaluate: Run, write: Write) -> None:
    refused(evaluate(write(["2025-03-02T04:00:00Z,true,105"])), 1, "takes effect after")


# --- usage


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--data", "probe"), "--data takes"),
        (("--data", "prob=x.csv"), "no source `prob`"),
        (("--from", "yesterday"), "--from"),
        (("--until", "2026-13-01"), "--until"),
        (("--from", "2026-03-03", "--until", "2026-03-03"), "--until is not after --from"),
        (("--zone", "Mars/Base"), "Mars/Base"),
        (("--map", "up=x"), "--map takes"),
        (("--map", "prob.up=healthy"), "no source `prob`"),
        (("--where", "prob.up=healthy"), "no source `prob`"),
        (("--format", "yaml"), "yaml"),
        (("--frm", "2026"), "--frm"),
    ],
)
def test_wrong_usage_ends_with_two(
    evaluate: Run, write: Write, rows: list[str], options: tuple[str, ...], words: str
) -> None:
    refused(evaluate(write(rows), *options), 2, words)


@pytest.mark.parametrize(
    "arguments",
    [("check",), ("eval",), ("evl", "x"), ("dump", "x.sla", "--phase", "x"), ("run",), ("report",), ("-x",)],
)
def test_a_command_that_lacks_something_ends_with_two(run_wsla: Run, arguments: tuple[str, ...]) -> None:
    finished = run_wsla(*arguments)
    assert finished.code == 2, finished.said
    assert "Error: " in finished.err


# --- the store


@pytest.fixture
def probing(tmp_path: Path) -> Path:
    """An agreement that a daemon can follow."""
    path = tmp_path / "probed.sla"
    path.write_text(PROBING, "utf-8")
    return path


@pytest.mark.parametrize("verb", ["run", "report", "ledger", "claim"])
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:///gone/wsla.db", "gone"),
        ("taken/wsla.db", "taken"),
        ("folder", "is a folder"),
        ("text.db", "not a database"),
        ("postgres://someone:secret@127.0.0.1:9/x", "cannot be reached"),
        ("mysql://someone:secret@127.0.0.1:9/x", "not supported"),
        ("sqlite://host/x.db", "no host"),
        (":memory:", "memory"),
    ],
)
def test_a_store_that_cannot_be_used(
    run_wsla: Run,
    probing: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    url: str,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken").write_text("a file where a folder should be", "utf-8")
    Path("folder").mkdir()
    Path("text.db").write_text("shopping list: milk, bread\n" * 100, "utf-8")
    finished = run_wsla(verb, *([] if verb == "ledger" else [probing]), "--store", url)
    assert finished.code == 1, finished.said
    assert finished.out == ""
    assert words in finished.err
    assert "secret" not in finished.err
    assert Path("text.db").read_text("utf-8") == "shopping list: milk, bread\n" * 100
    assert Path("taken").read_text("utf-8") == "a file where a folder should be"
    assert list(Path("folder").iterdir()) == []


def test_reading_verbs_make_no_store(run_wsla: Run, probing: Path, tmp_path: Path) -> None:
    for arguments in (
        ("report", probing),
        ("ledger",),
        ("correct", "x"),
        ("claim", "x"),
        ("settle", "x", "issued"),
    ):
        refused(run_wsla(*arguments, "--store", tmp_path / "none.db"), 1, "no store to read")
    assert list(tmp_path.glob("none.db*")) == []


@pytest.mark.parametrize("verb", ["check", "eval"])
def test_a_reader_that_has_gone_is_no_disaster(
    agreement: Path, write: Write, rows: list[str], verb: str
) -> None:
    """`wsla … | head -1`: a real process, whose output nobody takes."""
    command = [sys.executable, "-m", "wsla", verb, str(agreement)]
    command += ["--data", f"probe={write(rows)}"] if verb == "eval" else ["--format", "json"]
    read_end, write_end = os.pipe()
    os.close(read_end)
    home = str(Path(wsla.__path__[0]).parent)
    with os.fdopen(write_end, "wb") as nobody:
        finished = subprocess.run(
            command,
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=agreement.parent,
            env=os.environ | {"PYTHONPATH": home},
        )
    assert finished.returncode in (0, 1)
    assert "Traceback" not in finished.stderr
    assert "Exception" not in finished.stderr
