"""Floating-point numbers as the decimals that they mean, times a factor, many at once."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]

_EXACT_IN_FLOAT: Final = 2**51
"""Below this an integer over a power of ten is the one decimal with so few digits that a float64 can mean."""

_ERROR_OF_PRODUCT: Final = 2.0**-50
"""More than what a product is off, with what a float is off from the decimal that it means, by its size."""

_MOST_PLACES: Final = 22
"""A float holds powers of ten up to this one."""

_BLOCK: Final = 1 << 14


def places_of(factor: Fraction) -> int:
    """How many decimals a number may have so that it comes out whole, in all but rare cases."""
    whole = factor.numerator if factor.denominator == 1 else 10**6
    return min(len(str(whole)) - len(str(whole).rstrip("0")), _MOST_PLACES)


def decimals(
    floats: NDArray[np.float64],
    places: int,
    factor: Fraction,
    out: NDArray[np.int64] | NDArray[np.int32],
    *,
    rounded: bool = False,
) -> Positions:
    """Writes what has at most so many decimals into ``out``; gives the positions of all else.

    A division is rounded correctly, so the nearest multiple of the step either gives the very float or its decimal has
    more digits. Where numbers are ``rounded``, the nearest multiple is right unless the number lies about halfway
    between two. Done in blocks that stay in the processor's cache.
    """
    scale = float(10**places)
    step = factor / 10**places
    limit = min(_EXACT_IN_FLOAT, int(np.iinfo(out.dtype).max) // step.numerator)
    steps = np.empty(_BLOCK)
    spare = np.empty(_BLOCK)
    odd: list[Positions] = []
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, len(floats), _BLOCK):
            part = floats[start : start + _BLOCK]
            mine, other = steps[: len(part)], spare[: len(part)]
            np.multiply(part, scale, out=mine)
            np.rint(mine, out=mine)
            np.divide(mine, scale, out=other)
            fits = other == part
            if rounded and step == 1 and not fits.all():
                apart = np.abs(part * scale - mine) + np.abs(mine) * _ERROR_OF_PRODUCT
                fits |= apart < 0.5
            np.abs(mine, out=other)
            fits &= other <= limit
            out[start : start + len(part)] = mine
            if not fits.all():
                odd.append(np.flatnonzero(~fits) + start)
    found = np.concatenate(odd) if odd else np.zeros(0, dtype=np.int64)
    if step.denominator != 1:
        np.multiply(out, step.numerator, out=out)
        rests = out % step.denominator
        np.floor_divide(out, step.denominator, out=out)
        if rests.any():
            found = np.union1d(found, np.flatnonzero(rests != 0))
    elif step.numerator != 1:
        np.multiply(out, step.numerator, out=out)
    return found
