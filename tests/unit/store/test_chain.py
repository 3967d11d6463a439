"""Everything that is said of an agreement is one chain, and verdicts name what they rest on by hash."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from wsla.remedies.claims import ClaimStep
from wsla.store import packing, writing
from wsla.store.chain import link_digest, sha256_of
from wsla.store.evidence import Evidence, HoursInMemory, evidence_of
from wsla.store.interventions import Intervention
from wsla.store.records import Batch, Decided, Judged, Observed, Rejudged, Snapshot
from wsla.store.sqlite import Store
from wsla.values.instants import HOUR, MINUTE, Interval
from wsla.values.observations import Observation

from .conftest import KEY, Opener, entry, intent, judgement, observation, register
from .test_claims import book

ON_BOTH = True

FAR = 2**62
SNAPSHOT = (Snapshot(KEY, "v", 0, {}),)


def kinds(store: Store, key: str = KEY) -> list[str]:
    return [link.kind for link in store.links(key)]


def holds(store: Store, key: str = KEY) -> bool:
    previous = ""
    for number, link in enumerate(store.links(key), 1):
        if link.number != number or not link.follows(previous):
            return False
        previous = link.digest
    return True


def test_everything_that_is_said_and_decided_gets_a_link(store: Store, opener: Opener) -> None:
    book(store)
    store.write(
        Batch(
            judgements=(Judged(KEY, judgement(final=False)),),
            decisions=(Decided(KEY, intent()),),
            corrections=(Rejudged(KEY, 5, judgement()),),
        )
    )
    store.write(Batch(judgements=(Judged(KEY, judgement()),)))
    with opener(writer=False, beside=True) as desk:
        desk.take_claim_step("e", ClaimStep.CLAIMED, 20, None, "UTC")
        desk.intervene([Intervention(kind="acknowledge", agreement=KEY, subject="x", at=21, author="Ana")])
    register(store, text="second", at=2)
    wanted = ["text", "entry", "entry", "intent", "correction", "verdict", "claim", "intervention", "text"]
    assert kinds(store) == wanted
    assert holds(store)
    [said] = [link for link in store.links(KEY) if link.kind == "intervention"]
    assert said.sha256 == sha256_of('["acknowledge","x",null,21,null,"Ana",null]')
    assert store.chain_end(KEY) == (9, list(store.links(KEY))[-1].digest)
    register(store, "other")
    assert kinds(store, "other") == ["text"]
    assert store.chain_end("nobody") == (0, "")


def test_what_is_written_again_gets_no_link(store: Store) -> None:
    batch = Batch(
        judgements=(Judged(KEY, judgement()),), decisions=(Decided(KEY, intent()), Decided(KEY, entry()))
    )
    for _ in range(2):
        store.write(batch)
        register(store)
        assert kinds(store) == ["text", "verdict", "intent", "entry"]


def test_a_digest_is_what_the_page_says(store: Store) -> None:
    (link,) = store.links(KEY)
    assert link.sha256 == hashlib.sha256(b"agreement \xe2\x80\xa6").hexdigest()
    form = json.dumps([1, "text", "1", link.sha256, None, link.recorded_at], separators=(",", ":"))
    assert link.digest == hashlib.sha256(f"\n{form}".encode()).hexdigest()
    assert link.digest == link_digest("", 1, "text", "1", sha256_of("agreement …"), None, link.recorded_at)


def evidence(store: Store) -> list[Evidence]:
    return [Evidence.load(link.evidence) for link in store.links(KEY) if link.evidence is not None]


def look(at: int, value: int = 1, source: str = "probe") -> Observation:
    return Observation(source=source, at=at, fields={"b": value, "a": None}, reason="slow")


def test_evidence_is_what_the_page_says(store: Store) -> None:
    for one in (look(3 * MINUTE), look(61 * MINUTE), look(2 * HOUR), look(MINUTE)):
        store.write(Batch(observations=(Observed(KEY, one, 0, "eu"),)))
    store.write(
        Batch(observations=(Observed(KEY, look(5), 0, late=True), Observed(KEY, look(5, source="x"), 0)))
    )
    store.write(Batch(judgements=(Judged(KEY, judgement(0, 2 * HOUR), ("probe",)),)))

    def digest(*lines: str) -> str:
        return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()

    def form(at: int) -> str:
        return f'[{at},"",{{"a":null,"b":1}},"slow",null]'

    first = f"0 2 {digest(form(MINUTE), form(3 * MINUTE))}"
    second = f"{HOUR} 1 {digest(form(61 * MINUTE))}"
    wanted = digest('["probe","eu"]', first, second)
    assert evidence(store) == [Evidence(sources=("probe",), observations=3, sha256=wanted)]


def test_verdicts_that_rest_on_the_same_are_hashed_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []

    def counted(*arguments: Any) -> Evidence:
        asked.append(arguments[3:])
        return evidence_of(*arguments)

    monkeypatch.setattr(writing, "evidence_of", counted)
    register(store)
    labels = [(("customer", str(number)),) for number in range(50)]
    looks = tuple(
        Observed(KEY, observation(10), 10, stream=json.dumps([["customer", one[0][1]]])) for one in labels
    )
    said = [Judged(KEY, judgement(labels=one), ("probe",)) for one in labels]
    said += [
        Judged(KEY, judgement(5, 100, labels=labels[0]), ("probe",)),
        Judged(KEY, judgement(goal="other")),
    ]
    store.write(Batch(observations=looks, judgements=tuple(said)))
    assert asked == [(("probe",), 0, 100), (("probe",), 5, 100), (None, 0, 100)]
    assert len(set(evidence(store)[:50])) == 1
    assert evidence(store)[0] == store.evidence(KEY, ("probe",), Interval(0, 100), HoursInMemory())


@pytest.mark.parametrize(
    "window", [(0, 6 * HOUR), (HOUR // 2, 5 * HOUR), (HOUR + 1, HOUR + 2), (10, HOUR), (0, 1)]
)
def test_evidence_is_the_same_however_it_is_stored(
    store: Store, monkeypatch: pytest.MonkeyPatch, window: tuple[int, int]
) -> None:
    monkeypatch.setattr(packing, "ENOUGH", 1)
    looks = [look(at, at // MINUTE) for at in range(0, 6 * HOUR, 7 * MINUTE)]
    span = Interval(*window)

    def now() -> Evidence:
        fresh = store.evidence(KEY, ("probe",), span, HoursInMemory())
        assert store.evidence(KEY, ("probe",), span, HoursInMemory()) == fresh
        return fresh

    for one in looks:
        store.write(
            Batch(observations=(Observed(KEY, one, 0), Observed(KEY, one, 0, "eu")), snapshots=SNAPSHOT)
        )
    before = now()
    assert before.observations == 2 * sum(span.contains(one.at) for one in looks)
    for until in (2 * HOUR, 5 * HOUR, FAR):
        store.pack(store.streams_to_pack(until), until)
        assert now() == before
        # As the daemon does it, with the digests of hours that it has kept.
        goal = f"until {until}"
        store.write(Batch(judgements=(Judged(KEY, judgement(*window, goal=goal), ("probe",)),)))
        assert evidence(store)[-1] == before


def test_what_comes_for_an_hour_that_was_digested_is_a_part_of_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "ENOUGH", 1)
    store.write(
        Batch(
            observations=tuple(Observed(KEY, look(at), 0) for at in range(0, 3 * HOUR, MINUTE)),
            snapshots=SNAPSHOT,
        )
    )
    store.write(Batch(judgements=(Judged(KEY, judgement(0, HOUR)),)))
    store.pack(store.streams_to_pack(2 * HOUR), 2 * HOUR)
    store.write(Batch(observations=(Observed(KEY, look(5), 0), Observed(KEY, look(6), 0, late=True))))
    store.write(Batch(judgements=(Judged(KEY, judgement(0, 2 * HOUR)),)))
    first, second = evidence(store)
    assert (first.observations, second.observations) == (60, 121)
    assert second == store.evidence(KEY, ("probe",), Interval(0, 2 * HOUR), HoursInMemory())


def test_what_comes_for_an_hour_that_was_packed_meanwhile_is_a_part_of_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a machine has slept for days, a look from before may end when its hour is packed already."""
    monkeypatch.setattr(packing, "ENOUGH", 1)
    looks = tuple(Observed(KEY, look(at), 0) for at in (0, MINUTE, 2 * HOUR))
    store.write(Batch(observations=looks, snapshots=SNAPSHOT))
    # No digest is kept when the writer looks for one for the first time: only packing keeps that of the first hour.
    store.pack(store.streams_to_pack(HOUR), HOUR)
    store.write(Batch(observations=(Observed(KEY, look(2 * MINUTE), 3 * HOUR),)))
    store.write(Batch(judgements=(Judged(KEY, judgement(0, HOUR), ("probe",)),)))
    [told] = evidence(store)
    assert told.observations == 3
    assert told == store.evidence(KEY, ("probe",), Interval(0, HOUR), HoursInMemory())


def test_thinning_is_said_in_the_chain(store: Store) -> None:
    store.write(
        Batch(observations=tuple(Observed(KEY, observation(at), 0) for at in range(10)), snapshots=SNAPSHOT)
    )
    store.thin(store.streams_to_thin(KEY, 5, 0, 10), 5, HOUR)
    *_, link = store.links(KEY)
    assert (link.kind, json.loads(link.subject)) == ("thinned", [["probe", "", 5, 4]])
    assert link.sha256 == sha256_of(link.subject)
    assert holds(store)
