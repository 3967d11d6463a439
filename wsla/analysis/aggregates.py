"""Calls of functions: aggregates over windows, and ``elapsed`` over records."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from attrs import evolve, frozen

from wsla.analysis import due, over_time
from wsla.analysis import operations as op
from wsla.analysis.across import joins_signals
from wsla.analysis.approximate import error_of
from wsla.analysis.arena import AnyType, OpenType, Typed, resolve
from wsla.analysis.functions import FUNCTIONS, OTHERS, Argument, Function, Look, Result
from wsla.analysis.matrices import and_applicable
from wsla.analysis.modifiers import Context
from wsla.analysis.reporter import nearest, replace
from wsla.analysis.scope import Scope
from wsla.analysis.types import BooleanType, InstantType, NumberType, Shape
from wsla.analysis.unify import describe, require
from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.values.quantities import TIME
from wsla.values.records import Record

Check = Callable[[surface.Expression, Context], Typed | None]
_HUNDRED = 100
MILLIONTH = Fraction(1, 1_000_000)
"""The step to which a standard deviation is rounded; that of lengths of time is a nanosecond (M33)."""
_PERCENTILE = re.compile(r"p(?P<rank>\d\d)_?(?P<more>\d*)")
"""``p95``, and ``p999`` or ``p99_9`` for the 99.9th."""
_ELSEWHERE = {
    "avg": "mean",
    "average": "mean",
    "total": "sum",
    "quantile": "percentile",
    "minimum": "min",
    "maximum": "max",
    "ratio": "share",
    "uptime": "availability",
    "number": "count",
}


@frozen(eq=False, repr=False)
class AggregateChecker(Record):
    """Checks calls; formulas inside them are checked by the two functions handed in."""

    scope: Scope
    check: Check
    condition: Check

    def call(self, call: surface.Call, context: Context) -> Typed | None:
        """Any call."""
        name = call.function.text
        if over_time.misplaced(self.scope, call):
            return None
        if name == "elapsed":
            return self._elapsed(call, context)
        if name == due.NAME:
            return due.due(self.scope, call, context, self.check)
        function = FUNCTIONS.get(name)
        if function is None:
            self._unknown(call)
            return None
        if context.window is None:
            self.scope.reporter.error(
                "E0308",
                f"`{name}` needs to know over which time",
                call.span,
                label="no window here",
                notes=("say it behind the function: `each month`, `each 5m`, or `over last 1h`",),
            )
            return None
        if context.pausing is not None:
            self.scope.reporter.error(
                "E0314", "`pausing while` belongs to `elapsed(…)` only", context.pausing.span
            )
            return None
        return self._aggregate(call, function, context)

    def _unknown(self, call: surface.Call) -> None:
        name, span = call.function.text, call.function.span
        near = _ELSEWHERE.get(name.casefold()) or nearest(name, [*FUNCTIONS, *OTHERS])
        suggestion = replace(span, near) if near else None
        percentile = _PERCENTILE.fullmatch(name)
        if percentile is not None and len(call.arguments) == 1:
            first = call.arguments[0].span
            rank = percentile["rank"] + (f".{percentile['more']}" if percentile["more"] else "")
            argument = self.scope.reporter.source.text[first.start : first.end]
            written = f"percentile({argument}, {rank}"
            suggestion = replace(Span(span.start, first.end), written, f"write `{written})`")
        self.scope.reporter.error(
            "E0205",
            f"there is no function named `{name}`",
            span,
            notes=() if suggestion else (f"functions: {', '.join([*FUNCTIONS, *OTHERS])}",),
            suggestion=suggestion,
        )

    # --- aggregates

    def _aggregate(self, call: surface.Call, function: Function, context: Context) -> Typed | None:
        parameter = Fraction(1, 2) if function.name == "median" else None
        wanted = 2 if function.name == "percentile" else 1
        if len(call.arguments) != wanted:
            example = f"{function.name}(probe.elapsed, 95)" if wanted > 1 else f"{function.name}(…)"
            self.scope.reporter.error(
                "E0206",
                f"`{function.name}` takes {_how_many(wanted)}, not {len(call.arguments)}: `{example}`",
                call.span,
            )
            return None
        if function.name == "stddev":
            parameter = Fraction(1)
        if wanted > 1:
            parameter = self._rank(call.arguments[1])
        argument, source = self._argument(call.arguments[0], function)
        condition, fine = over_time.condition_of(self.scope, call, function, context)
        where = self.condition(condition, Context()) if condition is not None else None
        if function.look is not Look.TIME and not self._has_samples(call, argument, where):
            return None
        if (argument is None and source is None) or (condition is not None and where is None) or not fine:
            return None
        if wanted > 1 and parameter is None:
            return None
        if condition is not None and where is not None:
            if function.look is Look.TIME:
                assert argument is not None
                argument = over_time.cut_by(self.scope, function, argument, where, condition)
                if argument is None:
                    return None
            elif not self._where_fits(condition, argument, source, where):
                return None
        forgiving, fine = over_time.forgiving_of(self.scope, call, function, argument)
        within, told = error_of(self.scope, call)
        if not fine or not told:
            return None
        if argument is not None:
            where = and_applicable(self.scope.arena, where, argument, call.span)
        return self._build(call, function, context, argument, source, where, parameter, forgiving, within)

    def _has_samples(self, call: surface.Call, argument: Typed | None, where: Typed | None) -> bool:
        for value in (argument, where):
            if value is not None and joins_signals(self.scope, value.operation):
                self.scope.reporter.error(
                    "E0350",
                    f"`{call.function.text}` looks at samples, and a value joined with `across` has none of its own",
                    call.span,
                    notes=("`availability(…)`, `duration(…)` and `time_mean(…)` look at time",),
                )
                return False
        return True

    def _rank(self, written: surface.Expression) -> Fraction | None:
        value = self.check(written, Context())
        if value is None:
            return None
        constant = self.scope.arena.operations[value.operation]
        kind = resolve(value.type)
        if (
            isinstance(constant, op.Constant)
            and isinstance(kind, NumberType)
            and isinstance(constant.value, Fraction)
        ):
            rank = constant.value if kind.share else constant.value / _HUNDRED
            if 0 < rank <= 1:
                return rank
        self.scope.reporter.error("E0206", "a percentile's rank is a number above 0, up to 100", written.span)
        return None

    def _argument(self, written: surface.Expression, function: Function) -> tuple[Typed | None, str | None]:
        """The argument, or the source that is counted."""
        if (
            function.argument is Argument.NOTHING
            and isinstance(written, surface.Reference)
            and len(written.parts) == 1
        ):
            name = written.parts[0].text
            if name in self.scope.sources:
                self.scope.used.add(name)
                return None, name
        value = self.check(written, Context())
        if value is None:
            return None, None
        if value.shape is Shape.SCALAR:
            self.scope.reporter.error(
                "E0308", f"`{function.name}` looks at what is measured, and this never changes", written.span
            )
            return None, None
        if function.look is Look.TIME and value.shape is not Shape.SIGNAL:
            hint = "share" if function.argument is Argument.CONDITION else "mean"
            self.scope.reporter.error(
                "E0309",
                f"`{function.name}` looks at time, and this is one value a "
                f"{'record' if value.shape is Shape.RECORDS else 'window'}",
                written.span,
                notes=(f"`{hint}(…)` looks at such values one by one",),
            )
            return None, None
        if function.look is Look.STEPS and value.shape is not Shape.SIGNAL:
            self.scope.reporter.error(
                "E0309",
                f"`{function.name}` looks at the samples of a counter, and this is one value a "
                f"{'record' if value.shape is Shape.RECORDS else 'window'}",
                written.span,
                notes=("`sum(…)` adds such values up",),
            )
            return None, None
        if function.argument is Argument.CONDITION and not require(
            self.scope.reporter, value, BooleanType(), written.span
        ):
            return None, None
        if function.argument is Argument.NUMBER and not self._number(value, written, function):
            return None, None
        if function.look is not Look.TIME and value.shape is Shape.SIGNAL and len(value.sources) != 1:
            self.scope.reporter.error(
                "E0311",
                f"`{function.name}` looks at the samples of one source, and this rests on "
                f"{' and '.join(sorted(value.sources)) or 'none'}",
                written.span,
                notes=(
                    "`availability(…)` and `duration(…)` look at time and take conditions over several sources",
                ),
            )
            return None, None
        return value, None

    def _number(self, value: Typed, written: surface.Expression, function: Function) -> bool:
        kind = resolve(value.type)
        if isinstance(kind, OpenType):
            kind.numeric = True
            return True
        if isinstance(kind, NumberType):
            return True
        extra = ("`share(…)` gives the share of the cases in which a condition is true",)
        self.scope.reporter.error(
            "E0303",
            f"`{function.name}` needs numbers, and this is {describe(kind)}",
            written.span,
            notes=extra if isinstance(kind, BooleanType) else (),
        )
        return False

    def _where_fits(
        self, written: surface.Expression, argument: Typed | None, source: str | None, where: Typed
    ) -> bool:
        shape, sources = self._shape_of(argument, source)
        same_window = argument is None or where.window == argument.window
        if (
            where.shape is not shape
            or (shape is not Shape.SERIES and where.sources != sources)
            or not same_window
        ):
            self.scope.reporter.error(
                "E0311", "`where` must look at the same source as the function", written.span
            )
            return False
        return True

    def _shape_of(self, argument: Typed | None, source: str | None) -> tuple[Shape, frozenset[str]]:
        if argument is not None:
            return argument.shape, argument.sources
        assert source is not None
        records = self.scope.sources[source].declared.records
        return (Shape.RECORDS if records else Shape.SIGNAL), frozenset({source})

    def _labels(
        self,
        call: surface.Call,
        function: Function,
        context: Context,
        argument: Typed | None,
        source: str | None,
    ) -> tuple[str, ...] | None:
        shape, sources = self._shape_of(argument, source)
        if shape is Shape.SERIES:
            assert argument is not None
            if context.by and set(context.by) != set(argument.by):
                self.scope.reporter.error(
                    "E0313", f"this is told apart {_by(argument.by)}, not {_by(context.by)}", call.span
                )
                return None
            return argument.by
        if shape is Shape.RECORDS:
            for label in context.by:
                for name in sources:
                    self.scope.sources[name].field(label)
            return context.by
        available = (
            argument.by if argument is not None else self.scope.sources[next(iter(sources))].declared.labels
        )
        unknown = [label for label in context.by if label not in available]
        if unknown:
            names = " and ".join(sorted(sources))
            self.scope.reporter.error(
                "E0207",
                f"`{unknown[0]}` is not a label of {names}",
                call.span,
                notes=(f"labels: {', '.join(available)}",)
                if available
                else (f"declare it in the source: `label {unknown[0]}`",),
            )
            return None
        if function.look is Look.TIME and set(available) != set(context.by):
            self.scope.reporter.error(
                "E0313",
                f"this is measured {_by(available)}: say for which the value is wanted",
                call.span,
                suggestion=None,
                notes=(f"write `{' '.join(f'by {label}' for label in available)}` behind the window",),
            )
            return None
        return context.by

    def _build(
        self,
        call: surface.Call,
        function: Function,
        context: Context,
        argument: Typed | None,
        source: str | None,
        where: Typed | None,
        parameter: Fraction | None,
        forgiving: op.Forgiving | None,
        within: Fraction | None,
    ) -> Typed | None:
        assert context.window is not None
        labels = self._labels(call, function, context, argument, source)
        if labels is None:
            return None
        if not self._outages_fit(call, context, argument, labels):
            return None
        name, operation = function.name, None if argument is None else argument.operation
        if name == "downtime" and argument is not None and forgiving is None:
            negation = op.Negation(
                operand=argument.operation, shape=argument.shape, type=BooleanType(), span=call.span
            )
            name, operation = "duration", self.scope.arena.add(negation)
        kind = self._result(function, argument)
        if name == "stddev" and isinstance(kind, NumberType) and kind.dimension != TIME:
            parameter = MILLIONTH
        node = op.Aggregate(
            function="percentile" if name == "median" else name,
            source=source,
            argument=operation,
            where=None if where is None else where.operation,
            parameter=parameter,
            window=context.window,
            filter=context.filter,
            by=labels,
            forgiving=forgiving,
            within=within,
            shape=Shape.SERIES,
            type=kind,  # type: ignore[arg-type]
            span=call.span,
        )
        _, sources = self._shape_of(argument, source)
        return Typed(
            operation=self.scope.arena.add(node),
            shape=Shape.SERIES,
            type=kind,
            window=context.window,
            by=labels,
            sources=sources,
        )

    def _outages_fit(
        self, call: surface.Call, context: Context, argument: Typed | None, labels: tuple[str, ...]
    ) -> bool:
        if not isinstance(context.window, op.OutageWindow):
            return True
        if argument is not None and isinstance(argument.window, op.OutageWindow):
            self.scope.reporter.error(
                "E0344", "outages are looked at over a stretch of time, not over other outages", call.span
            )
            return False
        if context.outage_by and set(context.outage_by) != set(labels):
            self.scope.reporter.error(
                "E0313",
                f"the outages are told apart {_by(context.outage_by)}, and this {_by(labels)}",
                call.span,
            )
            return False
        return True

    def _result(self, function: Function, argument: Typed | None) -> AnyType:
        match function.result:
            case Result.SHARE:
                return NumberType(share=True)
            case Result.DURATION:
                return NumberType(dimension=TIME)
            case Result.COUNT:
                return NumberType()
            case Result.SAME:
                assert argument is not None
                return argument.type
            case Result.SQUARE | Result.RATE:
                assert argument is not None
                kind = resolve(argument.type)
                if isinstance(kind, OpenType):
                    kind.found = NumberType()
                    kind = kind.found
                assert isinstance(kind, NumberType)
                if function.result is Result.RATE:
                    return NumberType(dimension=kind.dimension / TIME)
                return NumberType(dimension=kind.dimension * kind.dimension, share=kind.share)

    # --- elapsed

    def _elapsed(self, call: surface.Call, context: Context) -> Typed | None:
        if not over_time.without_forgiving(self.scope, call):
            return None
        for cut in context.cuts:
            over_time.refuse_cut(self.scope, cut, "elapsed", "elapsed(…) pausing while CONDITION")
            return None
        if len(call.arguments) != 2 or call.where is not None:
            self.scope.reporter.error(
                "E0206",
                "`elapsed` takes two points in time: `elapsed(tickets.opened, tickets.solved)`",
                call.span,
            )
            return None
        start, end = (self.check(argument, Context()) for argument in call.arguments)
        if start is None or end is None:
            return None
        instants = [
            require(self.scope.reporter, value, InstantType(), argument.span)
            for value, argument in zip((start, end), call.arguments, strict=True)
        ]
        if not all(instants):
            return None
        sources = start.sources | end.sources
        if Shape.RECORDS not in (start.shape, end.shape) or len(sources) != 1:
            self.scope.reporter.error(
                "E0311", "`elapsed` takes two points in time of one source of records", call.span
            )
            return None
        if context.window is not None:
            self.scope.reporter.error(
                "E0308",
                "`elapsed` gives one value a record; a window goes with a function over them",
                call.span,
                notes=("for instance `share(elapsed(…) <= 4h) each month`",),
            )
            return None
        pausing: Typed | None = None
        if context.pausing is not None:
            pausing = self.condition(context.pausing, Context())
            if pausing is None:
                return None
            if pausing.sources != sources:
                self.scope.reporter.error(
                    "E0311", "the pause must look at the same source as `elapsed`", context.pausing.span
                )
                return None
        kind = NumberType(dimension=TIME)
        node = op.Elapsed(
            source=next(iter(sources)),
            start=start.operation,
            end=end.operation,
            filter=context.filter,
            pausing=None if pausing is None else pausing.operation,
            shape=Shape.RECORDS,
            type=kind,
            span=call.span,
        )
        joined = start if start.shape is Shape.RECORDS else end
        return evolve(joined, operation=self.scope.arena.add(node), type=kind, sources=sources)


def _how_many(count: int) -> str:
    return "one value" if count == 1 else f"{count} values"


def _by(labels: tuple[str, ...]) -> str:
    return f"by {', '.join(labels)}" if labels else "as a whole"
