"""What is no longer kept is rolled up exactly, and nothing of it comes back."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.store import packing
from wsla.store.columns import Look
from wsla.store.records import Batch, Observed, Reviewed, Snapshot
from wsla.store.rollups import Rollup, Summary
from wsla.store.sqlite import Store
from wsla.store.thinning import OUT_OF_KEEPING
from wsla.values.instants import DAY, HOUR

from .conftest import KEY, Opener, observation
from .test_columns import LOOKS

ON_BOTH = True

FAR = 2**62
SNAPSHOT = (Snapshot(KEY, "v", 7, {}),)


def fill(store: Store, days: int = 10, *, stream: str = "", pack_until: int = 0) -> None:
    looks = tuple(
        Observed(KEY, observation(at, up=at // HOUR % 5 != 0), at, stream)
        for at in range(0, days * DAY, HOUR)
    )
    store.write(Batch(observations=looks, snapshots=SNAPSHOT))
    for until in range(DAY, pack_until, DAY):
        store.pack(store.streams_to_pack(until), until)


def thin(store: Store, until: int, length: int = DAY) -> int:
    return store.thin(store.streams_to_thin(KEY, until, 0, 100), until, length).observations


@given(st.lists(LOOKS, max_size=20), st.integers(0, 20))
def test_parts_add_up_to_the_whole(looks: list[Look], cut: int) -> None:
    whole = Rollup.of(looks)
    parts = Rollup.of(looks[:cut])
    parts.add(Rollup.of(looks[cut:]))
    assert parts == whole
    assert Rollup.load(whole.dump()) == whole


def test_what_a_summary_holds() -> None:
    summary = Summary()
    for value in (None, True, False, True, "x", 0, -3, 2**80):
        summary.take(value)
    assert summary == Summary(
        unknown=1, true=2, false=1, texts=1, numbers=3, sum=2**80 - 3, lowest=-3, highest=2**80
    )


@pytest.mark.parametrize("pack_until", [0, 4 * DAY, 9 * DAY])
def test_rolled_up_and_kept_make_the_whole(
    store: Store, monkeypatch: pytest.MonkeyPatch, pack_until: int
) -> None:
    monkeypatch.setattr(packing, "ENOUGH", 1)
    for stream in ("eu", "us"):
        fill(store, stream=stream, pack_until=pack_until)
    before = list(store.observations(KEY, 0, FAR))
    assert thin(store, 4 * DAY) > 0
    assert thin(store, 4 * DAY) == 0
    thin(store, 6 * DAY)
    kept = list(store.observations(KEY, 0, FAR))
    # Everything from there on is kept, and of each stream what held until then.
    assert [one for one in kept if one.at >= 6 * DAY] == [one for one in before if one.at >= 6 * DAY]
    assert len([one for one in kept if one.at < 6 * DAY]) >= 2
    rollups = store.rollups(KEY, 0, FAR)
    assert {one.length for one in rollups} == {DAY}
    assert all(one.start % DAY == 0 for one in rollups)
    whole = Rollup.of(Look(one.at, 0, "", one.fields, one.reason, one.failure) for one in kept)
    for one in rollups:
        whole.add(one.rollup)
    assert whole == Rollup.of(Look(one.at, 0, "", one.fields, one.reason, one.failure) for one in before)
    assert store.kept_from(KEY) == 6 * DAY


def test_nothing_comes_back_that_is_no_longer_kept(store: Store) -> None:
    fill(store)
    assert store.kept_from(KEY) is None
    thin(store, 4 * DAY)
    again = Observed(KEY, observation(4 * DAY - 1), 0)
    just = Observed(KEY, observation(4 * DAY + 1), 0)
    result = store.write(Batch(observations=(again, just, Observed(KEY, observation(5), 0, "other"))))
    assert result.refused == ((again, OUT_OF_KEEPING),)
    assert result.new_observations == 2


def test_what_the_engine_has_not_noted_stays(store: Store) -> None:
    looks = tuple(Observed(KEY, observation(at), at) for at in range(0, DAY, HOUR))
    store.write(Batch(observations=looks))
    assert thin(store, FAR) == 0
    assert store.streams_to_thin(KEY, 0, 0, 10) == []


def test_what_came_too_late_and_what_a_correction_has_seen(store: Store) -> None:
    store.write(Batch(observations=tuple(Observed(KEY, observation(at), 9, late=at < 5) for at in (7, 3, 4))))
    assert store.earliest_uncorrected(KEY) == 3
    store.write(Batch(reviews=(Reviewed(KEY, 10, store.latest_arrival()),)))
    assert store.earliest_uncorrected(KEY) is None
    store.write(Batch(observations=(Observed(KEY, observation(1), 9, late=True),)))
    assert store.earliest_uncorrected(KEY) == 1


@pytest.mark.parametrize("point", ["before-thinning", "mid-thinning", "after-thinning", "before-commit"])
def test_killed_while_it_thins(store: Store, path: Path, opener: Opener, point: str) -> None:
    fill(store)
    before = list(store.observations(KEY, 0, FAR))
    store.close()

    def fault(name: str) -> None:
        if name == point:
            raise KeyboardInterrupt(signal.SIGINT)

    dying = opener(fault=fault)
    with pytest.raises(KeyboardInterrupt):
        thin(dying, 4 * DAY)
    dying.close()
    again = opener()
    assert list(again.observations(KEY, 0, FAR)) == before
    assert again.rollups(KEY, 0, FAR) == []
    assert thin(again, 4 * DAY) == 4 * 24 - 1
