"""The machine's state as JSON holds it: integers, texts, lists; fractions as ``{"ratio": "a/b"}``."""

from __future__ import annotations

from collections import deque
from typing import Any

from wsla.evaluation.report import SeriesPoint
from wsla.evaluation.stream.exact import text_of, value_of
from wsla.evaluation.stream.inlets import Held, Holder, Stream
from wsla.evaluation.stream.judging import load_judgement, save_judgement
from wsla.evaluation.stream.layout import Layout
from wsla.evaluation.stream.machine import Machine
from wsla.evaluation.stream.over_series import load_series, save_series
from wsla.evaluation.verdicts import Judgement, Labels
from wsla.values.instants import Interval
from wsla.values.observations import Observation


def save_labels(labels: Labels) -> list[list[str]]:
    """Labels as JSON holds them."""
    return [list(label) for label in labels]


def load_labels(saved: Any) -> Labels:
    """What ``save_labels`` gave."""
    return tuple((name, value) for name, value in saved)


def save_observation(observation: Observation) -> list[object]:
    """An observation as JSON holds it."""
    return [
        observation.source,
        observation.at,
        dict(observation.fields),
        observation.reason,
        observation.failure,
    ]


def load_observation(saved: Any) -> Observation:
    """What ``save_observation`` gave."""
    if isinstance(saved, Observation):
        return saved
    source, at, fields, reason, failure = saved
    return Observation(source=source, at=at, fields=fields, reason=reason, failure=failure)


def save_machine(machine: Machine) -> dict[str, object]:
    """Everything that the machine knows, in what nobody changes later; ``plain`` writes it as JSON holds it."""
    wiring = machine.wiring
    return {
        "now": machine.now,
        "start": machine.start,
        "live": machine.live,
        "keep": machine.keep,
        "pending": list(machine.pending),
        "touched": [_name(holder, machine) for holder in machine.touched],
        "seen": list(wiring.seen),
        "streams": [
            [stream.source, stream.labels, stream.at, stream.values.copy()]
            for inlet in wiring.inlets.values()
            # A restored machine may have met them in another order.
            for _, stream in sorted(inlet.streams.items())
            if stream.seen
        ],
        "tables": {name: table.save() for name, table in wiring.tables.items()},
        "announcing": {
            name: table.save()
            for name, table in wiring.announcing.items()
            if table is not wiring.tables[name]
        },
        "held": [[index, labels, held.value] for (index, labels), held in wiring.held.items()],
        "past": [[index, labels, signal.save()] for (index, labels), signal in wiring.past.items()],
        "recent": [[index, labels, list(last)] for (index, labels), last in wiring.recent.items()],
        "tallies": [[index, labels, tally.save()] for (index, labels), tally in wiring.tallies.items()],
        "watches": [
            [condition, labels, watch.save(), watch in wiring.turned]
            for (condition, labels), watch in wiring.watches.items()
        ],
        "before": [[index, labels, save_series(value)] for (index, labels), value in wiring.before.items()],
        "runs": [
            [index, labels, run.save()]
            for index, series in wiring.series.items()
            for labels, run in series.runs.items()
        ],
        "ghosts": [
            [index, series.ghost.save()]
            for index, series in wiring.series.items()
            if series.ghost is not None
        ],
        "awaiting": list(machine.awaiting),
        "triggers": [
            [number, labels, list(trigger.history), trigger.emitted]
            for (number, labels), trigger in wiring.triggers.items()
        ],
        "begun": [[trigger.number, trigger.combination] for trigger in wiring.begun],
        "started": machine.started,
        "ends": machine.ends,
        "judged": list(machine.judged),
        "points": {
            name: [
                [point.labels, point.window.start, point.window.end, save_series(point.value)]
                for point in points
            ]
            for name, points in machine.points.items()
        },
    }


def plain(saved: Any) -> Any:
    """What ``save_machine`` gave, as JSON holds it."""
    kind = type(saved)
    if kind is int or kind is str or saved is None or kind is bool:
        return saved
    if kind is dict:
        return {name: plain(value) for name, value in saved.items()}
    if kind is list or kind is tuple:
        return [plain(value) for value in saved]
    if kind is Judgement:
        return save_judgement(saved)
    if kind is Observation:
        return save_observation(saved)
    return text_of(saved)


