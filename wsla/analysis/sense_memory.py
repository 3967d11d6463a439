"""Memory: exact percentiles for which a running monitor keeps every sample of a long window."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor
from typing import Final

from wsla.analysis import operations as op
from wsla.analysis.approximate import EXAMPLE
from wsla.analysis.checked import CheckedAgreement, Source
from wsla.analysis.reporter import Reporter
from wsla.analysis.sense_points import reachable
from wsla.analysis.sense_sight import window_length
from wsla.analysis.types import Shape
from wsla.values.calendars import OverlappingWindow, RollingWindow
from wsla.values.instants import DAY, SECOND, format_length

_LONG: Final = 7 * DAY
_OFTEN: Final = SECOND


def check_memory(reporter: Reporter, agreement: CheckedAgreement) -> None:
    """Warns of exact percentiles over windows of a week or longer, of a source that is sampled every second."""
    for node in agreement.operations:
        if isinstance(node, op.Aggregate) and node.function == "percentile" and node.within is None:
            _check_kept(reporter, agreement, node)


def _check_kept(reporter: Reporter, agreement: CheckedAgreement, node: op.Aggregate) -> None:
    if isinstance(node.window, op.OutageWindow):
        return
    source = _sampled(agreement.operations, agreement.sources, node)
    length = window_length(node.window)
    if source is None or source.every is None or source.every > _OFTEN or length < _LONG:
        return
    number = floor(Fraction(length, source.every))
    moving = isinstance(node.window, RollingWindow | OverlappingWindow)
    each = f"for each {' and '.join(source.labels)} " if source.labels else ""
    reporter.warning(
        "W0615",
        f"an exact percentile keeps every sample of its window: {each}about {_spaced(number)} of them",
        node.span,
        notes=(
            f"`{source.name}` is sampled every {format_length(source.every)}, and the window "
            f"{'moves over' if moving else 'lasts'} {format_length(length)}",
            f"with {EXAMPLE} in its parentheses it keeps some hundreds of counts instead",
        ),
    )


def _sampled(
    operations: Sequence[op.Operation], sources: Sequence[Source], node: op.Aggregate
) -> Source | None:
    """The source whose samples are looked at, where these are samples."""
    if node.argument is None or operations[node.argument].shape is not Shape.SIGNAL:
        return None
    names = {
        found.source
        for position in reachable(operations, node.argument)
        if isinstance(found := operations[position], op.SourceField)
    }
    looked_at = [source for source in sources if source.name in names]
    return looked_at[0] if len(looked_at) == 1 and not looked_at[0].records else None


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")
