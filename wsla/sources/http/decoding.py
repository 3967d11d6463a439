"""Bodies in bounded steps: content codings undone with a ceiling on every stage, and text out of bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final, Protocol

from wsla.sources.network.failures import Failure, ProbeFailed

_STEP: Final = 64 * 1024
_MOST_CODINGS: Final = 3
_GZIP: Final = 16 + zlib.MAX_WBITS
_GZIP_START: Final = b"\x1f"

# Only these: Python knows codecs that are slow on purpose, and remembers every unknown name it is asked for.
_CHARSETS: Final = frozenset(
    {
        "utf-8", "utf8", "us-ascii", "ascii", "utf-16", "utf-16le", "utf-16be", "iso-8859-1", "iso-8859-2",
        "iso-8859-5", "iso-8859-7", "iso-8859-8", "iso-8859-9", "iso-8859-15", "windows-1250", "windows-1251",
        "windows-1252", "windows-1253", "windows-1254", "windows-1255", "windows-1256", "windows-1257",
        "windows-1258", "koi8-r", "koi8-u", "shift_jis", "euc-jp", "euc-kr", "gb2312", "gbk", "gb18030",
        "big5",
    }
)  # fmt: skip


class _Stage(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]: ...

    @property
    def complete(self) -> bool: ...


class _Identity:
    complete = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        if data:
            yield data


class _Gzip:
    """One or more gzip members, one after the other; what follows the last one is ignored, as browsers do."""

    def __init__(self) -> None:
        self._engine = zlib.decompressobj(_GZIP)
        self._started = False

    @property
    def complete(self) -> bool:
        return self._engine.eof or not self._started

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            self._started = True
            if self._engine.eof:
                if not data.startswith(_GZIP_START):
                    return
                self._engine = zlib.decompressobj(_GZIP)
            piece = self._engine.decompress(data, _STEP)
            data = self._engine.unused_data if self._engine.eof else self._engine.unconsumed_tail
            if piece:
                yield piece


class _Deflate:
    """The zlib format that the standard asks for, or the bare one that some services send."""

    def __init__(self) -> None:
        self._engine = zlib.decompressobj()
        self._started = False

    @property
    def complete(self) -> bool:
        return self._engine.eof or not self._started

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data and not self._engine.eof:
            try:
                piece = self._engine.decompress(data, _STEP)
            except zlib.error:
                if self._started:
                    raise
                self._engine = zlib.decompressobj(-zlib.MAX_WBITS)
                piece = self._engine.decompress(data, _STEP)
            self._started = True
            data = self._engine.unconsumed_tail
            if piece:
                yield piece


class BodyDecoder:
    """Undoes the codings of a body piece by piece.

    ``codings`` is the value of Content-Encoding. No stage may give more than ``limit`` bytes, so a small body
    that swells, at whatever depth, costs one step of memory and ends the probe.
    """

    def __init__(self, codings: str, limit: int) -> None:
        names = [name.strip().lower() for name in codings.split(",") if name.strip()]
        if len(names) > _MOST_CODINGS:
            raise ProbeFailed(Failure.DECODING, f"the body is encoded more than {_MOST_CODINGS} times over")
        self._stages = [_stage(name) for name in reversed(names)] or [_Identity()]
        self._given = [0] * len(self._stages)
        self._limit = limit

    @property
    def size(self) -> int:
        """Decoded bytes so far."""
        return self._given[-1]

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The decoded pieces that ``data`` adds. Raises ProbeFailed for too many bytes or broken ones."""
        try:
            yield from self._run(data, 0)
        except zlib.error:
            raise ProbeFailed(Failure.DECODING, "the body is not what its content encoding says") from None

    def finish(self) -> None:
        """Say that the body has ended. Raises ProbeFailed where its encoding has not."""
        if not all(stage.complete for stage in self._stages):
            raise ProbeFailed(Failure.DECODING, "the encoded body ends too early")

    def _run(self, data: bytes, depth: int) -> Iterator[bytes]:
        for piece in self._stages[depth].feed(data):
            self._given[depth] += len(piece)
            if self._given[depth] > self._limit:
                raise ProbeFailed(Failure.BODY_TOO_LARGE, f"the body is larger than {self._limit} bytes")
            if depth + 1 == len(self._stages):
                yield piece
            else:
                yield from self._run(piece, depth + 1)


def _stage(name: str) -> _Stage:
    match name:
        case "gzip" | "x-gzip":
            return _Gzip()
        case "deflate":
            return _Deflate()
        case "identity":
            return _Identity()
    raise ProbeFailed(Failure.DECODING, "the body has a content encoding that the probe did not ask for")


def text_of(body: bytes, content_type: str) -> str:
    """The text of a body, in the character set that its content type names, else in UTF-8. Never fails."""
    charset = "utf-8"
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            wanted = value.strip().strip("\"'").lower()
            charset = wanted if wanted in _CHARSETS else charset
            break
    return body.decode(charset, errors="replace")
