"""A piece of a table as observations in columns: rows that fit, in fixed point; the others are told to a tally."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import polars
from attrs import evolve, frozen
from numpy.typing import NDArray

from wsla.analysis.checked import Field, Source
from wsla.evaluation.batch.columns import Column, Flags, Instants
from wsla.evaluation.cells import Encoder, EncodingError, encoder
from wsla.evaluation.encoding import empty_label, misfit, no_instant
from wsla.sources.files.epochs import FIRST, LAST, Epochs, counted_in
from wsla.sources.files.fixed import Converter, Fixed, Positions, between, converter, empty_values
from wsla.sources.files.table import Layout, matches
from wsla.sources.files.tables import NotInColumns, exact
from wsla.sources.files.tally import Tally
from wsla.values.observations import Raw

_ODD_ROWS_TOGETHER: Final = 50_000
_LARGEST: Final = 2**63 - 1


@frozen(eq=False, kw_only=True)
class Piece:
    """Rows in the order of the file. ``rows`` are their places in the piece that was read from ``start`` on."""

    start: int
    rows: Positions | None
    at: Instants
    fields: Mapping[str, Column]

    def lines(self) -> NDArray[np.int64]:
        """The numbers of the rows in the file, from 1."""
        return (np.arange(len(self.at)) if self.rows is None else self.rows) + (self.start + 1)

    def place(self, row: int) -> int:
        """Where a row of what was read is, or would be."""
        return row if self.rows is None else int(self.rows.searchsorted(row))

    def cut(self, begin: int, end: int) -> Piece:
        """Some of the rows, without copying them."""
        return Piece(
            start=self.start if self.rows is not None else self.start + begin,
            rows=None if self.rows is None else self.rows[begin:end],
            at=self.at[begin:end],
            fields={name: one.rows(slice(begin, end)) for name, one in self.fields.items()},
        )

    def taken(self, places: Positions) -> Piece:
        """The rows at these places, which ascend."""
        return Piece(
            start=self.start,
            rows=places if self.rows is None else self.rows[places],
            at=self.at[places],
            fields={name: one.rows(places) for name, one in self.fields.items()},
        )


class Conversion:
    """Turns tables with the columns of a source into pieces. Labels are left to those who know where they are."""

    def __init__(
        self,
        source: Source,
        layout: Layout,
        schema: Mapping[str, polars.DataType],
        zone: ZoneInfo | None,
        units: Mapping[str, str | None],
    ) -> None:
        """``units`` are those of the columns of times of which the agreement does not say what their numbers count."""
        self._source: Final = source
        self._layout: Final = layout
        self._exact: Final = {
            name: exact(polars.col(name), kind)
            for name, kind in schema.items()
            if name in layout.columns or name in dict(layout.filters)
        }
        self._encoders: Final[list[Encoder]] = [
            Epochs(x, zone, units[x.name]) if x.name in units else encoder(x, zone) for x in layout.fields
        ]
        self._converters: Final[dict[str, tuple[Field, str, Converter]]] = {
            x.name: (x, column, _converter(x, schema[column], zone, units.get(x.name)))
            for x, column in zip(layout.fields, layout.columns, strict=True)
            if x.name not in source.labels
        }
        held = {x.name for x in layout.fields}
        self._lacking: Final = [x for x in source.fields if x.name not in held]

    def piece(
        self,
        start: int,
        table: polars.DataFrame,
        unlabelled: Positions,
        tally: Tally,
        whole: Callable[[], polars.DataFrame] | None = None,
    ) -> Piece:
        """The rows of a table that fit; at ``unlabelled`` positions the labels do not. Raises NotInColumns.

        Where the table lacks the labels, ``whole`` gives it with them.
        """
        rows: Positions | None = None
        if self._layout.filters:
            asked = self._asked_for(table)
            if not asked.all():
                rows = asked.nonzero()[0]
                tally.filtered += len(table) - len(rows)
                table = table.filter(polars.Series(asked))
                unlabelled = np.searchsorted(rows, np.intersect1d(unlabelled, rows))
        fixed = {name: convert(table[column]) for name, (_, column, convert) in self._converters.items()}
        at = fixed[self._source.at]
        odd = [unlabelled, *(one.odd for one in fixed.values())]
        if at.known is not None:
            odd.append((~at.known).nonzero()[0])
        found = [one for one in odd if len(one)]
        if found:
            positions = np.unique(np.concatenate(found))
            in_table = positions if rows is None else rows[positions]
            odd_rows = table[positions] if whole is None else whole()[in_table]
            refused = self._judge(odd_rows, positions, in_table + (start + 1), fixed, tally)
            if len(refused):
                kept = np.ones(len(table), dtype=np.bool_)
                kept[refused] = False
                rows = kept.nonzero()[0] if rows is None else rows[kept]
                fixed = {
                    name: evolve(
                        one, values=one.values[kept], known=None if one.known is None else one.known[kept]
                    )
                    for name, one in fixed.items()
                }
        instants = fixed.pop(self._source.at).values
        if instants.dtype != np.int64:
            raise NotInColumns
        return Piece(
            start=start,
            rows=rows,
            at=instants,
            fields={
                name: Column(one.values, _if_any_unknown(one.known), one.times) for name, one in fixed.items()
            },
        )

    def cells(self, row: polars.DataFrame) -> dict[str, object]:
        """The cells of a row as they are when they are looked at one by one."""
        return row.select([self._exact[column] for column in dict.fromkeys(self._layout.columns)]).row(
            0, named=True
        )

    def unknown(self, rows: int) -> dict[str, Column]:
        """Columns for the fields that the table does not hold."""
        nothing = np.broadcast_to(np.False_, rows) if self._lacking else None
        return {x.name: Column(np.broadcast_to(empty_values(x, 1), rows), nothing) for x in self._lacking}

    def _asked_for(self, table: polars.DataFrame) -> Flags:
        asked = np.ones(len(table), dtype=np.bool_)
        for name, value in self._layout.filters:
            cells = table.select(self._exact[name]).to_series()
            if cells.dtype.is_nested() or cells.dtype.is_float():
                fits = [matches(cell, value) for cell in cells]
                asked &= np.array(fits, dtype=np.bool_)
                continue
            distinct = cells.unique()
            wanted = distinct.filter(
                polars.Series([matches(cell, value) for cell in distinct], dtype=polars.Boolean)
            )
            fitting = polars.zeros(len(cells), polars.Boolean, eager=True).to_numpy().copy()
            for cell in wanted:
                one = polars.Series([cell], dtype=wanted.dtype)
                fitting |= cells.eq_missing(one).to_numpy()
            asked &= fitting
        return asked

    def _judge(
        self,
        table: polars.DataFrame,
        positions: Positions,
        lines: Positions,
        fixed: dict[str, Fixed],
        tally: Tally,
    ) -> Positions:
        """Encodes the cells of a table of odd rows one by one; gives the positions of those that are refused."""
        columns = [self._exact[column] for column in dict.fromkeys(self._layout.columns)]
        names = [x.name for x in self._layout.fields]
        refused: list[int] = []
        accepted: list[int] = []
        raws: dict[str, list[Raw]] = {name: [] for name in fixed}
        for begin in range(0, len(positions), _ODD_ROWS_TOGETHER):
            some = positions[begin : begin + _ODD_ROWS_TOGETHER]
            part = table[begin : begin + len(some)].select(columns)
            for position, line, row in zip(
                some.tolist(), lines[begin : begin + len(some)].tolist(), part.iter_rows(), strict=True
            ):
                values = self._values(dict(zip(part.columns, row, strict=True)), names, line, tally)
                if values is None:
                    refused.append(position)
                    continue
                accepted.append(position)
                for name, found in raws.items():
                    found.append(values[name])
        if accepted:
            places = np.array(accepted, dtype=np.int64)
            for name, one in fixed.items():
                fixed[name] = _patched(one, places, raws[name])
        return np.array(refused, dtype=np.int64)

    def _values(
        self, row: Mapping[str, object], names: list[str], line: int, tally: Tally
    ) -> dict[str, Raw] | None:
        values: dict[str, Raw] = {}
        for name, column, encode in zip(names, self._layout.columns, self._encoders, strict=True):
            try:
                values[name] = encode(row[column])
            except EncodingError as problem:
                tally.reject(line, row, *misfit(name, row[column], problem))
                return None
        if values[self._source.at] is None:
            tally.reject(line, row, no_instant(self._source.at))
            return None
        for name in self._source.labels:
            if values.get(name) is None:
                tally.reject(line, row, empty_label(name))
                return None
        return values


def _converter(field: Field, kind: polars.DataType, zone: ZoneInfo | None, unit: str | None) -> Converter:
    if unit is None or not (kind.is_numeric() or kind == polars.String):
        return converter(field, kind, zone)
    return between(converter(counted_in(field, unit), kind, zone), FIRST, LAST)


def _patched(one: Fixed, places: Positions, raws: list[Raw]) -> Fixed:
    values = one.values if one.times == 1 else one.values.astype(np.int64) * one.times
    is_large = values.dtype == np.int64 and any(
        raw is not None and not -_LARGEST <= int(raw) <= _LARGEST for raw in raws
    )
    values = values.astype(object) if is_large else np.array(values)
    known = np.ones(len(values), dtype=np.bool_) if one.known is None else np.array(one.known)
    for place, raw in zip(places.tolist(), raws, strict=True):
        known[place] = raw is not None
        if raw is not None:
            values[place] = raw
    return evolve(one, values=values, known=known, times=1)


def _if_any_unknown(known: Flags | None) -> Flags | None:
    return None if known is None or known.all() else known
