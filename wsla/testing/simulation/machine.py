"""A machine in virtual time: an event loop, and threads that take turns with it, in an order that the seed gives."""

from __future__ import annotations

import asyncio
import queue
import warnings
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from math import ceil
from typing import Any, Final, Generic, NoReturn, TypeVar

from attrs import define

from wsla.daemon.threads import NOTHING, Steps, Wait
from wsla.testing.simulation.timeline import Crash, Stuck, Timeline
from wsla.values.instants import SECOND

Entry = TypeVar("Entry")
_OTHERS_FIRST: Final = 0.3
_HELPED_WITHIN: Final = 0.02
_MOST_ROUNDS: Final = 1_000_000


@define
class VirtualWait:
    """What a thread waits for: until ``ready``, or the deadline on the timeline; ``take`` gives what comes of it."""

    ready: Callable[[], bool] | None
    deadline: int | None
    take: Callable[[], Any] | None = None

    def is_over(self, now: int) -> bool:
        """True where the thread may go on."""
        return (self.ready is not None and self.ready()) or (
            self.deadline is not None and self.deadline <= now
        )

    def wait(self) -> Any:
        """What came of it, once it is over."""
        if self.ready is not None and not self.ready():
            return NOTHING
        return True if self.take is None else self.take()


class SimulatedThread:
    """Something that takes its next step when the loop lets it."""

    def __init__(self, machine: Machine, steps: Steps[None]) -> None:
        self.ended = False
        self.waits_for: VirtualWait | None = VirtualWait(None, 0)
        self._begun = False
        self._machine: Final = machine
        self._steps: Final = steps

    def join(self, timeout: float) -> None:
        """See ``Thread``."""
        self._machine.wait(lambda: self.ended, timeout)

    def resume(self) -> None:
        """Let it run until it waits for something."""
        waited, self.waits_for = self.waits_for, None
        assert waited is not None
        try:
            following: Wait = self._steps.send(waited.wait() if self._begun else None)
        except StopIteration:
            self.ended = True
        else:
            assert isinstance(following, VirtualWait)
            self.waits_for = following
        self._begun = True
        self._machine.check()

    def kill(self) -> None:
        """Let it unwind, without doing anything more."""
        with suppress(BaseException):
            self._steps.close()


