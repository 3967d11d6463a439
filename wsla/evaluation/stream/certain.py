"""The instant from which the verdict on a window is certain (rule M99), and the next at which time changes a word.

Between two instants at which something happens or is observed, what is known of a window moves on evenly; so gauges can
be read at an instant to come and set back again. What is certain once stays so, and halving finds its first instant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from attrs import frozen

from wsla.evaluation.stream.gauges import Gauge
from wsla.evaluation.stream.judging import Judge, open_verdict
from wsla.evaluation.stream.machine import Machine
from wsla.evaluation.stream.over_samples import SampleRun
from wsla.evaluation.stream.over_series import SeriesRun
from wsla.evaluation.stream.over_time import TimeRun
from wsla.evaluation.stream.unended import open_points, open_points_of
from wsla.evaluation.stream.wiring import Run, Wiring
from wsla.evaluation.verdicts import CERTAIN, Labels, Verdict
from wsla.values.observations import Observation

Window = tuple[Labels, int]
"""A goal's window: the labels as judgements have them, and its start; an outage's end is not known while it is open."""


Said = Callable[[str, Labels, int], str]
"""The word that was said last of a window: (goal, labels, start of the window)."""


@frozen
class Wanted:
    """A window, by its goal's position, of which is wanted since when its verdict is certain."""

    goal: int
    window: Window


class Ahead:
    """What is said of a goal's open windows at instants of the machine's stretch until something happens.

    ``labels`` restricts it to one label combination, where the goal stands on nothing else.
    """

    def __init__(self, machine: Machine, judge: Judge, labels: Labels | None = None) -> None:
        self._wiring: Final = machine.wiring
        self._judge: Final = judge
        self._labels: Final = labels
        self._combinations: Final[dict[Labels, Labels]] = {}
        self._gauges: Final[list[Gauge]] = []
        self._outer: Final[list[SeriesRun]] = []
        for index in _all_below(machine.wiring, judge.aggregates):
            runs = machine.wiring.series[index].runs
            found = runs.values() if labels is None else [run for own, run in runs.items() if own == labels]
            for run in found:
                self._gather(run)
        self._kept: list[list[object]] = [gauge.save() for gauge in self._gauges]
        self._unended: Final = [run.unended for run in self._outer]

    def _gather(self, run: Run) -> None:
        match run:
            case TimeRun():
                self._gauges.append(run.gauge)
            case SampleRun():
                self._gauges.extend(member.gauge for member in run.members)
            case SeriesRun():
                self._outer.append(run)
            case _:
                pass

    def words(self, asked: int) -> dict[Window, Verdict]:
        """The word on each open window at an instant; afterwards everything is as it was."""
        wiring, judge, labels = self._wiring, self._judge, self._labels
        found: dict[Window, Verdict] = {}
        if labels is None:
            several = open_points(wiring, judge.aggregates, asked)
        else:
            several, _ = open_points_of(wiring, judge.aggregates, labels, asked)
        for points in several:
            for own in judge.condition.combinations(points) if labels is None else (labels,):
                point = judge.condition.point(points, own)
                if point is not None and judge.judges(point.window):
                    shown = judge.shown(own)
                    self._combinations[shown] = own
                    word = open_verdict(judge.condition.read(points, own))
                    found[shown, point.window.start] = word
        for gauge, kept in zip(self._gauges, self._kept, strict=True):
            gauge.load(kept)
        for run, unended in zip(self._outer, self._unended, strict=True):
            run.unended = unended
        return found

    def alone(self, machine: Machine, shown: Labels) -> Ahead:
        """The same for the label combination of one window, where nothing else is looked at."""
        labels, wiring = self._combinations[shown], self._wiring
        names = wiring.layout.names(self._judge.goal.condition)
        below = _all_below(wiring, self._judge.aggregates)
        if wiring.previous or not labels or any(wiring.layout.names(index) != names for index in below):
            return self
        return Ahead(machine, self._judge, labels)


