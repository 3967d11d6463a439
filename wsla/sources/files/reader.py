"""A file of history as observations of a source, whatever kind of file it is."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from wsla.analysis.checked import Source
from wsla.evaluation.encoding import DataError, History, Refused, quoted
from wsla.sources.files.packed import check_file, without_packing
from wsla.sources.files.places import PROMETHEUS, QUERIED, STORES
from wsla.sources.files.table import Progress, request


def read_history(
    source: Source,
    path: str,
    *,
    zone: ZoneInfo | None = None,
    columns: Mapping[str, str] | None = None,
    where: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    refused: Refused | None = None,
    time_unit: str | None = None,
) -> History:
    """The observations of a source in a file of history; what kind of file it is, its name's end tells.

    Times without an offset are read in ``zone``. ``columns`` names other columns for fields than the agreement does,
    and ``where`` keeps only the rows whose columns have these values. ``progress`` is called with the bytes done, the
    bytes in all and the rows so far, ``refused`` for each row that does not fit. ``time_unit`` (s, ms, us or ns) is
    what times count that are numbers, where the agreement does not say it.

    Raises DataError for a file that cannot be read at all; rows that do not fit are in the rejects.
    """
    wanted = request(source, path, zone, columns or {}, where or {}, progress, refused, time_unit)
    if path.startswith(STORES):
        from wsla.sources.files.stores import read_store

        return read_store(wanted)
    if path.startswith(PROMETHEUS):
        from wsla.sources.files.prometheus import read_prometheus

        return read_prometheus(wanted)
    if path.startswith(QUERIED):
        from wsla.sources.files.range_query import read_range_query

        return read_range_query(wanted)
    if "::" in path:
        from wsla.sources.files.sqlite import read_sqlite

        return read_sqlite(wanted)
    size = check_file(path)
    name = without_packing(path)
    is_packed = name != path.casefold()
    match name.rpartition(".")[2]:
        case "csv" | "tsv" as kind:
            from wsla.sources.files.csv import read_csv

            return read_csv(wanted, size, tabs=kind == "tsv")
        case "jsonl" | "ndjson":
            from wsla.sources.files.jsonl import read_jsonl

            return read_jsonl(wanted, size)
        case "om" | "openmetrics" | "prom" as kind:
            from wsla.sources.files.openmetrics import read_openmetrics

            return read_openmetrics(wanted, size, seconds=kind != "prom")
        case "ics" | "ical" if not is_packed:
            from wsla.sources.files.icalendar import read_icalendar

            return read_icalendar(wanted, size)
        case "parquet" | "arrow" | "feather" | "ipc" if not is_packed:
            from wsla.sources.files.parquet import read_parquet

            return read_parquet(wanted, size)
        case "sqlite" | "sqlite3" | "db" if not is_packed:
            from wsla.sources.files.sqlite import read_sqlite

            return read_sqlite(wanted)
    raise DataError(
        f"{quoted(path)} is of no known kind: its name should end in .csv, .tsv, .jsonl, .ndjson, .om or .prom (each "
        "also with .gz or .zst after it), .parquet, .arrow, .feather, .sqlite or .ics"
    )
