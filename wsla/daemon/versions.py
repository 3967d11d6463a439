"""Several versions of one agreement as one engine: each takes its own observations, and says what it has to say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from attrs import define, evolve, frozen

from wsla.api import Agreement
from wsla.daemon.agreements import state_version
from wsla.daemon.reigns import Reign
from wsla.engine import FORM, Engine, Output, SnapshotError
from wsla.evaluation.stream import JudgementFinal, StandingChanged, TooLate
from wsla.evaluation.verdicts import Judgement
from wsla.plan.model import Plan
from wsla.values.observations import Observation

_NEVER: Final = -(2**63)


@frozen
class TakenOver:
    """A judgement of a window that was under way when the amendment took effect that has judged it (rule M70);
    ``place`` is that of the version among those that run."""

    version: int
    place: int
    output: JudgementFinal | StandingChanged


Said = Output | TakenOver


class Judging(Protocol):
    """What a judge feeds: an engine, or several as one."""

    @property
    def start(self) -> int: ...
    def observe(self, observation: Observation) -> Sequence[Said]: ...
    def advance(self, to: int) -> Sequence[Said]: ...
    def next_due(self) -> int | None: ...
    def next_change(self) -> int | None: ...
    def judgements(self, asked_at: int) -> tuple[Judgement, ...]: ...
    def snapshot(self) -> object: ...


def said_by(plan: Plan, place: int, outputs: Sequence[Output]) -> Iterator[Said]:
    """What an engine has said, as that of the version at a place among others. That something is too late for it is
    said by all of them together."""
    for output in outputs:
        if (
            place > 0
            and isinstance(output, JudgementFinal | StandingChanged)
            and output.judgement.window.start < plan.effective_start
        ):
            yield TakenOver(plan.version, place, output)
        elif not isinstance(output, TooLate):
            yield output


@define
class Member:
    """One version. ``declared`` says what it calls the sources of the store; ``state`` what its snapshots are good
    for; ``over_at`` is the instant by which it has said everything, and ``engine`` None from then on."""

    plan: Plan
    state: str
    declared: Mapping[str, str]
    engine: Engine | None
    start: int
    over_at: int | None
    judged_to: int | None

    def taken(self, observation: Observation) -> Observation | None:
        """An observation as this version takes it; None where it does not."""
        name = self.declared.get(observation.source)
        if self.engine is None or name is None:
            return None
        return observation if name == observation.source else evolve(observation, source=name)

    def cares(self, at: int) -> bool:
        """True where a verdict of this version may rest on an instant."""
        return self.plan.effective_start <= at and (self.judged_to is None or at < self.judged_to)


class Versions:
    """Engines of versions that follow each other, the oldest first; used like one engine.

    What comes too late for a version whose verdicts it concerns comes too late for all of them: it is stored once.
    """

    def __init__(self, members: Sequence[Member], horizon: int = _NEVER) -> None:
        self.members: Final = tuple(members)
        self._horizon = horizon

    @property
    def start(self) -> int:
        """The first instant that the latest version judges."""
        return self.members[-1].start

    def observe(self, observation: Observation) -> list[Said]:
        """See ``Engine.observe``."""
        takers = [
            (place, member, one)
            for place, member in enumerate(self.members)
            if (one := member.taken(observation)) is not None
        ]
        if any(
            observation.at < self._horizon - member.plan.grace and member.cares(observation.at)
            for _, member, _ in takers
        ):
            return [TooLate(at=self._horizon, observation=observation)]
        self._horizon = max(self._horizon, observation.at)
        outputs: list[Said] = []
        refused = False
        for place, member, one in takers:
            assert member.engine is not None
            found = member.engine.observe(one)
            refused |= member.cares(one.at) and any(isinstance(output, TooLate) for output in found)
            outputs += said_by(member.plan, place, found)
        return [*outputs, TooLate(at=self._horizon, observation=observation)] if refused else outputs

    def advance(self, to: int) -> list[Said]:
        """See ``Engine.advance``."""
        self._horizon = max(self._horizon, to)
        outputs: list[Said] = []
        for place, member in enumerate(self.members):
            if member.engine is not None:
                outputs += said_by(member.plan, place, member.engine.advance(to))
        self.end(to)
        return outputs

    def end(self, now: int) -> None:
        """Lets go of the versions that have said everything by an instant."""
        for member in self.members[:-1]:
            if member.over_at is not None and member.over_at < now:
                member.engine = None

    def next_due(self) -> int | None:
        """See ``Engine.next_due``."""
        return min((at for one in self._engines if (at := one.next_due()) is not None), default=None)

    def next_change(self) -> int | None:
        """See ``Engine.next_change``."""
        # What is to change before a version's term changes nothing that is told.
        changes = (
            max(at, one.plan.effective_start)
            for one in self._engines
            if (at := one.next_change()) is not None
        )
        return min(changes, default=None)

    def judgements(self, asked_at: int) -> tuple[Judgement, ...]:
        """The standing of every window that is not final yet, those of the oldest version first."""
        return tuple(judgement for one in self._engines for judgement in one.judgements(asked_at))

    def snapshot(self) -> object:
        """All state, as values that JSON can hold."""
        return {
            "form": FORM,
            "start": self.start,
            "versions": [
                {
                    "version": one.plan.version,
                    "state": one.state,
                    "engine": None if one.engine is None else one.engine.snapshot(),
                }
                for one in self.members
            ],
        }

    @property
    def _engines(self) -> list[Engine]:
        return [one.engine for one in self.members if one.engine is not None]


def bounded_state(agreement: Agreement, start: int) -> str:
    """What the state of an engine depends on that runs beside others: as ``state_version``, and its bounds."""
    plan = agreement.plan
    bounds = (plan.judges_from, plan.judges_until, plan.effective_end)
    return f"{'..'.join(map(str, bounds))}:{state_version(agreement, start)}"


def state_beside(states: Sequence[str]) -> str:
    """What the states of several versions, noted as one, are good for; the starts of all of them stand in it."""
    texts, starts, programs = zip(*(state.split("/", 2) for state in states), strict=True)
    return f"{'+'.join(texts)}/{'+'.join(starts)}/{programs[-1]}"


def states_of(noted: tuple[str, int, Any] | None) -> dict[int, tuple[str, int, Any]]:
    """The states of versions that were noted as one, by number; nothing where it is the state of a single one."""
    if noted is None or not isinstance(noted[2], dict):
        return {}
    versions = noted[2].get("versions")
    if not isinstance(versions, list):
        return {}
    return {one["version"]: (one["state"], noted[1], one["engine"]) for one in versions}


def standing_beside(
    reigns: Sequence[Reign], noted: tuple[str, int, Any], observations: Iterable[Observation]
) -> tuple[int, tuple[Judgement, ...]] | None:
    """How the open windows of versions that run side by side stand by their states as they were noted, and what was
    observed since: the instant, and the judgements. None where the states are those of other texts or another program.
    """
    states, at = states_of(noted), noted[1]
    running: list[tuple[Reign, Engine]] = []
    for reign in reigns:
        state = None if reign.agreement is None else states.get(reign.agreement.version)
        if (
            reign.agreement is None
            or state is None
            or state[0] != bounded_state(reign.agreement, reign.start)
        ):
            return None
        if state[2] is not None:
            try:
                running.append((reign, Engine.restore(reign.agreement.plan, state[2])))
            except SnapshotError:
                return None
    for observation in observations:
        for reign, engine in running:
            own = reign.own(observation)
            if own is not None:
                engine.observe(own)
                at = max(at, own.at + 1)
    return at, tuple(judgement for _, engine in running for judgement in engine.judgements(at))
