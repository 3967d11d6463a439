"""Every limit at its number and one past it; and no text makes the parser raise."""

from __future__ import annotations

import logging
import random
import re
from pathlib import Path

import lark
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsla.diagnostics.render import render_concise, render_full, to_json
from wsla.diagnostics.source import SourceText
from wsla.syntax.formatter import format_source
from wsla.syntax.parse import MAX_EXPRESSION_DEPTH, MAX_NESTING, MAX_TEXT, parse, parser, reserved_words

SAMPLES = Path(__file__).resolve().parents[3].parent / "shared" / "design" / "samples"
SMALL = """\
agreement "A" version 1 { # one
  kind internal
  party a "A" provider { email "x" }
  source probe = http "https://x.example" every 30s timeout 5s
  schedule s { Monday-Friday 08:00-18:00 except holidays "DE" }
  metric up = probe.ok and probe.elapsed < 2s
  metric m = availability(up) each month excluding s, or 100% when idle
  goal g: a guarantees m >= 99.9% {
    otherwise credit a by m { >= 99%: 10% of s.fee else: 5 EUR }
    unknown time is excluded
  }
  when g violated in 3 of last 6 months { notify a }
  cap credits to a at 5 EUR each month
}
test "t" { given probe.ok = false from 2026-03-04T10:00 for 1h expect no credit a in 2026-03 }
"""


def codes(text: str) -> list[str]:
    return [problem.code for problem in parse(SourceText(name="a.sla", text=text))[1]]


def within(body: str) -> str:
    return f'agreement "A" version 1 {{ {body} }}'


@pytest.mark.parametrize(("surplus", "expected"), [(0, []), (1, ["E0102"])])
def test_the_size_of_a_text(surplus: int, expected: list[str]) -> None:
    assert codes("#" * (MAX_TEXT + surplus)) == expected


@pytest.mark.parametrize(("surplus", "expected"), [(0, []), (1, ["E0103"])])
def test_the_nesting_of_parentheses(surplus: int, expected: list[str]) -> None:
    depth = MAX_NESTING - 1 + surplus  # the agreement's own brace is one
    assert codes(within(f"metric m = {'(' * depth}1{')' * depth}")) == expected


@pytest.mark.parametrize(("surplus", "expected"), [(0, []), (1, ["E0103"])])
def test_the_nesting_of_braces(surplus: int, expected: list[str]) -> None:
    depth = MAX_NESTING - 1 + surplus
    text = within(f"metric m = {'by x { else: ' * depth}1{' }' * depth}")
    assert codes(text) == expected
    if not expected:
        formatted, _ = format_source(SourceText(name="a.sla", text=text))
        assert formatted is not None
        assert codes(formatted) == []


@pytest.mark.parametrize("operator", ["+", "or", "*", "and"])
@pytest.mark.parametrize(("surplus", "expected"), [(0, []), (1, ["E0104"])])
def test_the_depth_of_an_expression(operator: str, surplus: int, expected: list[str]) -> None:
    text = within(f"metric m = {f'x {operator} ' * (MAX_EXPRESSION_DEPTH + surplus)}x")
    assert codes(text) == expected
    if not expected:
        formatted, _ = format_source(SourceText(name="a.sla", text=text))
        assert formatted is not None
        document = parse(SourceText(name="a.sla", text=text))[0]
        assert parse(SourceText(name="a.sla", text=formatted))[0] == document


@pytest.mark.parametrize(("surplus", "expected"), [(0, []), (1, ["E0104"])])
def test_the_depth_of_prefixes(surplus: int, expected: list[str]) -> None:
    assert codes(within(f"metric m = {'not ' * (MAX_EXPRESSION_DEPTH + surplus)}x")) == expected


def test_an_expression_that_is_too_deep_costs_its_declaration_only() -> None:
    text = within(f"metric deep = {'x + ' * 300}x\nmetric fine = 1")
    document, problems = parse(SourceText(name="a.sla", text=text))
    assert [problem.code for problem in problems] == ["E0104"]
    assert document.broken_names == (("metric", "deep"),)
    assert [declaration.name.text for declaration in document.items[0].declarations] == ["fine"]  # type: ignore[union-attr]


def test_very_deep_and_broken_texts_do_not_exhaust_the_stack() -> None:
    for text in ("(" * 100_000, "{" * 100_000, "not " * 50_000, within("metric m = " + "-" * 50_000)):
        assert codes(text)


# --- no text whatsoever may raise


