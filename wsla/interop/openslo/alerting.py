"""Alert policies become rules, and who is told by them a channel of the team."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from attrs import define, field

from wsla.interop.openslo.context import Context, Thing
from wsla.interop.openslo.kept import value_of, without
from wsla.interop.openslo.schema import OPERATORS, number_of, plain
from wsla.interop.openslo.tree import Node, Shape
from wsla.interop.openslo.windows import length_of, minutes_text
from wsla.interop.writing import identifier, quoted

TEAM: Final = "team"
KINDS: Final = ("email", "webhook", "log", "pagerduty", "opsgenie", "slack", "teams", "sms")


@define
class Alerting:
    """The channels and rules of a file; a policy that several objectives have becomes a rule for each."""

    context: Context
    channels: dict[str, str] = field(factory=dict)
    channel_lines: list[str] = field(factory=list)

    def rules(self, goal: str, slo: Thing, share: Decimal) -> Iterator[str]:
        """The rules that watch the budget of a goal."""
        for reference in slo.node.each("spec", "alertPolicies"):
            policy = self._policy(reference)
            if policy is not None:
                yield from self._rule(goal, policy, share)
            else:
                value = {"kind": "SLO", "alertPolicies": [value_of(reference)]}
                yield self.context.keep(reference.span, value, "an alert policy that stands elsewhere")

    def target(self, thing: Node, name: str) -> str:
        """The channel for a notification target."""
        if name not in self.channels:
            stated = thing.string("spec", "target")
            kind = next((one for one in KINDS if one in stated.casefold()), "log")
            own = self._channel(name)
            rest = {"kind": "AlertNotificationTarget", **without(value_of(thing), ("apiVersion",), ("kind",))}
            if kind == stated:
                rest = without(rest, ("spec", "target"))
            if own == name:
                rest = without(rest, ("metadata", "name"))
            elif "metadata" not in rest:
                rest["metadata"] = {"name": name}
            above = ""
            if set(rest) - {"kind"}:
                what = f"what describes the notification target `{name}`"
                above = self.context.keep(thing.span, rest, what) + "\n"
            self._declare(own, kind, above)
            self.channels[name] = own
        return self.channels[name]

    def _channel(self, name: str) -> str:
        return self.context.names.fresh(name, "target")

    def _declare(self, own: str, kind: str, above: str = "") -> None:
        variable = re.sub(r"\W+", "_", identifier(own), flags=re.ASCII).strip("_").upper() or "TARGET"
        self.channel_lines.append(f"{above}{own} {kind} env {variable}")

    def _policy(self, reference: Node) -> Node | None:
        named = reference if reference.shape is Shape.TEXT else reference.get("alertPolicyRef")
        if named is None:
            return reference
        found = self.context.find("AlertPolicy", named)
        return None if found is None else found.node

    def _rule(self, goal: str, policy: Node, share: Decimal) -> Iterator[str]:
        targets = [
            own for one in policy.each("spec", "notificationTargets") if (own := self._told(one)) is not None
        ]
        told = ", ".join(f"{TEAM}.{own}" for own in dict.fromkeys(targets))
        about = without(
            value_of(policy), ("apiVersion",), ("spec", "conditions"), ("spec", "notificationTargets")
        )
        about = without(about, ("spec", "alertWhenBreaching"), ("spec", "alertWhenResolved"))
        for one in policy.each("spec", "conditions"):
            named = one.get("conditionRef")
            thing = None if named is None else self.context.find("AlertCondition", named)
            condition = one if named is None else None if thing is None else thing.node
            if condition is None:
                value = {"kind": "AlertPolicy", **value_of(policy)}
                yield self.context.keep(
                    policy.span, value, "an alert policy whose condition stands elsewhere"
                )
                continue
            described = without(
                value_of(condition),
                ("apiVersion",),
                ("kind",),
                ("operator",),
                ("spec", "condition"),
                ("spec", "description"),
            )
            value = {"kind": "AlertPolicy", **about, "condition": described}
            yield self.context.keep(policy.span, value, "what describes an alert policy and its condition")
            if policy.string("spec", "alertWhenNoData") == "true":
                message = "rules do not watch for missing data; a source of kind heartbeat does"
                stated = policy.get("spec", "alertWhenNoData")
                assert stated is not None
                self.context.remark("W1204", stated.span, message)
            yield from self._watch(goal, policy, condition, told, share)

    def _watch(self, goal: str, policy: Node, condition: Node, told: str, share: Decimal) -> Iterator[str]:
        rule = condition.get("spec", "condition")
        assert rule is not None
        operator = rule.string("op")
        if not operator:
            self.context.remark("W1204", rule.span, "`op` is not stated; `gt` is read")
        threshold = number_of(rule.string("threshold"))
        assert threshold is not None
        if not _ever(operator or "gt", threshold, share):
            message = f"a budget of {plain(100 - share * 100)}% is never or always spent at this pace; there is no rule"
            self.context.remark("W1204", rule.span, message)
            yield self.context.keep(
                rule.span, {"kind": "AlertCondition", "spec": value_of(rule)}, "this condition"
            )
            return
        window, after = rule.get("lookbackWindow"), rule.get("alertAfter")
        assert window is not None
        held = f" for {minutes_text(length_of(after).minutes)}" if after is not None else ""
        last = minutes_text(length_of(window).minutes)
        watched = f"burn({goal}) over last {last} {OPERATORS[operator or 'gt']} {plain(threshold)}"
        text = condition.string("spec", "description")
        message = f" {quoted(text)}" if text else ""
        breaching = policy.string("spec", "alertWhenBreaching") != "false"
        resolved = policy.string("spec", "alertWhenResolved") == "true"
        lines = [f"notify {told or TEAM}{message}"] if breaching else []
        lines += [f"on recovery: notify {told or TEAM}{message}"] if resolved else []
        if lines:
            yield f"when {watched}{held} {{ {' '.join(lines)} }}"
        else:
            self.context.remark(
                "W1204", policy.span, "this policy tells nobody of anything; it becomes no rule"
            )

    def _told(self, reference: Node) -> str | None:
        named = reference.get("targetRef")
        if named is None:
            name = reference.string("metadata", "name") or reference.string("spec", "target")
            return self.target(reference, name)
        found = self.context.find("AlertNotificationTarget", named)
        if found is not None:
            return self.target(found.node, found.name)
        name = named.text.strip()
        if name not in self.channels:
            self.channels[name] = self._channel(name)
            self._declare(self.channels[name], "log")
        return self.channels[name]


def _ever(operator: str, threshold: Decimal, target: Decimal) -> bool:
    """True where a budget can be spent so fast and not so fast: all of it is spent at 1 / (1 - target)."""
    if target >= 1:
        return False
    most = threshold * (1 - target)
    return {"gt": most < 1, "lte": most < 1, "gte": 0 < most <= 1, "lt": 0 < most <= 1}[operator]
