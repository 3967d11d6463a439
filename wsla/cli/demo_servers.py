"""The two ends of the demo on 127.0.0.1: a service that misbehaves on demand, and a receiver that checks signatures."""

from __future__ import annotations

import json
import time
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from socketserver import TCPServer
from threading import Event, Thread
from typing import Any, Final, Self

from attrs import frozen

from wsla.channels.signature import SIGNATURE_HEADER, verify_signature

SLOW_SECONDS: Final = 0.32
_LONGEST_BODY: Final = 1024 * 1024


class Mood(Enum):
    """How the service behaves."""

    UP = "up"
    SLOW = "slow"
    DOWN = "down"


@frozen(kw_only=True)
class Received:
    """A message as it arrived. ``at`` is nanoseconds since the epoch; ``to`` the path that it was sent to."""

    at: int
    to: str
    id: str
    attempt: int
    subject: str
    valid: bool


class LocalServer:
    """An HTTP server on a free port of 127.0.0.1, in a thread of its own."""

    def __init__(self) -> None:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 5

            def do_GET(self) -> None:
                self._answer(*server.get())

            def do_POST(self) -> None:
                length = self.headers.get("Content-Length", "")
                if not length.isdecimal() or int(length) > _LONGEST_BODY:
                    self.close_connection = True
                    self._answer(411, b"the length of the body is missing, or too large\n")
                    return
                self._answer(*server.post(self.path, self.headers, self.rfile.read(int(length))))

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing: the demo tells what happens in its own words."""

        self._server: Final = _Server(("127.0.0.1", 0), Handler)
        self._thread: Final = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def get(self) -> tuple[int, bytes]:
        """Status and body for a GET."""
        return 405, b"nothing to see here\n"

    def post(self, path: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        """Status and body for a POST."""
        return 405, b"nothing to take in here\n"

    @property
    def address(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping()
        self._server.shutdown()
        self._server.server_close()

    def stopping(self) -> None:
        """Called before the server stops."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def server_bind(self) -> None:
        # The base class asks the resolver for this machine's name, which may take long where there is no network.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A prober that gave up waiting is no error here."""


class CoffeeService(LocalServer):
    """Answers at once, late, or with an error, as ``mood`` says."""

    def __init__(self) -> None:
        super().__init__()
        self.mood = Mood.UP
        self._leaving: Final = Event()

    def get(self) -> tuple[int, bytes]:
        """A cup of coffee, sooner or later; or none."""
        match self.mood:
            case Mood.UP:
                return 200, b"a cup of coffee\n"
            case Mood.SLOW:
                self._leaving.wait(SLOW_SECONDS)
                return 200, b"a cup of cold coffee\n"
            case Mood.DOWN:
                return 503, b"out of beans\n"

    def stopping(self) -> None:
        """Lets late answers go."""
        self._leaving.set()


class Receiver(LocalServer):
    """Takes webhooks in, checks the signature of each, and keeps what came in ``arrived``."""

    def __init__(self, secret: str) -> None:
        super().__init__()
        self._secret: Final = secret
        self.arrived: Final[SimpleQueue[Received]] = SimpleQueue()

    def post(self, path: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        """Believes nothing that is not signed with the secret."""
        valid = verify_signature(self._secret, headers.get(SIGNATURE_HEADER, ""), body, int(time.time()))
        try:
            notice = json.loads(body)
        except ValueError:
            notice = None
        if not isinstance(notice, dict):
            notice = {}
        attempt = notice.get("attempt")
        self.arrived.put(
            Received(
                at=time.time_ns(),
                to=path.strip("/"),
                id=str(notice.get("id", "")),
                attempt=attempt if isinstance(attempt, int) else 0,
                subject=str(notice.get("subject", "")),
                valid=valid,
            )
        )
        return (200, b"taken\n") if valid else (401, b"the signature does not fit\n")
