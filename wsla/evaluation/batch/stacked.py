"""Streams with the same instants reduced in one go: their rows stand one behind the other, and so do their windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import frozen

from wsla.evaluation.batch import over_samples
from wsla.evaluation.batch.alike import AlikeStreams
from wsla.evaluation.batch.columns import StreamColumns
from wsla.evaluation.batch.frames import Frames
from wsla.evaluation.batch.holding import Holding
from wsla.evaluation.batch.parts import Part
from wsla.evaluation.batch.signals import View, column
from wsla.evaluation.batch.supported import Look
from wsla.plan.model import Plan

_FUNCTIONS: Final = frozenset({"count", "sum", "mean", "min", "max", "span", "share", "variance", "stddev"})
"""Functions that never look from one sample to the next, which might be that of another stream."""


def can_stack(plan: Plan, source: str, looks: Iterable[Look]) -> bool:
    """True where all these aggregates of a source can be had of many streams at once."""
    labels = plan.source(source).labels
    return all(
        look.source == source
        and look.node.function in _FUNCTIONS
        and not any(one.field in labels for one in look.fields)
        for look in looks
    )


@frozen(eq=False)
class Stacked:
    """What several streams add, by the operation: one part for all, their windows one behind the other."""

    streams: AlikeStreams
    parts: Mapping[int, Part]

    def singly(self, frames: Mapping[int, Frames]) -> Iterator[dict[int, Part]]:
        """What each stream adds."""
        packed: dict[int, tuple[Any, Any]] = {}
        samples = {index: part.samples[: len(frames[index])] for index, part in self.parts.items()}
        for number in range(len(self.streams.labels)):
            found = {}
            for index, part in self.parts.items():
                windows = len(frames[index])
                own = slice(number * windows, (number + 1) * windows)
                found[index] = Part(
                    samples=samples[index],
                    items=samples[index] if part.items is part.samples else part.items[own],
                    known=part.known,
                    takes_part=part.takes_part,
                    amounts={name: values[own] for name, values in part.amounts.items()},
                    scale=part.scale,
                ).packed(packed)
            yield found


def stacked(
    plan: Plan, looks: Iterable[Look], frames: Mapping[int, Frames], streams: AlikeStreams, holding: Holding
) -> Stacked | None:
    """The aggregates of all these streams; None where the argument of one is not always known."""
    together = StreamColumns(source=streams.source, labels=(), at=streams.at, fields=streams.fields)
    view = View(
        plan,
        holding.of_several(len(streams.labels)),
        lambda node: column(plan, together, node),
        lambda node: column(plan, together, node, short=True),
    )
    parts: dict[int, Part] = {}
    for look in looks:
        held = view.held
        if look.node.argument is not None:
            if view.short(look.node.argument).known is not None:
                return None
            held = view.time_known(look.node.argument)
        own = frames[look.index]
        time = held if len(held.starts) < len(own) else view.within(own, held)
        parts[look.index] = over_samples.look(look.node, own, view, time)
    return Stacked(streams, parts)
