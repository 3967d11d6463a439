"""What one http source probes and what it accepts as an answer: its options, checked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from attrs import Attribute, field, frozen

from wsla.sources.http.json_values import JsonValue
from wsla.sources.http.location import Location, LocationError, locate
from wsla.sources.http.proxy import Proxy
from wsla.sources.network.addresses import EVERYWHERE, Reach
from wsla.sources.targets import SourceError
from wsla.values.instants import HOUR, SECOND

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
LARGEST_BODY: Final = 256 * 1024 * 1024
LARGEST_HEADERS: Final = 1024 * 1024
MOST_REDIRECTS: Final = 50
LONGEST_TIMEOUT: Final = HOUR
FIELDS: Final = (
    "ok", "elapsed", "status", "matched", "certificate_left", "resolve", "connect", "handshake", "first_byte",
    "body_size",
)  # fmt: skip
"""The names of the fields of every observation of an http source."""

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")
_OURS: Final = {
    "connection", "content-length", "expect", "keep-alive", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip
_STATUSES: Final = range(100, 600)


class HttpTargetError(SourceError):
    """An option of an http source that cannot be used. The message is for the author of the agreement."""


def statuses(wanted: Iterable[int | tuple[int, int] | range]) -> tuple[range, ...]:
    """Ranges of statuses out of single numbers, inclusive pairs ``(200, 299)`` and ranges."""
    return tuple(_status_range(item) for item in wanted)


def _status_range(item: int | tuple[int, int] | range) -> range:
    match item:
        case range():
            return item
        case int():
            return range(item, item + 1)
        case (low, high):
            return range(low, high + 1)
    raise HttpTargetError(f"{item!r} is no status and no range of statuses")


_located: Final = lru_cache(maxsize=32_768)(locate)


@frozen(kw_only=True)
class HttpTarget:
    """The options of one http source. Raises HttpTargetError where one of them cannot be used.

    ``timeout`` is nanoseconds for the whole probe: look-up, connection, TLS, redirects and body. ``max_body``
    counts decoded bytes, ``max_headers`` all bytes of the headers of one answer. ``expected_text`` is looked
    for in the decoded body. ``expected_status`` takes single statuses, inclusive pairs and ranges. ``ca_file``
    names a file of certificates (PEM) to trust in place of the machine's own store. ``reach`` says how near to this
    machine an address may lie. ``values`` are taken out of a JSON body. ``proxy`` stands between.

    Neither headers nor body nor the path of the address are shown by ``repr``: they may hold secrets.
    """

    source: str
    url: str = field(repr=False)
    method: str = field(default="GET")
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | None = field(default=None, repr=False)
    timeout: int = field(default=10 * SECOND)
    expected_status: tuple[range, ...] = field(default=((200, 399),), converter=statuses)
    expected_text: str | None = field(default=None, repr=False)
    follow_redirects: bool = True
    max_redirects: int = field(default=10)
    max_body: int = field(default=1024 * 1024)
    max_headers: int = field(default=64 * 1024)
    verify_tls: bool = True
    ca_file: str | None = None
    allow_private_redirects: bool = False
    reach: frozenset[Reach] = EVERYWHERE
    values: tuple[JsonValue, ...] = field(default=())
    proxy: Proxy | None = None
    location: Location = field(init=False)

    @location.default
    def _location(self) -> Location:
        try:
            return _located(self.url)[0]
        except LocationError as error:
            raise HttpTargetError(f"source {self.source}: {error}") from None

    @method.validator
    def _check_method(self, attribute: Attribute[str], method: str) -> None:
        if method not in METHODS:
            raise self._wrong(f"the method is not one of {', '.join(METHODS)}")

    @headers.validator
    def _check_headers(
        self, attribute: Attribute[tuple[tuple[str, str], ...]], headers: tuple[tuple[str, str], ...]
    ) -> None:
        for name, text in headers:
            if not _TOKEN.fullmatch(name):
                raise self._wrong(f"{name!r} is not the name of a header")
            if name.lower() in _OURS:
                raise self._wrong(f"the header {name} is set by the probe itself")
            if not _HEADER_VALUE.fullmatch(text):
                raise self._wrong(f"the value of the header {name} holds a character that is not allowed")

    @body.validator
    def _check_body(self, attribute: Attribute[bytes | None], body: bytes | None) -> None:
        if body is not None and self.method in ("GET", "HEAD"):
            raise self._wrong(f"a {self.method} request has no body")

    @expected_status.validator
    def _check_statuses(self, attribute: Attribute[tuple[range, ...]], wanted: tuple[range, ...]) -> None:
        if not wanted:
            raise self._wrong("no status is expected, so no answer could ever be good")
        for item in wanted:
            if not item or item[0] not in _STATUSES or item[-1] not in _STATUSES:
                raise self._wrong("an expected status is not between 100 and 599")

    @expected_text.validator
    def _check_text(self, attribute: Attribute[str | None], text: str | None) -> None:
        if text == "":
            raise self._wrong("the expected text is empty")
        if text is not None and self.method == "HEAD":
            raise self._wrong("the answer to HEAD has no body in which to look for a text")

    @values.validator
    def _check_values(
        self, attribute: Attribute[tuple[JsonValue, ...]], values: tuple[JsonValue, ...]
    ) -> None:
        if values and self.method == "HEAD":
            raise self._wrong("the answer to HEAD has no body out of which to take values")

    @timeout.validator
    def _check_timeout(self, attribute: Attribute[int], timeout: int) -> None:
        if not 0 < timeout <= LONGEST_TIMEOUT:
            raise self._wrong("the timeout is not between 1ns and 1h")

    @max_redirects.validator
    def _check_redirects(self, attribute: Attribute[int], count: int) -> None:
        if not 0 <= count <= MOST_REDIRECTS:
            raise self._wrong(f"max_redirects is not between 0 and {MOST_REDIRECTS}")

    @max_body.validator
    def _check_max_body(self, attribute: Attribute[int], size: int) -> None:
        if not 0 <= size <= LARGEST_BODY:
            raise self._wrong(f"max_body is not between 0 and {LARGEST_BODY} bytes")

    @max_headers.validator
    def _check_max_headers(self, attribute: Attribute[int], size: int) -> None:
        if not 0 < size <= LARGEST_HEADERS:
            raise self._wrong(f"max_headers is not between 1 and {LARGEST_HEADERS} bytes")

    @property
    def host(self) -> str:
        """The host that is asked first."""
        return self.location.host

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields of every observation, those out of a JSON body last."""
        return (*FIELDS, *(one.field.name for one in self.values))

    @property
    def reads_body(self) -> bool:
        """True where the body is looked at, and not only counted."""
        return self.expected_text is not None or bool(self.values)

    @property
    def shown(self) -> str:
        """Scheme, host and port: paths and queries can hold secrets."""
        return f"{self.location.scheme}://{self.location.where}"

    def expects(self, status: int) -> bool:
        """True for a status that counts as good."""
        return any(status in wanted for wanted in self.expected_status)

    def _wrong(self, what: str) -> HttpTargetError:
        return HttpTargetError(f"source {self.source}: {what}")
