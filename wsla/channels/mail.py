"""Messages by mail: one SMTP conversation an attempt, in a thread of its own that the deadline can cut off.

The Message-ID is made from the idempotency key, so that a mailbox can tell a repeated message from a new one.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import smtplib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr
from typing import Any, Final, Literal

from attrs import field, frozen

from wsla.channels.errors import ChannelError
from wsla.channels.failures import delivered, network_reason, permanent, temporary
from wsla.channels.notice import text_with_links
from wsla.channels.trust import trusted_context
from wsla.ports import Attachment, Clock, Delivery, DeliveryResult
from wsla.values.instants import SECOND, format_length, to_datetime

DEFAULT_TIMEOUT_NS: Final = 30 * SECOND
MOST_CONVERSATIONS: Final = 4
LONGEST_QUOTE: Final = 200

Security = Literal["starttls", "tls", "none"]
DEFAULT_PORTS: Final[dict[Security, int]] = {"starttls": 587, "tls": 465, "none": 25}

# What the standard library can speak.
_LOG_IN_METHODS: Final = frozenset({"CRAM-MD5", "PLAIN", "LOGIN"})
# Everything that some reader of mail takes for the end of a line, and every other control character.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_CONTROL_IN_TEXT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_ADDRESS: Final = re.compile(r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f-\x9f]+")
_LONGEST_LOCAL_PART: Final = 64
_LONGEST_DOMAIN: Final = 253
_HIGHEST_PORT: Final = 65_535
# A line may hold 998 bytes; this policy folds far earlier and keeps to seven bits for servers that know no
# more.
_POLICY: Final = SMTP_POLICY.clone(cte_type="7bit")


@frozen(kw_only=True)
class MailServer:
    """The SMTP server that takes mail in, and the name in which it is sent.

    ``port`` follows from ``security`` unless given. ``sender`` is an address, with a display name if wanted.
    ``timeout_ns`` bounds a whole conversation. Raises ChannelError for values that cannot work together.
    """

    host: str
    sender: str
    security: Security = "starttls"
    port: int | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_ns: int = DEFAULT_TIMEOUT_NS
    ca_file: str | None = None

    def __attrs_post_init__(self) -> None:
        if not self.host or _CONTROL.search(self.host) or " " in self.host:
            raise ChannelError("the mail server's host is not a name or an address")
        if self.security not in DEFAULT_PORTS:
            raise ChannelError("a mail server's security is starttls, tls or none")
        if self.port is not None and not 0 < self.port <= _HIGHEST_PORT:
            raise ChannelError(f"{self.port} is no port of a mail server")
        if self.timeout_ns <= 0:
            raise ChannelError("a mail server's timeout must be longer than nothing")
        if (self.username is None) != (self.password is None):
            raise ChannelError("a mail server's username and password go together")
        if self.password is not None and self.security == "none":
            raise ChannelError("a mail server's password is sent only over starttls or tls")
        if not f"{self.username or ''}{self.password or ''}".isascii():
            raise ChannelError("a mail server's username and password must be plain ASCII")

    @property
    def where(self) -> str:
        """The server as operators know it: ``host:port``."""
        return f"{self.host}:{self.port or DEFAULT_PORTS[self.security]}"


class MailChannel:
    """Mails notices to one address. Raises ChannelError for an address or a server that cannot work."""

    def __init__(self, address: str, server: MailServer, *, clock: Clock) -> None:
        self._to = _parse_address(address, "the address")
        self._from = _parse_address(server.sender, "the sender")
        if server.ca_file is not None:
            trusted_context(server.ca_file)
        self._server = server
        self._clock = clock
        self._running: set[_Conversation] = set()
        self._lock = threading.Lock()
        self._closed = False

    async def send(self, delivery: Delivery) -> DeliveryResult:
        """One attempt. Never raises for anything that the server or the network does."""
        if self._closed:
            return temporary("the channel is closed")
        conversation = _Conversation(self._server, self._compose(delivery), self._from, self._to)
        with self._lock:
            if len(self._running) >= MOST_CONVERSATIONS:
                return temporary(f"{self._server.where} is still busy with {MOST_CONVERSATIONS} messages")
            self._running.add(conversation)
        # A thread a conversation: none is kept idle, and one that is stuck holds up no later message.
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="wsla-mail")
        work = asyncio.get_running_loop().run_in_executor(executor, self._run, conversation)
        executor.shutdown(wait=False)
        try:
            async with asyncio.timeout(self._server.timeout_ns / SECOND):
                return await work
        except TimeoutError:
            if conversation.accepted:
                return delivered()
            spent = format_length(self._server.timeout_ns)
            return temporary(f"{self._server.where} did not take the message within {spent}")
        finally:
            conversation.abandon()

    async def close(self) -> None:
        """Cut off conversations that still run; later attempts fail as temporary."""
        self._closed = True
        with self._lock:
            running = tuple(self._running)
        for conversation in running:
            conversation.abandon()

    def _run(self, conversation: _Conversation) -> DeliveryResult:
        try:
            return conversation.hold()
        finally:
            with self._lock:
                self._running.discard(conversation)

    def _compose(self, delivery: Delivery) -> EmailMessage:
        message = EmailMessage(policy=_POLICY)
        message["Subject"] = _CONTROL.sub(" ", _encodable(delivery.subject)).strip()
        message["From"] = self._from
        message["To"] = self._to
        message["Date"] = format_datetime(to_datetime(self._clock.now()))
        identity = hashlib.sha256(_encodable(f"{delivery.key}\n{self._to.addr_spec}").encode()).hexdigest()
        message["Message-ID"] = f"<{identity[:40]}@{self._from.domain}>"
        message["Auto-Submitted"] = "auto-generated"
        lines = re.sub("\r\n?", "\n", _encodable(text_with_links(delivery)))
        text = _CONTROL_IN_TEXT.sub("\N{REPLACEMENT CHARACTER}", lines)
        message.set_content(text, charset="us-ascii" if text.isascii() else "utf-8")
        for one in delivery.attachments:
            _attach(message, one)
        return message


def _attach(message: EmailMessage, one: Attachment) -> None:
    """Adds a file; what calendars take stands beside the text as well, where programs look for invitations."""
    plain, _, rest = one.media_type.partition(";")
    kind, _, subtype = plain.strip().partition("/")
    name, _, value = rest.strip().partition("=")
    if (kind, subtype) == ("text", "calendar"):
        content = one.content.decode("utf-8")
        message.add_alternative(
            content, subtype=subtype, charset="utf-8", params={name: value} if name else {}
        )
        message.add_attachment(one.content, maintype="application", subtype="ics", filename=one.name)
    else:
        message.add_attachment(one.content, maintype=kind, subtype=subtype, filename=one.name)


class _Refused(Exception):
    """A step of the conversation that this side will not go on from."""


class _Conversation:
    """One message's way through SMTP. Held in a thread; abandoned from any other."""

    def __init__(self, server: MailServer, message: EmailMessage, sender: Address, receiver: Address) -> None:
        self._server = server
        self._message = message
        self._sender = sender
        self._receiver = receiver
        self._abandoned = threading.Event()
        self.client: smtplib.SMTP | None = None
        self.accepted = False

    def hold(self) -> DeliveryResult:
        """Connect, secure, log in, hand over. Never raises."""
        try:
            self._hand_over()
        except _Refused as error:
            return permanent(str(error))
        except smtplib.SMTPRecipientsRefused as error:
            code, answer = error.recipients[self._receiver.addr_spec]
            return self._answered("did not accept the receiver", code, answer)
        except smtplib.SMTPAuthenticationError as error:
            # The answer's text is left out: some servers repeat what they were given.
            return self._answered("did not accept the username and password", error.smtp_code, b"")
        except smtplib.SMTPResponseException as error:
            return self._answered("did not accept the message", error.smtp_code, error.smtp_error)
        except smtplib.SMTPServerDisconnected:
            return temporary(f"{self._server.where} cut the connection")
        except Exception as error:  # whatever goes wrong on the way, the outbox needs a result
            return temporary(network_reason(error, self._server.where))
        finally:
            self._part()
        return delivered()

    def abandon(self) -> None:
        """End the conversation from outside: a waiting read returns, and no further step begins."""
        self._abandoned.set()
        connection = None if self.client is None else self.client.sock
        if connection is not None:
            try:
                # Not the TLS socket's own shutdown, which would pull its state from under the waiting thread.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                return

    def _hand_over(self) -> None:
        server = self._server
        client = _open(self)
        client.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            if not client.has_extn("starttls"):
                raise _Refused(
                    f"{server.where} does not offer STARTTLS, without which mail is not sent through it"
                )
            client.starttls(context=trusted_context(server.ca_file))
            client.ehlo_or_helo_if_needed()
        if server.username is not None and server.password is not None:
            if not _LOG_IN_METHODS & set(client.esmtp_features.get("auth", "").split()):
                raise _Refused(f"{server.where} offers no way to log in that is known here")
            client.login(server.username, server.password)
        plain = self._receiver.addr_spec.isascii() and self._sender.addr_spec.isascii()
        if not plain and not client.has_extn("smtputf8"):
            raise _Refused(f"{server.where} cannot carry an address outside ASCII (no SMTPUTF8)")
        # Not send_message, which would put a ">" before every line of the text that begins with "From ".
        octets = self._message.as_bytes(policy=_POLICY.clone(utf8=not plain))
        options = () if plain else ("SMTPUTF8", "BODY=8BITMIME")
        client.sendmail(self._sender.addr_spec, [self._receiver.addr_spec], octets, options)
        self.accepted = True

    def check_wanted(self) -> None:
        """Raise SMTPServerDisconnected once the conversation was abandoned."""
        if self._abandoned.is_set():
            raise smtplib.SMTPServerDisconnected

    def _part(self) -> None:
        """Say goodbye where that is still possible. The message's fate is settled, so no answer matters."""
        client = self.client
        if client is None or client.sock is None:
            return
        try:
            if not self._abandoned.is_set():
                client.quit()
        except (OSError, smtplib.SMTPException):
            pass
        finally:
            client.close()

    def _answered(self, what: str, code: int, answer: bytes | str) -> DeliveryResult:
        text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
        quoted = _CONTROL.sub(" ", text).strip()[:LONGEST_QUOTE]
        reason = f"{self._server.where} {what}: {code} {quoted}".rstrip()
        return permanent(reason) if code // 100 == 5 else temporary(reason)


