"""A small agreement about a shop, and a day of hourly observations of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

AGREEMENT = """\
agreement "Web shop" version 1 {
  effective 2026-01-01 in "Europe/Berlin"
  currency EUR

  party host "Host" provider
  party shop "Shop" consumer { email "it@shop.example" }

  service web { fee 300 EUR per month }

  source probe = csv "probe.csv" every 1h {
    at       time
    up       healthy
    elapsed  took in ms
  }

  metric good = probe.up and probe.elapsed < 2s
  metric uptime = availability(good) each day

  goal available: host guarantees uptime >= 99% {
    otherwise credit shop 10% of web.fee
    otherwise notify shop
  }
}
"""
HEADER = "time,healthy,took"
# The second of March 2026 in Berlin, and the first hour after it.
ROWS = tuple(
    f"2026-03-0{1 + (hour + 23) // 24}T{(hour + 23) % 24:02d}:00:00Z,{str(hour != 7).lower()},{100 + hour}"
    for hour in range(25)
)


@pytest.fixture
def agreement(tmp_path: Path) -> Path:
    """The agreement's file."""
    path = tmp_path / "shop.sla"
    path.write_text(AGREEMENT, "utf-8")
    return path


@pytest.fixture
def rows() -> list[str]:
    """The rows of a good file; in the eighth the shop is down for an hour."""
    return list(ROWS)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of observations: write(rows, header=…, name=…)."""

    def write(rows: list[str], header: str = HEADER, name: str = "probe.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
        return path

    return write
