"""What somebody sends, as observations: JSON objects whose keys are the columns, as in files of JSON lines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from io import BytesIO
from typing import Final
from zoneinfo import ZoneInfo

from attrs import frozen

from wsla.analysis.checked import Field, Source
from wsla.evaluation.cells import Encoder, EncodingError, encoder
from wsla.evaluation.encoding import (
    Collector,
    DataError,
    Reject,
    missing_columns,
    source_fields,
    time_column,
)
from wsla.values.instants import SECOND, format_length, parse_instant
from wsla.values.observations import Observation, Raw

MOST_ROWS: Final = 10_000
"""Rows that one request may hold."""
MOST_AHEAD: Final = 5 * SECOND
"""How far ahead of the daemon's clock that of a sender may be."""
_FIRST: Final = parse_instant("1678-01-01T00:00:00Z")
_END: Final = parse_instant("2262-01-01T00:00:00Z")

Row = tuple[str, str, Observation]
"""An observation behind what tells it from others of its source and instant: its stream, and the row in it."""


class Unreadable(ValueError):
    """What was sent cannot be read at all; the message is for whoever sent it."""


class TooManyRows(Unreadable):
    """More rows than one request may hold."""


@frozen(kw_only=True)
class Pushed:
    """What a request holds: observations in order of ``at``, beside them the numbers of their rows; how many rows say
    the same as one of these; and the refused ones."""

    rows: tuple[Row, ...]
    numbers: tuple[int, ...]
    repeated: int
    refused: tuple[Reject, ...]


@frozen
class _Broken:
    """A line that is no JSON."""

    reason: str


def read_pushed(
    source: Source, body: bytes, zone: ZoneInfo | None, received_at: int, *, lines: bool
) -> Pushed:
    """The observations in a body: an object, a list of objects, or with ``lines`` an object a line.

    A sample without an instant is dated at ``received_at`` (nanoseconds) unless the source names a column for it; a
    field that a row lacks is unknown. Raises Unreadable where the body is no JSON, or no row has a column that the
    source needs.
    """
    reading = _Reading(source, zone, received_at)
    for number, row in _lines(body) if lines else enumerate(_values(body), 1):
        if number > MOST_ROWS:
            raise TooManyRows(f"there are more than {MOST_ROWS} rows: send them in several requests")
        reading.take(number, row)
    return reading.finish()


def read_rows(
    source: Source, rows: Iterable[Mapping[str, object]], zone: ZoneInfo | None, received_at: int
) -> Pushed:
    """The observations in rows that have all columns; their numbers count from 1. Raises as ``read_pushed`` does."""
    reading = _Reading(source, zone, received_at)
    for number, row in enumerate(rows, 1):
        reading.take(number, row)
    return reading.finish()


class _Reading:
    def __init__(self, source: Source, zone: ZoneInfo | None, received_at: int) -> None:
        self._source: Final = source
        self._fields: Final = source_fields(source)
        self._received_at: Final = received_at
        self._refused: Final[list[Reject]] = []
        self._accepted: Final[list[tuple[int, Observation]]] = []
        self._keys: Final[dict[str, None]] = {}
        self._objects = 0
        encoders = [self._encoder(one, zone) for one in self._fields]
        self._collector: Final = Collector(source, self._fields, zone, self._refuse, encoders)

    def take(self, number: int, row: object) -> None:
        """One row."""
        if isinstance(row, _Broken):
            self._collector.reject(number, row.reason)
            return
        if not isinstance(row, Mapping):
            self._collector.reject(number, "this is no JSON object")
            return
        self._objects += 1
        self._keys.update(dict.fromkeys(row))
        before = self._collector.last_accepted
        try:
            self._collector.add(number, [self._cell(row, one) for one in self._fields])
        except DataError as problem:
            self._collector.reject(number, str(problem))
        found = self._collector.last_accepted
        if found is not None and found is not before:
            self._accepted.append((number, found))

    def finish(self) -> Pushed:
        """Everything that was read."""
        lacking = [
            one
            for one in self._fields
            if not self._may_date(one) and not {one.name, one.column} & {*self._keys}
        ]
        if self._objects and lacking:
            message = missing_columns(lacking, list(self._keys), "what was sent")
            raise Unreadable(f"{message}. A field that is not known is null")
        history = self._collector.finish()
        seen: dict[tuple[int, str], int] = {}
        accepted = sorted(self._accepted, key=lambda one: one[1].at)
        return Pushed(
            rows=tuple((*self._identity(one, seen), one) for _, one in accepted),
            numbers=tuple(number for number, _ in accepted),
            repeated=history.duplicates,
            refused=tuple(sorted(self._refused, key=lambda one: one.line)),
        )

    def _refuse(self, line: int, reason: str, _: object) -> None:
        self._refused.append(Reject(line=line, reason=reason))

    def _may_date(self, one: Field) -> bool:
        """True for the instant of samples that the source has no column for."""
        return not self._source.records and one.name == self._source.at and not one.column

    def _encoder(self, one: Field, zone: ZoneInfo | None) -> Encoder:
        encode = encoder(one, zone)
        instant = (self._source.updated or self._source.at) if self._source.records else self._source.at
        if one.name != instant:
            return encode
        may_date = self._may_date(one)

        def encode_instant(cell: object) -> Raw:
            found = encode(cell)
            if found is None and may_date:
                return self._received_at
            if isinstance(found, int):
                self._check_instant(found)
            return found

        return encode_instant

    def _check_instant(self, at: int) -> None:
        if not _FIRST <= at < _END:
            raise EncodingError("does not lie in the years 1678 to 2261")
        ahead = at - self._received_at
        if ahead > MOST_AHEAD:
            raise EncodingError(f"lies {format_length(ahead // SECOND * SECOND)} ahead of the daemon's clock")

    def _cell(self, row: Mapping[str, object], one: Field) -> object:
        name = one.name if one.name in row else one.column or time_column(row)
        return None if name is None else row.get(name)

    def _identity(self, one: Observation, seen: dict[tuple[int, str], int]) -> tuple[str, str]:
        if not self._source.records:
            values = [one.fields[name] for name in self._source.labels]
            return (json.dumps(values, ensure_ascii=False) if values else "", "")
        content = json.dumps(dict(sorted(one.fields.items())), ensure_ascii=True)
        digest = hashlib.sha256(content.encode()).hexdigest()[:32]
        key = "" if self._source.key is None else f"{one.fields.get(self._source.key)} "
        # Rows of a request that say the same at the same instant are told apart by their order, so that the same
        # request again has the same ones.
        row = f"{key}{digest}"
        count = seen[one.at, row] = seen.get((one.at, row), -1) + 1
        return ("", f"{row} {count}" if count else row)


def _values(body: bytes) -> Iterator[object]:
    found = _decoded(body)
    if isinstance(found, _Broken):
        raise Unreadable(found.reason)
    if isinstance(found, list):
        yield from found
    elif isinstance(found, Mapping):
        yield found
    else:
        raise Unreadable("this is neither a JSON object nor a list of them")


def _lines(body: bytes) -> Iterator[tuple[int, object]]:
    for number, line in enumerate(BytesIO(body.removeprefix(b"\xef\xbb\xbf")), 1):
        if line.strip():
            yield number, _decoded(line)


def _decoded(text: bytes) -> object:
    try:
        # Values are kept exact: no number passes through a float.
        return json.loads(text.decode("utf-8-sig"), parse_float=Decimal)
    except UnicodeDecodeError:
        return _Broken("this is not written in UTF-8")
    except (ValueError, ArithmeticError, RecursionError):
        return _Broken("this is no JSON")
