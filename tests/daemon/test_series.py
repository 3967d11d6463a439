"""A running daemon that asks a server of metrics: every series of an answer is stored and judged."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

ANSWER = (
    b'{"status":"success","data":{"resultType":"vector","result":['
    b'{"metric":{"region":"eu"},"value":[1,"1"]},{"metric":{"region":"us"},"value":[1,"0"]}]}}'
)
TEXT = """agreement "Series" version 1 {{
  kind customer
  effective 2026-01-01 in "UTC"
  grace 0s
  party host "Host" provider
  party shop "Shop" consumer
  source web = prometheus "{url}" every 100ms timeout 80ms {{
    label region
    up    up
  }}
  metric uptime = availability(web.up) each 1s by region
  goal available: host guarantees uptime >= 50%
}}
"""


class _Metrics(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Metrics)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_every_series_is_stored_in_time_and_judged(place: Any, url: str) -> None:
    place.write(TEXT.format(url=url), "series.sla")
    running = place.run()
    place.until(lambda: place.count("judgements", "final = 1") >= 4)
    assert running.stop() == 0
    assert place.rows("SELECT stream FROM streams ORDER BY stream") == [('["eu"]',), ('["us"]',)]
    assert place.count("observations", "late = 1") == 0
    # A look is one observation of each.
    assert place.rows("SELECT count(*) FROM observations GROUP BY at HAVING count(*) <> 2") == []
    said = dict(place.rows("SELECT labels, verdict FROM judgements WHERE final = 1"))
    assert sorted((labels.count("eu"), verdict) for labels, verdict in said.items()) == [
        (0, "violated"),
        (1, "met"),
    ]
