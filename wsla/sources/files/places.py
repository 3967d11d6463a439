"""What somebody calls a file: one, a folder of them, or a pattern with ``*`` that several match."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from typing import Final

from wsla.evaluation.encoding import DataError, quoted
from wsla.sources.files.packed import without_packing

TEXTS: Final = (".csv", ".tsv", ".jsonl", ".ndjson", ".om", ".openmetrics", ".prom")
_LONG_TEXT: Final = 8 * 1024 * 1024
"""Bytes of about 170,000 rows."""

COLUMNAR: Final = (".parquet", ".arrow", ".feather", ".ipc")
STORES: Final = ("postgresql://", "postgres://", "duckdb://", "clickhouse://", "clickhouses://")
"""How the addresses of databases begin that are no files to us."""

QUERIED: Final = ("prometheus+http://", "prometheus+https://")
"""How the addresses of range queries begin."""

PROMETHEUS: Final = "prometheus:"
"""How it is said that a file, or a server, is one of Prometheus."""

DATABASES: Final = (".sqlite", ".sqlite3", ".db")
CALENDARS: Final = (".ics", ".ical")


def is_columnar(path: str) -> bool:
    """True for a file that holds columns."""
    return path.casefold().endswith(COLUMNAR)


def is_long_text(paths: Sequence[str]) -> bool:
    """True for CSV that is not packed and has so many rows that columns are worth it, loading them included."""
    return all(path.casefold().endswith((".csv", ".tsv")) and os.path.isfile(path) for path in paths) and (
        sum(map(os.path.getsize, paths)) >= _LONG_TEXT
    )


def files_at(place: str) -> Sequence[str]:
    """The files that are meant, in the order of their names. Raises DataError where there are none."""
    if place.startswith(PROMETHEUS):
        rest = place.removeprefix(PROMETHEUS)
        if rest.startswith(("http://", "https://")):
            return (place,)
        return [f"{PROMETHEUS}{found}" for found in files_at(rest)]
    if "::" in place or place.startswith((*STORES, *QUERIED)) or os.path.isfile(place):
        return (place,)
    if os.path.isdir(place):
        names = sorted(name for name in os.listdir(place) if not name.startswith("."))
        found = [path for name in names if _is_history(path := os.path.join(place, name))]
        if not found:
            raise DataError(f"there is no file of history in the folder {quoted(place)}")
        return found
    if glob.has_magic(place):
        found = sorted(path for path in glob.glob(place, recursive=True) if os.path.isfile(path))
        if not found:
            raise DataError(f"there is no file that is called like {quoted(place)}")
        return found
    return (place,)


def _is_history(path: str) -> bool:
    return os.path.isfile(path) and (
        without_packing(path).endswith(TEXTS) or path.casefold().endswith((*COLUMNAR, *DATABASES, *CALENDARS))
    )
