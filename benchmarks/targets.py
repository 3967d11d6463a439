"""Services to look at: `python benchmarks/targets.py COUNT [FOLDER]` answers on COUNT addresses of this machine alone,
one port; in TLS where a folder has `ADDRESS.pem`, a key and its certificates, for each of them.

Says the port on a line of its own and ends with its standard input. `/` answers as a small page; the other paths do
what services should not do.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

_PAGE = b"<!doctype html><title>fine</title>" + b"<p>all is well</p>" * 50
_OK = (
    b"HTTP/1.1 200 OK\r\nDate: Sun, 01 Nov 2026 00:00:00 GMT\r\nServer: target\r\nContent-Type: text/html\r\n"
)
_FINE = _OK + b"Cache-Control: no-cache\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
    len(_PAGE),
    _PAGE,
)
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
_BOMB = gzip.compress(bytes(64 * 1024 * 1024))
_BLOCK = b"10000\r\n" + b"z" * 65_536 + b"\r\n"
_BLOCKS = 16
_SLOWLY = 0.5


def hosts(count: int) -> list[str]:
    """So many addresses of the loopback network."""
    return [f"127.0.{number // 250}.{number % 250 + 1}" for number in range(count)]


class Service(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self) -> None:
        self._asked = b""
        self._full = False
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._asked += data
        if b"\r\n\r\n" in self._asked:
            behave = _PATHS.get(self._asked.split(b" ", 2)[1], _fine)
            self._asked = b""
            behave(self, self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        asyncio.get_running_loop().call_soon(self.pour)

    def pour(self) -> None:
        """Sends without end, as fast as it is taken."""
        for _ in range(_BLOCKS):
            if self._full or self._ended or self._transport.is_closing():
                return
            self._transport.write(_BLOCK)
        # In TLS a connection may break without a word as long as this does not let go.
        asyncio.get_running_loop().call_soon(self.pour)

    def drip(self) -> None:
        """A byte now and then."""
        if not self._ended and not self._transport.is_closing():
            self._transport.write(b"x")
            asyncio.get_running_loop().call_later(_SLOWLY, self.drip)


def _fine(_: Service, transport: asyncio.Transport) -> None:
    transport.write(_FINE)
    transport.close()


def _hang(_: Service, transport: asyncio.Transport) -> None:
    """Nothing."""


def _drip(service: Service, transport: asyncio.Transport) -> None:
    transport.write(_OK + b"Content-Length: 1000\r\n\r\n")
    service.drip()


def _endless(service: Service, transport: asyncio.Transport) -> None:
    transport.write(_CHUNKED)
    service.pour()


def _bomb(_: Service, transport: asyncio.Transport) -> None:
    transport.write(_OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_BOMB) + _BOMB)


def _huge(_: Service, transport: asyncio.Transport) -> None:
    transport.write(_OK + b"X-Huge: " + b"h" * (4 << 20) + b"\r\n\r\n")


def _loop(_: Service, transport: asyncio.Transport) -> None:
    transport.write(
        b"HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    transport.close()


def _garbage(_: Service, transport: asyncio.Transport) -> None:
    transport.write(bytes(range(256)) * 16)
    transport.close()


def _broken(_: Service, transport: asyncio.Transport) -> None:
    transport.write(_CHUNKED + b"5\r\nhello\r\nZZ\r\n")
    transport.close()


def _short(_: Service, transport: asyncio.Transport) -> None:
    transport.write(_OK + b"Content-Length: 1000\r\n\r\nonly this")
    transport.close()


def _reset(_: Service, transport: asyncio.Transport) -> None:
    transport.abort()


_PATHS: dict[bytes, Callable[[Service, asyncio.Transport], None]] = {
    b"/hang": _hang, b"/drip": _drip, b"/endless": _endless, b"/bomb": _bomb, b"/huge": _huge, b"/loop": _loop,
    b"/garbage": _garbage, b"/broken": _broken, b"/short": _short, b"/reset": _reset,
}  # fmt: skip
HOSTILE = tuple(path.decode() for path in _PATHS if path != b"/hang")
"""The paths that misbehave, and do not hang at once."""


async def main(count: int, folder: Path | None = None) -> None:
    """Answers until standard input ends."""
    loop = asyncio.get_running_loop()
    port = 0
    for host in hosts(count):
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        port = listening.getsockname()[1]
        await loop.create_server(Service, sock=listening, backlog=100, ssl=_context(folder, host))
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)


def _context(folder: Path | None, host: str) -> ssl.SSLContext | None:
    if folder is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / f"{host}.pem")
    return context


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2:] else None))
