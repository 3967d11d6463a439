"""The daemon against real servers: from a failure to a booked credit and a signed notice, and against bad habits."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from typing import Any

import pytest

from wsla.api import judge, load
from wsla.channels.signature import verify_signature
from wsla.daemon.config import Config, Limits
from wsla.reporting.verification import Verified, verify_agreement
from wsla.store.sqlite import Store

BAD_HABITS = {
    "good": ("/ok", None),
    "failing": ("/fail", "status"),
    "slow": ("/slow", None),
    "hanging": ("/hang", "timeout"),
    "endless": ("/endless", "body-too-large"),
    "looping": ("/loop", "redirect-loop"),
}


def test_a_violation_is_booked_and_told(place: Any) -> None:
    path = place.write(place.text())
    place.service.healthy = False
    running = place.run(path)
    place.until(lambda: place.receiver.got)
    # A window may be violated before the rule has fired; what never fired never recovers.
    place.until((place.folder / "ops.log").exists)
    place.service.healthy = True
    recovered = "content LIKE '%\"verb\":\"notify\"%' AND content LIKE '%recover%'"
    place.until(lambda: place.count("intents", recovered))
    place.until(lambda: place.count("outbox", "state = 'pending'") == 0)
    assert running.stop() == 0

    [violated, *_] = place.rows(
        "SELECT content FROM judgements WHERE verdict = 'violated' ORDER BY window_end"
    )
    window = json.loads(violated[0])["window"]
    entries = [json.loads(row[0]) for row in place.rows("SELECT content FROM entries ORDER BY at")]
    assert entries[0]["window"] == window
    assert (entries[0]["amount"], entries[0]["currency"]) == ("5.00", "EUR")
    assert (entries[0]["debtor"], entries[0]["creditor"]) == ("acme", "globex")
    assert len(entries) == place.count("judgements", "verdict = 'violated' AND final")

    first = place.receiver.got[0]
    signature = first["headers"]["Wsla-Signature"]
    assert verify_signature(place.SECRET, signature, first["body"].encode(), now_s=int(time.time()))
    cause = first["notice"]["cause"]
    assert (cause["agreement"], cause["version"], cause["goal"], cause["verb"]) == (
        "Quick",
        1,
        "available",
        "notify",
    )
    assert "window" in cause
    notices = [json.loads(line) for line in (place.folder / "ops.log").read_text().splitlines()]
    assert [notice["cause"]["rule"] for notice in notices[:2]] == ["when 1", "when 1"]


def test_the_daemon_judges_as_history_does(place: Any) -> None:
    path = place.write(place.text())
    running = place.run(path)
    for healthy in (False, True, False, True):
        time.sleep(0.7)
        place.service.healthy = healthy
    place.until(lambda: place.count("judgements", "final") >= 3)
    running.stop()
    with Store.open(str(place.store), writer=False) as store:
        [registered] = store.agreement_history("Quick")
        observations = list(store.observations("Quick", 0, 2**62))
        live = {one.window: one for one in store.judgements("Quick", 0, 2**62, final_only=True)}
        booked = {entry.id: entry for _, entry in store.entries("Quick", 0, 2**62)}
    report = judge(load(path), observations, registered.at, max(window.end for window in live))
    assert {one.window: one for one in report.judgements if one.window in live} == live
    assert {entry.id: entry for entry in report.entries} == booked
    verified = verified_again(place)
    assert (verified.findings, verified.judged, verified.evidence) == ([], len(live), len(live))


def verified_again(place: Any) -> Verified:
    with Store.open(str(place.store), writer=False) as store:
        return verify_agreement(store, "Quick", lambda *_: None)


def test_every_bad_habit_has_its_word_and_none_stops_the_others(place: Any) -> None:
    services = {name: f"{place.service.url}{path}" for name, (path, _) in BAD_HABITS.items()}
    services["refusing"] = f"http://127.0.0.1:{place.closed_port()}/"
    sources = "\n".join(
        f'  source {name} = http "{url}" every 500ms timeout 400ms' for name, url in services.items()
    )
    place.write(
        'agreement "Habits" version 1 {\n  effective 2026-01-01 in "UTC"\n'
        '  party acme "Acme" provider\n  party globex "Globex" consumer\n'
        f"{sources}\n  metric up = good.ok\n  metric uptime = availability(up) each 1h\n"
        "  goal available: acme guarantees uptime >= 99%\n}\n"
    )
    running = place.run()
    query = "SELECT count(*) FROM observations JOIN streams ON streams.id = stream_id WHERE source = ?"
    expected = {name: failure for name, (_, failure) in BAD_HABITS.items()} | {"refusing": "refused"}
    for name, failure in expected.items():
        place.until(lambda name=name: place.rows(query, name)[0][0] >= 3)
        # A loaded machine may make a good look slow, but never a bad one good; and not every look.
        found = "IS NULL" if failure is None else f"= '{failure}'"
        place.until(lambda name=name, found=found: place.rows(f"{query} AND failure {found}", name)[0][0])
    status = running.ask(lambda daemon: daemon.status())
    assert running.stop() == 0
    seen: dict[str, set[str | None]] = {name: set() for name in services}
    observed = "SELECT source, failure, fields FROM observations JOIN streams ON streams.id = stream_id"
    for name, failure, fields in place.rows(observed):
        if failure is not None and failure.startswith("observer-"):
            assert json.loads(fields)["ok"] is None
            continue
        seen[name].add(failure)
        assert json.loads(fields)["ok"] is (failure is None)
    for name, failure in expected.items():
        assert seen[name] <= {failure, "timeout"}
    assert {source.name for source in status.agreements[0].sources} == set(services)


def test_a_hanging_receiver_holds_up_nobody_else(place: Any) -> None:
    """A2."""
    place.receiver.hangs = True
    place.service.healthy = False
    running = place.run(place.write(place.text()))
    place.until(lambda: place.receiver.got)
    before = place.count("observations")
    place.until((place.folder / "ops.log").exists)
    place.until(lambda: place.count("observations") > before + 10)
    assert len(place.receiver.got) == 1
    began = time.monotonic()
    assert running.stop() == 0
    assert time.monotonic() - began > 1  # the message under way had its time
    assert place.count("outbox", "target = 'globex' AND state = 'pending'") >= 1
    assert place.count("outbox", "target = 'globex' AND state != 'pending'") == 0


def test_a_message_that_is_refused_for_good_is_a_dead_letter(place: Any) -> None:
    place.receiver.status = 410
    place.service.healthy = False
    running = place.run(place.write(place.text()))
    place.until(lambda: place.count("outbox", "target = 'globex' AND state = 'dead'"))
    assert running.ask(lambda daemon: daemon.status().dead) >= 1
    running.stop()
    [(error,)] = place.rows(
        "SELECT last_error FROM outbox WHERE target = 'globex' AND state = 'dead' LIMIT 1"
    )
    assert "410" in error


def test_a_failing_receiver_gets_it_later_and_in_order(place: Any) -> None:
    place.receiver.status = 503
    place.service.healthy = False
    running = place.run(place.write(place.text()))
    place.until(lambda: place.count("intents", "content LIKE '%globex%'") >= 2 and place.receiver.got)
    place.receiver.status = 200
    place.service.healthy = True
    place.until(lambda: place.count("outbox", "target = 'globex' AND state = 'delivered'") >= 2, 60)
    running.stop()
    delivered = [one["notice"]["cause"]["at"] for one in place.receiver.got if one["status"] == 200]
    assert delivered == sorted(delivered)
    keys = [one["headers"]["Idempotency-Key"] for one in place.receiver.got]
    assert keys[0] == next(
        one["headers"]["Idempotency-Key"] for one in place.receiver.got if one["status"] == 200
    )
    assert place.receiver.got[1]["notice"]["attempt"] == 2


def test_a_locked_store_stops_neither_looking_nor_anything_for_good(place: Any) -> None:
    """D5."""
    running = place.run(place.write(place.text()))
    place.until(lambda: place.count("observations") > 3)
    blocker = sqlite3.connect(place.store, isolation_level=None, timeout=10)
    blocker.execute("BEGIN IMMEDIATE")
    place.service.healthy = False
    asked = place.service.asked["/health"]
    place.until(lambda: running.ask(lambda daemon: daemon.status().store_trouble))
    place.until(lambda: place.service.asked["/health"] > asked + 20)
    # Nothing is told that is not booked; a busy machine may have had something to tell before.
    told = {one["notice"]["id"] for one in place.receiver.got}
    assert told <= {row[0] for row in place.rows("SELECT id FROM intents")}
    blocker.execute("ROLLBACK")
    blocker.close()
    place.until(lambda: len(place.receiver.got) > len(told))
    assert running.ask(lambda daemon: daemon.status().store_trouble) is None
    assert running.ask(lambda daemon: daemon.status().dropped) == 0
    assert running.stop() == 0
    instants = [row[0] for row in place.rows("SELECT at FROM observations ORDER BY at")]
    assert len(instants) > 20
    assert any("can be written again" in line for line in running.lines)
    assert not place.count("observations", "failure LIKE 'observer-%' AND failure != 'observer-missed'")


def test_what_finds_no_room_is_counted_and_unknown(place: Any) -> None:
    """D1."""
    running = place.run(
        place.write(place.text(every="20ms", timeout="20ms")), config=Config(limits=Limits(buffer=40))
    )
    place.until(lambda: place.count("observations") > 3)
    blocker = sqlite3.connect(place.store, isolation_level=None, timeout=10)
    blocker.execute("BEGIN IMMEDIATE")
    place.until(lambda: running.ask(lambda daemon: daemon.status().dropped) > 5)
    assert running.ask(lambda daemon: daemon.status().waiting) < 200
    blocker.execute("ROLLBACK")
    blocker.close()
    place.until(lambda: running.ask(lambda daemon: daemon.status().store_trouble) is None)
    count = place.count("observations")
    place.until(lambda: place.count("observations") > count + 5)
    assert running.stop() == 0
    assert any("no more find room" in line for line in running.lines)


def test_a_second_daemon_is_refused(place: Any) -> None:
    """D7."""
    path = place.write(place.text())
    running = place.run(path)
    second = place.run(path)
    assert second.stop() == 1
    assert "is kept by another wsla" in second.lines[-1]
    assert running.stop() == 0


def test_it_goes_on_where_it_ended(place: Any) -> None:
    path = place.write(place.text())
    place.service.healthy = False
    first = place.run(path)
    place.until(lambda: place.count("entries"))
    first.stop()
    booked = place.rows("SELECT id FROM entries")
    place.service.healthy = True
    second = place.run(path)
    count = place.count("judgements", "final")
    place.until(lambda: place.count("judgements", "final") >= count + 2)
    assert second.stop() == 0
    after = place.rows("SELECT id FROM entries")
    assert after[: len(booked)] == booked
    assert len(set(after)) == len(after)
    [(versions,)] = place.rows("SELECT count(*) FROM registrations")
    assert versions == 1
    keys = [one["headers"]["Idempotency-Key"] for one in place.receiver.got]
    assert len(set(keys)) == len(keys)
    assert verified_again(place).findings == []


def test_nothing_secret_is_said(place: Any, capfd: Any) -> None:
    place.service.healthy = False
    path = place.write(place.text(hook=place.receiver.url + "/token-in-the-path"))
    place.receiver.status = 500
    running = place.run(path)
    place.until(lambda: running.ask(lambda daemon: daemon.status().failed_attempts))
    running.stop()
    said = "".join(capfd.readouterr()) + "\n".join(running.lines)
    assert "not delivered to globex" in said
    assert place.SECRET not in said
    assert "token-in-the-path" not in said


def test_threads_are_gone_afterwards(place: Any) -> None:
    running = place.run(place.write(place.text()))
    running.stop()
    assert "wsla-writer" not in {thread.name for thread in threading.enumerate()}


def test_a_reload_restarts_no_source_that_is_the_same(place: Any) -> None:
    path = place.write(place.text())
    running = place.run(path)
    place.until(lambda: place.count("observations") > 5)
    path.write_text(place.text(version=2, promised="10%"))
    running.reload()
    path.write_text("# a remark\n" + place.text(version=2, promised="10%"))
    running.reload()
    path.write_text("nonsense")
    running.reload()
    count = place.count("observations")
    place.until(lambda: place.count("observations") > count + 5)
    assert running.ask(lambda daemon: daemon.status().agreements[0].version) == 2
    assert place.count("observations", "failure = 'observer-shutdown'") == 0
    on_time = [row[0] for row in place.rows("SELECT at FROM observations WHERE failure IS NULL ORDER BY at")]
    phases = [at % 100_000_000 for at in on_time]
    assert phases.count(max(set(phases), key=phases.count)) > len(phases) // 2
    assert running.stop() == 0
    assert "everything stays as it was until it is mended" in running.lines[-1]
    windows = [
        json.loads(row[0])["window"] for row in place.rows("SELECT content FROM judgements WHERE final")
    ]
    assert len({tuple(window) for window in windows}) == len(windows)


def test_another_address_is_looked_at_after_a_reload(place: Any) -> None:
    path = place.write(place.text())
    running = place.run(path)
    place.until(lambda: place.service.asked.get("/health"))
    path.write_text(place.text(url=f"{place.service.url}/ok"))
    running.reload()
    place.until(lambda: place.service.asked.get("/ok", 0) > 3)
    before = place.service.asked["/health"]
    place.until(lambda: place.service.asked["/ok"] > 8)
    assert place.service.asked["/health"] <= before + 1
    assert running.stop() == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [("agreement {", "quick.sla:1:"), ("# nothing", "no agreement"), (None, "there is no such file")],
)
def test_what_cannot_be_started(place: Any, text: str | None, words: str) -> None:
    path = place.folder / "quick.sla"
    if text is not None:
        place.write(text)
    running = place.run(path)
    assert running.stop() == 1
    assert words in "\n".join(running.lines)
    assert not place.store.exists()


def test_a_missing_secret_stops_the_start(place: Any) -> None:
    place.environ.clear()
    running = place.run(place.write(place.text()))
    assert running.stop() == 1
    assert any("variable HOOK_SECRET is not set" in line for line in running.lines)


def test_a_store_that_cannot_be_stops_the_start(place: Any) -> None:
    place.store.mkdir()
    running = place.run(place.write(place.text()))
    assert running.stop() == 1
    assert "is a folder" in running.lines[-1]


def test_an_address_that_is_gone_is_told_and_dead_letters_are_tried_again_beside(place: Any) -> None:
    """A4, and `wsla outbox retry` beside a daemon."""
    from wsla.store.interventions import Intervention
    from wsla.store.sqlite import Store

    place.receiver.status = 410
    place.service.healthy = False
    running = place.run(place.write(place.text()))
    place.until(lambda: place.count("outbox", "target = 'globex' AND state = 'dead'") >= 2)
    asked = len(place.receiver.got)
    assert asked == 1
    assert sum("switched off" in line for line in running.lines) == 1
    place.receiver.status = 200
    running.reload()
    with Store.open(str(place.store), writer=False, beside=True) as store:
        dead = [item for item in store.dead_letters() if str(item.target) == "globex"]
        store.intervene(
            Intervention(
                kind="retry",
                agreement=item.agreement,
                subject=item.intent.id,
                target="globex",
                at=item.intent.at,
                author="Ana",
            )
            for item in dead
        )
    keys = {item.intent.id for item in dead}
    place.until(lambda: keys <= {one["notice"]["id"] for one in place.receiver.got if one["status"] == 200})
    running.stop()
