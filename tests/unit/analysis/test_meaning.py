"""What the checker finds in sound agreements: tables, compensation, goals, rules, caps, times, and no false alarm."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsla.analysis.check import check_text
from wsla.diagnostics.source import SourceText

ROOT = Path(__file__).resolve().parents[3]
HEAD = """agreement "Test" version 1 {
  effective 2026-01-01 until 2027-01-01 in "Europe/Berlin"
  currency EUR
  party acme "Acme" provider
  party globex "Globex" consumer
  service search "Search" { fee 2000 EUR per month }
  schedule office { Monday-Friday 08:00-18:00 }
  source probe = http "http://localhost/health" every 30s
  metric up = probe.ok
  metric uptime = availability(up) each month during office
"""


def shown(body: str, head: str = HEAD) -> list[tuple[str, str]]:
    """(code, the text under the caret) of each finding."""
    text = head + body + "}\n"
    found = check_text(SourceText(name="t.sla", text=text))[1]
    return [(one.code, " ".join(text[one.span.start : one.span.end].split())) for one in found]


def credit(amount: str, promise: str = "uptime >= 99.9%") -> list[tuple[str, str]]:
    return shown(f"  goal g: acme guarantees {promise} {{ otherwise credit globex {amount} }}\n")


def reward(amount: str) -> list[tuple[str, str]]:
    items = f"otherwise notify globex rewarding credit acme {amount}"
    return shown(f"  goal g: acme guarantees uptime >= 99% {{ {items} }}\n")


FINE = [
    "by uptime { >= 99%: 5 EUR else: 30 EUR }",
    "by uptime { < 95%: 30 EUR < 99%: 5 EUR else: 1 EUR }",
    "by uptime { < 95%: 30 EUR < 99.9%: 5 EUR }",
    "by uptime { >= 99% and < 99.9%: 5 EUR < 99%: 30 EUR }",
    "by uptime { == 0%: 100 EUR >= 99%: 5 EUR else: 30 EUR }",
    "by uptime { >= 99%: 5 EUR < 99%: 5 EUR }",
    "by uptime { >= 99% and < 99.9%: 5 EUR else: 30 EUR } at most 20 EUR",
    "by uptime { >= 99.5%: 0 EUR >= 99%: 5 EUR else: 30 EUR } only above 5 EUR",
    "10% of search.fee per started 0.1% of 99.9% - uptime",
]


@pytest.mark.parametrize("amount", FINE)
def test_a_sound_table_has_no_finding(amount: str) -> None:
    assert credit(amount) == []


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        # A line or limit that nothing reaches.
        ("by uptime { >= 95%: 5 EUR >= 99%: 4 EUR else: 30 EUR }", [("E0402", ">= 99%: 4 EUR")]),
        ("by uptime { >= 99%: 5 EUR > 100%: 4 EUR else: 30 EUR }", [("E0402", "> 100%: 4 EUR")]),
        ("by uptime { >= 99%: 5 EUR < 99%: 30 EUR else: 40 EUR }", [("E0402", "else: 40 EUR")]),
        (
            "by uptime { >= 99%: 5 EUR < 99%: 30 EUR >= 98% and < 99.5%: 40 EUR }",
            [("E0402", ">= 98% and < 99.5%: 40 EUR")],
        ),
        (
            "by uptime { >= 99.95%: 5 EUR >= 99%: 10 EUR else: 30 EUR } per started 1% of 100% - uptime",
            [("E0404", ">= 99.95%: 5 EUR")],
        ),
        ("by uptime { >= 99.95%: 5 EUR else: 9 EUR } at most 8 EUR", [("E0404", ">= 99.95%: 5 EUR")]),
        ("by uptime { >= 99%: 5 EUR else: 30 EUR } at most 30.01 EUR", [("W0410", "30.01 EUR")]),
        ("by uptime { >= 99%: 5 EUR else: 30 EUR } at most 30 EUR", []),
        ("by uptime { >= 99%: 5 EUR else: 30 EUR } at most 4.99 EUR", [("W0415", "4.99 EUR")]),
        ("by uptime { >= 99%: 5 EUR else: 30 EUR } at most 5 EUR", []),
        ("5 EUR only above 5 EUR", [("W0416", "5 EUR")]),
        ("5 EUR only above 4.99 EUR", []),
        # Gaps and overlaps.
        (
            "by uptime { > 99%: 5 EUR < 99%: 30 EUR }",
            [("E0403", "by uptime { > 99%: 5 EUR < 99%: 30 EUR }")],
        ),
        ("by uptime { >= 99%: 5 EUR <= 99%: 30 EUR }", [("E0407", "<= 99%: 30 EUR")]),
        ("by uptime { >= 99%: 5 EUR < 99.5%: 30 EUR }", [("E0407", "< 99.5%: 30 EUR")]),
        ("by uptime { < 99%: 5 EUR }", [("W0412", "by uptime { < 99%: 5 EUR }")]),
        ("by uptime { <= 99.9%: 5 EUR }", [("E0406", "<= 99.9%: 5 EUR")]),
        ("by uptime { >= 99% and <= 100%: 5 EUR else: 9 EUR }", [("E0406", ">= 99% and <= 100%: 5 EUR")]),
        ("by uptime { > 99% and < 99%: 5 EUR else: 9 EUR }", [("E0409", "99% and < 99%")]),
        ("by uptime { > 99% and > uptime: 5 EUR else: 9 EUR }", [("E0409", "99% and > uptime")]),
        # Worse values and their credits.
        ("by uptime { >= 99%: 30 EUR else: 5 EUR }", [("W0405", "else: 5 EUR")]),
        ("by uptime { < 95%: 5 EUR < 99%: 30 EUR else: 1 EUR }", [("W0405", "< 95%: 5 EUR")]),
        ("2 * by uptime { >= 99%: 30 EUR else: 5 EUR }", [("W0405", "else: 5 EUR")]),
    ],
)
def test_tables_of_credits(amount: str, expected: list[tuple[str, str]]) -> None:
    assert credit(amount) == expected


def test_a_promise_downwards_is_read_the_other_way_round() -> None:
    table = "by n { > 10: 30 EUR > 5: 5 EUR else: 1 EUR }"
    metric = "  metric n = outages(up) each month\n"
    goal = f"  goal g: acme guarantees n <= 3 {{ otherwise credit globex {table} }}\n"
    unused = ("W0212", "uptime")
    assert shown(metric + goal) == [unused]
    assert shown(metric + goal.replace("> 10: 30", "> 10: 3")) == [unused, ("W0405", "> 10: 3 EUR")]
    # Of a count, nothing lies between 4 and 5; and `3 >= n` is `n <= 3`.
    whole = goal.replace(table, "by n { >= 5: 30 EUR  >= 4 and <= 4: 5 EUR }").replace("n <= 3", "3 >= n")
    assert shown(metric + whole) == [unused]


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("by uptime { >= 99.9%: 10 EUR else: 5 EUR }", []),
        ("by uptime { >= 99.9%: 5 EUR else: 10 EUR }", [("W0414", ">= 99.9%: 5 EUR")]),
        ("by uptime { >= 99.9%: 5 EUR }", [("W0413", "by uptime { >= 99.9%: 5 EUR }")]),
        ("by uptime { >= 98%: 5 EUR < 98%: 1 EUR }", [("E0404", "< 98%: 1 EUR")]),
    ],
)
def test_tables_of_rewards(amount: str, expected: list[tuple[str, str]]) -> None:
    assert reward(amount) == expected


GOAL = "  goal g: acme guarantees uptime >= 99.9% { otherwise credit globex 30 EUR }\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("cap credits to globex at 30.01 EUR each month", [("W0410", "30.01 EUR")]),
        ("cap credits to globex at 30 EUR each month", []),
        ("cap credits to globex at 29.99 EUR each month", [("W0415", "29.99 EUR")]),
        ("cap credits to globex at 90.01 EUR over last 3 months", [("W0410", "90.01 EUR")]),
        ("cap credits to globex at 90 EUR over last 3 months", []),
        ("cap credits to globex at 300 EUR each year", []),
        ("goal h: acme guarantees uptime < 99.9% { otherwise notify acme }", [("E0510", "uptime < 99.9%")]),
        ("goal h: acme guarantees uptime <= 99.9% { otherwise notify acme }", []),
        (
            "goal h: acme guarantees uptime >= 99% { otherwise credit globex 30 EUR }",
            [("W0511", "uptime >= 99%")],
        ),
        ("goal h: acme guarantees uptime >= 99% { otherwise credit globex 31 EUR }", []),
        (
            "goal h: acme guarantees uptime >= 99% { otherwise notify globex rewarding credit acme 1 EUR }",
            [("E0411", "credit acme 1 EUR")],
        ),
        (
            "goal h: acme guarantees uptime >= 99.9% { otherwise notify globex rewarding credit acme 1 EUR }",
            [],
        ),
        ("when uptime < 0% { notify acme }", [("E0513", "uptime < 0%")]),
        ("when uptime >= 0% { notify acme }", [("W0514", "uptime >= 0%")]),
        ("when uptime < 90% { notify acme after 365d: notify globex }", [("W0515", "365d")]),
        ("when uptime < 90% { notify acme after 364d: notify globex }", []),
        ("when g violated in 12 of last 12 months { notify acme }", []),
        (
            "when g violated in 13 of last 13 months { notify acme }",
            [("W0614", "g violated in 13 of last 13 months")],
        ),
        ('party third "Third" provider', [("W0512", "third")]),
        ('party third "Third" auditor', []),
        ('service other "Other"', []),
        (
            "cap credits to globex at 1% of search.fee each year service other",
            [("W0415", "1% of search.fee"), ("W0212", "other")],
        ),
    ],
)
def test_goals_rules_caps_and_parties(body: str, expected: list[tuple[str, str]]) -> None:
    assert shown(f"{GOAL}  {body}\n") == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("uptime * 2 >= 2", []),
        ("uptime * 2 > 2", ["E0507"]),
        ("100% - uptime <= 100%", ["E0508"]),
        ("down <= 31d", []),
        ("down >= 0s", ["E0508"]),
        ("down + 1s > 0s", ["E0508"]),
        ("down < 0s", ["E0507"]),
        ("n >= 0", ["E0508"]),
        ("n > 0", []),
        ("n / 2 >= 0%", ["E0508"]),
        ("n >= 0 and uptime >= 99%", []),
        ("n >= 0 or uptime >= 99%", ["E0508"]),
        ("not n >= 0", ["E0507"]),
        ("by uptime { >= 99%: 1  else: 2 } <= 2", ["E0508"]),
        ("by uptime { >= 99%: 1  else: 2 } <= 1", []),
    ],
)
def test_goals_that_are_always_or_never_met(condition: str, expected: list[str]) -> None:
    window = "each month during office"
    metrics = f"  metric down = downtime(up) {window}\n  metric n = outages(up) {window}\n"
    found = shown(f"{metrics}  goal g: acme guarantees {condition} {{ otherwise notify globex }}\n")
    assert [code for code, _ in found if code[0] == "E"] == expected


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ("Sunday 02:00-04:00", []),
        ("Sunday 01:00-03:00", []),
        ("Sunday 02:30-04:00", [("W0612", "02:30")]),
        ("Sunday 01:00-02:30", [("W0612", "02:30")]),
        ("Saturday 23:00-02:30", [("W0612", "02:30")]),
        ("Sunday 23:00-02:30", []),
        ("Monday 02:30-04:00", []),
        ("every day 02:30-04:00", [("W0612", "02:30")]),
        ("2026-03-29 02:30-04:00", [("W0612", "02:30")]),
        ("2026-03-30 02:30-04:00", []),
        ("2025-12-24", [("W0613", "night")]),
        ("2026-12-24", []),
        ("every day 00:00-24:00", [("E0610", "availability(up)")]),
    ],
)
def test_hours(hours: str, expected: list[tuple[str, str]]) -> None:
    body = (
        f"  schedule night {{ {hours} }}\n  metric quiet = availability(up) each month excluding night\n"
        "  goal h: acme guarantees quiet >= 99% { otherwise notify globex }\n"
    )
    assert shown(GOAL + body) == expected


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-03-29T01:59", []),
        ("2026-03-29T02:00", ["W0612"]),
        ("2026-03-29T02:59", ["W0612"]),
        ("2026-03-29T03:00", []),
        ("2026-10-25T02:30", ["W0612"]),
        ("2026-10-25T02:30+01:00", []),
        ("2026-03-29", []),
    ],
)
def test_the_first_instant_of_the_term(start: str, expected: list[str]) -> None:
    head = HEAD.replace("2026-01-01 until", f"{start} until")
    assert [code for code, _ in shown(GOAL, head)] == expected


@pytest.mark.parametrize(
    ("every", "condition", "expected"),
    [
        ("43s", "availability(up) each month >= 99.99%", []),
        ("260s", "availability(up) each month >= 99.99%", ["W0509"]),
        ("259s", "availability(up) each month >= 99.99%", []),
        ("30s", "share(up) each 5m >= 90%", []),
        ("30s", "share(up) each 5m >= 91%", ["W0509"]),
        ("30s", "percentile(probe.elapsed, 90) each 5m <= 1s", []),
        ("30s", "percentile(probe.elapsed, 91) each 5m <= 1s", ["W0509"]),
        ("30s", "share((max(probe.elapsed) each 15m) < 1s) each day >= 98.9%", []),
    ],
)
def test_what_the_sources_can_show(every: str, condition: str, expected: list[str]) -> None:
    head = HEAD.replace("every 30s", f"every {every}")
    body = f"  goal g: acme guarantees {condition} {{ otherwise notify globex }}\n"
    found = shown(body, head.replace("  metric uptime = availability(up) each month during office\n", ""))
    assert [code for code, _ in found if code not in ("W0212",)] == expected


def test_the_numbers_of_what_cannot_be_seen_are_said() -> None:
    head = HEAD.replace("every 30s", "every 5m").replace(" during office", "")
    text = head + "  goal g: acme guarantees uptime >= 99.99% { otherwise notify globex }\n}\n"
    (_, found) = check_text(SourceText(name="t.sla", text=text))[1]
    assert found.code == "W0509"
    assert found.notes == (
        "99.99% leaves 4m 19s a month; one failed look already spends more",
        "the smallest violation that `probe` can show is one look: ~99.9884%",
    )


def test_an_agreement_of_more_than_five_pages() -> None:
    party = '  party p{} "P" auditor {{\n    email "a@b.example"\n    hook webhook "https://b.example/hook"\n  }}\n'
    codes = [
        [code for code, _ in shown(GOAL + "".join(party.format(n) for n in range(count)))]
        for count in (72, 73)
    ]
    assert codes == [[], ["W0519"]]


SHIPPED = [*sorted((ROOT / "specs").glob("*.sla")), *sorted((ROOT / "tests" / "real").glob("*.sla"))]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_nothing_is_found_in_agreements_that_are_in_use(path: Path) -> None:
    assert check_text(SourceText(name=path.name, text=path.read_text("utf-8")))[1] == ()
