"""Rules that watch the budget of a goal, as alert policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from attrs import define, field, frozen

from wsla.diagnostics.source import Span
from wsla.interop.openslo.kept import merged
from wsla.interop.openslo.matching import Unsaid
from wsla.interop.openslo.remembered import Remembered, part, text_at
from wsla.interop.openslo.schema import OPERATORS
from wsla.interop.openslo.spans import duration, minutes_of
from wsla.syntax import surface

_WORDS: Final = {sign: word for word, sign in OPERATORS.items()}
_DEFAULT_SEVERITY: Final = "page"
_KEPT: Final = ("description", "alertWhenNoData")


@frozen(kw_only=True)
class _Watch:
    """A rule that was read: whose budget it watches, the condition, whom it tells when, and where it stands."""

    goal: str
    condition: dict[str, Any]
    targets: tuple[surface.Target, ...]
    message: str
    breaching: bool
    resolved: bool
    kept: dict[str, Any]
    span: Span


@define(kw_only=True)
class Policies:
    """The policies of an export. ``channels`` are the names of notification targets by party and channel."""

    remembered: Remembered
    before: Mapping[int, int]
    say: Callable[[str, Span], None]
    channels: dict[tuple[str, str], str] = field(factory=dict)
    _rules: list[_Watch] = field(factory=list)
    _told: set[int] = field(factory=set)
    _made: list[tuple[dict[str, Any], _Watch]] = field(factory=list)

    def read(self, rule: surface.Rule) -> None:
        """Reads a rule; tells of one that is no policy."""
        try:
            self._rules.append(self._watch(rule))
        except Unsaid as unsaid:
            self.say(unsaid.what, unsaid.span)

    def of_goal(self, goal: str) -> list[str]:
        """The names of the policies of a goal."""
        named: list[str] = []
        for number, one in enumerate(self._rules):
            if one.goal != goal:
                continue
            self._told.add(number)
            name = text_at(one.kept, "metadata", "name") or f"{goal.replace('_', '-')}-alert"
            taken = {made["metadata"]["name"] for made, _ in self._made}
            stem, count = name, 1
            while name in taken:
                count += 1
                name = f"{stem}-{count}"
            named.append(name)
            self._made.append((self._policy(name, one), one))
        return named

    def objects(self) -> list[dict[str, Any]]:
        """The policies, once the channels have their names."""
        for made, one in self._made:
            told = [{"targetRef": self._name(target)} for target in one.targets]
            made["spec"]["notificationTargets"] = told
        return [made for made, _ in self._made]

    def rest(self) -> None:
        """Tells of the rules whose goals were not written."""
        for number, one in enumerate(self._rules):
            if number not in self._told:
                self.say("a rule about a goal that is not written", one.span)

    def _name(self, target: surface.Target) -> str:
        own = (target.channel or target.party).text
        return self.channels.get((target.party.text, own), own.replace("_", "-"))

    def _policy(self, name: str, one: _Watch) -> dict[str, Any]:
        kept = part(one.kept, "condition")
        spec: dict[str, Any] = {"description": one.message} if one.message else {}
        severity = text_at(kept, "spec", "severity") or _DEFAULT_SEVERITY
        spec |= {"severity": severity, "condition": one.condition}
        metadata = merged({"name": f"{name}-condition"}, part(kept, "metadata"))
        about = {
            key: value
            for key, value in part(one.kept, "spec").items()
            if key in ("description", "alertWhenNoData")
        }
        return {
            "apiVersion": "openslo/v1",
            "kind": "AlertPolicy",
            "metadata": merged(part(one.kept, "metadata"), {"name": name}),
            "spec": {
                **about,
                "alertWhenBreaching": one.breaching,
                "alertWhenResolved": one.resolved,
                "conditions": [{"kind": "AlertCondition", "metadata": metadata, "spec": spec}],
            },
        }

    def _watch(self, rule: surface.Rule) -> _Watch:
        goal, condition = _condition(rule)
        if rule.often is not None:
            raise Unsaid("how often a rule may tell", rule.often.span)
        at_once: list[surface.Tell] = []
        recovery: list[surface.Tell] = []
        for item in rule.items:
            match item:
                case surface.AtOnce(action=surface.Tell() as tell):
                    at_once.append(tell)
                case surface.Recovery(actions=actions):
                    for action in actions:
                        if not isinstance(action, surface.Tell):
                            raise Unsaid("credits and rights", action.span)
                        recovery.append(action)
                case _:
                    raise Unsaid("what follows later, again, or in money from a rule", item.span)
        tells = [*at_once, *recovery]
        first = tells[0]
        same = all(
            (one.verb.text, one.targets, one.message) == (first.verb.text, first.targets, first.message)
            for one in tells
        )
        if len(at_once) > 1 or len(recovery) > 1 or not same or first.verb.text != "notify":
            raise Unsaid("a rule that does more than notify", rule.span)
        if any(one.channel is None for one in first.targets):
            raise Unsaid("a party that is told without a channel", first.span)
        start = rule.span.start
        return _Watch(
            goal=goal,
            condition=condition,
            targets=first.targets,
            message=first.message.value if first.message is not None else "",
            breaching=bool(at_once),
            resolved=bool(recovery),
            kept=self.remembered.above("AlertPolicy", start, self.before.get(start, 0)),
            span=rule.span,
        )


def _condition(rule: surface.Rule) -> tuple[str, dict[str, Any]]:
    """(the goal, the condition) of a rule about a budget that is spent too fast."""
    match rule.condition:
        case surface.Binary(
            operator=operator,
            left=surface.Windowed(
                operand=surface.Call(arguments=(surface.Reference() as goal,)) as call,
                modifiers=(surface.RollingWindow(length=length, every=None),),
            ),
            right=surface.Quantity(text=threshold),
        ) if operator in _WORDS and call.function.text == "burn":
            made: dict[str, Any] = {
                "kind": "burnrate",
                "op": _WORDS[operator],
                "threshold": Decimal(threshold),
                "lookbackWindow": duration(minutes_of(length)),
            }
            if rule.holding_for is not None:
                made["alertAfter"] = duration(minutes_of(rule.holding_for))
            return goal.text, made
    raise Unsaid("a rule that is not about how fast a budget is spent", rule.condition.span)
