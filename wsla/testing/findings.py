"""The form in which a failed expectation is explained: facts, items, grounds, and a small picture of the window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from fractions import Fraction

from attrs import frozen

from wsla.analysis.operations import (
    Across,
    Active,
    Aggregate,
    Debounced,
    Due,
    Elapsed,
    Idle,
    Latest,
    Limited,
    Negation,
    Previous,
    SourceField,
    Sustained,
    Value,
    VerdictCount,
    VerdictState,
)
from wsla.analysis.types import NumberType, ValueType
from wsla.evaluation.verdicts import Labels, SeriesValue
from wsla.testing.history import History
from wsla.values.instants import Interval

CELLS = 48
"""The longest timeline, in cells."""


class State(Enum):
    """What a stretch or an item says for the promise; NOTHING is time that is not looked at, or holds no item."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"
    NOTHING = "nothing"


_WORST = (State.NOTHING, State.GOOD, State.UNKNOWN, State.BAD)


@frozen(kw_only=True)
class Fact:
    """What was observed under a name: its values in order of time, at most two for numbers (least and greatest).

    No value at all: there was no observation in force.
    """

    name: str
    kind: ValueType
    values: tuple[Value, ...]


@frozen(kw_only=True)
class Item:
    """A stretch of time, a sample, a record or an inner window; ``end`` is None for an instant."""

    start: int
    end: int | None
    state: State
    facts: tuple[Fact, ...]


@frozen(kw_only=True)
class Ground:
    """What one aggregate, or the trigger of a rule, rests on in a window.

    ``counted`` is ``time``, ``samples``, ``records`` or ``windows``; ``total``, ``bad`` and ``unknown`` are
    nanoseconds of time, else items. ``items`` are the few that decided most, ``left_out`` counts the others.
    """

    name: str
    counted: str
    total: int
    bad: int
    unknown: int
    items: tuple[Item, ...]
    left_out: int
    timeline: tuple[State, ...]


@frozen(kw_only=True)
class Evidence:
    """What is known of a goal, metric or rule in a window; ``verdict`` and ``promised`` are those of a goal."""

    name: str
    labels: Labels
    window: Interval
    kind: ValueType | None
    value: SeriesValue | None
    verdict: str | None
    promised: str | None
    grounds: tuple[Ground, ...]


def fact_of(name: str, kind: ValueType, found: Sequence[Value]) -> Fact:
    """A fact from all values of a stretch, in order of time."""
    distinct = list(dict.fromkeys(found))
    numbers = [
        value for value in distinct if isinstance(value, int | Fraction) and not isinstance(value, bool)
    ]
    if isinstance(kind, NumberType) and len(distinct) > 2 and len(numbers) == len(distinct):
        distinct = [min(numbers), max(numbers)]
    return Fact(name=name, kind=kind, values=tuple(distinct))


def name_of(history: History, index: int) -> str:
    """What the agreement calls an operation, or its function."""
    if index in history.names:
        return history.names[index]
    node = history.plan.operations[index]
    match node:
        case SourceField():
            return f"{node.source}.{node.field}"
        case Aggregate(argument=None):
            return f"{node.function}({node.source})"
        case Aggregate(argument=int(argument)):
            return f"{node.function}({name_of(history, argument)})"
        case VerdictState():
            often = f" in {node.count} of last {node.of_last}" if node.of_last > 1 else ""
            return f"{node.goal} {node.verdict}{often}"
        case VerdictCount():
            return (
                f"consecutive({node.goal})"
                if node.of_last is None
                else f"misses({node.goal}, {node.of_last})"
            )
        case Across():
            limit = "" if node.operator is None else f" compared with `{node.operator}`"
            return f"{node.function}({name_of(history, node.operand)} across labels){limit}"
        case Idle() | Latest() | Negation() | Previous():
            return name_of(history, node.operand)
        case Due():
            return f"due({name_of(history, node.start)}, …)"
        case Sustained() | Debounced() | Limited():
            return f"{type(node).__name__.lower()}({name_of(history, node.condition)})"
        case Active():
            return f"active({name_of(history, node.start)}, {name_of(history, node.end)})"
        case Elapsed():
            return f"elapsed({name_of(history, node.start)}, {name_of(history, node.end)})"
        case _:
            return "condition"


def timeline(window: Interval, pieces: Iterable[tuple[int, int, State]]) -> tuple[State, ...]:
    """The window cut into equal cells, each with the worst that falls into it."""
    cells = min(CELLS, window.length)
    found = [State.NOTHING] * cells
    for start, end, state in pieces:
        first = max(0, (start - window.start) * cells // window.length)
        last = min(cells, -(-(end - window.start) * cells // window.length))
        for cell in range(first, last):
            if _WORST.index(state) > _WORST.index(found[cell]):
                found[cell] = state
    return tuple(found)
