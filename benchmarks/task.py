"""What a program is given: which file, which stretch of time, how many metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def instant(text: str) -> int:
    """Nanoseconds since the epoch of a date, UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


@dataclass(frozen=True)
class Task:
    """A file with ``count`` metrics (or agreements) numbered from 0, from the day ``first`` on for ``days`` days."""

    path: str
    first: str
    days: int
    count: int

    @property
    def start(self) -> int:
        """Nanoseconds since the epoch."""
        return instant(self.first)

    @property
    def end(self) -> int:
        """Nanoseconds since the epoch."""
        return self.start + self.days * DAY

    @property
    def after(self) -> str:
        """The day after the last."""
        return (datetime.fromisoformat(self.first) + timedelta(days=self.days)).date().isoformat()
