"""Laws of the bounded decoder: it gives back what was encoded, however it is cut, and never more than its limit."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.sources.http.decoding import BodyDecoder, text_of
from wsla.sources.network.failures import Failure, ProbeFailed

CODINGS = {
    "identity": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate, gzip": lambda body: gzip.compress(zlib.compress(body)),
    "gzip, gzip, gzip": lambda body: gzip.compress(gzip.compress(gzip.compress(body))),
}


def decode(codings: str, pieces: list[bytes], limit: int = 1 << 20) -> bytes:
    decoder = BodyDecoder(codings, limit)
    body = b"".join(part for piece in pieces for part in decoder.feed(piece))
    decoder.finish()
    assert decoder.size == len(body)
    return body


def attempt(codings: str, data: bytes, limit: int) -> tuple[int, Failure | None]:
    """How many bytes were given out, and what ended it."""
    given_out = 0
    try:
        decoder = BodyDecoder(codings, limit)
        for part in decoder.feed(data):
            given_out += len(part)
        decoder.finish()
    except ProbeFailed as error:
        return given_out, error.failure
    return given_out, None


def cut(data: bytes, step: int) -> list[bytes]:
    return [data[start : start + step] for start in range(0, len(data), step)]


@given(body=st.binary(max_size=2_000), coding=st.sampled_from(sorted(CODINGS)), step=st.integers(1, 100))
def test_any_cut_of_an_encoded_body_gives_the_body(body: bytes, coding: str, step: int) -> None:
    assert decode(coding, cut(CODINGS[coding](body), step)) == body


@given(bodies=st.lists(st.binary(max_size=200), min_size=1, max_size=5), step=st.integers(1, 100))
def test_gzip_members_follow_each_other(bodies: list[bytes], step: int) -> None:
    encoded = b"".join(gzip.compress(body) for body in bodies)
    assert decode("gzip", cut(encoded, step)) == b"".join(bodies)
    assert decode("gzip", cut(encoded + b"\0\0\0", step)) == b"".join(bodies)


@given(
    body=st.binary(min_size=1, max_size=500),
    short=st.integers(1, 8),
    coding=st.sampled_from(["gzip", "deflate"]),
)
def test_an_encoded_body_that_is_cut_off_is_noticed(body: bytes, short: int, coding: str) -> None:
    with pytest.raises(ProbeFailed) as caught:
        decode(coding, [CODINGS[coding](body)[:-short]])
    assert caught.value.failure is Failure.DECODING


@given(
    size=st.integers(0, 200_000), limit=st.integers(0, 200_000), coding=st.sampled_from(["identity", "gzip"])
)
def test_the_limit_is_inclusive_and_never_passed(size: int, limit: int, coding: str) -> None:
    given_out, failure = attempt(coding, CODINGS[coding](bytes(size)), limit)
    assert failure is (Failure.BODY_TOO_LARGE if size > limit else None)
    assert given_out <= limit
    assert failure is not None or given_out == size


@given(data=st.binary(max_size=300), coding=st.sampled_from(sorted(CODINGS)))
def test_no_bytes_break_the_decoder(data: bytes, coding: str) -> None:
    _, failure = attempt(coding, data, 1_000)
    assert failure in (None, Failure.DECODING, Failure.BODY_TOO_LARGE)


@pytest.mark.parametrize("codings", ["br", "zstd", "compress", "gzip, br", "gzip, gzip, gzip, gzip"])
def test_codings_that_were_not_asked_for(codings: str) -> None:
    """N4: nothing but gzip and deflate is unpacked, and not nested for ever."""
    with pytest.raises(ProbeFailed) as caught:
        BodyDecoder(codings, 100)
    assert caught.value.failure is Failure.DECODING


def test_an_empty_body_needs_no_coding() -> None:
    assert decode("gzip", []) == b""


@given(
    body=st.binary(max_size=300),
    content_type=st.one_of(st.text(max_size=60), st.sampled_from(["text/html; charset=utf-16"])),
)
def test_every_body_has_a_text(body: bytes, content_type: str) -> None:
    assert isinstance(text_of(body, content_type), str)


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("", b"\xc3\xa4", "ä"),
        ("text/html", b"\xc3\xa4", "ä"),
        ('text/html; charset="ISO-8859-1"', b"\xe4", "ä"),
        ("text/html;x=y; Charset=windows-1252", b"\x80", "€"),
        ("text/html; charset=punycode", b"\xc3\xa4", "ä"),
        ("text/html; charset=made-up", b"\xc3\xa4", "ä"),
        ("text/html; charset=utf-8", b"\xe4", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_the_character_set(content_type: str, body: bytes, text: Any) -> None:
    assert text_of(body, content_type) == text
