"""Observations that are sent over HTTP: taken once, on the disk when they are acknowledged, within bounds."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="what answers over HTTP is not installed")
pytest.importorskip("uvicorn", reason="what answers over HTTP is not installed")
pytest.importorskip("jinja2", reason="what draws pages is not installed")
pytest.importorskip("jsonschema", reason="what compares answers with schemas is not installed")

import httpx
import jsonschema

from wsla.api import loads
from wsla.daemon.config import Config, Limits
from wsla.daemon.http_config import Http, Token
from wsla.evaluation.reference import evaluate
from wsla.store.sqlite import Store
from wsla.web.openapi import API, document
from wsla.web.server import WebServer
from wsla.web.view import View

SENDER = Token(name="sender", secret="sender-012345678", scopes=frozenset({"push"}), party="Host")
READER = Token(name="reader", secret="reader-012345678", scopes=frozenset({"read"}))
STRANGER = Token(name="stranger", secret="stranger-0123456", scopes=frozenset({"push"}), party="initech")
TEXT = """agreement "{title}" version 1 {{
  kind customer
  effective 2026-01-01 in "UTC"
  grace {grace}
  party host "Host" provider
  party shop "Shop" consumer
  source web = push every 1s {{
    label   region
    up      up
    latency took in ms
  }}
  source tickets = records push {{
    at   closed
    took took in s
  }}
  metric uptime = availability(web.up and web.latency < 1s) each 10s by region
  metric quick  = share(tickets.took < 1h) each 10s
  goal available: host guarantees uptime >= 99%
  goal prompt: host guarantees quick >= 99%
}}
"""
WEB = "/agreements/Sent/sources/web/observations"
TICKETS = "/agreements/Sent/sources/tickets/observations"
PROCESS = Path(__file__).with_name("process.py")


class Pushing:
    """A daemon to which observations are sent."""

    def __init__(
        self, place: Any, *, grace: str = "1h", limits: Limits | None = None, **settings: Any
    ) -> None:
        self.place = place
        place.write(TEXT.format(title="Sent", grace=grace), "sent.sla")
        self.http = Http(host="127.0.0.1", port=0, **settings)
        config = Config(http=self.http, limits=limits or Limits(snapshot_every=500_000_000))
        self.running = place.run(config=config)
        assert self.running.daemon is not None, self.running.lines
        self.server = WebServer(self.http)
        self.server.serve(View(self.running.daemon, str(place.store)))
        self.client = httpx.Client(base_url=f"{self.server.url}api/v1", timeout=60, trust_env=False)

    def send(self, path: str, value: Any, token: Token | None = None, **headers: str) -> httpx.Response:
        given = {
            "Content-Type": "application/json",
            **{name.replace("_", "-"): x for name, x in headers.items()},
        }
        if token is not None:
            given["Authorization"] = f"Bearer {token.secret}"
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        answer = self.client.post(path, content=body, headers=given)
        whole = document()
        responses = whole["paths"][f"{API}/agreements/{{title}}/sources/{{source}}/observations"]["post"][
            "responses"
        ]
        content = responses.get(str(answer.status_code), responses["default"])["content"]
        schema = content[answer.headers["content-type"]]["schema"]
        shaped = {"$ref": "#/schema", "schema": schema, "components": whole["components"]}
        jsonschema.Draft202012Validator(shaped).validate(answer.json())
        return answer

    def end(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture
def pushing(place: Any) -> Iterator[Pushing]:
    found = Pushing(place)
    yield found
    found.end()


def moment(seconds: float) -> str:
    """Now and so many seconds."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def row(seconds: float, region: str = "eu", **changes: Any) -> dict[str, Any]:
    return {"at": moment(seconds), "region": region, "up": True, "took": 12.5, **changes}


