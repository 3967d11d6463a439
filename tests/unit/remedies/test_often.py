"""A rule that tells of so many episodes at most (rule M103): A6, A8."""

from __future__ import annotations

import json

from attrs import evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from wsla.api import Agreement, judge, loads
from wsla.evaluation.report import TruthChange
from wsla.plan.model import Often
from wsla.remedies.decider import Decider
from wsla.remedies.decisions import Decision, Intent, LedgerEntry
from wsla.values.instants import HOUR, MINUTE, SECOND
from wsla.values.observations import Observation

TEXT = """\
agreement "Flapping" version 1 {
  effective 2026-01-01 in "UTC"
  currency EUR
  party host "Host" provider { email "ops@host.example" }
  party shop "Shop" consumer { email "it@shop.example" }
  source probe = http "https://host.example/health" every 6s timeout 1s
  metric uptime = availability(probe.ok) each 1h
  goal available: host guarantees uptime >= 90% { otherwise credit shop 5 EUR }
  when not probe.ok OFTEN {
    notify host
    credit shop 1 EUR
    repeat every 20m
    after 30m: escalate shop
    on recovery: notify host
  }
}
"""


def agreement(often: str) -> Agreement:
    return loads(TEXT.replace("OFTEN", often), "flapping.sla")


DAMPED = agreement("at most 3 each 1h")
PLAN, START = DAMPED.plan, DAMPED.instant("2026-03-04")
RULE = PLAN.rules[0].name


def run(changes: list[tuple[int, bool | None]], until: int, plan: object = PLAN) -> list[Decision]:
    decider = Decider(plan)  # type: ignore[arg-type]
    decisions: list[Decision] = []
    for at, value in changes:
        decisions += decider.changed(RULE, TruthChange(at=START + at, labels=(), value=value))
    return decisions + decider.advance(START + until)


