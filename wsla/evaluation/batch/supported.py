"""What of a plan can be done in columns; all else is for the streaming evaluator."""

from __future__ import annotations

from functools import cached_property

from attrs import frozen

from wsla.analysis.operations import Aggregate, OutageWindow, SourceField
from wsla.analysis.types import Shape, TextType
from wsla.evaluation.batch import over_samples, over_time, vectors
from wsla.evaluation.batch.signals import evaluate, fields_of
from wsla.evaluation.reference.shapes import source_of
from wsla.plan.model import Plan


@frozen(kw_only=True)
class Look:
    """An aggregate that can be done in columns: over time, or over the samples of a source.

    ``fields`` are all that it reads, ``own`` those of the argument.
    """

    index: int
    node: Aggregate
    source: str | None
    fields: frozenset[SourceField]
    own: frozenset[SourceField]

    @cached_property
    def sources(self) -> frozenset[str]:
        """All sources that must be there before it can be done."""
        found = frozenset(field.source for field in self.fields)
        return found if self.source is None else found | {self.source}


def supports_aggregate(plan: Plan, index: int) -> bool:
    """True for an aggregate over time or over samples that ``ColumnReduction`` can do."""
    return look_of(plan, index) is not None


def supports_signal(plan: Plan, index: int) -> bool:
    """True for a boolean signal that ``ColumnReduction`` can do."""
    return plan.operations[index].shape is Shape.SIGNAL and fields_of(plan, index) is not None


def look_of(plan: Plan, index: int) -> Look | None:
    """What an aggregate looks at; None where it cannot be done in columns."""
    node = plan.operations[index]
    if not isinstance(node, Aggregate) or isinstance(node.window, OutageWindow):
        return None
    if node.argument is not None and plan.operations[node.argument].shape is not Shape.SIGNAL:
        return None
    own = frozenset() if node.argument is None else fields_of(plan, node.argument)
    where = frozenset() if node.where is None else fields_of(plan, node.where)
    if own is None or where is None:
        return None
    source = None
    if node.function in over_time.FUNCTIONS:
        fits = _fits_time(plan, node, own | where)
    elif node.function in over_samples.FUNCTIONS:
        source = source_of(plan, index)
        fits = source is not None and not plan.source(source).records and _fits_samples(plan, node)
    else:
        return None
    return Look(index=index, node=node, source=source, fields=own | where, own=own) if fits else None


def _fits_time(plan: Plan, node: Aggregate, fields: frozenset[SourceField]) -> bool:
    assert node.argument is not None
    names = {name for field in fields for name in plan.source(field.source).labels}
    if set(node.by) != names:
        return False
    # A value that is known without any sample has no integral of samples.
    return node.function != "time_mean" or not _always_known(plan, node.argument)


def _fits_samples(plan: Plan, node: Aggregate) -> bool:
    if node.argument is None or node.function == "count":
        return True
    return not isinstance(plan.operations[node.argument].type, TextType)


def _always_known(plan: Plan, index: int) -> bool:
    known = evaluate(plan, index, {}, lambda node: vectors.unknown(node.type)).known
    return known is None or bool(known[0])
