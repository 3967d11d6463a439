"""`wsla backup` and `wsla restore`: said in plain words, and the restored store is sound."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from . import march

Run = Callable[..., Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "wsla.db"
    march.fill(path, "2026-03-12")
    return path


def test_there_and_back(run_wsla: Run, path: Path, tmp_path: Path) -> None:
    done = run_wsla("backup", path, tmp_path / "backup.db")
    assert done.code == 0, done.said
    assert "1 agreement, " in done.out
    assert "bytes, checked" in done.out
    done = run_wsla("restore", tmp_path / "backup.db", f"sqlite:///{tmp_path / 'new.db'}")
    assert done.code == 0, done.said
    assert "1 agreement, as of the backup of 20" in done.out
    assert "1 message waited then and may have been delivered since: it is marked" in done.out
    done = run_wsla("verify", tmp_path / "new.db")
    assert done.code == 0, done.said
    # The chain tells of the restoration; up to there it is the same.
    done = run_wsla("verify", path, "--against", tmp_path / "backup.db")
    assert done.code == 0, done.said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("backup", "nowhere.db", "copy.db"), "There is no store to read"),
        (("backup", "wsla.db", "wsla.db"), "There is already something at"),
        (("backup", "wsla.db", "no/folder/copy.db"), "does not exist"),
        (("backup", "postgresql://x/y", "copy.db"), "pg_dump makes a backup"),
        (("restore", "nowhere.db", "new.db"), "There is no backup to read"),
        (("restore", "wsla.db", "wsla.db"), "There is already something at"),
    ],
)
def test_what_cannot_be_done_is_said(
    run_wsla: Run, path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(path.parent)
    done = run_wsla(*arguments)
    assert done.code == 1
    assert words in done.err
