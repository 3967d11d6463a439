"""The agreements that wsla ships: fine, in standard form, and true to their own examples, by the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

SPECS = Path(__file__).resolve().parents[2] / "specs"
# The published agreements have tests of their own: some have remarks to show.
FILES = sorted(path for path in SPECS.rglob("*.sla") if path.parent.name != "real")


def test_the_three_samples_are_there() -> None:
    names = {path.name for path in FILES}
    assert names >= {"search-api.sla", "service-desk.sla", "marketing-sales.sla"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_checks_without_a_remark(run_wsla: Run, path: Path) -> None:
    finished = run_wsla("check", path, "--format", "json")
    assert (finished.code, json.loads(finished.out)) == (0, [])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_is_in_standard_form_and_formatting_changes_nothing(
    run_wsla: Run, path: Path, tmp_path: Path
) -> None:
    finished = run_wsla("fmt", "--check", path)
    assert finished.code == 0, finished.said
    copy = tmp_path / path.name
    shutil.copy(path, copy)
    assert run_wsla("fmt", copy).code == 0
    assert copy.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_spoiled_layout_comes_back_to_the_standard_form(run_wsla: Run, path: Path, tmp_path: Path) -> None:
    spoiled = tmp_path / path.name
    text = path.read_text("utf-8")
    spoiled.write_text("".join(f"   {line.strip()}  \n" for line in text.splitlines()), "utf-8")
    assert run_wsla("fmt", "--check", spoiled).code == 1
    assert run_wsla("fmt", spoiled).code == 0
    once = spoiled.read_bytes()
    assert run_wsla("fmt", spoiled).code == 0
    assert spoiled.read_bytes() == once
    comments = [line.strip() for line in text.splitlines() if line.lstrip().startswith("#")]
    kept = [line.strip() for line in once.decode().splitlines() if line.lstrip().startswith("#")]
    assert kept == comments


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_its_examples_come_out_as_they_say(run_wsla: Run, path: Path) -> None:
    finished = run_wsla("test", path, "--format", "json")
    results = json.loads(finished.out)
    assert finished.code == 0, finished.said
    text = path.read_text("utf-8")
    assert len(results) == text.count('\ntest "')
    assert results or 'agreement "' not in text
    assert all(result["passed"] and result["observations"] for result in results)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("phase", ["surface", "checked", "plan"])
def test_every_phase_can_be_printed(run_wsla: Run, path: Path, phase: str) -> None:
    finished = run_wsla("dump", path, "--phase", phase)
    assert finished.code == 0, finished.said
    assert json.loads(finished.out) or 'agreement "' not in path.read_text("utf-8")


def test_an_example_that_is_wrong_fails_and_says_what_happened(run_wsla: Run, tmp_path: Path) -> None:
    text = (SPECS / "search-api.sla").read_text("utf-8")
    wrong = tmp_path / "wrong.sla"
    wrong.write_text(text.replace("expect credit globex 200 EUR", "expect credit globex 500 EUR"), "utf-8")
    assert wrong.read_text("utf-8") != text
    finished = run_wsla("test", wrong, "-k", "hour's outage")
    assert finished.code == 1
    assert "FAILED" in finished.out
    assert "200" in finished.out
    assert "1 failed" in finished.out


def test_a_changed_promise_makes_an_example_fail(run_wsla: Run, tmp_path: Path) -> None:
    text = (SPECS / "search-api.sla").read_text("utf-8")
    looser = tmp_path / "looser.sla"
    looser.write_text(text.replace("uptime >= 99.9%", "uptime >= 99.8%"), "utf-8")
    finished = run_wsla("test", looser, "-k", "hour's outage", "--format", "json")
    assert finished.code == 1
    assert [result["passed"] for result in json.loads(finished.out)] == [False]
