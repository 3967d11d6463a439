"""Bytes of a file, unpacked where the end of its name says that they are packed."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final

from wsla.evaluation.encoding import DataError, quoted

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Content = io.BufferedReader | gzip.GzipFile

_PACKED_BYTES: Final = 1 << 17
ENDINGS: Final = (".gz", ".zst")
"""How the names of packed files end."""


def without_packing(path: str) -> str:
    """The name of a file, in small letters, without the ending that tells how it is packed."""
    name = path.casefold()
    for ending in ENDINGS:
        name = name.removesuffix(ending)
    return name


def check_file(path: str) -> int:
    """The size of an ordinary file that can be read. Raises DataError for anything else."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        raise DataError(f"there is no file {quoted(path)}") from None
    except (OSError, ValueError) as problem:
        raise _unreadable(path, problem) from None
    if stat.S_ISDIR(found.st_mode):
        raise DataError(f"{quoted(path)} is a folder, not a file")
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{quoted(path)} is no ordinary file")
    return found.st_size


@contextmanager
def opened(path: str) -> Iterator[tuple[Content, IO[bytes]]]:
    """A file's content, unpacked where its name ends in ``.gz`` or ``.zst``, and the file as it lies on disk.

    Raises DataError where it cannot be opened, read or unpacked, also later while it is read.
    """
    name = path.casefold()
    try:
        with open(path, "rb") as raw:
            if name.endswith(".gz"):
                with gzip.GzipFile(fileobj=raw, mode="rb") as unpacked:
                    yield unpacked, raw
            elif name.endswith(".zst"):
                with _unpacked_zstandard(path, raw) as content:
                    yield content, raw
            else:
                yield raw, raw
    except (EOFError, zlib.error, gzip.BadGzipFile):
        kind = "zstd" if name.endswith(".zst") else "gzip"
        raise DataError(f"{quoted(path)} is no whole {kind} file: it is damaged or cut short") from None
    except OSError as problem:
        raise _unreadable(path, problem) from None


def _unreadable(path: str, problem: OSError | ValueError) -> DataError:
    reason = (problem.strerror or str(problem)) if isinstance(problem, OSError) else str(problem)
    return DataError(f"{quoted(path)} cannot be read: {reason}")


def _unpacked_zstandard(path: str, raw: IO[bytes]) -> io.BufferedReader:
    try:
        import zstandard
    except ImportError:
        raise DataError(
            f"{quoted(path)} is packed with zstd, and what unpacks that is not installed: "
            "pip install 'wsla[columns]'"
        ) from None
    return io.BufferedReader(_Frames(raw, zstandard), _PACKED_BYTES)


class _Frames(io.RawIOBase):
    """The content of zstd frames, one after the other. The library's own reader does not tell a file cut short."""

    def __init__(self, raw: IO[bytes], library: Any) -> None:
        self._raw: Final = raw
        self._library: Final = library
        self._frame = library.ZstdDecompressor().decompressobj()
        self._packed = b""
        self._content = memoryview(b"")
        self._is_inside = False

    def readable(self) -> bool:
        """True: that is all that it is for."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """The next bytes. Raises EOFError for a file that is damaged or cut short."""
        while not self._content:
            if not self._packed:
                self._packed = self._raw.read(_PACKED_BYTES)
                if not self._packed:
                    if self._is_inside:
                        raise EOFError
                    return 0
            try:
                self._content = memoryview(self._frame.decompress(self._packed))
            except self._library.ZstdError:
                raise EOFError from None
            self._packed = b""
            self._is_inside = not self._frame.eof
            if self._frame.eof:
                self._packed = self._frame.unused_data
                self._frame = self._library.ZstdDecompressor().decompressobj()
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._content))
        target[:size] = self._content[:size]
        self._content = self._content[size:]
        return size
