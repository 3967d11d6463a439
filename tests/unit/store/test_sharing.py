"""What daemons on one database tell each other: grants that end, what was seen, and who takes over from whom."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from typing import Any

import pytest

from wsla.daemon.shares import chosen, gather
from wsla.store import lease
from wsla.store.errors import StoreBroken, StoreLocked
from wsla.store.records import Observed
from wsla.store.sharing import Membership, Share, Sharing
from wsla.store.sqlite import Store

from ...cutting_proxy import Proxy
from .conftest import KEY, Opener, observation, register

PROBE = (KEY, "probe")


@pytest.fixture
def backend() -> str:
    return "postgresql"


@pytest.fixture
def sharing(store: Store) -> Sharing:
    found = store.sharing()
    assert found is not None
    return found


@pytest.fixture
def member(url: str, store: Store) -> Iterator[Membership]:
    found = Membership(url, "one", time.time_ns)
    yield found
    found.close()


def granted(sharing: Sharing, member: Membership, since: int = 10) -> Share:
    sharing.grant({PROBE: (member.identifier, since)})
    [share] = member.tick({KEY: "sum"}).shares
    return share


def seen(at: int) -> Observed:
    return Observed(KEY, observation(at), at, "eu")


def test_a_file_is_shared_with_nobody(tmp_path: Any) -> None:
    with Store.open(str(tmp_path / "wsla.db"), writer=True) as store:
        assert store.sharing() is None


def test_what_a_member_sees_waits_until_it_is_stored(sharing: Sharing, member: Membership) -> None:
    share = granted(sharing, member)
    assert (share.place, share.member, share.pending) == (PROBE, "one", 10)
    assert member.add({share: 30}, {share: [seen(10), seen(20)]}) == set()
    found = sharing.look()
    assert found.members == {"one": {KEY: "sum"}}
    assert [one.observed for one in found.incoming] == [seen(10), seen(20)]
    assert [one.pending for one in found.shares] == [30]
    first, second = (one.sequence for one in found.incoming)
    assert [one.sequence for one in sharing.look([first]).incoming] == [second]
    sharing.done([first, second])
    assert sharing.look().incoming == ()


def test_who_lost_a_grant_adds_nothing_more(sharing: Sharing, member: Membership) -> None:
    """D7: also where the same source was granted to the same member again."""
    share = granted(sharing, member)
    sharing.revoke([PROBE])
    assert member.add({share: 30}, {share: [seen(20)]}) == {PROBE}
    assert granted(sharing, member).number != share.number
    assert member.add({share: 30}, {share: [seen(20)]}) == {PROBE}
    assert sharing.look().incoming == ()


def test_a_source_is_granted_to_one(sharing: Sharing, member: Membership) -> None:
    granted(sharing, member)
    sharing.grant({PROBE: ("two", 5)})
    assert [one.member for one in sharing.look().shares] == ["one"]


def test_who_takes_over_stores_what_came_in_once_and_in_its_order(
    store: Store, sharing: Sharing, member: Membership
) -> None:
    share = granted(sharing, member)
    member.add({share: 40}, {share: [seen(30), seen(20)]})
    gather(store, sharing)
    assert [one.at for one in store.observations(KEY, 0, 100)] == [20, 30]
    assert [one.at for one in store.observations_after_snapshot(KEY)] == [20, 30]
    found = sharing.look()
    assert (found.shares, found.incoming) == ((), ())
    gather(store, sharing)
    assert store.count_observations(KEY) == 2


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_member_cut_off_at_the_commit_adds_nothing_twice(
    url: str, postgres: Any, store: Store, sharing: Sharing, cut: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy(postgres.port)
    member = Membership(url.replace(str(postgres.port), str(proxy.port)), "one", time.time_ns)
    try:
        share = granted(sharing, member)
        armed = True

        def fault(name: str) -> None:
            nonlocal armed
            if armed and name == "before-commit":
                armed = False
                proxy.arm(cut)

        monkeypatch.setattr(member._session, "_fault", fault)
        proxy.refuse_after_cut = True
        with pytest.raises(StoreBroken):
            member.add({share: 30}, {share: [seen(20)]})
        proxy.refuse(False)
        assert member.settle() is (cut == "after")
        if cut == "before":
            member.add({share: 30}, {share: [seen(20)]})
        assert [one.observed for one in sharing.look().incoming] == [seen(20)]
    finally:
        member.close()
        proxy.close()


def test_members_learn_whether_somebody_writes(store: Store, member: Membership, opener: Opener) -> None:
    told = member.tick({})
    assert (told.held, told.ended, told.left) == (True, False, False)
    assert abs(told.now - time.time_ns()) < 60 * 10**9
    assert told.holder == f"process {os.getpid()} on {platform.node()}"
    store.close()
    # The server notices a moment later that a connection has gone.
    for _ in range(100):
        told = member.tick({})
        if not told.held:
            break
        time.sleep(0.05)
    assert (told.held, told.left) == (False, True)
    opener()
    assert member.tick({}).held


def test_who_says_goodbye_is_gone_at_once(sharing: Sharing, member: Membership) -> None:
    member.tick({KEY: "sum"})
    assert set(sharing.look().members) == {"one"}
    member.leave()
    assert sharing.look().members == {}


def test_a_writer_that_says_nothing_any_more_is_replaced(
    url: str, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D7: its lease ends although it keeps its connection, and with it the lock."""
    monkeypatch.setattr(lease, "LENGTH", 2.0)
    first = opener()
    register(first)
    with pytest.raises(StoreLocked):
        opener()
    keeper = first._session._lease
    keeper.end()
    time.sleep(2.1)
    second = opener()
    with pytest.raises(StoreLocked):
        register(first, "other")
    register(second, "more")
    assert [one.key for one in second.agreements()] == ["more", KEY]


def test_a_lease_is_kept_while_the_writer_does_nothing(
    store: Store, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LENGTH", 2.0)
    store.close()
    store = opener()
    time.sleep(3)
    with pytest.raises(StoreLocked):
        opener()
    register(store, "more")


def test_few_sources_move_when_a_member_comes() -> None:
    places = [("Shop", f"source {number}") for number in range(300)]
    before = {place: chosen(place, ["a", "b"]) for place in places}
    after = {place: chosen(place, ["a", "b", "c"]) for place in places}
    moved = [place for place in places if before[place] != after[place]]
    assert {after[place] for place in moved} == {"c"}
    assert 60 < len(moved) < 140
    assert 110 < sum(one == "a" for one in before.values()) < 190
