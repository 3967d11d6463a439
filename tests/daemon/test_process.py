"""The daemon as a process: killed without warning again and again, stopped in order, told to read its files anew."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import wsla
from wsla.api import judge, load
from wsla.reporting.verification import verify_agreement
from wsla.store.sqlite import Store

PROGRAM = Path(__file__).with_name("process.py")
ROUNDS = 5


def start(place: Any, *paths: Path, config: str = "") -> subprocess.Popen[str]:
    """The daemon as a process, once it says that it runs."""
    output = (place.folder / "said.txt").open("ab")
    position = (place.folder / "said.txt").stat().st_size
    library = str(Path(wsla.__path__[0]).parent)
    environ = {**os.environ, **place.environ, "PYTHONPATH": library}
    command = [sys.executable, str(PROGRAM), str(place.store), config, str(place.folder / "accepted.jsonl")]
    process = subprocess.Popen(
        [*command, *map(str, paths)], env=environ, stdout=output, stderr=subprocess.STDOUT, text=True
    )
    output.close()
    place.processes.append(process)

    def runs() -> bool:
        text = (place.folder / "said.txt").read_bytes()[position:].decode()
        assert process.poll() is None, text
        return "keeping " in text

    place.until(runs)
    return process


def stop_with_all_delivered(place: Any, path: Path, process: subprocess.Popen[str], config: str = "") -> None:
    """Stops it in order. What it decided on its way out is delivered by the next, as often as it takes."""
    for _ in range(20):
        place.until(lambda: place.count("outbox", "state = 'pending'") == 0)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        if place.count("outbox", "state = 'pending'") == 0:
            return
        process = start(place, path, config=config)
    raise AssertionError("each stop left something to deliver")


def said(place: Any) -> str:
    """Everything that daemons have said, and logged."""
    return str((place.folder / "said.txt").read_text())


def check(place: Any, path: Path) -> dict[str, int]:
    """Reads only the store, what was noted as accepted, and what the receiver got; returns how much there was."""
    stored = {
        (key, source, at)
        for key, source, at in place.rows(
            "SELECT key, source, at FROM observations JOIN streams ON streams.id = stream_id"
            " JOIN agreements ON agreements.id = observations.agreement_id"
        )
    }
    accepted = {
        tuple(json.loads(line))
        for line in (place.folder / "accepted.jsonl").read_text().splitlines()
        if line.endswith("]")
    }
    assert accepted <= stored

    judged = [json.loads(row[0]) for row in place.rows("SELECT content FROM judgements WHERE final = 1")]
    windows = sorted(tuple(one["window"]) for one in judged)
    assert [end for _, end in windows[:-1]] == [begin for begin, _ in windows[1:]]
    violated = {tuple(one["window"]) for one in judged if one["verdict"] == "violated"}
    entries = [json.loads(row[0]) for row in place.rows("SELECT content FROM entries")]
    assert Counter(tuple(one["window"]) for one in entries) == Counter(violated)
    intents = [json.loads(row[0]) for row in place.rows("SELECT content FROM intents")]
    notices = [one for one in intents if one["cause"] == "available"]
    assert Counter(tuple(one["window"]) for one in notices) == Counter(violated)

    log = (place.folder / "received.jsonl").read_text().splitlines()
    got = [json.loads(line)["notice"]["id"] for line in log]
    assert set(got) == {one["id"] for one in notices}
    ops = [json.loads(line)["id"] for line in (place.folder / "ops.log").read_text().splitlines()]
    assert set(ops) == {one["id"] for one in intents if one["cause"] == "when 1"}
    assert place.count("outbox", "state != 'delivered'") == 0

    with Store.open(str(place.store), writer=False) as store:
        assert store.first_altered_entry() is None
        [registered] = store.agreement_history("Quick")
        observations = list(store.observations("Quick", 0, 2**62))
        live = {one.window: one for one in store.judgements("Quick", 0, 2**62, final_only=True)}
    report = judge(load(path), observations, registered.at, max(window.end for window in live))
    assert {one.window: one for one in report.judgements if one.window in live} == live
    return {"accepted": len(accepted), "violated": len(violated), "repeated": len(got) - len(set(got))}


def test_killed_again_and_again(place: Any) -> None:
    """K2."""
    seed = int(os.environ.get("WSLA_SEED", "0")) or random.randrange(2**32)
    print(f"WSLA_SEED={seed}")
    chance = random.Random(seed)
    config = place.folder / "wsla.toml"
    config.write_text('[limits]\nsnapshot_every = "300ms"\n')
    # So low a promise that a busy machine, where many a look takes too long, keeps it too.
    path = place.write(
        place.text(every="50ms", timeout="50ms", window="500ms", patience="200ms", promised="40%")
    )
    ended = threading.Event()

    def sway() -> None:
        while not ended.wait(0.35):
            place.service.healthy = not place.service.healthy

    swaying = threading.Thread(target=sway)
    swaying.start()
    try:
        for _ in range(ROUNDS):
            process = start(place, path, config=str(config))
            time.sleep(chance.uniform(0.0, 0.9))
            process.send_signal(signal.SIGKILL)
            process.wait()
    finally:
        ended.set()
        swaying.join()
    # On a busy machine no round may have been long enough for an episode, or for a whole window.
    place.service.healthy = False
    process = start(place, path, config=str(config))
    place.until((place.folder / "ops.log").exists)
    place.until(lambda: place.count("judgements", "final AND verdict = 'violated'"))
    place.service.healthy = True
    place.until(lambda: place.count("judgements", "final AND verdict = 'met'"))
    stop_with_all_delivered(place, path, process, config=str(config))
    found = check(place, path)
    print(found)
    assert found["accepted"] > 2 * ROUNDS
    assert found["violated"] > 0
    assert "Traceback" not in said(place)
    with Store.open(str(place.store), writer=False) as store:
        assert verify_agreement(store, "Quick", lambda *_: None).findings == []


def test_the_checker_sees_what_is_missing(place: Any) -> None:
    path = place.write(place.text())
    place.service.healthy = False
    process = start(place, path)
    place.until(lambda: place.receiver.got and (place.folder / "ops.log").exists())
    place.service.healthy = True
    stop_with_all_delivered(place, path, process)
    check(place, path)
    connection = sqlite3.connect(place.store)
    connection.execute("DELETE FROM entries")
    connection.commit()
    connection.close()
    with pytest.raises(AssertionError):
        check(place, path)


def test_sigterm_gives_what_runs_a_moment(place: Any) -> None:
    """K3."""
    path = place.write(place.text(url=f"{place.service.url}/hang", every="30s", timeout="30s"))
    process = start(place, path)
    place.until(lambda: place.service.asked.get("/hang"))
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert time.monotonic() - began > 1.5
    [(failure, reason, fields)] = place.rows("SELECT failure, reason, fields FROM observations")
    assert failure == "observer-shutdown"
    assert reason
    assert set(json.loads(fields).values()) == {None}


def test_a_stopped_process_misses_one_stretch_and_makes_no_burst(place: Any) -> None:
    """K4: what was not observed is one gap for each source, and no timer of a rule is satisfied by it."""
    # A busy machine makes a look take too long, but not twenty, one after the other.
    path = place.write(place.text(timeout="100ms", patience="2s"))
    process = start(place, path)
    place.until(lambda: place.count("observations") > 5)
    process.send_signal(signal.SIGSTOP)
    time.sleep(3)
    asked, continued = place.service.asked["/health"], time.monotonic()
    process.send_signal(signal.SIGCONT)
    place.until(lambda: place.count("observations", "failure = 'observer-missed'"))
    place.until(lambda: place.service.asked["/health"] > asked + 3)
    # A look every 100 ms, and those that were under way: the thirty that were missed are not made up.
    assert place.service.asked["/health"] - asked <= (time.monotonic() - continued) / 0.1 + 5
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    instants = [row[0] for row in place.rows("SELECT at FROM observations ORDER BY at")]
    assert max(late - early for early, late in pairwise(instants)) > 2_000_000_000
    intents = [json.loads(row[0]) for row in place.rows("SELECT content FROM intents")]
    # The rule's two seconds did not pass while nobody looked.
    assert [one for one in intents if one["cause"] == "when 1"] == []


def test_sighup_reads_anew_and_a_broken_file_changes_nothing(place: Any) -> None:
    first = place.write(place.text())
    other = place.write(place.text(title="Other"), "other.sla")
    process = start(place, place.folder)
    place.until(lambda: place.count("observations") > 5)
    first.write_text(place.text().replace("guarantees", "guarantes"))
    other.unlink()
    process.send_signal(signal.SIGHUP)
    place.until(lambda: "everything stays as it was" in said(place))
    text = said(place)
    assert "quick.sla:" in text.partition("keeping 2 agreements")[2]
    assert "removed" not in text
    count = place.count("observations")
    place.until(lambda: place.count("observations") > count + 3)
    first.write_text(place.text(version=2, promised="50%"))
    process.send_signal(signal.SIGHUP)
    place.until(lambda: "1 agreement changed, 1 agreement removed" in said(place))
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    history = place.rows(
        "SELECT title, version FROM registrations JOIN agreement_texts ON agreement_texts.id = text_id"
        " ORDER BY registrations.sequence"
    )
    assert sorted(history[:2]) == [("Other", 1), ("Quick", 1)]
    assert history[2:] == [("Quick", 2)]
    kept = "SELECT count(*) FROM observations JOIN agreements ON agreements.id = agreement_id WHERE key = 'Other'"
    assert place.rows(kept)[0][0] > 0
    # Whatever happened, what is stored hangs together, and judged again it is the same.
    with Store.open(str(place.store), writer=False) as store:
        for title in ("Quick", "Other"):
            assert verify_agreement(store, title, lambda *_: None).findings == []
