"""How the daemon ends: in order with much in flight (K3), and again and again at the start (K6)."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wsla
from wsla.channels.signature import verify_signature
from wsla.daemon import daemon
from wsla.store.sqlite import Store

TITLE = "Crowded"


def command(place: Any, *options: str) -> tuple[list[str], dict[str, str]]:
    environ = {**os.environ, **place.environ, "PYTHONPATH": str(Path(wsla.__path__[0]).parent)}
    return [
        sys.executable,
        "-m",
        "wsla",
        "run",
        str(place.folder),
        "--store",
        str(place.store),
        *options,
    ], environ


def crowded(place: Any) -> str:
    """50 sources that hang, and 20 parties whose messages hang."""
    hook = f'hook webhook "{place.receiver.url}/{{}}" signed env HOOK_SECRET'
    parties = "\n".join(
        f'  party shop{number} "Shop {number}" consumer {{ {hook.format(number)} }}' for number in range(20)
    )
    sources = "\n".join(
        f'  source s{number} = http "{place.service.url}/hang" every 20s timeout 20s' for number in range(50)
    )
    notified = " ".join(f"notify shop{number}" for number in range(20))
    return (
        f'agreement "{TITLE}" version 1 {{\n  effective 2026-01-01 in "UTC"\n  party acme "Acme" provider\n{parties}\n'
        f'{sources}\n  source probe = http "{place.service.url}/fail" every 100ms timeout 90ms\n'
        "  metric uptime = availability(probe.ok) each 1h\n  goal up: acme guarantees uptime >= 99%\n"
        f"  when not probe.ok for 300ms {{ {notified} }}\n}}\n"
    )


def test_it_ends_in_order_with_fifty_looks_and_twenty_messages_in_flight(place: Any) -> None:
    """K3: exit code 0; every look is stored or unknown because of the end, every message sent or left pending."""
    place.receiver.hangs = True
    place.write(crowded(place))
    (place.folder / "wsla.toml").write_text("[limits]\nper_host = 200\n")
    words, environ = command(place, "--config", str(place.folder / "wsla.toml"))
    output = (place.folder / "said.txt").open("wb")
    process = subprocess.Popen(words, env=environ, stdout=output, stderr=subprocess.STDOUT, text=True)
    place.processes.append(process)
    place.until(lambda: len(place.receiver.got) >= 20 and place.service.asked.get("/hang", 0) >= 40, 90)
    asked = place.service.asked["/hang"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, (place.folder / "said.txt").read_text()
    said = (place.folder / "said.txt").read_text()
    assert "Traceback" not in said
    stopped = place.rows(
        "SELECT source, fields FROM observations JOIN streams ON streams.id = stream_id"
        " WHERE failure = 'observer-shutdown'"
    )
    # Every look that the service has seen is stored: as what it was, or as unknown because of the end.
    hanging = "failure IN ('observer-shutdown', 'timeout') AND source LIKE 's%'"
    [(stored,)] = place.rows(
        f"SELECT count(*) FROM observations JOIN streams ON streams.id = stream_id WHERE {hanging}"
    )
    assert stored >= asked
    assert len({source for source, _ in stopped}) >= 35
    assert {value for _, fields in stopped for value in json.loads(fields).values()} == {None}
    assert place.count("outbox", "state = 'pending'") == 20
    assert place.count("outbox", "state NOT IN ('pending', 'delivered')") == 0
    # What was left is sent by the next one, under the same keys.
    keys = {one["headers"]["Idempotency-Key"] for one in place.receiver.got}
    place.receiver.hangs = False
    place.receiver.ended.set()
    place.receiver.got.clear()
    second = subprocess.Popen(words, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    place.processes.append(second)
    place.until(lambda: place.count("outbox", "state = 'delivered'") >= 20, 60)
    second.send_signal(signal.SIGTERM)
    assert second.wait(60) == 0
    assert keys <= {one["headers"]["Idempotency-Key"] for one in place.receiver.got}
    one = place.receiver.got[0]
    assert verify_signature(
        place.SECRET, one["headers"]["Wsla-Signature"], one["body"].encode(), now_s=int(time.time())
    )


def test_an_end_takes_less_than_ten_seconds() -> None:
    """K3: looks and messages end at the same time, what they left is written after that."""
    assert max(daemon.PROBES_END_WITHIN, daemon.SENDS_END_WITHIN) + daemon.WRITES_END_WITHIN < 10


def test_a_log_for_machines_is_nothing_but_objects(place: Any) -> None:
    """Start, reload, a broken file and the end; and no line beside the log."""
    path = place.write(place.text())
    config = place.folder / "wsla.toml"
    config.write_text(f'log_format = "json"\n[http]\naddress = "127.0.0.1:{place.closed_port()}"\n')
    words, environ = command(place, "--config", str(config))
    said = place.folder / "said.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(words, env=environ, stdout=output, stderr=subprocess.STDOUT)
    place.processes.append(process)

    def lines() -> list[dict[str, str]]:
        return [json.loads(line) for line in said.read_text().split("\n")[:-1]]

    def told(what: str) -> list[dict[str, str]]:
        return [one for one in lines() if what in one["message"]]

    place.until(lambda: told("answering at http://127.0.0.1:"), 60)
    path.write_text("agreement {")
    process.send_signal(signal.SIGHUP)
    place.until(lambda: told("everything stays as it was"), 60)
    path.write_text(place.text(version=2, promised="98%"))
    process.send_signal(signal.SIGHUP)
    place.until(lambda: told("1 agreement changed"), 60)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert {tuple(one) for one in lines()} == {("at", "level", "logger", "message")}
    assert len(told("keeping 1 agreement")) == 1
    assert told("quick.sla:1:")[0]["level"] == "warning"


def damaged(place: Any) -> None:
    content = bytearray(place.store.read_bytes())
    content[100:4096] = b"\xff" * 3996
    place.store.write_bytes(content)


def newer(place: Any) -> None:
    import sqlite3

    connection = sqlite3.connect(place.store)
    connection.execute("PRAGMA user_version = 999")
    connection.commit()
    connection.close()


BAD: dict[str, tuple[Callable[[Any], object], str]] = {
    "a damaged store": (damaged, "damaged"),
    "no store": (lambda place: place.store.write_bytes(b"hello" * 1_000), "wsla.db"),
    "a newer store": (newer, "by a later wsla"),
    "a broken agreement": (lambda place: place.write("agreement {", "broken.sla"), "broken.sla:1:"),
    "a missing secret": (lambda place: place.environ.pop("HOOK_SECRET"), "HOOK_SECRET is not set"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_start_that_fails_again_and_again_says_why_and_deletes_nothing(place: Any, name: str) -> None:
    """K6: again and again; the exit code and one message, which systemd shows too, and every file as it was."""
    damage, expected = BAD[name]
    place.write(place.text())
    with Store.open(str(place.store), writer=True):
        pass
    damage(place)

    def state() -> dict[str, str]:
        return {
            str(path.relative_to(place.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(place.folder.rglob("*"))
            if path.is_file() and not path.name.endswith(("-wal", "-shm", ".lock"))
        }

    before = state()
    words, environ = command(place)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(place.folder / "notify"))
        environ["NOTIFY_SOCKET"] = str(place.folder / "notify")
        for _ in range(2):
            finished = subprocess.run(
                words, env=environ, capture_output=True, text=True, check=False, timeout=60
            )
            assert finished.returncode == 1, finished.stderr
            assert expected in finished.stderr
            assert "Traceback" not in finished.stderr
            assert state() == before
        supervisor.setblocking(False)
        if name != "a broken agreement":
            # That one is told by the checker, before the daemon begins.
            assert supervisor.recv(4096).startswith(b"STATUS=")
