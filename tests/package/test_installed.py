"""The command, as the wheel installs it, in a folder where there is nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

Console = Callable[..., CompletedProcess[str]]
ONE_LINE = (
    'agreement "One line" version 1 { effective 2026-01-01 in "UTC" party shop "Shop" provider '
    'party buyer "Buyer" consumer source probe = http "https://shop.example/health" every 30s '
    "metric uptime = availability(probe.ok) each month "
    "goal available: shop guarantees uptime >= 99% { otherwise notify buyer } }\n"
)


def test_help_says_what_there_is(console: Console, tmp_path: Path) -> None:
    finished = console("--help", cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "check" in finished.stdout


def test_one_line_is_accepted(console: Console, tmp_path: Path) -> None:
    (tmp_path / "one.sla").write_text(ONE_LINE, "utf-8")
    finished = console("check", "one.sla", cwd=tmp_path)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_one_broken_line_is_refused_with_its_place(console: Console, tmp_path: Path) -> None:
    (tmp_path / "one.sla").write_text(ONE_LINE.replace("guarantees uptime", "uptime"), "utf-8")
    finished = console("check", "one.sla", cwd=tmp_path)
    said = finished.stdout + finished.stderr
    assert finished.returncode not in (0, 2), said
    assert "one.sla:1:" in said
    assert "Traceback" not in said
