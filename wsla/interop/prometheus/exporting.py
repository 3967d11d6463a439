"""An agreement becomes rules: what can be evaluated is written, what cannot is named at its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from attrs import define, field

from wsla.analysis.checked import Action, CheckedAgreement, Credit, Goal, Grant, Rule
from wsla.analysis.types import BooleanType
from wsla.diagnostics.diagnostic import Diagnostic, Severity
from wsla.diagnostics.source import SourceText, Span
from wsla.interop.formats import Exported, ExportedFile
from wsla.interop.prometheus import alerts
from wsla.interop.prometheus.alerts import Alert
from wsla.interop.prometheus.conditions import Condition, terms_of
from wsla.interop.prometheus.files import rules_file, tests_file
from wsla.interop.prometheus.formulas import Formulas
from wsla.interop.prometheus.promql import duration, label_value
from wsla.interop.prometheus.recording import Recorder
from wsla.interop.prometheus.scenarios import Observed, Scenario, of_alert
from wsla.interop.prometheus.sources import Sources, Stream
from wsla.interop.prometheus.unsaid import Unsaid
from wsla.interop.prometheus.usual import Rate, burns, watched
from wsla.interop.prometheus.verdicts import violated
from wsla.interop.writing import cannot_be_said, identifier
from wsla.syntax import surface
from wsla.syntax.parse import parse
from wsla.values.instants import SECOND

_TITLE: Final = "Prometheus"
_LOOKS_BACK: Final = 300 * SECOND
"""For so long Prometheus takes a sample for the present one."""
_OF_PRESENCE: Final = re.compile(r"step|previous|held|held_(?:count|streams)\w+")


def export_rules(agreement: CheckedAgreement, source: SourceText) -> Exported:
    """The files of an agreement that was checked, and what they do not say."""
    plain = _Export(agreement=agreement, source=source)
    left = [
        goal
        for goal in agreement.goals
        if not any(burns(rule, goal) for rule in agreement.rules) and not plain.can_be_said(goal)
    ]
    usual = watched(agreement, source, left)
    work = _Export(agreement=usual.agreement, source=source, usual=usual.rates)
    files = work.files()
    return Exported(files=files, diagnostics=tuple(sorted(work.found, key=lambda one: one.span.start)))


@define
class _Read:
    """What was read of an agreement: the alerts with their places, and what they rest on."""

    formulas: Formulas
    sources: Sources
    recorder: Recorder
    alerts: list[Alert] = field(factory=list)


@define(kw_only=True)
class _Export:
    """An export under way."""

    agreement: CheckedAgreement
    source: SourceText
    usual: Mapping[str, tuple[Goal, Rate]] = field(factory=dict)
    found: list[Diagnostic] = field(factory=list)

    def files(self) -> tuple[ExportedFile, ...]:
        """The rules and their tests; nothing where there is no alert."""
        # What cannot be said is found out first, so that nothing of it is left among the recorded series.
        judged: tuple[Goal | Rule, ...] = (*self.agreement.goals, *self.agreement.rules)
        said = [one for one in judged if self.can_be_said(one)]
        self._rest(said)
        if not said:
            return ()
        read = self._reading()
        for one in said:
            condition = self._condition(one, read.formulas)
            if isinstance(one, Goal):
                read.alerts.append(alerts.of_goal(self.agreement, one, condition))
            elif one.name in self.usual:
                read.alerts.append(alerts.of_usual(self.agreement, one, condition, *self.usual[one.name]))
            else:
                read.alerts.append(alerts.of_rule(self.agreement, one, condition))
            self._differences(read, self._place_of(one))
        self._tell_of_usual(said)
        self._bound(read)
        stem = identifier(self.agreement.title) or "agreement"
        remark = f"{self.agreement.title}, version {self.agreement.version}: written by wsla export --to prometheus"
        rules = rules_file(stem, label_value(self.agreement.title), read.recorder, read.alerts, [remark])
        return rules, *self._tests(stem, remark, read)

    def _reading(self) -> _Read:
        recorder = Recorder(label_value(self.agreement.title))
        sources = Sources(declared={one.name: one for one in self.agreement.sources}, recorder=recorder)
        formulas = Formulas(
            operations=self.agreement.operations,
            names={position: name for name, position in self.agreement.metrics.items()},
            sources=sources,
            recorder=recorder,
        )
        return _Read(formulas, sources, recorder)

    def _condition(self, one: Goal | Rule, formulas: Formulas) -> Condition:
        if isinstance(one, Goal):
            return violated(one, formulas)
        return formulas.condition(one.trigger, True)

    def can_be_said(self, one: Goal | Rule) -> bool:
        """Whether Prometheus can evaluate it; what keeps it from that is told."""
        what = f"the goal `{one.name}`" if isinstance(one, Goal) else "this rule"
        try:
            read = self._reading()
            terms = terms_of(self._condition(one, read.formulas))
            if len({term.labels for term in terms}) > 1:
                raise Unsaid("values that have other labels than one another", one.span)
            paces = read.recorder.paces(term.selector for term in terms)
            if len(paces) > 1 and max(paces) > _LOOKS_BACK:
                raise Unsaid("several sources, one of which is looked at less often than every 5m", one.span)
        except Unsaid as unsaid:
            # What the agreement does not say itself is no loss.
            if one.name not in self.usual or isinstance(one, Goal):
                message = f"{_TITLE} cannot evaluate {what}: {unsaid.what}"
                self._warn(unsaid.code, message, unsaid.span, unsaid.notes)
            return False
        return True

    def _warn(self, code: str, message: str, span: Span, notes: tuple[str, ...] = ()) -> None:
        one = Diagnostic(
            code=code,
            message=message,
            source=self.source,
            span=span,
            notes=notes,
            severity=Severity.WARNING,
        )
        if one not in self.found:
            self.found.append(one)

    def _unsaid(self, what: str, span: Span) -> None:
        one = cannot_be_said(self.source, span, what, _TITLE)
        if one not in self.found:
            self.found.append(one)

    def _differences(self, read: _Read, span: Span) -> None:
        """Tells of windows that the rules look at at other instants, or that they cannot cut exactly."""
        for window, every in read.formulas.looks():
            looked = duration(every)
            if window.length_ns % every:
                length = duration(window.length_ns)
                self._warn("W1303", f"{length} is no multiple of the {looked} between two looks", span)
            elif window.every_ns != every:
                ticks = duration(window.every_ns)
                said = f"the agreement looks at its windows every {ticks}, the rules do so every {looked}"
                self._warn("W1303", said, span)

    def _bound(self, read: _Read) -> None:
        for name, queries in read.sources.bound.items():
            said = f"the rules read the source `{name}` from {' and '.join(f'`{one}`' for one in queries)}"
            self._warn("W1305", said, read.sources.declared[name].span)

    def _place_of(self, one: Goal | Rule) -> Span:
        if isinstance(one, Rule) and one.name in self.usual:
            return self.usual[one.name][0].span
        return one.span

    def _tell_of_usual(self, said: Iterable[Goal | Rule]) -> None:
        """Which goals have alerts that the agreement does not state."""
        names = {
            self.usual[one.name][0].name for one in said if isinstance(one, Rule) and one.name in self.usual
        }
        for goal in self.agreement.goals:
            if goal.name in names:
                cannot = f"{_TITLE} cannot evaluate the goal `{goal.name}`"
                self.found = [one for one in self.found if not one.message.startswith(f"{cannot}:")]
                message = f"{cannot}, and watches how fast its budget is spent instead, at the usual rates"
                note = "a rule of the agreement's own, such as `when burn(GOAL) over last 1h > 14.4`, replaces that"
                self._warn("W1306", message, goal.span, (note,))

    def _rest(self, said: Iterable[Goal | Rule]) -> None:
        """Tells of what stands beside conditions."""
        for one in said:
            if any(isinstance(action, Credit | Grant) for action in _actions(one)):
                self._unsaid("credits and rights", one.span)
            if isinstance(one, Goal) and (one.rewarding or one.refunds):
                self._unsaid("what is earned, or earned back", one.span)
            if isinstance(one, Rule) and (one.steps or one.repeat_every or one.on_recovery or one.often):
                self._unsaid(
                    "who is told later, again, or of the recovery: that is for the Alertmanager", one.span
                )
        for cap in self.agreement.caps:
            self._unsaid("caps", cap.span)
        for recurring in self.agreement.recurring:
            self._unsaid("reports and reviews", recurring.span)
        if self.agreement.effective_end is not None:
            self._unsaid("when an agreement ends", self._place_of_end())

    def _place_of_end(self) -> Span:
        document, _ = parse(self.source)
        for one in document.items:
            if isinstance(one, surface.Agreement) and one.title.value == self.agreement.title:
                for declared in one.declarations:
                    if isinstance(declared, surface.Effective) and declared.until is not None:
                        return declared.until.span
        return Span(0, 0)

    def _tests(self, stem: str, remark: str, read: _Read) -> Iterator[ExportedFile]:
        lengths = sorted({one.every for one in read.alerts})
        for every in lengths:
            own = stem if len(lengths) == 1 else f"{stem}.{duration(every)}"
            made: list[Scenario] = []
            left: list[str] = []
            for alert in read.alerts:
                if {term.every for term in alert.terms} == {every}:
                    scenarios = list(self._scenarios(alert, read))
                    made += scenarios
                    left += [] if scenarios else [f"{alert.name} is not tested: no ready values show it"]
            yield tests_file(own, stem, every, made, read.sources, [remark, *left])

    def _scenarios(self, alert: Alert, read: _Read) -> Iterator[Scenario]:
        below = read.recorder.below(term.selector for term in alert.terms)
        fields = {key: one for key, one in read.sources.samples.items() if one.selector in below}
        if any(one.every != alert.every for one in fields.values()):
            return
        types = {
            (source.name, one.name): one.type for source in self.agreement.sources for one in source.fields
        }
        grown = frozenset(key for key in fields if read.sources.steps.get(key) in below)
        observed = Observed(
            fields=tuple(fields),
            truths=frozenset(key for key in fields if isinstance(types[key], BooleanType)),
            grown=grown,
            whole=not any(_is_read(fields[key], below, read.recorder) for key in grown),
        )
        yield from of_alert(alert, observed)


def _is_read(sample: Stream, below: set[str], recorder: Recorder) -> bool:
    """True where the readings of a counter matter, and not only that there are any."""
    left = recorder.uses(sample.selector) & below
    for one in [one for one in left if _operation(one) == "held"]:
        left |= recorder.uses(one) & below
    return any(_OF_PRESENCE.fullmatch(_operation(one)) is None for one in left)


def _operation(selector: str) -> str:
    return selector.partition("{")[0].rpartition(":")[2]


def _actions(one: Goal | Rule) -> Iterator[Action]:
    if isinstance(one, Goal):
        yield from (*one.otherwise, *one.rewarding)
    else:
        yield from one.actions
        yield from one.on_recovery
        for step in one.steps:
            yield from step.actions
