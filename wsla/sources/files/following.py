"""Files of text to which rows are added: followed from a place that can be kept, through rotation and truncation."""

from __future__ import annotations

import glob
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from io import StringIO
from typing import Any, BinaryIO, Final
from zoneinfo import ZoneInfo

from attrs import define, field

from wsla.analysis.checked import Source
from wsla.evaluation.encoding import DataError, History, quoted, source_fields
from wsla.sources.files.csv import delimiter_of, read_rows
from wsla.sources.files.jsonl import read_objects
from wsla.sources.files.packed import ENDINGS
from wsla.sources.files.table import LONGEST_LINE
from wsla.sources.files.whole_rows import LONGEST_CELL, Cut, cut_lines, cut_rows
from wsla.sources.following import MOST_ROWS, Following, Found, NotFollowed, Refusals, following, identified
from wsla.sources.network.failures import Failure

TEXT_ENDINGS: Final = {"csv": (".csv", ".tsv"), "jsonl": (".jsonl", ".ndjson")}
"""How the names of files end that are looked for in a folder."""
MOST_FILES: Final = 10_000
"""Files that one source may have."""

_MOST_BYTES: Final = 4 * 1024 * 1024
_TAIL: Final = 256
_HANGS_FOR: Final = 60.0
_LEAVES_FOR: Final = 60.0
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_HANGING: Final = "a quotation mark is out of place or not closed, or a cell is longer than 128 KiB"


@define(eq=False)
class _File:
    """A file that is followed. ``offset`` bytes of it, ``lines`` lines, are read; ``header`` is where that of a table
    ends, ``tail`` the hash of the last bytes that were read. With ``skips`` it is in the middle of a line that is far
    too long. ``handle`` keeps a file that was renamed or deleted from being lost."""

    path: str
    identity: tuple[int, int]
    offset: int = 0
    lines: int = 0
    header: int = 0
    tail: str = ""
    skips: bool = False
    handle: BinaryIO | None = None
    seen: tuple[int, int] = (-1, -1)
    problem: DataError | None = None
    grown_at: float | None = None
    left_at: float | None = None
    hangs_since: float | None = None

    def value(self) -> list[object]:
        """As it is kept."""
        return [self.path, *self.identity, self.offset, self.lines, self.header, self.tail, self.skips]

    def begin_anew(self) -> None:
        """Nothing of it is read."""
        self.offset = self.lines = self.header = 0
        self.tail, self.skips, self.hangs_since = "", False, None

    def close(self) -> None:
        """Lets go of it."""
        if self.handle is not None:
            self.handle.close()
            self.handle = None


