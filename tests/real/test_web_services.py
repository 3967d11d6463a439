"""Minutes down a day of nine real services: what an agreement finds, against what their monitor published."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

Find = Callable[[str], Path]
Run = Callable[..., Any]

TOLERANCE = 2  # minutes: the monitor rounds, and looks every five minutes
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def judged(run_wsla: Run, data: Find, agreement_file: Find) -> dict[tuple[str, str], dict[str, Any]]:
    """Every judgement by service and day."""
    finished = run_wsla(
        *("eval", agreement_file("web-services.sla"), "--format", "json"),
        *("--data", f"monitor={data('uptime/probe_history.csv')}"),
    )
    assert finished.code == 0, finished.said
    assert finished.err == ""
    judgements = json.loads(finished.out)["judgements"]
    found = {(judgement["labels"]["service"], judgement["window"]): judgement for judgement in judgements}
    assert len(found) == len(judgements)
    return found


def minutes_down(judgement: dict[str, Any]) -> Fraction:
    """Known time of the day in which the service was not up, from what the verdict says."""
    length = datetime.fromisoformat(judgement["end"]) - datetime.fromisoformat(judgement["start"])
    known = Fraction(judgement["coverage"]) * Fraction(length / timedelta(minutes=1))
    return known - known * Fraction(judgement["value"])


def published(path: Path) -> Iterator[tuple[str, str, int]]:
    """Service, day and minutes, as the monitor's page says it."""
    for service in json.loads(path.read_text("utf-8")):
        for day, minutes in service["dailyMinutesDown"].items():
            yield service["slug"], day, minutes


def test_minutes_down_agree_with_what_the_monitor_published(
    judged: dict[tuple[str, str], dict[str, Any]], data: Find
) -> None:
    days = list(published(data("uptime/published_summary.json")))
    assert len(days) == 100
    differing = []
    for service, day, minutes in days:
        ours = minutes_down(judged[service, day])
        if abs(ours - minutes) > TOLERANCE:
            differing.append(f"{service} {day}: published {minutes}, judged {float(ours):.2f}")
    print("\n".join(differing))
    assert len(days) - len(differing) >= 94, differing


def test_every_day_has_exactly_the_known_and_the_down_time_of_plain_arithmetic(
    judged: dict[tuple[str, str], dict[str, Any]], data: Find
) -> None:
    states: dict[str, list[tuple[datetime, str]]] = {}
    with data("uptime/probe_history.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            states.setdefault(row["service"], []).append((datetime.fromisoformat(row["time"]), row["status"]))
    # The history ends just after its last row, and nothing is known of what comes after.
    end = max(changes[-1][0] for changes in states.values())
    seen = 0
    for service, changes in states.items():
        down, known = spent(changes, end)
        for day, known_time in known.items():
            judgement = judged[service, day]
            assert abs(Fraction(judgement["coverage"]) - Fraction(known_time / DAY)) < Fraction(1, 10**12)
            assert abs(minutes_down(judgement) - Fraction(down[day] / timedelta(minutes=1))) < Fraction(
                1, 10**9
            )
            seen += 1
    assert seen == len(judged)
    assert seen > 7000


def spent(
    changes: list[tuple[datetime, str]], end: datetime
) -> tuple[dict[str, timedelta], dict[str, timedelta]]:
    """Time down and time known of each UTC day, each state holding until the next."""
    down: dict[str, timedelta] = {}
    known: dict[str, timedelta] = {}
    until = [moment for moment, _ in changes[1:]] + [end]
    for (start, state), stop in zip(changes, until, strict=True):
        here = start
        while True:
            midnight = here.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
            piece = min(stop, midnight) - here
            day = here.astimezone(UTC).date().isoformat()
            known[day] = known.get(day, timedelta()) + piece
            down[day] = down.get(day, timedelta()) + (timedelta() if state == "up" else piece)
            if stop <= midnight:
                break
            here = midnight
    return down, known
