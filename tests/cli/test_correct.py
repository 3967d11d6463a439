"""`wsla correct` (M96, M97, M98): what came too late changes nothing until windows are judged again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from wsla.reporting.correcting import reconsider
from wsla.reporting.stored import EARLIEST, LATEST, in_force
from wsla.store.records import Batch, Decided, Observed
from wsla.store.sqlite import Store
from wsla.values.instants import DAY, MINUTE, Interval
from wsla.values.observations import Observation

from . import march

Run = Callable[..., Any]
AT = "2026-04-10T12:00"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The store of March, and what came too late for it: the service was up after all on 10 March."""
    path = tmp_path / "wsla.db"
    found = march.fill(path)
    first, last = (found.instant(text) for text in march.OUTAGE)
    looks = tuple(
        Observed(
            march.TITLE,
            Observation(source="probe", at=at + 1, fields={"ok": True}),
            found.instant(AT),
            late=True,
        )
        for at in range(first, last, 10 * MINUTE)
    )
    with Store.open(str(path), writer=True) as store:
        store.write(Batch(observations=looks))
    (tmp_path / "parcels.sla").write_text(march.TEXT, "utf-8")
    return path


def entries(path: Path) -> list[tuple[str, str, str, str]]:
    with Store.open(str(path), writer=False) as store:
        found = store.entries(march.TITLE, EARLIEST, LATEST)
        return [(one.kind, one.debtor, one.creditor, str(one.amount)) for _, one in found]


CREDIT = ("credit", "carrier", "store", "60.00")
BACK = ("adjustment", "store", "carrier", "60.00")


def test_what_was_booked_stands_and_is_booked_back_beside_it(run_wsla: Run, path: Path) -> None:
    """A13."""
    assert entries(path) == [CREDIT]
    dry = run_wsla("correct", march.TITLE, "--store", path, "--at", AT, "--dry-run")
    assert dry.code == 0, dry.said
    assert "nothing was noted" in dry.out
    assert entries(path) == [CREDIT]
    done = run_wsla("correct", march.TITLE, "--store", path, "--at", AT)
    assert done.code == 0, done.said
    assert "36 observations came too late" in done.out
    assert "adjustment: store owes carrier 60.00 EUR" in done.out
    assert entries(path) == [CREDIT, BACK]
    ledger = run_wsla("ledger", "--store", path)
    assert "adjustment" in ledger.out
    assert "nobody owes anybody anything" in ledger.out
    # At an instant before the correction the ledger stands as it did then.
    before = run_wsla("ledger", "--store", path, "--at", "2026-04-09")
    assert "carrier owes store 60.00 EUR" in before.out


def test_doing_it_twice_books_once(run_wsla: Run, path: Path) -> None:
    run_wsla("correct", march.TITLE, "--store", path, "--at", AT)
    again = run_wsla("correct", march.TITLE, "--store", path)
    assert "nothing to correct" in again.out
    assert entries(path) == [CREDIT, BACK]


def test_who_was_told_is_told_of_the_correction(run_wsla: Run, path: Path) -> None:
    run_wsla("correct", march.TITLE, "--store", path, "--at", AT)
    with Store.open(str(path), writer=False) as store:
        intents = [one for _, one in store.intents(march.TITLE, EARLIEST, LATEST)]
    corrected = [one for one in intents if one.subject.startswith("Corrected: ")]
    assert sorted((one.cause, [str(target) for target in one.targets]) for one in corrected) == [
        ("awake", ["carrier"]),
        ("reachable", ["carrier", "store"]),
    ]
    assert all("Said before: violated." in one.text for one in corrected)


def test_the_report_shows_the_corrected_verdict(run_wsla: Run, path: Path) -> None:
    sla = path.parent / "parcels.sla"
    run_wsla("correct", march.TITLE, "--store", path, "--at", AT)
    shown = run_wsla("report", sla, "--store", path, "--window", "2026-03", "--format", "json")
    windows = next(g for g in json.loads(shown.out)["goals"] if g["goal"] == "reachable")["windows"]
    assert [(one["verdict"], one["corrected_at"]) for one in windows] == [
        ("met", "2026-04-10T12:00:00+02:00")
    ]
    assert "met (corrected)" in run_wsla("report", sla, "--store", path, "--window", "2026-03").out
    # The verdict that was said is kept.
    with Store.open(str(path), writer=False) as store:
        [said] = [
            one
            for one in store.judgements(march.TITLE, EARLIEST, LATEST, final_only=True)
            if one.goal == "reachable"
        ]
    assert said.verdict.value == "violated"


def test_what_was_final_after_the_instant_of_a_correction_stands(run_wsla: Run, tmp_path: Path) -> None:
    """M97: no verdict is taken back because the clock was set back since, or the correction is dated earlier."""
    path = tmp_path / "wsla.db"
    march.fill(path)
    for at in ("2026-03-20", "2026-04-09T23:59", "2026-04-10"):
        done = run_wsla("correct", march.TITLE, "--store", path, "--at", at)
        assert done.code == 0, done.said
        assert "nothing to correct" in done.out
    assert entries(path) == [CREDIT]


