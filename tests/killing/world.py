"""What a daemon under load deals with: a service that sways, a receiver that is moody, a sender that never stops."""

from __future__ import annotations

import json
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

AGREEMENT = """agreement "{title}" version 1 {{
  kind customer
  effective 2026-01-01 in "UTC"
  currency EUR
  grace 500ms
  party acme "Acme" provider {{ ops webhook "{url}/ops" }}
  party globex "Globex" consumer {{ hook webhook "{url}/sla" }}
  source probe = http "{url}/health" every 100ms timeout 90ms
  source tickets = records push {{
    at   closed
    took took in s
  }}
  metric up = probe.ok
  metric uptime = availability(up) each 500ms
  metric quick = share(tickets.took < 1h) each 1s
  goal available: acme guarantees uptime >= 99% {{
    otherwise credit globex 5 EUR
    otherwise notify globex
  }}
  goal prompt: acme guarantees quick >= 60% {{
    otherwise credit globex 2 EUR
    otherwise notify globex
  }}
  when not up for 250ms {{ notify acme on recovery: notify acme }}
}}
"""


class World(ThreadingHTTPServer):
    """Serves /health, and takes /ops and /sla: now and then it is busy, or breaks off after it has taken a message."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.received = folder / "received.jsonl"
        self.acknowledged = folder / "acknowledged.jsonl"
        self.healthy = True
        self.calm = False
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._mood = random.Random(seed)
        self._helpers = [threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)]
        self._helpers.append(threading.Thread(target=self._sway, daemon=True))
        for one in self._helpers:
            one.start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        return

    def keep_sending(self, titles: list[str], address: Callable[[], str]) -> None:
        """Sends records to each agreement, and notes what was acknowledged; what was not is sent again."""
        for title in titles:
            thread = threading.Thread(target=self._send, args=(title, address), daemon=True)
            thread.start()
            self._helpers.append(thread)

    def end(self) -> None:
        self.ended.set()
        self.shutdown()
        self.server_close()
        for one in self._helpers:
            one.join(10)

    def mood(self) -> float:
        with self._lock:
            return 1.0 if self.calm else self._mood.random()

    def note(self, path: Path, value: object) -> None:
        with self._lock, path.open("a") as file:
            file.write(json.dumps(value) + "\n")

    def _sway(self) -> None:
        while not self.ended.wait(0.35 if self.healthy else 0.25):
            self.healthy = self.calm or not self.healthy

    def _send(self, title: str, address: Callable[[], str]) -> None:
        place = f"/api/v1/agreements/{quote(title)}/sources/tickets/observations"
        rows: list[tuple[int, int]] = []
        while not self.ended.wait(0.05):
            if self.calm:
                continue
            if len(rows) < 50:
                at = time.time_ns() // 1000 * 1000
                rows += [(at + 1000 * number, 60 if self.mood() > 0.35 else 7200) for number in range(5)]
            body = json.dumps([{"closed": _written(at), "took": took} for at, took in rows]).encode()
            request = urllib.request.Request(
                address() + place, body, {"Content-Type": "application/json"}, method="POST"
            )
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    told = json.load(answer)
            except (OSError, HTTPException, ValueError):
                continue
            if told["accepted"] == len(rows):
                for at, _ in rows:
                    self.note(self.acknowledged, [title, at])
                rows.clear()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: World

    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_GET(self) -> None:
        self._answer(200 if self.server.healthy else 503)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        world, mood = self.server, self.server.mood()
        taken = mood > 0.1
        world.note(world.received, {"key": json.loads(body)["id"], "taken": taken})
        if 0.1 < mood <= 0.15:
            self.close_connection = True
            return
        self._answer(200 if taken else 503)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _written(at: int) -> str:
    whole = datetime.fromtimestamp(at // 10**9, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{at % 10**9:09}Z"
