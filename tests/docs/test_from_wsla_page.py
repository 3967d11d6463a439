"""The page for readers of WSLA: every construct has a row, and what a row says is accepted by the checker."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import wsla

PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "from-wsla.md").read_text("utf-8")
AGREEMENT = re.findall(r"^```\n(.*?)^}\n```", PAGE, re.MULTILINE | re.DOTALL)[0]

NAMES = {
    "Functions": """QConstructor TSConstructor Size TSSelect Plus Minus Times Divide Average Mean Median Mode Sum Max
        Round ValueOccurs PercentageGreaterThanThreshold PercentageLessThanThreshold NumberGreaterThanThreshold
        NumberLessThanThreshold RateOfChange Span QualifyMeasurementTimeSeries""",
    "Predicates": "Greater Less Equal GreaterEqual LessEqual NewValue Violation True False",
    "Connectives": "And Or Not Implies",
    "Execution modalities": "Always OnEnteringCondition OnEnteringAndOnLeavingCondition OnEveryEvaluation",
    "Measurement directives": """Counter Gauge ResponseTime SumResponseTime Status InvocationCount StatusRequest
        Downtime MaintenancePeriodQuery""",
}


def rows(section: str) -> list[tuple[str, str]]:
    """The first two columns of a section's table: WSLA's name, and the snippet."""
    text = PAGE.split(f"## {section}\n")[1].split("\n## ")[0]
    found = [
        [cell.strip() for cell in line.split("|")[1:3]] for line in text.splitlines() if line.startswith("| ")
    ]
    return [(name.strip("`"), snippet.strip("`")) for name, snippet in found[1:]]


def accepted(declaration: str) -> bool:
    found = wsla.check(f"{AGREEMENT}\n  {declaration}\n}}\n")
    return not [one for one in found if one.code.startswith("E")]


SNIPPETS = [(section, *row) for section in (*NAMES, "Periods and schedules") for row in rows(section)]


@pytest.mark.parametrize(("section", "names"), NAMES.items())
def test_every_construct_has_a_row(section: str, names: str) -> None:
    assert [name for name, _ in rows(section)] == names.split()


@pytest.mark.parametrize(("section", "name", "snippet"), SNIPPETS, ids=[name for _, name, _ in SNIPPETS])
def test_every_snippet_is_accepted(section: str, name: str, snippet: str) -> None:
    match section:
        case "Functions":
            assert accepted(f"metric found = {snippet}")
        case "Predicates" | "Connectives":
            rule = f"when {snippet} {{ notify globex }}"
            assert accepted(rule if name == "Violation" else f"goal found: acme guarantees {snippet}")
        case _:
            assert accepted(snippet)


def test_what_is_wrong_would_be_found() -> None:
    assert accepted("metric found = load")
    assert not accepted("metric found = laod")
