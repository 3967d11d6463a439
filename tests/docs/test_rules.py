"""The normative page: every rule has a number of its own, and a test that shows it says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "language.md").read_text("utf-8")
NUMBERS = re.findall(r"^- \*\*M(\d+)\*\*", PAGE, re.MULTILINE)
TESTS = {
    path.relative_to(ROOT): path.read_text("utf-8")
    for path in sorted((ROOT / "tests").rglob("*.py"))
    if path != Path(__file__)
}


def cited(text: str) -> set[str]:
    """The rules that a text names, those between the two ends of a range among them."""
    found = set(re.findall(r"\bM(\d+)\b", text))
    for first, last in re.findall(r"\bM(\d+) to M(\d+)\b", text):
        found |= {str(number) for number in range(int(first), int(last) + 1)}
    return found


def test_every_rule_has_a_number_of_its_own() -> None:
    assert len(NUMBERS) > 60
    assert len(NUMBERS) == len(set(NUMBERS))


@pytest.mark.parametrize("number", NUMBERS)
def test_every_rule_is_shown_by_a_test(number: str) -> None:
    shown = [path for path, text in TESTS.items() if re.search(rf"\bM{number}\b", text)]
    assert shown, f"no test names M{number}"


@pytest.mark.parametrize("path", TESTS, ids=str)
def test_no_test_names_a_rule_that_is_not_there(path: Path) -> None:
    # The corpus of OpenSLO and the like have no such names; months and metres are never written so.
    unknown = cited(TESTS[path]) - set(NUMBERS)
    assert not unknown, f"there is no rule M{', M'.join(sorted(unknown))}"


def test_the_page_refers_to_rules_that_are_there() -> None:
    assert cited(PAGE) <= set(NUMBERS)


REFERENCE = "evaluation/reference"
ELSEWHERE = {
    # What is put in place of it before anything is judged.
    "55": "analysis/modifiers.py",
    "67": "analysis/reuse/imports.py",
    "68": "analysis/reuse/expansion.py",
    "70": "plan/succession.py",
    "72": "analysis/matrices.py",
    "75": "analysis/burn.py",
    # What follows from verdicts and triggers.
    "26": "remedies/rules.py",
    "103": "remedies/rules.py",
    "104": "plan/recurring.py",
    "105": "plan/recurring.py",
    "27": "remedies/decider.py",
    "29": "remedies/credits.py",
    "30": "remedies/identity.py",
    "42": "remedies/credits.py",
    "43": "remedies/credits.py",
    "44": "remedies/credits.py",
    "45": "remedies/credits.py",
    "63": "remedies/refunds.py",
    "65": "remedies/credits.py",
    "66": "remedies/claims.py",
    "71": "remedies/rules.py",
    "76": "remedies/credits.py",
    "96": "store/records.py",
    "97": "remedies/corrections.py",
    "98": "remedies/corrections.py",
    "106": "reporting/standing_on.py",
    # What changes no verdict.
    "80": "composition/structure.py",
    "81": "composition/guarantees.py",
    "82": "composition/structure.py",
    "83": "composition/structure.py",
    "84": "composition/periods.py",
    "85": "composition/prove.py",
}
"""Where a rule is carried out that is no matter of the reference evaluator."""

PROGRAM = {
    path.relative_to(ROOT / "wsla").as_posix(): cited(path.read_text("utf-8"))
    for path in sorted((ROOT / "wsla").rglob("*.py"))
}
BY_REFERENCE = frozenset().union(*(rules for path, rules in PROGRAM.items() if path.startswith(REFERENCE)))


@pytest.mark.parametrize("number", NUMBERS)
def test_every_rule_is_cited_beside_the_code_that_carries_it_out(number: str) -> None:
    """The reference is the plain transcription of the rules; what is done elsewhere is listed, and cited there."""
    if number in ELSEWHERE:
        assert number in PROGRAM[ELSEWHERE[number]]
    else:
        assert number in BY_REFERENCE


def test_what_is_listed_as_done_elsewhere_is_a_rule() -> None:
    assert ELSEWHERE.keys() <= set(NUMBERS)


def test_no_code_names_a_rule_that_is_not_there() -> None:
    unknown = {path: rules - set(NUMBERS) for path, rules in PROGRAM.items() if rules - set(NUMBERS)}
    assert not unknown
