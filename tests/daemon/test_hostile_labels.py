"""Labels that are statements, headers and lines: values wherever they go."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

pytest.importorskip("starlette", reason="what answers over HTTP is not installed")
pytest.importorskip("uvicorn", reason="what answers over HTTP is not installed")
pytest.importorskip("jinja2", reason="what draws pages is not installed")

import httpx

from wsla.channels.signature import verify_signature
from wsla.daemon.config import Config, Limits
from wsla.daemon.http_config import Http
from wsla.reporting.verification import verify_agreement
from wsla.store.sqlite import Store
from wsla.web.openapi import API
from wsla.web.server import WebServer
from wsla.web.view import View

LABELS = [
    "'; DROP TABLE observations; --",
    "x' OR '1'='1",
    "%' ESCAPE '\\",
    "a\r\nX-Injected: yes\r\n\r\nbody",
    "a\nBcc: everybody@example.org",
    "\x00",
    "ü“”\u2028",
    "..\\..\\x",
    "../../etc/passwd",
    "${jndi:ldap://x}",
    "`id`$(id)",
    "=cmd|' /C calc'!A0",
]
TEXT = """agreement "Labels" version 1 {{
  effective 2026-01-01 in "UTC"
  grace 2s
  currency EUR
  party host "Host" provider {{ ops log "{ops}" }}
  party shop "Shop" consumer {{ hook webhook "{hook}/sla" signed env HOOK_SECRET }}
  source web = push every 1s {{
    label region
    up    up
  }}
  metric uptime = availability(web.up) each 1s by region
  goal available: host guarantees uptime >= 99% {{
    otherwise credit shop 5 EUR
    otherwise notify shop
    otherwise notify host
  }}
}}
"""


def test_labels_are_values_wherever_they_go(place: Any) -> None:
    ops = place.folder / "ops.log"
    place.write(TEXT.format(ops=ops, hook=place.receiver.url))
    http = Http(host="127.0.0.1", port=0)
    running = place.run(config=Config(http=http, limits=Limits(snapshot_every=500_000_000)))
    server = WebServer(http)
    server.serve(View(running.daemon, str(place.store)))
    try:
        at = datetime.now(UTC).isoformat()
        sent = [{"at": at, "region": one, "up": False} for one in LABELS]
        url = f"{server.url}{API.strip('/')}/agreements/Labels"
        answer = httpx.post(f"{url}/sources/web/observations", json=sent, trust_env=False)
        assert answer.json()["accepted"] == len(LABELS), answer.text
        place.until(lambda: place.count("entries") >= len(LABELS))
        place.until(lambda: place.count("outbox", "state = 'pending'") == 0)
        ledger = httpx.get(f"{url}/ledger", trust_env=False).json()["entries"]
    finally:
        server.close()
    assert running.stop() == 0
    assert {one["labels"]["region"] for one in ledger} == set(LABELS)
    assert place.count("observations") == len(LABELS)
    with Store.open(str(place.store), writer=False) as store:
        stored = {one.fields["region"] for one in store.observations("Labels", 0, 2**62)}
        assert stored == set(LABELS)
        assert verify_agreement(store, "Labels", lambda *_: None).findings == []
    notices = [one for one in place.receiver.got if one["notice"]["cause"].get("labels")]
    assert {one["notice"]["cause"]["labels"]["region"] for one in notices} == set(LABELS)
    for one in place.receiver.got:
        assert not {"X-Injected", "Bcc"} & set(one["headers"])
        assert one["headers"]["Idempotency-Key"].isprintable()
        signature = one["headers"]["Wsla-Signature"]
        assert verify_signature(place.SECRET, signature, one["body"].encode(), now_s=int(time.time()))
    assert (
        len(ops.read_text().split("\n"))
        == place.count("outbox", "target = 'host' AND state = 'delivered'") + 1
    )
