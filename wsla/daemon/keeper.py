"""The agreements that are kept: begun, adjusted, changed and ended while everything else goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from attrs import define

from wsla.daemon.agreements import state_version
from wsla.daemon.bindings import Deployment, ProbePlan
from wsla.daemon.collecting import settle
from wsla.daemon.config import Limits
from wsla.daemon.following import SLOWEST, FollowRunner, Takes
from wsla.daemon.heartbeat import HeartbeatRunner
from wsla.daemon.judge import Judge
from wsla.daemon.outbox import Route
from wsla.daemon.recovery import Recovered, recover, registrations
from wsla.daemon.reload import Changes
from wsla.daemon.scheduler import Alarm, Runner, Slots, SourceRunner
from wsla.daemon.series import SeriesRunner
from wsla.daemon.shortage import Shortage
from wsla.daemon.verdicts import VerdictFollower
from wsla.daemon.versions import Versions, bounded_state, state_beside
from wsla.daemon.writer import Item, Writer
from wsla.plan.model import Plan, Target
from wsla.ports import Clock, Prober
from wsla.sources.heartbeat import HeartbeatTarget
from wsla.sources.prometheus import PrometheusTarget
from wsla.sources.registry import build_follower, build_prober
from wsla.sources.sql import SqlTarget
from wsla.sources.targets import Target as Looked
from wsla.sources.verdicts import VerdictsTarget
from wsla.sources.witness import Witness, WitnessedProber, needs_network
from wsla.store.errors import StoreError
from wsla.store.sqlite import Store

if TYPE_CHECKING:
    from wsla.daemon.shares import Shares
    from wsla.store.sharing import SharedSource

_SNAPSHOT_SHARE: Final = 20
_WORTH_COLLECTING: Final = 20

Complete = Callable[[Store, Deployment], Deployment]


@define
class Kept:
    """An agreement that is kept."""

    deployment: Deployment
    judge: Judge


class Keeper:
    """``agreements`` are those that are kept, by title. ``tell`` takes what an operator should know.

    ``complete`` adds to an agreement those versions before it that the store alone knows.
    ``witness`` says whether this machine's own network works; without one it is taken to. ``build`` makes who looks;
    ``collect`` is called when what is kept will stay.
    """

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        limits: Limits,
        *,
        tell: Callable[[str], None],
        dropped: Callable[[], None],
        witness: Witness | None = None,
        take: Takes,
        build: Callable[[str, Looked, Clock], Prober] | None = None,
        collect: Callable[[], None] = settle,
        complete: Complete = lambda store, deployment: deployment,
    ) -> None:
        self.agreements: Final[dict[str, Kept]] = {}
        self.shares: Shares | None = None
        self.slots: Final = Slots(limits.concurrency, limits.per_host, Shortage(clock, tell).note)
        self._alarm: Final = Alarm(clock)
        self._writer: Final = writer
        self._clock: Final = clock
        self._limits: Final = limits
        self._tell: Final = tell
        self._dropped: Final = dropped
        self._witness: Final = witness
        self._take: Final = take
        self._settled: set[int] = set()
        self._build: Final = build or build_prober
        self._collect: Final = collect
        self._complete: Final = complete
        self._leaving: Final[set[asyncio.Task[None]]] = set()

    @property
    def runners(self) -> list[Runner]:
        """Every source that is looked at."""
        return [runner for kept in self.agreements.values() for runner in kept.judge.runners.values()]

    def route(self, title: str, target: Target) -> Route | None:
        """Where messages to a target of an agreement go; None where the agreement is not kept."""
        kept = self.agreements.get(title)
        if kept is None:
            return None
        deployment = kept.deployment
        # Messages go where the version in force says, or one that knows whom they are for.
        known = [deployment.at(self._clock.now()), *reversed(deployment.versions)]
        chosen = next((one for one in known if str(target) in one.channels), known[0])
        return Route(
            plan=chosen.agreement.plan,
            channel=chosen.channel(target),
            versions=tuple(one.agreement.plan for one in deployment.versions),
        )

    def begin(self, deployment: Deployment, recovered: Recovered, until: int) -> None:
        """Keeps one more agreement, from the state that was recovered for ``until``."""
        judge = self._judge(deployment, recovered, until)
        self.agreements[deployment.agreement.title] = Kept(deployment, judge)
        judge.submit(recovered.outputs)
        self._look(judge, deployment)
        judge.step()

    async def begin_all(
        self, deployments: Sequence[Deployment], recovered: Mapping[str, Recovered], until: int
    ) -> None:
        """Keeps the agreements of a start; ``recovered`` is by title."""
        for deployment in deployments:
            self.begin(deployment, recovered[deployment.agreement.title], until)
            # With many agreements this takes a while, in which the first of them are due already.
            await asyncio.sleep(0)
        self.settle()

    async def apply(self, changes: Changes) -> None:
        """Carries out what a new look at the files changes."""
        if self.shares is not None:
            self.shares.fixed = True
        try:
            await self._apply(changes)
        finally:
            if self.shares is not None:
                self.shares.fixed = False

    async def _apply(self, changes: Changes) -> None:
        for title in changes.removed:
            await self._remove(title)
        for deployment in changes.adjusted:
            await self._adjust(deployment)
        for deployment in changes.changed:
            await self._change(deployment)
        for deployment in changes.added:
            await self._add(deployment)

    def settle(self) -> None:
        """Takes what is kept now to stay; does nothing where hardly an engine is another one."""
        judges = {id(kept.judge) for kept in self.agreements.values()}
        # To go through a thousand engines because of one stands still for seconds.
        if _WORTH_COLLECTING * len(judges ^ self._settled) > len(judges):
            self._settled = judges
            self._collect()

    def judge_of(self, title: str) -> Judge | None:
        """The judge of an agreement; None where it is not kept."""
        kept = self.agreements.get(title)
        return None if kept is None else kept.judge

    def plans_saying(self, now: int) -> list[Plan]:
        """The plans of all versions that may still have something to say."""
        return [plan for kept in self.agreements.values() for plan in kept.deployment.lineage.saying(now)]

    def deployments(self) -> list[Deployment]:
        """Every agreement that is kept."""
        return [kept.deployment for kept in self.agreements.values()]

    async def look_away_from(self, place: SharedSource, patience: float) -> None:
        """Ends the runner of a source, in ``patience`` seconds."""
        title, name = place
        judge = self.judge_of(title)
        runner = None if judge is None else judge.runners.get(name)
        if judge is not None and runner is not None:
            await runner.stop(patience)
            if judge.runners.get(name) is runner:
                del judge.runners[name]

    def look_at_all(self, title: str) -> None:
        """Starts whatever sources of an agreement have no runner."""
        kept = self.agreements.get(title)
        if kept is not None:
            self._look(kept.judge, kept.deployment)

    def step(self) -> None:
        """Lets every agreement be judged as far as can be."""
        for kept in self.agreements.values():
            kept.judge.step()

    def close(self) -> None:
        """Notes the last state of every engine. Nothing is looked at any more by then."""
        for kept in self.agreements.values():
            kept.judge.step()
            kept.judge.close(snapshot=True)

    async def _remove(self, title: str) -> None:
        kept = self.agreements[title]
        await self._look_away(kept.judge, None)
        kept.judge.step()
        kept.judge.close(snapshot=True)
        del self.agreements[title]

    async def _adjust(self, deployment: Deployment) -> None:
        """Other probes, channels or wording: the terms are the same, so the engine goes on."""
        agreement = deployment.agreement
        kept = self.agreements[agreement.title]
        judge = kept.judge
        if kept.deployment.sha256 != deployment.sha256:
            texts = registrations(deployment.lineage, self._clock.now())
            self._writer.submit(Item(agreements=texts))
            judge.agreement = agreement
            if isinstance(judge.engine, Versions):
                for one, member in zip(deployment.lineage.agreements, judge.engine.members, strict=True):
                    member.state = bounded_state(one, member.start)
                judge.state = state_beside([member.state for member in judge.engine.members])
            else:
                judge.state = state_version(agreement, judge.engine.start)
        kept.deployment = deployment
        await self._look_away(judge, deployment)
        self._look(judge, deployment)

    async def _change(self, deployment: Deployment) -> None:
        """Other terms: a new engine learns what is stored, while the sources go on and the judge waits."""
        old = self.agreements[deployment.agreement.title].judge
        if self._writer.trouble is not None:
            self._tell(f"“{deployment.agreement.title}” stays as it was, for the store cannot be written.")
            return
        old.step()
        old.note()
        old.paused = True
        until = old.horizon()
        try:
            deployment, recovered = await self._recover(deployment, until)
        except StoreError as error:
            old.paused = False
            old.step()
            self._tell(f"“{deployment.agreement.title}” stays as it was: {error}")
            return
        judge = self._judge(deployment, recovered, until)
        judge.take_over(old)
        judge.submit(recovered.outputs)
        self.agreements[deployment.agreement.title] = Kept(deployment, judge)
        await self._look_away(judge, deployment)
        self._look(judge, deployment)
        judge.step()

    async def _add(self, deployment: Deployment) -> None:
        until = self._clock.now()
        try:
            deployment, recovered = await self._recover(deployment, until)
        except StoreError as error:
            self._tell(f"“{deployment.agreement.title}” cannot be kept: {error}")
            return
        self.begin(deployment, recovered, until)

    async def _recover(self, deployment: Deployment, until: int) -> tuple[Deployment, Recovered]:
        def ask(store: Store) -> tuple[Deployment, Recovered]:
            whole = self._complete(store, deployment)
            before = [one.agreement for one in whole.before]
            return whole, recover(store, whole.agreement, until, before)

        found: tuple[Deployment, Recovered] = await asyncio.wrap_future(self._writer.call(ask))
        return found

    def _look(self, judge: Judge, deployment: Deployment) -> None:
        """Starts the sources that do not run yet."""
        title = deployment.agreement.title
        now = self._clock.now()
        for name, plan in deployment.looked_at(now).items():
            if name not in judge.runners:
                shared = None if self.shares is None else self.shares.runner(title, plan, judge.ended)
                runner = judge.runners[name] = shared or self._runner(deployment, plan, judge)
                runner.start()
        if deployment.before:
            judge.leaves_at = deployment.lineage.next_end(now)
            judge.leaves = partial(self._leave, title, judge)

    def _leave(self, title: str, judge: Judge) -> None:
        """Looks away from what no version of an agreement judges by any more."""
        kept = self.agreements.get(title)
        if kept is None or kept.judge is not judge:
            return
        judge.leaves_at = kept.deployment.lineage.next_end(self._clock.now())
        task = asyncio.get_running_loop().create_task(self._look_away(judge, kept.deployment))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    def _trouble_with(self, title: str, goal: str) -> str | None:
        """Why a goal has no verdicts at the moment; None where it has. Called from any thread."""
        kept = self.agreements.get(title)
        if kept is None:
            return f"the agreement “{title}” is not kept here"
        if goal not in {one for version in kept.deployment.versions for one in version.agreement.goals}:
            return f"the agreement “{title}” has no goal {goal}"
        return None if kept.judge.failed is None else f"the agreement “{title}”: {kept.judge.failed}"

    def _runner(self, deployment: Deployment, plan: ProbePlan, judge: Judge) -> Runner:
        title = deployment.agreement.title
        follower = build_follower(plan.kind, plan.target)
        if isinstance(plan.target, VerdictsTarget):
            follower = VerdictFollower(plan.target, self._writer.store_url, self._trouble_with)
        if follower is not None:
            return FollowRunner(
                title,
                plan,
                deployment.lineage.sources[plan.source],
                follower,
                patience=getattr(plan.target, "patience", 0),
                deadline=getattr(plan.target, "deadline", SLOWEST),
                grace=max(one.agreement.plan.grace for one in deployment.versions),
                clock=self._clock,
                writer=self._writer,
                take=self._take,
                ended=judge.ended,
                tells_unknown=not isinstance(plan.target, VerdictsTarget),
            )
        if isinstance(plan.target, HeartbeatTarget):
            return HeartbeatRunner(title, plan, plan.target, self._clock, self._writer, judge.ended)
        return looking_runner(
            title, plan, self._clock, self.slots, self._alarm, self._witness, judge.ended, self._build
        )

    async def _look_away(self, judge: Judge, deployment: Deployment | None) -> None:
        """Stops the sources that are not to be looked at any more, or in another way."""
        wanted = {} if deployment is None else deployment.looked_at(self._clock.now())
        for name, runner in list(judge.runners.items()):
            if wanted.get(name) != runner.plan:
                await runner.stop(0)
                judge.runners.pop(name, None)

    def _judge(self, deployment: Deployment, recovered: Recovered, until: int) -> Judge:
        judge = Judge(
            deployment.agreement,
            recovered.engine,
            recovered.state,
            writer=self._writer,
            clock=self._clock,
            snapshot_every=self._snapshot_every,
            dropped=self._dropped,
            lineage=deployment.lineage,
        )
        judge.time = max(until, recovered.latest)
        return judge

    def _snapshot_every(self, cost: int) -> int:
        # With many agreements, noting their states must not become the main work.
        return max(self._limits.snapshot_every, _SNAPSHOT_SHARE * cost * len(self.agreements))


def looking_runner(
    title: str,
    plan: ProbePlan,
    clock: Clock,
    slots: Slots,
    alarm: Alarm,
    witness: Witness | None,
    ended: Callable[..., None],
    build: Callable[[str, Looked, Clock], Prober] = build_prober,
) -> Runner:
    """What looks at a source of an agreement again and again."""
    if isinstance(plan.target, PrometheusTarget | SqlTarget):
        return SeriesRunner(title, plan, plan.target, clock, slots, ended)
    prober = build(plan.kind, plan.target, clock)
    if witness is not None and needs_network(plan.kind, plan.target.host):
        prober = WitnessedProber(prober, witness)
    return SourceRunner(title, plan, prober, clock, slots, ended, alarm)
