"""What changed around the promises: parties, term, fees, schedules, sources and formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TypeVar

from attrs import evolve

from wsla.analysis.operations import Aggregate, Elapsed, SourceField
from wsla.analysis.sense import inputs
from wsla.comparing.changes import Change, Direction, Effect, Renamed, Version, effects
from wsla.comparing.formulas import Side
from wsla.comparing.standing import standing_changes
from wsla.evaluation.reference.shapes import source_of
from wsla.explaining.words import instant_words, length_words, shortened
from wsla.plan.model import Channel, Party, Plan, Secret, Source, Text
from wsla.values.instants import DAY, Interval
from wsla.values.intervals import length
from wsla.values.quantities import TIME, format_quantity, money
from wsla.values.schedules import Schedule, intervals

Declared = TypeVar("Declared")
_WEEKS = 52


def renamed(
    old: Mapping[str, Declared], new: Mapping[str, Declared], same: Callable[[Declared, Declared], bool]
) -> dict[str, str]:
    """Old names and new ones of what is in one of the two only, and otherwise the same."""
    found: dict[str, str] = {}
    for name, declared in old.items():
        if name in new:
            continue
        for other, candidate in new.items():
            if other not in old and other not in found.values() and same(declared, candidate):
                found[name] = other
                break
    return found


def changes_around(old: Side, new: Side, names: Renamed) -> list[Change]:
    """Everything but metrics, goals and what follows from them."""
    return [
        *_of_agreement(old.version, new.version),
        *_of_parties(old.version, new.version, names),
        *_of_services(old.version, new.version),
        *_of_schedules(old, new, names),
        *_of_sources(old, new, names),
        *_of_metrics(old, new, names),
    ]


# --- the agreement itself


def _of_agreement(old: Version, new: Version) -> list[Change]:
    a, b = old.plan, new.plan
    found = []
    pairs = (
        ("title", "the title", f"“{a.title}”", f"“{b.title}”"),
        ("kind", "the kind of agreement", a.kind, b.kind),
        ("zone", "the zone of days and months", a.zone, b.zone),
        ("currency", "the currency", a.currency or "none", b.currency or "none"),
        ("grace", "the grace for late data", length_words(a.grace), length_words(b.grace)),
    )
    for kind, what, before, after in pairs:
        if before != after:
            found.append(
                Change(
                    kind=kind,
                    name=kind,
                    text=f"{what} is {after} instead of {before}",
                    before=before,
                    after=after,
                )
            )
    for what, first, second in (
        ("start", a.effective_start, b.effective_start),
        ("end", a.effective_end, b.effective_end),
    ):
        before = "open" if first is None else instant_words(first, a.zone)
        after = "open" if second is None else instant_words(second, b.zone)
        if first != second:
            text = f"the {what} of the term is {after} instead of {before}"
            found.append(Change(kind="term", name=what, text=text, before=before, after=after))
    return found


# --- parties and services


def _of_parties(old: Version, new: Version, names: Renamed) -> list[Change]:
    before = {names.parties.get(one.name, one.name): one for one in old.plan.parties}
    after = {one.name: one for one in new.plan.parties}
    found = [
        Change(
            kind="party",
            name=after_name,
            text=f"the party {before_name} was renamed to {after_name}",
            before=before_name,
            after=after_name,
        )
        for before_name, after_name in names.parties.items()
    ]
    for name, party in after.items():
        if name not in before:
            text = f"the party {name} ({_roles(party)}) was added"
            found.append(_party_change(name, text, None, _roles(party)))
    for name, party in before.items():
        if name not in after:
            text = f"the party {name} ({_roles(party)}) was removed"
            found.append(_party_change(name, text, _roles(party), None))
        else:
            found += _of_party(party, after[name])
    return found


def _of_party(old: Party, new: Party) -> list[Change]:
    found = []
    if old.title != new.title:
        text = f"{new.name} is called “{new.title}” instead of “{old.title}”"
        found.append(_party_change(new.name, text, old.title, new.title))
    if sorted(old.roles) != sorted(new.roles):
        text = f"{new.name} is {_roles(new)} instead of {_roles(old)}"
        found.append(_party_change(new.name, text, _roles(old), _roles(new)))
    before = {one.name: one for one in old.channels}
    after = {one.name: one for one in new.channels}
    for name, channel in after.items():
        if name not in before:
            text = f"{new.name} is reached by {_channel(channel)} too"
            found.append(_party_change(new.name, text, None, _channel(channel)))
        elif before[name] != channel:
            text = f"{new.name} is reached by {_channel(channel)} instead of {_channel(before[name])}"
            if _channel(channel) == _channel(before[name]):
                text = f"messages to {new.name}.{name} are signed differently"
            found.append(_party_change(new.name, text, _channel(before[name]), _channel(channel)))
    for name, channel in before.items():
        if name not in after:
            text = f"{new.name} is not reached by {_channel(channel)} any more"
            found.append(_party_change(new.name, text, _channel(channel), None))
    return found


def _party_change(name: str, text: str, before: str | None, after: str | None) -> Change:
    affected = (Effect(party=name, direction=Direction.CHANGED),)
    return Change(kind="party", name=name, text=text, before=before, after=after, effects=affected)


def _roles(party: Party) -> str:
    return ", ".join(party.roles) or "no role"


def _channel(channel: Channel) -> str:
    return f"{channel.kind} {_text(channel.address)}"


def _text(text: Text | int | bool) -> str:
    return f"${text.variable}" if isinstance(text, Secret) else str(text)


def _of_services(old: Version, new: Version) -> list[Change]:
    before = {one.name: one for one in old.plan.services}
    after = {one.name: one for one in new.plan.services}
    pays = [one.name for one in new.plan.parties if "consumer" in one.roles]
    is_paid = [one.name for one in new.plan.parties if "provider" in one.roles]
    found = []
    for name in dict.fromkeys((*before, *after)):
        first, second = before.get(name), after.get(name)
        if first is None or second is None:
            word = "added" if first is None else "removed"
            found.append(Change(kind="service", name=name, text=f"the service {name} was {word}"))
            continue
        if first.title != second.title:
            text = f"the service {name} is called “{second.title}” instead of “{first.title}”"
            found.append(Change(kind="service", name=name, text=text, before=first.title, after=second.title))
        found += standing_changes(first, second)
        a, b = (_fee(one.fee, one.fee_currency or "", one.fee_period) for one in (first, second))
        if (first.fee, first.fee_currency, first.fee_period) != (
            second.fee,
            second.fee_currency,
            second.fee_period,
        ):
            affected: tuple[Effect, ...] = effects([*pays, *is_paid], Direction.CHANGED)
            comparable = (first.fee_currency, first.fee_period) == (second.fee_currency, second.fee_period)
            if first.fee is not None and second.fee is not None and comparable:
                more = second.fee > first.fee
                affected = effects(pays, Direction.DEARER if more else Direction.CHEAPER)
                affected += effects(is_paid, Direction.GAINS if more else Direction.LOSES)
            text = f"the fee of {name} is {b} instead of {a}"
            found.append(Change(kind="fee", name=name, text=text, before=a, after=b, effects=affected))
    return found


def _fee(fee: Fraction | None, currency: str, period: str | None) -> str:
    if fee is None:
        return "nothing"
    shown = format_quantity(fee, money(currency)) if currency[:1].isupper() else f"{fee} {currency}".strip()
    return f"{shown} per {period}" if period else shown


# --- schedules


def _of_schedules(old: Side, new: Side, names: Renamed) -> list[Change]:
    before = {names.schedules.get(one.name, one.name): one for one in old.version.plan.schedules}
    after = {one.name: one for one in new.version.plan.schedules}
    found = [
        Change(kind="schedule", name=b, text=f"the schedule {a} was renamed to {b}", before=a, after=b)
        for a, b in names.schedules.items()
    ]
    for name in dict.fromkeys((*before, *after)):
        first, second = before.get(name), after.get(name)
        if first is None or second is None:
            word = "added" if first is None else "removed"
            found.append(Change(kind="schedule", name=name, text=f"the schedule {name} was {word}"))
        elif not same_schedule(old.version.plan, first, new.version.plan, second):
            found.append(_of_schedule(old, first, new, second))
    return found


def same_schedule(old: Plan, first: Schedule, new: Plan, second: Schedule) -> bool:
    """True where two schedules mean the same, whatever they are called; the agreement's zone is told elsewhere."""

    def plain(plan: Plan, schedule: Schedule) -> Schedule:
        zone = "" if schedule.zone == plan.zone else schedule.zone
        parts = tuple(plain(plan, part) for part in schedule.parts)
        return evolve(schedule, name="", zone=zone, parts=parts)

    return plain(old, first) == plain(new, second)


