"""Addresses that messages carry: what they open, for how long, and what makes them useless."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from wsla.daemon.links import GOOD_FOR, BadLink, Links
from wsla.plan.model import Target
from wsla.remedies.decisions import Intent, Words
from wsla.values.instants import DAY, SECOND

NOW = 1_780_000_000 * SECOND
LINKS = Links(public_url="https://sla.example/wsla", secret="s" * 32)
ONCALL = Target(party="acme", channel="oncall")


def intent(step: str = "fired 1", kind: str = "rule slow", **more: Any) -> Intent:
    values: dict[str, Any] = {
        "id": f"Ü|v1|{kind}|{step}|2026-05-28T10:00:00Z|region=eu|0",
        "verb": "notify",
        "targets": (ONCALL,),
        "at": NOW,
        "cause": "slow",
        "labels": (),
        "window": None,
        "words": Words.of("s", "t"),
    }
    return Intent(**(values | more))


def token_of(links: Links, one: Intent | None = None, target: Target = ONCALL) -> str:
    address = links.acknowledge(one or intent(), target)
    assert address is not None
    assert address.startswith("https://sla.example/wsla/acknowledge/")
    return address.rsplit("/", 1)[1]


def test_an_address_opens_to_the_message_that_carried_it() -> None:
    assert LINKS.opened(token_of(LINKS), NOW) == (intent().id, "acme.oncall")
    assert LINKS.page("A/B & C") == "https://sla.example/wsla/agreements/A%2FB%20%26%20C"
    # Every attempt carries the same bytes.
    assert token_of(LINKS) == token_of(LINKS)


def test_it_is_good_up_to_its_end_and_not_at_it() -> None:
    token = token_of(LINKS)
    end = (NOW + GOOD_FOR) // SECOND * SECOND
    assert LINKS.opened(token, end - 1)[0] == intent().id
    with pytest.raises(BadLink, match="over"):
        LINKS.opened(token, end)
    assert LINKS.opened(token_of(evolve(LINKS, good_for=30 * DAY)), end)[0] == intent().id


def test_what_ends_an_episode_what_all_may_read_and_what_goals_tell_carry_none() -> None:
    for one in (
        intent("recovery 1"),
        intent(verb="publish"),
        intent(kind="goal g"),
        intent(id="no identity"),
        intent(id="x" * 3_000),
    ):
        assert LINKS.acknowledge(one, ONCALL) is None
    assert evolve(LINKS, secret=None).acknowledge(intent(), ONCALL) is None


def test_only_those_named_are_given_one() -> None:
    for targets, gets in (
        (("acme",), True),
        (("acme.oncall",), True),
        (("acme.ops", "globex"), False),
        ((), False),
    ):
        assert (evolve(LINKS, targets=targets).acknowledge(intent(), ONCALL) is not None) == gets


def test_another_secret_opens_nothing() -> None:
    token = token_of(LINKS)
    for links in (evolve(LINKS, secret="t" * 32), evolve(LINKS, secret=None)):
        with pytest.raises(BadLink, match="nothing"):
            links.opened(token, NOW)


@given(st.integers(0, 10_000), st.characters())
def test_one_character_changed_opens_nothing(place: int, character: str) -> None:
    token = token_of(LINKS)
    position = place % len(token)
    changed = token[:position] + character + token[position + 1 :]
    if changed != token:
        with pytest.raises(BadLink):
            LINKS.opened(changed, NOW)


@given(st.text(max_size=200))
def test_whatever_somebody_writes_opens_nothing(text: str) -> None:
    with pytest.raises(BadLink):
        LINKS.opened(text, NOW)


def test_what_is_signed_is_signed_for_this_alone() -> None:
    """A webhook's signature with the same secret is of no use here."""
    from wsla.channels.signature import sign

    content = f"{NOW // SECOND + 60}\nacme\n{intent().id}".encode()
    encoded = base64.urlsafe_b64encode(content).rstrip(b"=").decode()
    digest = bytes.fromhex(sign("s" * 32, content, 1).rpartition("=")[2])
    with pytest.raises(BadLink):
        LINKS.opened(f"{encoded}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}", NOW)


def test_neither_secret_nor_address_is_shown() -> None:
    from wsla.ports import Delivery

    assert LINKS.secret is not None
    assert LINKS.secret not in repr(LINKS)
    sent = Delivery(
        key="k", subject="s", text="t", payload={}, acknowledge_url=LINKS.acknowledge(intent(), ONCALL)
    )
    assert token_of(LINKS) not in repr(sent)
