"""Every finding of the checker: which code, at which text, with which suggestion."""

from __future__ import annotations

import pytest

from wsla.analysis.check import check_text
from wsla.analysis.checked import Secret
from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText

HEAD = """agreement "Test" version 1 {
  effective 2026-01-01 until 2027-01-01 in "Europe/Berlin"
  currency EUR
  party acme "Acme" provider { email "a@acme.example" }
  party globex "Globex" consumer { email "g@globex.example" }
  service search "Search" { fee 2000 EUR per month }
  schedule office { Monday-Friday 08:00-18:00 }
  source probe = http "http://localhost/health" every 30s
"""
FULL = """  metric up = probe.ok
  metric uptime = availability(up) each month during office
  goal available: acme guarantees uptime >= 99.9% { otherwise credit globex 10% of search.fee }
"""


def found(body: str, tests: str = "") -> tuple[tuple[Diagnostic, ...], str]:
    text = HEAD + body + "}\n" + tests
    return check_text(SourceText(name="t.sla", text=text))[1], text


def shown(body: str, tests: str = "") -> list[tuple[str, str, str | None]]:
    """(code, the text under the caret, the replacement) of each finding."""
    diagnostics, text = found(body, tests)
    return [
        (
            one.code,
            text[one.span.start : one.span.end],
            one.suggestion.replacement if one.suggestion is not None else None,
        )
        for one in diagnostics
    ]


def test_an_agreement_without_faults_has_no_findings() -> None:
    assert shown(FULL) == []


METRIC = "  metric up = probe.ok\n  metric uptime = availability(up) each month during office\n"


