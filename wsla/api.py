"""The library: load and check agreements, judge history, follow live observations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from attrs import define, evolve, field, frozen

from wsla.analysis.check import check_text
from wsla.analysis.checked import CheckedAgreement, Source
from wsla.analysis.reuse.imports import with_imports
from wsla.analysis.reuse.whole import self_contained
from wsla.diagnostics.diagnostic import Diagnostic, has_errors
from wsla.diagnostics.source import SourceText
from wsla.engine import Engine, Output
from wsla.evaluation.encoding import encode_fields, observations_from_rows
from wsla.evaluation.report import Outcome, SeriesPoint
from wsla.evaluation.stream import StreamEvaluator
from wsla.evaluation.verdicts import Judgement
from wsla.plan.build import build_plan
from wsla.plan.model import Plan
from wsla.plan.succession import in_succession, plans_of
from wsla.remedies import corrections
from wsla.remedies.corrections import Correction
from wsla.remedies.decider import decide
from wsla.remedies.decisions import Decision, Intent, LedgerEntry
from wsla.texts import Texts, read_imports
from wsla.values.calendars import find_zone
from wsla.values.instants import from_datetime, parse_instant
from wsla.values.observations import Observation

Moment = int | str | datetime
"""An instant: nanoseconds since the epoch, RFC 3339 text (local in the agreement's zone without an offset), or an
aware datetime.
"""


class AgreementError(ValueError):
    """An agreement with errors; ``diagnostics`` holds all of them, warnings too."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        errors = [found for found in diagnostics if found.severity.value == "error"]
        first = errors[0] if errors else diagnostics[0]
        line, column = first.position
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"{first.source.name}:{line}:{column}: {first.code}: {first.message}{more}")
        self.diagnostics = diagnostics


@frozen
class Agreement:
    """A checked agreement, ready to judge by. ``source`` is its text; ``warnings`` what the checker remarks."""

    checked: CheckedAgreement
    plan: Plan
    source: SourceText
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def title(self) -> str:
        """The agreement's title."""
        return self.checked.title

    @property
    def version(self) -> int:
        """The agreement's version."""
        return self.checked.version

    @property
    def text(self) -> str:
        """The text with all that it imports in it: loaded again, it gives this agreement."""
        return self_contained(self.source)

    @property
    def goals(self) -> tuple[str, ...]:
        """Names of the goals, in the order of the text."""
        return tuple(goal.name for goal in self.plan.goals)

    def instant(self, moment: Moment) -> int:
        """Nanoseconds since the epoch. Raises ValueError for a text that is no time, or a datetime without a zone."""
        if isinstance(moment, datetime):
            return from_datetime(moment)
        if isinstance(moment, str):
            return parse_instant(moment, find_zone(self.plan.zone))
        return moment


