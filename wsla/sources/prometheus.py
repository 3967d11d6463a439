"""The prometheus source: asks a server each query once, and takes every series of the answer for a stream."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from attrs import evolve, field, frozen

from wsla.analysis.checked import Field
from wsla.evaluation.cells import EncodingError, encode
from wsla.ports import Clock
from wsla.sources.http.decoding import text_of
from wsla.sources.http.exchange import Answer, Trace
from wsla.sources.http.prober import HttpProber
from wsla.sources.http.target import HttpTarget
from wsla.sources.network.failures import Failure
from wsla.sources.targets import Deployed
from wsla.values.instants import MILLISECOND
from wsla.values.observations import Observation, Raw

MOST_SERIES: Final = 10_000
"""Series that one answer may hold."""
_LARGEST_ANSWER: Final = 16 * 1024 * 1024
_FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")

Labels = tuple[str, ...]


@frozen(kw_only=True)
class PrometheusTarget:
    """What one prometheus source asks. ``asked`` is the server; ``queries`` are the fields, whose columns are queries;
    ``labels`` are fields whose columns are labels of the series."""

    source: str
    asked: HttpTarget = field(repr=False)
    queries: tuple[Field, ...]
    labels: tuple[Field, ...]
    timeout: int

    @property
    def host(self) -> str:
        """The host that is asked."""
        return self.asked.location.host

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields of every observation."""
        return tuple(one.name for one in (*self.labels, *self.queries))

    @property
    def shown(self) -> str:
        """The server."""
        return self.asked.location.where


def from_options(deployed: Deployed) -> PrometheusTarget:
    """The target of a prometheus source. Raises SourceError where an option cannot be used."""
    source = deployed.declared
    if source.records:
        raise deployed.wrong("a query gives samples, no records")
    given = [one for one in source.fields if one.name != source.at]
    queries = tuple(one for one in given if one.name not in source.labels)
    if not queries:
        raise deployed.wrong("no field of it is used, so there is nothing to ask")
    asked = HttpTarget(
        source=source.name,
        url=(deployed.text("url") or "").rstrip("/") + "/api/v1/query",
        method="POST",
        headers=(_FORM,),
        timeout=deployed.timeout,
        expected_status=((200, 599),),
        expected_text='"status"',
        follow_redirects=False,
        max_body=_LARGEST_ANSWER,
        verify_tls=deployed.verify_tls is not False,
        ca_file=deployed.ca_file,
        reach=deployed.reach,
    )
    return PrometheusTarget(
        source=source.name,
        asked=asked,
        queries=queries,
        labels=tuple(one for one in given if one.name in source.labels),
        timeout=deployed.timeout,
    )


class _Unclear(Exception):
    """There is no answer, or none of use; a word and a sentence for the observation."""

    def __init__(self, reason: str, failure: str = Failure.OBSERVER_QUERY.value) -> None:
        super().__init__(reason)
        self.reason = reason
        self.failure = failure


class _Asking(HttpProber):
    """One request, whose answer is kept."""

    text: str | None = None

    def _judge(self, answer: Answer, trace: Trace) -> None:
        self.text = text_of(answer.body, answer.content_type)


class PrometheusProber:
    """Asks all queries of a source at once. What the latest look found is in ``found``, a stream each."""

    def __init__(self, target: PrometheusTarget, clock: Clock) -> None:
        self._target: Final = target
        self._clock: Final = clock
        self._asking: Final[set[_Asking]] = set()
        self._closed = False
        self.found: dict[Labels, Observation] = {}

    async def probe(self, at: int) -> Observation:
        """The first of the observations stamped ``at``; one without values where there is none."""
        self.found = {}
        target = self._target
        try:
            answers = await asyncio.gather(*(self._ask(one.column or one.name, at) for one in target.queries))
            values: dict[Labels, dict[str, Raw]] = {}
            for query, answer in zip(target.queries, answers, strict=True):
                self._read(query, answer, values)
        except _Unclear as problem:
            return self.unknown(at, problem.reason, problem.failure)
        if not values:
            return self.unknown(at, "the answer holds no series", Failure.OBSERVER_QUERY.value)
        unknown: dict[str, Raw] = dict.fromkeys(target.fields)
        self.found = {
            labels: Observation(
                source=target.source, at=at, fields={**unknown, **self.labelled(labels), **found}
            )
            for labels, found in values.items()
        }
        return next(iter(self.found.values()))

    def labelled(self, labels: Labels) -> dict[str, Raw]:
        """The fields of the labels of a stream."""
        return {one.name: value for one, value in zip(self._target.labels, labels, strict=True)}

    def unknown(self, at: int, reason: str, failure: str) -> Observation:
        """An observation that knows nothing."""
        fields = dict.fromkeys(self._target.fields)
        return Observation(source=self._target.source, at=at, fields=fields, reason=reason, failure=failure)

    async def close(self) -> None:
        """End the looks that run and refuse further ones."""
        self._closed = True
        for one in tuple(self._asking):
            await one.close()

    async def _ask(self, query: str, at: int) -> list[Any]:
        seconds, rest = divmod(at // MILLISECOND, 1000)
        form = urlencode({"query": query, "time": f"{seconds}.{rest:03}"}).encode()
        asking = _Asking(evolve(self._target.asked, body=form), self._clock)
        if self._closed:
            await asking.close()
        self._asking.add(asking)
        try:
            seen = await asking.probe(at)
        finally:
            self._asking.discard(asking)
        if asking.text is None or seen.failure == Failure.TIMEOUT:
            # That a server of measurements is down says nothing about what it measures.
            own = seen.failure is not None and seen.failure.startswith("observer-")
            failure = seen.failure if own and seen.failure is not None else Failure.OBSERVER_QUERY.value
            raise _Unclear(seen.reason or "there is no answer", failure)
        return _series(asking.text, self._target.shown)

    def _read(self, query: Field, series: list[Any], values: dict[Labels, dict[str, Raw]]) -> None:
        """Puts the values of one answer to their streams."""
        for one in series:
            try:
                metric, (_, text) = one["metric"], one["value"]
                labels = tuple(
                    str(metric.get(label.column or label.name, "")) for label in self._target.labels
                )
                raw = None if text == "NaN" else encode(query, text)
            except EncodingError as problem:
                raise _Unclear(f"{query.name}: {problem}") from None
            except (KeyError, TypeError, ValueError, AttributeError):
                raise _Unclear("the answer is not one of Prometheus") from None
            if "" in labels:
                missing = self._target.labels[labels.index("")]
                raise _Unclear(f"a series lacks the label {missing.column or missing.name}")
            known = values.setdefault(labels, {})
            if query.name in known:
                raise _Unclear("the answer holds several series that no label of the source tells apart")
            known[query.name] = raw


def _series(text: str, where: str) -> list[Any]:
    try:
        said = json.loads(text, parse_float=Decimal)
        if said["status"] != "success":
            raise _Unclear(f"{where} refuses the query: {str(said.get('error'))[:200]}")
        kind, result = said["data"]["resultType"], said["data"]["result"]
        if kind == "scalar":
            return [{"metric": {}, "value": result}]
        if kind != "vector":
            raise _Unclear(f"the query gives a {str(kind)[:20]}, where one value a series is wanted")
        if len(result) > MOST_SERIES:
            raise _Unclear(f"the answer holds more than {MOST_SERIES} series")
        return list(result)
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError):
        raise _Unclear(f"{where} gives no answer of Prometheus") from None
