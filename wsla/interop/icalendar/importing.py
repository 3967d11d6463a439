"""The events of a calendar become schedules: those with one title are one schedule."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Final

from attrs import define, field

from wsla.diagnostics.diagnostic import Diagnostic, Severity
from wsla.diagnostics.source import SourceText, Span
from wsla.ical.events import Calendar, Event, read_calendar
from wsla.ical.occurrences import Expansion, Occurrence, TooMany, weekdays_of
from wsla.interop.formats import Imported
from wsla.interop.icalendar.hours import FOR_EVER, Dates, Hours, Piece, pieces
from wsla.interop.writing import Names, comment, kept, kept_as_comment, laid_out, quoted
from wsla.values.calendars import find_zone
from wsla.values.instants import from_local, to_datetime

MOST_DATES: Final = 2_000
"""How many dates a schedule may name."""
MOST_SCHEDULES: Final = 500
"""How many schedules are made of one calendar."""
_YEARS: Final = 3
"""For so many years after the newest event dates are written of a rule without end."""
_FEW: Final = 12
"""Up to so many occurrences of a weekly rule that ends are written as dates."""
_ONE_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)


def import_file(source: SourceText) -> Imported:
    """The schedules of a calendar in an agreement of their own; without a text where there is no event."""
    calendar = read_calendar(source)
    work = _Import(source=source, calendar=calendar, found=list(calendar.diagnostics))
    text = work.text()
    if text is None and not work.found:
        work.say("E1401", Span(0, 1), "there is no event in this calendar")
    if text is not None:
        with suppress(ValueError):
            # What cannot be laid out cannot be read: the check of the text says why.
            text = laid_out(text)
    found = sorted(work.found, key=lambda one: (one.span.start, one.code))
    return Imported(text=text, diagnostics=tuple(found))


@define
class _Schedule:
    """A schedule under way: its title, the first event that has it, and what its events say besides."""

    title: str
    first: Event
    hours: Hours = field(factory=Hours)
    comments: dict[str, None] = field(factory=dict)


@define(kw_only=True)
class _Import:
    """An import under way."""

    source: SourceText
    calendar: Calendar
    found: list[Diagnostic]
    _expansion: Expansion = field(init=False)
    _schedules: dict[str, _Schedule] = field(factory=dict)
    _cut: bool = False
    _floating: bool = False
    _begin: date = date.max
    _end: datetime = datetime.max

    def __attrs_post_init__(self) -> None:
        self._expansion = Expansion(zone=self.calendar.zone)

    def say(
        self, code: str, span: Span, message: str, *notes: str, severity: Severity = Severity.ERROR
    ) -> None:
        """Tells what is wrong, or how something was read."""
        self.found.append(
            Diagnostic(
                code=code, message=message, source=self.source, span=span, severity=severity, notes=notes
            )
        )

    def _warn(self, code: str, span: Span, message: str, *notes: str) -> None:
        self.say(code, span, message, *notes, severity=Severity.WARNING)

    def text(self) -> str | None:
        """The text, not yet laid out."""
        newest = self._newest()
        events = [one for one in newest if not self._is_empty(one)]
        taken = [one for one in events if not one.cancelled]
        if not taken:
            return None
        zone = self.calendar.zone
        self._begin = min(one.start.local_in(zone, zone).date() for one in taken)
        self._end = datetime(max(one.start.local.year for one in taken) + _YEARS, 1, 1)
        replaced: dict[str, list[Event]] = {}
        for one in events:
            if one.replaced is not None:
                replaced.setdefault(one.uid, []).append(one)
        for one in taken:
            try:
                self._take(one, replaced.get(one.uid, []) if one.replaced is None else [])
            except TooMany as problem:
                self.say("E1404", one.rule_span, str(problem))
                break
        if self._floating and not self.calendar.stated:
            self._warn(
                "W1405",
                taken[0].start_span,
                "no zone is named in this calendar: its times are read as UTC",
                "X-WR-TIMEZONE:Europe/Berlin at its beginning says in which zone they are",
            )
        return "\n".join([*self._lines(), ""])

    def _newest(self) -> list[Event]:
        """The events in their order, of several versions of one the newest."""
        found: dict[tuple[str, object], Event] = {}
        for one in self.calendar.events:
            key = (one.uid, one.replaced)
            before = found.get(key)
            if before is None:
                found[key] = one
                continue
            older, newer = sorted((before, one), key=lambda each: (each.sequence, each.stamped or 0))
            found[key] = newer
            self._warn(
                "W1406", older.span, "a newer version of this event is in the calendar: this one is left out"
            )
        for one in found.values():
            if one.cancelled and one.replaced is None:
                self._warn("W1406", one.span, f"`{_title(one)}` is cancelled, and left out")
        gone = {uid for (uid, replaced), one in found.items() if one.cancelled and replaced is None}
        return [one for one in found.values() if one.uid not in gone]

    def _is_empty(self, event: Event) -> bool:
        if event.lasts > timedelta() or event.cancelled:
            return False
        self._warn(
            "W1406", event.start_span, f"`{_title(event)}` takes no time, and is left out", "it has no DTEND"
        )
        return True

    # --- hours

    def _take(self, event: Event, replaced: list[Event]) -> None:
        schedule = self._schedule(event)
        if schedule is None:
            return
        zone = self.calendar.zone
        self._floating = self._floating or event.start.zone is None
        gone = [one.replaced for one in replaced if one.replaced is not None]
        without = {self._expansion.in_zone_of(event, one) for one in gone}
        if (event.start.zone or zone) == zone and self._take_weeks(event, schedule, without):
            return
        endless = event.rule is not None and event.rule.is_endless
        occurrences = [one for one in self._expansion.of(event, self._end) if one.start not in without]
        self._tell_useless(event, occurrences)
        for one in occurrences:
            self._take_dates(one, schedule)
        if not occurrences:
            self._warn("W1406", event.rule_span, f"`{_title(event)}` never takes place, and is left out")
        elif endless:
            self._cut = True
            self._warn(
                "W1407",
                event.rule_span,
                "no schedule says a rule like this without an end: "
                f"its dates until {self._end.date()} are written, and the agreement ends then",
                "hours of schedules recur by days of the week, in the agreement's zone",
            )

    def _take_weeks(self, event: Event, schedule: _Schedule, without: set[datetime]) -> bool:
        """Hours on days of the week, where the rule of an event says no more; False for any other."""
        days = weekdays_of(event)
        if days is None or event.rule is None or event.lasts > _WEEK:
            return False
        begin = event.start.local
        last: date | None = None
        if not event.rule.is_endless:
            starts = list(self._expansion.starts(event, self._end))
            if len(starts) <= _FEW or len(days) == 7:
                return False
            last = starts[-1].date()
        if begin.weekday() not in days:
            self._warn(
                "W1405",
                event.start_span,
                "this event begins on a day that its rule does not name: only the rule counts",
            )
        left_out, whole_days = self._expansion.exclusions(event)
        exceptions: list[Dates] = []
        for at in {**dict.fromkeys(left_out), **dict.fromkeys(without)}:
            if self._occurs(event, days, at, last):
                exceptions.append((at.date(), at.date()))
            elif at in left_out:
                self._takes_nothing(left_out[at])
        for day, span in whole_days.items():
            assert isinstance(day, date)
            if self._occurs(event, days, datetime.combine(day, begin.time()), last):
                exceptions.append((day, day))
                self._whole_day(span)
            else:
                self._takes_nothing(span)
        if last is not None:
            exceptions.append((last + _ONE_DAY, FOR_EVER))
        for piece in pieces(begin, event.lasts):
            for offset in range(piece.first, piece.last + 1):
                moved = [
                    _moved(one, offset)
                    for one in (*exceptions, *self._before(begin.date(), days, piece, offset))
                ]
                schedule.hours.add_week({(day + offset) % 7 for day in days}, piece.clock, moved)
        for one in self._expansion.extras(event):
            if one.start not in left_out:
                self._take_dates(one, schedule)
        return True

    def _before(self, first: date, days: tuple[int, ...], piece: Piece, offset: int) -> Iterator[Dates]:
        """The dates before an event of which the part ``offset`` days later would lie in the agreement, where the days
        of the week are those of the event.
        """
        # Hours of the night before the agreement's first day go on into it.
        begin = self._begin - (offset + (piece.clock[1] <= piece.clock[0])) * _ONE_DAY
        if any(
            (begin + number * _ONE_DAY).weekday() in days for number in range(min(7, (first - begin).days))
        ):
            yield begin, first - _ONE_DAY

    def _occurs(self, event: Event, days: tuple[int, ...], at: datetime, last: date | None) -> bool:
        begin = event.start.local
        return (
            at >= begin
            and at.time() == begin.time()
            and at.weekday() in days
            and (last is None or at.date() <= last)
        )

    def _tell_useless(self, event: Event, occurrences: list[Occurrence]) -> None:
        """EXDATEs that take nothing out are most probably mistakes."""
        if not event.left_out:
            return
        left_out, whole_days = self._expansion.exclusions(event)
        by_rule = set(self._expansion.starts(event, self._end))
        by_rule.update(one.start for one in self._expansion.extras(event))
        for at, span in left_out.items():
            if at not in by_rule and at < self._end:
                self._takes_nothing(span)
        days = {one.date() for one in by_rule}
        for day, span in whole_days.items():
            if day in days:
                self._whole_day(span)
            else:
                self._takes_nothing(span)

    def _takes_nothing(self, span: Span) -> None:
        self._warn("W1406", span, "nothing takes place then that this EXDATE could take out")

    def _whole_day(self, span: Span) -> None:
        self._warn("W1405", span, "this EXDATE names a day and no time: what begins on that day is taken out")

    def _take_dates(self, one: Occurrence, schedule: _Schedule) -> None:
        start, lasts = one.start, one.end - one.start
        zone = self.calendar.zone
        if (one.zone or zone) != zone:
            from_ns, to_ns = one.instants(zone)
            there = find_zone(zone)
            start, end = (to_datetime(at, there).replace(tzinfo=None) for at in (from_ns, to_ns))
            if (from_local(start, there), from_local(end, there)) != (from_ns, to_ns) or end <= start:
                message = f"on {start.date()} this falls into an hour that clocks of {zone} show twice"
                self.say("E1403", one.span, message, "schedules mean the first of the two")
                return
            lasts = end - start
        for piece in pieces(start, lasts):
            first = start.date() + piece.first * _ONE_DAY
            schedule.hours.add_dates((first, start.date() + piece.last * _ONE_DAY), piece.clock)

    # --- text

    def _schedule(self, event: Event) -> _Schedule | None:
        title = _title(event) or self.calendar.name or "hours"
        found = self._schedules.get(title)
        if found is None:
            if len(self._schedules) >= MOST_SCHEDULES:
                if len(self._schedules) == MOST_SCHEDULES:
                    self._schedules[""] = _Schedule(title="", first=event)
                    message = f"the events of this calendar have more than {MOST_SCHEDULES} titles"
                    self.say("E1404", event.span, message, "events with one title make one schedule")
                return None
            found = self._schedules[title] = _Schedule(title=title, first=event)
        for name, text in (("DESCRIPTION", event.description), ("LOCATION", event.location)):
            if text:
                line = kept("icalendar", f"{name}: {text[:500]}")
                if line not in found.comments:
                    found.comments[line] = None
                    what = f"the {name.lower()} of `{title}`"
                    self.found.append(kept_as_comment(self.source, event.span, what))
        return found

    def _lines(self) -> Iterator[str]:
        names = Names()
        file = self.source.name.replace("\\", "/").rpartition("/")[2]
        title = self.calendar.name or file.rpartition(".")[0] or "Calendar"
        until = f" until {self._end.date()}" if self._cut else ""
        yield f"agreement {quoted(title)} version 1 {{"
        yield f'effective {self._begin}{until} in "{self.calendar.zone}"'
        yield ""
        for one in self._schedules.values():
            lines = list(one.hours.lines())
            if not one.title or not lines:
                continue
            if one.hours.dates() > MOST_DATES:
                message = f"`{one.title}` would name more than {MOST_DATES:,} dates"
                self.say(
                    "E1404",
                    one.first.rule_span,
                    message,
                    "hours of schedules recur by days of the week alone",
                )
                continue
            name = names.of("schedule", one.title)
            yield from one.comments
            if name != one.title:
                yield comment(one.title)
            yield f"schedule {name} {{"
            yield from lines
            yield "}"
        yield "}"


def _title(event: Event) -> str:
    return " ".join(event.summary.split())[:200]


def _moved(dates: Dates, offset: int) -> Dates:
    """Dates some days later, as far as there are any."""
    first, last = dates
    return first + offset * _ONE_DAY, last if last == FOR_EVER else last + offset * _ONE_DAY
