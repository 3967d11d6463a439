"""The world outside of the machine: services that are looked at, and receivers of messages, each with its bad times."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Final

from attrs import define, field, frozen

from wsla.channels.failures import delivered, permanent, temporary
from wsla.ports import Channel, Clock, Delivery, DeliveryResult, Prober
from wsla.sources.targets import Target
from wsla.testing.simulation.timeline import Timeline
from wsla.values.instants import MILLISECOND, MINUTE, SECOND
from wsla.values.observations import Observation, Raw

SERVICE_MODES: Final = ("down", "slow", "hang", "flap", "observer", "raise", "partial")
RECEIVER_MODES: Final = (
    "refuse", "500", "429", "lost", "doubled", "late", "hang", "400", "410", "raise",
)  # fmt: skip


@frozen
class Spell:
    """A time in which something behaves in another way; nanoseconds of the timeline."""

    mode: str
    start: int
    end: int


@define
class Service:
    """What a source looks at: fine, except in its spells."""

    timeline: Timeline
    chance: Random
    spells: list[Spell] = field(factory=list)

    def mode(self) -> str:
        """How it behaves now."""
        now = self.timeline.now
        return next((one.mode for one in self.spells if one.start <= now < one.end), "fine")


class SimulatedProber:
    """Looks at a service as the real ones do: one observation each time, and within its timeout."""

    def __init__(self, service: Service, target: Target, timeout: int) -> None:
        self._service: Final = service
        self._target: Final = target
        self._timeout: Final = timeout

    async def probe(self, at: int) -> Observation:
        """See ``Prober``."""
        service, chance = self._service, self._service.chance
        mode = service.mode()
        if mode == "flap":
            mode = chance.choice(("fine", "down"))
        took = chance.randrange(5 * MILLISECOND, 900 * MILLISECOND)
        if mode == "slow":
            took = chance.randrange(SECOND, self._timeout)
        if mode == "hang":
            await asyncio.sleep(self._timeout / SECOND)
            return self._seen(at, ok=False, elapsed=None, failure="timeout", reason="no answer in time")
        await asyncio.sleep(took / SECOND)
        match mode:
            case "down":
                return self._seen(at, ok=False, elapsed=None, failure="refused", reason="refused")
            case "observer":
                fields = dict.fromkeys(self._target.fields)
                return Observation(
                    source=self._target.source,
                    at=at,
                    fields=fields,
                    reason="no sockets",
                    failure="observer-fds",
                )
            case "raise":
                raise RuntimeError("simulated")
            case "partial":
                return self._seen(at, ok=True, elapsed=None, failure=None, reason=None)
            case _:
                return self._seen(at, ok=True, elapsed=took, failure=None, reason=None)

    async def close(self) -> None:
        """See ``Prober``."""

    def _seen(
        self, at: int, *, ok: bool, elapsed: int | None, failure: str | None, reason: str | None
    ) -> Observation:
        fields: dict[str, Raw] = dict.fromkeys(self._target.fields)
        fields |= {"ok": ok, "elapsed": elapsed}
        return Observation(source=self._target.source, at=at, fields=fields, reason=reason, failure=failure)


@frozen
class Arrival:
    """A message that came to a receiver: at an instant of the timeline, and whether it was taken."""

    at: int
    key: str
    attempt: int
    taken: bool
    refused_for_good: bool
    content: str


@define
class Receiver:
    """Where messages of an address arrive. ``log`` is everything that ever came."""

    address: str
    timeline: Timeline
    chance: Random
    spells: list[Spell] = field(factory=list)
    log: list[Arrival] = field(factory=list)
    gone: bool = False

    def mode(self) -> str:
        """How it behaves now."""
        now = self.timeline.now
        return next((one.mode for one in self.spells if one.start <= now < one.end), "fine")

    async def take(self, delivery: Delivery) -> DeliveryResult:
        """One attempt."""
        mode = self.mode()
        await asyncio.sleep(self.chance.uniform(0.01, 1.5))
        where = self.address
        match mode:
            case "refuse":
                return self._kept(delivery, temporary(f"{where} refused the connection"))
            case "500":
                return self._kept(delivery, temporary(f"{where} answered 500"))
            case "429":
                wait = self.chance.randrange(1, 300) * SECOND
                return self._kept(delivery, temporary(f"{where} answered 429", wait))
            case "lost":
                self._keep(delivery, taken=True)
                return temporary(f"{where} cut the connection")
            case "late":
                self._keep(delivery, taken=True)
                await asyncio.sleep(10)
                return temporary(f"{where} did not answer in time")
            case "hang":
                await asyncio.sleep(self.chance.choice((10, 11 * MINUTE / SECOND)))
                return self._kept(delivery, temporary(f"{where} did not answer in time"))
            case "400":
                return self._kept(delivery, permanent(f"{where} answered 400"))
            case "410":
                return self._kept(delivery, permanent(f"{where} answered 410", gone=True))
            case "raise":
                self._keep(delivery, taken=False)
                raise RuntimeError("simulated")
            case "doubled":
                self._keep(delivery, taken=True)
        self._keep(delivery, taken=True)
        return delivered()

    def _kept(self, delivery: Delivery, result: DeliveryResult) -> DeliveryResult:
        self._keep(delivery, taken=False, for_good=result.permanent)
        return result

    def _keep(self, delivery: Delivery, *, taken: bool, for_good: bool = False) -> None:
        content = f"{delivery.subject}\n{delivery.text}"
        self.log.append(Arrival(self.timeline.now, delivery.key, delivery.attempt, taken, for_good, content))
        word = "takes" if taken else "refuses"
        self.timeline.say(
            self.address.removeprefix("https://"), f"{word} {delivery.key} ({delivery.attempt})"
        )


class SimulatedChannel:
    """Carries messages to a receiver."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver: Final = receiver

    async def send(self, delivery: Delivery) -> DeliveryResult:
        """See ``Channel``."""
        return await self._receiver.take(delivery)

    async def close(self) -> None:
        """See ``Channel``."""


@define
class Outside:
    """Everything outside, by name: services by host, receivers by address."""

    timeline: Timeline
    seed: int
    services: dict[str, Service] = field(factory=dict)
    receivers: dict[str, Receiver] = field(factory=dict)

    def service(self, host: str) -> Service:
        """The service that answers to a name."""
        found = self.services.get(host)
        if found is None:
            found = Service(self.timeline, Random(f"service {self.seed} {host}"))
            self.services[host] = found
        return found

    def receiver(self, address: str) -> Receiver:
        """The receiver at an address."""
        found = self.receivers.get(address)
        if found is None:
            found = Receiver(address, self.timeline, Random(f"receiver {self.seed} {address}"))
            self.receivers[address] = found
        return found

    def prober(self, kind: str, target: Target, clock: Clock) -> Prober:
        """See ``Surroundings``."""
        service = self.service(target.host)
        return SimulatedProber(service, target, 20 * SECOND)

    def channel(self, kind: str, address: str, options: Mapping[str, object], clock: Clock) -> Channel:
        """See ``Surroundings``."""
        return SimulatedChannel(self.receiver(address))

    def heal(self) -> None:
        """Every spell ends, now."""
        for service in self.services.values():
            service.spells.clear()
        for receiver in self.receivers.values():
            receiver.spells.clear()