def check_never_raises(text: str) -> None:
    document, problems = parse(SourceText(name="a.sla", text=text))
    assert problems or "\n".join(c.text for c in document.comments) is not None
    for problem in problems:
        assert 0 <= problem.span.start <= problem.span.end <= len(text)
        assert problem.message
        render_full(problem)
        render_concise(problem).encode("utf-8")
        to_json(problem)
    formatted, _ = format_source(SourceText(name="a.sla", text=text))
    assert (formatted is None) == bool(problems)
    if formatted is not None:
        assert codes(formatted) == []


@settings(max_examples=150)
@given(st.text(st.characters(), max_size=60))
def test_any_text(text: str) -> None:
    check_never_raises(text)


_SIGNS = [*list('{}()"#:,.=+-*/<>'), "<=", ">=", "==", "!=", "\n", "\n  ", '"a"', "x", "probe", "§", "“", "’"]
_TOKENS = st.sampled_from(
    [
        *sorted(reserved_words()),
        *_SIGNS,
        "5",
        "30s",
        "99.9%",
        "5 EUR",
        "08:00",
        "2026-01-01",
        "2026-03",
        "2026-01-01T10:00",
        "15th",
    ]
)


@settings(max_examples=120)
@given(st.lists(_TOKENS, max_size=30), st.booleans())
def test_any_tokens(tokens: list[str], inside: bool) -> None:
    text = " ".join(tokens)
    check_never_raises(within(text) if inside else text)


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """A text with a few of its tokens removed, doubled, exchanged or replaced."""
    tokens = re.findall(r'"[^"\n]*"|#[^\n]*|[\w.:%-]+|\s+|.', text)
    for _ in range(draw(st.integers(1, 4))):
        index = draw(st.integers(0, len(tokens) - 1))
        match draw(st.sampled_from(("remove", "double", "swap", "replace", "cut"))):
            case "remove":
                tokens[index] = ""
            case "double":
                tokens[index] *= 2
            case "swap":
                other = draw(st.integers(0, len(tokens) - 1))
                tokens[index], tokens[other] = tokens[other], tokens[index]
            case "replace":
                tokens[index] = draw(_TOKENS)
            case _:
                tokens[index] = tokens[index][: len(tokens[index]) // 2]
    return "".join(tokens)


@settings(max_examples=120)
@given(mutated(SMALL))
def test_any_mutation(text: str) -> None:
    check_never_raises(text)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the design samples are not beside the project")
def test_mutations_of_the_samples() -> None:
    chance = random.Random(7)
    for path in sorted(SAMPLES.glob("*.sla")):
        text = path.read_text("utf-8")
        for _ in range(30):
            start = chance.randrange(len(text))
            check_never_raises(text[:start] + text[start + chance.randrange(1, 9) :])


# --- the grammar itself


def grammar() -> str:
    return (Path(__file__).resolve().parents[3] / "grammar" / "wsla.lark").read_text("utf-8")


def test_the_grammar_has_the_one_conflict_that_is_meant(caplog: pytest.LogCaptureFixture) -> None:
    level = lark.logger.level
    lark.logger.setLevel(logging.DEBUG)
    lark.logger.addHandler(caplog.handler)
    try:
        lark.Lark(grammar(), start=["document"], parser="lalr", lexer="basic", debug=True)
    finally:
        lark.logger.removeHandler(caplog.handler)
        lark.logger.setLevel(level)
    conflicts = [record.getMessage() for record in caplog.records if "conflict" in record.getMessage()]
    assert len(set(conflicts)) == 1
    assert "COMPARISON" in conflicts[0]


@pytest.mark.parametrize("text", [SMALL])
def test_both_lexers_agree(text: str) -> None:
    contextual = lark.Lark(
        grammar(), start=["document"], parser="lalr", lexer="contextual", maybe_placeholders=True
    )
    assert contextual.parse(text, start="document") == parser().parse(text, start="document")


def test_the_page_on_the_grammar_lists_the_reserved_words() -> None:
    page = (Path(__file__).resolve().parents[3] / "grammar" / "README.md").read_text("utf-8")
    block = re.search(r"```text\n(.*?)```", page, re.DOTALL)
    assert block is not None
    listed = block.group(1).split()
    assert {word.rstrip("*") for word in listed} == reserved_words()
    for word in listed:
        text = within(f"source s = push {{ {word.rstrip('*')} x }}")
        assert bool(codes(text)) == word.endswith("*"), word
