"""Formats are recognised by their content, and what is made of them is checked; with a format of the tests' own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

import pytest

from wsla.diagnostics.source import SourceText, Span
from wsla.interop import formats
from wsla.interop.formats import Exported, ExportedFile, Format, Imported, import_text, recognise
from wsla.interop.writing import (
    Names,
    cannot_be_said,
    comment,
    identifier,
    kept,
    kept_as_comment,
    kept_in,
    quoted,
)

Run = Callable[..., Any]

SLA = """\
agreement "Note" version 1 {
  effective 2026-01-01
  party host "Host" provider
  party shop "Shop" consumer
  source probe = push every 1m
  goal up: host guarantees availability(probe.ok) each day >= 99% { otherwise notify shop }
}
"""


def recognised(source: SourceText) -> bool:
    return source.text.startswith("note")


def imported(source: SourceText) -> Imported:
    if "broken" in source.text:
        return Imported(text=SLA.replace("host guarantees", "hsot guarantees"))
    found = (kept_as_comment(source, Span(0, 4), "a word"),) if "word" in source.text else ()
    return Imported(text=SLA, diagnostics=found)


def exported(agreement: Any, source: SourceText) -> Exported:
    files = [ExportedFile(name=f"{name}.note", text=f"note {name}\n") for name in ("one", "two")]
    goal = agreement.goals[0]
    if goal.name == "single":
        return Exported(
            files=(files[0],), diagnostics=(cannot_be_said(source, goal.span, "this goal", "Notes"),)
        )
    return Exported(files=() if goal.name == "nothing" else tuple(files))


@pytest.fixture(autouse=True)
def notes(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("tests_notes")
    vars(module).update(recognised=recognised, import_text=imported, export_agreement=exported)
    monkeypatch.setitem(sys.modules, "tests_notes", module)
    note = Format(name="note", title="Notes", suffixes=(".note",), module="tests_notes")
    monkeypatch.setattr(formats, "FORMATS", MappingProxyType({"note": note}))


def test_a_format_is_recognised_by_its_content_and_then_by_its_suffix() -> None:
    note = formats.FORMATS["note"]
    other = Format(name="other", title="Others", suffixes=(".other",), module="tests_notes")
    assert recognise(SourceText(name="a.txt", text="note"), [note, other]) == note
    assert recognise(SourceText(name="a.other", text="note"), [note, other]) == other
    assert recognise(SourceText(name="a.note", text="something"), [note, other]) is None


def test_what_is_made_is_checked() -> None:
    _, found = import_text(SourceText(name="a.note", text="note broken"))
    assert [one.code for one in found.diagnostics] == ["E0201"]
    assert found.diagnostics[0].source.name == "a.note as .sla"
    _, sound = import_text(SourceText(name="a.note", text="note"))
    assert sound == Imported(text=SLA)


def test_one_file_goes_to_standard_output(run_wsla: Run, tmp_path: Path) -> None:
    (tmp_path / "a.note").write_text("note with a word", "utf-8")
    finished = run_wsla("import", tmp_path / "a.note")
    assert (finished.code, finished.out) == (0, SLA)
    assert "a.note:1:1: warning[W1010]: a word has no place" in finished.err
    assert "Notes: 1 agreement, 1 goal, 1 thing kept as comments" in finished.err


def test_several_files_go_to_a_folder_and_replace_nothing(run_wsla: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.note").write_text("note", "utf-8")
    files = [tmp_path / "a.note", tmp_path / "b.note"]
    assert run_wsla("import", *files).code == 2
    assert run_wsla("import", *files, "-o", tmp_path / "out").code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.sla", "b.sla"]
    again = run_wsla("import", *files, "-o", tmp_path / "out")
    assert again.code == 1
    assert "--force replaces it" in again.err
    assert run_wsla("import", *files, "-o", tmp_path / "out", "--force").code == 0


def test_a_file_of_no_format_a_missing_one_and_a_broken_one(run_wsla: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("something\nelse", "utf-8")
    found = run_wsla("import", tmp_path / "a.txt", tmp_path / "gone", "--format", "json")
    assert found.code == 1
    shown = json.loads(found.out)
    assert [one["format"] for one in shown["files"]] == [None, None]
    assert [one["code"] for one in shown["files"][0]["diagnostics"]] == ["E1001"]
    assert [one["path"] for one in shown["unreadable"]] == [str(tmp_path / "gone")]
    assert run_wsla("import", "--from", "letter", tmp_path / "a.txt").code == 2
    (tmp_path / "b.note").write_text("note broken", "utf-8")
    broken = run_wsla("import", tmp_path / "b.note")
    assert broken.code == 1
    assert "hsot" in broken.out
    assert "E0201" in broken.err
    (tmp_path / "c.note").write_bytes(b"note \xff")
    assert "E0100" in run_wsla("import", tmp_path / "c.note").err


def test_an_export_of_one_file_of_several_and_of_none(run_wsla: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.sla"
    path.write_text(SLA, "utf-8")
    assert run_wsla("export", path, "--to", "letter").code == 2
    assert run_wsla("export", path, "--to", "note").code == 2
    assert run_wsla("export", path, "--to", "note", "-o", tmp_path / "out").code == 0
    assert (tmp_path / "out" / "two.note").read_text("utf-8") == "note two\n"
    path.write_text(SLA.replace("goal up", "goal single"), "utf-8")
    single = run_wsla("export", path, "--to", "note")
    assert (single.code, single.out) == (0, "note one\n")
    assert f"{path}:6:3: warning[W1020]: Notes cannot say this goal" in single.err
    path.write_text(SLA.replace("goal up", "goal nothing"), "utf-8")
    assert run_wsla("export", path, "--to", "note").code == 1


def test_names_can_stand_in_a_text_and_are_not_used_twice() -> None:
    names = Names()
    assert names.of("metric", "Web shop: load") == "Web_shop_load"
    assert names.of("metric", "Web shop: load") == "Web_shop_load"
    assert names.of("metric", "Web shop / load") == "Web_shop_load_2"
    assert names.of("schedule", "5minutes") == "_5minutes"
    assert [names.fresh(word) for word in ("goal", "sum", "Größe", "²", "")] == [
        "goal_",
        "sum_",
        "Größe",
        "thing",
        "thing_2",
    ]
    assert identifier("a\u202eb  c") == "ab_c"


def test_texts_and_comments_stay_on_their_line() -> None:
    assert quoted('a "b"\n\\c\u202e') == '"a \\"b\\" \\\\c"'
    assert comment("a\nb\x00c") == "# a b c"
    assert kept_in(kept("wsla", "Contact: a"), "wsla") == "Contact: a"
    assert kept_in(kept("wsla", "Contact: a"), "openslo") is None
    assert kept_in("# a comment", "wsla") is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.sla", "`wsla check` looks at it"),
        ("a.note", "its name is one of Notes: `--from note` says what keeps it from being that"),
        ("a.txt", "known are "),
    ],
)
def test_what_is_not_recognised_says_what_to_do(run_wsla: Run, tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_text("something\nelse", "utf-8")
    found = run_wsla("import", tmp_path / name)
    assert (found.code, said in found.err) == (1, True)
