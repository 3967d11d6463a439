"""Mail against real SMTP servers on loopback: what arrives, what each refusal means, and every way to fail."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from attrs import define, evolve, field

from wsla.channels.mail import MOST_CONVERSATIONS, MailChannel, MailServer, _Conversation
from wsla.ports import Delivery, DeliveryResult
from wsla.values.instants import MILLISECOND, SECOND


@define(slots=False)
class Mailbox:
    """An SMTP handler that keeps messages, or refuses where a reply is set."""

    at_receiver: str | None = None
    at_data: str | None = None
    envelopes: list[Envelope] = field(factory=list)

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if self.at_receiver is not None:
            return self.at_receiver
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        self.envelopes.append(envelope)
        return self.at_data or "250 OK"

    @property
    def messages(self) -> list[EmailMessage]:
        return [
            email.message_from_bytes(envelope.original_content, policy=email.policy.default)
            for envelope in self.envelopes
        ]


class LoopbackController(Controller):
    """A controller on a free port, which it knows once it listens."""

    def __init__(self, handler: Mailbox, implicit: ssl.SSLContext | None, **settings: object) -> None:
        super().__init__(handler, hostname="127.0.0.1", port=0, ssl_context=implicit, **settings)

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


Start = Callable[..., MailServer]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers; gives the settings that reach each."""
    controllers: list[LoopbackController] = []

    def run(mailbox: Mailbox, implicit: ssl.SSLContext | None = None, **settings: object) -> MailServer:
        controller = LoopbackController(mailbox, implicit, **settings)
        controller.start()
        controllers.append(controller)
        return MailServer(
            host="localhost" if implicit or settings.get("tls_context") else "127.0.0.1",
            port=controller.port,
            security="none",
            sender="SLA desk <sla@acme.example>",
            timeout_ns=10 * SECOND,
        )

    yield run
    for controller in controllers:
        controller.stop()


@pytest.fixture
def babble() -> Iterator[Callable[[Callable[[socket.socket], None]], MailServer]]:
    """Start a server that does with each connection whatever it is told, for what no library would do."""
    listeners: list[socket.socket] = []

    def run(behaviour: Callable[[socket.socket], None]) -> MailServer:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

        def talk(connection: socket.socket) -> None:
            with connection:
                try:
                    behaviour(connection)
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        port = listener.getsockname()[1]
        return MailServer(host="127.0.0.1", port=port, security="none", sender="sla@acme.example")

    yield run
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture
def server_context(certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def send_all(channel: MailChannel, *deliveries: Delivery) -> list[DeliveryResult]:
    async def run() -> list[DeliveryResult]:
        try:
            return [await channel.send(delivery) for delivery in deliveries]
        finally:
            await channel.close()

    return asyncio.run(run())


def send_one(address: str, server: MailServer, clock, delivery: Delivery) -> DeliveryResult:
    (result,) = send_all(MailChannel(address, server, clock=clock), delivery)
    return result


def written(message: EmailMessage) -> str:
    return message.get_content().replace("\r\n", "\n").rstrip("\n")


def test_a_message_arrives_whole(start, clock, delivery):
    mailbox = Mailbox()
    result = send_one("it@globex.example", start(mailbox), clock, delivery)
    assert result == DeliveryResult(delivered=True)
    (envelope,) = mailbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("sla@acme.example", ["it@globex.example"])
    assert envelope.original_content.isascii()
    (message,) = mailbox.messages
    assert message["Subject"] == delivery.subject
    assert message["From"] == "SLA desk <sla@acme.example>"
    assert message["To"] == "it@globex.example"
    assert message["Date"] == "Wed, 04 Mar 2026 10:00:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    assert written(message) == delivery.text


def test_repeats_carry_the_same_message_id_and_other_messages_another(start, clock, delivery):
    mailbox = Mailbox()
    server = start(mailbox)
    send_all(
        MailChannel("it@globex.example", server, clock=clock),
        delivery,
        evolve(delivery, attempt=3, text="changed"),
        evolve(delivery, key="another"),
    )
    send_one("boss@globex.example", server, clock, delivery)
    first, repeat, other, elsewhere = [message["Message-ID"] for message in mailbox.messages]
    assert first == repeat
    assert len({first, other, elsewhere}) == 3
    assert first.endswith("@acme.example>")


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Verfügbarkeit unter 99,9 % – 可用性", "Größe: 5 µs\n\U0001f6d1 stop"),
        ("x" * 3000, "y" * 5000),
        ("ü" * 900, "z\n.\n..\n.z\nFrom here"),
        ("", ""),
    ],
)
def test_text_of_any_kind_comes_through(start, clock, subject, text):
    mailbox = Mailbox()
    delivery = Delivery(key="k", subject=subject, text=text, payload={})
    assert send_one("it@globex.example", start(mailbox), clock, delivery).delivered
    (envelope,) = mailbox.envelopes
    assert envelope.original_content.isascii()
    assert max(len(line) for line in envelope.original_content.split(b"\r\n")) <= 998
    (message,) = mailbox.messages
    assert message["Subject"] == subject
    assert written(message) == text


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\0"])
def test_a_subject_cannot_add_headers(start, clock, break_):
    mailbox = Mailbox()
    subject = f"Breach{break_}Bcc: thief@evil.example{break_}{break_}<script>"
    delivery = Delivery(key="k\r\nX-Evil: 1", subject=subject, text="t", payload={})
    assert send_one("it@globex.example", start(mailbox), clock, delivery).delivered
    (message,) = mailbox.messages
    assert message["Subject"] == "Breach Bcc: thief@evil.example <script>"
    assert message["Bcc"] is None
    assert message["X-Evil"] is None
    assert mailbox.envelopes[0].rcpt_tos == ["it@globex.example"]


