"""Property: both engines agree on outages (M59) beside everything else that a condition or a function can be."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wsla
from wsla.evaluation.reference import evaluate
from wsla.evaluation.stream import StreamEvaluator

MINUTE = 60_000_000_000
TEXT = """\
agreement "Outages" version {version} {{
  effective 2026-01-01 until 2026-01-03
  currency EUR
  party acme provider
  party globex consumer
  source probe = push every 10m {{ ok ok  planned planned }}
  source regional = push {{ holds until next  label region  ok ok }}
  source notices = records push {{ key number  at starts  starts starts  ends ends }}
  {body}
}}
"""
BODIES = {
    "labels": "metric m = downtime(regional.ok) per outage by region "
    " metric n = count(m where m > 10m) each 1h by region",
    "another's outages": "metric m = downtime(regional.ok) by region per outage of probe.ok",
    "joined": "metric m = downtime(regional.ok) by region per outage of probe.ok "
    " metric n = max(m across region)",
    "where": "metric m = availability(regional.ok where not probe.planned) by region per outage of probe.ok",
    "forgiving": "metric m = outages(regional.ok, forgiving outages under 5m) by region per outage of probe.ok",
    "previous": "metric m = downtime(probe.ok) per outage  metric n = m - previous(m)",
    "debounced": "metric m = downtime(probe.ok) per outage of debounced(probe.ok, 5m)",
    "sustained": "metric m = downtime(probe.ok) per outage of (not sustained(not probe.ok, 10m))",
    "limited": "metric m = downtime(probe.ok) per outage of (probe.ok or limited(probe.planned, 30m) each day)",
    "announced": "metric m = count(notices) per outage of (probe.ok or active(notices.starts, notices.ends))",
    "joined condition": "metric m = downtime(probe.ok) per outage of (count(regional.ok across region) >= 1)",
}


def instants(most: int) -> st.SearchStrategy[int]:
    return st.integers(-6, most).map(lambda step: step * 5 * MINUTE)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=15)
@given(data=st.data())
def test_both_engines_agree(body: str, data: st.DataObject) -> None:
    """M59 with M7, M46 to M50, M52, M58, M60, M61 and M69."""
    goal = (
        "" if " by region" in body else "goal g: acme guarantees m <= 15m { otherwise credit globex 5 EUR }"
    )
    goal = goal if "downtime" in body else ""
    text = wsla.loads(TEXT.format(version=1, body=f"{body}  {goal}"))
    zero = text.plan.effective_start
    truth = st.sampled_from([True, False, False, None])
    fields = {
        "probe": st.fixed_dictionaries({"ok": truth, "planned": truth}),
        "regional": st.fixed_dictionaries({"region": st.sampled_from(["eu", "us"]), "ok": truth}),
        "notices": st.fixed_dictionaries(
            {
                "number": st.sampled_from(["1", "2"]),
                "starts": instants(40).map(lambda at: zero + at),
                "ends": instants(40).map(lambda at: zero + at),
            }
        ),
    }
    one = st.sampled_from(sorted(fields)).flatmap(
        lambda source: st.builds(
            lambda at, values: wsla.Observation(source=source, at=zero + at, fields=values),
            instants(40),
            fields[source],
        )
    )
    rows = sorted(data.draw(st.lists(one, max_size=25)), key=lambda row: row.at)
    until = zero + data.draw(instants(60)) + 6 * 5 * MINUTE
    start = data.draw(st.sampled_from([zero, zero + 37 * MINUTE]))
    until = max(start + 1, until)
    plan = text.plan
    if data.draw(st.booleans()):
        # M69: as a version that amends another.
        plan = evolve(plan, judges_from=zero)
    evaluator = StreamEvaluator(plan, start)
    for number, row in enumerate(rows):
        evaluator.observe(row)
        if number == len(rows) // 2:
            evaluator = StreamEvaluator.restore(plan, evaluator.snapshot())
    expected, found = evaluate(plan, rows, start, until), evaluator.outcome(until)
    assert found.metrics == expected.metrics
    assert found == expected
