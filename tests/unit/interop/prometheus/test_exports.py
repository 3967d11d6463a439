"""Exports of many agreements: nothing raises, promtool accepts the rules, and their unit tests pass."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from wsla.analysis.check import check_text
from wsla.diagnostics.diagnostic import has_errors
from wsla.diagnostics.source import SourceText
from wsla.interop.formats import FORMATS, Exported, exporter

from .burning import PROMTOOL

ROOT = Path(__file__).resolve().parents[4]
SHIPPED = sorted((ROOT / "specs").rglob("*.sla"))
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool (Debian's prometheus) is not installed"
)

FRAME = """\
agreement "{title}" version 1 {{
  effective 2026-01-01 in "Europe/Berlin"
  party acme "Acme" provider {{ oncall pagerduty env K  desk email "desk@acme.example" }}
  party shop "Shop" consumer
  source probe = http "https://shop.example/health" every 30s
  source web = prometheus "http://metrics.example:9090" every 30s {{
    label region
    bad   "sum by (region) (errors_total)"
    total "sum by (region) (requests_total)"
    slow  "latency_ms" in ms
    part  "100 * errors / all" in percent
    up    up
  }}
  source pushed = push every 1m
  source rare   = push every 301s
{declarations}
}}
"""


def exported(declarations: str, title: str = "Web shop") -> tuple[Exported, str]:
    text = FRAME.format(title=title, declarations=declarations)
    source = SourceText(name="a.sla", text=text)
    agreements, found = check_text(source)
    assert not has_errors(found), [one.message for one in found]
    return exporter(FORMATS["prometheus"]).export_agreement(agreements[0], source), text


def rules(made: Exported) -> dict[str, dict[str, Any]]:
    """The rules of an export by their names."""
    groups = yaml.safe_load(made.files[0].text)["groups"]
    return {one.get("record") or one["alert"]: one for group in groups for one in group["rules"]}


def examples(made: Exported) -> list[dict[str, Any]]:
    return [one for file in made.files[1:] for one in yaml.safe_load(file.text)["tests"]]


def promtool(made: Exported, folder: Path) -> str:
    """What promtool finds wrong."""
    assert PROMTOOL is not None
    for one in made.files:
        (folder / one.name).write_text(one.text, "utf-8")
    said = ""
    for verb, files in (("check", made.files[:1]), ("test", made.files[1:])):
        words = [PROMTOOL, verb, "rules", *(str(folder / one.name) for one in files)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        said += "" if done.returncode == 0 else done.stdout + done.stderr
    return said


def spaced(text: str) -> str:
    return " ".join(text.split())


def without_agreement(text: str) -> str:
    return spaced(re.sub(r"\{agreement=\"[^\"]*\"\}", "", text))


# --- what is written


def test_a_ratio_of_counters_is_compared_in_whole_numbers() -> None:
    made, _ = exported(
        "metric level = increase(web.total) - increase(web.bad) over last 10m every 30s by region\n"
        "goal served: acme guarantees 100% - increase(web.bad) / increase(web.total) over last 10m every 30s by region"
        " >= 99.95% { otherwise notify shop }"
    )
    assert made.diagnostics == ()
    found = rules(made)
    assert without_agreement(found["WebShopServedViolated"]["expr"]) == (
        "agreement_region:web_total:increase10m < 2000 * agreement_region:web_bad:increase10m"
        " and agreement_region:web_total:increase10m > 0"
        " and agreement_region:web_bad:held_count10m >= 18"
        " and agreement_region:web_total:held_count10m >= 18"
    )
    assert found["WebShopServedViolated"]["labels"] == {
        "agreement": "Web shop",
        "goal": "served",
        "party": "acme",
        "severity": "ticket",
    }
    step = found["agreement_region:web_bad:step"]["expr"]
    assert without_agreement(step) == (
        "agreement_region:web_bad:sample - agreement_region:web_bad:previous >= 0"
        " or clamp_min(agreement_region:web_bad:sample and agreement_region:web_bad:previous, 0)"
    )


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("share(web.slow < 500ms) over last 1h every 30s by region >= 95%", "20 * S:sum1h < 19 * S:count1h"),
        ("share(web.slow < 500ms) over last 1h every 30s by region > 95%", "20 * S:sum1h <= 19 * S:count1h"),
        ("mean(web.slow) over last 1h every 30s by region <= 0.5s", "L:sum1h > 500 * L:count1h"),
        ("max(web.slow) over last 1h every 30s by region <= 0.5s", "L:max1h > 500"),
        ("max(web.part) over last 1h every 30s by region < 0.3%", "agreement_region:web_part:max1h >= 0.3"),
        (
            "percentile(web.slow, 95) over last 1h every 30s by region <= 290ms",
            "20 * W:sum1h < 19 * W:count1h",
        ),
        (
            "percentile(web.slow, 95) over last 1h every 30s by region < 290ms",
            "20 * W:sum1h < 19 * W:count1h",
        ),
        (
            "availability(web.up) over last 1h every 30s by region >= 99%",
            "100 * U:held_sum1h < 99 * U:held_count1h",
        ),
        (
            "downtime(web.up) over last 1h every 30s by region <= 90s",
            "agreement_region:web_up_false:held_sum1h > 3",
        ),
        ("count(probe) over last 1h every 30s >= 100", "agreement:probe_ok:count1h < 100"),
        (
            "rate(web.total) over last 1h every 30s by region >= 10/s",
            "agreement_region:web_total:increase1h < 36000",
        ),
    ],
)
def test_formulas_and_what_is_compared(condition: str, expected: str) -> None:
    made, _ = exported(
        f"goal kept: acme guarantees {condition} {{ otherwise notify shop }}\nwhen not probe.ok {{ notify acme }}"
    )
    text = without_agreement(rules(made)["WebShopKeptViolated"]["expr"])
    for short, name in (("S", "slow_true"), ("L", "slow"), ("W", "slow_within"), ("U", "up_true")):
        text = text.replace(f"agreement_region:web_{name}:", f"{short}:")
    assert expected in text


def test_a_limit_of_a_latency_is_a_decimal_and_no_product() -> None:
    made, _ = exported("when web.slow > 290ms or web.part >= 0.1% and web.up { call acme }")
    found = rules(made)["WebShopWhen1"]
    assert without_agreement(found["expr"]) == (
        "agreement_region:web_slow:held > 290 or ("
        " agreement_region:web_part:held >= 0.1 and agreement_region:web_up:held == 1 )"
    )
    assert found["labels"]["severity"] == "page"


def test_rules_wait_and_say_whom_they_tell() -> None:
    made, _ = exported('when not probe.ok for 90s { notify acme.oncall, shop "it is down" }')
    found = rules(made)["WebShopWhen1"]
    assert (found["for"], found["labels"]["severity"]) == ("1m30s", "page")
    assert found["annotations"] == {
        "summary": "it is down",
        "condition": "not probe.ok for 90s",
        "tells": "acme.oncall, shop",
    }
    assert rules(made)["agreement:probe_ok:held"]["expr"] == (
        'last_over_time(agreement:probe_ok:sample{agreement="Web shop"}[1m29s999ms])'
    )


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("unknown time is excluded", "K >= 108"),
        ("coverage 50%", "K >= 60"),
        ("unknown time is unknown", "K >= 120"),
        ("unknown time counts as met", "K >= 120"),
        ("unknown time counts as missed", "or K < 120"),
    ],
)
def test_what_unknown_time_means_is_kept(policy: str, expected: str) -> None:
    made, _ = exported(
        "goal kept: acme guarantees max(probe.elapsed) over last 1h every 30s <= 1s "
        f"{{ otherwise notify shop {policy} }}"
    )
    text = without_agreement(rules(made)["WebShopKeptViolated"]["expr"])
    assert expected in text.replace("agreement:probe_elapsed:held_count1h", "K")


def test_time_that_cannot_be_made_up_for_is_lost_whatever_is_unknown() -> None:
    made, _ = exported(
        "goal kept: acme guarantees availability(probe.ok) over last 1h every 30s >= 99% { otherwise notify shop }"
    )
    text = without_agreement(rules(made)["WebShopKeptViolated"]["expr"])
    # 1 % of 120 looks are 1.2.
    assert "or 5 * agreement:probe_ok_true:held_sum1h + 6 < 5 * agreement:probe_ok_true:held_count1h" in text


def test_every_alert_is_tested_at_its_limit() -> None:
    made, _ = exported(
        "metric level = 100% - increase(web.bad) / increase(web.total) over last 30d every 30s by region\n"
        "goal served: acme guarantees level >= 99.9% { otherwise notify shop }\n"
        "when burn(served) over last 1h > 14.4 { call acme }"
    )
    found = {
        (
            one["alert_rule_test"][0]["alertname"],
            "at a limit" in one["name"],
            bool(one["alert_rule_test"][0]["exp_alerts"]),
        )
        for one in examples(made)
    }
    for name in ("WebShopServedViolated", "WebShopServedBurn1"):
        assert {(name, True, False), (name, False, True)} <= found


# --- what cannot be said


@pytest.mark.parametrize(
    ("declarations", "what"),
    [
        (
            "goal a: acme guarantees availability(probe.ok) each day >= 99% { otherwise notify shop }",
            "windows of the calendar",
        ),
        (
            "schedule office { Monday 08:00-12:00 }\ngoal a: acme guarantees availability(probe.ok) "
            "over last 7d every 1h during office >= 99% { otherwise notify shop }",
            "schedules",
        ),
        (
            "goal a: acme guarantees availability(probe.ok, forgiving outages under 5m) over last 7d every 1h >= 99% "
            "{ otherwise notify shop }",
            "forgiven",
        ),
        (
            "goal a: acme guarantees outages(probe.ok) over last 7d every 1h <= 3 { otherwise notify shop }",
            "`outages`",
        ),
        ("when sustained(not probe.ok, 5m) { notify acme }", "rest on the past"),
        ("when not probe.ok and rare.ok { notify acme }", "less often than every 5m"),
        (
            "metric slice = share(probe.ok) each 5m >= 90%\n"
            "goal a: acme guarantees share(slice) over last 7d every 1h >= 99% { otherwise notify shop }",
            "consist of other windows",
        ),
        ("when web.slow > 1s and not probe.ok { notify acme }", "other labels"),
        (
            "goal a: acme guarantees percentile(probe.elapsed, 99, approximate within 1%) over last 7d every 1h <= 1s "
            "{ otherwise notify shop }",
            "percentile",
        ),
        (
            "goal a: acme guarantees share(pushed.ok) over last 7d every 1h >= 99% { otherwise notify shop }\n"
            "when a violated { notify acme }",
            "verdicts",
        ),
    ],
)
def test_what_it_cannot_evaluate_is_named_at_its_place(declarations: str, what: str) -> None:
    made, text = exported(declarations)
    (found,) = [one for one in made.diagnostics if one.code == "W1301"]
    assert what in found.message
    assert text[found.span.start : found.span.end].strip() in declarations


def test_what_stands_beside_is_named() -> None:
    made, _ = exported(
        "currency EUR\nservice s { fee 10 EUR per month }\n"
        "goal a: acme guarantees availability(probe.ok) over last 1h every 30s >= 99% { otherwise credit shop 5 EUR }\n"
        "when not probe.ok { notify acme repeat every 1h }\n"
        "cap credits to shop at 50 EUR each month\npublish report to shop.x each month".replace(
            "shop.x", "acme.desk"
        )
    )
    said = {
        one.message.removeprefix("Prometheus cannot say ") for one in made.diagnostics if one.code == "W1020"
    }
    assert {"credits and rights", "caps", "reports and reviews"} <= said
    assert any("Alertmanager" in one for one in said)


def test_nothing_is_recorded_for_what_is_left_out() -> None:
    made, _ = exported(
        "when web.slow > 1s and web.up and not sustained(not probe.ok, 5m) { notify acme }\n"
        "when not probe.ok { notify acme }"
    )
    assert list(rules(made)) == ["agreement:probe_ok:sample", "agreement:probe_ok:held", "WebShopWhen2"]


# --- promtool


TITLE = 'Größe "x" {{ $labels }} \\\\ # %'
EVERYTHING = """
  metric level = 100% - increase(web.bad) / increase(web.total) over last 30d every 30s by region
  goal served: acme guarantees level >= 99.9% { otherwise notify shop }
  goal quick: acme guarantees share(web.slow <= 290ms where web.up) over last 10m every 30s by region >= 95% {
    otherwise notify shop unknown time counts as missed }
  goal up: acme guarantees availability(probe.ok) over last 10m every 30s > 99% { otherwise notify shop }
  goal p95: acme guarantees percentile(probe.elapsed, 95) over last 10m every 30s < 1500ms provided
    count(probe) over last 10m every 30s > 10 { otherwise notify shop unknown time counts as met }
  goal calm: acme guarantees max(pushed.load) over last 10m every 1m <= 3.7 { otherwise notify shop }
  when burn(served) over last 1h > 14.4 and burn(served) over last 5m > 14.4 { call acme "{{ $value }} burns" }
  when burn(up) over last 1h > 2 for 5m { ticket acme.desk }
  when not probe.ok or probe.elapsed > 2s for 2m { notify acme.oncall }
