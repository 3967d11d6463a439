"""Events of a calendar with everything that says when they take place; what is wrong in them is told at its line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from attrs import define, field, frozen

from wsla.diagnostics.diagnostic import Diagnostic, Severity
from wsla.diagnostics.source import SourceText, Span
from wsla.ical.lines import Component, Line, components, plain_text, several, shown
from wsla.ical.moments import Moment, NotReadable, Rule, TooFine, length, moment, rule
from wsla.ical.zones import Zones
from wsla.values.records import Record

MOST_EVENTS: Final = 20_000
"""How many events a file may have."""
_NOT_READ: Final = {"VTODO": "a task", "VJOURNAL": "a journal entry", "VFREEBUSY": "a list of busy times"}
_DAY: Final = timedelta(days=1)


@frozen(kw_only=True, eq=False, repr=False)
class Extra(Record):
    """A moment that RDATE adds, with the length of its own where it is a period."""

    at: Moment
    lasts: timedelta | None
    span: Span


@frozen(kw_only=True, eq=False, repr=False)
class Left(Record):
    """A moment that EXDATE takes out."""

    at: Moment
    span: Span


@frozen(kw_only=True, eq=False, repr=False)
class Event(Record):
    """A VEVENT. ``lasts`` is by the clock on the wall, as calendars show it. ``replaced`` is the occurrence of the
    event with the same ``uid`` that this one stands for.

    ``created``, ``modified`` and ``stamped`` are instants; ``span`` is the line of BEGIN, ``start_span`` that of the
    start, ``rule_span`` that of the rule.
    """

    uid: str
    sequence: int
    start: Moment
    lasts: timedelta
    rule: Rule | None
    extra: tuple[Extra, ...]
    left_out: tuple[Left, ...]
    replaced: Moment | None
    cancelled: bool
    status: str
    summary: str
    description: str
    location: str
    categories: tuple[str, ...]
    created: int | None
    modified: int | None
    stamped: int | None
    span: Span
    start_span: Span
    rule_span: Span

    @property
    def is_recurring(self) -> bool:
        """True where it has more than one occurrence, or may have."""
        return self.rule is not None or bool(self.extra)


@frozen(kw_only=True, eq=False, repr=False)
class Calendar(Record):
    """The events of a file in their order, with what its calendars are called and the zone that they say is theirs.

    ``zone`` is that in which times without one are meant; ``stated`` is False where nothing says so.
    """

    name: str
    zone: str
    stated: bool
    events: tuple[Event, ...]
    diagnostics: tuple[Diagnostic, ...]


def read_calendar(source: SourceText) -> Calendar:
    """The events of a file. Never raises for bad input. Raises ImportError where the library `icalendar` is missing."""
    import icalendar  # noqa: F401 - a file without one event shall need it too

    found: list[Diagnostic] = []
    calendars = components(source, found)
    reading = Reading(source=source, zones=Zones.of(calendars), found=found)
    events: list[Event] = []
    for calendar in calendars:
        method = calendar.text("METHOD").strip().upper()
        for part in calendar.parts:
            if part.name in _NOT_READ:
                reading.warn("W1406", part.span, f"{_NOT_READ[part.name]} is no event, and is left out")
            elif part.name == "VEVENT":
                if len(events) >= MOST_EVENTS:
                    reading.error("E1004", part.span, f"the calendar has more than {MOST_EVENTS:,} events")
                    break
                event = reading.event(part, method)
                if event is not None:
                    events.append(event)
    zone, stated = _zone_of(reading, calendars, events)
    name = next((one for each in calendars if (one := each.text("NAME") or each.text("X-WR-CALNAME"))), "")
    found.sort(key=lambda one: (one.span.start, one.code))
    return Calendar(
        name=name.strip(), zone=zone, stated=stated, events=tuple(events), diagnostics=tuple(found)
    )


def _zone_of(reading: Reading, calendars: tuple[Component, ...], events: list[Event]) -> tuple[str, bool]:
    """The zone of most events that recur, or of most; or what the calendars say is theirs."""
    recurring = [one.start.zone for one in events if one.is_recurring]
    for some in (recurring, [one.start.zone for one in events]):
        named = [one for one in some if one is not None and one != "UTC"]
        if named:
            return max(dict.fromkeys(named), key=named.count), True
    for calendar in calendars:
        line = calendar.get("X-WR-TIMEZONE")
        if line is not None and line.text.strip():
            zone = reading.zone(line, line.text.strip())
            if zone is not None:
                return zone, True
    described = {reading.zones.name_of(tzid) for tzid in reading.zones.described}
    if len(described) == 1 and None not in described:
        return str(described.pop()), True
    return "UTC", all(one.start.zone is not None for one in events)


@define(kw_only=True)
class Reading:
    """A file under way."""

    source: SourceText
    zones: Zones
    found: list[Diagnostic] = field(factory=list)

    def error(self, code: str, span: Span, message: str, *notes: str) -> None:
        """Tells what is wrong."""
        self._say(code, span, message, notes, Severity.ERROR)

    def warn(self, code: str, span: Span, message: str, *notes: str) -> None:
        """Tells how something was read."""
        self._say(code, span, message, notes, Severity.WARNING)

    def _say(self, code: str, span: Span, message: str, notes: tuple[str, ...], severity: Severity) -> None:
        self.found.append(
            Diagnostic(
                code=code, message=message, source=self.source, span=span, severity=severity, notes=notes
            )
        )

    def zone(self, line: Line, tzid: str) -> str | None:
        """The zone that a name means; an unknown one is told."""
        before = set(self.zones.recognised)
        name = self.zones.name_of(tzid)
        if name is None:
            near = self.zones.near(tzid)
            hint = (f"did you mean `{near[0]}`?",) if near else ("zones are named like `Europe/Berlin`",)
            self.error("E1402", line.span, f"there is no zone `{shown(tzid)}`", *hint)
        elif tzid in self.zones.recognised and tzid not in before:
            self.warn(
                "W1405", line.span, f"the zone `{shown(tzid)}` has the clocks of {name}, and is read as that"
            )
        return name

    def event(self, part: Component, method: str) -> Event | None:
        """What a VEVENT says; None where it cannot be known when it takes place."""
        start_line = part.get("DTSTART")
        if start_line is None:
            self.error("E1401", part.span, "an event needs DTSTART")
            return None
        start = self._moment(start_line)
        lasts = None if start is None else self._lasts(part, start)
        recurrence = self._rule(part)
        replaced_line = part.get("RECURRENCE-ID")
        replaced = None if replaced_line is None else self._moment(replaced_line)
        if replaced_line is not None and replaced_line.parameters.get("RANGE", "").upper() == "THISANDFUTURE":
            message = (
                "a change of this and all later occurrences is not read: end the event, and begin a new one"
            )
            self.error("E1403", replaced_line.span, message)
            return None
        extra = tuple(self._extra(part))
        left_out = tuple(self._left_out(part))
        rules = part.get("RRULE")
        excluding = part.get("EXRULE")
        if excluding is not None:
            self.error("E1403", excluding.span, "EXRULE is not read: write its dates as EXDATE")
            return None
        wrong = replaced_line is not None and replaced is None
        if start is None or lasts is None or wrong or (rules is not None and recurrence is None):
            return None
        status = part.text("STATUS").strip().upper()
        return Event(
            uid=part.text("UID").strip() or f"line {self.source.position(part.span.start)[0]}",
            sequence=self._sequence(part),
            start=start,
            lasts=lasts,
            rule=recurrence,
            extra=extra,
            left_out=left_out,
            replaced=replaced,
            cancelled=status == "CANCELLED" or method == "CANCEL",
            status="cancelled" if method == "CANCEL" else status.lower(),
            summary=part.text("SUMMARY").strip(),
            description=part.text("DESCRIPTION").strip(),
            location=part.text("LOCATION").strip(),
            categories=tuple(one for line in part.all("CATEGORIES") for one in several(line.value) if one),
            created=self._instant(part, "CREATED"),
            modified=self._instant(part, "LAST-MODIFIED"),
            stamped=self._instant(part, "DTSTAMP"),
            span=part.span,
            start_span=start_line.span,
            rule_span=start_line.span if rules is None else rules.span,
        )

    def _moment(self, line: Line, value: str | None = None) -> Moment | None:
        zone = None
        tzid = line.parameters.get("TZID")
        text = line.value if value is None else value
        is_date = line.parameters.get("VALUE", "").upper() == "DATE"
        if tzid and not is_date and not text.strip().upper().endswith("Z"):
            zone = self.zone(line, plain_text(tzid))
            if zone is None:
                return None
        try:
            return moment(text, zone, is_date=is_date)
        except NotReadable as problem:
            self.error("E1401", line.value_span, str(problem))
            return None

    def _instant(self, part: Component, name: str) -> int | None:
        line = part.get(name)
        found = None if line is None else self._moment(line)
        return None if found is None else found.instant("UTC")

    def _sequence(self, part: Component) -> int:
        line = part.get("SEQUENCE")
        if line is None:
            return 0
        text = line.value.strip()
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            self.error("E1401", line.value_span, "SEQUENCE is a whole number")
            return 0
        return int(text)

    def _lasts(self, part: Component, start: Moment) -> timedelta | None:
        end_line, length_line = part.get("DTEND"), part.get("DURATION")
        if end_line is not None:
            end = self._moment(end_line)
            if end is None:
                return None
            if end.is_date != start.is_date:
                self.error("E1401", end_line.span, "DTSTART and DTEND are both dates, or both times")
                return None
            local = end.local
            if end.zone != start.zone and None not in (start.zone, end.zone):
                local = end.local_in(str(start.zone), "UTC")
            if local < start.local:
                self.error("E1401", end_line.value_span, "this event ends before it begins")
                return None
            return local - start.local
        if length_line is not None:
            try:
                return length(length_line.value)
            except NotReadable as problem:
                self.error("E1401", length_line.value_span, str(problem))
                return None
        return _DAY if start.is_date else timedelta()

    def _rule(self, part: Component) -> Rule | None:
        lines = list(part.all("RRULE"))
        if not lines:
            return None
        if len(lines) > 1:
            self.error("E1403", lines[1].span, "an event has one RRULE")
            return None
        try:
            return rule(lines[0].value)
        except TooFine as problem:
            self.error("E1404", lines[0].value_span, str(problem))
        except NotReadable as problem:
            self.error("E1401", lines[0].value_span, str(problem))
        return None

    def _extra(self, part: Component) -> Iterator[Extra]:
        for line in part.all("RDATE"):
            for text in line.value.split(","):
                first, slash, second = text.partition("/")
                at = self._moment(line, first)
                if at is None:
                    continue
                lasts = None
                if slash:
                    lasts = self._period(line, at, second)
                    if lasts is None:
                        continue
                yield Extra(at=at, lasts=lasts, span=line.span)

    def _period(self, line: Line, at: Moment, second: str) -> timedelta | None:
        if second.strip()[:1].upper() in ("P", "+", "-"):
            try:
                return length(second)
            except NotReadable as problem:
                self.error("E1401", line.value_span, str(problem))
                return None
        end = self._moment(line, second)
        if end is None:
            return None
        if end.local < at.local:
            self.error("E1401", line.value_span, "this period ends before it begins")
            return None
        return end.local - at.local

    def _left_out(self, part: Component) -> Iterator[Left]:
        for line in part.all("EXDATE"):
            for text in line.value.split(","):
                at = self._moment(line, text)
                if at is not None:
                    yield Left(at=at, span=line.span)
