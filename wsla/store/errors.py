"""What can go wrong with the store: each kind an exception, its message one or two plain sentences for the operator."""

from __future__ import annotations

import errno
import sqlite3
from typing import Final


class StoreError(Exception):
    """The store cannot do what was asked. Its text is meant to be shown as it is."""


class StoreLocked(StoreError):
    """Another daemon keeps this store. ``holder`` says which, as far as it is known."""

    def __init__(self, message: str, holder: str) -> None:
        super().__init__(message)
        self.holder: Final = holder


class StoreTooNew(StoreError):
    """The store was written by a later version of wsla."""


class StoreEmpty(StoreError):
    """There is no store yet where one is to be read."""


class StoreFull(StoreError):
    """No room is left. Nothing of the batch was stored; the same batch may be written again later."""


class StoreBusy(StoreError):
    """Another process holds the file. Nothing of the batch was stored; the same batch may be written again."""


class StoreBroken(StoreError):
    """Reading or writing failed. It is not known whether the batch was stored; writing it again does no harm."""


class StoreCorrupt(StoreBroken):
    """The file is damaged. Nothing was changed in it."""


class StoreReplaced(StoreBroken):
    """The file was removed, moved or replaced while the store was open."""


_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_OS_REASONS: Final = {
    errno.EACCES: "this user may not write there",
    errno.EPERM: "this user may not write there",
    errno.EROFS: "that file system is read-only",
    errno.ENOENT: "its folder does not exist",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.ENOSPC: "no room is left on that file system",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "its links lead in a circle",
}


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's result code without its extension; 0 where the error did not come from SQLite."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def from_sqlite(error: sqlite3.Error, path: str) -> StoreError:
    """The store's own error for one of SQLite's."""
    code = primary_code(error)
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(f"There is no room left for the store {path}. Nothing that it holds was lost.")
    if code in _BUSY:
        return StoreBusy(f"Another process holds the store {path} locked.")
    if code in _DAMAGED:
        return damaged(path, str(error))
    if code == sqlite3.SQLITE_READONLY:
        return StoreBroken(
            f"The store {path} cannot be written: this user may not, or the file system is read-only."
        )
    return StoreBroken(f"The store {path} cannot be read or written: {error}.")


def from_os(error: OSError, path: str, doing: str) -> StoreError:
    """The store's own error where the operating system refused ``doing`` (``open``, ``create`` …) at a path."""
    reason = _OS_REASONS.get(error.errno or 0, (error.strerror or str(error)).lower())
    return StoreError(f"The store cannot {doing} {path}: {reason}.")


def damaged(path: str, reason: str) -> StoreCorrupt:
    """The error for a damaged file, with how to restore it."""
    return StoreCorrupt(
        f"The store {path} is damaged ({reason}). Nothing was changed. To go on from a backup: move {path}, "
        f"{path}-wal and {path}-shm away, and use `wsla restore BACKUP {path}`."
    )
