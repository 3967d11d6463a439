"""The pages for people, drawn here and readable without JavaScript."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Final

from attrs import frozen
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from wsla.analysis.types import NumberType
from wsla.daemon.status import Status
from wsla.evaluation.verdicts import CLOSED_VERDICTS, Judgement, Verdict
from wsla.plan.model import Plan
from wsla.remedies.claims import Claims
from wsla.remedies.ledger import balances
from wsla.reporting.money import entry_row
from wsla.reporting.verdicts import find_goal, judgement_row, window_name
from wsla.store.sqlite import Store
from wsla.values.calendars import CalendarUnit, CalendarWindow, find_zone, window_containing
from wsla.values.instants import DAY, Interval, format_instant, format_length
from wsla.values.money import format_money
from wsla.values.quantities import TIME
from wsla.web.view import Seen

_TEMPLATES: Final = Path(__file__).parent / "templates"
_ORDER: Final = (
    Verdict.LOST,
    Verdict.VIOLATED,
    Verdict.AT_RISK,
    Verdict.UNKNOWN,
    Verdict.ON_TRACK,
    Verdict.SECURED,
    Verdict.MET,
    Verdict.NOT_APPLICABLE,
)
_TONES: Final = {
    Verdict.LOST: "bad",
    Verdict.VIOLATED: "bad",
    Verdict.AT_RISK: "warn",
    Verdict.UNKNOWN: "warn",
    Verdict.ON_TRACK: "good",
    Verdict.SECURED: "good",
    Verdict.MET: "good",
    Verdict.NOT_APPLICABLE: "none",
}
_MOST_ROWS: Final = 200
_HISTORY: Final = 35 * DAY
_LATEST_NOTICES: Final = 20


@frozen(kw_only=True)
class Row:
    """A goal in a window, as it is shown. ``left`` is the share of the budget that is left, in percent from 0 to 100,
    None where there is no budget."""

    cells: dict[str, str]
    tone: str
    left: int | None


@frozen(kw_only=True)
class Card:
    """An agreement in the overview."""

    seen: Seen
    tone: str
    rows: tuple[Row, ...]
    more: int
    open_breaches: int
    owed: tuple[str, ...]


def overview(
    store: Store, agreements: Iterable[Seen], now: int, status: Status | None, answered_by: str = ""
) -> str:
    """Every agreement with its goals; ``status`` is the daemon's own, where whoever asks may see it. ``answered_by``
    says where that is from, if not from the daemon that judges."""
    claims = Claims(store.claim_events())
    cards = [_card(store, seen, claims, now) for seen in agreements]
    cards.sort(key=lambda card: (("bad", "warn", "good", "none").index(card.tone), card.seen.title))
    return _template("overview.html").render(
        cards=cards, status=status, asked_at=_instant(now, "UTC"), answered_by=answered_by
    )


def agreement(store: Store, seen: Seen, now: int, answered_by: str = "") -> str:
    """One agreement: open windows, verdicts of the latest weeks, what is owed, what was said, its text."""
    plan = seen.plan
    claims = Claims(store.claim_events())
    since = now - _HISTORY
    said = {(one.goal, one.labels, one.window): one for _, one in store.corrections(seen.title)}
    known = {goal.name for goal in plan.goals}
    closed = [
        said.get((one.goal, one.labels, one.window), one)
        for one in store.judgements(seen.title, since, now, final_only=True)
        if one.goal in known
    ]
    entries = [entry for _, entry in store.entries(seen.title, since, now)]
    notices = [intent for _, intent in store.intents(seen.title, since, now + 1)][-_LATEST_NOTICES:]
    return _template("agreement.html").render(
        card=_card(store, seen, claims, now),
        open=_rows(plan, seen.open_windows),
        history=_rows(plan, reversed(closed[-_MOST_ROWS:])),
        entries=[entry_row(plan, entry) for entry in reversed(entries)],
        notices=[
            (_instant(one.at, plan.zone), f"{one.verb} (held back)" if one.held else one.verb, one.subject)
            for one in reversed(notices)
        ],
        asked_at=_instant(seen.asked_at, plan.zone),
        answered_by=answered_by,
    )


def acknowledge(agreement: str, subject: str, suggested: str, noted: tuple[str, int] | None) -> str:
    """The form that acknowledges an episode, with a name to begin with; or by whom and when that was done."""
    by, at = (None, "") if noted is None else (noted[0], _instant(noted[1], "UTC"))
    return _template("acknowledge.html").render(
        agreement=agreement, subject=subject, suggested=suggested, by=by, at=at
    )


@cache
def style() -> str:
    """The style sheet."""
    return (_TEMPLATES / "style.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _template(name: str) -> Template:
    return _environment().get_template(name)


def _card(store: Store, seen: Seen, claims: Claims, now: int) -> Card:
    rows = _rows(seen.plan, seen.open_windows)
    tones = {row.tone for row in rows} | ({"bad"} if seen.failed is not None else set())
    month = _month(seen.plan, now)
    entries = [entry for _, entry in store.entries(seen.title, month.start, month.end)]
    owed = balances(claims.counted(entries, now))
    titles = {party.name: party.title for party in seen.plan.parties}
    return Card(
        seen=seen,
        tone=next((tone for tone in ("bad", "warn", "good") if tone in tones), "none"),
        rows=rows[:_MOST_ROWS],
        more=max(len(rows) - _MOST_ROWS, 0),
        open_breaches=sum(row.tone == "bad" for row in rows),
        owed=tuple(
            f"{titles.get(one.debtor, one.debtor)} owes {titles.get(one.creditor, one.creditor)} "
            f"{format_money(one.amount, one.currency)}"
            for one in owed
        ),
    )


def rounded_length(nanoseconds: int) -> str:
    """A length with four digits that count, for people: ``18.01ms``, ``-3.386s``, ``2h 5m``."""
    size = abs(nanoseconds)
    for unit, word in ((1_000, "µs"), (1_000_000, "ms"), (1_000_000_000, "s")):
        if unit <= size < 1_000 * unit and (unit < 1_000_000_000 or size < 60 * unit):
            places = 4 - len(str(size // unit))
            step = unit // 10**places
            whole, rest = divmod((size + step // 2) // step, 10**places)
            tail = f".{rest:0{places}d}".rstrip("0").rstrip(".")
            return f"{'-' if nanoseconds < 0 else ''}{whole}{tail}{word}"
    seconds = 1_000_000_000
    return format_length(
        (nanoseconds + seconds // 2) // seconds * seconds if size >= seconds else nanoseconds
    )


def _cells(plan: Plan, judgement: Judgement) -> dict[str, str]:
    cells = judgement_row(plan, judgement)
    goal = find_goal(plan, judgement.goal)
    kind = plan.operations[goal.value].type
    if (
        isinstance(kind, NumberType)
        and kind.dimension == TIME
        and isinstance(judgement.value, int | Fraction)
    ):
        cells["measured"] = rounded_length(round(judgement.value))
    if goal.budget is not None and goal.budget.time and judgement.budget_left is not None:
        cells["budget left"] = rounded_length(round(judgement.budget_left))
    if ".." in cells["window"]:
        cells["window"] = window_name(judgement.window, plan.zone)
    return cells


def _rows(plan: Plan, judgements: Iterable[Judgement]) -> tuple[Row, ...]:
    found = list(judgements)
    if any(one.verdict not in CLOSED_VERDICTS for one in found):
        found.sort(key=lambda one: (_ORDER.index(one.verdict), one.goal, one.labels, one.window.start))
    return tuple(Row(cells=_cells(plan, one), tone=_TONES[one.verdict], left=_left(one)) for one in found)


def _left(judgement: Judgement) -> int | None:
    if not judgement.budget or judgement.budget_left is None:
        return None
    return min(100, max(0, int(100 * judgement.budget_left / judgement.budget)))


def _month(plan: Plan, now: int) -> Interval:
    return window_containing(CalendarWindow(unit=CalendarUnit.MONTH, zone=plan.zone), now)


def _instant(at: int, zone: str) -> str:
    return format_instant(at // 1_000_000_000 * 1_000_000_000, find_zone(zone))
