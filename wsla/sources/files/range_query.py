"""A range query of a store that speaks PromQL: ``prometheus+http://HOST:PORT?query=…&step=…&start=…&end=…``.

A point is a row with the columns ``time``, ``value``, and one for each label of its series (``metric`` is its name).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from wsla.evaluation.encoding import DataError, History, quoted
from wsla.sources.files.metrics import MetricRows
from wsla.sources.files.openmetrics import written_instant, written_value
from wsla.sources.files.table import Meter, Request
from wsla.values.instants import MILLISECOND, SECOND, LocalTimeError, parse_instant
from wsla.values.quantities import TIME, QuantityError, parse_quantity

_POINTS_AT_ONCE: Final = 10_000
_SECONDS_TO_ANSWER: Final = 120
_LIKE: Final = {
    "query": "up",
    "step": "1m",
    "start": "2026-03-01T00:00:00Z",
    "end": "2026-04-01T00:00:00Z",
}
"""What an address has to say, each with an example."""
_INSTANT: Final = ("vector", "scalar", "string")
"""The types of answers that hold one instant; one over a range is a matrix."""


def read_range_query(wanted: Request) -> History:
    """The points of a query from ``start`` to before ``end``, one each ``step``. Raises DataError."""
    rows = MetricRows(wanted)
    meter = Meter(wanted.progress, 0)
    options = dict(parse_qsl(urlsplit(wanted.path).query, keep_blank_values=True))
    for number, row in enumerate(points_of(wanted, options), 1):
        meter.count()
        rows.add(number, row)
    meter.finish()
    return rows.finish()


def points_of(wanted: Request, options: Mapping[str, str]) -> Iterator[Mapping[str, object]]:
    """The points that the options of an address ask for, of the server of that address. Raises DataError."""
    options = dict(options)
    parts = urlsplit(wanted.path)
    shown = f"{parts.scheme.removeprefix('prometheus+')}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    missing = [name for name in _LIKE if not options.get(name)]
    if missing:
        wanting = "&".join(f"{name}={_LIKE[name]}" for name in missing)
        raise DataError(
            f"the address {quoted(shown)} does not say {' and '.join(missing)}: write …?{wanting} behind it"
        )
    step = _step(options.pop("step"), shown)
    start, end = (_moment(wanted, options.pop(name), name, shown) for name in ("start", "end"))
    query = options.pop("query")
    rest = urlencode(options)
    path = f"{parts.path.rstrip('/')}/api/v1/query_range"
    address = urlunsplit((parts.scheme.removeprefix("prometheus+"), parts.netloc, path, rest, ""))
    return _points(address, shown, query, (start, end, step))


def _points(
    address: str, shown: str, query: str, stretch: tuple[int, int, int]
) -> Iterator[Mapping[str, object]]:
    import httpx

    start, end, step = stretch
    # A password stays out of messages, so it stays out of the address.
    with httpx.Client(timeout=_SECONDS_TO_ANSWER, trust_env=False) as client:
        for begin in range(start, end, _POINTS_AT_ONCE * step):
            last = begin + (min(_POINTS_AT_ONCE, -(-(end - begin) // step)) - 1) * step
            form = {"query": query, "start": _seconds(begin), "end": _seconds(last), "step": _seconds(step)}
            try:
                answer = client.post(address, data=form)
                found = json.loads(answer.text, parse_float=Decimal)
            except (httpx.HTTPError, httpx.InvalidURL) as problem:
                raise DataError(
                    f"{quoted(shown)} does not answer: {str(problem) or type(problem).__name__}"
                ) from None
            except ValueError:
                raise DataError(
                    f"{quoted(shown)} gives no answer of Prometheus (status {answer.status_code})"
                ) from None
            yield from rows_of_answer(found, shown)


def rows_of_answer(answer: Any, shown: str) -> Iterator[Mapping[str, object]]:
    """The points of an answer that was read as JSON, numbers as decimals. Raises DataError."""
    if not isinstance(answer, dict) or answer.get("status") != "success":
        said = answer.get("error") if isinstance(answer, dict) else None
        raise DataError(f"{quoted(shown)} refuses the query: {said or 'no reason given'}")
    data = answer.get("data")
    kind = data.get("resultType") if isinstance(data, dict) else None
    if kind in _INSTANT:
        raise DataError(
            f"{quoted(shown)} answers a query for one instant (resultType {kind}); "
            "what is read is a range query, /api/v1/query_range"
        )
    try:
        for series in answer["data"]["result"]:
            labels = dict(series["metric"])
            name = labels.pop("__name__", None)
            for time, text in series["values"]:
                yield {
                    **labels,
                    "metric": name,
                    "time": written_instant(time, SECOND),
                    "value": written_value(text),
                }
    except (KeyError, TypeError, ValueError, ArithmeticError):
        raise DataError(f"{quoted(shown)} gives no answer of Prometheus") from None


def _step(text: str, shown: str) -> int:
    try:
        quantity = parse_quantity(text if text[-1:].isalpha() else f"{text}s")
    except QuantityError:
        quantity = None
    if quantity is None or quantity.dimension != TIME or not _is_whole(quantity.value):
        raise DataError(f"the address {quoted(shown)} has no step such as 30s or 1m, but {quoted(text)}")
    return int(quantity.value)


def _is_whole(nanoseconds: Fraction) -> bool:
    return nanoseconds > 0 and nanoseconds % MILLISECOND == 0


def _moment(wanted: Request, text: str, name: str, shown: str) -> int:
    try:
        instant = parse_instant(text, wanted.zone)
    except LocalTimeError:
        raise DataError(
            f"the address {quoted(shown)} has a {name} without an offset: {quoted(text)}; "
            "write it as 2026-03-04T10:00:00Z"
        ) from None
    except (ValueError, OverflowError):
        raise DataError(f"the address {quoted(shown)} has no {name} such as 2026-03-04T10:00:00Z") from None
    if instant % MILLISECOND:
        raise DataError(f"the address {quoted(shown)} has a {name} that is finer than a millisecond")
    return instant


def _seconds(nanoseconds: int) -> str:
    whole, milliseconds = divmod(nanoseconds // MILLISECOND, 1000)
    return f"{whole}.{milliseconds:03}"
