"""Imports and templates (M67, M68): what an agreement that uses them means, and what is wrong with them."""

from __future__ import annotations

import pytest

from wsla.analysis.check import check_text
from wsla.analysis.reuse import expansion
from wsla.analysis.reuse.expansion import MAX_LEVELS
from wsla.analysis.reuse.imports import MAX_DEPTH, MAX_FILES, imported_paths, with_imports
from wsla.analysis.reuse.whole import self_contained
from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.render import render_full, to_json
from wsla.diagnostics.sarif import to_sarif
from wsla.diagnostics.source import SourceText
from wsla.plan.build import build_plan
from wsla.syntax.parse import MAX_TEXT
from wsla.texts import Texts

TEMPLATE = """\
template hosting(
  host: party, shop: party, target: quantity = 99.9%, address: text = "https://a.example",
  probe: name = probe, uptime: name = uptime, available: name = available
) {
  source probe = http address every 30s
  metric uptime = availability(probe.ok) each month
  goal available: host guarantees uptime >= target { otherwise notify shop }
}
"""
HEAD = """\
agreement "A" version 1 {
  effective 2026-01-01 in "Europe/Berlin"
  party acme provider
  party globex consumer
"""
USE = "  use hosting(host = acme, shop = globex)\n"
TWICE = (
    USE
    + '  use hosting(host = acme, shop = globex, target = 95%, address = "https://b.example",\n'
    + "    probe = second, uptime = second_uptime, available = second_available)\n"
)


def source(text: str, **files: str) -> SourceText:
    named = {f"{name}.sla": content for name, content in files.items()}
    return with_imports(SourceText(name="main.sla", text=text), Texts(named))


def found(text: str, **files: str) -> list[str]:
    return [said(one) for one in check_text(source(text, **files))[1]]


def said(one: Diagnostic) -> str:
    line, column = one.position
    return f"{one.source.name}:{line}:{column} {one.code} {one.message}"


def test_using_a_template_declares_what_its_body_declares() -> None:
    (used,), problems = check_text(source(TEMPLATE + HEAD + USE + "}\n"))
    assert problems == ()
    written = (
        '  source probe = http "https://a.example" every 30s\n'
        "  metric uptime = availability(probe.ok) each month\n"
        "  goal available: acme guarantees uptime >= 99.9% { otherwise notify globex }\n"
    )
    ((plain,), _) = check_text(source(HEAD + written + "}\n"))
    assert build_plan(used) == build_plan(plain)


def test_a_template_is_used_twice_with_other_names() -> None:
    (used,), problems = check_text(source(TEMPLATE + HEAD + TWICE + "}\n"))
    assert problems == ()
    assert [(goal.name, goal.text) for goal in used.goals] == [
        ("available", "uptime >= 99.9%"),
        ("second_available", "second_uptime >= 95%"),
    ]
    assert [one.name for one in used.sources] == ["probe", "second"]


def test_without_other_names_the_second_use_clashes_and_both_uses_are_shown() -> None:
    _, problems = check_text(source(TEMPLATE + HEAD + USE + USE + "}\n"))
    assert {one.code for one in problems} == {"E0202"}
    shown = render_full(problems[0])
    assert "this source has the name of a source" in shown
    assert "used at main.sla:14" in shown


def test_a_mistake_in_a_body_is_told_once_with_all_its_uses() -> None:
    text = TEMPLATE.replace("probe.ok", "probe.nothing") + HEAD + TWICE + "}\n"
    problems = check_text(source(text))[1]
    first = problems[0]
    assert (first.code, first.position) == ("E0203", (6, 38))
    assert [one.text for one in first.related] == ["used at main.sla:13"]
    assert first.source.line(6).strip().startswith("metric uptime")


def test_a_mistake_in_an_argument_is_told_there() -> None:
    text = TEMPLATE + HEAD + USE.replace("globex)", "globex, target = 99 EUR)") + "}\n"
    (problem,) = check_text(source(text))[1]
    assert said(problem).startswith("main.sla:13:52 E0302")
    assert [one.text for one in problem.related] == [
        "it stands here in place of `target`",
        "used at main.sla:13",
    ]


def test_a_mistake_in_a_default_is_told_there() -> None:
    text = TEMPLATE.replace("99.9%", "99 EUR") + HEAD + USE + "}\n"
    (problem,) = check_text(source(text))[1]
    assert said(problem).startswith("main.sla:2:48 E0302")


def test_an_unknown_name_as_an_argument_is_told_there() -> None:
    text = TEMPLATE + HEAD + USE.replace("= acme", "= acne") + "}\n"
    problems = check_text(source(text))[1]
    assert {said(one) for one in problems} == {"main.sla:13:22 E0201 there is no party named `acne`"}
    assert problems[0].suggestion is not None
    assert problems[0].suggestion.replacement == "acme"


