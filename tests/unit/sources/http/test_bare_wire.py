"""Bare sockets: bytes go out and come in under either way of watching them, and nothing is left behind."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable
from typing import Any

import pytest

from wsla.sources.network import bare
from wsla.sources.network.addresses import Address
from wsla.sources.network.bare import BareWire, connect_one
from wsla.sources.network.readiness import READABLE, Looped, Polled, Readiness

MUCH = 8 * 1024 * 1024

ways = pytest.mark.parametrize(
    "way",
    [
        pytest.param(Looped, id="loop"),
        pytest.param(
            Polled,
            id="poll",
            marks=pytest.mark.skipif(not hasattr(select, "epoll"), reason="only Linux has epoll"),
        ),
    ],
)


def watched(monkeypatch: pytest.MonkeyPatch, way: Callable[[Any], Readiness]) -> dict[Any, Readiness]:
    """Has sockets watched in one way."""
    known: dict[Any, Readiness] = {}

    def readiness_of(loop: Any) -> Readiness:
        if loop not in known:
            known[loop] = way(loop)
        return known[loop]

    monkeypatch.setattr(bare, "readiness_of", readiness_of)
    return known


async def served(answer: Callable[[Any, Any], Any], use: Callable[[BareWire], Any]) -> Any:
    """What ``use`` finds on a connection to a server that answers so."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        wire = BareWire(await connect_one(Address(socket.AF_INET, ("127.0.0.1", port))))
        try:
            return await use(wire)
        finally:
            wire.abort()


@ways
def test_what_the_kernel_does_not_take_at_once_is_sent_while_answers_are_read(
    monkeypatch: pytest.MonkeyPatch, way: Any
) -> None:
    watched(monkeypatch, way)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"early")
        await asyncio.sleep(0.05)
        got = await reader.readexactly(MUCH + 3)
        writer.write(b" %d %s" % (len(got), got[-3:]))
        writer.close()

    async def use(wire: BareWire) -> bytes:
        wire.write(bytes(MUCH))
        wire.write(b"end")
        found = b""
        while data := await wire.read():
            found += data
        return found

    assert asyncio.run(served(answer, use)) == b"early %d end" % (MUCH + 3)


@ways
def test_nobody_is_woken_for_what_nobody_waits_for(monkeypatch: pytest.MonkeyPatch, way: Any) -> None:
    watched(monkeypatch, way)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"one")
        await reader.read(1)
        writer.write(b"two" * 100_000)
        writer.close()

    async def use(wire: BareWire) -> tuple[bytes, int]:
        first = await wire.read()
        woken = 0
        ready = wire._ready

        def counted() -> None:
            nonlocal woken
            woken += 1
            ready()

        monkeypatch.setattr(wire, "_ready", counted)
        wire.write(b"x")
        await asyncio.sleep(0.1)
        return first, woken

    assert asyncio.run(served(answer, use)) == (b"one", 0)


@ways
def test_a_number_that_another_socket_has_now_is_watched_anew(
    monkeypatch: pytest.MonkeyPatch, way: Any
) -> None:
    async def main() -> list[str]:
        readiness = way(asyncio.get_running_loop())
        told: list[str] = []
        for name in ("first", "second"):
            here, there = socket.socketpair()
            here.setblocking(False)
            number = here.fileno()
            readiness.watch(number, READABLE, lambda name=name: told.append(name))
            there.send(b"x")
            await asyncio.sleep(0.05)
            # Closed without a word, as a library does: the next pair gets the same numbers.
            here.close()
            there.close()
        return told

    assert asyncio.run(main()) == ["first", "second"]


def test_a_reader_that_gives_up_leaves_no_trace() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def use(wire: BareWire) -> bool:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wire.read(), 0.05)
        return wire._waiter is None

    assert asyncio.run(served(answer, use))
