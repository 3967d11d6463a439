"""N8: names that are slow, missing, of another family, that change, or whose servers are stuck."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest

from wsla.sources.http import Resolver
from wsla.sources.network.addresses import Address, Reach
from wsla.values.instants import HOUR, MILLISECOND, MINUTE

LOOPBACK = Address(socket.AF_INET, ("127.0.0.1", 0))
LINK_LOCAL = Address(socket.AF_INET, ("169.254.169.254", 0))


def look(
    kit: Any, lookup: Any, times: int = 1, host: str = "127.0.0.1", clock: Any = None, **options: Any
) -> list[Any]:
    """So many looks at a service of a name, one after the other."""

    async def main() -> list[Any]:
        async with kit.service(kit.answer(b"ok"), host=host) as service:
            prober = kit.prober(
                f"http://service.example:{service.port}/",
                clock or kit.machine_clock(),
                Resolver(lookup),
                **options,
            )
            return [await prober.probe(at) for at in range(times)]

    return asyncio.run(main())


def test_a_slow_name_is_timed_apart(kit: Any) -> None:
    """N8: what the name takes is no part of what the connection takes."""

    class Clock(kit.machine_clock):  # type: ignore[misc,name-defined]
        passed = 0

        def monotonic(self) -> int:
            return int(super().monotonic()) + self.passed

    clock = Clock()

    def lookup(host: str) -> list[Address]:
        clock.passed += 30 * MINUTE
        return [LOOPBACK]

    [seen] = look(kit, lookup, clock=clock, timeout=HOUR)
    assert seen.failure is None
    assert seen.fields["resolve"] >= 30 * MINUTE
    assert seen.fields["connect"] < 30 * MINUTE
    assert seen.fields["elapsed"] >= seen.fields["resolve"]


def test_a_name_with_no_address_is_the_services_fault_and_one_that_nobody_answers_for_is_not(
    kit: Any,
) -> None:
    """N8: no answer at all (NODATA, NXDOMAIN) against SERVFAIL and a time-out."""
    answers: list[Any] = [
        [],
        socket.gaierror(socket.EAI_NONAME, "NXDOMAIN"),
        socket.gaierror(socket.EAI_AGAIN, "SERVFAIL"),
        TimeoutError(),
        [LOOPBACK],
    ]

    def lookup(host: str) -> list[Address]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return list(answer)

    failures = [one.failure for one in look(kit, lookup, times=5)]
    assert failures[:2] == ["resolve-not-found"] * 2
    assert failures[2:4] == ["observer-resolver"] * 2
    assert failures[4] is None


def test_a_name_of_ipv6_alone(kit: Any) -> None:
    """N8."""
    address = Address(socket.AF_INET6, ("::1", 0, 0, 0))
    assert look(kit, lambda host: [address], host="::1")[0].failure is None
    # Where this machine has no IPv6, or nobody listens there, it is tried and named.
    assert look(kit, lambda host: [address])[0].failure in ("refused", "observer-network")


def test_every_look_asks_anew_whatever_the_time_to_live(kit: Any) -> None:
    """N8: a name that moves is followed with the next look."""
    nobody = Address(socket.AF_INET, ("127.0.0.9", 0))
    answers = [[LOOPBACK], [nobody], [LOOPBACK]]
    assert [one.failure for one in look(kit, lambda host: answers.pop(0), times=3)] == [None, "refused", None]


def test_what_was_approved_is_what_is_connected_to(kit: Any) -> None:
    """N8, W3: a name is asked for once a look, so that it cannot change between the check and the connection."""
    asked = 0

    def lookup(host: str) -> list[Address]:
        nonlocal asked
        asked += 1
        return [LOOPBACK] if asked % 2 else [LINK_LOCAL]

    reach = frozenset({Reach.LOOPBACK})
    assert [one.failure for one in look(kit, lookup, times=2, reach=reach)] == [None, "observer-policy"]
    assert asked == 2


@pytest.mark.parametrize(("most", "failure", "seconds"), [(50, None, 20), (10, "observer-resolver", 1)])
def test_many_stuck_names_keep_nobody_else_from_asking(
    kit: Any, most: int, failure: str | None, seconds: int
) -> None:
    """N8: and there is a bound to it all the same."""
    release = threading.Event()

    def lookup(host: str) -> list[Address]:
        if host.startswith("stuck"):
            release.wait(30)
        return [LOOPBACK]

    async def main() -> Any:
        resolver = Resolver(lookup, threads=2, most=most, stuck_after=0.02)
        async with kit.service(kit.answer(b"ok")) as service:
            stuck = [asyncio.ensure_future(resolver.resolve(f"stuck{n}.example", 80)) for n in range(20)]
            for number in range(20, 40):
                await asyncio.sleep(0.03)
                stuck.append(asyncio.ensure_future(resolver.resolve(f"stuck{number}.example", 80)))
            await asyncio.sleep(0.05)
            prober = kit.prober(
                f"http://fine.example:{service.port}/",
                kit.machine_clock(),
                resolver,
                timeout=seconds * 1000 * MILLISECOND,
            )
            seen = await prober.probe(0)
            release.set()
            await asyncio.gather(*stuck)
            assert resolver._started <= most
            return seen

    try:
        assert asyncio.run(main()).failure == failure
    finally:
        release.set()


def test_a_name_behind_stuck_ones_is_asked_for_though_no_other_question_comes(kit: Any) -> None:
    """N8: the last question of all finds every thread taken, and the ones that took them stuck only later."""
    release = threading.Event()

    def lookup(host: str) -> list[Address]:
        if host.startswith("stuck"):
            release.wait(30)
        return [LOOPBACK]

    async def main() -> list[Address]:
        resolver = Resolver(lookup, threads=2, most=8, stuck_after=0.02)
        stuck = [asyncio.ensure_future(resolver.resolve(f"stuck{n}.example", 80)) for n in range(4)]
        await asyncio.sleep(0)
        try:
            return await asyncio.wait_for(resolver.resolve("fine.example", 80), timeout=20)
        finally:
            release.set()
            await asyncio.gather(*stuck)

    try:
        assert asyncio.run(main()) == [Address(socket.AF_INET, ("127.0.0.1", 80))]
    finally:
        release.set()
