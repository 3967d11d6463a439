"""`wsla eval --watch`: a file that grows is followed, and what changes is told as it does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import wsla

Run = Callable[..., Any]
Write = Callable[..., Path]
PATIENCE = 60.0


@pytest.fixture
def watch(agreement: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts it in the background: watch(path, *options); what it says is in the files `out` and `err`."""
    started: list[subprocess.Popen[str]] = []

    def start(path: Path, *options: str) -> subprocess.Popen[str]:
        environ = {**os.environ, "PYTHONPATH": str(Path(wsla.__path__[0]).parent), "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "wsla", "eval", str(agreement), "--data", f"probe={path}", "--watch"]
        with (tmp_path / "out").open("w") as out, (tmp_path / "err").open("w") as err:
            started.append(
                subprocess.Popen([*command, *options], stdout=out, stderr=err, text=True, env=environ)
            )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def wait_for(path: Path, words: str, process: subprocess.Popen[str]) -> None:
    patience = time.monotonic() + PATIENCE
    while words not in path.read_text("utf-8"):
        assert process.poll() is None or words in path.read_text("utf-8"), path.read_text("utf-8")
        assert time.monotonic() < patience, path.read_text("utf-8")
        time.sleep(0.05)


def test_rows_that_are_added_are_told(
    watch: Callable[..., subprocess.Popen[str]], write: Write, rows: list[str], tmp_path: Path
) -> None:
    path = write(rows[:3])
    process = watch(path)
    wait_for(tmp_path / "out", "available 2026-03-02: on track (open)", process)
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(rows[3:9]) + "\n")
    wait_for(tmp_path / "out", "available 2026-03-02: lost (open)", process)
    with path.open("a", encoding="utf-8") as file:
        file.write("nonsense,true,1\n")
        file.write("\n".join([*rows[9:], "2026-03-03T01:00:00Z,true,1"]) + "\n")
    wait_for(tmp_path / "out", "credit 30.00 EUR: host owes shop", process)
    wait_for(tmp_path / "out", "available 2026-03-02: violated, measured ~95.8333%", process)
    assert "`probe`, line 11 cannot be used" in (tmp_path / "err").read_text("utf-8")
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 130
    assert "Traceback" not in (tmp_path / "err").read_text("utf-8")


def test_it_ends_where_the_rows_come_to_until_and_says_what_eval_says(
    watch: Callable[..., subprocess.Popen[str]],
    run_wsla: Run,
    agreement: Path,
    write: Write,
    rows: list[str],
    tmp_path: Path,
) -> None:
    path = write([*rows, "2026-03-03T04:00:00Z,true,1"])
    process = watch(path, "--format", "json", "--until", "2026-03-03T04:00:00+01:00")
    assert process.wait(PATIENCE) == 0
    told = [json.loads(line) for line in (tmp_path / "out").read_text("utf-8").splitlines()]
    finished = run_wsla(
        "eval", agreement, "--data", f"probe={path}", "--until", "2026-03-03T04:00", "--format", "json"
    )
    report = json.loads(finished.out)
    final = [one for one in report["judgements"] if one["final"]]
    assert [
        one | {"event": "verdict", "at": told_one["at"]}
        for one, told_one in zip(final, of(told, "verdict"), strict=True)
    ] == of(told, "verdict")
    assert [one["amount"] for one in of(told, "entry")] == [one["amount"] for one in report["entries"]]
    assert [one["id"] for one in of(told, "action")] == [one["id"] for one in report["actions"]]


def of(told: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [one for one in told if one["event"] == event]


@pytest.mark.parametrize("options", [("--plot",), ("--format", "csv"), ("--output", "x.csv")])
def test_options_that_do_not_go_with_it(
    run_wsla: Run, agreement: Path, write: Write, rows: list[str], options: Any
) -> None:
    finished = run_wsla("eval", agreement, "--data", f"probe={write(rows)}", "--watch", *options)
    assert finished.code == 2
    assert "--watch tells in lines" in finished.err


def test_a_file_that_is_not_there(run_wsla: Run, agreement: Path, tmp_path: Path) -> None:
    finished = run_wsla("eval", agreement, "--data", f"probe={tmp_path / 'none.csv'}", "--watch")
    assert finished.code == 1
    assert "there is no file" in finished.err


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("none.csv.gz", "a packed file does not grow by rows"),
        ("none.jsonl.zst", "a packed file does not grow by rows"),
        (".", "stands for several files: what is followed is named file by file"),
        ("*.csv", "stands for several files: what is followed is named file by file"),
        ("none.parquet", "only .csv, .tsv, .jsonl and .ndjson files grow by rows"),
    ],
)
def test_what_cannot_be_followed(
    run_wsla: Run, agreement: Path, tmp_path: Path, place: str, words: str
) -> None:
    options = ("--watch", "--map", "probe.up=healthy")
    finished = run_wsla("eval", agreement, "--data", f"probe={tmp_path / place}", *options)
    assert finished.code == 1
    assert words in finished.err


def test_the_unit_of_times_is_said_there_too(
    watch: Callable[..., subprocess.Popen[str]], write: Write, tmp_path: Path
) -> None:
    seconds = 1_772_406_000
    path = write([f"{(seconds + 3600 * hour) * 1000},true,100" for hour in range(3)])
    process = watch(path, "--time-unit", "probe=ms")
    wait_for(tmp_path / "out", "available 2026-03-02: on track (open)", process)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 130


def test_a_unit_that_does_not_fit(run_wsla: Run, agreement: Path, write: Write, rows: list[str]) -> None:
    options = ("--watch", "--time-unit", "probe=days")
    assert run_wsla("eval", agreement, "--data", f"probe={write(rows)}", *options).code == 2
