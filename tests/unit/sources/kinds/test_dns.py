"""The dns source against a name server on loopback that answers what the test wants."""

from __future__ import annotations

import asyncio
import errno
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from attrs import define, field

from wsla.sources.dns import ATTEMPTS, FIELDS
from wsla.sources.network.addresses import Address, Reach
from wsla.sources.network.failures import Failure, ProbeFailed
from wsla.sources.targets import SourceError
from wsla.values.instants import MILLISECOND, SECOND

Reply = Callable[[dns.message.Message], bytes | None]


def reply(
    *lines: str, code: dns.rcode.Rcode = dns.rcode.NOERROR, truncated: bool = False
) -> Callable[[dns.message.Message], bytes]:
    """A reply with records in the form ``name ttl type data``."""

    def make(question: dns.message.Message) -> bytes:
        made = dns.message.make_response(question)
        made.set_rcode(code)
        for line in lines:
            name, ttl, kind, *data = line.split(" ", 3)
            record = dns.rrset.from_text(name, int(ttl), "IN", kind, *data)
            known = made.find_rrset(made.answer, record.name, record.rdclass, record.rdtype, create=True)
            known.update(record)
        if truncated:
            made.flags |= dns.flags.TC
        return made.to_wire()

    return make


@define
class Server(asyncio.DatagramProtocol):
    """A name server; what it is asked is kept, over UDP and TCP."""

    over_udp: list[Reply]
    over_tcp: Reply | None = None
    asked: list[tuple[str, str, str]] = field(factory=list)
    transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, sender: Any) -> None:
        question = self._note(data, "udp")
        answer = self.over_udp.pop(0) if len(self.over_udp) > 1 else self.over_udp[0]
        wire = answer(question)
        if wire is not None:
            self.transport.sendto(wire, sender)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            question = self._note(await reader.readexactly(length), "tcp")
            wire = self.over_tcp(question) if self.over_tcp is not None else None
            if wire is not None:
                writer.write(struct.pack("!H", len(wire)) + wire)
                await writer.drain()
        writer.close()

    def _note(self, data: bytes, way: str) -> dns.message.Message:
        question = dns.message.from_wire(data)
        wanted = question.question[0]
        self.asked.append((way, wanted.name.to_text(), dns.rdatatype.to_text(wanted.rdtype)))
        return question


async def listen(server: Server) -> tuple[asyncio.BaseTransport, asyncio.Server, int]:
    """Both on one port, which others may have taken for the second."""
    loop = asyncio.get_running_loop()
    while True:
        transport, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", 0))
        port: int = transport.get_extra_info("sockname")[1]
        try:
            return transport, await asyncio.start_server(server.serve, "127.0.0.1", port), port
        except OSError as error:
            transport.close()
            if error.errno != errno.EADDRINUSE:
                raise


def look(
    kit: Any, *over_udp: Reply, over_tcp: Reply | None = None, asked: list[Any] | None = None, **options: Any
) -> Any:
    async def main() -> Any:
        server = Server(list(over_udp), over_tcp)
        transport, tcp, port = await listen(server)
        async with tcp:
            try:
                return await kit.probe(
                    "dns", server=f"127.0.0.1:{port}", **{"name": "shop.example"} | options
                )
            finally:
                transport.close()
                if asked is not None:
                    asked.extend(server.asked)

    return asyncio.run(main())


GOOD = reply("shop.example. 300 A 192.0.2.10", "shop.example. 300 A 192.0.2.11")


def test_an_answer(kit: Any) -> None:
    asked: list[Any] = []
    seen = look(kit, GOOD, asked=asked)
    assert (seen.failure, tuple(seen.fields)) == (None, FIELDS)
    assert seen.fields["ok"] is True
    assert (seen.fields["answers"], seen.fields["ttl"]) == (2_000_000, 300 * SECOND)
    assert seen.fields["matched"] is None
    assert 0 < seen.fields["resolve"] <= seen.fields["elapsed"]
    assert asked == [("udp", "shop.example.", "A")]


