"""How the availability of a service follows from those of the services that it needs, exactly.

A structure says which of its leaves must be up. Two answers are possible: failures that have nothing to do with each
other, and the worst that can happen while every leaf keeps its own availability.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, product
from typing import Final, assert_never

from attrs import frozen

from wsla.composition.simplex import largest_sum

MOST_SHARED: Final = 12
"""How many leaves may stand in more than one place of a structure."""
MOST_CUTS: Final = 500
"""How many sets of failures may be looked at where leaves stand in more than one place."""

Key = Hashable
Shares = Mapping[Key, Fraction]


class TooTangledError(ValueError):
    """A structure in which so many leaves stand in several places that it cannot be computed in reasonable time."""


@frozen
class Leaf:
    """Something that is up or down by itself. The same key in two places is the same thing."""

    key: Key


@frozen
class Some:
    """Up while at least ``least`` of the members are up (M80)."""

    least: int
    members: tuple[Structure, ...]


Structure = Leaf | Some


def leaves(structure: Structure) -> Iterator[Key]:
    """The keys in order; one that stands in two places comes twice."""
    match structure:
        case Leaf(key=key):
            yield key
        case Some(members=members):
            for member in members:
                yield from leaves(member)
        case _:
            assert_never(structure)


def independent(structure: Structure, up: Shares) -> Fraction:
    """M82: the share of time in which the structure is up, where the failures of its leaves are independent.

    Raises TooTangledError.
    """
    shared = [key for key, count in Counter(leaves(structure)).items() if count > 1]
    if len(shared) > MOST_SHARED:
        raise TooTangledError(f"{len(shared)} services are needed in more than one place")
    total = Fraction(0)
    for states in product((Fraction(0), Fraction(1)), repeat=len(shared)):
        fixed = dict(zip(shared, states, strict=True))
        chance = Fraction(1)
        for key, state in fixed.items():
            chance *= up[key] if state else 1 - up[key]
        if chance:
            total += chance * _independent(structure, {**up, **fixed})
    return total


def _independent(structure: Structure, up: Shares) -> Fraction:
    match structure:
        case Leaf(key=key):
            return up[key]
        case Some(least=least, members=members):
            # chances[n] is that of exactly n members up.
            chances = [Fraction(1)]
            for member in members:
                share = _independent(member, up)
                chances = [
                    (chances[count - 1] * share if count else Fraction(0))
                    + (chances[count] * (1 - share) if count < len(chances) else Fraction(0))
                    for count in range(len(chances) + 1)
                ]
            return sum(chances[least:], Fraction(0))
        case _:
            assert_never(structure)


def worst_case(structure: Structure, up: Shares) -> Fraction:
    """M83: the least share of time in which the structure is up, however the failures of its leaves fall together.

    It is tight: failures can be laid so that it comes about. Raises TooTangledError.
    """
    found = Counter(leaves(structure))
    if all(count == 1 for count in found.values()):
        return 1 - _longest_down(structure, up)
    cuts = _cuts(structure)
    keys = list(found)
    # The last limit is time itself. A cut that nothing can fail in, none of its leaves, does not exist.
    columns = [frozenset((*(keys.index(key) for key in cut), len(keys))) for cut in cuts]
    return 1 - largest_sum(columns, [*(1 - up[key] for key in keys), Fraction(1)])


def _longest_down(structure: Structure, up: Shares) -> Fraction:
    """The longest share of time down, where every leaf stands in one place.

    A member can be down at any times up to its own most: so the answer for the whole follows from the members.
    """
    match structure:
        case Leaf(key=key):
            return 1 - up[key]
        case Some(least=least, members=members):
            downs = [_longest_down(member, up) for member in members]
            return longest_together(downs, len(members) - least + 1)
        case _:
            assert_never(structure)


def longest_together(downs: Sequence[Fraction], count: int) -> Fraction:
    """The longest share of time in which at least ``count`` of these can be down at once, each being down so long.

    A share t can be filled if the downs, each cut to t, fill it ``count`` times: laid one behind the other and wrapped
    round at t, no down meets itself. With the j longest cut to t that is j·t + (sum of the others) >= count·t.
    """
    ordered = sorted(downs, reverse=True)
    found = Fraction(1)
    for cut in range(count):
        found = min(found, sum(ordered[cut:], Fraction(0)) / (count - cut))
    return found


def _cuts(structure: Structure) -> tuple[frozenset[Key], ...]:
    """The smallest sets of leaves without which the structure is down."""
    match structure:
        case Leaf(key=key):
            return (frozenset((key,)),)
        case Some(least=least, members=members):
            inner = [_cuts(member) for member in members]
            found: set[frozenset[Key]] = set()
            for chosen in combinations(inner, len(members) - least + 1):
                for parts in product(*chosen):
                    found.add(frozenset().union(*parts))
                    if len(found) > 20 * MOST_CUTS:
                        raise TooTangledError("the services that it needs can fail in too many ways")
            smallest: list[frozenset[Key]] = []
            for cut in sorted(found, key=lambda cut: (len(cut), sorted(map(repr, cut)))):
                if not any(other <= cut for other in smallest):
                    smallest.append(cut)
            if len(smallest) > MOST_CUTS:
                raise TooTangledError("the services that it needs can fail in too many ways")
            return tuple(smallest)
        case _:
            assert_never(structure)
