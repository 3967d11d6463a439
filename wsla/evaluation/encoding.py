"""Rows of data as observations: which column is which field, which rows are refused and why, and what is said twice."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from attrs import field, frozen

from wsla.analysis.checked import Field, Source
from wsla.analysis.fields import PROBES
from wsla.analysis.types import InstantType
from wsla.evaluation.cells import (
    LONGEST_TEXT,
    Encoder,
    EncodingError,
    decode,
    encode,
    encoder,
    is_not_utf8,
)
from wsla.values.observations import Observation, Raw

__all__ = [
    "EXAMPLES",
    "LONGEST_TEXT",
    "SECOND_VALUE",
    "TIME_COLUMNS",
    "Collector",
    "DataError",
    "EncodingError",
    "History",
    "Refused",
    "Reject",
    "Rejects",
    "decode",
    "empty_label",
    "encode",
    "encode_fields",
    "encoder",
    "field_encoders",
    "may_lack",
    "misfit",
    "missing_columns",
    "no_instant",
    "observations_from_rows",
    "quoted",
    "source_fields",
    "time_column",
]

TIME_COLUMNS: Final = ("time", "timestamp", "at", "ts", "date")
"""Where the instants of samples are looked for when the agreement does not say it."""

EXAMPLES: Final = 5
"""Refused rows that are shown."""

_COLUMNS_SHOWN: Final = 20
_LONGEST_NAME: Final = 200
SECOND_VALUE: Final = "a second, different value for the same instant"


class DataError(ValueError):
    """Data that cannot be read at all: a missing file or column, or an unknown kind of file."""


@frozen(kw_only=True)
class Reject:
    """A row that was refused: its line (from 1; in tables the row) and the reason, with the value.

    ``file`` is there where several were read as one.
    """

    line: int
    reason: str
    file: str | None = None


@frozen(kw_only=True)
class Rejects:
    """The rows that were refused: how many for each reason, and the first few of them."""

    counts: Mapping[str, int] = field(factory=dict)
    examples: tuple[Reject, ...] = ()

    @property
    def total(self) -> int:
        """How many rows were refused."""
        return sum(self.counts.values())


@frozen(kw_only=True)
class History:
    """What was read: every row is an observation, a reject, a duplicate, or was not asked for (``filtered``).

    ``observations`` are sorted by ``at``, rows of one instant in the order of the file. ``duplicates`` repeat a row
    with the same values. ``out_of_order`` counts observations that stand after a later one of their stream.
    """

    observations: list[Observation]
    rejects: Rejects
    duplicates: int = 0
    out_of_order: int = 0
    rows: int = 0
    filtered: int = 0


Refused = Callable[[int, str, Mapping[str, object] | Sequence[object]], None]
"""Called with the line of a row that was refused, why, and its cells: those that were looked at by their columns, or
those of the whole row in order."""


class Collector:
    """Turns rows of one source into observations, one row after the other.

    ``fields`` are those that a row's cells hold, in the order of the cells; all other fields are unknown. ``refused``
    is called for each row that does not fit. ``encoders`` stand in for the ordinary ones.
    """

    def __init__(
        self,
        source: Source,
        fields: Sequence[Field],
        zone: ZoneInfo | None,
        refused: Refused | None = None,
        encoders: Sequence[Encoder] | None = None,
    ) -> None:
        self._source: Final = source
        encoders = encoders or [encoder(x, zone) for x in fields]
        self._encoders: Final[list[tuple[str, Encoder]]] = [
            (x.name, encode_cell) for x, encode_cell in zip(fields, encoders, strict=True)
        ]
        held = {x.name for x in fields}
        self._others: Final = {x.name: None for x in source.fields if x.name not in held}
        self._refused: Final = refused
        self._columns: Final = [x.column or x.name for x in fields]
        self._cells: Sequence[object] = ()
        self._instant: Final = (source.updated or source.at) if source.records else source.at
        self._observations: Final[list[Observation]] = []
        self._seen: Final[dict[tuple[object, ...], dict[str, Raw]]] = {}
        self._counts: Final[dict[str, int]] = {}
        self._examples: Final[list[Reject]] = []
        self._latest: Final[dict[tuple[object, ...], int]] = {}
        self._highest: int | None = None
        self._is_sorted = True
        self._duplicates = 0
        self._out_of_order = 0
        self.filtered = 0

    def add(self, line: int, cells: Sequence[object]) -> None:
        """One row; a row that does not fit is counted as a reject."""
        name = ""
        values: dict[str, Raw] = {}
        self._cells = cells
        try:
            for (name, encode_cell), cell in zip(self._encoders, cells, strict=True):
                values[name] = encode_cell(cell)
        except EncodingError as problem:
            self._reject(line, *misfit(name, cell, problem))
            return
        self._accept(line, values)

    def reject(self, line: int, reason: str, detail: str | None = None, cells: Sequence[object] = ()) -> None:
        """Counts a row as refused; ``detail`` is the reason with the row's own values, ``cells`` the whole row."""
        if self._refused is not None:
            self._refused(line, detail or reason, cells)
        self._count(line, reason, detail)

    def _reject(self, line: int, reason: str, detail: str | None = None) -> None:
        if self._refused is not None:
            self._refused(line, detail or reason, dict(zip(self._columns, self._cells, strict=True)))
        self._count(line, reason, detail)

    def _count(self, line: int, reason: str, detail: str | None) -> None:
        self._counts[reason] = self._counts.get(reason, 0) + 1
        if len(self._examples) < EXAMPLES:
            self._examples.append(Reject(line=line, reason=detail or reason))

    @property
    def first_reject(self) -> Reject | None:
        """The first row that was refused, or None."""
        return self._examples[0] if self._examples else None

    @property
    def last_accepted(self) -> Observation | None:
        """The observation of the latest row that was one, or None."""
        return self._observations[-1] if self._observations else None

    def finish(self) -> History:
        """Everything that was added."""
        accepted = len(self._observations)
        rejects = Rejects(counts=dict(self._counts), examples=tuple(self._examples))
        if not self._is_sorted:
            self._observations.sort(key=lambda observation: observation.at)
        return History(
            observations=self._observations,
            rejects=rejects,
            duplicates=self._duplicates,
            out_of_order=self._out_of_order,
            rows=accepted + rejects.total + self._duplicates + self.filtered,
            filtered=self.filtered,
        )

    def _accept(self, line: int, values: dict[str, Raw]) -> None:
        source = self._source
        # The instant of a sample is no field; a record's may be one of its fields.
        at = values.get(self._instant) if source.records else values.pop(self._instant, None)
        if not isinstance(at, int):
            self._reject(line, no_instant(self._instant))
            return
        if self._others:
            values.update(self._others)
        stream: tuple[object, ...] = ()
        if not source.records:
            stream = labels = tuple([values[name] for name in source.labels])
            if None in labels:
                self._reject(line, empty_label(source.labels[labels.index(None)]))
                return
            if self._is_known(line, (at, *labels), values):
                return
        elif (
            source.key is not None
            and (key := values.get(source.key)) is not None
            and self._is_known(line, (at, key), values)
        ):
            return
        if at >= self._latest.get(stream, at):
            self._latest[stream] = at
        else:
            self._out_of_order += 1
        if self._highest is None or at >= self._highest:
            self._highest = at
        else:
            self._is_sorted = False
        self._observations.append(Observation(source=source.name, at=at, fields=values))

    def _is_known(self, line: int, identity: tuple[object, ...], values: dict[str, Raw]) -> bool:
        """Rule M1: of two samples with one identity the first stands, of two versions of a record the later."""
        before = self._seen.setdefault(identity, values)
        if before is values:
            return False
        if before == values:
            self._duplicates += 1
        elif self._source.records:
            self._seen[identity] = values
            return False
        else:
            self._reject(line, SECOND_VALUE)
        return True


