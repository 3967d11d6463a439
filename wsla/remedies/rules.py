"""The state machine of one rule for one label combination: waiting, holding, in an episode (rule M26)."""

from __future__ import annotations

from enum import Enum
from typing import Final

from attrs import define, field, frozen

from wsla.plan.model import Action, Plan, Rule


class Phase(Enum):
    """The part of an episode at which a rule acts; ``TOLD`` tells of one that was held back (rule M103)."""

    FIRED = "fired"
    REPEAT = "repeat"
    AFTER = "after"
    RECOVERY = "recovery"
    TOLD = "told"


@frozen(kw_only=True)
class Act:
    """A rule acts at instant ``at``, in an episode whose trigger is true since ``since`` and that fired at ``fired``.

    ``number`` counts repeats from 1 and names a step by its place in the text from 1; otherwise it is 1. Messages are
    sent where ``told`` is True. ``held`` counts the episodes since the last one told that were over before anybody was
    told of them, where this begins to tell of one. ``passed`` are steps whose messages were held back until now, by
    their places.
    """

    phase: Phase
    number: int
    at: int
    since: int
    fired: int
    actions: tuple[Action, ...]
    told: bool = True
    held: int = 0
    passed: tuple[tuple[int, tuple[Action, ...]], ...] = ()


@define
class RuleState:
    """Where a rule stands: JSON-able numbers and truth values only.

    ``looked_at`` is the instant of the last change. ``since`` is when the trigger became true, ``fired`` when the
    episode began, None outside. ``repeats`` and ``steps`` count what has been done of them in this episode.
    ``told`` are the last instants at which an episode began to be told, as many as are allowed; ``telling`` is True
    where this one is, ``held`` counts those that were over before they were (rule M103).
    """

    looked_at: int | None = None
    since: int | None = None
    fired: int | None = None
    repeats: int = 0
    steps: int = 0
    told: list[int] = field(factory=list)
    telling: bool = True
    held: int = 0


class RuleMachine:
    """Turns changes of a trigger, and time, into acts. The caller lets timers act before changes at their instant."""

    def __init__(self, plan: Plan, rule: Rule, state: RuleState | None = None) -> None:
        self._rule: Final = rule
        self._start: Final = plan.effective_start
        # M71: the next version's rules act from its start on.
        ends = [end for end in (plan.effective_end, plan.judges_until) if end is not None]
        self._end: Final = min(ends, default=None)
        steps = enumerate(rule.steps, start=1)
        self._steps: Final = sorted(steps, key=lambda numbered: numbered[1].delay)
        self.state = RuleState() if state is None else state

    def due(self) -> int | None:
        """When the next timer acts, or None where none will as things stand."""
        state = self.state
        if state.since is None:
            return None
        if state.fired is None:
            return self._inside_term(state.since + self._rule.holding_for)
        timer = _earliest(self._next_repeat(), self._next_step())
        return self._inside_term(timer if state.telling else _earliest(self._free_from(), timer))

    def act(self) -> Act:
        """Lets the timer that is due next act. Raises ValueError where none is due."""
        state, due = self.state, self.due()
        if due is None or state.since is None:
            raise ValueError("no timer is running")
        if state.fired is None:
            state.fired, state.repeats, state.steps = due, 0, 0
            free = self._free_from()
            state.telling = free is None or free <= due
            return Act(
                phase=Phase.FIRED,
                number=1,
                at=due,
                since=state.since,
                fired=due,
                actions=self._rule.actions,
                told=state.telling,
                held=self._begin_to_tell(due) if state.telling else 0,
            )
        if not state.telling and self._free_from() == due:
            state.telling = True
            return Act(
                phase=Phase.TOLD,
                number=1,
                at=due,
                since=state.since,
                fired=state.fired,
                actions=self._rule.actions,
                held=self._begin_to_tell(due),
                passed=tuple((number, step.actions) for number, step in self._steps[: state.steps]),
            )
        if self._next_repeat() == due:
            state.repeats += 1
            phase, number, actions = Phase.REPEAT, state.repeats, self._rule.actions
        else:
            number, step = self._steps[state.steps]
            state.steps += 1
            phase, actions = Phase.AFTER, step.actions
        return Act(
            phase=phase,
            number=number,
            at=due,
            since=state.since,
            fired=state.fired,
            actions=actions,
            told=state.telling,
        )

    def change(self, at: int, value: bool | None) -> Act | None:
        """Looks at a change of the trigger; gives the recovery where it ends an episode.

        A change older than one that was looked at is a correction, and corrects nothing here.
        """
        state = self.state
        if state.looked_at is not None and at < state.looked_at:
            return None
        state.looked_at = at
        since, fired = state.since, state.fired
        if value is True:
            if since is None:
                # What was true before the term counts from the term's start.
                state.since = max(at, self._start)
        elif since is not None and (fired is None or value is False):
            state.since = state.fired = None
            told, state.telling = state.telling, True
            state.held += not told
            if fired is not None and self._rule.on_recovery and self._inside_term(at) is not None:
                actions = self._rule.on_recovery
                return Act(
                    phase=Phase.RECOVERY,
                    number=1,
                    at=at,
                    since=since,
                    fired=fired,
                    actions=actions,
                    told=told,
                )
        return None

    def _free_from(self) -> int | None:
        """The instant from which one more episode may be told; None where one may at any time."""
        often, told = self._rule.often, self.state.told
        return None if often is None or len(told) < often.count else told[0] + often.length

    def _begin_to_tell(self, at: int) -> int:
        """Counts an episode as told from an instant on; gives how many before it never were."""
        state, often = self.state, self._rule.often
        if often is None:
            return 0
        state.told = [*state.told, at][-often.count :]
        held, state.held = state.held, 0
        return held

    def _next_repeat(self) -> int | None:
        if self.state.fired is None or not self._rule.repeat_every:
            return None
        return self.state.fired + (self.state.repeats + 1) * self._rule.repeat_every

    def _next_step(self) -> int | None:
        if self.state.fired is None or self.state.steps >= len(self._steps):
            return None
        return self.state.fired + self._steps[self.state.steps][1].delay

    def _inside_term(self, at: int | None) -> int | None:
        return None if at is None or (self._end is not None and at >= self._end) else at


def _earliest(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
