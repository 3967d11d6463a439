"""Peers of the web server that mean harm, beside a daemon that looks, judges and acts on (W1, W2, W4, W5)."""

from __future__ import annotations

import contextlib
import json
import socket
import string
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("starlette", reason="what answers over HTTP is not installed")
pytest.importorskip("uvicorn", reason="what answers over HTTP is not installed")
pytest.importorskip("jinja2", reason="what draws pages is not installed")
pytest.importorskip("prometheus_client", reason="what tells figures is not installed")

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsla.daemon.config import Config, Limits, load_config
from wsla.daemon.http_config import Http, Token
from wsla.web.openapi import API, document
from wsla.web.server import WebServer
from wsla.web.serving import Serving
from wsla.web.view import View

PAYLOADS = [
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "</pre><iframe srcdoc='<script>alert(1)</script>'>",
    "{{ 7 * 7 }}{% raw %}",
    "<!--", "]]><b>",
    "<a href=//evil.example>x</a>",
    "\u202e<b>evil",
    "+ADw-script+AD4-",
]  # fmt: skip
TEXT = """agreement "{title}" version 1 {{
  effective 2026-01-01 in "UTC"
  currency EUR
  grace 2s
  party host "Host {payload}" provider
  party shop "Shop" consumer {{ hook webhook "{hook}/sla" signed env HOOK_SECRET }}
  source web = push every 1s {{
    label region
    up    up
  }}
  metric uptime = availability(web.up) each 1s by region
  goal available: host guarantees uptime >= 99% {{
    otherwise credit shop 5 EUR
    otherwise notify shop
  }}
}}
"""
TITLE = "Nasty <script>alert(1)</script>"