def goal(condition: str, items: str = "otherwise credit globex 10% of search.fee") -> str:
    return METRIC + f"  goal available: acme guarantees {condition} {{ {items} }}\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # names
        (
            FULL.replace("(up)", "(upp)"),
            [("E0201", "upp", "up")],
        ),
        (FULL.replace("during office", "during offise"), [("E0201", "offise", "office")]),
        (FULL.replace(": acme", ": acmee"), [("E0201", "acmee", "acme")]),
        (FULL.replace("credit globex", "credit globx"), [("E0201", "globx", "globex")]),
        (FULL.replace("probe.ok", "probe.okay"), [("E0203", "okay", "ok")]),
        (FULL.replace("search.fee", "search.price"), [("E0203", "search.price", None)]),
        (
            FULL.replace("availability(up)", "p95(probe.elapsed)"),
            [("E0205", "p95", "percentile(probe.elapsed, 95")],
        ),
        (
            FULL.replace("availability(up)", "p99_9(probe.elapsed)"),
            [("E0205", "p99_9", "percentile(probe.elapsed, 99.9")],
        ),
        (
            FULL.replace("availability(up)", "p999(probe.elapsed)"),
            [("E0205", "p999", "percentile(probe.elapsed, 99.9")],
        ),
        (FULL.replace("availability(up)", "availabilty(up)"), [("E0205", "availabilty", "availability")]),
        (FULL + "  metric office = probe.ok\n", [("E0202", "office", None)]),
        ("  metric a = b\n  metric b = a\n" + FULL, [("E0204", "a", None)]),
        (
            FULL.replace("by LABEL", "") + "  metric x = count(probe) each day by zone\n",
            [("E0207", "count(probe)", None)],
        ),
        # units and types
        (goal("uptime >= 99.9"), [("E0304", "99.9", "99.9%")]),
        (goal("uptime >= 5m"), [("E0302", "5m", None)]),
        (goal('uptime >= "good"'), [("E0303", '"good"', None)]),
        (goal("uptime >= 99.9 EUR"), [("E0302", "99.9 EUR", None)]),
        (FULL.replace("= probe.ok", "= probe.elapsed < 2min"), [("E0301", "2min", "2m")]),
        (FULL.replace("= probe.ok", "= probe.elapsed < 2"), [("E0302", "2", None)]),
        (FULL.replace("= probe.ok", "= probe.ok + 1"), [("E0303", "probe.ok", None)]),
        (FULL.replace("= probe.ok", "= probe.elapsed"), [("E0303", "up", None)]),
        # shapes and windows
        (goal("up"), [("E0501", "up", None)]),
        (FULL.replace("each month", ""), [("E0308", "availability(up)", None)]),
        (FULL.replace("each month", "each months"), [("E0305", "months", "month")]),
        (FULL.replace("each month", "each day each month"), [("E0307", "each month", None)]),
        (FULL.replace("each month", "each 24h"), [("W0607", "24h", "day")]),
        (
            FULL
            + "  metric p = percentile(probe.elapsed, 95) each 5m\n  metric m = availability(p < 1s) each day\n",
            [("E0309", "p < 1s", None)],
        ),
        # tiers
        (
            goal(
                "uptime >= 99.9%",
                "otherwise credit globex by uptime { >= 95%: 10 EUR >= 99%: 5 EUR else: 20 EUR }",
            ),
            [("E0402", ">= 99%: 5 EUR", None)],
        ),
        # goals
        (goal("uptime >= 101%"), [("E0507", "uptime >= 101%", None)]),
        (goal("uptime >= 0%"), [("E0508", "uptime >= 0%", None)]),
        (
            goal("uptime >= 99.9%", ""),
            [("W0506", "goal available: acme guarantees uptime >= 99.9% {  }", None)],
        ),
        (goal("uptime >= 99.9%", "otherwise credit acme 5 EUR"), [("E0504", "credit acme 5 EUR", None)]),
        (goal("uptime >= 99.9%", "otherwise credit globex 5 USD"), [("E0302", "5 USD", None)]),
        (goal("uptime >= 99.9%", "otherwise credit globex 5m"), [("E0303", "5m", None)]),
        (
            goal("uptime >= 99.9%", "unknown time is bad otherwise notify acme"),
            [("E0502", "unknown time is bad", None)],
        ),
        (goal("uptime >= 99.9%", "coverage 120% otherwise notify acme"), [("E0503", "120%", None)]),
        # time
        (FULL + "  when available violated in 4 of last 3 months { notify acme }\n", [("E0603", "4", None)]),
        (FULL + "  when up for 3EUR { notify acme }\n", [("E0306", "3EUR", None)]),
        (FULL + "  schedule s { Monday 08:00-08:00 }\n", [("E0606", "08:00-08:00", None)]),
        (
            FULL + "  schedule s { Monday 25:00-26:00 }\n",
            [("E0601", "25:00", None), ("E0601", "26:00", None)],
        ),
        (FULL + '  schedule s { holidays "XX" }\n', [("E0608", '"XX"', None)]),
        (FULL + "  schedule s { 2026-02-30 }\n", [("E0601", "2026-02-30", None)]),
    ],
)
def test_findings(body: str, expected: list[tuple[str, str, str | None]]) -> None:
    got = shown(body)
    codes = [(code, text) for code, text, _ in got if code != "W0405"]
    wanted = [(code, text) for code, text, _ in expected if code != "W0405"]
    assert sorted(codes) == sorted(wanted)
    suggestions = {(code, text): replacement for code, text, replacement in got}
    for code, text, replacement in expected:
        if replacement is not None:
            assert suggestions[code, text] == replacement


def test_a_line_of_a_table_that_can_never_be_reached() -> None:
    table = "otherwise credit globex by uptime { >= 95%: 10 EUR >= 99%: 5 EUR else: 20 EUR }"
    codes = [one.code for one in found(goal("uptime >= 99.9%", table))[0]]
    assert codes == ["E0402"]


def test_a_table_without_else_leaves_a_gap() -> None:
    table = "otherwise credit globex by uptime { >= 99%: 5 EUR >= 95%: 10 EUR }"
    assert [one.code for one in found(goal("uptime >= 99.9%", table))[0]] == ["E0403"]


