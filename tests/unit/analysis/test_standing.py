"""What services stand on, as it is written and checked (M80, M81)."""

from __future__ import annotations

import subprocess
import sys

import pytest

import wsla
from wsla.analysis.services import NeededService, NeededSome, Origin, need_text

CDN = """\
  service cdn_a { assume availability 99.9% each month }
  service cdn_b { assume availability 99.5% each month }
  service cdn_c { assume availability 0% each 30d }
"""


def text(services: str, goal: str = "available") -> str:
    return f"""\
agreement "Web shop" version 1 {{
  effective 2026-01-01 in "Europe/Berlin"
  party host "Host" provider
  party shop "Shop" consumer
{services}
  source probe = http "https://shop.example/health" every 30s
  metric uptime = availability(probe.ok) each month
  goal {goal}: host guarantees uptime >= 99.9% {{ otherwise notify shop }}
}}
"""


def said(services: str, goal: str = "available") -> list[tuple[str, str]]:
    found = wsla.check(text(services, goal))
    return [(one.code, one.source.text[one.span.start : one.span.end]) for one in found]


@pytest.mark.parametrize(
    "need",
    [
        "cdn_a",
        "all(cdn_a)",
        "all(cdn_a, cdn_b, cdn_c)",
        "any(cdn_a, cdn_b)",
        "1 of (cdn_a, cdn_b)",
        "2 of (cdn_a, cdn_b)",
        "all(cdn_a, any(cdn_b, cdn_c), 1 of (cdn_b, cdn_c))",
    ],
)
def test_needs_that_can_be_said(need: str) -> None:
    assert [one for one in said(f"  service web {{ needs {need} }}\n{CDN}") if one[0] != "W0212"] == []


def test_what_comes_of_a_need() -> None:
    services = "  service web { needs all(cdn_a, 2 of (cdn_a, cdn_b, db)) }\n" + CDN
    services += '  service db from "Database".store'
    web, *_, db = wsla.loads(text(services)).checked.services
    three = tuple(NeededService(service=name) for name in ("cdn_a", "cdn_b", "db"))
    assert web.needs == NeededSome(
        least=2, members=(NeededService(service="cdn_a"), NeededSome(least=2, members=three))
    )
    assert need_text(web.needs) == "all(cdn_a, 2 of (cdn_a, cdn_b, db))"
    assert db.origin == Origin(title="Database", service="store")


@pytest.mark.parametrize(
    ("services", "code", "place"),
    [
        ("service web { needs all(cdn_a, cnd_b) }", "E0201", "cnd_b"),
        ("service web { needs all(cdn_a, probe) }", "E0201", "probe"),
        ("service web { needs web }", "E0950", "web"),
        ("service web { needs all(cdn_a, any(cdn_b, web)) }", "E0950", "web"),
        ("service web { needs a }\n  service a { needs b }\n  service b { needs a }", "E0950", "a"),
        ("service web { needs 0 of (cdn_a, cdn_b) }", "E0951", "0"),
        ("service web { needs 3 of (cdn_a, cdn_b) }", "E0951", "3"),
        ("service web { needs 1.5 of (cdn_a, cdn_b) }", "E0951", "1.5"),
        ("service web { needs both(cdn_a, cdn_b) }", "E0951", "both"),
        ("service web { needs all(cdn_a, cdn_a) }", "E0952", "cdn_a"),
        ("service web { needs cdn_a needs cdn_b }", "E0952", "needs cdn_b"),
        ('service web from "Database".store { needs cdn_a }', "E0952", "needs cdn_a"),
        (
            "service web { assume availability 9% each month needs cdn_a }",
            "E0952",
            "needs cdn_a",
        ),
        ("service web { assume availability 100.1% each month }", "E0953", "100.1%"),
        ("service web { assume availability 5m each month }", "E0953", "5m"),
        ("service web { assume latency 99% each month }", "E0953", "latency"),
        ("service web { asume availability 99% each month }", "E0953", "asume"),
        ("service web { assume availability }", "E0953", "assume availability"),
        ("service web { assume availability 99% each moth }", "E0305", "moth"),
    ],
)
def test_mistakes(services: str, code: str, place: str) -> None:
    found = [one for one in said(f"  {services}\n{CDN}") if not one[0].startswith("W")]
    assert found == [(code, place)]


@pytest.mark.parametrize("share", ["0%", "100%"])
def test_the_ends_of_what_can_be_assumed(share: str) -> None:
    services = f"  service web {{ needs a }}\n  service a {{ assume availability {share} each month }}"
    assert said(services) == []


def test_a_circle_is_told_once() -> None:
    services = "  service a { needs b }\n  service b { needs c }\n  service c { needs a }"
    (found,) = wsla.check(text(services))
    assert (found.code, found.message) == ("E0950", "`a` needs `b`, which needs `c`, which needs `a`")


def test_a_goal_is_about_a_service_that_is_delivered() -> None:
    services = "  service web { needs cdn_a }\n" + CDN
    (agreement,) = wsla.loads(text(services, "available for web")).checked.goals
    assert agreement.service == "web"
    errors = [one for one in said(services, "available for cdn_a") if one[0] != "W0212"]
    assert errors == [("E0954", "cdn_a")]
    assert ("E0201", "wbe") in said(services, "available for wbe")


def test_needs_stand_in_templates() -> None:
    whole = (
        "template shop_front(first: service, share: quantity) {\n"
        "  service web { needs all(first, own) }\n"
        "  service own { assume availability share each month }\n}\n"
        + text(
            "  use shop_front(first = cdn, share = 99%)\n  service cdn { assume availability 98% each month }"
        )
    )
    web, *rest = (one for one in wsla.loads(whole).checked.services if one.name in ("web", "own"))
    assert need_text(web.needs) == "all(cdn, own)" if web.needs else False
    assert [str(one.assumed.share) for one in rest if one.assumed] == ["99/100"]


def test_checking_loads_no_prover() -> None:
    code = (
        "import sys, wsla\n"
        f"wsla.check({text('  service web { needs web }')!r})\n"
        "print([name for name in sys.modules if name.startswith('wsla.composition')])"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"
