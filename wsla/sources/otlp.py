"""Metrics as OpenTelemetry sends them (OTLP), taken apart into the rows of push sources."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, frozen

from wsla.analysis.checked import Source
from wsla.sources.pushed import TooManyRows, Unreadable
from wsla.values.instants import format_instant

if TYPE_CHECKING:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

MOST_POINTS: Final = 50_000
"""Data points that one request may hold."""
_NOT_RECORDED: Final = 1
_DELTA: Final = 1
_LAST: Final = 2**63 - 1
_OTHER: Final = re.compile(r"[^A-Za-z0-9_]")
_BOUND: Final = ".le."

Attributes = Mapping[str, str]
Number = int | float | None


@frozen(kw_only=True)
class Point:
    """A data point. ``values`` holds what it says, by what stands behind the name of the metric.

    That is nothing, or of distributions ``.count``, ``.sum``, ``.min``, ``.max`` and ``.le.BOUND``. ``began`` is the
    instant at which a cumulative sum was zero.
    """

    metric: str
    attributes: Attributes
    at: int
    values: Mapping[str, Number]
    began: int | None = None


@frozen(kw_only=True)
class Unfit:
    """A data point that nobody can take, and why."""

    metric: str
    reason: str


@define
class Rows:
    """What of a request is for one source: rows as they are pushed, and beside each how many data points are in it.

    ``unfit`` are data points that are meant for the source, and cannot be its rows.
    """

    source: Source
    rows: list[dict[str, object]] = field(factory=list)
    points: list[int] = field(factory=list)
    unfit: list[str] = field(factory=list)


def unpacked(body: bytes, largest: int) -> bytes:
    """A body that is packed by gzip. Raises Unreadable, and TooManyRows for more than ``largest`` bytes."""
    unpacking = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        found = unpacking.decompress(body, largest + 1)
    except zlib.error:
        raise Unreadable("this is not packed by gzip") from None
    if len(found) > largest:
        raise TooManyRows(f"unpacked there are more than {largest} bytes: send less at once")
    if not unpacking.eof:
        raise Unreadable("what was packed is cut short")
    return found


def read_request(body: bytes, *, json: bool) -> ExportMetricsServiceRequest:
    """The request in a body, in Protobuf or JSON. Raises Unreadable."""
    from google.protobuf.json_format import Parse, ParseError
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    request = ExportMetricsServiceRequest()
    try:
        if json:
            Parse(body.decode("utf-8"), request, ignore_unknown_fields=True)
        else:
            request.ParseFromString(body)
    except (ParseError, DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        raise Unreadable(f"this is no request with metrics in {'JSON' if json else 'Protobuf'}") from None
    return request


def points_of(request: ExportMetricsServiceRequest) -> list[Point | Unfit]:
    """Every data point. Raises TooManyRows where there are too many."""
    found: list[Point | Unfit] = []
    for one in _points(request):
        found.append(one)
        if len(found) > MOST_POINTS:
            raise TooManyRows(f"there are more than {MOST_POINTS} data points: send less at once")
    return found


def rows_for(source: Source, points: Sequence[Point | Unfit], since: int) -> Rows | None:
    """What is for one source; None where nothing is.

    A cumulative sum was zero when it began: where that is not before ``since`` it is a row of its own, of a source with
    one value.
    """
    if source.records:
        return None
    given = [x for x in source.fields if x.name != source.at]
    labels = [x for x in given if x.name in source.labels]
    wanted = {x.column or x.name: x.name for x in given if x.name not in source.labels}
    conditions = [_condition(str(value)) for name, value in source.options.items() if _is_condition(name)]
    collected: dict[tuple[tuple[str, ...], int], dict[str, object]] = {}
    counts: dict[tuple[tuple[str, ...], int], int] = {}
    found = Rows(source=source)
    for point in points:
        if isinstance(point, Unfit):
            if any(_is_called(point.metric, column) for column in wanted):
                found.unfit.append(point.reason)
            continue
        said = _said(point, wanted)
        if not said or not all(point.attributes.get(name) == value for name, value in conditions):
            continue
        texts = tuple(point.attributes.get(x.column or x.name, "") for x in labels)
        if "" in texts:
            lacking = labels[texts.index("")]
            found.unfit.append(f"{point.metric} lacks the attribute {lacking.column or lacking.name}")
            continue
        row = collected.setdefault((texts, point.at), {})
        if any(name in row and row[name] != value for name, value in said.items()):
            found.unfit.append(
                f"{point.metric} has several values at {format_instant(point.at)} that no label tells apart"
            )
            continue
        row.update(said)
        counts[texts, point.at] = counts.get((texts, point.at), 0) + 1
        if len(wanted) == 1 and point.began is not None and since <= point.began < point.at:
            collected.setdefault((texts, point.began), dict.fromkeys(said, 0))
            counts.setdefault((texts, point.began), 0)
    names = [x.name for x in labels]
    for (texts, at), values in collected.items():
        empty: dict[str, object] = dict.fromkeys(wanted.values())
        row = {source.at: format_instant(at), **dict(zip(names, texts, strict=True)), **empty, **values}
        found.rows.append(row)
        found.points.append(counts[texts, at])
    return found if found.rows or found.unfit else None


def _is_condition(option: str) -> bool:
    return option.partition(" ")[0] == "only"


def _condition(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()


def _is_called(metric: str, column: str) -> bool:
    """True where a column is a metric, or a part of what it says: ``http.server.duration.count``."""
    plain = _OTHER.sub("_", metric)
    return column in (metric, plain) or column.startswith((f"{metric}.", f"{plain}."))


def _said(point: Point, wanted: Mapping[str, str]) -> dict[str, object]:
    """The values of a data point by the names of the fields that they are for."""
    said: dict[str, object] = {}
    for column, name in wanted.items():
        if not _is_called(point.metric, column):
            continue
        for called in (point.metric, _OTHER.sub("_", point.metric)):
            rest = column.removeprefix(called)
            if column.startswith(called) and rest in point.values:
                said[name] = point.values[rest]
            elif column.startswith(called) and rest.startswith(_BOUND):
                bound = _as_number(rest.removeprefix(_BOUND))
                for key, value in point.values.items():
                    if key.startswith(_BOUND) and float(key.removeprefix(_BOUND)) == bound:
                        said[name] = value
    return said


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _points(request: ExportMetricsServiceRequest) -> Iterator[Point | Unfit]:
    for resource in request.resource_metrics:
        of_resource = _attributes(resource.resource.attributes)
        for scope in resource.scope_metrics:
            of_scope = {**of_resource, **_attributes(scope.scope.attributes)}
            if scope.scope.name:
                of_scope.setdefault("otel.scope.name", scope.scope.name)
                of_scope.setdefault("otel_scope_name", scope.scope.name)
            for metric in scope.metrics:
                yield from _of_metric(metric, of_scope)


def _of_metric(metric: Any, attributes: Attributes) -> Iterator[Point | Unfit]:
    kind = metric.WhichOneof("data")
    if kind is None:
        return
    data = getattr(metric, kind)
    # Gauges and summaries have no temporality.
    temporality = getattr(data, "aggregation_temporality", None)
    for one in data.data_points:
        if temporality == 0:
            yield Unfit(metric=metric.name, reason=f"{metric.name} does not say what its values count from")
            continue
        if not 0 < one.time_unix_nano <= _LAST:
            yield Unfit(metric=metric.name, reason=f"{metric.name} has no time")
            continue
        if one.flags & _NOT_RECORDED:
            values: dict[str, Number] = dict.fromkeys(("", ".count", ".sum", ".min", ".max"))
        elif kind in ("gauge", "sum"):
            values = {"": _number(getattr(one, one.WhichOneof("value") or "as_int"))}
        else:
            values = _of_distribution(kind, one)
        # The zero before the first value is that of a counter: other sums may begin anywhere.
        counts = kind in ("sum", "histogram", "exponential_histogram") and temporality != _DELTA
        counts = counts and (kind != "sum" or data.is_monotonic)
        yield Point(
            metric=metric.name,
            attributes={**attributes, **_attributes(one.attributes)},
            at=one.time_unix_nano,
            values=values,
            began=one.start_time_unix_nano if counts and one.start_time_unix_nano else None,
        )


def _of_distribution(kind: str, one: Any) -> dict[str, Number]:
    """What of a histogram or a summary are plain numbers."""
    values: dict[str, Number] = {".count": one.count}
    if kind == "summary" or one.HasField("sum"):
        values[".sum"] = _number(one.sum)
    if kind != "summary":
        values |= {f".{name}": _number(getattr(one, name)) for name in ("min", "max") if one.HasField(name)}
    if kind == "histogram":
        below = 0
        for bound, count in zip(one.explicit_bounds, one.bucket_counts, strict=False):
            below += count
            values[f"{_BOUND}{bound!r}"] = below
    return values


def _number(value: float) -> Number:
    """A number that is whole is written without a point, so that 1.0 is a truth; what is none is unknown."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    return value


