"""Lanes: where samples that change nothing but sums and lists are noted, and put into the machine many at a time.

A stream has a lane, which is open while its samples are known. Between two instants at which something happens, what
its samples say of every condition stays as it was, or the machine takes the sample. So a sample costs a few
comparisons; the machine gets the noted ones before anybody looks at what they add up to. The noted samples serve as
the memory for late data too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from itertools import repeat
from operator import sub
from typing import Any, Final

from wsla.evaluation.cells import Encoder
from wsla.evaluation.rows import Rows
from wsla.evaluation.stream.events import StandingChanged
from wsla.evaluation.stream.followed import Comparison
from wsla.evaluation.stream.inlets import Inlet, Stream, Taker
from wsla.evaluation.stream.lane_code import LaneCode
from wsla.evaluation.stream.layout import Layout, restrict
from wsla.evaluation.stream.machine import NEVER, Machine
from wsla.evaluation.stream.over_samples import Member
from wsla.evaluation.stream.standing import Follower, Standings
from wsla.values.observations import Observation

Take = Callable[[int, dict[str, object]], list[Any] | None]
"""Takes a sample's instant and fields; gives what changed, or None where the sample has to go the long way."""

Cross = Callable[[int], list[Any] | None]
"""Lets happen what is due before a sample of an instant; gives what changed, or None where the machine has to do it."""


Fold = tuple[Callable[[list[int], list[Any], Any], None], int | None, Any, Any, Any]
"""Who takes many samples: their instants, values and the latest value; the column of these and what converts it, or
the function that gives them; and the condition under which a sample counts.
"""


class Session:
    """The stretch of time in which lanes are used: samples from ``now`` on and before ``limit``. It ``began`` at
    the first ``now``.
    """

    __slots__ = ("began", "limit", "now")

    def __init__(self) -> None:
        self.began = self.now = NEVER
        self.limit = NEVER


class Lane:
    """The samples of one stream: their instants and columns; the first ``folded`` are in the machine already.

    Beside these it has ``push…`` for each column, ``e…`` for what each condition says, ``p…`` for each part of a word.
    """

    def __init__(self, stream: Stream, width: int) -> None:
        self.stream: Final = stream
        self.open = False
        # What the machine does with its samples, and with how many takers that was so.
        self.folds: list[Fold] = []
        self.takers = 0
        self.at: Final[list[int]] = []
        self.columns: Final[list[list[Any]]] = [[] for _ in range(width)]
        self.folded = 0
        self.followers: tuple[Follower, ...] = ()
        self.push = self.at.append
        for number, column in enumerate(self.columns, 1):
            setattr(self, f"push{number}", column.append)


class SourceLanes:
    """The lanes of one source."""

    def __init__(self, owner: Lanes, code: LaneCode, inlet: Inlet, parts: list[tuple[int, int]]) -> None:
        self.code: Final = code
        self.inlet: Final = inlet
        self.parts: Final = parts
        # Where a stream holds the values of each column, and what converts them.
        self.held: Final = [
            (position, inlet.converters[position - 1])
            for position in (inlet.positions[name] for name in code.columns)
        ]
        self.lanes: Final[dict[object, Lane]] = {}
        self._others: Final[dict[str, Encoder]] = {}
        self._count: Final = len(code.columns) + len(code.labels)
        self.take: Take
        self.take_row: Callable[..., list[StandingChanged] | None]
        self.take, self.take_row = code.bind(
            session=owner.session, lanes=self.lanes, others=self._fit, settle=owner.settle, cross=owner.cross
        )

    def learn(self, encoders: dict[str, Encoder]) -> None:
        """How the fields that the plan does not need are read: they are checked all the same."""
        self._others.update({field.name: encoders[field.name] for field in self.code.others})

    def _fit(self, fields: dict[str, object]) -> bool:
        """True where the fields beside those that are needed are what they should be; else the long way says why."""
        others = self._others
        try:
            found = [others[name](value) for name, value in fields.items() if name in others]
        except ValueError:
            return False
        return len(found) + self._count == len(fields)

    def key(self, stream: Stream) -> object:
        """What the lane of a stream is found by: the values of its labels, in their order."""
        values = tuple(value for _, value in stream.labels)
        return values[0] if len(values) == 1 else values


