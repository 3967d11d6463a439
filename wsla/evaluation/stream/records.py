"""Records: the versions of each, by instant, and formulas over the one in hand (rules M4 and M9)."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from math import ceil
from typing import Any, Final

from wsla.analysis.operations import DUE_WITHIN, Due, Elapsed, SourceField, Value
from wsla.evaluation.stream.exact import text_of, value_of
from wsla.evaluation.stream.inlets import converter
from wsla.evaluation.stream.kept import KeptTime
from wsla.evaluation.stream.layout import Layout
from wsla.evaluation.stream.pointwise import Reader, bind
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Source
from wsla.values.observations import Observation

Version = tuple[int, tuple[Value, ...]]
"""The instant from which values hold, and the values."""


class Record:
    """One record: its versions in order, and where the latest one puts it."""

    __slots__ = ("instant", "key", "labels", "order", "versions")

    def __init__(self, key: object) -> None:
        self.key: Final = key
        self.versions: list[Version] = []
        self.labels: Labels | None = None
        self.instant: int | None = None
        self.order = 0

    @property
    def place(self) -> tuple[int, int, int]:
        """Its place among the records of the source: by instant, then by its latest version."""
        return (self.instant or 0, self.versions[-1][0], self.order)


class RecordTable:
    """The records of one source. ``history`` keeps old versions, for clocks that were paused."""

    def __init__(self, source: Source, columns: tuple[str, ...], *, history: bool) -> None:
        self.source: Final = source
        self.columns: Final = columns
        self.positions: Final = {name: position for position, name in enumerate(columns)}
        fields = {field.name: field for field in source.fields}
        self._converters: Final = [converter(fields[name]) for name in columns]
        self._names: Final = tuple(sorted(source.labels))
        self._history: Final = history
        self._records: dict[object, Record] = {}
        self._places: list[tuple[int, int, int]] = []
        self._by_order: dict[int, Record] = {}
        self._accepted = 0
        # The record of the row that was accepted last.
        self.accepted: Record | None = None
        self.hand: Version = (0, ())
        self.versions: list[Version] = []

    def empty_copy(self) -> RecordTable:
        """A table for the same source with no records in it."""
        return RecordTable(self.source, self.columns, history=self._history)

    def labels_of(self, observation: Observation) -> Labels | None:
        """The labels of a version, None where one is unknown."""
        columns = {name: self._converters[position] for name, position in self.positions.items()}
        found = []
        for name in self._names:
            convert, value = columns[name], observation.fields.get(name)
            found.append((name, value if convert is None else convert(value)))
        known = [(name, value) for name, value in found if isinstance(value, str)]
        return tuple(known) if len(known) == len(found) else None

    def accept(self, observation: Observation) -> Labels | None:
        """Takes a version in; gives its labels, None where a label is unknown.

        Of two versions of one instant the later one stands (rule M1).
        """
        fields = observation.fields
        key: object = None if self.source.key is None else fields.get(self.source.key)
        self._accepted += 1
        if key is None:
            key = ("row", self._accepted)
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = Record(key)
        else:
            self._unplace(record)
            if record.versions[-1][0] == observation.at:
                record.versions.pop()
        values = tuple(
            fields.get(name) if convert is None else convert(fields.get(name))
            for name, convert in zip(self.columns, self._converters, strict=True)
        )
        if not self._history:
            record.versions.clear()
        record.versions.append((observation.at, values))
        record.order = self._accepted
        self._place(record)
        self.accepted = record
        return record.labels

    def _place(self, record: Record) -> None:
        at, values = record.versions[-1]
        position = self.positions.get(self.source.at)
        instant: Any = at if position is None else values[position]
        record.instant = None if instant is None else int(instant)
        labels = [(name, values[self.positions[name]]) for name in self._names]
        known = all(isinstance(value, str) for _, value in labels)
        record.labels = tuple(labels) if known else None  # type: ignore[arg-type]
        if record.instant is not None:
            insort(self._places, record.place)
            self._by_order[record.order] = record

    def _unplace(self, record: Record) -> None:
        if record.instant is not None:
            del self._places[bisect_left(self._places, record.place)]
            del self._by_order[record.order]

    def between(self, start: int, end: int) -> Iterator[Record]:
        """The records whose instant lies in ``[start, end)``, in order."""
        first = bisect_left(self._places, (start,))
        for place in self._places[first : bisect_left(self._places, (end,))]:
            yield self._by_order[place[2]]

    def take(self, record: Record) -> None:
        """Puts a record into the hand that formulas read."""
        self.hand = record.versions[-1]
        self.versions = record.versions

    def forget(self, before: int) -> None:
        """Drops records that lie before every window to come. Old versions count where clocks can be paused."""
        if self._history:
            return
        for place in self._places[: bisect_left(self._places, (before,))]:
            record = self._by_order.pop(place[2])
            del self._records[record.key]
        del self._places[: bisect_left(self._places, (before,))]

    def save(self) -> list[object]:
        records = []
        for record in self._records.values():
            key = None if isinstance(record.key, tuple) else record.key
            versions = [[at, [text_of(value) for value in values]] for at, values in record.versions]
            records.append([key, record.order, versions])
        return [self._accepted, records]

    def load(self, saved: list[Any]) -> None:
        self._accepted, records = saved
        for key, order, versions in records:
            name = ("row", order) if key is None else key
            record = self._records[name] = Record(name)
            record.versions = [(at, tuple(value_of(value) for value in values)) for at, values in versions]
            record.order = order
            self._place(record)


def bind_record(layout: Layout, index: int, table: RecordTable) -> Reader:
    """The reader of a formula over the record in hand."""

    def leaf(number: int) -> Reader:
        match layout.operations[number]:
            case SourceField(field=field):
                return _field_reader(table, field)
            case Due() as due:
                return _due_reader(layout, due, leaf)
            case Elapsed() as length:
                return _length_reader(layout, length, table, leaf)
            case other:
                raise TypeError(f"a formula over records cannot hold {type(other).__name__}")

    return bind(layout.operations, index, leaf)


def _field_reader(table: RecordTable, field: str) -> Reader:
    position = table.positions.get(field)
    if position is None:
        # The instant of an observation serves where the source names no field for it.
        return lambda: table.hand[0]
    return lambda: table.hand[1][position]


def _length_reader(
    layout: Layout, length: Elapsed, table: RecordTable, leaf: Callable[[int], Reader]
) -> Reader:
    operations = layout.operations
    kept = KeptTime.of(layout.plan, length.filter)
    first, last = bind(operations, length.start, leaf), bind(operations, length.end, leaf)
    pausing = None if length.pausing is None else bind(operations, length.pausing, leaf)

    def paused(start: int, end: int) -> int:
        if pausing is None:
            return 0
        total = 0
        hand, versions = table.hand, table.versions
        for position, version in enumerate(versions):
            until = end if position + 1 == len(versions) else min(end, versions[position + 1][0])
            table.hand = version
            if pausing() is True:
                total += kept.measure(max(start, version[0]), until)
        table.hand = hand
        return total

    def elapsed() -> Value:
        a: Any = first()
        b: Any = last()
        if a is None or b is None:
            return None
        start, end = int(a), int(b)
        return kept.measure(start, end) - paused(start, end) if start < end else 0

    return elapsed


def _due_reader(layout: Layout, due: Due, leaf: Callable[[int], Reader]) -> Reader:
    kept = KeptTime.of(layout.plan, due.filter)
    first, length = bind(layout.operations, due.start, leaf), bind(layout.operations, due.end, leaf)

    def instant() -> Value:
        a: Any = first()
        wanted: Any = length()
        if a is None or wanted is None:
            return None
        start: int = int(a)
        missing: int = ceil(wanted)
        if missing <= 0:
            return start
        for stretch in kept.stretches(start, start + DUE_WITHIN):
            if missing <= stretch.length:
                return stretch.start + missing
            missing -= stretch.length
        return None

    return instant
