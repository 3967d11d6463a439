"""Decides by the calendar: reports when they are due (rule M104), and what people are told of reviews (rule M105).

What was decided before is in the store. So nothing is decided twice, and what fell into a time without a daemon is
decided at the next start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from attrs import define, evolve, field, frozen

from wsla.daemon.keeper import Kept
from wsla.daemon.reigns import parsed
from wsla.daemon.writer import Item, Writer
from wsla.plan.model import Plan, Recurring, RecurringKind, Target
from wsla.plan.recurring import Appointed, appointed, invited, next_due
from wsla.ports import Clock
from wsla.remedies.decisions import Intent, Words
from wsla.remedies.identity import Occasion, said_of
from wsla.store.errors import StoreError
from wsla.store.records import AgreementVersion, Decided
from wsla.store.sqlite import Store
from wsla.values.calendars import find_zone, label_of, window_containing
from wsla.values.instants import DAY, SECOND, Interval, format_instant, format_length, parse_instant

_log = logging.getLogger(__name__)

_LOOK_AGAIN: Final = 1.0
_LOOK_FOR_OTHERS: Final = 15.0
"""Seconds until agreements are looked for of which something may be due, while there are none."""
_AFTER_TROUBLE: Final = 10.0
_LATEST: Final = 2**63 - 1
_LONGEST_AHEAD: Final = 800 * DAY
_EARLIER_VERSIONS: Final = 2
_REPORT: Final = RecurringKind.REPORT.value
_REVIEW: Final = RecurringKind.REVIEW.value

MeetingKey = tuple[str, int]
"""A review by its name, and the start of its period."""


@frozen
class Told:
    """What somebody was told of a meeting last: when it is, and what it is called."""

    window: Interval
    subject: str


@define
class Meeting:
    """What was said of a meeting so far: ``told`` those who are invited, ``number`` is that of the last word."""

    number: int = -1
    told: dict[str, tuple[Target, Told]] = field(factory=dict)


@define
class _Known:
    """What the store holds of an agreement's calendar: ``versions`` are those whose reports may be due yet, each with
    the instant after which its reports are sent; ``before`` those that run beside the latest one, which may call people
    to reviews yet."""

    plan: Plan
    versions: tuple[tuple[Plan, int], ...]
    sent: set[str]
    meetings: dict[MeetingKey, Meeting]
    before: tuple[Plan, ...] = ()
    _quiet: tuple[int, int] | None = None

    def is_quiet(self, until: int, now: int) -> bool:
        """True where nothing has fallen due since ``passed``; to know that costs next to nothing."""
        return self._quiet is not None and until < self._quiet[0] and now < self._quiet[1]

    @property
    def empty(self) -> bool:
        """True where nothing will ever be due."""
        plans = (*self.before, *(plan for plan, _ in self.versions))
        return not self.meetings and not any(plan.recurring for plan in plans)

    def passed(self, until: int, now: int | None = None) -> None:
        """Everything that was due by an instant is decided, and all that was to say of meetings ``now``."""
        self.versions = tuple((plan, max(since, until)) for plan, since in self.versions)
        if now is None:
            return
        dues = (
            next_due(plan, one, since)
            for plan, since in self.versions
            for one in plan.recurring
            if one.kind is RecurringKind.REPORT
        )
        # People are invited when a period begins.
        turns = (
            window_containing(one.window, now).end
            for plan in (*self.before, self.plan)
            for one in plan.recurring
            if one.kind is RecurringKind.REVIEW
        )
        self._quiet = (
            min((due for due in dues if due is not None), default=_LATEST),
            min(turns, default=_LATEST),
        )

    def reports(self, until: int) -> Iterator[Intent]:
        """All that were due by an instant."""
        for plan, since in self.versions:
            for one in _reports(plan, since, until):
                yield report_of(plan, one)


class Appointments:
    """Looks once in a while. ``kept`` gives the agreements that are kept."""

    def __init__(self, writer: Writer, clock: Clock, kept: Callable[[], Iterable[Kept]]) -> None:
        self._writer: Final = writer
        self._clock: Final = clock
        self._kept: Final = kept
        self._known: Final[dict[str, _Known]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="appointments")

    def stop(self) -> None:
        """End; what is due meanwhile is decided at the next start."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            wait = _LOOK_FOR_OTHERS
            for kept in list(self._kept()):
                try:
                    if await self._look(kept):
                        wait = min(wait, _LOOK_AGAIN)
                except StoreError as error:
                    _log.warning("what is due by the calendar cannot be decided yet: %s", error)
                    wait = min(wait, _AFTER_TROUBLE)
                except Exception:
                    title = kept.deployment.agreement.title
                    _log.exception("“%s”: what is due by the calendar cannot be decided", title)
            await asyncio.sleep(wait)

    async def _look(self, kept: Kept) -> bool:
        """Decides what is due; False where nothing will ever be."""
        agreement, judge = kept.deployment.agreement, kept.judge
        title, plan = agreement.title, agreement.plan
        known = self._known.get(title)
        if known is None or known.plan is not plan:
            plans = [one.agreement.plan for one in kept.deployment.versions]

            def ask(store: Store) -> _Known:
                return look_up(store, title, plan, self._clock.now(), in_turn(plans))

            known = self._known[title] = await asyncio.wrap_future(self._writer.call(ask))
        if known.empty:
            return False
        now = self._clock.now()
        until = min(now, judge.time)
        if known.is_quiet(until, now):
            return True
        decided: list[Intent] = []
        # What the judge has said up to its time was given to the writer before: a report comes after its verdicts.
        for intent in known.reports(until):
            if intent.id not in known.sent:
                known.sent.add(intent.id)
                decided.append(intent)
        decided += words_about_meetings(plan, known.meetings, now, known.before)
        known.passed(until, now)
        if decided:
            for intent in decided:
                _log.info("“%s”: %s", title, intent.subject)
            self._writer.submit(Item(decisions=tuple(Decided(title, one) for one in decided)))
        return True