class Lanes:
    """All lanes of a machine; ``standings`` says what may change the word on open windows, ``cross`` lets time go on
    over what happens meanwhile.
    """

    def __init__(self, layout: Layout, standings: Standings, cross: Cross) -> None:
        self.session: Final = Session()
        self.cross: Final = cross
        self._layout: Final = layout
        self._standings: Final = standings
        self._machine: Machine | None = None
        # True while no lane was opened since the machine is another one.
        self._begins = True
        self._sources: Final[dict[str, SourceLanes]] = {}
        self._encoders: Final[dict[str, dict[str, Encoder]]] = {}

    def use(self, machine: Machine) -> None:
        """From now on the lanes lead into this machine."""
        self._machine = machine
        self._begins = True
        self._sources.clear()
        if self._standings.close:
            return
        for name, inlet in machine.wiring.inlets.items():
            parts = self._standings.parts_of(name)
            code = _code(self._layout, inlet, tuple(comparison for _, _, comparison in parts))
            if code is not None:
                places = [(number, position) for number, position, _ in parts]
                self._sources[name] = found = SourceLanes(self, code, inlet, places)
                if name in self._encoders:
                    found.learn(self._encoders[name])

    def take(self, source: str, encoders: dict[str, Encoder]) -> Take | None:
        """How samples of a source are noted; None where they all go the long way."""
        self._encoders[source] = encoders
        found = self._sources.get(source)
        if found is None:
            return None
        found.learn(encoders)
        return found.take

    def take_observation(self, observation: Observation) -> list[StandingChanged] | None:
        """The same for an observation, whose values are those that are stored."""
        found = self._sources.get(observation.source)
        if found is None:
            return None
        get = observation.fields.get
        labels = tuple(get(name) for name in found.code.labels)
        key = labels[0] if len(labels) == 1 else labels
        return found.take_row(observation.at, key, *map(get, found.code.columns))

    def take_rows(self, rows: Rows, first: int, changed: list[Any]) -> int:
        """Notes rows from a position on, as long as they can go the short way, and adds what changed.

        Gives the position of the first that is left.
        """
        found = self._sources.get(rows.source)
        if found is None:
            return first
        if rows.prepared is None or rows.prepared.code is not found.code:
            rows.prepared = PreparedRows(found.code, rows)
        prepared: PreparedRows = rows.prepared
        if not prepared.complete:
            return first
        instants, keys, take_row = rows.instants, prepared.keys, found.take_row
        position, number = first, len(instants)
        if keys is None and prepared.in_order:
            lane = found.lanes.get(())
            while lane is not None and position < number:
                position = prepared.note(self.session, lane, position)
                if position == number:
                    break
                events = take_row(instants[position], (), *(column[position] for column in prepared.columns))
                if events is None:
                    break
                changed += events
                position += 1
            return position
        whose = repeat(()) if keys is None else keys[first:]
        for row in zip(
            instants[first:], whose, *(column[first:] for column in prepared.columns), strict=False
        ):
            events = take_row(*row)
            if events is None:
                break
            if events:
                changed += events
            position += 1
        return position

    # In and out of the machine

    def stream_of(self, observation: Observation) -> Stream | None:
        """The stream of an observation, if it was seen and its source has lanes."""
        found = self._sources.get(observation.source)
        labels = None if found is None else found.inlet.labels_of(observation.fields)
        return None if found is None or labels is None else found.inlet.streams.get(labels)

    def open(self, observation: Observation, limit: int) -> None:
        """Time has gone on to the machine's ``now``: samples before ``limit`` may be noted, of this stream too."""
        machine = self._machine
        assert machine is not None
        session = self.session
        # A sample of the instant before is late by a nanosecond, which changes nothing unless something happened then.
        late = machine.happened == machine.now and self._layout.plan.grace
        session.now = machine.now if late else machine.now - 1
        session.began = session.now
        session.limit = limit - 1
        if self._begins:
            # After a late sample, of which there may be one at every instant, nobody is to wait for his turn.
            self._begins = False
            for found in self._sources.values():
                for stream in found.inlet.streams.values():
                    if stream.seen:
                        self._look_at(found, stream)
            return
        own = self.stream_of(observation)
        if own is not None and own.seen:
            self._look_at(self._sources[own.source], own)

    def step_aside(self, observation: Observation) -> None:
        """An observation is about to go the long way: the machine gets what it needs to have by then."""
        session = self.session
        stream = self.stream_of(observation)
        if stream is None or stream.lane is None or not session.now <= observation.at < session.limit:
            self.close()
        elif self._sources[stream.source].code.shared:
            self.fold()
        else:
            self.fold(stream.lane)

    def close(self) -> None:
        """No sample is noted until lanes are opened again; the machine has all."""
        self.fold()
        self.session.limit = NEVER

    def _look_at(self, found: SourceLanes, stream: Stream) -> None:
        """Opens the lane of a stream if all that it needs is known."""
        code, inlet = found.code, found.inlet
        values = [stream.values[inlet.positions[name]] for name in code.columns]
        if any(value is None for value in values):
            return
        lane = stream.lane
        if lane is None:
            lane = self._new_lane(found, stream)
        raw = [_stored(value, field) for value, field in zip(values, code.fields, strict=True)]
        for number, value in enumerate(code.atoms(*raw)):
            setattr(lane, f"e{number}", value)
        lane.open = True

    def _new_lane(self, found: SourceLanes, stream: Stream) -> Lane:
        lane = stream.lane = found.lanes[found.key(stream)] = Lane(stream, len(found.code.columns))
        followers: dict[int, Follower] = {}
        for place, (number, position) in enumerate(found.parts):
            names = self._standings.names(number)
            follower = self._standings.follower(number, restrict(stream.labels, names))
            followers[number] = follower
            setattr(lane, f"p{place}", follower.parts[position])
        # In the order of the goals.
        lane.followers = tuple(followers[number] for number in sorted(followers))
        return lane

    def settle(self, lane: Lane) -> list[StandingChanged]:
        """The word on an open window may have changed with the sample that was noted last."""
        machine, standings = self._machine, self._standings
        assert machine is not None
        self.fold(None if self._sources[lane.stream.source].code.shared else lane)
        machine.now = self.session.now + 1
        events = [
            standings.certainty.tell(machine.now, judgement, machine.now)
            for follower in lane.followers
            if any(part.slack < 0 for part in follower.parts)
            for judgement in standings.look(machine, follower)
        ]
        if standings.waiting:
            self.session.limit = NEVER
        else:
            self.session.limit = min(self.session.limit, standings.next_due() - 1)
        return events

    def fold(self, only: Lane | None = None) -> None:
        """Puts what was noted into the machine: of one lane, or of all."""
        machine = self._machine
        if machine is None:
            return
        noted = 0
        if only is not None:
            noted = len(only.at) - only.folded
            if noted:
                _fold(self._sources[only.stream.source], only)
        else:
            for found in self._sources.values():
                for lane in found.lanes.values():
                    number = len(lane.at) - lane.folded
                    if number:
                        noted += number
                        _fold(found, lane)
        if noted:
            self._standings.observed += noted
        session = self.session
        if noted or (session.limit != NEVER and session.now != session.began):
            machine.now = max(machine.now, self.session.now + 1)

    # What was noted, for late data

    def observations(self) -> Iterator[Observation]:
        """All noted samples, stream by stream, as observations."""
        for name, found in self._sources.items():
            for lane in found.lanes.values():
                labels = dict(lane.stream.labels)
                for at, *values in zip(lane.at, *lane.columns, strict=True):
                    fields = {**labels, **dict(zip(found.code.columns, values, strict=True))}
                    yield Observation(source=name, at=at, fields=fields)

    def forget(self, before: int) -> None:
        """Drops the noted samples before an instant; the machine has them."""
        for found in self._sources.values():
            for lane in found.lanes.values():
                number = min(bisect_left(lane.at, before), lane.folded)
                if number:
                    lane.folded -= number
                    for column in (lane.at, *lane.columns):
                        del column[:number]


