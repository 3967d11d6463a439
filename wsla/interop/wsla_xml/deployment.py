"""What each party needs of an agreement, by its role, as WSLA's deployment service handed it out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import frozen

from wsla.analysis import operations as op
from wsla.analysis.checked import Action, CheckedAgreement, Grant, Notify
from wsla.diagnostics.source import SourceText, Span
from wsla.interop.writing import identifier
from wsla.interop.wsla_xml.restoring import kept_elements
from wsla.syntax import surface
from wsla.syntax.parse import parse
from wsla.values.records import Record

SIGNATORIES = ("provider", "consumer")


@frozen(kw_only=True, eq=False, repr=False)
class View(Record):
    """The part of one party: declarations as they are written, in the order of the text.

    ``measures`` are sources, ``computes`` metrics, ``sends`` (metric, party that gets it), ``evaluates`` metrics
    that are looked at, ``judges`` goals and rules, ``tells`` channels of those whom to reach, ``acts`` goals and rules
    that call upon the party itself. Signatories have ``whole``, and nothing of that.
    """

    party: str
    roles: tuple[str, ...]
    whole: bool
    measures: tuple[str, ...] = ()
    computes: tuple[str, ...] = ()
    sends: tuple[tuple[str, str], ...] = ()
    evaluates: tuple[str, ...] = ()
    judges: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()


def view_for(agreement: CheckedAgreement, source: SourceText, name: str) -> View | None:
    """What a party needs; None where there is no such party."""
    party = next((one for one in agreement.parties if name in (one.name, one.title)), None)
    if party is None:
        return None
    whole = any(role in SIGNATORIES for role in party.roles)
    if whole:
        return View(party=party.name, roles=party.roles, whole=True)
    parts = _Parts(agreement, source)
    measured = parts.measured_by(party.name) if "measurer" in party.roles else ()
    computed = parts.metrics_over(measured)
    judging = "evaluator" in party.roles
    return View(
        party=party.name,
        roles=party.roles,
        whole=False,
        measures=tuple(parts.text("source", one) for one in measured),
        computes=tuple(parts.text("metric", one) for one in computed),
        sends=tuple(parts.sent(party.name, computed)),
        evaluates=tuple(parts.text("metric", one) for one in parts.judged()) if judging else (),
        judges=tuple(parts.judgements()) if judging else (),
        tells=tuple(parts.told()) if judging else (),
        acts=tuple(parts.calling(party.name)) if "manager" in party.roles else (),
    )


class _Parts:
    """An agreement taken apart."""

    def __init__(self, agreement: CheckedAgreement, source: SourceText) -> None:
        self.agreement = agreement
        self.source = source
        self._places: dict[tuple[str, str], Span] = {}
        document, _ = parse(source)
        for item in document.items:
            if isinstance(item, surface.Agreement) and item.title.value == agreement.title:
                for one in item.declarations:
                    if isinstance(one, surface.Source):
                        self._places["source", one.name.text] = one.span
                    elif isinstance(one, surface.Metric):
                        self._places["metric", one.name.text] = one.span
        self._pushed = {
            identifier(one.attribute("name")): one
            for one in kept_elements(source)
            if one.name == "SLAParameter"
        }

    def text(self, kind: str, name: str) -> str:
        """A declaration as it is written."""
        span = self._places.get((kind, name))
        return name if span is None else self._written(span)

    def measured_by(self, party: str) -> tuple[str, ...]:
        """The sources that a party measures."""
        return tuple(one.name for one in self.agreement.sources if one.measured_by == party)

    def metrics_over(self, sources: Iterable[str]) -> list[str]:
        """The metrics that rest on these sources and on no others."""
        wanted = set(sources)
        found = []
        for name, operation in self.agreement.metrics.items():
            needed = self._sources(operation)
            if needed and needed <= wanted:
                found.append(name)
        return found

    def sent(self, party: str, metrics: Iterable[str]) -> Iterator[tuple[str, str]]:
        """(metric, party that gets its values): as a document said, or else to all who judge by it."""
        judged = self.judged()
        for name in metrics:
            kept = self._pushed.get(name)
            said = kept.first("Communication") if kept is not None else None
            if said is not None:
                for word in dict.fromkeys((said.text_in("Push") + " " + said.text_in("Pull")).split()):
                    yield name, identifier(word)
            elif name in judged:
                for other in self.agreement.parties:
                    if "evaluator" in other.roles and other.name != party:
                        yield name, other.name

    def judged(self) -> list[str]:
        """The metrics that goals and rules look at."""
        roots = [one.condition for one in self.agreement.goals]
        roots += [one.provided for one in self.agreement.goals if one.provided is not None]
        roots += [one.trigger for one in self.agreement.rules]
        looked_at = {one for root in roots for one in self._compared(root)}
        return [name for name, operation in self.agreement.metrics.items() if operation in looked_at]

    def judgements(self) -> Iterator[str]:
        """Goals and rules."""
        yield from (self._written(one.span) for one in self.agreement.goals)
        yield from (self._written(one.span) for one in self.agreement.rules)

    def told(self) -> Iterator[str]:
        """The channels through which the judge reaches others."""
        reached = dict.fromkeys(target for one in self._all_actions() for target in _targets(one))
        for party, channel in reached:
            found = next(one for one in self.agreement.parties if one.name == party)
            for one in found.channels:
                if channel in (None, one.name):
                    address = one.address if isinstance(one.address, str) else f"env {one.address.variable}"
                    yield f"{party}.{one.name} {one.kind} {address}"
            if not found.channels:
                yield party

    def calling(self, party: str) -> Iterator[str]:
        """Goals and rules whose actions call upon a party."""
        for goal in self.agreement.goals:
            if any(
                party == one for action in (*goal.otherwise, *goal.rewarding) for one, _ in _targets(action)
            ):
                yield self._written(goal.span)
        for rule in self.agreement.rules:
            steps = (action for step in rule.steps for action in step.actions)
            if any(
                party == one
                for action in (*rule.actions, *steps, *rule.on_recovery)
                for one, _ in _targets(action)
            ):
                yield self._written(rule.span)

    def _written(self, span: Span) -> str:
        return " ".join(self.source.text[span.start : span.end].split())

    def _all_actions(self) -> Iterator[Action]:
        for goal in self.agreement.goals:
            yield from (*goal.otherwise, *goal.rewarding)
        for rule in self.agreement.rules:
            yield from rule.actions
            for step in rule.steps:
                yield from step.actions
            yield from rule.on_recovery

    def _inputs(self, operation: int) -> Iterator[int]:
        found = self.agreement.operations[operation]
        for name in (
            "left",
            "right",
            "operand",
            "argument",
            "where",
            "subject",
            "otherwise",
            "condition",
            "pausing",
        ):
            one = getattr(found, name, None)
            if isinstance(one, int):
                yield one
        for arm in getattr(found, "arms", ()):
            yield from (arm.bound, arm.value)
        yield from getattr(found, "conditions", ())

    def _sources(self, operation: int) -> set[str]:
        found: set[str] = set()
        seen: set[int] = set()
        waiting = [operation]
        while waiting:
            one = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            source = getattr(self.agreement.operations[one], "source", None)
            found |= {source} if isinstance(source, str) else set()
            waiting += self._inputs(one)
        return found

    def _compared(self, operation: int) -> Iterator[int]:
        """The values that a condition compares: where metrics begin."""
        found = self.agreement.operations[operation]
        yield operation
        if (
            isinstance(found, op.Logical | op.Negation | op.Compare | op.Latest | op.Aggregate)
            and operation not in self.agreement.metrics.values()
        ):
            for one in self._inputs(operation):
                yield from self._compared(one)


def _targets(action: Action) -> Iterator[tuple[str, str | None]]:
    match action:
        case Notify(targets=targets):
            yield from ((one.party, one.channel) for one in targets)
        case Grant(party=party):
            yield party, None
        case _:
            return
