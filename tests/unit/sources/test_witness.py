"""While this machine's own network does not work, services that cannot be reached are unknown, not down (N9)."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from wsla.sources.network.addresses import Address
from wsla.sources.network.endpoint import Endpoint
from wsla.sources.network.failures import Failure
from wsla.sources.network.resolver import Resolver
from wsla.sources.witness import Witness, WitnessedProber, needs_network
from wsla.values.instants import SECOND
from wsla.values.observations import Observation

from ...ports import free_port


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = 0

    def now(self) -> int:
        return self.time

    def monotonic(self) -> int:
        return self.time

    async def sleep(self, nanoseconds: int) -> None:
        raise AssertionError("a witness does not sleep")


class Failing:
    """A prober that always sees the same."""

    def __init__(self, failure: str | None) -> None:
        self.failure = failure
        self.closed = False

    async def probe(self, at: int) -> Observation:
        fields = {"ok": self.failure is None, "elapsed": 5}
        return Observation(source="probe", at=at, fields=fields, reason="because", failure=self.failure)

    async def close(self) -> None:
        self.closed = True


def nowhere(host: str) -> list[Address]:
    raise socket.gaierror(socket.EAI_AGAIN, "no network")


def witness(*references: Endpoint, told: list[str] | None = None, clock: Any = None) -> Witness:
    lines = [] if told is None else told
    return Witness(references, clock or HandClock(), lines.append, Resolver(nowhere))


UNKNOWN = Endpoint(host="reference.example", port=53)


@pytest.mark.parametrize("failure", ["timeout", "unreachable", "resolve-not-found", "refused", "reset"])
def test_without_network_nothing_is_blamed(failure: str) -> None:
    told: list[str] = []
    prober = WitnessedProber(Failing(failure), witness(UNKNOWN, told=told))
    seen = asyncio.run(prober.probe(7))
    assert (seen.at, seen.failure, set(seen.fields.values())) == (7, "observer-network", {None})
    assert set(seen.fields) == {"ok", "elapsed"}
    assert seen.reason == "this machine's network does not work (because)"
    assert len(told) == 1


@pytest.mark.parametrize(
    "failure",
    [None, *(str(one) for one in Failure if one.startswith(("status", "text", "tls-", "dns-", "observer-")))],
)
def test_what_came_back_over_the_network_stands(failure: str | None) -> None:
    told: list[str] = []
    seen = asyncio.run(WitnessedProber(Failing(failure), witness(UNKNOWN, told=told)).probe(7))
    assert (seen.failure, told) == (failure, [])


def test_one_reference_that_answers_is_enough_and_a_refusal_is_an_answer() -> None:
    refusing = Endpoint(host="127.0.0.1", port=free_port())
    told: list[str] = []
    seen = asyncio.run(WitnessedProber(Failing("timeout"), witness(UNKNOWN, refusing, told=told)).probe(7))
    assert (seen.failure, seen.fields["ok"], told) == ("timeout", False, [])


def test_the_references_are_asked_once_for_many_failures_and_changes_are_told_once() -> None:
    asked = 0
    works = False

    def look_up(host: str) -> list[Address]:
        nonlocal asked
        asked += 1
        if not works:
            return nowhere(host)
        return [Address(socket.AF_INET, ("127.0.0.1", 0))]

    clock = HandClock()
    told: list[str] = []
    reference = Endpoint(host="reference.example", port=free_port())

    async def main() -> None:
        nonlocal works
        one = Witness([reference], clock, told.append, Resolver(look_up))
        assert await asyncio.gather(*(one.network_works() for _ in range(50))) == [False] * 50
        clock.time += SECOND - 1
        assert not await one.network_works()
        assert asked == 1
        clock.time += 1
        assert not await one.network_works()
        assert asked == 2
        works = True
        clock.time += SECOND
        assert await one.network_works()

    asyncio.run(main())
    assert [line.partition(":")[0] for line in told] == [
        "This machine's network does not work",
        "This machine's network works again.",
    ]


def test_who_gives_up_does_not_stop_the_question_for_others() -> None:
    async def main() -> bool:
        one = witness(Endpoint(host="127.0.0.1", port=free_port()))
        first = asyncio.ensure_future(one.network_works())
        second = asyncio.ensure_future(one.network_works())
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(main())


def test_closing_closes_the_prober() -> None:
    inner = Failing(None)
    asyncio.run(WitnessedProber(inner, witness()).close())
    assert inner.closed


@pytest.mark.parametrize(
    ("kind", "host", "needs"),
    [
        ("http", "shop.example", True),
        ("tcp", "192.0.2.1", True),
        ("tcp", "10.0.0.1", True),
        ("dns", "", True),
        ("tcp", "127.0.0.1", False),
        ("tcp", "::1", False),
        ("http", "LocalHost.", False),
        ("command", "/usr/bin/true", False),
    ],
)
def test_which_looks_leave_this_machine(kind: str, host: str, needs: bool) -> None:
    assert needs_network(kind, host) is needs