class PreparedRows:
    """Rows in the columns that lanes note; where there is one stream, with what its conditions say of each."""

    def __init__(self, code: LaneCode, rows: Rows) -> None:
        self.code: Final = code
        fields, instants = rows.fields, rows.instants
        self.complete: Final = all(name in fields for name in (*code.columns, *code.labels))
        self.columns: Final[list[list[Any]]] = [fields[name] for name in code.columns if name in fields]
        self.keys: Final[list[Any] | None] = self._keys(rows) if code.labels and self.complete else None
        self.instants: Final = instants
        gaps = list(map(sub, instants[1:], instants))
        staleness = code.source.staleness
        self.in_order: Final = (
            self.complete
            and not any(None in column for column in self.columns)
            and (not gaps or (min(gaps) > 0 and (staleness is None or max(gaps) < staleness)))
        )
        alone = self.in_order and not code.labels and bool(instants)
        self._atoms: Final = [list(map(says, *self.columns)) for says in code.each_atom] if alone else []
        self._tests: Final = [list(map(says, *self.columns)) for says in code.each_test] if alone else []

    def _keys(self, rows: Rows) -> list[Any]:
        columns = [rows.fields[name] for name in self.code.labels]
        return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))

    def note(self, session: Session, lane: Lane, first: int) -> int:
        """Notes as many rows of the one stream as change nothing; gives the position of the first that is left."""
        instants, stream = self.instants, lane.stream
        at, staleness = instants[first], self.code.source.staleness
        if not lane.open or at <= stream.at or at <= session.now:
            return first
        if staleness is not None and at - stream.at >= staleness:
            return first
        last = bisect_left(instants, session.limit, first)
        for number, said in enumerate(self._atoms):
            last = _until(said, getattr(lane, f"e{number}"), first, last, 0)
        parts = [getattr(lane, f"p{number}") for number in range(len(self._tests))]
        for part, said in zip(parts, self._tests, strict=True):
            last = _until(said, part.good, first, last, part.slack)
        if last == first:
            return first
        for part, said in zip(parts, self._tests, strict=True):
            part.slack -= last - first - said[first:last].count(part.good)
        lane.at.extend(instants[first:last])
        for noted, column in zip(lane.columns, self.columns, strict=True):
            noted.extend(column[first:last])
        stream.at = session.now = instants[last - 1]
        return last


