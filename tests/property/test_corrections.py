"""Laws of corrections (M96 to M98): the ledger ends where it would have been, old entries stand, and twice is once."""

from __future__ import annotations

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsla.evaluation.verdicts import Judgement
from wsla.remedies.corrections import Correction, correct
from wsla.remedies.decider import decide
from wsla.remedies.decisions import LedgerEntry
from wsla.remedies.ledger import balances
from wsla.testing.engines import by_stream
from wsla.testing.strategies import Case, cases

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=60)


def judged_and_booked(case: Case) -> tuple[list[Judgement], list[LedgerEntry]]:
    outcome = by_stream(case.plan, case.observations, case.start, case.until)
    entries = [one for one in decide(case.plan, outcome) if isinstance(one, LedgerEntry)]
    return [one for one in outcome.judgements if one.final], entries


@QUICK
@given(cases(), st.data())
def test_after_a_correction_the_same_is_owed_as_if_nothing_had_been_late(
    case: Case, data: st.DataObject
) -> None:
    count = len(case.observations)
    late = data.draw(st.frozensets(st.integers(0, max(count - 1, 0)), max_size=count))
    in_time = tuple(one for number, one in enumerate(case.observations) if number not in late)
    said, booked = judged_and_booked(evolve(case, observations=in_time))
    found, owed = judged_and_booked(case)
    at = case.until + case.plan.grace
    correction: Correction = correct(case.plan, said, found, booked, at)
    together = [*booked, *correction.entries]
    reached = {
        goal: max(one.window.end for one in said if one.goal == goal) for goal in {x.goal for x in said}
    }
    again = [one for one in found if one.window.end <= reached.get(one.goal, one.window.start)]
    if len(again) == len(found):
        assert balances(together) == balances(owed)
    assert all(one.at == at and one.amount > 0 for one in correction.entries)
    assert len({one.id for one in together}) == len(together)
    # The verdicts that stand now are those found, and judging once more says nothing new.
    standing = [*said, *(pair.after for pair in correction.changed if pair.after is not None)]
    once_more = correct(case.plan, standing, found, together, at + 1)
    assert not once_more.entries
    assert not [pair for pair in once_more.changed if pair.after is not None]
    assert not once_more.intents


@QUICK
@given(cases())
def test_where_nothing_was_late_nothing_is_corrected(case: Case) -> None:
    said, booked = judged_and_booked(case)
    assert correct(case.plan, said, said, booked, case.until + case.plan.grace) == Correction(
        at=case.until + case.plan.grace
    )