def said(decisions: list[Decision], *, held: bool = False) -> list[tuple[str, int]]:
    """The step and minute of each message that is sent, or held back."""
    return [
        (one.id.split("|")[3].partition(" action")[0], (one.at - START) // MINUTE)
        for one in decisions
        if isinstance(one, Intent) and one.held == held
    ]


def flaps(*minutes: int, length: int = 1) -> list[tuple[int, bool | None]]:
    return [
        (at * MINUTE, value) for start in minutes for at, value in ((start, True), (start + length, False))
    ]


def test_a_hundred_flaps_in_an_hour() -> None:
    """A6: told of so many as agreed, all of them in the record, and what is owed does not depend on it."""
    observed = [
        Observation(source="probe", at=START + at, fields={"ok": at // (18 * SECOND) % 2 == 0})
        for at in range(0, HOUR + 6 * SECOND, 6 * SECOND)
    ]
    every, damped = (judge(one, observed, START, START + 2 * HOUR) for one in (agreement(""), DAMPED))
    fired = [one for one in damped.decisions if isinstance(one, Intent) and "|fired 1" in one.id]
    assert len(fired) == 100
    assert sum(not one.held for one in fired) == 3
    assert len(damped.intents) == 6
    assert damped.entries == every.entries
    assert len(damped.entries) == 101
    assert [one.verdict for one in damped.judgements] == [one.verdict for one in every.judgements]


def test_what_is_over_within_the_delay_is_in_the_record_and_counted_in_the_next_notice() -> None:
    """A8."""
    decisions = run(flaps(0, 2, 4, 6, 8, 70), 2 * 60 * MINUTE)
    sent = [
        ("fired 1", 0),
        ("recovery 1", 1),
        ("fired 1", 2),
        ("recovery 1", 3),
        ("fired 1", 4),
        ("recovery 1", 5),
    ]
    assert said(decisions) == [*sent, ("fired 1", 70), ("recovery 1", 71)]
    held = [("fired 1 held back", 6), ("recovery 1 held back", 7)]
    assert said(decisions, held=True) == [*held, ("fired 1 held back", 8), ("recovery 1 held back", 9)]
    texts = [one.text for one in decisions if isinstance(one, Intent) and "|fired 1|" in one.id]
    assert "2 episodes before were over without being told: at most 3 each 1h." in texts[-1]
    assert not any("without being told" in text for text in texts[:-1])


def test_what_lasts_is_told_as_soon_as_one_may_be() -> None:
    decisions = run([*flaps(0, 2, 4), (6 * MINUTE, True)], 80 * MINUTE)
    assert said(decisions)[6:] == [("fired 1", 60), ("after 1", 60), ("repeat 3", 66)]
    assert said(decisions, held=True) == [
        ("fired 1 held back", 6),
        ("repeat 1", 26),
        ("after 1", 36),
        ("repeat 2", 46),
    ]
    text = next(one.text for one in decisions if isinstance(one, Intent) and one.at == START + 60 * MINUTE)
    assert "It has held for 54m, and was not told of before: at most 3 each 1h." in text


def test_it_ends_at_the_very_instant_at_which_it_may_be_told() -> None:
    """Timers act before a change at their instant (M26)."""
    changes = [*flaps(0, 2, 4), (6 * MINUTE, True)]
    assert ("fired 1", 60) in said(run([*changes, (60 * MINUTE, False)], 80 * MINUTE))
    assert ("fired 1", 60) not in said(run([*changes, (60 * MINUTE - 1, False)], 80 * MINUTE))


def test_the_stretch_is_half_open() -> None:
    for at, told in ((HOUR, True), (HOUR - 1, False)):
        decisions = run([*flaps(0, 2, 4), (at, True), (at, False)], HOUR)
        assert (len([one for one in said(decisions) if one[0] == "fired 1"]) == 4) == told


def test_money_and_rights_do_not_wait() -> None:
    free = evolve(PLAN, rules=(evolve(PLAN.rules[0], often=None),))
    changes = [*flaps(0, 2, 4, 6), (10 * MINUTE, True)]
    booked = [
        [one for one in run(changes, 90 * MINUTE, plan) if isinstance(one, LedgerEntry)]
        for plan in (PLAN, free)
    ]
    assert booked[0] == booked[1] != []


def test_labels_are_counted_on_their_own() -> None:
    decider = Decider(PLAN)
    found: list[Decision] = []
    for region in ("eu", "us"):
        for at, value in flaps(0, 2, 4, 6):
            labels = (("region", region),)
            found += decider.changed(RULE, TruthChange(at=START + at, labels=labels, value=value))
    fired = [one for one in found if isinstance(one, Intent) and "|fired 1" in one.id]
    assert sum(not one.held for one in fired) == 6


# --- the rule, said once more and plainly


@frozen
class Episode:
    """From firing to the known end."""

    fired: int
    over: int | None


def episodes(changes: list[tuple[int, bool | None]]) -> list[Episode]:
    found: list[Episode] = []
    since: int | None = None
    for at, value in changes:
        if value is True and since is None:
            since = at
        elif value is False and since is not None:
            found.append(Episode(since, at))
            since = None
    return found if since is None else [*found, Episode(since, None)]


def beginnings(all_of: list[Episode], often: Often, until: int) -> list[tuple[int, Episode]]:
    """When each episode begins to be told, as rule M103 says; those that never are left out."""
    told: list[tuple[int, Episode]] = []
    for one in all_of:
        recent = [at for at, _ in told][-often.count :]
        at = one.fired if len(recent) < often.count else max(one.fired, recent[0] + often.length)
        if at <= until and (one.over is None or at <= one.over):
            told.append((at, one))
    return told


values = st.sampled_from([True, True, False, False, None])


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.integers(0, 200), values, max_size=60),
    st.integers(1, 4),
    st.integers(1, 90),
    st.booleans(),
)
def test_told_and_held_are_as_the_rule_says(
    found: dict[int, bool | None], count: int, minutes: int, restarted: bool
) -> None:
    """M103: episodes are told from when they may be; no stretch holds more; each is in the record once."""
    often = Often(count=count, length=minutes * MINUTE)
    plan = evolve(PLAN, rules=(evolve(PLAN.rules[0], often=often, repeat_every=None, steps=()),))
    changes = [(at * MINUTE, value) for at, value in sorted(found.items())]
    until = 260 * MINUTE
    decider = Decider(plan)
    decisions: list[Decision] = []
    for at, value in changes:
        decisions += decider.changed(RULE, TruthChange(at=START + at, labels=(), value=value))
        if restarted:
            decider = Decider.restore(plan, json.loads(json.dumps(decider.snapshot())))
    decisions += decider.advance(START + until)
    all_of = episodes(changes)
    expected = beginnings(all_of, often, until)
    intents = [one for one in decisions if isinstance(one, Intent)]
    fired = [one.at - START for one in intents if "|fired 1|" in one.id]
    assert fired == [at for at, _ in expected]
    for at in fired:
        assert sum(at - often.length < other <= at for other in fired) <= count
    recovered = [one.at - START for one in intents if "|recovery 1|" in one.id]
    assert recovered == sorted(one.over for _, one in expected if one.over is not None)
    at_once = {one.fired for at, one in expected if at == one.fired}
    held = [one.at - START for one in intents if "|fired 1 held back|" in one.id]
    assert held == [one.fired for one in all_of if one.fired not in at_once]
    assert len({one.id for one in decisions}) == len(decisions)


def test_snapshots_of_earlier_releases_are_read() -> None:
    decider = Decider(PLAN)
    decider.changed(RULE, TruthChange(at=START, labels=(), value=True))
    snapshot = json.loads(json.dumps(decider.snapshot()))
    snapshot["rules"] = [row[:7] for row in snapshot["rules"]]
    restored = Decider.restore(PLAN, snapshot)
    assert [
        one.at - START
        for one in restored.changed(RULE, TruthChange(at=START + MINUTE, labels=(), value=False))
        if isinstance(one, Intent)
    ] == [MINUTE]


def test_the_next_step_comes_at_its_own_instant_across_a_restart_and_a_change_of_clocks() -> None:
    """A11: six hours are six hours, in the night in which one of them is left out, and wherever the daemon was."""
    berlin = loads(
        TEXT.replace("OFTEN", "")
        .replace('in "UTC"', 'in "Europe/Berlin"')
        .replace("after 30m: escalate shop", "after 6h: escalate shop")
        .replace("repeat every 20m", "")
    )
    began = berlin.instant("2026-03-28T23:00")
    decider = Decider(berlin.plan)
    decided = decider.changed(RULE, TruthChange(at=began, labels=(), value=True))
    assert said(decided)[0][0] == "fired 1"
    found: list[Intent] = []
    for hours in (1, 3, 8):
        decider = Decider.restore(berlin.plan, json.loads(json.dumps(decider.snapshot())))
        assert decider.next_due() == (began + 6 * HOUR if hours <= 6 or not found else None)
        found += [one for one in decider.advance(began + hours * HOUR) if isinstance(one, Intent)]
    (escalated,) = found
    assert escalated.at == began + 6 * HOUR == berlin.instant("2026-03-29T06:00")
