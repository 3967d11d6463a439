"""A report for people: within 80 columns, goal by goal, then money and notices."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TextIO

from wsla.cli import show
from wsla.cli.claims import STYLES
from wsla.cli.files import plural
from wsla.cli.ledger import balances_text, party_titles, sums_text
from wsla.cli.paint import Paint
from wsla.evaluation.verdicts import Judgement, Verdict
from wsla.plan.model import Plan
from wsla.reporting.money import sums_by_state
from wsla.reporting.period import GoalReport, NoticeReport, ReportData
from wsla.reporting.verdicts import find_goal, judgement_row, labels_text, window_name
from wsla.values.calendars import find_zone
from wsla.values.instants import MILLISECOND, MINUTE, SECOND, format_instant, format_length
from wsla.values.money import format_money

WIDTH = 80
_MOST_ROWS = 12
_GOOD = frozenset({Verdict.MET, Verdict.SECURED, Verdict.ON_TRACK, Verdict.NOT_APPLICABLE})
_BAR = 40
_HELD = ("dropped", "acknowledged", "silenced", "held back")


def print_report(report: ReportData, name: str | None, stream: TextIO | None = None) -> None:
    """Prints a report; ``name`` is that of the period, None for everything there is."""
    paint = Paint(stream or sys.stdout)
    plan = report.plan
    heading = f"{plan.title}, version {plan.version}: {name or window_name(report.period, plan.zone)}"
    paint.line(paint.text(heading, bold=True))
    about = f"times in {plan.zone}"
    if report.asked_at is not None and any(not one.final for goal in report.goals for one in goal.judgements):
        shown = report.asked_at // SECOND * SECOND
        about += f"; open windows as of {format_instant(shown, find_zone(plan.zone))}"
    paint.line(paint.faint(about))
    for one in report.goals:
        paint.line()
        _print_goal(paint, report, one)
    if any(len(one.judgements) > 1 for one in report.goals):
        paint.line(f"\n{paint.faint('a cell a window:')} {paint.legend()}")
    paint.line()
    _print_money(paint, report)
    _print_notices(paint, report)


def _print_goal(paint: Paint, report: ReportData, one: GoalReport) -> None:
    plan = report.plan
    labels = labels_text(one.labels)
    title = one.goal.name + (f" ({labels})" if labels else "")
    promise = f"{title}: {party_titles(plan)[one.goal.party]} promised {' '.join(one.goal.text.split())}"
    for line in textwrap.wrap(promise, WIDTH, subsequent_indent="    "):
        paint.line(paint.text(line, bold=True))
    counts = Counter(judgement.verdict for judgement in one.judgements)
    if len(one.judgements) > 1:
        paint.line(f"  {paint.timeline([judgement.verdict for judgement in one.judgements])}")
        parts = [
            paint.text(f"{count} {verdict.value}", show.STYLES.get(verdict))
            for verdict, count in counts.items()
        ]
        paint.line(f"  {plural(len(one.judgements), 'window')}: {', '.join(parts)}")
    elif one.judgements[0].budget:
        paint.line(f"  {_budget_bar(paint, one.judgements[0])}")
    shown: Sequence[Judgement] = one.judgements
    left_out = ""
    if len(shown) > _MOST_ROWS:
        not_good = [judgement for judgement in shown if judgement.verdict not in _GOOD]
        shown = not_good[-_MOST_ROWS:]
        if len(shown) < len(not_good):
            left_out = f"and {len(not_good) - len(shown)} earlier ones that were not met"
    _print_rows(paint, report, shown)
    if left_out:
        paint.line(paint.faint(f"  {left_out}; --format json shows all"))


def _print_rows(paint: Paint, report: ReportData, judgements: Iterable[Judgement]) -> None:
    plan = report.plan
    rows = []
    styles = []
    for judgement in judgements:
        row = judgement_row(plan, judgement)
        waits = report.awaits_final(judgement)
        verdict = f"{row['verdict']} (not final)" if waits else row["verdict"]
        if report.corrected_at(judgement) is not None:
            verdict += " (corrected)"
        rows.append(
            {
                "window": window_name(judgement.window, plan.zone),
                "verdict": verdict,
                "measured": row["measured"],
                "known": row["known"],
                "budget left": _budget_left(plan, judgement) or row["budget left"],
            }
        )
        styles.append(show.STYLES.get(judgement.verdict))
    if not rows:
        return
    columns = [name for name in rows[0] if any(row[name] for row in rows)]
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns}
    right = {"measured", "known", "budget left"}

    def aligned(name: str, text: str) -> str:
        return text.rjust(widths[name]) if name in right else text.ljust(widths[name])

    paint.line("  " + paint.faint("  ".join(aligned(name, name) for name in columns).rstrip()))
    for row, style in zip(rows, styles, strict=True):
        cells = [
            paint.text(aligned(name, row[name]), style if name == "verdict" else None) for name in columns
        ]
        paint.line(("  " + "  ".join(cells)).rstrip())


def _budget_left(plan: Plan, judgement: Judgement) -> str:
    """Time that is left, as exact as one reads it; empty for other budgets."""
    goal = find_goal(plan, judgement.goal)
    if judgement.budget_left is None or goal.budget is None or not goal.budget.time:
        return ""
    step = SECOND if abs(judgement.budget_left) >= MINUTE else MILLISECOND
    return format_length(round(judgement.budget_left / step) * step)


def _budget_bar(paint: Paint, judgement: Judgement) -> str:
    assert judgement.budget is not None
    left = max(judgement.budget_left or Fraction(0), Fraction(0)) / judgement.budget
    cells = round(left * _BAR)
    full, empty = ("█", "░") if paint.blocks else ("#", ".")
    percent = f"{int(left * 100)} % of the budget left"
    bar = paint.text(full * cells, "green" if left > Fraction(1, 4) else "yellow") + paint.faint(
        empty * (_BAR - cells)
    )
    return f"{bar} {percent}"


def _print_money(paint: Paint, report: ReportData) -> None:
    titles = party_titles(report.plan)
    sums: dict[tuple[str, str, str, str], Decimal] = {}
    for entry in report.entries:
        key = (entry.kind, entry.debtor, entry.creditor, entry.currency)
        sums[key] = sums.get(key, Decimal(0)) + entry.amount
    if not sums:
        paint.line(f"{paint.text('Money', bold=True)}    nothing was booked")
        return
    paint.line(paint.text("Money", bold=True))
    for (kind, debtor, creditor, currency), amount in sums.items():
        count = sum(
            (entry.kind, entry.debtor, entry.creditor, entry.currency) == (kind, debtor, creditor, currency)
            for entry in report.entries
        )
        from_, to = titles.get(debtor, debtor), titles.get(creditor, creditor)
        words = {
            "credit": "credits",
            "reward": "rewards",
            "cap": "taken back above the cap",
            "refund": "earned back",
        }[kind]
        paint.line(f"  {from_} to {to}: {format_money(amount, currency)} {words} ({count})")
    by_state = sums_by_state(report.entries, report.claims, report.claims_at)
    for state, found in by_state.items():
        paint.line(f"  {paint.text(state.value, STYLES.get(state))}: {sums_text(found, titles)}")
    paint.line(f"  on balance {paint.text(balances_text(report.owed, titles), 'yellow')}")


def _print_notices(paint: Paint, report: ReportData) -> None:
    delivered, pending, dead = (report.count(state) for state in ("delivered", "pending", "dead"))
    title = paint.text("Notices", bold=True)
    if not report.notices:
        paint.line(f"{title}  none were due")
        return
    parts = [paint.text(f"{delivered} delivered", "green")]
    parts.append(paint.text(f"{pending} pending", "yellow" if pending else None))
    parts.append(paint.text(f"{dead} given up", "red" if dead else None))
    parts += [f"{number} {state}" for state in _HELD if (number := report.count(state))]
    paint.line(f"{title}  {', '.join(parts)}")
    for notice in report.notices:
        _print_notice(paint, notice)


def _print_notice(paint: Paint, notice: NoticeReport) -> None:
    for target, state, error in notice.states:
        if state == "delivered" or state in _HELD:
            continue
        said = "given up" if state == "dead" else "pending"
        reason = f": {error}" if error else ""
        line = f"  {said}: {notice.intent.verb} {target}, {notice.intent.subject}{reason}"
        for part in textwrap.wrap(line, WIDTH, subsequent_indent="    "):
            paint.line(paint.text(part, "red" if state == "dead" else "yellow"))
