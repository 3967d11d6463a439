"""ClickHouse by its HTTP interface: statements out, rows back as lines of JSON, one after the other. It only reads."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any, Final, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from wsla.evaluation.encoding import DataError, quoted
from wsla.sources.stores.dialects import ClickHouse, Column, ColumnKind, Dialect
from wsla.sources.stores.push import unreadable

PASSWORD: Final = "CLICKHOUSE_PASSWORD"
"""The variable of the environment that holds the password where the address has none."""
USER: Final = "CLICKHOUSE_USER"

_FORMAT: Final = "JSONCompactEachRowWithNamesAndTypes"
_PORTS: Final = {"http": 8123, "https": 8443}
# A server can be told to break off and give what it has so far, which would be judged as if it were everything.
_WHOLE: Final = dict.fromkeys(
    (f"{what}_overflow_mode" for what in ("read", "result", "timeout", "group_by", "distinct", "sort")),
    "throw",
)
_TIMES: Final = {"connect": 10.0, "pool": 10.0, "write": 60.0, "read": 3600.0}
"""Seconds; a server may count for long before it says a word."""
_HEADINGS: Final = 2
_LONGEST_REASON: Final = 300
_LONGEST_ERROR: Final = 16_384

_WRAPPED: Final = re.compile(
    r"(?:Nullable|LowCardinality|SimpleAggregateFunction)\((?:\w+, )?(?P<inner>.*)\)", re.DOTALL
)
_DECIMAL: Final = re.compile(r"Decimal\((?P<digits>\d+), (?P<places>\d+)\)")
_MOST_DIGITS: Final = 38
# Numbers of 256 bits have no wider type to be added up in: they are read row by row.
_WHOLE_NUMBERS: Final = frozenset(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64, 128))
_KINDS: Final = {
    "Bool": ColumnKind.TRUTH,
    "Float32": ColumnKind.FLOAT,
    "Float64": ColumnKind.FLOAT,
    "String": ColumnKind.TEXT,
    **dict.fromkeys(_WHOLE_NUMBERS, ColumnKind.WHOLE),
}
_ERROR: Final = re.compile(r"Code: (?P<code>\d+)\. (?:DB::)?\w*Exception: (?P<reason>.*)", re.DOTALL)
_VERSION: Final = re.compile(r"\s*\(version .*\)\s*$")
_SCOPE: Final = re.compile(r"[:.]? In scope .*?(?= \([A-Z_]+\)|$)")
_NUMBER: Final = re.compile(r"^\[Errno -?\d+\] ")
_NO_ENTRY: Final = frozenset({"192", "193", "194", "516"})
"""Unknown user, wrong password, no password, and all of these in newer servers."""


class ClickHouseStore:
    """A database of a ClickHouse server; ``shown`` is its address as messages have it, without a password.

    Raises DataError where the address is none.
    """

    dialect: Dialect = ClickHouse()

    def __init__(self, address: str, shown: str) -> None:
        import httpx

        self._shown: Final = shown
        parts = urlsplit(address)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        secure = (
            options.pop("secure", "0").casefold() in ("1", "true", "yes") or parts.scheme == "clickhouses"
        )
        scheme = "https" if secure else "http"
        try:
            host, port = parts.hostname, parts.port or _PORTS[scheme]
        except ValueError:
            raise DataError(f"{quoted(shown)} has no port that is a number") from None
        if not host:
            raise DataError(f"{quoted(shown)} names no host: clickhouse://HOST:8123/DATABASE")
        user = unquote(parts.username or "") or os.environ.get(USER, "default")
        password = os.environ.get(PASSWORD, "") if parts.password is None else unquote(parts.password)
        self._options: Final = {**options, "database": unquote(parts.path.strip("/")) or "default", **_WHOLE}
        self._failures: Final = (httpx.HTTPError, httpx.InvalidURL)
        try:
            self._client: Final = httpx.Client(
                base_url=f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/",
                auth=httpx.BasicAuth(user, password),
                timeout=httpx.Timeout(**_TIMES),
                trust_env=False,
            )
        except httpx.InvalidURL as problem:
            raise unreadable(shown, problem) from None

    def columns(self, relation: str) -> Mapping[str, Column]:
        """The columns of what may stand behind FROM."""
        answer = self._answer(f"SELECT * FROM {relation} LIMIT 0")
        names, kinds = next(answer), next(answer)
        answer.close()
        return {name: column_of(kind) for name, kind in zip(names, kinds, strict=True)}

    def rows(self, sql: str) -> Iterator[Sequence[Any]]:
        """What a statement gives, as it arrives."""
        answer = self._answer(sql)
        next(answer)
        reads = [_reader(column_of(kind)) for kind in next(answer)]
        for row in answer:
            try:
                yield [None if cell is None else read(cell) for read, cell in zip(reads, row, strict=True)]
            except (ValueError, TypeError, ArithmeticError):
                raise self._strange(200) from None

    def close(self) -> None:
        """Ends the connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, sql: str) -> Generator[list[Any]]:
        """Names, types, and rows. It is whole, or DataError is raised."""
        seen = 0
        try:
            with self._client.stream(
                "POST", "/", params=self._options, content=f"{sql}\nFORMAT {_FORMAT}".encode()
            ) as answer:
                if answer.status_code != 200:
                    raise self._refused(_beginning(answer.iter_bytes()), answer.status_code)
                lines = _lines(answer.iter_bytes())
                for line in lines:
                    row = _row(line)
                    if row is None:
                        # What went wrong after the first rows stands where the next would be.
                        raise self._refused(_beginning(chain((line, b"\n"), lines)), 200)
                    if seen < _HEADINGS and not all(isinstance(cell, str) for cell in row):
                        raise self._strange(200)
                    yield row
                    seen += 1
        except self._failures as problem:
            where = " in the middle of the answer" if seen else ""
            raise DataError(f"{quoted(self._shown)} cannot be read{where}: {_in_words(problem)}") from None
        if seen < _HEADINGS:
            raise DataError(f"{quoted(self._shown)} cannot be read: its answer is empty")

    def _refused(self, said: str, status: int) -> DataError:
        found = _ERROR.search(said)
        if found is None:
            return self._strange(status)
        [first] = found["reason"].splitlines()[:1] or [""]
        # Some servers write it as a cell of one more row.
        reason = _SCOPE.sub("", _VERSION.sub("", first.rstrip('"]}'))).strip() or f"code {found['code']}"
        if len(reason) > _LONGEST_REASON:
            reason = reason[:_LONGEST_REASON] + "…"
        hint = f" (the password is taken from {PASSWORD})" if found["code"] in _NO_ENTRY else ""
        return DataError(f"{quoted(self._shown)} cannot be read: {reason}{hint}")

    def _strange(self, status: int) -> DataError:
        return DataError(
            f"{quoted(self._shown)} cannot be read: it answered with status {status}, and not as ClickHouse does"
        )


