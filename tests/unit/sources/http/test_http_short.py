"""Answers that are read in one short step mean what the full reader finds in them, however they come and end."""

from __future__ import annotations

import asyncio
import gzip
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsla.sources.http import short
from wsla.sources.http.exchange import Exchange, Request, Trace
from wsla.sources.network.failures import ProbeFailed


class Hangs(Exception):
    """Nothing more comes."""


class Wire:
    """Gives pieces, one a read; then the end of the connection, or nothing for ever."""

    def __init__(self, pieces: list[bytes], ends: bool) -> None:
        self.pieces = pieces
        self.ends = ends

    def write(self, data: bytes) -> None:
        pass

    async def read(self) -> bytes:
        if self.pieces:
            return self.pieces.pop(0)
        if self.ends:
            return b""
        raise Hangs


class Clock:
    def now(self) -> int:
        return 0

    def monotonic(self) -> int:
        return 0

    async def sleep(self, nanoseconds: int) -> None:
        raise AssertionError


def read(
    answer: bytes, cuts: list[int], ends: bool, method: str, follow: bool, *, whole: bool, most: int = 3_000
) -> Any:
    """What an exchange says of an answer that comes in pieces; ``whole`` leaves it to the full reader."""
    places = sorted({min(cut, len(answer)) for cut in cuts} | {0, len(answer)})
    pieces = [answer[a:b] for a, b in pairwise(places)]
    trace = Trace()
    exchange = Exchange(
        Wire(pieces, ends),  # type: ignore[arg-type]
        Clock(),
        trace,
        "host:80",
        max_headers=400,
        max_body=most,
        keep_body=True,
    )
    request = Request(method=method, path=b"/", headers=((b"host", b"host"),), body=None)
    pieces_before = short._MOST_PIECES
    if whole:
        short._MOST_PIECES = 0  # type: ignore[misc]
    try:
        found: Any = asyncio.run(exchange.run(request, follow))
    except ProbeFailed as failed:
        found = (failed.failure, failed.reason)
    except Hangs:
        found = ("hangs", trace.stage)
    finally:
        short._MOST_PIECES = pieces_before  # type: ignore[misc]
    return found, trace.status


statuses = st.sampled_from([b"200 OK", b"200", b"204 No Content", b"304 x", b"301 Moved", b"500 Down", b"103 Hint",
    b"101 Switch", b"999 ?", b"20 x", b"200 \x01", b"404 " + b"n" * 30])  # fmt: skip
versions = st.sampled_from(
    [b"HTTP/1.1 "] * 6 + [b"HTTP/1.0 ", b"HTTP/2.0 ", b"http/1.1 ", b"HTTP/1.1  ", b""]
)
header_lines = st.sampled_from([
    b"Content-Type: text/plain", b"Content-Type:text/html; charset=latin-1  ", b"Location: /there", b"Location:",
    b"Content-Length: 5", b"content-length:5", b"Content-Length: 5, 5", b"Content-Length: 0", b"Content-Length: -1",
    b"Content-Length: 99999999999999999999999", b"Content-Length: 4000", b"Content-Length: 1e1",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: Chunked", b"Transfer-Encoding: gzip, chunked",
    b"Content-Encoding: gzip", b"Content-Encoding: identity", b"Content-Encoding: br", b"X: \xe4", b"X: \x01",
    b"X : y", b" folded", b": nameless", b"X: " + b"y" * 390, b"nonsense", b"", b"Connection: close",
])  # fmt: skip
ends_of_line = st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r"])
bodies = st.sampled_from([
    b"", b"hello", b"hello and more", b"hell", gzip.compress(b"hello"), gzip.compress(b"hello" * 2_000), b"x" * 3_001,
    b"5\r\nhello\r\n0\r\n\r\n", b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\nTrailer: t\r\n\r\n",
    b"5;x=y\r\nhello\r\n0\r\n\r\n", b"5\r\nhelloworld", b"5 \r\nhello\r\n0\r\n\r\n", b"zz\r\n",
    b"00000005\r\nhello\r\n",
    b"5\nhello\r\n0\r\n\r\n", b"0\r\n\r\n", b"0\r\nbad\r\n\r\n", b"bb9\r\n" + b"x" * 3_001,
    b"%x\r\n%s\r\n0\r\n\r\n" % (len(gzip.compress(b"hello")), gzip.compress(b"hello")),
])  # fmt: skip


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    lines = [draw(versions) + draw(statuses), *draw(st.lists(header_lines, max_size=5)), b""]
    head = b"".join(line + draw(ends_of_line) for line in lines)
    return head + draw(bodies)


plain = st.builds(
    lambda status, framed: b"HTTP/1.1 " + status + b"\r\nContent-Type: text/plain\r\n" + framed,
    st.sampled_from([b"200 OK", b"404 Gone", b"302 Found\r\nLocation: /x"]),
    st.sampled_from([
        b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"Content-Length: 0\r\n\r\n", b"Content-Encoding: gzip\r\nContent-Length: 25\r\n\r\n" + gzip.compress(b"hello"),
    ]),
)  # fmt: skip


@given(
    answers() | plain | st.binary(max_size=40) | plain.map(lambda whole: whole[: len(whole) // 2]),
    st.lists(st.integers(0, 400), max_size=6),
    st.booleans(),
    st.sampled_from(["GET", "HEAD", "POST"]),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_it_says_what_the_full_reader_says(
    answer: bytes, cuts: list[int], ends: bool, method: str, follow: bool
) -> None:
    """N7: what is wrong with an answer has the same word, whichever of the two has read it."""
    quick = read(answer, cuts, ends, method, follow, whole=False)
    assert quick == read(answer, cuts, ends, method, follow, whole=True)


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 204 None\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", False),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", False),
        (b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", False),
        (b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", False),
    ],
)
def test_plain_answers_are_read_here_and_others_left(answer: bytes, taken: bool) -> None:
    reader = short.ShortAnswer(bodiless=False, max_headers=1_000, max_body=1_000)
    reader.feed(answer)
    assert (reader.complete, reader.left_to_others) == (taken, not taken)


@pytest.mark.parametrize(("pieces", "left"), [(8, False), (9, True)])
def test_an_answer_in_many_pieces_is_left(pieces: int, left: bool) -> None:
    reader = short.ShortAnswer(bodiless=False, max_headers=1_000, max_body=1_000)
    for byte in b"HTTP/1.1 200 OK"[:pieces]:
        reader.feed(bytes([byte]))
    assert reader.left_to_others is left
