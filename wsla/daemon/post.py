"""What is sent to a daemon that stands by, on its side: stored as a letter to the one that judges, whoever that is by
then, and answered with its answer."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final

from attrs import define, field

from wsla.daemon.letterbox import beat_of, taken_of
from wsla.daemon.pushing import Beat, Crowded, Taken
from wsla.store.errors import StoreError
from wsla.store.letters import Letter, Sender
from wsla.store.records import Observed

_log = logging.getLogger(__name__)

ANSWERED_WITHIN: Final = 25.0
"""Seconds after which a letter without an answer is taken back: longer than another daemon needs to take over."""
MOST: Final = 200
MOST_OBSERVATIONS: Final = 50_000
_LOOK_AGAIN: Final = 0.05
_IDLE: Final = 10.0
_CROWDED: Final = "More is on its way to the daemon that judges than can be taken at the moment."
_NOT_TAKEN: Final = "The daemon that judges has not taken it in time; send it again."


@define(eq=False)
class _Sent:
    """A letter, and who waits for its answer until when."""

    letter: Letter
    future: Future[Any]
    read: Callable[[str], Any]
    until: float = field(factory=lambda: time.monotonic() + ANSWERED_WITHIN)
    stored: bool = False


class Post:
    """Sends letters and waits for their answers, in a thread that is there only while there is something to do."""

    def __init__(self, url: str, now: Callable[[], int]) -> None:
        """``url`` is that of the store; ``now`` gives nanoseconds since the epoch."""
        self._url: Final = url
        self._now: Final = now
        self._lock: Final = threading.Lock()
        self._wake: Final = threading.Event()
        self._sent: dict[str, _Sent] = {}
        self._observations = 0
        self._thread: threading.Thread | None = None

    def push(self, title: str, source: str, sent: Sequence[Observed]) -> Future[Taken]:
        """Called from any thread; done once everything that is not refused is on the disk: see ``Inbox.take``."""
        letter = Letter(id=uuid.uuid4().hex, agreement=title, source=source, sent=tuple(sent))
        return self._send(letter, taken_of)

    def beat(self, title: str, source: str, *, good: bool) -> Future[Beat]:
        """Called from any thread; done once the beat is on the disk: see ``Inbox.beat``."""
        return self._send(Letter(id=uuid.uuid4().hex, agreement=title, source=source, beat=good), beat_of)

    def _send(self, letter: Letter, read: Callable[[str], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            if len(self._sent) >= MOST or (
                self._observations + len(letter.sent) > MOST_OBSERVATIONS and self._sent
            ):
                future.set_exception(Crowded(_CROWDED))
                return future
            self._sent[letter.id] = _Sent(letter, future, read)
            self._observations += len(letter.sent)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="wsla-post", daemon=True)
                self._thread.start()
        self._wake.set()
        return future

    def _run(self) -> None:
        sender: Sender | None = None
        idle_since = time.monotonic()
        try:
            while True:
                self._wake.clear()
                with self._lock:
                    sent = list(self._sent.values())
                    if not sent and time.monotonic() - idle_since >= _IDLE:
                        self._thread = None
                        return
                if sent:
                    idle_since = time.monotonic()
                    try:
                        sender = sender or Sender(self._url, self._now)
                        self._round(sender, sent)
                    except StoreError as error:
                        self._give_up(sent, str(error))
                    except Exception as error:
                        _log.exception("what was sent could not be handed on")
                        self._end(
                            sent, error=StoreError(f"It could not be handed on ({type(error).__name__}).")
                        )
                self._wake.wait(_LOOK_AGAIN if self._sent else _IDLE)
        finally:
            if sender is not None:
                sender.close()

    def _round(self, sender: Sender, sent: list[_Sent]) -> None:
        new = [one for one in sent if not one.stored]
        if new:
            sender.send([one.letter for one in new])
            for one in new:
                one.stored = True
        answers = sender.answers([one.letter.id for one in sent])
        over = [one for one in sent if one.letter.id in answers or time.monotonic() >= one.until]
        for one in over:
            answer = answers.get(one.letter.id)
            if answer is None:
                self._end([one], error=StoreError(_NOT_TAKEN))
                continue
            try:
                value = one.read(answer)
            except Exception as problem:
                self._end([one], error=problem)
            else:
                self._end([one], value)
        if over:
            with suppress(StoreError):
                # What stays behind is forgotten by the one that judges.
                sender.take_away([one.letter.id for one in over])

    def _give_up(self, sent: list[_Sent], reason: str) -> None:
        """Where the database cannot be reached: it may be back in time."""
        self._end([one for one in sent if time.monotonic() >= one.until], error=StoreError(reason))

    def _end(self, sent: list[_Sent], value: object = None, error: Exception | None = None) -> None:
        for one in sent:
            with self._lock:
                if self._sent.pop(one.letter.id, None) is None:
                    continue
                self._observations -= len(one.letter.sent)
            if error is None:
                one.future.set_result(value)
            else:
                one.future.set_exception(error)
