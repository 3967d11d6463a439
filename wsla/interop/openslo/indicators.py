"""Indicators: where good, bad and all are counted becomes a source, and what is measured a formula without a window."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from attrs import define, field, frozen

from wsla.diagnostics.source import Span
from wsla.interop.openslo.context import Context, Thing
from wsla.interop.openslo.kept import first_of, has_secrets, value_of, without
from wsla.interop.openslo.schema import OPERATORS, number_of, plain
from wsla.interop.openslo.tree import Node
from wsla.interop.writing import identifier, quoted

EVERY: Final = "1m"
_ADDRESS: Final = re.compile(r"https?://[^\s\"]{1,2000}")
_PROMETHEUS: Final = "prometheus"
_COUNTS: Final = ("good", "bad", "total", "raw")


@frozen(kw_only=True)
class Query:
    """What is asked, and of whom: a type such as ``Prometheus``, the name of a data source, or an address."""

    node: Node
    type: str
    text: str
    reference: str = ""
    address: str = ""


@frozen(kw_only=True)
class Indicator:
    """A source and what it tells: ``counted`` is a ratio as a formula, ``value`` a field that is compared."""

    source: str
    counted: str = ""
    value: str = ""

    def formula(self, compared: str) -> str:
        """The share that an objective is about; ``compared`` is such as ``< 500``."""
        return self.counted or f"share({self.value} {compared})"


@define
class Indicators:
    """The sources that the indicators of a file need; one that several objectives share is declared once."""

    context: Context
    lines: list[str] = field(factory=list)
    _made: dict[str, Indicator] = field(factory=dict)

    def of_thing(self, sli: Thing) -> Indicator:
        """The indicator of an object SLI."""
        if sli.name not in self._made:
            about = without(
                {"kind": "SLI", **value_of(sli.node)},
                ("apiVersion",),
                ("spec", "ratioMetric"),
                ("spec", "thresholdMetric"),
            )
            self._made[sli.name] = self._indicator(sli.name, _spec(sli.node), sli.version, about, sli.place)
        return self._made[sli.name]

    def inline(self, node: Node, slo: Thing, name: str) -> Indicator:
        """An indicator that stands in an objective's own object."""
        about = {
            "kind": "SLI",
            **without(
                value_of(node),
                ("apiVersion",),
                ("kind",),
                ("spec", "ratioMetric"),
                ("spec", "thresholdMetric"),
            ),
        }
        own = node.string("metadata", "name") or name
        key = f"{slo.name}/{own}"
        if key not in self._made:
            self._made[key] = self._indicator(own, _spec(node), slo.version, about, node.span)
        return self._made[key]

    def of_alpha(self, metric: Node, slo: Thing, name: str) -> Indicator:
        """The indicator of v1alpha: a metric, or counts of good and all."""
        key = f"{slo.name}/{name}"
        if key not in self._made:
            self._made[key] = self._indicator(name, metric, slo.version, {}, metric.span)
        return self._made[key]

    def missing(self, name: str, *, threshold: bool) -> Indicator:
        """One that stands in no file that was read: its observations are pushed."""
        key = f"?{name}"
        if key not in self._made:
            own = self.context.names.fresh(name, "indicator")
            self.lines.append(f"source {own} = push every {EVERY}")
            self._made[key] = (
                Indicator(source=own, value=f"{own}.value")
                if threshold
                else Indicator(source=own, counted=_ratio(own, counter=False, bad=False))
            )
        return self._made[key]

    def _indicator(
        self, name: str, spec: Node, version: str, about: dict[str, Any], place: Span
    ) -> Indicator:
        own = self.context.names.fresh(name, "indicator")
        if about.get("metadata", {}).get("name") == own:
            about = without(about, ("metadata", "name"))
        ratio = spec.get("ratioMetric") or spec.get("ratioMetrics")
        threshold = spec.get("thresholdMetric")
        holder = ratio or threshold
        assert holder is not None
        parts = (
            {key: node for key in _COUNTS if (node := ratio.get(key)) is not None}
            if ratio is not None
            else {"value": holder}
        )
        queries = {key: self._query(node, version) for key, node in parts.items()}
        self.lines += self._source(own, queries, about, place, name)
        if ratio is None:
            return Indicator(source=own, value=f"{own}.value")
        if "raw" in parts:
            mean = f"mean({own}.raw)"
            return Indicator(
                source=own, counted=f"100% - {mean}" if ratio.string("rawType") == "failure" else mean
            )
        counter = ratio.string("counter") or ratio.string("incremental")
        if not counter:
            self.context.remark(
                "W1204",
                ratio.span,
                "`counter` does not say whether the counts only grow; they are read as counts since the last one",
            )
        bad = "bad" in parts
        return Indicator(source=own, counted=_ratio(own, counter=counter == "true", bad=bad))

    def _query(self, node: Node, version: str) -> Query:
        if version.endswith("v1alpha"):
            return Query(
                node=node,
                type=node.string("source"),
                text=node.string("query"),
                reference=node.string("source"),
            )
        source = node.get("metricSource") or node
        reference = source.get("metricSourceRef") or source.get("dataSourceRef")
        kind = source.string("type") or source.string("dataSourceSpec", "type")
        text = source.string("spec", "query") or source.string("spec", "promql")
        address = _address(source.get("dataSourceSpec", "connectionDetails"))
        name = ""
        if reference is not None:
            name = reference.text.strip()
            found = self.context.find("DataSource", reference)
            if found is not None:
                kind = first_of((kind, found.node.string("spec", "type")))
                address = _address(found.node.get("spec", "connectionDetails"))
        return Query(node=node, type=kind, text=text, reference=name, address=address)

    def _source(
        self, own: str, queries: dict[str, Query], about: dict[str, Any], place: Span, name: str
    ) -> Iterator[str]:
        asked = all(_askable(one) for one in queries.values())
        servers = {(one.reference, one.address) for one in queries.values()}
        if not asked or len(servers) > 1:
            metrics = {key: value_of(one.node) for key, one in queries.items()}
            secret = (
                ", without what looks like a secret,"
                if any(has_secrets(one.node) for one in queries.values())
                else ""
            )
            value = {"kind": "SLI", **about, "metrics": metrics}
            yield self.context.keep(place, value, f"how the indicator `{name}` is measured{secret}")
            yield f"source {own} = push every {EVERY}"
            return
        ((reference, address),) = servers
        value = dict(about)
        if reference:
            value["dataSource"] = reference
        if set(value) - {"kind"}:
            yield self.context.keep(place, {"kind": "SLI", **value}, f"what describes the indicator `{name}`")
        text = quoted(address) if address else f"env {variable(reference)}"
        yield f"source {own} = prometheus {text} every {EVERY} {{"
        for key, one in queries.items():
            yield f"{key} {quoted(one.text)}"
        yield "numbers rounded"
        yield "}"


