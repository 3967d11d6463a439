"""What is measured: directives as sources, and the schedules by which they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import gcd
from typing import Final

from attrs import define, field, frozen

from wsla.interop.writing import quoted
from wsla.interop.wsla_xml.context import Context, Unreadable
from wsla.interop.wsla_xml.periods import (
    Masks,
    day_of,
    instant_of,
    length_of,
    length_text,
    mask_lines,
    masks_of,
    stretch_lines,
)
from wsla.interop.wsla_xml.tree import Element
from wsla.interop.wsla_xml.vocabulary import DIRECTIVES
from wsla.values.instants import MINUTE
from wsla.values.records import Record

_DOTTED: Final = re.compile(r"[^\W\d]\w*\.[^\W\d]\w*")
_TICKS: Final = re.compile(r"(?<=\w) every \w+$")
_WEB: Final = re.compile(r"https?://[^\s\"<>{}]+")
_SECONDS: Final = ("s", "sec", "secs", "second", "seconds")
_URIS: Final = ("MeasurementURI", "RequestURI", "CounterURI", "RequestURL")


@frozen(kw_only=True, eq=False, repr=False)
class Leaf(Record):
    """A metric that is measured: the source and the formula of its latest value."""

    source: str
    signal: str
    kind: str = "number"


@define
class Reading:
    """A source under way: the fields of readings that are sent to it, or the address that is asked."""

    name: str
    fields: list[str] = field(factory=list)
    address: str | None = None
    timeout: int | None = None
    stated: list[int] = field(factory=list)
    every: list[int] = field(factory=list)
    party: str | None = None
    metrics: list[Element] = field(factory=list)


@define
class Measuring:
    """Sources and schedules of a document. ``start`` and ``end`` bound the term; an end of None is open."""

    context: Context
    schedules: Mapping[str, Element]
    start: int
    end: int | None
    parties: Mapping[str, str]
    # Nanoseconds that clocks in the agreement's zone are ahead of UTC.
    ahead: int = 0
    leaves: dict[str, Leaf] = field(factory=dict)
    readings: dict[str, Reading] = field(factory=dict)
    declared: dict[str, list[str]] = field(factory=dict)
    _steps: dict[str, tuple[int, str | None]] = field(factory=dict)
    _by_lines: dict[tuple[str, ...], str] = field(factory=dict)

    def measure(self, metric: Element) -> None:
        """Takes a metric with a directive, or with the hole for one, as a field of a source."""
        name = metric.attribute("name")
        directive = metric.first("MeasurementDirective", "MeasurementDirectiveVariable")
        if directive is None:
            return
        if directive.name == "MeasurementDirective" and directive.type not in DIRECTIVES:
            self.context.remark(
                "W1101",
                directive.span,
                f"there is no directive `{directive.type}` in WSLA 1.0; it is read as `Gauge`",
            )
        address = next((one.text for one in directive.children if one.name in _URIS and one.text), "")
        every = self._reading_schedule(directive)
        party = self._party(metric)
        if directive.type in ("Status", "ResponseTime") and _WEB.fullmatch(address):
            reading = self._asked(name, address, directive, every, party)
            if directive.type == "Status":
                self.leaves[name] = Leaf(source=reading.name, signal=f"{reading.name}.ok", kind="boolean")
            else:
                unit = "s" if metric.attribute("unit").lower() in _SECONDS else "ms"
                signal = f"{reading.name}.elapsed"
                self.leaves[name] = Leaf(source=reading.name, signal=signal, kind=f"duration:{unit}")
        else:
            source, _, column = name.partition(".") if _DOTTED.fullmatch(name) else (name, "", "value")
            key = f"push {source}"
            reading = self.readings.get(key) or Reading(name=self.context.names.of("source", source))
            self.readings[key] = reading
            reading.fields.append(column)
            self.leaves[name] = Leaf(source=reading.name, signal=f"{reading.name}.{column}")
        reading.stated += [every] if every is not None else []
        reading.party = reading.party or party
        reading.metrics.append(metric)

    def _asked(
        self, name: str, address: str, directive: Element, every: int | None, party: str | None
    ) -> Reading:
        timeout = directive.first("TimeOut")
        patience = (
            length_of(self.context, timeout, directive) if timeout is not None and timeout.children else None
        )
        for reading in self.readings.values():
            same = (reading.address, reading.party) == (address, party)
            if same and (patience is None or reading.timeout in (patience, None)):
                reading.timeout = reading.timeout or patience
                return reading
        stem = name.partition(".")[0] if _DOTTED.fullmatch(name) else name
        taken = any(
            reading.name == self.context.names.of("source", stem) for reading in self.readings.values()
        )
        own = self.context.names.fresh(stem) if taken else self.context.names.of("source", stem)
        reading = Reading(name=own, address=address, timeout=patience)
        self.readings[f"ask {name}"] = reading
        return reading

    def _party(self, metric: Element) -> str | None:
        source = metric.first("Source")
        if source is None or not source.text:
            return None
        found = self.context.resolve("party", source, self.parties, "party")
        return None if found is None else self.parties[found]

    def _reading_schedule(self, directive: Element) -> int | None:
        schedule = directive.first("ReadingSchedule")
        if schedule is None or not schedule.text:
            return None
        return self.schedule(schedule)[0]

    def party(self, source: str) -> str | None:
        """Who measures a source, by the name in the agreement."""
        return next(one.party for one in self.readings.values() if one.name == source)

    def needs(self, metric: str, tick: int) -> None:
        """Says that a measured metric is looked at every so many nanoseconds."""
        leaf = self.leaves.get(metric)
        for reading in self.readings.values():
            if leaf is not None and reading.name == leaf.source and tick not in reading.every:
                reading.every.append(tick)

    def tick(self, source: str) -> int:
        """How often a source is read: as its reading schedule says, else as those who look at it need it, else once
        a minute.
        """
        reading = next(one for one in self.readings.values() if one.name == source)
        return gcd(*(reading.stated or reading.every)) or MINUTE

    def schedule(self, name: Element) -> tuple[int, str | None]:
        """(nanoseconds between two ticks, schedule of the agreement in which they are) of a schedule's name."""
        found = self.context.resolve("schedule", name, self.schedules, "schedule")
        if found is None:
            raise self.context.error(name.inside, f"nothing can be made of the schedule `{name.text}`")
        if found not in self._steps:
            self._steps[found] = self._step(found, self.schedules[found])
        return self._steps[found]

    def _step(self, name: str, schedule: Element) -> tuple[int, str | None]:
        tick = length_of(self.context, schedule.first("Interval"), schedule)
        period = schedule.first("Period")
        if period is None:
            raise self.context.error(schedule.span, "a schedule needs a period")
        start = period.first("Start")
        if start is not None and (instant_of(self.context, start, period) - self.start) % tick:
            self.context.remark(
                "W1104",
                start.inside,
                "the ticks of this schedule are read as counted from the start of the term",
            )
        return tick, self.period([period], _TICKS.sub("", name))

    def period(self, periods: list[Element], name: str) -> str | None:
        """The schedule of the agreement for periods of which one has to hold; None where that is always the case."""
        lines: list[str] = []
        for period in periods:
            found = self._lines(period)
            if found is None:
                return None
            lines += found
        key = tuple(lines)
        if key not in self._by_lines:
            own = self.context.names.of("schedule", name)
            self._by_lines[key] = own
            self.declared[own] = lines
        return self._by_lines[key]

    def _lines(self, period: Element) -> list[str] | None:
        masks = masks_of(self.context, period)
        if masks is not None:
            return None if masks == Masks() else self._masked(masks, period)
        start = instant_of(self.context, period.first("Start"), period)
        end = instant_of(self.context, period.first("End"), period)
        if start <= self.start and self.end is not None and end >= self.end:
            return None
        if end <= start:
            raise self.context.error(period.span, "this period ends before it begins")
        if max(start, self.start) >= (end if self.end is None else min(end, self.end)):
            raise self.context.error(period.span, "this period has no time in the term of the agreement")
        start, end = max(start, self.start), end if self.end is None else min(end, self.end)
        return stretch_lines(start + self.ahead, end + self.ahead)

    def _masked(self, masks: Masks, period: Element) -> list[str]:
        first = day_of(self.start + self.ahead)
        last = masks.end or (day_of(self.end + self.ahead - 1) if self.end is not None else None)
        if masks.by_date and last is None:
            raise self.context.error(
                period.span, "days of the calendar need an end: no period of the document has one"
            )
        lines = mask_lines(masks, first, last or first)
        if lines is None:
            raise self.context.error(period.span, "this period is made of too many single days")
        if not lines:
            raise self.context.error(period.span, "this period has no time in the term of the agreement")
        return lines

    def source_lines(self) -> Iterator[tuple[Reading, str]]:
        """The declaration of each source."""
        for reading in self.readings.values():
            every = length_text(self.tick(reading.name))
            by = f" by {reading.party}" if reading.party is not None else ""
            if reading.address is None:
                fields = "  ".join(f"{name} {name}" for name in dict.fromkeys(reading.fields))
                yield reading, f"source {reading.name} = push every {every}{by} {{ {fields} }}"
                continue
            timeout = f" timeout {length_text(reading.timeout)}" if reading.timeout is not None else ""
            yield (
                reading,
                f"source {reading.name} = http {quoted(reading.address)} every {every}{timeout}{by}",
            )


__all__ = ["Leaf", "Measuring", "Reading", "Unreadable"]
