"""What Parquet and Arrow files have in common as Polars sees them: opening, and columns that lose nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wsla.evaluation.encoding import DataError
from wsla.sources.files.table import Layout, Request

if TYPE_CHECKING:
    import polars


class NotInColumns(Exception):
    """What columns cannot hold, such as years from 2262 on: the rows have to be read one by one."""


@contextmanager
def polars_problems(wanted: Request) -> Iterator[None]:
    """Turns what Polars cannot read into a DataError, also where Polars is not installed."""
    kind = kind_of(wanted.path)
    try:
        import polars
    except ImportError:
        article = "an" if kind == "Arrow" else "a"
        raise DataError(
            f"{wanted.shown} is {article} {kind} file, and what reads those is not installed: "
            "pip install 'wsla[parquet]'"
        ) from None
    try:
        yield
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError) as problem:
        if kind == "CSV":
            raise NotInColumns from None
        reason = str(problem).partition("\n")[0]
        raise DataError(f"{wanted.shown} is no {kind} file that can be read: {reason}") from None


def kind_of(path: str) -> str:
    """How messages call the kind of such a file."""
    name = path.casefold()
    if name.endswith((".csv", ".tsv")):
        return "CSV"
    return "Parquet" if name.endswith(".parquet") else "Arrow"


def scan(path: str) -> polars.LazyFrame:
    """The table in a file."""
    import polars

    if kind_of(path) == "Parquet":
        return polars.scan_parquet(path, glob=False)
    return polars.scan_ipc(path, glob=False)


def needed_columns(layout: Layout) -> list[str]:
    """The columns that are read, each once."""
    return list(dict.fromkeys([*layout.columns, *(column for column, _ in layout.filters)]))


def exact(column: polars.Expr, kind: polars.DataType) -> polars.Expr:
    """A column whose values lose nothing as they become Python's, which has no nanoseconds and no short floats."""
    import polars

    match kind:
        case polars.Datetime():
            if kind.time_zone is None:
                return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.9f")
            return column.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.9fZ")
        case polars.Duration():
            return polars.concat_str(column.dt.total_nanoseconds().cast(polars.String), polars.lit("ns"))
        case polars.Float32():
            return column.cast(polars.String)
    return column
