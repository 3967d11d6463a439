"""ClickHouse's HTTP interface on this machine: the real engine (chdb) behind it, or answers that a test wrote."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from attrs import field, frozen

WRONG_PASSWORD = (
    "Code: 516. DB::Exception: reader: Authentication failed: password is incorrect, or there is no user with such "
    "name.\n\nIf you use ClickHouse Cloud, the password can be reset.\n. (AUTHENTICATION_FAILED) (version 25.8.1.1)"
)


@frozen(kw_only=True)
class Asked:
    """What came in."""

    sql: str
    settings: Mapping[str, str]
    user: str
    password: str


@frozen(kw_only=True)
class Answer:
    """What goes back: pieces, and whether the connection breaks off behind them."""

    pieces: Iterable[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)
    breaks_off: bool = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer: ClassVar[Callable[[Asked], Answer]]

    def do_POST(self) -> None:
        sql = self.rfile.read(int(self.headers["Content-Length"])).decode()
        _, _, coded = self.headers["Authorization"].partition(" ")
        user, _, password = base64.b64decode(coded).decode().partition(":")
        settings = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        found = type(self).answer(Asked(sql=sql, settings=settings, user=user, password=password))
        self.send_response(found.status)
        for name, value in {"Transfer-Encoding": "chunked", **found.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for piece in found.pieces:
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            if found.breaks_off:
                self.close_connection = True
            else:
                self.wfile.write(b"0\r\n\r\n")
        except ConnectionError:
            # Who asked has heard enough.
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Who asked went away, which the test sees from its own side."""


@contextmanager
def serving(answer: Callable[[Asked], Answer]) -> Iterator[int]:
    """A server that answers so; gives its port."""
    handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Engine:
    """ClickHouse in this process, which is asked for one thing at a time."""

    user, password = "reader", "pass:wörd"

    def __init__(self, session: Any) -> None:
        self._session = session
        self._lock = threading.Lock()

    def query(self, sql: str) -> bytes:
        """Raises RuntimeError with ClickHouse's own words."""
        with self._lock:
            return bytes(self._session.query(sql).bytes() or b"")

    def answer(self, asked: Asked) -> Answer:
        """What a server that holds this engine answers."""
        if (asked.user, asked.password) != (self.user, self.password):
            return Answer(pieces=[WRONG_PASSWORD.encode()], status=403)
        settings = dict(asked.settings)
        try:
            self.query(f"USE {settings.pop('database')}")
            for name, value in settings.items():
                self.query(f"SET {name} = '{value}'")
            said = self.query(asked.sql)
        except RuntimeError as problem:
            return Answer(pieces=[f"{problem} (version 25.8.1.1)\n".encode()], status=404)
        return Answer(pieces=[said[place : place + 1000] for place in range(0, len(said), 1000)])
