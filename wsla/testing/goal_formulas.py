"""Draws goals and rules, with what follows from them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final

from wsla.analysis.operations import Window
from wsla.plan.model import Action, Budget, Often, Refund, Step, UnknownTime
from wsla.testing.over_time import forgiving_outages, over_time
from wsla.testing.plans import TELL_PROVIDER, euros
from wsla.values.calendars import RollingWindow

if TYPE_CHECKING:
    from wsla.testing.formulas import Formulas

SHARES: Final = (Fraction(0), Fraction(1, 2), Fraction(2, 3), Fraction(9, 10), Fraction(1))


def goal(formulas: Formulas, name: str, by: tuple[str, ...]) -> None:
    build = formulas.build
    window = formulas.pick(*formulas.scale.outer)
    if formulas.sometimes(4):
        window = formulas.outage(by)
    budget = None
    value = formulas.series(window, by, depth=2)
    condition = formulas.condition_of(value)
    if formulas.sometimes(2):
        value, condition, budget = budgeted(formulas, window, by)
    elif formulas.sometimes(3):
        other = formulas.condition_of(formulas.leaf(window, formulas.beside(window, by), depth=0))
        condition = build.logical(condition, formulas.pick("and", "or", "implies"), other)
    elif formulas.sometimes(4):
        condition = build.negation(condition)
    provided = formulas.condition_of(formulas.leaf(window, by, depth=0)) if formulas.sometimes(3) else None
    build.metrics[f"{name}_value"] = value
    build.goal(
        name,
        condition,
        window,
        value=value,
        provided=provided,
        by=by,
        unknown_time=formulas.pick(*UnknownTime),
        minimum_coverage=formulas.pick(Fraction(9, 10), Fraction(9, 10), Fraction(1, 2), Fraction(1)),
        budget=budget,
        otherwise=credits(formulas, value) if formulas.sometimes(2) else escalating(formulas, name, by),
        rewarding=credits(formulas, value) if formulas.sometimes(4) else (),
        refunds=refunds(formulas, window, by) if formulas.sometimes(3) else (),
    )


def budgeted(formulas: Formulas, window: Window, by: tuple[str, ...]) -> tuple[int, int, Budget]:
    build = formulas.build
    target = formulas.pick(*SHARES)
    time = formulas.pick(True, False)
    if time:
        aggregate = over_time(formulas, "availability", formulas.truth(by), window, by)
    elif formulas.sometimes(2):
        inner = formulas.condition_of(formulas.leaf(formulas.pick(*formulas.scale.inner), by, depth=0))
        aggregate = build.aggregate("share", inner, window, by=by, forgiving=forgiving_outages(formulas))
    else:
        source = "cases" if by else "tickets"
        good = formulas.of_records(source, truth=True)
        aggregate = build.aggregate("share", good, window, source=source, by=by)
    condition = build.compare(
        aggregate, formulas.pick(">=", ">"), build.constant(target, build.operations[aggregate].type)
    )
    return aggregate, condition, Budget(aggregate=aggregate, target=target, time=time)


def credits(formulas: Formulas, value: int) -> tuple[Action, ...]:
    build = formulas.build
    fixed = build.constant(Fraction(25, 2), euros())
    match formulas.pick("none", "fixed", "tiers", "proportional"):
        case "none":
            return (TELL_PROVIDER,)
        case "fixed":
            return (build.credit(fixed), TELL_PROVIDER)
        case "tiers":
            more = build.constant(Fraction(100), euros())
            tiers = build.choice(
                value, [(formulas.pick(">=", "<"), formulas.limit(value), fixed)], formulas.pick(None, more)
            )
            return (build.credit(tiers),)
        case _:
            return (build.credit(build.arithmetic(value, "*", fixed)), build.credit(fixed))


def escalating(formulas: Formulas, name: str, by: tuple[str, ...]) -> tuple[Action, ...]:
    """A credit that grows with the number of misses (M62)."""
    build = formulas.build
    misses = build.verdict_count(name, formulas.pick(None, None, 2, 3), by=by, series=True)
    amounts = [build.constant(Fraction(amount), euros()) for amount in (30, 20, 10)]
    arms = [
        (">=", build.constant(Fraction(3)), amounts[0]),
        (">=", build.constant(Fraction(2)), amounts[1]),
    ]
    return (build.credit(build.choice(misses, arms, amounts[2])),)


def refunds(formulas: Formulas, window: Window, by: tuple[str, ...]) -> tuple[Refund, ...]:
    """Credits earned back by good windows, or under a condition of their own (M63, M64)."""
    if isinstance(window, RollingWindow):
        return ()
    met = Refund(share=Fraction(1, 3), count=formulas.pick(1, 2))
    condition = formulas.condition_of(formulas.leaf(window, formulas.beside(window, by), depth=0))
    stricter = Refund(share=Fraction(1, 2), count=1, condition=condition)
    return (met, stricter) if formulas.sometimes(2) else (met,)


def rule(formulas: Formulas, name: str, by: tuple[str, ...]) -> None:
    build = formulas.build
    unit = formulas.scale.unit
    goals = [goal for goal in build.goals if goal.by == by]
    trigger = build.negation(formulas.truth(by)) if not goals or formulas.sometimes(2) else None
    if trigger is None:
        of_last = formulas.pick(1, 2, 3)
        verdict = formulas.pick("violated", "violated", "met", "unknown")
        goal = formulas.pick(*goals)
        trigger = build.verdict_state(goal.name, min(of_last, formulas.pick(1, 2)), of_last, verdict)
        if formulas.sometimes(3):
            count = build.verdict_count(goal.name, formulas.pick(None, of_last), by=goal.by)
            trigger = build.compare(count, formulas.pick(">=", "=="), build.constant(Fraction(of_last)))
    build.rule(
        name,
        trigger,
        by=by,
        holding_for=formulas.pick(0, unit, 3 * unit, 5 * unit // 2),
        repeat_every=formulas.pick(None, None, 4 * unit),
        steps=formulas.pick((), (Step(delay=6 * unit, actions=(TELL_PROVIDER,)),)),
        on_recovery=formulas.pick((), (TELL_PROVIDER,)),
        often=formulas.pick(None, None, Often(count=1, length=5 * unit), Often(count=2, length=9 * unit)),
    )
