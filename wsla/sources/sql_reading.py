"""What a query gives: at each look the values of now, a stream each; or rows with instants, read on from the latest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from wsla.analysis.checked import Field
from wsla.evaluation.cells import Encoder, EncodingError, encoder
from wsla.evaluation.encoding import DataError, source_fields
from wsla.ports import Clock
from wsla.sources.files.rows import collect
from wsla.sources.following import Found, NotFollowed, Refusals, following, identified
from wsla.sources.network.failures import Failure
from wsla.sources.sql import MOST_ROWS, Database, NotAnswered, SqlTarget, position_of, zone_of
from wsla.sources.threads import TooManyThreads, shared_threads
from wsla.values.instants import SECOND, format_length, from_datetime
from wsla.values.observations import Observation, Raw

Labels = tuple[str, ...]

_OVERLAP: Final = 60 * SECOND
"""Rows may become visible so much later than rows behind them."""
_MOST_REMEMBERED: Final = 200


class SqlProber:
    """Asks once a look. What the latest look found is in ``found``, a stream each."""

    def __init__(self, target: SqlTarget, clock: Clock) -> None:
        self._target: Final = target
        self._clock: Final = clock
        self._database: Final = Database(target)
        self._encoders: Final[Mapping[str, Encoder]] = {
            x.name: encoder(x, zone_of(target)) for x in target.values
        }
        self._asking: asyncio.Future[Any] | None = None
        self._closed = False
        self.found: dict[Labels, Observation] = {}

    async def probe(self, at: int) -> Observation:
        """The first of the observations stamped ``at``; one without values where there is none."""
        self.found = {}
        try:
            columns, rows = await self._ask()
            positions = {x.name: position_of(columns, x) for x in self._target.values}
            if not rows:
                raise NotAnswered("the query gives no row")
            if len(rows) > MOST_ROWS:
                raise NotAnswered(f"the query gives more than {MOST_ROWS} rows")
            for row in rows:
                self._take(at, {name: row[position] for name, position in positions.items()})
        except NotAnswered as problem:
            self.found = {}
            return self.unknown(at, problem.reason, problem.failure)
        return next(iter(self.found.values()))

    def labelled(self, labels: Labels) -> dict[str, Raw]:
        """The fields of the labels of a stream."""
        return {x.name: value for x, value in zip(self._target.labels, labels, strict=True)}

    def unknown(self, at: int, reason: str, failure: str) -> Observation:
        """An observation that knows nothing."""
        fields = dict.fromkeys(self._target.fields)
        return Observation(source=self._target.source, at=at, fields=fields, reason=reason, failure=failure)

    async def close(self) -> None:
        """End the look that runs and refuse further ones."""
        self._closed = True
        if self._asking is not None and not self._asking.done():
            self._database.cancel()
            self._asking.cancel()

    async def _ask(self) -> tuple[Any, list[Any]]:
        if self._closed:
            raise NotAnswered("the observer stops", Failure.OBSERVER_SHUTDOWN.value)
        try:
            self._asking = shared_threads().begin(lambda: self._database.rows(most=MOST_ROWS + 1))
        except TooManyThreads as problem:
            raise NotAnswered(str(problem), Failure.OBSERVER_RESOURCES.value) from None
        sleeping = asyncio.ensure_future(self._clock.sleep(self._target.deadline))
        try:
            await asyncio.wait((self._asking, sleeping), return_when=asyncio.FIRST_COMPLETED)
            if self._asking.cancelled():
                raise NotAnswered("the observer stops", Failure.OBSERVER_SHUTDOWN.value)
            if not self._asking.done():
                self._database.cancel()
                self._asking.cancel()
                length = format_length(self._target.timeout)
                raise NotAnswered(f"{self._target.shown} gave no answer within {length}")
            found: tuple[Any, list[Any]] = self._asking.result()
            return found
        finally:
            sleeping.cancel()

    def _take(self, at: int, cells: Mapping[str, object]) -> None:
        values: dict[str, Raw] = {}
        for x in self._target.values:
            values[x.name] = self._encoded(x, cells[x.name])
        labels = tuple(str(values[x.name] or "") for x in self._target.labels)
        if "" in labels:
            missing = self._target.labels[labels.index("")]
            raise NotAnswered(f"a row lacks the label {missing.column or missing.name}")
        if labels in self.found:
            what = "several rows that no label tells apart" if labels else "several rows, where one is wanted"
            raise NotAnswered(f"the query gives {what}")
        self.found[labels] = Observation(source=self._target.source, at=at, fields=values)

    def _encoded(self, x: Field, cell: object) -> Raw:
        try:
            return self._encoders[x.name](cell)
        except EncodingError as problem:
            raise NotAnswered(f"{x.name}: {problem}") from None


class SqlFollower:
    """Reads rows on from their latest instant; the last minute is read again, for what becomes visible later."""

    def __init__(self, target: SqlTarget) -> None:
        self._target: Final = target
        self._database: Final = Database(target)
        self._since = 0
        self._seen: list[tuple[int, object]] = []
        self._cursor: object = None

    def begin(self, place: Any, since: int) -> None:
        """Goes on from a place that was kept."""
        self._since = since
        same = isinstance(place, dict) and place.get("asked") == self._asked
        self._cursor = None
        self._seen = [(at, _decoded(value)) for at, value in place["seen"]] if same else []

    def look(self, now: int) -> Found:
        """The next rows. Raises NotFollowed."""
        goes_on = self._cursor is not None
        since = self._cursor if goes_on else self._from(now)
        try:
            columns, rows = self._database.rows(since)
            position = self._position(columns)
        except NotAnswered as problem:
            self._cursor = None
            raise NotFollowed(problem.failure, problem.reason) from None
        full = len(rows) == MOST_ROWS
        last = rows[-1][position] if rows else None
        if full and last == since:
            self._cursor = None
            reason = f"at least {MOST_ROWS} rows have the instant {last}: they cannot all be read"
            raise NotFollowed(Failure.OBSERVER_DATABASE.value, reason)
        self._cursor = last if full else None
        if (
            full
            and isinstance(last, datetime)
            and last.tzinfo is not None
            and from_datetime(last) < self._since
        ):
            self._cursor = _as_datetime(self._since)
        refusals = Refusals()
        wanted = following(
            self._target.declared,
            self._target.shown,
            zone_of(self._target),
            source_fields(self._target.declared),
            now,
            refused=lambda line, reason, _: refusals.refuse(self._target.shown, line, reason),
        )
        try:
            history = collect(wanted, columns, rows)
        except DataError as problem:
            self._cursor = None
            raise NotFollowed(Failure.OBSERVER_DATABASE.value, str(problem)) from None
        moved = last is not None and (not self._seen or self._seen[-1][1] != last)
        if moved:
            if goes_on or not any(at <= now - _OVERLAP for at, _ in self._seen):
                self._begin_behind(now, rows, position)
            self._remember(now, last)
        return Found(
            rows=identified(self._target.declared, history.observations, self._since, "sql"),
            place={"asked": self._asked, "seen": [[at, _encoded(value)] for at, value in self._seen]}
            if moved
            else None,
            told=refusals.lines(),
            refused=refusals.count,
            more=full,
        )

    def cancel(self) -> None:
        """Ends the query that runs."""
        self._database.cancel()

    def close(self) -> None:
        """Nothing is open between two looks."""

    @property
    def _asked(self) -> list[str]:
        """Where the place is a place of: the database, and the column of the instants."""
        return [self._target.shown, self._target.instants or ""]

    def _position(self, columns: Any) -> int:
        assert self._target.instants is not None
        if self._target.instants not in columns:
            raise NotAnswered(f"the query gives no column {self._target.instants}")
        return int(list(columns).index(self._target.instants))

    def _from(self, now: int) -> object:
        """The latest instant that was there a minute ago already; before that the first one known."""
        old = [value for at, value in self._seen if at <= now - _OVERLAP]
        return old[-1] if old else self._seen[0][1] if self._seen else None

    def _begin_behind(self, now: int, rows: Sequence[Sequence[object]], position: int) -> None:
        """Of rows that nobody has looked at a minute ago, those of the last minute are read again."""
        source = self._target.declared
        name = (source.updated or source.at) if source.records else source.at
        encode = encoder(next(x for x in source.fields if x.name == name), zone_of(self._target))
        latest: int | None = None
        for row in reversed(rows):
            with suppress(EncodingError):
                at = encode(row[position])
                if isinstance(at, int):
                    latest = at if latest is None else latest
                    if at <= latest - _OVERLAP:
                        self._seen = [(now - _OVERLAP, row[position])]
                        return
        if not self._seen:
            self._seen = [(now - _OVERLAP, None)]

    def _remember(self, now: int, last: object) -> None:
        old = [one for one in self._seen if one[0] <= now - _OVERLAP]
        self._seen = [*old[-1:], *(one for one in self._seen if one[0] > now - _OVERLAP), (now, last)]
        if len(self._seen) > _MOST_REMEMBERED:
            del self._seen[1 : len(self._seen) - _MOST_REMEMBERED + 1]


def _as_datetime(at: int) -> datetime:
    from datetime import UTC

    return datetime.fromtimestamp(at // SECOND, UTC)


def _encoded(value: object) -> object:
    match value:
        case datetime():
            return ["datetime", value.isoformat()]
        case date():
            return ["date", value.isoformat()]
        case Decimal():
            return ["decimal", str(value)]
        case int() | float() | str() | None:
            return ["plain", value]
    return ["plain", str(value)]


def _decoded(value: Any) -> object:
    kind, text = value
    match kind:
        case "datetime":
            return datetime.fromisoformat(text)
        case "date":
            return date.fromisoformat(text)
        case "decimal":
            return Decimal(text)
    return text
