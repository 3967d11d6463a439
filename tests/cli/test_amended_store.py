"""The verbs that read the store, where two versions of an agreement ran side by side."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from tests.unit.daemon.test_versions_beside import BEGIN, NEW, OLD, Running, looks, minute, text, versions
from wsla.daemon.agreements import side_by_side
from wsla.store.records import Batch, Observed
from wsla.store.sqlite import Store
from wsla.values.instants import MINUTE, parse_instant

# The amendment drops a goal and has another.
OTHER = NEW.replace("goal steady", "goal level")
UNDER_WAY = text(4, "2026-03-04T06:00", promised="99.9%", amount=6, under_way=True)


@pytest.fixture
def kept(tmp_path: Path) -> Callable[[str], str]:
    """Makes a store of a week under a version and its amendment."""

    def make(second: str) -> str:
        path = str(tmp_path / "wsla.db")
        with Store.open(path, writer=True) as store:
            running = Running(store)
            running.begin(side_by_side(versions(OLD, second)), BEGIN)
            data = looks(1, minute(8))
            running.run(data)
            running.note(data[-1].at)
        (tmp_path / "search.sla").write_text(f"{OLD}\n{second}", "utf-8")
        return path

    return make


def test_a_report_says_what_both_have_judged(
    kept: Callable[[str], str], tmp_path: Path, run_wsla: Callable[..., Any]
) -> None:
    """M104: it is that of the version in force at its end."""
    path = kept(OTHER)
    file = tmp_path / "search.sla"
    done = run_wsla("report", file, "--store", path, "--window", "2026-03", "--format", "json")
    assert done.code == 0, done.said
    told = json.loads(done.out)
    assert (told["version"], done.err) == (4, "")
    goals = {one["goal"]: one["windows"] for one in told["goals"]}
    assert set(goals) == {"available", "steady", "level"}
    assert goals["steady"][-1]["start"] < goals["level"][0]["start"]
    assert {entry["id"].split("|")[1] for entry in told["entries"]} == {"v3", "v4"}
    early = run_wsla("report", file, "--store", path, "--window", "2026-03-03", "--format", "json")
    assert json.loads(early.out)["version"] == 3
    assert run_wsla("report", file, "--store", path).code == 0


def test_both_parts_of_a_window_under_way_are_shown(
    kept: Callable[[str], str], tmp_path: Path, run_wsla: Callable[..., Any]
) -> None:
    """M70."""
    path = kept(UNDER_WAY)
    told = run_wsla(
        "report", tmp_path / "search.sla", "--store", path, "--window", "2026-03-04", "--goal", "available",
        "--format", "json",
    )  # fmt: skip
    assert told.code == 0, told.said
    [goal] = json.loads(told.out)["goals"]
    assert len([one for one in goal["windows"] if one["start"].startswith("2026-03-04T00:00")]) == 2
    verified = run_wsla("verify", path, "--format", "json")
    assert verified.code == 0, verified.said


def test_a_correction_is_by_the_terms_of_each(
    kept: Callable[[str], str], run_wsla: Callable[..., Any]
) -> None:
    """Late looks of a day of each version: each is judged again by the version that judged it."""
    path = kept(NEW)
    late = [
        evolve(one, at=one.at + MINUTE, fields={"ok": False})
        for one in looks(1, minute(8))
        if one.at % (24 * 60 * MINUTE) < 600 * MINUTE
        and BEGIN + minute(3) * MINUTE < one.at < BEGIN + minute(6) * MINUTE
    ]
    with Store.open(path, writer=True) as store:
        store.write(Batch(observations=tuple(Observed("Search", one, one.at, late=True) for one in late)))
    done = run_wsla("correct", "Search", "--store", path, "--at", "2026-03-20T00:00:00Z")
    assert done.code == 0, done.said
    with Store.open(path, writer=False) as store:
        adjusted = [entry for _, entry in store.entries("Search", 0, 2**62) if entry.kind == "adjustment"]
        corrected = {one.window.start for _, one in store.corrections("Search")}
    begin = parse_instant("2026-03-04T06:00:00Z")
    assert min(corrected) < begin < max(corrected)
    for entry in adjusted:
        assert entry.id.split("|")[1] == ("v3" if entry.window.start < begin else "v4")
    again = run_wsla("correct", "Search", "--store", path, "--at", "2026-03-21T00:00:00Z")
    assert "nothing to correct" in again.out
    assert run_wsla("verify", path).code == 0
    assert run_wsla("ledger", "--store", path).code == 0
