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
