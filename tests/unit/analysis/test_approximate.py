"""The checker on percentiles that may be off by a stated error (M101), and on exact ones that keep very much."""

from __future__ import annotations

from fractions import Fraction

import pytest

from wsla.analysis import operations as op
from wsla.analysis.check import check_text
from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.source import SourceText
from wsla.syntax.formatter import format_source

TEXT = """agreement "Test" version 1 {{
  effective 2026-01-01 until 2027-01-01
  party acme "Acme" provider
  party globex "Globex" consumer
  source probe = push every {every} {{ label site }}
  source tickets = records push {{ key number  at closed }}
  metric m = {formula}
  goal kept: acme guarantees m <= 3 {{ otherwise notify globex }}
}}
"""


def text_of(formula: str, every: str = "1m") -> SourceText:
    return SourceText(name="t.sla", text=TEXT.format(formula=formula, every=every))


def found(formula: str, every: str = "1m") -> tuple[list[Diagnostic], list[op.Aggregate]]:
    checked, problems = check_text(text_of(formula, every))
    aggregates = [
        node for one in checked for node in one.operations if isinstance(node, op.Aggregate) and node.within
    ]
    return [one for one in problems if one.code not in ("W0212", "W0506")], aggregates


@pytest.mark.parametrize(
    ("formula", "error"),
    [
        ("percentile(probe.load, 99, approximate within 1%) each month", Fraction(1, 100)),
        ("median(probe.load, approximate within 0.5 %) over last 30d every 1h", Fraction(1, 200)),
        ("median(probe.load where probe.ok, approximate within 99.9%) each day", Fraction(999, 1000)),
        ("percentile(tickets.size, 90, approximate within 0.001%) each day", Fraction(1, 100_000)),
        ("median(mean(probe.load) each 1m, approximate within 2%) each day", Fraction(1, 50)),
    ],
)
def test_the_error_is_read(formula: str, error: Fraction) -> None:
    problems, aggregates = found(formula)
    assert problems == []
    assert [one.within for one in aggregates] == [error]
    formatted, _ = format_source(text_of(formula))
    assert formatted is not None
    assert formula.replace(" %", "%") in formatted
    assert format_source(SourceText(name="t.sla", text=formatted))[0] == formatted


@pytest.mark.parametrize(
    ("formula", "code", "message"),
    [
        ("mean(probe.load, approximate within 1%) each day", "E0335", "`mean` is always exact"),
        ("max(probe.load, approximate within 1%) each day", "E0335", "`max` is always exact"),
        ("availability(probe.ok, approximate within 1%) each day", "E0335", "`availability` is always exact"),
        ("round(probe.load, 2, approximate within 1%)", "E0335", "`round` is always exact"),
        ("previous(probe.load, approximate within 1%)", "E0335", "`previous` is always exact"),
        ("median(probe.load, approximate within 0%) each day", "E0336", "an error of 0 % is none"),
        (
            "median(probe.load, approximate within 100%) each day",
            "E0336",
            "an error of 100% is not below 100 %",
        ),
        (
            "median(probe.load, approximate within 0.0009%) each day",
            "E0336",
            "the error is at least 0.001%, not 0.0009%",
        ),
        (
            "median(probe.load, approximate within 5ms) each day",
            "E0336",
            "the error is a percentage of the value, as in `approximate within 1%`",
        ),
        (
            "median(probe.load, approximate) each day",
            "E0336",
            "`approximate` needs an error: `approximate within 1%`",
        ),
        (
            "median(probe.load, approximate under 1%) each day",
            "E0336",
            "`under` cannot stand here: write `approximate within 1%`",
        ),
        (
            "median(probe.load, about within 1%) each day",
            "E0336",
            "`about` cannot stand here: write `approximate within 1%`",
        ),
        ("median(probe.load, approximate within 1parsec) each day", "E0301", "'parsec' is not a unit"),
        (
            "availability(probe.ok, forgiving outages 5m) each day",
            "E0333",
            "it is said `forgiving outages under 5m` or `forgiving outages up to 5m`",
        ),
        (
            "percentile(probe.load, approximate within 1%) each day",
            "E0206",
            "`percentile` takes 2 values, not 1: `percentile(probe.elapsed, 95)`",
        ),
    ],
)
def test_what_cannot_be_meant_is_said(formula: str, code: str, message: str) -> None:
    problems, _ = found(formula)
    assert (problems[0].code, problems[0].message) == (code, message)


def test_a_metric_may_be_called_approximate() -> None:
    text = TEXT.format(formula="approximate + 0", every="1m").replace(
        "  goal", "  metric approximate = mean(probe.load) each day\n  goal"
    )
    assert [one for one in check_text(SourceText(name="t.sla", text=text))[1] if one.code[0] == "E"] == []


@pytest.mark.parametrize(
    ("formula", "every", "number"),
    [
        ("percentile(probe.load, 99) each month", "1s", "2 592 000"),
        ("median(probe.load) each week", "1s", "604 800"),
        ("percentile(probe.load, 99) over last 7d", "500ms", "1 209 600"),
        ("percentile(probe.load, 99) over last 2 months", "1s", "5 184 000"),
    ],
)
def test_very_many_samples_are_warned_of(formula: str, every: str, number: str) -> None:
    problems, _ = found(formula, every)
    assert [one.code for one in problems] == ["W0615"]
    assert f"for each site about {number} of them" in problems[0].message


@pytest.mark.parametrize(
    ("formula", "every"),
    [
        ("percentile(probe.load, 99, approximate within 1%) each month", "1s"),
        ("percentile(probe.load, 99) each month", "2s"),
        ("percentile(probe.load, 99) over last 167h", "1s"),
        ("max(probe.load) each month", "1s"),
        ("median(tickets.size) each month", "1s"),
        ("median(mean(probe.load) each 1m) each month", "1s"),
    ],
)
def test_all_else_is_not(formula: str, every: str) -> None:
    assert [one.code for one in found(formula, every)[0]] == []


def test_a_template_gives_the_error() -> None:
    text = """template slow(limit: quantity, error: quantity) {
  metric speed = median(probe.load, approximate within error) each day
  goal fast: acme guarantees speed <= limit { otherwise notify globex }
}
agreement "Test" version 1 {
  effective 2026-01-01 until 2027-01-01
  party acme "Acme" provider
  party globex "Globex" consumer
  source probe = push every 1m
  use slow(limit = 3, error = 5%)
}
"""
    (agreement,), problems = check_text(SourceText(name="t.sla", text=text))
    assert problems == ()
    assert [node.within for node in agreement.operations if isinstance(node, op.Aggregate)] == [
        Fraction(1, 20)
    ]