def misfit(name: str, cell: object, problem: EncodingError) -> tuple[str, str | None]:
    """Why a cell of the field ``name`` is refused: in words that all such cells share, and with its value."""
    if isinstance(cell, str) and is_not_utf8(cell):
        return f"{name} is not written in UTF-8", None
    return f"{name} {problem.reason}", f"{name}: {problem}"


def no_instant(name: str) -> str:
    """Why a row without an instant is refused."""
    return f"{name} is empty, so the row has no instant"


def empty_label(name: str) -> str:
    """Why a row without one of its labels is refused."""
    return f"the label {name} is empty"


def time_column(columns: Iterable[str]) -> str | None:
    """The one column that holds the instants of samples, going by its name; None where there is none such.

    Raises DataError where several could be meant.
    """
    found = [column for column in columns if column.strip().casefold() in TIME_COLUMNS]
    if len(found) > 1:
        names = " and ".join(quoted(column) for column in found)
        raise DataError(
            f"{names} could both hold the time: say which one in the source, such as `at {found[0]}`"
        )
    return found[0] if found else None


def quoted(name: str) -> str:
    """A name from data as messages show it: cut where it is long, without what a terminal would obey."""
    cut = name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "…"
    return f"`{cut}`" if cut.isprintable() else f"`{ascii(cut)[1:-1]}`"


