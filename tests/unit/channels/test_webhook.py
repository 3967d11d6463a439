"""Webhooks against real sockets: what is sent, what each answer means, and every way to fail."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
import struct
import threading
from pathlib import Path

import httpx
import pytest

from wsla.channels.errors import ChannelError
from wsla.channels.webhook import MOST_ANSWER_BYTES, WebhookChannel, outcome_of_status, verify_signature
from wsla.ports import Delivery, DeliveryResult
from wsla.values.instants import HOUR, MILLISECOND, SECOND, parse_instant

NOW = parse_instant("2026-03-04T10:00:00Z")


def send_all(channel: WebhookChannel, *deliveries: Delivery) -> list[DeliveryResult]:
    async def run() -> list[DeliveryResult]:
        try:
            return [await channel.send(delivery) for delivery in deliveries]
        finally:
            await channel.close()

    return asyncio.run(run())


def test_one_post_carries_the_notice(receive, respond, clock, delivery):
    receiver = receive(respond(204))
    assert send_all(WebhookChannel(receiver.url, clock=clock), delivery) == [DeliveryResult(delivered=True)]
    (request,) = receiver.requests
    assert request.line == "POST /hook HTTP/1.1"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == delivery.key
    assert request.headers["wsla-timestamp"] == str(NOW // SECOND)
    assert "wsla-signature" not in request.headers
    assert json.loads(request.body) == {
        "schema": "wsla.notice/1",
        "id": delivery.key,
        "attempt": 2,
        "subject": delivery.subject,
        "text": delivery.text,
        "cause": delivery.payload,
    }


def test_a_secret_signs_the_body(receive, respond, clock, delivery):
    receiver = receive(respond(200))
    send_all(WebhookChannel(receiver.url, clock=clock, secret="s3cret"), delivery)
    (request,) = receiver.requests
    header = request.headers["wsla-signature"]
    assert header.startswith(f"t={NOW // SECOND},v1=")
    assert verify_signature("s3cret", header, request.body, NOW // SECOND)
    assert not verify_signature("other", header, request.body, NOW // SECOND)
    assert b"s3cret" not in request.body


def test_a_key_that_no_header_can_hold_is_percent_encoded(receive, respond, clock):
    receiver = receive(respond(200))
    hostile = Delivery(key="ü\r\nX-Evil: 1%", subject="", text="", payload={})
    assert send_all(WebhookChannel(receiver.url, clock=clock), hostile)[0].delivered
    (request,) = receiver.requests
    assert request.headers["idempotency-key"] == "%C3%BC%0D%0AX-Evil:%201%25"
    assert "x-evil" not in request.headers
    assert json.loads(request.body)["id"] == hostile.key


def test_every_status_has_an_outcome(clock, delivery):
    statuses = iter(range(200, 600))

    def factory() -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(next(statuses))))

    channel = WebhookChannel("https://hooks.example/x", clock=clock, client_factory=factory)
    results = send_all(channel, *[delivery] * 400)
    for status, result in zip(range(200, 600), results, strict=True):
        temporary = status >= 500 or status in (408, 409, 425, 429)
        assert result.delivered == (status < 300)
        assert result.permanent == (not result.delivered and not temporary)
        assert (result.reason is None) == result.delivered
        assert result.gone == (status == 410)
        assert result.delivered or f"https://hooks.example answered {status}" in result.reason


@pytest.mark.parametrize("status", [100, 101, 600, 999])
def test_a_status_outside_http_is_temporary(status):
    assert outcome_of_status(status) == "temporary"


@pytest.mark.parametrize(
    ("status", "value", "pause"),
    [
        (429, "120", 120 * SECOND),
        (503, "0", 0),
        (503, "-5", 0),
        (503, "86400", HOUR),
        (503, "Wed, 04 Mar 2026 10:01:30 GMT", 90 * SECOND),
        (503, "Wed, 04 Mar 2026 09:00:00 GMT", 0),
        (503, "soon", None),
        (404, "120", None),
    ],
)
def test_retry_after_is_honoured(receive, respond, clock, delivery, status, value, pause):
    receiver = receive(respond(status, {"Retry-After": value}))
    (result,) = send_all(WebhookChannel(receiver.url, clock=clock), delivery)
    assert result.retry_after == pause
    assert not result.delivered


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://u:p@new.example:8443/t/TOKEN?k=SECRET", "to https://new.example:8443"),
        ("/t/TOKEN", "to another path of the same host"),
        ("http://[", "to an address that cannot be read"),
        ("file:///etc/passwd", "to file://"),
    ],
)
def test_redirects_are_named_and_not_followed(receive, respond, clock, delivery, location, words):
    receiver = receive(respond(307, {"Location": location}))
    (result,) = send_all(WebhookChannel(receiver.url, clock=clock), delivery)
    assert result.permanent
    assert result.reason.endswith(f"redirect not followed, {words}")
    assert len(receiver.requests) == 1
    assert "TOKEN" not in result.reason


def test_a_receiver_that_hangs_is_left_at_the_deadline(receive, clock, delivery):
    receiver = receive(lambda _: None)
    receiver.behaviour = receiver.hang
    channel = WebhookChannel(receiver.url, clock=clock, timeout_ns=150 * MILLISECOND)
    (result,) = send_all(channel, delivery)
    assert (result.delivered, result.permanent) == (False, False)
    assert result.reason == f"http://127.0.0.1:{receiver.port} did not answer within 150ms"


def test_dripping_headers_do_not_stretch_the_deadline(receive, clock, delivery):
    receiver = receive(lambda _: None)

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not receiver.released.wait(0.02):
            connection.sendall(b"X-Drip: 1\r\n")

    receiver.behaviour = drip
    (result,) = send_all(WebhookChannel(receiver.url, clock=clock, timeout_ns=200 * MILLISECOND), delivery)
    assert "did not answer within" in result.reason


def test_a_dripping_body_cannot_undo_a_delivery(receive, clock, delivery):
    receiver = receive(lambda _: None)

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100000\r\n\r\n")
        while not receiver.released.wait(0.02):
            connection.sendall(b".")

    receiver.behaviour = drip
    channel = WebhookChannel(receiver.url, clock=clock, timeout_ns=2 * SECOND)
    assert send_all(channel, delivery) == [DeliveryResult(delivered=True)]


def test_an_endless_answer_is_cut_off(receive, clock, delivery):
    sent = []
    cut = threading.Event()

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        try:
            while True:
                connection.sendall(chunk)
                sent.append(len(chunk))
        except OSError:
            cut.set()

    receiver = receive(endless)
    channel = WebhookChannel(receiver.url, clock=clock, timeout_ns=20 * SECOND)
    assert send_all(channel, delivery) == [DeliveryResult(delivered=True)]
    assert cut.wait(10)
    # What the sockets' own buffers take is a few megabytes at most.
    assert MOST_ANSWER_BYTES <= sum(sent) + 0x10000 < 64 * 1024 * 1024


def test_endless_headers_are_cut_off(receive, clock, delivery):
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-Fill: " + b"x" * 8000 + b"\r\n")

    receiver = receive(endless)
    (result,) = send_all(WebhookChannel(receiver.url, clock=clock, timeout_ns=20 * SECOND), delivery)
    assert (result.delivered, result.permanent) == (False, False)
    assert "no valid HTTP answer" in result.reason


def test_a_cut_after_processing_is_repeated_with_the_same_key(receive, respond, clock, delivery):
    receiver = receive(lambda _: None)

    def cut_then_answer(connection: socket.socket) -> None:
        if len(receiver.requests) == 1:
            connection.shutdown(socket.SHUT_RDWR)
        else:
            respond(200)(connection)

    receiver.behaviour = cut_then_answer
    first, second = send_all(WebhookChannel(receiver.url, clock=clock), delivery, delivery)
    assert (first.delivered, first.permanent) == (False, False)
    assert second.delivered
    assert [request.headers["idempotency-key"] for request in receiver.requests] == [delivery.key] * 2


@pytest.mark.parametrize(
    "garbage",
    [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nNo colon\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\0"],
)
def test_garbage_is_temporary(receive, clock, delivery, garbage):
    def babble(connection: socket.socket) -> None:
        connection.sendall(garbage)
        connection.shutdown(socket.SHUT_RDWR)

    (result,) = send_all(WebhookChannel(receive(babble).url, clock=clock), delivery)
    assert (result.delivered, result.permanent) == (False, False)
    assert "cut the connection or sent no valid HTTP answer" in result.reason


def test_a_reset_is_temporary(receive, clock, delivery):
    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ConnectionAbortedError

    (result,) = send_all(WebhookChannel(receive(reset).url, clock=clock), delivery)
    assert (result.delivered, result.permanent) == (False, False)
    assert "cut the connection" in result.reason


def test_a_closed_port_is_temporary(clock, delivery, free_port):
    (result,) = send_all(WebhookChannel(f"http://127.0.0.1:{free_port}/", clock=clock), delivery)
    assert result == DeliveryResult(
        delivered=False, reason=f"http://127.0.0.1:{free_port} refused the connection"
    )


def test_an_unknown_name_is_temporary(clock, delivery):
    # Every label is longer than a name may have, so no resolver is asked.
    (result,) = send_all(WebhookChannel(f"http://{'a' * 64}.invalid/", clock=clock), delivery)
    assert (result.delivered, result.permanent) == (False, False)


@pytest.mark.parametrize("trusted", [True, False])
def test_certificates_are_checked(receive, respond, clock, delivery, certificate: Path, trusted):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    receiver = receive(respond(200))
    plain = receiver.serve

    def serve(connection: socket.socket) -> None:
        try:
            secured = context.wrap_socket(connection, server_side=True)
        except OSError:
            return
        plain(secured)

    receiver.serve = serve
    url = f"https://localhost:{receiver.port}/hook"
    channel = WebhookChannel(url, clock=clock, ca_file=str(certificate) if trusted else None)
    (result,) = send_all(channel, delivery)
    assert result.delivered == trusted
    if not trusted:
        assert not result.permanent
        assert result.reason.startswith(f"the certificate of https://localhost:{receiver.port} was refused: ")


def test_tls_towards_a_plain_port_is_temporary(receive, clock, delivery):
    def greet(connection: socket.socket) -> None:
        connection.sendall(b"220 hello\r\n")

    receiver = receive(greet)
    receiver.serve = greet
    (result,) = send_all(WebhookChannel(f"https://127.0.0.1:{receiver.port}/", clock=clock), delivery)
    assert (result.delivered, result.permanent) == (False, False)
    assert result.reason.startswith(f"no secure connection with https://127.0.0.1:{receiver.port}")


def test_one_client_serves_all_messages_and_keeps_no_cookies(receive, respond, clock, delivery):
    receiver = receive(respond(200, {"Set-Cookie": "track=1"}, b"thank you"))
    results = send_all(WebhookChannel(receiver.url, clock=clock), *[delivery] * 5)
    assert all(result.delivered for result in results)
    assert receiver.connections == 1
    assert not any("cookie" in request.headers for request in receiver.requests)


def test_the_environment_is_ignored(receive, respond, clock, delivery, monkeypatch, free_port):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port}")
    assert send_all(WebhookChannel(receive(respond(200)).url, clock=clock), delivery)[0].delivered


@pytest.mark.parametrize("status", [200, 404, 503, 302])
def test_no_secret_of_the_address_is_told(receive, respond, clock, delivery, caplog, capfd, status):
    caplog.set_level(logging.DEBUG)
    receiver = receive(respond(status, {"Location": "?again=TOPSECRET"}))
    url = f"http://user:TOPSECRET@127.0.0.1:{receiver.port}/TOPSECRET?key=TOPSECRET"
    channel = WebhookChannel(url, clock=clock, secret="TOPSECRET")
    (result,) = send_all(channel, delivery)
    assert "authorization" in receiver.requests[0].headers
    said = "\n".join([str(result), repr(channel), caplog.text, *capfd.readouterr()])
    assert "TOPSECRET" not in said


def test_a_payload_that_json_cannot_hold_is_a_permanent_failure(clock, free_port):
    for value in (float("nan"), {1, 2}, b"x"):
        broken = Delivery(key="k", subject="s", text="t", payload={"value": value})
        (result,) = send_all(WebhookChannel(f"http://127.0.0.1:{free_port}/", clock=clock), broken)
        assert result.permanent
        assert result.reason == "the message cannot be written as JSON"


def test_a_closed_channel_fails_as_temporary(receive, respond, clock, delivery):
    receiver = receive(respond(200))

    async def run() -> DeliveryResult:
        channel = WebhookChannel(receiver.url, clock=clock)
        await channel.send(delivery)
        await channel.close()
        await channel.close()
        return await channel.send(delivery)

    assert asyncio.run(run()) == DeliveryResult(delivered=False, reason="the channel is closed")
    assert len(receiver.requests) == 1


def test_cancelling_is_passed_on(receive, clock, delivery):
    receiver = receive(lambda _: None)
    receiver.behaviour = receiver.hang

    async def run() -> None:
        channel = WebhookChannel(receiver.url, clock=clock)
        task = asyncio.create_task(channel.send(delivery))
        while not receiver.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await channel.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "url", ["", "hooks.example/x", "ftp://x/", "file:///x", "http://", "http://[", "http://a:b/"]
)
def test_addresses_that_are_no_web_address_are_refused(clock, url):
    with pytest.raises(ChannelError, match="webhook's address"):
        WebhookChannel(url, clock=clock)


def test_settings_that_cannot_work_are_refused(clock, tmp_path):
    url = "https://hooks.example/"
    with pytest.raises(ChannelError, match="secret"):
        WebhookChannel(url, clock=clock, secret="")
    with pytest.raises(ChannelError, match="timeout"):
        WebhookChannel(url, clock=clock, timeout_ns=0)
    with pytest.raises(ChannelError, match="cannot be read"):
        WebhookChannel(url, clock=clock, ca_file=str(tmp_path / "absent.pem"))
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(ChannelError, match="holds no certificate"):
        WebhookChannel(url, clock=clock, ca_file=str(tmp_path / "empty.pem"))
