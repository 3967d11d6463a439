"""Broken templates, uses and imports: each mistake gives one message, and the rest is read."""

from __future__ import annotations

import pytest

from wsla.diagnostics.render import render_concise
from wsla.diagnostics.source import SourceText
from wsla.syntax import surface
from wsla.syntax.parse import parse

AGREEMENT = '\nagreement "A" version 1 {\n  metric z = 5\n}\n'

BROKEN = [
    ("import 5", "1:8", 'an import needs a file in quotes such as `"terms.sla"` after `import`, not `5`'),
    ("import", "1:7", 'an import needs a file in quotes such as `"terms.sla"` after `import`'),
    ("template (a: party) {}", "1:10", "a template needs a name before `(`"),
    ("template t {}", "1:12", "a template needs `(` after `t`, not `{`"),
    ("template t(a) {}", "1:13", "a template needs `:` after `a`, not `)`"),
    ("template t(a: ) {}", "1:15", "a template needs a kind such as `party` or `quantity` before `)`"),
    ("template t(a: party {}", "1:21", "a template needs `)` before `{`"),
    ("template t(a: party b: party) {}", "1:21", "a template needs `,` before `b`"),
    (
        "template t(a: party,) {}",
        "1:21",
        "a template needs a parameter such as `target: quantity` after `,`, not `)`",
    ),
    (
        "template t(a: quantity) { metric x = mean(p.q) over last b }",
        "1:58",
        "a metric needs a length of time such as `1h` before `b`",
    ),
    (
        "template t(a: party) {\n  metric x =\n  metric y = 5\n}",
        "2:13",
        "a metric needs an expression after `=`",
    ),
]

USES = [
    ("use", "2:6", "a use needs the name of a template after `use`"),
    ("use t", "2:8", "a use needs `(` after `t`"),
    ("use t(a = b c = d)", "2:15", "a use needs `,` before `c`"),
    ("use t(a)", "2:10", "a use needs `=` after `a`, not `)`"),
    ("use t(a = )", "2:13", "a use needs a name, a number, a quantity such as `30s` or a text in quotes"),
    ("use t(\n    a = b\n    c = d\n  )", "4:5", "a use needs `,` before `c`"),
]


def problems_of(text: str) -> list[str]:
    return [render_concise(found) for found in parse(SourceText(name="a", text=text))[1]]


@pytest.mark.parametrize(("text", "place", "message"), BROKEN)
def test_a_broken_head_costs_one_message_and_the_agreement_is_read(
    text: str, place: str, message: str
) -> None:
    (problem,) = problems_of(text + AGREEMENT)
    assert problem == f"a:{place}: error[E0110]: {message}"
    document, _ = parse(SourceText(name="a", text=text + AGREEMENT))
    assert [type(item) for item in document.items] == [surface.Agreement]


@pytest.mark.parametrize(("use", "place", "message"), USES)
def test_a_broken_use_costs_one_message_and_its_neighbours_are_read(
    use: str, place: str, message: str
) -> None:
    text = f'agreement "A" version 1 {{\n  {use}\n  metric z = 5\n}}\n'
    (problem,) = problems_of(text)
    assert problem.startswith(f"a:{place}: error[E0110]: {message}")
    document, _ = parse(SourceText(name="a", text=text))
    (agreement,) = document.items
    assert isinstance(agreement, surface.Agreement)
    assert [type(one) for one in agreement.declarations] == [surface.Metric]


def test_two_mistakes_in_a_template_give_two_messages_and_its_names_are_known() -> None:
    text = (
        "template t(a: quantity) {\n  metric x =\n  metric y = mean(p.q) over last a\n  goal g acme\n}"
        + AGREEMENT
    )
    document, problems = parse(SourceText(name="a", text=text))
    assert [problem.position[0] for problem in problems] == [2, 4]
    assert {("template", "t"), ("metric", "x"), ("metric", "y")} <= set(document.broken_names)


def test_a_template_without_a_mistake_survives_those_of_others() -> None:
    text = "template t(a: quantity) { metric y = mean(p.q) over last a }\ntemplate u() {\n  metric x =\n}\n"
    document, problems = parse(SourceText(name="a", text=text))
    (template,) = document.items
    assert isinstance(template, surface.Template)
    assert [hole.text for hole in template.holes] == ["a"]
    assert len(problems) == 1


# What a parameter may stand for, and where it is only a word that looks like it.
HOLES = [
    ("every a timeout a", 'source p = http "x" every a timeout a', 2),
    ("a length", "metric m = mean(p.q) over last a every a", 2),
    ("a period", "metric m = availability(p.ok) each a", 1),
    ("a bound", "goal g: h guarantees m >= a { coverage a }", 2),
    ("for and after", "when m for a { notify h  after a: notify h  repeat every a }", 3),
    ("amounts", "goal g: h guarantees m >= 1 { otherwise credit h a of s.fee at most a only above a }", 3),
    ("a table", "metric m = by n { >= a: a else: a }", 3),
    ("a cap", "cap credits to h at a each month", 1),
    ("a plain number", "when g violated in a of last a months { notify h }", 2),
    ("a field of a source", "metric m = mean(p.a)", 0),
    ("a key in a block, and its value", 'source p = http "x" { a a }', 1),
    ("an item", "service s { a 5 EUR }", 0),
    ("a label", "metric m = availability(p.ok) by a", 0),
]


@pytest.mark.parametrize(
    ("body", "count"), [(body, count) for _, body, count in HOLES], ids=[row[0] for row in HOLES]
)
def test_where_a_quantity_stands_a_parameter_can(body: str, count: int) -> None:
    document, problems = parse(SourceText(name="a", text=f"template t(a: quantity) {{ {body} }}"))
    assert [problem.message for problem in problems] == []
    (template,) = document.items
    assert isinstance(template, surface.Template)
    assert len(template.holes) == count


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("party a a", 1),
        ("goal a: a guarantees a >= a { otherwise notify a, a.a }", 6),
        ("cap credits to a at 5 EUR each a", 1),
        ("metric a = a(a, a.a where a == 5) during a excluding a by a", 6),
        ("when a violated { credit a 5 EUR from a }", 3),
        ("use b(a = a)", 1),
    ],
)
def test_where_a_name_stands_a_parameter_can(body: str, count: int) -> None:
    document, problems = parse(SourceText(name="a", text=f"template t(a: name) {{ {body} }}"))
    assert [problem.message for problem in problems] == []
    (template,) = document.items
    assert isinstance(template, surface.Template)
    assert len(template.holes) == count
