"""Metrics as text, with timestamps: OpenMetrics (``.om``, seconds) and Prometheus' own form (``.prom``, milliseconds).

A sample is a row with the columns ``time``, ``metric`` (its name), ``value``, and one for each of its labels.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from wsla.evaluation.encoding import DataError, History
from wsla.sources.files.jsonl import numbered_lines
from wsla.sources.files.metrics import MetricRows
from wsla.sources.files.packed import opened
from wsla.sources.files.table import Meter, Request
from wsla.values.instants import format_instant

_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL: Final = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,\s*\}|,|\})')
_NO_LABELS: Final = re.compile(r"\s*\}")
_NUMBERS: Final = re.compile(r"\s*(\S+)(?:[ \t]+([-+0-9.eE]+))?\s*(?:#\s.*)?")
_ESCAPES: Final = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
_ESCAPE: Final = re.compile(r"\\.")
_NO_SAMPLE: Final = 'the line is no sample such as up{region="eu"} 1 1772625600.000'
_NOT_UTF8: Final = "the line is not written in UTF-8"
_END: Final = b"# EOF"
_MOST_DIGITS: Final = 30


def read_openmetrics(wanted: Request, size: int, *, seconds: bool) -> History:
    """The samples in a file, packed or not. Raises DataError where it is empty, or OpenMetrics is cut short."""
    meter = Meter(wanted.progress, size)
    rows = MetricRows(wanted)
    last = b""
    with opened(wanted.path) as (content, raw):
        for number, line in numbered_lines(wanted, content, raw, meter):
            last = line
            if line.startswith(b"#"):
                continue
            try:
                row = sample(line.decode("utf-8"), seconds=seconds)
            except UnicodeDecodeError:
                rows.reject(number, _NOT_UTF8, line.decode("utf-8", "replace"))
                continue
            if row is None:
                rows.reject(number, _NO_SAMPLE, line.decode("utf-8"))
            else:
                rows.add(number, row)
    if not last:
        raise DataError(f"{wanted.shown} is empty")
    if seconds and last != _END:
        raise DataError(f"{wanted.shown} is cut short: OpenMetrics ends with the line `# EOF`")
    meter.finish()
    return rows.finish()


def sample(line: str, *, seconds: bool) -> dict[str, object] | None:
    """The cells of a line; None where it is no sample. ``seconds`` says what timestamps count, else milliseconds."""
    name = _NAME.match(line)
    if name is None:
        return None
    position = name.end()
    labels: dict[str, object] = {}
    if line[position : position + 1] == "{":
        position += 1
        ends = _NO_LABELS.match(line, position)
        while ends is None:
            found = _LABEL.match(line, position)
            if found is None:
                return None
            labels[found[1]] = _ESCAPE.sub(lambda escaped: _ESCAPES.get(escaped[0], escaped[0]), found[2])
            position = found.end()
            ends = found if found[3].endswith("}") else None
        position = ends.end()
    elif not line[position : position + 1].isspace():
        return None
    numbers = _NUMBERS.fullmatch(line, position)
    if numbers is None:
        return None
    try:
        time = None if numbers[2] is None else written_instant(numbers[2], 10**9 if seconds else 10**6)
        value = written_value(numbers[1])
    except ArithmeticError:
        return None
    return {**labels, "time": time, "metric": name[0], "value": value}


def written_instant(count: str | int | Decimal, unit: int) -> str:
    """A count of ``unit`` nanoseconds since 1970 as RFC 3339. Raises ArithmeticError for what is no such number."""
    nanoseconds = Decimal(count) * unit
    if nanoseconds != nanoseconds.to_integral_value() or abs(nanoseconds) >= 2**63:
        raise ArithmeticError
    return format_instant(int(nanoseconds))


def written_value(text: str) -> str:
    """A number as it is written, but whole ones without a point: ``1.0`` may be a truth. Raises ArithmeticError."""
    value = Decimal(text)
    if value.is_finite() and abs(value.adjusted()) < _MOST_DIGITS and value == value.to_integral_value():
        return str(int(value))
    return text
