"""What an aggregate looks at in kept time: samples, records, or the windows of another series (M13 to M15)."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from wsla.analysis.operations import Aggregate, OutageWindow, Value
from wsla.analysis.types import BooleanType
from wsla.evaluation.reference import bounds
from wsla.evaluation.reference.aggregates import known_time, steps
from wsla.evaluation.reference.forgiving import Item
from wsla.evaluation.reference.records import of_record
from wsla.evaluation.reference.shapes import source_of, window_kind
from wsla.evaluation.reference.streams import LabelSet
from wsla.evaluation.reference.windows import windows_inside
from wsla.evaluation.verdicts import SeriesValue
from wsla.values.instants import Interval
from wsla.values.intervals import Intervals, contains, intersect, length, normalise

if TYPE_CHECKING:
    from wsla.evaluation.reference.evaluator import Evaluator


def samples_in(
    evaluator: Evaluator, index: int, labels: LabelSet, kept: Intervals, asked: int
) -> list[tuple[bool, Value]]:
    """M13: the samples in kept time, in order of (at, labels), as (is ``where`` true, the argument)."""
    node, source = evaluator.plan.operations[index], source_of(evaluator.plan, index)
    assert isinstance(node, Aggregate)
    assert source is not None
    streams = evaluator.streams(source, labels, asked)
    looked_at = sorted((row.at, sorted(own)) for own, rows in streams.items() for row in rows)
    return [
        (
            node.where is None or evaluator.signal(node.where, frozenset(own), at, asked) is True,
            # `count(source)` counts the samples themselves.
            True if node.argument is None else evaluator.signal(node.argument, frozenset(own), at, asked),
        )
        for at, own in looked_at
        if contains(kept, at)
    ]


def steps_in(evaluator: Evaluator, index: int, labels: LabelSet, kept: Intervals, asked: int) -> list[Value]:
    """M34: the steps of a counter whose later sample is in kept time; of a rate, by nanosecond of it."""
    node, source = evaluator.plan.operations[index], source_of(evaluator.plan, index)
    assert isinstance(node, Aggregate)
    assert source is not None
    assert node.argument is not None
    share = Fraction(1, length(kept)) if node.function == "rate" else Fraction(1)
    found: list[Value] = []
    for own, rows in evaluator.streams(source, labels, asked).items():
        values = [(row.at, evaluator.signal(node.argument, own, row.at, asked)) for row in rows]
        known = [(at, cast(Fraction, value)) for at, value in values if value is not None]
        grown = zip(known[1:], steps([value for _, value in known]), strict=True)
        found += [
            step * share
            for (at, _), step in grown
            if contains(kept, at)
            and (node.where is None or evaluator.signal(node.where, own, at, asked) is True)
        ]
    return found


def sample_coverage(
    evaluator: Evaluator,
    node: Aggregate,
    source: str,
    streams: Iterable[LabelSet],
    kept: Intervals,
    asked: int,
) -> Fraction:
    # M13: the share of K in which the argument is known, over all streams that take part.
    if node.argument is None:
        known = [_held_time(evaluator, source, own, kept, asked) for own in streams]
    else:
        known = [known_time(evaluator.segments(node.argument, own, kept, asked)) for own in streams]
    return Fraction(sum(known), length(kept) * len(known)) if known else Fraction(0)


def _held_time(evaluator: Evaluator, source: str, labels: LabelSet, kept: Intervals, asked: int) -> int:
    staleness = evaluator.sources[source].staleness
    held = [
        Interval(row.at, asked if staleness is None else max(row.at, min(row.at + staleness, asked)))
        for row in evaluator.stream(source, labels, asked)
    ]
    return length(intersect(kept, normalise(held)))


def records_in(
    evaluator: Evaluator, index: int, labels: LabelSet, kept: Intervals, asked: int
) -> list[tuple[bool | None, Value]]:
    """M14: the records whose instant is in kept time, in order, as (is it in, its argument)."""
    node, source = evaluator.plan.operations[index], source_of(evaluator.plan, index)
    assert isinstance(node, Aggregate)
    assert source is not None
    found = []
    for record in evaluator.facts.records(source, labels, asked):
        instant = evaluator.facts.instant(source, record.latest)
        # M4: a record whose instant is unknown is in no window.
        if instant is None or not contains(kept, instant):
            continue
        inside = True if node.where is None else of_record(evaluator.plan, node.where, record)
        assert inside is None or isinstance(inside, bool)
        argument = None if node.argument is None else of_record(evaluator.plan, node.argument, record)
        found.append(((instant, record.latest.at, record.latest.order), (inside, argument)))
    return [item for _, item in sorted(found, key=lambda pair: pair[0])]


def inner_windows(
    evaluator: Evaluator, index: int, labels: LabelSet, kept: Intervals, asked: int
) -> list[tuple[Interval, SeriesValue]]:
    start = evaluator.combinations(index, asked).get(labels)
    if start is None:
        return []
    kind = window_kind(evaluator.plan, index)
    if isinstance(kind, OutageWindow):
        end = evaluator.plan.effective_end
        windows = [
            window
            for window in evaluator.windows(kind, labels, start, asked, asked)
            if window.end <= asked and contains(kept, kind.over_at(window, end))
        ]
    else:
        windows = windows_inside(evaluator.plan, kind, start, kept)
    values = [(window, evaluator.series(index, labels, window, asked)) for window in windows]
    return [(window, value) for window, value in values if value is not None]


def inner_items(
    evaluator: Evaluator, index: int, labels: LabelSet, kept: Intervals, asked: int
) -> list[Item]:
    """M15: the inner windows wholly inside kept time for which ``where`` is not false, in order."""
    node = evaluator.plan.operations[index]
    assert isinstance(node, Aggregate)
    assert node.argument is not None
    unknown = bounds.nothing_known(
        boolean=isinstance(evaluator.plan.operations[node.argument].type, BooleanType)
    )
    found = []
    for window, value in inner_windows(
        evaluator, node.argument, evaluator.own(node.argument, labels), kept, asked
    ):
        ended = window.end <= asked
        item = value
        if not ended:
            # An inner window that had not ended has an unknown value; its bounds still hold.
            item = SeriesValue(value=None, lower=value.lower, upper=value.upper, coverage=Fraction(0))
        if node.where is not None:
            condition = evaluator.series(node.where, labels, window, asked)
            inside = condition.value if condition is not None and ended else None
            if inside is False:
                continue
            item = item if inside is True else unknown
        found.append(Item(window=window, value=item))
    return found
