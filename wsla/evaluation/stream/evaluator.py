"""The streaming evaluator: the machine, with late data, standings and the outcome of a stretch of history."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from operator import attrgetter
from typing import Any, Final, Protocol

from attrs import evolve

from wsla.evaluation.cells import Encoder
from wsla.evaluation.report import Outcome, SeriesPoint, TruthChange
from wsla.evaluation.rows import Rows
from wsla.evaluation.stream.crossing import Crossing
from wsla.evaluation.stream.events import Event, JudgementFinal, StandingChanged, TooLate, TriggerChanged
from wsla.evaluation.stream.followed import NEVER_CHANGES
from wsla.evaluation.stream.lanes import Lanes, Take
from wsla.evaluation.stream.looks import Looks
from wsla.evaluation.stream.machine import NEVER, Machine
from wsla.evaluation.stream.snapshot import (
    load_machine,
    load_observation,
    plain,
    save_machine,
    save_observation,
)
from wsla.evaluation.stream.triggers import NOTHING, Trigger
from wsla.evaluation.stream.unended import open_judgements, open_metric
from wsla.evaluation.verdicts import Judgement, Labels
from wsla.plan.model import Plan
from wsla.values.instants import MINUTE
from wsla.values.observations import Observation

_BY_TIME: Final = attrgetter("at")


class Decides(Protocol):
    """Who says what follows from events, and when something is due without any."""

    def outputs(self, events: list[Event]) -> list[Any]: ...
    def next_due(self) -> int | None: ...


class StreamEvaluator(Looks):
    """Judges a plan from ``start`` (nanoseconds) on, one observation at a time.

    In history (``live=False``) a window is final at its end, observations may come in any order, and everything that
    was judged is kept. Live, a window is final at its end + the plan's grace; an observation that is older than the
    grace is refused; nothing is kept that is not needed (unless ``keep_history``).

    Observations out of order are put in their place when time is next moved on by ``advance``: until then
    ``observe`` gives no events.
    """

    def __init__(
        self, plan: Plan, start: int, *, live: bool = False, keep_history: bool | None = None
    ) -> None:
        keep = not live if keep_history is None else keep_history
        super().__init__(plan, start, live=live, keep=keep)
        self._disordered_from: int | None = None
        # The short way of samples, where somebody asks for it; what may end meanwhile; and who decides what follows.
        self._lanes: Lanes | None = None
        self._crossing: Crossing | None = None
        self._decider: Decides | None = None

    # In

    def observe(self, observation: Observation) -> list[Event]:
        """Takes an observation; gives what follows from the time that has passed before it."""
        self._leave_lanes()
        return self._observe(observation)

    def _observe(self, observation: Observation) -> list[Event]:
        at = observation.at
        machine = self._machine
        if self._disordered_from is not None or at < machine.now:
            return self._late(observation)
        if at > machine.now:
            if self._live:
                self._look_on_the_way(at + 1)
            machine.move(at)
            if not self._keep:
                self._checkpoint()
        machine.pending.append(observation)
        self._tail.append(observation)
        if self._live:
            self._standings.certainty.taken(at)
            self._tell(self._standings.after_observation(machine))
        return self._collect() if machine.events or self._outbox else []

    def observe_all(self, observations: Iterable[Observation]) -> None:
        """Takes a stretch of history, as ``observe`` does one by one; events come with the next call of ``advance``."""
        arrived = sorted(observations, key=_BY_TIME)
        late = self._disordered_from is not None or (arrived and arrived[0].at < self._machine.now)
        if late or self._live or not self._keep:
            for observation in arrived:
                self._outbox.extend(self.observe(observation))
        else:
            self._tail.extend(arrived)
            self._machine.put_all(arrived)

    def advance(self, to: int) -> list[Event]:
        """Moves time on: nothing with ``at < to`` comes in order any more.

        Windows that end by ``to``, verdicts that become final by ``to`` and samples that go stale by ``to`` are
        included. An instant that has passed changes nothing.
        """
        self._leave_lanes()
        return self._advance(to)

    def _advance(self, to: int) -> list[Event]:
        if self._disordered_from is not None:
            self._rebuild()
        machine = self._machine
        if to > machine.now:
            if self._live:
                self._look_on_the_way(to)
            machine.move(to)
            if not self._keep:
                self._checkpoint()
        if to >= machine.now:
            machine.show_triggers()
            if self._live:
                self._look()
        return self._collect()

    # Lanes: the short way of samples, live and where time goes on with each of them

    def take(self, source: str, encoders: dict[str, Encoder]) -> Take | None:
        """What takes a sample of a source as ``observe`` and ``advance`` to the instant after it do.

        It gives what has changed, or None where the sample is to be given to those two.
        """
        lanes = self._get_lanes()
        return None if lanes is None else lanes.take(source, encoders)

    def take_observation(self, observation: Observation) -> list[StandingChanged] | None:
        """The same for an observation."""
        lanes = self._get_lanes()
        return None if lanes is None else lanes.take_observation(observation)

    def take_rows(self, rows: Rows, first: int, changed: list[Any]) -> int:
        """The same for many rows from a position on; adds what changed. Gives the first row that is left."""
        lanes = self._get_lanes()
        return first if lanes is None else lanes.take_rows(rows, first, changed)

    def _get_lanes(self) -> Lanes | None:
        if self._lanes is None and self._live and not self._keep:
            self._standings.meet(self._machine)
            self._lanes = Lanes(self._layout, self._standings, self._cross)
            self._use_lanes(self._lanes)
        return self._lanes

    def _use_lanes(self, lanes: Lanes) -> None:
        lanes.use(self._machine)
        self._crossing = Crossing(self._machine, self._standings)

    def let_decide(self, decider: Decides) -> None:
        """Where windows end under a sample that takes the short way, what follows from that is for this one to say."""
        self._decider = decider

    def _cross(self, at: int) -> list[Any] | None:
        """Time goes on to a sample's instant if nothing happens by then that lanes have to be left for.

        Gives what came of it, or None: then what has happened is told with the next ``observe_aside``.
        """
        lanes, crossing, decider, standings = self._lanes, self._crossing, self._decider, self._standings
        if lanes is None or crossing is None or decider is None or lanes.session.limit == NEVER:
            return None
        session, due = lanes.session, decider.next_due()
        session.limit = self._limit(due) - 1
        if at < session.limit:
            return []
        timers = min(standings.next_due(), NEVER_CHANGES if due is None else due)
        if timers <= at + 1 or standings.waiting or not crossing.may(at):
            return None
        lanes.fold()
        crossing.go(at)
        self._checkpoint()
        session.limit = self._limit(due) - 1
        return decider.outputs(self._collect()) if at < session.limit else None

    def step_aside(self, observation: Observation) -> None:
        """What is in the lanes is to be where the next ``observe_aside`` and ``advance_aside`` look."""
        if self._lanes is not None:
            self._lanes.step_aside(observation)

    def observe_aside(self, observation: Observation) -> list[Event]:
        """As ``observe`` does, after ``step_aside``."""
        return self._observe(observation)

    def advance_aside(self, to: int) -> list[Event]:
        """As ``advance`` does, after ``step_aside``."""
        return self._advance(to)

    def open_lanes(self, observation: Observation, due: int | None) -> None:
        """Samples may take the short way again, that observation's stream too, before the instant ``due``."""
        lanes = self._lanes
        if lanes is not None and not self._standings.waiting and self._disordered_from is None:
            limit = self._limit(due)
            if limit > self._machine.now:
                lanes.open(observation, limit)
                return
            lanes.close()
        elif lanes is not None:
            lanes.close()

    def _limit(self, due: int | None) -> int:
        """The earliest instant at which something happens without new data, or the state is to be noted."""
        found = [due, self._machine.next_happening(), self._standings.next_due(), self._next_checkpoint()]
        return min(at for at in found if at is not None)

    def _leave_lanes(self) -> None:
        if self._lanes is not None:
            self._lanes.close()

    # Out

    def judgements(self, asked_at: int) -> tuple[Judgement, ...]:
        """What is known at ``asked_at`` of every window that is not final, sorted as an outcome's judgements.

        Time moves on to ``asked_at``; the events of that come with the next call of ``observe`` or ``advance``.
        """
        self._outbox.extend(self.advance(asked_at))
        machine = self._machine
        waiting = (
            [evolve(judgement, final=False) for _, judgement, _ in machine.awaiting] if self._live else []
        )
        return self._sorted([*waiting, *self._open()])

    def next_event_at(self) -> int | None:
        """The earliest instant at which something happens without new data."""
        self._leave_lanes()
        if self._disordered_from is not None:
            self._rebuild()
        return self._machine.next_event_at()

    def outcome(self, until: int) -> Outcome:
        """The outcome of ``[start, until)``; ValueError where history is not kept."""
        if not self._keep:
            raise ValueError("an outcome needs an evaluator that keeps history")
        if self._disordered_from is not None:
            self._rebuild()
        if until < self._machine.now:
            return self._outcome_before(until)
        if until > self._machine.now:
            self._outbox.extend(self.advance(until))
        return self._outcome()

    def _outcome_before(self, until: int) -> Outcome:
        machine = Machine(self._layout, self._start, live=self._live, keep=True)
        for observation in self._tail[: bisect_right(self._tail, until - 1, key=_BY_TIME)]:
            machine.put(observation)
        machine.move(until)
        earlier = StreamEvaluator(self._plan, self._start, live=self._live, keep_history=True)
        earlier._machine = machine
        return earlier._outcome()

    def _outcome(self) -> Outcome:
        machine = self._machine
        until = machine.now
        judged = machine.judged
        if self._live:
            grace = self._plan.grace
            judged = [j if j.window.end + grace <= until else evolve(j, final=False) for j in judged]
        metrics = {}
        for name, root in machine.wiring.metrics.items():
            points = [*machine.points[name], *open_metric(machine.wiring, root, until)]
            metrics[name] = tuple(sorted(points, key=_by_labels_and_window))
        return Outcome(
            start=self._start,
            until=until,
            judgements=self._sorted([*judged, *self._open()]),
            metrics=metrics,
            triggers=self._triggers(),
        )

    def _open(self) -> list[Judgement]:
        machine = self._machine
        judges = machine.wiring.judges
        return [found for judge in judges for found in open_judgements(machine.wiring, judge, machine.now)]

    def _triggers(self) -> dict[str, tuple[TruthChange, ...]]:
        machine = self._machine
        machine.foresee()
        found: dict[str, list[TruthChange]] = {rule.name: [] for rule in self._plan.rules}
        for trigger in machine.wiring.triggers.values():
            changes = list(trigger.history)
            if machine.now >= trigger.begin:
                # Observations of this very instant are not known to who asks at it.
                value = trigger.read()
                if changes and changes[-1][0] == machine.now:
                    changes.pop()
                if not changes or changes[-1][1] is not value:
                    changes.append((machine.now, value))
            found[trigger.rule.name] += [
                TruthChange(at=at, labels=trigger.labels, value=None if value is None else bool(value))
                for at, value in changes
            ]
        return {
            name: tuple(sorted(changes, key=lambda change: (change.at, change.labels)))
            for name, changes in found.items()
        }

    def _sorted(self, judgements: list[Judgement]) -> tuple[Judgement, ...]:
        order = {goal.name: number for number, goal in enumerate(self._plan.goals)}
        return tuple(
            sorted(judgements, key=lambda j: (order[j.goal], j.labels, j.window.start, j.window.end))
        )

    # Events

    def _collect(self) -> list[Event]:
        events = [*self._outbox, *self._machine.events]
        self._outbox.clear()
        self._machine.events.clear()
        return events

    # Late data

    def _late(self, observation: Observation) -> list[Event]:
        machine = self._machine
        horizon = max(machine.now, self._tail[-1].at if self._tail else NEVER)
        if self._live and observation.at < horizon - self._plan.grace:
            return [TooLate(at=horizon, observation=observation)]
        if self._trimmed and observation.at < self._checkpoints[0][0]:
            return [TooLate(at=horizon, observation=observation)]
        insort(self._tail, observation, key=_BY_TIME)
        self._standings.observed += 1
        if self._disordered_from is None or observation.at < self._disordered_from:
            self._disordered_from = observation.at
        return []

    def _next_checkpoint(self) -> int:
        """The instant at which the state is to be noted."""
        if not self._checkpoints:
            return self._machine.now
        return self._checkpoints[-1][0] + max(self._plan.grace, MINUTE)

    def _checkpoint(self) -> None:
        now, grace = self._machine.now, self._plan.grace
        if now < self._next_checkpoint():
            return
        self._checkpoints.append((now, save_machine(self._machine)))
        if self._live:
            # So since when a word is certain is never before the oldest checkpoint.
            self._look(every=True)
        while len(self._checkpoints) > 1 and self._checkpoints[1][0] <= now - grace:
            del self._checkpoints[0]
        if self._checkpoints[0][0] <= now - grace:
            self._trimmed = True
            del self._tail[: bisect_right(self._tail, self._checkpoints[0][0] - 1, key=_BY_TIME)]
            if self._lanes is not None:
                self._lanes.forget(self._checkpoints[0][0])

    def _rebuild(self) -> None:
        """Plays what came since a checkpoint again, in order; tells only what is new."""
        changed_from = self._disordered_from
        assert changed_from is not None
        self._disordered_from = None
        self._tail = self._seen()
        before = self._machine
        self._checkpoints = [point for point in self._checkpoints if point[0] <= changed_from]
        if self._checkpoints:
            machine = load_machine(self._layout, self._checkpoints[-1][1])
        else:
            machine = Machine(self._layout, self._start, live=self._live, keep=self._keep)
        oldest = machine.now
        for observation in self._tail[bisect_right(self._tail, oldest - 1, key=_BY_TIME) :]:
            machine.put(observation)
        machine.move(before.now)
        self._machine = machine
        if self._lanes is not None:
            self._standings.meet(machine)
            self._use_lanes(self._lanes)
        told = machine.events
        machine.events = [*before.events, *self._news(told, before)]
        if self._live:
            self._look_again(changed_from)

    def _seen(self) -> list[Observation]:
        """The observations since the oldest checkpoint, those that were noted in lanes among them."""
        if self._lanes is None:
            return self._tail
        # Of one stream a lane takes no second sample of an instant, so that its own is the first.
        return sorted([*self._lanes.observations(), *self._tail], key=_BY_TIME)

    def _news(self, told: list[Event], before: Machine) -> list[Event]:
        """Of what playing again has told: what was not told before, or is now otherwise."""
        now = before.now
        old = {_window_of(judgement): judgement for judgement in before.judged}
        fresh: list[Event] = []
        for event in told:
            match event:
                case JudgementFinal(at=at, judgement=judgement):
                    if at > now or (self._keep and old.get(_window_of(judgement)) != judgement):
                        fresh.append(event)
                case TriggerChanged(at=at) if at > now:
                    fresh.append(event)
                case _:
                    pass
        for key, trigger in self._machine.wiring.triggers.items():
            known = before.wiring.triggers.get(key)
            said = NOTHING if known is None else known.emitted
            if (
                trigger.history
                and trigger.emitted != said
                and not any(_tells(event, trigger) for event in fresh)
            ):
                value = trigger.truth
                fresh.append(
                    TriggerChanged(at=now, rule=trigger.rule.name, labels=trigger.labels, value=value)
                )
        return sorted(fresh, key=_BY_TIME)

    # Keeping

    def snapshot(self) -> object:
        """Everything that is known, as JSON holds it."""
        self._leave_lanes()
        return {
            "live": self._live,
            "keep": self._keep,
            "start": self._start,
            "machine": plain(save_machine(self._machine)),
            "tail": [save_observation(observation) for observation in self._seen()],
            "checkpoints": [[at, plain(state)] for at, state in self._checkpoints],
            "trimmed": self._trimmed,
            "disordered_from": self._disordered_from,
            "standings": self._standings.save(),
        }

    @classmethod
    def restore(cls, plan: Plan, snapshot: Any) -> StreamEvaluator:
        """An evaluator in the state of ``snapshot``; events that were not fetched before are not in it."""
        found = cls(plan, snapshot["start"], live=snapshot["live"], keep_history=snapshot["keep"])
        found._machine = load_machine(found._layout, snapshot["machine"])
        found._tail = [load_observation(observation) for observation in snapshot["tail"]]
        found._checkpoints = [(at, state) for at, state in snapshot["checkpoints"]]
        found._trimmed = snapshot["trimmed"]
        found._disordered_from = snapshot["disordered_from"]
        found._standings.load(snapshot["standings"])
        return found


def _tells(event: Event, trigger: Trigger) -> bool:
    return (
        isinstance(event, TriggerChanged)
        and event.rule == trigger.rule.name
        and event.labels == trigger.labels
    )


def _window_of(judgement: Judgement) -> object:
    return judgement.goal, judgement.labels, judgement.window


def _by_labels_and_window(point: SeriesPoint) -> tuple[Labels, int, int]:
    return point.labels, point.window.start, point.window.end