@define(eq=False)
class TextFollower:
    """Follows the files of a CSV or JSON lines source: one, those of a folder, or those that a pattern matches.

    ``monotonic`` gives seconds.
    """

    source: Source
    kind: str
    path: str
    zone: ZoneInfo | None = None
    monotonic: Callable[[], float] = time.monotonic
    _files: dict[tuple[int, int], _File] = field(init=False, factory=dict)
    _keys: dict[str, None] = field(init=False, factory=dict)
    _since: int = field(init=False, default=0)
    _untold: list[str] = field(init=False, factory=list)
    _moved_here: bool = field(init=False, default=False)

    def begin(self, place: Any, since: int) -> None:
        """Goes on from a place that was kept."""
        self.close()
        self._files.clear()
        self._keys = {}
        self._since = since
        if not isinstance(place, dict):
            return
        self._keys = dict.fromkeys(place.get("keys", ()))
        self._moved_here = place.get("path") != self.path
        for path, device, inode, offset, lines, header, tail, skips in place.get("files", ()):
            one = _File(path, (device, inode), offset, lines, header, tail, skips)
            self._files[one.identity] = one

    def look(self, now: int) -> Found:
        """The rows that were added to the first file that has some. Raises NotFollowed."""
        told: list[str] = []
        missing = self._find(told)
        before = [one.value() for one in self._files.values()]
        problem: DataError | None = None
        for one in sorted(self._files.values(), key=lambda one: (one.left_at is None, one.path)):
            try:
                found = self._read_on(one, now, told)
            except (DataError, OSError) as trouble:
                problem = problem or _as_data_error(one.path, trouble)
                continue
            if found is not None:
                return found
        self._forget()
        if problem is not None or missing is not None:
            # What happened to files is told with the next rows.
            self._untold = told
            raise NotFollowed(Failure.OBSERVER_FILE.value, str(problem or missing))
        after = [one.value() for one in self._files.values()]
        return Found(place=self._place() if after != before else None, told=tuple(told))

    def cancel(self) -> None:
        """A read cannot be broken off."""

    def close(self) -> None:
        """Gives back the files."""
        for one in self._files.values():
            one.close()

    # Which files there are

    @property
    def _is_one(self) -> bool:
        return not os.path.isdir(self.path) and (os.path.exists(self.path) or not glob.has_magic(self.path))

    def _paths(self) -> list[str]:
        if os.path.isdir(self.path):
            endings = TEXT_ENDINGS[self.kind]
            names = sorted(name for name in os.listdir(self.path) if not name.startswith("."))
            return [os.path.join(self.path, name) for name in names if name.casefold().endswith(endings)]
        if self._is_one:
            return [self.path]
        return sorted(path for path in glob.glob(self.path, recursive=True) if not path.endswith(ENDINGS))

    def _find(self, told: list[str]) -> DataError | None:
        """Takes up new files and notes which are gone; gives what is wrong where there are none."""
        told.extend(self._untold)
        self._untold.clear()
        try:
            paths = self._paths()
        except OSError as trouble:
            return _as_data_error(self.path, trouble)
        if len(paths) > MOST_FILES:
            return DataError(f"{quoted(self.path)} stands for more than {MOST_FILES} files")
        missing: DataError | None = None
        there: set[tuple[int, int]] = set()
        for path in paths:
            try:
                status = os.stat(path)
            except OSError as trouble:
                missing = _as_data_error(path, trouble)
                continue
            if not os.path.isfile(path):
                missing = DataError(f"{quoted(path)} is no ordinary file")
                continue
            identity = (status.st_dev, status.st_ino)
            there.add(identity)
            known = self._files.get(identity)
            if known is None:
                known = self._files[identity] = _File(path, identity)
            known.path, known.left_at = path, None
        if not there and missing is None:
            missing = DataError(f"there is no file that is called like {quoted(self.path)}")
        for identity, one in list(self._files.items()):
            if identity not in there and one.left_at is None:
                if self._moved_here:
                    # Of what was followed by another name only what goes by this one as well counts.
                    del self._files[identity]
                else:
                    self._leave(one, told)
        self._moved_here = False
        return missing if not there else None

    def _leave(self, one: _File, told: list[str]) -> None:
        """A file is no longer where it was: it may have been renamed, and still be written to for a while."""
        one.left_at = self.monotonic()
        one.seen = (-1, -1)
        if one.handle is not None:
            return
        renamed = _same_file(one)
        if renamed is not None:
            one.path = renamed
            return
        grew = one.grown_at is not None and self.monotonic() - one.grown_at < _LEAVES_FOR
        if grew or self._is_one:
            told.append(f"{one.path} is gone; what was added to it after the last look is not known")
        del self._files[one.identity]

    def _forget(self) -> None:
        for identity, one in list(self._files.items()):
            if one.left_at is not None and self.monotonic() - one.left_at > _LEAVES_FOR:
                one.close()
                del self._files[identity]

    # What was added

    def _read_on(self, one: _File, now: int, told: list[str]) -> Found | None:
        """The next rows of a file; None where there is no whole one."""
        content = one.handle
        if content is None:
            content = open(one.path, "rb")  # noqa: SIM115
            status = os.fstat(content.fileno())
            if (status.st_dev, status.st_ino) != one.identity:
                # It was exchanged a moment ago; the next look finds both.
                content.close()
                return None
            if self._is_one:
                one.handle = content
        try:
            return self._read_from(content, one, now, told)
        finally:
            if one.handle is None:
                content.close()

    def _read_from(self, content: BinaryIO, one: _File, now: int, told: list[str]) -> Found | None:
        status = os.fstat(content.fileno())
        seen = (status.st_size, status.st_mtime_ns)
        if seen == one.seen and one.hangs_since is None:
            if one.problem is not None:
                raise one.problem
            return None
        one.problem = None
        if status.st_size < one.offset or not _ends_as_read(content, one):
            told.append(f"{one.path} was cut or written anew: it is read from its start")
            self._follow_copy(one)
            one.begin_anew()
        content.seek(one.offset)
        data = content.read(_MOST_BYTES)
        if data and b"\n" not in data and len(data) == _MOST_BYTES:
            data += content.read(LONGEST_LINE - _MOST_BYTES)
        refusals = Refusals(told)
        if one.skips or (len(data) == LONGEST_LINE and b"\n" not in data):
            return self._skip(content, one, data, refusals)
        header = b""
        if self.kind == "csv":
            if one.offset == 0 and data[:2] in _UTF16:
                one.seen = seen
                one.problem = DataError(f"{quoted(one.path)} is written in UTF-16; save it as UTF-8")
                raise one.problem
            content.seek(0)
            header = content.read(one.header) if one.header else _header(data)
            if not header:
                one.seen = seen
                return None
        cut = self._cut(one, data, header)
        if cut.hangs:
            return self._hang(content, one, cut, refusals)
        one.hangs_since = None
        if not cut.end:
            one.seen = seen
            return None
        try:
            history = self._parsed(one, data[: cut.end], header, now, refusals)
        except DataError as problem:
            one.seen, one.problem = seen, problem
            raise
        piece = f"{one.identity[1]}@{one.offset}"
        one.header = one.header or len(header)
        self._advance(content, one, cut.end, cut.lines)
        if not cut.full and cut.end == len(data) < _MOST_BYTES:
            one.seen = seen
        return Found(
            rows=identified(self.source, history.observations, self._since, piece),
            place=self._place(),
            told=refusals.lines(),
            refused=refusals.count,
            more=True,
        )

    def _cut(self, one: _File, data: bytes, header: bytes) -> Cut:
        if self.kind != "csv":
            return cut_lines(data, MOST_ROWS)
        return cut_rows(data, MOST_ROWS, self._delimiter(one, header))

    def _delimiter(self, one: _File, header: bytes) -> str:
        if one.path.casefold().endswith(".tsv"):
            return "\t"
        return delimiter_of(header.decode("utf-8", "replace"))

    def _parsed(self, one: _File, rows: bytes, header: bytes, now: int, refusals: Refusals) -> History:
        begin = one.lines
        if self.kind != "csv":
            refused = partial(self._refused, refusals, one, begin)
            lines = ((number, line.strip()) for number, line in enumerate(rows.split(b"\n"), 1))
            keys = dict(self._keys)
            history = read_objects(
                self._wanted(one, now, refused),
                (
                    (number, line.removeprefix(_BYTE_ORDER_MARK) if one.offset == 0 else line)
                    for number, line in lines
                    if line
                ),
                keys,
            )
            columns = {x.column for x in source_fields(self.source)}
            self._keys = {name: None for name in keys if name in columns}
            return history
        # The lines of the header stand before every piece.
        moved = begin - header.count(b"\n") if one.header else begin
        text = (header + rows if one.header else rows).decode("utf-8", "surrogateescape")
        refused = partial(self._refused, refusals, one, moved)
        wanted = self._wanted(one, now, refused)
        return read_rows(
            wanted, _lines(text.removeprefix("\ufeff")), tabs=self._delimiter(one, header) == "\t"
        )

    def _wanted(self, one: _File, now: int, refused: Callable[..., None]) -> Following:
        fields = source_fields(self.source)
        return following(self.source, one.path, self.zone, fields, now, refused=refused)

    @staticmethod
    def _refused(refusals: Refusals, one: _File, moved: int, line: int, reason: str, _: object) -> None:
        refusals.refuse(one.path, line + moved, reason)

    def _hang(self, content: BinaryIO, one: _File, cut: Cut, refusals: Refusals) -> Found | None:
        """A quotation mark that nobody closes must not hold up the rows behind it."""
        now = self.monotonic()
        if one.hangs_since is None:
            one.hangs_since = now
        pending = os.fstat(content.fileno()).st_size - one.offset
        if now - one.hangs_since < _HANGS_FOR and pending < LONGEST_CELL:
            return None
        refusals.refuse(one.path, one.lines + 1, _HANGING)
        one.hangs_since = None
        self._advance(content, one, cut.hangs, 1)
        return Found(place=self._place(), told=refusals.lines(), refused=refusals.count, more=True)

    def _skip(self, content: BinaryIO, one: _File, data: bytes, refusals: Refusals) -> Found | None:
        """Passes over a line that is far too long."""
        if not data:
            return None
        if not one.skips:
            refusals.refuse(one.path, one.lines + 1, f"the line has more than {LONGEST_LINE} bytes")
        end = data.find(b"\n") + 1
        one.skips = not end
        self._advance(content, one, end or len(data), 1 if end else 0)
        return Found(place=self._place(), told=refusals.lines(), refused=refusals.count, more=True)

    def _advance(self, content: BinaryIO, one: _File, size: int, lines: int) -> None:
        one.offset += size
        one.lines += lines
        one.tail = _hash_before(content, one.offset)
        one.grown_at = self.monotonic()

    def _follow_copy(self, one: _File) -> None:
        """Of a file that was copied and then cut, the copy may hold rows that were not read yet."""
        name = os.path.basename(one.path)
        with suppress(OSError), os.scandir(os.path.dirname(one.path) or ".") as entries:
            for entry in entries:
                if not entry.name.startswith(name) or not entry.is_file():
                    continue
                status = entry.stat()
                identity = (status.st_dev, status.st_ino)
                if identity in self._files or status.st_size < one.offset or not one.tail:
                    continue
                with open(entry.path, "rb") as content:
                    if not _ends_as_read(content, one):
                        continue
                copy = _File(entry.path, identity, one.offset, one.lines, one.header, one.tail, one.skips)
                copy.left_at = self.monotonic()
                self._files[identity] = copy
                return

    def _place(self) -> object:
        return {
            "path": self.path,
            "files": [one.value() for one in self._files.values()],
            "keys": list(self._keys),
        }


