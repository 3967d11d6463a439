"""Hypothesis strategies for services: their fees, and what they stand on."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from wsla.diagnostics.source import NOWHERE
from wsla.syntax import surface

Words = st.SearchStrategy[surface.Word]


def service_declarations(
    names: Words,
    keys: Words,
    behind_dots: Words,
    texts: st.SearchStrategy[surface.Text],
    sums: st.SearchStrategy[surface.Expression],
) -> st.SearchStrategy[surface.Service]:
    """Services of any lines, from any names and formulas."""
    fees = st.tuples(keys, sums, st.none() | names).map(
        lambda parts: surface.ServiceItem(name=parts[0], value=parts[1], per=parts[2], span=NOWHERE)
    )
    origins = st.tuples(texts, behind_dots).map(
        lambda parts: surface.Origin(title=parts[0], service=parts[1], span=NOWHERE)
    )
    lines = st.lists(fees | _standing_lines(names, keys), min_size=1, max_size=3).map(tuple)
    return st.tuples(names, st.none() | texts, st.none() | lines, st.none() | origins).map(
        lambda parts: surface.Service(
            name=parts[0], title=parts[1], items=parts[2], origin=parts[3], span=NOWHERE
        )
    )


def _standing_lines(names: Words, keys: Words) -> st.SearchStrategy[Any]:
    """``needs …`` and ``assume availability 99.9% each month``, of any names."""
    periods = names | st.sampled_from(("month", "30d")).map(_word)
    assumed = st.tuples(keys, names, st.sampled_from(("99.9%", "200ms")), periods).map(
        lambda parts: surface.Assumed(
            name=parts[0],
            measure=parts[1],
            value=surface.Quantity(text=parts[2], span=NOWHERE),
            window=surface.EachWindow(period=parts[3], starting=None, span=NOWHERE),
            span=NOWHERE,
        )
    )
    return assumed | _needs(names).map(lambda need: surface.Needs(need=need, span=NOWHERE))


def _needs(names: Words) -> st.SearchStrategy[surface.Need]:
    one: st.SearchStrategy[surface.Need] = names.map(lambda name: surface.Needed(name=name, span=NOWHERE))
    heads = (names | st.sampled_from(("all", "any")).map(_word)).map(lambda word: (word, False))
    counts = st.sampled_from(("1", "2", "3.5", "12")).map(lambda text: (_word(text), True))

    def groups(inner: st.SearchStrategy[surface.Need]) -> st.SearchStrategy[surface.Need]:
        members = st.lists(inner, min_size=1, max_size=3).map(tuple)
        return st.tuples(heads | counts, members).map(
            lambda parts: surface.NeededGroup(
                word=parts[0][0], counted=parts[0][1], members=parts[1], span=NOWHERE
            )
        )

    return st.recursive(one, groups, max_leaves=4)


def _word(text: str) -> surface.Word:
    return surface.Word(text=text, span=NOWHERE)
