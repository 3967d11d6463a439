"""A fault of the observer leaves every field unknown, and names of the network are resolved without holding it up."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from wsla.sources.http import FIELDS, Failure, Resolver
from wsla.sources.network.addresses import Address
from wsla.sources.network.failures import Stage, from_lookup_error, from_os_error
from wsla.sources.network.resolver import look_up
from wsla.values.instants import MILLISECOND, SECOND

LOOPBACK = Address(socket.AF_INET, ("127.0.0.1", 0))


def assert_unknown(seen: Any, failure: str) -> None:
    assert seen.failure == failure
    assert dict(seen.fields) == dict.fromkeys(FIELDS)
    assert seen.reason


def look_with(kit: Any, lookup: Any, host: str = "service.example", clock: Any = None, **options: Any) -> Any:
    async def main() -> Any:
        async with kit.service(kit.answer(b"ok")) as service:
            prober = kit.prober(f"http://{host}:{service.port}/", clock, Resolver(lookup), **options)
            return await prober.probe(0)

    return asyncio.run(main())


def failing(error: OSError) -> Any:
    def lookup(host: str) -> list[Address]:
        raise error

    return lookup


def test_a_name_is_resolved_and_its_time_measured(kit: Any) -> None:
    seen = look_with(kit, lambda host: [LOOPBACK], clock=kit.machine_clock())
    assert seen.failure is None
    assert seen.fields["resolve"] > 0


def test_the_machine_knows_its_own_name() -> None:
    assert {address.host for address in look_up("localhost")} & {"127.0.0.1", "::1"}


def test_an_unknown_name_is_the_fault_of_the_service(kit: Any) -> None:
    seen = look_with(kit, failing(socket.gaierror(socket.EAI_NONAME, "x")))
    assert (seen.failure, seen.fields["ok"]) == ("resolve-not-found", False)
    seen = look_with(kit, lambda host: [])
    assert (seen.failure, seen.fields["ok"]) == ("resolve-not-found", False)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "x"), "observer-resolver"),
        (socket.gaierror(socket.EAI_FAIL, "x"), "observer-resolver"),
        (socket.gaierror(socket.EAI_SYSTEM, "x"), "observer-resolver"),
        (OSError(errno.EIO, "x"), "observer-resolver"),
        (OSError(errno.EMFILE, "x"), "observer-resources"),
    ],
)
def test_a_resolver_that_fails_says_nothing_about_the_service(kit: Any, error: OSError, failure: str) -> None:
    assert_unknown(look_with(kit, failing(error)), failure)


def test_a_stuck_look_up_is_the_observers_fault_and_holds_one_thread(kit: Any) -> None:
    """N8."""
    release = threading.Event()
    asked: list[str] = []

    def lookup(host: str) -> list[Address]:
        asked.append(host)
        if host == "stuck.example":
            release.wait()
        return [LOOPBACK]

    async def main() -> tuple[list[Any], list[Any]]:
        resolver = Resolver(lookup, threads=2)
        async with kit.service(kit.answer(b"ok")) as service:
            stuck = kit.prober(
                f"http://stuck.example:{service.port}/",
                kit.machine_clock(),
                resolver,
                timeout=200 * MILLISECOND,
            )
            fine = [kit.prober(f"http://fine{n}.example:{service.port}/", None, resolver) for n in range(5)]
            ended = await asyncio.gather(*(stuck.probe(0) for _ in range(10)))
            return ended, await asyncio.gather(*(prober.probe(0) for prober in fine))

    try:
        ended, good = asyncio.run(main())
    finally:
        release.set()
    for seen in ended:
        assert_unknown(seen, "observer-resolver")
    assert [seen.failure for seen in good] == [None] * 5
    assert asked.count("stuck.example") == 1


def test_giving_up_on_a_look_up_does_not_cancel_it_for_others(kit: Any) -> None:
    release = threading.Event()

    def lookup(host: str) -> list[Address]:
        release.wait()
        return [LOOPBACK]

    async def main() -> list[Address]:
        resolver = Resolver(lookup)
        impatient = asyncio.create_task(resolver.resolve("slow.example", 80))
        patient = asyncio.create_task(resolver.resolve("slow.example", 80))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.sleep(0)
        release.set()
        return await patient

    assert asyncio.run(main()) == [Address(socket.AF_INET, ("127.0.0.1", 80))]


def test_the_next_address_is_tried(kit: Any) -> None:
    nobody = Address(socket.AF_INET, ("127.0.0.9", 0))
    assert look_with(kit, lambda host: [nobody, LOOPBACK]).failure is None
    assert look_with(kit, lambda host: [nobody, nobody]).failure == "refused"


def test_an_address_that_never_answers_leaves_time_for_the_next(kit: Any) -> None:
    async def main() -> Any:
        async with kit.service(kit.answer(b"ok")) as service:
            with socket.socket() as full:
                full.bind(("127.0.0.8", service.port))
                full.listen(0)
                crowd = [socket.socket() for _ in range(8)]
                for one in crowd:
                    one.setblocking(False)
                    one.connect_ex(("127.0.0.8", service.port))
                resolver = Resolver(lambda host: [Address(socket.AF_INET, ("127.0.0.8", 0)), LOOPBACK])
                prober = kit.prober(f"http://two.example:{service.port}/", resolver=resolver, timeout=SECOND)
                try:
                    return await prober.probe(0)
                finally:
                    for one in crowd:
                        one.close()

    assert asyncio.run(main()).failure is None


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_running_out_of_descriptors_is_the_observers_fault_and_passes(kit: Any) -> None:
    async def main() -> tuple[Any, Any]:
        async with kit.service(kit.answer(b"ok")) as service:
            prober = kit.prober(service.url())
            with no_more_descriptors():
                during = await prober.probe(0)
            return during, await prober.probe(0)

    during, after = asyncio.run(main())
    assert_unknown(during, "observer-resources")
    assert after.failure is None


def _problem_of(host: str) -> OSError:
    try:
        look_up(host)
    except OSError as error:
        return error
    raise AssertionError(f"{host} was found")


def test_a_name_that_cannot_be_looked_up_for_want_of_descriptors_is_not_missing() -> None:
    look_up("localhost")
    with no_more_descriptors():
        problem = _problem_of("nobody.invalid")
    assert from_lookup_error(problem, "nobody.invalid").failure is Failure.OBSERVER_RESOURCES


@pytest.mark.parametrize(
    ("number", "stage", "failure"),
    [
        (errno.ECONNREFUSED, Stage.CONNECT, Failure.REFUSED),
        (errno.EHOSTUNREACH, Stage.CONNECT, Failure.UNREACHABLE),
        (errno.ETIMEDOUT, Stage.CONNECT, Failure.TIMEOUT),
        (errno.ETIMEDOUT, Stage.BODY, Failure.TIMEOUT),
        (errno.ECONNRESET, Stage.CONNECT, Failure.RESET),
        (errno.ECONNRESET, Stage.HANDSHAKE, Failure.TLS_HANDSHAKE),
        (errno.ECONNRESET, Stage.WAIT, Failure.RESET),
        (errno.EPIPE, Stage.WAIT, Failure.RESET),
        (errno.EIO, Stage.BODY, Failure.UNREACHABLE),
        (errno.ENETUNREACH, Stage.CONNECT, Failure.OBSERVER_NETWORK),
        (errno.ENETDOWN, Stage.BODY, Failure.OBSERVER_NETWORK),
        (errno.EADDRNOTAVAIL, Stage.CONNECT, Failure.OBSERVER_NETWORK),
        (errno.EPERM, Stage.CONNECT, Failure.OBSERVER_NETWORK),
        (errno.EMFILE, Stage.CONNECT, Failure.OBSERVER_RESOURCES),
        (errno.ENFILE, Stage.CONNECT, Failure.OBSERVER_RESOURCES),
        (errno.ENOBUFS, Stage.CONNECT, Failure.OBSERVER_RESOURCES),
        (errno.ENOMEM, Stage.BODY, Failure.OBSERVER_RESOURCES),
    ],
)
def test_errors_of_the_socket_are_sorted(number: int, stage: Stage, failure: Failure) -> None:
    assert from_os_error(OSError(number, "x"), stage, "host:80").failure is failure


def test_a_broken_tls_stream_is_a_reset() -> None:
    assert from_os_error(ssl.SSLEOFError(8, "x"), Stage.BODY, "host:443").failure is Failure.RESET


def test_every_word_is_of_one_party() -> None:
    assert {word for word in Failure if word.of_observer} == {
        Failure.OBSERVER_RESOURCES, Failure.OBSERVER_NETWORK, Failure.OBSERVER_RESOLVER, Failure.OBSERVER_TLS,
        Failure.OBSERVER_LATE, Failure.OBSERVER_SHUTDOWN, Failure.OBSERVER_INTERNAL,
        Failure.OBSERVER_POLICY, Failure.OBSERVER_COMMAND, Failure.OBSERVER_PROXY,
        Failure.OBSERVER_QUERY, Failure.OBSERVER_FILE, Failure.OBSERVER_DATABASE, Failure.OBSERVER_AGREEMENT,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("beyond", "failure"),
    [(0, None), (1, "timeout"), (500 * MILLISECOND, "timeout"), (500 * MILLISECOND + 1, "observer-late")],
)
def test_an_observer_that_stood_still_does_not_blame_the_service(
    kit: Any, beyond: int, failure: str | None
) -> None:
    class JumpingClock(kit.standing_clock):  # type: ignore[misc]
        def __init__(self) -> None:
            self.jumped = 0

        def monotonic(self) -> int:
            return self.jumped

    clock = JumpingClock()

    async def pause(client: Any) -> None:
        clock.jumped = 10 * SECOND + beyond
        await client.send(kit.answer(b"ok"))

    seen = kit.look(pause, clock=clock, timeout=10 * SECOND)
    assert seen.failure == failure
    if failure == "observer-late":
        assert_unknown(seen, failure)
    else:
        assert (seen.fields["ok"], seen.fields["elapsed"]) == (failure is None, 10 * SECOND)


def test_a_bug_or_lack_of_memory_is_not_booked_on_the_service(kit: Any) -> None:
    class Failing(Resolver):
        error: Exception

        async def resolve(self, host: str, port: int) -> list[Address]:
            raise self.error

    for error, failure in ((MemoryError(), "observer-resources"), (KeyError("x"), "observer-internal")):
        resolver = Failing()
        resolver.error = error
        assert_unknown(asyncio.run(kit.prober("http://x.example/", resolver=resolver).probe(0)), failure)


def test_close_ends_running_probes_and_refuses_more(kit: Any) -> None:
    async def main() -> tuple[Any, Any]:
        async def hang(client: Any) -> None:
            arrived.set()
            await client.hang()

        arrived = asyncio.Event()
        async with kit.service(hang) as service:
            prober = kit.prober(service.url())
            running = asyncio.create_task(prober.probe(0))
            await arrived.wait()
            await prober.close()
            await prober.close()
            return await running, await prober.probe(1)

    for seen in asyncio.run(main()):
        assert_unknown(seen, "observer-shutdown")


def test_cancellation_is_passed_on_and_closes_the_connection(kit: Any) -> None:
    async def main() -> bytes:
        ended: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def wait_for_end(client: Any) -> None:
            arrived.set()
            ended.set_result(await client.reader.read())

        arrived = asyncio.Event()
        async with kit.service(wait_for_end) as service:
            running = asyncio.create_task(kit.prober(service.url()).probe(0))
            await arrived.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            return await ended

    assert asyncio.run(main()) == b""


def test_proxies_of_the_environment_are_ignored(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """N14."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert kit.look(kit.answer(b"ok")).failure is None


def test_no_connection_is_left_behind(kit: Any) -> None:
    def sockets() -> int:
        return sum(1 for name in os.listdir("/dev/fd") if os.path.exists(f"/dev/fd/{name}"))

    async def main() -> tuple[int, int]:
        async with kit.service(kit.answer(b"ok")) as service:
            prober = kit.prober(service.url())
            await prober.probe(0)
            await asyncio.sleep(0.05)
            before = sockets()
            for _ in range(30):
                await prober.probe(0)
            # The service ends its connections in its own time.
            for _ in range(600):
                await asyncio.sleep(0.05)
                if sockets() <= before + 2:
                    break
            return before, sockets()

    before, after = asyncio.run(main())
    assert after <= before + 2
