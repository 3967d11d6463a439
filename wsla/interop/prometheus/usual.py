"""Burn rates by which goals are usually watched, for those whose own windows Prometheus cannot look back on.

They are those of the Site Reliability Workbook, chapter 5: somebody is called when a fiftieth of the budget is gone
in an hour or a twentieth in six, and a ticket is written when a tenth is gone in three days. A twelfth of each length
has to burn as fast, so that an alert ends soon after its cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final

from attrs import frozen

from wsla.analysis import operations as op
from wsla.analysis.check import check_text
from wsla.analysis.checked import CheckedAgreement, Goal, Rule
from wsla.diagnostics.diagnostic import has_errors
from wsla.diagnostics.source import SourceText
from wsla.interop.prometheus.promql import duration
from wsla.syntax import surface
from wsla.syntax.parse import parse
from wsla.values.calendars import CalendarUnit, CalendarWindow
from wsla.values.instants import DAY, HOUR, MINUTE


@frozen(kw_only=True)
class Rate:
    """``share`` of a budget spent within ``within`` nanoseconds; ``lately`` is the short window beside it."""

    share: Fraction
    within: int
    lately: int
    severity: str
    name: str


RATES: Final = (
    Rate(share=Fraction(1, 50), within=HOUR, lately=5 * MINUTE, severity="page", name="1h"),
    Rate(share=Fraction(1, 20), within=6 * HOUR, lately=30 * MINUTE, severity="page", name="6h"),
    Rate(share=Fraction(1, 10), within=3 * DAY, lately=6 * HOUR, severity="ticket", name="3d"),
)
_LENGTHS: Final[Mapping[CalendarUnit, int]] = {
    CalendarUnit.WEEK: 7 * DAY,
    CalendarUnit.MONTH: 30 * DAY,
    CalendarUnit.QUARTER: 90 * DAY,
    CalendarUnit.YEAR: 365 * DAY,
}
"""How long windows of the calendar count here; nothing is judged by it."""


@frozen(kw_only=True)
class Watched:
    """An agreement with usual rules beside its own: ``rates`` by the names of those rules."""

    agreement: CheckedAgreement
    rates: Mapping[str, tuple[Goal, Rate]]


def watched(agreement: CheckedAgreement, source: SourceText, goals: Iterable[Goal]) -> Watched:
    """The agreement with the usual rules for some of its goals, as far as these have a budget that can burn so fast."""
    wanted = [
        (goal, rate, text)
        for goal in goals
        for rate in RATES
        if (text := _rule(agreement, goal, rate)) is not None
    ]
    found = _with_rules(agreement, source, [text for *_, text in wanted])
    if found is None:
        wanted = [one for one in wanted if _with_rules(agreement, source, [one[2]]) is not None]
        found = _with_rules(agreement, source, [text for *_, text in wanted])
    if found is None:
        return Watched(agreement=agreement, rates={})
    added = found.rules[len(agreement.rules) :]
    return Watched(
        agreement=found,
        rates={rule.name: (goal, rate) for rule, (goal, rate, _) in zip(added, wanted, strict=True)},
    )


def burns(rule: Rule, goal: Goal) -> bool:
    """True where a rule of the agreement's own is about the budget of a goal."""
    return f"burn({goal.name})" in rule.text


def _rule(agreement: CheckedAgreement, goal: Goal, rate: Rate) -> str | None:
    window, target = goal.window, _target(agreement, goal)
    if not isinstance(window, CalendarWindow) or target is None:
        return None
    length = _LENGTHS.get(window.unit, 0) * window.count
    fast = rate.share * length / rate.within
    # Less than one is no haste, and nothing burns faster than if everything is bad.
    if not 1 <= fast < 1 / (1 - target):
        return None
    over = " and ".join(
        f"burn({goal.name}) over last {duration(within)} > {_decimal(fast)}"
        for within in (rate.within, rate.lately)
    )
    return f"  when {over} {{ notify {goal.party} }}\n"


def _target(agreement: CheckedAgreement, goal: Goal) -> Fraction | None:
    """The share that a goal promises, where it promises one below all of it."""
    condition = agreement.operations[goal.condition]
    if isinstance(condition, op.Compare) and condition.operator in (">=", ">"):
        promised = agreement.operations[condition.right]
        if isinstance(promised, op.Constant) and isinstance(promised.value, int | Fraction):
            share = Fraction(promised.value)
            return share if 0 < share < 1 else None
    return None


def _decimal(number: Fraction) -> str:
    """With two places at most, rounded down: an alert never comes later for it."""
    hundredths = int(number * 100)
    return f"{hundredths // 100}.{hundredths % 100:02}".rstrip("0").rstrip(".")


def _with_rules(
    agreement: CheckedAgreement, source: SourceText, texts: Sequence[str]
) -> CheckedAgreement | None:
    """The agreement with some more rules at its end; None where they cannot be added."""
    document, _ = parse(source)
    for one in document.items:
        if texts and isinstance(one, surface.Agreement) and one.title.value == agreement.title:
            end = source.text.rindex("}", 0, one.span.end)
            longer = SourceText(
                name=source.name, text=f"{source.text[:end]}\n{''.join(texts)}{source.text[end:]}"
            )
            agreements, problems = check_text(longer)
            checked = [each for each in agreements if each.title == agreement.title]
            added = len(agreement.rules) + len(texts)
            if not has_errors(problems) and len(checked) == 1 and len(checked[0].rules) == added:
                return checked[0]
    return None
