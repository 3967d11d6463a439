"""What sources observe, as series: the one place where an agreement's fields are bound to metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from attrs import define, field, frozen

from wsla.analysis.checked import Field, Source
from wsla.analysis.types import InstantType, NumberType, TextType
from wsla.diagnostics.source import Span
from wsla.interop.prometheus.promql import LABEL, balanced, duration, name, quoted, reach
from wsla.interop.prometheus.recording import Recorder
from wsla.interop.prometheus.terms import Assigned
from wsla.interop.prometheus.unsaid import Unsaid
from wsla.values.instants import DAY, MILLISECOND, SECOND
from wsla.values.quantities import TIME

_SECONDS: Final = Fraction(SECOND)
_TAKEN: Final = frozenset({"agreement", "goal", "party", "severity", "alertname"})
_ADDRESSED: Final = MappingProxyType(
    {"http": "url", "tcp": "address", "tls": "address", "dns": "name", "icmp": "address"}
)
_PROBED: Final = MappingProxyType(
    {
        "ok": "probe_success{instance=%s}",
        "elapsed": "probe_duration_seconds{instance=%s}",
        "status": "probe_http_status_code{instance=%s}",
        "certificate_left": "probe_ssl_earliest_cert_expiry{instance=%s} - time()",
    }
)
"""What Prometheus' blackbox exporter calls the fields of a look from outside."""


@frozen(kw_only=True)
class Stream:
    """A series with one value a look: how it is selected, what it is called, its labels, how often it is recorded.

    ``kind`` is ``sample``, ``held`` or ``step``. ``factor`` turns its values into the base unit of their type.
    ``steady`` is its value where fields never change.
    """

    selector: str
    kind: str
    stem: str
    labels: tuple[str, ...]
    every: int
    factor: Fraction
    steady: Callable[[Assigned], Fraction | None] = field(eq=False, repr=False)


@define
class Sources:
    """The sources of an agreement; ``bound`` has the metrics that each of them is read from, by its name."""

    declared: Mapping[str, Source]
    recorder: Recorder
    bound: dict[str, list[str]] = field(factory=dict)
    steps: dict[tuple[str, str], str] = field(factory=dict)
    samples: dict[tuple[str, str], Stream] = field(factory=dict)

    def sample(self, source_name: str, field_name: str, span: Span) -> Stream:
        """The values of a field as they are looked up. Raises Unsaid."""
        key = (source_name, field_name)
        if key not in self.samples:
            source = self.declared[source_name]
            every, labels = self._frame(source, span)
            found = next(one for one in source.fields if one.name == field_name)
            query, factor = self._query(source, found, span)
            stem = name(source_name, field_name)
            selector = self.recorder.record(labels, stem, "sample", _bound(query, labels), every)
            self.samples[key] = Stream(
                selector=selector,
                kind="sample",
                stem=stem,
                labels=labels,
                every=every,
                factor=factor,
                steady=lambda assigned: assigned.get(key),
            )
        return self.samples[key]

    def held(self, source_name: str, field_name: str, span: Span) -> Stream:
        """The values of a field as a signal: what was seen last holds for as long as the source says. Raises Unsaid."""
        sample = self.sample(source_name, field_name, span)
        staleness = self.declared[source_name].staleness
        if staleness is None:
            raise Unsaid("a sample that holds until the next one, however long that takes", span)
        expr = f"last_over_time({sample.selector}[{reach(staleness)}])"
        selector = self.recorder.record(sample.labels, sample.stem, "held", expr, sample.every)
        return Stream(
            selector=selector,
            kind="held",
            stem=sample.stem,
            labels=sample.labels,
            every=sample.every,
            factor=sample.factor,
            steady=sample.steady,
        )

    def step(self, source_name: str, field_name: str, span: Span) -> Stream:
        """By how much a counter has grown since the look before; what it has where it began anew. Raises Unsaid."""
        sample = self.sample(source_name, field_name, span)
        expr = f"last_over_time({sample.selector}[{duration(DAY)}] offset {duration(sample.every)})"
        before = self.recorder.record(sample.labels, sample.stem, "previous", expr, sample.every)
        expr = f"{sample.selector} - {before} >= 0\nor\nclamp_min({sample.selector} and {before}, 0)"
        selector = self.recorder.record(sample.labels, sample.stem, "step", expr, sample.every)
        self.steps[source_name, field_name] = selector
        return Stream(
            selector=selector,
            kind="step",
            stem=sample.stem,
            labels=sample.labels,
            every=sample.every,
            factor=sample.factor,
            steady=sample.steady,
        )

    def columns(self, source_name: str, labels: tuple[str, ...]) -> tuple[str, ...]:
        """What Prometheus calls some labels of a source."""
        fields = {one.name: one for one in self.declared[source_name].fields}
        return tuple(sorted(_column(fields[one]) for one in labels))

    def _frame(self, source: Source, span: Span) -> tuple[int, tuple[str, ...]]:
        if source.records:
            raise Unsaid("records: Prometheus has samples only", span)
        if source.every is None:
            raise Unsaid(
                f"a source that does not say how often it is looked at, such as `{source.name}`", span
            )
        if source.every < SECOND or source.every % MILLISECOND:
            raise Unsaid("looks that are closer to one another than a second", span)
        labels = self.columns(source.name, source.labels)
        for one in labels:
            if not LABEL.fullmatch(one) or one in _TAKEN or one.startswith("__"):
                raise Unsaid(f"a label that is called `{one}`", source.span)
        return source.every, labels

    def _query(self, source: Source, found: Field, span: Span) -> tuple[str, Fraction]:
        if isinstance(found.type, TextType | InstantType):
            raise Unsaid("texts and points in time: the values of Prometheus are numbers", span)
        if source.kind == "prometheus":
            query = found.column or found.name
            if not balanced(query):
                where = f"{source.name}.{found.name}"
                raise Unsaid(
                    f"a bracket or a quote in the query of `{where}` is not closed", source.span, "W1304"
                )
            if _is_number(query):
                raise Unsaid(f"`{source.name}.{found.name}`, which is a plain number in every look", span)
            return query, found.unit_factor
        address = source.options.get(_ADDRESSED.get(source.kind, ""))
        if isinstance(address, str) and found.name in _PROBED:
            query = _PROBED[found.name] % quoted(address)
        else:
            query = name(source.name, found.name)
        self.bound.setdefault(source.name, []).append(query)
        timed = isinstance(found.type, NumberType) and found.type.dimension == TIME
        return query, _SECONDS if timed else Fraction(1)


def _column(label: Field) -> str:
    return label.column or label.name


def _is_number(query: str) -> bool:
    try:
        float(query)
    except ValueError:
        return False
    return True


def _bound(query: str, labels: tuple[str, ...]) -> str:
    """The query, where no series has the labels of another; what is no number, or without end, is no answer."""
    by = f" by ({', '.join(labels)})" if labels else ""
    lines = "\n".join(f"    {line}" for line in query.strip().splitlines())
    single = f"max{by} (\n{lines}\n  )\n  unless\n  count{by} (\n{lines}\n  ) > 1"
    return f"(\n  {single}\n) > -Inf < Inf"