def _of_schedule(old: Side, first: Schedule, new: Side, second: Schedule) -> Change:
    a, b = weekly(first, new.version.plan), weekly(second, new.version.plan)
    if a == b:
        text = f"the schedule {second.name} has other hours, as many a week as before ({_hours(a)})"
    else:
        word = "more" if b > a else "fewer"
        text = f"the schedule {second.name} has {word} hours: {_hours(b)} a week instead of {_hours(a)}"
    inside, outside = _users(new, second.name)
    more = Direction.STRICTER if b > a else Direction.LOOSER if b < a else Direction.CHANGED
    less = Direction.LOOSER if b > a else Direction.STRICTER if b < a else Direction.CHANGED
    return Change(
        kind="schedule",
        name=second.name,
        text=text,
        before=old.version.written.quote(old.version.written.span("schedule", first.name)) or None,
        after=new.version.written.quote(new.version.written.span("schedule", second.name)) or None,
        place_before=old.version.written.place(old.version.written.span("schedule", first.name)),
        place_after=new.version.written.place(new.version.written.span("schedule", second.name)),
        effects=(*effects(inside, more), *effects([one for one in outside if one not in inside], less)),
    )


def weekly(schedule: Schedule, plan: Plan) -> Fraction:
    """Nanoseconds a week on average, over the 52 weeks from the start of the term."""
    year = Interval(plan.effective_start, plan.effective_start + _WEEKS * 7 * DAY)
    return Fraction(length(intervals(schedule, year.start, year.end)), _WEEKS)


