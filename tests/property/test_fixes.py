"""Laws of the safe suggestions: applying them twice is applying them once, they mend what they are for, and what was
right keeps its meaning.
"""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from wsla.analysis.check import check_text
from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.fixes import apply_safe
from wsla.diagnostics.source import SourceText
from wsla.plan.build import build_plan

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [
    (ROOT / "specs" / "search-api.sla").read_text("utf-8"),
    (ROOT / "specs" / "service-desk.sla").read_text("utf-8"),
    (ROOT / "tests" / "catalogue" / "agreement.sla").read_text("utf-8"),
]
# What is right, and how people write it instead: each has one meaning and a safe suggestion.
HABITS = (
    (" and ", " && "),
    (" or ", " || "),
    (" >= ", " ≥ "),
    (" <= ", " ≤ "),
    (" not ", " ! "),
    ("-Friday", "–Friday"),
    ("timeout 5s", "timeout 5 seconds"),
    (" for 3m", " for 3 minutes"),
    ("every 30m", "every 30 min"),
    ("08:00-18:00", "8-18"),
    ("metric ", "metric\u00a0"),
    ('"Europe/Berlin"', "“Europe/Berlin”"),
    ('"Search API"', "'Search API'"),
)
SAFE = {"E0114", "E0117"}
"""The codes with safe suggestions: another notation of the same value, another sign for the same word."""


def found_in(text: str) -> tuple[Diagnostic, ...]:
    return check_text(SourceText(name="a.sla", text=text))[1]


def mended(text: str) -> str:
    """As `wsla check --fix` goes about it: until nothing safe is left."""
    for _ in range(100):
        text, applied = apply_safe(text, found_in(text))
        if not applied:
            return text
    raise AssertionError("it never ends")


@st.composite
def broken(draw: st.DrawFn) -> tuple[str, str]:
    """A right text, and the same as somebody from elsewhere wrote it."""
    right = draw(st.sampled_from(TEXTS))
    text = right
    for old, new in draw(st.lists(st.sampled_from(HABITS), min_size=1, max_size=4, unique=True)):
        text = text.replace(old, new, draw(st.integers(1, 2)))
    return right, text


@settings(deadline=None, max_examples=25)
@given(broken())
def test_safe_suggestions_lead_back_to_the_same_plan(pair: tuple[str, str]) -> None:
    right, text = pair
    after = mended(text)
    checked, problems = check_text(SourceText(name="a.sla", text=after))
    assert problems == ()
    (expected,), _ = check_text(SourceText(name="a.sla", text=right))
    assert build_plan(checked[0]) == build_plan(expected)
    assert mended(after) == after


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(TEXTS), st.data())
def test_fixing_twice_is_fixing_once_and_a_right_text_stays(text: str, data: st.DataObject) -> None:
    assert apply_safe(text, found_in(text)) == (text, 0)
    at = data.draw(st.integers(0, len(text)))
    junk = data.draw(
        st.sampled_from(("&&", "≥", "5 min", "“", "'", ";", "8-17", "–", "\u00a0", "1_000", ".5", "{", "}"))
    )
    once = mended(text[:at] + junk + text[at:])
    assert mended(once) == once


def test_a_dot_inside_a_word_is_no_number_without_its_zero() -> None:
    text = TEXTS[0].replace("provider", "p.5rovider", 1)
    assert apply_safe(text, found_in(text)) == (text, 0)


@settings(deadline=None, max_examples=25)
@given(broken())
def test_only_these_codes_have_safe_suggestions(pair: tuple[str, str]) -> None:
    safe = {one.code for one in found_in(pair[1]) if one.suggestion is not None and one.suggestion.safe}
    assert safe <= SAFE