WRONG_USES = [
    ("hosting(host = acme)", "13:7 E0907 `hosting` needs `shop` too", None),
    (
        "hosting(host = acme, shop = globex, targt = 5%)",
        "13:43 E0907 `hosting` has no parameter named `targt`",
        "target",
    ),
    ("hosting(host = acme, shop = globex, shop = acme)", "13:43 E0907 `shop` is given twice", None),
    (
        "hosting(host = acme, shop = globex, target = acme)",
        "13:52 E0908 `target` is a quantity, and `acme` is a name",
        None,
    ),
    (
        "hosting(host = acme, shop = globex, address = acme)",
        "13:53 E0908 `address` is a text, and `acme` is a name",
        '"acme"',
    ),
    (
        "hosting(host = acme, shop = globex, address = 5)",
        "13:53 E0908 `address` is a text, and `5` is a quantity",
        '"5"',
    ),
    (
        'hosting(host = acme, shop = "globex")',
        '13:35 E0908 `shop` is a party, and `"globex"` is a text',
        "globex",
    ),
    (
        "hosting(host = acme, shop = globes)\n  service globes",
        "13:35 E0908 `shop` is a party, and `globes` is a service",
        "globex",
    ),
    ("hostin(host = acme, shop = globex)", "13:7 E0904 there is no template named `hostin`", "hosting"),
]


@pytest.mark.parametrize(("use", "message", "replacement"), WRONG_USES)
def test_a_wrong_use_is_one_mistake(use: str, message: str, replacement: str | None) -> None:
    text = f"{TEMPLATE}{HEAD}  use {use}\n  metric m = availability(probe.ok) each month\n}}\n"
    (problem,) = check_text(source(text))[1]
    assert said(problem) == f"main.sla:{message}"
    suggested = None if problem.suggestion is None else problem.suggestion.replacement
    assert suggested == replacement


WRONG_TEMPLATES = [
    ("template t(a: partei) { metric m = a }", "1:15 E0906 there is no kind of parameter named `partei`"),
    (
        "template t(a: party, a: party) { cap credits to a at 5 EUR each month }",
        "1:22 E0202 `a` is defined twice",
    ),
    (
        "template t(a: party = 5) { cap credits to a at 5 EUR each month }",
        "1:23 E0908 `a` is a party, and `5` is a quantity",
    ),
    ("template t(a: quantity) { unit x }", "1:12 W0910 the parameter `a` is never used"),
    ("template t() { use u() }", "1:20 E0904 there is no template named `u`"),
    ("template t() { use t() }", "1:20 E0909 a template cannot be used to define itself: `t` → `t`"),
    ("template t() { unit x }\ntemplate t() { unit y }", "2:10 E0905 there are two templates named `t`"),
    (
        "template t(a: party) { cap credits to a at 5 EUR each month }\ntemplate u() { use t(b = c) }",
        "2:22 E0907 `t` has no parameter named `b`",
    ),
]


@pytest.mark.parametrize(("text", "message"), WRONG_TEMPLATES)
def test_a_template_that_nobody_uses_is_checked_too(text: str, message: str) -> None:
    assert found(text)[0] == f"main.sla:{message}"


def test_a_circle_of_two_templates_is_told_at_both() -> None:
    assert found("template a() { use b() }\ntemplate b() { use a() }\n") == [
        "main.sla:1:20 E0909 a template cannot be used to define itself: `a` → `b` → `a`",
        "main.sla:2:20 E0909 a template cannot be used to define itself: `b` → `a` → `b`",
    ]


def test_a_file_of_templates_alone_is_fine_and_an_empty_one_is_not() -> None:
    assert found(TEMPLATE) == []
    assert found('import "a.sla"\n', a=TEMPLATE) == []
    assert found("") == ["main.sla:1:1 E0120 there is no agreement in this file"]


def test_templates_of_imported_files_are_known_directly_or_not() -> None:
    assert found('import "a.sla"\n' + HEAD + USE + "}\n", a='import "b.sla"\n', b=TEMPLATE) == []


def test_a_file_imported_on_two_ways_counts_once() -> None:
    text = 'import "a.sla"\nimport "b.sla"\n' + HEAD + USE + "}\n"
    assert found(text, a='import "c.sla"', b='import "c.sla"', c=TEMPLATE) == []


