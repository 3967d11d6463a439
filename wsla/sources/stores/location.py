"""Addresses of stores: ``duckdb:///file.db``, ``postgresql://host/database``, ``clickhouse://host/database`` …"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from attrs import frozen

from wsla.evaluation.encoding import DataError, quoted

KINDS: Final = {
    "duckdb": "duckdb",
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "clickhouse": "clickhouse",
    "clickhouses": "clickhouse",
    "spark": "spark",
    "prometheus+http": "prometheus",
    "prometheus+https": "prometheus",
}
"""What an address begins with, and the kind of store that this is."""


@frozen(kw_only=True)
class Location:
    """Where a store is. ``address`` is what its client wants; ``shown`` what messages have, without a password.

    ``table`` and ``parquet`` are the parts of the address that say where the rows are.
    """

    kind: str
    address: str
    shown: str
    table: str | None = None
    parquet: str | None = None


def parse_location(text: str) -> Location:
    """The store of an address. Raises DataError for anything else."""
    try:
        parts = urlsplit(text)
    except ValueError:
        raise DataError(f"{quoted(text.partition('@')[2] or text)} is no address") from None
    kind = KINDS.get(parts.scheme)
    if kind is None:
        known = ", ".join(f"{name}://" for name in KINDS)
        raise DataError(f"{quoted(text)} is no address of a store: it begins with one of {known}")
    options = parse_qsl(parts.query, keep_blank_values=True)
    own = {name: value for name, value in options if name in ("table", "parquet")}
    rest = urlencode([(name, value) for name, value in options if name not in own])
    host = parts.netloc.rpartition("@")[2]
    shown = f"{parts.scheme}://{host}{parts.path}"
    return Location(
        kind=kind,
        address=_address(kind, parts.scheme, parts.netloc, parts.path, rest),
        shown=shown,
        table=own.get("table"),
        parquet=own.get("parquet"),
    )


def _address(kind: str, scheme: str, netloc: str, path: str, rest: str) -> str:
    match kind:
        case "duckdb":
            # Three slashes are a path from here, four one from the root, as everywhere.
            return unquote(path.removeprefix("/")) or ":memory:"
        case "spark":
            return "local[*]" if netloc == "local" else f"spark://{netloc}"
        case "prometheus":
            return urlunsplit((scheme.removeprefix("prometheus+"), netloc, path.rstrip("/"), rest, ""))
        case "clickhouse":
            return urlunsplit((scheme, netloc, path, rest, ""))
        case _:
            return urlunsplit(("postgresql", netloc, path, rest, ""))
