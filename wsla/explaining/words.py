"""Values, lengths, windows and instants in the words of a reader, in the agreement's zone."""

from __future__ import annotations

from fractions import Fraction
from typing import assert_never

from wsla.analysis.operations import OutageWindow, Value, Window
from wsla.analysis.types import InstantType, NumberType, ValueType
from wsla.evaluation.verdicts import Labels
from wsla.values.calendars import (
    CalendarUnit,
    CalendarWindow,
    ExactWindow,
    OverlappingWindow,
    RollingWindow,
    find_zone,
    label_of,
)
from wsla.values.instants import MILLISECOND, SECOND, Interval, format_instant, format_length
from wsla.values.quantities import DIMENSIONLESS, TIME, Dimension, format_percentage, format_quantity

_MOST_SHOWN = 80


def value_words(value: Value, kind: ValueType, apart_from: Fraction | None = None) -> str:
    """A value in the language's own units; ``apart_from`` keeps a missed share from looking like its target."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(kind, InstantType):
        return format_instant(int(value))
    if isinstance(kind, NumberType) and kind.share:
        return plainly(format_percentage(Fraction(value), apart_from=apart_from))
    dimension = kind.dimension if isinstance(kind, NumberType) else DIMENSIONLESS
    return number_words(Fraction(value), dimension)


def number_words(value: Fraction, dimension: Dimension) -> str:
    """A number in base units, lengths to the millisecond."""
    if dimension == TIME:
        return length_words(value)
    return plainly(format_quantity(value, dimension))


def length_words(nanoseconds: Fraction | int) -> str:
    """A length, as exact as one reads it: to the millisecond from a second on."""
    exact = Fraction(nanoseconds)
    step = MILLISECOND if abs(exact) >= SECOND else 1
    shown = round(exact / step) * step
    return f"{'' if shown == exact else 'about '}{format_length(shown)}"


def plainly(text: str) -> str:
    """``about 3.3`` for the ``~3.3`` of a rounded number."""
    return f"about {text[1:]}" if text.startswith("~") else text


def share_words(share: Fraction) -> str:
    """A share of time or items, as a percentage."""
    return plainly(format_percentage(share, 2))


def bound_words(lower: Value, upper: Value, kind: ValueType) -> str:
    """What a value may be, whatever the unknown part was."""
    least = None if lower is None else value_words(lower, kind)
    most = None if upper is None else value_words(upper, kind)
    if least is None and most is None:
        return "without bounds"
    if least is None:
        return f"at most {most}"
    return f"at least {least}" if most is None else f"{least} to {most}"


def window_words(window: Interval, zone_name: str) -> str:
    """``2026-03`` for a period of the calendar, otherwise its bounds."""
    units = (CalendarUnit.MONTH, CalendarUnit.DAY, CalendarUnit.QUARTER, CalendarUnit.YEAR, CalendarUnit.WEEK)
    for unit in units:
        label = label_of(window, unit, zone_name)
        if ".." not in label:
            return label
    return stretch_words(window, zone_name)


def stretch_words(stretch: Interval, zone_name: str) -> str:
    """``2026-03-04 10:00 to 11:30``: what both ends share of the date is said once."""
    start, end = instant_words(stretch.start, zone_name), instant_words(stretch.end, zone_name)
    if start[:10] == end[:10] and start[16:] == end[16:]:
        end = end[11:]
    return f"{start} to {end}"


def instant_words(instant: int, zone_name: str) -> str:
    """``2026-03-04 10:00``: local time, with seconds only where there are any."""
    day, _, rest = format_instant(instant, find_zone(zone_name)).partition("T")
    return f"{day} {rest[:5] if rest[5:8] == ':00' and rest[8] != '.' else rest[:-6]}"


def labels_words(labels: Labels) -> str:
    """``region=eu service=web``."""
    return " ".join(f"{name}={value}" for name, value in labels)


def window_kind_words(window: Window) -> str:
    """``each month``, ``each 90m``, ``over last 7d every 1h``."""
    match window:
        case CalendarWindow(unit=unit, count=count):
            return f"each {unit.value}" if count == 1 else f"each {count} {unit.value}s"
        case ExactWindow(length_ns=size):
            return f"each {format_length(size)}"
        case OverlappingWindow(period=period, count=count):
            return f"over last {count} {period.unit.value}s"
        case RollingWindow(length_ns=size, every_ns=every):
            return f"over last {format_length(size)} every {format_length(every)}"
        case OutageWindow():
            return "per outage"
        case _:
            assert_never(window)


def one_line(text: str) -> str:
    """A piece of an agreement on one line."""
    return " ".join(text.split())


def shortened(text: str) -> str:
    """One line, cut where it is longer than a line of a screen."""
    line = one_line(text)
    return line if len(line) <= _MOST_SHOWN else f"{line[: _MOST_SHOWN - 1].rstrip()}…"


def count_words(count: int, word: str) -> str:
    """``1 window``, ``2 windows``, ``2 entries``."""
    if count == 1:
        return f"1 {word}"
    return f"{count} {word[:-1]}ies" if word.endswith("ry") else f"{count} {word}s"
