"""Every intent is delivered to each of its targets, or ends among the dead letters; nothing is dropped between."""

from __future__ import annotations

from pathlib import Path

from wsla.plan.model import Target
from wsla.store import reading
from wsla.store.records import Batch, Decided, DeliveryOutcome, DeliveryState, OutboxCounts
from wsla.store.sqlite import Store

from .conftest import KEY, TARGETS, Opener, intent, register

ON_BOTH = True

CUSTOMER, PAGER = TARGETS


def keep(store: Store, *names: str, at: int = 10) -> None:
    store.write(Batch(decisions=tuple(Decided(KEY, intent(name, at)) for name in names)))


def test_an_intent_is_due_at_each_target_from_its_instant(store: Store) -> None:
    keep(store, "i")
    assert store.due_deliveries(9, 10) == []
    due = store.due_deliveries(10, 10)
    assert [(item.agreement, item.intent, item.target, item.attempts) for item in due] == [
        (KEY, intent("i"), CUSTOMER, 0),
        (KEY, intent("i"), PAGER, 0),
    ]


def test_the_longest_due_comes_first_and_the_limit_holds(store: Store) -> None:
    for at in (30, 10, 20):
        keep(store, f"i{at}", at=at)
    assert [item.intent.id for item in store.due_deliveries(25, 10)] == ["i10", "i10", "i20", "i20"]
    assert [item.intent.id for item in store.due_deliveries(100, 3)] == ["i10", "i10", "i20"]
    assert store.next_delivery_at() == 10


def test_a_delivery_is_marked_once(store: Store) -> None:
    keep(store, "i")
    assert store.delivery_succeeded("i", CUSTOMER, 12)
    assert not store.delivery_succeeded("i", CUSTOMER, 13)
    assert not store.delivery_failed("i", CUSTOMER, 14, "late news", None)
    assert not store.delivery_succeeded("unheard of", CUSTOMER, 12)
    assert [item.target for item in store.due_deliveries(100, 10)] == [PAGER]
    assert store.outbox_counts() == OutboxCounts(pending=1, delivered=1, dead=0)


def test_a_failed_attempt_is_repeated_later(store: Store) -> None:
    keep(store, "i")
    store.delivery_succeeded("i", str(CUSTOMER), 10)
    assert store.delivery_failed("i", "operator.pager", 11, "503", 50)
    assert store.due_deliveries(49, 10) == []
    (item,) = store.due_deliveries(50, 10)
    assert (item.attempts, item.last_attempt_at, item.last_error) == (1, 11, "503")
    assert store.delivery_succeeded("i", PAGER, 51)
    assert store.next_delivery_at() is None


def test_what_is_given_up_lies_among_the_dead_letters(store: Store) -> None:
    keep(store, "i", "j")
    store.delivery_failed("i", PAGER, 11, "410 gone", None)
    (letter,) = store.dead_letters()
    assert (letter.intent.id, letter.target, letter.state) == ("i", PAGER, DeliveryState.DEAD)
    assert (letter.last_error, letter.next_attempt_at, letter.delivered_at) == ("410 gone", None, None)
    assert len(store.due_deliveries(100, 10)) == 3
    assert store.outbox_counts() == OutboxCounts(pending=3, delivered=0, dead=1)


def test_outcomes_can_be_written_in_groups(store: Store) -> None:
    keep(store, "i")
    outcomes = (
        DeliveryOutcome(intent_id="i", target=CUSTOMER, at=11, delivered=True),
        DeliveryOutcome(intent_id="i", target=PAGER, at=11, delivered=False),
    )
    assert store.write(Batch(outcomes=outcomes)).changed_deliveries == 2
    assert store.dead_letters()[0].last_error == "no reason was given"


def test_an_intent_that_comes_again_is_not_sent_again(store: Store) -> None:
    keep(store, "i", "i")
    store.delivery_succeeded("i", CUSTOMER, 11)
    keep(store, "i")
    assert store.outbox_counts() == OutboxCounts(pending=1, delivered=1, dead=0)
    changed = intent("i", targets=(*TARGETS, Target(party="auditor")), text="Other")
    assert store.write(Batch(decisions=(Decided(KEY, changed),))).contradictions == ("the intent i",)
    assert store.outbox_counts().pending == 1


def test_an_intent_without_targets_and_with_a_doubled_one(store: Store) -> None:
    decisions = (
        Decided(KEY, intent("none", targets=())),
        Decided(KEY, intent("two", targets=(PAGER, PAGER))),
    )
    assert store.write(Batch(decisions=decisions)).new_intents == 2
    assert store.outbox_counts().pending == 1


def test_the_limit_is_reported_and_nothing_is_dropped(opener: Opener) -> None:
    store = opener(outbox_limit=4)
    register(store)
    two = tuple(Decided(KEY, intent(name)) for name in ("a", "b"))
    assert not store.write(Batch(decisions=two)).outbox_over_limit
    assert store.write(Batch(decisions=(Decided(KEY, intent("c")),))).outbox_over_limit
    assert len(store.due_deliveries(100, 100)) == 6
    store.delivery_succeeded("a", CUSTOMER, 1)
    assert store.write(Batch()).outbox_over_limit
    store.delivery_failed("a", PAGER, 1, "gone", None)
    assert not store.write(Batch()).outbox_over_limit
    store.delivery_failed("b", PAGER, 1, "again", 5)
    assert not store.write(Batch()).outbox_over_limit
    store.close()
    again = opener(outbox_limit=3)
    assert again.write(Batch()).outbox_over_limit


def test_a_long_outbox_opens_and_is_asked_by_its_index(store: Store, opener: Opener, path: Path) -> None:
    count = 100_000
    with store._session.transaction() as connection:
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)"
            " INSERT INTO intents (id, agreement_id, at, content, recorded_at)"
            " SELECT 'n' || i, 1, i, replace(?, '\"id\":\"i\"', '\"id\":\"n' || i || '\"'), 0 FROM n",
            (count, reading.codecs.dump_intent(intent("i"))),
        )
        connection.execute(
            "INSERT INTO outbox (intent_id, target, next_attempt_at) SELECT id, 'customer', at FROM intents"
        )
    store.close()
    again = opener()
    assert again.pending_deliveries() == count
    assert [item.intent.id for item in again.due_deliveries(count, 3)] == ["n0", "n1", "n2"]
    plan = [row[3] for row in again._session.read(f"EXPLAIN QUERY PLAN {reading.DUE}", [count, 10])]
    assert plan[0] == "SEARCH outbox USING INDEX outbox_due (next_attempt_at<?)"
    assert not [step for step in plan if "SCAN" in step or "TEMP B-TREE" in step]
