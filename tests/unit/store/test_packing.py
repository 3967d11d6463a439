"""Packed or not, the store answers the same; and packing loses nothing, whenever it is killed."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.store import packing, segments, together
from wsla.store.errors import StoreCorrupt, StoreTooNew
from wsla.store.records import Batch, Observed, Snapshot
from wsla.store.sqlite import Store
from wsla.values.instants import DAY, HOUR, SECOND
from wsla.values.observations import Observation

from .conftest import KEY, Opener, observation, register, spawn

ON_BOTH = True

FAR = 2**62
SNAPSHOT = (Snapshot(KEY, "v", 0, {}),)


@pytest.fixture(autouse=True)
def packs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "ENOUGH", 1)


def fill(store: Store, count: int = 100, every: int = 30 * SECOND, stream: str = "") -> None:
    looks = tuple(
        Observed(KEY, observation(at * every, up=at % 7 != 0), at * every + 1, stream) for at in range(count)
    )
    store.write(Batch(observations=looks, snapshots=SNAPSHOT))


def pack(store: Store, before: int = FAR) -> packing.PackResult:
    return store.pack(store.streams_to_pack(before), before)


def rows(store: Store) -> int:
    return int(store._session.read("SELECT count(*) FROM observations")[0][0])


def packed(store: Store) -> int:
    return int(store._session.read("SELECT coalesce(sum(count), 0) FROM segments")[0][0])


def test_nothing_reads_otherwise_for_being_packed(store: Store) -> None:
    for stream in ("eu", "us"):
        fill(store, stream=stream)
    before = list(store.observations(KEY, 0, FAR))
    result = pack(store)
    # The latest row of all stays.
    assert (result.observations, result.segments, rows(store), packed(store)) == (199, 2, 1, 199)
    assert list(store.observations(KEY, 0, FAR)) == before
    assert list(store.observations(KEY, 60 * SECOND, 120 * SECOND)) == before[4:8]
    assert list(store.observations(KEY, 0, FAR, "probe")) == before
    assert list(store.observations(KEY, 0, FAR, "other")) == []
    assert list(store.observations("nobody", 0, FAR)) == []
    store.close()
    with Store.open(store.path, writer=False) as reader:
        assert list(reader.observations(KEY, 0, FAR)) == before


def test_only_whole_hours_are_packed(store: Store) -> None:
    fill(store, 250)
    assert pack(store, HOUR - 1).observations == 0
    assert pack(store, 2 * HOUR - 1).observations == 120
    assert pack(store, 2 * HOUR).observations == 120


def test_what_no_snapshot_knows_stays_as_it_is(store: Store) -> None:
    looks = tuple(Observed(KEY, observation(at), 0) for at in range(5))
    store.write(Batch(observations=looks))
    assert pack(store).observations == 0
    store.write(Batch(observations=(Observed(KEY, observation(5), 0),), snapshots=SNAPSHOT))
    after = tuple(Observed(KEY, observation(at), 0) for at in range(6, 9))
    store.write(Batch(observations=after))
    assert pack(store).observations == 6
    assert list(store.observations_after_snapshot(KEY)) == [one.observation for one in after]


def test_numbers_of_arrival_go_on_after_packing(store: Store) -> None:
    fill(store, 10)
    pack(store)
    late = observation(7)
    store.write(Batch(observations=(Observed(KEY, late, 0),)))
    assert list(store.observations_after_snapshot(KEY)) == [late]


def test_what_came_too_late_is_not_packed(store: Store) -> None:
    store.write(
        Batch(
            observations=(
                *(Observed(KEY, observation(at), 0, late=at == 1) for at in range(3)),
                Observed(KEY, observation(9), 0),
            ),
            snapshots=SNAPSHOT,
        )
    )
    assert pack(store).observations == 2
    assert store.late_observations(KEY) == 1
    assert [look.at for look in store.observations(KEY, 0, FAR)] == [0, 1, 2, 9]
    assert [look.at for look in store.observations(KEY, 0, FAR, late=False)] == [0, 2, 9]


def test_an_observation_is_one_though_it_was_packed(store: Store) -> None:
    fill(store, 10)
    pack(store)
    again = tuple(Observed(KEY, observation(at * 30 * SECOND, up=False), 5) for at in range(10))
    before = list(store.observations(KEY, 0, FAR))
    assert store.write(Batch(observations=again)).new_observations == 0
    other = (Observed(KEY, observation(0), 5, row="x"), Observed(KEY, observation(1), 5))
    assert store.write(Batch(observations=other)).new_observations == 2
    assert sorted(store.observations(KEY, 0, FAR), key=repr) == sorted(
        [*before, *(one.observation for one in other)], key=repr
    )
    # Packed in their turn, they are found as well.
    store.write(Batch(observations=(Observed(KEY, observation(FAR - HOUR), 0),), snapshots=SNAPSHOT))
    pack(store)
    assert store.write(Batch(observations=(*again, *other))).new_observations == 0


def test_segments_do_not_reach_far(store: Store) -> None:
    fill(store, 30, DAY)
    assert pack(store).segments == 4
    lengths = store._session.read("SELECT max(last_at - first_at), max(count) FROM segments")
    assert lengths == [(segments.LONGEST, 9)]
    assert len(list(store.observations(KEY, 0, FAR))) == 30


def test_few_rows_are_left_alone_until_they_are_old(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "ENOUGH", 512)
    fill(store, packing.ENOUGH_OF_OLD + 1, 60 * SECOND)
    assert store.streams_to_pack(3 * HOUR) == []
    assert store.streams_to_pack(DAY) == []
    assert len(store.streams_to_pack(DAY + HOUR)) == 1


def test_an_answer_can_be_read_while_it_is_packed(store: Store) -> None:
    count = 2 * together.PAGE + 10
    fill(store, count)
    answer = store.observations(KEY, 0, FAR)
    first = [next(answer) for _ in range(10)]
    pack(store)
    assert [one.at for one in (*first, *answer)] == [at * 30 * SECOND for at in range(count)]


def test_long_answers_open_few_segments_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "_UNPACKED", 50)
    for number in range(6):
        store.write(
            Batch(
                observations=tuple(
                    Observed(KEY, observation(at), 0, f"{stream}")
                    for stream in range(3)
                    for at in range(number * HOUR, number * HOUR + 20)
                ),
                snapshots=SNAPSHOT,
            )
        )
        pack(store, (number + 1) * HOUR)
    assert [one.at for one in store.observations(KEY, 0, FAR)] == [
        at for number in range(6) for at in range(number * HOUR, number * HOUR + 20) for _ in range(3)
    ]


def many_small_segments(store: Store) -> list[Observation]:
    for number in range(5):
        store.write(
            Batch(
                observations=tuple(
                    Observed(KEY, observation(at), 0)
                    for at in range(number * HOUR, number * HOUR + 600 * SECOND, SECOND)
                ),
                snapshots=SNAPSHOT,
            )
        )
        pack(store, (number + 1) * HOUR)
    return list(store.observations(KEY, 0, FAR))


def counts(store: Store) -> list[int]:
    return [count for (count,) in store._session.read("SELECT count FROM segments ORDER BY first_at")]


def test_small_segments_become_one_and_nothing_reads_otherwise(store: Store) -> None:
    before = many_small_segments(store)
    assert counts(store) == [599, 600, 600, 600, 600]
    answer = store.observations(KEY, 0, FAR)
    first = [next(answer) for _ in range(10)]
    assert store.merge(store.streams_to_merge()).segments == 1
    assert counts(store) == [2999]
    assert list(store.observations(KEY, 0, FAR)) == before
    # Who was reading meanwhile notices nothing.
    assert [*first, *answer] == before
    assert store.streams_to_merge() == []
    again = Batch(observations=(Observed(KEY, observation(4 * HOUR), 0),))
    assert store.write(again).new_observations == 0


def test_segments_merged_while_somebody_reads_in_pieces(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "_UNPACKED", 50)
    before = many_small_segments(store)
    for taken in (1, 700, 1_300):
        answer = store.observations(KEY, 0, FAR)
        first = [next(answer) for _ in range(taken)]
        store.merge(store.streams_to_merge())
        assert [*first, *answer] == before
        with store._session.transaction() as connection:
            connection.execute("DELETE FROM segments")
        again = tuple(Observed(KEY, one, 0) for one in before)
        store.write(Batch(observations=again, snapshots=SNAPSHOT))
        for hour in range(1, 6):
            pack(store, hour * HOUR)


def test_segments_that_lie_far_apart_stay_apart(store: Store) -> None:
    for number in range(5):
        looks = tuple(Observed(KEY, observation(number * 3 * DAY + at), 0) for at in range(600))
        store.write(Batch(observations=looks, snapshots=SNAPSHOT))
        pack(store)
    assert store.merge(store.streams_to_merge()).segments == 0


@pytest.mark.parametrize(
    ("point", "done"),
    [("before-merge", False), ("mid-merge", False), ("before-commit", False), ("after-merge", True)],
)
def test_killed_while_it_merges(store: Store, opener: Opener, point: str, done: bool) -> None:
    """K1."""
    before = many_small_segments(store)
    streams = store.streams_to_merge()
    store.close()

    def fault(name: str) -> None:
        if name == point:
            raise KeyboardInterrupt

    dying = opener(fault=fault)
    with pytest.raises(KeyboardInterrupt):
        dying.merge(streams)
    dying.close()
    again = opener()
    assert len(counts(again)) == (1 if done else 5)
    assert list(again.observations(KEY, 0, FAR)) == before


def test_a_damaged_segment_is_named(store: Store) -> None:
    fill(store)
    pack(store)
    with store._session.transaction() as connection:
        (content,) = connection.execute("SELECT content FROM segments").fetchone()
        connection.execute("UPDATE segments SET content = ?", (content + b"\0",))
    with pytest.raises(StoreCorrupt, match="segment 1 is not what was written"):
        list(store.observations(KEY, 0, FAR))
    with store._session.transaction() as connection:
        connection.execute("UPDATE segments SET codec = 99")
    with pytest.raises(StoreTooNew, match="codec 99"):
        list(store.observations(KEY, 0, FAR))


@pytest.mark.parametrize(
    ("point", "nth", "done"),
    [
        ("before-pack", 1, False),
        ("mid-pack", 1, False),
        ("mid-pack", 2, False),
        ("after-pack-delete", 1, False),
        ("after-pack-delete", 2, False),
        ("before-commit", 1, False),
        ("after-commit", 1, True),
        ("after-pack", 1, True),
    ],
)
def test_killed_while_it_packs(
    store: Store, path: Path, opener: Opener, point: str, nth: int, done: bool
) -> None:
    """K1."""
    for stream in ("eu", "us"):
        fill(store, stream=stream)
    before = list(store.observations(KEY, 0, FAR))
    store.close()
    child = spawn("packing_writer.py", path, point, nth)
    _, trouble = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL, trouble.decode()
    again = opener()
    assert (rows(again), packed(again)) == ((1, 199) if done else (200, 0))
    assert list(again.observations(KEY, 0, FAR)) == before
    pack(again)
    assert (rows(again), packed(again)) == (1, 199)
    assert list(again.observations(KEY, 0, FAR)) == before


MOMENTS = st.integers(0, 9).map(lambda number: number * HOUR // 2)
STEP = st.one_of(
    st.lists(st.tuples(MOMENTS, st.sampled_from(["", "eu"]), st.sampled_from(["", "r"]), st.integers(0, 3))),
    MOMENTS,
)


@given(st.lists(STEP, max_size=12))
def test_a_packing_store_agrees_with_one_that_never_packs(
    tmp_path_factory: pytest.TempPathFactory, steps: list[object]
) -> None:
    folder = tmp_path_factory.mktemp("packing")
    with (
        Store.open(str(folder / "a.db"), writer=True) as packing_store,
        Store.open(str(folder / "b.db"), writer=True) as plain,
    ):
        for store in (packing_store, plain):
            register(store)
        for step in steps:
            if isinstance(step, int):
                pack(packing_store, step)
                continue
            assert isinstance(step, list)
            batch = Batch(
                observations=tuple(
                    Observed(
                        KEY,
                        Observation(
                            source="probe", at=at, fields={"stream": stream, "row": row, "value": value}
                        ),
                        at,
                        stream,
                        row,
                        value == 0,
                    )
                    for at, stream, row, value in step
                ),
                snapshots=SNAPSHOT,
            )
            assert packing_store.write(batch).new_observations == plain.write(batch).new_observations
        for late in (True, False):
            found, wanted = (
                list(store.observations(KEY, 0, FAR, late=late)) for store in (packing_store, plain)
            )
            assert [one.at for one in found] == [one.at for one in wanted]
            # Within a stream the order is that of arrival; between streams at one instant it says nothing.
            for stream in ("", "eu"):
                assert [x for x in found if x.fields["stream"] == stream and x.fields["row"] == ""] == [
                    x for x in wanted if x.fields["stream"] == stream and x.fields["row"] == ""
                ]
            assert sorted(map(repr, found)) == sorted(map(repr, wanted))
