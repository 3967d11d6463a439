"""Tables with lines of two comparisons, and ties: both engines choose the line that the rule says (M8)."""

from __future__ import annotations

from fractions import Fraction
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from wsla.analysis.check import check_text
from wsla.diagnostics.source import SourceText
from wsla.evaluation.reference import evaluate
from wsla.evaluation.stream import StreamEvaluator
from wsla.plan.build import build_plan
from wsla.plan.model import Plan
from wsla.values.instants import DAY, MINUTE, parse_instant
from wsla.values.observations import Observation

START = parse_instant("2026-01-01T00:00Z")
TEXT = """agreement "Tables" version 1 {{
  effective 2026-01-01 until 2026-01-04 in "UTC"
  currency EUR
  party a "A" provider
  party b "B" consumer
  source probe = push every 1m
  metric mean_load = mean(probe.load) each day
  metric level = {table}
  metric instant = by probe.load {lines}
  metric levels = max(instant) each day
  goal low: a guarantees level <= 1 {{ otherwise notify b }}
}}
"""
SIGNS = {
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}


def plan_of(lines: str) -> Plan | None:
    text = TEXT.format(table=f"by mean_load {lines}", lines=lines)
    # A table with gaps and overlaps is refused, and has a meaning nevertheless.
    with patch("wsla.analysis.check.check_meaning"):
        checked, problems = check_text(SourceText(name="t.sla", text=text))
    if not checked:
        assert {one.code for one in problems if one.code[0] == "E"} == {"E0409"}
        return None
    return build_plan(checked[0])


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[tuple[list[tuple[str, int]], int]], bool]:
    rows = []
    for number in range(draw(st.integers(1, 4))):
        bounds = draw(st.lists(st.sampled_from((1, 2, 3, 4)), min_size=1, max_size=2))
        rows.append(([(draw(st.sampled_from(tuple(SIGNS))), bound) for bound in bounds], number))
    return rows, draw(st.booleans())


@settings(deadline=None, max_examples=80)
@given(tables(), st.sampled_from([Fraction(part, 2) for part in range(11)]))
def test_the_first_line_whose_comparisons_all_hold_stands(
    drawn: tuple[list[tuple[list[tuple[str, int]], int]], bool], load: Fraction
) -> None:
    rows, with_else = drawn
    lines = [" and ".join(f"{sign} {bound}" for sign, bound in asked) + f": {value}" for asked, value in rows]
    plan = plan_of("{ " + "  ".join([*lines, *(["else: 9"] if with_else else [])]) + " }")
    if plan is None:
        return
    expected = next(
        (value for asked, value in rows if all(SIGNS[sign](load, bound) for sign, bound in asked)),
        9 if with_else else None,
    )
    observed = [
        Observation(source="probe", at=START + minute * MINUTE, fields={"load": int(load * 1_000_000)})
        for minute in range(3)
    ]
    outcome = evaluate(plan, observed, START, START + DAY)
    streaming = StreamEvaluator(plan, START)
    for one in observed:
        streaming.observe(one)
    assert streaming.outcome(START + DAY) == outcome
    for name in ("level", "levels"):
        (point,) = outcome.metrics[name]
        assert point.value.value == expected
