"""A verb loads what it needs and nothing else: a start costs imports."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import wsla

HEAVY = {"asyncio", "holidays", "httpx", "numpy", "polars", "pyarrow", "rich", "sqlalchemy", "sqlite3"}
FOR_BROKEN_TEXTS = {
    "wsla.syntax.messages",
    "wsla.syntax.notation",
    "wsla.syntax.recovery",
    "wsla.syntax.salvage",
}
AGREEMENT = """\
agreement "Start" version 1 {
  effective 2026-01-01 in "UTC"
  party provider_party "Provider" provider
  party consumer_party "Consumer" consumer
  source probe = http "https://service.example/health" every 30s
  metric uptime = availability(probe.ok) each month
  goal available: provider_party guarantees uptime >= 99% { otherwise notify consumer_party }
}
"""


def modules_loaded(program: str, *arguments: str, folder: Path) -> tuple[int, set[str]]:
    """Exit status of a Python program and every module that it imported, with the packages these lie in."""
    finished = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(wsla.__path__[0]).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [line for line in finished.stderr.splitlines() if line.startswith("import time:")]
    names = {line.rpartition("|")[2].strip() for line in rows}
    return finished.returncode, names | {name.partition(".")[0] for name in names}


def run_verb(*arguments: str, folder: Path) -> tuple[int, set[str]]:
    return modules_loaded("from wsla.cli import main; main()", *arguments, folder=folder)


def test_an_import_is_seen(tmp_path: Path) -> None:
    status, loaded = modules_loaded("import sqlite3", folder=tmp_path)
    assert status == 0
    assert loaded & HEAVY == {"sqlite3"}


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    status, loaded = run_verb(*arguments, folder=tmp_path)
    assert status == 0
    assert "click" in loaded
    assert loaded & (HEAVY | {"lark"}) == set()


@pytest.mark.parametrize("verb", ["check", "fmt"])
def test_a_sound_text_loads_nothing_heavy(verb: str, tmp_path: Path) -> None:
    (tmp_path / "start.sla").write_text(AGREEMENT, "utf-8")
    status, loaded = run_verb(verb, "start.sla", folder=tmp_path)
    assert status == 0
    assert "wsla.syntax.direct" in loaded
    # The wheel has the parser's tables worked out; a source tree has not.
    assert ("lark" in loaded) is (find_spec("wsla.syntax.worked_out") is None)
    assert loaded & (HEAVY | FOR_BROKEN_TEXTS) == set()
    assert [name for name in loaded if name.startswith(("wsla.explaining", "wsla.comparing"))] == []


def test_a_broken_text_loads_what_explains_it(tmp_path: Path) -> None:
    (tmp_path / "start.sla").write_text(AGREEMENT.replace("goal", "gaol"), "utf-8")
    status, loaded = run_verb("check", "start.sla", folder=tmp_path)
    assert status == 1
    assert loaded >= FOR_BROKEN_TEXTS


def test_the_public_api_loads_on_demand(tmp_path: Path) -> None:
    status, loaded = modules_loaded("import wsla", folder=tmp_path)
    assert status == 0
    assert loaded & (HEAVY | {"lark", "attr", "click"}) == set()
