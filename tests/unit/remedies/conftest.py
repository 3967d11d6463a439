"""A small agreement in the form of a plan, with what each test changes in it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from attrs import evolve

from wsla.analysis.operations import Aggregate, Compare, Constant, Latest, TimeFilter
from wsla.analysis.types import BooleanType, NumberType, Shape
from wsla.evaluation.report import TruthChange
from wsla.evaluation.verdicts import Judgement, Verdict
from wsla.plan.model import Budget, Cap, Credit, Goal, Grant, Notify, Party, Plan, Rule, Step, Target
from wsla.values.calendars import CalendarUnit, CalendarWindow
from wsla.values.instants import HOUR, MINUTE, parse_instant
from wsla.values.quantities import money

ZONE = "Europe/Berlin"
MONTH = CalendarWindow(CalendarUnit.MONTH, zone=ZONE)
EUR = NumberType(money("EUR"))
SHARE = NumberType(share=True)
# Positions of the operations below.
CONDITION, UPTIME, TIERED, FLAT, TRIGGER, LIMIT = 2, 0, 3, 4, 5, 6

OPERATIONS = (
    Aggregate(
        shape=Shape.SERIES,
        type=SHARE,
        function="availability",
        source=None,
        argument=None,
        where=None,
        parameter=None,
        window=MONTH,
        filter=TimeFilter(),
        by=(),
    ),
    Constant(shape=Shape.SCALAR, type=SHARE, value=Fraction(999, 1000)),
    Compare(shape=Shape.SERIES, type=BooleanType(), operator=">=", left=0, right=1),
    Latest(shape=Shape.SERIES, type=EUR, operand=0),
    Constant(shape=Shape.SCALAR, type=EUR, value=Fraction(500)),
    Latest(shape=Shape.SIGNAL, type=BooleanType(), operand=2),
    Constant(shape=Shape.SCALAR, type=EUR, value=Fraction(2000)),
)

NOTIFY_BOTH = Notify(verb="notify", targets=(Target(party="acme"), Target(party="globex")))
CREDIT = Credit(creditor="globex", debtor="acme", amount=TIERED)
AVAILABLE = Goal(
    name="available",
    party="acme",
    condition=CONDITION,
    value=UPTIME,
    provided=None,
    window=MONTH,
    by=(),
    budget=Budget(aggregate=UPTIME, target=Fraction(999, 1000), time=True),
    otherwise=(CREDIT, NOTIFY_BOTH),
    rewarding=(Credit(creditor="acme", debtor="globex", amount=FLAT),),
    text="uptime >= 99.9%",
)
DOWN = Rule(
    name="rule 1",
    trigger=TRIGGER,
    by=(),
    holding_for=3 * MINUTE,
    actions=(Notify(verb="notify", targets=(Target(party="acme", channel="oncall"),)),),
    repeat_every=30 * MINUTE,
    steps=(
        Step(
            delay=2 * HOUR,
            actions=(Notify(verb="escalate", targets=(Target(party="acme", channel="manager"),)),),
        ),
    ),
    on_recovery=(NOTIFY_BOTH,),
    text="not up for 3m",
)
RIGHT = Rule(
    name="rule 2",
    trigger=TRIGGER,
    by=(),
    holding_for=0,
    actions=(Grant(party="globex", right="termination for cause"),),
    text="available violated in 3 of last 6 months",
)
PLAN = Plan(
    title="Search API Gold",
    version=3,
    kind="customer",
    zone=ZONE,
    currency="EUR",
    effective_start=parse_instant("2026-01-01T00:00:00+01:00"),
    effective_end=parse_instant("2027-01-01T00:00:00+01:00"),
    grace=10 * MINUTE,
    parties=(
        Party(name="acme", title="Acme Cloud GmbH", roles=("provider",), channels=()),
        Party(name="globex", title="Globex AG", roles=("consumer",), channels=()),
    ),
    services=(),
    schedules=(),
    sources=(),
    operations=OPERATIONS,
    metrics={},
    goals=(AVAILABLE,),
    rules=(DOWN, RIGHT),
    caps=(Cap(name="cap 1", creditor="globex", amount=LIMIT, window=MONTH),),
)


@pytest.fixture
def plan() -> Plan:
    """The whole small agreement: goal ``available``, rules ``rule 1`` and ``rule 2``, a cap of 2000 EUR a month."""
    return PLAN


@pytest.fixture
def judge() -> Callable[..., Judgement]:
    """Makes a final verdict on a month of 2026: ``judge(3, amount=200)``."""

    def make(
        month: int, verdict: Verdict = Verdict.VIOLATED, amount: object = 200, **other: Any
    ) -> Judgement:
        from wsla.values.calendars import window_containing

        window = window_containing(MONTH, parse_instant(f"2026-{month:02d}-15T00:00:00Z"))
        value = Fraction(998, 1000)
        plain = Judgement(
            goal="available",
            labels=(),
            window=window,
            verdict=verdict,
            value=value,
            lower=value,
            upper=value,
            coverage=Fraction(1),
            amounts=((TIERED, None if amount is None else Fraction(str(amount))),),
        )
        return evolve(plain, **other)

    return make


@pytest.fixture
def change() -> Callable[..., TruthChange]:
    """Makes a change of a trigger: ``change(at, True)``."""

    def make(at: int, value: bool | None, labels: tuple[tuple[str, str], ...] = ()) -> TruthChange:
        return TruthChange(at=at, labels=labels, value=value)

    return make
