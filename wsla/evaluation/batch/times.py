"""When a condition is true and when it is false, and what is left of kept time where time is cut (rule M50)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from attrs import frozen

from wsla.analysis.operations import Aggregate
from wsla.evaluation.batch.columns import Flags, Instants
from wsla.evaluation.batch.exact import ratios
from wsla.evaluation.batch.frames import Frames
from wsla.evaluation.batch.series import Ratios
from wsla.evaluation.batch.signals import View
from wsla.evaluation.batch.stretches import Stretches
from wsla.evaluation.batch.vectors import logical


@frozen(eq=False, kw_only=True)
class Times:
    """When the argument is true, when it is false, and when either, where ``where`` is true; and the time that
    ``where`` cuts out.
    """

    true: Stretches
    false: Stretches | None
    known: Stretches
    cut: Stretches | None

    @property
    def runs(self) -> int:
        """How many stretches there are in all."""
        parts = (self.true, self.false, self.known, self.cut)
        return sum(len(part.starts) for part in parts if part is not None)

    @property
    def bad(self) -> Stretches:
        """When the argument is false, for those functions that are not content with how much of it there is."""
        assert self.false is not None
        return self.false


def times_of(node: Aggregate, view: View) -> Times:
    """When a condition is what, where ``where`` leaves time (rule M50)."""
    assert node.argument is not None
    by_runs = node.forgiving is not None or node.function in ("longest", "outages")
    if node.where is None:
        return Times(
            true=view.time_true(node.argument),
            false=view.time_false(node.argument) if by_runs else None,
            known=view.time_known(node.argument),
            cut=None,
        )
    argument, nowhere = view.truth(node.argument), view.truth_nowhere(node.argument)
    inside, inside_nowhere = view.truth(node.where), view.truth_nowhere(node.where)
    both, both_nowhere = logical("and", argument, inside), logical("and", nowhere, inside_nowhere)
    false = argument.not_true & inside.true
    false_nowhere = nowhere.not_true & inside_nowhere.true
    return Times(
        true=view.time_where(both.true, bool(both_nowhere.true[0])),
        false=view.time_where(false, bool(false_nowhere[0])) if by_runs else None,
        known=view.time_where(both.true | false, bool((both_nowhere.true | false_nowhere)[0])),
        cut=view.time_false(node.where),
    )


@frozen(eq=False, kw_only=True)
class Left:
    """What is left of the kept time of each window: its ``size`` with the time to come, how much is ``known``, and how
    much was ``missing`` before the instant asked about. ``nothing`` says where nothing is left of what has
    passed, if time is cut.
    """

    size: Instants
    known: Instants
    missing: Instants
    nothing: Flags | None

    @classmethod
    def of(cls, frames: Frames, times: Times) -> Left:
        known = frames.within(times.known.upto)
        size, so_far = frames.sizes, frames.sizes_so_far
        nothing = None
        if times.cut is not None:
            cut = frames.within(times.cut.upto)
            size, so_far = size - cut, so_far - cut
            nothing = so_far == 0
        return cls(size=size, known=known, missing=so_far - known, nothing=nothing)

    @classmethod
    def of_all(cls, parts: Sequence[Left]) -> Left:
        """One behind the other; all of them are of one aggregate."""
        nothing = [part.nothing for part in parts if part.nothing is not None]
        return cls(
            size=np.concatenate([part.size for part in parts]),
            known=np.concatenate([part.known for part in parts]),
            missing=np.concatenate([part.missing for part in parts]),
            nothing=np.concatenate(nothing) if nothing else None,
        )

    @cached_property
    def coverage(self) -> Ratios:
        """How much is known."""
        if self.nothing is None:
            return ratios(self.known, self.size)
        # Where nothing is left, nothing is missing either.
        gone = self.size == 0
        return ratios(np.where(gone, 1, self.known), np.where(gone, 1, self.size))

    @property
    def some(self) -> Flags:
        """Where something is known."""
        found: Flags = self.known > 0
        return found

    @property
    def full(self) -> Flags:
        """Where all is known."""
        found: Flags = self.known == self.size
        return found

    @property
    def above_zero(self) -> Instants:
        """The size, or 1 where nothing is left."""
        found: Instants = np.maximum(self.size, 1)
        return found
