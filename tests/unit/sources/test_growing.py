"""Files that grow: each look gives the whole rows that were added, and says truly in which line one is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.analysis.checked import Source
from wsla.api import loads
from wsla.evaluation.encoding import DataError
from wsla.sources.files import read_history
from wsla.sources.files.growing import GrowingFile

TEXT = """
agreement "Shop" version 1 {
  effective 2026-01-01 in "UTC"
  party a "A" provider
  party b "B" consumer
  source probe = push { holds 1h  note name }
  metric up = availability(probe.ok) each day
  metric named = count(probe.name) each day
  goal g: a guarantees up >= 99% { otherwise notify b }
}
"""
SOURCE: Source = loads(TEXT).plan.source("probe")


def instants(file: GrowingFile) -> list[int]:
    found = file.look()
    return [] if found is None else [one.at // 10**9 - 1_767_225_600 for one in found.observations]


def row(second: int, name: str = "x") -> str:
    return f'2026-01-01T00:00:{second:02}Z,true,"{name}"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "probe.csv"


def add(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(text)


def test_only_whole_rows_are_taken(path: Path) -> None:
    file = GrowingFile(SOURCE, str(path))
    add(path, "time,ok,na")
    assert instants(file) == []
    add(path, "me\n" + row(1) + row(2)[:9])
    assert instants(file) == [1]
    assert instants(file) == []
    add(path, row(2)[9:] + row(3))
    assert instants(file) == [2, 3]


def test_a_line_break_in_a_cell_ends_no_row(path: Path) -> None:
    file = GrowingFile(SOURCE, str(path))
    add(path, "time,ok,name\n" + row(1) + row(2, "two\nlines")[:-9])
    assert instants(file) == [1]
    add(path, row(2, "two\nlines")[-9:])
    found = file.look()
    assert found is not None
    assert [one.fields["name"] for one in found.observations] == ["two\nlines"]


def test_lines_are_counted_from_the_start_of_the_file(path: Path) -> None:
    file = GrowingFile(SOURCE, str(path))
    add(path, "time,ok,name\n" + row(1))
    file.look()
    add(path, row(2) + "soon,true,x\n")
    found = file.look()
    assert found is not None
    assert [example.line for example in found.rejects.examples] == [4]


def test_another_file_in_its_place_is_read_from_its_start(path: Path) -> None:
    file = GrowingFile(SOURCE, str(path))
    add(path, "time,ok,name\n" + row(1) + row(2))
    assert instants(file) == [1, 2]
    path.write_text("time,name,ok\n2026-01-01T00:00:03Z,x,true\n", "utf-8")
    assert instants(file) == [3]
    assert file.anew == 1
    other = path.with_name("other")
    other.write_text("time,ok,name\n" + row(4) + row(5) + row(6), "utf-8")
    other.rename(path)
    assert instants(file) == [4, 5, 6]
    assert file.anew == 2


def test_json_lines_remember_the_keys_of_earlier_lines(path: Path) -> None:
    path = path.with_suffix(".jsonl")
    file = GrowingFile(SOURCE, str(path))
    add(path, json.dumps({"time": "2026-01-01T00:00:01Z", "ok": True, "name": "x"}) + "\n")
    assert instants(file) == [1]
    add(path, json.dumps({"time": "2026-01-01T00:00:02Z", "ok": True}) + "\nno\n")
    found = file.look()
    assert found is not None
    assert len(found.observations) == 1
    assert [example.line for example in found.rejects.examples] == [3]


def test_what_cannot_be_followed(tmp_path: Path) -> None:
    for name in ("probe.parquet", "probe.csv.gz", "probe"):
        with pytest.raises(DataError, match="cannot be followed"):
            GrowingFile(SOURCE, str(tmp_path / name))
    with pytest.raises(DataError, match="there is no file"):
        GrowingFile(SOURCE, str(tmp_path / "probe.csv")).look()


@given(st.lists(st.integers(1, 40), max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_however_a_file_grows_its_rows_are_those_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], ending: str
) -> None:
    path = tmp_path_factory.mktemp("growing") / "probe.csv"
    whole = "time,ok,name\n" + row(1) + row(2, 'a ""b""\nc') + row(3, "ü") + row(4)
    left = whole.replace("\n", ending).encode()
    path.write_bytes(b"")
    file = GrowingFile(SOURCE, str(path))
    found = []
    for step in [*steps, len(left)]:
        with path.open("ab") as out:
            out.write(left[:step])
        left = left[step:]
        history = file.look()
        found += [] if history is None else history.observations
    assert found == read_history(SOURCE, str(path)).observations
