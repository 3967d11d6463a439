"""Goals of the calendar are watched by how fast their budget is spent, where the agreement has no rule for that."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import wsla
from wsla.api import load_all
from wsla.diagnostics.source import SourceText
from wsla.interop.formats import Exported
from wsla.interop.prometheus import export_agreement

PROMTOOL = shutil.which("promtool")
LEVEL = "increase(requests.good) / increase(requests.total)"
SHOP = """agreement "Web shop" version 1 {
  effective 2026-01-01 in "Europe/Berlin"
  party host "Host" provider
  party shop "Shop" consumer
  source requests = prometheus "http://metrics.example:9090" every 1m {
    good  "sum(http_requests_total{code!~\\"5..\\"})"
    total "sum(http_requests_total)"
  }
  schedule nights { Sunday 02:00-04:00 }
%s
}
"""


def exported(declarations: str, around: str = "%s") -> Exported:
    agreement = wsla.loads(around % (SHOP % declarations), "shop.sla")
    return export_agreement(agreement.checked, agreement.source)


def conditions(made: Exported) -> list[str]:
    """What the alerts say that they are about."""
    text = made.files[0].text if made.files else ""
    return [line.split('"')[1] for line in text.splitlines() if "condition:" in line]


def codes(made: Exported) -> list[str]:
    return [one.code for one in made.diagnostics]


def rates(goal: str, *pairs: tuple[str, str, str]) -> list[str]:
    return [
        f"burn({goal}) over last {long} > {rate} and burn({goal}) over last {short} > {rate}"
        for long, short, rate in pairs
    ]


@pytest.mark.parametrize(
    ("window", "promised", "expected"),
    [
        ("each month", "99%", [("1h", "5m", "14.4"), ("6h", "30m", "6"), ("3d", "6h", "1")]),
        ("each quarter", "99%", [("1h", "5m", "43.2"), ("6h", "30m", "18"), ("3d", "6h", "3")]),
        ("each week", "99%", [("1h", "5m", "3.36"), ("6h", "30m", "1.4")]),
        # 175.2 times as fast as allowed is faster than everything being bad; 12.1666 is rounded down.
        ("each year", "99%", [("6h", "30m", "73"), ("3d", "6h", "12.16")]),
        ("each month", "93%", [("6h", "30m", "6"), ("3d", "6h", "1")]),
        ("each month", "95%", [("1h", "5m", "14.4"), ("6h", "30m", "6"), ("3d", "6h", "1")]),
    ],
)
def test_the_usual_rates_of_a_window(
    window: str, promised: str, expected: list[tuple[str, str, str]]
) -> None:
    """A fiftieth in an hour, a twentieth in six, a tenth in three days."""
    goal = f"  goal served: host guarantees level >= {promised} {{ otherwise notify shop }}"
    made = exported(f"  metric level = {LEVEL} {window}\n{goal}")
    assert conditions(made) == rates("served", *expected)
    assert codes(made) == ["W1306"]


@pytest.mark.parametrize(
    "declarations",
    [
        f"  metric level = {LEVEL} each day\n  goal served: host guarantees level >= 99% {{ otherwise notify shop }}",
        f"  metric level = {LEVEL} each month excluding nights\n"
        "  goal served: host guarantees level >= 99% { otherwise notify shop }",
        f"  metric level = {LEVEL} each month\n"
        "  goal served: host guarantees level >= 100% { otherwise notify shop }",
        "  metric seen = sum(requests.total) each month\n"
        "  goal busy: shop guarantees seen <= 9 { otherwise notify host }",
    ],
)
def test_what_has_no_budget_that_burns_so_has_none(declarations: str) -> None:
    made = exported(declarations)
    assert made.files == ()
    assert "W1306" not in codes(made)


def test_a_rule_of_its_own_stands_instead() -> None:
    made = exported(
        f"  metric level = {LEVEL} each month\n"
        "  goal served: host guarantees level >= 99% { otherwise notify shop }\n"
        "  when burn(served) over last 2h > 10 { notify host }"
    )
    assert conditions(made) == ["burn(served) over last 2h > 10"]
    assert "W1306" not in codes(made)


def test_several_goals_beside_what_cannot_be_watched_and_other_agreements() -> None:
    text = SHOP % (
        f"  metric level = {LEVEL} each month\n"
        f"  metric days = {LEVEL} each day\n"
        "  metric seen = sum(requests.total) each month\n"
        "  goal served: host guarantees level >= 99% { otherwise notify shop }\n"
        "  goal daily: host guarantees days >= 90% { otherwise notify shop }\n"
        "  goal again: host guarantees level > 98% { otherwise notify shop }\n"
        "  goal busy: shop guarantees seen <= 9 { otherwise notify host }"
    )
    other = SHOP.replace("Web shop", "Other") % (
        f"  metric level = {LEVEL} each day\n  goal served: host guarantees level >= 99% {{ otherwise notify shop }}"
    )
    first, second = load_all(SourceText(name="shop.sla", text=f"{text}\n{other}"))
    made = export_agreement(first.checked, first.source)
    usual = [("1h", "5m", "14.4"), ("6h", "30m", "6"), ("3d", "6h", "1")]
    assert conditions(made) == [*rates("served", *usual), *rates("again", *usual)]
    places = [one.source.text[one.span.start :][:12] for one in made.diagnostics if one.code == "W1306"]
    assert places == ["goal served:", "goal again: "]
    assert export_agreement(second.checked, second.source).files == ()


@pytest.mark.skipif(PROMTOOL is None, reason="promtool (Debian's prometheus) is not installed")
def test_promtool_accepts_them(tmp_path: Path) -> None:
    assert PROMTOOL is not None
    made = exported(
        f"  metric level = {LEVEL} each quarter\n"
        "  goal served: host guarantees level >= 99.9% { otherwise notify shop }"
    )
    for one in made.files:
        (tmp_path / one.name).write_text(one.text, "utf-8")
    for command, file in zip(("check", "test"), made.files, strict=True):
        subprocess.run([PROMTOOL, command, "rules", tmp_path / file.name], check=True, capture_output=True)