@pytest.mark.parametrize(
    ("expected", "contains", "failure"),
    [
        (("192.0.2.10", "192.0.2.11"), (), None),
        (("192.0.2.11", "192.0.2.10"), (), None),
        (("192.0.2.10",), (), "dns-answer"),
        (("192.0.2.10", "192.0.2.11", "192.0.2.12"), (), "dns-answer"),
        ((), ("192.0.2.10",), None),
        ((), ("192.0.2.12",), "dns-answer"),
        (("192.0.2.10", "192.0.2.11"), ("192.0.2.10",), None),
    ],
)
def test_expected_answers_are_all_and_contained_ones_some(
    kit: Any, expected: tuple[str, ...], contains: tuple[str, ...], failure: str | None
) -> None:
    options = {name: text for name, text in (("expected", expected), ("contains", contains)) if text}
    seen = look(kit, GOOD, **options)
    assert (seen.failure, seen.fields["matched"], seen.fields["ok"]) == (
        failure,
        failure is None,
        failure is None,
    )


@pytest.mark.parametrize(
    ("record", "line", "expected"),
    [
        ("AAAA", "shop.example. 60 AAAA 2001:db8::1", "2001:0db8:0:0:0:0:0:1"),
        ("MX", "shop.example. 60 MX 10 Mail.shop.example.", "10 mail.shop.example."),
        ("CNAME", "shop.example. 60 CNAME www.example.", "www.example"),
        ("TXT", 'shop.example. 60 TXT "v=spf1 " "-all"', "v=spf1 -all"),
    ],
)
def test_answers_are_compared_by_meaning(kit: Any, record: str, line: str, expected: str) -> None:
    seen = look(kit, reply(line), record=record.lower(), expected=(expected,))
    assert (seen.failure, seen.fields["matched"]) == (None, True)


def test_aliases_are_followed_and_the_shortest_time_to_live_counts(kit: Any) -> None:
    seen = look(kit, reply("shop.example. 20 CNAME host.example.", "host.example. 300 A 192.0.2.10"))
    assert (seen.failure, seen.fields["answers"], seen.fields["ttl"]) == (None, 1_000_000, 20 * SECOND)


@pytest.mark.parametrize(
    ("code", "failure", "answers"),
    [
        (dns.rcode.NXDOMAIN, "dns-nxdomain", 0),
        (dns.rcode.NOERROR, "dns-no-answer", 0),
        (dns.rcode.SERVFAIL, "dns-servfail", None),
        (dns.rcode.REFUSED, "dns-refused", None),
        (dns.rcode.NOTIMP, "dns-error", None),
    ],
)
def test_each_refusal_has_its_word(
    kit: Any, code: dns.rcode.Rcode, failure: str, answers: int | None
) -> None:
    seen = look(kit, reply(code=code))
    assert (seen.failure, seen.fields["ok"]) == (failure, False)
    assert (seen.fields["answers"], seen.fields["ttl"]) == (answers, None)
    assert seen.fields["resolve"] > 0


def test_a_lost_question_is_asked_again(kit: Any) -> None:
    asked: list[Any] = []
    seen = look(kit, lambda question: None, GOOD, asked=asked, timeout=1500 * MILLISECOND)
    assert (seen.failure, len(asked)) == (None, 2)
    assert seen.fields["resolve"] < seen.fields["elapsed"] - 400 * MILLISECOND


def test_a_server_that_never_answers(kit: Any) -> None:
    asked: list[Any] = []
    seen = look(kit, lambda question: None, asked=asked, timeout=300 * MILLISECOND)
    assert (seen.failure, seen.fields["elapsed"]) == ("timeout", 300 * MILLISECOND)
    assert len(asked) == ATTEMPTS


def test_a_truncated_answer_is_fetched_over_tcp(kit: Any) -> None:
    asked: list[Any] = []
    seen = look(kit, reply(truncated=True), over_tcp=GOOD, asked=asked)
    assert (seen.failure, seen.fields["answers"]) == (None, 2_000_000)
    assert [way for way, _, _ in asked] == ["udp", "tcp"]


def test_a_truncated_answer_and_a_tcp_that_breaks_off(kit: Any) -> None:
    assert look(kit, reply(truncated=True)).failure == "incomplete"


def test_rubbish_and_answers_to_other_questions_are_passed_over(kit: Any) -> None:
    def other(question: dns.message.Message) -> bytes:
        wrong = dns.message.make_query("bank.example", "A")
        return reply("bank.example. 300 A 192.0.2.66")(wrong)

    for bad in (lambda question: b"rubbish", other):
        seen = look(kit, bad, GOOD, timeout=900 * MILLISECOND)
        assert (seen.failure, seen.fields["answers"]) == (None, 2_000_000)