def _in_words(problem: Exception) -> str:
    """What a library says of a connection, without the system's number and in the middle of a sentence."""
    text = _NUMBER.sub("", str(problem)).rstrip(".") or type(problem).__name__
    return text if text[:2].isupper() else f"{text[:1].lower()}{text[1:]}"


def _row(line: bytes) -> list[Any] | None:
    try:
        row = json.loads(line.decode("utf-8", "replace"), parse_float=Decimal)
    except ValueError:
        return None
    return row if isinstance(row, list) else None


def column_of(kind: str) -> Column:
    """The column of a type, as ClickHouse writes it."""
    while (wrapped := _WRAPPED.fullmatch(kind)) is not None:
        kind = wrapped["inner"]
    # All of its times are counted from 1970 on; a zone only says how they are shown.
    if kind.startswith("DateTime"):
        return Column(kind=ColumnKind.INSTANT)
    decimal = _DECIMAL.fullmatch(kind)
    if decimal is not None and int(decimal["digits"]) <= _MOST_DIGITS:
        return Column(kind=ColumnKind.DECIMAL, places=int(decimal["places"]))
    return Column(kind=_KINDS.get(kind, ColumnKind.OTHER))


def _reader(column: Column) -> Callable[[Any], Any]:
    match column.kind:
        case ColumnKind.WHOLE:
            # A server may be set to write long ones as texts.
            return int
        case ColumnKind.DECIMAL:
            return Decimal
        case _:
            return _plain


def _plain(cell: Any) -> Any:
    return json.dumps(cell, default=str) if isinstance(cell, list | dict) else cell


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Lines of an answer, of which no more is held than the last piece and what is left of the one before."""
    left = b""
    for piece in pieces:
        *whole, left = (left + piece).split(b"\n")
        yield from filter(None, whole)
    if left:
        yield left


def _beginning(pieces: Iterable[bytes]) -> str:
    found = b""
    for piece in pieces:
        found += piece
        if len(found) >= _LONGEST_ERROR:
            break
    return found[:_LONGEST_ERROR].decode("utf-8", "replace")
