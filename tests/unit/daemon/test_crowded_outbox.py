"""A full outbox is said once, and once more when it is over."""

from __future__ import annotations

from typing import Any, cast

from wsla.daemon.daemon import CROWDED, UNCROWDED, Daemon
from wsla.store.records import Batch, WriteResult


class Listener:
    """What of a daemon the message needs."""

    def __init__(self) -> None:
        self._crowded = False
        self.told: list[str] = []
        self._outbox = self

    def wake(self) -> None:
        """Nothing waits here."""

    def _tell(self, sentence: str) -> None:
        self.told.append(sentence)

    def _soon(self, call: Any, *arguments: Any) -> None:
        call(*arguments)


def test_it_is_said_when_it_begins_and_when_it_ends() -> None:
    daemon = Listener()
    for over in (False, True, True, False, False, True):
        Daemon._committed(cast("Daemon", daemon), Batch(), WriteResult(outbox_over_limit=over))
    assert daemon.told == [CROWDED, UNCROWDED, CROWDED]
