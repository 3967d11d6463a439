"""What the store needs now and then while everything else goes on: old observations are packed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from wsla.daemon.writer import Writer
from wsla.ports import Clock
from wsla.store.errors import StoreError
from wsla.store.sqlite import Store
from wsla.values.instants import HOUR

_log = logging.getLogger(__name__)

EVERY: Final = 600.0
"""Seconds from one round to the next."""
ROWS_FOR: Final = HOUR
"""How old observations are, in nanoseconds, when they are packed."""
_AT_ONCE: Final = 8
"""Streams in one transaction: what is given to the writer meanwhile waits for it."""
_PAUSE: Final = 0.1


class Housekeeping:
    """Asks the writer's thread for small pieces of work, with pauses between them. Used in one event loop."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer: Final = writer
        self._clock: Final = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the first round comes after the first pause."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="housekeeping")

    def stop(self) -> None:
        """End. What the writer has in hand is finished, nothing more is asked for."""
        if self._task is not None:
            self._task.cancel()

    async def round(self) -> None:
        """Does what is to be done now. What the store cannot do is left for the next round."""
        if self._writer.trouble is not None:
            return
        try:
            await self._pack()
        except StoreError as error:
            _log.warning("the store was not put in order: %s", error)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            await self.round()

    async def _pack(self) -> None:
        before = self._clock.now() - ROWS_FOR
        streams: list[int] = await self._ask(lambda store: store.streams_to_pack(before))
        for begin in range(0, len(streams), _AT_ONCE):
            piece = streams[begin : begin + _AT_ONCE]
            result = await self._ask(lambda store, piece=piece: store.pack(piece, before))
            _log.debug("packed %d observations into %d bytes", result.observations, result.size)
            await asyncio.sleep(_PAUSE)
        for stream in await self._ask(lambda store: store.streams_to_merge()):
            await self._ask(lambda store, stream=stream: store.merge([stream]))
            await asyncio.sleep(_PAUSE)

    async def _ask(self, function: Callable[[Store], Any]) -> Any:
        return await asyncio.wrap_future(self._writer.call(function))
