"""Signals that rest on the past, from the text to the verdict: the rules M46 to M49 at their boundaries."""

from __future__ import annotations

import pytest

from wsla.analysis.check import check_text
from wsla.diagnostics.source import SourceText
from wsla.evaluation.reference import evaluate
from wsla.evaluation.stream import Event, StreamEvaluator, TriggerChanged
from wsla.plan.build import build_plan
from wsla.testing.examples import run_example
from wsla.values.instants import HOUR, MINUTE
from wsla.values.observations import Observation

HEAD = """agreement "Signals" version 1 {
  effective 2026-03-01 until 2027-01-01 in "Europe/Berlin"
  party acme "Acme" provider
  party globex "Globex" consumer
  source probe = push { holds until next  ok ok }
  source site = push { label region  holds until next  ok ok }
  source notices = records push { key number  at announced  starts starts  ends ends }
  source zones = records push { key number  label region  at announced }
"""
GOAL = "\n  goal kept: acme guarantees true_time <= 0s { otherwise notify globex }\n"


def text_of(metric: str, rest: str = "", window: str = "each 1h") -> str:
    return f"{HEAD}  metric true_time = duration({metric}) {window}{GOAL}{rest}}}\n"


def codes(metric: str, rest: str = "", window: str = "each 1h") -> list[str]:
    found = check_text(SourceText(name="t.sla", text=text_of(metric, rest, window)))[1]
    return [one.code for one in found if one.code[0] == "E"]


def stretches(
    signal: str, changes: dict[int, bool | None], until: int = HOUR
) -> list[tuple[int, bool | None]]:
    """The instants, counted from the start, at which a signal over `probe.ok` changes, with its values."""
    rest = f"  when {signal} {{ notify globex }}\n"
    (agreement,), problems = check_text(SourceText(name="t.sla", text=text_of("probe.ok", rest)))
    assert [one for one in problems if one.code[0] == "E"] == []
    plan = build_plan(agreement)
    start = plan.effective_start
    seen = [Observation(source="probe", at=start + at, fields={"ok": ok}) for at, ok in changes.items()]
    stream = StreamEvaluator(plan, start)
    for observation in seen:
        stream.observe(observation)
    outcome = stream.outcome(start + until)
    assert outcome == evaluate(plan, seen, start, start + until)
    (rule,) = plan.rules
    return [(change.at - start, change.value) for change in outcome.triggers[rule.name]]


MINUTES = [
    # M46: true once the length has passed, at that very instant
    ("sustained(probe.ok, 5m)", {0: True}, [(0, None), (5, True)]),
    # false as soon as the condition is, and for the length after it
    ("sustained(probe.ok, 5m)", {0: True, 10: False, 11: True}, [(0, None), (5, True), (10, False), (16, True)]),
    # a run that ends when the length is full never counts, one a nanosecond longer does
    ("sustained(probe.ok, 5m)", {0: False, 1: True, 6: False}, [(0, False)]),
    ("sustained(probe.ok, 4m)", {0: False, 1: True, 6: False}, [(0, False), (5, True), (6, False)]),
    # a gap makes it unknown, for as long; known false goes before unknown
    ("sustained(probe.ok, 5m)", {0: True, 10: None, 11: True}, [(0, None), (5, True), (10, None), (16, True)]),
    ("sustained(probe.ok, 5m)", {0: False, 10: None, 20: True}, [(0, False), (15, None), (25, True)]),
    # M47: the first known value at once, others once the length is full
    ("debounced(probe.ok, 5m)", {1: False, 10: True}, [(0, None), (1, False), (15, True)]),
    # a run exactly as long as the length takes effect, a shorter one does not
    ("debounced(probe.ok, 5m)", {0: True, 10: False, 15: True, 20: False, 24: True},
     [(0, True), (15, False), (20, True)]),
    # two lengths: down after the first, up after the second
    ("debounced(probe.ok, 5m, 1m)", {0: True, 10: False, 20: True}, [(0, True), (15, False), (21, True)]),
    # while unknown it keeps its value, and the time begins anew
    ("debounced(probe.ok, 5m)", {0: True, 10: False, 13: None, 14: False}, [(0, True), (19, False)]),
    # M48: what is left of the budget, then false until the next period
    ("limited(probe.ok, 10m) each 30m", {0: True}, [(0, True), (10, False), (30, True), (40, False)]),
    ("limited(probe.ok, 10m) each 30m", {0: True, 4: False, 20: True},
     [(0, True), (4, False), (20, True), (26, False), (30, True), (40, False)]),
    # unknown uses nothing up, and is false once the budget is
    ("limited(probe.ok, 10m) each 30m", {0: True, 9: None, 12: True, 15: None},
     [(0, True), (9, None), (12, True), (13, False), (30, None)]),
    # one on another: five minutes of excused time at most, and only once it has lasted
    ("sustained(limited(probe.ok, 10m) each 30m, 5m)", {0: True},
     [(0, None), (5, True), (10, False), (35, True), (40, False)]),
    ("not sustained(not probe.ok, 5m)", {0: True, 10: False}, [(0, True), (15, False)]),
]  # fmt: skip


