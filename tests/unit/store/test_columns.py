"""Packing is exact: what comes out is what went in, whatever it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.store.columns import MOST_LOOKS, Look, pack, unpack
from wsla.values.instants import SECOND

INSTANTS = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.sampled_from([-(2**63), 2**63 - 1]), st.integers(0, 100)
)
TEXTS = st.one_of(st.text(max_size=8), st.sampled_from(["", "timeout", "1", "null"]))
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**200), 2**200),
    st.integers(-5, 5),
    st.sampled_from([2**63 - 1, -(2**63), 2**63, -(2**63) - 1]),
    INSTANTS.map(lambda at: at * 1_000_000),
    TEXTS,
)
NAMES = st.sampled_from(["ok", "elapsed", "status", "Ü", ""])
LOOKS = st.builds(
    lambda at, delay, row, fields, reason, failure: Look(
        at, at + delay * SECOND, row, fields, reason, failure
    ),
    INSTANTS,
    st.integers(-3, 10**6),
    TEXTS,
    st.dictionaries(NAMES, VALUES),
    st.none() | TEXTS,
    st.none() | TEXTS,
)


@given(st.lists(LOOKS, min_size=1, max_size=40))
def test_what_was_packed_comes_out_exactly(looks: list[Look]) -> None:
    found = unpack(pack(looks))
    assert found == looks
    # Truths are no numbers, and the order of fields is kept.
    kept = [[(name, type(value)) for name, value in look.fields.items()] for look in looks]
    assert [[(name, type(value)) for name, value in look.fields.items()] for look in found] == kept


@given(st.integers(1, 300), st.integers(1, 10**10), st.data())
def test_regular_looks_come_out_exactly(count: int, every: int, data: st.DataObject) -> None:
    noise = data.draw(st.lists(st.integers(0, 2**30), min_size=count, max_size=count))
    looks = [
        Look(i * every, i * every, "", {"ok": True, "elapsed": n, "first_byte": n - n % 999}, None, None)
        for i, n in enumerate(noise)
    ]
    assert unpack(pack(looks)) == looks


def test_as_many_texts_as_looks() -> None:
    looks = [
        Look(i, i, f"row {i}", {"text": f"{i}", "huge": 1 << i % 300}, None, None) for i in range(MOST_LOOKS)
    ]
    assert unpack(pack(looks)) == looks


def test_the_instant_of_receipt_is_kept_in_seconds_rounded_upwards() -> None:
    looks = [Look(0, received, "", {}, None, None) for received in (0, 1, SECOND, SECOND + 1)]
    assert [look.received_at for look in unpack(pack(looks))] == [0, SECOND, SECOND, 2 * SECOND]


def test_steady_looks_take_next_to_nothing() -> None:
    looks = [
        Look(i * 30 * SECOND + 7, i * 30 * SECOND + 9, "", {"ok": True}, None, None) for i in range(1000)
    ]
    assert len(pack(looks)) < 100


@pytest.mark.parametrize("content", [b"", b"\0", b"no content", pack([Look(0, 0, "", {}, None, None)])[:-3]])
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises((ValueError, KeyError, IndexError, TypeError)):
        unpack(content)
