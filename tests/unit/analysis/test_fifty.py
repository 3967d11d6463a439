"""Fifty planted mistakes give exactly fifty errors, each at its line and column."""

from __future__ import annotations

import re
from pathlib import Path

from wsla.analysis.check import check_text
from wsla.diagnostics.diagnostic import Severity
from wsla.diagnostics.source import SourceText

PLANTED = Path(__file__).parent / "fifty.sla"


def test_every_planted_mistake_is_found_and_nothing_else() -> None:
    text = PLANTED.read_text("utf-8")
    expected = [
        (number, int(found[2]), found[1])
        for number, line in enumerate(text.splitlines(), 1)
        if (found := re.search(r"#: ([EW]\d{4}) (\d+)$", line))
    ]
    assert len(expected) == 50
    diagnostics = check_text(SourceText(name="fifty.sla", text=text))[1]
    assert [(*one.position, one.code) for one in diagnostics] == expected
    assert all(one.severity is Severity.ERROR for one in diagnostics)
