"""The explanation of a verdict: the goal as written, the window, the verdict and why, and what followed."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from wsla.evaluation.report import Outcome
from wsla.evaluation.verdicts import Judgement, Verdict
from wsla.explaining.chain import Chain
from wsla.explaining.followed import Deliveries, Followed
from wsla.explaining.statements import Statement
from wsla.explaining.verdict import TONES, Standing, of_verdict
from wsla.explaining.words import labels_words, stretch_words, window_words
from wsla.explaining.written import Written
from wsla.plan.model import Goal, Plan
from wsla.remedies.decisions import Decision
from wsla.testing.history import History
from wsla.values.calendars import find_zone
from wsla.values.instants import Interval, format_instant
from wsla.values.observations import Observation

WORST_FIRST = (
    Verdict.VIOLATED,
    Verdict.LOST,
    Verdict.AT_RISK,
    Verdict.UNKNOWN,
    Verdict.ON_TRACK,
    Verdict.SECURED,
    Verdict.MET,
    Verdict.NOT_APPLICABLE,
)


@frozen(kw_only=True)
class Judged:
    """Everything that is known of an agreement's history.

    ``stored`` holds verdicts that were given when they became known, and stand whatever came to light later;
    ``deliveries`` is None where nothing was sent, as in history that is judged from files.
    """

    plan: Plan
    written: Written
    observations: Sequence[Observation]
    outcome: Outcome
    decisions: Sequence[Decision]
    stored: Sequence[Judgement] = ()
    deliveries: Deliveries | None = None

    @property
    def judgements(self) -> tuple[Judgement, ...]:
        """A judgement for each window: the stored one where it is final, else what follows from the observations."""
        kept = {(one.goal, one.labels, one.window): one for one in self.stored if one.final}
        found = []
        for one in self.outcome.judgements:
            key = (one.goal, one.labels, one.window)
            stands = kept.pop(key, None)
            if stands is not None:
                found.append(stands)
            elif self.deliveries is not None:
                # Where a daemon runs, a window is final when its grace has passed.
                done = one.window.end + self.plan.grace <= self.outcome.until
                found.append(evolve(one, final=one.final and done))
            else:
                found.append(one)
        return (*found, *kept.values())


def worst_first(judgements: Sequence[Judgement]) -> list[Judgement]:
    """The worst verdict first; then in the order of time and labels."""
    return sorted(judgements, key=lambda one: (WORST_FIRST.index(one.verdict), one.window, one.labels))


def explain(judged: Judged, judgements: Sequence[Judgement]) -> tuple[Statement, ...]:
    """Why each verdict is what it is, as a tree: what a statement rests on hangs below it."""
    history = History(judged.plan, judged.observations, judged.outcome)
    return tuple(_explain(judged, history, one) for one in judgements)


def _explain(judged: Judged, history: History, judgement: Judgement) -> Statement:
    plan = judged.plan
    goal = next(one for one in plan.goals if one.name == judgement.goal)
    labels = frozenset(judgement.labels)
    standing = Standing(
        closed=judgement.window.end <= judged.outcome.until,
        condition=history.series(goal.condition, labels, judgement.window),
        provided=None if goal.provided is None else history.series(goal.provided, labels, judgement.window),
    )
    followed = Followed(
        history=history,
        written=judged.written,
        judgement=judgement,
        decisions=judged.decisions,
        deliveries=judged.deliveries,
    )
    chain = Chain(
        history=history,
        written=judged.written,
        observations=judged.observations,
        judgement=judgement,
    )
    because = (
        _window(plan, judgement),
        *of_verdict(plan, goal, judgement, standing),
        *_group("basis", "it rests on", chain.of_goal(goal)),
        *_group("consequences", "what followed", followed.of_goal(goal)),
    )
    return evolve(_goal(judged.written, goal, judgement), because=because)


def _goal(written: Written, goal: Goal, judgement: Judgement) -> Statement:
    span = written.span("goal", goal.name, goal.span)
    quoted = written.quote(span).partition("{")[0].strip()
    return Statement(
        kind="goal",
        text=quoted or f"goal {goal.name}: {goal.party} guarantees {goal.text}",
        place=written.place(span),
        facts=(("name", goal.name), ("obliged", goal.party), ("promised", goal.text)),
        tone=TONES[judgement.verdict],
    )


def _window(plan: Plan, judgement: Judgement) -> Statement:
    window: Interval = judgement.window
    zone = find_zone(plan.zone)
    name, stretch = window_words(window, plan.zone), stretch_words(window, plan.zone)
    labels = labels_words(judgement.labels)
    text = f"{stretch}, {plan.zone}" if name == stretch else f"{name}: {stretch}, {plan.zone}"
    return Statement(
        kind="window",
        text=f"{text} ({labels})" if labels else text,
        facts=(
            ("start", format_instant(window.start, zone)),
            ("end", format_instant(window.end, zone)),
            ("zone", plan.zone),
            *judgement.labels,
        ),
    )


def _group(kind: str, text: str, statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
    return (Statement(kind=kind, text=text, because=statements),) if statements else ()
