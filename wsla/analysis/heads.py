"""The head of an agreement, its parties, services and schedules."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction

from wsla.analysis.amendments import check_amends, check_under_way
from wsla.analysis.checked import Channel, Party, Secret, Service, Text
from wsla.analysis.modifiers import duration
from wsla.analysis.reporter import nearest, replace
from wsla.analysis.scope import Scope
from wsla.diagnostics.diagnostic import Related
from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.values.calendars import CalendarUnit, UnknownZone, find_zone
from wsla.values.instants import DAY, HOUR, MINUTE, SECOND, parse_instant
from wsla.values.money import MINOR_UNIT_PLACES
from wsla.values.quantities import UNITS, QuantityError, parse_quantity
from wsla.values.schedules import (
    ALL_WEEK,
    DatedHours,
    Holidays,
    Hours,
    Schedule,
    UnknownHolidays,
    WeeklyHours,
    check_holidays,
)

KINDS = ("customer", "internal", "underpinning")
ROLES = ("provider", "consumer", "measurer", "evaluator", "manager", "auditor")
SIGNATORIES = frozenset({"provider", "consumer"})
CHANNEL_KINDS = frozenset({"email", "webhook", "log", "pagerduty", "opsgenie", "slack", "teams", "sms"})
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SETTINGS = ("kind", "currency", "grace")
_MAXIMUM_MINUTE = 60


def check_head(scope: Scope, agreement: surface.Agreement) -> None:
    """Reads ``kind``, ``effective``, ``currency`` and ``grace`` into the scope's term."""
    seen: dict[str, Span] = {}
    check_amends(scope, agreement)
    for declaration in agreement.declarations:
        match declaration:
            case surface.Setting(name=name):
                _once(scope, seen, name.text, declaration.span)
                _setting(scope, declaration)
            case surface.Effective():
                _once(scope, seen, "effective", declaration.span)
                _effective(scope, declaration)
                check_under_way(scope, agreement, declaration)
            case _:
                pass
    unreadable = scope.reporter.broken and not agreement.declarations
    if "effective" not in seen and "effective" not in scope.broken and not unreadable:
        scope.reporter.error(
            "E0602",
            "the agreement does not say from when it is effective",
            agreement.title.span,
            notes=('write for instance `effective 2026-01-01 until 2027-01-01 in "Europe/Berlin"`',),
        )


def _once(scope: Scope, seen: dict[str, Span], name: str, span: Span) -> None:
    if name in seen:
        related = (Related(span=seen[name], text="first said here"),)
        scope.reporter.error("E0202", f"`{name}` is said twice", span, related=related)
    seen.setdefault(name, span)


def _setting(scope: Scope, setting: surface.Setting) -> None:
    name, value = setting.name, setting.value
    match name.text:
        case "kind":
            if value.text in KINDS:
                scope.term.kind = value.text
            else:
                scope.reporter.unknown_name("E0208", "kind of agreement", value, KINDS)
        case "currency":
            if value.text in MINOR_UNIT_PLACES:
                scope.term.currency = value.text
            else:
                scope.reporter.unknown_name("E0208", "currency", value, MINOR_UNIT_PLACES)
        case "grace":
            if value.text in ("0", "0s", "0m", "0h"):
                scope.term.grace = 0
            else:
                grace = duration(scope, value, "`grace`")
                scope.term.grace = scope.term.grace if grace is None else grace
        case _:
            near = nearest(
                name.text, (*_SETTINGS, "effective", "party", "service", "schedule", "source", "metric")
            )
            scope.reporter.error(
                "E0209",
                f"an agreement has no setting named `{name.text}`",
                name.span,
                notes=() if near else (f"settings: {', '.join(_SETTINGS)}, effective",),
                suggestion=replace(name.span, near) if near else None,
            )


def _effective(scope: Scope, effective: surface.Effective) -> None:
    if effective.zone is not None:
        try:
            find_zone(effective.zone.value)
            scope.term.zone = effective.zone.value
        except UnknownZone as problem:
            shortened = effective.zone.value.isupper()
            near = problem.suggestions[0] if problem.suggestions and not shortened else None
            scope.reporter.error(
                "E0605",
                str(problem),
                effective.zone.span,
                notes=("a zone is named by a place, since clocks change",) if shortened else (),
                suggestion=replace(effective.zone.span, f'"{near}"') if near else None,
            )
    start = instant(scope, effective.start)
    end = instant(scope, effective.until) if effective.until is not None else None
    if start is not None:
        scope.term.effective_start = start
    if start is not None and end is not None and effective.until is not None:
        scope.term.effective_end = end
        if end <= start:
            scope.reporter.error(
                "E0602", "the agreement ends before it starts", effective.until.span.to(effective.until.span)
            )


