"""What is asked about agreements, answered as values for machines. The pages for people show the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from wsla.plan.model import Plan
from wsla.remedies.claims import Claims
from wsla.reporting.money import claimed_value
from wsla.reporting.period import gather, report_value
from wsla.reporting.stored import EARLIEST, LATEST, in_force_at
from wsla.reporting.verdicts import judgement_value, parse_window
from wsla.store.records import OutboxItem
from wsla.store.sqlite import Store
from wsla.values.calendars import find_zone
from wsla.values.instants import Interval, format_instant
from wsla.web.view import Seen

MOST: Final = 1_000
"""Verdicts, entries and notices in one answer; the next ones are asked for with ``after``."""


class NotFound(LookupError):
    """What was asked for is not there, or not for whoever asks; the message is for them."""


class Unclear(ValueError):
    """What was asked cannot be understood; the message says what would be."""


def period_of(text: str | None, zone: str) -> Interval:
    """``2026-03``, ``2026-Q1`` or ``TIME..TIME``; all time for None. Raises Unclear."""
    if text is None:
        return Interval(EARLIEST, LATEST)
    try:
        return parse_window(text, zone)
    except ValueError as problem:
        raise Unclear(f"window: {problem}") from None


def agreement_value(seen: Seen) -> dict[str, Any]:
    """An agreement in a list."""
    return {
        "title": seen.title,
        "version": seen.version,
        "sha256": seen.sha256,
        "parties": [
            {"name": party.name, "title": party.title, "roles": list(party.roles)}
            for party in seen.plan.parties
        ],
        "goals": [
            {"name": goal.name, "obliged": goal.party, "promised": goal.text} for goal in seen.plan.goals
        ],
        "judged": seen.failed is None,
        "trouble": seen.failed,
        "observations": seen.accepted,
    }


def open_value(seen: Seen) -> dict[str, Any]:
    """The open windows of an agreement as they stand."""
    return {
        "agreement": seen.title,
        "asked_at": format_instant(seen.asked_at, find_zone(seen.plan.zone)),
        "windows": [judgement_value(seen.plan, judgement) for judgement in seen.open_windows],
    }


def verdicts_value(
    store: Store, seen: Seen, window: str | None, goal: str | None, after: int
) -> dict[str, Any]:
    """Final verdicts of windows that share time with a period, corrected where they were, in order of time."""
    if goal is not None and goal not in {one.name for one in seen.plan.goals}:
        raise NotFound(f"the agreement has no goal {goal}")
    period = period_of(window, seen.plan.zone)
    corrected = {(one.goal, one.labels, one.window): (at, one) for at, one in store.corrections(seen.title)}
    zone = find_zone(seen.plan.zone)

    def values() -> Iterator[dict[str, Any]]:
        names = {one.name for one in seen.plan.goals}
        for judgement in store.judgements(seen.title, period.start, period.end, final_only=True):
            if judgement.goal not in names or (goal is not None and judgement.goal != goal):
                continue
            at, said = corrected.get((judgement.goal, judgement.labels, judgement.window), (None, judgement))
            correction = {} if at is None else {"corrected_at": format_instant(at, zone)}
            yield judgement_value(seen.plan, said) | correction

    return _page("verdicts", values(), after)


def report_of(store: Store, seen: Seen, window: str | None, now: int) -> dict[str, Any]:
    """The report of a period, as `wsla report --format json` gives it. Raises NotFound where it would be empty."""
    period = period_of(window, seen.plan.zone)
    agreement = in_force_at(store, seen.title, min(period.end, now))
    if agreement is None:
        raise NotFound("the store holds nothing of this agreement yet")
    return report_value(gather(store, seen.title, agreement, period, claims_at=now))


def ledger_value(store: Store, seen: Seen, window: str | None, now: int, after: int) -> dict[str, Any]:
    """What was booked under an agreement for windows that ended in a period."""
    period = period_of(window, seen.plan.zone)
    claims = Claims(store.claim_events())
    entries = store.entries(seen.title, period.start, period.end)
    return _page(
        "entries", (claimed_value(entry, claims, now, seen.plan.zone) for _, entry in entries), after
    )


def notices_value(store: Store, seen: Seen, window: str | None, after: int) -> dict[str, Any]:
    """What was said and done because of an agreement, in order of time; addresses are not told."""
    period = period_of(window, seen.plan.zone)
    zone = find_zone(seen.plan.zone)
    values = (
        {
            "id": intent.id,
            "verb": intent.verb,
            "at": format_instant(intent.at, zone),
            "cause": intent.cause,
            "labels": dict(intent.labels),
            "subject": intent.subject,
            "text": intent.text,
            "targets": [str(target) for target in intent.targets],
            "held_back": intent.held,
        }
        for _, intent in store.intents(seen.title, period.start, period.end)
    )
    return _page("notices", values, after)


def dead_letters_value(items: Iterable[OutboxItem], plans: dict[str, Plan]) -> list[dict[str, Any]]:
    """Messages that were given up, with the reason."""
    return [
        {
            "agreement": item.agreement,
            "notice": item.intent.id,
            "target": str(item.target),
            "subject": item.intent.subject,
            "attempts": item.attempts,
            "reason": item.last_error,
        }
        for item in items
        if item.agreement in plans
    ]


def _page(name: str, values: Iterator[dict[str, Any]], after: int) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    for number, value in enumerate(values):
        if number < after:
            continue
        if len(found) == MOST:
            return {name: found, "next": after + MOST}
        found.append(value)
    return {name: found, "next": None}
