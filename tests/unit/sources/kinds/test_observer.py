"""A prober that fails says nothing about the service, whatever the kind."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import pytest

from wsla.analysis.types import NumberType
from wsla.plan.model import Field
from wsla.sources import icmp
from wsla.sources.network.addresses import Reach
from wsla.sources.registry import FOLLOWED_KINDS, KNOWN_KINDS
from wsla.values.instants import SECOND

VALUE = Field(
    name="value",
    column="up",
    type=NumberType(),
    unit_factor=Fraction(1),
    unit_stated=False,
    resolution=Fraction(1, 1_000_000),
)
LOOKS: dict[str, dict[str, Any]] = {
    "http": {"url": "http://127.0.0.1:1/"},
    "tcp": {"address": "127.0.0.1:1"},
    "tls": {"address": "127.0.0.1:1", "certificate": "unchecked"},
    "dns": {"name": "shop.example", "server": "127.0.0.1:1"},
    "icmp": {"address": "127.0.0.1"},
    "command": {"path": "/bin/sh", "commands": ("/bin/sh",)},
    "prometheus": {"url": "http://127.0.0.1:1", "fields": (VALUE,)},
}


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = [os.open(os.devnull, os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened[0] + 20, hard))
    try:
        try:
            while True:
                opened.append(os.dup(opened[0]))
        except OSError:
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for number in opened:
            os.close(number)


@pytest.fixture(autouse=True)
def icmp_is_permitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a machine that does not permit it: nothing here needs a reply."""
    try:
        icmp.open_socket(socket.AF_INET).close()
    except PermissionError:

        def open_another(family: int) -> socket.socket:
            opened = socket.socket(family, socket.SOCK_DGRAM)
            opened.setblocking(False)
            return opened

        monkeypatch.setattr(icmp, "open_socket", open_another)


def test_every_kind_that_asks_over_a_network_or_runs_something_is_looked_at_here() -> None:
    # Files and databases are read in threads, in tests of their own.
    assert set(LOOKS) == KNOWN_KINDS - FOLLOWED_KINDS - {"sql"}


@pytest.mark.parametrize("kind", sorted(LOOKS))
def test_without_descriptors(kit: Any, kind: str) -> None:
    async def main() -> tuple[Any, Any]:
        prober = kit.prober(kind, timeout=SECOND, **LOOKS[kind])
        before = await prober.probe(1)
        with no_more_descriptors():
            return before, await prober.probe(2)

    before, seen = asyncio.run(main())
    assert not (before.failure or "").startswith("observer-resources")
    assert (seen.failure, set(seen.fields.values())) == ("observer-resources", {None})
    assert set(seen.fields) == set(before.fields)


@pytest.mark.parametrize("kind", sorted(set(LOOKS) - {"command"}))
def test_where_the_deployment_does_not_look(kit: Any, kind: str) -> None:
    seen = kit.look(kind, reach=frozenset({Reach.PUBLIC}), **LOOKS[kind])
    assert (seen.failure, set(seen.fields.values())) == ("observer-policy", {None})


@pytest.mark.parametrize("kind", sorted(set(LOOKS) - {"prometheus"}))
def test_a_bug_of_ours_is_not_booked_on_the_service(
    kit: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prober = kit.prober(kind, **LOOKS[kind])

    async def broken(*arguments: Any) -> None:
        raise KeyError("secret")

    monkeypatch.setattr(prober, "_look", broken)
    seen = asyncio.run(prober.probe(1))
    assert (seen.failure, set(seen.fields.values())) == ("observer-internal", {None})
    assert "secret" not in seen.reason


@pytest.mark.parametrize("kind", sorted(LOOKS))
def test_equal_options_make_equal_targets(kit: Any, kind: str) -> None:
    one, other = (kit.target(kind, **LOOKS[kind]) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != kit.target(kind, timeout=SECOND, **LOOKS[kind])