def instant(scope: Scope, word: surface.Word) -> int | None:
    """A date or time in the agreement's zone, or None and an error."""
    try:
        return parse_instant(word.text, scope.term.zone_info)
    except ValueError:
        scope.reporter.error("E0601", f"`{word.text}` is not a date that exists", word.span)
        return None


# --- units


def check_unit(scope: Scope, declared: surface.Unit) -> None:
    """Reads a unit of the agreement's own; its name and plural are the words that follow a number."""
    if not scope.declare("unit", declared.name):
        return
    name, taken = declared.name.text, frozenset(scope.units)
    words = [(name, declared.name.span)]
    if declared.plural is not None:
        words.append((declared.plural.value, declared.plural.span))
    for word, span in words:
        if not re.fullmatch(r"[a-z][a-zA-Z]*", word):
            scope.reporter.error("E0208", "a unit is one word of letters that begins with a small one", span)
        elif word in UNITS or word in taken:
            scope.reporter.error("E0202", f"`{word}` is a unit already", span)
        else:
            scope.units[word] = name


# --- parties


def check_party(scope: Scope, declared: surface.Party) -> None:
    """Reads a party and its channels."""
    if not scope.declare("party", declared.name):
        return
    for role in declared.roles:
        if role.text not in ROLES:
            scope.reporter.unknown_name("E0208", "role of a party", role, ROLES)
    channels: dict[str, Channel] = {}
    for channel in declared.channels or ():
        kind = channel.kind or channel.name
        if kind.text not in CHANNEL_KINDS:
            hint = f"a channel has a name, a kind ({', '.join(sorted(CHANNEL_KINDS))}) and an address"
            scope.reporter.unknown_name("E0208", "kind of channel", kind, CHANNEL_KINDS, hint)
        if channel.name.text in channels:
            scope.reporter.error("E0202", f"`{channel.name.text}` is defined twice", channel.name.span)
            continue
        if not channel.address.environment and (
            problem := _address_problem(kind.text, channel.address.value)
        ):
            scope.reporter.error("E0210", problem, channel.address.span)
        channels[channel.name.text] = Channel(
            name=channel.name.text,
            kind=kind.text,
            address=text_or_secret(channel.address),
            secret=None if channel.secret is None else text_or_secret(channel.secret),
        )
        if channel.secret is not None and not channel.secret.environment:
            scope.reporter.warning(
                "W0211",
                "a secret is written in the agreement, where every reader sees it",
                channel.secret.span,
                notes=("let the deployment supply it: `signed env NAME`",),
            )
    scope.parties[declared.name.text] = Party(
        name=declared.name.text,
        title=declared.title.value if declared.title is not None else declared.name.text,
        roles=tuple(role.text for role in declared.roles if role.text in ROLES),
        channels=tuple(channels.values()),
    )


def text_or_secret(text: surface.Text) -> Text:
    """A text, or the secret that a variable of the environment holds."""
    return Secret(variable=text.value) if text.environment else text.value


def _address_problem(kind: str, address: str) -> str | None:
    if kind == "email" and not re.fullmatch(r"[^@\s]+@[^@\s]+", address):
        return f"`{address}` is not a mail address"
    if kind == "webhook" and not re.fullmatch(r"https?://[^\s/]+\S*", address):
        return f"`{address}` is not a web address that begins with https:// or http://"
    return None


# --- services


def check_service(scope: Scope, declared: surface.Service) -> None:
    """Reads a service and its fee."""
    if not scope.declare("service", declared.name):
        return
    fee: tuple[Fraction, str] | None = None
    currency: str | None = None
    period: str | None = None
    for item in declared.items or ():
        if not isinstance(item, surface.ServiceItem):
            continue
        scope.unsound.add(declared.name.text)
        if item.name.text == "assume":
            scope.reporter.error(
                "E0953",
                "this is no assumption that can be read",
                item.span,
                notes=("write `assume availability 99.9% each month`",),
            )
            continue
        if item.name.text != "fee":
            scope.reporter.unknown_name("E0209", "property of a service", item.name, ("fee",))
            continue
        if not isinstance(item.value, surface.Quantity):
            scope.reporter.error("E0303", "a fee is an amount of money such as `2000 EUR`", item.value.span)
            continue
        try:
            quantity = parse_quantity(item.value.text)
        except QuantityError as problem:
            scope.reporter.error("E0301", str(problem), item.value.span)
            continue
        currency = quantity.dimension.currency
        if currency is None:
            hint = scope.term.currency or "EUR"
            scope.reporter.error(
                "E0303",
                "a fee is an amount of money",
                item.value.span,
                suggestion=replace(item.value.span, f"{item.value.text} {hint}"),
            )
            continue
        fee = quantity.value, item.value.text
        scope.unsound.discard(declared.name.text)
        if item.per is not None:
            period = item.per.text
            units = [unit.value for unit in CalendarUnit]
            if period not in units:
                scope.reporter.unknown_name("E0305", "period", item.per, units)
    if fee is not None:
        scope.fees[declared.name.text] = fee
    scope.services[declared.name.text] = Service(
        name=declared.name.text,
        title=declared.title.value if declared.title is not None else declared.name.text,
        fee=None if fee is None else fee[0],
        fee_currency=currency,
        fee_period=period,
    )


