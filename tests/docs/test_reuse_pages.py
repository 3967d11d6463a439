"""The pages on templates and amendments: their examples are sound, and come out as their tests say."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto"


def blocks(page: str) -> list[str]:
    return re.findall(r"^```sla\n(.*?)^```", (HOWTO / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_the_examples_on_templates(run_wsla: Run, tmp_path: Path) -> None:
    master, customer, twice = blocks("many-customers.md")
    (tmp_path / "hosting.sla").write_text(master, "utf-8")
    (tmp_path / "teehaus.sla").write_text(customer, "utf-8")
    (tmp_path / "twice.sla").write_text(twice, "utf-8")
    finished = run_wsla("check", tmp_path)
    assert (finished.code, finished.out) == (0, ""), finished.said
    finished = run_wsla("test", tmp_path)
    assert finished.code == 0, finished.said
    assert "1 test passed" in finished.said


def test_the_example_of_an_amendment(run_wsla: Run, tmp_path: Path) -> None:
    (both,) = blocks("amend-an-agreement.md")
    (tmp_path / "search.sla").write_text(both, "utf-8")
    finished = run_wsla("check", tmp_path)
    assert (finished.code, finished.out) == (0, ""), finished.said
    at_once = both.replace('07-15 in "Europe/Berlin"', '07-15 in "Europe/Berlin" for windows under way')
    assert at_once != both
    (tmp_path / "search.sla").write_text(at_once, "utf-8")
    assert run_wsla("check", tmp_path).code == 0
