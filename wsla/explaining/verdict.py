"""Why a verdict is what it is, by rule: which bound or policy decided it, what would change it (M21, M22)."""

from __future__ import annotations

from fractions import Fraction

from attrs import frozen

from wsla.analysis.operations import Aggregate
from wsla.analysis.sense_points import reachable
from wsla.evaluation.reference.judging import closed_verdict
from wsla.evaluation.verdicts import Judgement, SeriesValue, Verdict
from wsla.explaining.statements import Statement, Tone
from wsla.explaining.words import bound_words, length_words, share_words, value_words
from wsla.plan.model import Goal, Plan, UnknownTime
from wsla.values.quantities import format_quantity

TONES = {
    Verdict.MET: Tone.GOOD,
    Verdict.SECURED: Tone.GOOD,
    Verdict.ON_TRACK: Tone.GOOD,
    Verdict.AT_RISK: Tone.UNSURE,
    Verdict.UNKNOWN: Tone.UNSURE,
    Verdict.NOT_APPLICABLE: Tone.NEUTRAL,
    Verdict.VIOLATED: Tone.BAD,
    Verdict.LOST: Tone.BAD,
}


@frozen(kw_only=True)
class Standing:
    """A goal's condition and its ``provided`` in a window, None where there is nothing; ``closed`` where it ended."""

    closed: bool
    condition: SeriesValue | None
    provided: SeriesValue | None


def of_verdict(plan: Plan, goal: Goal, judgement: Judgement, standing: Standing) -> tuple[Statement, ...]:
    """The verdict and why, the value, how much is known, and the budget."""
    return (
        _verdict(plan, goal, judgement, standing),
        _value(plan, goal, judgement),
        *_coverage(judgement),
        *_budget(goal, judgement),
    )


def _verdict(plan: Plan, goal: Goal, judgement: Judgement, standing: Standing) -> Statement:
    ended = standing.closed
    decided, words = _closed(plan, goal, judgement, standing) if ended else _open(plan, goal, judgement)
    waits = (
        "" if judgement.final or not ended else " It is not final until the grace for late data has passed."
    )
    return Statement(
        kind="verdict",
        text=f"{judgement.verdict.value}: {words}{waits}",
        facts=(
            ("verdict", judgement.verdict.value),
            ("final", judgement.final),
            ("decided_by", decided),
            ("rule", "M21" if ended else "M22"),
        ),
        tone=TONES[judgement.verdict],
    )


def _closed(plan: Plan, goal: Goal, judgement: Judgement, standing: Standing) -> tuple[str, str]:
    condition = standing.condition
    if goal.provided is not None and judgement.verdict is Verdict.NOT_APPLICABLE:
        return "provided", "the promise does not hold in this window, since its `provided` is false here"
    provided = None if standing.provided is None else standing.provided.value
    if goal.provided is not None and provided is None:
        return "provided", "whether the promise holds in this window is not known: its `provided` is unknown"
    if condition is None:
        return "stored", "so it was decided when the window ended"
    known = "" if condition.coverage == 1 else ", whatever the unknown part of the window was"
    best, worst = _extremes(plan, goal, judgement)
    if closed_verdict(goal, condition) is not judgement.verdict:
        return "stored", (
            "so it was decided when the window ended; what is known now would give "
            f"“{closed_verdict(goal, condition).value}”"
        )
    if condition.lower is True:
        return "lower bound", f"`{goal.text}` holds{known}{worst if known else ''}"
    if condition.upper is False:
        return "upper bound", f"`{goal.text}` does not hold{known}{best if known else ''}"
    if condition.value is not None and _is_approximate(plan, goal, condition.coverage):
        return "policy", _within_the_error(goal, condition)
    match goal.unknown_time:
        case UnknownTime.MET:
            return (
                "policy",
                "the unknown part of the window decides, and the goal says: unknown time counts as met",
            )
        case UnknownTime.MISSED:
            return (
                "policy",
                "the unknown part of the window decides, and the goal says: unknown time counts as missed",
            )
        case UnknownTime.UNKNOWN:
            return (
                "policy",
                "the unknown part of the window decides, and the goal says: unknown time is unknown",
            )
        case UnknownTime.EXCLUDED:
            return _excluding(goal, condition)


def _is_approximate(plan: Plan, goal: Goal, coverage: Fraction) -> bool:
    """True where nothing but the error of an approximate percentile leaves anything open (M102)."""
    reached = (plan.operations[index] for index in reachable(plan.operations, goal.condition))
    return coverage == 1 and any(isinstance(node, Aggregate) and node.within is not None for node in reached)