"""


@needs_promtool
def test_promtool_accepts_everything_at_once(tmp_path: Path) -> None:
    made, _ = exported(EVERYTHING, TITLE.replace('"', '\\"'))
    assert [one.code for one in made.diagnostics if one.code not in ("W1303", "W1305")] == []
    assert promtool(made, tmp_path) == ""
    assert {one["labels"]["agreement"] for one in rules(made).values()} == {'Größe "x" { { $labels }} \\ # %'}


@needs_promtool
def test_promtool_accepts_what_shipped_agreements_become(tmp_path: Path) -> None:
    written = 0
    for number, path in enumerate(SHIPPED):
        source = SourceText(name=path.name, text=path.read_text("utf-8"))
        agreements, found = check_text(source)
        for agreement in agreements if not has_errors(found) else ():
            made = exporter(FORMATS["prometheus"]).export_agreement(agreement, source)
            assert made.files or made.diagnostics
            if made.files:
                written += 1
                folder = tmp_path / str(number)
                folder.mkdir(exist_ok=True)
                assert promtool(made, folder) == "", path.name
    assert written >= 1


FORMULAS = st.sampled_from(
    [
        "share(web.slow {op} 250ms) over last {w} every 30s by region {op2} {share}",
        "100% - increase(web.bad) / increase(web.total) over last {w} every 30s by region {op2} {share}",
        "sum(web.bad) / sum(web.total) over last {w} every 30s by region {op2} {share}",
        "availability(web.up and web.part {op} 0.7%) over last {w} every 30s by region {op2} {share}",
        "mean(web.slow) over last {w} every 30s by region {op2} 0.3s",
        "downtime(web.up) over last {w} every 30s by region {op2} 77s",
        "percentile(web.slow, 97.5) over last {w} every 30s by region {op2} 123ms",
        "increase(web.total) over last {w} every 30s by region {op2} 7",
    ]
)


@st.composite
def goals(draw: st.DrawFn) -> str:
    lines = []
    for name in ("first", "second"):
        formula = draw(FORMULAS).format(
            op=draw(st.sampled_from(("<", "<=", ">", ">="))),
            op2=draw(st.sampled_from(("<", "<=", ">", ">="))),
            w=draw(st.sampled_from(("5m", "11m", "7d", "45s"))),
            share=draw(st.sampled_from(("99.9%", "33.3%", "0%", "100%", "0.01%"))),
        )
        policy = draw(
            st.sampled_from(("", "unknown time counts as missed", "unknown time is unknown", "coverage 0%"))
        )
        lines.append(f"goal {name}: acme guarantees {formula} {{ otherwise notify shop {policy} }}")
        if "share(" in formula or "increase(web.bad)" in formula:
            lines.append(
                f"when burn({name}) over last 7m > {draw(st.sampled_from(('14.4', '0.1', '3')))} {{ notify acme }}"
            )
    return "\n".join(lines)


@needs_promtool
@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(declarations=goals())
def test_promtool_accepts_generated_goals(declarations: str, tmp_path: Path) -> None:
    found = check_text(
        SourceText(name="a.sla", text=FRAME.format(title="Web shop", declarations=declarations))
    )[1]
    # Some can never be true.
    assume(not has_errors(found))
    made, _ = exported(declarations)
    for one in tmp_path.iterdir():
        one.unlink()
    if made.files:
        assert promtool(made, tmp_path) == ""
