"""An export to OpenSLO says what it can of an agreement, and names what it cannot at its place."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from wsla.analysis.check import check_text
from wsla.diagnostics.diagnostic import has_errors
from wsla.diagnostics.source import SourceText
from wsla.interop.formats import FORMATS, Exported, exporter, import_text

Run = Callable[..., Any]

SLA = """\
agreement "Shop" version 1 {{
  effective 2026-01-01 in "Europe/Berlin"
  party team "Service team" provider {{ oncall pagerduty env ONCALL }}
  party users "Users" consumer
  service shop "Shop"
  source probe = push every 1m
  {metric}
  {goal}
}}
"""
METRIC = "metric level = sum(probe.good) / sum(probe.total) each month"
GOAL = "goal served for shop: team guarantees level >= 99.5%"


def exported(metric: str = METRIC, goal: str = GOAL, **changes: str) -> tuple[Exported, str]:
    text = SLA.format(metric=metric, goal=goal)
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    source = SourceText(name="a.sla", text=text)
    agreements, found = check_text(source)
    assert not has_errors(found), found
    return exporter(FORMATS["openslo"]).export_agreement(agreements[0], source), text


def unsaid(metric: str = METRIC, goal: str = GOAL, **changes: str) -> list[tuple[str, str]]:
    """(what cannot be said, the text at its place)."""
    made, text = exported(metric, goal, **changes)
    assert {one.code for one in made.diagnostics} <= {"W1020"}
    return [
        (one.message.removeprefix("OpenSLO cannot say "), text[one.span.start : one.span.end])
        for one in made.diagnostics
    ]


def test_an_agreement_of_our_own_becomes_an_slo() -> None:
    made, _ = exported()
    assert made.diagnostics == ()
    (file,) = made.files
    assert file.name == "Shop.yaml"
    service, slo, target = yaml.safe_load_all(file.text)
    assert service["metadata"] == {"name": "shop", "displayName": "Shop"}
    assert slo["spec"]["budgetingMethod"] == "Occurrences"
    assert slo["spec"]["objectives"] == [{"target": 0.995}]
    assert slo["spec"]["timeWindow"] == [
        {
            "duration": "1M",
            "isRolling": False,
            "calendar": {"startTime": "2026-01-01 00:00:00", "timeZone": "Europe/Berlin"},
        }
    ]
    assert slo["spec"]["indicator"]["spec"]["ratioMetric"]["counter"] is False
    assert target["spec"] == {"target": "pagerduty"}
    _, again = import_text(SourceText(name="a.yaml", text=file.text))
    assert again.text is not None
    assert not has_errors(again.diagnostics)
    assert "goal served for shop: team guarantees served_level >= 99.5%" in again.text


@pytest.mark.parametrize(
    ("metric", "place"),
    [
        ("metric level = availability(probe.ok) each month", "availability(probe.ok)"),
        ("metric level = share(probe.ok where probe.real) each month", "probe.ok where probe.real"),
        ("metric level = share(probe.ok) each month by region", "by region"),
        ("metric level = sum(probe.good) / sum(probe.total) over last 7d every 5m", "over last 7d every 5m"),
        ("metric level = sum(probe.good) / sum(probe.total) over last 2 months", "over last 2 months"),
        ("metric level = sum(probe.good) / sum(probe.total) each month, or 100% when idle", "metric level"),
    ],
)
def test_formulas_that_it_cannot_say_are_named_and_nothing_is_written(metric: str, place: str) -> None:
    region = {"push every 1m": "push every 1m { label region }"} if "region" in metric else {}
    made, _ = exported(metric, **region)
    assert made.files == ()
    assert any(place in shown for _, shown in unsaid(metric, **region))


@pytest.mark.parametrize(
    ("goal", "what"),
    [
        (f"{GOAL} {{ otherwise notify users }}", "what follows from a goal, and what counts in it"),
        (f"{GOAL} {{ coverage 50% }}", "what follows from a goal, and what counts in it"),
        (f"{GOAL}\n  publish report to users each month", "caps, reports and reviews"),
        (f"{GOAL}\n  schedule office {{ Monday 08:00-12:00 }}", "settings, units, schedules and templates"),
        (f"{GOAL}\n  party other consumer", "the parties of an agreement"),
        (f"{GOAL}\n  source more = push every 1m", "a source that no objective is about"),
        (
            f"{GOAL}\n  when burn(served) over last 1h > 2 {{ notify team.oncall repeat every 1h }}",
            "what follows later, again, or in money from a rule",
        ),
        (
            f"{GOAL}\n  when served violated {{ notify team.oncall }}",
            "a rule that is not about how fast a budget is spent",
        ),
        (
            f"{GOAL}\n  when burn(served) over last 1h > 2 {{ notify team }}",
            "a party that is told without a channel",
        ),
    ],
)
def test_what_stands_beside_an_objective_is_named_and_the_rest_written(goal: str, what: str) -> None:
    made, _ = exported(goal=goal)
    assert len(made.files) == 1
    assert what in [one for one, _ in unsaid(goal=goal)]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("version 1", "version 2", "versions of an agreement"),
        ('agreement "Shop"', 'agreement "All shops"', "the title of an agreement"),
        ("2026-01-01 in", "2026-01-01 until 2027-01-01 in", "when an agreement ends"),
        ("2026-01-01 in", "2026-01-15 in", "when an agreement begins, and where"),
        ("every 1m", "every 30s", "how often a source is looked at"),
        ("env ONCALL", '"K1"', "the address of a channel"),
        (
            'service shop "Shop"',
            'service shop "Shop" { needs shop_2 }\n  service shop_2',
            "fees of a service, and what it needs",
        ),
    ],
)
def test_the_frame_of_an_agreement_is_named(old: str, new: str, what: str) -> None:
    assert what in [one for one, _ in unsaid(**{old: new})]


def test_a_goal_that_cannot_be_said_leaves_the_others() -> None:
    made, _ = exported(
        goal=f"{GOAL}\n  goal up for shop: team guarantees availability(probe.ok) each day >= 99%"
    )
    (file,) = made.files
    assert "name: served" in file.text
    assert "name: up" not in file.text
    assert len(made.diagnostics) == 1


def test_a_comment_that_somebody_changed_says_nothing() -> None:
    for kept in (
        '{"kind": "SLO", "metadata": {"name": "other"}}',
        "{broken",
        "[1]",
        '{"kind": 3}',
        '{"kind": "SLO", "metadata": 1}',
    ):
        made, _ = exported(goal=f"# kept from openslo: {kept}\n  {GOAL}")
        assert "name: served" in made.files[0].text


@pytest.mark.parametrize("words", [["import", "a.yaml"], ["export", "a.sla", "--to", "openslo"]])
def test_without_the_library_the_extra_is_named(
    words: list[str], run_wsla: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.yaml").write_text("apiVersion: openslo/v1\n", "utf-8")
    (tmp_path / "a.sla").write_text(SLA.format(metric=METRIC, goal=GOAL), "utf-8")
    known = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "yaml":
            raise ModuleNotFoundError("No module named 'yaml'", name="yaml")
        return known(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.chdir(tmp_path)
    finished = run_wsla(*words)
    assert finished.code == 1
    assert "pip install 'wsla[openslo]'" in finished.err
