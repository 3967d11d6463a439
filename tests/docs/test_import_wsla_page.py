"""The page on importing WSLA: its document becomes its agreement, with the messages that it shows, and goes back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "import-wsla.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def block(language: str, number: int = 0) -> str:
    return [text for kind, text in BLOCKS if kind == language][number]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tracking.xml").write_text(block("xml"), "utf-8")
    (tmp_path / "tracking.sla").write_text(block("sla"), "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_document_becomes_the_agreement(run_wsla: Callable[..., Any], folder: Path) -> None:
    (folder / "tracking.sla").unlink()
    made = run_wsla("import", "tracking.xml", "-o", "tracking.sla", "--format", "concise")
    assert (made.code, made.said) == (0, block("text", 0))
    assert (folder / "tracking.sla").read_text("utf-8") == block("sla")
    assert run_wsla("check", "tracking.sla").code == 0


def test_the_part_of_the_measuring_party(run_wsla: Callable[..., Any], folder: Path) -> None:
    assert run_wsla("deploy-view", "tracking.sla", "--for", "Observer").out == block("text", 1)


def test_the_agreement_goes_back(run_wsla: Callable[..., Any], folder: Path) -> None:
    finished = run_wsla("export", "tracking.sla", "--to", "wsla", "-o", "again.xml")
    assert finished.code == 0
    assert "0 remarks" in finished.err
    again = run_wsla("import", "again.xml")
    without = [line for line in again.out.splitlines() if "# kept" not in line]
    assert without == [line for line in block("sla").splitlines() if "# kept" not in line]