def compared(objective: Node) -> str:
    """The operator and value of an objective about a threshold, such as ``< 500``."""
    value = number_of(objective.string("value"))
    assert value is not None
    return f"{OPERATORS[objective.string('op') or 'lte']} {plain(value)}"


def _spec(node: Node) -> Node:
    found = node.get("spec")
    assert found is not None
    return found


def _ratio(own: str, *, counter: bool, bad: bool) -> str:
    function = "increase" if counter else "sum"
    part = f"{function}({own}.{'bad' if bad else 'good'}) / {function}({own}.total)"
    return f"100% - {part}" if bad else part


def _askable(query: Query) -> bool:
    """True where a source of kind prometheus can ask it: one query, without the holes that templates leave."""
    spec = query.node.get("metricSource", "spec") or query.node.get("spec")
    alone = spec is None or len(spec.entries) == 1
    text = query.text
    return (
        query.type.casefold() == _PROMETHEUS
        and alone
        and bool(text)
        and "{{" not in text
        and "$" not in text
        and "#" not in text
    )


def _address(details: Node | None) -> str:
    """The address of a server among the details of a connection, empty where none is there."""
    if details is None:
        return ""
    parts = details.items or (details,)
    stated = [one.string(key) for one in parts for key in ("url", "address", "endpoint", "host")]
    return first_of(one for one in stated if _ADDRESS.fullmatch(one))


def variable(reference: str) -> str:
    """The name under which the deployment supplies the address of a data source."""
    stem = re.sub(r"\W+", "_", identifier(reference or _PROMETHEUS), flags=re.ASCII).strip("_").upper()
    return f"{stem or 'PROMETHEUS'}_URL"
