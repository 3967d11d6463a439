"""SARIF: what hosts and editors need of a diagnostic is there, and nothing changes on the way."""

from __future__ import annotations

from typing import Any

from wsla.analysis.check import check_text
from wsla.diagnostics.codes import TITLES
from wsla.diagnostics.sarif import to_sarif
from wsla.diagnostics.source import SourceText

TEXT = """agreement "É" version 1 {
  effective 2026-01-01
  party a "A" provider { email "a@example.org" }
  party a "B" consumer
  party b "B" provder
  metric m = availability(probe.ok) each month
}
"""


def run() -> dict[str, Any]:
    diagnostics = check_text(SourceText(name="my file.sla", text=TEXT))[1]
    log: dict[str, Any] = to_sarif(diagnostics, "1.2.3")
    assert log["version"] == "2.1.0"
    (only,) = log["runs"]
    assert len(only["results"]) == len(diagnostics) > 1
    return dict(only)


def test_every_result_names_a_rule_with_a_title() -> None:
    only = run()
    rules = only["tool"]["driver"]["rules"]
    assert only["tool"]["driver"]["version"] == "1.2.3"
    for result in only["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert rules[result["ruleIndex"]]["shortDescription"]["text"] == TITLES[result["ruleId"]]


def test_places_are_those_of_the_text() -> None:
    twice = next(result for result in run()["results"] if result["ruleId"] == "E0202")
    place = twice["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "my%20file.sla"
    assert place["region"] == {"startLine": 4, "startColumn": 9, "endLine": 4, "endColumn": 10}
    assert twice["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 3


def test_a_suggestion_is_a_fix() -> None:
    unknown = next(result for result in run()["results"] if "fixes" in result)
    (change,) = unknown["fixes"][0]["artifactChanges"][0]["replacements"]
    assert change["insertedContent"]["text"] == "provider"
    assert unknown["level"] == "error"
