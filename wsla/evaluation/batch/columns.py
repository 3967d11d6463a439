"""Observations in columns: one stream of samples (rule M2) as arrays, in the fixed point that observations have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from wsla.evaluation.verdicts import Labels

Instants = NDArray[np.int64]
"""Nanoseconds since the epoch."""

Flags = NDArray[np.bool_]


@frozen(eq=False)
class Column:
    """A field's values. ``known`` is None where all are known; what ``values`` has where one is not means nothing.

    Truths are ``bool``, texts ``object`` arrays of ``str``, all else ``int64`` in the fixed point of ``Raw``:
    nanoseconds for lengths of time and instants, millionths of the unit for other numbers. Numbers too large for that
    are ``object`` arrays of ``int``. Where ``times`` is not 1 the values are that much too small, and any whole numbers
    of at most 32 bits: most files hold whole units, in short numbers.
    """

    values: NDArray[Any]
    known: Flags | None = None
    times: int = 1

    @property
    def raws(self) -> NDArray[Any]:
        """The values, with nothing left to multiply."""
        return self.values if self.times == 1 else self.values.astype(np.int64) * self.times

    def rows(self, which: Any) -> Column:
        """Some of the rows; of a slice without copying them."""
        known = self.known
        return Column(self.values[which], None if known is None else known[which], self.times)


@frozen(eq=False, kw_only=True)
class StreamColumns:
    """The samples of one label combination of a source. ``at`` ascends strictly: doubled ones are gone (rule M1)."""

    source: str
    labels: Labels
    at: Instants
    fields: Mapping[str, Column]
