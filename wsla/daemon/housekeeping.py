"""What the store needs now and then: old observations are packed, older ones rolled up, while all else goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from operator import methodcaller
from typing import Any, Final

from wsla.daemon.retention import Retention, kept_in
from wsla.daemon.writer import Writer
from wsla.plan.model import Plan
from wsla.ports import Clock
from wsla.store.errors import StoreError
from wsla.store.sqlite import Store
from wsla.values.instants import HOUR, format_instant

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

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        *,
        plans: Callable[[], list[Plan]],
        retention: Callable[[], Retention],
    ) -> None:
        """``plans`` gives those of the agreements that are kept, of every version that may still say something;
        ``retention`` is what is configured by now."""
        self._writer: Final = writer
        self._clock: Final = clock
        self._plans: Final = plans
        self._retention: Final = retention
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
            await self._thin()
        except StoreError as error:
            _log.warning("the store was not put in order: %s", error)
        except Exception:
            # Everything else goes on without it; and the next round may go well.
            _log.exception("the store was not put in order")

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            await self.round()

    async def _pack(self) -> None:
        before = self._clock.now() - ROWS_FOR
        streams: list[int] = await self._ask(methodcaller("streams_to_pack", before))
        for begin in range(0, len(streams), _AT_ONCE):
            piece = streams[begin : begin + _AT_ONCE]
            result = await self._ask(methodcaller("pack", piece, before))
            _log.debug("packed %d observations into %d bytes", result.observations, result.size)
            await asyncio.sleep(_PAUSE)
        for stream in await self._ask(methodcaller("streams_to_merge")):
            await self._ask(methodcaller("merge", [stream]))
            await asyncio.sleep(_PAUSE)

    async def _thin(self) -> None:
        retention = self._retention()
        by_title: dict[str, list[Plan]] = {}
        for plan in self._plans() if retention.observations is not None else ():
            by_title.setdefault(plan.title, []).append(plan)
        for title, plans in by_title.items():
            bounds = [await self._ask(partial(kept_in, plan=one, retention=retention)) for one in plans]
            if any(one is None for one in bounds):
                continue
            until = min(bounds)
            until = until // retention.rollup * retention.rollup
            stream = 0
            while True:
                found = await self._ask(methodcaller("streams_to_thin", title, until, stream, _AT_ONCE))
                if not found:
                    break
                stream = found[-1]
                result = await self._ask(methodcaller("thin", found, until, retention.rollup))
                if result.observations:
                    _log.info(
                        "“%s”: %d observations before %s became %d roll-ups",
                        title,
                        result.observations,
                        format_instant(until),
                        result.rollups,
                    )
                await asyncio.sleep(_PAUSE)

    async def _ask(self, function: Callable[[Store], Any]) -> Any:
        return await asyncio.wrap_future(self._writer.call(function))
