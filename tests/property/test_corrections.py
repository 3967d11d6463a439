"""Laws of corrections (M96 to M98): the ledger ends where it would have been, old entries stand, and twice is once."""

from __future__ import annotations

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsla.evaluation.verdicts import Judgement
from wsla.remedies.corrections import Correction, correct, standing_of
from wsla.remedies.decider import decide
from wsla.remedies.decisions import LedgerEntry
from wsla.remedies.ledger import balances
from wsla.testing.engines import by_stream
from wsla.testing.strategies import Case, cases

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=25)


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
    standing = [*said, *(pair.said for pair in correction.changed)]
    assert correct(case.plan, standing, found, together, at + 1) == Correction(at=at + 1)
    # What was taken away, its window being no more, comes back with what was late forgotten again.
    back = correct(case.plan, standing, said, together, at + 2)
    stood = {(one.goal, one.labels, one.window): one.verdict for one in said}
    lost = stood.keys() - standing_of(standing).keys()
    assert {(x.goal, x.labels, x.window) for pair in back.changed if (x := pair.after)} >= lost


@QUICK
@given(cases(), st.data())
def test_no_order_of_late_observations_changes_the_final_balance(case: Case, data: st.DataObject) -> None:
    """A13: what came late is corrected in several goes, whichever comes first; entries stand, and others are added."""
    count = len(case.observations)
    goes = data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    order = data.draw(st.permutations([1, 2, 3]))
    plan, grace = case.plan, case.plan.grace

    def known(*those: int) -> tuple[list[Judgement], list[LedgerEntry]]:
        several = tuple(one for go, one in zip(goes, case.observations, strict=True) if go in those)
        return judged_and_booked(evolve(case, observations=several))

    found, owed = known(0, 1, 2, 3)

    def corrected(steps: list[int]) -> list[LedgerEntry] | None:
        said, booked = known(0)
        reached = {one.goal: max(x.window.end for x in said if x.goal == one.goal) for one in said}
        if any(one.window.end > reached.get(one.goal, one.window.start) for one in found):
            return None
        taken = [0]
        for number, step in enumerate(steps):
            taken.append(step)
            again, _ = known(*taken)
            before = list(booked)
            done = correct(plan, said, again, booked, case.until + grace + number)
            booked = [*booked, *done.entries]
            # Only ever added to: what was booked stands as it is.
            assert booked[: len(before)] == before
            new = {(one.goal, one.labels, one.window): one for one in said}
            for pair in done.changed:
                if pair.after is not None:
                    new[pair.after.goal, pair.after.labels, pair.after.window] = pair.after
            said = list(new.values())
        return booked

    one, two = corrected(list(order)), corrected([1, 2, 3])
    if one is not None and two is not None:
        assert balances(one) == balances(two) == balances(owed)


@QUICK
@given(cases())
def test_a_replay_books_nothing_new(case: Case) -> None:
    """A13: judged again from its beginning, history gives the entries that are booked, by the same identities."""
    _, booked = judged_and_booked(case)
    _, again = judged_and_booked(case)
    assert again == booked
    assert len({one.id for one in [*booked, *again]}) == len(booked)
    assert balances([*booked, *again]) == balances(booked)


@QUICK
@given(cases())
def test_where_nothing_was_late_nothing_is_corrected(case: Case) -> None:
    said, booked = judged_and_booked(case)
    # Dated before the verdicts were final, too.
    for at in (case.until + case.plan.grace, case.start):
        assert correct(case.plan, said, said, booked, at) == Correction(at=at)
