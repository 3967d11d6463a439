"""Pictures of judged history, in characters and as files."""

from __future__ import annotations

import io
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import pytest

from wsla.api import Report, evaluate, loads
from wsla.cli.paint import Paint
from wsla.cli.pictures import terminal
from wsla.cli.pictures.charts import CannotDraw, Chart, charts_of

TEXT = """
agreement "Shop" version 1 {
  kind customer
  effective 2026-03-01 until 2027-03-01 in "Europe/Berlin"
  currency EUR
  party maker "Maker" provider { email "a@example.com" }
  party taker "Taker" consumer { email "b@example.com" }
  service shop "Shop" { fee 100 EUR per month }
  source probe = push { label site  speed speed in ms  holds 1h }
  metric up = availability(probe.ok) each day by site
  metric slowest = max(probe.speed) each day by site
  goal available: maker guarantees up >= 99% { otherwise credit taker 10% of shop.fee }
  goal quick: maker guarantees slowest <= 2s { otherwise notify taker }
}
"""


@pytest.fixture
def image() -> Any:
    """The module that draws files; it takes seconds to load, and only these tests need it."""
    return import_module("wsla.cli.pictures.image")


def report(days: int = 3, sites: tuple[str, ...] = ("a",)) -> Report:
    """Every half an hour a sample; the second day has a bad hour and a slow answer; the third is unknown from noon."""
    rows = [
        {
            "time": f"2026-03-{2 + hour // 48:02}T{hour // 2 % 24:02}:{hour % 2 * 30:02}:00",
            "site": site,
            "ok": hour not in {60, 61},
            "speed": 3000 if hour == 70 else 1000,
        }
        for site in sites
        for hour in range(48 * (days - 1) + 24)
    ]
    return evaluate(loads(TEXT), {"probe": rows}, "2026-03-02", f"2026-03-{2 + days:02}")


def charts(found: Report) -> tuple[Chart, ...]:
    return charts_of(found.agreement.plan, found.judgements, found.entries)


def plain(found: Report) -> str:
    return terminal.draw(charts(found), "Europe/Berlin", Paint(io.TextIOWrapper(io.BytesIO(), "utf-8")))


def test_a_chart_has_the_goals_line_and_what_was_booked() -> None:
    available, quick = charts(report())
    assert available.title == "available (site=a): up >= 99%"
    assert available.line is not None
    assert available.text(available.line) == "99%"
    assert available.more_is_better
    assert not quick.more_is_better
    assert [mark.verdict.value for mark in available.marks] == ["met", "violated", "unknown"]
    assert [booking.text for booking in available.bookings] == ["credit 10.00 EUR"]
    assert not quick.bookings


def test_characters() -> None:
    assert plain(report(2)).split("\n\n")[0].splitlines() == [
        "available (site=a): up >= 99%",
        "100% │   ●",
        " 99% │ ────────────",
        *["     │"] * 4,
        " 92% │         ●",
        "       ▁▁▁▁▁▁██████",
        "       2026-03-02T00:00 2026-03-04T00:00",
        "       2026-03-04T00:00  credit 10.00 EUR",
    ]


def test_every_window_is_seen_though_many_share_a_column() -> None:
    found = charts(report(29))
    shown = terminal.draw(found, "UTC", Paint(io.StringIO()))
    assert "X" in shown or "█" in shown
    assert all(len(click.unstyle(line)) <= 80 for line in shown.splitlines())


def test_plain_characters_where_the_screen_has_no_others() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    shown = terminal.draw(charts(report()), "UTC", Paint(stream))
    assert shown.isascii()


@pytest.mark.parametrize("days", [3, 28])
def test_an_svg_says_what_the_chart_says(image: Any, tmp_path: Path, days: int) -> None:
    path = tmp_path / "shop.svg"
    image.save(charts(report(days)), "Europe/Berlin", "Shop, version 1", path)
    words = " ".join(ElementTree.parse(path).getroot().itertext())
    for word in ("Shop, version 1", "up >= 99%", "goal 99%", "credit 10.00 EUR", "violated", "unknown"):
        assert word in words


def test_the_same_history_gives_the_same_file(image: Any, tmp_path: Path) -> None:
    first, second = tmp_path / "1.svg", tmp_path / "2.svg"
    for path in (first, second):
        image.save(charts(report()), "Europe/Berlin", "Shop", path)
    assert first.read_bytes() == second.read_bytes()


def test_a_png(image: Any, tmp_path: Path) -> None:
    path = tmp_path / "shop.PNG"
    image.save(charts(report()), "Europe/Berlin", "Shop", path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_too_many_charts_for_one_picture(image: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert image._MOST_CHARTS == 40
    monkeypatch.setattr(image, "_MOST_CHARTS", 4)
    many = charts(report(2, ("a", "b", "c")))
    assert len(many) == 6
    with pytest.raises(CannotDraw, match="6 charts do not fit into one picture: 4 at most"):
        image.save(many, "UTC", "Shop", tmp_path / "shop.png")
    image.save(many[:4], "UTC", "Shop", tmp_path / "shop.png")


def test_a_folder_that_is_not_there(image: Any, tmp_path: Path) -> None:
    with pytest.raises(CannotDraw, match="cannot be written"):
        image.save(charts(report()), "UTC", "Shop", tmp_path / "none" / "shop.png")