def test_lone_surrogates_do_not_stop_a_message(start, clock):
    delivery = Delivery(key="\ud800", subject="a\ud800b", text="c\udc00d", payload={})
    assert send_one("it@globex.example", start(Mailbox()), clock, delivery).delivered


@pytest.mark.parametrize("code", [421, 450, 451, 452, 500, 550, 552, 554])
@pytest.mark.parametrize("stage", ["at_receiver", "at_data"])
def test_4xx_is_temporary_and_5xx_permanent(start, clock, delivery, stage, code):
    server = start(Mailbox(**{stage: f"{code} 4.7.1 greylisted, come back"}))
    result = send_one("it@globex.example", server, clock, delivery)
    assert not result.delivered
    assert result.permanent == (code >= 500)
    assert result.reason.startswith(f"{server.where} did not accept the ")
    assert result.reason.endswith(f"{code} 4.7.1 greylisted, come back")


@pytest.mark.parametrize(("greeting", "permanent"), [(b"421 later\r\n", False), (b"554 never\r\n", True)])
def test_an_unfriendly_greeting(babble, clock, delivery, greeting, permanent):
    result = send_one("it@globex.example", babble(lambda c: c.sendall(greeting)), clock, delivery)
    assert (result.delivered, result.permanent) == (False, permanent)


def test_a_long_hostile_refusal_is_cut_and_cleaned(start, clock, delivery):
    server = start(Mailbox(at_receiver="550 \x1b[31m" + "x" * 400))
    reason = send_one("it@globex.example", server, clock, delivery).reason
    assert "\x1b" not in reason
    assert len(reason) < 300


def test_starttls_that_is_not_offered_is_a_permanent_failure(start, clock, delivery):
    mailbox = Mailbox()
    server = evolve(start(mailbox), security="starttls")
    result = send_one("it@globex.example", server, clock, delivery)
    assert result.permanent
    assert "does not offer STARTTLS" in result.reason
    assert mailbox.envelopes == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("trusted", [True, False])
def test_tls_is_used_and_checked(start, clock, delivery, certificate, server_context, security, trusted):
    mailbox = Mailbox()
    if security == "tls":
        server = start(mailbox, implicit=server_context)
    else:
        server = start(mailbox, tls_context=server_context, require_starttls=True)
    server = evolve(server, security=security, ca_file=str(certificate) if trusted else None)
    result = send_one("it@globex.example", server, clock, delivery)
    assert result.delivered == trusted
    assert len(mailbox.envelopes) == trusted
    if not trusted:
        assert not result.permanent
        assert result.reason.startswith(f"the certificate of {server.where} was refused: ")


@pytest.mark.parametrize("password", ["correct", "wrong-SECRET"])
def test_logging_in(start, clock, delivery, certificate, server_context, password):
    def authenticate(_server, _session, _envelope, _mechanism, data: LoginPassword) -> AuthResult:
        return AuthResult(success=data.password == b"correct", handled=False)

    mailbox = Mailbox()
    server = start(
        mailbox,
        tls_context=server_context,
        require_starttls=True,
        auth_required=True,
        authenticator=authenticate,
    )
    server = evolve(server, security="starttls", ca_file=str(certificate), username="desk", password=password)
    result = send_one("it@globex.example", server, clock, delivery)
    assert result.delivered == (password == "correct")
    assert password not in f"{result} {server}"
    if not result.delivered:
        assert result.permanent
        assert result.reason.endswith("did not accept the username and password: 535")


def test_a_server_without_log_in_is_a_permanent_failure(start, clock, delivery, certificate, server_context):
    server = start(
        Mailbox(),
        tls_context=server_context,
        require_starttls=True,
        auth_exclude_mechanism=["LOGIN", "PLAIN"],
    )
    server = evolve(server, security="starttls", ca_file=str(certificate), username="u", password="p")
    result = send_one("it@globex.example", server, clock, delivery)
    assert result.permanent
    assert "log in" in result.reason


@pytest.mark.parametrize("able", [True, False])
def test_addresses_outside_ascii_need_a_server_that_carries_them(start, clock, delivery, able):
    mailbox = Mailbox()
    server = start(mailbox, enable_SMTPUTF8=able)
    result = send_one("jürgen@müller.example", server, clock, delivery)
    assert result.delivered == able
    assert result.permanent == (not able)
    if able:
        assert mailbox.envelopes[0].rcpt_tos == ["jürgen@xn--mller-kva.example"]