def in_turn(plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """Of versions that run side by side those before the latest, each for the periods that end before the next one
    takes effect."""
    return tuple(evolve(plan, judges_until=following.effective_start) for plan, following in pairwise(plans))


def look_up(store: Store, title: str, plan: Plan, now: int, before: tuple[Plan, ...] = ()) -> _Known:
    """What the store holds of an agreement's calendar; versions ``before`` run beside it."""
    history = store.agreement_history(title)
    known = _Known(plan=plan, versions=_versions(history, plan, now), sent=set(), meetings={}, before=before)
    # A version that says the same of the same time sends no second report of what the one before it has reported.
    numbers = {plan.version, *(version.version for version in history)}
    known.sent.update(
        report_of(own, one).id
        for own, since in known.versions
        for one in _reports(own, since, now)
        if any(store.delivery(report_of(evolve(own, version=number), one).id) for number in numbers)
    )
    calls = any(one.kind is RecurringKind.REVIEW for each in (*before, plan) for one in each.recurring)
    if calls or any(_REVIEW in version.text for version in history):
        for _, intent in store.intents(title, now - _LONGEST_AHEAD, _LATEST):
            _learn(known.meetings, intent)
    return known


def _versions(history: list[AgreementVersion], plan: Plan, now: int) -> tuple[tuple[Plan, int], ...]:
    """The version that is kept, and those before it: reports of their last periods may fall due under this one."""
    found = [(plan, _since(history, plan, now))]
    if not any(_REPORT in version.text for version in history):
        return tuple(found)
    for position in range(len(history) - 1, -1, -1):
        newest = found[-1][0]
        if history[position].version >= newest.version:
            continue
        before = parsed(history[position])
        if before is None or len(found) > _EARLIER_VERSIONS:
            break
        earlier = evolve(before.plan, judges_until=newest.effective_start)
        found.append((earlier, _since(history[: position + 1], earlier, now)))
    return tuple(found)


def _since(history: list[AgreementVersion], plan: Plan, now: int) -> int:
    """After which instant reports are sent: when a text with all of them came into force, and none without since."""
    since, reports = now if not history else history[-1].at, _shapes(plan)
    for version in reversed(history) if reports else ():
        before = parsed(version)
        if before is None or not reports <= _shapes(before.plan):
            break
        since = version.at
    return since


def _shapes(plan: Plan) -> set[tuple[object, ...]]:
    return {(one.name, one.window, one.targets) for one in plan.recurring if one.kind is RecurringKind.REPORT}


def _reports(plan: Plan, since: int, until: int) -> Iterator[Appointed]:
    for one in plan.recurring:
        if one.kind is RecurringKind.REPORT:
            yield from appointed(plan, one, since, until)


def report_of(plan: Plan, one: Appointed) -> Intent:
    """That a report is to be sent; what it says is found when it is."""
    recurring, zone = one.recurring, plan.zone
    name = recurring.title or f"report of {label_of(one.period, recurring.window.unit, zone)}"
    occasion = _occasion(plan, recurring, one.period.start)
    return Intent(
        id=occasion.identity("publish"),
        verb="publish",
        targets=recurring.targets,
        at=one.at,
        cause=recurring.name,
        labels=(),
        window=one.period,
        words=Words.of(f"{plan.title}: {name}", f"Agreement: {plan.title}, version {plan.version}"),
    )


def words_about_meetings(
    plan: Plan, meetings: dict[MeetingKey, Meeting], now: int, before: Sequence[Plan] = ()
) -> list[Intent]:
    """What has to be said about meetings that are yet to come; ``meetings`` takes note of it. Versions ``before`` the
    plan's may call people yet."""
    wanted: dict[MeetingKey, tuple[Plan, Appointed]] = {
        (recurring.name, one.period.start): (each, one)
        for each in (*before, plan)
        for recurring in each.recurring
        if recurring.kind is RecurringKind.REVIEW
        for one in invited(each, recurring, now)
    }
    found: list[Intent] = []
    for key in {**dict.fromkeys(meetings), **wanted}:
        meeting = meetings.setdefault(key, Meeting())
        caller, one = wanted.get(key, (plan, None))
        told = None if one is None else _told(caller, one)
        targets = {} if one is None else {str(target): target for target in one.recurring.targets}
        groups: dict[tuple[str, Told], list[Target]] = {}
        for name, (target, known) in meeting.told.items():
            if name not in targets and known.window.start > now:
                groups.setdefault(("cancellation", known), []).append(target)
        for name, target in targets.items():
            assert told is not None
            if name not in meeting.told:
                groups.setdefault(("invitation", told), []).append(target)
            elif meeting.told[name][1] != told:
                groups.setdefault(("change", told), []).append(target)
        for (word, about), some in groups.items():
            intent = _word(caller, key, word, meeting.number + 1, about, tuple(some), now)
            found.append(intent)
        for intent in found[len(found) - len(groups) :]:
            _learn(meetings, intent)
    return found


def _told(plan: Plan, one: Appointed) -> Told:
    name = one.recurring.title or "Service review"
    label = label_of(one.period, one.recurring.window.unit, plan.zone)
    return Told(Interval(one.at, one.at + one.recurring.length), f"{plan.title}: {name}, {label}")


def _word(
    plan: Plan, key: MeetingKey, word: str, number: int, about: Told, targets: tuple[Target, ...], now: int
) -> Intent:
    name, start = key
    zone = find_zone(plan.zone)
    length = format_length(about.window.end - about.window.start)
    lines = [
        f"Agreement: {plan.title}, version {plan.version}",
        f"Begins: {format_instant(about.window.start, zone)}",
        f"Lasts: {length}",
        *([] if word == "invitation" else [f"This {word} takes the place of what was said before."]),
    ]
    occasion = Occasion(plan=plan, kind=_REVIEW, cause=name, start=start, labels=())
    return Intent(
        id=occasion.identity(f"{word} {number}"),
        verb="call",
        targets=targets,
        at=now // SECOND * SECOND,
        cause=name,
        labels=(),
        window=about.window,
        words=Words.of(about.subject, "\n".join(lines)),
    )


def _learn(meetings: dict[MeetingKey, Meeting], intent: Intent) -> None:
    """Takes note of what was said about a meeting."""
    said = said_of(intent.id)
    if said is None or said.kind != _REVIEW or intent.window is None:
        return
    word, _, number = said.step.partition(" ")
    meeting = meetings.setdefault((said.cause, parse_instant(said.start)), Meeting())
    meeting.number = max(meeting.number, int(number))
    for target in intent.targets:
        if word == "cancellation":
            meeting.told.pop(str(target), None)
        else:
            meeting.told[str(target)] = (target, Told(intent.window, intent.subject))


def _occasion(plan: Plan, recurring: Recurring, start: int) -> Occasion:
    return Occasion(plan=plan, kind=recurring.kind.value, cause=recurring.name, start=start, labels=())
