"""Host and port as an agreement writes them: `mail.example.com:25`, `192.0.2.1:25`, `[2001:db8::1]:25`."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from wsla.sources.network.hosts import is_host

_HIGHEST_PORT: Final = 65_535
_NOT_OF_A_HOST: Final = frozenset("/?#@\\")


class EndpointError(ValueError):
    """A text that is no host with a port. The message never holds the text."""


@frozen(kw_only=True)
class Endpoint:
    """A host, in its ASCII form, and a port."""

    host: str
    port: int

    @property
    def where(self) -> str:
        """Host and port, as they are shown."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def endpoint(text: str, default_port: int | None = None) -> Endpoint:
    """Host and port out of a text. Raises EndpointError."""
    host, port = _parts(text)
    if port is None:
        port = default_port
    if port is None:
        raise EndpointError('the address has no port: it is written "host:port"')
    if not 1 <= port <= _HIGHEST_PORT:
        raise EndpointError(f"the port is not between 1 and {_HIGHEST_PORT}")
    return Endpoint(host=host, port=port)


def host_alone(text: str) -> str:
    """The host out of a text without a port. Raises EndpointError."""
    if text.count(":") > 1 and not text.startswith("["):
        text = f"[{text}]"
    host, port = _parts(text)
    if port is not None:
        raise EndpointError("the address is a host without a port")
    return host


def _parts(text: str) -> tuple[str, int | None]:
    import httpx

    if set(text) & _NOT_OF_A_HOST:
        raise EndpointError("the address is not a host alone, with or without a port")
    if text.count(":") > 1 and not text.startswith("["):
        raise EndpointError('an IPv6 address with a port is written "[2001:db8::1]:25"')
    head, colon, digits = text.rpartition(":")
    if not colon or "]" in digits:
        head, digits = text, ""
    elif not (digits.isascii() and digits.isdigit() and len(digits) <= 6):
        raise EndpointError("the port is not a whole number")
    try:
        # Takes names to their ASCII form, and takes no text that holds more than a host.
        url = httpx.URL(f"host://{head}/")
        host = url.raw_host.decode("ascii").lower()
    except (httpx.InvalidURL, ValueError):
        raise EndpointError("the address cannot be read") from None
    if url.port is not None or not is_host(host):
        raise EndpointError("the address has no usable host name")
    return host, int(digits) if digits else None
