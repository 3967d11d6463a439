"""Budgets that are spent too fast: wsla and the exported rules fire in the same minutes, at limits too.

The stories are those of ``shared/corpus/burn-rate`` in small: the windows are shorter and the service fails sooner.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from .burning import PROMTOOL, Segment, Story, Stretches, by_wsla, promtool_says, stretches

CORPUS = Path(__file__).resolve().parents[5] / "shared" / "corpus" / "burn-rate"
SCENARIOS = (
    "cold-total-outage-10m",
    "warm-2pct-for-6h",
    "warm-burn-1_1-for-75h",
    "warm-counter-reset-during-outage",
    "warm-low-traffic-one-failure",
    "warm-total-outage-10m",
    "warm-total-outage-1m",
)
# The oracle compares a rounded quotient with a rounded product, so it fires where both are equal: 6 h at 2 % have spent
# exactly 6 times, 3 times and once what is allowed in these minutes, and `>` asks for more.
ARTEFACTS: dict[str, dict[str, Stretches]] = {
    "warm-2pct-for-6h": {"page": [(4444, 4780)], "ticket": [(4617, 5101)]}
}
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool (Debian's prometheus) is not installed"
)

ALERTS = {
    "page": (("2m", "20m", "14.4"), ("10m", "40m", "6")),
    "ticket": (("20m", "60m", "3"), ("40m", "90m", "1")),
}


def steady(minutes: int) -> Segment:
    return (minutes, 1000, 0, False)


STORIES: dict[str, tuple[tuple[Segment, ...], str, dict[str, Stretches]]] = {
    "an outage soon after the start": (
        (steady(10), (4, 0, 1000, False), steady(100)),
        "99%",
        {"page": [(11, 23)], "ticket": [(11, 53)]},
    ),
    "an outage after a long quiet time": (
        (steady(100), (4, 0, 1000, False), steady(100)),
        "99%",
        {"page": [(103, 113)], "ticket": [(101, 143)]},
    ),
    "counters that begin anew in an outage": (
        (steady(100), (2, 0, 1000, False), (2, 0, 1000, True), steady(100)),
        "99%",
        {"page": [(103, 113)], "ticket": [(101, 143)]},
    ),
    "a minute of outage": (
        (steady(100), (1, 0, 1000, False), steady(100)),
        "99%",
        {"page": [], "ticket": [(101, 140)]},
    ),
    "little traffic, one failure": (
        ((100, 1, 0, False), (1, 0, 1, False), (100, 1, 0, False)),
        "99%",
        {"page": [], "ticket": [(101, 140)]},
    ),
    # In 40 minutes 1,000 requests fail at a rate of 2.5 %; 6 times 1 % is never spent, 3 times neither.
    "a slow leak": (
        (steady(100), (40, 975, 25, False), steady(60)),
        "99%",
        {"page": [], "ticket": [(137, 163)]},
    ),
    "exactly what is allowed, for ever": (((200, 990, 10, False),), "99%", {"page": [], "ticket": []}),
    "one more than is allowed, for ever": (
        ((200, 989, 11, False),),
        "99%",
        {"page": [], "ticket": [(1, 200)]},
    ),
    # 9/625 is 14.4 times 0.1 %, which no binary fraction is.
    "exactly 14.4 times what is allowed": (
        ((150, 616, 9, False),),
        "99.9%",
        {"page": [(1, 150)], "ticket": [(1, 150)]},
    ),
    "no traffic at all": (((60, 0, 0, False),), "99%", {"page": [], "ticket": []}),
}
MINUTES = {"m": 1, "h": 60, "d": 1440}
ONLY_FASTEST = {"page": (("2m", "20m", "14.4"),)}


def exactly(story: Story) -> dict[str, Stretches]:
    """When the alerts fire by plain counting: the steps of the counters, minute by minute."""
    spent = [(0, 0)]
    for (bad, total), (next_bad, next_total) in pairwise(story.readings()):
        anew = next_total < total
        grown = (next_bad, next_total) if anew else (next_bad - bad, next_total - total)
        spent.append((spent[-1][0] + grown[0], spent[-1][1] + grown[1]))
    allowed = 1 - Fraction(story.target.removesuffix("%")) / 100
    factors = {factor for pairs in story.alerts.values() for _, _, factor in pairs}
    limits = {factor: (Fraction(factor) * allowed).as_integer_ratio() for factor in factors}

    def fast(minute: int, length: str, factor: str) -> bool:
        before = spent[max(minute - int(length[:-1]) * MINUTES[length[-1]], 0)]
        bad, total = (spent[minute][part] - before[part] for part in (0, 1))
        many, of = limits[factor]
        return total > 0 and of * bad > many * total

    return {
        severity: stretches(
            minute
            for minute in range(1, story.minutes + 1)
            if any(
                fast(minute, short, factor) and fast(minute, long, factor) for short, long, factor in pairs
            )
        )
        for severity, pairs in story.alerts.items()
    }


@pytest.mark.parametrize("name", STORIES)
def test_alerts_fire_in_the_minutes_that_counting_gives(name: str) -> None:
    segments, target, expected = STORIES[name]
    story = Story(segments=segments, target=target, alerts=ALERTS)
    assert exactly(story) == expected
    assert by_wsla(story) == expected


@needs_promtool
@pytest.mark.parametrize(
    "name",
    [
        "an outage soon after the start",
        "counters that begin anew in an outage",
        "little traffic, one failure",
        "a slow leak",
        "exactly what is allowed, for ever",
    ],
)
def test_exported_rules_fire_in_the_same_minutes(name: str, tmp_path: Path) -> None:
    segments, target, expected = STORIES[name]
    story = Story(segments=segments, target=target, alerts=ALERTS)
    assert promtool_says(story, expected, range(0, story.minutes, 7), tmp_path) == ""


@needs_promtool
def test_promtool_is_heard_when_it_differs(tmp_path: Path) -> None:
    story = Story(segments=((20, 61599, 901, False),), target="99.9%", alerts=ONLY_FASTEST)
    assert "FAILED" in promtool_says(story, {"page": [(2, 20)]}, (), tmp_path)


def test_what_is_spent_at_exactly_the_limit_never_fires() -> None:
    at_limit = Story(segments=((60, 616, 9, False),), target="99.9%", alerts=ONLY_FASTEST)
    assert by_wsla(at_limit) == exactly(at_limit) == {"page": []}
    above = Story(segments=((60, 61599, 901, False),), target="99.9%", alerts=ONLY_FASTEST)
    assert by_wsla(above) == exactly(above) == {"page": [(1, 60)]}


@needs_promtool
@pytest.mark.parametrize(("good", "bad", "fires"), [(616, 9, []), (61599, 901, [(1, 60)])])
def test_exported_rules_never_fire_at_exactly_the_limit(
    good: int, bad: int, fires: Stretches, tmp_path: Path
) -> None:
    story = Story(segments=((60, good, bad, False),), target="99.9%", alerts=ONLY_FASTEST)
    assert promtool_says(story, {"page": fires}, range(61), tmp_path) == ""


@needs_promtool
def test_an_outage_in_which_traffic_ends_ends_for_prometheus_alone(tmp_path: Path) -> None:
    """Where nothing is counted any more the budget's pace is unknown, which ends no episode (M26)."""
    segments = (steady(50), (5, 0, 1000, False), (60, 0, 0, False))
    story = Story(segments=segments, target="99%", alerts=ALERTS)
    counted = {"page": [(53, 64)], "ticket": [(51, 94)]}
    assert exactly(story) == counted
    assert by_wsla(story) == {"page": [(53, 115)], "ticket": [(51, 115)]}
    assert promtool_says(story, counted, (), tmp_path) == ""


