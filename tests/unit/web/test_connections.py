"""Peers that take their time, or all the room: each is bounded, and nobody else notices (W1)."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

pytest.importorskip("starlette", reason="what answers over HTTP is not installed")
pytest.importorskip("uvicorn", reason="what answers over HTTP is not installed")
pytest.importorskip("jinja2", reason="what draws pages is not installed")
pytest.importorskip("prometheus_client", reason="what tells figures is not installed")

from wsla.daemon.http_config import Http, Token
from wsla.daemon.status import ALONE
from wsla.web import server
from wsla.web.connections import Patience
from wsla.web.server import WebServer

# Quick for a test, and slow enough for a machine that is busy with others.
QUICK = Patience(head=1.0, idle=1.0, answer=1.0, leftover=1.0, leftover_bytes=200_000, look=0.05)
ASKED = b"GET /style.css HTTP/1.1\r\nHost: x\r\n\r\n"


class NoDaemon:
    """Stands for a daemon about which nothing is asked."""

    turn = ALONE

    def titles(self) -> dict[str, Any]:
        return {}


class Served:
    """A web server with little patience, and connections to it."""

    def __init__(self, patience: Patience = QUICK, **settings: Any) -> None:
        chosen = {"requests_per_minute": 1_000_000, **settings}
        self.server = WebServer(Http(host="127.0.0.1", port=0, **chosen), patience)
        self.server.serve(cast(Any, NoDaemon()))
        self.port = self.server._socket.getsockname()[1]
        self.sockets: list[socket.socket] = []

    def connect(self, source: str = "127.0.0.1", sent: bytes = b"") -> socket.socket:
        found = socket.create_connection(("127.0.0.1", self.port), 30, (source, 0))
        found.sendall(sent)
        self.sockets.append(found)
        return found

    @property
    def open(self) -> int:
        return len(self.server._connections.open)

    def end(self) -> None:
        for one in self.sockets:
            one.close()
        self.server.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    begun: list[Served] = []

    def begin(*values: Any, **settings: Any) -> Served:
        begun.append(Served(*values, **settings))
        return begun[-1]

    yield begin
    for one in begun:
        one.end()


def answer(peer: socket.socket) -> bytes:
    """One whole answer; nothing, or what came of it, where the connection is closed or reset."""
    found = b""
    try:
        while (wanted := length_of(found)) is None or len(found) < wanted:
            if not (more := peer.recv(65_536)):
                break
            found += more
    except ConnectionResetError:
        pass
    return found


def length_of(found: bytes) -> int | None:
    """How long an answer is, head and body; None before its head is complete."""
    head, end, _ = found.partition(b"\r\n\r\n")
    if not end:
        return None
    lengths = [
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    ]
    return len(head) + len(end) + sum(lengths)


def ended(peer: socket.socket, trickle: bytes = b"") -> bool:
    """Waits until the other side has closed, sending a byte now and then."""
    peer.settimeout(0.05)
    for _ in range(1_200):
        try:
            if trickle:
                peer.sendall(trickle)
            if not peer.recv(65_536):
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


@pytest.mark.parametrize("begun", [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
@pytest.mark.parametrize("trickle", [b"", b"a"])
def test_a_head_that_does_not_end_is_not_waited_for(serve: Any, begun: bytes, trickle: bytes) -> None:
    served = serve()
    assert ended(served.connect(sent=begun), trickle if begun else b"")
    assert b" 200 " in answer(served.connect(sent=ASKED))


def test_nor_is_one_that_follows_an_answer(serve: Any) -> None:
    served = serve()
    peer = served.connect(sent=ASKED)
    assert b" 200 " in answer(peer)
    assert ended(peer, b"G")


def test_a_patient_peer_may_ask_again_and_again(serve: Any) -> None:
    served = serve(Patience(head=2.0, idle=2.0, look=0.05))
    peer = served.connect()
    for _ in range(5):
        time.sleep(0.5)
        peer.sendall(ASKED)
        assert b" 200 " in answer(peer)
    assert served.open == 1


def test_one_address_has_so_many_connections_and_another_its_own(serve: Any) -> None:
    served = serve(Patience(), connections_per_address=3)
    kept = [served.connect(sent=ASKED) for _ in range(3)]
    assert all(b" 200 " in answer(one) for one in kept)
    assert b" 503 " in answer(served.connect())
    assert b" 200 " in answer(served.connect("127.0.0.2", ASKED))
    kept[0].close()
    for _ in range(1_200):
        if served.open == 3:
            break
        time.sleep(0.01)
    assert b" 200 " in answer(served.connect(sent=ASKED))


def test_whoever_waits_longest_makes_room(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand connections that ask nothing keep nobody out."""
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 20)
    served = serve(Patience())
    idle = [served.connect() for _ in range(200)]
    assert b" 200 " in answer(served.connect("127.0.0.2", ASKED))
    assert served.open == 20
    assert sum(ended(one) for one in idle[:100]) == 100


