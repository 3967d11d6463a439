"""`wsla demo`: the story happens with the real daemon, and its checks notice where it does not."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from wsla.api import loads
from wsla.channels.signature import SIGNATURE_HEADER, sign
from wsla.cli.demo_facts import Facts, checks, facts_rows
from wsla.cli.demo_script import LONGEST, SHORTEST, TITLE, USUAL, Script, shipped_agreement
from wsla.cli.demo_servers import CoffeeService, LocalServer, Mood, Received, Receiver
from wsla.cli.demo_watch import Look, look_of
from wsla.evaluation.verdicts import Judgement, Verdict
from wsla.plan.model import Target
from wsla.remedies.decisions import Intent, LedgerEntry, Words
from wsla.remedies.ledger import balances
from wsla.testing.examples import run_example
from wsla.values.instants import MILLISECOND, SECOND, Interval
from wsla.values.observations import Observation

Run = Callable[..., Any]


def start_demo(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "wsla", "demo", *arguments],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def request(server: LocalServer, method: str, path: str = "/", **more: Any) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=10)
    try:
        connection.request(method, path, **more)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


# --- the whole


def test_the_story_happens_and_the_books_are_right(run_wsla: Run, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    demo = start_demo("--seconds", str(SHORTEST), "--format", "json", "--keep", str(folder))
    out, err = demo.communicate(timeout=120)
    assert demo.returncode == 0, err
    value = json.loads(out)
    assert value["passed"] is True
    assert all(value["checks"].values())
    summary = value["summary"]
    assert summary["probes"]["bad"] > 0
    assert summary["windows"]["violated"] >= 1
    assert summary["credits"]["booked"] == summary["windows"]["violated"]
    assert summary["messages"]["valid"] == summary["messages"]["received"] >= 4
    assert [event["who"] for event in value["events"]][:2] == ["service", "daemon"]

    ledger = run_wsla("ledger", "--store", folder / "demo.db", "--format", "json")
    assert json.loads(ledger.out)["closing"] == summary["balance"]
    report = run_wsla("report", folder / "demo.sla", "--store", folder / "demo.db", "--format", "json")
    windows = [window for goal in json.loads(report.out)["goals"] for window in goal["windows"]]
    assert sum(window["verdict"] == "violated" for window in windows) == summary["windows"]["violated"]
    assert report.err == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_can_be_stopped_and_leaves_nothing_behind(number: signal.Signals) -> None:
    demo = start_demo("--seconds", str(SHORTEST))
    assert demo.stdout is not None
    daemon = 0
    for line in demo.stdout:
        if "(process " in line:
            daemon = int(line.rpartition("(process ")[2].partition(")")[0])
            break
    assert daemon
    demo.send_signal(number)
    _, err = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert "Traceback" not in err
    with pytest.raises(ProcessLookupError):
        os.kill(daemon, 0)


def test_a_daemon_that_does_not_come_up_is_told(
    run_wsla: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    finished = run_wsla("demo", "--seconds", SHORTEST, "--keep", tmp_path / "kept")
    assert finished.code == 1
    assert "the daemon did not come up" in finished.err


def test_a_folder_that_is_in_use_is_left_alone(run_wsla: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    finished = run_wsla("demo", "--keep", tmp_path)
    assert (finished.code, finished.out) == (1, "")
    assert "this folder is not empty" in finished.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("seconds", [SHORTEST - 1, LONGEST + 1])
def test_a_length_out_of_range_is_wrong_usage(run_wsla: Run, seconds: int) -> None:
    assert run_wsla("demo", "--seconds", seconds).code == 2


# --- the script


@pytest.mark.parametrize("seconds", range(SHORTEST, LONGEST + 1, 3))
def test_every_length_gives_a_sound_agreement_and_ends_in_time(seconds: int) -> None:
    script = Script.lasting(seconds)
    agreement = loads(script.text(shipped_agreement()))
    (goal,) = agreement.plan.goals
    (rule,) = agreement.plan.rules
    assert goal.window.length_ns == script.window  # type: ignore[union-attr]
    assert rule.holding_for == script.outage_noticed_after
    moods = script.moods(0)
    assert [mood for _, mood in moods] == [Mood.SLOW, Mood.DOWN, Mood.UP]
    assert script.window < moods[0][0] < moods[1][0] < moods[2][0] < 2 * script.window
    # A part of a window before the script, the script, and the grace: no more than was asked for.
    assert script.window + script.end(0) + agreement.plan.grace <= seconds * SECOND


def test_the_usual_length_runs_the_shipped_text_and_its_examples_hold() -> None:
    shipped = shipped_agreement()
    assert Script.lasting(USUAL).text(shipped) == shipped
    agreement = loads(shipped)
    assert agreement.title == TITLE
    assert agreement.checked.examples
    for example in agreement.checked.examples:
        assert run_example(agreement.checked, example, agreement.plan).passed, example.title


# --- the servers


def test_the_service_answers_as_its_mood_is() -> None:
    with CoffeeService() as service:
        assert request(service, "GET") == (200, b"a cup of coffee\n")
        service.mood = Mood.SLOW
        began = time.monotonic()
        assert request(service, "GET")[0] == 200
        assert time.monotonic() - began >= 0.3
        service.mood = Mood.DOWN
        assert request(service, "GET")[0] == 503
        assert request(service, "POST", body=b"{}")[0] == 405


def test_the_receiver_believes_what_is_signed_and_nothing_else() -> None:
    body = json.dumps({"id": "x", "attempt": 2, "subject": "Coffee"}).encode()
    with Receiver("secret") as receiver:
        good = {SIGNATURE_HEADER: sign("secret", body, int(time.time()))}
        bad = {SIGNATURE_HEADER: sign("guessed", body, int(time.time()))}
        assert request(receiver, "POST", "/office.hook", body=body, headers=good)[0] == 200
        assert request(receiver, "POST", "/office.hook", body=body, headers=bad)[0] == 401
        assert request(receiver, "POST", "/office.hook", body=body)[0] == 401
        assert request(receiver, "POST", "/", body=b"[", headers=good)[0] == 401
        arrived = [receiver.arrived.get(timeout=10) for _ in range(4)]
    assert [one.valid for one in arrived] == [True, False, False, False]
    assert (arrived[0].to, arrived[0].id, arrived[0].attempt) == ("office.hook", "x", 2)


@pytest.mark.parametrize(
    ("fields", "look"),
    [
        ({"ok": True, "elapsed": 249 * MILLISECOND}, Look.GOOD),
        ({"ok": True, "elapsed": 250 * MILLISECOND}, Look.SLOW),
        ({"ok": True, "elapsed": None}, Look.SLOW),
        ({"ok": False, "elapsed": 1}, Look.BAD),
        ({"ok": None}, Look.UNKNOWN),
        ({}, Look.UNKNOWN),
    ],
)
def test_what_a_probe_says(fields: dict[str, Any], look: Look) -> None:
    assert look_of(Observation(source="probe", at=0, fields=fields), 250 * MILLISECOND) is look


# --- the checks


WINDOW = Interval(0, 10 * SECOND)
PLAN = loads(shipped_agreement()).plan
CREDIT = LedgerEntry(
    id="credit",
    kind="credit",
    debtor="brewer",
    creditor="office",
    amount=Decimal("25.00"),
    currency="EUR",
    at=WINDOW.end,
    cause="available",
    labels=(),
    window=WINDOW,
    memo="available was missed",
)
NOTICES = tuple(
    Intent(
        id=name,
        verb="notify",
        targets=(Target(party="office", channel="hook"),),
        at=WINDOW.end,
        cause="available",
        labels=(),
        window=WINDOW,
        words=Words.of(f"{TITLE}: {name}", ""),
    )
    for name in ("available violated", "recovered: not up for 2s")
)
VIOLATED = Judgement(
    goal="available",
    labels=(),
    window=WINDOW,
    verdict=Verdict.VIOLATED,
    value=Fraction(1, 2),
    lower=Fraction(1, 2),
    upper=Fraction(1, 2),
    coverage=Fraction(1),
)
RECEIVED = tuple(
    Received(at=1, to="office.hook", id=one.id, attempt=1, subject=one.subject, valid=True) for one in NOTICES
)
FACTS = Facts(
    looks=Counter({Look.GOOD: 10, Look.BAD: 10}),
    verdicts=(VIOLATED,),
    entries=(CREDIT,),
    intents=NOTICES,
    undelivered=0,
    given_up=0,
    received=RECEIVED,
    altered=None,
    balance=balances([CREDIT]),
)


def test_the_checks_pass_where_all_is_right() -> None:
    assert all(checks(FACTS, PLAN).values())


def test_a_message_that_came_twice_is_counted_and_no_fault() -> None:
    facts = evolve(FACTS, received=(*RECEIVED, RECEIVED[0]))
    assert all(checks(facts, PLAN).values())
    rows = {name: (count, said) for name, count, said in facts_rows(facts, PLAN)}
    assert rows["messages delivered"][0] == "2"
    assert "1 repeated" in rows["messages delivered"][1]


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        ({"verdicts": ()}, "a window was violated"),
        ({"entries": ()}, "a credit was booked for each violated window, once"),
        (
            {"entries": (CREDIT, evolve(CREDIT, id="again"))},
            "a credit was booked for each violated window, once",
        ),
        (
            {"balance": balances([evolve(CREDIT, amount=Decimal("50.01"))])},
            "credits stay below the cap",
        ),
        ({"altered": "credit"}, "the chain of ledger entries is whole"),
        ({"received": RECEIVED[:1]}, "every message that was due arrived"),
        ({"received": ()}, "every signature was valid"),
        (
            {"received": (*RECEIVED, evolve(RECEIVED[0], valid=False))},
            "every signature was valid",
        ),
        ({"received": RECEIVED[:1]}, "the recovery was noticed and told"),
    ],
)
def test_the_checks_notice_what_is_wrong(broken: dict[str, Any], check: str) -> None:
    assert checks(evolve(FACTS, **broken), PLAN)[check] is False


def test_a_cap_is_kept_up_to_its_last_cent() -> None:
    facts = evolve(FACTS, balance=balances([evolve(CREDIT, amount=Decimal("50.00"))]))
    assert checks(facts, PLAN)["credits stay below the cap"] is True
