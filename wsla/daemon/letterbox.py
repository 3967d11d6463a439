"""What was sent to daemons that stand by, on the side of the one that judges: taken as if it had come here, once, and
answered when it is on the disk."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any, Final

from wsla.daemon.pushing import Beat, Crowded, Inbox, NotPushed, Taken
from wsla.daemon.writer import Writer
from wsla.store.errors import StoreError
from wsla.store.letters import Letter, Letters
from wsla.store.records import Observed
from wsla.store.sqlite import Store

_log = logging.getLogger(__name__)

EVERY: Final = 0.25
"""Seconds from one look into the box to the next, while nothing comes; else much less."""
_BUSY: Final = 0.02
AT_ONCE: Final = 16
"""Letters that are opened at a time: each may hold as much as a request."""


class Letterbox:
    """Opens letters and answers them. Used in the loop of the daemon."""

    def __init__(self, writer: Writer, inbox: Inbox) -> None:
        self._writer: Final = writer
        self._inbox: Final = inbox
        self._open: Final[dict[str, asyncio.Task[None]]] = {}
        self._answers: Final[dict[str, str]] = {}
        self._wake: Final = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="letterbox")

    async def stop(self) -> None:
        """End. What has no answer by then gets it from whoever judges next."""
        tasks = [*self._open.values(), *(() if self._task is None else (self._task,))]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            came = False
            try:
                came = await self.round()
            except StoreError as error:
                # The writer and what shares the sources tell of it.
                _log.debug("letters cannot be read or answered, and are tried again: %s", error)
            except Exception:
                _log.exception("letters were not answered")
            try:
                await asyncio.wait_for(self._wake.wait(), _BUSY if came else EVERY)
            except TimeoutError:
                continue

    async def round(self) -> bool:
        """Answers what can be answered, and opens what has come; True where there was something."""
        answers = dict(self._answers)
        if answers:
            await self._ask(lambda letters: letters.answer(answers))
            for identifier in answers:
                del self._answers[identifier]
                self._open.pop(identifier, None)
        room = AT_ONCE - len(self._open)
        known = tuple(self._open)
        found: list[Letter] = (
            await self._ask(lambda letters: letters.waiting(known, room)) if room > 0 else []
        )
        beats: dict[str, Observed] = {}
        for one in found:
            if one.beat is None or one.noted is not None:
                self._begin(one, one.noted)
                continue
            try:
                beats[one.id] = self._inbox.heard(one.agreement, one.source, good=one.beat)
            except (Crowded, NotPushed) as problem:
                self._answers[one.id] = _refusal(problem)
        if beats:
            there: set[str] = await self._ask(lambda letters: letters.note(beats))
            for one in found:
                if one.id in there:
                    self._begin(one, beats[one.id])
        return bool(found or answers)

    def _begin(self, letter: Letter, beat: Observed | None) -> None:
        task = asyncio.get_running_loop().create_task(self._take(letter, beat), name="letter")
        self._open[letter.id] = task

    async def _take(self, letter: Letter, beat: Observed | None) -> None:
        try:
            if beat is None:
                answer = _taken(await self._inbox.take(letter.agreement, letter.source, letter.sent))
            elif letter.noted is not None and await self._inbox.is_kept(beat):
                answer = _beat(self._inbox.answer_to(beat))
            else:
                answer = _beat(await self._inbox.keep(beat))
        except (Crowded, NotPushed, StoreError) as problem:
            answer = _refusal(problem)
        except Exception as problem:
            _log.exception("what was sent to another daemon could not be taken")
            answer = _refusal(problem)
        self._answers[letter.id] = answer
        self._wake.set()

    async def _ask(self, function: Callable[[Letters], Any]) -> Any:
        def ask(store: Store) -> Any:
            letters = store.letters()
            assert letters is not None
            return function(letters)

        return await asyncio.wrap_future(self._writer.call(ask))


def _taken(taken: Taken) -> str:
    return json.dumps(
        {"accepted": taken.accepted, "late": taken.late, "known": taken.known, "refused": taken.refused}
    )


def _beat(beat: Beat) -> str:
    return json.dumps({"at": beat.at, "next_due": beat.next_due})


def _refusal(problem: Exception) -> str:
    match problem:
        case NotPushed():
            return json.dumps({"problem": "not pushed"})
        case Crowded():
            return json.dumps({"problem": "crowded", "reason": str(problem)})
        case StoreError():
            return json.dumps({"problem": "store", "reason": str(problem)})
    return json.dumps({"problem": "store", "reason": "What was sent could not be stored."})


def taken_of(answer: str) -> Taken:
    """What became of observations. Raises what ``Inbox.take`` raises."""
    value = _value(answer)
    refused = tuple((position, reason) for position, reason in value["refused"])
    return Taken(accepted=value["accepted"], late=value["late"], known=value["known"], refused=refused)


def beat_of(answer: str) -> Beat:
    """What became of a beat. Raises what ``Inbox.beat`` raises."""
    value = _value(answer)
    return Beat(at=value["at"], next_due=value["next_due"])


def _value(answer: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(answer)
    match value.get("problem"):
        case None:
            return value
        case "not pushed":
            raise NotPushed
        case "crowded":
            raise Crowded(value["reason"])
    raise StoreError(value["reason"])
