"""Work that may hang, in threads of its own: as many as there may be, and none that keeps the daemon from ending."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

Answer = TypeVar("Answer")


class TooManyThreads(Exception):
    """As many threads as there may be are busy, or hang."""


class Threads:
    """At most ``most`` threads at once. Used in the loop of the daemon."""

    def __init__(self, most: int) -> None:
        self._most: Final = most
        self._busy = 0

    def begin(self, function: Callable[[], Answer]) -> asyncio.Future[Answer]:
        """What ``function`` gives or raises, once it has. Raises TooManyThreads."""
        if self._busy >= self._most:
            raise TooManyThreads
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        self._busy += 1

        def finish(answer: Answer | None, error: BaseException | None) -> None:
            self._busy -= 1
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
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(finish, answer, error)

        try:
            threading.Thread(target=work, name="wsla-look", daemon=True).start()
        except RuntimeError:
            self._busy -= 1
            raise TooManyThreads from None
        return future
