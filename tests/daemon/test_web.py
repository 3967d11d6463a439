"""The web server beside a running daemon: the API as its document says, tokens, limits, pages that run nothing."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("starlette", reason="what answers over HTTP is not installed")
pytest.importorskip("uvicorn", reason="what answers over HTTP is not installed")
pytest.importorskip("jinja2", reason="what draws pages is not installed")
pytest.importorskip("prometheus_client", reason="what tells figures is not installed")
pytest.importorskip("jsonschema", reason="what compares answers with schemas is not installed")

import httpx
import jsonschema
from prometheus_client.parser import text_string_to_metric_families

from wsla.daemon.http_config import SCOPES, Http, Token
from wsla.web.openapi import API, document
from wsla.web.server import NotServing, WebServer
from wsla.web.view import View

TITLE = "Quick <script>alert(1)</script> & Co"
OPERATOR = Token(name="operator", secret="operator-0123456", scopes=frozenset(SCOPES))
GLOBEX = Token(name="globex", secret="globex-012345678", party="Globex")
OTHER = Token(name="other", secret="other-0123456789", party="initech")
CHROMIUM = shutil.which("chromium")


class Web:
    """A daemon that has booked something, and its web server."""

    def __init__(self, place: Any, **settings: Any) -> None:
        self.place = place
        place.write(place.text(title=TITLE))
        place.service.healthy = False
        self.running = place.run()
        self.server = WebServer(Http(host="127.0.0.1", port=0, **settings))
        self.server.serve(View(self.running.daemon, str(place.store)))
        self.client = httpx.Client(base_url=self.server.url, timeout=30, trust_env=False)
        place.until(lambda: place.count("entries"))
        place.until(lambda: place.count("judgements", "final = 1"))

    def get(self, path: str, token: Token | None = None, **options: Any) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token.secret}"}
        return self.client.get(path, headers=headers, **options)

    def end(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture
def web(place: Any) -> Iterator[Web]:
    found = Web(place)
    yield found
    found.end()


@pytest.fixture
def guarded(place: Any) -> Iterator[Web]:
    found = Web(place, tokens=(OPERATOR, GLOBEX, OTHER))
    yield found
    found.end()


def checked(answer: httpx.Response, path: str) -> Any:
    """The answer's value, which is as the document says."""
    whole = document()
    responses = whole["paths"][path]["get"]["responses"]
    content = responses.get(str(answer.status_code), responses["default"])["content"]
    kind = answer.headers["content-type"].partition(";")[0]
    schema = {"$ref": "#/schema", "schema": content[kind]["schema"], "components": whole["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.json())
    return answer.json()


def test_every_path_answers_as_the_document_says(web: Web) -> None:
    whole = web.get("/openapi.json").json()
    assert whole == document()
    found = {}
    for path in (
        path for path, methods in whole["paths"].items() if "get" in methods and "{source}" not in path
    ):
        answer = web.get(path.replace("{title}", quote(TITLE, safe="")))
        assert answer.status_code == 200, (path, answer.text)
        found[path] = checked(answer, path)
    assert [one["title"] for one in found[f"{API}/agreements"]["agreements"]] == [TITLE]
    agreement = f"{API}/agreements/{{title}}"
    assert found[agreement]["text"] == web.place.text(title=TITLE)
    [first, *_] = found[f"{agreement}/ledger"]["entries"]
    assert (first["debtor"], first["creditor"], first["amount"], first["currency"]) == (
        "acme",
        "globex",
        "5.00",
        "EUR",
    )
    verdicts = found[f"{agreement}/verdicts"]["verdicts"]
    assert {one["verdict"] for one in verdicts} >= {"violated"}
    assert all(one["final"] for one in verdicts)
    assert found[f"{agreement}/notices"]["notices"]
    assert [one["goal"] for one in found[f"{agreement}/report"]["goals"]] == ["available"]
    routes = {route.path.replace(":path", "") for route in web_routes() if route.path.startswith(API)}
    assert routes == {path for path in whole["paths"] if path.startswith(API)}


def web_routes() -> Any:
    from wsla.web.app import build_app

    return build_app(None, Http(host="127.0.0.1", port=0)).routes  # type: ignore[arg-type]


def test_what_is_asked_wrongly_is_told(web: Web) -> None:
    path = f"{API}/agreements/{quote(TITLE, safe='')}"
    for query, status, words in (
        ("/verdicts?window=soon", 400, "2026-03"),
        ("/verdicts?goal=none", 404, "no goal none"),
        ("/verdicts?after=x", 400, "next"),
        ("/ledger?after=-1", 400, "next"),
        ("/ledger?window=2026-13", 400, "window"),
        ("/nothing", 404, ""),
    ):
        answer = web.get(path + query)
        assert answer.status_code == status, query
        assert words in answer.text
    assert web.get(f"{API}/agreements/none").status_code == 404
    assert web.client.post(f"{API}/agreements").status_code == 405
    assert (
        checked(web.get(f"{path}/verdicts?window=2020"), f"{API}/agreements/{{title}}/verdicts")["verdicts"]
        == []
    )


def test_long_answers_come_in_pages(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    from wsla.web import answers

    monkeypatch.setattr(answers, "MOST", 1)
    web.place.until(lambda: web.place.count("judgements", "final = 1") >= 3)
    path = f"{API}/agreements/{quote(TITLE, safe='')}/verdicts"
    first = web.get(path).json()
    second = web.get(path, params={"after": first["next"]}).json()
    assert (len(first["verdicts"]), first["next"], second["next"]) == (1, 1, 2)
    assert first["verdicts"][0]["end"] == second["verdicts"][0]["start"]


def test_a_token_opens_what_it_is_for(guarded: Web) -> None:
    listing = f"{API}/agreements"
    titles = lambda token: [one["title"] for one in guarded.get(listing, token).json()["agreements"]]  # noqa: E731
    assert titles(OPERATOR) == titles(GLOBEX) == [TITLE]
    assert titles(OTHER) == []
    one = f"{listing}/{quote(TITLE, safe='')}"
    assert guarded.get(one, GLOBEX).status_code == 200
    # Another party's agreement and one that is not there cannot be told apart.
    answers = [guarded.get(path, OTHER) for path in (one, f"{listing}/{quote('Quick', safe='')}")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["detail"].replace(TITLE, "Quick") == answers[1].json()["detail"]
    for path in ("/metrics", f"{API}/status", f"{API}/dead-letters"):
        assert guarded.get(path, GLOBEX).status_code == 403
        assert guarded.get(path, OPERATOR).status_code == 200
    for path in ("/", "/metrics", listing, one):
        answer = guarded.get(path)
        assert answer.status_code == 401
        assert "Basic" in answer.headers["WWW-Authenticate"]
        assert TITLE not in answer.text
    assert guarded.get("/healthz").json() == {"status": "ok"}
    assert guarded.get("/readyz").status_code == 200
    page = guarded.client.get("/", auth=("anybody", GLOBEX.secret))
    assert page.status_code == 200
    assert "store in order" not in page.text
    assert "store in order" in guarded.client.get("/", auth=("anybody", OPERATOR.secret)).text


def test_guessing_tokens_takes_long(guarded: Web) -> None:
    wrong = Token(name="", secret="x" * 16)
    codes = [guarded.get("/metrics", wrong).status_code for _ in range(12)]
    assert codes == [401] * 10 + [429] * 2
    blocked = guarded.get("/metrics", OPERATOR)
    assert blocked.status_code == 429
    assert 1 <= int(blocked.headers["Retry-After"]) <= 6
    assert guarded.get("/healthz").status_code == 200


def test_too_many_requests_wait(place: Any) -> None:
    web = Web(place, requests_per_minute=3)
    try:
        assert [web.get("/healthz").status_code for _ in range(4)] == [200, 200, 200, 429]
    finally:
        web.end()


def test_metrics_are_those_of_the_daemon(web: Web) -> None:
    families = {one.name: one for one in text_string_to_metric_families(web.get("/metrics").text)}
    values = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert values["wsla_agreements",] == values["wsla_sources",] == values["wsla_store_ok",] == 1
    assert values["wsla_observations_total", ("agreement", TITLE)] > 0
    open_windows = [
        value
        for name, value in values.items()
        if name[0] == "wsla_goal_windows" and ("goal", "available") in name
    ]
    assert sum(open_windows) >= 1
    assert values["wsla_goal_budget_left_ratio", ("agreement", TITLE), ("goal", "available")] < 1


def test_a_broken_file_shows(web: Web) -> None:
    assert web.get("/readyz").json()["remarks"] == []
    web.place.write("agreement {", "broken.sla")
    web.running.reload()
    answer = web.get("/readyz")
    assert answer.status_code == 200
    assert "problems in files" in answer.json()["remarks"][0]
    assert "wsla_config_last_reload_successful 0.0" in web.get("/metrics").text
    assert "broken.sla" in web.get(f"{API}/status").json()["broken"][0]
    (web.place.folder / "broken.sla").unlink()
    web.running.reload()
    assert web.get("/readyz").json()["remarks"] == []


def test_pages_hold_no_script_and_show_what_was_found(web: Web) -> None:
    for path in ("/", f"/agreements/{quote(TITLE, safe='')}"):
        answer = web.get(path)
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
        assert "Acme owes Globex" in answer.text
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert web.get("/agreements/none").status_code == 404
    assert web.get("/style.css").headers["content-type"].startswith("text/css")


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_browser_shows_the_page(web: Web, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path / 'browser'}",
    ]
    shown = subprocess.run(
        [CHROMIUM, *options, "--dump-dom", web.server.url],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    assert "<h1>Agreements</h1>" in shown
    assert "Quick &lt;script&gt;" in shown
    assert 'class="verdict' in shown


def test_a_slow_client_holds_up_nobody(web: Web) -> None:
    host, port = web.client.base_url.host, web.client.base_url.port
    assert port is not None
    slow = [socket.create_connection((host, port)) for _ in range(50)]
    try:
        for one in slow:
            one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert web.get("/healthz").status_code == 200
        before = web.place.count("observations")
        web.place.until(lambda: web.place.count("observations") > before + 5)
        with socket.create_connection((host, port)) as greedy:
            greedy.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-Large: " + b"x" * 200_000 + b"\r\n\r\n")
            greedy.settimeout(30)
            try:
                answer = greedy.recv(100)
            except ConnectionResetError:
                answer = b""
            assert b" 200 " not in answer
    finally:
        for one in slow:
            one.close()


def test_a_daemon_that_hangs_is_not_healthy(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    from wsla.web import view

    monkeypatch.setattr(view, "PATIENCE", 0.05)
    go_on = threading.Event()
    web.running.daemon._soon(go_on.wait, 10)
    try:
        answer = web.get("/healthz")
    finally:
        go_on.set()
    assert answer.status_code == 503
    assert json.loads(answer.text)["detail"] == "The daemon does not answer."


def test_an_address_that_is_taken_is_refused(web: Web) -> None:
    port = web.client.base_url.port
    assert port is not None
    with pytest.raises(NotServing, match="in use"):
        WebServer(Http(host="127.0.0.1", port=port))
