"""Whatever a service answers becomes exactly one observation with a defined word."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import tracemalloc
import zlib
from typing import Any

import pytest

from wsla.sources.http import FIELDS
from wsla.values.instants import MILLISECOND, SECOND

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SHORT = 800 * MILLISECOND
FLAT = 8 * 1024 * 1024


def test_a_good_answer(kit: Any) -> None:
    seen = kit.look(kit.answer(b"all well"), expected_text="well", clock=kit.machine_clock())

    assert (seen.source, seen.at, seen.failure, seen.reason) == ("probe", kit.at, None, None)
    assert tuple(seen.fields) == FIELDS
    assert seen.fields["ok"] is True
    assert seen.fields["status"] == 200_000_000
    assert seen.fields["matched"] is True
    assert seen.fields["body_size"] == 8_000_000
    assert seen.fields["certificate_left"] is None
    assert seen.fields["handshake"] is None
    phases = [seen.fields[name] for name in ("resolve", "connect", "first_byte")]
    assert all(isinstance(phase, int) and phase > 0 for phase in phases)
    assert sum(phases) <= seen.fields["elapsed"]


def test_the_request_is_what_a_user_would_send(kit: Any) -> None:
    async def main() -> Any:
        async with kit.service(kit.answer()) as service:
            prober = kit.prober(
                service.url("/path?query=a b"), headers=(("X-Key", "value"), ("User-Agent", "mine"))
            )
            await prober.probe(0)
            return service.received[0], service.port

    client, port = asyncio.run(main())
    assert client.head.startswith(b"GET /path?query=a%20b HTTP/1.1\r\n")
    assert client.headers["host"] == f"127.0.0.1:{port}"
    assert client.headers["x-key"] == "value"
    assert client.headers["user-agent"] == "mine"
    assert client.headers["connection"] == "close"
    assert client.headers["accept-encoding"] == "gzip"


def test_a_body_is_sent(kit: Any) -> None:
    async def main() -> Any:
        async with kit.service(kit.answer()) as service:
            await kit.prober(service.url(), method="POST", body=b"question").probe(0)
            return service.received[0]

    client = asyncio.run(main())
    assert (client.method, client.body) == ("POST", b"question")


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_every_probe_takes_a_fresh_connection(kit: Any, body: bytes) -> None:
    async def main() -> int:
        async with kit.service(kit.answer(body)) as service:
            prober = kit.prober(service.url())
            for _ in range(3):
                assert (await prober.probe(0)).fields["ok"] is True
            return len({id(client.writer) for client in service.received})

    assert asyncio.run(main()) == 3


def test_a_connection_that_the_service_keeps_and_then_closes_fails_no_later_look(kit: Any) -> None:
    """N13 of the faults: nothing of one look is used by the next."""

    async def main() -> list[Any]:
        async def serve(client: Any) -> None:
            await client.send(kit.answer(b"ok", Connection="keep-alive", Keep_Alive="timeout=60"))

        async with kit.service(serve) as service:
            prober = kit.prober(service.url())
            return [await prober.probe(at) for at in range(3)]

    assert [seen.failure for seen in asyncio.run(main())] == [None, None, None]


def test_a_body_without_a_length_ends_with_the_connection(kit: Any) -> None:
    seen = kit.look(HEAD + b"Connection: close\r\n\r\nto the end", expected_text="to the end")
    assert (seen.failure, seen.fields["body_size"]) == (None, 10_000_000)


def test_chunks_are_joined(kit: Any) -> None:
    seen = kit.look(
        CHUNKED + b"4\r\nall \r\n4;x=y\r\nwell\r\n0\r\nTrailer: t\r\n\r\n", expected_text="all well"
    )
    assert seen.failure is None


def test_an_old_service_of_http_1_0(kit: Any) -> None:
    assert kit.look(b"HTTP/1.0 200 OK\r\n\r\nhello", expected_text="hello").failure is None


def test_head_has_no_body(kit: Any) -> None:
    seen = kit.look(HEAD + b"Content-Length: 1000\r\nContent-Encoding: gzip\r\n\r\n", method="HEAD")
    assert (seen.failure, seen.fields["body_size"]) == (None, 0)


@pytest.mark.parametrize(
    ("status", "expected", "failure"),
    [
        ("200 OK", None, None),
        ("304 Not Modified", None, None),
        ("399 Odd", None, None),
        ("400 Bad", None, "status"),
        ("503 Down", None, "status"),
        ("503 Down", (503,), None),
        ("204 None", ((200, 203),), "status"),
        ("203 Odd", ((200, 203),), None),
        ("404 Gone", (range(400, 404),), "status"),
        ("403 No", (range(400, 404),), None),
    ],
)
def test_the_status_decides(kit: Any, status: str, expected: Any, failure: str | None) -> None:
    options = {} if expected is None else {"expected_status": expected}
    seen = kit.look(f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n".encode(), **options)
    assert seen.failure == failure
    assert seen.fields["ok"] is (failure is None)
    if failure == "status":
        assert seen.reason == f"the status is {status[:3]}"


def test_a_missing_text_is_a_failure(kit: Any) -> None:
    seen = kit.look(kit.answer(b"maintenance"), expected_text="well")
    assert (seen.failure, seen.fields["ok"], seen.fields["matched"]) == ("text", False, False)
    assert seen.fields["status"] == 200_000_000


def test_the_status_is_named_before_the_text(kit: Any) -> None:
    seen = kit.look(kit.answer(b"x", status="500 Down"), expected_text="well")
    assert (seen.failure, seen.fields["matched"]) == ("status", False)


def test_the_text_is_read_in_the_character_set_of_the_answer(kit: Any) -> None:
    body = "schön".encode("latin-1")
    assert (
        kit.look(
            kit.answer(body, Content_Type="text/plain; charset=ISO-8859-1"), expected_text="schön"
        ).failure
        is None
    )
    assert kit.look(kit.answer(body, Content_Type="text/plain"), expected_text="schön").failure == "text"


def test_a_few_interim_answers_are_passed_over(kit: Any) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    assert kit.look(hints * 20 + kit.answer(b"ok")).failure is None
    assert kit.look(hints * 21 + kit.answer(b"ok")).failure == "protocol"
    assert kit.look(hints * 50 + kit.answer(b"ok")).failure == "protocol"


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        pytest.param(b"", "incomplete", id="closed without a byte"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Half", "incomplete", id="closed within the headers"),
        pytest.param(HEAD + b"Content-Length: 1000\r\n\r\nonly this", "incomplete", id="short body"),
        pytest.param(CHUNKED + b"4\r\nhalf", "incomplete", id="chunks that end early"),
        pytest.param(CHUNKED + b"ZZ\r\nnope\r\n", "framing", id="bad chunk"),
        pytest.param(CHUNKED + b"2\r\nokmore\r\n0\r\n\r\n", "framing", id="chunk longer than it says"),
        pytest.param(CHUNKED + b"1;" + b"x" * 200_000 + b"\r\n", "framing", id="endless chunk header"),
        pytest.param(bytes(range(256)) * 16, "protocol", id="garbage"),
        pytest.param(b"<html>an answer of HTTP/0.9</html>\n", "protocol", id="HTTP/0.9"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", "protocol", id="another protocol"),
        pytest.param(b"a line of no protocol", "protocol", id="no protocol, and closed"),
        pytest.param(b"x" * 200_000, "protocol", id="no protocol, and much of it"),
        pytest.param(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", "protocol", id="two lengths"),
        pytest.param(HEAD + b"Content-Length: -1\r\n\r\nx", "protocol", id="negative length"),
        pytest.param(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", "protocol", id="unasked switch"),
        pytest.param(
            HEAD + b"X-Huge: " + b"h" * (4 << 20) + b"\r\n\r\nok", "headers-too-large", id="huge header"
        ),
        pytest.param(
            HEAD + b"".join(b"X-%d: y\r\n" % number for number in range(100_000)) + b"\r\n",
            "headers-too-large",
            id="100,000 headers",
        ),
        pytest.param(HEAD + b"a: b\r\n" * 1_001 + b"\r\n", "headers-too-large", id="1,001 headers"),
        pytest.param(
            HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok", "decoding", id="not gzip"
        ),
        pytest.param(
            HEAD + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\nok", "decoding", id="unasked coding"
        ),
    ],
)
def test_each_misbehaviour_has_its_word(kit: Any, answer: bytes, failure: str) -> None:
    """N6, N7."""
    seen = kit.look(answer)
    assert seen.failure == failure
    assert seen.fields["ok"] is False
    assert seen.reason
    assert len(seen.reason) < 200


def test_the_ceiling_of_headers_counts_whole_headers(kit: Any) -> None:
    """N6."""
    answer = HEAD + b"Content-Length: 0\r\nX: " + b"y" * 900 + b"\r\n\r\n"
    assert kit.look(answer, max_headers=1_000).failure is None
    assert kit.look(answer, max_headers=900).failure == "headers-too-large"


def test_the_ceiling_of_the_body_is_inclusive(kit: Any) -> None:
    assert kit.look(kit.answer(b"x" * 1_000), max_body=1_000).failure is None
    seen = kit.look(kit.answer(b"x" * 1_001), max_body=1_000)
    assert (seen.failure, seen.fields["body_size"]) == ("body-too-large", None)


def test_a_reset_is_told_from_a_close(kit: Any) -> None:
    """N7."""

    async def reset(client: Any) -> None:
        raw = client.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.writer.transport.abort()

    assert kit.look(reset).failure == "reset"


def test_a_refused_port(kit: Any) -> None:
    async def main() -> Any:
        async with kit.service(b"") as service:
            pass
        return await kit.prober(service.url()).probe(0)

    seen = asyncio.run(main())
    assert (seen.failure, seen.fields["ok"], seen.fields["status"]) == ("refused", False, None)


async def _hang(client: Any) -> None:
    await client.hang()


async def _drip_headers(client: Any) -> None:
    for byte in HEAD + b"X-Slow: " + b"a" * 1_000:
        await client.send(bytes([byte]))
        await asyncio.sleep(0.01)


async def _drip_body(client: Any) -> None:
    await client.send(HEAD + b"Content-Length: 1000\r\n\r\n")
    while True:
        await client.send(b"x")
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("behaviour", "stage"),
    [
        (_hang, "waiting for the first byte"),
        (_drip_headers, "reading the headers"),
        (_drip_body, "reading the body"),
    ],
)
def test_the_deadline_is_over_the_whole_probe(kit: Any, behaviour: Any, stage: str) -> None:
    """N1, N2."""
    seen = kit.look(behaviour, timeout=SHORT)
    assert seen.failure == "timeout"
    assert seen.fields["ok"] is False
    assert seen.fields["elapsed"] == SHORT
    assert seen.reason == f"no complete answer within 800ms, while {stage}"


def test_a_slow_answer_within_the_deadline_is_good(kit: Any) -> None:
    async def slow(client: Any) -> None:
        await asyncio.sleep(0.1)
        await client.send(kit.answer(b"ok"))

    seen = kit.look(slow, clock=kit.machine_clock())
    assert seen.failure is None
    assert seen.fields["first_byte"] >= 90 * MILLISECOND


def _peak_of_a_probe(kit: Any, answers: Any) -> tuple[Any, int]:
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        seen = kit.look(answers)
        return seen, tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_an_endless_body_costs_bounded_memory(kit: Any) -> None:
    """N3."""

    async def endless(client: Any) -> None:
        await client.send(CHUNKED)
        while True:
            await client.send(b"10000\r\n" + b"z" * 65_536 + b"\r\n")

    seen, peak = _peak_of_a_probe(kit, endless)
    assert seen.failure == "body-too-large"
    assert peak < FLAT


def test_a_body_of_nothing_but_framing_ends(kit: Any) -> None:
    async def framing(client: Any) -> None:
        await client.send(CHUNKED)
        while True:
            await client.send(b"1;" + b"p" * 1_000 + b"\r\nx\r\n")

    assert kit.look(framing, max_body=10_000).failure == "body-too-large"


def _bomb() -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1024 * 1024)
    return b"".join(squeeze.compress(block) for _ in range(64)) + squeeze.flush()


@pytest.mark.parametrize("codings", ["gzip", "gzip, gzip"])
def test_a_gzip_bomb_costs_bounded_memory(kit: Any, codings: str) -> None:
    """N4."""
    bomb = _bomb()
    for _ in codings.split(",")[1:]:
        bomb = gzip.compress(bomb)
    seen, peak = _peak_of_a_probe(kit, kit.answer(bomb, Content_Encoding=codings))
    assert len(bomb) < 128 * 1024
    assert seen.failure == "body-too-large"
    assert peak < FLAT


@pytest.mark.parametrize(
    ("coding", "encode"),
    [
        ("gzip", gzip.compress),
        ("X-GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body, wbits=-15)),
        ("identity", bytes),
        ("deflate, gzip", lambda body: gzip.compress(zlib.compress(body))),
    ],
)
def test_encoded_bodies_are_decoded(kit: Any, coding: str, encode: Any) -> None:
    seen = kit.look(
        kit.answer(encode(b"all well" * 10_000), Content_Encoding=coding), expected_text="wellall"
    )
    assert (seen.failure, seen.fields["body_size"]) == (None, 80_000_000_000)


def test_an_answer_before_the_whole_request_was_read_counts(kit: Any) -> None:
    async def main() -> Any:
        async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(kit.answer(b"no", status="413 Too Large"))
            writer.close()

        server = await asyncio.start_server(early, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            prober = kit.prober(f"http://127.0.0.1:{port}/", method="POST", body=bytes(64))
            return await prober.probe(0)

    seen = asyncio.run(main())
    assert (seen.failure, seen.fields["status"]) == ("status", 413_000_000)


def test_hanging_probes_do_not_hold_up_the_others(kit: Any) -> None:
    """N1."""
    answers = {"/hang": _hang, "/ok": kit.answer(b"ok")}

    async def main() -> tuple[list[Any], list[Any]]:
        async with kit.service(answers) as service:
            stuck = kit.prober(service.url("/hang"), timeout=60 * SECOND)
            fine = kit.prober(service.url("/ok"), timeout=60 * SECOND)
            hanging = [asyncio.create_task(stuck.probe(number)) for number in range(20)]
            good = await asyncio.gather(*(fine.probe(number) for number in range(180)))
            assert not any(task.done() for task in hanging)
            await stuck.close()
            return good, await asyncio.gather(*hanging)

    good, ended = asyncio.run(main())
    assert [seen.failure for seen in good] == [None] * 180
    assert [seen.at for seen in good] == list(range(180))
    assert [seen.failure for seen in ended] == ["observer-shutdown"] * 20
