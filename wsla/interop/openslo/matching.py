"""Goals that OpenSLO can say, found in formulas: which ratio or threshold, sliced how, over which window."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from attrs import frozen

from wsla.diagnostics.source import Span
from wsla.interop.openslo.schema import OPERATORS
from wsla.syntax import surface

_WORDS: Final = {sign: word for word, sign in OPERATORS.items()}
_DEEPEST: Final = 50


class Unsaid(Exception):
    """Something that OpenSLO cannot say, at a place."""

    def __init__(self, what: str, span: Span) -> None:
        super().__init__(what)
        self.what = what
        self.span = span


@frozen(kw_only=True)
class Measure:
    """What is measured: fields of a source by their part in a ratio, or one that is compared with a value."""

    source: str
    fields: Mapping[str, str]
    counter: bool = False
    failure: bool = False
    op: str = ""
    value: Decimal | None = None


@frozen(kw_only=True)
class Level:
    """A measure, the budgeting method with its slices (a length as written, a share), and the window."""

    measure: Measure
    method: str
    window: surface.EachWindow | surface.RollingWindow
    slice: surface.Word | None = None
    slice_target: Decimal | None = None


@frozen(kw_only=True)
class Weighted:
    """A composite: names of metrics and their weights."""

    parts: tuple[tuple[str, Decimal], ...]


@frozen(kw_only=True)
class Matcher:
    """Looks through the names of metrics."""

    metrics: Mapping[str, surface.Metric]

    def goal(self, condition: surface.Expression) -> tuple[surface.Expression, Decimal]:
        """(what is measured, the least share of it) of a promise."""
        written = _bare(condition)
        if isinstance(written, surface.Binary) and written.operator == ">=":
            return written.left, share_of(written.right)
        raise Unsaid("a promise that is not `… >= 99.5%`", condition.span)

    def level(self, measured: surface.Expression) -> Level | Weighted:
        """The level that is promised."""
        formula = self.resolved(measured)
        weighted = self._weighted(formula)
        if weighted is not None:
            return weighted
        operand, window = self._windowed(formula)
        inner = self.resolved(operand)
        if isinstance(inner, surface.Call) and inner.function.text in ("share", "mean"):
            sliced = self.resolved(_argument(inner))
            if inner.function.text == "share" and _at_least(sliced) and isinstance(sliced, surface.Binary):
                slices = self.resolved(sliced.left)
                if isinstance(slices, surface.Windowed):
                    return self._sliced(slices, window, "Timeslices", share_of(sliced.right))
            if inner.function.text == "mean" and isinstance(sliced, surface.Windowed):
                return self._sliced(sliced, window, "RatioTimeslices", None)
        return Level(measure=self.measure(inner), method="Occurrences", window=window)

    def _sliced(
        self,
        slices: surface.Windowed,
        window: surface.EachWindow | surface.RollingWindow,
        method: str,
        target: Decimal | None,
    ) -> Level:
        operand, each = self._windowed(slices)
        if not isinstance(each, surface.EachWindow) or each.starting is not None:
            raise Unsaid("slices that overlap or begin on a day", each.span)
        measure = self.measure(self.resolved(operand))
        return Level(measure=measure, method=method, window=window, slice=each.period, slice_target=target)

    def measure(self, formula: surface.Expression) -> Measure:
        """A ratio of counts, a mean of ratios, or the share of values on one side of a bound."""
        inner, failure = _bare(formula), False
        if (
            isinstance(inner, surface.Binary)
            and inner.operator == "-"
            and isinstance(inner.left, surface.Quantity)
            and inner.left.text == "100%"
        ):
            inner, failure = self.resolved(inner.right), True
        match inner:
            case surface.Binary(operator="/", left=surface.Call() as left, right=surface.Call() as right):
                (source, part), (other, total) = self._field(_argument(left)), self._field(_argument(right))
                function = left.function.text
                if source == other and function == right.function.text and function in ("sum", "increase"):
                    fields = {"bad" if failure else "good": part, "total": total}
                    return Measure(source=source, fields=fields, counter=function == "increase")
            case surface.Call() if inner.function.text == "mean":
                source, raw = self._field(_argument(inner))
                return Measure(source=source, fields={"raw": raw}, failure=failure)
            case surface.Call() if inner.function.text == "share" and not failure:
                compared = self.resolved(_argument(inner))
                if isinstance(compared, surface.Binary) and compared.operator in _WORDS:
                    source, value = self._field(compared.left)
                    return Measure(
                        source=source,
                        fields={"value": value},
                        op=_WORDS[compared.operator],
                        value=_number(compared.right),
                    )
        raise Unsaid(
            "a formula that is neither a ratio of counts nor the share of values within a bound", formula.span
        )

    def resolved(self, formula: surface.Expression, depth: int = 0) -> surface.Expression:
        """A formula without parentheses around it, and of the name of a metric what that is."""
        written = _bare(formula)
        if isinstance(written, surface.Reference) and written.text in self.metrics and depth < _DEEPEST:
            metric = self.metrics[written.text]
            if metric.idle is not None:
                raise Unsaid("a value for windows in which there is nothing", metric.span)
            return self.resolved(metric.expression, depth + 1)
        return written

    def _windowed(
        self, formula: surface.Expression
    ) -> tuple[surface.Expression, surface.EachWindow | surface.RollingWindow]:
        if not isinstance(formula, surface.Windowed):
            raise Unsaid("a formula over windows of formulas", formula.span)
        for one in formula.modifiers[1:]:
            raise Unsaid("schedules and labels of formulas", one.span)
        (window,) = formula.modifiers
        if not isinstance(window, surface.EachWindow | surface.RollingWindow):
            raise Unsaid("this window", window.span)
        return formula.operand, window

    def _weighted(self, formula: surface.Expression) -> Weighted | None:
        if not (isinstance(formula, surface.Binary) and formula.operator == "/"):
            return None
        parts: list[tuple[str, Decimal]] = []
        left = _bare(formula.left)
        while isinstance(left, surface.Binary) and left.operator == "+":
            parts.append(_weight(left.right))
            left = _bare(left.left)
        if not parts:
            return None
        parts.append(_weight(left))
        if sum((weight for _, weight in parts), Decimal(0)) != _number(formula.right):
            raise Unsaid("weights that are not divided by their sum", formula.span)
        return Weighted(parts=tuple(reversed(parts)))

    def _field(self, formula: surface.Expression) -> tuple[str, str]:
        written = _bare(formula)
        if isinstance(written, surface.Reference) and len(written.parts) == 2:
            return written.parts[0].text, written.parts[1].text
        raise Unsaid("a formula inside a function", formula.span)


def _argument(call: surface.Call) -> surface.Expression:
    if (
        len(call.arguments) != 1
        or call.where is not None
        or call.forgiving is not None
        or call.across is not None
    ):
        raise Unsaid("conditions and further arguments of a function", call.span)
    return call.arguments[0]


def _weight(term: surface.Expression) -> tuple[str, Decimal]:
    match _bare(term):
        case surface.Binary(
            operator="*", left=surface.Quantity() as weight, right=surface.Reference() as metric
        ):
            return metric.text, _number(weight)
    raise Unsaid("a sum that is no weighted mean of metrics", term.span)


def _at_least(formula: surface.Expression) -> bool:
    return (
        isinstance(formula, surface.Binary)
        and formula.operator == ">="
        and isinstance(formula.right, surface.Quantity)
        and formula.right.text.endswith("%")
    )


def share_of(formula: surface.Expression) -> Decimal:
    """A percentage as a share."""
    written = _bare(formula)
    if isinstance(written, surface.Quantity) and written.text.endswith("%"):
        return Decimal(written.text[:-1]) / 100
    raise Unsaid("a target that is no fixed percentage", formula.span)


def _number(formula: surface.Expression) -> Decimal:
    written = _bare(formula)
    sign = 1
    if isinstance(written, surface.Unary) and written.operator == "-":
        written, sign = _bare(written.operand), -1
    if isinstance(written, surface.Quantity):
        try:
            return sign * Decimal(written.text)
        except ArithmeticError:
            raise Unsaid("units of values", formula.span) from None
    raise Unsaid("a bound that is no fixed number", formula.span)


def _bare(formula: surface.Expression) -> surface.Expression:
    while isinstance(formula, surface.Parenthesised):
        formula = formula.inner
    return formula
