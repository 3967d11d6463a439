# ruff: noqa: E501 comments keep whole elements
"""Each party gets the part of an agreement that its role needs, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

TEXT = """\
agreement "Roles" version 1 {
  effective 2026-01-01T00:00Z until 2027-01-01T00:00Z
  party host "Host" provider
  party shop "Shop" consumer { hook webhook "https://shop.example/n" }
  party eye "Eye" measurer
  party judge "Judge" evaluator
  party hand "Hand" manager { work webhook env HAND_WORK }
  source load = push every 5m by eye { value value }
  source calls = push every 5m by host { value value }
  metric busy = mean(load.value) over last 1h every 5m
  metric share_of_busy = share(busy > 3) over last 1d every 5m
  metric rate = mean(calls.value) over last 1h every 5m
  # kept from wsla: <SLAParameter name="share_of_busy"><Communication><Source>eye</Source><Pull>shop</Pull><Push>judge</Push></Communication></SLAParameter>
  metric both = busy + rate
  goal calm: host guarantees busy < 5 { otherwise notify shop.hook }
  goal quick: host guarantees both < 9 { otherwise call hand.work }
  when calm violated { notify hand.work }
}
"""


@pytest.fixture
def view(run_wsla: Run, tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    (tmp_path / "roles.sla").write_text(TEXT, "utf-8")

    def view(party: str) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(
            run_wsla("deploy-view", tmp_path / "roles.sla", "--for", party, "--format", "json").out
        )
        return shown

    return view


def parts(shown: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value for key, value in shown.items() if isinstance(value, list) and value and key != "roles"
    }


def test_who_measures_gets_its_sources_and_what_rests_on_them_alone(view: Callable[..., Any]) -> None:
    assert parts(view("eye")) == {
        "measures": ["source load = push every 5m by eye { value value }"],
        "computes": [
            "metric busy = mean(load.value) over last 1h every 5m",
            "metric share_of_busy = share(busy > 3) over last 1d every 5m",
        ],
        # One as the document said, the other to whom it is judged by.
        "sends": [
            {"metric": "busy", "to": "judge"},
            {"metric": "share_of_busy", "to": "judge"},
            {"metric": "share_of_busy", "to": "shop"},
        ],
    }


def test_who_evaluates_gets_what_is_judged_and_whom_to_tell(view: Callable[..., Any]) -> None:
    assert parts(view("Judge")) == {
        "evaluates": ["metric busy = mean(load.value) over last 1h every 5m", "metric both = busy + rate"],
        "judges": [
            "goal calm: host guarantees busy < 5 { otherwise notify shop.hook }",
            "goal quick: host guarantees both < 9 { otherwise call hand.work }",
            "when calm violated { notify hand.work }",
        ],
        "tells": ["shop.hook webhook https://shop.example/n", "hand.work webhook env HAND_WORK"],
    }


def test_who_manages_gets_what_calls_upon_it(view: Callable[..., Any]) -> None:
    assert parts(view("hand")) == {
        "acts": [
            "goal quick: host guarantees both < 9 { otherwise call hand.work }",
            "when calm violated { notify hand.work }",
        ]
    }


def test_signatories_get_all_of_it(view: Callable[..., Any], run_wsla: Run, tmp_path: Path) -> None:
    assert view("host")["whole"] == TEXT
    assert parts(view("shop")) == {}
    shown = run_wsla("deploy-view", tmp_path / "roles.sla", "--for", "shop").out
    assert shown == f"# shop (consumer) in “Roles” version 1\n{TEXT}"


def test_a_party_that_is_not_there(run_wsla: Run, tmp_path: Path) -> None:
    (tmp_path / "roles.sla").write_text(TEXT, "utf-8")
    finished = run_wsla("deploy-view", tmp_path / "roles.sla", "--for", "nobody")
    assert (finished.code, finished.out) == (1, "")
    assert "there is no party `nobody`; there are: host, shop, eye, judge, hand" in finished.err
