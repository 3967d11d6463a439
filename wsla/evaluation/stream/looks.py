"""Looking at open windows, live: what is told of them, since when it is certain, and when to look next (rule M99)."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_right
from operator import attrgetter
from typing import Any, Final

from wsla.evaluation.stream.certain import Wanted, certain_since, next_turn
from wsla.evaluation.stream.events import Event
from wsla.evaluation.stream.followed import NEVER_CHANGES
from wsla.evaluation.stream.layout import Layout
from wsla.evaluation.stream.machine import NEVER, Machine
from wsla.evaluation.stream.snapshot import load_machine
from wsla.evaluation.stream.standing import Standings
from wsla.evaluation.stream.unended import open_judgements
from wsla.evaluation.verdicts import CERTAIN, Judgement
from wsla.plan.model import Plan
from wsla.values.observations import Observation

_BY_TIME: Final = attrgetter("at")


class Looks:
    """The part of a streaming evaluator that looks at what has not ended."""

    def __init__(self, plan: Plan, start: int, *, live: bool, keep: bool) -> None:
        self._plan: Final = plan
        self._layout: Final = Layout(plan, metrics=keep)
        self._live: Final = live
        self._keep: Final = keep
        self._start: Final = start
        self._machine = Machine(self._layout, start, live=live, keep=keep)
        self._standings = Standings(self._layout)
        # Observations since the oldest checkpoint, in order of time, and the checkpoints: [instant, state].
        self._tail: list[Observation] = []
        self._checkpoints: list[tuple[int, Any]] = []
        self._trimmed = False
        self._outbox: list[Event] = []
        # The instant at which a look was asked for, which then is to be taken.
        self._asked = NEVER
        self._position: Final = {goal.name: number for number, goal in enumerate(plan.goals)}

    @abstractmethod
    def next_event_at(self) -> int | None:
        """The earliest instant at which something happens without new data."""

    @abstractmethod
    def _advance(self, to: int) -> list[Event]:
        """Moves time on; gives what there is to tell."""

    @abstractmethod
    def _seen(self) -> list[Observation]:
        """The observations since the oldest checkpoint."""

    def next_change(self) -> int | None:
        """Live, an instant before which the passing of time alone changes nothing; None where it never will.

        It is never later than the next one at which a window is secured or lost. Ask again once time has come to it.
        """
        event = self.next_event_at()
        machine, standings = self._machine, self._standings
        if machine.now < self._start:
            return event
        standings.meet(machine)
        if standings.waiting or self._outbox:
            self._outbox.extend(self._advance(machine.now))
        if self._outbox or machine.events:
            return machine.now
        if machine.pending or machine.touched or machine.wiring.turned:
            return machine.now + 1
        found = [standings.next_due(), standings.begins_next(machine)]
        if event is not None:
            found.append(event)
            # A look at this instant has said what there was to say.
            said = None if self._asked == machine.now else standings.was_said
            for number, judge in standings.unfollowed():
                turn = next_turn(machine, judge, min(found) - 1, said)
                if turn is not None:
                    standings.expected[number] = turn
                    found.append(turn)
            if min(found) == machine.now:
                self._asked = machine.now
        earliest = min(found)
        return None if earliest == NEVER_CHANGES else earliest

    def _look(self, *, every: bool = False) -> None:
        """Looks at the open windows as they are known now, and tells what has changed."""
        machine, standings = self._machine, self._standings
        self._tell(standings.after_time(machine, every=every))
        standings.certainty.looked(machine.now, settled=not machine.pending)

    def _look_on_the_way(self, to: int) -> None:
        """Before time moves on: stops at each instant before ``to`` at which time alone changes a followed word."""
        machine, standings = self._machine, self._standings
        certainty = standings.certainty
        if not certainty.quiet:
            return
        standings.meet(machine)
        if not standings.timed:
            return
        begins = self._plan.effective_start
        if machine.now < begins:
            # An amendment knows what is observed before its term, and says nothing of it.
            if to <= begins:
                certainty.reached(to - 1)
                return
            machine.move(begins)
            certainty.reached(begins - 1)
        while True:
            event = machine.next_event_at()
            stop = min(standings.next_due(), to if event is None else event + 1)
            if standings.waiting:
                stop = min(stop, standings.begins_next(machine))
            if stop >= to:
                break
            machine.move(stop)
            certainty.reached(stop - 1)
            self._tell(standings.on_the_way(machine))
        certainty.reached(to - 1)

    def _tell(self, changed: list[Judgement]) -> None:
        if not changed:
            return
        machine, standings = self._machine, self._standings
        now = machine.now
        unclear = [
            judgement
            for judgement in changed
            if judgement.verdict in CERTAIN
            and not standings.is_new(self._position[judgement.goal], judgement.window, now)
        ]
        since = self._since(unclear) if unclear else {}
        machine.events += [
            standings.certainty.tell(now, judgement, since.get(id(judgement), now)) for judgement in changed
        ]

    def _since(self, certain: list[Judgement]) -> dict[int, int]:
        """Since when these are certain, each by its identity, found in what came since a checkpoint."""
        now = self._machine.now
        wanted = {
            id(one): Wanted(self._position[one.goal], (one.labels, one.window.start)) for one in certain
        }
        looked = min(self._standings.known_to(one.goal) for one in wanted.values())
        states = [state for at, state in self._checkpoints if at <= looked] or [
            state for _, state in self._checkpoints[:1] if self._trimmed
        ]
        if states:
            machine = load_machine(self._layout, states[-1])
        else:
            machine = Machine(self._layout, self._start, live=True, keep=self._keep)
        seen = self._seen()
        first, last = (bisect_right(seen, at - 1, key=_BY_TIME) for at in (machine.now, now))
        found = certain_since(machine, seen[first:last], now, wanted.values(), looked)
        return {identity: found[one] for identity, one in wanted.items() if one in found}

    def _look_again(self, changed_from: int) -> None:
        """Late data is in its place: tells what is otherwise now, and since when what is certain still."""
        machine, standings = self._machine, self._standings
        standings.changed_from(changed_from)
        told = standings.certainty.later_than(changed_from)
        self._look(every=True)
        still = {key: old for key, old in told.items() if standings.certainty.told.get(key) == old}
        if not still:
            return
        standings.changed_from(changed_from)
        certain = [
            judgement
            for judge in machine.wiring.judges
            if any(goal == judge.goal.name for goal, _ in still)
            for judgement in open_judgements(machine.wiring, judge, machine.now)
            if judgement.verdict in CERTAIN
            and still.get((judgement.goal, judgement.labels), (None, 0))[0] == judgement.window.start
        ]
        since = self._since(certain) if certain else {}
        for judgement in certain:
            instant = since.get(id(judgement), machine.now)
            if instant != still[judgement.goal, judgement.labels][1]:
                machine.events.append(standings.certainty.tell(machine.now, judgement, instant))
        standings.certainty.looked(machine.now, settled=not machine.pending)
