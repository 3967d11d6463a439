"""Objectives as goals; guarantees of actions as what follows from goals, or as rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import gcd
from typing import Final

from attrs import define, field

from wsla.interop.writing import comment, kept
from wsla.interop.wsla_xml.conditions import (
    Condition,
    Conditions,
    Joined,
    Violated,
    joined,
    objectives_in,
    tests_in,
    text_of,
    with_values,
)
from wsla.interop.wsla_xml.context import Context, Unreadable
from wsla.interop.wsla_xml.measuring import Measuring
from wsla.interop.wsla_xml.parties import Parties
from wsla.interop.wsla_xml.periods import length_text
from wsla.interop.wsla_xml.tree import Element
from wsla.interop.wsla_xml.values import Grid, Grids
from wsla.interop.wsla_xml.vocabulary import MODALITIES
from wsla.interop.wsla_xml.writing import in_one_line
from wsla.values.instants import MINUTE

_SOON: Final = "1ms"
"""How long a rule waits that acts at every evaluation, so that its repetitions come after each of them."""


@define
class Goal:
    """A goal under way."""

    name: str
    party: str
    condition: str
    grid: Grid
    provided: str | None
    comments: list[str] = field(factory=list)
    otherwise: list[str] = field(factory=list)
    rewarding: list[str] = field(factory=list)

    def lines(self) -> Iterator[str]:
        """Its declaration."""
        yield from self.comments
        provided = f" provided {self.provided}" if self.provided is not None else ""
        items = [f"otherwise {action}" for action in self.otherwise]
        items += [f"rewarding {action}" for action in self.rewarding]
        block = f" {{\n{chr(10).join(items)}\n}}" if items else ""
        yield f"goal {self.name}: {self.party} guarantees {self.condition}{provided}{block}"


@define
class Obligations:
    """The objectives and guarantees of a document. ``own`` are the names of objectives in the agreement."""

    context: Context
    conditions: Conditions
    grids: Grids
    measuring: Measuring
    parties: Parties
    objectives: Mapping[str, Element]
    own: dict[str, str] = field(factory=dict)
    goals: dict[str, Goal] = field(factory=dict)
    rules: list[str] = field(factory=list)
    _read: dict[str, Condition] = field(factory=dict)

    def objective(self, name: str, element: Element) -> list[str]:
        """Reads an objective. Where nothing can be judged, the comments that keep it."""
        try:
            condition = self._inlined(name, element)
            if isinstance(condition, bool):
                word = "always" if condition else "never"
                self.context.remark(
                    "W1105",
                    element.span,
                    f"this objective is {word} met, whatever is measured; a comment keeps it",
                )
                return [kept("wsla", in_one_line(element))]
            self.goals[name] = self._goal(name, element, condition)
        except Unreadable:
            return [comment(f"the objective {name} could not be read")]
        return []

    def _goal(self, name: str, element: Element, condition: Condition) -> Goal:
        tests = tests_in(condition)
        schedule = element.first("Schedule")
        tick, during = (None, None)
        if schedule is not None:
            tick, during = self.measuring.schedule(schedule)
        values = self.grids.together([self.conditions.formulas.changing(test.value) for test in tests], tick)
        condition = with_values(
            condition, {id(test): value for test, value in zip(tests, values, strict=True)}
        )
        grid = next(value.grid for value in values if value.grid is not None)
        own = self.own[name]
        within = [one for one in (during, self._validity(name, element)) if one is not None]
        provided = None
        if within:
            source = values[0].sources[0]
            clauses = " ".join(f"during {one}" for one in within)
            provided = f"count({source}) {grid.text} {clauses} >= 0"
        obliged = element.all("Obliged")
        party = self.parties.obliged(obliged, element)
        return Goal(
            name=own, party=party, condition=text_of(condition, self.own), grid=grid, provided=provided
        )

    def _validity(self, name: str, element: Element) -> str | None:
        periods = element.all("Validity")
        if not periods:
            self.context.remark(
                "W1101",
                element.span,
                "an objective has a validity in WSLA 1.0; it is read as that of the term",
            )
            return None
        return self.measuring.period(periods, f"{name} validity")

    def _inlined(self, name: str, element: Element, under_way: tuple[str, ...] = ()) -> Condition:
        if name in under_way:
            raise self.context.error(element.span, f"the objective `{name}` is about its own violation")
        if name not in self._read:
            self._read[name] = self._without_violations(self.conditions.read(element), (*under_way, name))
        return self._read[name]

    def _without_violations(self, condition: Condition, under_way: tuple[str, ...]) -> Condition:
        match condition:
            case Violated(objective=objective):
                return joined("not", self._inlined(objective, self.objectives[objective], under_way))
            case Joined(word=word, parts=parts):
                return joined(word, *(self._without_violations(part, under_way) for part in parts))
            case _:
                return condition

    # --- guarantees of actions

    def guarantee(self, element: Element) -> list[str]:
        """Reads a guarantee; gives the comments that belong to it where no rule or goal could take them."""
        name = element.attribute("name") or "without a name"
        kept = [child for child in element.children if child.name == "Obliged"]
        for one in kept:
            self.parties.known(one)
        comments = [
            self.context.keep(
                Element(
                    name=element.name, attributes=element.attributes, children=tuple(kept), span=element.span
                ),
                f"who is obliged to act by `{name}`",
            )
        ]
        try:
            condition = self._about_goals(self.conditions.read(element))
            actions = self._actions(element)
            return self._placed(element, condition, actions, comments)
        except Unreadable:
            return [*comments, comment(f"the guarantee {name} could not be read")]

    def _about_goals(self, condition: Condition) -> Condition:
        """Violations of objectives that are no goals, since they are always or never met, worked out."""
        match condition:
            case Violated(objective=objective) if objective not in self.goals:
                found = self._read.get(objective)
                if isinstance(found, bool):
                    return not found
                raise Unreadable(objective)
            case Joined(word=word, parts=parts):
                return joined(word, *(self._about_goals(part) for part in parts))
            case _:
                return condition

    def _placed(
        self, element: Element, condition: Condition, actions: list[str], comments: list[str]
    ) -> list[str]:
        modality = self._modality(element)
        schedule = element.first("Schedule")
        written = element.first("Expression", "Expresssion")
        simple = written is not None and written.first("Predicate", "Not") is not None
        if schedule is None and simple and self._in_goal(condition, modality, actions, comments):
            return []
        tick = self._tick(condition) if schedule is None else self.measuring.schedule(schedule)[0]
        if isinstance(condition, bool):
            if not condition and modality != "OnEveryEvaluation":
                self.context.remark("W1105", element.span, "this guarantee never acts; a comment keeps it")
                return [kept("wsla", in_one_line(element))]
            sources = [one.name for one in self.measuring.readings.values()]
            if not sources:
                raise Unreadable
            text = f"count({sources[0]}) each {length_text(tick)} >= 0"
        else:
            text = text_of(condition, self.own)
            if modality == "OnEveryEvaluation":
                text = f"({text}) or not ({text})"
        every = modality in ("Always", "OnEveryEvaluation")
        items = [*actions]
        items += [f"repeat every {length_text(tick)}"] if every else []
        if modality == "OnEnteringAndOnLeavingCondition":
            items += [f"on recovery: {action}" for action in actions]
        holding = f" for {_SOON}" if every else ""
        block = "\n".join(items)
        self.rules += [*comments, f"when {text}{holding} {{\n{block}\n}}"]
        return []

    def _in_goal(self, condition: Condition, modality: str, actions: list[str], comments: list[str]) -> bool:
        """Puts the actions into the goal that they follow from, where that acts as often."""
        kept = isinstance(condition, Joined) and condition.word == "not"
        violated = condition.parts[0] if isinstance(condition, Joined) and kept else condition
        if not isinstance(violated, Violated):
            return False
        goal = self.goals[violated.objective]
        often = {"Always": goal.grid.tumbling, "OnEnteringCondition": not goal.grid.tumbling}
        if modality == "OnEveryEvaluation" and goal.grid.tumbling and not kept:
            goal.otherwise += actions
            goal.rewarding += actions
        elif often.get(modality, False):
            (goal.rewarding if kept else goal.otherwise).extend(actions)
        else:
            return False
        goal.comments += comments
        return True

    def _tick(self, condition: Condition) -> int:
        ticks = [self.goals[one].grid.tick for one in objectives_in(condition)]
        for test in tests_in(condition):
            if test.value.grid is not None:
                ticks.append(test.value.grid.tick)
            else:
                ticks += [self.measuring.tick(source) for source in test.value.sources]
        return gcd(*ticks) if ticks else MINUTE

    def _modality(self, element: Element) -> str:
        found = element.first("ExecutionModality")
        if found is None:
            self.context.remark(
                "W1101", element.span, "a guarantee has a modality in WSLA 1.0; it is read as `Always`"
            )
            return "Always"
        by_word = {word.casefold(): word for word in MODALITIES}
        modality = by_word.get(found.text.casefold())
        if modality is None:
            self.context.remark(
                "W1101", found.inside, f"there is no modality `{found.text}`; it is read as `Always`"
            )
        return modality or "Always"

    def _actions(self, element: Element) -> list[str]:
        actions = [self.parties.action(one) for one in element.all("QualifiedAction")]
        if not actions:
            raise self.context.error(element.span, "a guarantee needs an action")
        return actions
