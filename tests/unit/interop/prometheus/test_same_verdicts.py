"""Observations by chance, with gaps: the rules say *violated* and act whenever wsla does.

A sample at a minute stands for that minute, so what wsla says of the window that ends a minute later is compared.
"""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import pytest

import wsla
from wsla.evaluation.verdicts import Verdict
from wsla.interop.formats import FORMATS, exporter
from wsla.values.observations import Observation, Raw

from .burning import MINUTE, PROMTOOL, promtool_finds_wrong

MINUTES = 70
FIRST = 15
"""Minutes until all windows are full."""

SLA = """\
agreement "Chance" version 1 {
  effective 2026-01-01
  party acme "Acme" provider
  party shop "Shop" consumer
  source probe = prometheus "http://metrics.example:9090" every 1m {
    ok     up
    slow   "latency" in ms
    count  "requests_total"
    failed "failures"
  }
  goal up: acme guarantees availability(probe.ok) over last 10m every 1m >= 70% { otherwise notify shop }
  goal sure: acme guarantees availability(probe.ok) over last 10m every 1m > 50% {
    otherwise notify shop unknown time counts as missed }
  goal clear: acme guarantees availability(probe.ok or probe.slow < 100ms) over last 7m every 1m >= 75% {
    otherwise notify shop unknown time is unknown }
  goal quick: acme guarantees share(probe.slow <= 290ms where probe.ok) over last 10m every 1m >= 50% {
    otherwise notify shop coverage 60% }
  goal median: acme guarantees percentile(probe.slow, 50) over last 10m every 1m < 290ms {
    otherwise notify shop coverage 0% }
  goal mean: acme guarantees mean(probe.slow) over last 5m every 1m <= 0.29s { otherwise notify shop coverage 50% }
  goal busy: acme guarantees increase(probe.count) over last 10m every 1m >= 40 { otherwise notify shop coverage 70% }
  goal served: acme guarantees sum(probe.failed) / increase(probe.count) over last 10m every 1m <= 20% {
    otherwise notify shop coverage 50% }
  goal least: acme guarantees count(probe.slow) over last 10m every 1m >= 5 {
    otherwise notify shop unknown time counts as missed }
  goal slowest: acme guarantees count(probe.slow where probe.ok) over last 10m every 1m < 5 { otherwise notify shop }
  goal most: acme guarantees max(probe.slow) over last 4m every 1m < 1s { otherwise notify shop }
  goal lasting: acme guarantees duration(probe.ok) over last 10m every 1m >= 4m { otherwise notify shop }
  goal brief: acme guarantees downtime(probe.ok) over last 10m every 1m <= 3m {
    otherwise notify shop unknown time counts as missed }
  goal down: acme guarantees downtime(probe.ok) over last 10m every 1m < 4m provided
    count(probe.slow where probe.slow > 100ms) over last 10m every 1m >= 4 { otherwise notify shop coverage 0% }
}
"""
FIELDS = ("ok", "slow", "count", "failed")
GOALS = (
    "up",
    "sure",
    "clear",
    "quick",
    "median",
    "mean",
    "busy",
    "served",
    "least",
    "slowest",
    "most",
    "lasting",
    "brief",
    "down",
)


def history(seed: int) -> list[dict[str, int] | None]:
    """What each minute's look finds; None where there is none."""
    chance = random.Random(seed)
    found: list[dict[str, int] | None] = []
    count = 0
    healthy, seen = True, True
    for _ in range(MINUTES):
        healthy ^= chance.random() < 0.2
        seen ^= chance.random() < (0.1 if seen else 0.4)
        count = 0 if chance.random() < 0.05 else count + chance.randrange(10)
        slow = chance.choice((99, 100, 290, 291) if healthy else (290, 291, 1000))
        one = {"ok": int(healthy), "slow": slow, "count": count, "failed": chance.randrange(3)}
        found.append(one if seen else None)
    return found


def by_wsla(looks: list[dict[str, int] | None]) -> dict[str, list[int]]:
    """The minutes at the end of which each goal is violated."""
    agreement = wsla.loads(SLA)
    start = agreement.checked.effective_start
    fields = {one.name: one for one in agreement.checked.sources[0].fields}

    def stored(name: str, value: int) -> Raw:
        if name == "ok":
            return bool(value)
        return int(Fraction(value) * fields[name].unit_factor / fields[name].resolution)

    observations = [
        Observation(
            source="probe",
            at=start + minute * MINUTE,
            fields={name: stored(name, value) for name, value in look.items()},
        )
        for minute, look in enumerate(looks)
        if look is not None
    ]
    report = wsla.evaluate(
        agreement, observations, agreement.checked.effective_start, start + MINUTES * MINUTE
    )
    return {
        goal: [
            minute
            for one in report.judgements
            if one.goal == goal and one.verdict is Verdict.VIOLATED
            for minute in [(one.window.end - start) // MINUTE - 1]
            if minute >= FIRST
        ]
        for goal in GOALS
    }


def values(looks: list[dict[str, int] | None], field: str) -> str:
    """A series as promtool has it; a look that finds nothing ends it, as a rule does."""
    words: list[str] = []
    for before, look in zip([None, *looks], looks, strict=False):
        words.append(str(look[field]) if look is not None else "_" if before is None else "stale")
    return " ".join(words)


@pytest.mark.skipif(PROMTOOL is None, reason="promtool (Debian's prometheus) is not installed")
@pytest.mark.parametrize("seed", [1, 2])
def test_goals_are_violated_in_the_same_minutes(seed: int, tmp_path: Path) -> None:
    agreement = wsla.loads(SLA)
    exported = exporter(FORMATS["prometheus"]).export_agreement(agreement.checked, agreement.source)
    assert exported.diagnostics == ()
    looks = history(seed)
    violated = by_wsla(looks)
    # Chance has to make each of them come and go.
    assert sum(bool(minutes) for minutes in violated.values()) >= len(GOALS) - 2
    assert all(len(minutes) < MINUTES - FIRST for minutes in violated.values())
    (tmp_path / "Chance.rules.yaml").write_text(exported.files[0].text, "utf-8")
    lines = [
        "rule_files: [Chance.rules.yaml]",
        "evaluation_interval: 1m",
        "tests:",
        "- interval: 1m",
        "  input_series:",
    ]
    for field in FIELDS:
        lines.append(f"""  - series: 'agreement:probe_{field}:sample{{agreement="Chance"}}'""")
        lines.append(f"    values: '{values(looks, field)}'")
    lines.append("  promql_expr_test:")
    for goal in GOALS:
        for minute in range(FIRST, MINUTES):
            name = f"Chance{goal.capitalize()}Violated"
            lines += [
                f"  - expr: count(ALERTS{{alertname='{name}', alertstate='firing'}}) or vector(0)",
                f"    eval_time: {minute}m",
                f"    exp_samples: [{{labels: '{{}}', value: {int(minute in violated[goal])}}}]",
            ]
    assert promtool_finds_wrong(lines, tmp_path) == ""
