"""``wsla explain FILE GOAL``: why a verdict came out as it did, from the store or from data files."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from wsla.analysis.operations import OutageWindow
from wsla.cli.explain_text import print_explanation, statement_value
from wsla.cli.files import plural, the_agreement
from wsla.cli.paint import Paint
from wsla.cli.stored import find_stored, reading
from wsla.evaluation.report import Outcome
from wsla.evaluation.verdicts import Judgement, Labels
from wsla.explaining.explain import Judged, explain, worst_first
from wsla.explaining.written import Written
from wsla.plan.model import Goal, Plan
from wsla.reporting.stored import EARLIEST, LATEST, in_force
from wsla.reporting.verdicts import judgement_value, window_name
from wsla.testing.examples import inside
from wsla.values.calendars import OverlappingWindow, RollingWindow, find_zone, parse_period, period_interval
from wsla.values.instants import Interval, format_instant

if TYPE_CHECKING:
    from wsla.api import Agreement
    from wsla.store.sqlite import Store


@frozen(kw_only=True)
class Asked:
    """The arguments of the verb, as they were given."""

    path: str
    goal: str | None
    window: str | None
    labels: tuple[str, ...]
    most: int
    store_url: str
    data: tuple[str, ...]
    start: str | None
    until: str | None
    columns: tuple[str, ...]
    where: tuple[str, ...]
    zone: str | None
    time_units: tuple[str, ...] = ()

    @property
    def of_data(self) -> bool:
        """True where something is said that goes with data alone."""
        said = (self.start, self.until, self.columns, self.where, self.zone, self.time_units)
        return any(said)


def explain_goal(asked: Asked, output_format: str) -> None:
    """Prints why a goal has its verdict in the windows asked for."""
    if asked.most < 1:
        raise click.UsageError("--most is at least 1")
    if not asked.data and asked.of_data:
        raise click.UsageError("--from, --until, --map, --where, --zone and --time-unit go with --data")
    wanted: Agreement = the_agreement(asked.path)
    if asked.goal is None:
        _find_goal(wanted.plan, None)
    if asked.data:
        _tell(asked, wanted, _from_files(asked, wanted), output_format)
        return
    with reading(asked.store_url) as store:
        version = find_stored(store, wanted.title)
        agreement = in_force(version) or wanted
        if version.text.strip() != wanted.text.strip():
            click.echo(
                f"note: {asked.path} is not the text that the daemon runs (version {version.version}); "
                "the explanation speaks of that one",
                err=True,
            )
        else:
            # The same text under its own name, so that places in it can be opened.
            agreement = wanted
        _find_goal(agreement.plan, asked.goal)
        judged = _from_store(store, version.key, agreement)
    _tell(asked, agreement, judged, output_format)


# --- what is known


def _from_files(asked: Asked, agreement: Agreement) -> Judged:
    from wsla.cli.eval_data import Reading, judge_counted, observations_of, stretch_of

    _find_goal(agreement.plan, asked.goal)
    reading = Reading(
        data=asked.data,
        columns=asked.columns,
        where=asked.where,
        zone=asked.zone,
        time_units=asked.time_units,
    )
    observations = observations_of(agreement, reading)
    start, until = stretch_of(agreement, observations, asked.start, asked.until)
    report = judge_counted(agreement, observations, start, until)
    return Judged(
        plan=agreement.plan,
        written=Written(source=agreement.source, title=agreement.title),
        observations=[one for one in observations if one.at < until],
        outcome=Outcome(
            start=start, until=until, judgements=report.judgements, metrics=report.metrics, triggers={}
        ),
        decisions=report.decisions,
    )


def _from_store(store: Store, key: str, agreement: Agreement) -> Judged:
    from wsla.cli.eval_data import judge_counted
    from wsla.reporting.period import gather

    plan = agreement.plan
    known = {source.name for source in plan.sources}
    # What came too late is part of a verdict only once that was corrected.
    corrected = store.corrections(key)
    seen = (
        store.observations_that_stand(key)
        if corrected
        else store.observations(key, EARLIEST, LATEST, late=False)
    )
    observations = [one for one in seen if one.source in known]
    if not observations:
        raise click.ClickException(f"the store holds no observation for “{agreement.title}” yet")
    snapshot = store.latest_snapshot(key)
    kept_from = store.kept_from(key)
    if kept_from is not None:
        when = format_instant(kept_from, find_zone(plan.zone))
        click.echo(
            f"note: not all observations before {when} are kept; of earlier windows what was said stands",
            err=True,
        )
    first = observations[0].at if snapshot is None else min(snapshot[2]["start"], observations[-1].at)
    start = max(plan.effective_start, first)
    until = max(observations[-1].at + 1, start + 1, 0 if snapshot is None else snapshot[1])
    if observations[-1].at < start:
        raise click.ClickException("the agreement takes effect after the last observation")
    report = judge_counted(agreement, observations, start, until)
    said = {
        (one.goal, one.labels, one.window): one
        for one in store.judgements(key, EARLIEST, LATEST, final_only=True)
    }
    said.update({(one.goal, one.labels, one.window): one for _, one in corrected})
    stored = list(said.values())
    everything = gather(store, key, agreement, Interval(EARLIEST, LATEST - plan.grace - 1), claims_at=until)
    return Judged(
        plan=plan,
        written=Written(source=agreement.source, title=agreement.title),
        observations=observations,
        outcome=Outcome(
            start=start, until=until, judgements=report.judgements, metrics=report.metrics, triggers={}
        ),
        decisions=[*everything.entries, *(notice.intent for notice in everything.notices)],
        stored=stored,
        deliveries={
            (notice.intent.id, target): (state, error)
            for notice in everything.notices
            for target, state, error in notice.states
        },
    )


# --- which windows


def _find_goal(plan: Plan, name: str | None) -> Goal:
    names = [goal.name for goal in plan.goals]
    if name is None:
        raise click.UsageError(f"which goal? The agreement has {', '.join(names) or 'none'}")
    for goal in plan.goals:
        if goal.name == name:
            return goal
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`?" if near else f"it has {', '.join(names) or 'none'}"
    raise click.UsageError(f"the agreement has no goal `{name}`: {hint}")


def _occasion(text: str, agreement: Agreement) -> Interval:
    """A period, or the empty stretch at an instant."""
    instant = text.removeprefix("at ").strip() if text.startswith("at ") else None
    try:
        if instant is not None:
            at = agreement.instant(instant)
            return Interval(at, at)
        return period_interval(*parse_period(text), agreement.plan.zone)
    except ValueError as problem:
        hint = "" if instant is not None else ", nor an instant such as `at 2026-03-04T10:00`"
        raise click.UsageError(f"--window {text}: {problem}{hint}") from None


def _chosen(asked: Asked, agreement: Agreement, judged: Judged) -> list[Judgement]:
    plan = agreement.plan
    goal = _find_goal(plan, asked.goal)
    wanted = _labels(asked.labels, goal)
    own = [one for one in judged.judgements if one.goal == goal.name]
    labelled = [one for one in own if set(wanted) <= set(one.labels)]
    if own and not labelled:
        shown = sorted({f"{name}={value}" for one in own for name, value in one.labels})
        raise click.ClickException(
            f"nothing was judged for {' '.join(map('='.join, wanted))}; there is {', '.join(shown)}"
        )
    if asked.window is None:
        if not labelled:
            raise click.ClickException(f"the goal `{goal.name}` has no window in what was observed")
        last = max(one.window.end for one in labelled)
        return worst_first([one for one in labelled if one.window.end == last])
    occasion = _occasion(asked.window, agreement)
    found = [one for one in labelled if _belongs(goal, one.window, occasion, agreement.plan.effective_end)]
    if not found:
        # The month in which a day lies, where the goal is judged by the month.
        found = [
            one for one in labelled if one.window.start < occasion.end and occasion.start < one.window.end
        ]
    if not found:
        raise click.ClickException(_why_none(agreement, goal, judged, occasion, asked.window))
    return worst_first(found)


def _belongs(goal: Goal, window: Interval, occasion: Interval, term_end: int | None) -> bool:
    if isinstance(goal.window, OutageWindow) and occasion.length:
        return occasion.contains(goal.window.over_at(window, term_end))
    if isinstance(goal.window, RollingWindow | OverlappingWindow) and occasion.length:
        return occasion.start < window.end <= occasion.end
    if not occasion.length:
        return window.contains(occasion.start)
    return inside(window, occasion)


def _labels(texts: Sequence[str], goal: Goal) -> Labels:
    found = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.UsageError(f"--label takes NAME=VALUE, not `{text}`")
        if name not in goal.by:
            has = f"it has {', '.join(goal.by)}" if goal.by else "it has none"
            raise click.UsageError(f"the goal `{goal.name}` has no label `{name}`; {has}")
        found.append((name, value))
    return tuple(found)


def _why_none(agreement: Agreement, goal: Goal, judged: Judged, occasion: Interval, text: str) -> str:
    plan = agreement.plan
    after = plan.effective_end is not None and occasion.start >= plan.effective_end
    if after or (occasion.end <= plan.effective_start and occasion.start < plan.effective_start):
        term = "has ended by then" if after else "has not begun by then"
        return f"{text} lies outside of the term of “{plan.title}”, which {term}"
    stretch = Interval(judged.outcome.start, judged.outcome.until)
    if occasion.start >= stretch.end or occasion.end <= stretch.start:
        seen = window_name(stretch, plan.zone)
        return f"nothing was observed in {text}; what was observed is of {seen}"
    return f"the goal `{goal.name}` has no window in {text}: none of that time counts for it"


# --- telling


def _tell(asked: Asked, agreement: Agreement, judged: Judged, output_format: str) -> None:
    chosen = _chosen(asked, agreement, judged)
    shown, others = chosen[: asked.most], chosen[asked.most :]
    told = explain(judged, shown)
    plan = agreement.plan
    if output_format == "json":
        value: dict[str, Any] = {
            "agreement": plan.title,
            "version": plan.version,
            "zone": plan.zone,
            "goal": asked.goal,
            "windows": [
                judgement_value(plan, one) | {"why": statement_value(statement)}
                for one, statement in zip(shown, told, strict=True)
            ],
            "others": [judgement_value(plan, one) for one in others],
        }
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
        return
    paint = Paint(sys.stdout)
    click.echo(paint.text(f"{plan.title}, version {plan.version}", bold=True))
    for statement in told:
        click.echo()
        print_explanation(statement, paint)
    if others:
        counts: dict[str, int] = {}
        for one in others:
            counts[one.verdict.value] = counts.get(one.verdict.value, 0) + 1
        listed = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        click.echo(f"\nand {plural(len(others), 'more window')} ({listed}); --most shows more of them")
