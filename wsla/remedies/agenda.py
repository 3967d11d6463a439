"""What an agreement has in the calendar: windows that end, reports, reviews, last days to claim, the term itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from enum import Enum
from typing import Final

from attrs import frozen

from wsla.analysis.operations import Active, OutageWindow, SourceField, Window
from wsla.evaluation.reference.windows import windows_between
from wsla.plan.model import Credit, Goal, Plan, RecurringKind
from wsla.plan.recurring import appointed
from wsla.remedies.claims import Claims, ClaimState, credit_of
from wsla.remedies.credits import claim_deadline
from wsla.remedies.decisions import LedgerEntry
from wsla.values.calendars import ExactWindow, OverlappingWindow, RollingWindow, find_zone, label_of
from wsla.values.instants import DAY, HOUR, Interval, format_instant, format_length, to_datetime
from wsla.values.intervals import Intervals
from wsla.values.money import format_money
from wsla.values.observations import Observation, Raw
from wsla.values.schedules import Schedule, intervals

MOST_ENTRIES: Final = 20_000
"""How many entries a calendar may have."""
_DAY_ONE: Final = date(2000, 1, 1)
_SAYING: Final = ("summary", "title", "subject", "cause", "category", "reason")
"""Fields of announced times that say what happens, the best first."""


class TooManyEntries(ValueError):
    """More entries than a calendar may have."""


class EntryKind(Enum):
    """What an entry tells of; the value is the word on the command line."""

    TERM = "term"
    WINDOW = "window"
    REPORT = "report"
    REVIEW = "review"
    CLAIM = "claim"
    NOTICE = "notice"
    HOURS = "hours"


@frozen(kw_only=True)
class AgendaEntry:
    """Something that is at an instant, or lasts from ``start`` until ``end`` (nanoseconds since the epoch).

    ``key`` tells it from all others of the agreement, however often the calendar is made.
    """

    kind: EntryKind
    start: int
    end: int
    title: str
    text: str
    key: tuple[str, ...]


@frozen(kw_only=True)
class Agenda:
    """The entries in order of time, and what is left out because nobody could read it."""

    entries: tuple[AgendaEntry, ...]
    left_out: tuple[str, ...]


def agenda(
    plan: Plan,
    start: int,
    until: int,
    *,
    observations: Iterable[Observation] = (),
    booked: Iterable[LedgerEntry] | None = None,
    claims: Claims | None = None,
    now: int = 0,
) -> Agenda:
    """What falls into ``[start, until)``.

    ``observations`` are announced times. Where what was ``booked`` up to ``now`` is known, days by which to claim are
    those of credits there are; of windows that end later they are told as they would be. Raises TooManyEntries.
    """
    left_out: list[str] = []
    found: list[AgendaEntry] = []
    parts = (
        _term(plan),
        _windows(plan, start, until, left_out),
        _recurring(plan, start, until),
        _claims_to_come(plan, start, until, None if booked is None else now),
        _claims_booked(plan, booked or (), claims or Claims(), now),
        _notices(plan, observations),
    )
    for one in (one for part in parts for one in part):
        if one.start < until and (one.end > start or one.start == one.end == start):
            found.append(one)
            if len(found) > MOST_ENTRIES:
                raise TooManyEntries(f"there are more than {MOST_ENTRIES:,} entries: choose a shorter time")
    found.sort(key=lambda one: (one.start, one.end, list(EntryKind).index(one.kind), one.key))
    return Agenda(entries=tuple(found), left_out=tuple(left_out))


def hours_of(plan: Plan, schedule: Schedule, start: int, until: int) -> Intervals:
    """The stretches of a schedule in ``[start, until)``, as far as that lies in the term."""
    return intervals(schedule, *in_term(plan, start, until))


def in_term(plan: Plan, start: int, until: int) -> tuple[int, int]:
    """The part of ``[start, until)`` that lies in the term; it ends before it begins where there is none."""
    end = until if plan.effective_end is None else min(until, plan.effective_end)
    return max(start, plan.effective_start), end


def _term(plan: Plan) -> Iterator[AgendaEntry]:
    about = f"“{plan.title}” version {plan.version}"
    yield AgendaEntry(
        kind=EntryKind.TERM,
        start=plan.effective_start,
        end=plan.effective_start,
        title=f"{plan.title} takes effect",
        text=f"{about} holds from now on.",
        key=("term", "start"),
    )
    if plan.effective_end is not None:
        yield AgendaEntry(
            kind=EntryKind.TERM,
            start=plan.effective_end,
            end=plan.effective_end,
            title=f"{plan.title} ends",
            text=f"{about} holds no longer.",
            key=("term", "end"),
        )


# --- windows


def _spoken_of(window: Window) -> str:
    """Why no calendar shows windows like these; empty where it does."""
    match window:
        case OutageWindow():
            return "once an outage is over"
        case ExactWindow(length_ns=length) | RollingWindow(every_ns=length) if length < DAY:
            return f"every {format_length(length)}"
    return ""


def _windows(plan: Plan, start: int, until: int, left_out: list[str]) -> Iterator[AgendaEntry]:
    by_window: dict[Interval, list[str]] = {}
    for goal in plan.goals:
        often = _spoken_of(goal.window)
        if often:
            left_out.append(f"{goal.name} is judged {often}")
            continue
        for window in _ending(plan, goal, start - plan.grace, until):
            by_window.setdefault(window, []).append(goal.name)
    for window, goals in by_window.items():
        final = window.end + plan.grace
        name = _name_of(plan, goals[0], window)
        shown = format_instant(final, find_zone(plan.zone))
        yield AgendaEntry(
            kind=EntryKind.WINDOW,
            start=window.end,
            end=final,
            title=f"End of {name}: {', '.join(goals)}",
            text=f"The window of {', '.join(goals)} is over; its verdict is final at {shown}.",
            key=("window", str(window.start), str(window.end)),
        )


def _ending(plan: Plan, goal: Goal, start: int, until: int) -> Iterator[Interval]:
    """The windows of a goal that this version judges and that end in ``[start, until)``."""
    if start >= until:
        return
    for number, window in enumerate(windows_between(plan, goal.window, start - 1, until)):
        if number > MOST_ENTRIES:
            raise TooManyEntries(f"there are more than {MOST_ENTRIES:,} entries: choose a shorter time")
        if start <= window.end < until and plan.judges(window):
            yield window


def _name_of(plan: Plan, goal: str, window: Interval) -> str:
    (spec,) = [one.window for one in plan.goals if one.name == goal]
    if isinstance(spec, OverlappingWindow):
        last = label_of(spec.last_period(window), spec.period.unit, plan.zone)
        return f"the {spec.count} {spec.period.unit.value}s up to {last}"
    label = label_of(window, getattr(spec, "unit", None), plan.zone)
    return label if ".." not in label else _bounds(plan, window)


def _bounds(plan: Plan, window: Interval) -> str:
    """``2026-01-15 to 2026-04-15``, with times of the day where it does not begin and end with days."""
    zone = find_zone(plan.zone)
    start, end = to_datetime(window.start, zone), to_datetime(window.end, zone)
    whole = start.time() == end.time() == time()
    form = "%Y-%m-%d" if whole else "%Y-%m-%d %H:%M"
    return f"{start:{form}} to {end:{form}}"


# --- reports, reviews and claims


def _recurring(plan: Plan, start: int, until: int) -> Iterator[AgendaEntry]:
    for recurring in plan.recurring:
        report = recurring.kind is RecurringKind.REPORT
        for one in appointed(plan, recurring, start - DAY, until):
            period = label_of(one.period, recurring.window.unit, plan.zone)
            people = ", ".join(map(str, recurring.targets))
            name = recurring.title or ("Report" if report else "Service review")
            yield AgendaEntry(
                kind=EntryKind.REPORT if report else EntryKind.REVIEW,
                start=one.at,
                end=one.at + (0 if report else recurring.length),
                title=f"{name}, {period}",
                text=f"{'The report goes to' if report else 'Invited are'} {people}.",
                # So that who was invited to a review has one entry for it, this is the identity of the invitation.
                key=(recurring.name, str(one.period.start)),
            )


def _claims_to_come(plan: Plan, start: int, until: int, booked_until: int | None) -> Iterator[AgendaEntry]:
    """The last days to claim what a window may yet lead to, or where nothing is known, may have led to."""
    for goal in plan.goals:
        credits = [
            one
            for one in (*goal.otherwise, *goal.rewarding)
            if isinstance(one, Credit) and one.claim is not None
        ]
        if not credits or _spoken_of(goal.window):
            continue
        for number, credit in enumerate(credits):
            claim = credit.claim
            assert claim is not None
            ahead = claim.unit.after(_DAY_ONE, claim.count) - _DAY_ONE
            earliest = start - (ahead.days + 10) * DAY
            for window in _ending(plan, goal, earliest, until):
                if booked_until is not None and window.end + plan.grace <= booked_until:
                    continue
                name = _name_of(plan, goal.name, window)
                happened = "missed" if credit in goal.otherwise else "met"
                yield _last_day(
                    claim_deadline(claim, window.end - 1, plan.zone),
                    title=f"Last day to claim: {goal.name}, {name}",
                    text=f"If {goal.name} was {happened} in {name}, {credit.creditor} has to claim the credit from "
                    f"{credit.debtor} by now.",
                    key=("claim", goal.name, str(window.start), str(number)),
                )


def _claims_booked(
    plan: Plan, booked: Iterable[LedgerEntry], claims: Claims, now: int
) -> Iterator[AgendaEntry]:
    entries = tuple(booked)
    left = {one.id: one.amount for one in entries if one.kind in ("credit", "reward")}
    for one in entries:
        if one.kind == "cap" and credit_of(one) in left:
            left[credit_of(one)] -= one.amount
    for entry in entries:
        if entry.claim_until is None or left.get(entry.id, 0) <= 0:
            continue
        if claims.state(entry, now) in (ClaimState.ACCRUED, ClaimState.EXPIRED):
            amount = format_money(left[entry.id], entry.currency)
            window = label_of(entry.window, None, plan.zone)
            yield _last_day(
                entry.claim_until,
                title=f"Last day to claim: {amount}, {entry.cause}",
                text=f"{entry.creditor} has to claim {amount} from {entry.debtor} by now ({entry.cause}, {window}).",
                key=("claim", entry.id),
            )


def _last_day(deadline: int, *, title: str, text: str, key: tuple[str, ...]) -> AgendaEntry:
    """The last hour of the last day, so that calendars show it on that day."""
    return AgendaEntry(
        kind=EntryKind.CLAIM, start=deadline - HOUR, end=deadline, title=title, text=text, key=key
    )


# --- announced times


def _notices(plan: Plan, observations: Iterable[Observation]) -> Iterator[AgendaEntry]:
    """The times that records of a source announce, of each the latest version."""
    bounds: dict[str, tuple[str, str]] = {}
    for operation in plan.operations:
        if isinstance(operation, Active):
            start, end = plan.operations[operation.start], plan.operations[operation.end]
            if isinstance(start, SourceField) and isinstance(end, SourceField):
                bounds.setdefault(operation.source, (start.field, end.field))
    latest: dict[tuple[str, str], tuple[int, Mapping[str, Raw]]] = {}
    for number, one in enumerate(observations):
        if one.source not in bounds:
            continue
        key = plan.source(one.source).key
        identity = f"row {number}" if key is None else str(one.fields.get(key))
        before = latest.get((one.source, identity))
        if before is None or before[0] <= one.at:
            latest[one.source, identity] = (one.at, one.fields)
    for (source, identity), (at, fields) in latest.items():
        start_field, end_field = bounds[source]
        begins, ends = fields.get(start_field), fields.get(end_field)
        if not isinstance(begins, int) or not isinstance(ends, int) or ends <= begins:
            continue
        said = [str(fields[name]) for name in _SAYING if fields.get(name)]
        about = said[0] if said else identity
        yield AgendaEntry(
            kind=EntryKind.NOTICE,
            start=begins,
            end=ends,
            title=f"{source}: {about}",
            text=f"Announced at {format_instant(at, find_zone(plan.zone))}.",
            key=("notice", source, identity),
        )