def check(text: str, name: str = "<text>", files: Mapping[str, str] | None = None) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with a text, or remarkable in it; empty where it is fine.

    ``files`` maps the paths that it imports, as written, to the texts there.
    """
    return check_text(_source(text, name, files))[1]


def loads(text: str, name: str = "<text>", files: Mapping[str, str] | None = None) -> Agreement:
    """The one agreement of a text; ``files`` as in ``check``.

    Raises AgreementError where it has errors, ValueError where it holds several agreements.
    """
    return _only(_source(text, name, files))


def _source(text: str, name: str, files: Mapping[str, str] | None) -> SourceText:
    return with_imports(SourceText(name=name, text=text), Texts(files or {}))


def _only(source: SourceText) -> Agreement:
    agreements = load_all(source)
    if len(agreements) != 1:
        titles = ", ".join(f"“{agreement.title}”" for agreement in agreements)
        raise ValueError(f"{source.name} holds {len(agreements)} agreements: {titles}")
    return agreements[0]


def load(path: str | Path) -> Agreement:
    """The one agreement of a file, with the files that it imports.

    Raises AgreementError for errors in it, OSError where it cannot be read.
    """
    return _only(read_imports(SourceText(name=str(path), text=Path(path).read_text(encoding="utf-8-sig"))))


def load_all(source: SourceText) -> tuple[Agreement, ...]:
    """Every agreement of a text. Raises AgreementError where one has errors."""
    checked, diagnostics = check_text(source)
    if has_errors(diagnostics):
        raise AgreementError(diagnostics)
    return tuple(
        Agreement(checked=agreement, plan=plan, source=source, warnings=diagnostics)
        for agreement, plan in zip(checked, plans_of(checked), strict=True)
    )


def versions_of(agreements: Iterable[Agreement]) -> tuple[Agreement, ...]:
    """Versions of one agreement, from one text or from several, each bounded by the one that amends it.

    Raises ValueError where they are not versions of one agreement, or do not follow each other.
    """
    known = sorted(agreements, key=lambda agreement: agreement.version)
    if len({agreement.title for agreement in known}) > 1:
        raise ValueError("these are different agreements: " + ", ".join(f"“{one.title}”" for one in known))
    for before, after in pairwise(known):
        if (
            after.checked.amends != before.version
            or after.plan.effective_start <= before.plan.effective_start
        ):
            raise ValueError(
                f"version {after.version} of “{after.title}” does not follow version {before.version}"
            )
    plans = in_succession([build_plan(agreement.checked) for agreement in known])
    return tuple(evolve(agreement, plan=plan) for agreement, plan in zip(known, plans, strict=True))


@frozen(kw_only=True)
class Report:
    """History judged: verdicts of every goal and window, values of every metric, and what follows from them."""

    agreement: Agreement
    start: int
    until: int
    judgements: tuple[Judgement, ...]
    metrics: Mapping[str, tuple[SeriesPoint, ...]]
    decisions: tuple[Decision, ...]

    @property
    def entries(self) -> tuple[LedgerEntry, ...]:
        """Credits, rewards and caps, in the order of booking."""
        return tuple(decision for decision in self.decisions if isinstance(decision, LedgerEntry))

    @property
    def intents(self) -> tuple[Intent, ...]:
        """Notices, escalations and rights, in the order in which they were due."""
        return tuple(decision for decision in self.decisions if isinstance(decision, Intent))


Data = Mapping[str, Iterable[Mapping[str, object]]] | Iterable[Observation]
"""Rows by source name (each a mapping of field or column to value), or observations."""


def evaluate(
    agreement: Agreement, data: Data, start: Moment | None = None, until: Moment | None = None
) -> Report:
    """Judges history. ``start`` and ``until`` default to the first observation and to just after the last.

    Every window that ended by ``until`` is final. Raises EncodingError for a value that does not fit its field,
    KeyError for an
    unknown source.
    """
    observations = sorted(_observations(agreement, data), key=lambda observation: observation.at)
    term_start = agreement.plan.effective_start
    first = observations[0].at if observations else term_start
    last = observations[-1].at + 1 if observations else term_start
    start_ns = max(term_start, first) if start is None else agreement.instant(start)
    until_ns = max(last, start_ns) if until is None else agreement.instant(until)
    return judge(agreement, observations, start_ns, until_ns)


def judge(agreement: Agreement, observations: Iterable[Observation], start: int, until: int) -> Report:
    """As ``evaluate``, for observations in order of time and bounds in nanoseconds."""
    plan = agreement.plan
    evaluator = StreamEvaluator(plan, start)
    evaluator.observe_all(observation for observation in observations if observation.at < until)
    outcome: Outcome = evaluator.outcome(until)
    return Report(
        agreement=agreement,
        start=start,
        until=until,
        judgements=outcome.judgements,
        metrics={
            name: tuple(point for point in points if plan.judges(point.window))
            for name, points in outcome.metrics.items()
        },
        decisions=decide(plan, outcome),
    )


def correct(
    agreement: Agreement,
    data: Data,
    judged: Iterable[Judgement],
    booked: Iterable[LedgerEntry],
    at: Moment,
    start: Moment | None = None,
) -> Correction:
    """Judges again, with what came too late, the windows whose verdicts were final: what is another verdict now, and
    the entries and notices that follow.

    ``data`` is everything observed, ``judged`` the final verdicts as they were said (those of corrections after those
    that they corrected), ``booked`` the entries so far, adjustments among them. Entries are dated ``at``. ``start`` is
    the instant from which it was judged. Raises as ``evaluate`` does.
    """
    instant = agreement.instant(at)
    report = evaluate(agreement, data, start, instant)
    return corrections.correct(agreement.plan, tuple(judged), report.judgements, booked, instant)


def evaluate_versions(
    agreements: Iterable[Agreement], data: Data, start: Moment | None = None, until: Moment | None = None
) -> tuple[Report, ...]:
    """Judges history by the versions of one agreement: a report for each that takes effect before ``until``.

    A window is judged by the version that was in force when it began, unless an amendment takes over the windows under
    way. ``data`` has what all of them measure. Raises as ``versions_of`` and ``evaluate`` do.
    """
    rows = {name: list(found) for name, found in data.items()} if isinstance(data, Mapping) else list(data)
    reports = []
    versions = versions_of(agreements)
    first, last = _bounds(versions, rows)
    since = first if start is None else versions[0].instant(start)
    end = max(last, since) if until is None else versions[0].instant(until)
    for agreement in versions:
        known = {source.name for source in agreement.plan.sources}
        own: Data = (
            {name: found for name, found in rows.items() if name in known}
            if isinstance(rows, dict)
            else [observation for observation in rows if observation.source in known]
        )
        begin = max(since, agreement.plan.effective_start)
        if begin < end:
            reports.append(evaluate(agreement, own, begin, end))
    return tuple(reports)


def _bounds(versions: tuple[Agreement, ...], data: Data) -> tuple[int, int]:
    """(the first instant at which there is something to judge, just after the last)."""
    instants = [
        observation.at
        for agreement in versions
        for observation in _observations(
            agreement,
            {
                name: rows
                for name, rows in data.items()
                if name in {one.name for one in agreement.plan.sources}
            }
            if isinstance(data, Mapping)
            else data,
        )
    ]
    start = versions[0].plan.effective_start
    return max(start, min(instants, default=start)), max(instants, default=start - 1) + 1


def _observations(agreement: Agreement, data: Data) -> Iterable[Observation]:
    if not isinstance(data, Mapping):
        return data
    zone = find_zone(agreement.plan.zone)
    return [
        observation
        for name, rows in data.items()
        for observation in observations_from_rows(agreement.plan.source(name), rows, zone)
    ]


@define
class Monitor:
    """Follows an agreement live: observations go in as they are made, what changes comes out.

    ``start`` is the first instant judged; by default that of the first observation. With ``immediate`` an observation's
    own change comes out with it. Without, it comes out with the next call, as another observation of the same instant
    may still come: choose that where several sources are observed at the same instants, since an observation for which
    time has gone on already costs more.
    """

    agreement: Agreement
    start: Moment | None = None
    immediate: bool = True
    _engine: Engine | None = field(init=False, default=None)

    def observe(self, source: str, at: Moment, **fields: object) -> list[Output]:
        """Takes in one observation and returns what changed through it, in order of time.

        Raises KeyError for an unknown source and EncodingError for a value that does not fit its field.
        """
        instant = self.agreement.instant(at)
        found: Source = self.agreement.plan.source(source)
        encoded = encode_fields(found, fields, find_zone(self.agreement.plan.zone))
        engine = self._running(instant)
        outputs = engine.observe(Observation(source=source, at=instant, fields=encoded))
        if self.immediate:
            outputs.extend(engine.advance(instant + 1))
        return outputs

    def advance(self, to: Moment) -> list[Output]:
        """Time has come to ``to``: returns what changed through that alone."""
        instant = self.agreement.instant(to)
        return self._running(instant).advance(instant)

    def judgements(self, at: Moment) -> tuple[Judgement, ...]:
        """The standing of every goal in the windows that are not final yet."""
        instant = self.agreement.instant(at)
        return self._running(instant).judgements(instant)

    def _running(self, instant: int) -> Engine:
        if self._engine is None:
            start = instant if self.start is None else self.agreement.instant(self.start)
            self._engine = Engine(self.agreement.plan, start)
        return self._engine
