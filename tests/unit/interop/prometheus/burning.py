"""Services that fail for some minutes: when alerts on their budget fire, by wsla and by the rules under promtool."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import frozen

import wsla
from wsla.api import judge_columns
from wsla.interop.formats import FORMATS, exporter
from wsla.values.observations import Observation

MINUTE = 60 * 10**9
SECOND = 10**9
PROMTOOL = shutil.which("promtool")

Segment = tuple[int, int, int, bool]
"""Minutes, good and bad requests in each of them, and whether the counters begin anew before them."""

Pair = tuple[str, str, str]
"""The short window, the long window, and how many times faster than allowed the budget may be spent."""

Stretches = list[tuple[int, int]]
"""The first and the last minute of each time for which an alert fires."""


@frozen(kw_only=True)
class Story:
    """A service's minutes, its promise, and the pairs of windows of each alert by its severity."""

    segments: tuple[Segment, ...]
    target: str
    alerts: dict[str, tuple[Pair, ...]]

    @property
    def minutes(self) -> int:
        """How many minutes it is about."""
        return sum(segment[0] for segment in self.segments)

    def text(self) -> str:
        """The agreement. Its prometheus source asks for two counters once a minute."""
        rules = "\n".join(
            f"  when {' or '.join(_watch(*pair) for pair in pairs)}\n"
            f"  {{ notify team.{severity} on recovery: notify team.{severity} }}"
            for severity, pairs in self.alerts.items()
        )
        return f"""\
agreement "Burning" version 1 {{
  effective 2026-01-01
  party team "Team" provider {{ page pagerduty env PAGE ticket email "desk@team.example" }}
  party users "Users" consumer
  source requests = prometheus "http://metrics.example:9090" every 1m {{
    bad   "sum(failed_total)"
    total "sum(served_total)"
  }}
  metric level = 100% - increase(requests.bad) / increase(requests.total) each month
  goal served: team guarantees level >= {self.target} {{ otherwise notify users }}
{rules}
}}
"""

    def readings(self) -> list[tuple[int, int]]:
        """(bad, total) of the counters at minute 0 and after each minute."""
        bad = total = 0
        found = [(0, 0)]
        for minutes, good_each, bad_each, anew in self.segments:
            if anew:
                bad = total = 0
            for _ in range(minutes):
                bad, total = bad + bad_each, total + bad_each + good_each
                found.append((bad, total))
        return found


def _watch(short: str, long: str, factor: str) -> str:
    return f"burn(served) over last {long} > {factor} and burn(served) over last {short} > {factor}"


def stretches(minutes: Iterable[int]) -> Stretches:
    """Minutes that follow one another as the first and the last of them."""
    found: Stretches = []
    for minute in minutes:
        if found and found[-1][1] == minute - 1:
            found[-1] = (found[-1][0], minute)
        else:
            found.append((minute, minute))
    return found


def by_wsla(story: Story) -> dict[str, Stretches]:
    """When each alert fires by wsla's own evaluation of the counters.

    A window ends before its last instant, so a counter is read a second before the minute is over.
    """
    agreement = wsla.loads(story.text())
    start = agreement.checked.effective_start + MINUTE
    observations = [
        Observation(
            source="requests", at=start + number * MINUTE - SECOND, fields={"bad": bad, "total": total}
        )
        for number, (bad, total) in enumerate(_stored(agreement, story))
    ]
    effective = agreement.checked.effective_start
    report = judge_columns(agreement, (), effective, start + story.minutes * MINUTE + 1, observations)
    found: dict[str, Stretches] = {severity: [] for severity in story.alerts}
    for severity in story.alerts:
        changes = [
            (one.at - start) // MINUTE
            for one in report.intents
            if any(target.channel == severity for target in one.targets)
        ]
        changes += [story.minutes + 1] * (len(changes) % 2)
        found[severity] = [(first, last - 1) for first, last in zip(changes[::2], changes[1::2], strict=True)]
    return found


def _stored(agreement: wsla.Agreement, story: Story) -> Iterator[tuple[int, int]]:
    """The counters as fields of numbers are stored: in millionths."""
    (source,) = agreement.checked.sources
    (step,) = {one.resolution for one in source.fields if one.name in ("bad", "total")}
    return ((int(bad / step), int(total / step)) for bad, total in story.readings())


def promtool_says(story: Story, expected: dict[str, Stretches], at: Iterable[int], folder: Path) -> str:
    """What promtool says of the exported rules where each alert is expected to fire; empty where it does.

    They are looked at in some minutes, and in all in which an alert begins or ceases, and the one before.
    """
    agreement = wsla.loads(story.text())
    exported = exporter(FORMATS["prometheus"]).export_agreement(agreement.checked, agreement.source)
    for one in exported.files:
        (folder / one.name).write_text(one.text, "utf-8")
    lines = ["rule_files: [Burning.rules.yaml]", "evaluation_interval: 1m", "tests:", "- interval: 1m"]
    lines.append("  input_series:")
    for name, of_bad_only in (("failed_total", True), ("served_total", False)):
        lines += [f"  - series: {name}", f"    values: '{_values(story, of_bad_only)}'"]
    lines.append("  promql_expr_test:")
    for number, severity in enumerate(story.alerts, 1):
        edges = {near for edge in expected[severity] for one in edge for near in (one - 1, one, one + 1)}
        for minute in sorted({*at, *(one for one in edges if 0 <= one <= story.minutes)}):
            fires = any(first <= minute <= last for first, last in expected[severity])
            lines += [
                f"  - expr: count(ALERTS{{alertname='BurningServedBurn{number}', alertstate='firing'}}) or vector(0)",
                f"    eval_time: {minute}m",
                f"    exp_samples: [{{labels: '{{}}', value: {int(fires)}}}]",
            ]
    return promtool_finds_wrong(lines, folder)


def promtool_finds_wrong(lines: list[str], folder: Path) -> str:
    """What promtool finds wrong in a test of rules; empty where it holds."""
    path = folder / "minutes.yaml"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    assert PROMTOOL is not None
    said = subprocess.run([PROMTOOL, "test", "rules", str(path)], capture_output=True, text=True, check=False)
    return "" if said.returncode == 0 else said.stdout + said.stderr


def _values(story: Story, of_bad_only: bool) -> str:
    """Readings as promtool has them: a first one, what is added, and how many times."""
    parts, value = ["0"], 0
    for minutes, good, bad, anew in story.segments:
        step = bad if of_bad_only else good + bad
        value = 0 if anew else value
        parts.append(f"{value + step}+{step}x{minutes - 1}")
        value += step * minutes
    return " ".join(parts)
