"""Addresses as a text may write them to hide where they lead (W3)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wsla.sources.http.target import HttpTargetError
from wsla.sources.network.addresses import Reach


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "127.1",
        "127.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0",
    ],
)
def test_however_an_address_is_written_it_is_the_same_place(kit: Any, host: str) -> None:
    async def main() -> Any:
        async with kit.service(kit.answer(b"ok")) as service:
            prober = kit.prober(f"http://{host}:{service.port}/", reach=frozenset({Reach.PUBLIC}))
            return await prober.probe(0), service.received

    seen, received = asyncio.run(main())
    # A resolver that does not know the form at all has not found anything, which leads nowhere either.
    assert seen.failure in ("observer-policy", "resolve-not-found")
    assert seen.fields["ok"] is not True
    assert received == []


@pytest.mark.parametrize("host", ["0177.0.0.1", "127.0.0.1%00.example", "127.0.0.1\t", "[127.0.0.1]"])
def test_forms_that_programs_read_in_two_ways_are_refused(kit: Any, host: str) -> None:
    with pytest.raises(HttpTargetError):
        kit.prober(f"http://{host}/")
