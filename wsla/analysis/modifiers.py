"""Windows, filters, pauses and labels that follow a function."""

from __future__ import annotations

from datetime import date

from attrs import evolve, frozen

from wsla.analysis import outages
from wsla.analysis.operations import TimeFilter, Window
from wsla.analysis.reporter import nearest, replace
from wsla.analysis.scope import Scope
from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.values.calendars import (
    CalendarUnit,
    CalendarWindow,
    ExactWindow,
    OverlappingWindow,
    RollingWindow,
    anchor_on_day,
)
from wsla.values.instants import DAY, MINUTE, SECOND, format_length
from wsla.values.quantities import TIME, QuantityError, parse_quantity
from wsla.values.records import Record

_ONE_WEEK_OF_DAYS = 7
_LAST_DAY = 31
_MONTH_NAMES = [
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]
# A hundred years: nobody promises more, and calendars begin with the year 1.
_LONGEST = {
    CalendarUnit.DAY: 36_500,
    CalendarUnit.WEEK: 5_200,
    CalendarUnit.MONTH: 1_200,
    CalendarUnit.QUARTER: 400,
    CalendarUnit.YEAR: 100,
}


@frozen(kw_only=True, eq=False, repr=False)
class Cut(Record):
    """``during`` or ``excluding`` with a condition instead of a schedule."""

    word: surface.Word
    excluded: bool
    span: Span

    @property
    def text(self) -> str:
        """The modifier as written."""
        return f"{'excluding' if self.excluded else 'during'} {self.word.text}"

    @property
    def condition(self) -> surface.Expression:
        """The condition under which time is kept."""
        found = surface.Reference(parts=(self.word,), span=self.word.span)
        return surface.Unary(operator="not", operand=found, span=self.word.span) if self.excluded else found


@frozen(kw_only=True, eq=False, repr=False)
class Context(Record):
    """What surrounds a formula: the window and filters that its functions take, and a pause for ``elapsed``.

    ``as_signals`` is True in a rule, where conditions over different windows meet by their latest values.
    """

    window: Window | None = None
    filter: TimeFilter = TimeFilter()
    pausing: surface.Expression | None = None
    by: tuple[str, ...] = ()
    window_span: Span | None = None
    outage_by: tuple[str, ...] = ()
    as_signals: bool = False
    cuts: tuple[Cut, ...] = ()


def read_modifiers(
    scope: Scope,
    modifiers: tuple[surface.Modifier, ...],
    context: Context,
    operand: surface.Expression,
    check: outages.Condition,
) -> Context | None:
    """The context that modifiers add up to; None where one of them is wrong."""
    read: Context = context
    fine = True
    for modifier in modifiers:
        match modifier:
            case (
                surface.EachWindow()
                | surface.RollingWindow()
                | surface.OverlappingWindow()
                | surface.PerOutage()
            ):
                window: Window | None
                if isinstance(modifier, surface.PerOutage):
                    found = outages.window_of(scope, modifier, operand, check)
                    window, labels = found or (None, ())
                    read = evolve(read, outage_by=labels)
                else:
                    window = window_of(scope, modifier)
                if read.window is not None and window is not None:
                    scope.reporter.error(
                        "E0307", "a formula has one window, and this is a second one", modifier.span
                    )
                    fine = False
                fine = fine and window is not None
                read = evolve(read, window=window, window_span=modifier.span)
            case surface.During(schedule=word) | surface.Excluding(schedule=word) if is_metric(scope, word):
                excluded = isinstance(modifier, surface.Excluding)
                cut = Cut(word=word, excluded=excluded, span=modifier.span)
                read = evolve(read, cuts=(*read.cuts, cut))
            case surface.During(schedule=word):
                fine = scope.find("schedule", word, scope.schedules) and fine
                read = evolve(read, filter=evolve(read.filter, during=(*read.filter.during, word.text)))
            case surface.Excluding(schedule=word):
                fine = scope.find("schedule", word, scope.schedules) and fine
                read = evolve(read, filter=evolve(read.filter, excluding=(*read.filter.excluding, word.text)))
            case surface.Pausing(condition=condition):
                read = evolve(read, pausing=condition)
            case surface.ByLabel(label=word):
                read = evolve(read, by=(*read.by, word.text))
    return read if fine else None


def is_metric(scope: Scope, word: surface.Word) -> bool:
    """True where a name is that of a metric."""
    return word.text in scope.declared and scope.declared[word.text][0] == "metric"


def duration(scope: Scope, word: surface.Word, what: str) -> int | None:
    """A length in whole nanoseconds above zero, or None and an error."""
    if word.text in {unit.value for unit in CalendarUnit}:
        scope.reporter.error("E0306", f"{what} needs an exact length such as 30m or 24h", word.span)
        return None
    try:
        quantity = parse_quantity(word.text)
    except QuantityError as problem:
        digits = word.text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZµ% ")
        suggestion = replace(word.span, f"{digits}{problem.suggestion}") if problem.suggestion else None
        scope.reporter.error("E0301", str(problem), word.span, suggestion=suggestion)
        return None
    if quantity.dimension != TIME or quantity.value <= 0 or quantity.value.denominator != 1:
        scope.reporter.error("E0306", f"{what} needs a length of time such as 30s, 5m or 24h", word.span)
        return None
    return int(quantity.value)


