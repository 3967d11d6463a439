"""534 real incidents: what the agreement finds, against minutes counted one by one."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import holidays
import pytest
from attrs import frozen

import wsla
from wsla.sources.files import History, read_history
from wsla.values.calendars import find_zone

Find = Callable[[str], Path]
Run = Callable[..., Any]

TARGETS = {"1 - Critical": 4, "2 - High": 8, "3 - Moderate": 24}
OTHER_TARGET = 40
MINUTE = timedelta(minutes=1)
NANOSECONDS = 60 * 10**9
UNTIL = "2017-01-01T00:00"


@frozen
class Incident:
    """What counting gives: the month in which it counts, minutes to its solution (None: unknown), and its target."""

    month: str
    minutes: int | None
    target: int


def counted(path: Path) -> list[Incident]:
    """Every incident, minute by minute, with nothing but the clock on the wall."""
    versions: dict[str, dict[datetime, dict[str, str]]] = defaultdict(dict)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            # Of several rows of one incident and minute the last stands.
            versions[row["number"]][datetime.fromisoformat(row["sys_updated_at"])] = row
    free = frozenset(holidays.country_holidays("IT", years=2016))
    incidents = []
    for changes in versions.values():
        moments = sorted(changes)
        last = changes[moments[-1]]
        minutes = None
        if last["resolved_at"]:
            opened, solved = (datetime.fromisoformat(last[name]) for name in ("opened_at", "resolved_at"))
            waiting = [
                (moment, after)
                for moment, after in zip(moments, [*moments[1:], datetime.max], strict=True)
                if changes[moment]["incident_state"] == "Awaiting User Info"
            ]
            minutes = minutes_between(opened, solved, waiting, free)
        target = TARGETS.get(last["priority"], OTHER_TARGET) * 60
        incidents.append(Incident(last["closed_at"][:7], minutes, target))
    return incidents


def minutes_between(
    opened: datetime, solved: datetime, waiting: list[tuple[datetime, datetime]], free: frozenset[date]
) -> int:
    """Minutes in business hours in which nobody waited for the user. Every time in the log is a whole minute."""
    minutes = 0
    now = opened
    while now < solved:
        if now.weekday() >= 5 or now.hour >= 18 or now.date() in free:
            now = now.replace(hour=0, minute=0) + timedelta(days=1)
        elif now.hour < 8:
            now = now.replace(hour=8, minute=0)
        else:
            minutes += not any(start <= now < end for start, end in waiting)
            now += MINUTE
    return minutes


@pytest.fixture(scope="module")
def months(data: Find) -> dict[str, list[Incident]]:
    """The counted incidents by month."""
    found: dict[str, list[Incident]] = defaultdict(list)
    for incident in counted(data("incidents/incident_events.csv")):
        found[incident.month].append(incident)
    return dict(found)


@pytest.fixture(scope="module")
def agreement(agreement_file: Find) -> wsla.Agreement:
    return wsla.load(agreement_file("incident-desk.sla"))


@pytest.fixture(scope="module")
def history(agreement: wsla.Agreement, data: Find) -> History:
    zone = find_zone(agreement.plan.zone)
    return read_history(
        agreement.plan.source("incidents"), str(data("incidents/incident_events.csv")), zone=zone
    )


@pytest.fixture(scope="module")
def report(agreement: wsla.Agreement, history: History) -> wsla.Report:
    return wsla.evaluate(agreement, history.observations, until=UNTIL)


def test_every_row_is_accounted_for(history: History, data: Find) -> None:
    with data("incidents/incident_events.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert history.rows == len(rows)
    assert len({row["number"] for row in rows}) == 534
    assert len(history.observations) + history.duplicates == len(rows)
    assert history.rejects.counts == {}


def test_the_clock_was_paused_and_cases_are_of_every_kind(months: dict[str, list[Incident]]) -> None:
    incidents = [incident for found in months.values() for incident in found]
    assert len(incidents) == 534
    assert any(incident.minutes is None for incident in incidents)
    assert any(incident.minutes is not None and incident.minutes > incident.target for incident in incidents)
    assert {incident.target for incident in incidents} == {240, 480, 1440, 2400}


def test_every_month_has_the_numbers_of_the_slow_count(
    report: wsla.Report, months: dict[str, list[Incident]]
) -> None:
    seen = set()
    for name, expected in (("volume", volume), ("on_time", on_time), ("mean_time", mean_time)):
        for point in report.metrics[name]:
            month = f"{month_of(point.window.start)}"
            value, coverage = expected(months.get(month, []))
            assert (name, month, point.value.value, point.value.coverage) == (name, month, value, coverage)
            seen.add((name, month))
    assert len(seen) == 3 * 11  # February to December


def month_of(instant: int) -> str:
    """The month that begins then: noon of its first day, wherever on earth, lies in it."""
    return (datetime(1970, 1, 1) + timedelta(microseconds=instant // 1000, hours=12)).strftime("%Y-%m")


def known(incidents: list[Incident]) -> list[Incident]:
    return [incident for incident in incidents if incident.minutes is not None]


def known_share(incidents: list[Incident]) -> Fraction:
    return Fraction(len(known(incidents)), len(incidents)) if incidents else Fraction(1)


def volume(incidents: list[Incident]) -> tuple[Fraction, Fraction]:
    return Fraction(len(incidents)), Fraction(1)


def on_time(incidents: list[Incident]) -> tuple[Fraction | None, Fraction]:
    judged = known(incidents)
    good = sum(incident.minutes <= incident.target for incident in judged if incident.minutes is not None)
    return (Fraction(good, len(judged)) if judged else None), known_share(incidents)


def mean_time(incidents: list[Incident]) -> tuple[Fraction | None, Fraction]:
    judged = known(incidents)
    total = sum(incident.minutes for incident in judged if incident.minutes is not None)
    return (Fraction(total * NANOSECONDS, len(judged)) if judged else None), known_share(incidents)


def test_the_command_judges_the_same(
    run_wsla: Run, agreement_file: Find, data: Find, months: dict[str, list[Incident]]
) -> None:
    path = data("incidents/incident_events.csv")
    finished = run_wsla(
        *("eval", agreement_file("incident-desk.sla"), "--data", f"incidents={path}"),
        *("--until", UNTIL, "--format", "json"),
    )
    assert finished.code == 0, finished.said
    report = json.loads(finished.out)
    verdicts = {judged["window"]: judged for judged in report["judgements"] if judged["goal"] == "prompt"}
    assert len(verdicts) == 11
    for month, judged in verdicts.items():
        incidents = months.get(month, [])
        value, coverage = on_time(incidents)
        assert judged["value"] == (None if value is None else str(value))
        assert judged["verdict"] == prompt_verdict(incidents), month
        assert judged["final"] is True
        assert judged["coverage"] == str(coverage)
    rewards = [entry for entry in report["entries"] if entry["kind"] == "reward"]
    met = [month for month, judged in verdicts.items() if judged["verdict"] == "met"]
    assert [entry["amount"] for entry in rewards] == ["500.00"] * len(met)


def prompt_verdict(incidents: list[Incident]) -> str:
    """90 % on time, where at least 20 incidents were closed; unknown cases may be up to a tenth."""
    if len(incidents) < 20:
        return "not applicable"
    good = sum(incident.minutes is not None and incident.minutes <= incident.target for incident in incidents)
    unknown = sum(incident.minutes is None for incident in incidents)
    if Fraction(good, len(incidents)) >= Fraction(9, 10):
        return "met"
    if Fraction(good + unknown, len(incidents)) < Fraction(9, 10):
        return "violated"
    if Fraction(unknown, len(incidents)) > Fraction(1, 10):
        return "unknown"
    return "met" if Fraction(good, len(incidents) - unknown) >= Fraction(9, 10) else "violated"
