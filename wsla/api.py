"""The library: load and check agreements, judge history, follow live observations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib.util import find_spec
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import evolve, field, frozen

from wsla.analysis.check import check_text
from wsla.analysis.checked import CheckedAgreement
from wsla.analysis.reuse.imports import with_imports
from wsla.analysis.reuse.whole import self_contained
from wsla.diagnostics.diagnostic import Diagnostic, has_errors
from wsla.diagnostics.source import SourceText
from wsla.evaluation.encoding import Rejects
from wsla.evaluation.report import Counts, Outcome, SeriesPoint, counts_of, episodes_of
from wsla.evaluation.stream import StreamEvaluator
from wsla.evaluation.verdicts import Judgement, Labels
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

if TYPE_CHECKING:
    from wsla.evaluation.batch.alike import Streams
    from wsla.evaluation.batch.evaluator import FirstStage
    from wsla.sources.files.history import Histories

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
    """History judged: verdicts of every goal and window, values of every metric, and what follows from them.

    ``judgements`` and the points of a metric are sequences; of long histories each is made when it is asked for.
    ``rejects`` are the rows of files that were refused, by source.
    """

    agreement: Agreement
    start: int
    until: int
    judgements: Sequence[Judgement]
    metrics: Mapping[str, Sequence[SeriesPoint]]
    decisions: tuple[Decision, ...]
    rejects: Mapping[str, Rejects] = field(factory=dict)

    @property
    def counts(self) -> Counts:
        """How many verdicts of each kind each goal has, by (goal, labels); of long histories without making them."""
        return counts_of(self.judgements)

    @property
    def episodes(self) -> Mapping[tuple[str, Labels], int]:
        """How many runs of windows *violated*, one behind the other, each goal has, by (goal, labels)."""
        return episodes_of(self.judgements)

    @property
    def entries(self) -> tuple[LedgerEntry, ...]:
        """Credits, rewards and caps, in the order of booking."""
        return tuple(decision for decision in self.decisions if isinstance(decision, LedgerEntry))

    @property
    def intents(self) -> tuple[Intent, ...]:
        """Notices, escalations and rights, in the order in which they were due."""
        return tuple(
            decision for decision in self.decisions if isinstance(decision, Intent) and not decision.held
        )


Rows = Iterable[Mapping[str, object]]
Data = Mapping[str, Rows | Path] | Iterable[Observation]
"""By source name rows (each a mapping of field or column to value) or a file of them, or observations."""


def evaluate(
    agreement: Agreement, data: Data, start: Moment | None = None, until: Moment | None = None
) -> Report:
    """Judges history. ``start`` and ``until`` default to the first observation and to just after the last.

    Every window that ended by ``until`` is final. What files hold that does not fit is in the report's ``rejects``.
    Raises EncodingError for a value of a row that does not fit its field, KeyError for an unknown source, DataError for
    a file that cannot be read.
    """
    from wsla.sources.files.history import Histories, taken_apart

    files, beside = taken_apart(agreement.plan, data)
    if not files:
        start_ns, until_ns = _stretch(agreement, beside, [], start, until)
        return judge(agreement, beside, start_ns, until_ns)
    zone = find_zone(agreement.plan.zone)
    histories = Histories(files, zone, columns=True)
    if not histories.in_columns:
        return _of_files(agreement, histories, beside, start, until)
    from wsla.sources.files.tables import NotInColumns

    try:
        return _of_files(agreement, histories, beside, start, until)
    except NotInColumns:
        return _of_files(agreement, Histories(files, zone, columns=False), beside, start, until)


def _of_files(
    agreement: Agreement,
    histories: Histories,
    beside: list[Observation],
    start: Moment | None,
    until: Moment | None,
) -> Report:
    together = sorted([*beside, *histories.observations], key=lambda observation: observation.at)
    # To look for the first and the last instant takes as long as to read a column.
    instants = histories.instants() if start is None or until is None else []
    start_ns, until_ns = _stretch(agreement, together, instants, start, until)
    if histories.in_columns:
        report = judge_columns(agreement, histories.batches(), start_ns, until_ns, together)
    else:
        report = judge(agreement, together, start_ns, until_ns)
    return evolve(report, rejects=histories.rejects)


def _stretch(
    agreement: Agreement,
    observations: list[Observation],
    instants: list[int],
    start: Moment | None,
    until: Moment | None,
) -> tuple[int, int]:
    ends = [*instants, *(observation.at for observation in (*observations[:1], *observations[-1:]))]
    term_start = agreement.plan.effective_start
    start_ns = max(term_start, min(ends, default=term_start)) if start is None else agreement.instant(start)
    last = max(ends) + 1 if ends else term_start
    return start_ns, max(last, start_ns) if until is None else agreement.instant(until)


LONG: Final = 170_000
"""Observations from which on columns are faster than one observation after the other, loading numpy included."""


def judge(agreement: Agreement, observations: Iterable[Observation], start: int, until: int) -> Report:
    """As ``evaluate``, for observations in order of time and bounds in nanoseconds."""
    coming = iter(observations)
    first = list(islice(coming, LONG))
    if len(first) == LONG and find_spec("numpy") is not None:
        return judge_columns(agreement, (), start, until, chain(first, coming))
    evaluator = StreamEvaluator(agreement.plan, start)
    known = (one for one in chain(first, coming) if one.at < until)
    evaluator.observe_all(known)
    return _report(agreement, evaluator.outcome(until))


def judge_columns(
    agreement: Agreement,
    streams: Iterable[Streams],
    start: int,
    until: int,
    observations: Iterable[Observation] = (),
    stage: FirstStage | None = None,
) -> Report:
    """As ``judge``, for samples in columns, each stream once and only a few of them in memory at a time.

    ``observations`` are those of other sources, in the order of their coming. A first ``stage`` of its own has some
    sources from elsewhere. Needs numpy.
    """
    from wsla.evaluation.batch.evaluator import BatchEvaluator, FirstStage

    evaluator = BatchEvaluator(agreement.plan, start, until, FirstStage() if stage is None else stage)
    evaluator.observe(observations)
    for stream in streams:
        evaluator.take(stream)
    return _report(agreement, evaluator.outcome())


def _report(agreement: Agreement, outcome: Outcome) -> Report:
    plan = agreement.plan
    metrics = outcome.metrics
    if plan.judges_from is not None or plan.judges_until is not None:
        metrics = {
            name: tuple(point for point in points if plan.judges(point.window))
            for name, points in metrics.items()
        }
    return Report(
        agreement=agreement,
        start=outcome.start,
        until=outcome.until,
        judgements=outcome.judgements,
        metrics=metrics,
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
    instant, said = agreement.instant(at), tuple(judged)
    report = evaluate(agreement, data, start, corrections.judged_until(agreement.plan, said, instant))
    return corrections.correct(agreement.plan, said, report.judgements, booked, instant)


def evaluate_versions(
    agreements: Iterable[Agreement], data: Data, start: Moment | None = None, until: Moment | None = None
) -> tuple[Report, ...]:
    """Judges history by the versions of one agreement: a report for each that takes effect before ``until``.

    A window is judged by the version that was in force when it began, unless an amendment takes over the windows under
    way. ``data`` has what all of them measure. Raises as ``versions_of`` and ``evaluate`` do.
    """
    rows: Data
    if isinstance(data, Mapping):
        rows = {name: one if isinstance(one, Path) else list(one) for name, one in data.items()}
    else:
        rows = list(data)
    reports = []
    versions = versions_of(agreements)
    first, last = _bounds(versions, rows)
    since = first if start is None else versions[0].instant(start)
    end = max(last, since) if until is None else versions[0].instant(until)
    for agreement in versions:
        known = {source.name for source in agreement.plan.sources}
        own: Data = (
            {name: found for name, found in rows.items() if name in known}
            if isinstance(rows, Mapping)
            else [observation for observation in rows if observation.source in known]
        )
        begin = max(since, agreement.plan.effective_start)
        if begin < end:
            reports.append(evaluate(agreement, own, begin, end))
    return tuple(reports)


def _bounds(versions: tuple[Agreement, ...], data: Data) -> tuple[int, int]:
    """(the first instant at which there is something to judge, just after the last)."""
    from wsla.sources.files.history import ends_of

    instants = [end for agreement in versions for end in ends_of(agreement.plan, data)]
    start = versions[0].plan.effective_start
    return max(start, min(instants, default=start)), max(instants, default=start - 1) + 1
