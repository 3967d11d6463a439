"""Charts in characters: a point a window between two scales, the goal's line, verdicts below, then what was booked."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from wsla.cli import show
from wsla.cli.paint import Paint
from wsla.cli.pictures.charts import Chart, Mark
from wsla.values.calendars import find_zone
from wsla.values.instants import format_instant

ROWS = 7
WIDEST = 60
_MOST_BOOKINGS = 6


def draw(charts: Iterable[Chart], zone: str, paint: Paint) -> str:
    """All charts, one below the other."""
    return "\n\n".join("\n".join(_chart(chart, zone, paint)) for chart in charts)


def _chart(chart: Chart, zone: str, paint: Paint) -> list[str]:
    count = len(chart.marks)
    # A few windows get several characters each, so that they can be told apart.
    cells = min(count, WIDEST)
    wide = max(1, min(6, WIDEST // cells))
    shared = [chart.marks[n * count // cells : (n + 1) * count // cells] for n in range(cells)]
    worst = [chart.worst(marks) for marks in shared]
    lines = [paint.text(chart.title, bold=True)]
    margin = 0
    if chart.range is not None:
        plot, margin = _plot(chart, worst, wide, paint)
        lines += plot
    verdicts = "".join(
        paint.text(paint.cell_of(mark.verdict) * wide, show.STYLES.get(mark.verdict)) for mark in worst
    )
    lines.append(" " * margin + verdicts)
    zone_info = find_zone(zone)
    first, last = (format_instant(at, zone_info)[:16] for at in (chart.extent.start, chart.extent.end))
    gap = max(1, cells * wide - len(first) - len(last))
    lines.append(" " * margin + paint.faint(first + " " * gap + last))
    for booking in chart.bookings[:_MOST_BOOKINGS]:
        at = format_instant(booking.at, zone_info)[:16]
        text = f"{at}  {booking.text}"
        lines.append(" " * margin + paint.text(text, "red" if booking.missed else "green"))
    if len(chart.bookings) > _MOST_BOOKINGS:
        more = len(chart.bookings) - _MOST_BOOKINGS
        lines.append(" " * margin + paint.faint(f"and {more} more entries"))
    return lines


def _plot(chart: Chart, worst: list[Mark], wide: int, paint: Paint) -> tuple[list[str], int]:
    """(the rows from the greatest value down, how many characters stand before the plot)."""
    assert chart.range is not None
    low, high = chart.range
    rows = ROWS if high > low else 1

    def row_of(value: Fraction) -> int:
        return 0 if high == low else int((high - value) * (rows - 1) / (high - low) + Fraction(1, 2))

    axis = {row_of(low): chart.text(low), row_of(high): chart.text(high)}
    line = None if chart.line is None else row_of(chart.line)
    if line is not None and chart.line is not None:
        axis[line] = chart.text(chart.line)
    margin = max(len(text) for text in axis.values()) + 3
    point, rule, bar = ("●", "─", "│") if paint.blocks else ("*", "-", "|")
    lines = []
    for row in range(rows):
        cells = []
        for mark in worst:
            if mark.value is not None and row_of(mark.value) == row:
                left = (wide - 1) // 2
                fill = rule if row == line else " "
                shown = paint.text(point, show.STYLES.get(mark.verdict))
                cells.append(_ruled(fill * left, paint) + shown + _ruled(fill * (wide - 1 - left), paint))
            else:
                cells.append(_ruled((rule if row == line else " ") * wide, paint))
        label = axis.get(row, "").rjust(margin - 3)
        lines.append(f"{label} {bar} {''.join(cells)}".rstrip())
    return lines, margin


def _ruled(text: str, paint: Paint) -> str:
    return paint.faint(text) if text.strip() else text
