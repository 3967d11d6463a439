"""The short way of a sample, as Python source that is written for one source of one plan and compiled once.

What it does is what the machine would do with a sample that changes nothing but sums and lists of values: it looks
whether that is so, and notes the sample. Whatever else there is (unknown values, a condition that turns, an instant
at which something happens, a value that has to be read) it leaves to the machine by giving None.

For a source with the label `machine`, `availability(ok)` and `percentile(latency, 95) each 5m <= 250ms` it is

    def take(at, fields):
        if at < session.now:
            return None
        try:
            lane = lanes[fields["machine"]]
            f1 = fields["ok"]
            f2 = fields["latency"]
        except (KeyError, TypeError):
            return None
        stream = lane.stream
        if at <= stream.at or at - stream.at >= 30000000000 or not lane.open or len(fields) != 3:
            return None
        if f1 is not True and f1 is not False:
            return None
        (f2 in the number that is stored)
        if f1 is not lane.e0:
            return None
        if at >= session.limit:
            changed = cross(at)
            if changed is None:
                return None
        else:
            changed = []
        doubt = False
        if (f2 <= 250000000) is not lane.p0.good:
            slack = lane.p0.slack = lane.p0.slack - 1
            if slack < 0:
                doubt = True
        stream.at = session.now = at
        lane.push(at)
        lane.push1(f1)
        lane.push2(f2)
        if doubt:
            changed += settle(lane)
        return changed

Where windows end before the sample, `cross` ends them (`crossing.py`), or gives None and leaves all to the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Final

from wsla.analysis.operations import (
    Aggregate,
    Compare,
    Constant,
    Logical,
    Negation,
    SourceField,
    Value,
)
from wsla.analysis.types import BooleanType, NumberType, Shape, TextType
from wsla.evaluation.stream.followed import Comparison
from wsla.evaluation.stream.layout import OVER_TIME, Layout, operands
from wsla.evaluation.stream.pointwise import scalar
from wsla.plan.model import Field, Source
from wsla.values.calendars import RollingWindow
from wsla.values.quantities import DIMENSIONLESS

_LARGEST: Final = 2**63 - 1
_DIGITS: Final = 10**15
_IN_ORDER: Final = frozenset({"first", "last", "streak"})
_WORDS: Final = {"and": "({} and {})", "or": "({} or {})", "implies": "(not {} or {})"}


class LaneCode:
    """The compiled functions for a source: ``take``, the ``atoms`` of a sample, and the values of aggregates.

    ``columns`` are the fields that are noted. Raises ValueError where the samples of a source cannot go this way.
    """

    def __init__(self, layout: Layout, source: Source, parts: Sequence[Comparison]) -> None:
        self._layout: Final = layout
        self.source: Final = source
        fields = {field.name: field for field in source.fields}
        self.labels: Final = tuple(sorted(source.labels))
        self.columns: Final = tuple(name for name in layout.columns[source.name] if name not in source.labels)
        self.fields: Final[tuple[Field, ...]] = tuple(fields[name] for name in self.columns)
        self._names: Final = {name: f"f{number}" for number, name in enumerate(self.columns, 1)}
        self._atoms: Final[dict[str, None]] = {}
        # True where some number rests on several streams.
        self.shared = False
        self._seen: Final[set[int]] = set()
        # For each aggregate over the samples: the column or the function that gives their values, and of `where`.
        self.values: Final[dict[int, Any]] = {}
        self.where: Final[dict[int, Any]] = {}
        self._look_at_plan(layout)
        self.parts: Final = tuple(parts)
        self._tests: Final = [self._test(comparison) for comparison in parts]
        self.others: Final = tuple(
            field
            for field in source.fields
            if field.name not in self._names and field.name not in source.labels and field.name != source.at
        )
        self.atoms: Final[Callable[..., tuple[Value, ...]]] = self._function(
            f"({''.join(atom + ', ' for atom in self._atoms)})"
        )
        # For each condition, and for each part of a word, what it says of one sample.
        self.each_atom: Final = [self._function(atom) for atom in self._atoms]
        self.each_test: Final = [self._function(test) for test in self._tests]
        text = "\n".join([*self._take(), *self._take_row()])
        self._code: Final = compile(text, f"<samples of {source.name}>", "exec")

    # What the plan reads of a sample

    def _look_at_plan(self, layout: Layout) -> None:
        for index in layout.aggregates:
            node = layout.aggregate(index)
            if node.function in OVER_TIME:
                self._watch(node.argument)
                self._watch(node.where)
                continue
            source = layout.source_of(index)
            if source is self.source:
                self._gather(index, node)
        for index in layout.stateful:
            self._watch(getattr(layout.operations[index], "condition", None))
        for index in layout.joined:
            joined = layout.operations[index]
            self._watch(getattr(joined, "operand", None))
            self._watch(getattr(joined, "where", None))
        for index in (*layout.outages, *(rule.trigger for rule in layout.plan.rules)):
            self._watch(index)

    def _watch(self, index: int | None) -> None:
        """A formula is to be the same after the sample: so are the truths, and else the fields, that it rests on."""
        if index is None or index in self._seen:
            return
        self._seen.add(index)
        operation = self._layout.operations[index]
        if isinstance(operation, SourceField):
            if operation.source == self.source.name and operation.field in self._names:
                self._atoms[self._names[operation.field]] = None
            return
        text = self._truth(index)
        if text is not None and self._reads(index):
            self._atoms[text] = None
            return
        for part in operands(operation):
            self._watch(part)

    def _reads(self, index: int) -> bool:
        return any(
            isinstance(self._layout.operations[leaf], SourceField) for leaf in self._layout.leaves(index)
        )

    def _gather(self, index: int, node: Aggregate) -> None:
        if set(node.by) != set(self.labels):
            # Samples of several streams go into one number, stream by stream: their order must not matter.
            self.shared = True
            window = self._layout.frames(index).window
            rolls = isinstance(window, RollingWindow) and window.length_ns % window.every_ns
            if rolls or node.function in _IN_ORDER:
                raise ValueError(f"operation {index} looks at the order of samples")
        if node.argument is None:
            self.values[index] = self._function("True")
        else:
            found = self._layout.operations[node.argument]
            if isinstance(found, SourceField):
                self.values[index] = self.columns.index(found.field)
            else:
                self.values[index] = self._function(self._wanted(node.argument))
        if node.where is not None:
            self.where[index] = self._function(self._wanted(node.where))

    def _wanted(self, index: int) -> str:
        text = self._truth(index)
        if text is None:
            raise ValueError(f"operation {index} is no condition over one sample")
        return text

    # Formulas as text

    def _truth(self, index: int) -> str | None:
        """A condition over the fields of one sample, all known; None where it is something else."""
        operation = self._layout.operations[index]
        match operation:
            case Constant(value=bool() as value):
                return repr(value)
            case SourceField(type=BooleanType()):
                return self._field(operation)
            case Negation(operand=operand):
                inner = self._truth(operand)
                return None if inner is None else f"(not {inner})"
            case Logical(operator=word, left=left, right=right):
                first, second = self._truth(left), self._truth(right)
                return None if first is None or second is None else _WORDS[word].format(first, second)
            case Compare(operator=sign, left=left, right=right):
                return self._comparison(sign, left, right)
            case _:
                return None

    def _field(self, field: SourceField) -> str | None:
        return self._names.get(field.field) if field.source == self.source.name else None

    def _comparison(self, sign: str, left: int, right: int) -> str | None:
        operations = self._layout.operations
        field = operations[left]
        if not isinstance(field, SourceField) or operations[right].shape is not Shape.SCALAR:
            return None
        name, limit = self._field(field), scalar(operations, right)
        if name is None or limit is None:
            return None
        return self._against(name, field.field, sign, limit)

    def _against(self, name: str, field: str, sign: str, limit: Value) -> str | None:
        if limit is None or isinstance(limit, bool | str):
            return f"({name} {sign} {limit!r})"
        kind = self.fields[self.columns.index(field)]
        if not isinstance(kind.type, NumberType):
            return f"({name} {sign} {limit})" if isinstance(limit, int) else None
        # The stored number is a multiple of the resolution: both sides as whole numbers.
        quotient = Fraction(limit) / kind.resolution
        times = "" if quotient.denominator == 1 else f" * {quotient.denominator}"
        return f"({name}{times} {sign} {quotient.numerator})"

    def _test(self, comparison: Comparison) -> str:
        """What a comparison over samples says of a single one."""
        layout = self._layout
        argument = layout.aggregate(comparison.aggregate).argument
        assert argument is not None
        if comparison.function == "share":
            return self._wanted(argument)
        operation = layout.operations[argument]
        text = None
        if isinstance(operation, SourceField) and (name := self._field(operation)) is not None:
            text = self._against(name, operation.field, comparison.sign, comparison.limit)
        if text is None:
            raise ValueError(f"operation {argument} is no field")
        return text

    # Functions

    def _function(self, body: str) -> Any:
        """A function of a sample's fields; all columns are its parameters."""
        return eval(f"lambda {', '.join(self._names.values())}: {body}")

    def _take(self) -> list[str]:
        labels = [f"fields[{name!r}]" for name in self.labels]
        key = labels[0] if len(labels) == 1 else f"({', '.join(labels)})"
        lines = [
            "def take(at, fields):",
            *self._in_order(),
            " try:",
            f"  lane = lanes[{key}]",
            *(f"  {name} = fields[{field!r}]" for field, name in self._names.items()),
            " except (KeyError, TypeError): return None",
            " stream = lane.stream",
            *self._held(),
            f" if len(fields) != {len(self.columns) + len(self.labels)} and not others(fields): return None",
        ]
        for field, name in zip(self.fields, self._names.values(), strict=True):
            lines += _encoding(field, name)
        return [*lines, *self._note()]

    def _take_row(self) -> list[str]:
        """The same for values as they are stored, and the labels' values in their order."""
        lines = [
            f"def take_row({', '.join(('at', 'key', *self._names.values()))}):",
            *self._in_order(),
            " lane = lanes.get(key)",
            " if lane is None: return None",
            " stream = lane.stream",
            *self._held(),
        ]
        for field, name in zip(self.fields, self._names.values(), strict=True):
            stored = {BooleanType: "bool", TextType: "str"}.get(type(field.type), "int")
            lines.append(f" if type({name}) is not {stored}: return None")
        return [*lines, *self._note()]

    def _in_order(self) -> list[str]:
        """A second sample of one instant is late by a nanosecond: too late where there is no grace."""
        early = "<" if self._layout.plan.grace else "<="
        return [f" if at {early} session.now: return None"]

    def _held(self) -> list[str]:
        """The sample is the stream's next, and the one before is still held."""
        staleness = self.source.staleness
        held = "" if staleness is None else f" or at - stream.at >= {staleness}"
        return [f" if at <= stream.at{held} or not lane.open: return None"]

    def _note(self) -> list[str]:
        lines = [f" if {atom} is not lane.e{number}: return None" for number, atom in enumerate(self._atoms)]
        # What happens before the sample comes first; from here on the short way takes it, or nothing has changed.
        lines += [
            " if at >= session.limit:",
            "  changed = cross(at)",
            "  if changed is None: return None",
            " else: changed = []",
        ]
        for number, test in enumerate(self._tests):
            if number == 0:
                lines.append(" doubt = False")
            lines += [
                f" part = lane.p{number}",
                f" if {test} is not part.good:",
                "  part.slack = slack = part.slack - 1",
                "  if slack < 0: doubt = True",
            ]
        lines += [" stream.at = session.now = at", " lane.push(at)"]
        lines += [f" lane.push{number}({name})" for number, name in enumerate(self._names.values(), 1)]
        if self._tests:
            lines.append(" if doubt: changed += settle(lane)")
        lines.append(" return changed")
        return lines

    def bind(self, **names: Any) -> tuple[Callable[[int, dict[str, object]], Any], Callable[..., Any]]:
        """``take`` and ``take_row`` with what they stand on: ``session``, ``lanes`` and the functions they call."""
        scope: dict[str, Any] = {**names, "timedelta": _timedelta()}
        exec(self._code, scope)
        return scope["take"], scope["take_row"]


