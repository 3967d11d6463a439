"""``sustained``, ``debounced``, ``limited`` and ``active``: signals that rest on what was before (M46 to M49)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import evolve, frozen

from wsla.analysis import operations as op
from wsla.analysis.arena import OpenType, Typed, resolve
from wsla.analysis.modifiers import Context, duration, read_modifiers
from wsla.analysis.scope import Scope
from wsla.analysis.types import BooleanType, InstantType, Shape
from wsla.analysis.unify import require
from wsla.syntax import surface
from wsla.values.calendars import CalendarWindow, ExactWindow
from wsla.values.records import Record

NAMES: Final = ("sustained", "debounced", "limited", "active")
_EXAMPLES: Final = {
    "sustained": "a condition and a length: `sustained(not probe.ok, 5m)`",
    "debounced": "a condition and one or two lengths: `debounced(probe.ok, 5m)`, or `debounced(probe.ok, 5m, 1m)`",
    "limited": "a condition and a length: `limited(planned, 4h) each month`",
    "active": "two points in time: `active(notices.starts, notices.ends where notices.agreed)`",
}
_BOOLEAN: Final = BooleanType()

Condition = Callable[[surface.Expression], Typed | None]


def is_limited(operand: surface.Expression) -> bool:
    """True for a call of ``limited``, the one signal that a period stands behind."""
    return isinstance(operand, surface.Call) and operand.function.text == "limited"


@frozen(eq=False, repr=False)
class SignalChecker(Record):
    """Checks calls of these functions; formulas inside them are checked by the two functions handed in."""

    scope: Scope
    check: Callable[[surface.Expression, Context], Typed | None]
    condition: Condition

    def call(self, call: surface.Call) -> Typed | None:
        """A call, which no window stands behind."""
        name = call.function.text
        if name == "active":
            return self._active(call)
        if name == "limited":
            self._needs_period(call)
            return None
        found = self._arguments(call, (1, 2) if name == "debounced" else (1,))
        if found is None:
            return None
        value, lengths = found
        node: op.Operation
        if name == "sustained":
            node = op.Sustained(
                condition=value.operation,
                length=lengths[0],
                shape=Shape.SIGNAL,
                type=_BOOLEAN,
                span=call.span,
            )
        else:
            node = op.Debounced(
                condition=value.operation,
                down=lengths[0],
                up=lengths[-1],
                shape=Shape.SIGNAL,
                type=_BOOLEAN,
                span=call.span,
            )
        return evolve(value, operation=self.scope.arena.add(node), type=_BOOLEAN)

    def limited(self, windowed: surface.Windowed) -> Typed | None:
        """``limited(…)`` with the period that stands behind it."""
        call = windowed.operand
        assert isinstance(call, surface.Call)
        context = read_modifiers(self.scope, windowed.modifiers, Context(), call, self.condition)
        if context is None:
            return None
        window = context.window
        surplus = context.by or context.pausing or context.filter.during or context.filter.excluding
        if not isinstance(window, CalendarWindow | ExactWindow) or surplus:
            self._needs_period(call)
            return None
        found = self._arguments(call, (1,))
        if found is None:
            return None
        value, lengths = found
        node = op.Limited(
            condition=value.operation,
            length=lengths[0],
            window=window,
            shape=Shape.SIGNAL,
            type=_BOOLEAN,
            span=windowed.span,
        )
        return evolve(value, operation=self.scope.arena.add(node), type=_BOOLEAN)

    def _needs_period(self, call: surface.Call) -> None:
        self.scope.reporter.error(
            "E0320",
            "`limited` needs a period in which its time begins anew, and nothing else",
            call.span,
            notes=("for instance `limited(planned, 4h) each month`",),
        )

    def _wrong(self, call: surface.Call) -> None:
        name = call.function.text
        self.scope.reporter.error("E0206", f"`{name}` takes {_EXAMPLES[name]}", call.span)

    def _arguments(self, call: surface.Call, numbers: tuple[int, ...]) -> tuple[Typed, list[int]] | None:
        """The condition, as a signal, and the lengths; None and an error where one of them is wrong."""
        if len(call.arguments) - 1 not in numbers or call.where is not None:
            self._wrong(call)
            return None
        first, *rest = call.arguments
        value = self.condition(first)
        signal = None if value is None else self._as_signal(value, first, call.function.text)
        lengths = [self._length(written, call.function.text) for written in rest]
        if signal is None or None in lengths:
            return None
        return signal, [length for length in lengths if length is not None]

    def _length(self, written: surface.Expression, name: str) -> int | None:
        if not isinstance(written, surface.Quantity):
            self.scope.reporter.error(
                "E0306", f"`{name}` needs an exact length here, such as 30s, 5m or 24h", written.span
            )
            return None
        return duration(self.scope, surface.Word(text=written.text, span=written.span), f"`{name}`")

    def _as_signal(self, value: Typed, written: surface.Expression, name: str) -> Typed | None:
        if value.shape is Shape.SIGNAL:
            return value
        if value.shape is Shape.SERIES:
            # As in a rule: at every instant the window that ended last.
            node = op.Latest(operand=value.operation, shape=Shape.SIGNAL, type=_BOOLEAN, span=written.span)
            latest = self.scope.arena.add(node)
            return evolve(value, operation=latest, shape=Shape.SIGNAL, window=None, sources=frozenset())
        never = value.shape is Shape.SCALAR
        self.scope.reporter.error(
            "E0308" if never else "E0309",
            f"`{name}` looks at what is measured all the time, and "
            + ("this never changes" if never else "this is one value a record"),
            written.span,
        )
        return None

    def _expect_moment(self, written: surface.Expression) -> None:
        """In `notices.starts - 1h` the field is a point in time, if nothing is known of it yet."""
        if not isinstance(written, surface.Binary) or written.operator not in ("+", "-"):
            return
        for field, other in ((written.left, written.right), (written.right, written.left)):
            if isinstance(field, surface.Reference) and isinstance(other, surface.Quantity):
                value = self.check(field, Context())
                kind = None if value is None else resolve(value.type)
                if isinstance(kind, OpenType):
                    kind.found = InstantType()

    def _moment(self, written: surface.Expression) -> Typed | None:
        value = self.check(written, Context())
        if value is None or not require(self.scope.reporter, value, InstantType(), written.span):
            return None
        return value

    def _active(self, call: surface.Call) -> Typed | None:
        if len(call.arguments) != 2:
            self._wrong(call)
            return None
        for argument in call.arguments:
            self._expect_moment(argument)
        start, end = (self._moment(argument) for argument in call.arguments)
        if start is None or end is None:
            return None
        where = None if call.where is None else self.condition(call.where)
        if call.where is not None and where is None:
            return None
        sources = start.sources | end.sources
        if {start.shape, end.shape} - {Shape.RECORDS, Shape.SCALAR} or len(sources) != 1:
            self.scope.reporter.error(
                "E0311", "`active` takes two points in time of one source of records", call.span
            )
            return None
        if call.where is not None and where is not None and where.sources != sources:
            self.scope.reporter.error(
                "E0311", "`where` must look at the same source as `active`", call.where.span
            )
            return None
        name = next(iter(sources))
        node = op.Active(
            source=name,
            start=start.operation,
            end=end.operation,
            where=None if where is None else where.operation,
            shape=Shape.SIGNAL,
            type=_BOOLEAN,
            span=call.span,
        )
        return Typed(
            operation=self.scope.arena.add(node),
            shape=Shape.SIGNAL,
            type=_BOOLEAN,
            by=self.scope.sources[name].declared.labels,
        )
