"""What is sent to daemons that stand by: a letter is there once, is taken once, and is answered by who judges."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from wsla.daemon.shares import gather
from wsla.store.errors import StoreLocked
from wsla.store.letters import Letter, Letters, Sender
from wsla.store.records import Observed
from wsla.store.sqlite import Store
from wsla.values.observations import Observation

from .conftest import KEY, Opener, observation, register


@pytest.fixture
def backend() -> str:
    return "postgresql"


@pytest.fixture
def letters(store: Store) -> Letters:
    found = store.letters()
    assert found is not None
    return found


@pytest.fixture
def sender(url: str, store: Store) -> Iterator[Sender]:
    found = Sender(url, time.time_ns)
    yield found
    found.close()


def rows() -> tuple[Observed, ...]:
    fields = {"up": True, "took": 12.5, "note": "a\0b \udc80", "none": None, "many": 2**53 + 1}
    odd = Observation(source="probe", at=20, fields=fields, reason="why", failure="word")
    return (Observed(KEY, observation(10), 11, "eu"), Observed(KEY, odd, 21, "us", "row 1"))


def test_a_file_has_no_letters(tmp_path: Any) -> None:
    with Store.open(str(tmp_path / "wsla.db"), writer=True) as store:
        assert store.letters() is None


def test_a_letter_arrives_as_it_was_sent_and_once(letters: Letters, sender: Sender) -> None:
    pushed = Letter(id="a", agreement=KEY, source="probe", sent=rows())
    beat = Letter(id="b", agreement=KEY, source="beats", beat=False)
    sender.send([pushed, beat])
    sender.send([pushed])
    assert letters.waiting([], 10) == [pushed, beat]
    assert letters.waiting(["a"], 10) == [beat]
    assert letters.waiting([], 1) == [pushed]
    assert sender.answers(["a", "b"]) == {}
    letters.answer({"a": "yes"})
    letters.answer({"a": "no"})
    assert letters.waiting([], 10) == [beat]
    assert sender.answers(["a", "b"]) == {"a": "yes"}
    sender.take_away(["a", "b"])
    assert (sender.answers(["a"]), letters.waiting([], 10)) == ({}, [])


def test_a_beat_is_taken_for_one_thing_and_only_while_its_sender_waits(
    letters: Letters, sender: Sender
) -> None:
    sender.send([Letter(id=name, agreement=KEY, source="probe", beat=True) for name in ("a", "b")])
    sender.take_away(["b"])
    first, second = (Observed(KEY, observation(at), at) for at in (10, 20))
    assert letters.note({"a": first, "b": first}) == {"a"}
    assert letters.note({"a": second}) == set()
    assert [one.noted for one in letters.waiting([], 10)] == [first]


def test_who_takes_over_stores_the_beats_that_were_noted(
    store: Store, letters: Letters, sender: Sender
) -> None:
    """Once, whether the one before had stored them or not."""
    register(store)
    sender.send([Letter(id=name, agreement=KEY, source="probe", beat=True) for name in ("a", "b", "c")])
    letters.note({"a": Observed(KEY, observation(20), 20), "b": Observed(KEY, observation(10), 10)})
    sharing = store.sharing()
    assert sharing is not None
    for _ in range(2):
        gather(store, sharing)
        assert [one.at for one in store.observations(KEY, 0, 100)] == [10, 20]
    assert [one.id for one in letters.waiting([], 10)] == ["a", "b", "c"]


def test_a_beat_that_nobody_took_in_time_is_none_any_more(
    store: Store, letters: Letters, sender: Sender
) -> None:
    """What is sent has a time of its own, and is taken however late."""
    names = ("beat", "noted", "push")
    sender.send(
        [
            Letter(id="beat", agreement=KEY, source="probe", beat=True),
            Letter(id="noted", agreement=KEY, source="probe", beat=True),
            Letter(id="push", agreement=KEY, source="probe", sent=rows()),
        ]
    )
    letters.note({"noted": Observed(KEY, observation(10), 10)})
    age(store, 29)
    assert tuple(one.id for one in letters.waiting([], 10)) == names
    age(store, 2)
    assert tuple(one.id for one in letters.waiting([], 10)) == names[1:]
    age(store, 30)
    letters.answer({})
    assert store._session.read("SELECT id FROM letters ORDER BY id") == [("noted",), ("push",)]


def age(store: Store, seconds: int) -> None:
    with store._session.transaction() as connection:
        connection.execute("UPDATE letters SET sent_at = sent_at - make_interval(secs => ?)", (seconds,))


def test_who_was_replaced_answers_and_notes_nothing(
    store: Store, letters: Letters, sender: Sender, opener: Opener
) -> None:
    """D7: the fence that guards what is written guards answers too."""
    sender.send([Letter(id="a", agreement=KEY, source="probe", beat=True)])
    with store._session.transaction() as connection:
        connection.execute("UPDATE store SET epoch = epoch + 1")
    with pytest.raises(StoreLocked):
        letters.answer({"a": "yes"})
    with pytest.raises(StoreLocked):
        letters.note({"a": Observed(KEY, observation(10), 10)})
    assert sender.answers(["a"]) == {}


def test_a_store_without_the_table_gets_it(store: Store, opener: Opener) -> None:
    """One that an earlier wsla has made."""
    with store._session.transaction() as connection:
        connection.execute("DROP TABLE letters")
    store.close()
    found = opener().letters()
    assert found is not None
    assert found.waiting([], 10) == []