def test_what_is_sent_is_stored_and_judged_as_history_is(pushing: Pushing) -> None:
    time.sleep(2)
    rows = [row(part / 50 - 2, up=part not in (70, 71)) for part in range(100)]
    # In any order: all of it lies within the grace.
    answer = pushing.send(WEB, rows[50:])
    assert (answer.status_code, answer.json()["accepted"]) == (200, 50)
    body = "\n".join(json.dumps(one) for one in reversed(rows[:50])).encode()
    assert pushing.send(WEB, body, Content_Type="application/x-ndjson").json()["accepted"] == 50
    assert pushing.send(TICKETS, {"closed": moment(-0.5), "took": 7200}).json()["accepted"] == 1
    assert pushing.place.count("observations") == 101

    def judged(daemon: Any) -> Any:
        judge = daemon.kept("Sent").judge
        judge.step()
        return judge.time, judge.engine.judgements(judge.time)

    until, found = pushing.running.ask(judged)
    with Store.open(str(pushing.place.store), writer=False) as store:
        [version] = store.agreement_history("Sent")
        stored = list(store.observations("Sent", -(2**63), 2**63 - 1))
    agreement = loads(TEXT.format(title="Sent", grace="1h"))
    expected = evaluate(agreement.plan, stored, version.at, until).judgements
    assert {one.goal for one in found} == {"available", "prompt"}
    shown = [
        [(one.goal, one.labels, one.window, one.value, one.coverage) for one in of]
        for of in (found, expected)
    ]
    assert shown[0] == shown[1]


def test_the_same_again_is_the_same_answer(pushing: Pushing) -> None:
    """Fault A5."""
    twice = row(-4)
    rows = [row(-5), twice, twice, row(-3, up="perhaps"), row(-2, region=None)]
    first, second = pushing.send(WEB, rows), pushing.send(WEB, rows)
    assert first.json() == second.json()
    assert (first.json()["accepted"], first.json()["refused"]) == (3, 2)
    assert [one["row"] for one in first.json()["reasons"]] == [4, 5]
    assert (first.headers["Wsla-Known"], second.headers["Wsla-Known"]) == ("0", "2")
    tickets = [{"closed": moment(-3), "took": 5}] * 2
    first, second = pushing.send(TICKETS, tickets), pushing.send(TICKETS, tickets)
    assert first.json() == second.json()
    assert pushing.place.count("observations") == 4
    other = pushing.send(WEB, [{**rows[0], "up": False}, row(-1)])
    assert other.json()["accepted"] == 1
    assert "second, different value" in other.json()["reasons"][0]["reason"]