# --- the corpus


def scenario(name: str) -> tuple[Story, dict[str, Any]]:
    path = CORPUS / f"{name}.json"
    if not path.exists():
        pytest.skip("the corpus of scenarios is not here")
    told = json.loads(path.read_text("utf-8"))
    segments = tuple(
        (one[0], one[-2], one[-1], "reset" in one)
        for one in told["segments_[minutes,good_per_minute,bad_per_minute]"]
    )
    alerts = {
        severity: tuple((short, long, str(factor)) for short, long, factor in pairs)
        for severity, pairs in told["alerts"].items()
    }
    target = f"{told['objective'] * 100:.10g}%"
    return Story(segments=segments, target=target, alerts=alerts), told


def seen(found: Stretches, told: dict[str, Any]) -> Stretches:
    """What somebody sees of it who looks in the minutes of the scenario only."""
    first, last, step = told["evaluated_minutes"]

    def looked_at() -> Iterator[Stretches]:
        for begin, end in found:
            minutes = [one for one in range(first, last + 1, step) if begin <= one <= end]
            yield [(minutes[0], minutes[-1])] if minutes else []

    return [one for part in looked_at() for one in part]


def expected_of(name: str, told: dict[str, Any]) -> dict[str, Stretches]:
    firing = told["firing_minute_intervals_inclusive"]
    stated: dict[str, Stretches] = {
        severity: [(begin, end) for begin, end in stretch] for severity, stretch in firing.items()
    }
    return ARTEFACTS.get(name, stated)


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenarios_of_the_corpus_by_wsla(name: str) -> None:
    story, told = scenario(name)
    found = by_wsla(story)
    assert found == exactly(story)
    assert {severity: seen(one, told) for severity, one in found.items()} == expected_of(name, told)


@needs_promtool
@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=pytest.mark.promtool) for one in SCENARIOS],
)
def test_scenarios_of_the_corpus_by_the_exported_rules(name: str, tmp_path: Path) -> None:
    story, _ = scenario(name)
    assert promtool_says(story, exactly(story), (), tmp_path) == ""