def test_mistakes_in_an_imported_file_are_told_there_in_every_form() -> None:
    broken = TEMPLATE.replace("probe.ok", "probe.nothing")
    problems = check_text(source('import "a.sla"\n' + HEAD + USE + "}\n", a=broken))[1]
    problem = problems[0]
    assert said(problem).startswith("a.sla:6:38 E0203")
    assert " ::: main.sla:6:3" in render_full(problem)
    value = to_json(problem)
    assert (value["path"], value["line"]) == ("a.sla", 6)
    assert [(one["path"], one["line"]) for one in value["related"]] == [("main.sla", 6)]
    (run,) = to_sarif([problem], "1")["runs"]  # type: ignore[misc, attr-defined]
    (result,) = run["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a.sla"
    assert result["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "main.sla"


def test_a_syntax_error_in_an_imported_file_is_the_only_message() -> None:
    text = 'import "a.sla"\n' + HEAD + USE + "}\n"
    assert found(text, a=TEMPLATE.replace("guarantees", "")) == [
        "a.sla:7:25 E0110 a goal needs `guarantees` before `uptime`"
    ]


def test_agreements_and_tests_of_an_imported_file_are_left_there() -> None:
    other = TEMPLATE + HEAD.replace('"A"', '"B"') + USE + "}\n"
    agreements, problems = check_text(source('import "a.sla"\n' + HEAD + USE + "}\n", a=other))
    assert ([one.title for one in agreements], problems) == (["A"], ())


def test_a_missing_file_is_one_mistake() -> None:
    text = 'import "a.sla"\n' + HEAD + USE + "}\n"
    assert found(text) == ["main.sla:1:8 E0901 `a.sla` cannot be read: there is no such text"]


@pytest.mark.parametrize("path", ["https://a.example/x.sla", "file:///etc/x"])
def test_an_address_is_no_file(path: str) -> None:
    (problem,) = found(f'import "{path}"\n' + HEAD + "}\n")
    assert "E0901 an import names a file, not an address on the network" in problem


def test_files_that_import_each_other() -> None:
    (problem,) = found('import "a.sla"\n' + HEAD + "}\n", a='import "main.sla"')
    assert problem == "a.sla:1:8 E0902 files import each other: main.sla → a.sla → main.sla"


@pytest.mark.parametrize(("length", "fits"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False)])
def test_how_deep_imports_may_lead(length: int, fits: bool) -> None:
    files = {f"f{n}": f'import "f{n + 1}.sla"' for n in range(1, length)} | {f"f{length}": TEMPLATE}
    problems = found('import "f1.sla"\n' + HEAD + USE + "}\n", **files)
    assert (problems == []) == fits
    assert fits or "E0903" in problems[0]


@pytest.mark.parametrize(("count", "fits"), [(MAX_FILES, True), (MAX_FILES + 1, False)])
def test_how_many_files_may_be_imported(count: int, fits: bool) -> None:
    files = {f"f{n}": f"template t{n}() {{ unit x }}" for n in range(count)}
    problems = found("".join(f'import "{name}.sla"\n' for name in files) + HEAD + "}\n", **files)
    assert (problems == []) == fits
    assert fits or "E0903" in problems[0]


@pytest.mark.parametrize("more", [0, 1])
def test_how_much_may_be_imported(more: int) -> None:
    half = "#" * (MAX_TEXT // 2)
    entries = source('import "a.sla"\nimport "b.sla"\n', a=half, b=half + "#" * more).imports
    assert [entry.problem[0] for entry in entries] == ["", "E0903" if more else ""]


@pytest.mark.parametrize(("levels", "fits"), [(MAX_LEVELS, True), (MAX_LEVELS + 1, False)])
def test_how_deep_templates_may_use_templates(levels: int, fits: bool) -> None:
    chain = "".join(f"template t{n}() {{ use t{n + 1}() }}\n" for n in range(1, levels))
    problems = found(f"{chain}template t{levels}() {{ unit x }}\n{HEAD}  use t1()\n}}\n")
    assert ("E0912" in [problem.split()[1] for problem in problems]) == (not fits)


@pytest.mark.parametrize("limit", [14, 13])
def test_how_often_templates_may_be_used(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # 2 + 4 + 8 uses: templates that use templates twice grow fast.
    monkeypatch.setattr(expansion, "MAX_USES", limit)
    text = "template c() {}\ntemplate b() { use c() use c() }\ntemplate a() { use b() use b() }\n"
    problems = found(f"{text}{HEAD}  use a() use a()\n}}\n")
    assert [problem.split()[1] for problem in problems] == ([] if limit == 14 else ["E0912"])


def test_imports_are_found_in_broken_texts_but_not_in_blocks_and_comments() -> None:
    text = '# import "no.sla"\nimport "a.sla" agreement "import" {\n  source s = http { import "no.sla" }\n'
    text += 'import "b.sla"\n'
    assert imported_paths(text) == ("a.sla", "b.sla")


def test_a_text_with_its_imports_in_it_means_the_same() -> None:
    text = '# terms\nimport "a.sla" import "b.sla"\n' + HEAD + USE + "}\n"
    first = source(text, a='import "b.sla"\nagreement "Other" version 1 {}', b="# why\n" + TEMPLATE)
    whole = self_contained(first)
    assert "import" not in "".join(line for line in whole.splitlines() if not line.strip().startswith("#"))
    (before,), _ = check_text(first)
    (after,), problems = check_text(SourceText(name="stored", text=whole))
    assert problems == ()
    assert build_plan(after) == build_plan(before)
    assert self_contained(SourceText(name="x", text=text)) == text
