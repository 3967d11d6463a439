"""Whoever started the process and looks after it, such as systemd: told when it runs, still runs, and ends."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Mapping
from typing import Final

from wsla.daemon.logs import one_line

_log = logging.getLogger(__name__)

_SHARE: Final = 3
_MICROSECONDS: Final = 1_000_000
_LONGEST: Final = 500


class Supervisor:
    """Told by the protocol of sd_notify, where the environment names a socket for it; else nothing happens."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address: Final = environ.get("NOTIFY_SOCKET", "")
        self._watched: Final = _watched(environ)
        self._task: asyncio.Task[None] | None = None

    def ready(self, status: str) -> None:
        """It runs. From now on it says regularly that its loop goes round; where it stops to, it is started anew."""
        self._tell("READY=1", f"STATUS={_short(status)}")
        if self._address and self._watched and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watch(self._watched), name="watchdog")

    def status(self, status: str) -> None:
        """What it does, or what keeps it from running, in one sentence."""
        self._tell(f"STATUS={_short(status)}")

    def stopping(self) -> None:
        """It ends."""
        self._tell("STOPPING=1", "STATUS=stopping")

    def close(self) -> None:
        """Says nothing more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _watch(self, within: float) -> None:
        while True:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(within / _SHARE)

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        # An address that begins with @ lies in no folder; to the system it begins with a null character.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode("utf-8", "replace"), address)
        except OSError as error:
            # Whoever does not listen will do without.
            _log.debug("the supervisor could not be told: %s", error)


def _watched(environ: Mapping[str, str]) -> float:
    """Seconds within which it has to say that it still runs; 0 where nobody waits for that."""
    text = environ.get("WATCHDOG_USEC", "")
    if not (text.isascii() and text.isdigit()) or environ.get("WATCHDOG_PID", str(os.getpid())) != str(
        os.getpid()
    ):
        return 0
    return int(text) / _MICROSECONDS


def _short(text: str) -> str:
    return one_line(text)[:_LONGEST]
