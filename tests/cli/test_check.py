"""`wsla check` as people and machines use it: formats, exit codes, and mending."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FINE = """agreement "Fine" version 1 {
  effective 2026-01-01
  party a "A" provider { email "a@example.org" }
  source probe = http "http://localhost/" every 30s
  metric uptime = availability(probe.ok) each month
  goal up: a guarantees uptime >= 99 % { otherwise notify a }
}
"""
BROKEN = FINE.replace("a guarantees", "b guarantees")
QUOTED = FINE.replace('"Fine"', "“Fine”").replace("effective", "grace 5 minutes effective")

Run = Callable[..., Any]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "one.sla"


def test_exit_codes_and_the_closing_line(run_wsla: Run, file: Path) -> None:
    file.write_text(FINE, "utf-8")
    fine = run_wsla("check", str(file))
    assert (fine.code, fine.out) == (0, "")
    assert "1 file checked: no problems" in fine.err
    file.write_text(BROKEN, "utf-8")
    broken = run_wsla("check", str(file), "--format", "concise", "--quiet")
    assert broken.code == 1
    assert broken.out == f"{file}:6:12: error[E0201]: there is no party named `b`\n"
    assert broken.err == ""


def test_sarif_is_one_document_with_every_problem(run_wsla: Run, file: Path, tmp_path: Path) -> None:
    file.write_text(BROKEN, "utf-8")
    found = run_wsla("check", str(file), str(tmp_path / "gone.sla"), "--format", "sarif")
    assert found.code == 1
    (only,) = json.loads(found.out)["runs"]
    assert sorted(result["ruleId"] for result in only["results"]) == ["E0001", "E0201"]


def test_mending_applies_what_is_safe_and_leaves_the_rest(run_wsla: Run, file: Path) -> None:
    file.write_text(QUOTED, "utf-8")
    mended = run_wsla("check", "--fix", str(file))
    assert mended.code == 0
    assert "2 suggestions applied" in mended.err
    assert file.read_text("utf-8") == FINE.replace("effective", "grace 5m effective")
    again = run_wsla("check", "--fix", str(file))
    assert "applied" not in again.err
    file.write_text(BROKEN, "utf-8")
    assert run_wsla("check", "--fix", str(file)).code == 1
    assert file.read_text("utf-8") == BROKEN


def test_a_blank_before_a_percent_sign_is_fine_and_formatted_away(run_wsla: Run, file: Path) -> None:
    file.write_text(FINE, "utf-8")
    assert run_wsla("fmt", str(file)).code == 0
    assert "uptime >= 99% {" in file.read_text("utf-8")
