"""`wsla test`: why an expectation failed, what no test reaches, and the forms for build servers and machines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

Run = Callable[..., Any]

AGREEMENT = """\
agreement "Web shop" version 1 {
  effective 2026-01-01 in "Europe/Berlin"
  currency EUR

  party host "Host" provider { pager webhook "https://host.example/pager" }
  party shop "Shop" consumer { email "it@shop.example" }

  service web { fee 300 EUR per month }

  source probe = csv "probe.csv" every 10m {
    at       time
    elapsed  took in ms
  }

  metric good   = probe.up and probe.elapsed < 2s
  metric uptime = availability(good) each day
  metric slow   = max(probe.elapsed) each day

  goal available: host guarantees uptime >= 99% {
    otherwise credit shop by uptime {
      >= 95%: 10% of web.fee
      >= 50%: 25% of web.fee
      else:   100% of web.fee
    }
    rewarding notify shop
  }

  when not good for 30m {
    notify host.pager
    repeat every 1h
    after 5h: notify host
    on recovery: notify host.pager
  }
}
"""
DAY = """
test "a bad hour" {
  given probe.up = true, probe.elapsed = 100ms every 10m from 2026-03-02 for 1d
  given probe.up = false from 2026-03-02T10:00 for 50m
  given probe.up = unknown from 2026-03-02T18:00 for 10m
"""


@pytest.fixture
def run(tmp_path: Path, run_wsla: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the tests of the agreement with these written behind it, in the file `shop.sla`."""
    monkeypatch.chdir(tmp_path)

    def run(tests: str, *options: str) -> Any:
        Path("shop.sla").write_text(AGREEMENT + tests, "utf-8")
        return run_wsla("test", "shop.sla", *options)

    return run


def failing(run: Run, expectation: str) -> str:
    """What is said of one expectation that fails on a day with a bad hour, below the expectation itself."""
    finished = run(f"{DAY}  expect {expectation}\n}}\n")
    assert finished.code == 1
    assert finished.err == ""
    lines = finished.out.splitlines()
    assert lines[0] == "FAILED  shop.sla: a bad hour"
    assert lines[2] == f"            | expect {expectation}"
    assert lines[-1] == "0 tests passed, 1 failed"
    return "\n".join([lines[1][8:], *(line[12:] for line in lines[3:-1])])


BAD_HOUR = """\
`available` in 2026-03-02
    verdict   violated
    measured  ~96.5035%
    bounds    ~95.8333% to ~96.5278%
    promised  uptime >= 99%
    known     ~99.31%
    based on  uptime: 50m bad, 10m unknown, of 1d
    timeline  ____________________XX______________?___________  _ good, X bad, ? unknown
              2026-03-02 10:00 to 10:50 (50m)  bad: probe.up = false
              2026-03-02 18:00 to 18:10 (10m)  unknown: probe.up = unknown"""


def test_a_verdict_is_explained_by_the_time_that_was_bad_or_unknown(run: Run) -> None:
    assert failing(run, "available met in 2026-03-02") == (
        "shop.sla:40:3: `available` should be met, and is violated\n" + BAD_HOUR
    )


def test_a_value_is_explained_by_the_samples_that_broke_it(run: Run) -> None:
    assert failing(run, "slow < 100ms in 2026-03-02") == (
        """\
shop.sla:40:3: `slow` should be < 100ms, and is 100ms
`slow` in 2026-03-02
    measured  100ms
    bounds    exactly this
    known     100%
    based on  slow: 144 samples bad, 0 samples unknown, of 144 samples
    timeline  XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX  X bad
"""
        + "".join(
            f"              2026-03-02 00:{minute}  bad: probe.elapsed = 100ms\n"
            for minute in ("00", "10", "20", "30", "40")
        )
        + "              and 139 more"
    )


def test_a_credit_is_explained_by_the_verdict_it_follows(run: Run) -> None:
    assert failing(run, "credit shop 75 EUR in 2026-03-02") == (
        "shop.sla:40:3: `shop` should be credited 75, and is credited 30.00 EUR\n"
        + BAD_HOUR
        + "\n2026-03-02: credit 30.00 EUR, available"
    )


def test_an_action_is_explained_by_what_its_rule_waits_for(run: Run) -> None:
    assert failing(run, "notify host.pager at 2026-03-02T10:20") == (
        """\
shop.sla:40:3: `notify host.pager` should be due, and is not
`not good for 30m` in 2026-03-02 00:00 to 15:50
    condition 50m true, 0s unknown, of 15h 50m
    timeline  ______________________________XXX_______________  _ false, X true
              2026-03-02 10:00 to 10:50 (50m)  true: probe.up = false
2026-03-02T10:30:00+01:00: notify host.pager: Web shop: not good for 30m
2026-03-02T10:50:00+01:00: notify host.pager: Web shop: recovered: not good for 30m"""
    )


def test_an_action_that_nobody_would_take_is_said_to_be_so(run: Run) -> None:
    assert failing(run, "call shop in 2026-03-02") == (
        "shop.sla:40:3: `call shop` should be due, and is not\nno goal and no rule of this agreement does that"
    )


def test_time_without_observations_is_said_to_be_so(run: Run) -> None:
    finished = run(
        """
test "half a day" {
  given probe.up = true, probe.elapsed = 100ms every 10m from 2026-03-02T12:00 for 12h
  expect available met in 2026-03-02
}
"""
    )
    assert "`available` should be met, and is unknown" in finished.out
    assert "known     50%" in finished.out
    assert "2026-03-02 00:00 to 12:00 (12h)  unknown: no observation of probe\n" in finished.out


def test_what_two_expectations_rest_on_is_shown_once(run: Run) -> None:
    finished = run(f"{DAY}  expect available met in 2026-03-02\n  expect no credit shop in 2026-03-02\n}}\n")
    assert finished.out.count("timeline") == 1
    assert "            `available` in 2026-03-02: see above\n" in finished.out


RECORDS = """\
agreement "Desk" version 1 {
  effective 2026-01-01 in "Europe/Rome"
  party it    "IT"    provider { email "it@example.org" }
  party staff "Staff" consumer { email "staff@example.org" }

  source tickets = records csv "tickets.csv" {
    key number
    at  closed_at
    opened opened_at
    solved resolved_at
  }
  source probe = csv "probe.csv" every 1m {
    at time
    elapsed took in ms
  }
  metric resolution = elapsed(tickets.opened, tickets.solved)
  metric target     = by tickets.priority { "high": 4h else: 8h }
  metric on_time    = share(resolution <= target) each month
  metric p90        = percentile(probe.elapsed, 90) each 5m
  metric fast       = share(p90 <= 400ms) each day

  goal prompt: it guarantees on_time >= 90% { otherwise notify staff }
  goal quick:  it guarantees fast >= 99.5%  { otherwise notify staff }
}

test "records" {
  given tickets.number = "1", tickets.opened = 2026-03-02T09:00, tickets.solved = 2026-03-02T15:00,
        tickets.priority = "high" at 2026-03-02T15:00
  given tickets.number = "2", tickets.opened = 2026-03-02T09:00, tickets.solved = 2026-03-02T15:00,
        tickets.priority = "low" at 2026-03-02T15:00
  expect prompt met in 2026-03
}

test "windows" {
  given probe.elapsed = 100ms every 1m from 2026-03-02 for 1d
  given probe.elapsed = 900ms from 2026-03-02T12:00 for 7m
  expect quick met in 2026-03-02
}
"""


def test_records_and_inner_windows_are_named_with_what_was_observed(tmp_path: Path, run_wsla: Run) -> None:
    path = tmp_path / "desk.sla"
    path.write_text(RECORDS, "utf-8")
    said = run_wsla("test", path).out
    assert "based on  on_time: 1 record bad, 0 records unknown, of 2 records" in said
    assert "2026-03-02 15:00  bad: resolution = 6h, target = 4h, tickets.priority = high\n" in said
    assert "based on  fast: 2 windows bad, 0 windows unknown, of 288 windows" in said
    assert "2026-03-02 12:00 to 12:05 (5m)  bad: p90 = 900ms\n" in said
    assert "2026-03-02 12:05 to 12:10 (5m)  bad: p90 = 900ms\n" in said


def test_cover_names_what_no_test_reaches_and_leaves_the_exit_code(run: Run) -> None:
    finished = run(f"{DAY}  expect available violated in 2026-03-02\n}}\n", "--cover")
    assert finished.code == 0
    assert finished.out == (
        """\
passed  shop.sla: a bad hour
1 test passed, 0 failed
No test reaches:
  shop.sla:22:7: line `>= 50%: 25% of web.fee`
  shop.sla:23:7: line `else: 100% of web.fee`
  shop.sla:25:15: `rewarding notify shop`
  shop.sla:30:5: `repeat every 1h`
  shop.sla:31:5: `after 5h`
covered 5 of 10
"""
    )


def test_more_tests_cover_more(run: Run) -> None:
    finished = run(
        f"""{DAY}  expect available violated in 2026-03-02
}}
test "a lost morning" {{
  given probe.up = true, probe.elapsed = 100ms every 10m from 2026-03-02 for 2d
  given probe.up = false from 2026-03-02T08:00 for 6h
  expect credit shop 75 EUR in 2026-03-02
  expect available met in 2026-03-03
}}
""",
        "--cover",
    )
    assert finished.code == 0
    assert finished.out.splitlines()[2:] == [
        "2 tests passed, 0 failed",
        "No test reaches:",
        "  shop.sla:23:7: line `else: 100% of web.fee`",
        "covered 9 of 10",
    ]


def test_lines_of_tables_over_records_are_covered_too(tmp_path: Path, run_wsla: Run) -> None:
    path = tmp_path / "desk.sla"
    path.write_text(RECORDS.replace('priority = "low"', 'priority = "high"'), "utf-8")
    said = run_wsla("test", path, "--cover").out
    assert "line `else: 8h`" in said
    assert 'line `"high": 4h`' not in said


def test_json_says_all_of_it_exactly(run: Run) -> None:
    finished = run(f"{DAY}  expect available met in 2026-03-02\n}}\n", "--format", "json", "--cover")
    assert finished.code == 1
    report = json.loads(finished.out)
    (test,) = report["tests"]
    assert (test["title"], test["passed"], test["line"]) == ("a bad hour", False, 36)
    (failure,) = test["failures"]
    assert (failure["line"], failure["column"]) == (40, 3)
    (evidence,) = failure["evidence"]
    assert (evidence["name"], evidence["verdict"]) == ("available", "violated")
    assert (evidence["start"], evidence["end"]) == ("2026-03-02T00:00:00+01:00", "2026-03-03T00:00:00+01:00")
    assert (evidence["value"], evidence["lower"], evidence["upper"]) == ("138/143", "23/24", "139/144")
    assert evidence["coverage"] == "143/144"
    (ground,) = evidence["based_on"]
    assert (ground["bad"], ground["unknown"]) == (50 * 60 * 10**9, 10 * 60 * 10**9)
    assert ground["items"][0] == {
        "start": "2026-03-02T10:00:00+01:00",
        "end": "2026-03-02T10:50:00+01:00",
        "state": "bad",
        "observed": {"probe.up": [False]},
    }
    assert ground["timeline"].count("bad") == 2
    assert (report["coverage"]["covered"], report["coverage"]["of"]) == (5, 10)
    assert {
        "path": "shop.sla",
        "line": 31,
        "column": 5,
        "agreement": "Web shop",
        "kind": "reaction",
        "text": "after 5h",
        "reached": False,
    } in report["coverage"]["parts"]


def test_json_without_cover_is_a_list_of_tests(run: Run) -> None:
    finished = run(f"{DAY}  expect available violated in 2026-03-02\n}}\n", "--format", "json")
    (test,) = json.loads(finished.out)
    assert (test["passed"], test["failures"]) == (True, [])


def test_junit_tells_of_passed_and_failed_tests_and_of_broken_files(run: Run, run_wsla: Run) -> None:
    odd = 'test "5 < 6 & \uffff end"'
    tests = DAY + "  expect available violated in 2026-03-02\n}\n"
    tests += DAY.replace('test "a bad hour"', odd) + "  expect available met in 2026-03-02\n}\n"
    Path("broken.sla").write_text("agreement nonsense", "utf-8")
    run(tests)
    finished = run_wsla("test", "shop.sla", "broken.sla", "missing.sla", "--junit", "report.xml")
    assert finished.code == 1
    suites = ElementTree.parse("report.xml").getroot()
    assert suites.get("tests") == "4"
    assert (suites.get("failures"), suites.get("errors")) == ("1", "2")
    shop, broken, missing = suites
    assert shop.get("name") == "Web shop"
    first, second = shop
    assert (first.get("name"), first.get("line"), list(first)) == ("a bad hour", "36", [])
    assert second.get("name") == "5 < 6 & \\uffff end"
    (failure,) = second
    assert failure.get("message") == "`available` should be met, and is violated"
    assert "bad: probe.up = false" in (failure.text or "")
    assert "█" in (failure.text or "")
    assert "time" not in second.attrib
    assert [one.tag for one in (*broken[0], *missing[0])] == ["error", "error"]
    assert "there is no such file" in (missing[0][0].text or "")


def test_a_junit_file_that_cannot_be_written_is_an_error(run: Run) -> None:
    finished = run(
        f"{DAY}  expect available violated in 2026-03-02\n}}\n", "--junit", "no/such/folder/report.xml"
    )
    assert finished.code == 1
    assert "no/such/folder/report.xml: error[E0001]: no such file or directory" in finished.err


def test_blocks_are_drawn_where_the_terminal_has_them(
    run: Run, run_wsla: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsla.cli.paint.Paint.__attrs_post_init__", _with_blocks)
    finished = run(f"{DAY}  expect available met in 2026-03-02\n}}\n")
    assert "▁▁▁▁██▁▁▁▁▁▁▁▁▁▁▁▁▁▁░▁▁▁▁▁▁▁▁▁▁▁  ▁ good, █ bad, ░ unknown" in finished.out


def _with_blocks(paint: Any) -> None:
    paint.colour = False
    paint.blocks = True