def test_a_correction_may_be_dated_before_the_windows_that_it_is_about(run_wsla: Run, path: Path) -> None:
    done = run_wsla("correct", march.TITLE, "--store", path, "--at", "2026-03-20")
    assert done.code == 0, done.said
    assert entries(path) == [BACK, CREDIT]
    assert "nothing to correct" in run_wsla("correct", march.TITLE, "--store", path).out


def test_what_a_daemon_books_meanwhile_is_not_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "wsla.db"
    march.fill(path)
    rejudged = Store.rejudged
    with Store.open(str(path), writer=True) as daemon, Store.open(str(path), writer=False) as store:
        agreement = in_force(store.agreement_history(march.TITLE)[-1])
        assert agreement is not None
        [(_, booked)] = store.entries(march.TITLE, EARLIEST, LATEST)
        # Of a window whose verdict was not there yet when the verdicts were read.
        window = Interval(booked.window.end, booked.window.end + 30 * DAY)
        identity = booked.id.replace("2026-03-01", "2026-04-01")
        assert identity != booked.id

        def meanwhile(self: Store, key: str) -> Any:
            later = evolve(booked, id=identity, window=window, at=window.end)
            daemon.write(Batch(decisions=(Decided(march.TITLE, later),)))
            return rejudged(self, key)

        monkeypatch.setattr(Store, "rejudged", meanwhile)
        seen = reconsider(store, march.TITLE, agreement, booked.at + 90 * DAY)
    assert not seen.found.entries
    assert len(entries(path)) == 2


def test_an_instant_to_come_is_refused(run_wsla: Run, path: Path) -> None:
    refused = run_wsla("correct", march.TITLE, "--store", path, "--at", "2200-01-01")
    assert refused.code == 1
    assert "yet to come" in refused.err


KILLED = """
import os, signal, sys
from wsla.store import sqlite
from wsla.cli.correct import command
point = sys.argv.pop(1)
opened = sqlite.Store.open.__func__
def fault(name):
    if name == point:
        os.kill(os.getpid(), signal.SIGKILL)
sqlite.Store.open = classmethod(lambda cls, url, **more: opened(cls, url, **more, fault=fault))
command()
"""


@pytest.mark.parametrize(
    ("point", "booked"),
    [("mid-write", [CREDIT]), ("before-commit", [CREDIT]), ("after-commit", [CREDIT, BACK])],
)
def test_killed_in_the_middle_it_is_done_or_not(
    run_wsla: Run, path: Path, point: str, booked: list[tuple[str, str, str, str]]
) -> None:
    arguments = ["correct", point, march.TITLE, "--store", str(path), "--at", AT]
    child = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments[1:]],
        capture_output=True,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    assert entries(path) == booked
    run_wsla("correct", march.TITLE, "--store", path, "--at", AT)
    assert entries(path) == [CREDIT, BACK]


def test_what_rests_on_observations_that_are_no_longer_kept_stands(run_wsla: Run, path: Path) -> None:
    until = march.agreement().instant("2026-03-20")
    with Store.open(str(path), writer=True) as store:
        assert store.earliest_uncorrected(march.TITLE) is not None
        store.thin(store.streams_to_thin(march.TITLE, until, 0, 9), until, DAY)
    done = run_wsla("correct", march.TITLE, "--store", path, "--at", AT)
    assert done.code == 0, done.said
    assert "nothing to correct" in done.out
    assert "rests on observations before 2026-03-20T00:00:00+01:00 stands" in done.err
    assert entries(path) == [CREDIT]


def test_a_correction_notes_how_far_it_has_looked(run_wsla: Run, path: Path) -> None:
    for more, left in ((("--dry-run",), True), ((), False)):
        done = run_wsla("correct", march.TITLE, "--store", path, "--at", AT, *more)
        assert done.code == 0, done.said
        with Store.open(str(path), writer=False) as store:
            assert (store.earliest_uncorrected(march.TITLE) is not None) == left


@pytest.mark.parametrize(
    ("changed", "promised", "booked"),
    [
        # March was final by then, under the terms of before: what was said of it stands, late data or not.
        ("2026-04-09", "99.9%", [CREDIT]),
        # The same terms, laid out otherwise.
        ("2026-04-09", "99.5% # as ever", [CREDIT, BACK]),
        # March was not over yet, and is a month of the new terms.
        ("2026-03-20", "99.9%", [CREDIT, BACK]),
    ],
)
def test_windows_that_were_final_under_other_terms_stand(
    run_wsla: Run, path: Path, changed: str, promised: str, booked: list[tuple[str, str, str, str]]
) -> None:
    """M97. Found by simulation (seed 28): other terms under the same version number judged what they never held for."""
    text = march.TEXT.replace("99.5% {", f"{promised}\n  {{")
    at = march.agreement().instant(changed)
    with Store.open(str(path), writer=True) as store:
        store.register_agreement(
            march.TITLE, title=march.TITLE, version=1, text=text, sha256=f"of {text}", at=at
        )
    done = run_wsla("correct", march.TITLE, "--store", path, "--at", AT)
    assert done.code == 0, done.said
    assert entries(path) == booked
    told = f"the terms of version 1 changed at {changed}T00:00:00" in done.err
    assert told == (promised == "99.9%")
