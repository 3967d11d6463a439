"""When the rows of streams hold, and where windows have them: streams with the same instants share it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from wsla.evaluation.batch.columns import Instants
from wsla.evaluation.batch.frames import Frames
from wsla.evaluation.batch.rows import Rows
from wsla.evaluation.batch.series import Integers
from wsla.evaluation.batch.stretches import Stretches, gaps_behind, where_held
from wsla.evaluation.batch.vectors import Vector


class Holding:
    """Rows at the instants ``at``, in order, each of which holds until the next one, but for ``staleness`` at most.

    All instants are before ``until``; nobody asks about the time before ``since``. The rows may be those of several
    ``streams`` that have these instants, one behind the other.
    """

    def __init__(self, at: Instants, staleness: int | None, since: int, until: int, streams: int = 1) -> None:
        self.at = at
        self.streams = streams
        self.staleness = staleness
        self.since = since
        self.until = until
        self.nowhere: dict[int, Vector] = {}
        """What signals are where no row holds, by their operations."""
        self._rows: dict[int, Rows] = {}
        self._within: dict[int, Integers] = {}
        self._several: dict[int, Holding] = {}

    @cached_property
    def gaps(self) -> Any:
        """The rows that no longer hold when the next one comes."""
        return gaps_behind(self.at, self.staleness)

    @cached_property
    def held(self) -> Stretches:
        """When the rows hold."""
        return where_held(self.at, np.ones(1, dtype=np.bool_), self.staleness, self.until, self.gaps)

    @cached_property
    def unheld(self) -> Stretches:
        """The time in which no row holds."""
        first = min(self.since, self.until)
        starts = np.concatenate(([first], self.held.ends)).astype(np.int64)
        ends = np.concatenate((self.held.starts, [self.until])).astype(np.int64)
        starts, ends = np.maximum(starts, first), np.maximum(ends, first)
        some = starts < ends
        return Stretches(starts[some], ends[some])

    def rows(self, frames: Frames) -> Rows:
        """The rows in the kept time of windows, which live as long as this."""
        found = self._rows.get(id(frames))
        if found is None:
            found = self._rows[id(frames)] = Rows(self.at, frames, self.streams)
        return found

    def held_within(self, frames: Frames) -> Integers:
        """How long the rows hold in the kept time of each window."""
        found = self._within.get(id(frames))
        if found is None:
            found = self._within[id(frames)] = frames.within(self.held.upto)
        return found

    def of_several(self, streams: int) -> Holding:
        """How so many streams hold that have these instants."""
        found = self._several.get(streams)
        if found is None:
            found = Holding(self.at, self.staleness, self.since, self.until, streams)
            found.nowhere, found._within = self.nowhere, self._within
            found.gaps, found.held = self.gaps, self.held
            self._several = {streams: found}
        return found

    def later(self, until: int) -> Holding:
        """The same rows up to another instant."""
        found = Holding(self.at, self.staleness, self.since, until)
        found.gaps = self.gaps
        return found


def held_like(like: Holding | None, at: Instants, staleness: int | None, since: int, until: int) -> Holding:
    """How rows hold; ``like`` is how another stream of the source does, perhaps at the same instants."""
    return Holding(at, staleness, since, until) if like is None or like.at is not at else like
