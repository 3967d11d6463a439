"""Whether files hold something else than before: looked at again and again, and told once they hold still."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from wsla.daemon.agreements import UNREADABLE, checksum
from wsla.texts import content_of

_log = logging.getLogger(__name__)

EVERY: Final = 1.0
"""Seconds from one look to the next; changed files are taken once two looks one after the other found the same."""
THOROUGH: Final = 30.0
"""Seconds after which a look reads every file, whatever the file system says of its last change."""
_SHARE: Final = 100

_Mark = tuple[int, int, int, int, int]
Contents = Mapping[str, str]
"""The checksum of what each file holds."""


class Looks:
    """Looks at files and reads only those of which the file system says that they changed. Used in one thread."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[_Mark, str]] = {}

    def look(self, names: Iterable[str], *, thorough: bool = False) -> dict[str, str]:
        """The checksums of files; ``thorough`` reads them all. Links are followed, wherever they lead by now."""
        known = {} if thorough else self._known
        found: dict[str, tuple[_Mark, str]] = {}
        for name in names:
            try:
                status = os.stat(name)
            except (OSError, ValueError):
                continue
            mark = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            before = known.get(name)
            found[name] = before if before is not None and before[0] == mark else (mark, _read(name))
        self._known = found
        return {name: found[name][1] if name in found else UNREADABLE for name in names}


class Watching:
    """Calls ``changed`` from a thread of its own when ``names`` hold something else than what was ``taken``.

    ``names`` are asked for anew at every look: files come and go.
    """

    def __init__(
        self,
        names: Callable[[], Iterable[str]],
        changed: Callable[[], None],
        *,
        wanted: Callable[[], bool],
        every: float = EVERY,
        thorough: float = THOROUGH,
    ) -> None:
        self.taken: Contents | None = None
        self._names: Final = names
        self._changed: Final = changed
        self._wanted: Final = wanted
        self._every: Final = every
        self._thorough: Final = thorough
        self._looks: Final = Looks()
        self._ended: Final = threading.Event()
        self._before: Contents | None = None

    def start(self) -> None:
        """Begin."""
        # A file system that hangs must not keep the process from ending.
        threading.Thread(target=self._run, name="wsla-watching", daemon=True).start()

    def stop(self) -> None:
        """End."""
        self._ended.set()

    def step(self, *, thorough: bool = False) -> None:
        """One look."""
        now = self._looks.look(list(self._names()), thorough=thorough)
        if now == self._before and now != self.taken:
            self._changed()
        self._before = now

    def _run(self) -> None:
        pause, read_at, troubled = self._every, time.monotonic(), False
        while not self._ended.wait(pause):
            if not self._wanted():
                continue
            began = time.monotonic()
            thorough = began - read_at >= self._thorough
            try:
                self.step(thorough=thorough)
                troubled = False
            except Exception:
                # The next look may go well, and asking for a reload still works.
                if not troubled:
                    _log.exception("the files could not be looked at")
                troubled = True
            took = time.monotonic() - began
            if thorough:
                read_at = time.monotonic() + _SHARE * took
            pause = max(self._every, _SHARE * took)


def _read(name: str) -> str:
    try:
        return checksum(content_of(name))
    except (OSError, ValueError):
        return UNREADABLE
