"""What a process is told by signals: to end, or to read its files anew."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable


def take_signals(
    loop: asyncio.AbstractEventLoop, stop: Callable[[], None], reload: Callable[[], None]
) -> None:
    """SIGTERM and SIGINT end, SIGHUP reads anew, as far as there are such signals here."""
    for name, reaction in (("SIGTERM", stop), ("SIGINT", stop), ("SIGHUP", reload)):
        number = getattr(signal, name, None)
        if number is None:
            continue
        try:
            loop.add_signal_handler(number, reaction)
        except (RuntimeError, ValueError, NotImplementedError):
            # Only the main thread of a process can take signals, and not on every system.
            return
