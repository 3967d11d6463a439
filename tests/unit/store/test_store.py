"""What is written is found again: once, in order, exact; what stands is never overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from wsla.evaluation.verdicts import Verdict
from wsla.store import together
from wsla.store.errors import StoreError
from wsla.store.records import Batch, Decided, Judged, Observed, Place, Snapshot
from wsla.store.sqlite import Store
from wsla.values.observations import Observation

from .conftest import KEY, Opener, entry, intent, judgement, observation, register

ON_BOTH = True

FAR = 2**62


def test_observations_come_in_order_of_instant_then_arrival(store: Store) -> None:
    looks = [observation(at, source=source) for at, source in [(5, "b"), (3, "a"), (5, "a"), (9, "a")]]
    for look in looks:
        store.write(Batch(observations=(Observed(KEY, look, 100),)))
    assert list(store.observations(KEY, 0, 10)) == [looks[1], looks[0], looks[2], looks[3]]
    assert list(store.observations(KEY, 0, 10, "a")) == [looks[1], looks[2], looks[3]]


def test_observations_are_asked_for_by_a_half_open_interval(store: Store) -> None:
    store.write(Batch(observations=tuple(Observed(KEY, observation(at), 0) for at in range(-2, 10))))
    assert [look.at for look in store.observations(KEY, -1, 5)] == [-1, 0, 1, 2, 3, 4]
    assert [look.at for look in store.observations(KEY, 5, 5)] == []


def test_reason_and_failure_are_kept(store: Store) -> None:
    look = Observation(source="s", at=1, fields={"up": None}, reason="no answer in 5 s", failure="timeout")
    store.write(Batch(observations=(Observed(KEY, look, 1),)))
    assert list(store.observations(KEY, 0, 2)) == [look]


def test_a_reason_that_was_no_text_does_not_stop_the_batch(store: Store) -> None:
    look = Observation(source="s", at=1, reason="caf\udce9")
    store.write(Batch(observations=(Observed(KEY, look, 1),)))
    assert [found.reason for found in store.observations(KEY, 0, 2)] == ["caf\\udce9"]


def test_the_first_of_two_observations_with_one_identity_stands(store: Store) -> None:
    first, second = observation(1, up=True), observation(1, up=False)
    result = store.write(Batch(observations=(Observed(KEY, first, 1), Observed(KEY, second, 2))))
    assert result.new_observations == 1
    assert store.write(Batch(observations=(Observed(KEY, second, 3),))).new_observations == 0
    assert list(store.observations(KEY, 0, 2)) == [first]


def test_stream_row_source_and_agreement_tell_observations_apart(store: Store) -> None:
    register(store, "other")
    look = observation(1)
    different = (
        Observed(KEY, look, 1),
        Observed(KEY, look, 1, stream="eu"),
        Observed(KEY, look, 1, row="ticket 7"),
        Observed(KEY, observation(1, source="other"), 1),
        Observed("other", look, 1),
    )
    assert store.write(Batch(observations=different)).new_observations == len(different)
    assert len(list(store.observations(KEY, 0, 2))) == 4
    assert len(list(store.observations("other", 0, 2))) == 1


def test_long_answers_are_complete_across_pages(store: Store) -> None:
    # All at one instant, and more than a page: the position within the instant has to be kept.
    count = 2 * together.PAGE + 1
    store.write(
        Batch(observations=tuple(Observed(KEY, observation(7), 1, row=str(row)) for row in range(count)))
    )
    assert len(list(store.observations(KEY, 0, 10))) == count
    assert len(list(store.observations_after_snapshot(KEY))) == count


def test_an_answer_can_be_read_while_more_is_written(store: Store) -> None:
    store.write(
        Batch(observations=tuple(Observed(KEY, observation(at), 1) for at in range(together.PAGE + 5)))
    )
    answer = store.observations(KEY, 0, FAR)
    assert next(answer).at == 0
    store.write(Batch(observations=(Observed(KEY, observation(-1), 1),)))
    assert [look.at for look in answer] == list(range(1, together.PAGE + 5))


def test_an_instant_that_no_column_holds_is_refused_alone(store: Store) -> None:
    far, near = Observed(KEY, observation(2**63), 1), Observed(KEY, observation(2**63 - 1), 1)
    result = store.write(Batch(observations=(far, near)))
    assert [observed for observed, _ in result.refused] == [far]
    assert result.new_observations == 1


def test_a_judgement_is_replaced_until_it_is_final(store: Store) -> None:
    at_risk = judgement(final=False, verdict=Verdict.AT_RISK)
    final = judgement(verdict=Verdict.VIOLATED)
    for step in (at_risk, evolve(at_risk, verdict=Verdict.LOST), final):
        assert store.write(Batch(judgements=(Judged(KEY, step),))).contradictions == ()
        assert list(store.judgements(KEY, 0, 100)) == [step]


@pytest.mark.parametrize(
    "later", [judgement(verdict=Verdict.MET), judgement(verdict=Verdict.ON_TRACK, final=False)]
)
def test_a_final_judgement_never_changes(store: Store, later: object) -> None:
    final = judgement(verdict=Verdict.VIOLATED)
    assert store.write(Batch(judgements=(Judged(KEY, final),))).contradictions == ()
    assert store.write(Batch(judgements=(Judged(KEY, final),))).contradictions == ()
    assert len(store.write(Batch(judgements=(Judged(KEY, later),))).contradictions) == 1
    assert list(store.judgements(KEY, 0, 100)) == [final]


def test_judgements_are_those_of_windows_that_share_time(store: Store) -> None:
    windows = [judgement(start, start + 10) for start in (0, 10, 20, 30)]
    open_window = judgement(40, 50, final=False)
    store.write(Batch(judgements=tuple(Judged(KEY, one) for one in reversed([*windows, open_window]))))
    assert list(store.judgements(KEY, 10, 30)) == windows[1:3]
    assert list(store.judgements(KEY, 19, 21)) == windows[1:3]
    assert list(store.judgements(KEY, 0, 50)) == [*windows, open_window]
    assert list(store.judgements(KEY, 0, 50, final_only=True)) == windows


def test_goals_labels_and_windows_are_judged_apart(store: Store) -> None:
    each = (
        judgement(),
        judgement(goal="speed"),
        judgement(labels=(("region", "eu"),)),
        judgement(labels=(("region", "us"),)),
        judgement(end=101),
        judgement(start=1),
    )
    store.write(Batch(judgements=tuple(Judged(KEY, one) for one in each)))
    assert len(list(store.judgements(KEY, 0, 1000))) == len(each)


def test_windows_beyond_the_columns_are_kept_exactly(store: Store) -> None:
    endless = judgement(0, 2**80)
    store.write(Batch(judgements=(Judged(KEY, endless),)))
    assert list(store.judgements(KEY, 0, FAR)) == [endless]


def test_an_entry_is_booked_once(store: Store) -> None:
    first = store.write(Batch(decisions=(Decided(KEY, entry()), Decided(KEY, entry()))))
    again = store.write(Batch(decisions=(Decided(KEY, entry()),)))
    assert (first.new_entries, again.new_entries, again.contradictions) == (1, 0, ())
    assert list(store.entries(KEY, 0, 10)) == [(KEY, entry())]


def test_another_amount_under_the_same_id_is_not_booked_and_not_hidden(store: Store) -> None:
    store.write(Batch(decisions=(Decided(KEY, entry(amount="1.50")),)))
    result = store.write(Batch(decisions=(Decided(KEY, entry(amount="99")),)))
    assert result.contradictions == ("the ledger entry e",)
    assert [str(found.amount) for _, found in store.entries(KEY, 0, 10)] == ["1.50"]


def test_entries_are_those_of_windows_that_ended_in_the_stretch(store: Store) -> None:
    register(store, "other")
    store.write(Batch(decisions=tuple(Decided(KEY, entry(f"e{at}", at)) for at in (30, 10, 20))))
    store.write(Batch(decisions=(Decided("other", entry("x", 20)),)))
    assert [found.id for _, found in store.entries(KEY, 10, 20)] == ["e20"]
    assert [found.id for _, found in store.entries(KEY, 0, 30)] == ["e10", "e20", "e30"]
    assert [(key, found.id) for key, found in store.entries(None, 10, 20)] == [(KEY, "e20"), ("other", "x")]


def test_intents_are_those_due_in_the_stretch(store: Store) -> None:
    intents = [intent(f"i{at}", at) for at in (10, 20, 30)]
    store.write(Batch(decisions=tuple(Decided(KEY, one) for one in intents)))
    assert list(store.intents(KEY, 10, 30)) == [(KEY, intents[0]), (KEY, intents[1])]
    assert list(store.intents(None, 30, 31)) == [(KEY, intents[2])]


def test_the_chain_names_the_first_entry_that_was_altered(store: Store, opener: Opener) -> None:
    """D6."""
    store.write(Batch(decisions=tuple(Decided(KEY, entry(f"e{at}", at)) for at in range(5))))
    assert store.first_altered_entry() is None
    with store._session.transaction() as connection:
        connection.execute("UPDATE entries SET content = replace(content, '12.50', '99.00') WHERE id = 'e3'")
    assert store.first_altered_entry() == "e3"


def test_the_chain_names_the_entry_after_a_removed_one(store: Store) -> None:
    store.write(Batch(decisions=tuple(Decided(KEY, entry(f"e{at}", at)) for at in range(5))))
    with store._session.transaction() as connection:
        connection.execute("DELETE FROM entries WHERE id = 'e1'")
    assert store.first_altered_entry() == "e2"


def test_the_latest_snapshot_replaces_the_one_before(store: Store) -> None:
    assert store.latest_snapshot(KEY) is None
    for step in (1, 2):
        store.write(Batch(snapshots=(Snapshot(KEY, f"v{step}", step, {"count": [step, None, "ü"]}),)))
    assert store.latest_snapshot(KEY) == ("v2", 2, {"count": [2, None, "ü"]})


def test_what_came_after_the_snapshot_is_found_however_old_it_is(store: Store) -> None:
    store.write(
        Batch(
            observations=(Observed(KEY, observation(50), 1), Observed(KEY, observation(10), 1)),
            snapshots=(Snapshot(KEY, "v", 1, {}),),
        )
    )
    assert list(store.observations_after_snapshot(KEY)) == []
    late = (observation(60), observation(5))
    store.write(Batch(observations=tuple(Observed(KEY, look, 2) for look in late)))
    assert list(store.observations_after_snapshot(KEY)) == list(late)


def test_every_text_of_an_agreement_is_kept(store: Store) -> None:
    register(store, text="second", at=2)
    register(store, text="second", at=3)
    register(store, at=4)
    history = store.agreement_history(KEY)
    assert [(one.text, one.at) for one in history] == [("agreement …", 1), ("second", 2), ("agreement …", 4)]
    register(store, "another")
    assert [(one.key, one.text) for one in store.agreements()] == [
        ("another", "agreement …"),
        (KEY, "agreement …"),
    ]


def test_one_checksum_for_two_texts_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="checksum"):
        store.register_agreement(KEY, title="", version=1, text="x", sha256="sum of agreement …", at=1)


def test_an_unknown_agreement_stops_the_whole_batch(store: Store) -> None:
    with pytest.raises(StoreError, match="nobody was never registered"):
        store.write(
            Batch(observations=(Observed(KEY, observation(1), 1),), decisions=(Decided("nobody", entry()),))
        )
    assert list(store.observations(KEY, 0, 2)) == []
    assert list(store.observations("nobody", 0, 2)) == []
    assert store.latest_snapshot("nobody") is None


def test_a_name_seen_only_in_a_failed_batch_is_not_remembered(store: Store) -> None:
    fails = Batch(
        observations=(Observed(KEY, observation(1), 1, stream="new"),),
        decisions=(Decided("nobody", entry()),),
    )
    with pytest.raises(StoreError):
        store.write(fails)
    assert store.write(Batch(observations=fails.observations)).new_observations == 1
    assert len(list(store.observations(KEY, 0, 2))) == 1


def test_everything_is_there_after_reopening(store: Store, opener: Opener) -> None:
    batch = Batch(
        observations=(Observed(KEY, observation(1), 1),),
        judgements=(Judged(KEY, judgement()),),
        decisions=(Decided(KEY, entry()), Decided(KEY, intent())),
        snapshots=(Snapshot(KEY, "v", 1, [1]),),
        places=(Place(KEY, "probe", {"line": 1}),),
    )
    store.write(batch)
    store.close()
    again = opener()
    assert list(again.observations(KEY, 0, 2)) == [observation(1)]
    assert list(again.judgements(KEY, 0, 100)) == [judgement()]
    assert list(again.entries(KEY, 0, 10)) == [(KEY, entry())]
    assert list(again.intents(KEY, 0, 11)) == [(KEY, intent())]
    assert again.latest_snapshot(KEY) == ("v", 1, [1])
    assert again.place(KEY, "probe") == {"line": 1}
    assert again.place(KEY, "other") is again.place("nobody", "probe") is None
    result = again.write(batch)
    assert (result.new_observations, result.new_intents, result.new_entries) == (0, 0, 0)


def test_of_a_source_only_the_latest_place_counts(store: Store) -> None:
    store.write(Batch(places=(Place(KEY, "probe", 1), Place(KEY, "other", 2))))
    store.write(Batch(places=(Place(KEY, "probe", [3, "\udc80"]),)))
    assert store.place(KEY, "probe") == [3, "\udc80"]
    assert store.place(KEY, "other") == 2


def test_the_streams_of_a_source_are_named(store: Store) -> None:
    looks = [Observed(KEY, observation(1), 0, stream) for stream in ('["eu"]', '["us"]', '["\udc80"]')]
    store.write(Batch(observations=(*looks, Observed(KEY, observation(1, source="other"), 0))))
    assert store.streams(KEY, "probe", 10) == ['["eu"]', '["us"]', '["\\udc80"]']
    assert store.streams(KEY, "probe", 2) == ['["eu"]', '["us"]']
    assert store.streams(KEY, "other", 10) == [""]
    assert store.streams(KEY, "nothing", 10) == store.streams("nobody", "probe", 10) == []


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        store.write(Batch())


@given(st.lists(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["", "eu"]), st.booleans()))))
def test_the_store_agrees_with_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[int, str, bool]]]
) -> None:
    path: Path = tmp_path_factory.mktemp("store") / "wsla.db"
    kept: dict[tuple[int, str], bool] = {}
    with Store.open(str(path), writer=True) as store:
        register(store)
        for batch in batches:
            before = len(kept)
            for at, stream, up in batch:
                kept.setdefault((at, stream), up)
            looks = tuple(Observed(KEY, observation(at, up=up), 0, stream) for at, stream, up in batch)
            assert store.write(Batch(observations=looks)).new_observations == len(kept) - before
        found = list(store.observations(KEY, 0, 10))
    by_instant = sorted(kept.items(), key=lambda item: item[0][0])
    assert [(look.at, look.fields["up"]) for look in found] == [(at, up) for (at, _), up in by_instant]
