"""Laws about files: short modules, and nothing of the place where they were written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

LONGEST_MODULE = 500
# Spelled in pieces, so that this file obeys its own law.
TRACES = re.compile(
    r"(?<![\w.:/-])/(?:work|root|home/\w+|t" + r"mp)/"
    r"|--?(?:extra-)?index-" + r"url|find-" + r"links|python" + r"hosted\.org"
    r"|https?://[^\s\"'<>)]+/simple/"
)


def too_long(source: str) -> bool:
    return source.count("\n") > LONGEST_MODULE


def test_no_module_is_longer_than_the_limit(root: Path) -> None:
    modules = list((root / "wsla").rglob("*.py"))
    assert modules
    assert [str(path.relative_to(root)) for path in modules if too_long(path.read_text("utf-8"))] == []


def test_the_limit_is_at_500_lines() -> None:
    assert not too_long("\n" * LONGEST_MODULE)
    assert too_long("\n" * (LONGEST_MODULE + 1))


def test_files_say_nothing_about_the_place_they_were_written_in(
    root: Path, project_files: list[Path]
) -> None:
    found = [
        f"{path.relative_to(root)}: {match.group()}"
        for path in project_files
        for match in TRACES.finditer(path.read_text("utf-8", errors="replace"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "see /wo" + "rk/main",
        "in '/t" + "mp/x'",
        "(/ro" + "ot/.pip)",
        "pip --index-" + "url=x",
        "/home/" + "me/x",
    ],
)
def test_traces_are_recognised(text: str) -> None:
    assert TRACES.search(text)


@pytest.mark.parametrize(
    "text", ["https://example.org/work/order", "${TMPDIR:-/tmp}", "tests/root/x", "the home/work balance"]
)
def test_ordinary_text_is_no_trace(text: str) -> None:
    assert TRACES.search(text) is None


def test_every_module_says_what_it_is(root: Path) -> None:
    silent = [
        str(path.relative_to(root))
        for path in (root / "wsla").rglob("*.py")
        if path.read_text("utf-8").strip() and not path.read_text("utf-8").startswith('"""')
    ]
    assert silent == []
