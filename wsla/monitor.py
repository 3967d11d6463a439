"""Following an agreement live: observations go in as they are made, what changes comes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from wsla.analysis.checked import Source
from wsla.api import Agreement, Moment
from wsla.engine import Engine, Output
from wsla.evaluation.cells import Encoder
from wsla.evaluation.encoding import encode_fields, field_encoders
from wsla.evaluation.rows import rows_of
from wsla.evaluation.stream.lanes import Take
from wsla.evaluation.verdicts import Judgement
from wsla.values.calendars import find_zone
from wsla.values.observations import Observation


@define
class Monitor:
    """Follows an agreement live: observations go in as they are made, what changes comes out.

    ``start`` is the first instant judged; by default that of the first observation. With ``immediate`` an observation's
    own change comes out with it. Without, it comes out with the next call, as another observation of the same instant
    may still come: choose that where several sources are observed at the same instants, since an observation for which
    time has gone on already costs more.
    """

    agreement: Agreement
    start: Moment | None = None
    immediate: bool = True
    _engine: Engine | None = field(init=False, default=None)
    # By source: the source, how its fields are read, and what takes its commonest samples.
    _sources: dict[str, tuple[Source, dict[str, Encoder]]] = field(init=False, factory=dict)
    _takers: dict[str, Take] = field(init=False, factory=dict)

    def observe(self, source: str, at: Moment, **fields: object) -> list[Output]:
        """Takes in one observation and returns what changed through it, in order of time.

        Raises KeyError for an unknown source and EncodingError for a value that does not fit its field.
        """
        take = self._takers.get(source)
        if take is not None and type(at) is int:
            changed = take(at, fields)
            if changed is not None:
                return changed
        return self._observe(source, self.agreement.instant(at), fields)

    def _observe(self, source: str, instant: int, fields: dict[str, object]) -> list[Output]:
        """The long way of an observation."""
        found = self._read_by(source)
        encoded = encode_fields(found[0], fields, None, found[1])
        engine = self._running(instant)
        observation = Observation(source=source, at=instant, fields=encoded)
        if not self.immediate:
            return engine.observe(observation)
        outputs = engine.observe_long(observation)
        take = engine.take(source, found[1])
        if take is None:
            self._takers.pop(source, None)
        else:
            self._takers[source] = take
        return outputs

    def observe_many(self, source: str, columns: Mapping[str, Any]) -> list[Output]:
        """Takes in many observations of one source at once; returns what changed, as ``observe`` does one by one.

        ``columns`` holds, by the names of the fields, lists or arrays of equal length (of numpy, pandas, polars, …): an
        observation a row, in the order of arrival. The instants stand in ``at``: nanoseconds since the epoch, or
        anything that ``observe`` takes. Raises KeyError for an unknown source and EncodingError for what does not fit;
        then none of the observations is taken.
        """
        found = self._read_by(source)
        rows = rows_of(found[0], columns, found[1], self.agreement.instant)
        if not len(rows):
            return []
        engine = self._running(rows.instants[0])
        if self.immediate:
            return engine.observe_rows(rows)
        return [output for n in range(len(rows)) for output in engine.observe(rows.observation(n))]

    def _read_by(self, source: str) -> tuple[Source, dict[str, Encoder]]:
        """A source, and how its fields are read."""
        found = self._sources.get(source)
        if found is None:
            known, zone = self.agreement.plan.source(source), find_zone(self.agreement.plan.zone)
            found = self._sources[source] = (known, field_encoders(known, zone))
        return found

    def advance(self, to: Moment) -> list[Output]:
        """Time has come to ``to``: returns what changed through that alone."""
        instant = self.agreement.instant(to)
        return self._running(instant).advance(instant)

    def next_change(self) -> int | None:
        """An instant (nanoseconds since the epoch) before which nothing changes unless something is observed.

        Whoever sleeps until then, calls ``advance`` with it and asks again misses nothing: a window that is lost (or
        secured) by the passing of time alone is told at the very instant. None where nothing will change.
        """
        return None if self._engine is None else self._engine.next_change()

    def judgements(self, at: Moment) -> tuple[Judgement, ...]:
        """The standing of every goal in the windows that are not final yet."""
        instant = self.agreement.instant(at)
        return self._running(instant).judgements(instant)

    def _running(self, instant: int) -> Engine:
        if self._engine is None:
            start = instant if self.start is None else self.agreement.instant(self.start)
            self._engine = Engine(self.agreement.plan, start)
        return self._engine
