"""The parser's tables in the wheel: taken where they belong to the grammar beside them, and nowhere else."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from types import ModuleType
from typing import Any

import pytest

from wsla.syntax import grammar, tables
from wsla.syntax.tables import GRAMMAR

Console = Callable[..., CompletedProcess[str]]
ONE_LINE = (
    'agreement "One line" version 1 { effective 2026-01-01 in "UTC" party shop "Shop" provider '
    'party buyer "Buyer" consumer source probe = http "https://shop.example/health" every 30s '
    "metric uptime = availability(probe.ok) each month "
    "goal available: shop guarantees uptime >= 99% { otherwise notify buyer } }\n"
)


@pytest.fixture
def unpacked(wheel: Path, tmp_path: Path) -> Path:
    """The folder of the grammar and its tables, as the wheel installs it."""
    with zipfile.ZipFile(wheel) as archive:
        for name in (GRAMMAR, grammar.TABLES):
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
    loaded = grammar.load_parser(str(unpacked))
    assert built == []
    text = 'test "one" { expect available met in 2026-03 }\n'
    anew = grammar.build_parser((unpacked / GRAMMAR).read_bytes())
    assert loaded.parse(text, start="test") == anew.parse(text, start="test")
    assert {terminal.name for terminal in loaded.terminals} == {terminal.name for terminal in anew.terminals}


def test_another_grammar_is_worked_out(unpacked: Path, built: list[bytes]) -> None:
    changed = (unpacked / GRAMMAR).read_bytes() + b"// changed\n"
    (unpacked / GRAMMAR).write_bytes(changed)
    grammar.load_parser(str(unpacked))
    assert built == [changed]


def test_tables_of_another_release_of_lark_are_not_read(
    unpacked: Path, built: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grammar.lark, "__version__", "0.0.1")
    grammar.load_parser(str(unpacked))
    assert len(built) == 1


def test_without_tables_the_grammar_is_enough(unpacked: Path, built: list[bytes]) -> None:
    (unpacked / grammar.TABLES).unlink()
    grammar.load_parser(str(unpacked))
    assert len(built) == 1


@pytest.fixture
def worked_out(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the module of tables in the wheel holds, in the place where it is looked for."""
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"wsla/syntax/{tables.MODULE}.py").decode()
    module = ModuleType(tables.MODULE)
    exec(text, module.__dict__)
    monkeypatch.setitem(sys.modules, f"wsla.syntax.{tables.MODULE}", module)
    return module.__dict__


def never() -> Any:
    raise AssertionError("lark is not needed")


def test_the_module_of_tables_is_used(unpacked: Path, worked_out: dict[str, Any]) -> None:
    loaded = tables.load_tables(str(unpacked), never)
    assert loaded.grammar == (unpacked / GRAMMAR).read_bytes()
    assert loaded.states == worked_out["TABLES"][8]
    anew = tables.tables_from(grammar.build_parser(loaded.grammar), loaded.grammar)
    assert (loaded.pattern, loaded.words, set(loaded.starts)) == (anew.pattern, anew.words, set(anew.starts))


@pytest.mark.usefixtures("worked_out")
def test_a_module_of_another_grammar_is_not_used(unpacked: Path) -> None:
    changed = (unpacked / GRAMMAR).read_bytes() + b"// changed\n"
    (unpacked / GRAMMAR).write_bytes(changed)
    with pytest.raises(AssertionError, match="lark is not needed"):
        tables.load_tables(str(unpacked), never)


def test_without_the_module_lark_is_asked(unpacked: Path, built: list[bytes]) -> None:
    made = grammar.build_parser((unpacked / GRAMMAR).read_bytes())
    assert tables.load_tables(str(unpacked), lambda: made).grammar == built[0]


@pytest.mark.parametrize(("text", "needed"), [(ONE_LINE, False), (ONE_LINE.replace("goal", "gaol"), True)])
def test_the_installed_command_needs_lark_for_broken_texts_alone(
    text: str, needed: bool, console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.sla").write_text(text, "utf-8")
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    finished = console("check", "one.sla", cwd=tmp_path)
    assert finished.returncode == int(needed)
    loaded = {line.rpartition("|")[2].strip() for line in finished.stderr.splitlines()}
    assert ("lark" in loaded) == needed
