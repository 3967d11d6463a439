"""A machine in virtual time: an event loop and threads of which one at a time runs, in an order that the seed gives."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from math import ceil
from typing import Any, Final, Generic, NoReturn, TypeVar

from wsla.testing.simulation.timeline import Crash, Stuck, Timeline
from wsla.values.instants import SECOND

Entry = TypeVar("Entry")
_OTHERS_FIRST: Final = 0.3
_HELPED_WITHIN: Final = 0.02
_STARTED: Final = 60.0
"""Real seconds after which a thread that does not give back is a bug of the simulator."""


class SimulatedThread:
    """A thread that runs only while the loop waits for it."""

    def __init__(self, machine: Machine, run: Callable[[], None], name: str) -> None:
        self.name: Final = name
        self.ended = False
        self.ready: Callable[[], bool] | None = lambda: True
        self.deadline: int | None = None
        self.killed = False
        self.failure: BaseException | None = None
        self._machine: Final = machine
        self._go: Final = threading.Lock()
        self._back: Final = threading.Lock()
        self._go.acquire()
        self._back.acquire()
        self._run: Final = run
        self._thread: Final = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    def join(self, timeout: float | None = None) -> None:
        """See ``Threads``."""
        self._machine.wait(lambda: self.ended, timeout)

    def resume(self) -> None:
        """Let it run until it waits for something; called by the loop alone."""
        self.ready = self.deadline = None
        self._go.release()
        if not self._back.acquire(timeout=_STARTED):
            raise RuntimeError(f"the thread {self.name} waits for something real")
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        self._machine.check()

    def kill(self) -> None:
        """Let it unwind, without doing anything more; called by the loop alone."""
        self.killed = True
        if not self.ended:
            self._go.release()
            self._thread.join()

    def pause(self, ready: Callable[[], bool] | None, deadline: int | None) -> None:
        """Wait until ``ready`` or the deadline; called by the thread itself."""
        if self.killed:
            raise Crash("with its process")
        self.ready, self.deadline = ready, deadline
        self._back.release()
        self._go.acquire()
        if self.killed:
            raise Crash("with its process")

    def _main(self) -> None:
        self._go.acquire()
        try:
            if not self.killed:
                self._machine.running.thread = self
                self._run()
        except BaseException as failure:
            self.failure = failure
        finally:
            self.ended = True
            self._back.release()


class Machine:
    """What a process has: threads, and one event loop. Made anew for every life of the daemon."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline: Final = timeline
        self.threads: Final[list[SimulatedThread]] = []
        self.running: Final = threading.local()
        self.crashed = False
        self.loop: Final = VirtualLoop(self)

    # As ``Threads``

    def start(self, run: Callable[[], None], name: str) -> SimulatedThread:
        """See ``Threads``."""
        thread = SimulatedThread(self, run, name)
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

    def sleep(self, seconds: float) -> None:
        """See ``Threads``."""
        self.wait(None, seconds)

    def wait(self, ready: Callable[[], bool] | None, timeout: float | None) -> bool:
        """Waits until ``ready`` says so, in the thread that calls; False where the time was up."""
        if ready is not None and ready():
            return True
        deadline = None if timeout is None else self.timeline.now + max(round(timeout * SECOND), 0)
        thread: SimulatedThread | None = getattr(self.running, "thread", None)
        if thread is not None:
            thread.pause(ready, deadline)
            return ready is None or ready()
        # The loop's own thread: everything else goes on meanwhile, but for the loop.
        while (ready is None or not ready()) and (deadline is None or self.timeline.now < deadline):
            self.proceed(deadline)
        return ready is None or ready()

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
        dues = [thread.deadline for thread in self.threads if thread.deadline is not None]
        dues += [due for due in (until, self.timeline.next_at()) if due is not None]
        if not dues:
            raise Stuck("nothing is left that could happen")
        self.timeline.now = max(self.timeline.now, min(dues))

    def _runnable(self) -> SimulatedThread | None:
        now = self.timeline.now
        able = [
            thread
            for thread in self.threads
            if (thread.ready is not None and thread.ready())
            or (thread.deadline is not None and thread.deadline <= now)
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

    def abandon(self) -> None:
        """Drops everything that has not ended; nothing of it runs again."""
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
        if timeout == 0:
            # The loop itself has something to do: whether others come first is chance.
            if machine.timeline.races.random() < _OTHERS_FIRST:
                machine.proceed(machine.timeline.now)
            return ()
        machine.proceed(None if timeout is None else machine.timeline.now + ceil(timeout * SECOND))
        return ()


class VirtualQueue(Generic[Entry]):
    """What one thread gives another, in order."""

    def __init__(self, machine: Machine) -> None:
        self._machine: Final = machine
        self._entries: Final[deque[Entry]] = deque()

    def put(self, item: Entry) -> None:
        """See ``Queue``."""
        self._entries.append(item)

    def get(self, *, timeout: float | None = None) -> Entry:
        """See ``Queue``."""
        if not self._machine.wait(lambda: bool(self._entries), timeout):
            raise queue.Empty
        return self._entries.popleft()

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

    def wait(self, timeout: float | None = None) -> bool:
        """See ``Event``."""
        return self._machine.wait(lambda: self._is_set, timeout)