class Machine:
    """What a process has: threads, and one event loop. Made anew for every life of the daemon."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline: Final = timeline
        self.threads: Final[list[SimulatedThread]] = []
        self.crashed = False
        self.between_callbacks = False
        self.loop: Final = VirtualLoop(self)

    # As ``Threads``

    def start(self, steps: Steps[None], name: str) -> SimulatedThread:
        """See ``Threads``."""
        thread = SimulatedThread(self, steps)
        self.threads.append(thread)
        return thread

    def queue(self) -> VirtualQueue[Any]:
        """See ``Threads``."""
        return VirtualQueue(self)

    def event(self) -> VirtualEvent:
        """See ``Threads``."""
        return VirtualEvent(self)

    def monotonic(self) -> float:
        """See ``Threads``."""
        return self.timeline.monotonic() / SECOND

    def sleeping(self, seconds: float) -> VirtualWait:
        """See ``Threads``."""
        return VirtualWait(None, self.later(seconds))

    def later(self, seconds: float) -> int:
        """The instant of the timeline in so many seconds."""
        return self.timeline.now + max(round(seconds * SECOND), 0)

    def wait(self, ready: Callable[[], bool] | None, timeout: float) -> None:
        """Blocks whoever calls: a thread in the middle of a step, or the loop itself. The others go on meanwhile."""
        deadline = self.later(timeout)
        between = self.between_callbacks
        if between:
            self.timeline.at(deadline, _nothing)
        rounds = 0
        try:
            while (ready is None or not ready()) and self.timeline.now < deadline:
                rounds += 1
                if rounds > _MOST_ROUNDS:
                    raise Stuck("time stands still")
                if between and not self.loop.is_stopping():
                    # A thread waits inside of a step, and the loop has nothing in hand: it goes round as usual.
                    self.loop.go_round()
                else:
                    self.proceed(deadline)
        finally:
            self.between_callbacks = between

    def crash(self, where: str) -> NoReturn:
        """The process ends here and now, whichever thread it is in."""
        self.crashed = True
        self.timeline.say("process", f"killed {where}")
        raise Crash(where)

    def check(self) -> None:
        """Raises Crash where the process is gone already: what unwinds after that does nothing any more."""
        if self.crashed:
            raise Crash("already")

    # The order of things

    def proceed(self, until: int | None) -> None:
        """Lets one thing happen; where nothing can, time passes to the next, and at most to ``until``."""
        thread = self._runnable()
        if thread is not None:
            thread.resume()
            if thread.ended:
                self.threads.remove(thread)
            return
        if self.timeline.run_due():
            return
        dues = [
            thread.waits_for.deadline
            for thread in self.threads
            if thread.waits_for is not None and thread.waits_for.deadline is not None
        ]
        dues += [due for due in (until, self.timeline.next_at()) if due is not None]
        if not dues:
            raise Stuck("nothing is left that could happen")
        self.timeline.now = max(self.timeline.now, min(dues))

    def _runnable(self) -> SimulatedThread | None:
        now = self.timeline.now
        able = [
            thread
            for thread in self.threads
            if thread.waits_for is not None and thread.waits_for.is_over(now)
        ]
        if not able:
            return None
        return able[0] if len(able) == 1 else self.timeline.races.choice(able)

    def end(self) -> None:
        """The process is gone, and all that it had in hand."""
        for thread in self.threads:
            thread.kill()
        self.threads.clear()
        self.loop.abandon()


class VirtualQueue(Generic[Entry]):
    """See ``Queue``."""

    def __init__(self, machine: Machine) -> None:
        self._machine: Final = machine
        self._entries: Final[deque[Entry]] = deque()

    def put(self, item: Entry) -> None:
        """See ``Queue``."""
        self._entries.append(item)

    def getting(self, timeout: float | None = None) -> VirtualWait:
        """See ``Queue``."""
        deadline = None if timeout is None else self._machine.later(timeout)
        return VirtualWait(lambda: bool(self._entries), deadline, self._entries.popleft)

    def get_nowait(self) -> Entry:
        """See ``Queue``."""
        if not self._entries:
            raise queue.Empty
        return self._entries.popleft()


class VirtualEvent:
    """See ``Event``."""

    def __init__(self, machine: Machine) -> None:
        self._machine: Final = machine
        self._is_set = False

    def set(self) -> None:
        """See ``Event``."""
        self._is_set = True

    def clear(self) -> None:
        """See ``Event``."""
        self._is_set = False

    def waiting(self, timeout: float) -> VirtualWait:
        """See ``Event``."""
        return VirtualWait(lambda: self._is_set, self._machine.later(timeout))


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop that never waits: where nothing is ready, time jumps to what comes next."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self._machine: Final = machine
        self._selector: Final = _Jump(machine)
        self.set_exception_handler(lambda *_: None)

    def time(self) -> float:
        """Seconds of the clock that never steps."""
        timeline = self._machine.timeline
        return timeline.awake() / SECOND

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """Runs a function a moment later, as another thread would: nothing else runs meanwhile in any case."""
        future: Future[Any] = Future()

        def work() -> None:
            future.set_running_or_notify_cancel()
            try:
                future.set_result(func(*args))
            except Exception as error:
                future.set_exception(error)

        self.call_later(self._machine.timeline.races.random() * _HELPED_WITHIN, work)
        return asyncio.wrap_future(future, loop=self)

    def go_round(self) -> None:
        """One round inside of another, which waits just now and has no callback in hand."""
        self._run_once()  # type: ignore[attr-defined]

    def is_stopping(self) -> bool:
        """True once it has been told to end after this round: a round does not wait any more then."""
        return bool(self._stopping)  # type: ignore[attr-defined]

    def abandon(self) -> None:
        """Drops everything that has not ended; nothing of it runs again."""
        with warnings.catch_warnings():
            # Some of it had not even begun.
            warnings.simplefilter("ignore", RuntimeWarning)
            for task in asyncio.all_tasks(self):
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with suppress(BaseException):
                    task.get_coro().close()
            self.close()

    def _process_events(self, event_list: object) -> None:
        return

    def _write_to_self(self) -> None:
        return


class _Jump:
    """What the loop waits with."""

    def __init__(self, machine: Machine) -> None:
        self._machine: Final = machine

    def select(self, timeout: float | None) -> tuple[()]:
        """Lets something else happen, or time pass for at most ``timeout`` seconds."""
        machine = self._machine
        # The loop itself has something to do: whether others come first is chance.
        if timeout == 0 and machine.timeline.races.random() >= _OTHERS_FIRST:
            return ()
        machine.between_callbacks = True
        try:
            until = None if timeout is None else machine.timeline.now + ceil(timeout * SECOND)
            machine.proceed(until)
        finally:
            machine.between_callbacks = False
        return ()


def _nothing() -> None:
    return
