"""Corrections of agreements that stand on another: whoever observed a verdict observes what it is now (rule M106)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, frozen

from wsla.remedies.corrections import WindowKey, Withdrawn
from wsla.reporting.correcting import Reconsidered, reconsider
from wsla.reporting.stored import EARLIEST, LATEST, in_force

if TYPE_CHECKING:
    from wsla.api import Agreement
    from wsla.evaluation.verdicts import Judgement
    from wsla.remedies.corrections import Said
    from wsla.sources.verdicts import VerdictsTarget
    from wsla.store.records import Batch, Observed
    from wsla.store.sqlite import Store

_KIND: Final = "verdicts"


@frozen(kw_only=True)
class Together:
    """Corrections that are one: that of an agreement, and those of the agreements that stand on it, what comes first
    first. ``unreadable`` are titles of agreements whose text is no longer accepted; ``again`` those that stand, in a
    circle, on what was corrected after them."""

    corrections: tuple[Reconsidered, ...]
    unreadable: tuple[str, ...] = ()
    again: tuple[str, ...] = ()

    def batch(self) -> Batch:
        """What is to be stored because of it, in one transaction."""
        from wsla.store.records import Batch

        batches = [one.batch() for one in self.corrections]
        return Batch(
            observations=tuple(x for one in batches for x in one.observations),
            decisions=tuple(x for one in batches for x in one.decisions),
            corrections=tuple(x for one in batches for x in one.corrections),
            reviews=tuple(x for one in batches for x in one.reviews),
        )


def reconsider_together(store: Store, key: str, agreement: Agreement, at: int) -> Together:
    """Judges an agreement again, and then every agreement that stands on it and observed a verdict that is another by
    now. Raises StoreError."""
    others, unreadable = _others(store, key)
    readers: dict[str, list[str]] = {}
    targets = {
        title: tuple(_targets(store, title, one)) for title, one in (others | {key: agreement}).items()
    }
    for title, found in targets.items():
        for target in found:
            readers.setdefault(target.agreement, []).append(title)
    done: dict[str, Reconsidered] = {}
    for title in _in_order(key, readers):
        one = agreement if title == key else others[title]
        versions = _versions(store, title, one, targets[title], done, at)
        if title == key or versions:
            done[title] = reconsider(store, title, one, at, versions)
    again = [
        title
        for title, one in done.items()
        if len(_versions(store, title, one.agreement, targets[title], done, at)) > len(one.versions)
    ]
    return Together(
        corrections=tuple(done.values()), unreadable=tuple(sorted(unreadable)), again=tuple(again)
    )


def _others(store: Store, key: str) -> tuple[dict[str, Agreement], set[str]]:
    """The other agreements that may read verdicts, by title, and those that nobody can tell of."""
    found: dict[str, Agreement] = {}
    unreadable: set[str] = set()
    for version in store.agreements():
        if version.key == key or not (_KIND in version.text or store.follows(version.key, _KIND)):
            continue
        agreement = in_force(version)
        if agreement is None:
            unreadable.add(version.key)
        else:
            found[version.key] = agreement
    return found, unreadable


def _targets(store: Store, title: str, agreement: Agreement) -> Iterator[VerdictsTarget]:
    """The sources of an agreement that are verdicts of others: as the daemon read them last, otherwise as declared."""
    from wsla.sources.verdicts import VerdictsTarget

    for source in agreement.plan.sources:
        place = store.place(title, source.name)
        of: Any = (source.options.get("agreement"), source.options.get("goal"))
        if place is None:
            if source.kind != _KIND:
                continue
        elif place.get("kind") != _KIND:
            continue
        else:
            of = place["place"]["of"]
        yield VerdictsTarget(declared=source, timeout=0, agreement=str(of[0]), goal=str(of[1]))


def _in_order(first: str, readers: Mapping[str, Sequence[str]]) -> list[str]:
    """An agreement and all that stand on it, each behind what it stands on; a circle is cut where it began."""
    found: dict[str, None] = {}
    begun: set[str] = set()
    waiting = [(first, False)]
    while waiting:
        title, left = waiting.pop()
        if left:
            found[title] = None
        elif title not in begun:
            begun.add(title)
            waiting.append((title, True))
            waiting.extend((one, False) for one in readers.get(title, ()))
    return list(reversed(found))


def _versions(
    store: Store,
    title: str,
    agreement: Agreement,
    targets: Sequence[VerdictsTarget],
    done: Mapping[str, Reconsidered],
    at: int,
) -> list[Observed]:
    """Later versions of what an agreement observed of others: nothing where it observed what stands."""
    if not targets:
        return []
    since = store.agreement_history(title)[0].at - agreement.plan.grace
    numbers = store.versions(title)
    found: list[Observed] = []
    for target in targets:
        found += _of_target(store, title, target, since, numbers, done.get(target.agreement), at)
    return found


def _of_target(
    store: Store,
    title: str,
    target: VerdictsTarget,
    since: int,
    numbers: Mapping[Any, int],
    correcting: Reconsidered | None,
    at: int,
) -> Iterator[Observed]:
    from wsla.daemon.verdicts import row_of
    from wsla.evaluation.encoding import DataError
    from wsla.store.finding import Identity
    from wsla.store.records import Observed
    from wsla.store.versions import Version, Versioned, row_of_version

    source = target.declared
    stood: dict[tuple[str, int, str], tuple[Observed, Version]] = {}
    for said, number in _corrected(store, target, correcting):
        withdrawn = isinstance(said, Withdrawn)
        try:
            stream, row, observation = row_of(target, said.judgement if isinstance(said, Withdrawn) else said)
        except DataError:
            return
        which = Versioned(source.name, stream, observation.at, row)
        if observation.at < since or numbers.get(which, 0) >= number:
            continue
        if withdrawn:
            observation = evolve(observation, reason="there is no such window any more")
        version = Version(number, withdrawn)
        later = Observed(title, observation, at, stream, row_of_version(row, version), late=True)
        stood[stream, observation.at, row] = (later, version)
    held = store.held(title, source.name, [Identity(*one) for one in stood])
    for (stream, instant, row), (later, version) in stood.items():
        first = held.get(Identity(stream, instant, row))
        which = Versioned(source.name, stream, instant, row)
        if first is not None and first.fields is None:
            # Observations of that time are no longer kept: what was said stands.
            continue
        same = first is not None and not version.withdrawn and first.fields == later.observation.fields
        if not same or which in numbers:
            yield later


def _corrected(
    store: Store, target: VerdictsTarget, correcting: Reconsidered | None
) -> Iterator[tuple[Said, int]]:
    """What is said by now of the windows of a goal that were ever corrected, and how often they were."""
    latest: dict[WindowKey, Said] = {}
    times: Counter[WindowKey] = Counter()

    def note(judgement: Judgement, said: Said) -> None:
        if judgement.goal == target.goal:
            window = (judgement.goal, judgement.labels, judgement.window)
            latest[window] = said
            times[window] += 1

    for one in store.rejudged(target.agreement):
        note(one.judgement, one.judgement if one.exists else Withdrawn(one.judgement))
    for pair in () if correcting is None else correcting.found.changed:
        said = pair.said
        note(said.judgement if isinstance(said, Withdrawn) else said, said)
    if not latest:
        return
    # Of several windows that begin together, cut by the term, a sample says what the first to end came to.
    ends: dict[Any, int] = {}
    for judged in store.judgements(target.agreement, EARLIEST, LATEST, final_only=True):
        if judged.goal == target.goal:
            place = judged.labels, judged.window.start
            ends[place] = min(judged.window.end, ends.get(place, judged.window.end))
    for (goal, labels, window), said in latest.items():
        if target.declared.records or window.end <= ends.get((labels, window.start), window.end):
            yield said, times[goal, labels, window]
