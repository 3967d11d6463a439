"""`wsla outbox`: what waits and what was given up is shown, tried again, or dropped, also beside a daemon."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsla.plan.model import Target
from wsla.remedies.decisions import Intent, Words
from wsla.store.records import Batch, Decided
from wsla.store.sqlite import Store

from . import march

Run = Callable[..., Any]
HOUR = 3600 * 10**9


def intent(number: int, *parties: str) -> Intent:
    return Intent(
        id=f"Parcel tracking|v1|goal reachable|otherwise 1|{number}||0",
        verb="notify",
        targets=tuple(Target(party=name) for name in parties),
        at=march.agreement().instant("2026-04-01") + number * HOUR,
        cause="reachable",
        labels=(),
        window=None,
        words=Words.of(f"reachable was missed, message {number}", "The text."),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """One message is delivered, one waits after an attempt, two were given up."""
    found, path = march.agreement(), tmp_path / "wsla.db"
    with Store.open(str(path), writer=True) as store:
        store.write(Batch(agreements=(march.version_of(found, 1),)))
        decided = tuple(Decided(march.TITLE, intent(one, "carrier", "store")) for one in (1, 2))
        store.write(Batch(decisions=decided))
        at = intent(3).at
        store.delivery_succeeded(intent(1).id, "carrier", at)
        store.delivery_failed(intent(1).id, "store", at, "410 Gone", None)
        store.delivery_failed(intent(2).id, "carrier", at, "503 Service Unavailable", at + HOUR)
        store.delivery_failed(intent(2).id, "store", at, "404 Not Found", None)
    return path


@pytest.fixture
def outbox(run_wsla: Run, path: Path) -> Run:
    def outbox(*arguments: object) -> Any:
        return run_wsla("outbox", *arguments, "--store", path)

    return outbox


def shown(outbox: Run, *arguments: object) -> list[dict[str, Any]]:
    finished = outbox(*arguments, "--format", "json")
    assert (finished.code, finished.err) == (0, "")
    messages: list[dict[str, Any]] = json.loads(finished.out)["messages"]
    return messages


def test_the_dead_come_first_each_with_its_reason(outbox: Run) -> None:
    keys = ("state", "target", "attempts", "reason")
    assert [tuple(one[key] for key in keys) for one in shown(outbox)] == [
        ("dead", "store", 1, "410 Gone"),
        ("dead", "store", 1, "404 Not Found"),
        ("pending", "carrier", 1, "503 Service Unavailable"),
    ]
    assert [one["reason"] for one in shown(outbox, "--dead", "--most", "1")] == ["410 Gone"]
    assert len(shown(outbox, "--agreement", march.TITLE)) == 3


def test_a_table_for_people(outbox: Run) -> None:
    lines = outbox().out.splitlines()
    assert lines[0] == "1 pending, 2 given up, 1 delivered"
    assert lines[1].split() == [
        "name",
        "state",
        "target",
        "about",
        "attempts",
        "next",
        "age",
        "reason",
        "agreement",
    ]
    assert "410 Gone" in lines[2]
    assert "given up" in lines[2]
    assert " now " in lines[4]


def test_nothing_to_show(run_wsla: Run, tmp_path: Path) -> None:
    with Store.open(str(tmp_path / "new.db"), writer=True):
        pass
    finished = run_wsla("outbox", "--store", tmp_path / "new.db")
    assert (finished.code, finished.out) == (0, "0 pending, 0 given up, 0 delivered; nothing to show\n")


def test_one_is_tried_again_with_its_identity_and_its_count(outbox: Run, path: Path) -> None:
    name = shown(outbox, "--dead")[0]["name"]
    finished = outbox("retry", name, "--by", "Ana")
    assert (finished.code, finished.out) == (0, "1 message to be tried again\n")
    with Store.open(str(path), writer=False) as store:
        assert [one.last_error for one in store.dead_letters()] == ["404 Not Found"]
        again = next(one for one in store.due_deliveries(2**62, -1) if str(one.target) == "store")
        assert (again.intent, again.attempts) == (intent(1, "carrier", "store"), 1)
        (noted,) = store.interventions("retry")
    assert (noted.subject, noted.target, noted.author) == (intent(1).id, "store", "Ana")


def test_all_dead_letters_are_tried_again(outbox: Run) -> None:
    assert outbox("retry", "--all-dead").out == "2 messages to be tried again\n"
    assert {one["state"] for one in shown(outbox)} == {"pending"}
    finished = outbox("retry", "--all-dead")
    assert (finished.code, finished.out) == (0, "0 messages to be tried again\n")


def test_a_dropped_one_is_no_dead_letter_and_the_record_says_who(outbox: Run, path: Path) -> None:
    finished = outbox("drop", intent(2).id, "--reason", "told by telephone", "--by", "Ana")
    assert (finished.code, finished.out) == (0, "2 messages dropped\n")
    assert [one["reason"] for one in shown(outbox)] == ["410 Gone"]
    with Store.open(str(path), writer=True) as store:
        assert store.due_deliveries(2**62, 10) == []
        assert store.outbox_counts().dead == 1
        noted = store.interventions("drop")
        assert {(one.author, one.note) for one in noted} == {("Ana", "told by telephone")}
        errors = {item.last_error for item in store.delivery(intent(2).id)}
    assert errors == {"dropped by Ana: told by telephone"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("retry",), 2, "name the messages to try again, or say --all-dead"),
        (("retry", "abcd", "--all-dead"), 2, "name the messages to try again, or say --all-dead"),
        (("retry", "nothing"), 1, "there is no such message: nothing"),
        (("drop", "nothing", "--reason", "x"), 1, "there is no such message: nothing"),
        (("drop", "nothing"), 2, "--reason"),
        (("drop", "nothing", "--reason", " "), 2, "--reason says nothing"),
        (("--agreement", "Parcel"), 1, "holds no agreement"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    outbox: Run, path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    finished = outbox(*arguments)
    assert (finished.code, finished.out) == (code, "")
    assert words in finished.err
    with Store.open(str(path), writer=False) as store:
        assert store.interventions("retry", "drop") == []


def test_what_waits_is_not_tried_again_by_hand(outbox: Run) -> None:
    waits = next(one for one in shown(outbox) if one["state"] == "pending")
    assert outbox("retry", waits["name"]).code == 1


def test_beside_a_daemon_that_keeps_the_store(outbox: Run, path: Path) -> None:
    with Store.open(str(path), writer=True, outbox_limit=2) as daemon:
        assert daemon.changed_beside()
        assert not daemon.changed_beside()
        assert not daemon.write(Batch()).outbox_over_limit
        assert outbox("retry", "--all-dead").code == 0
        assert daemon.changed_beside()
        assert not daemon.changed_beside()
        assert daemon.write(Batch()).outbox_over_limit


def test_all_or_nothing(path: Path) -> None:
    from wsla.store.interventions import Intervention

    with Store.open(str(path), writer=False, beside=True) as store:
        with pytest.raises(KeyError):
            store.intervene(
                Intervention(
                    kind="retry", agreement=march.TITLE, subject=intent(1).id, target=name, at=5, author="A"
                )
                for name in ("store", "carrier")
            )
        assert len(store.dead_letters()) == 2
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM interventions").fetchone() == (0,)
    connection.close()


def test_the_report_tells_what_was_dropped(run_wsla: Run, outbox: Run, path: Path, tmp_path: Path) -> None:
    file = tmp_path / "parcels.sla"
    file.write_text(march.TEXT, "utf-8")
    found = march.agreement()
    with Store.open(str(path), writer=True) as store:
        missed = march.missed(found.instant("2026-03-01"), found.instant("2026-05-01"))
        store.write(Batch(judgements=(missed,)))
    outbox("drop", intent(2).id, "--reason", "told by telephone")
    finished = run_wsla("report", file, "--store", path)
    assert finished.code == 0, finished.err
    assert "1 delivered, 0 pending, 1 given up, 2 dropped" in finished.out
