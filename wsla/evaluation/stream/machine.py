"""The machine: observations in order of time go in, instants are settled one after the other.

Observations of one instant take effect together, when time moves on (or is asked to). At an instant, first the windows
end that end there, inner before outer; then verdicts become final and samples go stale; then the observations of that
instant count, and signals have their new values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heapreplace

from wsla.evaluation.stream.endings import DUE, END, FINAL, NEVER, STALE, START, WATCH, Endings
from wsla.evaluation.stream.events import TriggerChanged
from wsla.evaluation.stream.inlets import Holder, Inlet, Stream, Watcher
from wsla.evaluation.stream.layout import Layout
from wsla.evaluation.stream.over_samples import Member
from wsla.evaluation.stream.past import PastSignal, look_again
from wsla.evaluation.stream.triggers import Trigger
from wsla.evaluation.stream.turning import accept_records, turn
from wsla.evaluation.stream.wiring import Run
from wsla.evaluation.verdicts import Labels
from wsla.values.observations import Observation

__all__ = ["NEVER", "Machine"]


class Machine(Endings):
    """The state of judging one plan from ``start`` on. ``now`` is the instant that is not settled yet."""

    def __init__(self, layout: Layout, start: int, *, live: bool, keep: bool) -> None:
        super().__init__(layout, start, live=live, keep=keep)
        # The instant at which something happened last.
        self.happened = NEVER
        self.pending: list[Observation] = []
        self.started = False
        # Live: streams with new samples or none any more, since somebody looked.
        self.stirred: list[Stream] = []
        self._push(start, START, 0, None)
        self._schedule()
        self._await(self.wiring.added)
        self.wiring.added.clear()

    # In

    def put(self, observation: Observation) -> None:
        """Takes an observation that is not before ``now``."""
        at = observation.at
        if at > self.now:
            self.move(at)
        self.pending.append(observation)

    def put_all(self, observations: Sequence[Observation]) -> None:
        """Takes many, in order of time and none before ``now``, as ``put`` takes each."""
        pending, heap = self.pending, self.heap
        position, number = 0, len(observations)
        while position < number:
            observation = observations[position]
            at = observation.at
            if at > self.now:
                if pending or self.touched or self.wiring.turned:
                    self._settle()
                if heap and heap[0][0] <= at:
                    self.move(at)
                else:
                    self.now = at
            position += 1
            pending.append(observation)
            if position < number and observations[position].fields is observation.fields:
                position = self._put_alike(observations, position)

    def _put_alike(self, observations: Sequence[Observation], first: int) -> int:
        """Takes samples that only say again what the pending one says; gives the position of the next one."""
        inlet = self.wiring.inlets.get(observations[first].source)
        if inlet is None or inlet.only is None or len(self.pending) != 1 or self.touched:
            return first
        if observations[first].at == self.now:
            return first
        self._settle()
        stream, source, fields = inlet.only, inlet.source.name, observations[first].fields
        if stream.fields is not fields or self.touched or self.wiring.turned:
            return first
        limit, longest = self.next_happening(), inlet.staleness
        instants: list[int] = []
        latest = stream.at
        for position in range(first, len(observations)):
            observation = observations[position]
            at = observation.at
            if observation.fields is not fields or at <= latest or observation.source != source:
                break
            if (limit is not None and at >= limit) or (longest is not None and at - latest >= longest):
                break
            instants.append(at)
            latest = at
        upto = first + len(instants)
        if instants and (upto == len(observations) or observations[upto].at == latest):
            # Of the latest instant nobody knows who asks at it.
            instants.pop()
        if instants:
            stream.at = self.now = instants[-1]
            for taker in stream.takers:
                if isinstance(taker, Member):
                    taker.take_alike(instants)
                else:
                    for at in instants:
                        taker.take(at)
        return first + len(instants)

    def move(self, to: int) -> None:
        """Settles everything before ``to``, ends the windows that end by ``to``, and makes it ``now``."""
        if to <= self.now:
            return
        if self.pending or self.touched or self.wiring.turned:
            self._settle()
        heap = self.heap
        while heap and heap[0][0] <= to:
            instant, kind, _, _, stream = heap[0]
            if kind == DUE and stream.due != instant:
                heappop(heap)
                continue
            if kind == STALE and self.postponed(instant, stream):
                continue
            self.now = instant
            self._happen(instant)
            if instant < to:
                self._settle()
        self.now = to

    def show_triggers(self) -> None:
        """Tells what triggers are at ``now`` if nothing is observed at that very instant."""
        wiring = self.wiring
        if not self.pending and (self.touched or wiring.begun or wiring.changed):
            for watcher in (*self.foresee(), *self.wiring.begun):
                if isinstance(watcher, Trigger):
                    watcher.refresh(self.now)
            self._tell_triggers()

    def foresee(self) -> list[Watcher]:
        """Looks at signals that rest on the past as if nothing were observed at ``now``; gives who watches a change."""
        watchers, looked = look_again(self.touched, self.now, final=False)
        # Once the observations of this instant are known, they are looked at again.
        self.touched.extend(signal for signal in looked if not any(signal is other for other in self.touched))
        self._await(looked)
        return watchers

    def next_event_at(self) -> int | None:
        """The earliest instant at which something happens without new data."""
        heap = self.heap
        while heap:
            at, kind, _, _, stream = heap[0]
            if (kind == DUE and stream.due != at) or (
                # An outage that was over before.
                kind == END and (stream.window is None or stream.window.end != at)
            ):
                heappop(heap)
                continue
            if kind != STALE or not self.postponed(at, stream):
                return at
        return None

    def next_happening(self) -> int | None:
        """An instant before which nothing happens without new data; where there is one stream of samples alone, that it
        goes stale is left out, as its next sample shows it.
        """
        if len(self.layout.sources) != 1 or any(len(x.streams) != 1 for x in self.wiring.inlets.values()):
            return self.next_event_at()
        return min((entry[0] for entry in self.heap if entry[1] != STALE), default=None)

    def plan_ahead(self) -> None:
        """Notes anew what is due when, from what the parts say."""
        self.heap.clear()
        self.wiring.opened.clear()
        self.wiring.unstarted[:] = [watch for watch in self.wiring.watches.values() if not watch.started]
        if not self.started:
            self._push(self.start, START, 0, None)
        for series in self.wiring.series.values():
            ghosts = [] if series.ghost is None else [series.ghost]
            self.wiring.opened.extend([*series.runs.values(), *ghosts])
        self._schedule()
        for due, _, _ in self.awaiting:
            self._push(due, FINAL, 0, None)
        for inlet in self.wiring.inlets.values():
            inlet.due = inlet.stale_from()
            if inlet.due is not None:
                self._push(inlet.due, STALE, 0, inlet)
        self.wiring.added.clear()
        for signal in self.wiring.past.values():
            signal.awaited = None
        self._await(self.wiring.past.values())

    # Instants

    def _await(self, signals: Iterable[PastSignal]) -> None:
        for signal in signals:
            if signal.due is not None and signal.due != signal.awaited:
                signal.awaited = signal.due
                self._push(signal.due, DUE, 0, signal)

    def end_early(self, ending: dict[int, list[Run]]) -> None:
        """Windows end now, by what was observed at this instant; who rests on that looks again."""
        known = len(self.touched)
        self._end(self.now, ending)
        if not self.layout.plan.grace:
            self.make_final(self.now)
        for watcher in self.look(self.touched[known:]):
            watcher.refresh(self.now)

    def _schedule(self) -> None:
        opened = self.wiring.opened
        for run in opened:
            if run.window is not None:
                self._push(run.window.end, END, run.kind.index, run)
        opened.clear()
        for watch in self.wiring.unstarted:
            self._push(self.layout.plan.effective_start, WATCH, 0, watch)
        self.wiring.unstarted.clear()

    def _happen(self, instant: int) -> None:
        self.happened = instant
        heap = self.heap
        ending: dict[int, list[Run]] = {}
        while heap and heap[0][0] == instant:
            _, kind, order, _, what = heappop(heap)
            if kind == WATCH:
                what.start()
                continue
            if kind == END:
                if what.window is None or what.window.end != instant:
                    continue
                ending.setdefault(order, []).append(what)
                continue
            if ending:
                self._end(instant, ending)
                ending = {}
            if kind == FINAL:
                self.make_final(instant)
            elif kind == STALE:
                self._go_stale(instant, what)
            elif kind == DUE:
                if what.due == instant:
                    what.due = what.awaited = None
                    self.touched.append(what)
            else:
                self.started = True
                self.wiring.begun.extend(self.wiring.triggers.values())
        if ending:
            self._end(instant, ending)
            if heap and heap[0][0] == instant:
                self._happen(instant)

    def postponed(self, instant: int, inlet: Inlet) -> bool:
        """True where newer samples came since, so that none goes stale at the instant that comes up next."""
        due = inlet.due = inlet.stale_from()
        if due == instant:
            return False
        if due is None:
            heappop(self.heap)
        else:
            self._sequence += 1
            heapreplace(self.heap, (due, STALE, 0, self._sequence, inlet))
        return True

    def _go_stale(self, instant: int, inlet: Inlet) -> None:
        stale = inlet.go_stale(instant)
        self.touched.extend(stale)
        if self.live:
            self.stirred.extend(stale)
        inlet.due = None
        self._await_stale(inlet, inlet.stale_from())

    def _await_stale(self, inlet: Inlet, due: int | None) -> None:
        """Notes when a sample goes stale at the earliest, if nobody waits for that."""
        if due is not None and inlet.due is None:
            inlet.due = due
            self._push(due, STALE, 0, inlet)

    # Observations

    def _settle(self) -> None:
        """The observations of ``now`` take effect, and every signal that reads something new is looked at."""
        if len(self.pending) != 1 or self.touched:
            self._settle_together()
            return
        at = self.now
        observation = self.pending[0]
        inlet = self.wiring.inlets.get(observation.source)
        stream = None if inlet is None else inlet.only
        news = stream is not None and observation.fields is not stream.fields
        if inlet is None or stream is None or stream.at == at or (news and self.wiring.past):
            self._settle_together()
            return
        if self.live:
            self.stirred.append(stream)
        # The commonest case: one more sample of a source without labels, and nothing else.
        self.pending.clear()
        if not news:
            stream.at = at
        else:
            inlet.take_in(stream, at, observation.fields)
            for watcher in stream.watchers:
                watcher.refresh(at)
        if self.wiring.turned:
            turn(self, [])
            self.touched.clear()
        if inlet.due is None and inlet.staleness is not None:
            self._await_stale(inlet, at + inlet.staleness)
        for taker in stream.takers:
            taker.take(at)
        if self.wiring.begun:
            self._begin_triggers()
        if self.wiring.changed:
            self._tell_triggers()

    def _settle_together(self) -> None:
        """The same for observations of several streams, for records, and where signals changed without any."""
        at = self.now
        wiring = self.wiring
        sampled: list[Stream] = []
        records: list[Observation] = []
        for observation in self.pending:
            inlet = wiring.inlets.get(observation.source)
            if inlet is None:
                self._note(observation, records)
                continue
            labels = inlet.labels_of(observation.fields)
            if labels is None:
                continue
            stream = inlet.stream(labels)
            if not stream.seen:
                inlet.take_in(stream, at, observation.fields)
                wiring.introduce(inlet.source, labels, at)
            elif stream.at == at:
                continue
            else:
                inlet.take_in(stream, at, observation.fields)
            sampled.append(stream)
            if inlet.due is None and inlet.staleness is not None:
                self._await_stale(inlet, at + inlet.staleness)
        self.pending.clear()
        if self.live:
            self.stirred.extend(sampled)
        touched = self.touched
        touched.extend(sampled)
        joiners = wiring.joiners
        if wiring.past:
            touched.extend(wiring.added)
            wiring.added.clear()
            touched.extend(joiner for joiner in joiners if isinstance(joiner, PastSignal))
        watchers = self.look(touched)
        for watcher in (*watchers, *(joiner for joiner in joiners if not isinstance(joiner, PastSignal))):
            watcher.refresh(at)
        wiring.joiners.clear()
        if wiring.turned:
            turn(self, records)
        else:
            accept_records(wiring, records)
        if wiring.opened or wiring.unstarted:
            self._schedule()
        for stream in sampled:
            stream.fresh = False
        for stream in sorted(sampled, key=_by_labels):
            for taker in stream.takers:
                taker.take(at)
        touched.clear()
        if wiring.begun:
            self._begin_triggers()
        if wiring.changed:
            self._tell_triggers()

    def _begin_triggers(self) -> None:
        for trigger in self.wiring.begun:
            trigger.refresh(self.now)
        self.wiring.begun.clear()

    def _note(self, observation: Observation, later: list[Observation]) -> None:
        """A record: who waits for its labels, or the times that it announces, knows of it at once."""
        table = self.wiring.tables.get(observation.source)
        if table is None:
            return
        if self.layout.outages:
            # Outages that end at this instant have not seen it.
            labels = table.labels_of(observation)
            later.append(observation)
        else:
            labels = table.accept(observation)
        if labels is not None:
            self.wiring.introduce(table.source, labels, observation.at)
        announced = self.wiring.announced.get(observation.source, ())
        if announced and self.layout.outages:
            self.wiring.announcing[observation.source].accept(observation)
        for signal in announced:
            signal.accept()
            self.touched.append(signal)

    def look(self, touched: list[Holder]) -> list[Watcher]:
        """Who is to look again where these have changed, once signals that rest on the past have looked."""
        if not self.wiring.past:
            return list({id(watcher): watcher for holder in touched for watcher in holder.watchers}.values())
        watchers, looked = look_again(touched, self.now, final=True)
        self._await(looked)
        return watchers

    def _tell_triggers(self) -> None:
        changed = self.wiring.changed
        for trigger in sorted(changed, key=lambda trigger: (trigger.number, trigger.labels)):
            value = trigger.history[-1][1]
            if value != trigger.emitted:
                trigger.emitted = value
                rule, truth = trigger.rule.name, trigger.truth
                self.events.append(TriggerChanged(at=self.now, rule=rule, labels=trigger.labels, value=truth))
            if not self.keep:
                del trigger.history[:-1]
        changed.clear()


def _by_labels(stream: Stream) -> Labels:
    return stream.labels