class Attacked:
    """A daemon, its web server, and raw connections to it."""

    def __init__(self, place: Any, **settings: Any) -> None:
        self.place = place
        http = Http(host="127.0.0.1", port=0, **{"requests_per_minute": 1_000_000, **settings})
        self.running = place.run(config=Config(http=http, limits=Limits(snapshot_every=500_000_000)))
        assert self.running.daemon is not None, self.running.lines
        self.server = WebServer(http)
        self.server.serve(View(self.running.daemon, str(place.store)))
        self.client = httpx.Client(base_url=self.server.url, timeout=60, trust_env=False)
        self.port = self.client.base_url.port

    def connect(self, sent: bytes = b"", source: str = "127.0.0.1") -> socket.socket:
        found = socket.create_connection(("127.0.0.1", self.port), 30, (source, 0))
        found.sendall(sent)
        return found

    def end(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture
def attack(place: Any) -> Iterator[Any]:
    begun: list[Attacked] = []

    def begin(**settings: Any) -> Attacked:
        begun.append(Attacked(place, **settings))
        return begun[-1]

    yield begin
    for one in begun:
        one.end()


def rows(regions: list[str]) -> list[dict[str, Any]]:
    """What is down in each region at the moment."""
    at = datetime.now(UTC).isoformat()
    return [{"at": at, "region": region, "up": False} for region in regions]


def test_nothing_that_others_say_runs_on_a_page(place: Any, attack: Any, capfd: Any) -> None:
    """W2: payloads as titles, labels and answers of a receiver, on pages, in the API and in the log."""
    place.receiver.status = 410
    place.write(TEXT.format(title=TITLE, payload=PAYLOADS[2].replace('"', ""), hook=place.receiver.url))
    attacked = attack()
    path = f"{API}/agreements/{quote(TITLE, safe='')}"
    lines = ["two\r\nlines", "\x1b[2J", *PAYLOADS]
    answer = attacked.client.post(f"{path}/sources/web/observations", json=rows(lines))
    assert answer.json()["accepted"] == len(lines), answer.text
    place.until(lambda: place.count("entries") >= len(PAYLOADS))
    place.until(lambda: place.count("outbox", "state = 'dead'"))
    place.write("agreement {", "<script>.sla")
    attacked.running.reload()
    for page in (
        "/",
        f"/agreements/{quote(TITLE, safe='')}",
        "/agreements/%3Cscript%3Ealert(1)%3C/script%3E",
    ):
        shown = attacked.client.get(page)
        kind = shown.headers["content-type"].partition(";")[0]
        assert (kind == "text/html") is (shown.status_code == 200)
        if kind == "text/html":
            assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown.text
            for dangerous in (
                "<script",
                "<img",
                "<svg",
                "<iframe",
                "<b>",
                "<!--",
                "//evil.example>",
                "onerror=alert(1)>",
            ):
                assert dangerous not in shown.text.replace("<!doctype", ""), dangerous
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
        assert "script-src" not in shown.headers["Content-Security-Policy"]
    for value in ("windows", "verdicts", "ledger", "notices", "report"):
        shown = attacked.client.get(f"{path}/{value}")
        assert shown.status_code == 200
        assert shown.headers["content-type"] == "application/json"
    assert {
        one["labels"]["region"] for one in attacked.client.get(f"{path}/ledger").json()["entries"]
    } == set(lines)
    assert "<script>.sla" in attacked.client.get(f"{API}/status").text
    assert attacked.running.stop() == 0
    for line in capfd.readouterr().err.splitlines():
        assert line[:4] == "2026" or line[:2] == "20", line
        assert "\x1b" not in line


def test_looks_and_messages_go_on_under_attack(place: Any, attack: Any) -> None:
    """W1: slow heads, slow readers, garbage, floods and gibibytes all at once; not one look is missed."""
    place.write(place.text(every="2s", timeout="2s", window="4s"))
    place.service.healthy = False
    attacked = attack(tokens=(Token(name="one", secret="one-0123456789abc"),), requests_per_minute=6_000)
    place.until(lambda: place.count("observations") >= 2)
    ended = threading.Event()
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    posted = b"POST /style.css HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n"
    wrong = b"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\n\r\n"
    done = {"slow": 0, "read": 0, "push": 0, "guess": 0, "garbage": 0}

    def repeat(name: str, source: str, begun: bytes, then: bytes, held: int) -> None:
        kept: list[socket.socket] = []
        while not ended.wait(0.01):
            with contextlib.suppress(OSError):
                peer = attacked.connect(begun, source)
                peer.settimeout(0.2)
                kept.append(peer)
                for _ in range(50):
                    peer.sendall(then)
                done[name] += 1
            while len(kept) > held:
                kept.pop(0).close()
        for one in kept:
            one.close()

    attackers = [
        threading.Thread(target=repeat, args=values, daemon=True)
        for values in (
            ("slow", "127.0.0.2", b"GET / HTTP/1.1\r\nX: ", b"y", 300),
            ("read", "127.0.0.3", asked, asked, 20),
            ("push", "127.0.0.4", posted, b"x" * 65_536, 2),
            ("guess", "127.0.0.5", wrong, wrong, 2),
            ("garbage", "127.0.0.6", b"\x00\xff\r\n\r\n", b"", 2),
        )
    ]
    for one in attackers:
        one.start()
    before = place.count("observations")
    delivered = len(place.receiver.got)
    place.until(lambda: place.count("observations") >= before + 4)
    place.until(lambda: len(place.receiver.got) > delivered)
    assert attacked.client.get("/healthz").status_code == 200
    ended.set()
    for one in attackers:
        one.join()
    assert all(done.values()), done
    assert place.count("observations", "failure = 'observer-missed'") == 0
    assert attacked.running.ask(lambda daemon: daemon.status().dropped) == 0
    assert attacked.running.stop() == 0


def test_a_token_in_an_address_opens_nothing(place: Any, attack: Any) -> None:
    """W4: it would stand in logs and histories."""
    token = Token(name="one", secret="one-0123456789abc", scopes=frozenset({"read", "operate", "push"}))
    place.write(place.text())
    attacked = attack(tokens=(token,))
    for name in ("token", "access_token", "secret", "Authorization"):
        answer = attacked.client.get(f"{API}/agreements", params={name: token.secret})
        assert answer.status_code == 401
        assert token.secret not in answer.text
    answer = attacked.client.get(f"{API}/agreements", headers={"Cookie": f"token={token.secret}"})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    bearer = {"Authorization": f"Bearer {token.secret}"}
    assert attacked.client.get(f"{API}/agreements", headers=bearer).status_code == 200


def test_figures_are_as_many_whatever_is_looked_at(place: Any, attack: Any) -> None:
    """W5: labels of observations and numbers of sources make no series."""
    place.write(TEXT.format(title="Many", payload="", hook=place.receiver.url))
    attacked = attack()
    path = f"{API}/agreements/Many/sources/web/observations"

    def series() -> set[str]:
        text = attacked.client.get("/metrics").text
        return {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}

    attacked.client.post(path, json=rows(["one"]))
    place.until(lambda: place.count("entries") >= 1)
    few = series()
    regions = rows([f"r{number}" for number in range(100)])
    assert attacked.client.post(path, json=regions).json()["accepted"] == 100
    place.until(lambda: place.count("entries") >= 50, 60)
    time.sleep(2.1)
    assert len(series()) <= len(few) + 8
    assert "r99" not in attacked.client.get("/metrics").text


def test_settings_of_http_are_read_again(place: Any) -> None:
    """Other tokens and limits at once, another address where it can be had, none where there is none any more."""
    config, secret = place.folder / "wsla.toml", place.folder / "token"
    ports = [place.closed_port() for _ in range(2)]
    words = '[http]\naddress = "127.0.0.1:{port}"\n[http.tokens.one]\nsecret = {{ file = "token" }}\n'
    secret.write_text("first-0123456789")
    config.write_text(words.format(port=ports[0]))
    place.write(place.text())
    read = load_config(config, {})
    serving = Serving(read.http)
    running = place.run(config=read)
    serving.begin(running.daemon, str(place.store))

    def status(port: int, token: str) -> int:
        url = f"http://127.0.0.1:{port}{API}/agreements"
        try:
            return httpx.get(url, headers={"Authorization": f"Bearer {token}"}, trust_env=False).status_code
        except httpx.TransportError:
            return 0

    try:
        place.until(lambda: status(ports[0], "first-0123456789") == 200)
        secret.write_text("second-0123456789")
        running.reload()
        assert status(ports[0], "first-0123456789") == 401
        assert status(ports[0], "second-0123456789") == 200
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", ports[1]))
            taken.listen()
            config.write_text(words.format(port=ports[1]))
            running.reload()
            assert "in use" in "".join(running.ask(lambda daemon: daemon.status().broken))
            assert status(ports[0], "second-0123456789") == 200
        running.reload()
        place.until(lambda: status(ports[1], "second-0123456789") == 200)
        place.until(lambda: status(ports[0], "second-0123456789") == 0)
        config.write_text("")
        running.reload()
        place.until(lambda: status(ports[1], "second-0123456789") == 0)
        config.write_text(words.format(port=ports[0]))
        running.reload()
        place.until(lambda: status(ports[0], "second-0123456789") == 200)
    finally:
        serving.close()
    assert running.stop() == 0


# No answer is ever “Internal Server Error”.

METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"]
KINDS = [
    "application/json",
    "application/x-ndjson",
    "text/plain",
    "application/x-www-form-urlencoded",
    "a/b;c=\xff",
]
words = st.one_of(
    st.sampled_from(
        [
            "Quick",
            "probe",
            "web",
            "available",
            "2026-03",
            "2026-Q1",
            "0",
            "-1",
            "1e9",
            "9" * 30,
            ".",
            "..",
            "true",
        ]
    ),
    st.text(max_size=20),
    st.sampled_from(PAYLOADS),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=8,
)
bodies = st.one_of(
    st.binary(max_size=200),
    values.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("at", "region", "up", "by", "until", "from", "cause", "reason", "note", "id"), values
        ),
    ).map(lambda value: json.dumps(value).encode()),
)


