"""What an expectation of a test says, beside what the corpus of real agreements expects of a worked outcome."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

from attrs import frozen

import wsla
from wsla.analysis.checked import Example, ExpectAction, ExpectCredit, ExpectValue, ExpectVerdict
from wsla.values.calendars import find_zone
from wsla.values.instants import parse_instant

MINUTE = 60 * 1_000_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_BASES = ("charges", "charges_usd", "monthly_fee", "usage_fees", "next_bill", "mrc")


@frozen
class Outcome:
    """One worked outcome of the corpus, and the test that should show it."""

    agreement: wsla.Agreement
    example: Example
    given: Mapping[str, Any]

    def shows(self, key: str, wanted: Any) -> bool:
        """True where an expectation of the test says this; raises KeyError for a key that nobody knows."""
        rule = _RULES.get(key)
        if rule is None:
            rule = next(rule for pattern, rule in _PATTERNS if re.fullmatch(pattern, key))
        return rule(self, key, wanted)

    # --- what the test expects

    def of(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.example.expectations if isinstance(one, kind)]

    def equals(self, value: Fraction | str) -> bool:
        """True where a value is said to be exactly this."""
        return any(one.operator == "==" and one.value == value for one in self.of(ExpectValue))

    def numbers(self) -> Iterable[Fraction]:
        return (
            one.value
            for one in self.of(ExpectValue)
            if one.operator == "==" and isinstance(one.value, Fraction)
        )

    def credited(self, amount: Fraction, *, back: bool = False) -> bool:
        """True where this amount, or for zero nothing at all, is said to be credited, or earned ``back``."""
        credits: list[ExpectCredit] = [one for one in self.of(ExpectCredit) if one.refund is back]
        if amount == 0:
            return any(one.negated and one.amount is None for one in credits)
        return any(not one.negated and one.amount == amount for one in credits)

    def verdict(self, goal: str | None, met: bool) -> bool:
        found = [one.verdict for one in self.of(ExpectVerdict) if goal in (None, one.goal)]
        return bool(found) and all(verdict == ("met" if met else "violated") for verdict in found)

    def acted(self, verb: str, happens: bool) -> bool:
        found: list[ExpectAction] = [one for one in self.of(ExpectAction) if one.verb == verb]
        return bool(found) and all(one.negated is not happens for one in found)


Rule = Callable[[Outcome, str, Any], bool]


def _percentage(outcome: Outcome, key: str, wanted: Any) -> bool:
    """The corpus rounds half-even to six places of a percentage."""
    return any(round(number * 100, 6) == Fraction(wanted) for number in outcome.numbers())


def _exact(outcome: Outcome, key: str, wanted: Any) -> bool:
    return outcome.equals(Fraction(wanted) / 100)


def _credit_share(outcome: Outcome, key: str, wanted: Any) -> bool:
    """A percentage of a base: of what the outcome says, else of a bill of 100, or a measured value."""
    share = Fraction(wanted) / 100
    base = next((Fraction(outcome.given[name]) for name in _BASES if name in outcome.given), Fraction(100))
    return outcome.credited(round(share * base, 2)) or (share > 0 and _percentage(outcome, key, wanted))


def _money(outcome: Outcome, key: str, wanted: Any) -> bool:
    return outcome.credited(Fraction(wanted)) or outcome.equals(Fraction(wanted))


def _length(unit: int) -> Rule:
    return lambda outcome, key, wanted: outcome.equals(Fraction(wanted) * unit)


def _whole_days(outcome: Outcome, key: str, wanted: Any) -> bool:
    bounds = {(one.operator, one.value) for one in outcome.of(ExpectValue)}
    return {(">=", Fraction(wanted) * DAY), ("<", (Fraction(wanted) + 1) * DAY)} <= bounds


def _instant(outcome: Outcome, key: str, wanted: Any) -> bool:
    return outcome.equals(Fraction(parse_instant(wanted, find_zone(outcome.agreement.checked.zone))))


def _claimed(outcome: Outcome, key: str, wanted: Any) -> bool:
    found = [one.negated for one in outcome.of(ExpectCredit) if one.claimed is not None]
    return (False in found) is wanted


def _verdict(outcome: Outcome, key: str, wanted: Any) -> bool:
    goal = None if key == "goal_met" else key.removesuffix("_met")
    return outcome.verdict(goal, wanted)


_RULES: dict[str, Rule] = {
    "uptime_exact": _exact,
    "exceeded_by_pct": _exact,
    "earned_back": lambda outcome, key, wanted: outcome.credited(Fraction(wanted), back=True),
    "credit_days": lambda outcome, key, wanted: outcome.credited(Fraction(wanted)),
    "downtime_minutes": _length(MINUTE),
    "both_down_minutes": _length(MINUTE),
    "days": _length(DAY),
    "compensable_days": _whole_days,
    "is_downtime_minute": lambda outcome, key, wanted: outcome.equals(Fraction(MINUTE if wanted else 0)),
    "issued": lambda outcome, key, wanted: any(one.negated is not wanted for one in outcome.of(ExpectCredit)),
    "claim_in_time": _claimed,
    "claim_valid": lambda outcome, key, wanted: outcome.equals(Fraction(int(wanted))),
    "termination_in_time": lambda outcome, key, wanted: outcome.equals(Fraction(int(wanted))),
    "may_terminate": lambda outcome, key, wanted: outcome.acted("grant", wanted),
    "flagged": lambda outcome, key, wanted: outcome.acted("notify", wanted),
    "root_cause_investigation": lambda outcome, key, wanted: outcome.acted("notify", wanted),
    "priority": lambda outcome, key, wanted: outcome.equals(wanted),
    "goal": lambda outcome, key, wanted: outcome.equals(Fraction(wanted)),
    "expected_to_date": lambda outcome, key, wanted: outcome.equals(Fraction(wanted)),
    "answered_in_time": lambda outcome, key, wanted: outcome.equals(Fraction(wanted)),
    "of": lambda outcome, key, wanted: outcome.equals(Fraction(wanted)),
}
_PATTERNS: list[tuple[str, Rule]] = [
    (r"credit_pct(_mrc)?", _credit_share),
    (r"(.*_)?pct", _percentage),
    (r"downtime_minutes_\w+", _length(MINUTE)),
    (r"(credit|penalty)_(money|usd|gbp)", _money),
    (r"\w+_(by|due)", _instant),
    (r"\w+_met", _verdict),
]