def _same_file(one: _File) -> str | None:
    """Where a file is that was renamed within its folder."""
    with suppress(OSError), os.scandir(os.path.dirname(one.path) or ".") as entries:
        for entry in entries:
            if entry.inode() == one.identity[1] and entry.is_file():
                status = entry.stat()
                if (status.st_dev, status.st_ino) == one.identity:
                    return entry.path
    return None


def _hash_before(content: BinaryIO, offset: int) -> str:
    start = max(0, offset - _TAIL)
    content.seek(start)
    return hashlib.sha256(content.read(offset - start)).hexdigest()[:16]


def _ends_as_read(content: BinaryIO, one: _File) -> bool:
    """True where the bytes before the place are those that were read there."""
    return not one.tail or _hash_before(content, one.offset) == one.tail


def _header(data: bytes) -> bytes:
    """The beginning of a table up to its first line that is not blank; empty where that is not whole."""
    end = 0
    while following_ := data.find(b"\n", end) + 1:
        line = data[end:following_].removeprefix(_BYTE_ORDER_MARK)
        end = following_
        if line.strip():
            return data[:end]
    return b""


def _lines(text: str) -> Iterator[str]:
    return iter(StringIO(text, newline=""))


def _as_data_error(path: str, trouble: Exception) -> DataError:
    if isinstance(trouble, DataError):
        return trouble
    if isinstance(trouble, FileNotFoundError):
        return DataError(f"there is no file {quoted(path)}")
    reason = (trouble.strerror if isinstance(trouble, OSError) else None) or str(trouble)
    return DataError(f"{quoted(path)} cannot be read: {reason}")
