"""Stage one in stores of metrics gives what the rules say, whatever they say of the edges of ranges."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from wsla.api import Agreement, loads
from wsla.cli.eval import command
from wsla.evaluation.batch.streams import streams_of
from wsla.evaluation.cells import encoder
from wsla.evaluation.encoding import DataError
from wsla.evaluation.panes import PaneTable, panes_of
from wsla.evaluation.panes.collect import wanted
from wsla.evaluation.reference import evaluate
from wsla.sources.stores.dialects import NotPushed
from wsla.sources.stores.prometheus import PrometheusClient
from wsla.sources.stores.prometheus_panes import PrometheusBackend
from wsla.sources.stores.push import Pushed, Table
from wsla.testing.reductions import assert_panes_are_right
from wsla.testing.strategies import Case
from wsla.values.instants import MILLISECOND
from wsla.values.observations import Observation

START = 1_772_323_200_000  # 2026-03-01T00:00:00Z
NAMES = (f"wsla_test_{number}" for number in count())

Points = list[tuple[int, float]]


def agreement(name: str, more: str = "", holds: str = "90s") -> Agreement:
    return loads(
        f"""\
agreement "Shop" version 1 {{
  effective 2026-03-01 in "UTC"
  party host "Host GmbH" provider
  party shop "Shop AG" consumer
  source web = prometheus "http://metrics.example" every 30s {{
    label   region
    up      {name}
    holds   {holds}
    {more}
  }}
  metric up   = availability(web.up) each day by region
  metric seen = count(web) each 1h
  metric good = share(web.up) over last 10m every 5m by region
  goal available: host guarantees up >= 99%
}}
"""
    )


NUMBERS = """\
agreement "Shop" version 1 {{
  effective 2026-03-01 in "UTC"
  party host "Host GmbH" provider
  party shop "Shop AG" consumer
  source web = prometheus "http://metrics.example" every 30s {{
    label   region
    latency {name} in s
    numbers rounded
    holds   2m
  }}
  metric quick = availability(web.latency <= 300ms and not web.latency == 250ms) each 1h by region
  metric share_quick = share(web.latency < 300ms where web.latency > 0ms) each day
  metric worst = max(web.latency) each 1h
  metric best  = min(web.latency) each 1h by region
  goal fast: host guarantees quick >= 99%
}}
"""


def expected(of: Agreement, series: dict[str, Points], until: int) -> tuple[Case, PaneTable]:
    """The case that these samples are, and its panes as they are made of samples."""
    source = of.plan.source("web")
    [field] = [x for x in source.fields if x.name not in (*source.labels, source.at)]
    encode = encoder(field)
    seen = [
        Observation(
            source="web",
            at=at * MILLISECOND,
            fields={"region": region, field.name: encode(repr(value).removesuffix(".0"))},
        )
        for region, points in series.items()
        for at, value in points
    ]
    seen.sort(key=lambda one: one.at)
    case = Case(plan=of.plan, observations=tuple(seen), start=START * MILLISECOND, until=until)
    return case, panes_of(of.plan, streams_of(of.plan, seen), until)


def pushed(metrics: Any, of: Agreement, until: int, client: Any = None) -> Pushed:
    asked = wanted(of.plan)
    source = of.plan.source("web")
    with (client or PrometheusClient)(metrics.address, "the test's store") as opened:
        return PrometheusBackend(opened).push(
            of.plan,
            source,
            Table(name="web"),
            asked.sources["web"],
            asked.length,
            (START * MILLISECOND, until),
        )


def load(metrics: Any, name: str, series: dict[str, Points]) -> None:
    metrics.load(name, {(("region", region), ("job", "test")): points for region, points in series.items()})


def truths() -> dict[str, Points]:
    """Two hours: on edges and a millisecond beside them, with outages and gaps."""
    random = Random(7)
    eu: Points = [(START, 1.0)]
    for minute in range(1, 120):
        edge = START + minute * 60_000
        if 30 <= minute < 33 or minute == 50:
            continue
        up = 0.0 if 60 <= minute < 64 or minute == 80 else 1.0
        eu += [
            (edge - 1, 1.0 if minute != 64 else 0.0),
            (edge, up),
            (edge + 20_000 + random.randrange(9_000), up),
        ]
    us: Points = [(START + 90_000 + 45_000 * step, float(step % 40 != 13)) for step in range(100)]
    return {"eu": sorted(dict(eu).items()), "us": us}


@pytest.fixture(scope="module")
def of_truths(metrics: Any) -> Agreement:
    name = next(NAMES)
    load(metrics, name, truths())
    return agreement(name)


UNTIL = START + 2 * 3_600_000


@pytest.mark.parametrize(
    "until", [UNTIL, UNTIL + 1, UNTIL - 60_000 * 7 - 1, START + 65 * 60_000, UNTIL * 1 + 30_500]
)
def test_truths_come_back_as_exact_panes(metrics: Any, of_truths: Agreement, until: int) -> None:
    """Rules M3, M5, M10 to M13: with samples exactly on the edges of panes and windows."""
    case, panes = expected(of_truths, truths(), until * MILLISECOND)
    found = pushed(metrics, of_truths, until * MILLISECOND)
    assert found.misfits == 0
    assert_panes_are_right(
        case, PaneTable(length=panes.length, until=panes.until, sources={"web": found.panes})
    )
    assert {x.labels: (x.first, x.last) for x in found.panes.streams} == {
        x.labels: (x.first, x.last) for x in panes.sources["web"].streams
    }


def assert_exact(metrics: Any, of: Agreement, series: dict[str, Points], until: int) -> Pushed:
    case, panes = expected(of, series, until * MILLISECOND)
    found = pushed(metrics, of, until * MILLISECOND)
    assert_panes_are_right(
        case, PaneTable(length=panes.length, until=panes.until, sources={"web": found.panes})
    )
    return found


def test_samples_are_asked_for_only_where_something_changes(metrics: Any, of_truths: Agreement) -> None:
    fetched: list[int] = []

    class Counting(PrometheusClient):
        def samples(self, selector: str, start: int, until: int) -> Iterator[Any]:
            for labels, points in super().samples(selector, start, until):
                fetched.extend(point.at for point in points)
                yield labels, points

    pushed(metrics, of_truths, UNTIL * MILLISECOND, Counting)
    whole = sum(len(points) for points in truths().values())
    assert 0 < len(fetched) < whole / 2


def numbers() -> dict[str, Points]:
    """Latencies in seconds, with whole minutes of one kind, and minutes in which some are slow."""
    random = Random(11)
    found: dict[str, Points] = {"eu": [], "us": []}
    for region, points in found.items():
        for second in range(0, 7200, 15 if region == "eu" else 20):
            slow = (second // 60) % 9 == 4 and random.random() < 0.4
            value = random.choice([0.3, 0.300001, 0.5, 0.25]) if slow else random.randrange(1, 290) / 1000
            points.append((START + second * 1000, value if (second // 60) % 31 else 0.25))
    return found


def test_comparisons_of_numbers_come_back_as_exact_panes(metrics: Any) -> None:
    """Rules M6 and M13: the least and the greatest decide where no limit lies between them."""
    name = next(NAMES)
    load(metrics, name, numbers())
    assert assert_exact(metrics, loads(NUMBERS.format(name=name)), numbers(), UNTIL).misfits == 0


def test_a_sample_at_the_start_of_a_window_is_in_it_and_in_no_other(metrics: Any) -> None:
    """Rule M13: [from, until), whatever the store says of the edges of ranges."""
    name = next(NAMES)
    series = {"eu": [(START + minute * 60_000, 1.0) for minute in range(121)]}
    load(metrics, name, series)
    of = agreement(name)
    found = assert_exact(metrics, of, series, UNTIL)
    samples = found.panes.columns["samples"]
    assert samples.tolist() == [1] * 120


def test_what_is_no_truth_is_left_out_and_counted(metrics: Any) -> None:
    name = next(NAMES)
    good: Points = [(START + second * 1000, 1.0) for second in range(0, 3600, 20)]
    bad: Points = [(START + 610_000, 0.5), (START + 1_210_000, float("nan")), (START + 1_810_000, 2.0)]
    load(metrics, name, {"eu": sorted([*good, *bad])})
    found = assert_exact(metrics, agreement(name), {"eu": good}, START + 3_600_000)
    # VictoriaMetrics does not keep what is no number.
    assert found.misfits in (2, 3)


def test_several_series_of_one_stream_are_refused(metrics: Any) -> None:
    name = next(NAMES)
    metrics.load(
        name,
        {
            (("region", "eu"), ("instance", "a")): [(START + 1000, 1.0)],
            (("region", "eu"), ("instance", "b")): [(START + 2000, 1.0)],
        },
    )
    with pytest.raises(DataError, match="several series are the same stream"):
        pushed(metrics, agreement(name), UNTIL * MILLISECOND)


def test_a_selector_chooses_among_them(metrics: Any) -> None:
    name = next(NAMES)
    points: Points = [(START + second * 1000, 1.0) for second in range(0, 600, 15)]
    metrics.load(
        name,
        {
            (("region", "eu"), ("instance", "a")): points,
            (("region", "eu"), ("instance", "b")): [(START + 2000, 0.0)],
        },
    )
    of = agreement(name)
    asked = wanted(of.plan)
    table = Table(name="web", columns={"up": f'{name}{{instance="a"}}'})
    until = START + 600_000
    with PrometheusClient(metrics.address, "the test's store") as client:
        found = PrometheusBackend(client).push(
            of.plan,
            of.plan.source("web"),
            table,
            asked.sources["web"],
            asked.length,
            (START * MILLISECOND, until * MILLISECOND),
        )
    case, panes = expected(of, {"eu": points}, until * MILLISECOND)
    assert_panes_are_right(
        case, PaneTable(length=panes.length, until=panes.until, sources={"web": found.panes})
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (NUMBERS.replace("    numbers rounded\n", ""), "numbers rounded"),
        (NUMBERS.replace("holds   2m", "holds   30s"), "hold for less than a pane"),
        (
            NUMBERS.replace("latency {name} in s", "latency {name} in s\n    size other").replace(
                "max(web.latency)", "max(web.size)"
            ),
            "several metrics",
        ),
        (NUMBERS.replace("max(web.latency)", "max(web.latency * 2)"), "reckons"),
        (NUMBERS.replace("web.latency <= 300ms", "web.latency * 2 <= 300ms"), "more than the metric"),
    ],
)
def test_what_would_not_be_exact_is_refused(metrics: Any, text: str, reason: str) -> None:
    with pytest.raises(NotPushed, match=reason):
        pushed(metrics, loads(text.format(name="nothing")), UNTIL * MILLISECOND)


def test_samples_that_are_fetched_are_all_of_a_stretch(metrics: Any) -> None:
    name, other = next(NAMES), next(NAMES)
    points: Points = [(START + second * 1000, 1.0) for second in (0, 59, 60, 7199, 7200)]
    load(metrics, name, {"eu": points})
    load(metrics, other, {"eu": [(at, 0.25) for at, _ in points[1:]]})
    of = agreement(name, more=f"latency {other} in s")
    source = loads_with_latency(of)
    with PrometheusClient(metrics.address, "the test's store") as client:
        history = PrometheusBackend(client).fetch(
            source.plan,
            source.plan.source("web"),
            Table(name="web"),
            (START * MILLISECOND, UNTIL * MILLISECOND),
        )
    assert [(x.at, x.fields["up"], x.fields["latency"]) for x in history.observations] == [
        (START * MILLISECOND, True, None),
        *((at * MILLISECOND, True, 250_000_000) for at, _ in points[1:4]),
    ]


def loads_with_latency(of: Agreement) -> Agreement:
    """A field that no formula reads has no type; so one reads it."""
    return loads(of.text.replace("metric seen", "metric slow = max(web.latency) each day\n  metric seen"))


def test_a_store_that_does_not_answer_is_said() -> None:
    with pytest.raises(DataError, match="cannot be read"):
        PrometheusClient("http://127.0.0.1:9", "the test's store")


def test_eval_judges_where_the_metrics_are(metrics: Any, tmp_path: Path) -> None:
    """The whole way, with samples that hold for less than a minute: the verdicts are those of the samples."""
    name = next(NAMES)
    points: Points = [
        (START + second * 1000, float(not 3000 <= second < 3060))
        for second in range(0, 7200, 15)
        if not 5000 <= second < 5100
    ]
    load(metrics, name, {"eu": points})
    of = agreement(name, holds="45s")
    case, _ = expected(of, {"eu": points}, UNTIL * MILLISECOND)
    path = tmp_path / "shop.sla"
    path.write_text(of.text)
    stretch = ["--from", "2026-03-01T00:00:00Z", "--until", "2026-03-01T02:00:00Z"]
    address = f"prometheus+{metrics.address}"
    finished = CliRunner().invoke(command, [str(path), "--on", address, *stretch, "--format", "json"])
    assert finished.exit_code == 0, finished.output
    assert finished.stderr == ""
    rules = evaluate(of.plan, case.observations, START * MILLISECOND, UNTIL * MILLISECOND)
    found = json.loads(finished.stdout)["judgements"]
    assert [(x["verdict"], Fraction(x["value"]), Fraction(x["coverage"])) for x in found] == [
        (x.verdict.value, x.value, x.coverage) for x in rules.judgements
    ]
    assert len(found) == 1
    without = CliRunner().invoke(command, [str(path), "--on", address])
    assert (without.exit_code, "--from and --until" in without.stderr) == (2, True)