def _hours(size: Fraction) -> str:
    hours = size / 3_600_000_000_000
    return (
        f"{format_quantity(hours, places=1).replace('~', 'about ')}h" if size else format_quantity(size, TIME)
    )


def _users(side: Side, schedule: str) -> tuple[list[str], list[str]]:
    """Who is obliged by goals that count inside a schedule, and by goals that leave it out."""
    inside, outside = [], []
    for goal in side.version.plan.goals:
        for index in below(side.version.plan, goal.condition):
            node = side.version.plan.operations[index]
            if isinstance(node, Aggregate | Elapsed):
                inside += [goal.party] if schedule in node.filter.during else []
                outside += [goal.party] if schedule in node.filter.excluding else []
    return inside, outside


def below(plan: Plan, root: int) -> list[int]:
    """An operation and everything that it rests on."""
    found: dict[int, None] = {}
    pending = [root]
    while pending:
        index = pending.pop()
        if index not in found:
            found[index] = None
            pending.extend(inputs(plan.operations[index]))
    return list(found)


# --- sources and metrics


def _of_sources(old: Side, new: Side, names: Renamed) -> list[Change]:
    before = {names.sources.get(one.name, one.name): one for one in old.version.plan.sources}
    after = {one.name: one for one in new.version.plan.sources}
    found = [
        Change(kind="source", name=b, text=f"the source {a} was renamed to {b}", before=a, after=b)
        for a, b in names.sources.items()
    ]
    for name in dict.fromkeys((*before, *after)):
        first, second = before.get(name), after.get(name)
        if first is None or second is None:
            word = "added" if first is None else "removed"
            found.append(Change(kind="source", name=name, text=f"the source {name} was {word}"))
        elif evolve(first, name=name) != second:
            found += _of_source(first, second, new)
    return found


