"""Formulas over the fields of one record, and the clock that can be paused (rules M4 and M9)."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from wsla.analysis.operations import DUE_WITHIN, Due, Elapsed, SourceField, Value
from wsla.evaluation.reference.pointwise import Leaf, value_of
from wsla.evaluation.reference.streams import Record
from wsla.evaluation.reference.windows import filtered
from wsla.plan.model import Plan
from wsla.values.instants import DAY, Interval
from wsla.values.intervals import Intervals, length, normalise, subtract


def of_record(plan: Plan, index: int, record: Record) -> Value:
    """The value of a formula for one record: its fields have the values of its latest version (M4)."""

    def leaf(position: int, node: Leaf) -> Value:
        match node:
            case SourceField():
                values = record.latest.values
                if node.field not in values and node.field == plan.source(node.source).at:
                    return Fraction(record.latest.at)
                return values[node.field]
            case Due():
                return due(plan, node, record)
            case Elapsed():
                return elapsed(plan, node, record)
            case _:
                raise TypeError("a formula over records combines with scalars only")

    return value_of(plan.operations, index, leaf)


def elapsed(plan: Plan, node: Elapsed, record: Record) -> Value:
    """M9: kept time between two instants of a record, in nanoseconds."""
    a = of_record(plan, node.start, record)
    b = of_record(plan, node.end, record)
    # Unknown where an instant is, zero where the end is before the start.
    if a is None or b is None:
        return None
    start, end = int(a), int(b)
    if end <= start:
        return Fraction(0)
    kept = filtered(plan, (Interval(start, end),), node.filter)
    return Fraction(length(subtract(kept, paused(plan, node, record, end))))


def due(plan: Plan, node: Due, record: Record) -> Value:
    """M95: the first instant at which the kept time since another has reached a length."""
    start = of_record(plan, node.start, record)
    wanted = of_record(plan, node.end, record)
    if start is None or wanted is None:
        return None
    first, missing = int(start), ceil(Fraction(wanted))
    if missing <= 0:
        return Fraction(first)
    last, step = first + DUE_WITHIN, max(missing, DAY)
    for part in range(first, last, step):
        for stretch in filtered(plan, (Interval(part, min(part + step, last)),), node.filter):
            if missing <= stretch.length:
                return Fraction(stretch.start + missing)
            missing -= stretch.length
    return None


def paused(plan: Plan, node: Elapsed, record: Record, end: int) -> Intervals:
    """The time before ``end`` in which the clock stands: where ``pausing while`` is true, not where it is unknown."""
    if node.pausing is None:
        return ()
    found = []
    for i, version in enumerate(record.versions):
        # M4: each version holds from its instant until the next version, the last one for ever.
        until = record.versions[i + 1].at if i + 1 < len(record.versions) else max(version.at, end)
        so_far = Record(key=record.key, labels=record.labels, versions=record.versions[: i + 1])
        if of_record(plan, node.pausing, so_far) is True:
            found.append(Interval(version.at, until))
    return normalise(found)
