"""When events take place: each occurrence by the clock on the wall, worked out by the library, within limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import MAXYEAR, datetime, timedelta
from typing import Any, Final

from attrs import define, field, frozen

from wsla.diagnostics.source import Span
from wsla.ical.events import Event
from wsla.ical.moments import LATEST, Moment, Rule
from wsla.values.calendars import find_zone
from wsla.values.instants import from_local

MOST_OCCURRENCES: Final = 50_000
"""How many occurrences the events of a file may have together."""
MOST_STEPS: Final = 100_000
"""How many days, weeks, months and years the rules of a file may be followed for together."""
_LONGEST_COUNTED: Final = {"DAILY": 30, "WEEKLY": 60, "MONTHLY": 100, "YEARLY": 150}
"""How many years a rule is followed for that ends by COUNT."""
_CYCLE: Final = 400
_STEPS: Final = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 28, "YEARLY": 365}
_ONE_DAY: Final = timedelta(days=1)
_WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class TooMany(ValueError):
    """A calendar with more occurrences than are worked out."""


@frozen(kw_only=True)
class Occurrence:
    """One time that an event takes place: start and end as local times of ``zone``, which an event that floats has not.

    ``event`` is that which says so: the one that recurs, or the one in place of an occurrence.
    """

    event: Event = field(eq=False)
    start: datetime
    end: datetime
    zone: str | None
    span: Span = field(eq=False)

    def instants(self, otherwise: str) -> tuple[int, int]:
        """Start and end in nanoseconds since the epoch; what floats is read in the zone ``otherwise``."""
        zone = find_zone(self.zone or otherwise)
        return from_local(self.start, zone), from_local(self.end, zone)


@define(kw_only=True)
class Expansion:
    """The occurrences of the events of one file. ``zone`` is that in which times without one are meant."""

    zone: str
    _occurrences: int = 0
    _steps: int = 0

    def starts(self, event: Event, until: datetime) -> Iterator[datetime]:
        """Local times at which a rule lets an event begin, in order: up to its end, or ``until`` where it has none.

        Raises TooMany.
        """
        rule = event.rule
        if rule is None:
            self._count()
            yield event.start.local
            return
        begin = event.start.local
        end = self._end(event, rule, begin, until)
        followed, number = begin, 0
        for one in _followed(begin, rule, end):
            if number == rule.count:
                break
            self._step(rule, followed, one)
            self._count()
            followed, number = one, number + 1
            yield one
        else:
            self._step(rule, followed, end if number else begin + timedelta(days=366 * _CYCLE))
            if rule.count is not None and number < rule.count and number:
                raise TooMany(f"a rule does not come to its end in {_LONGEST_COUNTED[rule.frequency]} years")

    def of(self, event: Event, until: datetime) -> list[Occurrence]:
        """The occurrences of one event: by its rule and its RDATEs, less its EXDATEs. Raises TooMany."""
        left_out, whole_days = self.exclusions(event)
        found = [
            Occurrence(
                event=event, start=one, end=one + event.lasts, zone=event.start.zone, span=event.rule_span
            )
            for one in self.starts(event, until)
            if one not in left_out and one.date() not in whole_days
        ]
        there = {one.start for one in found}
        for one in self.extras(event):
            if one.start not in there and one.start not in left_out:
                there.add(one.start)
                found.append(one)
        return sorted(found, key=lambda one: one.start)

    def extras(self, event: Event) -> Iterator[Occurrence]:
        """The occurrences that RDATEs add."""
        for extra in event.extra:
            self._count()
            start = self.in_zone_of(event, extra.at)
            lasts = event.lasts if extra.lasts is None else extra.lasts
            yield Occurrence(
                event=event, start=start, end=start + lasts, zone=event.start.zone, span=extra.span
            )

    def exclusions(self, event: Event) -> tuple[dict[datetime, Span], dict[object, Span]]:
        """The starts that EXDATEs take out, and the days, where they name days of an event with times."""
        starts: dict[datetime, Span] = {}
        days: dict[object, Span] = {}
        for left in event.left_out:
            if left.at.is_date and not event.start.is_date:
                days[left.at.local.date()] = left.span
            else:
                starts[self.in_zone_of(event, left.at)] = left.span
        return starts, days

    def in_zone_of(self, event: Event, at: Moment) -> datetime:
        """The local time of a moment on the clocks by which an event is written."""
        if event.start.is_date:
            return at.local_in(self.zone, self.zone).replace(hour=0, minute=0, second=0)
        return at.local_in(event.start.zone or self.zone, self.zone)

    def _end(self, event: Event, rule: Rule, begin: datetime, until: datetime) -> datetime:
        latest = datetime(LATEST, 12, 31)
        if rule.until is not None:
            if rule.until.is_date:
                return min(latest, rule.until.local + _ONE_DAY - timedelta(seconds=1))
            return min(latest, self.in_zone_of(event, rule.until))
        if rule.count is not None:
            return min(latest, begin + timedelta(days=366 * _LONGEST_COUNTED[rule.frequency]))
        return until

    def _step(self, rule: Rule, begin: datetime, end: datetime) -> None:
        self._steps += max(0, (end - begin).days) // (_STEPS[rule.frequency] * rule.interval)
        if self._steps > MOST_STEPS:
            raise TooMany(
                f"the rules of this calendar reach over more than {MOST_STEPS:,} days, weeks and months"
            )

    def _count(self) -> None:
        self._occurrences += 1
        if self._occurrences > MOST_OCCURRENCES:
            raise TooMany(f"the events of this calendar occur more than {MOST_OCCURRENCES:,} times together")


def once(event: Event) -> Occurrence:
    """The occurrence at which an event begins."""
    start = event.start.local
    return Occurrence(
        event=event, start=start, end=start + event.lasts, zone=event.start.zone, span=event.start_span
    )


def weekdays_of(event: Event) -> tuple[int, ...] | None:
    """The days of the week on which an event takes place, in every week alike; None for any other rule."""
    rule = event.rule
    if rule is None or rule.interval != 1 or rule.frequency not in ("DAILY", "WEEKLY"):
        return None
    if rule.parts.keys() - {"BYDAY", "WKST"}:
        return None
    named = rule.parts.get("BYDAY", ())
    if named:
        return tuple(sorted({_WEEKDAYS.index(str(one)) for one in named}))
    return tuple(range(7)) if rule.frequency == "DAILY" else (event.start.local.weekday(),)


def _followed(begin: datetime, rule: Rule, end: datetime) -> Iterator[datetime]:
    from dateutil import rrule as library

    if end < begin:
        return
    # The library looks at a rule's end only when the rule gives a day: one that never does is followed to the year
    # 9999. The calendar repeats itself after 400 years, so rules are followed in the last of these.
    later = (MAXYEAR - end.year) // _CYCLE * _CYCLE
    begin, end = begin.replace(year=begin.year + later), end.replace(year=end.year + later)
    arguments: dict[str, Any] = {}
    for name, values in rule.parts.items():
        if name == "BYDAY":
            arguments["byweekday"] = [_weekday(str(one)) for one in values]
        elif name == "WKST":
            arguments["wkst"] = _WEEKDAYS.index(str(values[0]))
        else:
            arguments[name.lower()] = [int(one) for one in values]
    found: Iterable[datetime] = library.rrule(
        getattr(library, rule.frequency), dtstart=begin, interval=rule.interval, until=end, **arguments
    )
    for one in found:
        yield one.replace(year=one.year - later)


def _weekday(text: str) -> Any:
    from dateutil.rrule import weekday

    day = weekday(_WEEKDAYS.index(text[-2:]))
    ordinal = text[:-2]
    return day(int(ordinal)) if ordinal else day
