"""Work that may hang, in threads of its own: as many as there may be, and none that keeps the daemon from ending."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Final, TypeVar

MOST: Final = 64
"""Looks at files and databases at once."""

Answer = TypeVar("Answer")


class TooManyThreads(Exception):
    """As many threads as there may be are busy, or hang."""

    def __init__(self) -> None:
        super().__init__(f"{MOST} looks at files and databases hang already")


class Threads:
    """At most ``most`` threads at once."""

    def __init__(self, most: int) -> None:
        self._free: Final = threading.Semaphore(most)

    def begin(self, function: Callable[[], Answer]) -> asyncio.Future[Answer]:
        """What ``function`` gives or raises, once it has. Raises TooManyThreads."""
        if not self._free.acquire(blocking=False):
            raise TooManyThreads
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()

        def finish(answer: Answer | None, error: BaseException | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(answer)  # type: ignore[arg-type]

        def work() -> None:
            answer, error = None, None
            try:
                answer = function()
            except BaseException as problem:
                error = problem
            self._free.release()
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(finish, answer, error)

        try:
            threading.Thread(target=work, name="wsla-look", daemon=True).start()
        except RuntimeError:
            self._free.release()
            raise TooManyThreads from None
        return future


@cache
def shared_threads() -> Threads:
    """The threads of this process."""
    return Threads(MOST)
