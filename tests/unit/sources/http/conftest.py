"""A service on loopback that answers exactly the bytes that a test wants, and clocks for the prober."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import pytest
from attrs import define, field

from wsla.sources.http import HttpProber, HttpTarget, Resolver
from wsla.values.observations import Observation

AT = 1_772_618_400_000_000_000


class StandingClock:
    """Shows one instant, so no test depends on how busy the machine is."""

    def now(self) -> int:
        return AT

    def monotonic(self) -> int:
        return 0

    async def sleep(self, nanoseconds: int) -> None:
        raise AssertionError("a prober does not sleep")


class MachineClock(StandingClock):
    """The clock of the machine."""

    def now(self) -> int:
        return time.time_ns()

    def monotonic(self) -> int:
        return time.monotonic_ns()


@define
class Client:
    """One connection of a client: what it sent, and ways to treat it badly."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: bytes = b""
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.head.split(b" ")[1].decode()

    @property
    def method(self) -> str:
        return self.head.split(b" ")[0].decode()

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): text for name, _, text in (line.partition(": ") for line in lines) if name}

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hang(self) -> None:
        await asyncio.Event().wait()

    async def receive(self) -> None:
        self.head = (await self.reader.readuntil(b"\r\n\r\n"))[:-4]
        length = int(self.headers.get("content-length", "0"))
        self.body = await self.reader.readexactly(length)


Answer = bytes | Callable[[Client], Awaitable[None]]


@define
class Service:
    """Answers paths; ``received`` are the clients in the order of their requests. A bare answer is for every path."""

    answers: Mapping[str, Answer] | Answer
    host: str = "127.0.0.1"
    port: int = 0
    tls: ssl.SSLContext | None = None
    received: list[Client] = field(factory=list)
    _clients: list[Client] = field(factory=list)
    _tasks: set[asyncio.Task[None]] = field(factory=set)
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, self.host, self.port, ssl=self.tls, backlog=400
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        # A connection that was accepted as the look ended becomes one that can be closed.
        for _ in range(5):
            await asyncio.sleep(0)
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in self._clients:
            client.writer.transport.abort()
        await asyncio.sleep(0)

    def url(self, path: str = "/") -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}{path}"

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(reader, writer)
        self._clients.append(client)
        task = asyncio.ensure_future(self._answer(client))
        self._tasks.add(task)

    async def _answer(self, client: Client) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            try:
                await client.receive()
                self.received.append(client)
                answers = self.answers
                answer = answers[client.path] if isinstance(answers, Mapping) else answers
                if isinstance(answer, bytes):
                    await client.send(answer)
                else:
                    await answer(client)
            finally:
                client.writer.close()


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """A well-formed answer. ``headers`` are written with underscores for hyphens."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


@define
class Kit:
    """What the tests of the http source share."""

    at: int = AT
    service: type[Service] = Service
    machine_clock: type[MachineClock] = MachineClock
    standing_clock: type[StandingClock] = StandingClock
    answer: Callable[..., bytes] = answer

    def prober(
        self, url: str, clock: StandingClock | None = None, resolver: Resolver | None = None, **options: Any
    ) -> HttpProber:
        target = HttpTarget(source="probe", url=url, **options)
        return HttpProber(target, clock or StandingClock(), resolver)

    def look(
        self,
        answers: Mapping[str, Answer] | Answer,
        path: str = "/",
        clock: StandingClock | None = None,
        **options: Any,
    ) -> Observation:
        """One observation of a service that answers so."""

        async def main() -> Observation:
            async with Service(answers) as service:
                prober = self.prober(service.url(path), clock, **options)
                try:
                    return await prober.probe(AT)
                finally:
                    await prober.close()

        return asyncio.run(main())


@pytest.fixture
def kit() -> Kit:
    return Kit()
