"""Streams with the same instants reduced in one go: their rows stand one behind the other, and so do their windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

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


def _singly(part: Part, count: int, packed: dict[int, tuple[Any, Any]]) -> list[Part]:
    """What each of so many streams adds, of a part with the windows of one behind those of the other."""
    windows = len(part.samples) // count
    samples = part.samples[:windows]
    items = [samples] * count if part.items is part.samples else list(part.items.reshape(count, windows))
    amounts = [values.reshape(count, windows) for values in part.amounts.values()]
    return [
        Part(
            samples=samples,
            items=own,
            known=part.known,
            takes_part=part.takes_part,
            amounts=dict(zip(part.amounts, rows, strict=True)),
            scale=part.scale,
        ).packed(packed)
        for own, *rows in zip(items, *amounts, strict=True)
    ]


def stacked(
    plan: Plan, looks: Iterable[Look], frames: Mapping[int, Frames], streams: AlikeStreams, holding: Holding
) -> dict[int, list[Part]] | None:
    """What each of these streams adds to the aggregates; None where the argument of one is not always known."""
    together = StreamColumns(source=streams.source, labels=(), at=streams.at, fields=streams.fields)
    view = View(
        plan,
        holding.of_several(len(streams.labels)),
        lambda node: column(plan, together, node),
        lambda node: column(plan, together, node, short=True),
    )
    packed: dict[int, tuple[Any, Any]] = {}
    parts: dict[int, list[Part]] = {}
    for look in looks:
        held = view.held
        if look.node.argument is not None:
            if view.short(look.node.argument).known is not None:
                return None
            held = view.time_known(look.node.argument)
        own = frames[look.index]
        time = held if len(held.starts) < len(own) else view.within(own, held)
        part = over_samples.look(look.node, own, view, time)
        parts[look.index] = _singly(part, len(streams.labels), packed)
    return parts
