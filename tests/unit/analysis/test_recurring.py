"""`publish report`, `call review` and `at most … each …`: what may be written, and what is said of the rest."""

from __future__ import annotations

import pytest

from wsla.analysis.check import check_text
from wsla.api import loads
from wsla.diagnostics.source import SourceText
from wsla.plan.model import Often, Recurring, RecurringKind, Target
from wsla.syntax.formatter import format_source
from wsla.values.calendars import CalendarUnit, CalendarWindow, anchor_on_day
from wsla.values.instants import DAY, HOUR, MINUTE, SECOND

TEXT = """\
agreement "Web shop" version 1 {
  effective 2026-01-01 in "Europe/Berlin"
  party host "Host" provider { desk email "desk@host.example" }
  party shop "Shop" consumer
  source probe = http "https://shop.example/health" every 30s
  metric uptime = availability(probe.ok) each month
  goal available: host guarantees uptime >= 99.9% { otherwise notify shop }
  LINE
}
"""


def text(line: str) -> str:
    return TEXT.replace("LINE", line)


def codes(line: str) -> list[str]:
    _, diagnostics = check_text(SourceText(name="t.sla", text=text(line)))
    return [one.code for one in diagnostics]


def recurring(line: str) -> Recurring:
    (found,) = loads(text(line)).plan.recurring
    return found


def test_everything_that_a_report_may_say() -> None:
    zone = "Europe/Berlin"
    assert recurring("publish report to shop, host.desk each month after 2d at 9:00") == Recurring(
        name="report 1",
        kind=RecurringKind.REPORT,
        targets=(Target(party="shop"), Target(party="host", channel="desk")),
        window=CalendarWindow(CalendarUnit.MONTH, zone=zone),
        days=2,
        at=9 * HOUR,
        length=HOUR,
    )
    started = recurring("publish report to shop each quarter starting 15th")
    assert started.window == CalendarWindow(CalendarUnit.QUARTER, anchor=anchor_on_day(15), zone=zone)
    assert (started.days, started.at, started.title) == (0, None, "")
    assert recurring('publish report to shop each week "Weekly"').title == "Weekly"


def test_everything_that_a_review_may_say() -> None:
    found = recurring('call review with shop, host each quarter after 10d at 10:00 for 90m "Service review"')
    assert (found.kind, found.name) == (RecurringKind.REVIEW, "review 1")
    assert (found.days, found.at, found.length, found.title) == (10, 10 * HOUR, 90 * MINUTE, "Service review")
    assert recurring("call review with shop each year at 23:59:59").length == HOUR
    assert recurring("call review with shop each year at 23:59:59").at == DAY - SECOND


def test_each_kind_has_numbers_of_its_own() -> None:
    lines = "publish report to shop each month call review with shop each year at 9:00 publish report to host each week"
    found = loads(text(lines)).plan.recurring
    assert [one.name for one in found] == ["report 1", "review 1", "report 2"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("publish report with shop each month", "E0517"),
        ("call review to shop each month at 9:00", "E0517"),
        ("call report to shop each month", "E0517"),
        ("notify report to shop each month", "E0517"),
        ("publish newsletter to shop each month", "E0517"),
        ("publish report to shop each month for 1h", "E0517"),
        ("call review with shop each month", "E0517"),
        ("publish report to shop each month after 36h", "E0517"),
        ("publish report to shop each month after 28d", "E0517"),
        ("publish report to shop each week after 7d", "E0517"),
        ("publish report to shop each day after 1d", "E0517"),
        ("publish report to shop each 5m", "E0305"),
        ("publish report to shop each term", "E0340"),
        ("publish report to shop each moth", "E0305"),
        ("publish report to shop each month at 24:00", "E0601"),
        ("publish report to shop each month at 9:60", "E0601"),
        ("publish report to nobody each month", "E0201"),
        ("publish report to host.pager each month", "E0201"),
        ("publish report to shop each month after 5 EUR", "E0306"),
        ("call review with shop each month at 9:00 for 5%", "E0306"),
        ("when not probe.ok at most 0 each 1h { notify host }", "E0516"),
        ("when not probe.ok at most 1001 each 1h { notify host }", "E0516"),
        ("when not probe.ok at most 1.5 each 1h { notify host }", "E0516"),
        ("when not probe.ok at least 1 each 1h { notify host }", "E0516"),
        ("when not probe.ok at most 1 each 5% { notify host }", "E0306"),
        ('when not probe.ok at most 1 each 1h { grant shop "leave" }', "E0516"),
    ],
)
def test_what_may_not_be_written(line: str, code: str) -> None:
    assert codes(line) == [code]


@pytest.mark.parametrize("days", [27, 28])
def test_a_report_comes_within_the_period_after_its_own(days: int) -> None:
    assert codes(f"publish report to shop each month after {days}d") == (["E0517"] if days == 28 else [])


def test_a_rule_that_tells_so_often() -> None:
    (rule,) = loads(text("when not probe.ok for 2m at most 1000 each 1h { notify host }")).plan.rules
    assert (rule.holding_for, rule.often) == (2 * MINUTE, Often(count=1000, length=HOUR))
    (plain,) = loads(text("when not probe.ok { notify host }")).plan.rules
    assert plain.often is None


def test_words_of_these_forms_stay_names() -> None:
    words = (
        text("publish report to shop each month").replace("uptime", "report").replace("available", "review")
    )
    assert loads(words).goals == ("review",)


@pytest.mark.parametrize(
    "line",
    [
        "publish report to shop, host.desk each month starting 15th after 2d at 9:00",
        'call review with shop each quarter after 10d at 10:00 for 90m "Review"',
        "when not probe.ok for 2m at most 3 each 1h { notify host }",
    ],
)
def test_they_are_written_back(line: str) -> None:
    formatted, _ = format_source(SourceText(name="t.sla", text=text(line.replace(" ", "  "))))
    assert formatted is not None
    assert line in formatted


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("publish report to shop", "a report needs `,`, `.` or `each` after `shop`"),
        ("publish report shop each month", "a report needs a name before `each`"),
        ("call review with each quarter at 10:00", "a review needs a name before `each`"),
        (
            "publish report to shop each month after",
            "a report needs a length of time such as `30s` after `after`",
        ),
        (
            "when not probe.ok at most 3 per 1h { notify host }",
            "`per` is not a word that can stand here: did you mean `each`?",
        ),
    ],
)
def test_a_broken_line_is_called_by_its_name(line: str, message: str) -> None:
    _, diagnostics = check_text(SourceText(name="t.sla", text=text(line)))
    assert [one.message for one in diagnostics] == [message]


def test_a_report_ends_a_block_that_was_not_closed() -> None:
    broken = text("publish report to shop each month").replace(
        "{ otherwise notify shop }", "{ otherwise notify shop"
    )
    _, diagnostics = check_text(SourceText(name="t.sla", text=broken))
    assert [one.code for one in diagnostics] == ["E0112"]