def window_of(
    scope: Scope, modifier: surface.EachWindow | surface.RollingWindow | surface.OverlappingWindow
) -> Window | None:
    """The window that is written behind a function, or None and an error."""
    match modifier:
        case surface.EachWindow():
            return each_window(scope, modifier)
        case surface.RollingWindow():
            return _rolling_window(scope, modifier)
        case surface.OverlappingWindow():
            return _overlapping_window(scope, modifier)


def each_window(scope: Scope, modifier: surface.EachWindow) -> Window | None:
    """A tumbling window, or None and an error."""
    text = modifier.period.text
    units = {unit.value: unit for unit in CalendarUnit}
    if text == "term":
        return _whole_term(scope, modifier)
    if text in units:
        anchor = _anchor(scope, modifier.starting, modifier.month, units[text]) if modifier.starting else None
        if modifier.starting and anchor is None:
            return None
        return CalendarWindow(units[text], 1, anchor, scope.term.zone)
    if not text[0].isdigit():
        near = nearest(text, units)
        scope.reporter.error(
            "E0305",
            f"`{text}` is not a period",
            modifier.period.span,
            notes=("periods are day, week, month, quarter, year, term, or an exact length such as 5m",),
            suggestion=replace(modifier.period.span, near) if near else None,
        )
        return None
    length = duration(scope, modifier.period, "`each`")
    if length is None:
        return None
    if modifier.starting is not None:
        scope.reporter.error("E0305", "`starting` goes with a calendar period only", modifier.starting.span)
        return None
    if length == DAY or length == _ONE_WEEK_OF_DAYS * DAY:
        word = "day" if length == DAY else "week"
        scope.reporter.warning(
            "W0607",
            f"`each {text}` is a window of exactly {format_length(length)}, which a clock change shifts",
            modifier.period.span,
            suggestion=replace(modifier.period.span, word, f"for calendar windows write `each {word}`"),
        )
    return ExactWindow(length, scope.term.effective_start)


def _anchor(
    scope: Scope, starting: surface.Word, month: surface.Word | None, unit: CalendarUnit
) -> date | None:
    day = int(starting.text[:-2])
    if month is not None and unit not in (CalendarUnit.QUARTER, CalendarUnit.YEAR):
        scope.reporter.error("E0305", "a month stands behind `starting` for a quarter or year", month.span)
        return None
    if month is not None and month.text not in _MONTH_NAMES:
        scope.reporter.unknown_name("E0305", "month", month, _MONTH_NAMES)
        return None
    if unit not in (CalendarUnit.MONTH, CalendarUnit.QUARTER, CalendarUnit.YEAR) or not 1 <= day <= _LAST_DAY:
        scope.reporter.error(
            "E0305",
            "`starting` takes a day of the month, for a month, quarter or year",
            starting.span,
        )
        return None
    if month is None:
        return anchor_on_day(day)
    try:
        return anchor_on_day(day, _MONTH_NAMES.index(month.text) + 1)
    except ValueError:
        scope.reporter.error("E0305", f"{month.text} has no {starting.text}", starting.span)
        return None


def _whole_term(scope: Scope, modifier: surface.EachWindow) -> Window | None:
    # M55: the term itself.
    start, end = scope.term.effective_start, scope.term.effective_end
    if modifier.starting is not None:
        scope.reporter.error("E0305", "`starting` goes with a calendar period only", modifier.starting.span)
        return None
    if end is None:
        scope.reporter.error(
            "E0340",
            "`each term` needs an agreement that ends",
            modifier.span,
            label="this term has no end, so nothing would ever be judged",
            notes=("say when it ends, as in `effective 2026-01-01 until 2027-01-01`",),
        )
        return None
    return ExactWindow(max(end - start, 1), start)


def _overlapping_window(scope: Scope, modifier: surface.OverlappingWindow) -> Window | None:
    units = {unit.value: unit for unit in CalendarUnit}
    unit = units.get(modifier.unit.text.removesuffix("s"))
    if unit is None:
        scope.reporter.unknown_name("E0305", "period", modifier.unit, [f"{name}s" for name in units])
        return None
    most = _LONGEST[unit]
    if not modifier.count.text.isdigit() or not 1 <= int(modifier.count.text) <= most:
        scope.reporter.error(
            "E0341", f"`over last` takes 1 to {most} whole {unit.value}s", modifier.count.span
        )
        return None
    return OverlappingWindow(CalendarWindow(unit, 1, None, scope.term.zone), int(modifier.count.text))


def _rolling_window(scope: Scope, modifier: surface.RollingWindow) -> Window | None:
    length = duration(scope, modifier.length, "`over last`")
    every = duration(scope, modifier.every, "`every`") if modifier.every is not None else None
    if length is None or (modifier.every is not None and every is None):
        return None
    if every is None:
        every = MINUTE if length >= MINUTE else SECOND
    return RollingWindow(length, every)
