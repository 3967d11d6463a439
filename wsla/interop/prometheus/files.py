"""The two files of an export: rules in groups, one for each length between two looks, and their unit tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from wsla.interop.formats import ExportedFile
from wsla.interop.prometheus.alerts import Alert
from wsla.interop.prometheus.conditions import text_of
from wsla.interop.prometheus.promql import decimal, duration
from wsla.interop.prometheus.recording import Recording
from wsla.interop.prometheus.scenarios import Scenario
from wsla.interop.prometheus.sources import Sources
from wsla.interop.prometheus.writing import Value, document, templated

_LABEL_IN_TESTS = "a"


def rules_file(
    stem: str, title: str, recordings: Iterable[Recording], alerts: Sequence[Alert], remarks: Iterable[str]
) -> ExportedFile:
    """The rules. Those of a group are evaluated in their order, so each finds what it rests on at its own instant."""
    listed = list(recordings)
    lengths = sorted({*(one.every for one in listed), *(one.every for one in alerts)})
    groups: list[Value] = []
    for every in lengths:
        rules: list[Value] = [
            {"record": one.record, "expr": one.expr, "labels": {"agreement": title}}
            for one in listed
            if one.every == every
        ]
        rules += [_alert(one) for one in alerts if one.every == every]
        groups.append(
            {"name": f"{title}, every {duration(every)}", "interval": duration(every), "rules": rules}
        )
    return ExportedFile(name=f"{stem}.rules.yaml", text=document({"groups": groups}, remarks))


def _alert(one: Alert) -> Value:
    held: Mapping[str, Value] = {"for": duration(one.holding_for)} if one.holding_for else {}
    return {
        "alert": one.name,
        "expr": text_of(one.condition),
        **held,
        "labels": dict(one.labels),
        "annotations": {key: templated(value) for key, value in one.annotations.items()},
    }


def tests_file(
    own: str,
    stem: str,
    every: int,
    scenarios: Sequence[Scenario],
    sources: Sources,
    remarks: Iterable[str],
) -> ExportedFile:
    """The unit tests of the rules in ``stem``'s file, for ``promtool test rules``."""
    return ExportedFile(
        name=f"{own}.test.yaml",
        text=document(
            {
                "rule_files": [f"{stem}.rules.yaml"],
                "evaluation_interval": duration(every),
                "tests": [_test(one, every, sources) for one in scenarios],
            },
            remarks,
        ),
    )


def _test(one: Scenario, every: int, sources: Sources) -> Value:
    at = duration(one.looks * every)
    given = _samples(one, sources) if one.fields else _windows(one)
    series: list[Value] = [
        {"series": _series(selector, labels), "values": f"{values}x{one.looks}"}
        for selector, labels, values in given
    ]
    labels = {**dict.fromkeys(one.alert.by, _LABEL_IN_TESTS), **one.alert.labels}
    fired: list[Value] = [{"exp_labels": labels, "exp_annotations": dict(one.alert.annotations)}]
    return {
        "name": f"{one.alert.name} {'fires' if one.fires else 'does not fire'}: {one.title}",
        "interval": duration(every),
        "input_series": series,
        "alert_rule_test": [
            {"eval_time": at, "alertname": one.alert.name, "exp_alerts": fired if one.fires else []}
        ],
    }


def _samples(one: Scenario, sources: Sources) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """(selector, labels, first value and step) of what is observed."""
    for key, value in one.fields.items():
        stream = sources.samples[key]
        grown = key in one.grown
        yield stream.selector, stream.labels, f"0+{_written(value)}" if grown else f"{_written(value)}+0"


def _windows(one: Scenario) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """The same of what the windows come to."""
    for term, value in one.windows.items():
        yield term.selector, term.labels, f"{_written(value)}+0"


def _series(selector: str, labels: tuple[str, ...]) -> str:
    metric, _, given = selector.partition("{")
    told = ", ".join([*(f'{label}="{_LABEL_IN_TESTS}"' for label in labels), given.removesuffix("}")])
    return f"{metric}{{{told}}}"


def _written(value: Fraction) -> str:
    made = decimal(value)
    assert made is not None
    return made
