"""Carries out what was decided: a queue for each target, and every message ends delivered or in the dead letters."""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from attrs import define, field, frozen

from wsla.channels.backoff import next_delay
from wsla.channels.errors import ChannelError
from wsla.channels.registry import build_channel
from wsla.daemon.bindings import ChannelPlan
from wsla.daemon.composing import Composed, Composer, cause_of
from wsla.daemon.config import Limits
from wsla.daemon.interventions import Interventions
from wsla.daemon.links import Links
from wsla.daemon.writer import Item, Writer
from wsla.plan.model import Plan, Target
from wsla.ports import Channel, Clock, Delivery, DeliveryResult
from wsla.remedies.decisions import Intent
from wsla.store.errors import StoreBroken, StoreError, StoreLocked
from wsla.store.records import DeliveryOutcome, DeliveryState, OutboxItem
from wsla.store.sqlite import Store
from wsla.values.instants import MINUTE, SECOND, format_instant, format_length

_log = logging.getLogger(__name__)

REPEATED: Final = (
    "This may repeat an earlier message: the records that it comes from were restored from a backup since."
)
_VERSION: Final = re.compile(r"[^|]*\|v(\d+)\|")
_END_OF_TIME: Final = 2**63 - 1
_MOST_IN_HAND: Final = 20_000
_AT_ONCE: Final = 1_000
_LOOK_AGAIN: Final = 60.0
_LOOK_BESIDE: Final = 1.0
_AFTER_TROUBLE: Final = 2.0
_HEED_WITHIN: Final = 2.0
_UNANSWERED: Final = 10 * MINUTE
_LONGEST_SLEEP: Final = 30 * SECOND


@frozen(kw_only=True)
class Route:
    """Where messages to a target of an agreement go now, and the plan that says what their causes are."""

    plan: Plan
    channel: ChannelPlan | str
    versions: tuple[Plan, ...] = ()

    def plan_of(self, intent: Intent) -> Plan:
        """The plan by which an intent was decided, where that version is kept."""
        number = _version_of(intent, self.plan)
        return next((plan for plan in self.versions if plan.version == number), self.plan)


Routes = Callable[[str, Target], Route | None]
"""The route to a target of an agreement (by title); None where the agreement is not kept at the moment."""


