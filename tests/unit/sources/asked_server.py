"""A server of metrics: forms come in, and what a test makes of each goes out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs


class AskedServer(HTTPServer):
    """``asked`` keeps each form that came, with the path that it came to."""

    def __init__(self, answer: Callable[[dict[str, str]], bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[dict[str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    server: AskedServer

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        one = {name: values[0] for name, values in form.items()} | {"path": self.path}
        self.server.asked.append(one)
        content = self.server.answer(one)
        self.send_response(200)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def asked_server(answer: Callable[[dict[str, str]], bytes]) -> Iterator[AskedServer]:
    """A server that gives such answers, till the block ends."""
    with AskedServer(answer) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            made.shutdown()
            thread.join()
