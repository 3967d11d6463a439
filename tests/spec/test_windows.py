"""Windows at their boundaries, from the text to the ledger: overlapping calendar windows (M54), the term (M55)."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

import wsla
from wsla.testing.examples import run_example

BERLIN = ZoneInfo("Europe/Berlin")
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

TEXT = """\
agreement "Windows" version 1 {{
  effective {term} in "Europe/Berlin"
  party acme "Acme" provider
  party globex "Globex" consumer
  service api "API" {{ fee 1000 EUR per month }}

  source probe = push {{ holds until next  ok ok }}

  {body}
}}
"""


def agreement(body: str, term: str = "2026-01-01 until 2027-01-01") -> wsla.Agreement:
    return wsla.loads(TEXT.format(body=body, term=term))


def at(month: int, day: int = 1, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN)


def probes(text: wsla.Agreement, *changes: tuple[datetime, bool]) -> list[wsla.Observation]:
    return [
        wsla.Observation(source="probe", at=text.instant(when), fields={"ok": ok}) for when, ok in changes
    ]


def outages(text: wsla.Agreement, *stretches: tuple[datetime, datetime]) -> list[wsla.Observation]:
    changes = [(at(1), True)]
    for start, end in stretches:
        changes += [(start, False), (end, True)]
    return probes(text, *changes)


def points(
    text: wsla.Agreement, rows: list[wsla.Observation], until: datetime, name: str = "m"
) -> list[tuple[str, str, object]]:
    """A metric's windows: first day, last day, value."""
    found = wsla.evaluate(text, rows, start=at(1), until=until).metrics[name]
    return [
        (
            datetime.fromtimestamp(point.window.start // SECOND, BERLIN).date().isoformat(),
            datetime.fromtimestamp((point.window.end - 1) // SECOND, BERLIN).date().isoformat(),
            point.value.value,
        )
        for point in found
    ]


def test_every_month_has_a_window_that_begins_the_month_before() -> None:
    """M54: the first holds the first month of the term alone; the open one ends with the month that has begun."""
    text = agreement("metric m = downtime(probe.ok) over last 2 months")
    rows = outages(text, (at(1, 10), at(1, 10, 1)), (at(2, 10), at(2, 10, 2)), (at(3, 1), at(3, 1, 4)))
    found = points(text, rows, at(3, 15))
    assert found == [
        ("2025-12-01", "2026-01-31", 1 * HOUR),
        ("2026-01-01", "2026-02-28", 3 * HOUR),
        ("2026-02-01", "2026-03-31", 6 * HOUR),
    ]


def test_an_outage_across_the_edge_is_cut_where_the_window_begins() -> None:
    """M54: a window begins where its first period does, to the nanosecond."""
    text = agreement("metric m = downtime(probe.ok) over last 2 months")
    rows = outages(text, (at(1, 31, 23), at(2, 1, 1)))
    assert [value for _, _, value in points(text, rows, at(4))] == [1 * HOUR, 2 * HOUR, 1 * HOUR]


def test_rolling_days_follow_the_clock() -> None:
    """M54: the day on which clocks go forward has 23 hours: two days with it have 47."""
    text = agreement("metric m = duration(probe.ok) over last 2 days")
    found = points(text, probes(text, (at(1), True)), at(3, 31))
    by_last_day = {last: value for _, last, value in found}
    assert by_last_day["2026-01-01"] == 24 * HOUR
    assert by_last_day["2026-03-28"] == 48 * HOUR
    assert by_last_day["2026-03-29"] == 47 * HOUR
    assert by_last_day["2026-03-30"] == 47 * HOUR


def test_the_last_window_ends_with_the_period_in_which_the_term_ends() -> None:
    """M54: what begins after the term has no window, and the last one is cut (M11)."""
    text = agreement("metric m = duration(probe.ok) over last 2 months", "2026-01-01 until 2026-03-15")
    found = points(text, probes(text, (at(1), True)), at(6))
    # 28 days of February and 14 of March, none of them the one on which clocks change.
    assert found[-1] == ("2026-02-01", "2026-03-31", (28 + 14) * 24 * HOUR)
    assert len(found) == 3


def test_a_series_can_be_smoothed() -> None:
    """M15 and M54: inner months wholly inside the two months."""
    text = agreement(
        "metric monthly = downtime(probe.ok) each month\n metric m = mean(monthly) over last 2 months"
    )
    rows = outages(text, (at(1, 10), at(1, 10, 1)), (at(2, 10), at(2, 10, 2)), (at(3, 1), at(3, 1, 4)))
    assert [value for _, _, value in points(text, rows, at(4))] == [
        1 * HOUR,
        Fraction(3 * HOUR, 2),
        3 * HOUR,
    ]


def test_every_window_carries_out_its_reactions_and_the_cap_is_that_of_its_last_month() -> None:
    """M54: one outage in January is in two windows: two credits, in January and February, each under its own cap."""
    text = agreement(
        """metric m = downtime(probe.ok) over last 2 months
        goal short: acme guarantees m <= 30m { otherwise credit globex 80 EUR }
        cap credits to globex at 50 EUR each month"""
    )
    rows = outages(text, (at(1, 10), at(1, 10, 1)))
    entries = wsla.evaluate(text, rows, start=at(1), until=at(5)).entries
    assert [(entry.kind, str(entry.amount)) for entry in entries] == [
        ("credit", "80.00"),
        ("cap", "30.00"),
        ("credit", "80.00"),
        ("cap", "30.00"),
    ]
    assert "2 months up to 2026-02" in entries[2].memo


def test_the_fee_is_that_of_the_last_period() -> None:
    """M42 and M54: three days of a fee for a window that ends with February are of its 28 days."""
    text = agreement(
        """metric m = downtime(probe.ok) over last 2 months
        goal short: acme guarantees m <= 30m { otherwise credit globex 3 days of api.fee }"""
    )
    rows = outages(text, (at(1, 10), at(1, 10, 1)))
    entries = wsla.evaluate(text, rows, start=at(1), until=at(4)).entries
    assert [str(entry.amount) for entry in entries] == ["96.77", "107.14"]


def test_an_expectation_names_the_month_with_which_a_window_ends() -> None:
    """M54, in a test of the agreement itself."""
    source = TEXT.format(
        term="2026-01-01 until 2027-01-01",
        body="""metric m = downtime(probe.ok) over last 2 months
        goal short: acme guarantees m <= 30m { otherwise credit globex 80 EUR }""",
    )
    source += """test "it stays in the books for two months" {
      given probe.ok = true from 2026-01-01 until 2026-01-10T00:00
      given probe.ok = false from 2026-01-10T00:00 until 2026-01-10T01:00
      given probe.ok = true from 2026-01-10T01:00 until 2026-04-01
      expect short violated in 2026-01
      expect short violated in 2026-02
      expect short met in 2026-03
      expect m == 1h in 2026-02
      expect credit globex 80 EUR in 2026-02
      expect no credit globex in 2026-03
    }
    """
    checked = wsla.loads(source).checked
    assert [run_example(checked, example).failures for example in checked.examples] == [()]


def test_the_whole_term_is_one_window() -> None:
    """M55: from the first instant of the term to the last, whatever the calendar says."""
    text = agreement(
        "metric m = downtime(probe.ok) each term\n"
        "goal g: acme guarantees m <= 1h { otherwise credit globex 10 EUR }",
        "2026-01-15 until 2026-03-10T12:00",
    )
    changes = [(at(1, 15), True), (at(1, 20), False), (at(1, 20, 1), True), (at(3, 10, 11, 59), False)]
    before = wsla.evaluate(text, probes(text, *changes), start=at(1, 15), until=at(3, 10, 11))
    assert [str(one.verdict.value) for one in before.judgements] == ["on track"]
    over = wsla.evaluate(text, probes(text, *changes), start=at(1, 15), until=at(4))
    (judgement,) = over.judgements
    assert (judgement.value, judgement.verdict.value) == (1 * HOUR + 1 * MINUTE, "violated")
    assert judgement.window.end == text.instant(at(3, 10, 12))
    assert [str(entry.amount) for entry in over.entries] == ["10.00"]


def test_a_cap_may_hold_for_the_whole_term() -> None:
    """M43 and M55."""
    text = agreement(
        """metric m = downtime(probe.ok) each month
        goal g: acme guarantees m <= 30m { otherwise credit globex 80 EUR }
        cap credits to globex at 100 EUR each term"""
    )
    rows = outages(text, (at(1, 10), at(1, 10, 1)), (at(2, 10), at(2, 10, 1)))
    entries = wsla.evaluate(text, rows, start=at(1), until=at(4)).entries
    assert [(entry.kind, str(entry.amount)) for entry in entries] == [
        ("credit", "80.00"),
        ("credit", "80.00"),
        ("cap", "60.00"),
    ]


@pytest.mark.parametrize(
    ("window", "last"),
    [
        ("each month starting 15th", ("2026-02-15", "2026-03-14")),
        ("each month starting 31st", ("2026-02-28", "2026-03-30")),
        ("each quarter starting 15th", ("2026-01-15", "2026-04-14")),
        ("each quarter starting February 1st", ("2026-02-01", "2026-04-30")),
        ("each year starting 6th", ("2026-01-06", "2027-01-05")),
        ("each year starting April 6th", ("2025-04-06", "2026-04-05")),
    ],
)
def test_billing_cycles(window: str, last: tuple[str, str]) -> None:
    """M10: the window that holds 10 March."""
    text = agreement(f"metric m = downtime(probe.ok) {window}")
    assert points(text, outages(text), at(3, 10))[-1][:2] == last


def test_a_cap_holds_for_its_billing_cycle() -> None:
    """M43: an outage before the 15th and one after it are in two cycles of the cap, two after it in one."""
    text = agreement(
        """metric m = downtime(probe.ok) each day
        goal g: acme guarantees m <= 30m { otherwise credit globex 80 EUR }
        cap credits to globex at 100 EUR each month starting 15th"""
    )
    rows = outages(text, *((at(1, day), at(1, day, 1)) for day in (14, 15, 31)))
    entries = wsla.evaluate(text, rows, start=at(1), until=at(3)).entries
    assert [(entry.kind, str(entry.amount)) for entry in entries] == [
        ("credit", "80.00"),
        ("credit", "80.00"),
        ("credit", "80.00"),
        ("cap", "60.00"),
    ]


@pytest.mark.parametrize(
    ("window", "code", "where"),
    [
        ("over last 2 fortnights", "E0305", "fortnights"),
        ("over last 2 month", None, None),
        ("over last 1 day", None, None),
        ("over last 0 months", "E0341", "0"),
        ("over last 1.5 months", "E0341", "1.5"),
        ("over last 1200 months", None, None),
        ("over last 1201 months", "E0341", "1201"),
        ("over last 100 years", None, None),
        ("each term", None, None),
        ("each year starting April 6th", None, None),
        ("each year starting February 29th", None, None),
        ("each year starting February 30th", "E0305", "30th"),
        ("each year starting Aprl 6th", "E0305", "Aprl"),
        ("each month starting April 6th", "E0305", "April"),
        ("each month starting 31st", None, None),
        ("each month starting 32nd", "E0305", "32nd"),
        ("each week starting 1st", "E0305", "1st"),
        ("each term starting 15th", "E0305", "15th"),
        ("over last 2 months each month", "E0307", "each month"),
    ],
)
def test_what_can_be_written(window: str, code: str | None, where: str | None) -> None:
    text = TEXT.format(term="2026-01-01 until 2027-01-01", body=f"metric m = downtime(probe.ok) {window}")
    found = [
        (one.code, text[one.span.start : one.span.end])
        for one in wsla.check(text)
        if one.code.startswith("E")
    ]
    assert found == ([] if code is None else [(code, where)])


def test_each_term_needs_an_end() -> None:
    text = TEXT.format(term="2026-01-01", body="metric m = downtime(probe.ok) each term")
    assert [one.code for one in wsla.check(text) if one.code.startswith("E")] == ["E0340"]
