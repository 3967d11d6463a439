"""Cases on the boundary: what decides is a single nanosecond."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from wsla.testing.plans import BOOLEAN, PlanBuilder, observe
from wsla.testing.strategies import Case
from wsla.values.calendars import ExactWindow
from wsla.values.instants import DAY, MINUTE


@st.composite
def boundary_cases(draw: DrawFn) -> tuple[Case, str, int]:
    """A window, a target, and an outage as long as the budget or a nanosecond longer or shorter."""
    share = draw(st.sampled_from(("9/10", "99/100", "999/1000", "9999/10000", "2/3", "1/7", "99999/100000")))
    target = Fraction(share)
    length = draw(st.sampled_from((MINUTE, 30 * DAY, 365 * DAY, 366 * DAY)))
    # The target's budget must be whole nanoseconds for the boundary to be reached.
    length -= length % target.denominator
    beside = draw(st.sampled_from((-1, 0, 1)))
    outage = int((1 - target) * length) + beside
    first = draw(st.integers(0, 1000)) * (length - outage) // 1000
    operator = draw(st.sampled_from((">=", ">")))
    build = PlanBuilder(start=0, end=length)
    build.samples("probe", {"ok": BOOLEAN})
    value = build.aggregate("availability", build.field("probe", "ok"), ExactWindow(length))
    build.goal("up", build.compare(value, operator, build.constant(target)), ExactWindow(length), value=value)
    up, down = {"ok": True}, {"ok": False}
    edges = {0: up, first: down, first + outage: up}
    seen = tuple(observe("probe", at, **fields) for at, fields in sorted(edges.items()))
    return Case(plan=build.build(), observations=seen, start=0, until=length), operator, beside
