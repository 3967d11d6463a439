"""Draws the formulas of a plan, shape by shape: signals, records, series, goals, rules."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any, Final

from attrs import frozen
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from wsla.analysis.operations import Aggregate, OutageWindow, SourceField, TimeFilter, Window
from wsla.analysis.types import BooleanType, NumberType, ValueType
from wsla.plan.model import Plan
from wsla.testing.aggregate_formulas import HOSTS, REGION, over_records, over_samples, over_series
from wsla.testing.goal_formulas import SHARES, goal, rule
from wsla.testing.over_time import over_time
from wsla.testing.past_formulas import past_signal
from wsla.testing.plans import (
    BOOLEAN,
    DURATION,
    INSTANT,
    NUMBER,
    TEXT,
    PlanBuilder,
)
from wsla.values.instants import DAY, HOUR, MINUTE, SECOND
from wsla.values.quantities import TIME
from wsla.values.schedules import ALL_WEEK, DatedHours, Schedule, WeeklyHours

_COMPARISONS: Final = ("<=", "<", ">=", ">", "==", "!=")
_SAMPLES: Final = {(): "probe", REGION: "regional", HOSTS: "hosts"}
_NUMBERS: Final = (Fraction(0), Fraction(1), Fraction(2), Fraction(3, 2), Fraction(4))


@frozen(kw_only=True)
class Scale:
    """How coarse a case is: its step and the windows that suit it; lengths are nanoseconds."""

    unit: int
    origins: tuple[int, ...]
    spans: tuple[int, ...]
    outer: tuple[Window, ...]
    inner: tuple[Window, ...]


class Formulas:
    """Builds one plan by drawing. ``by`` of a method is () or the label that all regional sources have."""

    def __init__(self, draw: DrawFn, scale: Scale) -> None:
        self.draw = draw
        self.scale = scale
        term_start = draw(st.sampled_from(scale.origins)) + draw(st.sampled_from((0, 0, 3))) * scale.unit
        lengths = (None, None, scale.spans[-1] // 2, scale.spans[-1] // 3 + scale.unit // 2)
        length = draw(st.sampled_from(lengths))
        self.build = PlanBuilder(
            start=term_start,
            end=None if length is None else term_start + length,
            grace=draw(st.sampled_from((0, 10 * MINUTE, 2 * scale.unit))),
        )

    def pick(self, *choices: Any) -> Any:
        """One of these."""
        return self.draw(st.sampled_from(choices))

    def sometimes(self, in_how_many: int) -> bool:
        """True once in so many."""
        return bool(self.draw(st.integers(1, in_how_many)) == in_how_many)

    def plan(self) -> Plan:
        """Everything, from sources to rules."""
        self.sources()
        for number in range(self.pick(1, 1, 2, 3)):
            goal(self, f"goal{number}", self.pick((), (), REGION))
        for number in range(self.pick(0, 1, 2)):
            rule(self, f"rule{number}", self.pick((), REGION))
        if self.sometimes(3):
            by = self.pick((), REGION)
            self.build.metrics["extra"] = self.series(self.pick(*self.scale.outer), by, depth=2)
        if self.sometimes(4):
            # Versions before and behind this one judge the other windows (M69).
            self.build.judges_from = self.build.start + self.pick(0, 1, 7, 30) * self.scale.unit
        if self.sometimes(4):
            self.build.judges_until = self.build.start + self.pick(1, 8, 31, 60) * self.scale.unit
        return self._without_unused_sources()

    def _without_unused_sources(self) -> Plan:
        # What nobody reads need not be drawn.
        read = {x.source for x in self.build.operations if isinstance(x, Aggregate | SourceField)}
        self.build.sources = {name: source for name, source in self.build.sources.items() if name in read}
        return self.build.build()

    def sources(self) -> None:
        """Sources of each kind, and schedules."""
        self._sources()
        self._schedules()

    def _sources(self) -> None:
        unit = self.scale.unit
        signal_fields: dict[str, ValueType] = {
            "ok": BOOLEAN,
            "elapsed": DURATION,
            "load": NUMBER,
            "state": TEXT,
        }
        # Staleness in the order of the usual gap, with one that falls between the grid's instants.
        staleness = self.pick(None, unit, 3 * unit, 3 * unit // 2, 20 * unit)
        self.build.samples("probe", signal_fields, staleness=staleness, every=unit)
        self.build.samples(
            "regional", signal_fields, staleness=self.pick(None, 5 * unit), labels=REGION, every=unit
        )
        self.build.samples(
            "hosts", signal_fields, staleness=self.pick(None, 5 * unit), labels=HOSTS, every=unit
        )
        record_fields: dict[str, ValueType] = {
            "opened": INSTANT,
            "solved": INSTANT,
            "size": NUMBER,
            "state": TEXT,
            "good": BOOLEAN,
        }
        self.build.records("tickets", record_fields, key="number", at="opened", every=unit)
        self.build.records("cases", record_fields, key="number", at="opened", labels=REGION, every=unit)
        self.build.records("events", {"size": NUMBER, "good": BOOLEAN}, every=unit)

    def _schedules(self) -> None:
        if self.scale.unit == SECOND:
            # 01:50 to 03:10 in Berlin spans the skipped hour of the last Sunday of March.
            minutes = self.pick((0, 20), (45, 110), (110, 190))
            hours = WeeklyHours(ALL_WEEK, minutes[0] * MINUTE, minutes[1] * MINUTE)
            self.build.schedule(Schedule("office", "Europe/Berlin", (hours,)))
            self.build.schedule(Schedule("night", "UTC", (WeeklyHours(ALL_WEEK, 5 * MINUTE, 9 * MINUTE),)))
            return
        weekdays = WeeklyHours((0, 1, 2, 3, 4), 8 * HOUR, 18 * HOUR)
        long_weekdays = WeeklyHours((0, 1, 2, 3, 4), 0, DAY)
        holiday = DatedHours(date(2026, 3, 3), date(2026, 3, 4))
        self.build.schedule(
            Schedule("office", "Europe/Berlin", (self.pick(weekdays, long_weekdays),), (holiday,))
        )
        self.build.schedule(
            Schedule("night", self.pick("UTC", "Europe/Berlin"), (WeeklyHours((6, 2), 1 * HOUR, 4 * HOUR),))
        )

    def filter(self) -> TimeFilter:
        """Mostly all time."""
        office, night = ("office",), ("night",)
        return TimeFilter(
            during=office if self.sometimes(4) else (), excluding=night if self.sometimes(4) else ()
        )

    # Pointwise

    def truth(self, by: tuple[str, ...], *, depth: int = 2) -> int:
        """A boolean signal."""
        source = _SAMPLES[by]
        build = self.build
        kinds = ["ok", "ok", "compare", "text", "logical", "not", "choice", "downs"]
        if by != HOSTS:
            kinds += ["latest", "joined", "past"]
        match self.pick(*kinds) if depth else "ok":
            case "compare":
                number = self.number(by, depth=depth - 1)
                return build.compare(number, self.pick(*_COMPARISONS), self.limit(number))
            case "text":
                word = build.constant(self.pick("open", "closed"))
                return build.compare(build.field(source, "state"), self.pick("==", "!="), word)
            case "logical":
                left, right = self.truth(by, depth=depth - 1), self.truth(self.pick((), by), depth=depth - 1)
                return build.logical(left, self.pick("and", "or", "implies"), right)
            case "not":
                return build.negation(self.truth(by, depth=depth - 1))
            case "downs":
                parts = (self.truth(by, depth=0), *(self.truth(self.pick((), by), depth=0) for _ in range(2)))
                return build.at_least_down(parts, self.pick(1, 2, 2, 3))
            case "joined":
                return self._joined_truth(by)
            case "past":
                return past_signal(self, by, depth=depth - 1)
            case "choice":
                number = self.number(by, depth=0)
                arms = [(self.pick(">=", "<"), self.limit(number), self.truth(by, depth=0))]
                return build.choice(number, arms, self.pick(None, build.constant(True)))
            case "latest":
                series = self.leaf(self.pick(*self.scale.inner), by, depth=0)
                return build.latest(self.condition_of(series))
            case _:
                return build.field(source, "ok")

    def _joined_truth(self, by: tuple[str, ...]) -> int:
        """A condition over the streams of all regions, or over those of all hosts of each, together (M60)."""
        build = self.build
        labels = self._joined_labels(by)
        function, part = self._joined_part(labels)
        where = self.pick(None, self.truth(labels, depth=1))
        number = build.across(function, part, where=where, by=by)
        limit = self.limit(number)
        if self.sometimes(3):
            return build.compare(number, self.pick(*_COMPARISONS), limit)
        return build.across(function, part, where=where, by=by, compared=(self.pick(*_COMPARISONS), limit))

    def _joined_labels(self, by: tuple[str, ...]) -> tuple[str, ...]:
        return HOSTS if by else self.pick(REGION, REGION, HOSTS)

    def _joined_part(self, labels: tuple[str, ...]) -> tuple[str, int]:
        function = self.pick("count", "count", "share", "min", "max", "sum", "mean")
        truth = function in ("count", "share")
        return function, self.truth(labels, depth=1) if truth else self.number(labels)

    def joined_series(self, window: Window) -> int:
        """A series over all regions together (M61)."""
        function = self.pick("count", "share", "min", "max", "sum", "mean")
        part = self.series(window, REGION, depth=1)
        part = self.condition_of(part) if function == "share" else part
        where = self.condition_of(self.leaf(window, REGION, depth=0)) if self.sometimes(3) else None
        return self.build.across(function, part, where=where)

    def number(self, by: tuple[str, ...], *, depth: int = 1) -> int:
        """A numeric signal."""
        if by != HOSTS and depth and self.sometimes(5):
            return self.build.across(*self._joined_part(self._joined_labels(by)), by=by)
        source = _SAMPLES[by]
        build = self.build
        match self.pick("load", "elapsed", "arithmetic", "choice") if depth else self.pick("load", "elapsed"):
            case "load":
                return build.field(source, "load")
            case "arithmetic":
                left = self.number(by, depth=depth - 1)
                if self.sometimes(3):
                    return build.arithmetic(left, self.pick("*", "/"), build.field(source, "load"))
                return build.arithmetic(left, self.pick("+", "-"), self.limit(left))
            case "choice":
                load = build.field(source, "load")
                arms = [
                    (">=", self.limit(load), build.constant(Fraction(5))),
                    ("<", build.constant(Fraction(1)), load),
                ]
                return build.choice(
                    load, arms[: self.pick(1, 2)], self.pick(None, build.constant(Fraction(2)))
                )
            case _:
                return build.field(source, "elapsed")

    def limit(self, index: int) -> int:
        """A constant that may be compared with an operation."""
        type_ = self.build.operations[index].type
        if not isinstance(type_, NumberType):
            return self.build.constant(True)
        if type_.share:
            return self.build.constant(self.pick(*SHARES), type_)
        if type_.dimension == TIME:
            # Lengths of windows are in units of the scale, measured ones are seconds.
            step = self.pick(SECOND, self.scale.unit, 8 * self.scale.unit)
            return self.build.constant(self.pick(*_NUMBERS) * step, type_)
        return self.build.constant(self.pick(*_NUMBERS), type_)

    def of_records(self, source: str, *, truth: bool) -> int:
        """A formula over the records of a source."""
        build = self.build
        if source == "events":
            size = build.field(source, "size")
            if truth:
                large = build.compare(size, ">=", self.limit(size))
                return large if self.sometimes(2) else build.field(source, "good")
            return size
        match self.pick("field", "elapsed", "elapsed", "paused", "due"):
            case "due":
                step = self.pick(SECOND, self.scale.unit, 8 * self.scale.unit)
                length = build.constant(self.pick(*_NUMBERS) * step, DURATION)
                due = build.due(source, build.field(source, "opened"), length, filter=self.filter())
                if truth:
                    return build.compare(build.field(source, "solved"), self.pick("<=", ">", "=="), due)
                number = build.elapsed(source, due, build.field(source, "solved"), filter=self.filter())
            case "elapsed":
                number = build.elapsed(
                    source, build.field(source, "opened"), build.field(source, "solved"), filter=self.filter()
                )
            case "paused":
                waiting = build.compare(build.field(source, "state"), "==", build.constant("waiting"))
                number = build.elapsed(
                    source,
                    build.field(source, "opened"),
                    build.field(source, "solved"),
                    filter=self.filter(),
                    pausing=waiting,
                )
            case _:
                if truth:
                    return build.field(source, "good")
                number = build.field(source, "size")
        return build.compare(number, self.pick("<=", ">"), self.limit(number)) if truth else number

    # Series

    def series(self, window: Window, by: tuple[str, ...], *, depth: int) -> int:
        """A series of numbers."""
        build = self.build
        if depth and self.sometimes(5):
            formula = self.series(window, by, depth=depth - 1)
            return build.idle(formula, self.limit(formula))
        kinds = ("leaf", "leaf", "leaf", "arithmetic", "choice", "scalar", "previous", "rounded")
        kind = self.pick(*kinds) if depth else self.pick("leaf", "leaf", "leaf", "leaf", "previous")
        if by and self.sometimes(6):
            kind = "label"
        left = self.leaf(window, by, depth=depth)
        if not by and depth and self.sometimes(3):
            left = self.joined_series(window)
        match kind:
            case "arithmetic":
                right = self.leaf(window, self.beside(window, by), depth=0)
                return build.arithmetic(left, self.pick("+", "-", "*", "/", "started", "completed"), right)
            case "label":
                return self._by_label(by, left, build.constant(Fraction(3)))
            case "previous":
                before = build.previous(self.pick(left, self.condition_of(left)))
                if isinstance(build.operations[before].type, BooleanType):
                    other = build.logical(self.condition_of(left), self.pick("and", "or", "implies"), before)
                    return build.choice(
                        other, [("==", build.constant(True), left)], build.constant(Fraction(1))
                    )
                return build.arithmetic(left, "-", before) if self.sometimes(2) else before
            case "rounded":
                step = self.pick(Fraction(1), Fraction(1, 4), Fraction(self.scale.unit))
                return build.arithmetic(left, "rounded", build.constant(step))
            case "scalar":
                return build.arithmetic(
                    left,
                    self.pick("+", "-", "*", "/", "started", "completed"),
                    build.constant(self.pick(*_NUMBERS)),
                )
            case "choice":
                arms = [
                    (self.pick(">=", "<"), self.limit(left), build.constant(Fraction(1))),
                    (self.pick(">=", "<="), self.limit(left), self.pick(left, build.constant(Fraction(2)))),
                ]
                return build.choice(left, arms, self.pick(None, build.constant(Fraction(3))))
            case _:
                return left

    def _by_label(self, by: tuple[str, ...], value: int, other: int) -> int:
        """A table over the label that tells parts of a series from each other."""
        build = self.build
        subject = build.label(self.pick(*by), by)
        arms = [(self.pick("==", "!="), build.constant(self.pick("eu", "us", "mars")), value)]
        return build.choice(subject, arms, self.pick(None, other))

    def leaf(self, window: Window, by: tuple[str, ...], *, depth: int) -> int:
        """An aggregate of numbers."""
        families = ["time", "time", "samples", "records"]
        match self.pick(*families, "series", "series") if depth else self.pick(*families):
            case "time":
                return self._over_time(window, by)
            case "samples":
                return over_samples(self, window, by)
            case "records":
                return over_records(self, window, by)
            case _:
                return over_series(self, window, by)

    def _over_time(self, window: Window, by: tuple[str, ...]) -> int:
        function = self.pick(
            "availability", "availability", "duration", "downtime", "time_mean", "longest", "outages"
        )
        argument = self.number(by) if function == "time_mean" else self.truth(by)
        return over_time(self, function, argument, window, by)

    def idle(self) -> int | None:
        return self.build.constant(self.pick(Fraction(0), Fraction(1))) if self.sometimes(4) else None

    def outage(self, by: tuple[str, ...]) -> OutageWindow:
        """A window for each outage, of all or of each region."""
        own = self.pick(by, ())
        return OutageWindow(self.truth(own), own)

    def beside(self, window: Window, by: tuple[str, ...]) -> tuple[str, ...]:
        """The labels of something that is combined with what is by these; outages of a region are that region's."""
        return by if isinstance(window, OutageWindow) else self.pick(by, ())

    def condition_of(self, series: int) -> int:
        """A boolean series from one of numbers."""
        if isinstance(self.build.operations[series].type, BooleanType):
            return series
        limit = self.limit(series)
        by = getattr(self.build.operations[series], "by", ())
        if by and self.sometimes(4):
            limit = self._by_label(by, limit, self.limit(series))
        return self.build.compare(series, self.pick(*_COMPARISONS[:4], *_COMPARISONS), limit)
