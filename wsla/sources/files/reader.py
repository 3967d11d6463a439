"""A file of history as observations of a source, whatever kind of file it is."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from wsla.analysis.checked import Source
from wsla.evaluation.encoding import DataError, History, Refused, quoted
from wsla.sources.files.table import Progress, check_file, request


def read_history(
    source: Source,
    path: str,
    *,
    zone: ZoneInfo | None = None,
    columns: Mapping[str, str] | None = None,
    where: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    refused: Refused | None = None,
) -> History:
    """The observations of a source in a CSV, JSON lines or Parquet file; which of them, its name's end tells.

    Times without an offset are read in ``zone``. ``columns`` names other columns for fields than the agreement does,
    and ``where`` keeps only the rows whose columns have these values. ``progress`` is called with the bytes done, the
    bytes in all and the rows so far, ``refused`` for each row that does not fit.
    Raises DataError for a file that cannot be read at all; rows that do not fit are in the rejects.
    """
    size = check_file(path)
    wanted = request(source, path, zone, columns or {}, where or {}, progress, refused)
    name = path.casefold()
    match name.removesuffix(".gz").rpartition(".")[2]:
        case "csv" | "tsv" as kind:
            from wsla.sources.files.csv import read_csv

            return read_csv(wanted, size, tabs=kind == "tsv")
        case "jsonl" | "ndjson":
            from wsla.sources.files.jsonl import read_jsonl

            return read_jsonl(wanted, size)
        case "parquet" if not name.endswith(".gz"):
            from wsla.sources.files.parquet import read_parquet

            return read_parquet(wanted, size)
    raise DataError(
        f"{quoted(path)} is of no known kind: its name should end in .csv, .tsv, .jsonl or .ndjson (each also with .gz "
        "after it) or .parquet"
    )
