"""The page of guarantees names a test for each promise, and every test that it names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "explanation" / "guarantees.md"
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


@cache
def functions_of(path: Path) -> frozenset[str]:
    if not path.exists():
        return frozenset()
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(
        one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def missing(text: str) -> list[str]:
    found = NAMED.findall(text)
    return [f"{file}::{test}" for file, test in found if test not in functions_of(ROOT / "tests" / file)]


def test_every_test_that_is_named_exists() -> None:
    text = PAGE.read_text("utf-8")
    assert len(NAMED.findall(text)) > 80
    assert missing(text) == []
    assert missing("`docs/test_guarantees_page.py::test_nothing`") == [
        "docs/test_guarantees_page.py::test_nothing"
    ]


def test_every_promise_names_one() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    assert [row for row in rows if not NAMED.search(row) and not row.endswith("| test |")] == []
