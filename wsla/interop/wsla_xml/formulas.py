"""Metrics and their functions as formulas."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final

from attrs import define, evolve, field

from wsla.interop.wsla_xml.context import Context, Unreadable
from wsla.interop.wsla_xml.measuring import Leaf, Measuring
from wsla.interop.wsla_xml.periods import length_of
from wsla.interop.wsla_xml.tree import Element
from wsla.interop.wsla_xml.values import (
    ATOM,
    COMPARISON,
    PRODUCT,
    SUM,
    Grid,
    Grids,
    Series,
    Value,
    alike,
    as_kind,
    literal,
    windowed,
    written,
)

_ARITHMETIC: Final = {"Plus": "+", "Minus": "-", "Times": "*", "Divide": "/"}
_AGGREGATES: Final = {
    "Average": "mean",
    "Mean": "mean",
    "Median": "median",
    "Mode": "mode",
    "Sum": "sum",
    "Max": "max",
}
_THRESHOLDS: Final = {
    "PercentageGreaterThanThreshold": ("share", ">"),
    "PercentageLessThanThreshold": ("share", "<"),
    "NumberGreaterThanThreshold": ("count", ">"),
    "NumberLessThanThreshold": ("count", "<"),
    "ValueOccurs": ("count", "=="),
    "Span": ("streak", "=="),
}
_DEEPEST_LOOK: Final = 40
_REFERENCES: Final = ("Metric", "BaseMetric", "ValidationMetric")
_HEAVIEST: Final = 5_000
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,2})?")

Made = Value | Series


def number_of(context: Context, element: Element) -> Fraction:
    """A number as XML Schema writes it. Raises Unreadable for infinity, for what is none, or has too many digits."""
    if not _NUMBER.fullmatch(element.text) or len(element.text) > 40:
        raise context.error(
            element.inside, f"`{element.text}` is no number that a value can be compared with"
        )
    return Fraction(element.text)


@define
class Formulas:
    """Formulas of all metrics of a document, each made once. ``schedule`` gives the step and the schedule of a name."""

    context: Context
    grids: Grids
    measuring: Measuring
    metrics: Mapping[str, Element]
    constants: Mapping[str, Element]
    named: dict[str, str] = field(factory=dict)
    _made: dict[str, Made] = field(factory=dict)
    _under_way: list[str] = field(factory=list)
    _weights: dict[str, int] = field(factory=dict)

    def metric(self, name: Element) -> Made:
        """What the metric that an element names gives: by its name in the agreement, where it has one."""
        found = self.context.resolve("metric", name, self.metrics, "metric")
        if found is None:
            raise self.context.error(name.inside, f"nothing can be made of the metric `{name.text}`")
        return self.by_name(found, name)

    def by_name(self, name: str, asked: Element) -> Made:
        """As ``metric``, of a name that is there."""
        if name in self._under_way:
            raise self.context.error(asked.inside, f"the metric `{name}` is defined by itself")
        if name not in self._made:
            self._under_way.append(name)
            try:
                self._made[name] = self._of_metric(self.metrics[name])
            finally:
                self._under_way.pop()
            self._weigh(name, asked)
        made = self._made[name]
        own = self.named.get(name)
        if own is None or (isinstance(made, Series) and made.samples):
            return made
        if isinstance(made, Series):
            return evolve(made, item=_by_name(made.item, own))
        return _by_name(made, own)

    def _weigh(self, name: str, asked: Element) -> None:
        """Refuses a metric that would be too large if the metrics in it were written out."""
        inside = [one.text for one in self.metrics[name].walk() if one.name in _REFERENCES]
        self._weights[name] = 1 + sum(self._weights.get(one, 0) for one in inside)
        if self._weights[name] > _HEAVIEST:
            raise self.context.error(asked.inside, f"the metric `{name}` is made of too many others")

    def definition(self, name: str, asked: Element) -> Value:
        """The formula of a metric itself. Raises Unreadable."""
        self.by_name(name, asked)
        return self.changing(self._made[name])

    def value(self, made: Made) -> Value:
        """What is compared: the newest value of a series."""
        return made.item if isinstance(made, Series) else made

    def changing(self, made: Made) -> Value:
        """As ``value``; the latest value of a field as a series."""
        value = self.value(made)
        if value.signal is None or value.grid is not None:
            return value
        series = self.grids.resampled(value, self.measuring.tick(value.sources[0]))
        return _by_name(series, value.alias) if value.alias is not None else series

    def _of_metric(self, metric: Element) -> Made:
        leaf = self.measuring.leaves.get(metric.attribute("name"))
        if leaf is not None:
            return self.leaf(leaf)
        function = metric.first("Function")
        if function is None:
            raise self.context.error(metric.span, "a metric needs a measurement directive or a function")
        return self.function(function)

    def leaf(self, leaf: Leaf) -> Value:
        """The latest value of a field."""
        return Value(text=leaf.signal, kind=leaf.kind, signal=leaf.signal, sources=(leaf.source,))

    def function(self, function: Element) -> Made:
        """What a function gives; one with a schedule that WSLA 1.0 does not let it have, at the ticks of that."""
        made = self._function(function)
        schedule = function.first("Schedule")
        if schedule is None or function.type == "TSConstructor":
            return made
        self.context.remark(
            "W1101", schedule.span, f"`{function.type}` has no schedule in WSLA 1.0; it is read as its ticks"
        )
        tick, during = self.measuring.schedule(schedule)
        return self.grids.resampled(self.changing(made), tick, during)

    def _function(self, function: Element) -> Made:
        kind = function.type
        if kind in _ARITHMETIC:
            return self._arithmetic(function, _ARITHMETIC[kind])
        if kind in _AGGREGATES:
            return self._aggregate(function, _AGGREGATES[kind])
        if kind in _THRESHOLDS:
            return self._threshold(function, *_THRESHOLDS[kind])
        known: dict[str, Callable[[Element], Made]] = {
            "QConstructor": self._queue,
            "TSConstructor": self._time_series,
            "Size": self._size,
            "TSSelect": self._select,
            "Round": self._round,
            "RateOfChange": self._rate_of_change,
            "QualifyMeasurementTimeSeries": self._qualified,
        }
        if kind not in known:
            raise self.context.error(function.span, f"there is no function `{kind}` in WSLA 1.0")
        return known[kind](function)

    # --- what a function is given

    def input(self, function: Element) -> Made:
        """The metric or function that stands in a function."""
        found = function.first("Metric", "Function") or function.first("Operand")
        if found is None:
            raise self.context.error(function.span, f"`{function.type}` needs a metric or a function")
        if found.name == "Operand":
            return self.operand(found)
        return self.metric(found) if found.name == "Metric" else self.function(found)

    def operand(self, operand: Element) -> Made:
        """What an operand stands for."""
        found = next(iter(operand.children), None)
        if found is None:
            raise self.context.error(operand.span, "an operand is missing")
        match found.name:
            case "Metric":
                return self.metric(found)
            case "Function":
                return self.function(found)
            case "Constant":
                return literal(self._constant(found))
            case "LongScalar" | "FloatScalar":
                number = number_of(self.context, found)
                if found.name == "LongScalar" and number.denominator != 1:
                    self.context.remark(
                        "W1101", found.inside, "a `LongScalar` has no decimal places; it is read as it is"
                    )
                return literal(number)
            case "StringScalar":
                number = number_of(self.context, found)
                self.context.remark("W1104", found.inside, "a text is read as the number that stands in it")
                return literal(number)
            case _:
                raise self.context.error(found.span, f"`{found.name}` is no operand")

    def _constant(self, name: Element) -> Fraction:
        found = self.context.resolve("constant", name, self.constants, "constant")
        value = None if found is None else self.constants[found].first("String", "Integer", "Float")
        if value is None:
            raise self.context.error(name.inside, f"the constant `{name.text}` has no value")
        return number_of(self.context, value)

    def _value_operand(self, function: Element, name: str, beside: Value) -> str:
        operand = function.first(name)
        if operand is None:
            raise self.context.error(function.span, f"`{function.type}` needs `{name}`")
        if not operand.children and operand.text:
            self.context.remark(
                "W1101", operand.inside, f"`{name}` holds a scalar in WSLA 1.0; it is read as one"
            )
            made: Made = literal(number_of(self.context, operand))
        else:
            made = self.operand(operand)
        value = self.changing(made)
        if value.number is None and value.grid != beside.grid:
            raise self.context.error(
                operand.span, "a threshold that changes needs the ticks of what it is compared with"
            )
        if value.number is None and value.kind != beside.kind:
            raise self.context.error(
                operand.span, "a threshold that changes has to be of the kind of what is compared"
            )
        return as_kind(value, beside.kind).at(SUM)

    def series(self, made: Made, function: Element) -> Series:
        """What is given as a series; of a single value all values that it ever had, which is told."""
        if isinstance(made, Series):
            return made
        if made.number is not None:
            raise self.context.error(function.span, f"`{function.type}` needs a series")
        self.context.remark(
            "W1104",
            function.span,
            f"`{function.type}` is given single values, and no series of them; the values of a day are read",
        )
        if made.signal is not None and made.grid is None:
            tick = self.measuring.tick(made.sources[0])
            return Series(
                item=made, grid=Grid(length=tick, tick=tick, tumbling=True), count=None, samples=True
            )
        item = self.changing(made)
        assert item.grid is not None
        return Series(item=item, grid=item.grid, count=None)

    def _over(self, series: Series, core: str, kind: str) -> Value:
        grid = self.grids.outer(series)
        if grid is None:
            day = Grid(length=86_400_000_000_000, tick=86_400_000_000_000, tumbling=True)
            made = windowed(core, day, kind, series.item.sources)
            return evolve(made, text=f"{core} each day", core=None)
        return windowed(core, grid, kind, series.item.sources)

    # --- the functions

    def _time_series(self, function: Element) -> Series:
        schedule = function.first("Schedule")
        made = self.value(self.input(function))
        if schedule is None:
            raise self.context.error(function.span, "`TSConstructor` needs a schedule")
        tick, during = self.measuring.schedule(schedule)
        item = self.grids.resampled(made, tick, during)
        if item.grid is None:
            raise self.context.error(function.span, "`TSConstructor` needs something that changes")
        return Series(item=item, grid=item.grid, count=self._window(function))

    def _queue(self, function: Element) -> Series:
        made = self.value(self.input(function))
        count = self._window(function)
        if made.signal is not None and made.grid is None:
            tick = self.measuring.tick(made.sources[0])
            return Series(
                item=made, grid=Grid(length=tick, tick=tick, tumbling=True), count=count, samples=True
            )
        if made.grid is None:
            raise self.context.error(function.span, "`QConstructor` needs something that changes")
        return Series(item=made, grid=made.grid, count=count)

    def _window(self, function: Element) -> int | None:
        window = function.first("Window")
        if window is None or not window.text:
            self.context.remark(
                "W1104",
                function.span,
                "all values that there ever were are held; functions look at those of a day",
            )
            return None
        count = number_of(self.context, window)
        if count.denominator != 1 or not 1 <= count <= 10_000_000:
            raise self.context.error(window.inside, f"a series cannot hold {window.text} values")
        return int(count)

    def _size(self, function: Element) -> Value:
        series = self.series(self.input(function), function)
        return self._over(series, _call("count", series.item, series.where), "number")

    def _select(self, function: Element) -> Value:
        series = self.series(self.input(function), function)
        element = function.first("Element")
        which = 0 if element is None or not element.text else number_of(self.context, element)
        if element is not None and (which > 0 or which.denominator != 1 or -which > _DEEPEST_LOOK):
            raise self.context.error(
                element.inside, f"0 is the newest value and -{_DEEPEST_LOOK} the oldest that can be looked at"
            )
        if element is not None and series.count is not None and -which >= series.count:
            self.context.remark(
                "W1104", element.inside, f"only {series.count} values are held, so this one is never there"
            )
        if series.samples:
            grid = series.grid
            item = self.grids.resampled(series.item, grid.tick)
        else:
            item = series.item
        if series.where is not None:
            if which != 0:
                raise self.context.error(function.span, "of qualified values only the newest can be selected")
            return self._over(series, _call("last", item, series.where), item.kind)
        text = item.text
        for _ in range(int(-which)):
            text = f"previous({text})"
        return item if which == 0 else evolve(item, text=text, level=ATOM, core=None)

    def _arithmetic(self, function: Element, operator: str) -> Value:
        operands = function.all("Operand") or function.all("Metric", "Function")
        if len(operands) != 2:
            raise self.context.error(function.span, f"`{function.type}` needs two operands")
        given = [self.operand(one) if one.name == "Operand" else self.input_of(one) for one in operands]
        left, right = (
            one if one.number is not None else self.changing(one) for one in map(self.value, given)
        )
        if left.number is not None and right.number is not None:
            return self._of_numbers(function, operator, left.number, right.number)
        left, right = self.grids.together((left, right))
        sources = tuple(dict.fromkeys((*left.sources, *right.sources)))
        grid = left.grid or right.grid
        if operator in "+-":
            left, right = alike(left, right)
            text = f"{left.at(SUM)} {operator} {right.at(PRODUCT)}"
            return Value(text=text, kind=left.kind, level=SUM, grid=grid, sources=sources)
        left, right = (_plain_kind(one) for one in (left, right))
        if operator == "/":
            kind = "number" if right.kind == "share" and left.kind != "share" else "share"
        else:
            kind = "share" if left.kind == right.kind == "share" else "number"
        text = f"{left.at(PRODUCT)} {operator} {right.at(ATOM)}"
        return Value(text=text, kind=kind, level=PRODUCT, grid=grid, sources=sources)

    def input_of(self, element: Element) -> Made:
        """A metric or a function that stands where an operand should."""
        self.context.remark("W1101", element.span, f"`{element.name}` stands without an `Operand` around it")
        return self.metric(element) if element.name == "Metric" else self.function(element)

    def _of_numbers(self, function: Element, operator: str, left: Fraction, right: Fraction) -> Value:
        if operator == "/" and right == 0:
            raise self.context.error(function.span, "nothing can be divided by zero")
        results = {"+": left + right, "-": left - right, "*": left * right}
        return literal(results[operator] if operator != "/" else left / right)

    def _aggregate(self, function: Element, name: str) -> Value:
        series = self.series(self.input(function), function)
        if series.item.kind == "boolean":
            series = evolve(series, item=as_kind(series.item, "number"))
        return self._over(series, _call(name, series.item, series.where), series.item.kind)

    def _threshold(self, function: Element, name: str, operator: str) -> Value:
        series = self.series(self.input(function), function)
        condition = self._condition(function, series.item, operator)
        if name == "count":
            where = condition if series.where is None else f"{series.where} and {condition}"
            return self._over(series, _call("count", series.item, where), "number")
        kind = "share" if name == "share" else "number"
        return self._over(series, _call(name, evolve(series.item, text=condition), series.where), kind)

    def _condition(self, function: Element, item: Value, operator: str) -> str:
        if item.kind == "boolean":
            operand = function.first("Value")
            scalar = None if operand is None else next(iter(operand.children), None)
            if scalar is not None and scalar.name in ("LongScalar", "FloatScalar"):
                return truth(item, operator, number_of(self.context, scalar)) or self._plain(
                    function, item, operator
                )
        return self._plain(function, item, operator)

    def _plain(self, function: Element, item: Value, operator: str) -> str:
        if item.kind == "boolean":
            item = as_kind(item, "number")
        return f"{item.at(COMPARISON)} {operator} {self._value_operand(function, 'Value', item)}"

    def _round(self, function: Element) -> Made:
        made = self.input(function)
        digits = function.first("Digits")
        given = (
            None
            if digits is None
            else self.value(
                self.operand(digits) if digits.children else literal(number_of(self.context, digits))
            )
        )
        places = Fraction(0) if given is None else given.number
        if places is None or places.denominator != 1 or not 0 <= places <= 12:
            raise self.context.error(
                (digits or function).span, "a value is rounded to a number of places from 0 to 12"
            )
        if isinstance(made, Series):
            return evolve(made, item=self._rounded(made.item, int(places)), samples=False)
        if made.number is not None:
            return literal(Fraction(round(made.number * 10**places)) / 10 ** int(places))
        return self._rounded(self.changing(made), int(places))

    def _rounded(self, value: Value, places: int) -> Value:
        value = self.changing(value if value.kind == "share" else as_kind(value, "number"))
        return evolve(value, text=f"round({value.text}, {places})", level=ATOM, core=None, signal=None)

    def _rate_of_change(self, function: Element) -> Value:
        made = self.input(function)
        item = self.changing(made)
        interval = function.first("Interval")
        if item.grid is None:
            raise self.context.error(function.span, "`RateOfChange` needs something that changes")
        ratio = Fraction(length_of(self.context, interval, function), item.grid.tick)
        item = as_kind(item, "number")
        text = f"{item.at(SUM)} - previous({item.text})"
        value = Value(text=text, kind="number", level=SUM, grid=item.grid, sources=item.sources)
        if ratio == 1:
            return value
        factor = written(ratio, "number")
        if "/" not in factor:
            return evolve(value, text=f"({text}) * {factor}", level=PRODUCT)
        return evolve(
            value, text=f"({text}) * {ratio.numerator} / {ratio.denominator}", kind="share", level=PRODUCT
        )

    def _qualified(self, function: Element) -> Series:
        base, validation = function.first("BaseMetric"), function.first("ValidationMetric")
        if base is None or validation is None:
            raise self.context.error(function.span, "`QualifyMeasurementTimeSeries` needs two metrics")
        series = self.series(self.metric(base), function)
        if series.samples:
            series = evolve(series, item=self.grids.resampled(series.item, series.grid.tick), samples=False)
        valid = self.changing(self.metric(validation))
        if valid.grid != series.item.grid and series.item.grid is not None:
            valid = self.grids.resampled(valid, series.item.grid.tick)
        if valid.grid != series.item.grid:
            raise self.context.error(validation.inside, "both series need the same ticks")
        where = self._condition(function, valid, "==")
        joined = where if series.where is None else f"{series.where} and {where}"
        sources = tuple(dict.fromkeys((*series.item.sources, *valid.sources)))
        return evolve(series, where=joined, item=evolve(series.item, sources=sources))


def truth(value: Value, operator: str, number: Fraction) -> str | None:
    """A condition compared with a number as 1 and 0, as a condition; None where that says nothing."""
    holds = {
        one: {
            ">": one > number,
            "<": one < number,
            "==": one == number,
            ">=": one >= number,
            "<=": one <= number,
        }[operator]
        for one in (0, 1)
    }
    if holds[1] == holds[0]:
        return None
    return value.text if holds[1] else f"not {value.at(ATOM)}"


def _plain_kind(value: Value) -> Value:
    return value if value.kind == "share" else as_kind(value, "number")


def _call(name: str, item: Value, where: str | None) -> str:
    return f"{name}({item.text}{f' where {where}' if where is not None else ''})"


def _by_name(value: Value, name: str) -> Value:
    return evolve(value, text=name, level=ATOM, core=None, signal=None)


__all__ = ["Formulas", "Made", "Unreadable", "number_of", "truth"]
