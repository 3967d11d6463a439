"""What is stored already is found by its identity, however much is asked for at once."""

from __future__ import annotations

import pytest

from wsla.store import finding, packing
from wsla.store.finding import Identity, Stored
from wsla.store.records import Batch, Observed, Snapshot
from wsla.store.sqlite import Store

from .conftest import KEY, observation

ON_BOTH = True

FAR = 2**62
ROWS = ("", "a", "b", "it's “quoted”")


def stored(at: int, row: str) -> bool:
    """Whether this one is sent."""
    return at % 3 != 2 and (at + len(row)) % 5 != 0


@pytest.mark.parametrize("packed", [False, True])
def test_what_is_stored_is_found_and_nothing_else(
    store: Store, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several statements' worth, several rows at one instant, and another stream at the same ones."""
    sent = [
        Observed(KEY, observation(at, up=at % 2 == 0), FAR, stream, row, late=row == "b")
        for stream in ("eu", "us")
        for at in range(2 * finding._AT_ONCE // len(ROWS))
        for row in ROWS
        if stored(at, row) and (stream == "eu" or at % 7 == 0)
    ]
    store.write(Batch(observations=tuple(sent), snapshots=(Snapshot(KEY, "v", 0, {}),)))
    if packed:
        monkeypatch.setattr(packing, "ENOUGH", 1)
        assert store.pack(store.streams_to_pack(FAR), FAR).observations
    wanted = [
        Identity(stream, at, row)
        for row in (*ROWS, "c")
        for stream in ("us", "eu", "none")
        for at in range(finding._AT_ONCE)
    ]
    assert len(wanted) > 3 * finding._AT_ONCE
    assert store.held(KEY, "probe", wanted) == {
        Identity(one.stream, one.observation.at, one.row): Stored(one.observation.fields, one.late)
        for one in sent
    }
    assert store.held(KEY, "other", wanted) == {}
    assert store.held(KEY, "probe", []) == {}
