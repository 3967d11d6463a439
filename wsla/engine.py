"""One step of an agreement's life: an event goes in, what follows from it comes out. No clock, no disk, no network."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import Final

from attrs import define, field

from wsla.evaluation.cells import Encoder
from wsla.evaluation.report import TruthChange
from wsla.evaluation.rows import Rows
from wsla.evaluation.stream import Event, JudgementFinal, StreamEvaluator, TriggerChanged
from wsla.evaluation.stream.lanes import Take
from wsla.evaluation.verdicts import Judgement
from wsla.plan.model import Plan
from wsla.remedies.decider import Decider
from wsla.remedies.decisions import Decision
from wsla.values.observations import Observation

Output = Event | Decision
"""What a step gives: changes of verdicts and triggers, intents to act, entries to book; in order of time."""

FORM: Final = 2
"""Counts the forms that snapshots have had: a change of what evaluators remember is a new one."""


class SnapshotError(ValueError):
    """A snapshot that this program cannot go on from; the message says why."""


class Steps:
    """What follows from the events of an evaluator, in order of time."""

    def __init__(self, decider: Decider) -> None:
        self._decider: Final = decider

    def next_due(self) -> int | None:
        """The instant at which the next timer acts, or None where none is running."""
        return self._decider.next_due()

    def outputs(self, events: list[Event]) -> list[Output]:
        """The events of each instant; before them the timers that ran out earlier, after them what follows (rule
        M29).
        """
        outputs: list[Output] = []
        if not events:
            return outputs
        for at, happened in _by_instant(events):
            outputs.extend(self._decider.advance(at - 1))
            outputs.extend(happened)
            judgements = [event.judgement for event in happened if isinstance(event, JudgementFinal)]
            changes = [
                (event.rule, TruthChange(at=at, labels=event.labels, value=event.value))
                for event in happened
                if isinstance(event, TriggerChanged)
            ]
            outputs.extend(self._decider.moment(at, judgements, changes))
        return outputs


def _by_instant(events: list[Event]) -> Iterator[tuple[int, list[Event]]]:
    at = events[0].at
    if len({event.at for event in events}) == 1:
        # The commonest case.
        yield at, events
        return
    for at, moment in groupby(events, key=attrgetter("at")):
        yield at, list(moment)


@define
class Engine:
    """A live agreement: the evaluator and the decider, always stepped together.

    ``plan`` is the agreement, ``start`` the first instant that is judged (nanoseconds since the epoch).
    """

    plan: Plan
    start: int
    _evaluator: StreamEvaluator = field(init=False)
    _decider: Decider = field(init=False)
    _steps: Steps = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._begin(StreamEvaluator(self.plan, self.start, live=True), Decider(self.plan))

    def _begin(self, evaluator: StreamEvaluator, decider: Decider) -> None:
        self._evaluator = evaluator
        self._decider = decider
        self._steps = Steps(decider)
        evaluator.let_decide(self._steps)

    def observe(self, observation: Observation) -> list[Output]:
        """Takes in one observation; time has come at least to its instant.

        What it changes at that very instant comes out with ``advance``: another one may still come for it.
        """
        return self._steps.outputs(self._evaluator.observe(observation))

    def take(self, source: str, encoders: dict[str, Encoder]) -> Take | None:
        """What takes the commonest samples of a source as ``observe_at_once`` does, only faster; None where there is
        nothing that does. It gives None for a sample that it does not take.
        """
        return self._evaluator.take(source, encoders)

    def observe_at_once(self, observation: Observation) -> list[Output]:
        """Takes in one observation and moves time on by a nanosecond, so that what it changes comes out with it."""
        changed = self._evaluator.take_observation(observation)
        return self.observe_long(observation) if changed is None else [*changed]

    def observe_rows(self, rows: Rows) -> list[Output]:
        """Takes in many observations of one source, as ``observe_at_once`` does one by one."""
        outputs: list[Output] = []
        position, number = 0, len(rows)
        while position < number:
            position = self._evaluator.take_rows(rows, position, outputs)
            if position < number:
                outputs += self.observe_long(rows.observation(position))
                position += 1
        return outputs

    def observe_long(self, observation: Observation) -> list[Output]:
        """As ``observe_at_once``, for a sample that nothing took."""
        evaluator = self._evaluator
        evaluator.step_aside(observation)
        outputs = self._steps.outputs(evaluator.observe_aside(observation))
        outputs.extend(self._steps.outputs(evaluator.advance_aside(observation.at + 1)))
        outputs.extend(self._decider.advance(observation.at + 1))
        evaluator.open_lanes(observation, self._decider.next_due())
        return outputs

    def advance(self, to: int) -> list[Output]:
        """Time has come to ``to``: windows end, samples go stale, timers fire. Nothing earlier comes any more in
        order.
        """
        outputs = self._steps.outputs(self._evaluator.advance(to))
        outputs.extend(self._decider.advance(to))
        return outputs

    def next_due(self) -> int | None:
        """The earliest instant at which ``advance`` would give something without any observation."""
        due = [at for at in (self._evaluator.next_event_at(), self._decider.next_due()) if at is not None]
        return min(due, default=None)

    def next_change(self) -> int | None:
        """An instant before which the passing of time alone changes nothing, the standing of open windows included.

        It is never later than the next instant at which a window is secured or lost (rule M99), and costs a look at
        every goal; ask again once time has come to it.
        """
        due = [at for at in (self._evaluator.next_change(), self._decider.next_due()) if at is not None]
        return min(due, default=None)

    def judgements(self, asked_at: int) -> tuple[Judgement, ...]:
        """The standing of every window that is not final yet."""
        return self._evaluator.judgements(asked_at)

    def snapshot(self) -> object:
        """All state, as values that JSON can hold."""
        return {
            "form": FORM,
            "start": self.start,
            "evaluator": self._evaluator.snapshot(),
            "decider": self._decider.snapshot(),
        }

    @classmethod
    def restore(cls, plan: Plan, snapshot: object) -> Engine:
        """An engine with the state of a snapshot that was taken under the same plan. Raises SnapshotError."""
        form = snapshot.get("form") if isinstance(snapshot, dict) else None
        if not isinstance(snapshot, dict) or form != FORM:
            raise SnapshotError(
                f"it is of form {form}, which another build of wsla wrote; this one reads {FORM}"
            )
        try:
            engine = cls(plan, snapshot["start"])
            engine._begin(
                StreamEvaluator.restore(plan, snapshot["evaluator"]),
                Decider.restore(plan, snapshot["decider"]),
            )
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, AssertionError) as error:
            raise SnapshotError(f"it is damaged: {type(error).__name__}") from error
        return engine