def load_machine(layout: Layout, saved: Any) -> Machine:
    """A machine in the state that ``save_machine`` found."""
    machine = Machine(layout, saved["start"], live=saved["live"], keep=saved["keep"])
    wiring = machine.wiring
    for source, labels, at in saved["seen"]:
        wiring.introduce(layout.sources[source], load_labels(labels), at)
    for source, labels, at, values in saved["streams"]:
        stream = wiring.inlets[source].stream(load_labels(labels))
        stream.seen, stream.at = True, at
        if not stream.labels:
            wiring.inlets[source].only = stream
        stream.values[:] = [value_of(value) for value in values]
    for name, table in saved["tables"].items():
        wiring.tables[name].load(table)
    for name, table in saved.get("announcing", {}).items():
        wiring.announcing[name].load(table)
    for index, labels, value in saved["held"]:
        wiring.hold(index, load_labels(labels)).value = value_of(value)
    for index, labels, signal in saved["past"]:
        wiring.remembering(index, None if labels is None else load_labels(labels)).load(signal)
    for index, labels, last in saved["recent"]:
        wiring.recent[index, load_labels(labels)] = deque(last, maxlen=machine.state(index).of_last)
    for index, labels, tally in saved.get("tallies", ()):
        wiring.tally(index, load_labels(labels)).load(tally)
    wiring.turned.clear()
    for condition, labels, watch, turned in saved.get("watches", ()):
        found = wiring.watches[condition, None if labels is None else load_labels(labels)]
        found.load(watch)
        if turned:
            wiring.turned.append(found)
    for index, labels, value in saved["before"]:
        wiring.before[index, load_labels(labels)] = load_series(value)
    for index, labels, run in saved["runs"]:
        wiring.series[index].runs[load_labels(labels)].load(run)
    for index, run in saved["ghosts"]:
        ghost = wiring.series[index].ghost
        if ghost is not None:
            ghost.load(run)
    for number, labels, history, emitted in saved["triggers"]:
        trigger = wiring.triggers[number, load_labels(labels)]
        trigger.history = [(at, value) for at, value in history]
        trigger.emitted = emitted
    wiring.begun[:] = [wiring.triggers[number, load_labels(labels)] for number, labels in saved["begun"]]
    wiring.joiners.clear()
    machine.now = saved["now"]
    machine.started = saved["started"]
    machine.ends = saved["ends"]
    machine.pending = [load_observation(observation) for observation in saved["pending"]]
    machine.touched = [_find(name, machine) for name in saved["touched"]]
    machine.awaiting = [
        (due, load_judgement(judgement), load_labels(labels)) for due, judgement, labels in saved["awaiting"]
    ]
    machine.judged = [load_judgement(judgement) for judgement in saved["judged"]]
    machine.points = {
        name: [
            SeriesPoint(labels=load_labels(labels), window=Interval(start, end), value=load_series(value))
            for labels, start, end, value in points
        ]
        for name, points in saved["points"].items()
    }
    machine.plan_ahead()
    return machine


def _name(holder: Holder, machine: Machine) -> list[object]:
    if isinstance(holder, Stream):
        return ["stream", holder.source, save_labels(holder.labels)]
    for (number, combination), signal in machine.wiring.past.items():
        if signal is holder:
            return ["past", number, None if combination is None else save_labels(combination)]
    for (index, labels), held in machine.wiring.held.items():
        if held is holder:
            return ["held", index, save_labels(labels)]
    raise ValueError("a holder that nobody reads")


def _find(name: Any, machine: Machine) -> Stream | Held:
    kind, first, labels = name
    if kind == "stream":
        return machine.wiring.inlets[first].stream(load_labels(labels))
    if kind == "past":
        return machine.wiring.remembering(first, None if labels is None else load_labels(labels))
    return machine.wiring.hold(first, load_labels(labels))