def _attributes(attributes: Any) -> dict[str, str]:
    """Attributes as texts, by their keys, and by these with ``_`` for all else than letters and digits."""
    found: dict[str, str] = {}
    for one in attributes:
        match one.value.WhichOneof("value"):
            case "string_value":
                text = one.value.string_value
            case "bool_value":
                text = "true" if one.value.bool_value else "false"
            case "int_value":
                text = str(one.value.int_value)
            case "double_value":
                text = str(_number(one.value.double_value))
            case _:
                continue
        found[one.key] = text
        found[_OTHER.sub("_", one.key)] = text
    return found


def response(rejected: int, message: str, *, json: bool) -> bytes:
    """The answer to a request that was taken, with what of it was not."""
    from google.protobuf.json_format import MessageToJson
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

    answer = ExportMetricsServiceResponse()
    if rejected or message:
        answer.partial_success.rejected_data_points = rejected
        answer.partial_success.error_message = message
    return str(MessageToJson(answer)).encode() if json else bytes(answer.SerializeToString())


def failure(message: str) -> bytes:
    """What is said to somebody whose request was not taken: a ``google.rpc.Status`` in Protobuf."""
    text = message.encode("utf-8", "replace")
    size, length = len(text), bytearray()
    while size >= 0x80:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return b"\x12" + bytes(length) + text