def missing_columns(fields: Sequence[Field], columns: Sequence[str], where: str) -> DataError:
    """What to say where the columns of these fields are not among the columns that there are."""
    parts = []
    for missing in fields:
        if not missing.column:
            names = ", ".join(f"`{name}`" for name in TIME_COLUMNS[:-1])
            parts.append(
                f"a column for the time: {names} or `{TIME_COLUMNS[-1]}`, or one that the source names"
            )
            continue
        near = difflib.get_close_matches(missing.column, columns, n=1, cutoff=0.6)
        purpose = "" if missing.column == missing.name else f" for the field `{missing.name}`"
        hint = f" (is it {quoted(near[0])}?)" if near else ""
        parts.append(f"the column `{missing.column}`{purpose}{hint}")
    shown = ", ".join(quoted(column) for column in columns[:_COLUMNS_SHOWN])
    more = f" and {len(columns) - _COLUMNS_SHOWN} more" if len(columns) > _COLUMNS_SHOWN else ""
    return DataError(f"{where} lacks {'; and '.join(parts)}. Its columns: {shown}{more}")


def source_fields(source: Source) -> tuple[Field, ...]:
    """The fields that data of a source holds, the instant of samples among them."""
    if source.records or any(x.name == source.at for x in source.fields):
        return source.fields
    return (Field(name=source.at, column="", type=InstantType()), *source.fields)


def may_lack(source: Source, held: Collection[str]) -> bool:
    """True where the other fields may be left out: a probe has more of them than most data about it."""
    return source.kind in PROBES and source.at in held and len(held) > 1


def field_encoders(source: Source, zone: ZoneInfo | None) -> dict[str, Encoder]:
    """What turns the values of a source's fields, by their names, into the stored ones."""
    return {x.name: encoder(x, zone) for x in source.fields if source.records or x.name != source.at}


def encode_fields(
    source: Source,
    values: Mapping[str, object],
    zone: ZoneInfo | None,
    encoders: Mapping[str, Encoder] | None = None,
) -> dict[str, Raw]:
    """The stored values of one observation's fields, given by their names; ``encoders`` are those that
    ``field_encoders`` gave, for whoever has many.

    Raises EncodingError for an unknown name, and for a value that does not fit its field.
    """
    if encoders is None:
        encoders = field_encoders(source, zone)
    encoded: dict[str, Raw] = {}
    for name, value in values.items():
        found = encoders.get(name)
        if found is None:
            near = difflib.get_close_matches(name, encoders, n=1, cutoff=0.6)
            hint = f": is it `{near[0]}`?" if near else f"; its fields: {', '.join(encoders)}"
            raise EncodingError(f"`{source.name}` has no field `{name}`{hint}")
        try:
            encoded[name] = found(value)
        except EncodingError as problem:
            raise EncodingError(f"{source.name}.{name}: {problem}") from None
    return encoded


def observations_from_rows(
    source: Source, rows: Iterable[Mapping[str, object]], zone: ZoneInfo | None
) -> list[Observation]:
    """Rows in Python, keyed by field name or by column, as observations sorted by ``at``.

    A field that a row lacks is unknown in it; one that all rows lack is an error. Raises EncodingError for the first
    row that does not fit, with its number (from 1), and DataError for a field that no row holds.
    """
    fields = source_fields(source)
    collector = Collector(source, fields, zone)
    held: set[str] = set()
    columns: dict[str, None] = {}
    for number, row in enumerate(rows, 1):
        columns.update(dict.fromkeys(row))
        cells: list[object] = []
        for x in fields:
            name = x.name if x.name in row else x.column or time_column(row)
            if name is None or name not in row:
                cells.append(None)
            else:
                held.add(x.name)
                cells.append(row[name])
        if source.at not in held and not source.updated:
            break
        collector.add(number, cells)
        if (refused := collector.first_reject) is not None:
            raise EncodingError(f"{source.name}, row {refused.line}: {refused.reason}")
    lacking = [x for x in fields if x.name not in held]
    if columns and lacking and not may_lack(source, held):
        raise missing_columns(lacking, list(columns), f"the data of `{source.name}`")
    return collector.finish().observations
