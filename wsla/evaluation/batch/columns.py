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
    are ``object`` arrays of ``int``.
    """

    values: NDArray[Any]
    known: Flags | None = None


@frozen(eq=False, kw_only=True)
class StreamColumns:
    """The samples of one label combination of a source. ``at`` ascends strictly: doubled ones are gone (rule M1)."""

    source: str
    labels: Labels
    at: Instants
    fields: Mapping[str, Column]
