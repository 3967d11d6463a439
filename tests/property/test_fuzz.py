"""Nothing that anybody writes may raise: generated agreements and mutations of shipped ones, through every stage."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsla.analysis.check import check_text
from wsla.analysis.checked import CheckedAgreement
from wsla.diagnostics.diagnostic import has_errors
from wsla.diagnostics.render import render_concise, render_full, to_json
from wsla.diagnostics.source import SourceText
from wsla.plan.build import build_plan
from wsla.syntax import surface
from wsla.syntax.formatter import format_document, format_source
from wsla.syntax.parse import reserved_words
from wsla.testing import surface_strategies

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = tuple(path.read_text("utf-8") for path in sorted((ROOT / "specs").rglob("*.sla")))
PIECE = re.compile(r'"[^"\n]*"|#[^\n]*|[\w.:%-]+|\s+|.')
# What writers of agreements put where something else should stand, from all shipped agreements.
WORDS = sorted(
    {piece for text in SHIPPED for piece in PIECE.findall(text) if piece.strip()} | reserved_words()
)
QUIET = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)


def checked(text: str) -> tuple[CheckedAgreement, ...]:
    """Checks a text whatever it is; every message has a place inside it, and can be shown."""
    agreements, problems = check_text(SourceText(name="a.sla", text=text))
    for problem in problems:
        if problem.source.name == "a.sla":
            assert 0 <= problem.span.start <= problem.span.end <= len(problem.source.text)
        assert problem.message
        render_full(problem)
        render_concise(problem).encode("utf-8")
        to_json(problem)
    return () if has_errors(problems) else agreements


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A shipped agreement without its tests, with one to three of its pieces removed, doubled, swapped or replaced."""
    text = draw(st.sampled_from(SHIPPED))
    pieces = PIECE.findall(text.partition("\ntest ")[0])
    worth = [index for index, piece in enumerate(pieces) if piece.strip() and not piece.startswith("#")]
    for _ in range(draw(st.integers(1, 3))):
        index = draw(st.sampled_from(worth))
        match draw(st.sampled_from(("remove", "double", "swap", "replace", "replace"))):
            case "remove":
                pieces[index] = ""
            case "double":
                pieces[index] = f"{pieces[index]} {pieces[index]}"
            case "swap":
                other = draw(st.sampled_from(worth))
                pieces[index], pieces[other] = pieces[other], pieces[index]
            case _:
                pieces[index] = draw(st.sampled_from(WORDS))
    return "".join(pieces)


@settings(max_examples=80, suppress_health_check=QUIET)
@given(mutated())
def test_mutations_of_shipped_agreements(text: str) -> None:
    agreements = checked(text)
    for agreement in agreements:
        build_plan(agreement)
    if agreements:
        # What checks is still the same once it is laid out.
        formatted, _ = format_source(SourceText(name="a.sla", text=text))
        assert formatted is not None
        again = checked(formatted)
        assert [build_plan(one) for one in again] == [build_plan(one) for one in agreements]


@settings(max_examples=25, suppress_health_check=QUIET)
@given(surface_strategies.documents)
def test_whatever_the_grammar_can_read(document: surface.Document) -> None:
    text = format_document(document, SourceText(name="a.sla", text=""))
    for agreement in checked(text):
        build_plan(agreement)


@settings(max_examples=50, suppress_health_check=QUIET)
@given(st.lists(st.sampled_from(WORDS), max_size=40), st.booleans())
def test_words_in_any_order(words: list[str], inside: bool) -> None:
    text = " ".join(words)
    checked(f'agreement "A" version 1 {{\n  effective 2026-01-01\n{text}\n}}' if inside else text)
