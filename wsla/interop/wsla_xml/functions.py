"""Operations of an agreement as metrics and functions."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from attrs import define, field

from wsla.analysis import operations as op
from wsla.analysis.checked import CheckedAgreement
from wsla.analysis.types import BooleanType, NumberType, ValueType
from wsla.interop.wsla_xml.ticks import Ticks, Unsayable
from wsla.interop.wsla_xml.tree import Element, element
from wsla.interop.wsla_xml.values import Grid, Grids, Value, decimal
from wsla.values.calendars import ExactWindow, RollingWindow

_AGGREGATES: Final = {"mean": "Mean", "median": "Median", "mode": "Mode", "sum": "Sum", "max": "Max"}
_ARITHMETIC: Final = {"+": "Plus", "-": "Minus", "*": "Times", "/": "Divide"}
_THRESHOLDS: Final = {
    ("share", ">"): "PercentageGreaterThanThreshold",
    ("share", "<"): "PercentageLessThanThreshold",
    ("count", ">"): "NumberGreaterThanThreshold",
    ("count", "<"): "NumberLessThanThreshold",
    ("count", "=="): "ValueOccurs",
    ("streak", "=="): "Span",
}


@define
class Functions:
    """Metrics of a document under way. ``provider`` computes what nobody else does."""

    agreement: CheckedAgreement
    ticks: Ticks
    provider: str
    _named: dict[int, str] = field(factory=dict)
    _metrics: dict[str, Element] = field(factory=dict)
    _parameters: dict[str, Element] = field(factory=dict)
    _leaves: dict[tuple[str, str], str] = field(factory=dict)
    _parties: dict[str, str] = field(factory=dict)

    def leaf(self, source: str, name: str, bare: str, party: str, directive: Element) -> Element:
        """A metric that is measured; a field called ``bare`` has the name of its source alone."""
        metric = source if name == bare == "value" else f"{source}.{name}"
        self._leaves[source, name] = metric
        self._parties[source] = party
        return element("Metric", element("Source", text=party), directive, name=metric)

    def plain(self, type_: ValueType) -> bool:
        """True for numbers without a unit."""
        return isinstance(type_, NumberType) and type_ == NumberType()

    def begin(self, metrics: Mapping[str, int]) -> None:
        """Gives metrics their names, so that all can refer to each other; nothing is declared any more."""
        self._metrics.clear()
        self._parameters.clear()
        self._named = {operation: name for name, operation in reversed(list(metrics.items()))}

    def declare(self, name: str, operation: int) -> None:
        """A metric of the agreement: a metric, and for a further name of the same a parameter. Raises Unsayable."""
        found = self._at(operation)
        if isinstance(found, op.SourceField) or self.grid(operation) is None:
            raise Unsayable(f"the metric `{name}`, which is no series")
        if self._named[operation] != name:
            metric = element("Metric", text=self._named[operation])
            self._parameters[name] = element("SLAParameter", metric, name=name)
            return
        source = element("Source", text=self._party(operation))
        self._metrics[name] = element("Metric", source, self._definition(found), name=name)

    def parameter(self, operation: int) -> str:
        """The name of a parameter that has the value of an operation."""
        wanted = self._named.get(operation)
        for name, parameter in self._parameters.items():
            if wanted is not None and parameter.text_in("Metric") == wanted and name != wanted:
                return name
        if wanted is None:
            found = self._at(operation)
            if isinstance(found, op.SourceField):
                wanted = self._leaf(found)
            else:
                wanted = f"value_{operation}"
                self._named[operation] = wanted
                self.declare(wanted, operation)
        if wanted not in self._parameters:
            self._parameters[wanted] = element("SLAParameter", element("Metric", text=wanted), name=wanted)
        return wanted

    def parameter_of_source(self, source: str) -> str:
        """A parameter that has a new value whenever a source is read."""
        name = next((leaf for (owner, _), leaf in self._leaves.items() if owner == source), None)
        if name is None:
            raise Unsayable(f"that `{source}` has something new")
        self._parameters.setdefault(name, element("SLAParameter", element("Metric", text=name), name=name))
        return name

    def metrics(self) -> list[Element]:
        """All metrics that are computed."""
        return list(self._metrics.values())

    def parameters(self) -> list[Element]:
        """All parameters."""
        return list(self._parameters.values())

    def grid(self, operation: int) -> Grid | None:
        """The windows of a series; None for what has none."""
        match self._at(operation):
            case op.Aggregate(window=RollingWindow(length_ns=length, every_ns=every)):
                return Grid(length=length, tick=every, tumbling=False)
            case op.Aggregate(window=ExactWindow(length_ns=length, origin_ns=origin)):
                if origin != self.agreement.effective_start:
                    raise Unsayable("windows that are not counted from the start of the term")
                return Grid(length=length, tick=length, tumbling=True)
            case op.Aggregate():
                raise Unsayable("windows of the calendar, or of outages")
            case (
                op.Compare(left=left, right=right)
                | op.Arithmetic(left=left, right=right)
                | op.Logical(left=left, right=right)
            ):
                return self.grid(left) or self.grid(right)
            case op.Negation(operand=operand) | op.Previous(operand=operand) | op.Latest(operand=operand):
                return self.grid(operand)
            case op.Choice(subject=subject):
                return self.grid(subject)
            case _:
                return None

    def made(self, operation: int) -> Element:
        """A metric by its name where the operation has one, else the function."""
        name = self._named.get(operation)
        if name is not None:
            return element("Metric", text=name)
        return self._definition(self._at(operation))

    def named(self, operation: int) -> bool:
        """True where a metric has this value."""
        return operation in self._named

    def resampled(self, operation: int, tick: int) -> Grid:
        """The windows that an import would give the latest value of a series at other ticks."""
        grid = self.grid(operation)
        if grid is None:
            raise Unsayable("this value at ticks of its own")
        core = None if self.named(operation) or not isinstance(self._at(operation), op.Aggregate) else "f(x)"
        value = Value(text="x", kind="number", grid=grid, core=core)
        made = Grids(start=self.agreement.effective_start).resampled(value, tick).grid
        assert made is not None
        return made

    # --- one operation

    def _at(self, operation: int) -> op.Operation:
        return self.agreement.operations[operation]

    def _leaf(self, found: op.SourceField) -> str:
        leaf = self._leaves.get((found.source, found.field))
        if leaf is None:
            raise Unsayable(f"`{found.source}.{found.field}`", found.span)
        return leaf

    def _party(self, operation: int) -> str:
        match self._at(operation):
            case op.SourceField(source=source):
                return self._parties.get(source, self.provider)
            case op.Aggregate(argument=int(argument)):
                return self._party(argument)
            case op.Previous(operand=operand) | op.Negation(operand=operand):
                return self._party(operand)
            case op.Compare(left=left, right=right) | op.Arithmetic(left=left, right=right):
                return self._party(right if isinstance(self._at(left), op.Constant) else left)
            case op.Choice(subject=subject):
                return self._party(subject)
            case _:
                return self.provider

    def _definition(self, found: op.Operation) -> Element:
        match found:
            case op.SourceField():
                return element("Metric", text=self._leaf(found))
            case op.Aggregate():
                return self._aggregate(found)
            case op.Previous():
                return self._previous(found)
            case op.Arithmetic(operator="rounded"):
                return self._rounded(found)
            case op.Arithmetic(operator=operator, left=left, right=right) if operator in _ARITHMETIC:
                return _function(_ARITHMETIC[operator], self._operand(left), self._operand(right))
            case op.Choice(subject=subject) if self._is_status(found):
                return self.made(subject)
            case _:
                raise Unsayable(_word_of(found), found.span)

    def _is_status(self, found: op.Choice) -> bool:
        """True for 1 where a condition holds and 0 where it does not, which is how WSLA counts a status."""
        if len(found.arms) != 1 or found.otherwise is None:
            return False
        (arm,) = found.arms
        values = [self._at(one) for one in (arm.bound, arm.value, found.otherwise)]
        return isinstance(self._at(found.subject).type, BooleanType) and [
            one.value if isinstance(one, op.Constant) else None for one in values
        ] == [True, 1, 0]

    def _operand(self, operation: int) -> Element:
        found = self._at(operation)
        if isinstance(found, op.Constant):
            return element("Operand", _scalar(found))
        return element("Operand", self.made(operation))

    def _rounded(self, found: op.Arithmetic) -> Element:
        step = self._at(found.right)
        assert isinstance(step, op.Constant)
        places = len(str(Fraction(1) / Fraction(step.value or 1))) - 1
        digits = element("Digits", element("LongScalar", text=str(places)))
        return _function("Round", self.made(found.left), digits)

    def _previous(self, found: op.Previous) -> Element:
        steps, operand = 1, found.operand
        while isinstance(inner := self._at(operand), op.Previous) and not self.named(operand):
            steps, operand = steps + 1, inner.operand
        grid = self.grid(operand)
        if grid is None:
            raise Unsayable("the value before of this", found.span)
        series = self._series(operand, grid.tick, steps + 1)
        return _function("TSSelect", element("Operand", series), element("Element", text=str(-steps)))

    def _series(self, operation: int, tick: int, count: int, during: str | None = None) -> Element:
        return _function(
            "TSConstructor",
            element("Schedule", text=self.ticks.schedule(tick, during)),
            self.made(operation),
            element("Window", text=str(count)),
        )

    def _newest(self, operation: int, tick: int, during: str | None = None) -> Element:
        series = element("Operand", self._series(operation, tick, 1, during))
        return _function("TSSelect", series, element("Element", text="0"))

    def _aggregate(self, found: op.Aggregate) -> Element:
        if found.by or found.filter.excluding or found.idle is not None or found.forgiving is not None:
            raise Unsayable(
                "labels, exceptions, outages that are forgiven, or values for idle windows", found.span
            )
        if found.within is not None or found.argument is None:
            raise Unsayable(_word_of(found), found.span)
        grid = self._own_grid(found)
        during = found.filter.during
        argument = self._at(found.argument)
        if (
            isinstance(argument, op.SourceField)
            and found.function == "last"
            and found.where is None
            and grid.tumbling
        ):
            if len(during) > 1:
                raise Unsayable("time that has to be in two schedules", found.span)
            return self._newest(found.argument, grid.tick, during[0] if during else None)
        if during:
            raise Unsayable("functions within a schedule", found.span)
        base = self._base(found)
        if isinstance(self._at(base), op.SourceField):
            return self._over_samples(found, base, grid)
        inner = self.grid(base)
        if inner is None:
            raise Unsayable(_word_of(found), found.span)
        if found.function == "last" and found.where is None and inner.tick != grid.tick:
            if self.resampled(base, grid.tick) != grid:
                raise Unsayable("`last` over these windows", found.span)
            return self._newest(base, grid.tick)
        return self._over_series(found, base, inner, grid)

    def _own_grid(self, found: op.Aggregate) -> Grid:
        match found.window:
            case RollingWindow(length_ns=length, every_ns=every):
                return Grid(length=length, tick=every, tumbling=False)
            case ExactWindow(length_ns=length, origin_ns=origin) if origin == self.agreement.effective_start:
                return Grid(length=length, tick=length, tumbling=True)
            case _:
                raise Unsayable("windows of the calendar, or of outages", found.span)

    def _base(self, found: op.Aggregate) -> int:
        """What the items are: the argument, or what is compared in it."""
        assert found.argument is not None
        argument = self._at(found.argument)
        if isinstance(argument, op.Compare) and found.function in ("share", "streak"):
            return argument.left
        if isinstance(argument, op.Negation) and found.function in ("share", "streak"):
            return argument.operand
        return found.argument

    def _over_samples(self, found: op.Aggregate, base: int, grid: Grid) -> Element:
        field_ = self._at(base)
        assert isinstance(field_, op.SourceField)
        every = next(one.every for one in self.agreement.sources if one.name == field_.source) or 0
        if not every or grid.length % every or grid.tick % every or grid.length < grid.tick:
            raise Unsayable("windows that are not made of whole readings", found.span)
        window = element("Window", text=str(grid.length // every))
        queue = _function("QConstructor", self.made(base), window)
        made = self._applied(found, queue, base)
        if grid.tick == every and not grid.tumbling:
            return made
        if grid.tick == every:
            raise Unsayable("a function of single readings", found.span)
        series = _function(
            "TSConstructor",
            element("Schedule", text=self.ticks.schedule(grid.tick)),
            made,
            element("Window", text="1"),
        )
        return _function("TSSelect", element("Operand", series), element("Element", text="0"))

    def _over_series(self, found: op.Aggregate, base: int, inner: Grid, grid: Grid) -> Element:
        spare = inner.tick if inner.tumbling and self.agreement.effective_start % inner.tick else 0
        count, rest = divmod(grid.length - inner.length - spare, inner.tick)
        if grid.tumbling or grid.tick != inner.tick or rest or count < 0:
            raise Unsayable("a function over windows that do not move by one value at a time", found.span)
        return self._applied(found, self._series(base, inner.tick, count + 1), base)

    def _applied(self, found: op.Aggregate, series: Element, base: int) -> Element:
        where = None if found.where is None else self._at(found.where)
        if found.function in ("share", "streak"):
            assert found.argument is not None
            compared = self._at(found.argument)
        elif found.function == "count" and where is not None:
            compared, where = where, None
        else:
            compared = None
        if found.function == "count" and isinstance(compared, op.Logical) and compared.operator == "and":
            where, compared = self._at(compared.left), self._at(compared.right)
        if where is not None:
            series = self._qualified(series, where, base)
        if compared is None:
            if found.function == "count":
                return _function("Size", element("Operand", series))
            median = found.function == "percentile" and found.parameter == Fraction(1, 2)
            name = "median" if median else found.function
            if name not in _AGGREGATES:
                raise Unsayable(f"`{name}`", found.span)
            return _function(_AGGREGATES[name], series)
        status = self._of_status(found.function, compared, base)
        if status is not None:
            return _function(status[0], series, element("Value", element("LongScalar", text=status[1])))
        if not isinstance(compared, op.Compare) or compared.left != base:
            raise Unsayable(f"this condition in `{found.function}`", found.span)
        bound = self._at(compared.right)
        kind = _THRESHOLDS.get((found.function, compared.operator))
        if kind is None or not isinstance(bound, op.Constant):
            raise Unsayable(f"this condition in `{found.function}`", found.span)
        return _function(kind, series, element("Value", _scalar(bound)))

    def _qualified(self, series: Element, where: op.Operation, base: int) -> Element:
        """A series of those values alone beside which another metric has some value."""
        if not isinstance(where, op.Compare) or where.operator != "==" or not self.named(base):
            raise Unsayable("this condition after `where`")
        bound = self._at(where.right)
        count = series.text_in("Window")
        if not isinstance(bound, op.Constant) or not self.named(where.left) or series.type != "TSConstructor":
            raise Unsayable("this condition after `where`")
        # Both are named in such a function, so the series becomes a metric.
        name = f"last {count} of {self._named[base]}"
        self._metrics[name] = element("Metric", element("Source", text=self._party(base)), series, name=name)
        return _function(
            "QualifyMeasurementTimeSeries",
            element("BaseMetric", text=name),
            element("ValidationMetric", text=self._named[where.left]),
            element("Value", _scalar(bound)),
        )

    def _of_status(self, function: str, compared: op.Operation, base: int) -> tuple[str, str] | None:
        """A function of a condition, or of its opposite, as one of the 1 and 0 that WSLA has for it, and the number."""
        holds = compared is self._at(base) and isinstance(compared.type, BooleanType)
        fails = isinstance(compared, op.Negation) and compared.operand == base
        if not holds and not fails:
            return None
        if function == "streak":
            return "Span", "1" if holds else "0"
        operator = ">" if holds else "<"
        return _THRESHOLDS[function, operator], "0" if holds else "1"


def _function(kind: str, *children: Element) -> Element:
    return element("Function", *children, kind=kind)


def _scalar(found: op.Constant) -> Element:
    if isinstance(found.value, bool) or not isinstance(found.value, int | Fraction):
        raise Unsayable("a value that is no number", found.span)
    if not isinstance(found.type, NumberType) or found.type.dimension != NumberType().dimension:
        raise Unsayable("a number with a unit", found.span)
    text = decimal(Fraction(found.value))
    if "/" in text:
        raise Unsayable("a number without an end", found.span)
    whole = "." not in text
    return element("LongScalar" if whole else "FloatScalar", text=text)


def _word_of(found: op.Operation) -> str:
    if isinstance(found, op.Aggregate):
        return f"`{found.function}`"
    return "this formula"
