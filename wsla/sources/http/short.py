"""The commonest answers, read whole in one step. What is not as plain as that is left to the full reader."""

from __future__ import annotations

import re
from typing import Final

from attrs import define, field

MOST_WAITED_FOR: Final = 64 * 1024
"""Bytes of an answer that are looked at here; a longer one is for the full reader from its beginning."""
BYTES_BETWEEN_HEADER_PARTS: Final = 4
_MOST_PIECES: Final = 8
_MOST_HEADERS: Final = 100
_MOST_DIGITS: Final = 9
_END_OF_HEAD: Final = b"\r\n\r\n"
_AFTER_CHUNK: Final = b"\r\n"
_WITHOUT_BODY: Final = (204, 304)

# Stricter than the full reader in every point: what fits here means the same there.
_BEGINNING: Final = b"HTTP/1.1 "
_STATUS: Final = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9])(?: [\t\x20-\x7e]*)?\r\n")
_HEADERS: Final = re.compile(rb"(?:[-!#$%&'*+.^_`|~0-9a-zA-Z]+:[\t\x20-\x7e]*\r\n)*\r\n")
_HEADER: Final = re.compile(rb"([^:\r\n]+):[\t ]*([^\r\n]*?)[\t ]*\r\n")
_BARE_END_OF_LINE: Final = re.compile(rb"(?<!\r)\n")
_LENGTH: Final = re.compile(rb"[0-9]+")
_CHUNK: Final = re.compile(rb"([0-9a-fA-F]{1,6})\r\n")


@define
class ShortAnswer:
    """Reads one answer to a request; ``bodiless`` where the method allows no body.

    ``max_headers`` and ``max_body`` are the ceilings of the full reader, which alone says that they are passed.
    ``data`` is all that came so far. ``status`` is known once the head is complete. ``left_to_others`` is final:
    the full reader takes ``data``, and all that follows.
    """

    bodiless: bool
    max_headers: int
    max_body: int
    data: bytes = b""
    left_to_others: bool = False
    complete: bool = False
    status: int | None = None
    headers: dict[bytes, bytes] = field(factory=dict)
    size_of_headers: int = 0
    body: bytes = b""
    _start: int = 0
    _length: int | None = None
    _pieces: int = 0

    def feed(self, data: bytes) -> None:
        """Takes what came; none at the end of the connection."""
        self._pieces += 1
        self.data = self.data + data if self.data else data
        if not data or self._pieces > _MOST_PIECES or len(self.data) > MOST_WAITED_FOR:
            self.left_to_others = True
            return
        if self.status is None:
            self._read_head()
        if self.status is not None and not self.left_to_others:
            self._read_body()

    def header(self, name: bytes) -> str:
        """The value of a header, by its name in lower case; empty where there is none."""
        return self.headers.get(name, b"").decode("ascii")

    def _read_head(self) -> None:
        end = self.data.find(_END_OF_HEAD)
        if end < 0:
            self.left_to_others = len(self.data) > self.max_headers or not _may_become_head(self.data)
            return
        start = _STATUS.match(self.data)
        if start is None or (rest := _HEADERS.match(self.data, start.end())) is None or rest.end() != end + 4:
            self.left_to_others = True
            return
        found = _HEADER.findall(self.data, start.end(), end + 2)
        for name, text in found:
            lower = name.lower()
            self.size_of_headers += len(name) + len(text)
            if lower in self.headers and lower in (b"content-length", b"transfer-encoding"):
                self.left_to_others = True
                return
            # Of several the first counts.
            self.headers.setdefault(lower, text)
        status = int(start[1])
        self._start = end + 4
        if len(found) > _MOST_HEADERS or not self._knows_length(status):
            self.left_to_others = True
            return
        self.size_of_headers += BYTES_BETWEEN_HEADER_PARTS * len(found)
        self.status = status

    def _knows_length(self, status: int) -> bool:
        coding, length = self.headers.get(b"transfer-encoding"), self.headers.get(b"content-length")
        if coding is not None and (coding.lower() != b"chunked" or length is not None):
            return False
        if length is not None and (_LENGTH.fullmatch(length) is None or len(length) > _MOST_DIGITS):
            return False
        if self.bodiless or status in _WITHOUT_BODY:
            self._length = 0
        elif length is not None:
            self._length = int(length)
        return self._length is not None or coding is not None

    def _read_body(self) -> None:
        if self._length is None:
            self._read_chunks()
        else:
            end = self._start + self._length
            if end > MOST_WAITED_FOR or self._length > self.max_body:
                self.left_to_others = True
            elif len(self.data) >= end:
                self.body = self.data[self._start : end]
                self.complete = True
        if not self.complete and (
            len(self.data) - self._start > self.max_body or b"content-encoding" in self.headers
        ):
            # What has come may be too much already.
            self.left_to_others = True

    def _read_chunks(self) -> None:
        pieces: list[bytes] = []
        place, data = self._start, self.data
        while place < len(data):
            head = _CHUNK.match(data, place)
            if head is None:
                # Perhaps only half of it has come; the full reader can tell.
                break
            size = int(head[1], 16)
            begin, place = head.end(), head.end() + size + 2
            if not _AFTER_CHUNK.startswith(data[begin + size : place]):
                break
            if place > len(data):
                return
            if size == 0:
                self.body = b"".join(pieces)
                self.complete = True
                return
            pieces.append(data[begin : begin + size])
        else:
            return
        self.left_to_others = True


def _may_become_head(data: bytes) -> bool:
    """False where the full reader may find something to say before the head is complete."""
    return _BEGINNING.startswith(data[: len(_BEGINNING)]) and _BARE_END_OF_LINE.search(data) is None
