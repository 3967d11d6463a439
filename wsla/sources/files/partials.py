"""Partial results in a Parquet file: a row for each stream and pane, and in the file's metadata what they are of."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wsla.evaluation.encoding import DataError, quoted
from wsla.evaluation.panes.measures import Kind
from wsla.evaluation.panes.table import PaneTable, SourcePanes, Stream, nothing
from wsla.sources.files.packed import check_file

if TYPE_CHECKING:
    import numpy as np
    import polars
    from numpy.typing import NDArray

_KEY: Final = "wsla.partials"
_FORMAT: Final = 1
_SOURCE: Final = "source"
_STREAM: Final = "stream"
_START: Final = "start_ns"


def write_partials(path: str, table: PaneTable) -> None:
    """Writes panes, in place of what is there. Raises DataError where that cannot be done."""
    polars = _polars(path)
    frames = [_frame(name, panes, table.length) for name, panes in table.sources.items()]
    rows = polars.concat(frames, how="diagonal") if frames else polars.DataFrame()
    # Whoever reads meanwhile has the old file or the new one.
    beside = f"{path}.part"
    try:
        rows.write_parquet(beside, compression="zstd", metadata={_KEY: json.dumps(_description(table))})
        os.replace(beside, path)
    except (OSError, polars.exceptions.PolarsError) as problem:
        Path(beside).unlink(missing_ok=True)
        raise DataError(f"{quoted(path)} cannot be written: {_first_line(problem)}") from None


def read_partials(path: str) -> PaneTable:
    """The panes of a file. Raises DataError for a file that cannot be read, or holds something else."""
    polars = _polars(path)
    if check_file(path) == 0:
        raise DataError(f"{quoted(path)} is empty")
    try:
        described = polars.read_parquet_metadata(path).get(_KEY)
        if described is None:
            raise DataError(f"{quoted(path)} holds no partial results that `wsla eval --partials` wrote")
        description = json.loads(described)
        if description.get("format") != _FORMAT:
            raise DataError(f"{quoted(path)} was written by another version of wsla: write it again")
        rows = polars.read_parquet(path, glob=False)
        return PaneTable(
            length=description["length"],
            until=description["until"],
            sources={
                name: _panes(rows, name, said, description["length"], several=len(description["sources"]) > 1)
                for name, said in description["sources"].items()
            },
        )
    except (
        polars.exceptions.PolarsError,
        polars.exceptions.PanicException,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ) as problem:
        if isinstance(problem, DataError):
            raise
        raise DataError(
            f"{quoted(path)} is no file of partial results that can be read: {_first_line(problem)}"
        ) from None


def _polars(path: str) -> Any:
    try:
        import polars
    except ImportError:
        raise DataError(
            f"{quoted(path)}: partial results need what is not installed: pip install 'wsla[columns]'"
        ) from None
    return polars


def _description(table: PaneTable) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "length": table.length,
        "until": table.until,
        "sources": {name: _said(panes) for name, panes in table.sources.items()},
    }


def _said(panes: SourcePanes) -> dict[str, Any]:
    return {
        "signature": panes.signature,
        "staleness": panes.staleness,
        "kinds": {name: kind.value for name, kind in panes.kinds.items()},
        "streams": [
            {
                "labels": stream.labels,
                "first": stream.first,
                "last": stream.last,
                "until": stream.until,
                "states": sorted(stream.states),
            }
            for stream in panes.streams
        ],
    }


def _frame(name: str, panes: SourcePanes, length: int) -> polars.DataFrame:
    import polars

    columns = [
        polars.repeat(name, panes.rows, eager=True, dtype=polars.String).alias(_SOURCE),
        polars.Series(_STREAM, panes.stream),
        polars.Series(_START, panes.pane * length),
    ]
    for measure, kind in panes.kinds.items():
        values = polars.Series(f"{name}: {measure}", panes.columns[measure])
        if kind in (Kind.LEAST, Kind.GREATEST):
            # The least of nothing is no number.
            values = values.replace(nothing(kind), None)
        columns.append(values)
    return polars.DataFrame(columns)


def _panes(
    rows: polars.DataFrame, name: str, said: Mapping[str, Any], length: int, *, several: bool
) -> SourcePanes:
    import polars

    own = rows.filter(polars.col(_SOURCE) == name) if several else rows
    kinds = {measure: Kind(kind) for measure, kind in said["kinds"].items()}
    stream, start = own[_STREAM].to_numpy(), own[_START].to_numpy()
    columns = {measure: _numbers(own[f"{name}: {measure}"], kind) for measure, kind in kinds.items()}
    return SourcePanes(
        signature=said["signature"],
        staleness=said["staleness"],
        streams=tuple(_stream(one) for one in said["streams"]),
        kinds=kinds,
        stream=stream,
        pane=start // length,
        columns=columns,
    )


def _numbers(column: polars.Series, kind: Kind) -> NDArray[np.int64]:
    if column.null_count():
        column = column.fill_null(nothing(kind))
    return column.to_numpy()


def _stream(said: Mapping[str, Any]) -> Stream:
    return Stream(
        labels=tuple((name, value) for name, value in said["labels"]),
        first=said["first"],
        last=said["last"],
        until=said["until"],
        states=frozenset(said["states"]),
    )


def _first_line(problem: BaseException) -> str:
    text = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
    return text.partition("\n")[0]
