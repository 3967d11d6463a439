"""Charts as an SVG or PNG file, drawn by Matplotlib, which is imported with this module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from wsla.cli.pictures.charts import CannotDraw, Chart, Mark
from wsla.evaluation.verdicts import Verdict
from wsla.values.calendars import find_zone
from wsla.values.instants import SECOND

# Told apart by those who see no red and green, too.
_GOOD, _RISK, _BAD, _NONE = "#1b7837", "#e6a100", "#b2182b", "#9a9a9a"
_COLOURS: Final = {
    Verdict.MET: _GOOD,
    Verdict.SECURED: _GOOD,
    Verdict.ON_TRACK: _GOOD,
    Verdict.AT_RISK: _RISK,
    Verdict.UNKNOWN: _RISK,
    Verdict.VIOLATED: _BAD,
    Verdict.LOST: _BAD,
    Verdict.NOT_APPLICABLE: _NONE,
}
# More windows than that are drawn as one line: nobody tells them apart.
_MOST_LEVELS: Final = 400
_MOST_EDGES: Final = 60
_MOST_CHARTS: Final = 40


def save(charts: Sequence[Chart], zone: str, title: str, path: Path) -> None:
    """Writes a picture of the charts, one below the other. Raises CannotDraw."""
    if len(charts) > _MOST_CHARTS:
        raise CannotDraw(
            f"{len(charts)} charts do not fit into one picture: {_MOST_CHARTS} at most; take fewer goals or labels"
        )
    # The same history gives the same file.
    settings: Any = {"svg.hashsalt": "wsla", "svg.fonttype": "none", "font.size": 9, "timezone": zone}
    with mpl.rc_context(settings):
        figure = Figure(figsize=(10, 0.8 + 2.2 * len(charts)), layout="constrained")
        figure.suptitle(title, fontsize=11, fontweight="bold")
        _legend(figure, charts)
        panels = figure.subplots(len(charts), 1, squeeze=False)
        for chart, panel in zip(charts, panels[:, 0], strict=True):
            _draw(chart, panel, find_zone(zone))
        kind = path.suffix.casefold().removeprefix(".")
        metadata = {"Date": None} if kind == "svg" else {"Software": "wsla"}
        try:
            figure.savefig(path, format=kind, dpi=130, metadata=metadata)
        except OSError as problem:
            raise CannotDraw(f"{path} cannot be written: {problem.strerror or problem}") from None


def _draw(chart: Chart, panel: Any, zone: ZoneInfo) -> None:
    panel.set_title(chart.title, loc="left", fontsize=9)
    for start, end, colour in _runs(chart.marks):
        alpha = 0.3 if colour == _BAD else 0.12
        panel.axvspan(_moment(start, zone), _moment(end, zone), color=colour, alpha=alpha, lw=0)
    points = [mark for mark in chart.marks if mark.value is not None]
    # What is drawn needs no exactness; verdicts were made before.
    values = [float(mark.value or 0) for mark in points]
    starts = [_moment(mark.window.start, zone) for mark in points]
    ends = [_moment(mark.window.end, zone) for mark in points]
    if len(points) > _MOST_LEVELS:
        panel.plot(ends, values, color="#333333", lw=0.7)
    elif points:
        colours = [_COLOURS[mark.verdict] for mark in points]
        panel.hlines(values, starts, ends, colors=colours, lw=2.5, zorder=2)
        for edge in starts[1:] if len(points) <= _MOST_EDGES else ():
            panel.axvline(edge, color="white", lw=1)
    if chart.line is not None and points:
        label = f"goal {chart.text(chart.line)}"
        panel.axhline(float(chart.line), color="#333333", lw=1, ls="--")
        panel.annotate(
            label, (0.005, float(chart.line)), xycoords=("axes fraction", "data"), va="bottom", fontsize=8
        )
    for booking in chart.bookings:
        panel.annotate(
            booking.text,
            (_moment(booking.at, zone), 0.97),
            xycoords=("data", "axes fraction"),
            rotation=90,
            ha="right",
            va="top",
            fontsize=7,
            color=_BAD if booking.missed else _GOOD,
        )
    panel.set_xlim(_moment(chart.extent.start, zone), _moment(chart.extent.end, zone))
    _scale(chart, panel)
    panel.spines[["top", "right"]].set_visible(False)


def _scale(chart: Chart, panel: Any) -> None:
    """The axis of values, in the goal's units; a share has none above 100 %."""
    if chart.range is None:
        panel.set_yticks([])
        return
    low, high = (float(bound) for bound in chart.range)
    room = (high - low) * 0.1 or abs(high) * 0.01 or 1.0
    panel.set_ylim(low - room, high + room)

    def label(value: float, _position: object) -> str:
        return "" if chart.is_share and value > 1 else chart.text(Fraction(value).limit_denominator(10**9))

    panel.yaxis.set_major_formatter(FuncFormatter(label))


def _legend(figure: Any, charts: Sequence[Chart]) -> None:
    """What the colours mean, of those that are there."""
    seen = {mark.verdict for chart in charts for mark in chart.marks}
    names: dict[str, list[str]] = {}
    for verdict in Verdict:
        if verdict in seen:
            names.setdefault(_COLOURS[verdict], []).append(verdict.value)
    patches = [Patch(color=colour, alpha=0.4, label=", ".join(said)) for colour, said in names.items()]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), fontsize=8, frameon=False)


def _runs(marks: Sequence[Mark]) -> Iterator[tuple[int, int, str]]:
    """Stretches of windows of one colour."""
    for colour, run in groupby(marks, key=lambda mark: _COLOURS[mark.verdict]):
        same = list(run)
        yield same[0].window.start, max(mark.window.end for mark in same), colour


def _moment(at: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at / SECOND, zone)
