"""The windows that the outages of a condition are (rule M59)."""

from __future__ import annotations

from collections.abc import Sequence

from wsla.analysis.operations import LONGEST_OUTAGE, Value
from wsla.evaluation.reference.aggregates import Segment
from wsla.values.instants import Interval


def outage_windows(segments: Sequence[Segment], term_end: int | None) -> list[Interval]:
    """M59: from the instant from which it is false to the next at which it is true; unknown ends nothing.

    ``segments`` are the condition in the term, up to the instant asked about.
    """
    found: list[Interval] = []
    before: Value = None
    begun: int | None = None
    for time, value in segments:
        if begun is not None and time.start >= begun + LONGEST_OUTAGE:
            found.append(Interval(begun, begun + LONGEST_OUTAGE))
            begun = None
        if value is False and before is not False:
            begun = time.start
        elif value is True and begun is not None:
            found.append(Interval(begun, time.start))
            begun = None
        before = before if value is None else value
    if begun is not None:
        # How long it lasts is not known: until the end of the term, or as long as an outage can last.
        latest = begun + LONGEST_OUTAGE
        found.append(Interval(begun, latest if term_end is None else min(latest, term_end)))
    return found