@pytest.mark.parametrize(("signal", "changes", "expected"), MINUTES)
def test_a_signal_changes_at_these_minutes(
    signal: str, changes: dict[int, bool | None], expected: list[tuple[int, bool | None]]
) -> None:
    found = stretches(signal, {at * MINUTE: value for at, value in changes.items()}, 59 * MINUTE)
    # The instant asked about is shown too where the signal has a value of its own there.
    assert found == [(at * MINUTE, value) for at, value in expected]


def test_the_length_is_exact_to_the_nanosecond() -> None:
    """M46, M47: at s + length, and not a nanosecond before."""
    changes: dict[int, bool | None] = {0: True, 5 * MINUTE - 1: False}
    assert stretches("debounced(not probe.ok, 5m)", changes)[-1] == (10 * MINUTE - 1, True)
    assert stretches("sustained(probe.ok, 5m)", changes) == [(0, None), (5 * MINUTE - 1, False)]
    assert (5 * MINUTE, True) in stretches("sustained(probe.ok, 5m)", {0: True, 5 * MINUTE + 1: False})


def test_a_budget_of_a_month_is_that_of_the_zone() -> None:
    """M48: a calendar period begins at midnight of the agreement's zone, where clocks change too."""
    month = 31 * 24 * HOUR - HOUR
    found = stretches("limited(probe.ok, 4h) each month", {0: True}, month + 5 * HOUR)
    assert found == [(0, True), (4 * HOUR, False), (month, True), (month + 4 * HOUR, False)]


@pytest.mark.parametrize(
    ("metric", "rest"),
    [
        ("sustained(not probe.ok, 5m)", ""),
        ("not debounced(probe.ok, 5m, 30s)", ""),
        ("probe.ok or limited(active(notices.starts, notices.ends), 4h) each month", ""),
        ("active(notices.starts, notices.ends where notices.starts - notices.announced >= 24h)", ""),
        ("active(notices.starts - 1h, 30m + notices.ends where notices.cause == \"maintenance\")", ""),
        ("active(notices.starts, 2026-12-31)", ""),
        ("probe.ok", "  when sustained(availability(probe.ok) over last 5m < 99%, 10m) { notify globex }\n"),
    ],
)  # fmt: skip
def test_what_may_be_written(metric: str, rest: str) -> None:
    assert codes(metric, rest) == []


@pytest.mark.parametrize(
    ("metric", "code"),
    [
        ("sustained(probe.ok)", "E0206"),
        ("sustained(probe.ok, 5m, 6m)", "E0206"),
        ("debounced(probe.ok, 1m, 2m, 3m)", "E0206"),
        ("sustained(probe.ok, month)", "E0306"),
        ("sustained(probe.ok, 5MB)", "E0306"),
        ("sustained(probe.ok, 0s)", "E0306"),
        ("sustained(true, 5m)", "E0308"),
        ("sustained(notices.good, 5m)", "E0309"),
        ("sustained(probe.elapsed + 1s, 5m)", "E0303"),
        ("sustained(probe.ok, 5m) each month", "E0308"),
        ("limited(probe.ok, 4h)", "E0320"),
        ("limited(probe.ok, 4h) over last 1h", "E0320"),
        ("limited(probe.ok, 4h) each month by region", "E0320"),
        ("active(notices.starts)", "E0206"),
        ("active(notices.starts, zones.ends)", "E0311"),
        ("active(notices.starts, notices.ends where zones.agreed)", "E0311"),
        ("active(probe.starts, probe.ends)", "E0311"),
        ("active(2026-01-01, 2026-02-01)", "E0311"),
        ("active(notices.announced, 5m)", "E0303"),
        ("active(notices.announced, notices.announced + notices.announced)", "E0303"),
        ("active(notices.starts, notices.announced - notices.at)", "E0303"),
        ("substained(probe.ok, 5m)", "E0205"),
        ("active(zones.starts, zones.ends)", "E0313"),
    ],
)
def test_what_may_not(metric: str, code: str) -> None:
    assert code in codes(metric)


