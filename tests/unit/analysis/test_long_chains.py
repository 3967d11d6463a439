"""A formula that stands in many others is looked at once, however often these are looked at."""

from __future__ import annotations

from collections import Counter

import pytest

from wsla.analysis.check import check_text
from wsla.analysis.possible import Possible
from wsla.diagnostics.source import SourceText

LINKS = 60
HEAD = """\
agreement "Chain" version 1 {
  effective 2026-01-01 until 2027-01-01 in "UTC"
  party host "Host" provider
  party shop "Shop" consumer
  source node = push every 1m { load load }
  metric m0 = mean(node.load) each 1h
"""


def test_metrics_that_double_each_other_are_looked_at_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: Counter[tuple[int, int]] = Counter()
    numbers_of = Possible._numbers_of

    def counted(self: Possible, position: int) -> object:
        looked[id(self), position] += 1
        # Without this a fault would take longer than anybody waits.
        assert looked[id(self), position] == 1
        return numbers_of(self, position)

    monkeypatch.setattr(Possible, "_numbers_of", counted)
    chain = "".join(f"  metric m{link} = m{link - 1} + m{link - 1}\n" for link in range(1, LINKS))
    text = f"{HEAD}{chain}  goal calm: host guarantees m{LINKS - 1} <= 5 {{ otherwise notify shop }}\n}}\n"
    agreements, problems = check_text(SourceText(name="chain.sla", text=text))
    assert [problem.code for problem in problems] == []
    assert len(agreements) == 1
    assert len(looked) >= LINKS