def test_the_same_at_once_is_stored_once(pushing: Pushing) -> None:
    rows = [row(second - 100) for second in range(50)]
    tickets = [{"closed": moment(-30), "took": number} for number in range(50)]
    answers: list[Any] = []

    def send() -> None:
        answers.append((pushing.send(WEB, rows).json(), pushing.send(TICKETS, tickets).json()))

    threads = [threading.Thread(target=send) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(answers) == 6
    assert all(one == answers[0] for one in answers)
    assert answers[0][0]["accepted"] == answers[0][1]["accepted"] == 50
    assert pushing.place.count("observations") == 100


def test_what_comes_too_late_is_kept(place: Any) -> None:
    """Rule M96."""
    pushing = Pushing(place, grace="60s")
    try:
        rows = [row(-120), row(-2)]
        first = pushing.send(WEB, rows)
        assert (first.json()["accepted"], first.json()["late"]) == (2, 1)
        assert pushing.send(WEB, rows).json() == first.json()
        assert place.rows("SELECT late FROM observations ORDER BY at") == [(1,), (0,)]
    finally:
        pushing.end()


def test_a_clock_that_is_a_little_ahead_is_waited_for(pushing: Pushing) -> None:
    answer = pushing.send(WEB, [row(0.5), row(60)])
    assert (answer.json()["accepted"], answer.json()["refused"]) == (1, 1)
    assert "ahead" in answer.json()["reasons"][0]["reason"]
    assert pushing.place.count("observations") == 1


def test_a_token_sends_what_it_may(place: Any) -> None:
    pushing = Pushing(place, tokens=(SENDER, READER, STRANGER))
    try:
        assert pushing.send(WEB, row(-1), SENDER).status_code == 200
        assert pushing.send(WEB, row(-1), READER).status_code == 403
        strange = pushing.send(WEB, row(-1), STRANGER)
        absent = pushing.send(WEB.replace("Sent", "None"), row(-1), SENDER)
        assert strange.status_code == absent.status_code == 404
        assert strange.json()["detail"].replace("Sent", "None") == absent.json()["detail"]
        assert pushing.send(WEB.replace("web", "none"), row(-1), SENDER).status_code == 404
        assert pushing.send(WEB, row(-1)).status_code == 401
        # A browser keeps passwords and sends them along; a page of another site must not make use of that.
        basic = pushing.client.post(WEB, json=row(-1), auth=("anybody", SENDER.secret))
        assert basic.status_code == 401
        assert (
            pushing.client.get(
                "/agreements", headers={"Authorization": f"Bearer {SENDER.secret}"}
            ).status_code
            == 403
        )
        assert pushing.place.count("observations") == 1
    finally:
        pushing.end()


def test_pages_of_browsers_send_nothing(pushing: Pushing) -> None:
    assert pushing.send(WEB, row(-1), Origin="https://elsewhere.example").status_code == 403
    assert pushing.send(WEB, row(-1), Content_Type="text/plain").status_code == 415
    assert pushing.send(WEB, row(-1), Content_Type="application/x-www-form-urlencoded").status_code == 415
    assert pushing.send(WEB, b"\x1f\x8b", Content_Encoding="gzip").status_code == 415
    assert pushing.place.count("observations") == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [(b"{", "no JSON"), (b"7", "neither"), (b'{"region": "eu", "up": true}', "`took`")],
)
def test_what_cannot_be_read_is_told(pushing: Pushing, body: bytes, words: str) -> None:
    answer = pushing.send(WEB, body)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