def test_a_domain_outside_ascii_needs_nothing(start, clock, delivery):
    mailbox = Mailbox()
    result = send_one("it@müller.example", start(mailbox, enable_SMTPUTF8=False), clock, delivery)
    assert result.delivered
    assert mailbox.envelopes[0].rcpt_tos == ["it@xn--mller-kva.example"]


def test_a_closed_port_is_temporary(clock, delivery, free_port):
    server = MailServer(host="127.0.0.1", port=free_port, security="none", sender="sla@acme.example")
    result = send_one("it@globex.example", server, clock, delivery)
    assert result == DeliveryResult(delivered=False, reason=f"127.0.0.1:{free_port} refused the connection")


@pytest.mark.parametrize("words", [b"", b"220 hi\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xfe\r\n"])
def test_a_server_that_is_none_is_temporary(babble, clock, delivery, words):
    result = send_one("it@globex.example", babble(lambda c: c.sendall(words)), clock, delivery)
    assert (result.delivered, result.permanent) == (False, False)


@pytest.mark.parametrize("drip", [b"", b"220-wait\r\n", b"."])
def test_a_hanging_or_dripping_server_is_left_at_the_deadline(babble, clock, delivery, drip):
    over = threading.Event()
    left = threading.Event()

    def hang(connection: socket.socket) -> None:
        connection.settimeout(0.02)
        while not over.is_set():
            connection.sendall(drip)
            try:
                if connection.recv(1) == b"":
                    left.set()
                    return
            except TimeoutError:
                continue

    server = evolve(babble(hang), timeout_ns=800 * MILLISECOND)
    try:
        result = send_one("it@globex.example", server, clock, delivery)
        assert (result.delivered, result.permanent) == (False, False)
        assert result.reason == f"{server.where} did not take the message within 800ms"
        assert left.wait(60), "the connection was kept"
    finally:
        over.set()


def test_a_conversation_abandoned_before_it_connects_says_nothing(babble, clock, delivery):
    heard = []
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"220 hi\r\n")
        connection.settimeout(5)
        try:
            heard.append(connection.recv(100))
        except ConnectionResetError:
            heard.append(b"")
        over.set()

    server = evolve(babble(drip), timeout_ns=2 * SECOND)
    channel = MailChannel("it@globex.example", server, clock=clock)
    conversation = _Conversation(server, channel._compose(delivery), channel._from, channel._to)
    conversation.abandon()
    assert conversation.hold() == DeliveryResult(delivered=False, reason=f"{server.where} cut the connection")
    assert over.wait(60)
    assert heard == [b""]


def test_a_goodbye_that_hangs_cannot_undo_a_delivery(babble, clock, delivery):
    over = threading.Event()

    def accept_and_hang(connection: socket.socket) -> None:
        connection.sendall(b"220 hi\r\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                if line.lower().startswith(b"quit"):
                    over.wait(30)
                    return
                if line.lower().startswith(b"data"):
                    connection.sendall(b"354 go\r\n")
                    while lines.readline() != b".\r\n":
                        pass
                connection.sendall(b"250 fine\r\n")

    server = evolve(babble(accept_and_hang), timeout_ns=3 * SECOND)
    try:
        assert send_one("it@globex.example", server, clock, delivery) == DeliveryResult(delivered=True)
    finally:
        over.set()


def test_conversations_are_bounded_and_closing_ends_them(babble, clock, delivery):
    over = threading.Event()
    server = babble(lambda _: over.wait(30))

    async def run() -> list[DeliveryResult]:
        channel = MailChannel("it@globex.example", server, clock=clock)
        tasks = [asyncio.create_task(channel.send(delivery)) for _ in range(MOST_CONVERSATIONS)]
        await asyncio.sleep(0)
        one_more = await channel.send(delivery)
        # Until the sockets are open there is nothing to cut.
        while not all(conversation.client and conversation.client.sock for conversation in channel._running):
            await asyncio.sleep(0.01)
        await channel.close()
        return [one_more, *await asyncio.gather(*tasks), await channel.send(delivery)]

    try:
        one_more, *cut, after = asyncio.run(run())
    finally:
        over.set()
    assert one_more.reason == f"{server.where} is still busy with {MOST_CONVERSATIONS} messages"
    assert {result.reason for result in cut} == {f"{server.where} cut the connection"}
    assert after.reason == "the channel is closed"
    assert not any(result.permanent or result.delivered for result in [one_more, *cut, after])


def test_cancelling_is_passed_on(babble, clock, delivery):
    over = threading.Event()
    server = babble(lambda _: over.wait(30))

    async def run() -> None:
        channel = MailChannel("it@globex.example", server, clock=clock)
        task = asyncio.create_task(channel.send(delivery))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    try:
        asyncio.run(run())
    finally:
        over.set()
