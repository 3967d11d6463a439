"""Two real series of a cloud, one ending in an outage: judged windows against plain arithmetic."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

Find = Callable[[str], Path]
Run = Callable[..., Any]
Sample = tuple[datetime, Fraction]

HOUR = timedelta(hours=1)
HOLDS = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def judge(run_wsla: Run, data: Find, agreement_file: Find) -> Callable[[str, str, str, str], dict[str, Any]]:
    """The judgements of one goal by the start of their windows: judge(goal, source, file, until)."""

    def run(goal: str, source: str, file: str, until: str) -> dict[str, Any]:
        finished = run_wsla(
            *("eval", agreement_file("cloud-latency.sla"), "--format", "json"),
            *("--data", f"{source}={data(f'cloudwatch/{file}')}", "--until", until),
        )
        assert finished.code == 0, finished.said
        judgements = json.loads(finished.out)["judgements"]
        return {judged["start"][:16]: judged for judged in judgements if judged["goal"] == goal}

    return run


def samples(path: Path) -> list[Sample]:
    """Instants and values as written; of several of one instant the first stands."""
    found: dict[datetime, Fraction] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(datetime.fromisoformat(row["timestamp"]), Fraction(row["value"]))
    return sorted(found.items())


def hours(series: list[Sample], until: datetime) -> dict[str, tuple[list[Fraction], Fraction]]:
    """For each hour from the first sample on, by its start: its samples, and the share of it in which one was held."""
    start = series[0][0].replace(minute=0)
    found = {}
    while start < until:
        values = [value for at, value in series if start <= at < start + HOUR]
        minutes = {
            at + step * MINUTE
            for at, _ in series
            if start - HOLDS < at < start + HOUR
            for step in range(HOLDS // MINUTE)
        }
        held = sum(start <= minute < start + HOUR for minute in minutes)
        found[start.isoformat(timespec="minutes")] = (values, Fraction(held, 60))
        start += HOUR
    return found


def share_verdict(values: list[Fraction], coverage: Fraction) -> str:
    """At least 90 % of the samples up to 55 ms. Where less than nine tenths of an hour are known, nothing is said."""
    if not values or coverage < Fraction(9, 10):
        return "unknown"
    return (
        "met"
        if Fraction(sum(value <= 55 for value in values), len(values)) >= Fraction(9, 10)
        else "violated"
    )


def peak_verdict(values: list[Fraction], coverage: Fraction) -> str:
    """No sample above 400: one that is above settles it, whatever is unknown."""
    if any(value > 400 for value in values):
        return "violated"
    return "met" if values and coverage >= Fraction(9, 10) else "unknown"


def test_the_outage_at_the_end_is_found(judge: Callable[..., dict[str, Any]], data: Find) -> None:
    until = "2014-03-21T04:00"
    verdicts = judge("responsive", "requests", "ec2_request_latency.csv", until)
    expected = hours(samples(data("cloudwatch/ec2_request_latency.csv")), datetime.fromisoformat(until))
    assert {start: judged["verdict"] for start, judged in verdicts.items()} == {
        start: share_verdict(*hour) for start, hour in expected.items()
    }
    violated = [start for start, judged in verdicts.items() if judged["verdict"] == "violated"]
    assert violated == ["2014-03-18T22:00", "2014-03-21T03:00"]
    assert verdicts["2014-03-21T03:00"]["value"] == "2/3"
    # An hour that a clock change swallowed is not counted as good.
    assert verdicts["2014-03-09T02:00"]["verdict"] == "unknown"
    for start, (_, coverage) in expected.items():
        assert verdicts[start]["coverage"] == str(coverage), start


def test_a_flood_of_requests_is_found(judge: Callable[..., dict[str, Any]], data: Find) -> None:
    until = "2014-04-24T01:00"
    verdicts = judge("bounded", "balancer", "elb_request_count.csv", until)
    expected = hours(samples(data("cloudwatch/elb_request_count.csv")), datetime.fromisoformat(until))
    assert {start: judged["verdict"] for start, judged in verdicts.items()} == {
        start: peak_verdict(*hour) for start, hour in expected.items()
    }
    violated = [start for start, judged in verdicts.items() if judged["verdict"] == "violated"]
    assert violated == ["2014-04-22T19:00"]
    for start, (values, _) in expected.items():
        assert verdicts[start]["value"] == (str(max(values)) if values else None), start


def test_without_rounding_the_same_numbers_are_refused(
    run_wsla: Run, data: Find, agreement_file: Find, tmp_path: Path
) -> None:
    text = agreement_file("cloud-latency.sla").read_text("utf-8")
    strict = tmp_path / "strict.sla"
    strict.write_text(text.replace("numbers  rounded", ""), "utf-8")
    assert strict.read_text("utf-8") != text
    path = data("cloudwatch/ec2_request_latency.csv")
    finished = run_wsla("eval", strict, "--data", f"requests={path}")
    assert "is not a whole number of nanoseconds" in finished.err
