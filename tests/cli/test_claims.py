"""`wsla claim` and `wsla settle` (M66): what they note, what they refuse, and how ledger and report show it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from wsla.reporting.money import short_name
from wsla.store.records import Batch, Decided
from wsla.store.sqlite import Store

from . import march

Run = Callable[..., Any]
EXAMPLE = """\
agreement "Early" version 1 {
  effective 2025-01-01 in "UTC"
  currency EUR
  party relay "Relay" provider
  party clinic "Clinic" consumer
  source probe = csv "probe.csv" every 1d { at at  up up }
  metric uptime = availability(probe.up) each month
  goal available: relay guarantees uptime >= 99% {
    otherwise credit clinic 40 EUR claimed within 30 days of window end
  }
}
test "from the window's start to the deadline" {
  given probe.up = true
  given probe.up = false from 2025-03-10 until 2025-03-12
  expect no credit clinic claimed at 2025-02-28T23:59 in 2025-03
  expect credit clinic 40 EUR claimed at 2025-03-01 in 2025-03
  expect credit clinic 40 EUR claimed at 2025-04-30T23:59 in 2025-03
  expect no credit clinic claimed at 2025-05-01 in 2025-03
}
"""
CREDIT, CAP, OPEN, DUE = "credit|0", "credit|cap 1", "open|0", "due|0"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """March 2025: a capped credit of which 240 EUR are left and one of 7.50 EUR, both to be claimed in April; and one
    of 1.00 EUR that needs no claim."""
    path = tmp_path / "wsla.db"
    found = march.agreement()
    start, end, deadline = (
        found.instant("2025-03-01"),
        found.instant("2025-04-01"),
        found.instant("2025-05-01"),
    )

    def entry(name: str, amount: str, **more: Any) -> Decided:
        booked = march.entry(name, start, end, amount, **more)
        return Decided(march.TITLE, evolve(booked, state="accrued", claim_until=deadline))

    with Store.open(str(path), writer=True) as store:
        store.write(Batch(agreements=(march.version_of(found, 1),)))
        decisions = (
            entry(CREDIT, "300.00"),
            entry(CAP, "60.00", debtor="store", creditor="carrier", kind="cap"),
            entry(OPEN, "7.50"),
            Decided(march.TITLE, march.entry(DUE, start, end, "1.00")),
        )
        store.write(Batch(decisions=decisions))
    return path


@pytest.fixture
def act(run_wsla: Run, path: Path) -> Callable[..., Any]:
    def act(verb: str, *arguments: object) -> Any:
        return run_wsla(verb, *arguments, "--store", path)

    return act


def closing(act: Callable[..., Any], at: str) -> list[str]:
    value = json.loads(act("ledger", "--at", at, "--format", "json").out)
    return [one["amount"] for one in value["closing"]]


def test_from_accrued_to_issued(act: Callable[..., Any]) -> None:
    """M66."""
    done = act("claim", CREDIT, "--at", "2025-04-10")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "claimed at 2025-04-10T00:00:00+02:00: carrier to store, 300.00 EUR (reachable in 2025-03)\n"
    )
    done = act("settle", short_name(CREDIT), "issued", "--at", "2025-05-20", "--reason", "invoice 12")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("issued at 2025-05-20T00:00:00+02:00: ")
    assert done.out.endswith(": invoice 12\n")

    def states(at: str) -> list[str]:
        value = json.loads(act("ledger", "--at", at, "--format", "json").out)
        return [one["state"] for one in value["entries"]]

    assert states("2025-04-09") == ["accrued", "accrued", "accrued", "due"]
    assert states("2025-04-10") == ["claimed", "claimed", "accrued", "due"]
    assert states("2025-04-30T23:59:59") == ["claimed", "claimed", "accrued", "due"]
    assert states("2025-05-01") == ["claimed", "claimed", "expired", "due"]
    assert states("2025-05-20") == ["issued", "issued", "expired", "due"]
    assert closing(act, "2025-04-30") == ["248.50"]
    assert closing(act, "2025-05-20") == ["241.00"]


def test_what_is_refused_is_no_longer_owed(act: Callable[..., Any]) -> None:
    """M66."""
    act("claim", CREDIT, "--at", "2025-04-10")
    act("settle", CREDIT, "refused", "--at", "2025-05-20", "--reason", "no ticket")
    assert closing(act, "2025-05-19") == ["241.00"]
    assert closing(act, "2025-05-20") == ["1.00"]
    shown = act("ledger", "--at", "2025-06-01")
    lines = shown.out.splitlines()
    assert "refused: 240.00 EUR from carrier to store" in lines
    assert "expired: 7.50 EUR from carrier to store" in lines
    assert lines[-1] == "Balance: carrier owes store 1.00 EUR"
    assert short_name(OPEN) in shown.out
    assert short_name(CAP) not in shown.out


def test_json_and_csv_tell_when_and_why(act: Callable[..., Any]) -> None:
    act("claim", CREDIT, "--at", "2025-04-10")
    act("settle", CREDIT, "refused", "--at", "2025-05-20", "--reason", "no ticket")
    value = json.loads(act("ledger", "--at", "2025-06-01", "--format", "json").out)
    rows = list(csv.DictReader(io.StringIO(act("ledger", "--at", "2025-06-01", "--format", "csv").out)))
    keys = ("state", "name", "claimed_at", "settled_at", "reason")
    first = [value["entries"][0][key] for key in keys]
    assert first == [
        "refused",
        short_name(CREDIT),
        "2025-04-10T00:00:00+02:00",
        "2025-05-20T00:00:00+02:00",
        "no ticket",
    ]
    assert [rows[0][key] for key in keys] == first
    assert {state: [one["amount"] for one in sums] for state, sums in value["claims"].items()} == {
        "refused": ["240.00"],
        "expired": ["7.50"],
    }


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("claim", CREDIT, "--at", "2025-05-01"), 1, "had to be claimed before 2025-05-01T00:00:00+02:00"),
        (("claim", CREDIT), 1, "had to be claimed before"),
        (("claim", CREDIT, "--at", "2025-02-28"), 1, "is for time that began at 2025-03-01"),
        (("claim", CREDIT, "--at", "2200-01-01"), 1, "is yet to come"),
        (("claim", CREDIT, "--at", "soon"), 2, "--at"),
        (("claim", "nothing"), 1, "the ledger holds no entry nothing"),
        (("claim", short_name(CREDIT)[:3]), 1, "the ledger holds no entry"),
        (("claim", DUE, "--at", "2025-04-10"), 1, "needs no claim"),
        (("claim", CAP, "--at", "2025-04-10"), 1, f"goes with the credit {CREDIT}"),
        (("settle", CREDIT, "issued", "--at", "2025-04-10"), 1, "was not claimed"),
        (("settle", DUE, "issued", "--at", "2025-04-10"), 1, "needs no claim"),
        (("settle", CREDIT, "paid"), 2, "paid"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    act: Callable[..., Any], path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    finished = act(*arguments)
    assert (finished.code, finished.out) == (code, "")
    assert words in finished.err
    with Store.open(str(path), writer=False) as store:
        assert store.claim_events() == []


def test_nothing_is_done_twice(act: Callable[..., Any], path: Path) -> None:
    assert act("claim", CREDIT, "--at", "2025-04-10").code == 0
    again = act("claim", CREDIT, "--at", "2025-04-11")
    assert again.code == 1
    assert "was claimed at 2025-04-10T00:00:00+02:00" in again.err
    early = act("settle", CREDIT, "issued", "--at", "2025-04-09")
    assert "claimed at 2025-04-10T00:00:00+02:00, which is later" in early.err
    assert act("settle", CREDIT, "refused", "--at", "2025-04-12").code == 0
    for outcome in ("issued", "refused"):
        over = act("settle", CREDIT, outcome, "--at", "2025-04-13")
        assert (over.code, over.out) == (1, "")
        assert "was refused at 2025-04-12T00:00:00+02:00" in over.err
    with Store.open(str(path), writer=False) as store:
        assert len(store.claim_events()) == 2


def test_beside_a_daemon_that_keeps_the_store(act: Callable[..., Any], path: Path) -> None:
    with Store.open(str(path), writer=True) as daemon:
        assert act("claim", OPEN, "--at", "2025-04-10").code == 0
        daemon.write(Batch())
        assert act("settle", OPEN, "issued", "--at", "2025-04-11").code == 0
        assert len(daemon.claim_events()) == 2


def test_an_altered_claim_is_named(act: Callable[..., Any], path: Path) -> None:
    import sqlite3

    act("claim", OPEN, "--at", "2025-04-10")
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE claims SET at = at + 1")
    connection.close()
    finished = act("ledger")
    assert finished.code == 1
    assert f"the claim of {OPEN}, or a claim before it, was altered" in finished.err


def test_a_store_that_is_missing_is_one_message(run_wsla: Run, tmp_path: Path) -> None:
    for arguments in (("claim", "x"), ("settle", "x", "issued")):
        finished = run_wsla(*arguments, "--store", tmp_path / "no.db")
        assert (finished.code, finished.out) == (1, "")
        assert "There is no store to read" in finished.err
        assert not (tmp_path / "no.db").exists()


def test_the_report_shows_where_claims_stand(run_wsla: Run, tmp_path: Path) -> None:
    """M66: on an agreement as it is kept."""
    path, file = tmp_path / "wsla.db", tmp_path / "parcels.sla"
    text = march.TEXT.replace(
        "credit store 20% of tracking.fee",
        "credit store 20% of tracking.fee claimed within 1 month of window end",
    )
    text = text.replace("effective 2026-01-01", "effective 2025-01-01")
    file.write_text(text, "utf-8")
    found = march.agreement(text)
    start, end = found.instant("2025-03-01"), found.instant("2025-04-01")
    with Store.open(str(path), writer=True) as store:
        store.write(Batch(agreements=(march.version_of(found, 1),)))
        booked = evolve(march.entry("a|0", start, end, "60.00"), claim_until=found.instant("2025-05-01"))
        missed = march.missed(start, end)
        store.write(Batch(decisions=(Decided(march.TITLE, booked),), judgements=(missed,)))

    def report(at: str, *more: str) -> str:
        finished = run_wsla("report", file, "--store", path, "--at", at, *more)
        assert finished.code == 0, finished.said
        return str(finished.out)

    assert "accrued: 60.00 EUR from Rápido Parcels to Corner Store" in report("2025-04-30")
    expired = report("2025-05-01")
    assert "expired: 60.00 EUR from Rápido Parcels to Corner Store" in expired
    assert "on balance nobody owes anybody anything" in expired
    value = json.loads(report("2025-05-01", "--format", "json"))
    assert (value["entries"][0]["state"], value["owed"]) == ("expired", [])


def test_states_have_colours_and_names_are_whole_in_a_narrow_terminal(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from wsla.cli import show
    from wsla.cli.ledger import command

    monkeypatch.setattr(show, "wants_colour", lambda _: True)
    for name, value in (("COLUMNS", "80"), ("FORCE_COLOR", "1"), ("TERM", "xterm")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    command.main(["--store", str(path), "--at", "2025-04-20"], standalone_mode=False)
    printed = capsys.readouterr().out
    assert "\x1b[33maccrued\x1b[0m" in printed
    assert short_name(CREDIT) in printed
    command.main(["--store", str(path), "--at", "2025-06-20"], standalone_mode=False)
    assert "\x1b[90mexpired\x1b[0m" in capsys.readouterr().out


def test_now_is_noted_in_whole_seconds(act: Callable[..., Any], path: Path) -> None:
    found = march.agreement()
    with Store.open(str(path), writer=True) as store:
        booked = march.entry("late|0", found.instant("2025-03-01"), found.instant("2025-04-01"), "2.00")
        booked = evolve(booked, state="accrued", claim_until=found.instant("2200-01-01"))
        store.write(Batch(decisions=(Decided(march.TITLE, booked),)))
    assert act("claim", "late|0").code == 0
    with Store.open(str(path), writer=False) as store:
        (event,) = store.claim_events()
    assert event.at % 10**9 == 0


def test_examples_agree_on_when_a_claim_is_in_time(run_wsla: Run, tmp_path: Path) -> None:
    """M45, M66: from the window's start up to the deadline, which itself is late."""
    path = tmp_path / "early.sla"
    path.write_text(EXAMPLE, "utf-8")
    finished = run_wsla("test", path)
    assert finished.code == 0, finished.said
    path.write_text(EXAMPLE.replace("claimed at 2025-05-01", "claimed at 2025-04-30"), "utf-8")
    assert run_wsla("test", path).code == 1


def test_the_calendar_has_the_last_day_of_what_was_not_claimed_yet(
    act: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / "march.sla"
    file.write_text(march.TEXT, "utf-8")

    def titles() -> list[str]:
        shown = act(
            "calendar",
            file,
            "--from",
            "2025-03-01",
            "--until",
            "2025-06-01",
            "--at",
            "2025-04-02",
            "--only",
            "claim",
            "--format",
            "json",
        )
        return [f"{one['start'][:16]} {one['title']}" for one in json.loads(shown.out)["entries"]]

    # Of the credit the cap has taken 60 EUR.
    assert titles() == [
        "2025-04-30T23:00 Last day to claim: 240.00 EUR, reachable",
        "2025-04-30T23:00 Last day to claim: 7.50 EUR, reachable",
    ]
    assert act("claim", CREDIT, "--at", "2025-04-03").code == 0
    assert act("claim", OPEN, "--at", "2025-04-01T12:00").code == 0
    # Seen from 2 April, the first is not claimed yet.
    assert titles() == ["2025-04-30T23:00 Last day to claim: 240.00 EUR, reachable"]
