"""`wsla diff`: what changed for whom, in words and for machines, with exit codes as comparing programs have them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import AGREEMENT

Run = Callable[..., Any]
STRICTER = AGREEMENT.replace("version 1", "version 2").replace(">= 99%", ">= 95%").replace("10% of", "20% of")


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    path = tmp_path / "newer.sla"
    path.write_text(STRICTER, "utf-8")
    return path


def test_what_changed_is_told_with_its_direction(run_wsla: Run, agreement: Path, newer: Path) -> None:
    finished = run_wsla("diff", agreement, newer)
    assert (finished.code, finished.err) == (1, "")
    assert finished.out == (
        "Web shop: version 1 to version 2\n"
        "\n"
        "Goals and credits\n"
        "  available: `uptime >= 99%` became `uptime >= 95%`\n"
        "    looser for host\n"
        "  where uptime is below 95%, host owes shop 60.00 EUR (20% of web.fee) instead of 30.00 EUR (10% of\n"
        "    web.fee)\n"
        "    dearer for host, shop gains\n"
        "  where uptime is at least 95% and below 99%, host owes shop nothing instead of 30.00 EUR (10% of\n"
        "    web.fee)\n"
        "    cheaper for host, shop loses\n"
    )


def test_the_way_back_is_the_opposite(run_wsla: Run, agreement: Path, newer: Path) -> None:
    said = run_wsla("diff", newer, agreement).out
    assert "stricter for host" in said
    assert "where uptime is below 95%, host owes shop 30.00 EUR (10% of web.fee) instead of 60.00" in said


def test_layout_and_comments_are_no_change(run_wsla: Run, agreement: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.sla"
    other.write_text(
        "# Another layout.\n" + AGREEMENT.replace("  ", "      ").replace("1h {", "60m {"), "utf-8"
    )
    finished = run_wsla("diff", agreement, other)
    assert (finished.code, finished.said) == (
        0,
        "Web shop: version 1 to version 1\nnothing changed in meaning\n",
    )
    value = json.loads(run_wsla("diff", agreement, other, "--format", "json").out)
    assert value == {"agreement": "Web shop", "versions": [1, 1], "tests": [0, 0], "changes": []}


def test_json_has_stable_keys(run_wsla: Run, agreement: Path, newer: Path) -> None:
    finished = run_wsla("diff", agreement, newer, "--format", "json")
    assert finished.code == 1
    first, *_ = json.loads(finished.out)["changes"]
    assert first == {
        "kind": "goal",
        "name": "available",
        "text": "available: `uptime >= 99%` became `uptime >= 95%`",
        "before": "uptime >= 99%",
        "after": "uptime >= 95%",
        "places": [f"{agreement}:19", f"{newer}:19"],
        "effects": [{"party": "host", "direction": "looser"}],
    }


def test_history_is_judged_under_both(
    run_wsla: Run, agreement: Path, newer: Path, rows: list[str], write: Run
) -> None:
    data = f"probe={write(rows)}"
    finished = run_wsla("diff", agreement, newer, "--data", data, "--format", "json")
    assert finished.code == 1
    history = json.loads(finished.out)["history"]
    # An hour of 24 away is 95.83%: missed before, met now.
    (window,) = history["windows"]
    assert (window["window"], window["before"], window["after"]) == ("2026-03-02", "violated", "met")
    assert [one["amount"] for one in window["owed_before"]] == ["30.00"]
    assert (window["owed_after"], history["owed_after"]) == ([], [])
    said = run_wsla("diff", agreement, newer, "--data", data).out
    assert "available  2026-03-02  violated  met    host owes shop 30.00 EUR" in said
    assert "owed in all: host owes shop 30.00 EUR before, nothing after" in said


def test_history_that_comes_out_the_same_is_no_change(
    run_wsla: Run, agreement: Path, rows: list[str], write: Run
) -> None:
    finished = run_wsla("diff", agreement, agreement, "--data", f"probe={write(rows)}")
    assert finished.code == 0
    assert "judged by these observations, 2 windows would have come out the same" in finished.out


def test_a_renamed_source_and_goal_are_followed_in_history(
    run_wsla: Run, agreement: Path, tmp_path: Path, rows: list[str], write: Run
) -> None:
    other = tmp_path / "other.sla"
    renamed = AGREEMENT.replace("source probe", "source look").replace("probe.up", "look.up")
    renamed = renamed.replace("probe.elapsed", "look.elapsed").replace("goal available", "goal reachable")
    other.write_text(renamed, "utf-8")
    finished = run_wsla("diff", agreement, other, "--data", f"look={write(rows)}")
    assert finished.code == 1
    assert "the source probe was renamed to look" in finished.out
    assert "the goal available was renamed to reachable" in finished.out
    assert "2 windows would have come out the same" in finished.out


@pytest.mark.parametrize(("broken", "which"), [(0, "older"), (1, "newer")])
def test_a_file_that_does_not_check_is_named(
    run_wsla: Run, agreement: Path, tmp_path: Path, broken: int, which: str
) -> None:
    other = tmp_path / "other.sla"
    other.write_text(AGREEMENT.replace("uptime >=", "uptme >="), "utf-8")
    paths = [agreement, agreement]
    paths[broken] = other
    finished = run_wsla("diff", *paths)
    assert (finished.code, finished.out) == (2, "")
    assert "named `uptme`" in finished.err
    assert f"nothing was compared: the {which} file {other} has to be mended first" in finished.err


def test_trouble_has_exit_code_2(run_wsla: Run, agreement: Path, newer: Path, tmp_path: Path) -> None:
    assert run_wsla("diff", agreement, tmp_path / "gone.sla").code == 2
    assert run_wsla("diff", agreement, newer, "--zone", "UTC").code == 2
    finished = run_wsla("diff", agreement, newer, "--data", f"probe={tmp_path / 'gone.csv'}")
    assert (finished.code, finished.out) == (2, "")
    assert "gone.csv" in finished.err
