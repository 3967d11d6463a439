"""Agreements that settle for approximate percentiles (M101, M102), with examples, and why a verdict came out so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wsla
from wsla.diagnostics.source import SourceText
from wsla.syntax.formatter import format_source
from wsla.testing.examples import run_example

TEXT = """\
agreement "Maps" version 1 {
  effective 2026-01-01 until 2027-01-01 in "Europe/Berlin"
  currency EUR
  party acme "Acme" provider
  party globex "Globex" consumer
  source probe = push every 1s { holds until next  elapsed ms in ms }
  metric p99 = percentile(probe.elapsed, 99, approximate within 1%) each day
  goal fast: acme guarantees p99 <= 250ms { otherwise credit globex 10 EUR from acme }
  goal open: acme guarantees p99 <= 251ms { POLICY otherwise credit globex 20 EUR from acme }
}
"""
EXAMPLES = """
test "the value decides at a limit of two digits" {
  given probe.elapsed = 249900us from 2026-03-04T00:00 until 2026-03-05T00:00
  given probe.elapsed = 251ms from 2026-03-05T00:00 until 2026-03-06T00:00
  expect p99 == 248.75ms in 2026-03-04
  expect fast met in 2026-03-04
  expect no credit globex in 2026-03-04
  expect p99 == 252.5ms in 2026-03-05
  expect fast violated in 2026-03-05
  expect open OUTCOME in 2026-03-05
}
"""


@pytest.mark.parametrize(
    ("policy", "outcome"),
    [
        ("", "violated"),
        ("unknown time counts as met", "met"),
        ("unknown time counts as missed", "violated"),
        ("unknown time is unknown", "unknown"),
    ],
)
def test_the_verdict_of_a_value_that_may_be_off(policy: str, outcome: str) -> None:
    text = TEXT.replace("POLICY", policy) + EXAMPLES.replace("OUTCOME", outcome)
    if outcome == "unknown":
        text = text.replace("  expect open unknown in 2026-03-05\n", "")
    formatted, problems = format_source(SourceText(name="a.sla", text=text))
    assert formatted is not None, problems
    for written in (text, formatted):
        agreement = wsla.loads(written)
        (example,) = agreement.checked.examples
        assert run_example(agreement.checked, example, agreement.plan).failures == ()


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (
            "",
            "the limit lies within the error that was agreed, and `p99 <= 251ms` does not hold by the value",
        ),
        ("unknown time counts as met", "and the goal says: what is not known counts as met"),
        ("unknown time counts as missed", "and the goal says: what is not known counts as missed"),
        ("unknown time is unknown", "and the goal says: what is not known is unknown"),
    ],
)
def test_why_it_came_out_so_is_told(
    policy: str, reason: str, tmp_path: Path, run_wsla: Callable[..., Any]
) -> None:
    path, data = tmp_path / "maps.sla", tmp_path / "probe.csv"
    path.write_text(TEXT.replace("POLICY", policy), "utf-8")
    data.write_text(
        "at,ms\n2026-03-04T00:00:00Z,9\n2026-03-05T08:00:00Z,251\n2026-03-07T00:00:00Z,20\n", "utf-8"
    )
    found = run_wsla("explain", path, "open", "--data", f"probe={data}", "--window", "2026-03-05")
    assert found.code == 0
    said = " ".join(found.out.split())
    assert reason in said
    assert "measured 252500us; with the error that was agreed, 250ms to 255ms" in said
