"""Goals, rules, caps and parties: what can never happen, always does, or contradicts something else."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, islice
from typing import Final

from wsla.analysis import operations as op
from wsla.analysis.checked import Cap, CheckedAgreement, Credit, Goal, Rule
from wsla.analysis.possible import Between, Possible, longest_window
from wsla.analysis.reporter import Reporter, replace
from wsla.analysis.scope import Scope
from wsla.analysis.sense_credits import all_credits, highest_amount
from wsla.analysis.sense_points import Promise, domain_of, points, reachable, shown
from wsla.analysis.types import NumberType
from wsla.diagnostics.diagnostic import Related
from wsla.syntax import surface
from wsla.values.calendars import (
    CalendarWindow,
    ExactWindow,
    OverlappingWindow,
    RollingWindow,
    windows_overlapping,
)
from wsla.values.instants import DAY, format_length

_SILENT_ROLES: Final = frozenset({"consumer", "evaluator", "manager", "auditor"})
_SHORTEST_DAYS: Final = {"day": 1, "week": 7, "month": 28, "quarter": 90, "year": 365}
_SHORT_DAY: Final = 20 * 3_600_000_000_000


def check_conditions(
    reporter: Reporter, agreement: CheckedAgreement, goals: Sequence[tuple[Goal, surface.Goal]]
) -> None:
    """Goals that are always or never met."""
    possible = Possible(agreement.operations, {})
    for goal, written in goals:
        truths = possible.truths(goal.condition)
        if len(truths) != 1:
            continue
        met = True in truths
        why = _why(agreement, goal.condition)
        reporter.error(
            "E0508" if met else "E0507",
            f"`{goal.name}` {'is always' if met else 'can never be'} met{why}",
            written.condition.span,
        )


def _why(agreement: CheckedAgreement, condition: int) -> str:
    compare = agreement.operations[condition]
    if not isinstance(compare, op.Compare):
        return ""
    operation = agreement.operations[compare.left]
    kind = operation.type
    found = Possible(agreement.operations, {}).numbers(compare.left)
    if found is None or not isinstance(kind, NumberType):
        return ""
    share = isinstance(operation, op.Aggregate) and operation.function in ("availability", "share")
    return f": {'a share' if share else 'this value'} {_bounds(found, kind)}"


def _bounds(found: Between, kind: NumberType) -> str:
    low = None if found.low is None else shown(found.low, kind)
    high = None if found.high is None else shown(found.high, kind)
    if low is not None and high is not None:
        return f"is never below {low} or above {high}" if low != high else f"is always {low}"
    return f"is never below {low}" if low is not None else f"is never above {high}"


def check_pairs(
    reporter: Reporter, agreement: CheckedAgreement, promises: Sequence[Promise], watched: frozenset[str]
) -> None:
    """Goals about one metric that contradict, or add nothing to, each other."""
    for first, second in combinations(promises, 2):
        if first.subject != second.subject:
            continue
        domain = domain_of(agreement.operations, first.subject)
        kept = [
            (first.kept(point.value), second.kept(point.value))
            for point in points({first.target, second.target}, domain)
        ]
        if not any(one for one, _ in kept) or not any(other for _, other in kept):
            continue
        if not any(one and other for one, other in kept):
            reporter.error(
                "E0510",
                f"`{second.goal.name}` contradicts `{first.goal.name}`: no value meets both",
                second.span,
                related=(Related(span=first.span, text="the other goal"),),
            )
            continue
        for strict, loose, order in (
            (first, second, [(a, b) for a, b in kept]),
            (second, first, [(b, a) for a, b in kept]),
        ):
            if all(b for a, b in order if a) and _adds_nothing(strict.goal, loose.goal, watched):
                reporter.warning(
                    "W0511",
                    f"`{loose.goal.name}` adds nothing: it is met whenever `{strict.goal.name}` is",
                    loose.span,
                    related=(Related(span=strict.span, text="the stricter goal"),),
                )
                break


def _adds_nothing(strict: Goal, loose: Goal, watched: frozenset[str]) -> bool:
    return (
        strict.party == loose.party
        and strict.provided == loose.provided
        and (strict.unknown_time, strict.minimum_coverage) == (loose.unknown_time, loose.minimum_coverage)
        and not loose.rewarding
        and all(action in strict.otherwise for action in loose.otherwise)
        and loose.name not in watched
    )


# --- parties


def check_parties(scope: Scope, agreement: CheckedAgreement) -> None:
    """Parties that the agreement asks nothing of and gives nothing to."""
    if not agreement.goals and not agreement.rules:
        # Nothing is promised yet: the parties of such a text are for those that import it.
        _services(scope)
        return
    named = {*scope.used, *(credit.debtor for credit in all_credits(agreement))}
    for party in agreement.parties:
        if party.name in named or _SILENT_ROLES.intersection(party.roles):
            continue
        measurer = "measurer" in party.roles
        scope.reporter.warning(
            "W0512",
            f"`{party.name}` measures nothing" if measurer else f"nothing obliges or benefits `{party.name}`",
            scope.declared[party.name][1].span,
            notes=(f"a source says who measures: `by {party.name}`",) if measurer else (),
        )
    _services(scope)


def _services(scope: Scope) -> None:
    names = scope.names(("service",))
    if not any(name in scope.used for name in names):
        return
    for name in names:
        if name not in scope.used:
            scope.reporter.warning(
                "W0212",
                f"the service `{name}` is never used",
                scope.declared[name][1].span,
                label="nothing refers to it",
            )


# --- rules


def check_rules(
    reporter: Reporter, agreement: CheckedAgreement, rules: Sequence[tuple[Rule, surface.Rule]]
) -> None:
    """Rules that can never fire, and what in them comes too late."""
    possible = Possible(agreement.operations, {})
    for rule, written in rules:
        truths = possible.truths(rule.trigger)
        if True not in truths:
            reporter.error("E0513", "this rule can never act", written.condition.span, label="never true")
        elif False not in truths:
            reporter.warning(
                "W0514",
                "this condition is always true: the rule acts once and never again",
                written.condition.span,
            )
        if agreement.effective_end is not None:
            _too_late(reporter, agreement.effective_end - agreement.effective_start, written, rule)
        _too_many_windows(reporter, agreement, rule, written)
        _other_windows(reporter, agreement, written.condition)


def _other_windows(reporter: Reporter, agreement: CheckedAgreement, written: object) -> None:
    """`in 3 of last 6 weeks` of a goal that is judged each month."""
    if isinstance(written, surface.Binary):
        _other_windows(reporter, agreement, written.left)
        _other_windows(reporter, agreement, written.right)
    elif isinstance(written, surface.Unary):
        _other_windows(reporter, agreement, written.operand)
    elif isinstance(written, surface.Parenthesised):
        _other_windows(reporter, agreement, written.inner)
    elif isinstance(written, surface.GoalState) and written.unit is not None:
        goal = next(one for one in agreement.goals if one.name == written.goal.text)
        unit = written.unit.text.removesuffix("s")
        window = goal.window
        same = isinstance(window, CalendarWindow) and window.unit.value == unit
        if unit in _SHORTEST_DAYS and not same:
            judged = "exact lengths of time"
            meant = None
            if isinstance(window, CalendarWindow) and window.count == 1:
                judged, meant = f"{window.unit.value}s", f"{window.unit.value}s"
            elif isinstance(window, CalendarWindow):
                judged = f"{window.count} {window.unit.value}s at a time"
            reporter.error(
                "E0611",
                f"`{goal.name}` is judged over {judged}, not over {unit}s",
                written.unit.span,
                suggestion=replace(written.unit.span, meant) if meant else None,
                notes=() if meant else ("its windows are called `windows`",),
            )


def _too_late(reporter: Reporter, term: int, written: surface.Rule, rule: Rule) -> None:
    waits = [] if written.holding_for is None else [(written.holding_for, rule.holding_for)]
    afters = [item.delay for item in written.items if isinstance(item, surface.After)]
    waits += [(delay, rule.holding_for + step.delay) for delay, step in zip(afters, rule.steps, strict=True)]
    for word, length in waits:
        if length >= term:
            reporter.warning(
                "W0515",
                f"this is never reached: the whole term lasts {format_length(term)}",
                word.span,
                label="longer than the term",
            )


def _too_many_windows(
    reporter: Reporter, agreement: CheckedAgreement, rule: Rule, written: surface.Rule
) -> None:
    if agreement.effective_end is None:
        return
    start, end = agreement.effective_start, agreement.effective_end
    windows = {goal.name: goal.window for goal in agreement.goals}
    for position in _states(agreement.operations, rule.trigger):
        state = agreement.operations[position]
        assert isinstance(state, op.VerdictState)
        window = windows.get(state.goal)
        if not isinstance(window, CalendarWindow) or state.count < 2:
            continue
        room = sum(1 for _ in islice(windows_overlapping(window, start, end), state.count))
        if room < state.count:
            reporter.warning(
                "W0614",
                f"the term has no room for {state.count} windows of `{state.goal}`: it has {room}",
                written.condition.span,
            )


def _states(operations: Sequence[op.Operation], root: int) -> list[int]:
    return sorted(
        position
        for position in reachable(operations, root)
        if isinstance(operations[position], op.VerdictState)
    )


# --- caps


def check_caps(
    reporter: Reporter, agreement: CheckedAgreement, caps: Sequence[tuple[Cap, surface.Cap]]
) -> None:
    """Caps that nothing can reach, or that cut every credit alike."""
    possible = Possible(agreement.operations, {})
    for cap, written in caps:
        _short_period(reporter, agreement, cap, written)
        limit = None if cap.amount is None else possible.numbers(cap.amount)
        if limit is None or limit.only is None or cap.amount is None:
            continue
        kind = agreement.operations[cap.amount].type
        most = _most_in_a_period(agreement, cap)
        if most is not None and limit.only > most:
            done = "rewarded" if cap.rewards else "credited"
            said = f"no more than {shown(most, kind)} can be {done}" if most else f"nothing is {done}"
            reporter.warning(
                "W0410",
                f"this cap never acts: {said} to `{cap.creditor}` in such a period",
                written.amount.span,
            )
            continue
        smallest = _smallest(agreement, cap)
        if smallest is not None and limit.only < smallest:
            what = "reward" if cap.rewards else "credit"
            reporter.warning(
                "W0415",
                f"this cap is below the smallest {what} to `{cap.creditor}`, {shown(smallest, kind)}",
                written.amount.span,
            )


def _short_period(reporter: Reporter, agreement: CheckedAgreement, cap: Cap, written: surface.Cap) -> None:
    """Of `1m` and `month` the one is easily written for the other."""
    windows = [goal.window for goal, _ in _credits_to(agreement, cap)]
    if (
        not windows
        or not isinstance(cap.window, ExactWindow)
        or not isinstance(written.window, surface.EachWindow)
    ):
        return
    if all(isinstance(window, CalendarWindow) for window in windows) and cap.window.length_ns < DAY:
        word = written.window.period
        reporter.warning(
            "W0607",
            f"this cap holds for {format_length(cap.window.length_ns)}, and the goals are judged over longer windows",
            word.span,
            notes=("`1m` is a minute; a month is `each month`",),
        )


def _credits_to(agreement: CheckedAgreement, cap: Cap) -> list[tuple[Goal, Credit]]:
    return [
        (goal, action)
        for goal in agreement.goals
        for action in (goal.rewarding if cap.rewards else goal.otherwise)
        if isinstance(action, Credit) and action.creditor == cap.creditor
    ]


def _same_kind(agreement: CheckedAgreement, cap: Cap, credit: Credit) -> bool:
    assert cap.amount is not None
    return agreement.operations[cap.amount].type == agreement.operations[credit.amount].type


def _most_in_a_period(agreement: CheckedAgreement, cap: Cap) -> Fraction | None:
    """The most that can be credited in a cap's period, or None where that has no end or is not known."""
    to_it = _credits_to(agreement, cap)
    by_goals = sum(
        isinstance(action, Credit) and action.creditor == cap.creditor
        for goal in agreement.goals
        for action in (*goal.otherwise, *goal.rewarding)
    )
    # A rule's credits may come as often as they like; none of them is a reward.
    if not cap.rewards and by_goals != sum(
        credit.creditor == cap.creditor for credit in all_credits(agreement)
    ):
        return None
    total = Fraction(0)
    for goal, credit in to_it:
        most = highest_amount(agreement.operations, credit)
        windows = _windows_in(goal, cap)
        if most is None or windows is None or goal.by or not _same_kind(agreement, cap, credit):
            return None
        total += most * windows
    return total


