"""`wsla ledger`: every entry once, and balances that follow from the entries."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.cli.ledger import state
from wsla.remedies.decisions import LedgerEntry
from wsla.remedies.ledger import balances
from wsla.store.records import Batch, Decided
from wsla.store.sqlite import Store

from . import march

Run = Callable[..., Any]
OTHER = march.TEXT.replace("Parcel tracking", "Parcel storage").replace("Europe/Madrid", "Asia/Tokyo")


def book(path: Path, *entries: tuple[str, LedgerEntry]) -> None:
    with Store.open(str(path), writer=True) as store:
        for text in (march.TEXT, OTHER):
            found = march.agreement(text)
            store.write(Batch(agreements=(march.version_of(found, 1),)))
        store.write(Batch(decisions=tuple(Decided(title, entry) for title, entry in entries)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """February and March under one agreement, March under another; a cap in March."""
    path = tmp_path / "wsla.db"
    at = march.agreement().instant
    february, march_, april = at("2026-02-01"), at("2026-03-01"), at("2026-04-01")
    book(
        path,
        (march.TITLE, march.entry("a", february, march_, "60.00")),
        (march.TITLE, march.entry("b", march_, april, "300.00")),
        (
            march.TITLE,
            march.entry("c", march_, april, "240.00", debtor="store", creditor="carrier", kind="cap"),
        ),
        ("Parcel storage", march.entry("d", march_, april, "7.50", debtor="store", creditor="carrier")),
    )
    return path


def test_every_entry_and_the_balance(run_wsla: Run, path: Path) -> None:
    finished = run_wsla("ledger", "--store", path, "--agreement", march.TITLE)
    assert (finished.code, finished.err) == (0, "")
    lines = finished.out.splitlines()
    assert lines[0] == "Ledger, times in Europe/Madrid"
    assert [line.split()[:2] for line in lines[2:5]] == [
        ["2026-02", "credit"],
        ["2026-03", "credit"],
        ["2026-03", "cap"],
    ]
    assert lines[-1] == "Balance: carrier owes store 120.00 EUR"


def test_a_period_stands_between_two_balances(run_wsla: Run, path: Path) -> None:
    finished = run_wsla("ledger", "--store", path, "--agreement", march.TITLE, "--window", "2026-03")
    assert "Before: carrier owes store 60.00 EUR" in finished.out
    assert "2026-02" not in finished.out
    assert "After: carrier owes store 120.00 EUR" in finished.out


def test_accounts_of_a_party_each_month(run_wsla: Run, path: Path) -> None:
    """A13: before + received - given = after, in all three forms."""
    arguments = ("ledger", "--store", path, "--each", "month", "--party", "store")
    found = json.loads(run_wsla(*arguments, "--format", "json").out)["accounts"]
    assert [
        (one["period"], one["opening"], one["received"], one["given"], one["closing"]) for one in found
    ] == [
        ("2026-02", "0", "60.00", "0", "60.00"),
        ("2026-03", "60.00", "300.00", "247.50", "112.50"),
    ]
    assert {(one["party"], one["other"], one["currency"]) for one in found} == {("store", "carrier", "EUR")}
    rows = list(csv.DictReader(io.StringIO(run_wsla(*arguments, "--format", "csv").out)))
    assert [{name: str(value) for name, value in one.items()} for one in found] == rows
    table = run_wsla(*arguments)
    assert (table.code, table.err) == (0, "")
    assert "112.50 EUR" in table.out
    # Seen from the other side, and from both.
    other = json.loads(run_wsla(*arguments[:-1], "carrier", "--format", "json").out)["accounts"]
    assert [one["closing"] for one in other] == ["-60.00", "-112.50"]
    both = json.loads(run_wsla(*arguments[:-2], "--format", "json").out)["accounts"]
    assert sum(Decimal(one["closing"]) for one in both if one["period"] == "2026-03") == 0
    late = run_wsla(*arguments, "--window", "2026-03", "--format", "json")
    assert json.loads(late.out)["accounts"] == found[1:]


def test_entries_of_a_party(run_wsla: Run, path: Path) -> None:
    whole = json.loads(run_wsla("ledger", "--store", path, "--format", "json").out)
    found = json.loads(run_wsla("ledger", "--store", path, "--party", "carrier", "--format", "json").out)
    assert found["entries"] == whole["entries"]
    missing = run_wsla("ledger", "--store", path, "--party", "nobody")
    assert missing.code == 1
    assert "no agreement has a party “nobody”" in missing.err
    empty = run_wsla("ledger", "--store", path, "--window", "2025", "--each", "year")
    assert (empty.code, empty.out) == (0, "nothing was booked\n")


def test_a_period_without_entries_says_so(run_wsla: Run, path: Path) -> None:
    finished = run_wsla("ledger", "--store", path, "--agreement", march.TITLE, "--window", "2026-05")
    assert finished.code == 0
    assert "nothing was booked" in finished.out
    assert "After: carrier owes store 120.00 EUR" in finished.out


def test_all_agreements_are_told_apart(run_wsla: Run, path: Path) -> None:
    finished = run_wsla("ledger", "--store", path)
    assert finished.out.count("Parcel tracking") == 3
    assert finished.out.count("Parcel storage") == 1
    assert "times in UTC" in finished.out
    assert "Balance: carrier owes store 112.50 EUR" in finished.out


def test_json_and_csv_hold_the_same_entries(run_wsla: Run, path: Path) -> None:
    value = json.loads(run_wsla("ledger", "--store", path, "--format", "json").out)
    rows = list(csv.DictReader(io.StringIO(run_wsla("ledger", "--store", path, "--format", "csv").out)))
    assert [one["id"] for one in value["entries"]] == ["a", "b", "c", "d"]
    assert [(row["id"], row["amount"], row["at"], row["agreement"]) for row in rows] == [
        (one["id"], one["amount"], one["at"], one["agreement"]) for one in value["entries"]
    ]
    assert value["opening"] == []
    assert value["closing"] == [
        {"debtor": "carrier", "creditor": "store", "amount": "112.50", "currency": "EUR"}
    ]


def test_the_bounds_are_those_of_the_windows_ends(run_wsla: Run, path: Path) -> None:
    def ids(*arguments: str) -> list[str]:
        finished = run_wsla(
            "ledger", "--store", path, "--agreement", march.TITLE, "--format", "json", *arguments
        )
        assert finished.code == 0, finished.said
        return [one["id"] for one in json.loads(finished.out)["entries"]]

    assert ids("--until", "2026-03-01T00:00:00") == ["a"]
    assert ids("--until", "2026-02-28T23:59:59") == []
    assert ids("--from", "2026-03-01T00:00:00") == ["b", "c"]
    assert ids("--from", "2026-02-28T23:59:59") == ["a", "b", "c"]


def test_an_entry_that_was_altered_is_named(run_wsla: Run, path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE entries SET content = replace(content, '300.00', '3.00') WHERE id = 'b'")
    connection.close()
    finished = run_wsla("ledger", "--store", path)
    assert finished.code == 1
    assert "the entry b, or one before it, is no longer what was booked" in finished.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--window", "2026-03", "--from", "2026-03-01"), 2, "leave out --from and --until"),
        (("--from", "soon"), 2, "is not a time"),
        (("--from", "2026-03-02", "--until", "2026-03-01"), 2, "the end is not after the start"),
        (("--window", "soon"), 1, "names no period"),
        (("--agreement", "Parcel"), 1, "holds no agreement “Parcel”"),
    ],
)
def test_what_cannot_be_shown_is_said(
    run_wsla: Run, path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    finished = run_wsla("ledger", "--store", path, *arguments)
    assert (finished.code, finished.out) == (code, "")
    assert words in finished.err


def test_a_store_that_is_missing_is_one_message(run_wsla: Run, tmp_path: Path) -> None:
    finished = run_wsla("ledger", "--store", tmp_path / "no.db")
    assert (finished.code, finished.out) == (1, "")
    assert "There is no store to read" in finished.err


def test_an_empty_ledger_is_no_error(run_wsla: Run, tmp_path: Path) -> None:
    book(tmp_path / "wsla.db")
    finished = run_wsla("ledger", "--store", tmp_path / "wsla.db")
    assert finished.code == 0
    assert "nothing was booked yet" in finished.out
    assert "nobody owes anybody anything" in finished.out


@given(
    booked=st.lists(st.tuples(st.integers(1, 20), st.integers(1, 10_000), st.booleans()), max_size=12),
    bounds=st.tuples(st.integers(0, 21), st.integers(0, 21)),
)
def test_entries_lead_from_the_opening_to_the_closing_balance(
    tmp_path_factory: pytest.TempPathFactory,
    booked: list[tuple[int, int, bool]],
    bounds: tuple[int, int],
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "wsla.db"
    entries = []
    for number, (at, cents, turned) in enumerate(booked):
        debtor, creditor = ("store", "carrier") if turned else ("carrier", "store")
        amount = str(Decimal(cents) / 100)
        entries.append(march.entry(str(number), at - 1, at, amount, debtor=debtor, creditor=creditor))
    book(path, *((march.TITLE, entry) for entry in entries))
    start, until = min(bounds), max(bounds)
    with Store.open(str(path), writer=False) as store:
        found = state(store, None, start, until, "UTC", 0)
    inside = [entry for _, entry in found.entries]
    assert {entry.id for entry in inside} == {entry.id for entry in entries if start < entry.at <= until}
    assert found.opening == balances(entry for entry in entries if entry.at <= start)
    assert found.closing == balances(entry for entry in entries if entry.at <= until)
