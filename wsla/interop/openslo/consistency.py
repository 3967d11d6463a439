"""What no rule about single fields says of an SLO: it needs one indicator, values to compare with, and slices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wsla.interop.openslo.schema import Problem, number_of
from wsla.interop.openslo.tree import Node, Shape

_WHOLE: Final = ("indicator", "indicatorRef", "sli", "sliRef")


def more_problems(node: Node) -> Iterator[Problem]:
    """What is wrong with an object beyond its fields."""
    spec = node.get("spec")
    if node.string("kind") != "SLO" or spec is None:
        return
    alpha = node.string("apiVersion").endswith("v1alpha")
    whole = [found for key in _WHOLE if (found := spec.get(key)) is not None]
    if len(whole) > 1:
        yield Problem("E1202", whole[1].span, "an SLO has one indicator, and this is a second one")
    for one in spec.each("objectives"):
        if one.shape is not Shape.MAPPING or not one.entries:
            continue
        for key in ("target", "targetPercent", "timeSliceTarget"):
            if (stated := one.get(key)) is not None and number_of(stated.text.strip()) == 0:
                yield Problem("E1203", stated.span, f"`{key}` is 0, which everything meets")
        own = [found for key in (*_WHOLE, "ratioMetrics") if (found := one.get(key)) is not None]
        yield from _of_indicator(one, whole, own, "ratioMetrics" if alpha else "indicator")
        if not alpha:
            yield from _of_slices(one, spec.string("budgetingMethod").casefold())


def _of_indicator(objective: Node, whole: list[Node], own: list[Node], wanted: str) -> Iterator[Problem]:
    place = objective.entries[0].span
    if not own and not whole:
        yield Problem(
            "E1202", place, f"neither the SLO nor this objective has an indicator, such as `{wanted}`"
        )
    elif own and whole:
        yield Problem("E1202", own[-1].span, "the SLO has an indicator, and this is a second one")
    elif len(own) > 1:
        yield Problem("E1202", own[1].span, "an objective has one indicator, and this is a second one")
    else:
        (found,) = (own or whole)[:1]
        threshold = found.get("spec", "thresholdMetric") or found.get("thresholdMetric")
        if threshold is not None and objective.get("value") is None:
            yield Problem("E1202", place, "an objective about a threshold needs `value`")


def _of_slices(objective: Node, method: str) -> Iterator[Problem]:
    wanted = {"timeslices": ("timeSliceWindow", "timeSliceTarget"), "ratiotimeslices": ("timeSliceWindow",)}
    for key in wanted.get(method, ()):
        if objective.get(key) is None:
            yield Problem("E1202", objective.entries[0].span, f"an objective with time slices needs `{key}`")
