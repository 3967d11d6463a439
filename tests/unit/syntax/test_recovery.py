"""A mistake costs one declaration and one message; the rest of the text is kept."""

from __future__ import annotations

import pytest

from wsla.diagnostics.source import SourceText
from wsla.syntax import surface
from wsla.syntax.parse import MAX_PROBLEMS, parse

RIGHT = """\
agreement "A" version 2 {
  kind internal
  party a "A" provider
  party b "B" consumer { email "x" }
  metric up = probe.ok  # fine
  goal g: a guarantees up {
    otherwise notify b
  }
  when not up { notify b }
}
test "t" {
  expect g met in 2026-03
}
"""


def names_of(document: surface.Document) -> list[str]:
    names = []
    for item in document.items:
        if isinstance(item, surface.Test):
            names.append(f"test {item.title.value}")
            continue
        for declaration in item.declarations:
            name = getattr(declaration, "name", None)
            names.append(name.text if isinstance(name, surface.Word) else type(declaration).__name__)
    return names


def outcome(text: str) -> tuple[list[str], list[tuple[int, int]], tuple[tuple[str, str], ...]]:
    document, problems = parse(SourceText(name="a.sla", text=text))
    return names_of(document), [problem.position for problem in problems], document.broken_names


def test_the_right_text_has_everything() -> None:
    assert outcome(RIGHT) == (["kind", "a", "b", "up", "g", "Rule", "test t"], [], ())


@pytest.mark.parametrize(
    ("old", "new", "kept", "places", "broken"),
    [
        (
            "metric up =",
            "metric up :",
            ["kind", "a", "b", "g", "Rule", "test t"],
            [(5, 13)],
            (("metric", "up"),),
        ),
        (
            "metric up",
            "metirc up",
            ["kind", "a", "b", "g", "Rule", "test t"],
            [(5, 3)],
            (("metric", "up"),),
        ),
        ("party a", "pary a", ["kind", "b", "up", "g", "Rule", "test t"], [(3, 3)], (("party", "a"),)),
        (
            '{ email "x" }',
            '{ email "x"',
            ["kind", "a", "b", "up", "g", "Rule", "test t"],
            [(4, 24)],
            (),
        ),
        (
            "    otherwise notify b\n  }",
            "    otherwise notify b",
            ["kind", "a", "b", "up", "g", "Rule", "test t"],
            [(6, 27)],
            (),
        ),
        (
            "{ notify b }",
            "{ notify b",
            ["kind", "a", "b", "up", "g", "Rule", "test t"],
            [(9, 15)],
            (),
        ),
        ('"B"', '"B', ["kind", "a", "up", "g", "Rule", "test t"], [(4, 33)], (("party", "b"),)),
        ("version 2", "version", ["kind", "a", "b", "up", "g", "Rule", "test t"], [(1, 23)], ()),
        ("expect g met", "expect g", ["kind", "a", "b", "up", "g", "Rule"], [(12, 12)], ()),
        (
            "up = probe.ok",
            "up = (probe.ok",
            ["kind", "a", "b", "g", "Rule", "test t"],
            [(5, 24)],
            (("metric", "up"),),
        ),
        ("notify b }", "notify b } }", ["kind", "a", "b", "up", "g", "Rule", "test t"], [(10, 1)], ()),
        ("kind internal", "kind", ["a", "b", "up", "g", "Rule", "test t"], [(2, 7)], ()),
    ],
)
def test_one_mistake(
    old: str,
    new: str,
    kept: list[str],
    places: list[tuple[int, int]],
    broken: tuple[tuple[str, str], ...],
) -> None:
    assert RIGHT.count(old) == 1
    assert outcome(RIGHT.replace(old, new)) == (kept, places, broken)


def test_two_mistakes_give_two_messages() -> None:
    text = RIGHT.replace("metric up =", "metric up :").replace("{ notify b }", "{ notfy b }")
    assert outcome(text) == (
        ["kind", "a", "b", "g", "test t"],
        [(5, 13), (9, 17)],
        (("metric", "up"),),
    )


def test_braces_in_texts_and_comments_do_not_count() -> None:
    text = RIGHT.replace("# fine", "# } {").replace('"x"', '"}{"').replace("metric up =", "metric up :")
    assert outcome(text) == (["kind", "a", "b", "g", "Rule", "test t"], [(5, 13)], (("metric", "up"),))


def test_keywords_as_keys_do_not_end_a_block() -> None:
    text = """\
agreement "A" version 1 {
  source s = records csv "x" {
    goal goals
    metric m
    when created
    party p
    service "s"
    test t
  }
  metric x = (
}
"""
    document, problems = parse(SourceText(name="a.sla", text=text))
    assert [problem.position for problem in problems] == [(10, 15)]
    source = document.items[0]
    assert isinstance(source, surface.Agreement)
    assert names_of(document) == ["s"]


def test_the_positions_of_kept_declarations_are_true() -> None:
    text = RIGHT.replace("metric up =", "metric up :")
    document, _ = parse(SourceText(name="a.sla", text=text))
    agreement = document.items[0]
    assert isinstance(agreement, surface.Agreement)
    for declaration in agreement.declarations:
        words = text[declaration.span.start : declaration.span.end].split()
        assert words[0] in ("kind", "party", "goal", "when")
    assert text[agreement.span.start : agreement.span.end].startswith("agreement")


def test_the_indentation_tells_which_block_is_open() -> None:
    text = """\
agreement "A" version 1 {
  metric x = 1
  goal g: a guarantees x {
    otherwise notify b
}
"""
    document, problems = parse(SourceText(name="a.sla", text=text))
    assert [(problem.code, problem.position) for problem in problems] == [("E0112", (3, 26))]
    assert names_of(document) == ["x", "g"]


@pytest.mark.parametrize("surplus", [0, 1])
def test_the_number_of_problems_is_limited(surplus: int) -> None:
    body = "metric x = +\n" * (MAX_PROBLEMS + surplus)
    _, problems = parse(SourceText(name="a.sla", text=f'agreement "A" version 1 {{\n{body}}}\n'))
    codes = [problem.code for problem in problems]
    assert codes == ["E0110"] * MAX_PROBLEMS + ["E0105"] * surplus
