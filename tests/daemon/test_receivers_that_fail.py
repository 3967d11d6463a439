"""A receiver that is down while the daemon is killed, and one that takes a message and cuts the line (A1, A3, A11)."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import wsla

PROGRAM = Path(__file__).with_name("process.py")
RULE = "when not up for 200ms { notify globex repeat every 700ms on recovery: notify globex }"


def write(place: Any) -> Path:
    text = re.sub(r"when not up .*", RULE, place.text(promised="1%", every="50ms", timeout="40ms"))
    return Path(place.write(text.replace("otherwise notify globex", "")))


def start(place: Any, path: Path) -> subprocess.Popen[str]:
    environ = {**os.environ, **place.environ, "PYTHONPATH": str(Path(wsla.__path__[0]).parent)}
    said = place.folder / f"said-{len(place.processes)}.txt"
    command = [
        sys.executable,
        str(PROGRAM),
        str(place.store),
        "",
        str(place.folder / "accepted.jsonl"),
        str(path),
    ]
    with said.open("wb") as output:
        process = subprocess.Popen(command, env=environ, stdout=output, stderr=subprocess.STDOUT, text=True)
    place.processes.append(process)
    place.until(lambda: "keeping " in said.read_text() or process.poll() is not None)
    assert process.poll() is None, said.read_text()
    return process


def order(place: Any) -> list[str]:
    """The messages that were decided, in the order in which they were."""
    return [
        json.loads(row)["id"] for (row,) in place.rows("SELECT content FROM intents ORDER BY at, sequence")
    ]


def test_a_receiver_is_down_and_the_daemon_is_killed_three_times_meanwhile(place: Any) -> None:
    """A1: nothing is lost; each arrives once when it is back, in order, by the identity that was tried before."""
    path = write(place)
    place.receiver.status = 500
    place.service.healthy = False
    for _ in range(3):
        process = start(place, path)
        tried = len(place.receiver.got)
        place.until(lambda tried=tried: len(place.receiver.got) > tried)
        process.send_signal(signal.SIGKILL)
        process.wait()
    place.service.healthy = True
    process = start(place, path)
    place.until(lambda: any("recovery 1" in one for one in order(place)))
    place.receiver.status = 200
    place.until(lambda: place.count("outbox", "state = 'pending'") == 0, 60)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    taken = [one["notice"]["id"] for one in place.receiver.got if one["status"] == 200]
    assert list(dict.fromkeys(taken)) == order(place)
    assert len(taken) == len(set(taken))
    assert place.count("outbox", "state <> 'delivered'") == 0
    tried = {one["notice"]["id"] for one in place.receiver.got if one["status"] == 500}
    assert tried <= set(taken)
    assert sum("fired 1" in one for one in taken) == 1


def test_a_line_that_is_cut_after_the_message_was_taken(place: Any) -> None:
    """A3: it comes again with the same Idempotency-Key and body, and is recorded once."""
    write(place)
    got: list[tuple[str, dict[str, Any]]] = []

    def react(handler: Any, body: bytes) -> None:
        got.append((handler.headers["Idempotency-Key"], json.loads(body)))
        if len(got) == 1:
            # Taken, and then nothing: the sender cannot know.
            handler.close_connection = True
            handler.connection.close()
            return
        handler.answer(200)

    place.receiver.react = react
    place.service.healthy = False
    running = place.run()
    place.until(lambda: len(got) >= 2)
    place.until(lambda: place.count("outbox", "state = 'delivered'"))
    running.stop()
    (first, one), (second, two) = got[:2]
    assert first == second
    assert (one["attempt"], two["attempt"]) == (1, 2)
    assert {**one, "attempt": 2} == two
    assert place.count("intents", f"id = '{one['id']}'") == 1
    assert order(place)[: len({key for key, _ in got})] == list(
        dict.fromkeys(notice["id"] for _, notice in got)
    )