@define
class _Lane:
    """The queue of one agreement and target: one message at a time, in order."""

    agreement: str
    target: Target
    items: deque[OutboxItem] = field(factory=deque)
    wake: asyncio.Event = field(factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    channel: Channel | None = None
    built_for: ChannelPlan | None = None
    sending: bool = False


@define(eq=False)
class _Look:
    """A look at what people did about messages, made in the thread that writes."""

    begun: bool = False
    answer: asyncio.Future[Interventions | None] | None = None

    def look(self, store: Store) -> Interventions | None:
        """What they did, where that is more than before. Raises StoreLocked where somebody else sends by now."""
        self.begun = True
        try:
            return _interventions(store)
        except StoreBroken:
            # A connection was lost: the next one tells whether anybody has taken over meanwhile.
            return _interventions(store)


class Outbox:
    """Takes what is due from the store and sends it. ``fraction`` gives the jitter between attempts, in [0, 1);
    ``tell`` takes what an operator should know, ``links`` gives the addresses that messages carry, ``composer`` what
    is written when it is sent; ``build`` makes channels; ``beside`` is seconds between two looks at
    what others have written."""

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        limits: Limits,
        routes: Routes,
        *,
        fraction: Callable[[], float] = random.random,
        tell: Callable[[str], None] = _log.warning,
        links: Callable[[], Links | None] = lambda: None,
        composer: Composer | None = None,
        build: Callable[[str, str, Mapping[str, object], Clock], Channel] | None = None,
        beside: float | None = None,
    ) -> None:
        self._writer: Final = writer
        self._clock: Final = clock
        self._limits: Final = limits
        self._routes: Final = routes
        self._fraction: Final = fraction
        self._tell: Final = tell
        self._links: Final = links
        self._composer: Final = composer
        self._build: Final = build or build_channel
        self._beside: Final = _LOOK_BESIDE if beside is None else beside
        self._gone: Final[dict[ChannelPlan, str]] = {}
        self._lanes: Final[dict[tuple[str, str], _Lane]] = {}
        self._in_hand: Final[dict[tuple[str, str], int]] = {}
        self._wake: Final = asyncio.Event()
        self._closing = False
        self._more = False
        self._task: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._interventions: Interventions | None = None
        self._look: _Look | None = None
        self.delivered = 0
        self.failed_attempts = 0
        self.dead = 0

    @property
    def in_hand(self) -> int:
        """How many messages are waiting or under way."""
        return len(self._in_hand)

    def start(self) -> None:
        """Begin."""
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._run(), name="outbox")
        self._watch = loop.create_task(self._look_beside(), name="beside the outbox")

    def wake(self) -> None:
        """Something new may be due."""
        self._wake.set()

    def try_all_addresses(self) -> None:
        """Addresses whose receivers had given them up get their chance again."""
        self._gone.clear()

    async def close(self, patience: float) -> None:
        """End. Messages under way have ``patience`` seconds; what is not sent stays pending."""
        self._closing = True
        sending = [lane.task for lane in self._lanes.values() if lane.task is not None and lane.sending]
        idle = (lane.task for lane in self._lanes.values() if not lane.sending)
        for task in [self._task, self._watch, *idle]:
            if task is not None:
                task.cancel()
        if sending:
            _, late = await asyncio.wait(sending, timeout=patience)
            for task in late:
                task.cancel()
        tasks = [self._task, self._watch, *(lane.task for lane in self._lanes.values())]
        await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
        for lane in self._lanes.values():
            if lane.channel is not None:
                await lane.channel.close()

    # From the store

    async def _run(self) -> None:
        due, limit = _END_OF_TIME, _MOST_IN_HAND
        while True:
            self._wake.clear()
            asked = limit + len(self._in_hand)
            try:
                found = await self._ask(due, asked)
            except StoreError as error:
                # Where another daemon judges by now, that is told elsewhere.
                if not isinstance(error, StoreLocked):
                    _log.warning("the outbox cannot be read, and is tried again: %s", error)
                await asyncio.sleep(_AFTER_TROUBLE)
                continue
            # An order of instants is the order of decisions; what was tried before comes back with a later one.
            for item in sorted(found, key=lambda one: (one.intent.at, one.sequence)):
                self._take(item)
            self._more = len(found) >= asked
            if not self._more or len(self._in_hand) >= _MOST_IN_HAND:
                # Not `wait_for`, which until Python 3.12 may lose a cancellation that comes together with the wake.
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_AGAIN):
                        await self._wake.wait()
            due, limit = self._clock.now(), _AT_ONCE

    async def _ask(self, due: int, limit: int) -> list[OutboxItem]:
        def ask(store: Store) -> tuple[list[OutboxItem], Interventions | None]:
            changed = store.changed_beside() or self._interventions is None
            return store.due_deliveries(due, limit), Interventions.of(store) if changed else None

        found, changed = await asyncio.wrap_future(self._writer.call(ask))
        self._learn(changed)
        return list(found)

    async def _look_beside(self) -> None:
        """Finds what people do about messages while this runs."""
        while True:
            await asyncio.sleep(self._beside)
            with suppress(StoreError):
                changed = await asyncio.wrap_future(self._writer.call(_interventions))
                self._learn(changed)
                if changed is not None:
                    self._wake.set()

    async def _heed(self) -> None:
        """Learns of everything that people had done by now: whoever was told that it is noted gets no message any
        more. While the store does not answer, what was known before counts. Raises StoreLocked where another daemon
        sends by now."""
        look = self._look
        # One that has begun may have missed what was noted since; one that has not serves everybody who waits.
        if look is None or look.begun:
            look = self._look = _Look()
            look.answer = asyncio.wrap_future(self._writer.call(look.look))
        assert look.answer is not None
        try:
            self._learn(await asyncio.wait_for(asyncio.shield(look.answer), _HEED_WITHIN))
        except StoreLocked:
            raise
        except (StoreError, TimeoutError):
            return

    def _learn(self, found: Interventions | None) -> None:
        # They are only ever added: of two the longer one is the later one, whichever came here first.
        if found is not None and (self._interventions is None or found.count > self._interventions.count):
            self._interventions = found

    def _take(self, item: OutboxItem) -> None:
        key = (item.intent.id, str(item.target))
        if key in self._in_hand:
            return
        self._in_hand[key] = self._clock.now()
        lane = self._lanes.get((item.agreement, str(item.target)))
        if lane is None:
            lane = _Lane(agreement=item.agreement, target=item.target)
            self._lanes[item.agreement, str(item.target)] = lane
            lane.task = asyncio.get_running_loop().create_task(self._serve(lane), name=f"lane {item.target}")
        lane.items.append(item)
        lane.wake.set()

    # To the target

    async def _serve(self, lane: _Lane) -> None:
        while not self._closing:
            while not lane.items:
                lane.wake.clear()
                await lane.wake.wait()
            item = lane.items[0]
            try:
                await self._deliver(lane, item)
            except StoreError:
                return
            lane.items.popleft()
            # In the store it is done: should it not be, it is due again and comes back.
            self._in_hand.pop((item.intent.id, str(item.target)), None)
            if self._more and len(self._in_hand) < _MOST_IN_HAND // 2:
                self._wake.set()

    async def _deliver(self, lane: _Lane, item: OutboxItem) -> None:
        """Attempts until it is delivered or dead, and stored as such. Raises StoreError where the store is closed."""
        taken = self._in_hand[item.intent.id, str(item.target)]
        deadline = max(item.intent.at, taken) + self._limits.deliver_within
        attempts = item.attempts
        # What used up its attempts and is due all the same was taken out of the dead letters by somebody.
        spent = attempts if attempts >= self._limits.attempts else 0
        next_at = item.next_attempt_at
        while True:
            await self._until(next_at)
            if await self._is_withheld(item):
                return
            result = await self._attempt(lane, item, attempts + 1)
            if result is None:
                # The agreement is not kept at the moment: it may come back with the next reload.
                if self._clock.now() < deadline:
                    next_at = self._clock.now() + MINUTE
                    continue
                result = DeliveryResult(
                    delivered=False, permanent=True, reason="the agreement is not kept any more"
                )
            attempts += 1
            next_at = self._next_attempt(result, attempts, deadline, spent)
            await self._note(item, result, attempts, next_at)
            if result.delivered or next_at is None or self._closing:
                return

    async def _is_withheld(self, item: OutboxItem) -> bool:
        """True where somebody does not want it sent; that is stored then."""
        intent, target = item.intent, item.target
        await self._heed()
        assert self._interventions is not None
        if self._interventions.is_dropped(intent.id, str(target)):
            # A dropped one may be taken up again: the store knows. Where it does not answer, it comes back when due.
            with suppress(StoreError):
                return not await asyncio.wrap_future(
                    self._writer.call(lambda store: _is_pending(store, item))
                )
            return True
        found = self._interventions.withholds(item.agreement, intent, self._clock.now())
        if found is None:
            return False
        kind, reason = found
        _log.info("“%s”: not sent to %s (%s): %s", item.agreement, target, reason, intent.subject)
        outcome = DeliveryOutcome(
            intent_id=intent.id,
            target=target,
            at=self._clock.now(),
            delivered=False,
            reason=reason,
            withheld=kind,
        )
        await asyncio.wrap_future(self._writer.submit(Item(outcomes=(outcome,))))
        return True

    async def _until(self, instant: int | None) -> None:
        while instant is not None and (left := instant - self._clock.now()) > 0:
            await self._clock.sleep(min(left, _LONGEST_SLEEP))

    async def _attempt(self, lane: _Lane, item: OutboxItem, attempt: int) -> DeliveryResult | None:
        route = self._routes(lane.agreement, lane.target)
        if route is None:
            return None
        if isinstance(route.channel, str):
            return DeliveryResult(delivered=False, permanent=True, reason=route.channel)
        if route.channel in self._gone:
            return DeliveryResult(delivered=False, permanent=True, reason=self._gone[route.channel])
        if lane.built_for != route.channel:
            if lane.channel is not None:
                await lane.channel.close()
            try:
                plan = route.channel
                lane.channel = self._build(plan.kind, plan.address, dict(plan.options), self._clock)
                lane.built_for = plan
            except ChannelError as error:
                lane.channel = lane.built_for = None
                return DeliveryResult(delivered=False, permanent=True, reason=str(error))
        assert lane.channel is not None
        intent, links = item.intent, self._links()
        page = None if links is None else links.page(lane.agreement)
        try:
            composed = await self._composed(lane, intent, route.plan_of(intent), route.channel, page)
        except StoreError as error:
            return DeliveryResult(delivered=False, reason=str(error))
        except Exception as error:
            _log.exception("a message to %s cannot be composed", lane.target)
            return DeliveryResult(delivered=False, reason=f"it cannot be composed ({type(error).__name__})")
        delivery = Delivery(
            key=intent.id,
            subject=intent.subject,
            text=f"{composed.text}\n\n{REPEATED}" if item.possible_repeat else composed.text,
            payload=payload_of(route.plan_of(intent), lane.agreement, intent)
            | ({"possible_repeat": True} if item.possible_repeat else {}),
            attempt=attempt,
            page_url=page,
            documents=composed.documents,
            attachments=composed.attachments,
            acknowledge_url=None if links is None else links.acknowledge(intent, lane.target),
        )
        lane.sending = True
        try:
            async with asyncio.timeout(_UNANSWERED / SECOND):
                result = await lane.channel.send(delivery)
        except Exception as error:
            # A channel never raises; should one do so, the others must not suffer.
            _log.exception("the channel to %s failed", lane.target)
            return DeliveryResult(delivered=False, reason=f"the channel failed ({type(error).__name__})")
        finally:
            lane.sending = False
        if result.gone and route.channel not in self._gone:
            when = format_instant(self._clock.now() // SECOND * SECOND)
            self._gone[route.channel] = f"switched off since {when}: {result.reason}"
            self._tell(
                f"“{lane.agreement}”: the address of {lane.target} is switched off, for its receiver has given it up "
                f"({result.reason}). Messages to it are dead letters until the files are read anew."
            )
        return result

    async def _composed(
        self, lane: _Lane, intent: Intent, plan: Plan, channel: ChannelPlan, page: str | None
    ) -> Composed:
        composer = self._composer
        if composer is None or not composer.needed_for(intent):
            return Composed(text=intent.text)
        return await asyncio.to_thread(composer.compose, intent, plan, lane.agreement, channel, page)

    def _next_attempt(self, result: DeliveryResult, attempts: int, deadline: int, spent: int) -> int | None:
        if result.delivered or result.permanent or attempts - spent >= self._limits.attempts:
            return None
        delay = next_delay(attempts, self._fraction(), retry_after=result.retry_after)
        at = self._clock.now() + delay
        return at if at < deadline else None

    async def _note(
        self, item: OutboxItem, result: DeliveryResult, attempts: int, next_at: int | None
    ) -> None:
        intent, target = item.intent, item.target
        if result.delivered:
            self.delivered += 1
            _log.info("“%s”: delivered to %s: %s", item.agreement, target, intent.subject)
        elif next_at is not None:
            self.failed_attempts += 1
            wait = max(next_at - self._clock.now(), 0)
            _log.warning(
                "“%s”: not delivered to %s (%s); attempt %d follows in %s",
                item.agreement,
                target,
                result.reason,
                attempts + 1,
                format_length(wait // SECOND * SECOND),
            )
        else:
            self.dead += 1
            _log.error(
                "“%s”: given up after attempt %d, in the dead letters now: %s to %s (%s)",
                item.agreement,
                attempts,
                intent.subject,
                target,
                result.reason,
            )
        outcome = DeliveryOutcome(
            intent_id=intent.id,
            target=target,
            at=self._clock.now(),
            delivered=result.delivered,
            reason=result.reason,
            next_attempt_at=next_at,
        )
        await asyncio.wrap_future(self._writer.submit(Item(outcomes=(outcome,))))


def _interventions(store: Store) -> Interventions | None:
    return Interventions.of(store) if store.changed_beside() else None


def _is_pending(store: Store, item: OutboxItem) -> bool:
    return any(
        one.target == item.target and one.state is DeliveryState.PENDING
        for one in store.delivery(item.intent.id)
    )


def payload_of(plan: Plan, agreement: str, intent: Intent) -> dict[str, Any]:
    """What led to a message, for programs: see docs/reference/channels.md."""
    cause = cause_of(intent, plan)
    window = intent.window
    return {
        "agreement": agreement,
        "version": _version_of(intent, plan),
        cause: intent.cause,
        "labels": dict(intent.labels),
        "window": None
        if window is None
        else {"start": format_instant(window.start), "end": format_instant(window.end)},
        "verb": intent.verb,
        "at": format_instant(intent.at),
    }


def _version_of(intent: Intent, plan: Plan) -> int:
    """The version under which it was decided: another may have come into force since, and the identity names it."""
    match = _VERSION.match(intent.id)
    return plan.version if match is None else int(match[1])