NOTICES = """
  metric planned = active(notices.starts, notices.ends
    where notices.starts - notices.announced >= 24h and notices.cause == "maintenance")
  metric excused = limited(planned, 4h) each month
  metric uptime = availability(probe.ok or excused) each month

  goal available: acme guarantees uptime >= 100% { otherwise notify globex }
}
"""
EXAMPLES = {
    "announced a day before, and within four hours": ("""
      given probe.ok = true every 1m from 2026-03-01 until 2026-04-01
      given probe.ok = false from 2026-03-10T01:00 until 2026-03-10T05:00
      given notices.announced = 2026-03-09T01:00, notices.starts = 2026-03-10T01:00,
            notices.ends = 2026-03-10T05:00, notices.cause = "maintenance" at 2026-03-09T01:00
    """, "met"),
    "announced a minute too late": ("""
      given probe.ok = true every 1m from 2026-03-01 until 2026-04-01
      given probe.ok = false from 2026-03-10T01:00 until 2026-03-10T05:00
      given notices.announced = 2026-03-09T01:01, notices.starts = 2026-03-10T01:00,
            notices.ends = 2026-03-10T05:00, notices.cause = "maintenance" at 2026-03-09T01:01
    """, "violated"),
    "longer than the four hours of a month": ("""
      given probe.ok = true every 1m from 2026-03-01 until 2026-04-01
      given probe.ok = false from 2026-03-10T01:00 until 2026-03-10T05:01
      given notices.announced = 2026-03-01T01:00, notices.starts = 2026-03-10T01:00,
            notices.ends = 2026-03-10T06:00, notices.cause = "maintenance" at 2026-03-01T01:00
    """, "violated"),
    "recorded when it had begun": ("""
      given probe.ok = true every 1m from 2026-03-01 until 2026-04-01
      given probe.ok = false from 2026-03-10T01:00 until 2026-03-10T02:00
      given notices.announced = 2026-03-01, notices.starts = 2026-03-10T01:00,
            notices.ends = 2026-03-10T02:00, notices.cause = "maintenance" at 2026-03-10T01:01
    """, "violated"),
    "withdrawn by a later version": ("""
      given probe.ok = true every 1m from 2026-03-01 until 2026-04-01
      given probe.ok = false from 2026-03-10T01:00 until 2026-03-10T02:00
      given notices.key = "n1", notices.announced = 2026-03-01, notices.starts = 2026-03-10T01:00,
            notices.ends = 2026-03-10T02:00, notices.cause = "maintenance" at 2026-03-01
      given notices.key = "n1", notices.cause = "withdrawn" at 2026-03-10T01:30
    """, "violated"),
    "without any notice": ("""
      given probe.ok = true every 1m from 2026-03-01 until 2026-04-01
      given probe.ok = false from 2026-03-10T01:00 until 2026-03-10T01:01
    """, "violated"),
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_announced_maintenance_is_excused(name: str) -> None:
    """M49 with M48: the commonest clause of real agreements, as a test block that comes out."""
    given, verdict = EXAMPLES[name]
    body = f'{HEAD}{NOTICES}\ntest "{name}" {{ {given} expect available {verdict} in 2026-03 }}\n'
    (agreement,), problems = check_text(SourceText(name="t.sla", text=body))
    assert [one for one in problems if one.code[0] == "E"] == []
    (example,) = agreement.examples
    assert run_example(agreement, example).passed


def test_what_was_foreseen_is_taken_back_by_an_observation_of_that_instant() -> None:
    """M46: asked at five minutes, the length is full; an observation of that very instant says that it is not."""
    rest = "  when sustained(probe.ok, 5m) { notify globex }\n"
    (agreement,), _ = check_text(SourceText(name="t.sla", text=text_of("probe.ok", rest)))
    plan = build_plan(agreement)
    start = plan.effective_start
    stream = StreamEvaluator(plan, start)
    told: list[tuple[int, bool | None]] = []

    def tell(events: list[Event]) -> None:
        told.extend(((e.at - start) // MINUTE, e.value) for e in events if isinstance(e, TriggerChanged))

    for at, ok in ((-1, False), (1, True)):
        tell(stream.observe(Observation(source="probe", at=start + at * MINUTE, fields={"ok": ok})))
    tell(stream.advance(start + 6 * MINUTE))
    assert told == [(0, False), (6, True)]
    tell(stream.observe(Observation(source="probe", at=start + 6 * MINUTE, fields={"ok": False})))
    tell(stream.advance(start + 7 * MINUTE))
    assert told == [(0, False), (6, True), (6, False)]


def test_a_failed_test_names_the_signal() -> None:
    """What `wsla test` shows of a window tells when the signal was false."""
    given = EXAMPLES["without any notice"][0]
    body = f'{HEAD}{NOTICES}\ntest "t" {{ {given} expect available met in 2026-03 }}\n'
    (agreement,), _ = check_text(SourceText(name="t.sla", text=body))
    result = run_example(agreement, agreement.examples[0])
    (failure,) = result.failures
    (ground,) = failure.evidence[0].grounds
    assert ground.bad == MINUTE
    assert [fact.name for fact in ground.items[0].facts] == ["probe.ok", "excused"]


ANNOUNCED = [
    # from its start on, up to its end; the row is known before
    ("", [(0, "a", 10, 20, True)], [(0, False), (10, True), (20, False)]),
    # entered when it had begun: from then on, and not backwards
    ("", [(15, "a", 10, 20, True)], [(0, False), (15, True), (20, False)]),
    ("", [(20, "a", 10, 20, True)], [(0, False)]),
    # a later version moves it, and another withdraws it
    ("", [(0, "a", 10, 20, True), (12, "a", 30, 40, True)],
     [(0, False), (10, True), (12, False), (30, True), (40, False)]),
    ("", [(0, "a", 10, 20, True), (12, "a", None, 20, True)], [(0, False), (10, True), (12, False)]),
    # an end that is not known, or that is not after the start, makes no time
    ("", [(0, "a", 10, None, True), (0, "b", 20, 20, True), (0, "c", 30, 25, True)], [(0, False)]),
    # two of them: the one that holds decides, and unknown goes before false
    ("", [(0, "a", 10, 20, True), (0, "b", 15, 30, True)], [(0, False), (10, True), (30, False)]),
    (" where notices.good", [(0, "a", 10, 20, None), (0, "b", 15, 30, True), (0, "c", 5, 40, False)],
     [(0, False), (10, None), (15, True), (30, False)]),
    # the length between two points in time, just long enough and a minute too short
    (" where notices.ends - notices.starts >= 10m", [(0, "a", 10, 20, True), (0, "b", 30, 39, True)],
     [(0, False), (10, True), (20, False)]),
]  # fmt: skip


@pytest.mark.parametrize(("where", "rows", "expected"), ANNOUNCED)
def test_announced_times_hold_from_when_they_are_known(
    where: str,
    rows: list[tuple[int, str, int | None, int | None, bool | None]],
    expected: list[tuple[int, bool | None]],
) -> None:
    """M49, at its boundaries and with versions of one record."""
    rest = f"  when active(notices.starts, notices.ends{where}) {{ notify globex }}\n"
    (agreement,), problems = check_text(SourceText(name="t.sla", text=text_of("probe.ok", rest)))
    assert [one for one in problems if one.code[0] == "E"] == []
    plan = build_plan(agreement)
    start = plan.effective_start

    def instant(minute: int | None) -> int | None:
        return None if minute is None else start + minute * MINUTE

    seen = [
        Observation(
            source="notices",
            at=start + at * MINUTE,
            fields={"key": key, "starts": instant(begin), "ends": instant(end), "good": good},
        )
        for at, key, begin, end, good in rows
    ]
    stream = StreamEvaluator(plan, start)
    stream.observe_all(seen)
    outcome = stream.outcome(start + HOUR)
    assert outcome == evaluate(plan, seen, start, start + HOUR)
    (changes,) = outcome.triggers.values()
    assert [((change.at - start) // MINUTE, change.value) for change in changes] == expected


def test_a_time_that_is_over_is_forgotten() -> None:
    """A monitor that runs for years keeps only the notices that may still hold."""
    rest = "  when active(notices.starts, notices.ends) { notify globex }\n"
    (agreement,), _ = check_text(SourceText(name="t.sla", text=text_of("probe.ok", rest)))
    plan = build_plan(agreement)
    start = plan.effective_start
    stream = StreamEvaluator(plan, start, live=True)
    sizes = []
    for number in range(200):
        at = start + number * HOUR
        fields = {"key": f"n{number}", "at": at, "starts": at, "ends": at + MINUTE}
        stream.observe(Observation(source="notices", at=at, fields=fields))
        stream.advance(at + HOUR)
        sizes.append(len(str(stream.snapshot())))
    assert max(sizes[100:]) <= max(sizes[:100]) + 100
