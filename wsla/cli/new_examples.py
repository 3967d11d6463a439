"""The examples of a new agreement: one period in which its promise is missed, one in which it is kept."""

from __future__ import annotations

from datetime import datetime, time
from fractions import Fraction
from typing import Final

from attrs import frozen

from wsla.cli.new_answers import Answers, cadence, percent
from wsla.values.calendars import CalendarUnit, CalendarWindow, find_zone, label_of, window_containing
from wsla.values.instants import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Interval,
    format_length,
    from_local,
    midnight,
    parse_instant,
    to_datetime,
)
from wsla.values.money import round_to_minor
from wsla.values.quantities import format_quantity, money

_OUTAGES: Final = (
    *(minutes * MINUTE for minutes in (10, 15, 20, 30, 45)),
    *(hours * HOUR for hours in (1, 2, 3, 4, 6, 8, 12, 18)),
    *(days * DAY for days in (1, 2, 3, 5, 7, 10, 14, 20, 30, 45, 60, 90, 120, 180, 240, 300)),
)
_TICKETS: Final = 20
_MANY_SAMPLES: Final = 50_000
_HOLDS_FOR: Final = 3


def first_whole_period(answers: Answers) -> Interval:
    """The first calendar period that lies wholly in the term."""
    window = CalendarWindow(answers.each, 1, None, answers.zone)
    start = midnight(answers.start, find_zone(answers.zone))
    period = window_containing(window, start)
    return period if period.start == start else window_containing(window, period.end)


def examples(answers: Answers, provider: str, consumer: str) -> str:
    """The ``test`` blocks of a new agreement, each with a blank line before it."""
    example = _Examples(answers, provider, consumer, first_whole_period(answers))
    tests = example.of_tickets() if answers.measure == "tickets" else example.of_time()
    comment = "\n# Examples that both sides can agree on beforehand; `wsla test` runs them in virtual time.\n"
    return comment + "\n".join(tests)


@frozen
class _Examples:
    answers: Answers
    provider: str
    consumer: str
    period: Interval

    # --- time that was lost

    def of_time(self) -> list[str]:
        """An outage just long enough to break the promise, and none."""
        start, length = self._outage()
        lost = Fraction(length, self.period.length)
        up, down = self._given_time(start, length)
        label = self._label()
        told = self._at(start + 5 * MINUTE)
        return [
            _test(
                f"an outage of {format_length(length)} breaks the promise",
                [
                    *up,
                    *down,
                    f"expect available violated in {label}",
                    *self._credited(1 - lost),
                    f"expect notify {self.consumer} in {label}",
                    f"expect notify {self.provider} at {told}",
                ],
            ),
            _test(
                f"a {self.answers.each.value} without an outage keeps it",
                [
                    *up,
                    f"expect available met in {label}",
                    f"expect uptime == 100% in {label}",
                    *self._not_credited(),
                ],
            ),
        ]

    def _outage(self) -> tuple[int, int]:
        allowed = (1 - self.answers.goal) * self.period.length
        length = next((length for length in _OUTAGES if length > allowed), self.period.length)
        if length >= self.period.length:
            return self.period.start, self.period.length
        start = self._morning()
        return (start if start + length < self.period.end else self.period.start), length

    def _given_time(self, start: int, length: int) -> tuple[list[str], list[str]]:
        if self.answers.measure == "http":
            every = cadence(self.answers.goal, self.answers.each)
            note = []
            if self.period.length > _MANY_SAMPLES * every:
                every *= _HOLDS_FOR
                note = ["# A sample holds for three times its interval, so that fewer of them will do."]
            return (
                [*note, f"given probe.ok = true, probe.elapsed = 120ms every {_in_seconds(every)}"],
                [f"given probe.ok = false from {self._at(start)} until {self._at(start + length)}"],
            )
        up = [f"given samples.ok = true at {self._at(self.period.start)}"]
        down = [f"given samples.ok = false at {self._at(start)}"]
        if start + length < self.period.end:
            down.append(f"given samples.ok = true at {self._at(start + length)}")
        return up, down

    # --- tickets that were late

    def of_tickets(self) -> list[str]:
        """So many late tickets that the promise is broken, and none."""
        within = self.answers.within
        late = int((1 - self.answers.goal) * _TICKETS) + 1
        in_time = self._given_tickets(within // 2 // MINUTE * MINUTE, _TICKETS - late, 0)
        too_late = self._given_tickets(-(-2 * within // MINUTE) * MINUTE, late, _TICKETS - late)
        label = self._label()
        return [
            _test(
                f"{late} late {'ticket' if late == 1 else 'tickets'} of {_TICKETS} "
                f"{'breaks' if late == 1 else 'break'} the promise",
                [
                    *in_time,
                    *too_late,
                    f"expect prompt violated in {label}",
                    *self._credited(1 - Fraction(late, _TICKETS)),
                    f"expect notify {self.consumer} in {label}",
                ],
            ),
            _test(
                f"{_TICKETS} tickets in time keep it",
                [
                    *self._given_tickets(within // 2 // MINUTE * MINUTE, _TICKETS, 0),
                    f"expect prompt met in {label}",
                    f"expect on_time == 100% in {label}",
                    *self._not_credited(),
                ],
            ),
        ]

    def _given_tickets(self, took: int, count: int, minutes: int) -> list[str]:
        if count == 0:
            return []
        solved = self._morning() + minutes * MINUTE
        opened = solved - took
        return [
            f"given tickets.opened = {self._at(opened)}, tickets.solved = {self._at(solved)}, "
            f"tickets.at = {self._at(solved)} every 1m from {self._at(solved)} for {count}m"
        ]

    # --- what both have

    def _label(self) -> str:
        return label_of(self.period, self.answers.each, self.answers.zone)

    def _morning(self) -> int:
        """Ten o'clock on the period's second day, or on its only one."""
        zone = find_zone(self.answers.zone)
        day = self.period.start + (0 if self.answers.each is CalendarUnit.DAY else 36 * HOUR)
        return from_local(datetime.combine(to_datetime(day, zone).date(), time(10)), zone)

    def _at(self, instant: int) -> str:
        """An instant in local time, or in UTC where its local time would be read otherwise."""
        zone = find_zone(self.answers.zone)
        for moment, mark in ((to_datetime(instant, zone), ""), (to_datetime(instant), "Z")):
            seconds = ":%S" if moment.second else ""
            text = moment.strftime(f"%Y-%m-%dT%H:%M{seconds}") + mark
            if parse_instant(text, zone) == instant:
                break
        return text

    def _credited(self, value: Fraction) -> list[str]:
        if self.answers.fee is None:
            return []
        share = next(share for bound, share in self.answers.tiers if bound is None or value >= bound)
        fee, currency = self.answers.fee
        amount = round_to_minor(share * fee, currency)
        if amount == 0:
            return []
        written = format_quantity(Fraction(amount), money(currency))
        return [
            f"# {percent(share)} of the fee.",
            f"expect credit {self.consumer} {written} in {self._label()}",
        ]

    def _not_credited(self) -> list[str]:
        return [] if self.answers.fee is None else [f"expect no credit {self.consumer} in {self._label()}"]


def _in_seconds(length: int) -> str:
    return f"{length // MINUTE}m" if length % MINUTE == 0 else f"{length // SECOND}s"


def _test(title: str, lines: list[str]) -> str:
    return "\n".join([f'test "{title}" {{', *(f"  {line}" for line in lines), "}", ""])
