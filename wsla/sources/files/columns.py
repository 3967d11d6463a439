"""Large tables as columns: each stream of a source by itself, with the meaning that rows have one after the other.

The rows of a label are read where they stand together, so that no more than a few streams are in memory. Where they do
not, the whole table is held, in its compact form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import accumulate
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import polars
from attrs import evolve, frozen

from wsla.analysis.checked import Source
from wsla.evaluation.batch.alike import AlikeStreams, Streams, label_columns, one_by_one
from wsla.evaluation.batch.columns import Column, Flags, StreamColumns
from wsla.evaluation.cells import EncodingError, encoder
from wsla.evaluation.encoding import SECOND_VALUE, DataError, Refused, Rejects
from wsla.evaluation.verdicts import Labels
from wsla.sources.files.ahead import ahead
from wsla.sources.files.epochs import has_open_unit, unit_of
from wsla.sources.files.extremes import extremes
from wsla.sources.files.fixed import WHOLE, Positions
from wsla.sources.files.packed import check_file
from wsla.sources.files.pieces import Conversion, Piece
from wsla.sources.files.plain_csv import plain_csv
from wsla.sources.files.runs import Group, Label, find_groups, ranges_of
from wsla.sources.files.stacking import Stacking
from wsla.sources.files.table import Layout, Meter, Progress, Request, lay_out, request
from wsla.sources.files.tables import NotInColumns, exact, kind_of, needed_columns, polars_problems, scan
from wsla.sources.files.tally import Tally

__all__ = ["ColumnHistory", "NotInColumns", "open_columns"]

_ROWS_TOGETHER: Final = 1 << 19
"""Few enough for memory that is used again and again: fresh pages cost as much as what is written into them."""

_BYTES_TOGETHER: Final = 1 << 25
"""Of narrow tables more rows are read at once, as each reading has its price."""

_READERS: Final = 2


def open_columns(
    source: Source,
    path: str | Sequence[str],
    *,
    zone: ZoneInfo | None = None,
    columns: Mapping[str, str] | None = None,
    where: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    refused: Callable[[str], Refused | None] | None = None,
    time_unit: str | None = None,
) -> ColumnHistory:
    """The samples in a Parquet, Arrow or plain CSV file, or in several, as columns.

    The arguments are those of ``read_history``, except that ``refused`` gives for a file what takes its refused rows.
    Raises DataError for a file that cannot be read at all, NotInColumns where several files do not make one table,
    and ValueError for a source of records.
    """
    if source.records:
        raise ValueError(f"{source.name} has records, not samples")
    return ColumnHistory(
        [
            request(
                source,
                one,
                zone,
                columns or {},
                where or {},
                progress,
                None if refused is None else refused(one),
                time_unit,
            )
            for one in ([path] if isinstance(path, str) else path)
        ]
    )


class ColumnHistory:
    """What is in files. The counts (``rejects``, ``duplicates`` …) are complete once the streams have been read."""

    def __init__(self, wanted: Sequence[Request]) -> None:
        tables = [_opened(one) for one in wanted]
        self._wanted: Final = wanted[0]
        self._files: Final = [one.path for one in wanted]
        self._refused: Final = [one.refused for one in wanted]
        schema, layout = tables[0].schema, tables[0].layout
        if any(one.schema != schema for one in tables):
            raise NotInColumns
        source, zone = self._wanted.source, self._wanted.zone
        self._source: Final = source
        self._meter: Final = Meter(self._wanted.progress, sum(one.size for one in tables))
        self._header: Final = tables[0].header
        self._ends: Final = list(accumulate(one.rows for one in tables))
        self.rows: Final[int] = self._ends[-1]
        self._tally = self._new_tally()
        self._table: Final = (
            tables[0].table if len(tables) == 1 else polars.concat([one.table for one in tables])
        )
        with polars_problems(self._wanted):
            units = {
                x.name: _unit(self._table, column, schema[column])
                for x, column in zip(layout.fields, layout.columns, strict=True)
                if has_open_unit(x)
            }
            self._conversion: Final = Conversion(source, layout, schema, zone, units)
        placed = {x.name: (x, column) for x, column in zip(layout.fields, layout.columns, strict=True)}
        self._at: Final = placed[source.at][1]
        self._has_filters: Final = bool(layout.filters)
        held = [placed[name] for name in source.labels if name in placed]
        self._labels: Final = [exact(polars.col(column), schema[column]) for _, column in held]
        self._label_encoders: Final = [(x.name, encoder(x, zone)) for x, _ in held]
        self._lacks_labels: Final = len(held) < len(source.labels)
        values = [column for x, column in placed.values() if x.name not in source.labels]
        self._values: Final = list(dict.fromkeys([*values, *(column for column, _ in layout.filters)]))
        self._rows_together: Final = max(_ROWS_TOGETHER, _BYTES_TOGETHER // _width(schema, self._values))

    @property
    def rejects(self) -> Rejects:
        """The rows that were refused."""
        return self._tally.rejects

    @property
    def duplicates(self) -> int:
        """How many rows repeat another with the same values."""
        return self._tally.duplicates

    @property
    def out_of_order(self) -> int:
        """How many observations stand after a later one of their stream."""
        return self._tally.out_of_order

    @property
    def filtered(self) -> int:
        """How many rows were not asked for."""
        return self._tally.filtered

    @property
    def first(self) -> int | None:
        """The instant of the first observation; None where there is none."""
        return self._extremes[0]

    @property
    def last(self) -> int | None:
        """The instant of the last observation; None where there is none."""
        return self._extremes[1]

    @cached_property
    def _extremes(self) -> tuple[int | None, int | None]:
        with polars_problems(self._wanted):
            found = (
                None if self._has_filters else extremes(self._table, self._at, self.rows, self._is_accepted)
            )
        if found is not None:
            return found
        instants = [(int(one.at[0]), int(one.at[-1])) for one in one_by_one(self._batches(Tally(), None))]
        if not instants:
            return None, None
        return min(first for first, _ in instants), max(last for _, last in instants)

    def _is_accepted(self, rows: polars.DataFrame) -> int | None:
        """The instant of the first of some rows that fits."""
        bad = self._unlabelled(rows)
        found = self._conversion.piece(0, rows, bad, Tally()).at
        return int(found[0]) if len(found) else None

    def _new_tally(self) -> Tally:
        return Tally(self._files, self._ends, self._refused, self._header)

    def streams(self) -> Iterator[StreamColumns]:
        """Every stream by itself, as ``batches`` gives them."""
        return one_by_one(self.batches())

    def batches(self) -> Iterator[Streams]:
        """Every stream, those together that are alike, the next ones being read while the present ones are in use.

        Raises DataError for damage that shows late, and NotInColumns for an instant after the year 2261.
        """
        self._tally = self._new_tally()
        return self._batches(self._tally, self._meter)

    def _batches(self, tally: Tally, meter: Meter | None) -> Iterator[Streams]:
        with polars_problems(self._wanted):
            groups = find_groups(self._table, self._labels, self.rows)
            if groups is None:
                yield from self._scattered(tally, meter)
            else:
                batches = list(groups.in_batches(self._rows_together))
                reads = self._reads(batches, tally)
                done = 0
                for batch, streams in zip(batches, ahead(reads), strict=True):
                    done += sum(end - begin for group in batch for begin, end in group.ranges)
                    if meter is not None:
                        meter.reach(done, self.rows)
                    yield from streams
        if meter is not None:
            meter.finish()

    # --- rows of a label that stand together

    def _reads(
        self, batches: Sequence[Sequence[Group]], tally: Tally
    ) -> Iterator[Callable[[], Sequence[Streams]]]:
        stacking = Stacking()
        if any(end - begin > self._rows_together for batch in batches for begin, end in ranges_of(batch)):
            # Polars has work for all processors in a large table, and a second one would be in the way in memory.
            for batch in batches:
                yield partial(self._read_whole, batch, stacking, tally)
        else:
            tables = ahead((partial(self._tables, batch) for batch in batches), _READERS)
            for batch, some in zip(batches, tables, strict=True):
                yield partial(self._read, batch, some, stacking, tally)

    def _read_whole(self, batch: Sequence[Group], stacking: Stacking, tally: Tally) -> list[Streams]:
        return self._read(batch, self._tables(batch), stacking, tally)

    def _tables(self, batch: Sequence[Group]) -> list[polars.DataFrame]:
        """What a batch needs, but for the labels: a table for a batch of several groups, else one for each range."""
        values = self._table.select(self._values)
        return [values.slice(begin, end - begin).collect() for begin, end in ranges_of(batch)]

    def _read(
        self, batch: Sequence[Group], tables: Sequence[polars.DataFrame], stacking: Stacking, tally: Tally
    ) -> list[Streams]:
        ranges = ranges_of(batch)
        if len(batch) == 1:
            named = self._named(batch[0].label)
            pieces = [
                self._piece(begin, table, np.arange(len(table)) if named is None else _NOTHING, tally)
                for (begin, _), table in zip(ranges, tables, strict=True)
            ]
            stream = self._stream(named, pieces, tally)
            return [] if stream is None else [stream]
        begin = ranges[0][0]
        groups = [(self._named(group.label), group.ranges[0]) for group in batch]
        bad = [np.arange(first - begin, last - begin) for named, (first, last) in groups if named is None]
        piece = self._piece(begin, tables[0], np.concatenate([_NOTHING, *bad]), tally)
        places = [
            (named, piece.place(first - begin), piece.place(last - begin))
            for named, (first, last) in groups
            if named is not None
        ]
        found: list[Streams] = []
        for run in stacking.runs(piece, [place for place in places if place[1] < place[2]]):
            own = piece.cut(run.begin, run.end)
            if len(run.labels) > 1 and run.at is not None:
                fields = {**own.fields, **self._conversion.unknown(len(own.at))}
                found.append(
                    AlikeStreams(source=self._source.name, labels=run.labels, at=run.at, fields=fields)
                )
            elif run.at is not None:
                found.append(self._sorted_stream(run.labels[0], evolve(own, at=run.at)))
            elif (stream := self._stream(run.labels[0], [own], tally)) is not None:
                found.append(stream)
        return found

    def _piece(self, begin: int, table: polars.DataFrame, unlabelled: Positions, tally: Tally) -> Piece:
        whole = self._table.slice(begin, len(table))
        return self._conversion.piece(begin, table, unlabelled, tally, whole.collect)

    def _named(self, label: Label) -> Labels | None:
        """Labels as texts, sorted by their names; None where one of them is none."""
        found = []
        for (name, encode), cell in zip(self._label_encoders, label, strict=True):
            try:
                text = encode(cell)
            except EncodingError:
                return None
            if not isinstance(text, str):
                return None
            found.append((name, text))
        return None if self._lacks_labels else tuple(sorted(found))

    def _unlabelled(self, table: polars.DataFrame) -> Positions:
        labels = [label.alias(str(place)) for place, label in enumerate(self._labels)]
        if not labels:
            return np.arange(len(table)) if self._lacks_labels else _NOTHING
        rows = table.select(labels).rows()
        return np.array([place for place, row in enumerate(rows) if self._named(row) is None], dtype=np.int64)

    # --- rows of a label that do not

    def _scattered(self, tally: Tally, meter: Meter | None) -> Iterator[StreamColumns]:
        found: dict[Labels, list[Piece]] = {}
        reads = (
            (lambda start=start: (start, self._table.slice(start, _ROWS_TOGETHER).collect()))
            for start in range(0, self.rows, _ROWS_TOGETHER)
        )
        for start, table in ahead(reads):
            parts = [(self._named(label), places) for label, places in _by_label(table, self._labels)]
            bad = [places for named, places in parts if named is None]
            piece = self._conversion.piece(start, table, np.concatenate([_NOTHING, *bad]), tally)
            if piece.rows is not None:
                new_places = np.full(len(table), -1, dtype=np.int64)
                new_places[piece.rows] = np.arange(len(piece.rows))
                parts = [(named, new_places[places]) for named, places in parts]
                parts = [(named, places[places >= 0]) for named, places in parts]
            for named, places in parts:
                if named is not None and len(places):
                    found.setdefault(named, []).append(piece.taken(places))
            if meter is not None:
                meter.reach(start + len(table), self.rows)
        for named in list(found):
            stream = self._stream(named, found.pop(named), tally)
            if stream is not None:
                yield stream

    # --- streams

    def _stream(self, labels: Labels | None, pieces: Sequence[Piece], tally: Tally) -> StreamColumns | None:
        """One stream of its pieces, in order of time. Rule M1: of two samples of one instant the first stands."""
        if labels is None or not any(len(piece.at) for piece in pieces):
            return None
        whole = pieces[0] if len(pieces) == 1 else _joined(pieces)
        if (whole.at[1:] > whole.at[:-1]).all():
            return self._sorted_stream(labels, whole)
        order = np.argsort(whole.at, kind="stable")
        at = whole.at[order]
        is_first = np.ones(len(at), dtype=np.bool_)
        is_first[1:] = at[1:] != at[:-1]
        later = np.flatnonzero(~is_first)
        if len(later):
            stands = order[np.maximum.accumulate(np.where(is_first, np.arange(len(at)), 0))[later]]
            repeated = order[later]
            is_same = np.ones(len(later), dtype=np.bool_)
            for column in whole.fields.values():
                is_same &= _equal(column, stands, repeated)
            tally.duplicates += int(is_same.sum())
            if not is_same.all():
                lines = np.concatenate([piece.lines() for piece in pieces])
                for line in np.sort(lines[repeated[~is_same]]).tolist():
                    row = self._cells(line - 1) if tally.wants_cells else {}
                    tally.reject(line, row, SECOND_VALUE)
        kept = order[is_first]
        in_file = np.sort(kept)
        instants = whole.at[in_file]
        tally.out_of_order += int((instants < np.maximum.accumulate(instants)).sum())
        return self._sorted_stream(labels, whole.taken(kept))

    def _cells(self, row: int) -> dict[str, object]:
        return self._conversion.cells(self._table.slice(row, 1).collect())

    def _sorted_stream(self, labels: Labels, piece: Piece) -> StreamColumns:
        rows = len(piece.at)
        fields = {**piece.fields, **label_columns(labels, rows), **self._conversion.unknown(rows)}
        return StreamColumns(source=self._source.name, labels=labels, at=piece.at, fields=fields)


_NOTHING: Final[Positions] = np.zeros(0, dtype=np.int64)


@frozen(eq=False)
class _Opened:
    """A file with the columns that are needed."""

    table: polars.LazyFrame
    schema: Mapping[str, polars.DataType]
    layout: Layout
    rows: int
    size: int
    header: int
    """Lines before the first row."""


def _opened(wanted: Request) -> _Opened:
    size = check_file(wanted.path)
    with polars_problems(wanted):
        if size == 0:
            raise DataError(f"{wanted.shown} is empty")
        is_text = kind_of(wanted.path) == "CSV"
        whole, lines = plain_csv(wanted) if is_text else (scan(wanted.path), 0)
        schema = whole.collect_schema()
        layout = lay_out(wanted, schema.names())
        needed = needed_columns(layout)
        rows: int = lines or whole.select(polars.len()).collect().item()
        return _Opened(
            table=whole.select(needed),
            schema={name: schema[name] for name in needed},
            layout=layout,
            rows=rows,
            size=size,
            header=int(is_text),
        )


def _width(schema: Mapping[str, polars.DataType], columns: Sequence[str]) -> int:
    """About how many bytes a row has."""
    return sum(_SHORT.get(schema[column], 8) for column in columns)


_SHORT: Final[Mapping[polars.DataType, int]] = {
    polars.Boolean(): 1,
    polars.Int8(): 1,
    polars.UInt8(): 1,
    polars.Int16(): 2,
    polars.UInt16(): 2,
    polars.Int32(): 4,
    polars.UInt32(): 4,
    polars.Float32(): 4,
}


def _unit(table: polars.LazyFrame, column: str, kind: polars.DataType) -> str | None:
    """What the first number counts that can only be a count in one unit; None where there is none such."""
    if kind == polars.String:
        # As a number counts what is plainly written as one.
        table = table.select(
            polars.col(column).filter(polars.col(column).str.contains(WHOLE)).cast(polars.Int64)
        )
    elif not kind.is_numeric():
        return None
    start = 0
    while len(part := table.select(column).slice(start, _ROWS_TOGETHER).collect()):
        for value in part[column].drop_nulls():
            if (unit := unit_of(value)) is not None:
                return unit
        start += len(part)
    return None


def _by_label(table: polars.DataFrame, labels: Sequence[polars.Expr]) -> Iterator[tuple[Label, Positions]]:
    if not labels:
        yield (), np.arange(len(table))
        return
    named = [label.alias(str(place)) for place, label in enumerate(labels)]
    grouped = (
        table.select(*named, polars.int_range(polars.len(), dtype=polars.Int64).alias("row"))
        .group_by([str(place) for place in range(len(labels))], maintain_order=True)
        .agg("row")
    )
    for *label, rows in grouped.iter_rows():
        yield (
            tuple(label),
            rows.to_numpy() if isinstance(rows, polars.Series) else np.array(rows, dtype=np.int64),
        )


def _joined(pieces: Sequence[Piece]) -> Piece:
    def join(name: str) -> Column:
        columns = [piece.fields[name] for piece in pieces]
        known = None
        if any(column.known is not None for column in columns):
            known = np.concatenate(
                [
                    np.ones(len(piece.at), dtype=np.bool_) if column.known is None else column.known
                    for piece, column in zip(pieces, columns, strict=True)
                ]
            )
        if len({column.times for column in columns}) == 1:
            return Column(np.concatenate([column.values for column in columns]), known, columns[0].times)
        return Column(np.concatenate([column.raws for column in columns]), known)

    return Piece(
        start=0,
        rows=None,
        at=np.concatenate([piece.at for piece in pieces]),
        fields={name: join(name) for name in pieces[0].fields},
    )


def _equal(column: Column, left: Positions, right: Positions) -> Flags:
    same: Flags = np.asarray(column.values[left] == column.values[right], dtype=np.bool_)
    if column.known is None:
        return same
    known, other = column.known[left], column.known[right]
    equal: Flags = (known == other) & (same | ~known)
    return equal