def test_whoever_does_not_take_the_answer_loses_it(serve: Any) -> None:
    served = serve(Patience(answer=0.4, look=0.05))
    peer = served.connect()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    peer.settimeout(0.2)
    for _ in range(2_000):
        try:
            peer.sendall(asked)
        except TimeoutError:
            break
        except OSError:
            return
    for _ in range(1_200):
        if served.open == 0:
            break
        time.sleep(0.01)
    assert served.open == 0
    assert b" 200 " in answer(served.connect(sent=ASKED))


@pytest.mark.parametrize("head", ["Content-Length: 1073741824", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
def test_what_is_sent_on_and_on_is_answered_at_once_and_then_cut_off(
    serve: Any, head: str, close: bytes
) -> None:
    """1 GiB for a path that takes none of it."""
    served = serve(requests_per_minute=1_000)
    begun = b"POST /style.css HTTP/1.1\r\nHost: x\r\n" + close + head.encode() + b"\r\n\r\n"
    peer = served.connect(sent=begun)
    piece = b"10000\r\n" + b"x" * 65_536 + b"\r\n" if "chunked" in head else b"x" * 65_536
    peer.sendall(piece)
    assert b" 405 " in answer(peer)
    sent = 0
    try:
        while sent < 2**30:
            sent += peer.send(piece)
    except OSError:
        pass
    assert sent < 64 * 1024 * 1024


def test_whoever_sends_slowly_after_the_answer_is_cut_off_too(serve: Any) -> None:
    served = serve()
    peer = served.connect(sent=b"POST /style.css HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
    assert b" 405 " in answer(peer)
    assert ended(peer, b"x")


def test_a_short_rest_is_taken_in_and_the_connection_goes_on(serve: Any) -> None:
    served = serve()
    peer = served.connect(sent=b"POST /style.css HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
    assert b" 405 " in answer(peer)
    for _ in range(3):
        peer.sendall(b"x" * 100_000 + ASKED)
        assert b" 200 " in answer(peer)
        peer.sendall(b"POST /style.css HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        assert b" 405 " in answer(peer)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00",
        b"GET /style.css HTTP/9.9\r\n\r\n",
        b"GET /style.css HTTP/1.1\r\n\r\n",
        b"GET /style.css\r\nX: \r\n\r\n",
        b"GET /style.css HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"x" * 200_000 + b"\r\n\r\n",
        b"GET /style.css HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /style.css HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /%00%ff%0d%0aX:y HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /style.css HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_request_is_no_trouble(serve: Any, garbage: bytes, caplog: Any) -> None:
    served = serve()
    peer = served.connect()
    try:
        peer.sendall(garbage)
        assert b" 500 " not in answer(peer)
    except OSError:
        pass
    assert b" 200 " in answer(served.connect(sent=ASKED))
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


def test_wrong_tokens_are_still_counted_when_the_settings_change(serve: Any) -> None:
    right = Token(name="right", secret="right-0123456789")
    served = serve(tokens=(right,))
    wrong = b"GET /api/v1/agreements HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n"
    peer = served.connect()
    found = []
    for number in range(12):
        peer.sendall(wrong)
        found.append(answer(peer)[9:12])
        if number == 5:
            served.server.change(Http(host="127.0.0.1", port=0, tokens=(right,)))
    assert found == [b"401"] * 10 + [b"429"] * 2
