"""Receivers on loopback for the channels' tests: an HTTP server of raw sockets, and a clock that stands still."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import define, field, frozen

from wsla.ports import Delivery
from wsla.values.instants import SECOND, parse_instant

from ...ports import free_port

NOW = parse_instant("2026-03-04T10:00:00Z")


class StandingClock:
    """A clock that shows one instant."""

    def now(self) -> int:
        return NOW

    def monotonic(self) -> int:
        return 0

    async def sleep(self, nanoseconds: int) -> None:
        raise AssertionError(f"a channel does not sleep, not even {nanoseconds / SECOND} s")


@frozen
class Request:
    """What a client sent."""

    line: str
    headers: dict[str, str]
    body: bytes


Behaviour = Callable[[socket.socket], None]


@define(slots=False)
class HttpReceiver:
    """Records every request and answers as ``behaviour`` does, given the raw connection."""

    behaviour: Behaviour
    port: int = 0
    requests: list[Request] = field(factory=list)
    connections: int = 0
    released: threading.Event = field(factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def serve(self, connection: socket.socket) -> None:
        self.connections += 1
        with connection, connection.makefile("rb") as stream:
            while line := stream.readline():
                headers = {}
                while (text := stream.readline().decode("latin-1").rstrip("\r\n")) != "":
                    name, _, value = text.partition(": ")
                    headers[name.lower()] = value
                body = stream.read(int(headers.get("content-length", "0")))
                self.requests.append(Request(line.decode().rstrip(), headers, body))
                try:
                    self.behaviour(connection)
                except OSError:
                    return

    def hang(self, _connection: socket.socket) -> None:
        """Say nothing until the test is over."""
        self.released.wait(30)


def answer(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Behaviour:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    octets = "\r\n".join([*lines, "", ""]).encode() + body
    return lambda connection: connection.sendall(octets)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def delivery() -> Delivery:
    return Delivery(
        key="search/v1/uptime/2026-02#1",
        subject="Availability fell to 99.2 %",
        text="The goal of 99.9 % was missed.\nGrüße",
        payload={"goal": "uptime", "value": "0.992", "window": ["2026-02-01", "2026-03-01"]},
        attempt=2,
    )


@pytest.fixture
def receive() -> Iterator[Callable[[Behaviour], HttpReceiver]]:
    """Start receivers; all of them end with the test."""
    servers: list[tuple[socketserver.ThreadingTCPServer, HttpReceiver]] = []

    def start(behaviour: Behaviour) -> HttpReceiver:
        receiver = HttpReceiver(behaviour)

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                receiver.serve(self.request)

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.block_on_close = False
        receiver.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append((server, receiver))
        return receiver

    yield start
    for server, receiver in servers:
        receiver.released.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def respond() -> Callable[..., Behaviour]:
    return answer


@pytest.fixture(name="free_port")
def a_free_port() -> int:
    """A port that nobody listens on."""
    return free_port()


@pytest.fixture
def certificate() -> Path:
    """Key and certificate for ``localhost``, made for these tests and trusted by nobody else."""
    return Path(__file__).with_name("loopback.pem")
