"""Parquet files that come into a folder: each row of each once, half-written ones when they are whole."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from wsla.api import loads
from wsla.sources.files import following_tables as module
from wsla.sources.files.following_tables import TableFollower
from wsla.sources.following import Found, NotFollowed
from wsla.values.instants import SECOND, parse_instant

polars = pytest.importorskip("polars", reason="Polars is not installed")

TEXT = """
agreement "Shop" version 1 {
  effective 2026-01-01 in "UTC"
  party a "A" provider
  party b "B" consumer
  source desk = records parquet "desk" { at closed }
  metric done = count(desk where desk.done) each day
  goal g: a guarantees done >= 1 { otherwise notify b }
}
"""
DESK = loads(TEXT).plan.source("desk")
NOW = parse_instant("2026-01-01T01:00:00Z")


class Reader:
    """A follower with everything that it found."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place: Any = None
        self.rows: dict[tuple[str, int, str], Any] = {}
        self.told: list[str] = []
        self.start()

    def start(self) -> None:
        self.follower = TableFollower(
            DESK, str(self.path), wall=lambda: self.path.stat().st_mtime_ns + SECOND
        )
        self.follower.begin(json.loads(json.dumps(self.place)), 0)

    def look(self, *, keep: bool = True) -> int:
        """How many rows are new."""
        before = len(self.rows)
        found = Found(more=True)
        while found.more:
            found = self.follower.look(NOW)
            for stream, row, one in found.rows:
                assert self.rows.setdefault((stream, one.at, row), one) == one
            if keep and found.place is not None:
                self.place = found.place
            self.told.extend(found.told)
        return len(self.rows) - before


def write(path: Path, numbers: range) -> None:
    polars.DataFrame(
        {
            "closed": [f"2026-01-01T00:00:{number // 2:02}Z" for number in numbers],
            "done": [number % 3 == 0 for number in numbers],
        }
    ).write_parquet(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "desk"
    path.mkdir()
    return path


@pytest.mark.parametrize("pattern", ["", "*.parquet"])
def test_each_row_of_each_file_comes_once(
    folder: Path, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 4)
    reader = Reader(folder / pattern if pattern else folder)
    if pattern:
        reader.follower.wall = lambda: 0
    with pytest.raises(NotFollowed, match="there is no file"):
        reader.look()
    write(folder / "a.parquet", range(10))
    assert reader.look() == 10
    assert reader.look() == 0
    write(folder / "b.parquet", range(8))
    assert reader.look(keep=False) == 8
    if not pattern:
        reader.start()
        assert reader.look() == 0
        reader.start()
    assert reader.look() == 0
    # Moved within the folder it is the same file; written anew only what was added counts.
    (folder / "a.parquet").rename(folder / "c.parquet")
    assert reader.look() == 0
    write(folder / "b.parquet", range(11))
    assert reader.look() == 3
    assert reader.told == []


def test_a_file_that_is_not_whole_waits_and_one_that_is_none_is_told_once(folder: Path) -> None:
    write(folder / "whole.parquet", range(4))
    content = (folder / "whole.parquet").read_bytes()
    (folder / "half.parquet").write_bytes(content[:100])
    reader = Reader(folder)
    assert reader.look() == 4
    assert reader.told == []
    reader.follower.wall = lambda: os.stat(folder / "half.parquet").st_mtime_ns + 60 * SECOND + 1
    assert reader.look() == 0
    assert reader.look() == 0
    assert len(reader.told) == 1
    assert "half.parquet" in reader.told[0]
    write(folder / "half.parquet", range(4, 6))
    assert reader.look() == 2


def test_a_single_file_that_is_none_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "desk.parquet"
    path.write_bytes(b"this is no table")
    reader = Reader(path)
    reader.follower.wall = lambda: path.stat().st_mtime_ns + 60 * SECOND + 1
    reader.look()
    with pytest.raises(NotFollowed, match=r"desk\.parquet.* is no Parquet file"):
        reader.look()


def test_a_row_that_does_not_fit_is_told_with_file_and_number(folder: Path) -> None:
    polars.DataFrame(
        {"closed": ["2026-01-01T00:00:00Z", "soon", "2027-01-01T00:00:00Z"], "done": [True, True, True]}
    ).write_parquet(folder / "a.parquet")
    reader = Reader(folder)
    assert reader.look() == 1
    assert [line.partition("a.parquet")[2][:3] for line in reader.told] == [":2:", ":3:"]
