"""The parser's tables in the wheel: taken where they belong to the grammar beside them, and nowhere else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from wsla.syntax import grammar


@pytest.fixture
def unpacked(wheel: Path, tmp_path: Path) -> Path:
    """The folder of the grammar and its tables, as the wheel installs it."""
    with zipfile.ZipFile(wheel) as archive:
        for name in (grammar.GRAMMAR, grammar.TABLES):
            archive.extract(f"wsla/syntax/{name}", tmp_path)
    return tmp_path / "wsla" / "syntax"


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The grammars of which a parser was worked out anew."""
    seen: list[bytes] = []
    build = grammar.build_parser

    def noting(text: bytes):
        seen.append(text)
        return build(text)

    monkeypatch.setattr(grammar, "build_parser", noting)
    return seen


def test_the_tables_are_used(unpacked: Path, built: list[bytes]) -> None:
    loaded = grammar.load_parser(unpacked)
    assert built == []
    text = 'test "one" { expect available met in 2026-03 }\n'
    anew = grammar.build_parser((unpacked / grammar.GRAMMAR).read_bytes())
    assert loaded.parse(text, start="test") == anew.parse(text, start="test")
    assert {terminal.name for terminal in loaded.terminals} == {terminal.name for terminal in anew.terminals}


def test_another_grammar_is_worked_out(unpacked: Path, built: list[bytes]) -> None:
    changed = (unpacked / grammar.GRAMMAR).read_bytes() + b"// changed\n"
    (unpacked / grammar.GRAMMAR).write_bytes(changed)
    grammar.load_parser(unpacked)
    assert built == [changed]


def test_tables_of_another_release_of_lark_are_not_read(
    unpacked: Path, built: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grammar.lark, "__version__", "0.0.1")
    grammar.load_parser(unpacked)
    assert len(built) == 1


def test_without_tables_the_grammar_is_enough(unpacked: Path, built: list[bytes]) -> None:
    (unpacked / grammar.TABLES).unlink()
    grammar.load_parser(unpacked)
    assert len(built) == 1
