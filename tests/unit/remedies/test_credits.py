"""Credits, rounding and caps."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import evolve

from wsla.analysis.operations import Constant
from wsla.analysis.types import NumberType, Shape
from wsla.evaluation.verdicts import Judgement, Verdict
from wsla.plan.model import Cap, Plan
from wsla.remedies.decider import Decider
from wsla.remedies.decisions import Decision, LedgerEntry
from wsla.values.calendars import CalendarUnit, CalendarWindow, RollingWindow
from wsla.values.instants import DAY, HOUR
from wsla.values.quantities import money

Judge = Callable[..., Judgement]
YEAR = CalendarWindow(CalendarUnit.YEAR, zone="Europe/Berlin")


def booked(decisions: list[Decision]) -> list[tuple[str, str, str, Decimal]]:
    return [
        (entry.kind, entry.debtor, entry.creditor, entry.amount)
        for entry in decisions
        if isinstance(entry, LedgerEntry)
    ]


def with_limits(plan: Plan, *limits: tuple[Fraction, CalendarWindow]) -> Plan:
    constants = tuple(
        Constant(shape=Shape.SCALAR, type=NumberType(money("EUR")), value=limit) for limit, _ in limits
    )
    first = len(plan.operations)
    caps = tuple(
        Cap(name=f"cap {number}", creditor="globex", amount=first + number, window=window)
        for number, (_, window) in enumerate(limits)
    )
    return evolve(plan, operations=(*plan.operations, *constants), caps=caps)


def test_a_violation_is_credited_at_the_windows_end(plan: Plan, judge: Judge) -> None:
    judgement = judge(3)
    entry = Decider(plan).judged(judgement)[0]
    assert isinstance(entry, LedgerEntry)
    assert (entry.kind, entry.debtor, entry.creditor) == ("credit", "acme", "globex")
    assert (str(entry.amount), entry.currency, entry.at) == ("200.00", "EUR", judgement.window.end)
    assert (entry.cause, entry.memo) == ("available", "available violated in 2026-03")
    assert entry.id == "Search API Gold|v3|goal available|otherwise 1|2026-03-01T00:00:00+01:00||0"


@pytest.mark.parametrize(
    ("amount", "expected"), [("0.005", None), ("0.0051", "0.01"), ("0.015", "0.02"), ("0.025", "0.02")]
)
def test_amounts_are_rounded_half_even(plan: Plan, judge: Judge, amount: str, expected: str | None) -> None:
    found = [str(entry[-1]) for entry in booked(Decider(plan).judged(judge(3, amount=amount)))]
    assert found == ([] if expected is None else [expected])


@pytest.mark.parametrize("amount", [None, 0, -5])
def test_nothing_owed_books_nothing_but_is_told(plan: Plan, judge: Judge, amount: int | None) -> None:
    decisions = Decider(plan).judged(judge(3, amount=amount))
    assert booked(decisions) == []
    assert len(decisions) == 1


def test_a_scalar_amount_needs_no_entry_in_the_judgement(plan: Plan, judge: Judge) -> None:
    decisions = Decider(plan).judged(judge(3, Verdict.MET, amounts=()))
    assert booked(decisions) == [("reward", "globex", "acme", Decimal("500.00"))]


def test_a_credit_up_to_the_cap_is_left_whole(plan: Plan, judge: Judge) -> None:
    assert len(booked(Decider(plan).judged(judge(3, amount=2000)))) == 1


def test_the_excess_is_booked_back_beside_the_credit(plan: Plan, judge: Judge) -> None:
    decisions = Decider(plan).judged(judge(3, amount="2000.01"))
    assert booked(decisions) == [
        ("credit", "acme", "globex", Decimal("2000.01")),
        ("cap", "globex", "acme", Decimal("0.01")),
    ]
    cap = decisions[1]
    assert isinstance(cap, LedgerEntry)
    assert cap.memo == "above the cap of 2000.00 EUR in 2026-03: available violated in 2026-03"
    assert cap.id.endswith("||cap 1")


def test_credits_of_one_cap_window_add(plan: Plan, judge: Judge) -> None:
    decider = Decider(with_limits(plan, (Fraction(1000), YEAR)))
    assert len(booked(decider.judged(judge(3, amount=900)))) == 1
    assert booked(decider.judged(judge(4, amount=300)))[1] == ("cap", "globex", "acme", Decimal("200.00"))
    assert booked(decider.judged(judge(5, amount=300)))[1] == ("cap", "globex", "acme", Decimal("300.00"))


def test_a_new_cap_window_starts_from_nothing(plan: Plan, judge: Judge) -> None:
    decider = Decider(plan)
    for month in (3, 4):
        assert len(booked(decider.judged(judge(month, amount=2000)))) == 1


def test_several_caps_let_through_what_the_tightest_does(plan: Plan, judge: Judge) -> None:
    month = plan.goals[0].window
    assert isinstance(month, CalendarWindow)
    decider = Decider(with_limits(plan, (Fraction(500), month), (Fraction(800), YEAR)))
    assert [entry[-1] for entry in booked(decider.judged(judge(3, amount=600)))] == [600, 100]
    assert [entry[-1] for entry in booked(decider.judged(judge(4, amount=600)))] == [600, 100, 200]
    assert [entry[-1] for entry in booked(decider.judged(judge(5, amount=600)))] == [600, 100, 500]


def test_a_limit_between_minor_units_is_not_met_to_and_fro(plan: Plan, judge: Judge) -> None:
    decider = Decider(with_limits(plan, (Fraction("10.005"), YEAR)))
    kept = Decimal(0)
    for month in range(1, 8):
        for kind, _, _, amount in booked(decider.judged(judge(month, amount="3.33"))):
            kept += -amount if kind == "cap" else amount
    assert kept == Decimal("10.00")


def test_rewards_are_not_capped(plan: Plan, judge: Judge) -> None:
    tight = with_limits(plan, (Fraction(1), YEAR))
    tight = evolve(tight, caps=tuple(evolve(cap, creditor="acme") for cap in tight.caps))
    decisions = Decider(tight).judged(judge(3, Verdict.MET))
    assert booked(decisions) == [("reward", "globex", "acme", Decimal("500.00"))]


def test_a_cap_holds_for_its_own_creditor(plan: Plan, judge: Judge) -> None:
    tight = with_limits(plan, (Fraction(1), YEAR))
    tight = evolve(tight, caps=tuple(evolve(cap, creditor="acme") for cap in tight.caps))
    assert len(booked(Decider(tight).judged(judge(3)))) == 1


@pytest.mark.parametrize("limit", [0, -5])
def test_a_cap_of_nothing_takes_everything_back(plan: Plan, judge: Judge, limit: int) -> None:
    decisions = Decider(with_limits(plan, (Fraction(limit), YEAR))).judged(judge(3))
    assert [entry[-1] for entry in booked(decisions)] == [200, 200]


def test_a_cap_over_rolling_windows_is_refused(plan: Plan) -> None:
    (cap,) = plan.caps
    with pytest.raises(ValueError, match="rolling"):
        Decider(evolve(plan, caps=(evolve(cap, window=RollingWindow(DAY, HOUR)),)))


def test_a_currency_without_minor_unit_rounds_to_whole_units(plan: Plan, judge: Judge) -> None:
    operations = list(plan.operations)
    operations[3] = evolve(operations[3], type=NumberType(money("JPY")))
    yen = evolve(plan, operations=tuple(operations))
    decisions = Decider(yen).judged(judge(3, amount="2500.5"))
    entry = decisions[0]
    assert isinstance(entry, LedgerEntry)
    assert (str(entry.amount), entry.currency) == ("2500", "JPY")
    # The cap of 2000 is in EUR and says nothing of yen.
    assert len(booked(decisions)) == 1
