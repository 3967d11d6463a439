"""Where a request goes: an http or https address, taken apart once."""

from __future__ import annotations

from base64 import b64encode
from typing import Final
from urllib.parse import unquote_to_bytes

from attrs import field, frozen

from wsla.sources.network.hosts import is_host

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_HIGHEST_PORT: Final = 65_535


class LocationError(ValueError):
    """A text that is no http or https address. The message never holds the text."""


@frozen(kw_only=True)
class Location:
    """An address of the web: ``host`` in its ASCII form, ``path`` with its query as sent in the request line.

    ``authorization`` is the value of an Authorization header, where the text held a user and a password.
    """

    scheme: str
    host: str
    port: int
    path: bytes = field(repr=False)
    authorization: bytes | None = field(default=None, repr=False)

    where: str = field(init=False, repr=False, eq=False)
    """Host and port: all of an address that may be shown, since paths and queries can hold secrets."""

    @where.default
    def _where(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def authority(self) -> bytes:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        text = host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"
        return text.encode("ascii")

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: credentials belong to it."""
        return self.scheme, self.host, self.port


def locate(text: str, base: str | None = None) -> tuple[Location, str]:
    """The location that ``text`` names, read relative to ``base`` where one is given, and its full text.

    Raises LocationError where it is no http or https address with a usable host and port.
    """
    import httpx

    try:
        url = httpx.URL(text) if base is None else httpx.URL(base).copy_with(userinfo=b"").join(text)
    except (httpx.InvalidURL, ValueError):
        raise LocationError("the address cannot be read") from None
    if url.scheme not in _DEFAULT_PORTS:
        raise LocationError("the address does not start with http:// or https://")
    host = url.raw_host.decode("ascii").lower()
    if not is_host(host):
        raise LocationError("the address has no usable host name")
    port = _DEFAULT_PORTS[url.scheme] if url.port is None else url.port
    if not 1 <= port <= _HIGHEST_PORT:
        raise LocationError("the address has no usable port")
    authorization = None
    if url.userinfo:
        user, _, password = url.userinfo.partition(b":")
        pair = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
        authorization = b"Basic " + b64encode(pair)
    location = Location(
        scheme=url.scheme, host=host, port=port, path=url.raw_path, authorization=authorization
    )
    return location, str(url.copy_with(fragment=None))
