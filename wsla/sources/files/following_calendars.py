"""A calendar that somebody keeps: read again whenever it was written, so that what is new in it comes in."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from attrs import define, field

from wsla.analysis.checked import Source
from wsla.evaluation.encoding import DataError, quoted, source_fields
from wsla.sources.files.icalendar import LARGEST_FILE, read_events
from wsla.sources.following import MOST_ROWS, Found, NotFollowed, Refusals, following, identified
from wsla.sources.network.failures import Failure
from wsla.sources.pushed import Row
from wsla.values.instants import SECOND

_WHOLE_WITHIN = 60 * SECOND
"""For so long a file that cannot be read may be one that is being written."""


@define(eq=False)
class CalendarFollower:
    """Follows one calendar. A row that was read before has the same identity again, and is no news.

    ``wall`` gives nanoseconds since 1970, as the times of files count them.
    """

    source: Source
    path: str
    zone: ZoneInfo | None = None
    wall: Callable[[], int] = time.time_ns
    _since: int = field(init=False, default=0)
    _read: tuple[int, ...] | None = field(init=False, default=None)
    _broken: tuple[tuple[int, ...], str] | None = field(init=False, default=None)
    _waiting: list[Row] = field(init=False, factory=list)

    def begin(self, place: Any, since: int) -> None:
        """Goes on from a place that was kept."""
        self._since = since
        self._waiting = []
        seen = place.get("seen") if isinstance(place, dict) and place.get("path") == self.path else None
        self._read = None if seen is None else tuple(seen)

    def look(self, now: int) -> Found:
        """The next announced times of the calendar, where it was written since. Raises NotFollowed."""
        told: tuple[str, ...] = ()
        refused = 0
        if not self._waiting:
            seen = self._seen()
            if seen == self._read:
                return Found()
            if self._broken is not None and self._broken[0] == seen:
                raise NotFollowed(Failure.OBSERVER_FILE.value, self._broken[1])
            refusals = Refusals()
            try:
                self._waiting = self._rows(now, refusals)
            except (DataError, OSError) as problem:
                if self.wall() - seen[3] > _WHOLE_WITHIN:
                    self._broken = (seen, str(problem))
                    raise NotFollowed(Failure.OBSERVER_FILE.value, str(problem)) from None
                return Found()
            self._read, self._broken = seen, None
            told, refused = refusals.lines(), refusals.count
        rows, self._waiting = self._waiting[:MOST_ROWS], self._waiting[MOST_ROWS:]
        more = bool(self._waiting)
        place = None if more else {"path": self.path, "seen": list(self._read or ())}
        return Found(rows=tuple(rows), place=place, told=told, refused=refused, more=more)

    def cancel(self) -> None:
        """A read cannot be broken off."""

    def close(self) -> None:
        """Nothing is open between two looks."""

    def _seen(self) -> tuple[int, int, int, int]:
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            reason = f"there is no file {quoted(self.path)}"
            raise NotFollowed(Failure.OBSERVER_FILE.value, reason) from None
        except OSError as problem:
            reason = f"{quoted(self.path)} cannot be read: {problem.strerror or problem}"
            raise NotFollowed(Failure.OBSERVER_FILE.value, reason) from None
        return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

    def _rows(self, now: int, refusals: Refusals) -> list[Row]:
        with open(self.path, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise DataError(f"{quoted(self.path)} is larger than {LARGEST_FILE // 1024 // 1024} MiB")

        def refuse(line: int, reason: str, _: object) -> None:
            refusals.refuse(self.path, line, reason)

        fields = source_fields(self.source)
        wanted = following(self.source, self.path, self.zone, fields, now, refused=refuse)
        history = read_events(wanted, content)
        return list(identified(self.source, history.observations, self._since, os.path.basename(self.path)))