# --- schedules


def check_schedule(scope: Scope, declared: surface.Schedule) -> None:
    """Reads a schedule; lines with different exceptions become parts of their own."""
    if not scope.declare("schedule", declared.name):
        return
    name, zone = declared.name.text, scope.term.zone
    groups: dict[tuple[Hours, ...], list[Hours]] = {}
    for line in declared.hours:
        ranges = [found for clock in line.clock_ranges if (found := _clock_range(scope, clock)) is not None]
        if line.clock_ranges and not ranges:
            continue
        include = [hours for day in line.days for hours in _days(scope, day, tuple(ranges))]
        exclude = tuple(hours for day in line.exceptions for hours in _days(scope, day, ()))
        groups.setdefault(exclude, []).extend(include)
    if not declared.hours:
        scope.reporter.error("E0606", f"the schedule `{name}` is empty", declared.name.span)
    schedules = [Schedule(name, zone, tuple(include), exclude) for exclude, include in groups.items()]
    if len(schedules) == 1:
        scope.schedules[name] = schedules[0]
    else:
        scope.schedules[name] = Schedule(name, zone, (), (), tuple(schedules))


def _clock_range(scope: Scope, clock: surface.ClockRange) -> tuple[int, int] | None:
    start, end = clock_time(scope, clock.start), clock_time(scope, clock.end)
    if start is None or end is None:
        return None
    if start in (DAY, end):
        scope.reporter.error(
            "E0606", "these hours are empty", clock.span, notes=("the whole day is `00:00-24:00`",)
        )
        return None
    return start, end


def clock_time(scope: Scope, word: surface.Word) -> int | None:
    """Nanoseconds since midnight, up to a day, or None and an error."""
    hour, minute, *second = (int(part) for part in word.text.split(":"))
    total = hour * HOUR + minute * MINUTE + (second[0] if second else 0) * SECOND
    if minute >= _MAXIMUM_MINUTE or (second and second[0] >= _MAXIMUM_MINUTE) or total > DAY:
        scope.reporter.error(
            "E0601",
            f"`{word.text}` is not a time of day",
            word.span,
            notes=("times run from 00:00 to 24:00",),
        )
        return None
    return total


def _days(scope: Scope, day: surface.Day, ranges: tuple[tuple[int, int], ...]) -> list[Hours]:
    """The hours of one group of days; without ranges, whole days."""
    match day:
        case surface.Weekdays(first=first, last=last):
            start = WEEKDAYS.index(first.text)
            end = WEEKDAYS.index(last.text) if last is not None else start
            days = tuple(sorted((start + step) % 7 for step in range((end - start) % 7 + 1)))
            return [WeeklyHours(days, begin, close) for begin, close in ranges or ((0, DAY),)]
        case surface.EveryDay(unit=unit):
            if unit.text != "day":
                scope.reporter.unknown_name("E0305", "group of days", unit, ("day",))
            return [WeeklyHours(ALL_WEEK, begin, close) for begin, close in ranges or ((0, DAY),)]
        case surface.Dates():
            dates = _dates(scope, day)
            if dates is None:
                return []
            if not ranges:
                return [DatedHours(*dates)]
            return [DatedHours(*dates, begin, close) for begin, close in ranges]
        case surface.Holidays(country=country):
            try:
                check_holidays(country.value)
            except UnknownHolidays as problem:
                near = problem.suggestions[0] if problem.suggestions else None
                near = None if near is not None and len(country.value) == len(near) - 2 else near
                scope.reporter.error(
                    "E0608",
                    str(problem),
                    country.span,
                    notes=('codes are those of ISO 3166: "DE", or "DE-BE" for a part of the country',),
                    suggestion=replace(country.span, f'"{near}"') if near else None,
                )
                return []
            if ranges:
                scope.reporter.error(
                    "E0606", "holidays are whole days; hours cannot be given for them", day.span
                )
            return [Holidays(country.value)]


def _dates(scope: Scope, dates: surface.Dates) -> tuple[date, date] | None:
    found = []
    for word in (dates.first, dates.last or dates.first):
        try:
            found.append(date.fromisoformat(word.text))
        except ValueError:
            scope.reporter.error("E0601", f"`{word.text}` is not a date that exists", word.span)
            return None
    if found[1] < found[0]:
        scope.reporter.error("E0602", "these dates end before they begin", dates.span)
        return None
    return found[0], found[1]
