"""Hypothesis strategies for reports and reviews, and for how often a rule tells."""

from __future__ import annotations

from hypothesis import strategies as st

from wsla.diagnostics.source import NOWHERE
from wsla.syntax import surface

_LENGTHS = ("5m", "90s", "10d", "1h")


def _words(*texts: str) -> st.SearchStrategy[surface.Word]:
    return st.sampled_from(texts).map(lambda text: surface.Word(text=text, span=NOWHERE))


def often() -> st.SearchStrategy[surface.Often]:
    """``at most 3 each 1h``."""
    return st.builds(
        surface.Often,
        word=_words("most"),
        count=_words("1", "3"),
        length=_words(*_LENGTHS),
        span=st.just(NOWHERE),
    )


def recurring_declarations(
    targets: st.SearchStrategy[surface.Target],
    windows: st.SearchStrategy[surface.EachWindow],
    titles: st.SearchStrategy[surface.Text],
) -> st.SearchStrategy[surface.Recurring]:
    """Those that mean something, and those that are only written like them."""
    return st.builds(
        surface.Recurring,
        verb=_words("publish", "call", "notify"),
        what=_words("report", "review"),
        among=_words("to", "with"),
        targets=st.lists(targets, min_size=1, max_size=3).map(tuple),
        window=windows,
        after=st.none() | _words(*_LENGTHS),
        at=st.none() | _words("9:00", "10:30", "23:59:59"),
        length=st.none() | _words(*_LENGTHS),
        title=st.none() | titles,
        span=st.just(NOWHERE),
    )
