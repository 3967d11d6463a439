"""Files are taken once they hold still, whatever way they were written (R2)."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wsla.daemon import watching
from wsla.daemon.agreements import UNREADABLE, files_of, find_agreements
from wsla.daemon.watching import Looks, Watching


class Watched:
    """A folder, and how often it was said to have changed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.told = folder, 0
        (folder / "a.sla").write_text("first")
        (folder / "b.sla").write_text("second")
        self.watching = Watching(self.names, self.changed, wanted=lambda: True)
        self.taken()

    def names(self) -> list[str]:
        taken = self.watching.taken if hasattr(self, "watching") else None
        return list(dict.fromkeys([*files_of([self.folder])[0], *(taken or {})]))

    def changed(self) -> None:
        self.told += 1

    def taken(self) -> None:
        self.watching.taken = Looks().look(self.names())
        self.watching.step()
        self.told = 0

    def steps(self, number: int, **options: Any) -> int:
        for _ in range(number):
            self.watching.step(**options)
        return self.told


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_what_is_the_same_is_not_told(watched: Watched) -> None:
    (watched.folder / "a.sla").write_text("first")
    assert watched.steps(4) == 0


def test_a_half_written_file_is_never_told(watched: Watched) -> None:
    """R2: an editor truncates and writes piece by piece."""
    path = watched.folder / "a.sla"
    for content in ("", "fi", "first and mo"):
        path.write_text(content)
        assert watched.steps(1) == 0
    path.write_text("first and more")
    assert watched.steps(1) == 0
    assert watched.steps(1) == 1


def test_a_file_that_was_only_truncated_for_a_moment_is_the_same(watched: Watched) -> None:
    (watched.folder / "a.sla").write_text("")
    assert watched.steps(1) == 0
    (watched.folder / "a.sla").write_text("first")
    assert watched.steps(5) == 0


def test_another_file_in_its_place(watched: Watched) -> None:
    """R2: an atomic rename of the same size and time."""
    path = watched.folder / "a.sla"
    status = path.stat()
    new = watched.folder / ".new"
    new.write_text("other")
    os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))
    new.replace(path)
    assert watched.steps(2) == 1


def test_the_same_time_of_change_and_the_same_size(watched: Watched) -> None:
    """R2: mtime unchanged."""
    path = watched.folder / "a.sla"
    status = path.stat()
    # Some file systems tell the time of a change to some milliseconds only.
    while path.stat().st_ctime_ns == status.st_ctime_ns:
        path.write_text("fIrst")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    assert watched.steps(2) == 1


def test_a_file_system_that_tells_no_change_at_all(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(watched.folder / "a.sla")
    old = os.stat(path)
    told = SimpleNamespace(stat=lambda name: old if name == path else os.stat(name))
    monkeypatch.setattr(watching, "os", told)
    Path(path).write_text("fIrst")
    assert watched.steps(3) == 0
    assert watched.steps(2, thorough=True) == 1


def test_many_files_changed_together_are_told_once_all_hold_still(watched: Watched) -> None:
    for number in range(20):
        (watched.folder / f"{number}.sla").write_text("new")
        assert watched.steps(1) == 0
    assert watched.steps(1) == 1


def test_a_file_that_goes_and_one_that_comes(watched: Watched) -> None:
    (watched.folder / "b.sla").unlink()
    assert watched.steps(2) == 1
    watched.taken()
    (watched.folder / "below").mkdir()
    (watched.folder / "below" / "c.sla").write_text("third")
    assert watched.steps(2) == 1


def test_kubernetes_swaps_a_link(tmp_path: Path) -> None:
    """R2: the files of a mounted ConfigMap are links through `..data`, which is renamed over."""
    for number, word in enumerate(("first", "other")):
        version = tmp_path / f"..2026_{number}"
        version.mkdir()
        (version / "a.sla").write_text(word)
    (tmp_path / "..data").symlink_to("..2026_0")
    (tmp_path / "a.sla").symlink_to("..data/a.sla")
    watching = Watching(lambda: files_of([tmp_path])[0], lambda: told.append(1), wanted=lambda: True)
    told: list[int] = []
    assert files_of([tmp_path])[0] == [str(tmp_path / "a.sla")]
    watching.taken = Looks().look(files_of([tmp_path])[0])
    watching.step()
    (tmp_path / "..new").symlink_to("..2026_1")
    (tmp_path / "..new").rename(tmp_path / "..data")
    watching.step()
    watching.step()
    assert told == [1]
    assert Looks().look([str(tmp_path / "a.sla")]) != watching.taken


def test_what_cannot_be_read_is_unreadable_and_holds_up_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.sla")
    (tmp_path / "gone.sla").symlink_to("nowhere")
    (tmp_path / "large.sla").write_bytes(b"#" * (16 * 1024 * 1024 + 1))
    names = files_of([tmp_path])[0]
    assert len(names) == 3
    assert set(Looks().look([*names, "\0"]).values()) == {UNREADABLE}
    found = find_agreements([tmp_path])
    assert {message.rpartition(": ")[2] for message in found.messages} == {
        "this is no ordinary file",
        "no such file or directory",
        "the file is larger than 16 MiB",
    }
    assert set(found.checksums.values()) == {UNREADABLE}


def test_copies_of_editors_and_version_control_are_no_agreements(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for name in (".git/a.sla", ".#b.sla", "c.sla~", "d.sla"):
        (tmp_path / name).write_text("x")
    assert files_of([tmp_path])[0] == [str(tmp_path / "d.sla")]


def test_a_look_that_fails_is_not_the_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import threading

    told = threading.Event()
    failures = [RuntimeError("no"), RuntimeError("no")]

    def names() -> list[str]:
        if failures:
            raise failures.pop()
        return [str(tmp_path)]

    found = Watching(names, told.set, wanted=lambda: True, every=0.01)
    found.start()
    assert told.wait(30)
    found.stop()
