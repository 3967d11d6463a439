"""Looks at sources of any kind, built from their options as `wsla run` builds them."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from wsla.plan.model import Source
from wsla.ports import Prober
from wsla.sources.registry import build_prober, build_target
from wsla.sources.targets import Deployed, Target
from wsla.values.instants import SECOND
from wsla.values.observations import Observation

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class MachineClock:
    """The clock of the machine."""

    def now(self) -> int:
        return time.time_ns()

    def monotonic(self) -> int:
        return time.monotonic_ns()

    async def sleep(self, nanoseconds: int) -> None:
        raise AssertionError("a prober does not sleep")


class Kit:
    """What the tests of all kinds share."""

    def target(self, kind: str, timeout: int = 5 * SECOND, **options: Any) -> Target:
        settings = {
            name: options.pop(name)
            for name in ("reach", "commands", "verify_tls", "ca_file", "private_redirects")
            if name in options
        }
        fields = options.pop("fields", ())
        declared = Source(name="probe", records=False, kind=kind, options={}, fields=fields)
        deployed = Deployed(
            declared=declared, options=options, timeout=timeout, every=60 * SECOND, **settings
        )
        return build_target(kind, deployed)

    def prober(self, kind: str, **options: Any) -> Prober:
        return build_prober(kind, self.target(kind, **options), MachineClock())

    async def probe(self, kind: str, **options: Any) -> Observation:
        prober = self.prober(kind, **options)
        try:
            return await prober.probe(7)
        finally:
            await prober.close()

    def look(self, kind: str, **options: Any) -> Observation:
        return asyncio.run(self.probe(kind, **options))

    def look_at(
        self,
        serve: Serve,
        kind: str,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        **options: Any,
    ) -> Observation:
        """One observation of a service on loopback that treats every connection so."""

        async def main() -> Observation:
            connected: list[asyncio.StreamWriter] = []

            async def remember(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                connected.append(writer)
                await serve(reader, writer)

            server = await asyncio.start_server(remember, host, 0, ssl=tls)
            async with server:
                port = server.sockets[0].getsockname()[1]
                place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                try:
                    return await self.probe(kind, address=place, **options)
                finally:
                    # A connection that was accepted as the look ended becomes one that can be closed.
                    for _ in range(5):
                        await asyncio.sleep(0)
                    for writer in connected:
                        writer.transport.abort()
                    await asyncio.sleep(0)

        return asyncio.run(main())


@pytest.fixture
def kit() -> Kit:
    return Kit()