def _within_the_error(goal: Goal, condition: SeriesValue) -> str:
    found = "the limit lies within the error that was agreed"
    match goal.unknown_time:
        case UnknownTime.EXCLUDED:
            holds = "holds" if condition.value else "does not hold"
            return f"{found}, and `{goal.text}` {holds} by the value that is told"
        case UnknownTime.UNKNOWN:
            return f"{found}, and the goal says: what is not known is unknown"
        case policy:
            word = "met" if policy is UnknownTime.MET else "missed"
            return f"{found}, and the goal says: what is not known counts as {word}"


def _excluding(goal: Goal, condition: SeriesValue) -> tuple[str, str]:
    least = share_words(goal.minimum_coverage)
    if condition.value is None:
        return "value", "nothing that decides is known of this window"
    if condition.coverage < goal.minimum_coverage:
        return "coverage", (
            f"{share_words(condition.coverage)} of the window is known, less than the {least} that it takes to judge by"
        )
    holds = "holds" if condition.value else "does not hold"
    return "value", (
        f"`{goal.text}` {holds} by what is known; unknown time is excluded, and enough is known "
        f"({share_words(condition.coverage)}, at least {least})"
    )


def _extremes(plan: Plan, goal: Goal, judgement: Judgement) -> tuple[str, str]:
    """The bound that would be best for the promise, and the one that would be worst, each as the end of a sentence."""
    kind = plan.operations[goal.value].type
    ends = ["", ""]
    for number, bound in enumerate((judgement.upper, judgement.lower)):
        if bound is not None and not isinstance(bound, bool):
            ends[number] = value_words(bound, kind, goal.budget.target if goal.budget else None)
    if goal.budget is None:
        bounds = bound_words(judgement.lower, judgement.upper, kind)
        return f": {bounds}", f": {bounds}"
    return (f": at best {ends[0]}" if ends[0] else ""), (f": at worst {ends[1]}" if ends[1] else "")


def _open(plan: Plan, goal: Goal, judgement: Judgement) -> tuple[str, str]:
    best, worst = _extremes(plan, goal, judgement)
    left = _left_words(goal, judgement.budget_left)
    match judgement.verdict:
        case Verdict.SECURED:
            return "lower bound", f"the window is still open, but nothing can make it miss any more{worst}"
        case Verdict.LOST:
            return "upper bound", f"the window is still open, but nothing can make it hold any more{best}"
        case Verdict.ON_TRACK:
            change = f"; it is lost once more than {left} more is bad" if left else ""
            return (
                "value",
                f"`{goal.text}` holds by what is known so far, and the window is still open{change}",
            )
        case Verdict.AT_RISK:
            change = f"; it is kept if no more than {left} more is bad" if left else "; it can still turn"
            return "value", f"`{goal.text}` does not hold by what is known so far{change}{best}"
        case _:
            return "value", "the window is still open, and nothing that decides is known of it yet"


def _value(plan: Plan, goal: Goal, judgement: Judgement) -> Statement:
    kind = plan.operations[goal.value].type
    target = goal.budget.target if goal.budget else None
    text = f"measured {value_words(judgement.value, kind, target)}"
    exact = judgement.value is not None and judgement.lower == judgement.upper == judgement.value
    if not exact and not isinstance(judgement.value, bool):
        approximate = judgement.value is not None and _is_approximate(plan, goal, judgement.coverage)
        why = "with the error that was agreed," if approximate else "with what is unknown,"
        text += f"; {why} {bound_words(judgement.lower, judgement.upper, kind)}"
    return Statement(
        kind="value",
        text=text,
        facts=(("value", judgement.value), ("lower", judgement.lower), ("upper", judgement.upper)),
    )


def _coverage(judgement: Judgement) -> tuple[Statement, ...]:
    known = "everything" if judgement.coverage == 1 else share_words(judgement.coverage)
    text = f"{known} that counts is known" if known == "everything" else f"{known} of what counts is known"
    return (Statement(kind="coverage", text=text, facts=(("coverage", judgement.coverage),)),)


def _budget(goal: Goal, judgement: Judgement) -> tuple[Statement, ...]:
    if goal.budget is None or judgement.budget is None or judgement.budget_left is None:
        return ()
    whole, left = judgement.budget, judgement.budget_left
    said = f"{_left_words(goal, left)} left" if left >= 0 else f"overspent by {_left_words(goal, -left)}"
    return (
        Statement(
            kind="budget",
            text=f"the promise leaves {_left_words(goal, whole)} of room: {said}",
            facts=(
                ("budget", whole),
                ("budget_left", left),
                ("counted", "time" if goal.budget.time else "items"),
            ),
            tone=Tone.BAD if left < 0 else Tone.NEUTRAL,
        ),
    )


def _left_words(goal: Goal, amount: Fraction | None) -> str:
    """A part of a budget; empty where there is no budget, or nothing is left of it."""
    if goal.budget is None or amount is None or amount < 0:
        return ""
    if goal.budget.time:
        return length_words(amount)
    shown = format_quantity(amount, places=2).replace("~", "about ")
    return f"{shown} item" if amount == 1 else f"{shown} items"
