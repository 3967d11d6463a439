"""Agreements, a clock that is set by hand, and a store, for the parts of the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from wsla.api import Agreement, loads
from wsla.store.sqlite import Store

TEXT = """agreement "Quick" version {version} {{
  kind customer
  effective 2026-01-01 in "UTC"
  currency EUR
  grace {grace}
  party acme "Acme" provider {{ oncall pagerduty env PAGER email "ops@acme.example" }}
  party globex "Globex" consumer {{ hook webhook "https://globex.example/sla" signed env HOOK_SECRET }}
  party nobody "Nobody" consumer
  source probe = {source}
  metric up = probe.ok
  metric uptime = availability(up) each {window}
  goal available: acme guarantees uptime >= {promised} {{
    otherwise credit globex 5 EUR
    otherwise notify globex
  }}
}}
"""


class Agreements:
    """Makes agreements."""

    def text(self, **changes: object) -> str:
        values: dict[str, object] = {
            "version": 1,
            "grace": "0s",
            "source": 'http "https://acme.example/health" every 1s timeout 500ms',
            "window": "10s",
            "promised": "99%",
            **changes,
        }
        return TEXT.format(**values)

    def __call__(self, **changes: object) -> Agreement:
        return loads(self.text(**changes), "quick.sla")


class HandClock:
    """Stands still until it is moved, or somebody sleeps."""

    def __init__(self, now: int) -> None:
        self.time = now

    def now(self) -> int:
        return self.time

    def monotonic(self) -> int:
        return self.time

    async def sleep(self, nanoseconds: int) -> None:
        self.time += nanoseconds
        await asyncio.sleep(0)


@pytest.fixture
def agreements() -> Agreements:
    return Agreements()


@pytest.fixture
def clock() -> HandClock:
    return HandClock(1_780_000_000_000_000_000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "wsla.db"), writer=True) as opened:
        yield opened
