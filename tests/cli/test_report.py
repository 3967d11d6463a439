"""`wsla report`: what it says is what the store holds, and where there is nothing to say it says why."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.cli.paint import WIDEST, Paint
from wsla.cli.stored import parse_window
from wsla.evaluation.verdicts import Verdict
from wsla.reporting.verdicts import window_name
from wsla.store.sqlite import Store
from wsla.values.instants import DAY, HOUR, SECOND, Interval

from . import march

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("march")
    march.fill(folder / "wsla.db")
    (folder / "parcels.sla").write_text(march.TEXT, "utf-8")
    return folder


@pytest.fixture
def report(run_wsla: Run, folder: Path) -> Callable[..., Any]:
    """Runs the verb on the store."""

    def run(*arguments: object) -> Any:
        return run_wsla("report", folder / "parcels.sla", "--store", folder / "wsla.db", *arguments)

    return run


def as_json(finished: Any) -> Any:
    assert finished.code == 0, finished.said
    return json.loads(finished.out)


def test_a_missed_month_is_told_with_what_was_promised_measured_and_owed(report: Run) -> None:
    finished = report("--window", "2026-03")
    assert finished.code == 0, finished.said
    assert finished.err == ""
    said = finished.out
    assert "Parcel tracking, version 1: 2026-03" in said
    assert "reachable: Rápido Parcels promised uptime >= 99.5%" in said
    assert "violated" in said
    # 743 hours (the clocks go forward in March), 6 of them down.
    assert "99.19" in said
    assert "Rápido Parcels owes Corner Store 60.00 EUR" in said
    assert "0 delivered, 3 pending, 0 given up" in said


def test_a_report_fits_into_80_columns(report: Run) -> None:
    for arguments in ((), ("--window", "2026-03"), ("--window", "2026-04")):
        for line in report(*arguments).out.splitlines():
            assert len(line) <= 80, line


def test_many_windows_are_a_timeline_and_the_rows_that_matter(report: Run) -> None:
    said = report("--window", "2026-03", "--goal", "awake").out
    assert "_" * 9 + "X" + "_" * 21 in said
    assert "31 windows: 30 met, 1 violated" in said
    assert "2026-03-10" in said
    assert "2026-03-11" not in said


def test_json_is_exact(report: Run) -> None:
    value = as_json(report("--window", "2026-03", "--goal", "reachable", "--format", "json"))
    (goal,) = value["goals"]
    (window,) = goal["windows"]
    assert Fraction(window["value"]) == Fraction(743 - 6, 743)
    assert (window["verdict"], window["final"], window["window"]) == ("violated", True, "2026-03")
    assert [(one["amount"], one["debtor"], one["creditor"]) for one in value["entries"]] == [
        ("60.00", "carrier", "store")
    ]
    assert value["owed"] == [{"debtor": "carrier", "creditor": "store", "amount": "60.00", "currency": "EUR"}]
    assert (value["start"], value["end"]) == ("2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00")


def test_what_follows_from_a_month_belongs_to_it_although_it_is_due_later(report: Run) -> None:
    march_ = as_json(report("--window", "2026-03", "--goal", "reachable", "--format", "json"))
    april = as_json(report("--window", "2026-04", "--goal", "reachable", "--format", "json"))
    assert [notice["at"] for notice in march_["notices"]["list"]] == ["2026-04-01T00:10:00+02:00"]
    assert april["notices"]["list"] == []
    assert april["entries"] == []


def test_a_window_belongs_to_the_period_in_which_it_ended(report: Run) -> None:
    value = as_json(report("--window", "2026-03-10", "--goal", "awake", "--format", "json"))
    assert [window["window"] for window in value["goals"][0]["windows"]] == ["2026-03-10"]


def test_a_window_longer_than_the_period_is_shown_where_there_is_no_other(report: Run) -> None:
    value = as_json(report("--window", "2026-03-10", "--goal", "reachable", "--format", "json"))
    assert [window["window"] for window in value["goals"][0]["windows"]] == ["2026-03"]


def test_an_open_window_is_shown_as_it_stands_now(report: Run) -> None:
    value = as_json(report("--window", "2026-04", "--goal", "reachable", "--format", "json"))
    (window,) = value["goals"][0]["windows"]
    assert (window["verdict"], window["final"]) == ("on track", False)
    # Nine days and a half of thirty are known, though the verdict was last noted when the month began.
    assert Fraction(window["coverage"]) == Fraction(19, 60)
    assert window["budget_left"] == window["budget"]


def test_the_instant_at_which_open_windows_stand_is_told(report: Run) -> None:
    assert "open windows as of 2026-04-10T12:00:00+02:00" in report("--window", "2026-04").out
    assert "as of" not in report("--window", "2026-03").out


def test_a_window_that_ended_is_not_final_within_its_grace(run_wsla: Run, tmp_path: Path) -> None:
    path = tmp_path / "wsla.db"
    march.fill(path, until="2026-04-01T00:05")
    (tmp_path / "parcels.sla").write_text(march.TEXT, "utf-8")
    finished = run_wsla("report", tmp_path / "parcels.sla", "--store", path, "--window", "2026-03")
    assert "violated (not final)" in finished.out
    assert "nothing was booked" in finished.out


def test_without_a_window_everything_is_reported(report: Run) -> None:
    value = as_json(report("--format", "json"))
    assert {goal["goal"]: len(goal["windows"]) for goal in value["goals"]} == {"reachable": 2, "awake": 41}


def test_deliveries_that_wait_or_were_given_up_are_named(run_wsla: Run, tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "wsla.db"
    march.fill(path)
    with Store.open(str(path), writer=True) as store:
        for item in store.due_deliveries(2**62, -1):
            if item.intent.cause == "awake":
                store.delivery_succeeded(item.intent.id, item.target, 1)
            elif str(item.target) == "store":
                store.delivery_failed(item.intent.id, item.target, 1, "no such mailbox", None)
            else:
                store.delivery_failed(item.intent.id, item.target, 1, "the server is away", 2)
    finished = run_wsla("report", folder / "parcels.sla", "--store", path, "--window", "2026-03")
    said = " ".join(finished.out.split())
    assert "1 delivered, 1 pending, 1 given up" in said
    assert "given up: notify store" in said
    assert "no such mailbox" in said
    assert "pending: notify carrier" in said
    assert "the server is away" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--window", "2026-02"), "no verdict of “Parcel tracking” for 2026-02"),
        (("--window", "last month"), "names no period such as"),
        (("--window", "2026-13"), "the calendar has no 2026-13"),
        (("--window", "2026-03-02..2026-03-01"), "--window"),
        (("--window", "2026-03-01..soon"), "is not a time"),
    ],
)
def test_nothing_to_report_is_one_message(report: Run, arguments: tuple[str, ...], words: str) -> None:
    finished = report(*arguments)
    assert (finished.code, finished.out) == (1, "")
    assert words in finished.err
    assert finished.err.count("\n") == 1


def test_a_goal_that_is_not_there_is_wrong_usage(report: Run) -> None:
    finished = report("--goal", "reachabel")
    assert finished.code == 2
    assert "it has reachable, awake" in finished.err


def test_a_store_that_is_missing_is_one_message(run_wsla: Run, folder: Path, tmp_path: Path) -> None:
    finished = run_wsla("report", folder / "parcels.sla", "--store", f"sqlite:///{tmp_path / 'no.db'}")
    assert (finished.code, finished.out) == (1, "")
    assert "There is no store to read" in finished.err
    assert not (tmp_path / "no.db").exists()


def test_an_agreement_that_the_store_does_not_hold_is_one_message(
    run_wsla: Run, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.sla"
    other.write_text(march.TEXT.replace('"Parcel tracking"', '"Parcel trackin"'), "utf-8")
    finished = run_wsla("report", other, "--store", folder / "wsla.db")
    assert (finished.code, finished.out) == (1, "")
    assert "holds no agreement “Parcel trackin”. Did you mean “Parcel tracking”?" in finished.err


def test_another_text_than_the_one_in_force_is_remarked(run_wsla: Run, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "parcels.sla"
    other.write_text(march.TEXT.replace("99.5%", "99%"), "utf-8")
    finished = run_wsla("report", other, "--store", folder / "wsla.db", "--window", "2026-03")
    assert finished.code == 0
    assert "is not the text that the daemon runs" in finished.err
    assert "promised uptime >= 99.5%" in finished.out


@given(st.lists(st.sampled_from(Verdict), min_size=1, max_size=500))
def test_a_timeline_hides_no_missed_window(verdicts: list[Verdict]) -> None:
    line = Paint(io.StringIO()).timeline(verdicts)
    assert len(line) == min(len(verdicts), WIDEST)
    missed = any(verdict in (Verdict.VIOLATED, Verdict.LOST) for verdict in verdicts)
    assert ("X" in line) == missed
    if len(verdicts) <= WIDEST:
        assert line.count("X") == sum(one in (Verdict.VIOLATED, Verdict.LOST) for one in verdicts)


def test_windows_are_called_what_people_call_them() -> None:
    day = parse_window("2026-03-04", "UTC").start
    assert window_name(parse_window("2026-03", "UTC"), "UTC") == "2026-03"
    assert window_name(Interval(day, day + DAY), "UTC") == "2026-03-04"
    assert window_name(Interval(day, day + HOUR), "UTC") == "2026-03-04 00:00-01:00"
    assert window_name(Interval(day + SECOND, day + HOUR), "UTC") == "2026-03-04 00:00:01-01:00:00"
    assert window_name(Interval(day - HOUR, day + HOUR), "UTC") == "2026-03-03 23:00 to 2026-03-04 01:00"