def test_another_address_of_the_server_is_asked(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(*, both: bool) -> Any:
        server = Server([GOOD])
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: server, local_addr=("127.0.0.1", 0)
        )
        # To this address no socket of an ordinary program may send.
        found = [Address(2, ("255.255.255.255", 53))]  # type: ignore[arg-type]
        if both:
            found.append(Address(2, transport.get_extra_info("sockname")))  # type: ignore[arg-type]
        monkeypatch.setattr("wsla.sources.dns.own_servers", lambda: found)
        try:
            return await kit.probe("dns", name="shop.example", timeout=2 * SECOND)
        finally:
            transport.close()

    seen = asyncio.run(main(both=True))
    assert (seen.failure, seen.fields["answers"]) == (None, 2_000_000)
    seen = asyncio.run(main(both=False))
    assert seen.failure.startswith("observer-")


def test_a_server_by_name_and_one_that_does_not_exist(kit: Any) -> None:
    seen = kit.look("dns", name="shop.example", server="nobody.invalid")
    assert seen.failure in ("resolve-not-found", "observer-resolver")


def test_a_server_that_the_deployment_does_not_ask(kit: Any) -> None:
    seen = kit.look("dns", name="shop.example", server="127.0.0.1", reach=frozenset({Reach.PUBLIC}))
    assert (seen.failure, seen.fields["ok"]) == ("observer-policy", None)


@pytest.mark.parametrize(
    ("answer", "failure", "ok"),
    [
        (GOOD, None, True),
        (reply(code=dns.rcode.NXDOMAIN), "dns-nxdomain", False),
        (reply(code=dns.rcode.SERVFAIL), "observer-resolver", None),
        (lambda question: None, "observer-resolver", None),
    ],
)
def test_the_machines_own_server_is_the_observers(
    kit: Any, monkeypatch: pytest.MonkeyPatch, answer: Any, failure: str | None, ok: bool | None
) -> None:
    async def main() -> Any:
        server = Server([answer])
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: server, local_addr=("127.0.0.1", 0)
        )
        found = Address(2, transport.get_extra_info("sockname"))  # type: ignore[arg-type]
        monkeypatch.setattr("wsla.sources.dns.own_servers", lambda: [found])
        try:
            return await kit.probe("dns", name="shop.example", timeout=400 * MILLISECOND)
        finally:
            transport.close()

    seen = asyncio.run(main())
    assert (seen.failure, seen.fields["ok"]) == (failure, ok)


def test_a_machine_without_name_servers(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> list[Address]:
        raise ProbeFailed(Failure.OBSERVER_RESOLVER, "none")

    monkeypatch.setattr("wsla.sources.dns.own_servers", none)
    assert kit.look("dns", name="shop.example").failure == "observer-resolver"


def test_an_address_is_asked_for_backwards(kit: Any) -> None:
    assert kit.target("dns", name="192.0.2.1", record="PTR").name == "1.2.0.192.in-addr.arpa."
    assert kit.target("dns", name="2001:db8::1", record="ptr").name.endswith(".ip6.arpa.")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"name": ""}, "no name"),
        ({"name": "a..b"}, "cannot be a name"),
        ({"name": "x" * 64 + ".example"}, "cannot be a name"),
        ({"name": "a", "record": "ANY"}, "one of A, AAAA"),
        ({"name": "a", "expected": ("nonsense",)}, "no data of a record A"),
        ({"name": "a", "record": "MX", "contains": ("mail",)}, "no data of a record MX"),
        ({"name": "a", "server": "h:0"}, "server: the port"),
    ],
)
def test_options_that_cannot_work(kit: Any, options: dict[str, Any], what: str) -> None:
    with pytest.raises(SourceError, match=what):
        kit.target("dns", **options)


def test_what_is_shown(kit: Any) -> None:
    target = kit.target("dns", name="Shop.Example", record="mx", server="[2001:db8::1]")
    assert target.shown == "MX Shop.Example. at [2001:db8::1]:53"
    assert target.host == "2001:db8::1"
    assert kit.target("dns", name="shop.example").host == ""
