"""Letters to a daemon that begins to judge: what the one before had noted of them is not lost, nor taken twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from wsla.daemon.letterbox import Letterbox, beat_of
from wsla.daemon.pushing import Beat
from wsla.store.letters import Letter
from wsla.store.records import Observed
from wsla.values.observations import Observation

NOTED = Observed("Quick", Observation(source="beat", at=7, fields={"ok": True}), 7)


class Box:
    """A store's letters, and a writer that asks it."""

    def __init__(self) -> None:
        self.letter = Letter(id="a", agreement="Quick", source="beat", beat=True, noted=NOTED)
        self.answers: dict[str, str] = {}

    def call(self, function: Callable[[Any], Any]) -> Future[Any]:
        found: Future[Any] = Future()
        found.set_result(function(self))
        return found

    def letters(self) -> Box:
        return self

    def waiting(self, known: tuple[str, ...], limit: int) -> list[Letter]:
        return [] if self.letter.id in (*known, *self.answers) else [self.letter]

    def answer(self, answers: dict[str, str]) -> None:
        self.answers |= answers


class Kept:
    """An inbox that may have the noted beat on the disk already; it hears no new one."""

    def __init__(self, *, kept: bool) -> None:
        self.kept = kept
        self.taken: list[Observed] = []

    async def is_kept(self, beat: Observed) -> bool:
        return self.kept

    async def keep(self, beat: Observed) -> Beat:
        self.taken.append(beat)
        return self.answer_to(beat)

    def answer_to(self, beat: Observed) -> Beat:
        return Beat(at=beat.observation.at, next_due=beat.observation.at + 1)


@pytest.mark.parametrize("kept", [True, False])
def test_a_beat_that_was_noted_before_is_answered_as_what_it_was_taken_for(kept: bool) -> None:
    box, inbox = Box(), Kept(kept=kept)

    async def main() -> None:
        letterbox = Letterbox(box, inbox)  # type: ignore[arg-type]
        while not box.answers:
            await letterbox.round()
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(main(), 60))
    assert beat_of(box.answers["a"]) == Beat(at=7, next_due=8)
    assert inbox.taken == ([] if kept else [NOTED])