def test_a_credit_for_values_that_meet_the_goal_is_never_due() -> None:
    table = "otherwise credit globex by uptime { >= 99.95%: 5 EUR else: 10 EUR }"
    assert [one.code for one in found(goal("uptime >= 99.9%", table))[0]] == ["E0404"]


def test_a_tier_at_exactly_the_promise_is_never_due_either() -> None:
    table = "otherwise credit globex by uptime { >= 99.9%: 5 EUR else: 10 EUR }"
    assert [one.code for one in found(goal("uptime >= 99.9%", table))[0]] == ["E0404"]
    table = "otherwise credit globex by uptime { >= 99.8%: 5 EUR else: 10 EUR }"
    assert found(goal("uptime >= 99.9%", table))[0] == ()


def test_a_promise_that_the_probe_is_too_slow_to_see_broken() -> None:
    text = HEAD.replace("every 30s", "every 5m") + FULL.replace("99.9%", "99.99%") + "}"
    codes = [one.code for one in check_text(SourceText(name="t.sla", text=text))[1]]
    assert codes == ["W0509"]


def test_all_problems_come_in_one_pass_in_the_order_of_the_text() -> None:
    body = FULL.replace("(up)", "(nowhere)").replace("10% of", "10% of 5m *")
    diagnostics, _ = found(body + "  metric up2 = probe.nothing\n")
    spans = [one.span.start for one in diagnostics]
    assert spans == sorted(spans)
    assert {"E0201", "E0203"} <= {one.code for one in diagnostics}


def test_an_unknown_zone_is_named_with_its_nearest() -> None:
    text = (HEAD + FULL + "}").replace("Europe/Berlin", "Europe/Berln")
    (only,) = check_text(SourceText(name="t.sla", text=text))[1]
    assert only.code == "E0605"
    assert only.suggestion is not None
    assert only.suggestion.replacement == '"Europe/Berlin"'


def test_an_agreement_that_ends_before_it_starts() -> None:
    text = (HEAD + FULL + "}").replace("until 2027-01-01", "until 2025-01-01")
    assert [one.code for one in check_text(SourceText(name="t.sla", text=text))[1]] == ["E0602"]


def test_a_test_that_expects_nothing() -> None:
    assert [code for code, _, _ in shown(FULL, 'test "x" { given probe.ok = true every 30s }')] == ["E0801"]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("expect availble met in 2026-03", "E0201"),
        ("expect available met in 2026-13", "E0601"),
        ("expect up == true in 2026-03", "E0804"),
        ("expect credit globex 5 in 2026-03", "E0303"),
        ("given probe.ok = 5 every 30s expect available met in 2026-03", "E0303"),
        ("given probe.ok = true from 2026-03-02 until 2026-03-01 expect available met in 2026-03", "E0602"),
        ("given prob.ok = true every 30s expect available met in 2026-03", "E0201"),
    ],
)
def test_mistakes_in_tests(step: str, code: str) -> None:
    assert [found for found, _, _ in shown(FULL, f'test "x" {{ {step} }}')] == [code]


def test_every_code_that_the_checker_uses_is_registered() -> None:
    import re
    from pathlib import Path

    import wsla.analysis
    from wsla.diagnostics.codes import TITLES

    folder = Path(str(wsla.analysis.__file__)).parent
    used = {
        code for path in folder.glob("*.py") for code in re.findall(r'"([EW]\d{4})"', path.read_text("utf-8"))
    }
    assert used
    assert used <= set(TITLES)


def test_a_probe_takes_several_headers_some_of_them_secret() -> None:
    lines = 'expected 200 header "Accept: text/plain" header env API_TOKEN contains "fine"'
    text = (HEAD + FULL + "}").replace("every 30s", f"every 30s {{ {lines} }}")
    (agreement,), problems = check_text(SourceText(name="t.sla", text=text))
    assert problems == ()
    assert agreement.sources[0].options == {
        "url": "http://localhost/health",
        "expected": 200,
        "header 1": "Accept: text/plain",
        "header 2": Secret(variable="API_TOKEN"),
        "contains": "fine",
    }
