"""What Prometheus has recorded: ``prometheus:FILE``, a saved answer, or ``prometheus:http://HOST?start=…&end=…``.

An address without a query is asked for the queries of the source's own fields.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from attrs import evolve

from wsla.evaluation.encoding import DataError, History
from wsla.sources.files.metrics import VALUE, MetricRows, value_columns
from wsla.sources.files.packed import check_file, opened
from wsla.sources.files.places import PROMETHEUS
from wsla.sources.files.range_query import points_of, read_range_query, rows_of_answer
from wsla.sources.files.table import Meter, Request
from wsla.values.instants import SECOND

_WEB: Final = ("http://", "https://")
_LARGEST: Final = 1024 * 1024 * 1024


def read_prometheus(wanted: Request) -> History:
    """The points of a saved answer, or of queries. Raises DataError."""
    place = wanted.path.removeprefix(PROMETHEUS)
    if not place.startswith(_WEB):
        return _read_file(evolve(wanted, path=place))
    parts = urlsplit(place)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    every = wanted.source.every
    if "step" not in options and every is not None:
        options["step"] = f"{Decimal(every) / SECOND:f}s"
    address = urlunsplit((f"prometheus+{parts.scheme}", parts.netloc, parts.path, urlencode(options), ""))
    asked = evolve(wanted, path=address)
    if options.get("query"):
        return read_range_query(_of_one_value(asked))
    return _read_queries(asked, options)


def _read_queries(wanted: Request, options: Mapping[str, str]) -> History:
    """Asks for each field what stands in the agreement; the answers are put together by instant and labels."""
    if wanted.source.kind != "prometheus":
        raise DataError(
            f"the source `{wanted.source.name}` is of kind {wanted.source.kind}, so there has to be a query: "
            "write …?query=…&step=1m&start=…&end=…"
        )
    rows = MetricRows(wanted)
    meter = Meter(wanted.progress, 0)
    number = 0
    for query in value_columns(wanted):
        for row in points_of(wanted, {**options, "query": query}):
            number += 1
            meter.count()
            rows.add(number, {**row, "metric": query})
    meter.finish()
    return rows.finish()


def _read_file(wanted: Request) -> History:
    size = check_file(wanted.path)
    if size > _LARGEST:
        raise DataError(f"{wanted.shown} is larger than {_LARGEST // 1024**3} GiB")
    wanted = _of_one_value(wanted)
    rows = MetricRows(wanted)
    meter = Meter(wanted.progress, size)
    for number, row in enumerate(_rows_of(wanted), 1):
        meter.count()
        rows.add(number, row)
    meter.finish()
    return rows.finish()


def _rows_of(wanted: Request) -> Iterator[Mapping[str, object]]:
    with opened(wanted.path) as (content, _):
        try:
            answer = json.loads(content.read(_LARGEST + 1), parse_float=Decimal)
        except (ValueError, InvalidOperation, RecursionError):
            raise DataError(f"{wanted.shown} is no JSON, as a range query of Prometheus answers") from None
    return rows_of_answer(answer, wanted.path)


def _of_one_value(wanted: Request) -> Request:
    """With the only value of a source in the column of values: a saved answer does not say what was asked."""
    values = value_columns(wanted)
    if len(values) != 1:
        return wanted
    fields = (evolve(one, column=VALUE) if one.column == values[0] else one for one in wanted.fields)
    return evolve(wanted, fields=tuple(fields))
