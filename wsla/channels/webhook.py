"""Messages to a program: one signed JSON POST an attempt, judged by the status of the answer alone.

The whole attempt has one deadline, the answer's body is read to a limit and thrown away, redirects are not
followed, and no reason names more of an address than scheme, host and port, because paths and queries of
webhooks carry tokens.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import quote, urlsplit

from wsla.channels.backoff import parse_retry_after
from wsla.channels.errors import ChannelError
from wsla.channels.failures import delivered, network_reason, permanent, temporary
from wsla.channels.notice import NoticeError, encode_canonical, notice_document
from wsla.channels.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign, verify_signature
from wsla.channels.trust import trusted_context
from wsla.ports import Clock, Delivery, DeliveryResult
from wsla.values.instants import SECOND, format_length

if TYPE_CHECKING:
    import httpx

__all__ = ["WebhookChannel", "outcome_of_status", "verify_signature"]

DEFAULT_TIMEOUT_NS: Final = 10 * SECOND
MOST_ANSWER_BYTES: Final = 64 * 1024
MOST_CONNECTIONS: Final = 8

Outcome = Literal["delivered", "temporary", "permanent"]

_WORTH_REPEATING: Final = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
# What a header may hold unchanged; everything else in a key is percent-encoded.
_HEADER_SAFE: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%")


def outcome_of_status(status: int) -> Outcome:
    """What an HTTP status means for a message: 2xx took it, 3xx and most of 4xx never will, the rest may
    later.
    """
    match status // 100:
        case 2:
            return "delivered"
        case 3:
            return "permanent"
        case 4:
            return "temporary" if status in _WORTH_REPEATING else "permanent"
        case _:
            return "temporary"


class WebhookChannel:
    """POSTs notices to one address.

    ``secret`` signs them where given; ``timeout_ns`` bounds a whole attempt from name look-up to the
    answer's status. ``client_factory`` replaces the client that is otherwise made at the first attempt,
    once a channel. Raises ChannelError for an address that is not absolute ``http`` or ``https``, an empty
    secret, a timeout that is not positive, or a ``ca_file`` that cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        secret: str | None = None,
        timeout_ns: int = DEFAULT_TIMEOUT_NS,
        ca_file: str | None = None,
        client_factory: Callable[[], httpx.AsyncClient] | None = None,
    ) -> None:
        self._url = _parse_url(url)
        if secret == "":
            raise ChannelError("the secret that signs a webhook's messages is empty")
        if timeout_ns <= 0:
            raise ChannelError("a webhook's timeout must be longer than nothing")
        self._where = _origin(self._url)
        self._secret = secret
        self._timeout_ns = timeout_ns
        self._clock = clock
        self._client_factory = client_factory or _default_factory(ca_file)
        self._client: httpx.AsyncClient | None = None
        self._closed = False

    async def send(self, delivery: Delivery) -> DeliveryResult:
        """One attempt. Never raises for anything that the receiver or the network does."""
        if self._closed:
            return temporary("the channel is closed")
        try:
            body = self._body(delivery)
        except NoticeError as error:
            return permanent(str(error))
        result: DeliveryResult | None = None
        try:
            async with asyncio.timeout(self._timeout_ns / SECOND):
                client = self._open_client()
                request = client.build_request(
                    "POST", self._url, content=body, headers=self._headers(delivery, body)
                )
                response = await client.send(request, stream=True, follow_redirects=False)
                # A receiver's cookies would otherwise pile up and travel with every later message.
                client.cookies.clear()
                try:
                    result = self._judge(response)
                    await _drain(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            return result or temporary(
                f"{self._where} did not answer within {format_length(self._timeout_ns)}"
            )
        except Exception as error:  # whatever goes wrong on the way, the outbox needs a result
            return result or temporary(self._reason(error))
        return result

    async def close(self) -> None:
        """Give back connections; later attempts fail as temporary."""
        self._closed = True
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _open_client(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = self._client_factory()
            _hush_addresses()
        return self._client

    def _body(self, delivery: Delivery) -> bytes:
        return encode_canonical(notice_document(delivery))

    def _headers(self, delivery: Delivery, body: bytes) -> dict[str, str]:
        timestamp = self._clock.now() // SECOND
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "wsla",
            "Accept-Encoding": "identity",
            "Idempotency-Key": quote(delivery.key, safe=_HEADER_SAFE, errors="replace"),
            TIMESTAMP_HEADER: str(timestamp),
        }
        if self._secret is not None:
            headers[SIGNATURE_HEADER] = sign(self._secret, body, timestamp)
        return headers

    def _judge(self, response: httpx.Response) -> DeliveryResult:
        status = response.status_code
        answer = f"{self._where} answered {status_words(status)}"
        match outcome_of_status(status):
            case "delivered":
                return delivered()
            case "temporary":
                pause = parse_retry_after(response.headers.get("Retry-After"), self._clock.now())
                return temporary(answer, pause)
            case "permanent" if response.headers.get("Location") is not None and status // 100 == 3:
                return permanent(f"{answer}: redirect not followed, {self._target(response)}")
            case "permanent":
                return permanent(answer, gone=status == HTTPStatus.GONE)

    def _target(self, response: httpx.Response) -> str:
        import httpx

        try:
            urlsplit(response.headers["Location"])
            target = self._url.join(response.headers["Location"])
        except (httpx.InvalidURL, ValueError):
            return "to an address that cannot be read"
        if _origin(target) == self._where:
            return "to another path of the same host"
        return f"to {_origin(target)}"

    def _reason(self, error: Exception) -> str:
        import httpx

        if isinstance(error, httpx.RemoteProtocolError):
            return f"{self._where} cut the connection or sent no valid HTTP answer"
        return network_reason(error, self._where)


async def _drain(response: httpx.Response) -> None:
    """Read a short answer to its end, so that the connection can serve again; leave a long one."""
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > MOST_ANSWER_BYTES:
            return


def _parse_url(text: str) -> httpx.URL:
    import httpx

    try:
        urlsplit(text)  # finds brackets that do not close, which httpx takes for a name
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise ChannelError("the webhook's address cannot be read as a URL") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ChannelError("a webhook's address starts with https:// or http:// and names a host")
    return url


def _origin(url: httpx.URL) -> str:
    port = "" if url.port is None else f":{url.port}"
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{url.scheme}://{host}{port}"


def status_words(status: int) -> str:
    """``404 Not Found``."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _default_factory(ca_file: str | None) -> Callable[[], httpx.AsyncClient]:
    if ca_file is not None:
        trusted_context(ca_file)

    def make() -> httpx.AsyncClient:
        import httpx

        return httpx.AsyncClient(
            verify=trusted_context(ca_file),
            trust_env=False,
            follow_redirects=False,
            timeout=None,
            limits=httpx.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=1),
        )

    return make


def _hush_addresses() -> None:
    """Keep the HTTP libraries from logging addresses with their secrets: whole ones at INFO, headers at DEBUG."""
    for name in ("httpx", "httpcore"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
