"""Files that are followed: every row once, through rotation, truncation, half lines, bad lines and new starts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from wsla.api import loads
from wsla.evaluation.encoding import DataError
from wsla.sources.files import following as module
from wsla.sources.files.following import TextFollower
from wsla.sources.files.whole_rows import cut_lines, cut_rows
from wsla.sources.following import Found, NotFollowed
from wsla.values.instants import parse_instant

TEXT = """
agreement "Shop" version 1 {
  effective 2026-01-01 in "UTC"
  party a "A" provider
  party b "B" consumer
  source probe = csv "probe.csv" { holds 1h  note name  label region }
  source desk = records csv "desk.csv" { at closed }
  metric up = availability(probe.ok) each day by region
  metric named = count(probe.name) each day by region
  metric cases = count(desk) each day
  metric done = count(desk where desk.done) each day
  goal g: a guarantees up >= 99% { otherwise notify b }
  goal h: a guarantees cases >= 1 { otherwise notify b }
  goal i: a guarantees done >= 1 { otherwise notify b }
}
"""
PLAN = loads(TEXT).plan
START = parse_instant("2026-01-01T00:00:00Z")
NOW = parse_instant("2026-01-01T01:00:00Z")
HEADER = "time,ok,name,region\n"


OPENED: list[Reader] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """What a test opened is closed behind it."""
    yield
    for one in OPENED:
        one.follower.close()
    OPENED.clear()


@define
class Reader:
    """A follower with everything that it found, as a daemon keeps it: rows by their identity, and the place."""

    path: Path
    kind: str = "csv"
    source: str = "probe"
    since: int = 0
    place: Any = None
    rows: dict[tuple[str, int, str], Any] = field(factory=dict)
    told: list[str] = field(factory=list)
    refused: int = 0
    seconds: float = 0.0
    follower: TextFollower = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        OPENED.append(self)
        self.start()

    def start(self) -> None:
        """From the place that was kept."""
        if self.follower is not None:
            self.follower.close()
        declared = PLAN.source(self.source)
        self.follower = TextFollower(declared, self.kind, str(self.path), monotonic=lambda: self.seconds)
        self.follower.begin(json.loads(json.dumps(self.place)), self.since)

    def look(self, *, keep: bool = True) -> list[int]:
        """The seconds of the rows that were added; without ``keep`` the place is lost, as by a crash."""
        found = Found(more=True)
        added: list[int] = []
        while found.more:
            found = self.follower.look(NOW)
            for stream, row, one in found.rows:
                assert self.rows.setdefault((stream, one.at, row), one) == one
                added.append((one.at - START) // 10**9)
            if keep and found.place is not None:
                self.place = found.place
            self.told.extend(found.told)
            self.refused += found.refused
        return added


def row(second: int, name: str = "x", region: str = "eu") -> str:
    return f'2026-01-01T00:{second // 60:02}:{second % 60:02}Z,true,"{name}",{region}\n'


def line(second: int, **more: Any) -> str:
    at = f"2026-01-01T00:00:{second:02}Z"
    return json.dumps({"time": at, "ok": True, "name": "x", "region": "eu", **more}) + "\n"


def add(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(text)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "probe.csv"


def test_only_whole_rows_are_taken(path: Path) -> None:
    add(path, "time,ok,na")
    reader = Reader(path)
    assert reader.look() == []
    add(path, "me,region\n" + row(1) + row(2)[:9])
    assert reader.look() == [1]
    assert reader.look() == []
    add(path, row(2)[9:] + row(3))
    assert reader.look() == [2, 3]
    assert reader.told == []


def test_lines_of_json_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "probe.jsonl"
    add(path, "\ufeff" + line(1) + "\n" + line(2)[:20])
    reader = Reader(path, "jsonl")
    assert reader.look() == [1]
    add(path, line(2)[20:] + "no json\n" + line(3))
    assert reader.look() == [2, 3]
    assert (reader.refused, reader.told) == (1, [f"{path}:4: the line is no JSON"])


def test_a_place_that_was_kept_is_gone_on_from(path: Path) -> None:
    add(path, "\n" + HEADER + row(1) + row(2))
    reader = Reader(path)
    assert reader.look() == [1, 2]
    reader.start()
    assert reader.look() == []
    add(path, row(3) + "soon,true,x,eu\n")
    reader.start()
    assert reader.look() == [3]
    [told] = reader.told
    assert told.startswith(f"{path}:6: at: ")


def test_where_the_place_was_lost_rows_are_known_again(path: Path) -> None:
    reader = Reader(path, source="desk")
    add(path, "closed,done\n" + "2026-01-01T00:00:01Z,true\n" * 3)
    reader.look(keep=False)
    assert len(reader.rows) == 3
    add(path, "2026-01-01T00:00:01Z,true\n" * 2)
    reader.start()
    reader.look()
    assert len(reader.rows) == 5
    reader.start()
    assert reader.look() == []


def test_rows_from_before_it_was_kept_are_passed_over(path: Path) -> None:
    add(path, HEADER + row(1) + row(2) + row(3))
    reader = Reader(path, since=START + 2 * 10**9)
    assert reader.look() == [2, 3]


def test_a_row_that_is_dated_ahead_is_refused(path: Path) -> None:
    add(path, HEADER + row(1).replace("2026-01-01", "2026-01-02") + row(2) + row(3).replace("2026", "1600"))
    reader = Reader(path)
    assert reader.look() == [2]
    assert reader.refused == 2
    assert reader.told[0].startswith(f"{path}:2: at: ")
    assert "lies 23h 1s ahead of this machine's clock" in reader.told[0]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_renamed_file_is_read_to_its_end(path: Path, restarted: bool) -> None:
    add(path, HEADER + row(1))
    reader = Reader(path)
    assert reader.look() == [1]
    add(path, row(2))
    path.rename(path.with_suffix(".csv.1"))
    add(path, HEADER + row(4))
    if restarted:
        reader.start()
    assert reader.look() == [2, 4]
    # Whoever writes goes on for a moment with the file that he has open.
    add(path.with_suffix(".csv.1"), row(3))
    if restarted:
        reader.start()
    assert reader.look() == [3]
    reader.seconds += 61
    reader.look()
    assert [one[0] for one in reader.place["files"]] == [str(path)]
    assert reader.told == []


def test_a_deleted_file_is_read_to_its_end_where_it_was_open(path: Path) -> None:
    add(path, HEADER + row(1))
    reader = Reader(path)
    reader.look()
    add(path, row(2))
    path.unlink()
    add(path, HEADER + row(3))
    assert reader.look() == [2, 3]
    assert reader.told == []


def test_a_file_that_went_while_nobody_looked_is_told(path: Path) -> None:
    add(path, HEADER + row(1))
    reader = Reader(path)
    reader.look()
    reader.follower.close()
    content = path.read_text()
    path.unlink()
    os.mkdir(path.with_name("elsewhere"))
    path.with_name("new").write_text("an inode is taken")
    add(path, content.replace(":01Z", ":02Z"))
    reader.start()
    assert reader.look() == [2]
    assert len(reader.told) == 1


def test_a_file_that_is_cut_is_read_anew_and_its_copy_to_the_end(path: Path) -> None:
    add(path, HEADER + row(1))
    reader = Reader(path)
    reader.look()
    add(path, row(2))
    path.with_suffix(".csv.1").write_bytes(path.read_bytes())
    os.truncate(path, 0)
    add(path, HEADER + row(3))
    assert sorted(reader.look()) == [2, 3]
    assert reader.told == [f"{path} was cut or written anew: it is read from its start"]


def test_a_file_that_is_cut_and_grows_beyond_the_place_is_noticed(path: Path) -> None:
    add(path, HEADER + row(1))
    reader = Reader(path)
    reader.look()
    os.truncate(path, 0)
    add(path, HEADER + row(2) + row(3) + row(4))
    reader.start()
    assert reader.look() == [2, 3, 4]


def test_a_missing_file_cannot_be_read_and_then_is(path: Path) -> None:
    reader = Reader(path)
    with pytest.raises(NotFollowed, match="there is no file") as raised:
        reader.look()
    assert raised.value.failure == "observer-file"
    add(path, HEADER + row(1))
    assert reader.look() == [1]
    path.unlink()
    with pytest.raises(NotFollowed):
        reader.look()


def test_a_header_that_lacks_a_column_is_the_observers_trouble(path: Path) -> None:
    add(path, "time,okay,name,region\n" + row(1))
    reader = Reader(path)
    for _ in range(2):
        with pytest.raises(NotFollowed, match="the column `ok`"):
            reader.look()
    path.write_text(HEADER + row(1))
    assert reader.look() == [1]


def test_a_key_that_some_lines_lack_is_unknown_there(tmp_path: Path) -> None:
    path = tmp_path / "probe.jsonl"
    without = line(2).replace('"name": "x", ', "")
    add(path, without)
    reader = Reader(path, "jsonl")
    with pytest.raises(NotFollowed, match="the column `name`"):
        reader.look()
    add(path, line(3))
    assert reader.look() == [2, 3]
    add(path, without.replace(":02Z", ":04Z"))
    reader.start()
    assert reader.look() == [4]


def test_a_quotation_mark_that_nobody_closes_costs_one_row(path: Path) -> None:
    plain = (row(3) + row(4)).replace('"', "")
    add(path, HEADER + row(1) + '2026-01-01T00:00:02Z,true,"x,eu\n' + plain)
    reader = Reader(path)
    assert reader.look() == [1]
    reader.seconds += 61
    assert reader.look() == [3, 4]
    assert [line.partition(": ")[0] for line in reader.told] == [f"{path}:3"]
    add(path, row(5))
    assert reader.look() == [5]


def test_a_quotation_mark_out_of_place_costs_the_rows_that_it_spoils(path: Path) -> None:
    add(path, HEADER + row(1) + '2026-01-01T00:00:02Z,true,"x,eu\n' + row(3) + row(4))
    reader = Reader(path)
    assert reader.look() == [1, 4]
    assert reader.refused == 1


def test_a_line_break_in_a_cell_ends_no_row(path: Path) -> None:
    add(path, HEADER + row(1) + row(2, 'two\nlines ""said""')[:30])
    reader = Reader(path)
    assert reader.look() == [1]
    add(path, row(2, 'two\nlines ""said""')[30:])
    assert reader.look() == [2]
    [found] = [one for one in reader.rows.values() if one.at == START + 2 * 10**9]
    assert found.fields["name"] == 'two\nlines "said"'


def test_a_line_that_is_far_too_long_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 200)
    monkeypatch.setattr(module, "LONGEST_LINE", 400)
    path = tmp_path / "probe.jsonl"
    add(path, line(1) + "x" * 900)
    reader = Reader(path, "jsonl")
    assert reader.look() == [1]
    reader.start()
    add(path, "x" * 100 + "\n" + line(2))
    assert reader.look() == [2]
    assert (reader.refused, len(reader.told)) == (1, 1)
    add(path, "no json\n")
    reader.look()
    assert reader.told[-1].startswith(f"{path}:4:")


def test_files_of_a_folder_and_of_a_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for place in (folder, folder / "*.csv"):
        with pytest.raises(NotFollowed, match="there is no file"):
            Reader(place).look()
    add(folder / "a.csv", HEADER + row(1))
    add(folder / "b.csv", HEADER + row(2))
    add(folder / "c.txt", "nothing")
    (folder / "b.csv.gz").write_bytes(b"packed")
    readers = [Reader(folder), Reader(folder / "*.csv")]
    for reader in readers:
        assert reader.look() == [1, 2]
    add(folder / "c.csv", HEADER + row(3))
    add(folder / "a.csv", row(4))
    (folder / "d.csv").write_bytes("time".encode("utf-16"))
    for reader in readers:
        with pytest.raises(NotFollowed, match="UTF-16"):
            reader.look()
    assert [len(reader.rows) for reader in readers] == [4, 4]
    (folder / "d.csv").unlink()
    (folder / "b.csv").unlink()
    for reader in readers:
        reader.seconds += 100
        assert reader.look() == []


def test_another_pattern_goes_on_with_the_files_that_it_shares(tmp_path: Path) -> None:
    add(tmp_path / "a.csv", "closed,done\n" + "2026-01-01T00:00:01Z,true\n" * 3)
    add(tmp_path / "b.csv", "closed,done\n" + "2026-01-01T00:00:02Z,true\n")
    reader = Reader(tmp_path / "[ab].csv", source="desk")
    assert reader.look() == [1, 1, 1, 2]
    add(tmp_path / "a.csv", "2026-01-01T00:00:01Z,true\n")
    add(tmp_path / "b.csv", "2026-01-01T00:00:02Z,true\n")
    reader.path = tmp_path / "a.csv"
    reader.start()
    assert reader.look() == [1]
    assert len(reader.rows) == 5


def test_bytes_that_are_no_text_spoil_their_row_alone(path: Path) -> None:
    path.write_bytes((HEADER + row(1)).encode() + b"2026-01-01T00:00:02Z,true,\xff,eu\n" + row(3).encode())
    reader = Reader(path)
    assert reader.look() == [1, 3]
    assert reader.told == [f"{path}:3: note is not written in UTF-8"]


def test_a_folder_instead_of_a_file_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotFollowed, match="is no ordinary file"):
        Reader(tmp_path / "pipe").look()


def test_only_files_that_grow_are_no_data_errors() -> None:
    assert not issubclass(NotFollowed, DataError)


@given(st.lists(st.integers(1, 60), max_size=8), st.lists(st.booleans(), min_size=9, max_size=9))
def test_however_it_is_written_and_wherever_it_crashes_each_row_comes_once(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[int], crashes: list[bool]
) -> None:
    path = tmp_path_factory.mktemp("files") / "desk.csv"
    text = "closed,done\n" + "".join(
        f"2026-01-01T00:00:0{number // 3}Z,{'true' if number % 2 else 'false'}\n" for number in range(20)
    )
    path.touch()
    reader = Reader(path, source="desk")
    position = 0
    for size, crash in zip([*pieces, len(text)], crashes, strict=False):
        add(path, text[position : position + size])
        position += size
        reader.look(keep=not crash)
        if crash:
            reader.start()
    reader.look()
    assert len(reader.rows) == 20
    assert reader.told == []


@given(st.text('a",\n', max_size=30), st.integers(1, 5))
def test_rows_end_where_the_reader_of_tables_ends_them(text: str, most: int) -> None:
    data = text.encode()
    cut = cut_rows(data, most, ",")
    assert 0 <= cut.end <= len(data)
    assert data[: cut.end].count(b"\n") == cut.lines
    assert cut.end == 0 or data[cut.end - 1 : cut.end] == b"\n"
    if '"' not in text:
        assert cut == cut_lines(data, most)
