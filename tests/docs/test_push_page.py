"""The pages of what is sent: their examples check, come out as they say, and can be kept; requests are taken."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsla.api import loads
from wsla.daemon.bindings import Deploying
from wsla.daemon.clock import SystemClock
from wsla.daemon.config import Config, load_config
from wsla.diagnostics.source import SourceText
from wsla.sources.heartbeat import FIELDS, MISSED, MISSING, REPORTED
from wsla.sources.pushed import MOST_ROWS, read_pushed
from wsla.syntax.formatter import format_source
from wsla.values.instants import DAY, parse_instant

Run = Callable[..., Any]
REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
KINDS = ("push", "heartbeat", "push-opentelemetry")
PAGES = {kind: (REFERENCE / f"source-{kind}.md").read_text("utf-8") for kind in KINDS}
PAGE = PAGES["push"]


def block(language: str, kind: str = "push") -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```", PAGES[kind], re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.mark.parametrize("kind", PAGES)
def test_the_example_checks_and_its_test_passes(run_wsla: Run, tmp_path: Path, kind: str) -> None:
    (tmp_path / "example.sla").write_text(block("sla", kind), "utf-8")
    finished = run_wsla("check", tmp_path)
    assert (finished.code, finished.out) == (0, ""), finished.said
    finished = run_wsla("test", tmp_path)
    assert finished.code == 0, finished.said
    assert "1 test passed" in finished.said
    text = block("sla", kind)
    assert format_source(SourceText(name="page", text=text)) == (text, ())


def test_the_example_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "wsla.toml").write_text(block("toml"), "utf-8")
    config = load_config(tmp_path / "wsla.toml", {"CHECKOUT_TOKEN": "x" * 16})
    agreement = loads(block("sla"))
    deploying = Deploying(agreement, config, {}, SystemClock())
    assert (deploying.deploy().pushed, deploying.problems) == (frozenset({"checkout"}), [])
    without = Deploying(agreement, Config(), {}, SystemClock())
    without.deploy()
    [problem] = without.problems
    assert "wsla.toml has no [http]" in problem


def test_the_request_is_taken() -> None:
    request = re.search(r"curl --json '(.*?)'", PAGE)
    assert request is not None
    source = loads(block("sla")).plan.source("checkout")
    now = parse_instant("2026-03-01T10:00:00Z")
    found = read_pushed(source, request[1].encode(), None, now, lines=False)
    assert (len(found.rows), found.refused) == (1, ())
    assert json.loads(block("json"))["accepted"] == 1
    assert f"{MOST_ROWS:,} rows" in PAGE


def test_a_heartbeat_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "wsla.toml").write_text(block("toml", "heartbeat"), "utf-8")
    config = load_config(tmp_path / "wsla.toml", {"BACKUP_TOKEN": "x" * 16})
    agreement = loads(block("sla", "heartbeat"))
    deploying = Deploying(agreement, config, {}, SystemClock())
    [plan] = deploying.deploy().probes.values()
    assert (deploying.problems, plan.kind, plan.every, plan.target.fields) == ([], "heartbeat", DAY, FIELDS)
    without = Deploying(agreement, Config(), {}, SystemClock())
    without.deploy()
    assert "wsla.toml has no [http]" in without.problems[0]
    page = PAGES["heartbeat"]
    assert all(f"| `{name}` |" in page for name in (*FIELDS, MISSING, REPORTED, MISSED))
