"""Claims as a machine of states (M66): what is final stays, and nothing counts twice."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from wsla.remedies.claims import (
    ClaimEvent,
    ClaimRefused,
    Claims,
    ClaimState,
    ClaimStep,
    credit_of,
    in_time,
)
from wsla.remedies.decisions import LedgerEntry
from wsla.remedies.ledger import balances
from wsla.values.instants import Interval

DEADLINE = 30
CLAIM, ISSUE, REFUSE = ClaimStep.CLAIMED, ClaimStep.ISSUED, ClaimStep.REFUSED
FINAL = {ClaimState.ISSUED, ClaimState.REFUSED, ClaimState.EXPIRED}


def booked(name: str = "a|0", kind: str = "credit", claim_until: int | None = DEADLINE) -> LedgerEntry:
    turned = kind in ("cap", "refund")
    return LedgerEntry(
        id=name,
        kind=kind,
        debtor="shop" if turned else "host",
        creditor="host" if turned else "shop",
        amount=Decimal("10.00"),
        currency="EUR",
        at=20,
        cause="uptime",
        labels=(),
        window=Interval(10, 20),
        memo="missed",
        state="due" if claim_until is None else "accrued",
        claim_until=claim_until,
    )


def take(claims: Claims, step: ClaimStep, at: int, entry: LedgerEntry | None = None) -> ClaimEvent:
    return claims.take(entry or booked(), step, at, None, "UTC")


@pytest.mark.parametrize(
    ("steps", "at", "state"),
    [
        ([], 20, ClaimState.ACCRUED),
        ([], 29, ClaimState.ACCRUED),
        ([], 30, ClaimState.EXPIRED),
        ([(CLAIM, 29)], 28, ClaimState.ACCRUED),
        ([(CLAIM, 29)], 29, ClaimState.CLAIMED),
        ([(CLAIM, 29)], 99, ClaimState.CLAIMED),
        ([(CLAIM, 10), (ISSUE, 40)], 39, ClaimState.CLAIMED),
        ([(CLAIM, 10), (ISSUE, 40)], 40, ClaimState.ISSUED),
        ([(CLAIM, 25), (REFUSE, 25)], 25, ClaimState.REFUSED),
    ],
)
def test_the_state_at_an_instant(steps: list[tuple[ClaimStep, int]], at: int, state: ClaimState) -> None:
    """M66."""
    claims = Claims()
    for step, when in steps:
        take(claims, step, when)
    assert claims.state(booked(), at) is state


def test_what_needs_no_claim_is_due_and_takes_no_step() -> None:
    """M66."""
    entry = booked(claim_until=None)
    assert Claims().state(entry, 1000) is ClaimState.DUE
    for step in ClaimStep:
        with pytest.raises(ClaimRefused, match="needs no claim"):
            take(Claims(), step, 20, entry)


@pytest.mark.parametrize(
    ("before", "step", "at", "words"),
    [
        ([], CLAIM, 30, "had to be claimed before 1970-01-01T00:00:00.00000003"),
        ([], CLAIM, 9, "is for time that began at"),
        ([], ISSUE, 25, "was not claimed"),
        ([], REFUSE, 25, "was not claimed"),
        ([(CLAIM, 25)], CLAIM, 26, "was claimed at"),
        ([(CLAIM, 25)], ISSUE, 24, "which is later"),
        ([(CLAIM, 25), (ISSUE, 25)], CLAIM, 26, "was issued at"),
        ([(CLAIM, 25), (ISSUE, 25)], REFUSE, 26, "was issued at"),
        ([(CLAIM, 25), (REFUSE, 25)], ISSUE, 26, "was refused at"),
    ],
)
def test_steps_that_are_refused(
    before: list[tuple[ClaimStep, int]], step: ClaimStep, at: int, words: str
) -> None:
    claims = Claims()
    for taken, when in before:
        take(claims, taken, when)
    with pytest.raises(ClaimRefused, match=words):
        take(claims, step, at)


def test_a_claim_is_in_time_from_the_windows_start_up_to_the_deadline() -> None:
    """M45, M66: the same rule holds for `claimed at` in an example."""
    assert [in_time(booked(), at) for at in (9, 10, 29, 30)] == [False, True, True, False]
    assert in_time(booked(claim_until=None), 99)


def test_what_caps_and_refunds_take_back_goes_with_its_credit() -> None:
    """M66."""
    credit, cap, refund = booked(), booked("a|cap 1", "cap"), booked("a|refund 1", "refund")
    other = evolve(cap, id="b|cap 1")
    assert [credit_of(one) for one in (credit, cap, refund, other)] == ["a|0", "a|0", "a|0", "b|0"]
    claims = Claims()
    take(claims, CLAIM, 29)
    states = [claims.state(one, 35) for one in (credit, cap, refund, other)]
    assert states == [*[ClaimState.CLAIMED] * 3, ClaimState.EXPIRED]
    with pytest.raises(ClaimRefused, match=r"goes with the credit a\|0"):
        take(claims, ISSUE, 36, cap)


commands = st.lists(st.tuples(st.sampled_from(ClaimStep), st.integers(5, 45)), max_size=8)


@given(commands)
def test_no_commands_lead_out_of_a_final_state(tried: list[tuple[ClaimStep, int]]) -> None:
    """M66: commands in the order of time, as a clock would have them."""
    claims, entry, events = Claims(), booked(), []
    for step, at in sorted(tried, key=lambda one: one[1]):
        before = claims.state(entry, at)
        try:
            events.append(take(claims, step, at))
        except ClaimRefused:
            assert claims.state(entry, at) is before
        else:
            assert before not in FINAL
            assert claims.state(entry, at) is not before
    states = [Claims(events).state(entry, at) for at in range(60)]
    for first, second in pairwise(states):
        assert first is second or first not in FINAL
    order = [event.step for event in events]
    assert order in ([], [CLAIM], [CLAIM, ISSUE], [CLAIM, REFUSE])


@given(commands, st.integers(0, 60))
def test_commands_in_any_order_never_undo_what_is_settled(
    tried: list[tuple[ClaimStep, int]], at: int
) -> None:
    """M66: also where steps are noted later than they were taken."""
    claims, settled = Claims(), None
    for step, when in tried:
        try:
            event = take(claims, step, when)
        except ClaimRefused:
            continue
        assert settled is None
        settled = event if step is not CLAIM else None
    entry, cap = booked(), evolve(booked("a|cap 1", "cap"), amount=Decimal("4.00"))
    owed = balances(claims.counted((entry, cap, entry), at))
    state = claims.state(entry, at)
    assert claims.state(cap, at) is state
    assert [one.amount for one in owed] == ([Decimal("6.00")] if state.counts else [])