def _status_kb(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise AssertionError(name)


def test_a_large_body_is_refused_before_it_is_read(place: Any) -> None:
    pushing = Pushing(place, largest_push=1024)
    try:
        assert pushing.send(WEB, row(-1)).status_code == 200
        answer = pushing.send(WEB, b" " * 1025)
        assert (answer.status_code, "1024" in answer.json()["detail"]) == (413, True)
    finally:
        pushing.end()


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="this system does not tell a process's memory"
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_gibibyte_does_not_grow_memory(pushing: Pushing, chunked: bool) -> None:
    """Fault W1."""
    before = _status_kb(os.getpid(), "VmRSS")
    host, port = pushing.client.base_url.host, pushing.client.base_url.port
    assert port is not None
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {1 << 30}"
    head = f"POST /api/v1{WEB} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
    piece = b"[" + b" " * ((1 << 20) - 1)
    if chunked:
        piece = b"100000\r\n" + piece + b"\r\n"
    highest = sent = 0
    with socket.create_connection((host, port), timeout=30) as sender:
        sender.sendall(head.encode())
        try:
            for _ in range(1024):
                sender.sendall(piece)
                sent += 1
                highest = max(highest, _status_kb(os.getpid(), "VmRSS"))
        except OSError:
            pass
        try:
            answer = sender.recv(100)
        except OSError:
            answer = b""
    assert sent < 1024
    assert not answer or b" 413 " in answer
    assert highest - before < 64 * 1024
    assert pushing.send(WEB, row(-1)).json()["accepted"] == 1


def test_while_the_store_is_full_it_is_to_be_sent_again(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pushing = Pushing(place, limits=Limits(buffer=1_000))
    try:
        assert pushing.send(WEB, [row(second / 10 - 600) for second in range(500)]).status_code == 200
        answer = pushing.send(WEB, [row(second / 10 - 300) for second in range(501)])
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert place.count("observations") == 500
    finally:
        pushing.end()


def test_an_agreement_that_is_gone_takes_nothing(pushing: Pushing) -> None:
    (pushing.place.folder / "sent.sla").unlink()
    pushing.place.write(pushing.place.text(), "quick.sla")
    pushing.running.reload()
    assert pushing.send(WEB, row(-1)).status_code == 404


def test_a_killed_daemon_has_lost_nothing_that_it_acknowledged(place: Any) -> None:
    """Fault K2, with what is sent."""
    place.write(TEXT.format(title="Sent", grace="1h"), "sent.sla")
    port = place.closed_port()
    (place.folder / "wsla.toml").write_text(f'[http]\naddress = "127.0.0.1:{port}"\n')
    acknowledged = 0
    rows = [[row(number + part / 10 - 600) for part in range(10)] for number in range(60)]
    for _ in range(3):
        command = [
            sys.executable,
            "-m",
            "wsla",
            "run",
            str(place.folder),
            "--config",
            str(place.folder / "wsla.toml"),
        ]
        process = subprocess.Popen(
            [*command, "--store", str(place.store)],
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        place.processes.append(process)
        assert process.stderr is not None
        while "answering" not in (line := process.stderr.readline()):
            assert line, "the daemon did not start"
        killer = threading.Timer(1.0, process.send_signal, [signal.SIGKILL])
        killer.start()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30, trust_env=False) as client:
            try:
                while acknowledged < len(rows):
                    answer = client.post(WEB, json=rows[acknowledged])
                    assert answer.json()["accepted"] == 10, answer.text
                    acknowledged += 1
                    time.sleep(0.02)
            except httpx.HTTPError:
                pass
        process.wait(30)
        killer.join()
        times = {at for (at,) in place.rows("SELECT at FROM observations")}
        assert len(times) >= 10 * acknowledged
        assert len(times) == place.count("observations")
    assert acknowledged


BEATS = """agreement "Beats" version 1 {
  kind customer
  effective 2026-01-01 in "UTC"
  grace 0s
  party host "Host" provider
  party shop "Shop" consumer
  source backup = heartbeat every 1s timeout 500ms
  metric kept = availability(backup.ok) each 1h
  goal safe: host guarantees kept >= 99%
}
"""


def test_beats_are_stored_and_missing_ones_too(place: Any) -> None:
    place.write(BEATS, "beats.sla")
    pushing = Pushing(place, tokens=(SENDER, READER))
    path, sender = "/heartbeat/Beats/backup", {"Authorization": f"Bearer {SENDER.secret}"}
    try:
        answers = [pushing.client.get(path, headers=sender), pushing.client.post(path, headers=sender)]
        failed = pushing.client.post(f"{path}?ok=false", headers=sender)
        assert [one.status_code for one in (*answers, failed)] == [200, 200, 200]
        found = answers[0].json()
        assert datetime.fromisoformat(found["next_due"]) - datetime.fromisoformat(found["at"]) == timedelta(
            seconds=1
        )
        assert place.count("observations") == 3
        missing = place.until(lambda: place.rows("SELECT at, failure FROM observations ORDER BY at")[3:5])
        last = place.rows("SELECT at FROM observations ORDER BY at")[2][0]
        assert missing[0] == (last + 1_500_000_000, "beat-missing")
        assert place.count("observations", "late = 1") == 0
        for path_, options, status in (
            (path, {}, 401),
            (path, {"headers": {"Authorization": f"Bearer {READER.secret}"}}, 403),
            (f"{path}?ok=perhaps", {"headers": sender}, 400),
            ("/heartbeat/Sent/web", {"headers": sender}, 404),
            ("/heartbeat/None/backup", {"headers": sender}, 404),
            (path, {"headers": {**sender, "Origin": "https://elsewhere.example"}}, 403),
            (path, {"headers": {**sender, "Sec-Fetch-Site": "cross-site"}}, 403),
        ):
            assert pushing.client.get(path_, **options).status_code == status, (path_, options)
    finally:
        pushing.end()
