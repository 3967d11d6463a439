"""A window for each outage (M59), from the text to the ledger, at its boundaries."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

import wsla
from wsla.api import evaluate_versions, load_all
from wsla.diagnostics.source import SourceText
from wsla.evaluation.stream import JudgementFinal, StreamEvaluator
from wsla.testing.examples import run_example

BERLIN = ZoneInfo("Europe/Berlin")
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
START = datetime(2026, 1, 1, tzinfo=BERLIN)

TEXT = """\
agreement "Outages" version 1 {{
  effective {term} in "Europe/Berlin"
  party acme "Acme" provider
  party globex "Globex" consumer

  source probe = push {{ holds until next  ok ok  load load }}
  source regional = push {{ holds until next  label region  ok ok }}
  schedule day {{ every day 08:00-20:00 }}

  {body}
}}
"""
INTERRUPTION = "metric m = downtime(probe.ok) per outage of probe.ok\n"


def agreement(body: str, term: str = "2026-01-01") -> wsla.Agreement:
    return wsla.loads(TEXT.format(body=body, term=term))


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


def probes(text: wsla.Agreement, *changes: tuple[float, bool | None]) -> list[wsla.Observation]:
    return [
        wsla.Observation(
            source="probe", at=text.instant(hour(at)), fields={"ok": ok, "load": 1_000_000 * int(at)}
        )
        for at, ok in changes
    ]


def windows(
    text: wsla.Agreement, rows: list[wsla.Observation], until: float, start: float = 0, name: str = "m"
) -> list[tuple[float, float, object]]:
    """The windows of a metric in hours from the start, each with its value."""
    zero = text.instant(START)
    found = wsla.evaluate(text, rows, start=hour(start), until=hour(until)).metrics[name]
    return [
        ((point.window.start - zero) / HOUR, (point.window.end - zero) / HOUR, point.value.value)
        for point in found
    ]


def test_every_outage_is_a_window() -> None:
    text = agreement(INTERRUPTION)
    rows = probes(text, (0, True), (1, False), (3, True), (5, False), (6, False), (7, True))
    assert windows(text, rows, 10) == [(1, 3, 2 * HOUR), (5, 7, 2 * HOUR)]


def test_unknown_neither_ends_an_outage_nor_begins_one() -> None:
    text = agreement(INTERRUPTION)
    rows = probes(
        text,
        (0, True),
        (1, False),
        (2, None),
        (3, False),
        (4, True),
        (5, None),
        (6, True),
        (7, None),
        (8, False),
    )
    assert windows(text, rows, 8) == [(1, 4, 2 * HOUR)]
    assert windows(text, rows, 9)[1][0] == 8


def test_a_recovery_is_known_after_its_instant() -> None:
    """M5: asked at the instant of the recovery, the outage is open, to 366 days at the latest."""
    text = agreement(INTERRUPTION)
    rows = probes(text, (0, True), (1, False), (3, True))
    assert windows(text, rows, 3) == [(1, 1 + 366 * 24, 2 * HOUR)]
    zero = text.instant(START)
    found = wsla.evaluate(text, rows, start=zero, until=text.instant(hour(3)) + 1).metrics["m"]
    assert [(one.window.start, one.window.end) for one in found] == [(zero + HOUR, zero + 3 * HOUR)]


def test_the_term_ends_an_outage() -> None:
    text = agreement(INTERRUPTION, "2026-01-01 until 2026-01-02")
    rows = probes(text, (0, True), (20, False))
    assert windows(text, rows, 30) == [(20, 24, 4 * HOUR)]


def test_the_term_begins_an_outage_that_was_there_before() -> None:
    text = agreement(INTERRUPTION)
    assert windows(text, probes(text, (-5, False), (2, True)), 3) == [(0, 2, 2 * HOUR)]


def test_what_began_before_the_evaluation_is_no_window_of_it() -> None:
    text = agreement(INTERRUPTION)
    rows = probes(text, (0, False), (2, True), (4, False), (5, True))
    assert windows(text, rows, 6, start=1) == [(4, 5, 1 * HOUR)]


def test_schedules_cut_the_time_that_counts_and_not_the_outage() -> None:
    """M11: an outage from 19:00 to 09:00 lasts two hours of the day; one in the night has no kept time."""
    text = agreement("metric m = downtime(probe.ok) per outage of probe.ok during day")
    rows = probes(text, (0, True), (19, False), (33, True), (47, False), (48, True))
    assert windows(text, rows, 50) == [(19, 33, 2 * HOUR)]


def test_any_function_can_be_laid_over_outages() -> None:
    text = agreement("metric m = max(probe.load) per outage of probe.ok")
    rows = probes(text, (0, True), (1, False), (2, False), (3, True), (4, False), (5, True))
    assert windows(text, rows, 6) == [(1, 3, 2), (4, 5, 4)]


@pytest.mark.parametrize(
    "function", ["downtime(probe.ok)", "duration(not probe.ok)", "longest(not probe.ok)"]
)
def test_the_condition_may_be_left_out(function: str) -> None:
    text = agreement(f"metric m = {function} per outage")
    assert windows(text, probes(text, (0, True), (1, False), (3, True)), 5) == [(1, 3, 2 * HOUR)]


def test_each_label_has_its_outages() -> None:
    text = agreement("metric m = downtime(regional.ok) per outage by region")
    rows = [
        wsla.Observation(source="regional", at=text.instant(hour(at)), fields={"region": region, "ok": ok})
        for at, region, ok in [
            (0, "eu", True),
            (1, "eu", False),
            (2, "us", False),
            (3, "eu", True),
            (5, "us", True),
        ]
    ]
    assert windows(text, rows, 6) == [(1, 3, 2 * HOUR), (2, 5, 3 * HOUR)]


def test_every_outage_has_a_verdict_and_its_reactions() -> None:
    """M27: two long outages, two credits, dated at their ends."""
    text = agreement(INTERRUPTION + "goal g: acme guarantees m <= 1h { otherwise credit globex 10 EUR }")
    rows = probes(text, (0, True), (1, False), (2, True), (3, False), (4.5, True), (6, False), (8, True))
    report = wsla.evaluate(text, rows, start=START, until=hour(10))
    assert [one.verdict.value for one in report.judgements] == ["met", "violated", "violated"]
    assert [entry.at for entry in report.entries] == [text.instant(hour(4.5)), text.instant(hour(8))]
    assert len({entry.id for entry in report.entries}) == 2
    assert "in the outage from 2026-01-01T03:00" in report.entries[0].memo


@pytest.mark.parametrize(
    ("until", "expected"),
    [(1.5, "on track"), (2, "on track"), (2.01, "lost"), (5, "lost"), (5.1, "violated")],
)
def test_an_open_outage_has_a_standing(until: float, expected: str) -> None:
    """M22: lost as soon as it has lasted too long, violated when it is over."""
    text = agreement(INTERRUPTION + "goal g: acme guarantees m <= 1h { otherwise notify globex }")
    rows = probes(text, (0, True), (1, False), (5, True))
    (judgement,) = wsla.evaluate(text, rows, start=START, until=hour(until)).judgements
    assert judgement.verdict.value == expected


def test_outages_are_counted_where_they_end() -> None:
    """M59: one that begins on the first day and ends at midnight of the second is one of the second."""
    text = agreement(
        INTERRUPTION + "metric n = count(m where m > 30m) each day\n metric worst = max(m) each day"
    )
    rows = probes(
        text,
        (0, True),
        (1, False),
        (2, True),
        (3, False),
        (3.5, True),
        (23, False),
        (24, True),
        (30, False),
        (55, True),
    )
    assert [value for _, _, value in windows(text, rows, 96, name="n")] == [1, 1, 1, 0]
    assert [value for _, _, value in windows(text, rows, 96, name="worst")] == [
        1 * HOUR,
        1 * HOUR,
        25 * HOUR,
        None,
    ]


def test_an_outage_that_the_term_ends_belongs_to_its_last_day() -> None:
    text = agreement(INTERRUPTION + "metric n = count(m) each day", "2026-01-01 until 2026-01-02")
    assert [value for _, _, value in windows(text, probes(text, (0, True), (20, False)), 30, name="n")] == [1]


def test_a_promise_of_at_most_so_many_outages_is_lost_when_there_was_one_more() -> None:
    text = agreement(
        INTERRUPTION + "goal g: acme guarantees count(m) each month <= 1 { otherwise notify globex }"
    )
    rows = probes(text, (0, True), (1, False), (2, True), (3, False), (4, True))
    standing = [
        wsla.evaluate(text, rows, start=START, until=hour(at)).judgements[0].verdict.value
        for at in (3.5, 4, 5)
    ]
    assert standing == ["on track", "on track", "lost"]


def test_the_cap_is_that_of_the_month_in_which_the_outage_is_over() -> None:
    """M59 and M43."""
    text = agreement(
        INTERRUPTION
        + """goal g: acme guarantees m <= 1h { otherwise credit globex 80 EUR }
        cap credits to globex at 100 EUR each day"""
    )
    rows = probes(text, (0, True), (1, False), (3, True), (20, False), (24, True), (30, False), (33, True))
    report = wsla.evaluate(text, rows, start=START, until=hour(50))
    assert [(entry.kind, str(entry.amount)) for entry in report.entries] == [
        ("credit", "80.00"),
        ("credit", "80.00"),
        ("credit", "80.00"),
        ("cap", "60.00"),
    ]


def test_a_monitor_tells_of_an_outage_when_it_is_over_and_after_a_restart() -> None:
    """M24: final at its end and the grace; the state holds an outage that is not over."""
    text = agreement(INTERRUPTION + "goal g: acme guarantees m <= 1h { otherwise notify globex }")
    evaluator = StreamEvaluator(text.plan, text.instant(START), live=True)
    for observation in probes(text, (0, True), (1, False)):
        evaluator.observe(observation)
    evaluator.advance(text.instant(hour(2)))
    evaluator = StreamEvaluator.restore(text.plan, json.loads(json.dumps(evaluator.snapshot())))
    told = [event for one in probes(text, (5, True)) for event in evaluator.observe(one)]
    told += evaluator.advance(text.instant(hour(6)))
    final = [(one.at, one.judgement.verdict.value) for one in told if isinstance(one, JudgementFinal)]
    assert final == [(text.instant(hour(5)) + 10 * MINUTE, "violated")]
    assert evaluator.judgements(text.instant(hour(6))) == ()


@pytest.mark.parametrize(
    ("under_way", "began", "expected"),
    [
        ("", 14, [["violated"], []]),
        ("", 15, [[], ["violated"]]),
        (" for windows under way", 14, [["violated"], ["violated"]]),
    ],
)
def test_an_outage_under_way_is_judged_once(under_way: str, began: int, expected: list[list[str]]) -> None:
    """M59 and M69: by the version in force when it began, unless the amendment takes over what is under way."""

    def version(number: str, effective: str) -> str:
        return (
            f'agreement "Line" version {number} {{ effective {effective} party acme provider '
            "party globex consumer source probe = push { holds until next  ok ok } "
            "goal g: acme guarantees downtime(probe.ok) per outage <= 1h { otherwise notify globex } }\n"
        )

    text = version("1", "2026-01-01") + version("2 amends 1", "2026-02-15" + under_way)
    rows = [
        {"at": datetime(2026, 2, day, tzinfo=ZoneInfo("UTC")), "ok": ok}
        for day, ok in [(1, True), (began, False), (16, True)]
    ]
    versions = load_all(SourceText(name="a", text=text))
    found = evaluate_versions(versions, {"probe": rows}, None, "2026-03-01")
    assert [[one.verdict.value for one in report.judgements] for report in found] == expected


def test_in_a_test_of_the_agreement() -> None:
    source = TEXT.format(
        term="2026-01-01",
        body=INTERRUPTION + "goal g: acme guarantees m <= 1h { otherwise credit globex 10 EUR }",
    )
    source += """test "two hours" {
      given probe.ok = true from 2026-01-01 until 2026-01-10T10:00
      given probe.ok = false from 2026-01-10T10:00 until 2026-01-10T12:00
      given probe.ok = true from 2026-01-10T12:00 until 2026-01-12
      expect g violated in 2026-01-10
      expect m == 2h in 2026-01
      expect credit globex 10 EUR in 2026-01-10
    }
    """
    checked = wsla.loads(source).checked
    assert [run_example(checked, example).failures for example in checked.examples] == [()]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("metric m = max(probe.load) per outage", "E0344"),
        ("metric m = duration(probe.ok) per outage", "E0344"),
        ("metric m = max(probe.load) per outrage of probe.ok", "E0344"),
        ("metric m = max(probe.load) per outage of (availability(probe.ok) each day >= 99%)", "E0344"),
        ("metric m = max(probe.load) per outage of regional.ok", "E0313"),
        ("metric m = max(probe.load) per outage of (probe.load + 1)", "E0303"),
        ("metric m = max(probe.load) per outage of probe.ok each month", "E0307"),
        ("metric a = downtime(probe.ok) per outage metric m = max(a) per outage of probe.ok", "E0344"),
        ("metric m = max(probe.load) per outage of probe.ok during day", None),
        ("metric m = max(probe.load) per outage of (probe.ok and probe.load < 3)", None),
        ("goal g: acme guarantees downtime(probe.ok) per outage of probe.ok <= 5m", None),
        ("metric a = downtime(probe.ok) per outage metric m = max(a) over last 3 days", None),
        ("metric a = downtime(probe.ok) per outage metric m = a - previous(a)", None),
        ("metric a = downtime(regional.ok) per outage by region metric m = max(a across region)", "E0344"),
        (
            "metric a = downtime(regional.ok) by region per outage of probe.ok metric m = max(a across region)",
            None,
        ),
        (
            "metric a = downtime(probe.ok) per outage "
            "metric m = share(a <= 1m, forgiving outages under 5m) each month",
            "E0332",
        ),
    ],
)
def test_what_can_be_written(body: str, code: str | None) -> None:
    text = TEXT.format(body=body, term="2026-01-01")
    assert [one.code for one in wsla.check(text) if one.code.startswith("E")] == (
        [] if code is None else [code]
    )


def test_a_test_finds_an_outage_that_ends_at_midnight_in_the_day_that_begins() -> None:
    """M59: where its credit counts too."""
    text = """agreement "Line" version 1 {
  effective 2026-01-01 until 2026-02-01 in "Europe/Berlin"
  currency EUR
  party acme "Acme" provider
  party globex "Globex" consumer
  source probe = push { holds until next }
  metric interruption = downtime(probe.ok) per outage
  goal short: acme guarantees interruption <= 1h { otherwise credit globex 10 EUR }
}
test "one" {
  given probe.ok = true at 2026-01-05T00:00
  given probe.ok = false at 2026-01-05T22:00
  given probe.ok = true at 2026-01-06T00:00
  expect short violated in 2026-01-06
  expect interruption == 2h in 2026-01-06
  expect credit globex 10 EUR in 2026-01-06
  expect no credit globex in 2026-01-05
}
"""
    checked = wsla.loads(text).checked
    (example,) = checked.examples
    assert run_example(checked, example).failures == ()
