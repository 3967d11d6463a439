"""What functions over time look at, piece by piece, and short outages that count as none (rules M50, M52 and M53)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from wsla.analysis.operations import Aggregate, Forgiving, Value
from wsla.evaluation.reference.streams import LabelSet
from wsla.testing.history import History, Values
from wsla.values.instants import Interval
from wsla.values.intervals import Intervals

Seen = tuple[Interval, Values, Value]
"""A stretch, the leaves of the argument there, and what the argument counts as."""


def time_looked_at(history: History, node: Aggregate, labels: LabelSet, kept: Intervals) -> Iterator[Seen]:
    """The stretches that a function over time looks at, in order."""
    assert node.argument is not None
    if node.where is None:
        inside: Sequence[tuple[Interval, Value]] = [(stretch, True) for stretch in kept]
    else:
        inside = [
            (stretch, values[node.where]) for stretch, values in history.segments(node.where, labels, kept)
        ]
    seen = [
        (stretch, values, values[node.argument] if truth is True else None)
        for part, truth in inside
        if truth is not False
        for stretch, values in history.segments(node.argument, labels, (part,))
    ]
    forgiven = forgiven_among(((stretch, value) for stretch, _, value in seen), node.forgiving)
    for position, (stretch, values, value) in enumerate(seen):
        yield stretch, values, True if position in forgiven else value


def forgiven_among(parts: Iterable[tuple[Interval, Value]], forgiving: Forgiving | None) -> frozenset[int]:
    """The positions of the false stretches or windows, of those in order, that count as true."""
    if forgiving is None:
        return frozenset()
    found: set[int] = set()
    run: list[int] = []
    start = end = 0
    for position, (stretch, value) in enumerate(parts):
        if run and (value is not False or stretch.start != end):
            if not forgiving.counts(end - start):
                found.update(run)
            run = []
        if value is False:
            start = start if run else stretch.start
            end = stretch.end
            run.append(position)
    if run and not forgiving.counts(end - start):
        found.update(run)
    return frozenset(found)
