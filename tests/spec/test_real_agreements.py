"""Published agreements, each in one file with its worked outcomes as tests; a page tells how that went."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import wsla
from wsla.plan.build import build_plan
from wsla.testing.examples import run_example

from .real_outcomes import Outcome

Run = Callable[..., Any]

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "specs" / "real").glob("*.sla"))
PAGE = ROOT / "docs" / "explanation" / "real-agreements.md"
CORPUS = ROOT.parent / "shared" / "corpus" / "real-slas.json"
BASES = ("text", "interpretation", "secondary", "recalled")
MOST_LINES = 40

needs_corpus = pytest.mark.skipif(not CORPUS.exists(), reason="the corpus of real agreements is not here")
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@cache
def loaded(path: Path) -> wsla.Agreement:
    return wsla.loads(path.read_text("utf-8"))


@cache
def corpus() -> dict[str, dict[str, Any]]:
    """The worked outcomes by id."""
    agreements = json.loads(CORPUS.read_text("utf-8"))["slas"] if CORPUS.exists() else []
    return {vector["id"]: vector for one in agreements for vector in one["vectors"]}


def identity(title: str) -> str | None:
    """The id of the worked outcome that a test shows."""
    found = re.match(r"(G\d\d-\d+): ", title)
    return found[1] if found else None


def outcomes() -> dict[str, Outcome]:
    return {
        name: Outcome(loaded(path), example, corpus().get(name, {}).get("input", {}))
        for path in FILES
        for example in loaded(path).checked.examples
        if (name := identity(example.title)) is not None
    }


def rows() -> dict[str, list[str]]:
    """The table of the page: the cells behind the file's name."""
    found = re.findall(r"^\| \[`(\S+)\.sla`\]\(\S+\) \| (.*) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split(" | ")] for name, cells in found}


def lines_of(path: Path) -> int:
    """How many lines an agreement has without comments, blank lines and tests."""
    text = re.split(r'^test "', path.read_text("utf-8"), maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line.strip() for line in text.splitlines()]
    return sum(1 for line in lines if line and not line.startswith("#"))


# --- each agreement


@each_file
def test_every_outcome_is_as_it_says(path: Path) -> None:
    checked = loaded(path).checked
    plan = build_plan(checked)
    results = [run_example(checked, example, plan) for example in checked.examples]
    assert [(one.title, one.failures) for one in results if not one.passed] == []
    assert all(one.observations for one in results)


@each_file
def test_it_is_in_standard_form_and_says_where_it_is_from(run_wsla: Run, path: Path) -> None:
    assert run_wsla("fmt", "--check", path).code == 0
    head = path.read_text("utf-8").split('\nagreement "')[0]
    assert re.search(r"\bG\d\d\b", head)
    assert "An encoding for illustration, not legal text" in re.sub(r"\s*\n# ", " ", head)


@each_file
def test_the_page_is_true(run_wsla: Run, path: Path) -> None:
    """Its lines, its tests and the remarks of `wsla check` are what the table says."""
    number, lines, *tests, _, remarks = rows()[path.stem]
    names = [name for one in loaded(path).checked.examples if (name := identity(one.title))]
    assert {name.split("-")[0] for name in names} == {number}
    assert int(lines) == lines_of(path)
    assert sum(int(cell or 0) for cell in tests) == len(names)
    if corpus():
        counted = Counter(corpus()[name]["basis"] for name in names)
        assert [int(cell or 0) for cell in tests] == [counted[basis] for basis in BASES]
    finished = run_wsla("check", path, "--format", "json")
    assert finished.code == 0
    found = {one["code"] for one in json.loads(finished.out)}
    assert found == set(re.findall(r"[EW]\d{4}", remarks))


def test_the_page_knows_every_agreement_and_why_the_long_ones_are_long() -> None:
    assert list(rows()) == sorted(rows(), key=lambda name: rows()[name][0])
    assert set(rows()) == {path.stem for path in FILES}
    long_ones = {path.stem for path in FILES if lines_of(path) > MOST_LINES}
    listed = PAGE.read_text("utf-8").split("## Which are long")[1].split("##")[0]
    assert set(re.findall(r"^- `(\S+)`", listed, re.MULTILINE)) == long_ones


def test_the_page_adds_up() -> None:
    """The last line of the table is the sum of the others."""
    total = re.search(
        r"^\| \*\*all\*\* \|[^|]*\|[^|]*\| (.*) \| *\| *\|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    assert total is not None
    sums = [sum(int(cells[2 + column] or 0) for cells in rows().values()) for column in range(len(BASES))]
    assert [int(cell) for cell in total[1].split(" | ")] == sums


def test_the_printed_table_of_one_agreement_has_a_gap_and_an_overlap() -> None:
    text = (ROOT / "specs" / "real" / "github.sla").read_text("utf-8")
    printed = re.sub(r"^ *ties go to platform\n", "", text, flags=re.MULTILINE)
    with pytest.raises(wsla.AgreementError) as raised:
        wsla.loads(printed)
    assert {one.code for one in raised.value.diagnostics} == {"E0403", "E0406"}


# --- beside the corpus


@needs_corpus
def test_every_worked_outcome_has_its_test() -> None:
    titles = [identity(one.title) for path in FILES for one in loaded(path).checked.examples]
    names = [name for name in titles if name is not None]
    assert sorted(names) == sorted(set(names))
    assert set(names) == set(corpus())


@needs_corpus
def test_every_test_expects_what_the_corpus_does() -> None:
    """Where a document can be read in several ways, one of the readings that the corpus admits."""
    drifted = []
    for name, outcome in outcomes().items():
        vector = corpus()[name]
        readings = [
            vector["expect"],
            *({**vector["expect"], **one} for one in vector.get("alternatives", ())),
        ]
        if not any(all(outcome.shows(*one) for one in reading.items()) for reading in readings):
            drifted.append(name)
    assert drifted == []


@needs_corpus
@pytest.mark.parametrize(
    ("name", "key", "other"),
    [
        ("G01-3", "uptime_pct", "99.949"),
        ("G01-3", "uptime_exact", "99.95"),
        ("G01-3", "goal_met", True),
        ("G01-3", "credit_pct", "25"),
        ("G01-1", "credit_pct", "10"),
        ("G05-3", "credit_days", "7"),
        ("G08-1", "may_terminate", True),
        ("G20-1", "priority", "P2"),
        ("G21-1", "respond_by", "2026-03-09T07:36"),
        ("G26-2", "compensable_days", "3"),
    ],
)
def test_another_outcome_would_be_noticed(name: str, key: str, other: object) -> None:
    assert outcomes()[name].shows(key, corpus()[name]["expect"][key])
    assert not outcomes()[name].shows(key, other)