@given(data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def fuzz(attacked: Attacked, data: st.DataObject) -> None:
    path = data.draw(
        st.sampled_from(
            [*document()["paths"], "/", "/agreements/{title}", "/acknowledge/{token}", "/{title}"]
        )
    )
    for name in ("title", "source", "token", "goal", "id", "name", "file"):
        while f"{{{name}}}" in path:
            path = path.replace(
                f"{{{name}}}", quote(data.draw(words), safe=data.draw(st.sampled_from(["", "/"]))), 1
            )
    query = data.draw(
        st.dictionaries(st.sampled_from(["window", "goal", "after", "ok", "by", "x"]), words, max_size=3)
    )
    asked = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    body = data.draw(bodies)
    headers = data.draw(
        st.dictionaries(
            st.sampled_from(
                ["Content-Type", "Accept", "Content-Encoding", "Origin", "Authorization", "If-None-Match"]
            ),
            st.one_of(st.sampled_from(KINDS), st.text(string.printable[:94], min_size=1, max_size=10)),
            max_size=3,
        )
    )
    lines = [
        f"{data.draw(st.sampled_from(METHODS))} {path}{'?' + asked if asked else ''} HTTP/1.1",
        "Host: x",
        "Connection: close",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    with attacked.connect() as peer:
        answer = b""
        with contextlib.suppress(OSError):
            peer.sendall("\r\n".join(lines).encode("latin-1") + body)
            while piece := peer.recv(65_536):
                answer += piece
    status = int(answer[9:12])
    assert status < 500 or status == 503, (lines, body, answer)
    head, _, content = answer.partition(b"\r\n\r\n")
    assert b"nosniff" in head or status in (400, 503)
    assert b"Traceback" not in content


def test_no_request_is_answered_with_an_internal_error(place: Any, attack: Any, caplog: Any) -> None:
    place.write(place.text())
    place.write(TEXT.format(title="Sent", payload="", hook=place.receiver.url), "sent.sla")
    attacked = attack()
    place.until(lambda: place.count("observations"))
    fuzz(attacked)
    assert not [
        one
        for one in caplog.records
        if one.levelname == "ERROR" and "could not be answered" in one.getMessage()
    ]
    assert attacked.running.stop() == 0
