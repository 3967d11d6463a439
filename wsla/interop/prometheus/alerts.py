"""Alerting rules: one for each goal that can be violated, and for each rule of the agreement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from attrs import evolve, frozen

from wsla.analysis.checked import Action, CheckedAgreement, Goal, Notify, Party, Rule
from wsla.interop.prometheus.conditions import Condition, comparisons, terms_of
from wsla.interop.prometheus.promql import camel, label_value
from wsla.interop.prometheus.terms import Term
from wsla.interop.prometheus.usual import Rate

_URGENT_CHANNELS: Final = frozenset({"pagerduty", "opsgenie", "sms"})
_URGENT_VERBS: Final = frozenset({"call", "escalate"})
_BURNT: Final = re.compile(r"\bburn\((\w+)\)")


@frozen(kw_only=True)
class Alert:
    """An alerting rule. Labels and annotations are as they are meant; Prometheus reads braces in them as templates."""

    name: str
    condition: Condition
    holding_for: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def terms(self) -> tuple[Term, ...]:
        """The series that it rests on."""
        return terms_of(self.condition)

    @property
    def every(self) -> int:
        """How often it is looked at, in nanoseconds: as often as the source that is looked at most often."""
        return min(term.every for term in self.terms)

    @property
    def by(self) -> tuple[str, ...]:
        """The labels that tell its instances apart."""
        return self.terms[0].labels

    @property
    def timeless(self) -> bool:
        """True where every comparison is of windows of one length, so that they need not be full."""
        return all(
            None not in one.sum and len({term.most for term in one.terms}) <= 1
            for one in comparisons(self.condition)
        )


def of_goal(agreement: CheckedAgreement, goal: Goal, condition: Condition) -> Alert:
    """The alert that fires while a goal is violated."""
    told = list(_told(goal.otherwise))
    return Alert(
        name=f"{camel(agreement.title)}{camel(goal.name)}Violated",
        condition=condition,
        holding_for=0,
        labels={
            "agreement": label_value(agreement.title),
            "goal": goal.name,
            "party": goal.party,
            "severity": _severity(agreement.parties, told),
        },
        annotations={
            "summary": f"{goal.name} of {agreement.title} is violated",
            "promise": " ".join(goal.text.split()),
            **_names(told),
        },
    )


def of_rule(agreement: CheckedAgreement, rule: Rule, condition: Condition) -> Alert:
    """The alert that fires while the trigger of a rule is true."""
    told = list(_told([*rule.actions, *(one for step in rule.steps for one in step.actions)]))
    burnt = set(_BURNT.findall(rule.text))
    goal = next((one for one in agreement.goals if burnt == {one.name}), None)
    own = f"{camel(goal.name)}Burn{camel(rule.name).removeprefix('When')}" if goal else camel(rule.name)
    about = f"the budget of {goal.name} is spent too fast" if goal else "a condition holds"
    message = next((one.message for one in told if one.message), None)
    return Alert(
        name=f"{camel(agreement.title)}{own}",
        condition=condition,
        holding_for=rule.holding_for,
        labels={
            "agreement": label_value(agreement.title),
            **({"goal": goal.name, "party": goal.party} if goal else {}),
            "severity": _severity(agreement.parties, told),
        },
        annotations={
            "summary": message or f"{agreement.title}: {about}",
            "condition": " ".join(rule.text.split()),
            **_names(told),
        },
    )


def of_usual(agreement: CheckedAgreement, rule: Rule, condition: Condition, goal: Goal, rate: Rate) -> Alert:
    """The alert of a usual rule: called by its longer window, and as urgent as is usual."""
    found = of_rule(agreement, rule, condition)
    told = list(_told(goal.otherwise))
    return evolve(
        found,
        name=f"{camel(agreement.title)}{camel(goal.name)}Burn{rate.name}",
        labels={**found.labels, "severity": rate.severity},
        annotations={
            **{key: text for key, text in found.annotations.items() if key != "tells"},
            **_names(told),
        },
    )


def _told(actions: Iterable[Action]) -> Iterator[Notify]:
    return (one for one in actions if isinstance(one, Notify))


def _names(told: Iterable[Notify]) -> dict[str, str]:
    names = ", ".join(dict.fromkeys(str(target) for one in told for target in one.targets))
    return {"tells": names} if names else {}


def _severity(parties: Iterable[Party], told: Iterable[Notify]) -> str:
    """``page`` where somebody is called or told by what wakes people, else ``ticket``."""
    kinds = {(party.name, channel.name): channel.kind for party in parties for channel in party.channels}
    urgent = any(
        one.verb in _URGENT_VERBS
        or any(kinds.get((target.party, target.channel or "")) in _URGENT_CHANNELS for target in one.targets)
        for one in told
    )
    return "page" if urgent else "ticket"
