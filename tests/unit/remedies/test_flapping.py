"""A6: a trigger that flaps is told as rarely as the agreement says, and what is owed does not depend on it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from wsla.api import judge, loads
from wsla.evaluation.report import TruthChange
from wsla.evaluation.verdicts import Verdict
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
  when not probe.ok FOR {
    notify host
    on recovery: notify host
  }
}
"""
FOR = 5 * MINUTE
DAMPED = loads(TEXT.replace("FOR", "for 5m"), "flapping.sla")
PLAN, START = DAMPED.plan, DAMPED.instant("2026-03-04")


def observations() -> list[Observation]:
    """For an hour 18 s up and 18 s down: a hundred times."""
    return [
        Observation(source="probe", at=START + at, fields={"ok": at // (18 * SECOND) % 2 == 0})
        for at in range(0, HOUR + 6 * SECOND, 6 * SECOND)
    ]


def decided(damping: str) -> tuple[list[Intent], list[LedgerEntry], list[Verdict]]:
    agreement = loads(TEXT.replace("FOR", damping), "flapping.sla")
    report = judge(agreement, observations(), START, START + 2 * HOUR)
    intents = [one for one in report.decisions if isinstance(one, Intent)]
    entries = [one for one in report.decisions if isinstance(one, LedgerEntry)]
    return intents, entries, [one.verdict for one in report.judgements]


def test_a_hundred_flaps_in_an_hour() -> None:
    """M26."""
    every, damped = decided(""), decided("for 5m")
    assert sum("|fired 1|" in one.id for one in every[0]) == 100
    assert damped[0] == []
    # The credit follows from the verdict, whatever was told.
    assert every[1:] == damped[1:]
    assert [(one.kind, str(one.amount)) for one in damped[1]] == [("credit", "5.00")]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 59), st.sampled_from([True, False, None])),
        max_size=120,
    )
)
def test_no_more_is_told_than_fits_in_the_time(found: list[tuple[int, int, bool | None]]) -> None:
    """M26: each episode needs its ``for`` first, and is told and ended once."""
    decider = Decider(PLAN)
    changes = sorted({(minute * MINUTE + second * SECOND): value for minute, second, value in found}.items())
    decisions: list[Decision] = []
    for at, value in changes:
        decisions += decider.changed(PLAN.rules[0].name, TruthChange(at=START + at, labels=(), value=value))
    last = changes[-1][0] if changes else 0
    steps = [one.id.split("|")[3] for one in decisions if isinstance(one, Intent)]
    assert steps.count("fired 1") <= last // FOR
    assert 0 <= steps.count("fired 1") - steps.count("recovery 1") <= 1
    assert steps == ["fired 1", "recovery 1"] * (len(steps) // 2) + ["fired 1"] * (len(steps) % 2)
