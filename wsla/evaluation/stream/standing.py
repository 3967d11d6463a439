"""Standings: what was last said of each window that is still open, so that only changes are told."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Any, Final

from wsla.evaluation.stream.certainty import Certainty, of_records_alone
from wsla.evaluation.stream.express import Express
from wsla.evaluation.stream.followed import (
    NEVER_CHANGES,
    WITHOUT_BOUNDS,
    Comparison,
    Part,
    comparisons,
    rests_on_samples,
    says_nothing_of_none,
    speaks,
)
from wsla.evaluation.stream.inlets import Stream
from wsla.evaluation.stream.judging import Judge, open_verdict
from wsla.evaluation.stream.layout import OVER_TIME, Layout, in_order, restrict
from wsla.evaluation.stream.machine import NEVER, Machine
from wsla.evaluation.stream.over_samples import SampleRun
from wsla.evaluation.stream.over_time import TimeRun
from wsla.evaluation.stream.snapshot import load_labels, save_labels
from wsla.evaluation.stream.unended import open_judgements, open_points_of
from wsla.evaluation.verdicts import Judgement, Labels, Verdict
from wsla.values.calendars import OverlappingWindow
from wsla.values.instants import Interval

_FEW: Final = 64
_UNKNOWN: Final = Verdict.UNKNOWN.value


class Follower:
    """A goal that is followed for one label combination: ``parts`` are the comparisons on which its word rests."""

    __slots__ = ("judge", "labels", "name", "number", "of_samples", "of_time", "parts", "timed", "until")

    def __init__(self, number: int, judge: Judge, labels: Labels, found: tuple[Comparison, ...]) -> None:
        self.number: Final = number
        self.judge: Final = judge
        self.labels: Final = labels
        self.name: Final = (judge.goal.name, in_order(labels, judge.goal.by))
        self.parts: Final = tuple(Part(comparison) for comparison in found)
        self.until = NEVER_CHANGES
        self.of_time: Final = bool(found) and all(one.function in OVER_TIME for one in found)
        # Nothing is known in a window without samples, whatever the comparisons.
        self.of_samples: Final = _is_of_samples(found)
        # Time alone, or that a window begins, can change the word.
        self.timed: Final = not self.of_samples

    def begin_anew(self) -> None:
        """A window begins in which there is no sample yet, and without samples nothing is said."""
        for part in self.parts:
            part.good, part.slack, part.until = None, 0, NEVER_CHANGES

    def goes_on(self, machine: Machine) -> bool:
        """True where all comparisons are over time, and the signals are what they were at the last look."""
        if not self.of_time:
            return False
        for part in self.parts:
            run = machine.wiring.series[part.comparison.aggregate].runs.get(self.labels)
            if not isinstance(run, TimeRun) or run.gauge.value is not part.value:
                return False
        return True


class Standings:
    """The word last said for each goal and label combination, with the window's start: open outages end alike.

    Goals over time are looked at after an observation that finds the service other than good, and whenever time moves
    on; other goals only where there is something new. Of the goals that are followed only those label combinations are
    looked at for which the word can have changed.
    """

    def __init__(self, layout: Layout) -> None:
        self._said: dict[tuple[str, Labels], tuple[int, str]] = {}
        self._looked: dict[str, tuple[int, int]] = {}
        self.observed = 0
        self._found: Final[dict[int, tuple[Comparison, ...] | None]] = {}
        # Goals of which nothing is said while their windows are open.
        self._silent: Final[set[int]] = set()
        self._eager: Final[list[int]] = []  # others that are looked at though nobody waits for it
        self._judges: tuple[Judge, ...] = ()
        self._layout: Final = layout
        self._followers: Final[dict[tuple[int, Labels], Follower]] = {}
        # Followers that are to be looked at, and the instants at which others are.
        self.waiting: Final[dict[tuple[int, Labels], Follower]] = {}
        self._due: Final[list[tuple[int, int, Labels]]] = []
        self._concerned: Final[dict[str, list[tuple[int, tuple[str, ...]]]]] = {}
        self._resting: Final[dict[int, list[int]]] = {}
        self._machine: Machine | None = None
        # True where the word on some goal has to be asked for with every sample.
        self.close = False
        # True where the passing of time alone can change the word on some goal that is followed.
        self.timed = False
        self.certainty: Final = Certainty()
        # When the goals that are not followed were looked at before and last, and instants at which they are to be.
        self._looked_at: Final[dict[int, tuple[int, int]]] = {}
        self.expected: Final[dict[int, int]] = {}
        self._untils: dict[tuple[int, Labels], int] = {}

    def meet(self, machine: Machine) -> None:
        """Finds out which goals of a machine can be followed; of those, everybody is looked at anew."""
        if self._machine is machine:
            return
        first = self._machine is None
        self._machine = machine
        self._judges = machine.wiring.judges
        if first:
            for number, judge in enumerate(self._judges):
                self._sort(number, judge)
        self._followers.clear()
        self._due.clear()
        self.waiting.clear()
        machine.stirred.clear()
        machine.ended.clear()
        for number, found in self._found.items():
            if found is not None:
                for index in self._judges[number].aggregates:
                    for labels in machine.wiring.series[index].runs:
                        self._wait_for(number, labels)
        for (number, labels), until in self._untils.items():
            follower = self.follower(number, labels)
            follower.until = until
            self._note(until, follower)
        self._untils = {}

    def _sort(self, number: int, judge: Judge) -> None:
        layout = self._layout
        if not speaks(layout, judge):
            self._silent.add(number)
            return
        found = comparisons(layout, judge)
        if found is None or not judge.over_time:
            self._eager.append(number)
        if found is None:
            self._found[number] = None
            self.close = self.close or rests_on_samples(layout, judge)
            return
        self._found[number] = found
        self.timed = self.timed or not _is_of_samples(found)
        names = layout.names(judge.goal.condition)
        for index in judge.aggregates:
            self._resting.setdefault(index, []).append(number)
            argument = layout.aggregate(index).argument
            own = layout.source_of(index)
            sources = set() if own is None else {own.name}
            for leaf in () if argument is None else layout.leaves(argument):
                source = getattr(layout.operations[leaf], "source", None)
                if source is not None:
                    sources.add(source)
            for source in sources:
                concerned = self._concerned.setdefault(source, [])
                if (number, names) not in concerned:
                    concerned.append((number, names))

    def follower(self, number: int, labels: Labels) -> Follower:
        """Who follows a goal, by its position, for a label combination."""
        found = self._followers.get((number, labels))
        if found is None:
            comparisons = self._found[number]
            assert comparisons is not None
            found = self._followers[number, labels] = Follower(
                number, self._judges[number], labels, comparisons
            )
        return found

    def followers_of(self, stream: Stream) -> list[Follower]:
        """Who follows the goals whose word the samples of a stream can change."""
        concerned = self._concerned.get(stream.source, ())
        return [self.follower(number, restrict(stream.labels, names)) for number, names in concerned]

    def names(self, number: int) -> tuple[str, ...]:
        """The labels by which a goal, by its position, is told apart."""
        return self._layout.names(self._judges[number].goal.condition)

    def parts_of(self, source: str) -> list[tuple[int, int, Comparison]]:
        """The comparisons over samples of a source on which words rest: (goal, position in its condition, which)."""
        layout = self._layout
        found = []
        for number, followed in self._found.items():
            for position, comparison in enumerate(followed or ()):
                own = layout.source_of(comparison.aggregate)
                if own is not None and own.name == source:
                    found.append((number, position, comparison))
        return found

    def resting_on(self, index: int) -> tuple[int, ...]:
        """The goals that are followed, by their positions, whose word rests on an aggregate."""
        return tuple(self._resting.get(index, ()))

    def is_silent_without_samples(self, index: int) -> bool:
        """True where nothing is said of an aggregate in an open window before there is a sample in it."""
        return all(
            says_nothing_of_none(comparison)
            for number in self.resting_on(index)
            for comparison in self._found[number] or ()
        )

    @property
    def looks_at_ends(self) -> bool:
        """True where a goal that is not followed speaks: of what has ended, it may say something else each time."""
        return any(found is None for found in self._found.values())

    def _wait_for(self, number: int, labels: Labels) -> None:
        self.waiting[number, labels] = self.follower(number, labels)

    def _stir(self, machine: Machine) -> None:
        """Notes for whom the word can have changed."""
        self.meet(machine)
        if machine.stirred:
            for stream in machine.stirred:
                for follower in self.followers_of(stream):
                    if not follower.goes_on(machine):
                        self.waiting[follower.number, follower.labels] = follower
            machine.stirred.clear()
        if machine.ended:
            for run in machine.ended:
                for number in self._resting.get(run.kind.index, ()):
                    self._wait_for(number, run.labels)
            machine.ended.clear()
        due = self._due
        while due and due[0][0] <= machine.now:
            at, number, labels = heappop(due)
            found = self._followers.get((number, labels))
            if found is not None and found.until == at:
                self.waiting[number, labels] = found

    def next_due(self) -> int:
        """The earliest instant at which time alone can change a word."""
        due = self._due
        while due:
            at, number, labels = due[0]
            if self._followers[number, labels].until == at:
                return at
            heappop(due)
        return NEVER_CHANGES

    def after_observation(self, machine: Machine) -> list[Judgement]:
        """The judgements of open windows whose word has changed, as far as that is cheap to tell."""
        self.observed += 1
        self._stir(machine)
        found = []
        for number in self._numbers():
            judge = self._judges[number]
            if not judge.over_time:
                continue
            followed = self._found[number]
            if followed is None:
                if _in_trouble(machine, judge):
                    self._note_look(number, machine.now)
                    found += self._changed(machine, judge)
            else:
                waiting = self._waiting_for(number)
                if waiting and _in_trouble(machine, judge):
                    found += self._look(machine, waiting)
        return found

    def on_the_way(self, machine: Machine) -> list[Judgement]:
        """The judgements of followed windows whose word time has changed."""
        self._stir(machine)
        timed = [follower for follower in self.waiting.values() if follower.timed]
        return self._look(machine, sorted(timed, key=_by_number) if len(timed) > 1 else timed)

    def begins_next(self, machine: Machine) -> int:
        """The earliest instant at which there is something to say of a window that does not exist yet."""
        found = NEVER_CHANGES
        for follower in self.waiting.values():
            for part in follower.parts if follower.timed else ():
                run = machine.wiring.series[part.comparison.aggregate].runs.get(follower.labels)
                if run is not None and run.window is not None:
                    exists = max(run.kind.frames.exists_from(run.window), run.begin) + 1
                    if exists > machine.now:
                        found = min(found, exists)
        return found

    def unfollowed(self) -> list[tuple[int, Judge]]:
        """The goals, by their position, of which something is said without their being followed."""
        return [(number, self._judges[number]) for number, found in self._found.items() if found is None]

    def was_said(self, goal: str, labels: Labels, start: int) -> str:
        """The word that was said last of the window that starts then."""
        said = self._said.get((goal, labels))
        return said[1] if said is not None and said[0] == start else _UNKNOWN

    def _note_look(self, number: int, now: int) -> None:
        self._looked_at[number] = (self._looked_at.get(number, (NEVER, NEVER))[1], now)

    def is_new(self, number: int, window: Interval, now: int) -> bool:
        """True where the word on a goal's window, which is another one since the last look, was not so the instant
        before.
        """
        if self._found.get(number) is not None:
            return self.certainty.looked_up_to() >= now - 1
        judge, kind = self._judges[number], self._judges[number].goal.window
        begin = kind.last_period(window).start if isinstance(kind, OverlappingWindow) else window.start
        return (
            self.certainty.first_new == now - 1
            and begin < self.known_to(number)
            and of_records_alone(self._layout, judge.aggregates)
        )

    def known_to(self, number: int) -> int:
        """The instant up to which the word on a goal is known, but for the look that was the last."""
        if self._found.get(number) is not None:
            return self.certainty.looked_up_to()
        return self._looked_at.get(number, (NEVER, NEVER))[0]

    def changed_from(self, at: int) -> None:
        """An observation came late: what was known of later instants may be otherwise."""
        self.certainty.changed_from(at)
        for number, (_, last) in self._looked_at.items():
            self._looked_at[number] = (min(last, at), min(last, at))

    def after_time(self, machine: Machine, *, every: bool = False) -> list[Judgement]:
        """The judgements of all open windows whose word has changed; ``every`` goal is looked at if asked for."""
        self._stir(machine)
        found = []
        for number in self._numbers():
            judge = self._judges[number]
            # What waits to take effect is not looked at yet.
            observed = -1 - self.observed if machine.pending else self.observed
            state = (machine.ends, 0 if judge.over_series else observed)
            name = judge.goal.name
            expected = self.expected.get(number, NEVER_CHANGES) <= machine.now
            if judge.over_time or every or expected or self._looked.get(name) != state:
                self._looked[name] = state
                if expected:
                    del self.expected[number]
                followed = self._found[number]
                if followed is None:
                    self._note_look(number, machine.now)
                    found += self._changed(machine, judge)
                else:
                    found += self._look(machine, self._waiting_for(number))
        return found

    def _numbers(self) -> list[int]:
        """The goals, by their positions, of which something may be said now."""
        waiting = {number for number, _ in self.waiting}
        return sorted(waiting.union(self._eager)) if waiting else self._eager

    def _waiting_for(self, number: int) -> list[Follower]:
        found = [follower for follower in self.waiting.values() if follower.number == number]
        return sorted(found, key=_by_labels) if len(found) > 1 else found

    def _changed(self, machine: Machine, judge: Judge) -> list[Judgement]:
        found = []
        for judgement in open_judgements(machine.wiring, judge, machine.now):
            key, start = (judgement.goal, judgement.labels), judgement.window.start
            if self._says(key, start, judgement.verdict.value):
                found.append(judgement)
        return found

    def _says(self, key: tuple[str, Labels], start: int, word: str) -> bool:
        """Notes a word; true where it is another than before."""
        before = self._said.get(key)
        previous = before[1] if before is not None and before[0] == start else _UNKNOWN
        self._said[key] = (start, word)
        return word != previous

    def _look(self, machine: Machine, followers: Iterable[Follower]) -> list[Judgement]:
        """The same for goals that are followed: only of these label combinations."""
        return [judgement for follower in followers for judgement in self.look(machine, follower)]

    def look(self, machine: Machine, follower: Follower) -> list[Judgement]:
        """The judgement of a follower's open window if the word on it has changed."""
        judge, labels, asked = follower.judge, follower.labels, machine.now
        found: list[Judgement] = []
        if len(follower.parts) == 1:
            index = follower.parts[0].comparison.aggregate
            express, run = machine.express.get(index), machine.wiring.series[index].runs.get(labels)
            if express is not None and isinstance(run, SampleRun) and run.panes is None:
                if run.seen or not (follower.of_samples and self._is_empty(machine, follower)):
                    self._look_express(machine, follower, express, run, found)
                return found
        if follower.of_samples and self._is_empty(machine, follower):
            return []
        points_now, waits = open_points_of(machine.wiring, judge.aggregates, labels, asked)
        for points in points_now:
            point = judge.condition.point(points, labels)
            if point is None:
                continue
            condition, window = judge.condition.read(points, labels), point.window
            word = open_verdict(condition).value
            before = self._said.get(follower.name)
            if word == (before[1] if before is not None and before[0] == window.start else _UNKNOWN):
                continue
            judgement = judge.judge(points, labels, closed=False, final=False, condition=condition)
            if judgement is not None and self._says(follower.name, window.start, word):
                found.append(judgement)
        if waits:
            # A window begins at this very instant: nobody speaks of it yet.
            self.waiting[follower.number, labels] = follower
            return found
        self.waiting.pop((follower.number, labels), None)
        until = NEVER_CHANGES
        for part in follower.parts:
            run = machine.wiring.series[part.comparison.aggregate].runs.get(labels)
            part.look(run, asked)
            until = min(until, part.until)
        if until != follower.until:
            follower.until = until
            if until != NEVER_CHANGES:
                self._note(until, follower)
        return found

    def _look_express(
        self, machine: Machine, follower: Follower, express: Express, run: SampleRun, found: list[Judgement]
    ) -> None:
        """The same for a goal that is judged without detours."""
        asked, window = machine.now, run.window
        key = (follower.number, follower.labels)
        if window is not None and (window.start >= asked or run.begin >= asked):
            self.waiting[key] = follower
            return
        self.waiting.pop(key, None)
        said = express.so_far(run, asked)
        if said is not None and window is not None:
            word, start = said[0].value, window.start
            before = self._said.get(follower.name)
            if word != (before[1] if before is not None and before[0] == start else _UNKNOWN):
                judgement = express.open_judgement(run, asked, *said)
                if judgement is not None and self._says(follower.name, start, word):
                    found.append(judgement)
        follower.parts[0].look(run, asked)

    def _note(self, until: int, follower: Follower) -> None:
        due = self._due
        heappush(due, (until, follower.number, follower.labels))
        if len(due) > _FEW + 4 * len(self._followers):
            due[:] = [
                (found.until, *key) for key, found in self._followers.items() if found.until != NEVER_CHANGES
            ]
            heapify(due)

    def _is_empty(self, machine: Machine, follower: Follower) -> bool:
        """True where no sample has come in the windows that are open, so that nothing is known and nothing was said."""
        runs = [
            machine.wiring.series[part.comparison.aggregate].runs.get(follower.labels)
            for part in follower.parts
        ]
        for run in runs:
            if not isinstance(run, SampleRun) or run.seen or run.panes is not None or run.window is None:
                return False
            said = self._said.get(follower.name)
            if run.begin >= machine.now or (said is not None and said[0] == run.window.start):
                return False
        for part in follower.parts:
            part.good, part.slack = None, 0
        self.waiting.pop((follower.number, follower.labels), None)
        return True

    def save(self) -> dict[str, Any]:
        said = [
            [goal, save_labels(labels), start, word] for (goal, labels), (start, word) in self._said.items()
        ]
        looked = [[name, *state] for name, state in self._looked.items()]
        followed = {key: one.until for key, one in self._followers.items() if one.until != NEVER_CHANGES}
        due = sorted(
            [number, save_labels(labels), at] for (number, labels), at in {**followed, **self._untils}.items()
        )
        return {
            "said": said,
            "looked": looked,
            "observed": self.observed,
            "due": due,
            "certainty": self.certainty.save(),
        }

    def load(self, saved: Any) -> None:
        self._said = {
            (goal, load_labels(labels)): (start, word) for goal, labels, start, word in saved["said"]
        }
        self._looked = {name: (ends, observed) for name, ends, observed in saved["looked"]}
        self.observed = saved["observed"]
        self._untils = {(number, load_labels(labels)): at for number, labels, at in saved.get("due", ())}
        if "certainty" in saved:
            self.certainty.load(saved["certainty"])


def _is_of_samples(found: tuple[Comparison, ...]) -> bool:
    return bool(found) and all(one.function in WITHOUT_BOUNDS for one in found)


def _by_labels(follower: Follower) -> Labels:
    return follower.labels


def _by_number(follower: Follower) -> tuple[int, Labels]:
    return follower.number, follower.labels


def _in_trouble(machine: Machine, judge: Judge) -> bool:
    runs = (run for index in judge.aggregates for run in machine.wiring.series[index].runs.values())
    return any(isinstance(run, TimeRun) and run.gauge.value is not True for run in runs)