def _of_source(old: Source, new: Source, side: Side) -> list[Change]:
    rely = _relying(side, new.name)

    def told(text: str, before: object, after: object, direction: Direction = Direction.CHANGED) -> Change:
        return Change(
            kind="source",
            name=new.name,
            text=f"{new.name} {text}",
            before=None if before is None else str(before),
            after=None if after is None else str(after),
            effects=effects(rely, direction),
        )

    found = []
    if (old.kind, old.records) != (new.kind, new.records):
        found.append(told(f"is read by {new.kind} instead of {old.kind}", old.kind, new.kind))
    for key in dict.fromkeys((*old.options, *new.options)):
        first, second = old.options.get(key), new.options.get(key)
        if first != second:
            a, b = ("nothing" if one is None else _text(one) for one in (first, second))
            found.append(told(f"has {key} {b} instead of {a}", a, b))
    if old.every != new.every:
        a, b = _every(old.every), _every(new.every)
        found.append(told(f"is looked at {b} instead of {a}", a, b))
    if old.timeout != new.timeout:
        a, b = _length(old.timeout, "no timeout"), _length(new.timeout, "no timeout")
        direction = Direction.CHANGED
        if old.timeout is not None and new.timeout is not None:
            direction = Direction.STRICTER if new.timeout < old.timeout else Direction.LOOSER
        found.append(told(f"is given {b} to answer instead of {a}", a, b, direction))
    if old.staleness != new.staleness:
        a, b = _length(old.staleness, "the next one comes"), _length(new.staleness, "the next one comes")
        found.append(told(f"holds a sample until {b} instead of {a}", a, b))
    if old.measured_by != new.measured_by:
        a, b = old.measured_by or "nobody named", new.measured_by or "nobody named"
        found.append(told(f"is measured by {b} instead of {a}", a, b))
    if old.labels != new.labels:
        a, b = ", ".join(old.labels) or "none", ", ".join(new.labels) or "none"
        found.append(told(f"has the labels {b} instead of {a}", a, b))
    fields_before = {one.name: one for one in old.fields}
    fields_after = {one.name: one for one in new.fields}
    for name in dict.fromkeys((*fields_before, *fields_after)):
        if fields_before.get(name) != fields_after.get(name):
            word = "differs" if name in fields_before and name in fields_after else "was added"
            word = "was removed" if name not in fields_after else word
            found.append(told(f"has a field {name} that {word}", name, name))
    return found or [told("is read differently", None, None)]


def _every(length_: int | None) -> str:
    return "at no fixed rate" if length_ is None else f"every {length_words(length_)}"


def _length(length_: int | None, otherwise: str) -> str:
    return otherwise if length_ is None else length_words(length_)


def _relying(side: Side, source: str) -> list[str]:
    """Who is obliged by goals that rest on a source."""
    plan = side.version.plan
    found = []
    for goal in plan.goals:
        for index in below(plan, goal.condition):
            node = plan.operations[index]
            named = node.source if isinstance(node, SourceField) else None
            if isinstance(node, Aggregate):
                named = source_of(plan, index)
            if named == source:
                found.append(goal.party)
    return found


def _of_metrics(old: Side, new: Side, names: Renamed) -> list[Change]:
    before = {names.metrics.get(name, name): index for name, index in old.version.plan.metrics.items()}
    after = new.version.plan.metrics
    found = [
        Change(kind="metric", name=b, text=f"the metric {a} was renamed to {b}", before=a, after=b)
        for a, b in names.metrics.items()
    ]
    for name in dict.fromkeys((*before, *after)):
        if name not in before or name not in after:
            word = "added" if name not in before else "removed"
            side = new if name in after else old
            quoted = _metric(side, name)
            found.append(
                Change(
                    kind="metric",
                    name=name,
                    text=f"the metric {name} was {word}",
                    before=quoted if name in before else None,
                    after=quoted if name in after else None,
                )
            )
        elif old.numbers[before[name]] != new.numbers[after[name]]:
            original = next((a for a, b in names.metrics.items() if b == name), name)
            a, b = _metric(old, original), _metric(new, name)
            # Where the text is the same, what it rests on has changed, and that is told by itself.
            if a.split("=", 1)[-1] != b.split("=", 1)[-1]:
                found.append(_of_metric(old, original, new, name, (a, b)))
    return found


def _metric(side: Side, name: str) -> str:
    written = side.version.written
    span = written.span("metric", name, side.version.plan.operations[side.version.plan.metrics[name]].span)
    return written.quote(span)


def _of_metric(old: Side, original: str, new: Side, name: str, quoted: Sequence[str]) -> Change:
    index = new.version.plan.metrics[name]
    goals = [goal.name for goal in new.version.plan.goals if index in below(new.version.plan, goal.condition)]
    used = f"; {_listed(goals)} on it" if goals else "; no goal rests on it"
    return Change(
        kind="metric",
        name=name,
        text=f"the metric {name} is computed differently{used}",
        before=shortened(quoted[0]),
        after=shortened(quoted[1]),
        place_before=old.version.written.place(old.version.written.span("metric", original)),
        place_after=new.version.written.place(new.version.written.span("metric", name)),
    )


def _listed(goals: Iterable[str]) -> str:
    names = list(goals)
    return f"the goal {names[0]} rests" if len(names) == 1 else f"the goals {', '.join(names)} rest"
