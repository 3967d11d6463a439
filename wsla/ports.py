"""What the core asks of the world, as protocols: clock, prober, channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import field, frozen

from wsla.values.observations import Observation


class Clock(Protocol):
    """Wall and monotonic time, both in nanoseconds, and sleeping."""

    def now(self) -> int:
        """Nanoseconds since the epoch, UTC."""
        ...

    def monotonic(self) -> int:
        """Nanoseconds of a clock that never steps."""
        ...

    async def sleep(self, nanoseconds: int) -> None:
        """Wait for a length of time."""
        ...


class Prober(Protocol):
    """Measures a service once, on demand."""

    async def probe(self, at: int) -> Observation:
        """One observation stamped ``at``. Never raises for anything that the service or the network does."""
        ...

    async def close(self) -> None:
        """Give back sockets and files."""
        ...


@frozen(kw_only=True)
class Attachment:
    """A file that goes with a message. ``media_type`` may hold parameters: ``text/calendar; method=REQUEST``."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@frozen(kw_only=True)
class Delivery:
    """One message to one address, as a channel sends it.

    ``key`` is the idempotency key: the same for every attempt at the same logical action. ``payload`` is JSON-able.
    ``page_url`` leads to the daemon's page about it; whoever opens ``acknowledge_url`` may acknowledge it, so it is
    as good as a secret. ``documents`` are what programs are told besides, JSON-able, by the names of members of the
    notice; people get ``attachments``.
    """

    key: str
    subject: str
    text: str
    payload: Mapping[str, object]
    attempt: int = 1
    page_url: str | None = None
    acknowledge_url: str | None = field(default=None, repr=False)
    documents: Mapping[str, object] = field(factory=dict)
    attachments: tuple[Attachment, ...] = ()


@frozen(kw_only=True)
class DeliveryResult:
    """What became of an attempt. ``retry_after`` is nanoseconds, where the receiver asked for a pause; ``gone`` is an
    address that its receiver has given up for good, so that no message to it can arrive."""

    delivered: bool
    permanent: bool = False
    reason: str | None = None
    retry_after: int | None = None
    gone: bool = False


class Channel(Protocol):
    """Carries messages to one address."""

    async def send(self, delivery: Delivery) -> DeliveryResult:
        """One attempt. Never raises for anything that the receiver or the network does."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
