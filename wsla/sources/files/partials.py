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
_ROWS_TOGETHER: Final = 1 << 20
"""Rows of one part of the file: those of a few months come without being put together."""
_RUN_OF: Final = 16
"""Stretches of panes are told apart from the rows where they are so many panes long, or longer."""


def write_partials(path: str, table: PaneTable) -> None:
    """Writes panes, in place of what is there. Raises DataError where that cannot be done."""
    polars = _polars(path)
    frames = [_frame(name, panes, table.length) for name, panes in table.sources.items()]
    rows = polars.concat(frames, how="diagonal") if frames else polars.DataFrame()
    # Whoever reads meanwhile has the old file or the new one.
    beside = f"{path}.part"
    try:
        rows.write_parquet(
            beside,
            compression="zstd",
            row_group_size=_ROWS_TOGETHER,
            metadata={_KEY: json.dumps(_description(table))},
        )
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
        told = _told(description["sources"])
        columns = [
            f"{name}: {measure}" for name, said in description["sources"].items() for measure in said["kinds"]
        ]
        rows = polars.read_parquet(path, glob=False, columns=None if told is None else columns)
        return PaneTable(
            length=description["length"],
            until=description["until"],
            sources=_listed(rows, description) if told is None else _whole(rows, description, told),
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
            f"{quoted(path)}: partial results need polars, which is not installed: pip install 'wsla[columns]'"
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
    import numpy as np

    begins = np.ones(panes.rows, np.bool_)
    begins[1:] = (np.diff(panes.pane) != 1) | (np.diff(panes.stream) != 0)
    first = np.flatnonzero(begins)
    runs = np.stack([panes.stream[first], panes.pane[first], np.diff(np.append(first, panes.rows))], axis=1)
    return {
        # Stretches without a gap, as (stream, first pane, how many panes); left out where most panes stand alone.
        "runs": runs.tolist() if len(runs) * _RUN_OF <= panes.rows else None,
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


def _told(sources: Mapping[str, Any]) -> dict[str, NDArray[np.int64]] | None:
    """The stretches of panes without a gap, a row each, by source; None where one of them does not tell them."""
    import numpy as np

    told = {name: said.get("runs") for name, said in sources.items()}
    if any(runs is None for runs in told.values()):
        return None
    return {name: np.array(runs, np.int64).reshape(-1, 3) for name, runs in told.items()}


def _whole(
    rows: polars.DataFrame, description: Mapping[str, Any], told: Mapping[str, NDArray[np.int64]]
) -> dict[str, SourcePanes]:
    """The panes of sources whose stretches are known, so that neither streams nor instants have to be read."""
    import numpy as np

    counted = np.concatenate([np.zeros(0, np.int64), *(runs[:, 2] for runs in told.values())])
    if counted.sum() != rows.height or bool((counted < 1).any()):
        raise ValueError("its rows are not those that it tells of")
    found, offset = {}, 0
    for name, said in description["sources"].items():
        streams, panes, counts = told[name].T
        behind = np.cumsum(counts)
        number = int(behind[-1]) if len(behind) else 0
        pane = np.repeat(panes - (behind - counts), counts)
        pane += np.arange(number)
        own = rows if number == rows.height else rows.slice(offset, number)
        offset += number
        found[name] = _panes(own, name, said, np.repeat(streams.astype(np.int32), counts), pane)
    return found


def _listed(rows: polars.DataFrame, description: Mapping[str, Any]) -> dict[str, SourcePanes]:
    """The panes of sources as each row tells."""
    import polars

    sources, found = description["sources"], {}
    for name, said in sources.items():
        own = rows.filter(polars.col(_SOURCE) == name) if len(sources) > 1 else rows
        starts = own[_START].to_numpy()
        found[name] = _panes(own, name, said, own[_STREAM].to_numpy(), starts // description["length"])
    return found


def _panes(
    own: polars.DataFrame,
    name: str,
    said: Mapping[str, Any],
    stream: NDArray[np.int32],
    pane: NDArray[np.int64],
) -> SourcePanes:
    kinds = {measure: Kind(kind) for measure, kind in said["kinds"].items()}
    return SourcePanes(
        signature=said["signature"],
        staleness=said["staleness"],
        streams=tuple(_stream(one) for one in said["streams"]),
        kinds=kinds,
        stream=stream,
        pane=pane,
        columns={measure: _numbers(own[f"{name}: {measure}"], kind) for measure, kind in kinds.items()},
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
