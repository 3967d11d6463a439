"""What the calendar asks for (rules M104, M105), held against what was decided: each report and invitation once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from wsla.plan.model import Plan, RecurringKind
from wsla.plan.recurring import appointed, invited
from wsla.remedies.decisions import Intent
from wsla.remedies.identity import said_of
from wsla.store.records import AgreementVersion
from wsla.values.instants import MINUTE, format_instant, parse_instant


def of_calendar(plans: Iterable[Plan], intents: Iterable[Intent]) -> list[Intent]:
    """Those that follow from no verdict, but from the calendar."""
    names = {one.name for plan in plans for one in plan.recurring}
    return [one for one in intents if one.cause in names]


def reported_twice(by_calendar: Iterable[Intent]) -> list[str]:
    """A sentence for each period of which somebody was sent more than one report, under whatever versions."""
    sent = Counter(
        (str(target), one.window) for one in by_calendar if one.verb == "publish" for target in one.targets
    )
    return [
        f"{target} got {count} reports of {window}" for (target, window), count in sent.items() if count > 1
    ]


def missed_by_calendar(
    plan: Plan, history: Sequence[AgreementVersion], until: int, intents: Iterable[Intent]
) -> list[str]:
    """A sentence for each report and meeting that was left out, or told of twice, in an agreement of one version that
    was kept until an instant."""
    told = Counter((said.cause, parse_instant(said.start)) for one in intents if (said := said_of(one.id)))
    begun = history[0].at
    due: set[tuple[str, int]] = set()
    wanted: set[tuple[str, int]] = set()
    for one in plan.recurring:
        if one.kind is RecurringKind.REPORT:
            due |= {(one.name, found.period.start) for found in appointed(plan, one, begun, until)}
            # The last moments may not have been looked at.
            wanted |= {
                (one.name, found.period.start) for found in appointed(plan, one, begun, until - MINUTE)
            }
        else:
            wanted |= {(one.name, found.period.start) for found in invited(plan, one, until - MINUTE)}
    reports = {one.name for one in plan.recurring if one.kind is RecurringKind.REPORT}
    found = [f"{name} of {format_instant(start)} is missing" for name, start in sorted(wanted - set(told))]
    found += [
        f"{name} of {format_instant(start)} is not due"
        for name, start in told
        if name in reports and (name, start) not in due
    ]
    return found + [
        f"{name} of {format_instant(start)} was told {count} times"
        for (name, start), count in told.items()
        if count > 1
    ]