def _windows_in(goal: Goal, cap: Cap) -> int | None:
    """How many windows of a goal can start in a cap's period, rather too many than too few; None for any number."""
    window, period = goal.window, cap.window
    if isinstance(window, op.OutageWindow):
        return None
    if (
        isinstance(window, CalendarWindow)
        and isinstance(period, CalendarWindow)
        and (window.unit, window.count, window.anchor) == (period.unit, period.count, period.anchor)
    ):
        return cap.last
    if isinstance(window, OverlappingWindow):
        window = window.period
    if isinstance(window, CalendarWindow):
        shortest = _SHORTEST_DAYS[window.unit.value] * window.count * DAY - _SHORT_DAY
    else:
        shortest = window.every_ns if isinstance(window, RollingWindow) else window.length_ns
    return cap.last * longest_window(period) // shortest + 1


def _smallest(agreement: CheckedAgreement, cap: Cap) -> Fraction | None:
    lows: list[Fraction] = []
    for _, credit in _credits_to(agreement, cap):
        if credit.part is not None or not _same_kind(agreement, cap, credit):
            return None
        amount = Possible(agreement.operations, {}).numbers(credit.amount)
        if amount is None or amount.low is None or amount.low <= 0:
            return None
        lows.append(amount.low)
    return min(lows, default=None)
