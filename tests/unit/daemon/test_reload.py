"""A new look at the files is compared with what runs: only what changed is touched, and nothing that is broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wsla.daemon.agreements import find_agreements
from wsla.daemon.config import Bindings, ChannelBinding, Config
from wsla.daemon.reload import Changes, compare

SECRETS = {"HOOK_SECRET": "s"}


@pytest.fixture
def folder(tmp_path: Path, agreements: Any) -> Path:
    (tmp_path / "quick.sla").write_text(agreements.text())
    (tmp_path / "other.sla").write_text(agreements.text().replace('"Quick"', '"Other"'))
    return tmp_path


class Files:
    """What runs, and the files that it came from."""

    def __init__(self, folder: Path, clock: Any) -> None:
        self.folder, self.clock = folder, clock
        self.running = {one.agreement.title: one for one in self.compare({}).added}

    def compare(self, running: Any = None, config: Config | None = None, **environ: str) -> Changes:
        found = find_agreements([self.folder])
        before = self.running if running is None else running
        return compare(before, found, config or Config(), environ or SECRETS, self.clock)


@pytest.fixture
def files(folder: Path, clock: Any) -> Files:
    return Files(folder, clock)


def summary(changes: Changes) -> dict[str, list[str]]:
    names = {
        name: [one.agreement.title for one in getattr(changes, name)]
        for name in ("added", "changed", "adjusted")
    }
    return {name: titles for name, titles in {**names, "removed": changes.removed}.items() if titles}


def test_all_is_added_at_first(files: Files) -> None:
    assert summary(files.compare({})) == {"added": ["Other", "Quick"]}


def test_nothing_changed(files: Files) -> None:
    changes = files.compare()
    assert summary(changes) == {}
    assert changes.messages == []


def test_other_terms_change_it_and_another_wording_adjusts_it(files: Files, agreements: Any) -> None:
    (files.folder / "quick.sla").write_text(agreements.text(version=2, promised="98%"))
    other = files.folder / "other.sla"
    other.write_text("# a remark\n" + other.read_text())
    changes = files.compare()
    assert summary(changes) == {"changed": ["Quick"], "adjusted": ["Other"]}


def test_other_terms_under_the_same_version_are_remarked(files: Files, agreements: Any) -> None:
    (files.folder / "quick.sla").write_text(agreements.text(promised="98%"))
    changes = files.compare()
    assert any("still version 1" in warning for warning in changes.warnings)


@pytest.mark.parametrize("damage", ["agreement {", "\x00", 'agreement "Quick" version 1 { }'])
def test_a_broken_file_keeps_what_came_from_it(files: Files, damage: str) -> None:
    (files.folder / "quick.sla").write_text(damage)
    changes = files.compare()
    assert summary(changes) == {}
    assert changes.messages
    assert all(message.startswith(str(files.folder / "quick.sla")) for message in changes.messages)


def test_bytes_that_are_no_text_keep_it_too(files: Files) -> None:
    (files.folder / "quick.sla").write_bytes(b"\xff\xfe")
    changes = files.compare()
    assert summary(changes) == {}
    assert "not UTF-8" in changes.messages[0]


def test_a_removed_file_ends_it_and_an_empty_folder_does_not(files: Files) -> None:
    (files.folder / "other.sla").unlink()
    assert summary(files.compare()) == {"removed": ["Other"]}
    (files.folder / "quick.sla").unlink()
    changes = files.compare()
    assert summary(changes) == {}
    assert "there is no .sla file" in changes.messages[0]


def test_a_missing_secret_keeps_it(files: Files, agreements: Any) -> None:
    (files.folder / "quick.sla").write_text(agreements.text(version=2))
    changes = files.compare(PATH="")
    assert summary(changes) == {}
    assert any("HOOK_SECRET" in message for message in changes.messages)


def test_another_binding_adjusts_it(files: Files) -> None:
    bindings = Bindings(channels={"globex": ChannelBinding(kind="log", address="stdout")})
    changes = files.compare(config=Config(bindings=bindings))
    assert summary(changes) == {"adjusted": ["Other", "Quick"]}


def test_two_agreements_of_one_title_are_refused(files: Files, agreements: Any) -> None:
    (files.folder / "third.sla").write_text(agreements.text())
    changes = files.compare()
    assert summary(changes) == {}
    assert "the agreement “Quick” is in" in changes.messages[0]


def test_a_path_that_stands_for_nothing(tmp_path: Path) -> None:
    found = find_agreements([tmp_path / "absent.sla"])
    assert "there is no such file" in found.messages[0]
