"""What happens by the calendar: reports that go out, and reviews to which people are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wsla.analysis.checked import Recurring, RecurringKind, Target
from wsla.analysis.heads import clock_time
from wsla.analysis.modifiers import duration, each_window
from wsla.analysis.scope import Scope
from wsla.syntax import surface
from wsla.values.calendars import CalendarUnit, CalendarWindow
from wsla.values.instants import DAY, HOUR

_KINDS: Final = {
    ("publish", "report", "to"): RecurringKind.REPORT,
    ("call", "review", "with"): RecurringKind.REVIEW,
}
_FORMS: Final = (
    "write for instance `publish report to customer each month`",
    "or `call review with customer each quarter after 10d at 10:00 for 1h`",
)
_SHORTEST_DAYS: Final = {
    CalendarUnit.DAY: 1,
    CalendarUnit.WEEK: 7,
    CalendarUnit.MONTH: 28,
    CalendarUnit.QUARTER: 90,
    CalendarUnit.YEAR: 365,
}


def check_recurring(
    scope: Scope,
    declared: surface.Recurring,
    find_target: Callable[[surface.Target], Target | None],
    numbers: dict[RecurringKind, int],
) -> Recurring | None:
    """A report or a review, or None and errors; ``numbers`` counts those of each kind."""
    written = (declared.verb.text, declared.what.text, declared.among.text)
    kind = _KINDS.get(written)
    if kind is None:
        span = declared.verb.span.to(declared.among.span)
        scope.reporter.error("E0517", f"there is no `{' '.join(written)}`", span, notes=_FORMS)
        return None
    numbers[kind] = numbers.get(kind, 0) + 1
    found = [find_target(target) for target in declared.targets]
    targets = tuple(target for target in found if target is not None)
    window = each_window(scope, declared.window)
    days = _days(scope, declared)
    at = None if declared.at is None else clock_time(scope, declared.at)
    length = HOUR
    if declared.length is not None:
        if kind is RecurringKind.REPORT:
            scope.reporter.error("E0517", "a report does not last", declared.length.span)
            return None
        length = duration(scope, declared.length, "`for`") or 0
    if kind is RecurringKind.REVIEW and declared.at is None:
        scope.reporter.error(
            "E0517", "a review says when it begins", declared.what.span, notes=("such as `at 10:00`",)
        )
        return None
    if window is None or days is None or len(targets) < len(found) or not length:
        return None
    if declared.at is not None and (at is None or at >= DAY):
        if at is not None:
            scope.reporter.error("E0601", "a day's last time is 23:59:59", declared.at.span)
        return None
    if not isinstance(window, CalendarWindow):
        scope.reporter.error(
            "E0305",
            f"a {kind.value} is for a period of the calendar: a day, week, month, quarter or year",
            declared.window.period.span,
        )
        return None
    if declared.after is not None and days >= _SHORTEST_DAYS[window.unit]:
        scope.reporter.error(
            "E0517",
            f"the next {window.unit.value} may be over by then",
            declared.after.span,
            notes=(f"a {kind.value} comes within the period that follows its own",),
        )
        return None
    return Recurring(
        name=f"{kind.value} {numbers[kind]}",
        kind=kind,
        targets=targets,
        window=window,
        days=days,
        at=at,
        length=length,
        title="" if declared.title is None else declared.title.value,
        span=declared.span,
    )


def _days(scope: Scope, declared: surface.Recurring) -> int | None:
    if declared.after is None:
        return 0
    length = duration(scope, declared.after, "`after`")
    if length is not None and length % DAY:
        scope.reporter.error(
            "E0517", "these are whole days of the calendar, such as `after 10d`", declared.after.span
        )
        return None
    return None if length is None else length // DAY
