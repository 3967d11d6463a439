"""What people do about messages, the same for the command line and over HTTP: episodes acknowledged, silences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import frozen

from wsla.remedies.identity import episode_of, is_recovery
from wsla.reporting.stored import EARLIEST, LATEST
from wsla.values.calendars import find_zone
from wsla.values.instants import DAY, parse_instant
from wsla.values.quantities import TIME, QuantityError, parse_quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wsla.remedies.decisions import Intent
    from wsla.store.interventions import Intervention
    from wsla.store.sqlite import Store

LONGEST_SILENCE: Final = 366 * DAY


class Ambiguous(ValueError):
    """Several agreements have what was named; ``titles`` are theirs."""

    def __init__(self, titles: Iterable[str]) -> None:
        self.titles = tuple(sorted(titles))
        super().__init__(", ".join(f"“{title}”" for title in self.titles))


@frozen(kw_only=True)
class Episode:
    """An episode of an agreement, with one of its messages."""

    identity: str
    agreement: str
    intent: Intent


def episode_of_message(store: Store, identity: str) -> Episode | None:
    """The episode that a message of this identity tells of; None where the store holds no such message."""
    episode = episode_of(identity)
    found = store.delivery(identity) if episode is not None else []
    if episode is None or not found:
        return None
    return Episode(identity=episode, agreement=found[0].agreement, intent=found[0].intent)


def latest_episodes(store: Store, key: str | None, cause: str) -> list[Episode]:
    """The latest episode of a rule or goal for each combination of labels, where it is not over.

    ``key`` narrows them to one agreement. Raises Ambiguous where several agreements have such a rule or goal.
    """
    latest: dict[tuple[str, str], Episode] = {}
    over: set[str] = set()
    for agreement, intent in store.intents(key, EARLIEST, LATEST):
        episode = episode_of(intent.id)
        if episode is None or intent.cause != cause:
            continue
        if is_recovery(intent.id):
            over.add(episode)
        else:
            latest[agreement, str(intent.labels)] = Episode(
                identity=episode, agreement=agreement, intent=intent
            )
    agreements = {agreement for agreement, _ in latest}
    if len(agreements) > 1:
        raise Ambiguous(agreements)
    return [one for one in latest.values() if one.identity not in over]


def acknowledge(
    store: Store, episodes: Iterable[Episode], *, at: int, author: str, note: str | None
) -> list[tuple[Episode, Intervention, bool]]:
    """Notes that somebody has taken episodes in hand; the store is open for writing beside a daemon.

    Gives for each what is noted of it, and whether it was before: whoever came first stays the author. Raises
    StoreError.
    """
    from wsla.store.interventions import Intervention

    known: dict[str, Intervention] = {}
    for one in store.interventions("acknowledge"):
        known.setdefault(one.subject, one)
    found: list[tuple[Episode, Intervention, bool]] = []
    new: list[Intervention] = []
    for episode in episodes:
        before = known.get(episode.identity)
        if before is None:
            made = Intervention(
                kind="acknowledge",
                agreement=episode.agreement,
                subject=episode.identity,
                at=at,
                author=author,
                note=note,
            )
            known[episode.identity] = made
            new.append(made)
        found.append((episode, known[episode.identity], before is not None))
    store.intervene(new)
    return found


def silences(store: Store, key: str | None, at: int) -> list[Intervention]:
    """The silences that hold at an instant: of those about the same thing the latest counts."""
    latest = {(one.agreement, one.subject): one for one in store.interventions("silence")}
    return [one for one in latest.values() if (one.until or 0) > at and (key is None or one.agreement == key)]


def silence_end(until: str | None, length: str | None, at: int, zone: str) -> int:
    """When a silence ends that begins at an instant: at a time, or after a length such as ``2h``.

    Raises ValueError, in words, for what is neither, lies before, or is more than a year away.
    """
    if until is not None:
        ends = parse_instant(until, find_zone(zone))
    else:
        try:
            quantity = parse_quantity(length or "")
        except QuantityError as problem:
            raise ValueError(str(problem)) from None
        if quantity.dimension != TIME:
            raise ValueError("this is a length of time, such as 2h")
        ends = at + int(quantity.value)
    if ends <= at:
        raise ValueError("a silence ends after now")
    if ends > at + LONGEST_SILENCE:
        raise ValueError("a silence lasts a year at most")
    return ends
