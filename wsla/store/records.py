"""What goes into the store and what comes out of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from attrs import field, frozen

from wsla.evaluation.verdicts import Judgement
from wsla.plan.model import Target
from wsla.remedies.decisions import Decision, Intent
from wsla.store.interventions import Withheld
from wsla.values.observations import Observation, Raw


class Observed(NamedTuple):
    """An observation of an agreement, received at an instant (nanoseconds since the epoch).

    ``stream`` and ``row`` make its identity together with agreement, source and ``at`` (rule M1): for samples the
    stream is their label values and the row is empty; for records the stream is empty and the row is whatever tells two
    versions apart: with a key that and what the version says. ``late`` is
    one that came when the verdicts that it concerns were final: corrections alone look at it (rule M96).
    """

    agreement: str
    observation: Observation
    received_at: int
    stream: str = ""
    row: str = ""
    late: bool = False


def stream_of(labels: Sequence[Raw]) -> str:
    """What the stream of samples with these label values is called."""
    return json.dumps(list(labels), ensure_ascii=False) if labels else ""


class Judged(NamedTuple):
    """A judgement of an agreement. ``sources`` are those that it rests on; None stands for all of them.

    ``version`` is that of an amendment that took a window over that was under way (rule M70): the version before it
    has judged its own part of the same window. It is None for all other judgements.
    """

    agreement: str
    judgement: Judgement
    sources: tuple[str, ...] | None = None
    version: int | None = None


class Rejudged(NamedTuple):
    """A verdict of an agreement that was final and is another since the instant ``at`` of a correction; or there is no
    such window any more, where it no longer ``exists``."""

    agreement: str
    at: int
    judgement: Judgement
    exists: bool = True


class Reviewed(NamedTuple):
    """A correction of an agreement at an instant has looked at everything that was stored of it up to an arrival."""

    agreement: str
    at: int
    arrival: int


class Decided(NamedTuple):
    """An intent or a ledger entry of an agreement."""

    agreement: str
    decision: Decision


class Snapshot(NamedTuple):
    """The engine's state for an agreement at an instant; ``content`` is JSON-able.

    ``version`` is a hash of what the state was computed for. The state must include every observation of that
    agreement in the same batch and in all batches before.
    """

    agreement: str
    version: str
    at: int
    content: object


class Place(NamedTuple):
    """Up to where a source of an agreement has been read: everything before it is stored. ``content`` is JSON-able."""

    agreement: str
    source: str
    content: object


@frozen(kw_only=True)
class AgreementVersion:
    """The full text of an agreement as it was taken into force at an instant.

    ``beside`` is one that comes into force together with others of the same instant: that is noted even where it was
    in force before."""

    key: str
    title: str
    version: int
    text: str
    sha256: str
    at: int
    beside: bool = field(default=False, eq=False)


@frozen(kw_only=True)
class DeliveryOutcome:
    """What became of one attempt to deliver: delivered; or not, and tried again at ``next_attempt_at``; or, where that
    is None, given up for ever. With ``withheld`` there was no attempt, and there will be none: somebody acknowledged
    what it tells of, or asked for silence."""

    intent_id: str
    target: Target | str
    at: int
    delivered: bool
    reason: str | None = None
    next_attempt_at: int | None = None
    withheld: Withheld | None = None


@frozen(kw_only=True)
class Batch:
    """What is stored in one transaction: all of it or nothing. Plain tuples in the same order do as well as the
    named ones. Writing a batch twice is the same as writing it once."""

    agreements: tuple[AgreementVersion, ...] = ()
    observations: tuple[Observed, ...] = ()
    judgements: tuple[Judged, ...] = ()
    decisions: tuple[Decided, ...] = ()
    outcomes: tuple[DeliveryOutcome, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    corrections: tuple[Rejudged, ...] = ()
    reviews: tuple[Reviewed, ...] = ()
    places: tuple[Place, ...] = ()


@frozen(kw_only=True)
class WriteResult:
    """What a batch changed.

    ``refused`` holds observations that no store can hold (an instant outside the years 1678 to 2261), with the
    reason. ``contradictions`` says in words where something that stands already differs from what the batch brought:
    what stands was kept. ``changed_deliveries`` counts the outcomes that met a pending delivery.
    ``outbox_over_limit`` is True where more deliveries are pending than the limit: everything was stored all the same.
    """

    new_observations: int = 0
    new_intents: int = 0
    new_entries: int = 0
    changed_deliveries: int = 0
    refused: tuple[tuple[Observed, str], ...] = ()
    contradictions: tuple[str, ...] = ()
    outbox_over_limit: bool = False


class DeliveryState(Enum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@frozen(kw_only=True)
class OutboxItem:
    """An intent on its way to one of its targets. ``(intent.id, target)`` is its identity; instants are nanoseconds.

    ``possible_repeat`` is one that may have been delivered before: the store was restored from a backup since.
    ``sequence`` grows in the order in which they were stored.
    """

    agreement: str
    intent: Intent
    target: Target
    state: DeliveryState
    attempts: int
    next_attempt_at: int | None
    last_attempt_at: int | None
    last_error: str | None
    delivered_at: int | None
    possible_repeat: bool = False
    sequence: int = field(default=0, eq=False)


@frozen(kw_only=True)
class OutboxCounts:
    """How many deliveries stand where."""

    pending: int
    delivered: int
    dead: int