class _Client(smtplib.SMTP):
    """An SMTP client that its conversation knows of before it connects, and so can cut off from the first
    byte on.
    """

    def __init__(self, conversation: _Conversation, *arguments: Any, **options: Any) -> None:
        conversation.client = self
        self._conversation = conversation
        super().__init__(*arguments, **options)

    def getreply(self) -> tuple[int, bytes]:
        # Whoever abandons before this look is seen here; whoever does so after it finds a socket to cut.
        self._conversation.check_wanted()
        return super().getreply()


class _TlsClient(_Client, smtplib.SMTP_SSL):
    """The same, with TLS from the first byte."""


def _open(conversation: _Conversation) -> smtplib.SMTP:
    server = conversation._server
    port = server.port or DEFAULT_PORTS[server.security]
    # Only for what cannot be cut off from outside, such as connecting; the deadline proper comes first.
    seconds = 2 * server.timeout_ns / SECOND
    if server.security == "tls":
        context = trusted_context(server.ca_file)
        return _TlsClient(
            conversation, server.host, port, local_hostname=_own_name(), timeout=seconds, context=context
        )
    return _Client(conversation, server.host, port, local_hostname=_own_name(), timeout=seconds)


def _own_name() -> str:
    """What this machine calls itself in EHLO, found without a look-up that could take long."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


def _encodable(text: str) -> str:
    return text.encode("utf-8", errors="replace").decode("utf-8")


def _parse_address(text: str, role: str) -> Address:
    name, plain = parseaddr(text)
    local, _, domain = plain.rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_domain = ""
    well_formed = (
        _CONTROL.search(text) is None
        # The parser drops what it cannot place, and an address must not be mended by guessing.
        and plain in text
        and _ADDRESS.fullmatch(local) is not None
        and _ADDRESS.fullmatch(ascii_domain) is not None
        and len(local.encode("utf-8", errors="replace")) <= _LONGEST_LOCAL_PART
        and len(ascii_domain) <= _LONGEST_DOMAIN
    )
    if not well_formed:
        raise ChannelError(f"{role} {text!r} is not a mail address such as desk@example.com")
    return Address(display_name=name, username=local, domain=ascii_domain)
