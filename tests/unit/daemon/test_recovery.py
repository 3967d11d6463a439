"""A recovered engine goes on as if nothing had been; a new version takes over without overlap and without a hole."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from wsla.api import loads
from wsla.daemon.recovery import recover
from wsla.daemon.writer import Item
from wsla.engine import FORM, Engine, SnapshotError
from wsla.evaluation.stream import JudgementFinal, StandingChanged
from wsla.remedies.decisions import Intent, LedgerEntry
from wsla.reporting.verification import verify_agreement
from wsla.store.records import Batch, Decided, Judged, Observed, Snapshot
from wsla.store.sqlite import Store
from wsla.values.instants import SECOND
from wsla.values.observations import Observation

START = 1_780_000_000 * SECOND


def observation(second: int) -> Observation:
    return Observation(source="probe", at=START + second * SECOND, fields={"ok": second % 30 >= 10})


def observe(store: Store, first: int, last: int) -> None:
    observed = tuple(Observed("Quick", observation(second), 0) for second in range(first, last))
    store.write(Batch(observations=observed))


def keep(store: Store, outputs: list[Any]) -> None:
    judged = tuple(Judged("Quick", one.judgement) for one in outputs if isinstance(one, JudgementFinal))
    decided = tuple(Decided("Quick", one) for one in outputs if isinstance(one, Intent | LedgerEntry))
    store.write(Batch(judgements=judged, decisions=decided))


def judged(outputs: list[Any]) -> tuple[Judged, ...]:
    """The latest word on every window, as the daemon stores it."""
    told = (one.judgement for one in outputs if isinstance(one, JudgementFinal | StandingChanged))
    latest = {(one.goal, one.labels, one.window): one for one in told}
    return tuple(Judged("Quick", one) for one in latest.values())


def windows(store: Store) -> list[tuple[int, int, str]]:
    found = store.judgements("Quick", 0, 2**62, final_only=True)
    return [
        ((one.window.start - START) // SECOND, (one.window.end - START) // SECOND, one.verdict.value)
        for one in found
    ]


def test_the_first_start_registers_and_judges_from_then_on(agreements: Any, store: Store) -> None:
    agreement = agreements()
    recovered = recover(store, agreement, START)
    assert recovered.engine.start == START
    [registered] = store.agreement_history("Quick")
    assert (registered.text, registered.at) == (agreement.source.text, START)


@pytest.mark.parametrize("snapshot_at", [None, 0, 33, 60])
def test_with_and_without_a_snapshot_it_goes_on_alike(
    agreements: Any, store: Store, snapshot_at: int | None
) -> None:
    agreement = agreements()
    first = recover(store, agreement, START)
    whole = Engine(agreement.plan, START)
    expected: list[Any] = []
    for second in range(1, 61):
        store.write(Batch(observations=(Observed("Quick", observation(second), 0),)))
        keep(store, first.engine.observe(observation(second)))
        expected += whole.observe(observation(second))
        if second == snapshot_at:
            content = first.engine.snapshot()
            store.write(Batch(snapshots=(Snapshot("Quick", first.state, observation(second).at, content),)))
    until = START + 65 * SECOND
    expected += whole.advance(until)
    again = recover(store, agreement, until)
    keep(store, again.outputs)
    assert again.state == first.state
    assert again.latest == START + 60 * SECOND
    assert again.engine.next_due() == whole.next_due()
    assert again.engine.judgements(until) == whole.judgements(until)
    booked = [one for one in expected if isinstance(one, LedgerEntry)]
    assert booked
    assert [entry for _, entry in store.entries("Quick", 0, 2**62)] == booked
    finals = [one.judgement for one in expected if isinstance(one, JudgementFinal)]
    assert list(store.judgements("Quick", 0, 2**62, final_only=True)) == finals


def test_a_snapshot_that_cannot_be_read_is_left_aside(agreements: Any, store: Store) -> None:
    agreement = agreements()
    first = recover(store, agreement, START)
    observe(store, 1, 31)
    store.write(
        Batch(
            snapshots=(Snapshot("Quick", first.state, START, {"form": FORM, "start": START, "evaluator": 5}),)
        )
    )
    again = recover(store, agreement, START + 40 * SECOND)
    keep(store, again.outputs)
    assert len(windows(store)) == 4


def test_another_wording_of_the_same_version_judges_the_same_once(agreements: Any, store: Store) -> None:
    recover(store, agreements(), START)
    observe(store, 1, 31)
    keep(store, recover(store, agreements(), START + 40 * SECOND).outputs)
    before = (windows(store), list(store.entries(None, 0, 2**62)))
    other = loads("# a remark\n" + agreements.text(), "quick.sla")
    keep(store, recover(store, other, START + 41 * SECOND).outputs)
    assert (windows(store), list(store.entries(None, 0, 2**62))) == before
    assert len(store.agreement_history("Quick")) == 2


def test_other_terms_of_the_same_version_book_nothing_for_what_was_said(
    agreements: Any, store: Store
) -> None:
    """Found by simulation: the verdict stayed ``met``, and a credit was booked for it all the same."""
    lenient, strict = agreements(promised="1%", window="15s"), agreements(window="15s")
    first = recover(store, lenient, START)
    observe(store, 1, 34)
    before = recover(store, lenient, START + 34 * SECOND)
    keep(store, before.outputs)
    noted = Snapshot("Quick", first.state, START + 34 * SECOND, before.engine.snapshot())
    store.write(Batch(snapshots=(noted,)))
    observe(store, 34, 61)
    keep(store, recover(store, strict, START + 65 * SECOND).outputs)
    verdicts = [(end, verdict) for _, end, verdict in windows(store)]
    assert verdicts[1:] == [(20, "met"), (35, "violated"), (50, "violated"), (65, "violated")]
    booked = [(entry.window.end - START) // SECOND for _, entry in store.entries(None, 0, 2**62)]
    assert booked == [35, 50, 65]


def test_what_was_said_of_later_time_stays_said_when_the_clock_was_set_back(
    agreements: Any, store: Store
) -> None:
    """C2. Found by simulation: windows that were final were judged again as open ones."""
    recover(store, agreements(), START)
    observe(store, 1, 31)
    keep(store, recover(store, agreements(), START + 34 * SECOND).outputs)
    before = windows(store)
    again = recover(store, agreements(), START + 12 * SECOND)
    assert again.latest >= START + 30 * SECOND
    assert store.write(Batch(judgements=judged(again.outputs))).contradictions == ()
    assert windows(store) == before
    # And a new version takes over where the one before it ended.
    recover(store, agreements(version=2), START + 12 * SECOND)
    assert store.agreement_history("Quick")[-1].at >= START + 30 * SECOND


def test_a_verdict_on_an_outage_is_found_again(agreements: Any, store: Store) -> None:
    """Found by simulation: an outage that ended with the last sample was open still when it was judged again."""
    text = agreements.text().replace(
        "  goal",
        "  metric lost = downtime(up) per outage of up\n  goal short: acme guarantees lost <= 5s\n  goal",
        1,
    )
    agreement = loads(
        text.replace("metric lost", "metric missing").replace("lost <=", "missing <="), "quick.sla"
    )
    recover(store, agreement, START)
    observe(store, 1, 41)
    keep(store, recover(store, agreement, START + 41 * SECOND).outputs)
    verified = verify_agreement(store, "Quick", lambda *_: None)
    assert verified.findings == []
    assert "short" in {one.goal for one in store.judgements("Quick", 0, 2**62, final_only=True)}


@pytest.mark.parametrize("grace", ["0s", "5s", "15s"])
@pytest.mark.parametrize("changed_at", [35, 40, 41, 44, 45, 46, 55])
def test_a_new_version_takes_over_without_overlap_and_without_a_hole(
    agreements: Any, store: Store, grace: str, changed_at: int
) -> None:
    old, new = agreements(grace=grace), agreements(version=2, promised="1%", grace="0s")
    recover(store, old, START)
    observe(store, 1, changed_at)
    # The old version ended without having judged: what was due by the change is made up for.
    keep(store, recover(store, new, START + changed_at * SECOND).outputs)
    observe(store, changed_at, 100)
    keep(store, recover(store, new, START + 100 * SECOND).outputs)
    found = windows(store)
    assert [(begin, end) for begin, end, _ in found] == [(at, at + 10) for at in range(0, 100, 10)]
    length = int(grace.removesuffix("s"))
    for begin, end, verdict in found:
        bad = begin % 30 < 10
        by_old = end + length <= changed_at
        assert (verdict == "violated") == (bad and (by_old or begin > 0))
    entries = [entry for _, entry in store.entries(None, 0, 2**62)]
    assert len({entry.window for entry in entries}) == len(entries)
    for entry in entries:
        by_old = entry.window.end + length * SECOND <= START + changed_at * SECOND
        assert entry.id.startswith("Quick|v1|" if by_old else "Quick|v2|")
    # Each version's verdicts are found again by that version.
    verified = verify_agreement(store, "Quick", lambda *_: None)
    assert (verified.findings, verified.judged, verified.left) == ([], 10, 0)


def test_a_version_that_waits_longer_for_late_data_takes_over_at_once(agreements: Any, store: Store) -> None:
    # Its grace, counted from windows that the version before it has judged, would lead into time to come.
    old, new = agreements(grace="0s"), agreements(version=2, promised="1%", grace="1h")
    first = recover(store, old, START)
    observe(store, 0, 31)
    for second in range(31):
        keep(store, first.engine.observe(observation(second)))
    keep(store, first.engine.advance(START + 31 * SECOND))
    assert windows(store)
    at = START + 32 * SECOND
    recover(store, new, at)
    assert [one.at for one in store.agreement_history("Quick")] == [START, at]
    recovered = recover(store, new, at + SECOND)
    assert recovered.latest <= at + SECOND


def test_a_source_that_is_gone_does_no_harm(agreements: Any, store: Store) -> None:
    recover(store, agreements(), START)
    observe(store, 1, 31)
    text = agreements.text(version=2).replace("probe", "look")
    again = recover(store, loads(text, "quick.sla"), START + 40 * SECOND)
    assert again.latest == START + 30 * SECOND


def test_an_item_weighs_what_it_holds() -> None:
    observed = Observed("Quick", observation(1), 0)
    assert Item().weight == 1
    assert Item(observations=(observed, observed), snapshots=(Snapshot("Quick", "v", 0, {}),)).weight == 4


def test_a_snapshot_of_another_build_is_refused_and_recomputed(
    agreements: Any, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """The same text and program version, but a state in another form: a development build, or one that was put back."""
    agreement = agreements()
    first = recover(store, agreement, START)
    observe(store, 1, 31)
    for second in range(1, 31):
        first.engine.observe(observation(second))
    content: Any = first.engine.snapshot()
    whole = Engine.restore(agreement.plan, content).judgements(START + 40 * SECOND)
    for wrong in (
        {**content, "form": content["form"] + 1},
        {k: v for k, v in content.items() if k != "form"},
    ):
        with pytest.raises(SnapshotError, match="which another build of wsla wrote; this one reads"):
            Engine.restore(agreement.plan, wrong)
        store.write(Batch(snapshots=(Snapshot("Quick", first.state, START + 30 * SECOND, wrong),)))
        caplog.clear()
        again = recover(store, agreement, START + 40 * SECOND)
        assert "another build of wsla wrote" in caplog.text
        assert "computed anew from the observations" in caplog.text
        assert again.engine.judgements(START + 40 * SECOND) == whole


def test_a_snapshot_of_another_version_of_the_program_is_recomputed(
    agreements: Any, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    agreement = agreements()
    first = recover(store, agreement, START)
    observe(store, 1, 31)
    state = first.state.rpartition("/")[0] + "/0.0.1"
    # Its engine had seen nothing, so what came out of it would be unknown.
    content = first.engine.snapshot()
    store.write(Batch(snapshots=(Snapshot("Quick", state, START, content),)))
    with caplog.at_level("INFO"):
        again = recover(store, agreement, START + 40 * SECOND)
    assert "is that of another text or program" in caplog.text
    keep(store, again.outputs)
    assert len(windows(store)) == 4
    assert not any(verdict == "unknown" for _, _, verdict in windows(store))


@pytest.mark.parametrize("content", [None, 5, [], {}, "text"])
def test_what_is_no_snapshot_is_refused(agreements: Any, content: object) -> None:
    with pytest.raises(SnapshotError):
        Engine.restore(agreements().plan, content)


def test_a_text_that_runs_is_not_checked_once_more(
    agreements: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start with a thousand agreements would take twice as long."""
    agreement = agreements()
    recover(store, agreement, START)

    def refuse(source: Any) -> Any:
        raise AssertionError(f"{source.name} was read")

    monkeypatch.setattr("wsla.daemon.reigns.read_all", refuse)
    assert recover(store, agreement, START + SECOND).engine.start == START
    # What runs no more is read again: nothing is kept for it.
    del agreement
    gc.collect()
    with pytest.raises(AssertionError, match="Quick was read"):
        recover(store, agreements(promised="98%"), START + 2 * SECOND)
