"""What may be promised of a service: against counting, timelines and the linear program (M82, M83)."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.composition import structure as module
from wsla.composition.simplex import largest_sum
from wsla.composition.structure import (
    Leaf,
    Some,
    Structure,
    TooTangledError,
    independent,
    leaves,
    longest_together,
    worst_case,
)

Shares = dict[str, Fraction]
NAMES = "abcde"


def all_of(*members: Structure) -> Some:
    return Some(len(members), members)


def any_of(*members: Structure) -> Some:
    return Some(1, members)


A, B, C = Leaf("a"), Leaf("b"), Leaf("c")
shares = st.fractions(0, 1, max_denominator=50)
tables = st.fixed_dictionaries(dict.fromkeys(NAMES, shares))


def structures(names: str = NAMES) -> st.SearchStrategy[Structure]:
    """Structures whose leaves may stand in several places."""

    def some(members: list[Structure]) -> st.SearchStrategy[Structure]:
        return st.integers(1, len(members)).map(lambda least: Some(least, tuple(members)))

    return st.recursive(
        st.sampled_from([Leaf(name) for name in names]),
        lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(some),
        max_leaves=5,
    )


def is_up(structure: Structure, up: frozenset[str]) -> bool:
    if isinstance(structure, Leaf):
        return structure.key in up
    return sum(is_up(member, up) for member in structure.members) >= structure.least


def counted(structure: Structure, table: Shares) -> Fraction:
    """The definition: all states of all leaves, each with its probability."""
    total = Fraction(0)
    for states in product((True, False), repeat=len(table)):
        found = dict(zip(table, states, strict=True))
        if is_up(structure, frozenset(name for name, up in found.items() if up)):
            chance = Fraction(1)
            for name, up in found.items():
                chance *= table[name] if up else 1 - table[name]
            total += chance
    return total


# --- by hand


def test_all_of_two() -> None:
    table = {"a": Fraction(999, 1000), "b": Fraction(995, 1000)}
    assert independent(all_of(A, B), table) == Fraction(999 * 995, 1000 * 1000)
    assert worst_case(all_of(A, B), table) == Fraction(994, 1000)


def test_any_of_two() -> None:
    table = {"a": Fraction(999, 1000), "b": Fraction(995, 1000)}
    assert independent(any_of(A, B), table) == 1 - Fraction(1, 1000) * Fraction(5, 1000)
    assert worst_case(any_of(A, B), table) == Fraction(999, 1000)


def test_two_of_three_can_be_down_for_half_of_all_downs_but_not_longer_than_the_two_shorter_ones() -> None:
    def down(*downs: int) -> Fraction:
        table = {name: 1 - Fraction(part, 100) for name, part in zip("abc", downs, strict=True)}
        return 100 * (1 - worst_case(Some(2, (A, B, C)), table))

    assert down(2, 2, 2) == 3
    assert down(10, 1, 2) == 3
    assert down(3, 1, 2) == 3
    assert down(4, 1, 2) == 3
    assert down(2, 1, 2) == Fraction(5, 2)
    assert down(90, 80, 70) == 100


def test_a_service_in_two_places_fails_in_both() -> None:
    table = {"a": Fraction(9, 10), "b": Fraction(9, 10), "c": Fraction(9, 10)}
    twice = all_of(any_of(A, B), any_of(A, C))
    # a up, or else b and c.
    assert independent(twice, table) == Fraction(9, 10) + Fraction(1, 10) * Fraction(81, 100)
    assert worst_case(twice, table) == Fraction(9, 10)
    # Were the two a's strangers, both lists could be down for a tenth, one after the other.
    strangers = all_of(any_of(A, B), any_of(Leaf("d"), C))
    assert worst_case(strangers, {**table, "d": Fraction(9, 10)}) == Fraction(8, 10)


def test_no_more_than_all_time_can_be_lost() -> None:
    table = {"a": Fraction(1, 10), "b": Fraction(2, 10)}
    assert worst_case(all_of(A, B), table) == 0


def test_a_need_that_is_too_tangled_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {"a": Fraction(1, 2), "b": Fraction(1, 2)}
    twice = all_of(any_of(A, B), any_of(A, B))
    monkeypatch.setattr(module, "MOST_SHARED", 1)
    with pytest.raises(TooTangledError, match="more than one place"):
        independent(twice, table)
    monkeypatch.setattr(module, "MOST_CUTS", 0)
    with pytest.raises(TooTangledError, match="too many ways"):
        worst_case(twice, table)


# --- laws


@given(structures(), tables)
def test_the_independent_share_is_that_of_counting_all_states(structure: Structure, table: Shares) -> None:
    assert independent(structure, table) == counted(structure, table)


@given(structures(), tables)
def test_the_worst_case_is_the_least_and_no_leaf_makes_it_better_than_best(
    structure: Structure, table: Shares
) -> None:
    worst = worst_case(structure, table)
    assert 0 <= worst <= independent(structure, table) <= 1
    assert independent(structure, table) <= 1 - min(Fraction(1), _product(structure, table))


def _product(structure: Structure, table: Shares) -> Fraction:
    """The probability that everything is down, which no structure survives."""
    chance = Fraction(1)
    for key in set(leaves(structure)):
        assert isinstance(key, str)
        chance *= 1 - table[key]
    return chance


@given(structures(), tables, st.sampled_from(NAMES), shares)
def test_a_better_need_never_lowers_what_may_be_promised(
    structure: Structure, table: Shares, name: str, share: Fraction
) -> None:
    better = {**table, name: max(share, table[name])}
    assert independent(structure, better) >= independent(structure, table)
    assert worst_case(structure, better) >= worst_case(structure, table)


@given(st.lists(shares, min_size=1, max_size=5))
def test_one_of_n_is_any_and_n_of_n_is_all(found: list[Fraction]) -> None:
    table = {str(number): share for number, share in enumerate(found)}
    members = tuple(Leaf(name) for name in table)
    assert worst_case(Some(1, members), table) == max(found)
    assert worst_case(Some(len(members), members), table) == max(Fraction(0), 1 - sum(1 - a for a in found))
    whole = Fraction(1)
    for share in found:
        whole *= share
    assert independent(Some(len(members), members), table) == whole


@given(st.lists(shares, min_size=1, max_size=5), st.data())
def test_the_bound_for_a_number_of_services_is_the_linear_program(
    downs: list[Fraction], data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, len(downs)))
    cuts = [frozenset((*cut, len(downs))) for cut in combinations(range(len(downs)), count)]
    assert longest_together(downs, count) == largest_sum(cuts, [*downs, Fraction(1)])


@given(structures("abc"), st.tuples(*[st.integers(0, 3)] * 3))
def test_the_worst_case_is_never_better_than_a_timeline_that_can_be_laid(
    structure: Structure, downs: tuple[int, int, int]
) -> None:
    """Every way to lay the downs on four slots of time; the bound may need finer slots, so it may be lower."""
    slots = range(4)
    worst = min(
        sum(
            is_up(
                structure, frozenset(name for name, down in zip("abc", laid, strict=True) if slot not in down)
            )
            for slot in slots
        )
        for laid in product(*(list(combinations(slots, down)) for down in downs))
    )
    table = {name: 1 - Fraction(down, 4) for name, down in zip("abc", downs, strict=True)}
    bound = worst_case(structure, table)
    assert bound <= Fraction(worst, 4)
    # With three services no bound needs slots finer than a half.
    if all(down % 2 == 0 for down in downs):
        assert bound == Fraction(worst, 4)
