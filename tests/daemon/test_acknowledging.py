"""Acknowledging and silencing over HTTP, beside a running daemon: by a token, and by the address in a message."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("starlette", reason="what answers over HTTP is not installed")
pytest.importorskip("uvicorn", reason="what answers over HTTP is not installed")
pytest.importorskip("jinja2", reason="what draws pages is not installed")
pytest.importorskip("jsonschema", reason="what compares answers with schemas is not installed")

import httpx
import jsonschema

from wsla.channels.notice import notice_schema
from wsla.daemon.config import Config, Limits
from wsla.daemon.http_config import SCOPES, Http, Token
from wsla.daemon.links import Links
from wsla.store.sqlite import Store
from wsla.web.openapi import API, document
from wsla.web.server import WebServer
from wsla.web.view import View

TITLE = "Quick & <b>Co</b>"
AGREEMENT = f"{API}/agreements/{quote(TITLE, safe='')}"
OPERATOR = Token(name="operator", secret="operator-0123456", scopes=frozenset(SCOPES))
READER = Token(name="globex", secret="globex-012345678", party="Globex")
PUBLIC = "http://sla.example"
LINKS = Links(public_url=PUBLIC, secret="0123456789abcdef0123456789abcdef")
REPEATED = """when not up for 300ms {
    notify globex
    repeat every 300ms
    after 1h: escalate acme
    on recovery: notify globex
  }"""


class Desk:
    """A daemon whose service is down, and its web server."""

    def __init__(self, place: Any, *, tokens: tuple[Token, ...] = (), links: Links | None = LINKS) -> None:
        self.place = place
        text = re.sub(r"when not up .*", REPEATED, place.text(title=TITLE, promised="1%"))
        place.write(text.replace("otherwise notify globex", ""))
        place.service.healthy = False
        http = Http(host="127.0.0.1", port=0, tokens=tokens, links=links)
        config = Config(limits=Limits(snapshot_every=500_000_000), http=http)
        self.running = place.run(config=config)
        self.server = WebServer(http)
        self.server.serve(View(self.running.daemon, str(place.store)))
        self.client = httpx.Client(base_url=self.server.url, timeout=30, trust_env=False)

    def notices(self) -> list[dict[str, Any]]:
        return [entry["notice"] for entry in list(self.place.receiver.got)]

    def address(self) -> str:
        """Where the first message may be acknowledged, at the server itself."""
        first = self.place.until(self.notices)[0]
        return str(first["acknowledge_url"]).removeprefix(PUBLIC)

    def say(self, path: str, token: Token | None = OPERATOR, **said: Any) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token.secret}"}
        return self.client.post(f"{AGREEMENT}/{path}", json=said, headers=headers)

    def interventions(self) -> list[Any]:
        with Store.open(str(self.place.store), writer=False) as store:
            return list(store.interventions("acknowledge", "silence"))

    def end(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture
def desk(place: Any) -> Iterator[Desk]:
    found = Desk(place)
    yield found
    found.end()


@pytest.fixture
def guarded(place: Any) -> Iterator[Desk]:
    found = Desk(place, tokens=(OPERATOR, READER))
    yield found
    found.end()


def checked(answer: httpx.Response, path: str, method: str = "post") -> Any:
    """The answer's value, which is as the document says."""
    whole = document()
    responses = whole["paths"][f"{API}/agreements/{{title}}/{path}"][method]["responses"]
    content = responses.get(str(answer.status_code), responses["default"])["content"]
    kind = answer.headers["content-type"].partition(";")[0]
    schema = {"$ref": "#/schema", "schema": content[kind]["schema"], "components": whole["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.json())
    return answer.json()


def test_what_is_posted_is_as_the_schema_says(desk: Desk) -> None:
    desk.place.until(lambda: len(desk.notices()) >= 2)
    desk.place.service.healthy = True
    desk.place.until(lambda: any("recovery 1" in notice["id"] for notice in desk.notices()))
    served = desk.client.get("/schemas/notice-1.json").json()
    assert served == notice_schema()
    validator = jsonschema.Draft202012Validator(served, format_checker=jsonschema.FormatChecker())
    for notice in desk.notices():
        validator.validate(notice)
        assert notice["page_url"] == f"{PUBLIC}/agreements/{quote(TITLE, safe='')}"
        assert ("acknowledge_url" in notice) == ("recovery 1" not in notice["id"])
    page = desk.client.get(desk.notices()[0]["page_url"].removeprefix(PUBLIC))
    assert page.status_code == 200


def test_opening_the_address_does_nothing_and_posting_it_once_or_twice_the_same(desk: Desk) -> None:
    address = desk.address()
    # Scanners of mail open every address, some with HEAD, and some again and again.
    for _ in range(3):
        shown = desk.client.get(address, params={"by": 'Ana "<x>"'})
        assert shown.status_code == 200
        assert "form-action 'self'" in shown.headers["Content-Security-Policy"]
        assert "&lt;b&gt;Co&lt;/b&gt;" in shown.text
        assert 'value="Ana &#34;&lt;x&gt;&#34;"' in shown.text
        desk.client.head(address)
    assert desk.interventions() == []
    before = len(desk.notices())
    desk.place.until(lambda: len(desk.notices()) > before)
    assert desk.client.post(address).status_code == 400
    assert desk.client.post(address, content="x" * 20_000).status_code == 413
    assert desk.interventions() == []
    first = desk.client.post(address, data={"by": "Ana", "note": "looking"})
    sent = len(desk.notices())
    second = desk.client.post(address, params={"by": "Ben"})
    third = desk.client.post(address, json={"by": "Cyd"})
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 200)
    assert "Acknowledged by <b>Ana</b>" in first.text == second.text
    assert third.json()["by"] == "Ana"
    assert "<form" not in desk.client.get(address).text
    (noted,) = desk.interventions()
    assert (noted.kind, noted.author, noted.note, noted.agreement) == ("acknowledge", "Ana", "looking", TITLE)
    # Not one reminder follows an answer that said it is noted, but the end is told.
    desk.place.until(lambda: desk.place.count("withheld", "kind = 'acknowledged'") >= 2)
    assert len(desk.notices()) <= sent + 1
    desk.place.service.healthy = True
    desk.place.until(lambda: "recovery 1" in desk.notices()[-1]["id"])


def test_it_outlives_the_daemon(desk: Desk) -> None:
    """A11, across a restart."""
    assert desk.client.post(desk.address(), data={"by": "Ana"}).status_code == 200
    desk.running.stop()
    sent = len(desk.notices())
    desk.place.run(config=Config(limits=Limits(snapshot_every=500_000_000)))
    known = desk.place.count("withheld")
    desk.place.until(lambda: desk.place.count("withheld") >= known + 2)
    assert len(desk.notices()) == sent


def test_an_address_has_no_other_power(guarded: Desk) -> None:
    address = guarded.address()
    token = address.rsplit("/", 1)[1]
    for path in ("/", AGREEMENT, "/metrics", f"{API}/status"):
        headers = {"Authorization": f"Bearer {token}"}
        assert guarded.client.get(path, headers=headers).status_code == 401
    shown = guarded.client.get(address)
    assert shown.status_code == 200
    assert "guarantees" not in shown.text
    assert guarded.client.post(address, data={"by": "Ana"}).status_code == 200
    wrong = [guarded.client.post(f"{address[:-9]}{n:09}", data={"by": "Ana"}).status_code for n in range(12)]
    assert wrong[:5] == [404] * 5
    assert wrong[-1] == 429
    assert len(guarded.interventions()) == 1


def test_without_a_secret_there_are_no_addresses(place: Any) -> None:
    desk = Desk(place, links=Links(public_url=PUBLIC))
    try:
        assert "acknowledge_url" not in place.until(desk.notices)[0]
        assert desk.client.get("/acknowledge/abc.def").status_code == 404
    finally:
        desk.end()


def test_acknowledging_by_a_token(guarded: Desk) -> None:
    first = guarded.place.until(guarded.notices)[0]
    path = "acknowledge"
    assert checked(guarded.say(path, READER, cause="when 1", by="Ana"), path)["status"] == 403
    assert guarded.say(path, None, cause="when 1", by="Ana").status_code == 401
    basic = guarded.client.post(f"{AGREEMENT}/{path}", json={}, auth=("x", OPERATOR.secret))
    assert basic.status_code == 401
    for said, status in (
        ({"cause": "when 1"}, 400),
        ({"cause": "when 1", "by": " "}, 400),
        ({"cause": "when 1", "notice": first["id"], "by": "Ana"}, 400),
        ({"by": "Ana"}, 400),
        ({"cause": "when 1", "by": 5}, 400),
        ({"cause": "when 1", "by": "Ana", "who": "x"}, 400),
        ({"cause": "when 7", "by": "Ana"}, 404),
        ({"notice": first["id"].replace("v1", "v2"), "by": "Ana"}, 404),
        ({"cause": "when 1", "by": "Ana", "note": "x" * 2_001}, 400),
    ):
        assert checked(guarded.say(path, **said), path)["status"] == status, said
    plain = guarded.client.post(
        f"{AGREEMENT}/{path}",
        content=json.dumps({"cause": "when 1", "by": "Ana"}),
        headers={"Authorization": f"Bearer {OPERATOR.secret}", "Content-Type": "text/plain"},
    )
    assert plain.status_code == 415
    assert guarded.interventions() == []
    (one,) = checked(guarded.say(path, cause="when 1", by="Ana", note="n"), path)["acknowledged"]
    (two,) = checked(guarded.say(path, notice=first["id"], by="Ben"), path)["acknowledged"]
    assert (one["by"], one["before"], two["by"], two["before"]) == ("Ana", False, "Ana", True)
    assert one["episode"] == two["episode"]
    assert guarded.say("acknowledge", OPERATOR, cause="available", by="Ana").status_code == 404


def test_silencing_by_a_token(guarded: Desk) -> None:
    """With an author and an end."""
    guarded.place.until(guarded.notices)
    for path, said, status in (
        ("silence", {"by": "Ana", "for": "1h"}, 400),
        ("silence", {"by": "Ana", "reason": "work"}, 400),
        ("silence", {"by": "Ana", "reason": "work", "for": "1h", "until": "2030-01-01T00:00Z"}, 400),
        ("silence", {"by": "Ana", "reason": "work", "for": "400d"}, 400),
        ("silence", {"by": "Ana", "reason": "work", "until": "2020-01-01T00:00Z"}, 400),
        ("silence", {"by": "Ana", "reason": "work", "for": "1h", "cause": "none"}, 404),
        ("silence/end", {"by": "Ana"}, 404),
        ("silence", {"reason": "work", "for": "1h"}, 400),
    ):
        answer = guarded.say(path, **said)
        assert checked(answer, path)["status"] == status, (said, answer.text)
    made = checked(guarded.say("silence", by="Ana", reason="work", **{"for": "1h"}), "silence")
    assert (made["cause"], made["by"], made["reason"]) == (None, "Ana", "work")
    guarded.place.until(lambda: guarded.place.count("withheld", "kind = 'silenced'") >= 2)
    headers = {"Authorization": f"Bearer {READER.secret}"}
    shown = checked(guarded.client.get(f"{AGREEMENT}/silences", headers=headers), "silences", "get")
    assert shown["silences"] == [made]
    sent = len(guarded.notices())
    ended = checked(guarded.say("silence/end", by="Ben", reason="done"), "silence/end")
    assert ended["by"] == "Ben"
    guarded.place.until(lambda: len(guarded.notices()) > sent)
    assert guarded.client.get(f"{AGREEMENT}/silences", headers=headers).json() == {"silences": []}


def test_secrets_appear_nowhere(guarded: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A10: in no log, answer, page or message of the daemon."""
    address = guarded.address()
    guarded.client.post(address, data={"by": "Ana"})
    headers = {"Authorization": f"Bearer {OPERATOR.secret}"}
    said = [guarded.client.get("/openapi.json").text, *guarded.running.lines, caplog.text]
    for path in ("/", AGREEMENT, f"{AGREEMENT}/notices", f"{API}/status", "/metrics", f"{API}/dead-letters"):
        said.append(guarded.client.get(path, headers=headers).text)
    ops = tmp_path / "ops.log"
    said.append(ops.read_text() if ops.exists() else "")
    for secret in (
        LINKS.secret,
        OPERATOR.secret,
        READER.secret,
        guarded.place.SECRET,
        address.rsplit("/", 1)[1],
    ):
        assert secret not in "\n".join(said)
