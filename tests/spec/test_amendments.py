"""Amendments (M69 to M71): which version judges a window, and what is wrong with versions that do not fit together."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from wsla.analysis.check import check_text, check_together
from wsla.api import Report, evaluate, evaluate_versions, load_all, loads, versions_of
from wsla.diagnostics.source import SourceText

Run = Callable[..., Any]


def version(
    number: str, effective: str, *, target: str = "99%", window: str = "each month", more: str = ""
) -> str:
    return f"""\
agreement "Search" version {number} {{
  effective {effective}
  party acme provider
  party globex consumer
  source probe = push every 1h
  metric up = availability(probe.ok) {window}
  goal available: acme guarantees up >= {target} {{ otherwise notify globex }}
{more}}}
"""


FIRST = version("1", "2026-01-01")
SECOND = version("2 amends 1", "2026-02-15", target="90%")
TAKING_OVER = version("2 amends 1", "2026-02-15 for windows under way", target="90%")


def hours(until: str = "2026-04-02", bad: frozenset[int] = frozenset({20})) -> list[dict[str, object]]:
    """A sample an hour from the new year; false on the bad days of each month."""
    at, end = datetime(2026, 1, 1, tzinfo=UTC), datetime.fromisoformat(until).replace(tzinfo=UTC)
    rows: list[dict[str, object]] = []
    while at < end:
        rows.append({"at": at, "ok": at.day not in bad})
        at += timedelta(hours=1)
    return rows


def reports(text: str, until: str = "2026-04-01") -> tuple[Report, ...]:
    return evaluate_versions(load_all(SourceText(name="a", text=text)), {"probe": hours()}, None, until)


def judged(report: Report) -> list[tuple[str, str, str]]:
    def day(at: int) -> str:
        return datetime.fromtimestamp(at // 10**9, UTC).date().isoformat()

    return [(day(one.window.start), day(one.window.end), one.verdict.value) for one in report.judgements]


def codes(*texts: str) -> list[str]:
    sources = [SourceText(name=f"{number}.sla", text=text) for number, text in enumerate(texts)]
    return [f"{one.source.name}:{one.position[0]} {one.code}" for one in check_together(sources)]


def test_a_window_is_judged_to_its_end_by_the_version_in_force_when_it_began() -> None:
    # M69: February began under version 1, whatever happened on the 15th.
    first, second = reports(FIRST + SECOND)
    assert judged(first) == [
        ("2026-01-01", "2026-02-01", "violated"),
        ("2026-02-01", "2026-03-01", "violated"),
    ]
    assert judged(second) == [("2026-03-01", "2026-04-01", "met")]
    assert [len(report.intents) for report in (first, second)] == [2, 0]


def test_metrics_have_the_windows_of_their_version_only() -> None:
    first, second = reports(FIRST + SECOND)
    assert [len(report.metrics["up"]) for report in (first, second)] == [2, 1]


def test_an_amendment_may_take_over_the_windows_under_way() -> None:
    # M70: the older version's term ends, the new one's begins, and both are cut there as every term is.
    first, second = reports(FIRST + TAKING_OVER)
    assert judged(first) == [
        ("2026-01-01", "2026-02-01", "violated"),
        ("2026-02-01", "2026-03-01", "met"),
    ]
    assert judged(second) == [
        ("2026-02-01", "2026-03-01", "met"),
        ("2026-03-01", "2026-04-01", "met"),
    ]


@pytest.mark.parametrize(
    ("effective", "theirs"), [("2026-02-01", 2), ("2026-01-31T23:59", 2), ("2026-02-01T00:00:01", 1)]
)
def test_a_window_that_begins_with_the_amendment_is_the_amendments(effective: str, theirs: int) -> None:
    first, second = reports(FIRST + version("2 amends 1", effective))
    assert [len(judged(report)) for report in (first, second)] == [3 - theirs, theirs]


def test_every_window_of_rolling_goals_is_judged_once() -> None:
    # M69: a rolling window belongs to the version in force when it began, so ticks go on without a gap.
    rolling = "over last 24h every 1h"
    first, second = reports(
        version("1", "2026-01-01", window=rolling) + version("2 amends 1", "2026-02-15", window=rolling)
    )
    starts = [one.window.start for report in (first, second) for one in report.judgements]
    assert starts == sorted(set(starts))
    assert len(starts) == len({start // (3600 * 10**9) for start in starts})
    assert {b - a for a, b in pairwise(starts)} == {3600 * 10**9}
    boundary = first.agreement.instant("2026-02-15")
    assert all(one.window.start < boundary for one in first.judgements)
    assert all(one.window.start >= boundary for one in second.judgements)


def test_a_rule_acts_under_the_version_that_is_in_force() -> None:
    # M71: the outage of the 20th of January is version 1's, that of the 20th of February version 2's.
    rule = "  when not probe.ok for 3h { notify acme }\n"
    first, second = reports(
        version("1", "2026-01-01", more=rule) + version("2 amends 1", "2026-02-15", more=rule), "2026-03-01"
    )
    fired = [
        [intent.at for intent in report.intents if "acme" in {str(target) for target in intent.targets}]
        for report in (first, second)
    ]
    assert fired == [
        [first.agreement.instant("2026-01-20T03:00")],
        [first.agreement.instant("2026-02-20T03:00")],
    ]


def test_three_versions_follow_each_other() -> None:
    third = version("3 amends 2", "2026-03-10", target="50%")
    first, second, last = evaluate_versions(
        load_all(SourceText(name="a", text=FIRST + SECOND + third)), {"probe": hours("2026-05-01")}
    )
    assert [len(judged(report)) for report in (first, second, last)] == [2, 1, 1]


def test_a_take_over_ends_the_terms_of_all_versions_before_it() -> None:
    # Version 1 still judges February when version 3 takes over: from then on nobody else does.
    third = version("3 amends 2", "2026-02-20 for windows under way", target="50%")
    first, second, last = versions_of(load_all(SourceText(name="a", text=FIRST + SECOND + third)))
    ends = [one.plan.effective_end for one in (first, second, last)]
    assert ends == [first.instant("2026-02-20"), first.instant("2026-02-20"), None]
    assert last.plan.judges_from is None


def test_an_amendment_alone_leaves_the_windows_under_way_to_the_version_before() -> None:
    (report,) = reports(SECOND)
    assert judged(report) == [("2026-03-01", "2026-04-01", "met")]
    assert judged(evaluate(loads(SECOND), {"probe": hours()}, None, "2026-04-01")) == judged(report)


def test_versions_in_several_files_are_the_same_as_in_one() -> None:
    apart = versions_of([loads(SECOND), loads(FIRST)])
    together = load_all(SourceText(name="a", text=FIRST + SECOND))
    assert [one.plan for one in apart] == [one.plan for one in together]


def test_versions_that_do_not_follow_are_refused_by_the_library() -> None:
    with pytest.raises(ValueError, match="version 4 of “Search” does not follow version 1"):
        versions_of([loads(FIRST), loads(version("4 amends 3", "2026-03-01"))])
    with pytest.raises(ValueError, match="different agreements"):
        versions_of([loads(FIRST), loads(SECOND.replace("Search", "Find"))])


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ((FIRST + SECOND,), []),
        ((FIRST, SECOND), []),
        ((SECOND,), []),
        ((FIRST + SECOND.replace(" amends 1", ""),), ["0.sla:9 E0916"]),
        ((FIRST, SECOND.replace(" amends 1", "")), ["1.sla:1 E0916"]),
        ((FIRST, version("3 amends 2", "2026-03-01")), ["1.sla:1 E0913"]),
        ((SECOND, version("3 amends 2", "2026-03-01")), []),
        ((FIRST + FIRST,), ["0.sla:9 E0914"]),
        ((version("1 amends 1", "2026-01-01"),), ["0.sla:1 E0914"]),
        ((version("1 amends 2", "2026-01-01"),), ["0.sla:1 E0914"]),
        ((FIRST, version("2 amends 1", "2026-01-01")), ["1.sla:2 E0915"]),
        ((FIRST, version("2 amends 1", "2026-01-01T00:00:01")), []),
        ((FIRST + SECOND, version("3 amends 1", "2026-03-01")), ["1.sla:1 E0916"]),
        ((version("1", "2026-01-01 for windows under way"),), ["0.sla:2 E0917"]),
        ((version("2 amends 1", "2026-01-01 for windows that run"),), ["0.sla:2 E0917"]),
    ],
)
def test_versions_are_checked_together(texts: tuple[str, ...], found: list[str]) -> None:
    assert codes(*texts) == found


def test_the_term_is_checked_in_the_order_of_numbers_not_of_the_text() -> None:
    assert check_text(SourceText(name="a", text=SECOND + FIRST))[1] == ()


def test_the_command_line_judges_by_all_versions(run_wsla: Run, tmp_path: Path) -> None:
    (tmp_path / "first.sla").write_text(FIRST, "utf-8")
    (tmp_path / "second.sla").write_text(SECOND, "utf-8")
    rows = "\n".join(f"{row['at']},{str(row['ok']).lower()}" for row in hours())
    (tmp_path / "probe.csv").write_text(f"at,ok\n{rows}\n", "utf-8")
    files = (tmp_path / "first.sla", tmp_path / "second.sla", "--data", f"probe={tmp_path / 'probe.csv'}")
    both = json.loads(run_wsla("eval", *files, "--until", "2026-04-01", "--format", "json").out)
    assert [(one["version"], len(one["judgements"])) for one in both] == [(1, 2), (2, 1)]
    table = run_wsla("eval", *files)
    assert (table.code, "Search, version 1" in table.out, "Search, version 2" in table.out) == (0, True, True)
    lines = run_wsla("eval", *files, "--until", "2026-04-01", "--format", "csv").out.splitlines()
    assert lines[0].startswith("version,")
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "1", "2"]


def test_tests_of_a_version_are_run_as_it_judges(run_wsla: Run, tmp_path: Path) -> None:
    given = (
        'test "{0}" {{\n  given probe.ok = false every 1h from 2026-02-01 until 2026-04-01\n'
        "  expect available violated in {1}\n}}\n"
    )
    text = FIRST + given.format("old", "2026-02") + SECOND + given.format("new", "2026-03")
    (tmp_path / "a.sla").write_text(text, "utf-8")
    assert run_wsla("test", tmp_path / "a.sla").code == 0
    swapped = FIRST + given.format("old", "2026-03") + SECOND + given.format("new", "2026-02")
    (tmp_path / "a.sla").write_text(swapped, "utf-8")
    finished = run_wsla("test", tmp_path / "a.sla", "--format", "json")
    assert [one["passed"] for one in json.loads(finished.out)] == [False, False]
