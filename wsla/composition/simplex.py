"""The exact maximum of a linear function under upper limits, by the simplex method with fractions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def largest_sum(columns: Sequence[frozenset[int]], limits: Sequence[Fraction]) -> Fraction:
    """The most that non-negative numbers, one a column, can add up to.

    ``columns[j]`` are the limits that number j counts towards; the numbers that count towards limit i add up to at most
    ``limits[i]``, which is not negative. Every column counts towards at least one limit, so there is an end.
    """
    size = len(columns)
    rows = [
        [Fraction(place in column) for column in columns]
        + [Fraction(place == other) for other in range(len(limits))]
        + [limit]
        for place, limit in enumerate(limits)
    ]
    goal = [Fraction(-1)] * size + [Fraction(0)] * (len(limits) + 1)
    basis = [size + place for place in range(len(limits))]
    while True:
        # The first column that helps, and of the tightest rows that of the first number: so it never goes in circles.
        entering = next((place for place, value in enumerate(goal[:-1]) if value < 0), None)
        if entering is None:
            return goal[-1]
        bounded = [
            (row[-1] / row[entering], basis[at], at) for at, row in enumerate(rows) if row[entering] > 0
        ]
        _, _, leaving = min(bounded)
        pivot = rows[leaving][entering]
        rows[leaving] = [value / pivot for value in rows[leaving]]
        for row in (*(one for at, one in enumerate(rows) if at != leaving), goal):
            factor = row[entering]
            if factor:
                row[:] = [value - factor * step for value, step in zip(row, rows[leaving], strict=True)]
        basis[leaving] = entering