def _until(said: list[Any], usual: Any, first: int, last: int, slack: int) -> int:
    """The position of the first that is one too many of those that say something else than usual; else ``last``."""
    if last - first - said[first:last].count(usual) <= slack:
        return last
    for position in range(first, last):
        if said[position] is not usual:
            slack -= 1
            if slack < 0:
                return position
    return last


def _code(layout: Layout, inlet: Inlet, parts: tuple[Comparison, ...]) -> LaneCode | None:
    """The compiled way of a source, the same for all machines of a plan; None where there is none."""
    known = layout.lane_codes
    name = inlet.source.name
    if name not in known:
        try:
            known[name] = LaneCode(layout, inlet.source, parts)
        except ValueError:
            known[name] = None
    found: LaneCode | None = known[name]
    return found


def _stored(value: Any, field: Any) -> Any:
    """The number that is stored for a value."""
    if isinstance(value, bool | str) or field.resolution == 1:
        return value
    return int(Fraction(value) / field.resolution)


def _fold(found: SourceLanes, lane: Lane) -> None:
    """Puts the noted samples of a lane into the machine, which has not seen them."""
    first = lane.folded
    lane.folded = len(lane.at)
    instants = lane.at[first:]
    columns = [column[first:] for column in lane.columns]
    stream = lane.stream
    if lane.takers != len(stream.takers):
        lane.takers = len(stream.takers)
        lane.folds = _folds(found, stream)
    for take_many, column, convert, wanted, where in lane.folds:
        if column is not None:
            values = columns[column]
            if convert is not None:
                values = list(map(convert, values))
        else:
            values = list(map(wanted, *columns)) if columns else [wanted()] * len(instants)
        latest = values[-1]
        if where is not None:
            inside = map(where, *columns)
            values = [value if kept else None for value, kept in zip(values, inside, strict=True)]
        take_many(instants, values, latest)
    stream.fields = None
    held = stream.values
    held[0] = True
    for (position, convert), values in zip(found.held, columns, strict=True):
        held[position] = values[-1] if convert is None else convert(values[-1])


def _folds(found: SourceLanes, stream: Stream) -> list[Fold]:
    """What takes the samples of a stream: with the values of a column or of a function of all columns."""
    folds: list[Fold] = []
    for taker in stream.takers:
        if isinstance(taker, Member):
            index = taker.run.kind.index
            wanted = found.code.values[index]
            column = wanted if isinstance(wanted, int) else None
            convert = None if column is None else found.held[column][1]
            folds.append((taker.take_many, column, convert, wanted, found.code.where.get(index)))
        else:
            folds.append((partial(_take_each, taker), 0 if found.held else None, None, _nothing, None))
    return folds


def _take_each(taker: Taker, instants: list[int], values: list[Any], latest: Any) -> None:
    for at in instants:
        taker.take(at)


def _nothing() -> None:
    """The value of no column."""
