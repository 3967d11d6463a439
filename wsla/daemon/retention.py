"""How long observations are kept: as long as the operator says, and as long as anything may still rest on them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, assert_never

from attrs import frozen

from wsla.analysis.operations import (
    LONGEST_OUTAGE,
    Aggregate,
    Debounced,
    Latest,
    Limited,
    Operation,
    OutageWindow,
    Previous,
    Sustained,
    VerdictCount,
    VerdictState,
    Window,
)
from wsla.analysis.sense import inputs
from wsla.plan.model import Credit, Plan
from wsla.remedies.claims import Claims, ClaimState
from wsla.remedies.decisions import LedgerEntry
from wsla.store.sqlite import Store
from wsla.values.calendars import CalendarUnit, CalendarWindow, ExactWindow, OverlappingWindow, RollingWindow
from wsla.values.instants import DAY, HOUR

_EARLIEST: Final = -(2**63)
_LATEST: Final = 2**63 - 1
# Clocks go back by an hour, and no period is longer than that and its longest kind.
_LONGEST: Final = {
    CalendarUnit.DAY: DAY + HOUR,
    CalendarUnit.WEEK: 7 * DAY + HOUR,
    CalendarUnit.MONTH: 31 * DAY + HOUR,
    CalendarUnit.QUARTER: 92 * DAY + HOUR,
    CalendarUnit.YEAR: 366 * DAY + HOUR,
}
_OPEN: Final = frozenset({ClaimState.ACCRUED, ClaimState.CLAIMED})


@frozen(kw_only=True)
class Retention:
    """``observations`` is how long they are kept at least, in nanoseconds, None for ever; ``rollup`` the length of
    what they are rolled up to afterwards."""

    observations: int | None = None
    rollup: int = DAY


def reach(plan: Plan) -> int | None:
    """How far before an instant observations may lie that something said or owed at that instant rests on, at most;
    None where nothing bounds it.

    That is how far back a value looks, by the lengths of all that it is made of, and then the longest periods that its
    consequences are settled in. Records may stay open for ever, and verdicts in a row have no bound.
    """
    if any(source.records for source in plan.sources):
        return None
    depths: list[int] = []
    for operation in plan.operations:
        if isinstance(operation, VerdictCount | VerdictState):
            return None
        depths.append(_depth(operation, max((depths[place] for place in inputs(operation)), default=0)))
    held = max((source.staleness or 0 for source in plan.sources), default=0)
    return DAY + plan.grace + held + max(depths, default=0) + settling(plan)


def _depth(operation: Operation, below: int) -> int:
    """How far back the values of an operation look whose inputs look ``below`` nanoseconds back."""
    match operation:
        case Aggregate(window=window):
            return below + longest(window)
        case Sustained(length=length):
            return below + length
        case Debounced(down=down, up=up):
            return below + down + up
        case Limited(window=window):
            return below + longest(window)
        case Previous() | Latest():
            # The window before, or the one that ended last.
            return 2 * below
        case _:
            return below


def settling(plan: Plan) -> int:
    """The longest time from the start of a window until what follows from it does not change any more."""
    windows = (longest(goal.window) * (1 + sum(one.count for one in goal.refunds)) for goal in plan.goals)
    actions = (action for goal in plan.goals for action in (*goal.otherwise, *goal.rewarding))
    parts = (one.part.period for one in actions if isinstance(one, Credit) and one.part is not None)
    caps = (longest(cap.window) * (cap.last + 1) for cap in plan.caps)
    rules = (
        rule.holding_for
        + (rule.repeat_every or 0)
        + sum(step.delay for step in rule.steps)
        + (0 if rule.often is None else rule.often.length)
        for rule in plan.rules
    )
    fees = (longest(period) for period in parts)
    return sum(max(lengths, default=0) for lengths in (windows, fees, caps, rules))


def longest(window: Window) -> int:
    """The longest that a window of a kind can be, in nanoseconds."""
    match window:
        case CalendarWindow(unit=unit, count=count):
            return _LONGEST[unit] * count
        case ExactWindow(length_ns=length):
            return length
        case RollingWindow(length_ns=length, every_ns=every):
            return length + every
        case OverlappingWindow(period=period, count=count):
            return longest(period) * count
        case OutageWindow():
            return LONGEST_OUTAGE
        case _:
            assert_never(window)


def kept_from(
    plan: Plan,
    retention: Retention,
    now: int,
    entries: Iterable[LedgerEntry],
    claims: Claims,
    pending: int | None,
) -> int | None:
    """The instant before which observations of an agreement need not be kept any more; None where all are.

    Whatever the operator says, that is before every open window and the period that it is settled in, before the
    windows of credits that may be claimed or are not settled yet, and before what came too late and was not looked at
    by a correction (``pending``: the earliest of that).
    """
    far = reach(plan)
    if retention.observations is None or far is None:
        return None
    needed = [now]
    needed.extend(entry.window.start for entry in entries if claims.state(entry, now) in _OPEN)
    if pending is not None:
        needed.append(pending)
    return min(now - retention.observations, min(needed) - far)


def kept_in(store: Store, plan: Plan, retention: Retention) -> int | None:
    """The same, by what is stored of an agreement and as far as its engine has judged. Raises StoreError."""
    judged_until = store.snapshot_at(plan.title)
    if judged_until is None:
        return None
    entries = (entry for _, entry in store.entries(plan.title, _EARLIEST, _LATEST))
    pending = store.earliest_uncorrected(plan.title)
    return kept_from(plan, retention, judged_until, entries, Claims(store.claim_events()), pending)
