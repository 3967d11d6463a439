"""`wsla export --to prometheus` and `--data SOURCE=prometheus:FILE`, as somebody uses them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Run = Callable[..., Any]

SLA = """\
agreement "Shop" version 1 {
  effective 2026-03-01 in "UTC"
  party shop "Shop" provider
  party users "Users" consumer
  source probe = http "https://shop.example/health" every 1m
  metric up = availability(probe.ok) each day
  goal up_daily: shop guarantees up >= 99% { otherwise notify users }
  when burn(up_daily) over last 1h > 2 { notify shop }
}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.sla").write_text(SLA, "utf-8")
    return tmp_path


def test_two_files_go_to_a_folder_that_is_made_and_replace_nothing(run_wsla: Run, folder: Path) -> None:
    assert "need a folder" in run_wsla("export", "shop.sla", "--to", "prometheus").err
    made = run_wsla("export", "shop.sla", "--to", "prometheus", "-o", "new/rules", "--format", "concise")
    assert made.code == 0
    assert sorted(path.name for path in (folder / "new" / "rules").iterdir()) == [
        "Shop.rules.yaml",
        "Shop.test.yaml",
    ]
    assert "warning[W1301]: Prometheus cannot evaluate the goal `up_daily`" in made.err
    assert "warning[W1305]: the rules read the source `probe` from `probe_success{instance=" in made.err
    again = run_wsla("export", "shop.sla", "--to", "prometheus", "-o", "new/rules")
    assert (again.code, "--force replaces it" in again.err) == (1, True)
    assert run_wsla("export", "shop.sla", "--to", "prometheus", "-o", "new/rules", "--force").code == 0


def test_as_json(run_wsla: Run) -> None:
    shown = json.loads(run_wsla("export", "shop.sla", "--to", "prometheus", "--format", "json").out)
    (file,) = shown["files"]
    rules, examples = (yaml.safe_load(one["text"]) for one in file["written"])
    assert rules["groups"][0]["interval"] == "1m"
    assert examples["rule_files"] == ["Shop.rules.yaml"]
    assert {one["code"] for one in file["diagnostics"]} == {"W1301", "W1305"}


def test_an_agreement_of_which_nothing_can_be_watched(run_wsla: Run, folder: Path) -> None:
    (folder / "shop.sla").write_text(
        SLA.replace("  when burn(up_daily) over last 1h > 2 { notify shop }\n", ""), "utf-8"
    )
    found = run_wsla("export", "shop.sla", "--to", "prometheus", "-o", "rules")
    assert found.code == 1
    assert "W1301" in found.err
    assert not (folder / "rules").exists()


def test_a_broken_agreement(run_wsla: Run, folder: Path) -> None:
    (folder / "shop.sla").write_text(SLA.replace("guarantees", "garantees"), "utf-8")
    found = run_wsla("export", "shop.sla", "--to", "prometheus", "-o", "rules")
    assert (found.code, "did you mean `guarantees`" in found.err) == (1, True)
    assert not (folder / "rules").exists()


def test_rules_are_not_imported(run_wsla: Run) -> None:
    assert run_wsla("import", "--from", "prometheus", "shop.sla").code == 2


def test_a_saved_range_query_is_judged(run_wsla: Run, folder: Path) -> None:
    midnight = 1772409600
    values = [[midnight + 60 * minute, str(int(minute >= 20))] for minute in range(1441)]
    answer = {
        "status": "success",
        "data": {
            "resultType": "matrix",
            "result": [{"metric": {"__name__": "probe_success"}, "values": values}],
        },
    }
    (folder / "up.json").write_text(json.dumps(answer), "utf-8")
    shown = json.loads(
        run_wsla(
            "eval",
            "shop.sla",
            "--data",
            "probe=prometheus:up.json",
            "--until",
            "2026-03-03",
            "--format",
            "json",
        ).out
    )
    (one,) = [verdict for verdict in shown["judgements"] if verdict["final"]]
    assert (one["verdict"], one["value"]) == ("violated", "71/72")
    missing = run_wsla("eval", "shop.sla", "--data", "probe=prometheus:gone.json")
    assert missing.code == 1
    assert "gone.json" in missing.err
    assert "Traceback" not in missing.err
