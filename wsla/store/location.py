"""Where the store lies: from what the operator wrote to the path of one file, with every unsuitable place refused."""

from __future__ import annotations

import os
import re
import stat
from typing import Final

from wsla.store.errors import StoreError, from_os

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_PREFIX: Final = "sqlite:///"
_HINT: Final = "Write a path such as wsla.db, sqlite:///wsla.db, or sqlite:////var/lib/wsla/wsla.db."


def parse_location(url: str) -> str:
    """The absolute path that a store's URL or plain path means, links resolved.

    Raises StoreError for another scheme (of the URL, only the scheme is repeated: it may hold a password), for a
    URL with options, and for a store in memory.
    """
    scheme = _SCHEME.match(url)
    if scheme is None:
        if url.lower().startswith("sqlite:"):
            raise StoreError(f"A store's URL begins with sqlite:/// (three strokes). {_HINT}")
        path = url
    elif scheme[1].lower() in ("postgres", "postgresql"):
        raise StoreError(
            "A store on PostgreSQL is copied by PostgreSQL's own programs: pg_dump makes a backup of it, pg_restore a "
            "store."
        )
    elif scheme[1].lower() != "sqlite":
        known = "The store is a file of SQLite or a database of PostgreSQL"
        raise StoreError(f"{known}; {scheme[1]}:// is not supported. {_HINT}")
    elif not url.lower().startswith(_PREFIX):
        raise StoreError(f"A store's URL has no host: sqlite: is followed by three strokes. {_HINT}")
    elif "?" in url or "#" in url:
        raise StoreError(f"A store's URL takes no options after ? or #. {_HINT}")
    else:
        path = url[len(_PREFIX) :]
    if path == ":memory:":
        raise StoreError(f"A store in memory would lose everything when the daemon ends. {_HINT}")
    if not path or "\0" in path:
        raise StoreError(f"The store's path is missing or no path. {_HINT}")
    return os.path.realpath(path)


def check_place(path: str) -> None:
    """Raises StoreError where no store can be: a missing parent folder, a folder, a device."""
    parent = os.path.dirname(path)
    try:
        if not os.path.isdir(parent):
            what = "is not a folder" if os.path.lexists(parent) else "does not exist"
            raise StoreError(f"The store {path} cannot be opened: the folder {parent} {what}.")
        mode = os.stat(path).st_mode if os.path.lexists(path) else None
    except OSError as error:
        raise from_os(error, path, "open") from None
    if mode is not None and stat.S_ISDIR(mode):
        raise StoreError(f"{path} is a folder; name a file in it, such as {os.path.join(path, 'wsla.db')}.")
    if mode is not None and not stat.S_ISREG(mode):
        raise StoreError(f"{path} is no ordinary file and cannot hold a store.")


def identity(path: str) -> tuple[int, int] | None:
    """What tells the file at a path from any other (device, inode); None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_dev, status.st_ino)


def size(path: str) -> int:
    """Bytes of the file at a path; 0 where there is none."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
