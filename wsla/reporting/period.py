"""What a report says, gathered from the store; how it looks is said elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import frozen

from wsla.daemon.lineage import with_others
from wsla.evaluation.verdicts import CLOSED_VERDICTS, Judgement, Labels
from wsla.plan.model import Goal, Plan
from wsla.remedies.claims import Claims
from wsla.remedies.corrections import WindowKey
from wsla.remedies.decisions import Intent, LedgerEntry
from wsla.remedies.ledger import Balance, balances
from wsla.reporting.money import balance_value, claimed_value, sums_by_state, sums_value
from wsla.reporting.stored import EARLIEST, LATEST, beside
from wsla.reporting.verdicts import judgement_value
from wsla.values.calendars import RollingWindow, find_zone
from wsla.values.instants import Interval, format_instant

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from wsla.api import Agreement
    from wsla.store.sqlite import Store

STATES = ("delivered", "pending", "dead", "dropped", "acknowledged", "silenced", "held back")


@frozen(kw_only=True)
class GoalReport:
    """A goal under one combination of labels, with its judgements in order of time."""

    goal: Goal
    labels: Labels
    judgements: tuple[Judgement, ...]


@frozen(kw_only=True)
class NoticeReport:
    """An intent, and the state of its delivery to each target: ``delivered``, ``pending`` or ``dead``, with the last
    error where it is not delivered; or what people asked for: ``dropped``, ``acknowledged`` or ``silenced``."""

    intent: Intent
    states: tuple[tuple[str, str, str | None], ...]


@frozen(kw_only=True)
class ReportData:
    """A period under an agreement: verdicts, entries, what is owed through them, and notices.

    ``asked_at`` is the instant (nanoseconds) at which open windows stand as shown, None where that is not known;
    ``claims`` are the steps taken about entries, which stand as they do at ``claims_at``. ``corrected`` tells when the
    verdict of a window (by goal, labels, window) was corrected last. ``chain`` is the end of the agreement's chain: how
    many links, and the digest of the last.
    """

    plan: Plan
    period: Interval
    goals: tuple[GoalReport, ...]
    entries: tuple[LedgerEntry, ...]
    owed: tuple[Balance, ...]
    notices: tuple[NoticeReport, ...]
    claims: Claims
    claims_at: int
    asked_at: int | None = None
    chain: tuple[int, str] | None = None
    corrected: Mapping[tuple[str, Labels, Interval], int] = MappingProxyType({})

    def corrected_at(self, judgement: Judgement) -> int | None:
        """The instant at which a verdict was corrected last; None where it is as it was said."""
        return self.corrected.get((judgement.goal, judgement.labels, judgement.window))

    def awaits_final(self, judgement: Judgement) -> bool:
        """True for a window that has ended, and whose verdict may still change or has not been given yet."""
        ended = self.asked_at is not None and judgement.window.end <= self.asked_at
        return not judgement.final and (ended or judgement.verdict in CLOSED_VERDICTS)

    def count(self, state: str) -> int:
        """How many deliveries stand there."""
        return sum(one == state for notice in self.notices for _, one, _ in notice.states)


@frozen(kw_only=True)
class Standing:
    """The windows that are not final, as they stand at an instant (nanoseconds)."""

    at: int
    judgements: tuple[Judgement, ...] = ()


def whole_stretch(store: Store, key: str, standing: Standing | None = None) -> Interval | None:
    """From the start of the first window to the end of the last; None where there is none."""
    windows = [judgement.window for judgement in store.judgements(key, EARLIEST, LATEST)]
    windows += [judgement.window for judgement in standing.judgements] if standing is not None else []
    if not windows:
        return None
    return Interval(min(window.start for window in windows), max(window.end for window in windows))


def gather(
    store: Store,
    key: str,
    agreement: Agreement,
    period: Interval,
    goals: Sequence[str] = (),
    standing: Standing | None = None,
    *,
    claims_at: int,
) -> ReportData:
    """Everything about a period. ``goals`` narrows verdicts, entries and notices to these goals.

    With ``standing``, windows that are still open are shown as they stand then; otherwise as the daemon last noted
    them, which it does only when a verdict changes.
    """
    # A goal that only a version beside it has is one of the period all the same.
    others = [one.plan for one in reversed(beside(store, key)) if one.version != agreement.version]
    plan = with_others(agreement.plan, others)
    judged = dict(_each(store.judgements(key, period.start - 1, period.end)))
    for which, one in _each(standing.judgements if standing is not None else ()):
        if which not in judged or not judged[which].final:
            judged[which] = one
    corrected = {(one.goal, one.labels, one.window): (at, one) for at, one in store.corrections(key)}
    judged.update({(window, 0): one for window, (_, one) in corrected.items() if (window, 0) in judged})
    stored = sorted(judged.values(), key=lambda one: (one.window.end, one.window.start))
    found: dict[tuple[str, Labels], list[Judgement]] = {}
    for judgement in stored:
        if not goals or judgement.goal in goals:
            found.setdefault((judgement.goal, judgement.labels), []).append(judgement)
    reports = []
    for goal in plan.goals:
        for name, labels in sorted(found):
            if name == goal.name:
                judgements = _of_period(goal, found[name, labels], period)
                if judgements:
                    reports.append(GoalReport(goal=goal, labels=labels, judgements=judgements))
    entries = tuple(
        entry
        for _, entry in store.entries(key, period.start, period.end)
        if not goals or entry.cause in goals
    )
    claims = Claims(store.claim_events())
    return ReportData(
        plan=plan,
        period=period,
        goals=tuple(reports),
        entries=entries,
        owed=balances(claims.counted(entries, claims_at)),
        claims=claims,
        claims_at=claims_at,
        notices=_notices(store, key, plan, period, goals),
        asked_at=None if standing is None else standing.at,
        chain=store.chain_end(key),
        corrected={window: at for window, (at, _) in corrected.items()},
    )


def _each(judgements: Iterable[Judgement]) -> Iterator[tuple[tuple[WindowKey, int], Judgement]]:
    """Judgements by window; of one that two versions have judged parts of (rule M70) one for each, in their order."""
    counts: Counter[WindowKey] = Counter()
    for one in judgements:
        window = (one.goal, one.labels, one.window)
        yield (window, counts[window]), one
        counts[window] += 1


def latest_standing(store: Store, key: str, agreement: Agreement) -> Standing | None:
    """How open windows stand by everything that is stored: the engine's state as it was last noted, and what was
    observed since. None where there is no such state, or it was noted under another text or program."""
    from wsla.daemon.agreements import state_version
    from wsla.daemon.reigns import latest
    from wsla.daemon.versions import standing_beside
    from wsla.engine import Engine

    snapshot = store.latest_snapshot(key)
    if snapshot is None:
        return None
    state, at, content = snapshot
    reigns = latest(store.agreement_history(key))
    if len(reigns) > 1:
        found = standing_beside(reigns, snapshot, store.observations_after_snapshot(key))
        return None if found is None else Standing(at=found[0], judgements=found[1])
    known = {source.name for source in agreement.plan.sources}
    try:
        if state != state_version(agreement, content["start"]):
            return None
        engine = Engine.restore(agreement.plan, content)
        for observation in store.observations_after_snapshot(key):
            if observation.source in known:
                engine.observe(observation)
                at = max(at, observation.at + 1)
        return Standing(at=at, judgements=engine.judgements(at))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, AssertionError):
        return None


def _of_period(goal: Goal, judgements: list[Judgement], period: Interval) -> tuple[Judgement, ...]:
    ended = tuple(one for one in judgements if period.start < one.window.end <= period.end)
    if ended or isinstance(goal.window, RollingWindow):
        return ended
    return tuple(one for one in judgements if one.window.start < period.end and one.window.end > period.start)


def _notices(
    store: Store, key: str, plan: Plan, period: Interval, goals: Sequence[str]
) -> tuple[NoticeReport, ...]:
    waiting = {
        (item.intent.id, str(item.target)): ("pending", item.last_error)
        for item in store.due_deliveries(LATEST, -1)
        if item.agreement == key
    }
    given_up = {
        (item.intent.id, str(item.target)): ("dead", item.last_error)
        for item in store.dead_letters()
        if item.agreement == key
    }
    held = {which: (state, None) for which, state in store.withheld().items()}
    known: dict[tuple[str, str], tuple[str, str | None]] = {**waiting, **given_up, **held}
    notices = []
    # What follows from a window is due when the window's grace has passed.
    for _, intent in store.intents(key, period.start, period.end + plan.grace + 1):
        belongs_to = intent.window.end if intent.window is not None else intent.at
        if not period.start < belongs_to <= period.end or (goals and intent.cause not in goals):
            continue
        states = []
        for target in intent.targets:
            sent = ("held back", None) if intent.held else ("delivered", None)
            state, error = known.get((intent.id, str(target)), sent)
            states.append((str(target), state, error))
        notices.append(NoticeReport(intent=intent, states=tuple(states)))
    return tuple(notices)


def _corrected_value(report: ReportData, judgement: Judgement, zone: ZoneInfo) -> dict[str, str]:
    at = report.corrected_at(judgement)
    return {} if at is None else {"corrected_at": format_instant(at, zone)}


def report_value(report: ReportData) -> dict[str, Any]:
    """A report for machines; numbers exact as texts, lengths in nanoseconds."""
    plan = report.plan
    zone = find_zone(plan.zone)
    return {
        "agreement": plan.title,
        "version": plan.version,
        "zone": plan.zone,
        "chain": None if report.chain is None else {"links": report.chain[0], "digest": report.chain[1]},
        "start": format_instant(report.period.start, zone),
        "end": format_instant(report.period.end, zone),
        "goals": [
            {
                "goal": one.goal.name,
                "labels": dict(one.labels),
                "obliged": one.goal.party,
                "promised": one.goal.text,
                "windows": [
                    judgement_value(plan, judgement) | _corrected_value(report, judgement, zone)
                    for judgement in one.judgements
                ],
            }
            for one in report.goals
        ],
        "entries": [
            claimed_value(entry, report.claims, report.claims_at, plan.zone) for entry in report.entries
        ],
        "claims": sums_value(sums_by_state(report.entries, report.claims, report.claims_at)),
        "owed": [balance_value(balance) for balance in report.owed],
        "notices": {state: report.count(state) for state in STATES}
        | {
            "list": [
                {
                    "id": notice.intent.id,
                    "verb": notice.intent.verb,
                    "at": format_instant(notice.intent.at, zone),
                    "cause": notice.intent.cause,
                    "subject": notice.intent.subject,
                    "targets": [
                        {"target": target, "state": state, "error": error}
                        for target, state, error in notice.states
                    ],
                }
                for notice in report.notices
            ]
        },
    }