def _all_below(wiring: Wiring, aggregates: Iterable[int]) -> list[int]:
    """Aggregates, and those over whose windows they are."""
    found: dict[int, None] = {}
    waiting = list(aggregates)
    while waiting:
        index = waiting.pop()
        if index not in found:
            found[index] = None
            series = wiring.series[index]
            for root in (series.argument, series.where):
                waiting.extend(leaf for leaf, _ in (() if root is None else root.needed))
    return list(found)


def first_instant(before: int, last: int, holds: Callable[[int], bool]) -> int:
    """The first instant after ``before`` at which something holds that does not at ``before`` and does at ``last``."""
    while last - before > 1:
        middle = (before + last) // 2
        if holds(middle):
            last = middle
        else:
            before = middle
    return last


def next_turn(machine: Machine, judge: Judge, last: int, said: Said | None) -> int | None:
    """An instant from ``now`` to ``last`` at which time alone has changed the word on a goal's open window.

    It is ``now`` where the word is not the one that was ``said``, and never later than the first at which one is
    certain. Until after ``last`` nothing else happens.
    """
    now = machine.now
    ahead = Ahead(machine, judge)
    before = ahead.words(now)
    if said is not None and any(
        said(judge.goal.name, *window) != word.value for window, word in before.items()
    ):
        return now
    if last <= now:
        return None
    found = ahead.words(last)
    turned = [window for window, word in found.items() if word is not before.get(window, Verdict.UNKNOWN)]
    turn: int | None = None
    for window in turned:
        alone, word = ahead.alone(machine, window[0]), before.get(window, Verdict.UNKNOWN)
        if turn is not None:
            if alone.words(turn - 1).get(window, Verdict.UNKNOWN) is word:
                continue
            last = turn - 1
        turn = first_instant(
            now,
            last,
            lambda at: alone.words(at).get(window, Verdict.UNKNOWN) is not word,  # noqa: B023
        )
    return turn


def certain_since(
    machine: Machine, observations: Sequence[Observation], until: int, wanted: Iterable[Wanted], looked: int
) -> dict[Wanted, int]:
    """Since when the verdicts on windows are certain that are so at ``until``, and were not at ``looked``.

    The machine is as it was at ``looked`` or earlier, and is used up; ``observations`` are those that it has not seen.
    """
    left: dict[int, set[Window]] = {}
    for one in wanted:
        left.setdefault(one.goal, set()).add(one.window)
    found: dict[Wanted, int] = {}
    position = 0
    while left and machine.now < until:
        now = machine.now
        while position < len(observations) and observations[position].at <= now:
            machine.put(observations[position])
            position += 1
        stop = now + 1
        if not (machine.pending or machine.touched or machine.wiring.turned):
            event = machine.next_event_at()
            following = observations[position].at if position < len(observations) else until
            stop = min(until, following, until if event is None else max(event, now + 1))
            if stop - 1 > max(now, looked):
                _search(machine, max(now, looked), stop - 1, left, found)
        machine.move(stop)
        if stop > looked:
            _search(machine, stop - 1, stop, left, found)
    return found


def _search(
    machine: Machine, before: int, last: int, left: dict[int, set[Window]], found: dict[Wanted, int]
) -> None:
    """Looks for windows that are certain at ``last``, and since when they are; takes them away from those ``left``."""
    for number, windows in list(left.items()):
        ahead = Ahead(machine, machine.wiring.judges[number])
        words = ahead.words(last)
        for window in [window for window in windows if words.get(window) in CERTAIN]:
            since = last
            if last - before > 1:
                alone = ahead.alone(machine, window[0])
                since = first_instant(
                    before,
                    last,
                    lambda at: alone.words(at).get(window) in CERTAIN,  # noqa: B023
                )
            found[Wanted(number, window)] = since
            windows.discard(window)
        if not windows:
            del left[number]
