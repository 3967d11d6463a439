"""Notices are put into words when they are read, and say the same then."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import pytest

pytest.importorskip("numpy", reason="what judges columns is not installed")

import wsla
from wsla.api import judge, judge_columns
from wsla.evaluation.batch.streams import streams_of
from wsla.evaluation.batch.table import GoalColumns
from wsla.evaluation.verdicts import Judgement
from wsla.remedies.decisions import Intent, Words
from wsla.values.instants import MINUTE
from wsla.values.observations import Observation

TEXT = """\
agreement "Shops" version 1 {
  effective 1970-01-01 in "UTC"
  currency EUR
  party host "Host" provider
  party shop "Shop" consumer { email "it@shop.example" }
  service web { fee 100 EUR per month }
  source probe = csv "probe.csv" every 1m {
    at    time
    label shop
    up    healthy
  }
  metric hourly = availability(probe.up) over last 10m every 1m by shop
  metric tens   = availability(probe.up) each 10m by shop
  goal steady: host guarantees hourly >= 99% { otherwise notify shop }
  goal paid: host guarantees tens >= 99% {
    otherwise credit shop 10% of web.fee
    otherwise notify shop
  }
}
"""


def observations() -> list[Observation]:
    return [
        Observation(source="probe", at=minute * MINUTE, fields={"shop": shop, "up": minute % 17 != place})
        for minute in range(60)
        for place, shop in enumerate(("north", "south"))
    ]


def test_words_are_found_once_and_when_they_are_asked_for() -> None:
    calls = []

    def word() -> tuple[str, str]:
        calls.append(1)
        return "subject", "text"

    words = Words(word)
    assert not calls
    assert words.said() == words.said() == ("subject", "text")
    assert calls == [1]


def test_words_are_equal_where_they_say_the_same() -> None:
    assert Words(lambda: ("a", "b")) == Words.of("a", "b")
    assert hash(Words(lambda: ("a", "b"))) == hash(Words.of("a", "b"))
    assert Words.of("a", "b") != Words.of("a", "c")
    assert Words.of("a", "b") != Words.of("c", "b")
    assert Words.of("a", "b") != ("a", "b")
    assert repr(Words(lambda: ("a", "b"))) == "Words.of('a', 'b')"


def test_what_nobody_reads_is_not_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    whole = GoalColumns.made

    def counted(self: GoalColumns, rows: object) -> list[Judgement]:
        made.append(self.goal.name)
        return whole(self, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(GoalColumns, "made", counted)
    agreement = wsla.loads(TEXT)
    seen, until = observations(), 60 * MINUTE
    report = judge_columns(agreement, streams_of(agreement.plan, seen), 0, until)
    # A credit asks for an amount, which rests on what was measured.
    assert set(made) == {"paid"}
    assert report.entries
    assert set(made) == {"paid"}
    read = {intent.id: (intent.subject, intent.text) for intent in report.intents}
    assert set(made) == {"paid", "steady"}
    times = len(made)
    expected: Mapping[str, tuple[str, str]] = {
        intent.id: (intent.subject, intent.text)
        for intent in judge(agreement, seen, 0, until).intents
        if isinstance(intent, Intent)
    }
    assert read == expected
    assert any("steady violated" in subject for subject, _ in read.values())
    assert [intent.text for intent in report.intents] == [text for _, text in read.values()]
    assert len(made) == times


def test_the_judgements_themselves_are_whole() -> None:
    agreement = wsla.loads(TEXT)
    report = judge_columns(agreement, streams_of(agreement.plan, observations()), 0, 60 * MINUTE)
    assert all(isinstance(one.value, int | Fraction) for one in report.judgements)
