"""K2: a daemon under load is killed at random, and a checker that knows nothing of wsla finds nothing missing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wsla

pytest.importorskip("starlette", reason="what answers over HTTP is not installed")
pytest.importorskip("uvicorn", reason="what answers over HTTP is not installed")
pytest.importorskip("jinja2", reason="what draws pages is not installed")

KILLING = Path(__file__).parents[1] / "killing"
ROUNDS = 5


def checker() -> Any:
    sys.path.insert(0, str(KILLING))
    try:
        import independent
    finally:
        sys.path.remove(str(KILLING))
    return independent


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a daemon that was killed."""
    folder = tmp_path_factory.mktemp("killing")
    command = [sys.executable, str(KILLING), "--rounds", str(ROUNDS), "--folder", str(folder)]
    environ = {**os.environ, "PYTHONPATH": str(Path(wsla.__path__[0]).parent)}
    done = subprocess.run(
        [*command, "--agreements", "2"], capture_output=True, text=True, check=False, env=environ
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["rounds"] == ROUNDS
    assert found["acknowledged"] > 20
    assert found["messages"] >= found["violated"] > 0
    return folder


def test_nothing_is_lost_and_nothing_doubled(killed: Path) -> None:
    """K2."""
    independent = checker()
    rows = independent.reader(str(killed / "wsla.db"))
    assert independent.check_end(rows, killed / "acknowledged.jsonl", killed / "received.jsonl")["owed"] > 0


def altered(statement: str) -> Callable[[Path], None]:
    def alter(folder: Path) -> None:
        connection = sqlite3.connect(folder / "wsla.db")
        with connection:
            assert connection.execute(statement).rowcount > 0
        connection.close()

    return alter


def never_received(folder: Path) -> None:
    path = folder / "received.jsonl"
    lines = path.read_text().splitlines()
    first = json.loads(lines[0])["key"]
    path.write_text("\n".join(line for line in lines if json.loads(line)["key"] != first) + "\n")


LAST = "(SELECT max(sequence) FROM {0})"


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (altered("DELETE FROM observations WHERE stream_id IN (SELECT id FROM streams WHERE source = 'tickets')"),
         "are not stored"),
        (altered(f"DELETE FROM entries WHERE sequence = {LAST.format('entries')}"), "differ"),
        (altered("UPDATE entries SET content = replace(content, '.00', '.01')"), "differ"),
        (altered("DELETE FROM chain WHERE number = 2"), "link 3 follows link 1"),
        (altered("UPDATE chain SET recorded_at = recorded_at + 1 WHERE number = 2"), "does not hang"),
        (altered("DELETE FROM judgements WHERE final = 1 AND window_start % 3000000000 = 0"), "differ"),
        (altered("UPDATE outbox SET state = 'dead', delivered_at = NULL WHERE sequence = 1"), "not everything"),
        (never_received, "1 messages never came"),
    ],
)  # fmt: skip
def test_the_checker_sees_what_is_wrong(
    killed: Path, tmp_path: Path, harm: Callable[[Path], None], words: str
) -> None:
    independent = checker()
    for name in ("wsla.db", "acknowledged.jsonl", "received.jsonl"):
        shutil.copy(killed / name, tmp_path / name)
    harm(tmp_path)
    rows = independent.reader(str(tmp_path / "wsla.db"))
    with pytest.raises(AssertionError, match=words):
        independent.check_end(rows, tmp_path / "acknowledged.jsonl", tmp_path / "received.jsonl")


def test_the_checker_knows_nothing_of_wsla() -> None:
    assert "import wsla" not in (text := (KILLING / "independent.py").read_text())
    assert "from wsla" not in text
