"""The page on security names a test for everything it says; every test that it names exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "explanation" / "security.md"
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


def functions_of(path: Path) -> set[str]:
    if not path.exists():
        return set()
    tree = ast.parse(path.read_text("utf-8"))
    return {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}


def missing(text: str) -> list[str]:
    return [
        f"{file}::{test}"
        for file, test in NAMED.findall(text)
        if test not in functions_of(ROOT / "tests" / file)
    ]


def test_every_test_that_is_named_exists() -> None:
    text = PAGE.read_text("utf-8")
    assert len(NAMED.findall(text)) > 60
    assert missing(text) == []


def test_every_row_of_a_table_names_one() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    assert [row for row in rows if not NAMED.search(row) and not row.endswith("| test |")] == []


def test_a_test_that_is_not_there_is_seen() -> None:
    assert missing("`docs/test_security_page.py::test_nothing` `docs/none.py::test_x`") == [
        "docs/test_security_page.py::test_nothing",
        "docs/none.py::test_x",
    ]
