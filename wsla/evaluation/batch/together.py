"""The series of many label combinations, one behind the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from wsla.evaluation.batch.series import Ratios, SeriesColumns, Spent, Truths, Values
from wsla.evaluation.verdicts import Labels


@frozen(eq=False, kw_only=True)
class Together:
    """``columns`` are the windows of each of the ``labels``, one combination behind the other; ``rows`` tells how many
    windows each has.
    """

    labels: tuple[Labels, ...]
    rows: NDArray[np.int64]
    columns: SeriesColumns

    @classmethod
    def of(cls, series: Mapping[Labels, SeriesColumns]) -> Together:
        """Puts single series behind each other. With none there are no windows."""
        parts = list(series.values()) or [_NONE]
        spent = [part.spent for part in parts if part.spent is not None]
        columns = SeriesColumns(
            starts=np.concatenate([part.starts for part in parts]),
            ends=np.concatenate([part.ends for part in parts]),
            value=_values([part.value for part in parts]),
            lower=_values([part.lower for part in parts]),
            upper=_values([part.upper for part in parts]),
            coverage=_ratios([part.coverage for part in parts]),
            nothing=_flags([part.nothing for part in parts], [len(part.ends) for part in parts], False),
            spent=None
            if len(spent) < len(parts)
            else Spent(
                size=np.concatenate([one.size for one in spent]),
                bad=np.concatenate([one.bad for one in spent]),
                missing=np.concatenate([one.missing for one in spent]),
            ),
        )
        return cls(
            labels=tuple(series), rows=np.array([len(x.ends) for x in series.values()]), columns=columns
        )


def _values(parts: Sequence[Values]) -> Values:
    truths = [part.values for part in parts if isinstance(part, Truths)]
    if truths:
        return Truths(np.concatenate(truths))
    return _ratios([part for part in parts if isinstance(part, Ratios)])


def _ratios(parts: Sequence[Ratios]) -> Ratios:
    sizes = [len(part.numerators) for part in parts]
    return Ratios(
        numerators=np.concatenate([part.numerators for part in parts]),
        denominators=_flags([part.denominators for part in parts], sizes, 1),
        known=_flags([part.known for part in parts], sizes, True),
    )


def _flags(parts: Sequence[Any], sizes: Sequence[int], missing: Any) -> Any:
    """Columns behind each other, with one value for those that are missing; None where all are."""
    if all(part is None for part in parts):
        return None
    return np.concatenate(
        [np.full(size, missing) if part is None else part for part, size in zip(parts, sizes, strict=True)]
    )


_EMPTY = np.zeros(0, dtype=np.int64)
_NO_NUMBERS = Ratios(_EMPTY)
_NONE = SeriesColumns(
    starts=_EMPTY,
    ends=_EMPTY,
    value=_NO_NUMBERS,
    lower=_NO_NUMBERS,
    upper=_NO_NUMBERS,
    coverage=_NO_NUMBERS,
)
