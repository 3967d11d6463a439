"""The tcp source against services on loopback: every way to answer, and not to, has its word."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from wsla.sources.network.addresses import Reach
from wsla.sources.targets import SourceError
from wsla.sources.tcp import FIELDS, MOST_READ
from wsla.values.instants import MILLISECOND


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


def greeting(text: bytes) -> Any:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        writer.close()

    return serve


@contextmanager
def closed_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_an_open_port(kit: Any) -> None:
    seen = kit.look_at(silent, "tcp")
    assert (seen.source, seen.at, seen.failure, seen.reason) == ("probe", 7, None, None)
    assert tuple(seen.fields) == FIELDS
    assert seen.fields["ok"] is True
    assert (seen.fields["matched"], seen.fields["first_byte"]) == (None, None)
    assert 0 < seen.fields["connect"] <= seen.fields["elapsed"]


def test_over_ipv6(kit: Any) -> None:
    try:
        seen = kit.look_at(silent, "tcp", host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert seen.failure is None


def test_a_closed_port(kit: Any) -> None:
    with closed_port() as port:
        seen = kit.look("tcp", address=f"127.0.0.1:{port}")
    assert (seen.failure, seen.fields["ok"]) == ("refused", False)
    assert seen.reason == f"127.0.0.1:{port} refused the connection"


def test_the_expected_text(kit: Any) -> None:
    seen = kit.look_at(greeting(b"220 ready\r\n"), "tcp", contains="220 ")
    assert (seen.failure, seen.fields["matched"]) == (None, True)
    assert seen.fields["first_byte"] > 0


def test_the_text_may_come_in_pieces(kit: Any) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in (b"+PO", b"NG"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)
        await reader.read()
        writer.close()

    assert kit.look_at(serve, "tcp", contains="+PONG").failure is None


def test_lines_are_sent_as_the_internet_ends_them(kit: Any) -> None:
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readline())
        writer.write(b"+PONG\r\n")
        writer.close()

    seen = kit.look_at(serve, "tcp", send="PING\n", contains="+PONG")
    assert (seen.failure, received) == (None, [b"PING\r\n"])


@pytest.mark.parametrize(
    ("sent", "failure"), [(b"", "incomplete"), (b"421 later\r\n", "text"), (b"22", "text")]
)
def test_another_text(kit: Any, sent: bytes, failure: str) -> None:
    seen = kit.look_at(greeting(sent), "tcp", contains="220 ")
    assert (seen.failure, seen.fields["ok"], seen.fields["matched"]) == (failure, False, False)
    assert "later" not in seen.reason


@pytest.mark.parametrize(("before", "failure"), [(MOST_READ - 2, None), (MOST_READ - 1, "text")])
def test_the_text_must_come_within_the_limit(kit: Any, before: int, failure: str | None) -> None:
    assert kit.look_at(greeting(b"x" * before + b"ok"), "tcp", contains="ok").failure == failure


def test_an_endless_service_ends_the_look_at_the_limit(kit: Any) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"x" * MOST_READ)
                await writer.drain()
        except OSError:
            writer.close()

    assert kit.look_at(serve, "tcp", contains="ok").failure == "text"


def test_a_service_that_says_nothing_costs_the_timeout(kit: Any) -> None:
    seen = kit.look_at(silent, "tcp", timeout=800 * MILLISECOND, contains="220")
    assert (seen.failure, seen.fields["elapsed"]) == ("timeout", 800 * MILLISECOND)
    assert seen.reason == "no complete answer within 800ms, while waiting for the expected text"


def test_dripping_does_not_extend_the_deadline(kit: Any) -> None:
    """N2."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.05)
        except OSError:
            writer.close()

    seen = kit.look_at(serve, "tcp", timeout=300 * MILLISECOND, contains="220")
    assert (seen.failure, seen.fields["elapsed"]) == ("timeout", 300 * MILLISECOND)


def test_a_reset(kit: Any) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    assert kit.look_at(serve, "tcp", send="PING\n", contains="+PONG").failure == "reset"


def test_a_name_that_does_not_exist(kit: Any) -> None:
    seen = kit.look("tcp", address="nobody.invalid:25")
    assert seen.failure in ("resolve-not-found", "observer-resolver")


def test_an_address_that_the_deployment_does_not_look_at_is_unknown(kit: Any) -> None:
    for address in ("127.0.0.1:25", "localhost:25", "[::1]:25", "[::ffff:127.0.0.1]:25", "0.0.0.0:25"):
        seen = kit.look("tcp", address=address, reach=frozenset({Reach.PUBLIC}))
        assert (seen.failure, seen.fields["ok"]) == ("observer-policy", None), address
    seen = kit.look("tcp", address="169.254.169.254:80", reach=frozenset(Reach) - {Reach.LINK_LOCAL})
    assert seen.failure == "observer-policy"
    assert seen.reason == "this deployment does not look at link-local addresses: 169.254.169.254:80"


def test_closing_ends_what_runs_as_unknown(kit: Any) -> None:
    async def main() -> Any:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            prober = kit.prober("tcp", address=f"127.0.0.1:{port}", contains="never")
            running = asyncio.create_task(prober.probe(1))
            await asyncio.sleep(0.1)
            await prober.close()
            seen = await running, await prober.probe(2)
            # The service sees that nobody is there any more, and ends.
            await asyncio.sleep(0.05)
            return seen

    for seen in asyncio.run(main()):
        assert (seen.failure, set(seen.fields.values())) == ("observer-shutdown", {None})


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"address": "mail.example.com"}, "no port"),
        ({"address": "mail.example.com:0"}, "between 1 and 65535"),
        ({"address": "mail.example.com:65536"}, "between 1 and 65535"),
        ({"address": "mail.example.com:smtp"}, "whole number"),
        ({"address": "mail.example.com:"}, "whole number"),
        ({"address": "2001:db8::1:25"}, "an IPv6 address with a port"),
        ({"address": "https://mail.example.com:25"}, "not a host alone"),
        ({"address": "user@mail.example.com:25"}, "not a host alone"),
        ({"address": ":25"}, "no usable host"),
        ({"address": "mail example:25"}, "address"),
        ({"address": "h:1", "contains": ""}, "empty"),
        ({"address": "h:1", "contains": "x" * (MOST_READ + 1)}, "longer"),
        ({"address": "h:1", "send": "PING"}, "contains"),
    ],
)
def test_options_that_cannot_work(kit: Any, options: dict[str, str], what: str) -> None:
    with pytest.raises(SourceError, match=what) as caught:
        kit.target("tcp", **options)
    assert str(caught.value).startswith("source probe: ")


@pytest.mark.parametrize("port", [1, 65_535])
def test_ports_at_the_bounds(kit: Any, port: int) -> None:
    assert kit.target("tcp", address=f"mail.example.com:{port}").shown == f"mail.example.com:{port}"


def test_targets_are_compared_by_value(kit: Any) -> None:
    one = kit.target("tcp", address="Müller.example:25")
    assert one == kit.target("tcp", address="müller.example:25")
    assert one != kit.target("tcp", address="müller.example:26")
    assert one.host == "xn--mller-kva.example"
    assert "hunter2" not in repr(kit.target("tcp", address="h:1", send="hunter2", contains="ok"))
