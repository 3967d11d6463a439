"""The icmp source: packets as the standard writes them, real ones to this machine, and lost ones."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.sources import icmp
from wsla.sources.icmp import FIELDS, checksum, open_socket, reply_number, request
from wsla.sources.network.addresses import Reach
from wsla.sources.targets import SourceError
from wsla.values.instants import MILLISECOND

TOKEN = bytes(range(16))


def permitted(family: socket.AddressFamily) -> bool:
    try:
        open_socket(family).close()
    except OSError:
        return False
    return True


needs_icmp = pytest.mark.skipif(not permitted(socket.AF_INET), reason="this machine does not permit ICMP")


class Router:
    """Stands for a socket: answers some of the packets sent to it, refuses others."""

    def __init__(self, answered: set[int], error: OSError | None = None) -> None:
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ours.setblocking(False)
        self.answered = answered
        self.error = error

    def connect(self, address: Any) -> None:
        assert address[0] == "192.0.2.1"

    def send(self, packet: bytes) -> int:
        if self.error is not None:
            raise self.error
        if int.from_bytes(packet[6:8], "big") in self.answered:
            self.theirs.send(b"\0" + packet[1:])
            self.theirs.send(b"\0" + packet[1:])
        return len(packet)

    def __enter__(self) -> Router:
        return self

    def __exit__(self, *details: object) -> None:
        self.ours.close()
        self.theirs.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.ours, name)


def look(kit: Any, monkeypatch: pytest.MonkeyPatch, router: Router, **options: Any) -> Any:
    async def received(self: Any, opened: Any, size: int) -> bytes:
        return await original(self, opened.ours, size)

    loop_type = asyncio.SelectorEventLoop
    original = loop_type.sock_recv
    monkeypatch.setattr(icmp, "open_socket", lambda family: router)
    monkeypatch.setattr(loop_type, "sock_recv", received)

    async def main() -> Any:
        prober = kit.prober("icmp", address="192.0.2.1", **options)
        return await prober.probe(7)

    monkeypatch.setattr(router, "close", lambda: None, raising=False)
    return asyncio.run(main())


@needs_icmp
def test_this_machine_answers(kit: Any) -> None:
    seen = kit.look("icmp", address="127.0.0.1", count="3")
    assert (seen.failure, tuple(seen.fields)) == (None, FIELDS)
    assert (seen.fields["sent"], seen.fields["received"], seen.fields["loss"]) == (3_000_000, 3_000_000, 0)
    assert 0 < seen.fields["round_trip"] < seen.fields["elapsed"]


@pytest.mark.skipif(not permitted(socket.AF_INET6), reason="this machine does not permit ICMP over IPv6")
def test_this_machine_answers_over_ipv6(kit: Any) -> None:
    seen = kit.look("icmp", address="::1")
    assert (seen.failure, seen.fields["received"]) == (None, 1_000_000)


def test_replies_to_others_without_end_do_not_keep_the_loop(
    kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Flood(Router):
        def flood(self) -> bytes:
            return request(socket.AF_INET, 1, 0, TOKEN)

    async def received(self: Any, opened: Any, size: int) -> bytes:
        return opened.flood()

    router = Flood(set())
    monkeypatch.setattr(icmp, "open_socket", lambda family: router)
    monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_recv", received)
    seen = kit.look("icmp", address="192.0.2.1", timeout=200 * MILLISECOND)
    assert (seen.failure, seen.fields["elapsed"]) == ("timeout", 200 * MILLISECOND)


@needs_icmp
def test_many_looks_at_once_do_not_take_each_others_replies(kit: Any) -> None:
    async def main() -> Any:
        prober = kit.prober("icmp", address="127.0.0.1", count="2")
        return await asyncio.gather(*(prober.probe(at) for at in range(20)))

    for seen in asyncio.run(main()):
        assert (seen.failure, seen.fields["received"]) == (None, 2_000_000)


@pytest.mark.parametrize(
    ("answered", "loss", "failure"),
    [({0, 1, 2}, 0, None), ({1}, 666_666, None), (set(), 1_000_000, "timeout")],
)
def test_lost_packets(
    kit: Any, monkeypatch: pytest.MonkeyPatch, answered: set[int], loss: int, failure: str | None
) -> None:
    router = Router(answered)
    seen = look(kit, monkeypatch, router, count="3", timeout=300 * MILLISECOND)
    assert (seen.failure, seen.fields["ok"]) == (failure, failure is None)
    assert (seen.fields["loss"], seen.fields["sent"]) == (loss, 3_000_000)
    assert (seen.fields["round_trip"] is None) == (not answered)
    assert seen.fields["elapsed"] <= 300 * MILLISECOND


def test_a_router_that_refuses(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    router = Router(set(), OSError(113, "No route to host"))
    seen = look(kit, monkeypatch, router, count="2", timeout=200 * MILLISECOND)
    assert (seen.failure, seen.fields["loss"]) == ("unreachable", 1_000_000)


def test_a_machine_without_network_says_nothing_of_the_host(
    kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = Router(set(), OSError(101, "Network is unreachable"))
    seen = look(kit, monkeypatch, router, timeout=200 * MILLISECOND)
    assert (seen.failure, seen.fields["ok"]) == ("observer-network", None)


def test_without_permission_it_is_said_before_the_start(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> Any:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(SourceError, match=r"ping_group_range.*CAP_NET_RAW"):
        kit.target("icmp", address="192.0.2.1")


def test_without_descriptors_it_is_unknown(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(family: Any) -> Any:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(icmp, "open_socket", refuse)
    seen = kit.look("icmp", address="127.0.0.1")
    assert (seen.failure, seen.fields["ok"]) == ("observer-resources", None)


def test_an_address_that_the_deployment_does_not_look_at(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(icmp, "open_socket", lambda family: socket.socket())
    seen = kit.look("icmp", address="127.0.0.1", reach=frozenset({Reach.PUBLIC}))
    assert (seen.failure, seen.fields["sent"]) == ("observer-policy", None)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"address": "192.0.2.1:25"}, "without a port"),
        ({"address": ""}, "host"),
        ({"address": "h", "count": "0"}, "between 1 and 100"),
        ({"address": "h", "count": "101"}, "between 1 and 100"),
        ({"address": "h", "count": "many"}, "between 1 and 100"),
    ],
)
def test_options_that_cannot_work(kit: Any, options: dict[str, str], what: str) -> None:
    with pytest.raises(SourceError, match=what):
        kit.target("icmp", **options)


def test_a_request_as_the_standard_writes_it() -> None:
    # RFC 792: type 8, code 0; a receiver that adds everything up gets nothing.
    packet = request(socket.AF_INET, 0x1234, 5, TOKEN)
    assert (packet[:2], packet[4:8], packet[8:]) == (b"\x08\0", b"\x12\x34\0\x05", TOKEN)
    assert checksum(packet) == 0
    assert request(socket.AF_INET6, 0x1234, 5, TOKEN)[:4] == b"\x80\0\0\0"


def test_the_checksum_of_the_standards_example() -> None:
    # RFC 1071, section 3.
    assert checksum(bytes([0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7])) == 0xFFFF - 0xDDF2


@given(st.binary(max_size=80), st.booleans())
def test_nothing_else_is_taken_for_a_reply(data: bytes, version_6: bool) -> None:
    family = socket.AF_INET6 if version_6 else socket.AF_INET
    assert reply_number(family, data, TOKEN) is None


@given(st.integers(0, 65_535))
def test_replies_are_known_by_their_token(number: int) -> None:
    sent = request(socket.AF_INET, 1, number, TOKEN)
    reply = b"\0" + sent[1:]
    header = b"\x45" + bytes(19)
    assert reply_number(socket.AF_INET, reply, TOKEN) == number
    assert reply_number(socket.AF_INET, header + reply, TOKEN) == number
    assert reply_number(socket.AF_INET, sent, TOKEN) is None
    assert reply_number(socket.AF_INET, reply, TOKEN[::-1]) is None