def _timedelta() -> type:
    from datetime import timedelta

    return timedelta


def _encoding(field: Field, name: str) -> list[str]:
    """From a value in Python to the number that is stored, for the kinds that are easily told; all others go the long
    way.
    """
    kind = field.type
    if isinstance(kind, BooleanType):
        return [f" if {name} is not True and {name} is not False: return None"]
    if isinstance(kind, TextType):
        return [
            f" if type({name}) is not str or not {name} or len({name}) > 1024 or not {name}.isascii(): return None"
        ]
    if not isinstance(kind, NumberType) or (
        not field.unit_stated and (kind.share or kind.dimension != DIMENSIONLESS)
    ):
        return [" return None"]
    factor = field.unit_factor / field.resolution
    if factor.denominator != 1:
        return [" return None"]
    steps = factor.numerator
    lines = [
        f" if type({name}) is int:",
        f"  if not {-(_LARGEST // steps)} <= {name} <= {_LARGEST // steps}: return None",
        f"  {name} *= {steps}",
    ]
    digits = len(str(steps)) - 1
    if steps == 10**digits and digits <= 15:
        # A decimal of up to fifteen digits is the shortest that stands for the number: the one that is written.
        lines += [
            f" elif type({name}) is float:",
            f"  if not {-_DIGITS / steps!r} < {name} < {_DIGITS / steps!r}: return None",
            f"  stored = round({name} * {steps})",
            f"  if stored / {steps} != {name}: return None",
            f"  {name} = stored",
        ]
    return [*lines, " else: return None"]
