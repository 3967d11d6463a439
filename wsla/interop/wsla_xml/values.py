"""Formulas under way: a text with its type and with the windows that it has values for."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from attrs import evolve, frozen

from wsla.interop.wsla_xml.periods import length_text
from wsla.values.records import Record

# How tightly a text holds together: what stands in it at the outermost.
ATOM: Final = 5
PRODUCT: Final = 4
SUM: Final = 3
WINDOW: Final = 2
COMPARISON: Final = 1
LOGIC: Final = 0


@frozen(kw_only=True, eq=False, repr=False)
class Grid(Record):
    """The windows of a value: of ``length`` nanoseconds, a new one every ``tick``; side by side from the start of the
    term where ``tumbling``, else at multiples of the tick since 1970.
    """

    length: int
    tick: int
    tumbling: bool

    @property
    def text(self) -> str:
        """The clause that says so."""
        if self.tumbling:
            return f"each {length_text(self.tick)}"
        return f"over last {length_text(self.length)} every {length_text(self.tick)}"


@frozen(kw_only=True, eq=False, repr=False)
class Value(Record):
    """A formula: ``kind`` is ``number``, ``share``, ``boolean``, ``duration:ms`` or ``duration:s`` (a length of time
    that WSLA counts in that unit), or ``literal``, which is a number that suits all.

    ``grid`` is None for what never changes, and for the signal of a field. ``signal`` is the field that the value is
    of, where it is its latest value. ``core`` is the function's call without its window, where the text is one.
    ``alias`` is the metric that has the signal's latest value each time that its source is read. ``sources`` are those
    that it rests on.
    """

    text: str
    kind: str
    level: int = ATOM
    grid: Grid | None = None
    signal: str | None = None
    core: str | None = None
    number: Fraction | None = None
    alias: str | None = None
    sources: tuple[str, ...] = ()

    def at(self, level: int) -> str:
        """The text where something holds as tightly as ``level``: in parentheses if need be."""
        return self.text if self.level >= level else f"({self.text})"


@frozen(kw_only=True, eq=False, repr=False)
class Series(Record):
    """What a time series or a queue holds: the latest ``count`` (None: all) values of ``item``, one a window.

    ``samples`` is True where the items are the samples of a field themselves, ``where`` a condition on them.
    """

    item: Value
    grid: Grid
    count: int | None
    samples: bool = False
    where: str | None = None


def literal(number: Fraction) -> Value:
    """A number; how it is written depends on what it stands beside."""
    return Value(text=decimal(number), kind="literal", number=number, level=ATOM if number >= 0 else SUM)


def decimal(number: Fraction) -> str:
    """A number without exponent, exact; a fraction that has no end is a quotient."""
    sign, number = ("-", -number) if number < 0 else ("", number)
    places, scale = 0, 1
    while (number * scale).denominator != 1 and places < 40:
        places, scale = places + 1, scale * 10
    scaled = number * scale
    if scaled.denominator != 1:
        return f"{sign}{number.numerator} / {number.denominator}"
    digits = str(scaled.numerator).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


def written(number: Fraction, kind: str) -> str:
    """A number as one of a kind: of shares as a percentage."""
    if kind.startswith("duration:"):
        return f"{decimal(number)}{kind.removeprefix('duration:')}"
    return f"{decimal(number * 100)}%" if kind == "share" else decimal(number)


def as_kind(value: Value, kind: str) -> Value:
    """The value as a plain number or as a share; a literal as anything."""
    if value.number is not None:
        return evolve(value, text=written(value.number, kind), kind=kind)
    if value.kind == "boolean":
        value = Value(
            text=f"by {value.at(SUM)} {{ true: 1  else: 0 }}",
            kind="number",
            grid=value.grid,
            sources=value.sources,
        )
    if value.kind == kind:
        return value
    if value.kind.startswith("duration:"):
        ratio = evolve(
            value,
            text=f"{value.at(PRODUCT)} / 1{value.kind.removeprefix('duration:')}",
            kind="share",
            level=PRODUCT,
        )
        return as_kind(evolve(ratio, core=None), kind)
    if kind == "number":
        return evolve(value, text=f"1 * {value.at(ATOM)}", kind="number", level=PRODUCT, core=None)
    return evolve(value, text=f"{value.at(PRODUCT)} / 1", kind="share", level=PRODUCT, core=None)


def alike(left: Value, right: Value) -> tuple[Value, Value]:
    """Both of one kind: a share where both can be."""
    left, right = (as_kind(one, "number") if one.kind == "boolean" else one for one in (left, right))
    kinds = {one.kind for one in (left, right)} - {"literal"}
    kind = next(iter(kinds)) if len(kinds) == 1 else "number"
    return as_kind(left, kind), as_kind(right, kind)


def windowed(
    core: str, grid: Grid, kind: str, sources: tuple[str, ...], schedule: str | None = None
) -> Value:
    """A function over windows."""
    during = f" during {schedule}" if schedule is not None else ""
    return Value(
        text=f"{core} {grid.text}{during}",
        kind=kind,
        level=WINDOW,
        grid=grid,
        core=core if schedule is None else None,
        sources=sources,
    )


@frozen(kw_only=True, eq=False, repr=False)
class Grids(Record):
    """Which windows fit which; ``start`` is the instant at which the term begins."""

    start: int

    def resampled(self, value: Value, tick: int, schedule: str | None = None) -> Value:
        """The value as it is at every tick."""
        if value.number is not None:
            return value
        if value.grid is None:
            assert value.signal is not None
            grid = Grid(length=tick, tick=tick, tumbling=True)
            return windowed(f"last({value.signal})", grid, value.kind, value.sources, schedule)
        if value.grid.tick == tick and schedule is None:
            return value
        if value.core is not None and tick % value.grid.tick == 0 and schedule is None:
            if value.grid.length == tick:
                return windowed(
                    value.core, Grid(length=tick, tick=tick, tumbling=True), value.kind, value.sources
                )
            if value.grid.length > tick and not value.grid.tumbling:
                grid = Grid(length=value.grid.length, tick=tick, tumbling=False)
                return windowed(value.core, grid, value.kind, value.sources)
        grid = Grid(length=tick, tick=tick, tumbling=True)
        if self._reach(value.grid, grid) > tick:
            grid = Grid(
                length=self._reach(value.grid, Grid(length=tick, tick=tick, tumbling=False)),
                tick=tick,
                tumbling=False,
            )
        return windowed(f"last({value.text})", grid, value.kind, value.sources, schedule)

    def together(self, values: Sequence[Value], tick: int | None = None) -> list[Value]:
        """All over the same windows: their own where these are the same, else the latest of each at ticks."""
        changing = [value for value in values if value.number is None]
        grids = {
            (one.grid.length, one.grid.tick, one.grid.tumbling) for one in changing if one.grid is not None
        }
        signals = [one for one in changing if one.grid is None]
        if not changing:
            return list(values)
        if len(grids) <= 1 and not signals and (tick is None or all(one[1] == tick for one in grids)):
            return list(values)
        tick = tick or min((one.grid.tick for one in changing if one.grid is not None), default=None)
        assert tick is not None
        resampled = [self.resampled(one, tick) for one in values]
        found = {one.grid for one in resampled if one.grid is not None}
        if len(found) <= 1:
            return resampled
        plain = [self.resampled(one, tick) if one.grid is None else one for one in values]
        rolling = Grid(length=tick, tick=tick, tumbling=False)
        reach = max(self._reach(one.grid, rolling) for one in plain if one.grid is not None)
        grid = Grid(length=reach, tick=tick, tumbling=False)
        return [
            one
            if one.grid is None or one.grid == grid
            else windowed(f"last({one.text})", grid, one.kind, one.sources)
            for one in plain
        ]

    def outer(self, series: Series) -> Grid | None:
        """The windows in which a function sees all that a series holds; None for all values that there ever were."""
        if series.count is None:
            return None
        if series.samples:
            return Grid(length=series.count * series.grid.tick, tick=series.grid.tick, tumbling=False)
        length = (series.count - 1) * series.grid.tick + series.grid.length
        if series.grid.tumbling and self.start % series.grid.tick:
            length += series.grid.tick
        return Grid(length=length, tick=series.grid.tick, tumbling=False)

    def _reach(self, inner: Grid, outer: Grid) -> int:
        """How far a window of the outer kind has to go back to hold the latest inner one wholly."""
        phases = [self.start % inner.tick if grid.tumbling else 0 for grid in (inner, outer)]
        aligned = outer.tick % inner.tick == 0 and phases[0] == phases[1]
        return inner.length + (0 if aligned else inner.tick)
