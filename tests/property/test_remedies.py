"""Laws of remedies: nothing twice, no cap exceeded, books that balance, and a restart that changes nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from wsla.analysis.operations import Constant
from wsla.analysis.types import BooleanType, NumberType, Shape
from wsla.evaluation.report import Outcome, TruthChange
from wsla.evaluation.verdicts import Judgement, Labels, Verdict
from wsla.plan.model import Cap, Credit, Goal, Notify, Often, Party, Plan, Rule, Step, Target
from wsla.remedies.decider import Decider, decide
from wsla.remedies.decisions import Decision, Intent, LedgerEntry
from wsla.remedies.identity import Occasion
from wsla.remedies.ledger import accounts, balances, positions, statement
from wsla.values.calendars import CalendarUnit, CalendarWindow, ExactWindow, RollingWindow, window_containing
from wsla.values.instants import HOUR, Interval
from wsla.values.quantities import money

QUICK = settings(max_examples=50)

# A small world: windows of 10 ns, caps of 20 and 50 ns, grace of 3 ns, a term of 100 ns.
EUR = NumberType(money("EUR"))
WINDOW, NARROW, WIDE = ExactWindow(10), ExactWindow(20), ExactWindow(50)
TELL = Notify(verb="notify", targets=(Target(party="b"),))
LAST_DUE = 98
LABELS: tuple[Labels, ...] = ((), (("region", "eu"),))


def constant(value: object, kind: NumberType | BooleanType = EUR) -> Constant:
    number = value if isinstance(value, bool) else Fraction(str(value))
    return Constant(shape=Shape.SCALAR, type=kind, value=number)


def goal(name: str, window: ExactWindow | RollingWindow = WINDOW) -> Goal:
    return Goal(
        name=name,
        party="a",
        condition=0,
        value=0,
        provided=None,
        window=window,
        by=(),
        otherwise=(Credit(creditor="b", debtor="a", amount=1), TELL),
        rewarding=(Credit(creditor="a", debtor="b", amount=2),),
    )


PLAN = Plan(
    title="Small",
    version=1,
    kind="customer",
    zone="UTC",
    currency="EUR",
    effective_start=0,
    effective_end=100,
    grace=3,
    parties=tuple(Party(name=name, title="", roles=(), channels=()) for name in "ab"),
    services=(),
    schedules=(),
    sources=(),
    operations=(constant(True, BooleanType()), constant(1), constant(2), constant("3.33"), constant(7)),
    metrics={},
    goals=(goal("first"), goal("second"), goal("rolling", RollingWindow(10, 5))),
    rules=(
        Rule(
            name="slow",
            trigger=0,
            by=(),
            holding_for=4,
            actions=(TELL, Credit(creditor="b", debtor="a", amount=2)),
            repeat_every=6,
            steps=(Step(delay=12, actions=(TELL,)), Step(delay=5, actions=(TELL,))),
            on_recovery=(TELL,),
        ),
        Rule(
            name="damped",
            trigger=0,
            by=(),
            holding_for=1,
            actions=(TELL, Credit(creditor="b", debtor="a", amount=2)),
            repeat_every=9,
            steps=(Step(delay=5, actions=(TELL,)),),
            on_recovery=(TELL,),
            often=Often(count=2, length=30),
        ),
        Rule(name="fast", trigger=0, by=(), holding_for=0, actions=(TELL,), on_recovery=(TELL, TELL)),
    ),
    caps=(
        Cap(name="narrow", creditor="b", amount=3, window=NARROW),
        Cap(name="wide", creditor="b", amount=4, window=WIDE),
    ),
)

amounts = st.none() | st.integers(-100, 1000).map(lambda number: Fraction(number, 300))
verdicts = st.sampled_from([Verdict.MET, Verdict.VIOLATED, Verdict.VIOLATED, Verdict.UNKNOWN])


@st.composite
def histories(draw: st.DrawFn) -> Outcome:
    """Judgements of every window of each goal and labels, and changes of triggers, up to some instant."""
    windows = [
        (each.name, labels, Interval(end - 10, end))
        for each in PLAN.goals
        for labels in LABELS
        for end in range(10, 100, 5 if each.name == "rolling" else 10)
    ]
    # One draw for all of them: a draw for each would take most of the time that this file takes.
    found = draw(st.lists(st.tuples(verdicts, amounts), min_size=4, max_size=12))
    stride = draw(st.integers(1, 7))
    judgements = [
        Judgement(
            goal=name,
            labels=labels,
            window=window,
            verdict=found[number * stride % len(found)][0],
            value=True,
            lower=True,
            upper=True,
            coverage=Fraction(1),
            amounts=((1, found[number * stride % len(found)][1]),),
        )
        for number, (name, labels, window) in enumerate(windows)
    ]
    triggers = {}
    for rule in PLAN.rules:
        changes = []
        for labels in LABELS:
            instants = sorted(draw(st.sets(st.integers(0, 110), max_size=8)))
            value: object = "nothing yet"
            for at in instants:
                new = draw(st.sampled_from([True, False, None]))
                if new is not value:
                    changes.append(TruthChange(at=at, labels=labels, value=new))
                value = new
        triggers[rule.name] = tuple(sorted(changes, key=lambda change: change.at))
    return Outcome(
        start=0,
        until=draw(st.integers(60, 120)),
        judgements=tuple(judgements),
        metrics={},
        triggers=triggers,
    )


Events = list[tuple[int, list[Judgement], list[tuple[str, TruthChange]]]]


def events(history: Outcome) -> Events:
    """What happens at each instant, for a decider that learns of it as it happens."""
    found: dict[int, tuple[list[Judgement], list[tuple[str, TruthChange]]]] = {}
    for judgement in history.judgements:
        found.setdefault(judgement.window.end + PLAN.grace, ([], []))[0].append(judgement)
    for rule, changes in history.triggers.items():
        for change in changes:
            found.setdefault(change.at, ([], []))[1].append((rule, change))
    return [(at, *found[at]) for at in sorted(found) if at <= history.until]


def follow(decider: Decider, history: Events) -> list[Decision]:
    return [
        decision
        for at, judgements, changes in history
        for decision in decider.moment(at, judgements, changes)
    ]


def entries_of(decisions: list[Decision]) -> list[LedgerEntry]:
    return [decision for decision in decisions if isinstance(decision, LedgerEntry)]


@QUICK
@given(histories())
def test_history_is_in_order_of_time_and_nothing_is_decided_twice(history: Outcome) -> None:
    decisions = decide(PLAN, history)
    assert len({decision.id for decision in decisions}) == len(decisions)
    due = [decision.at for decision in decisions if isinstance(decision, Intent)]
    assert due == sorted(due)


@QUICK
@given(histories())
def test_learning_step_by_step_decides_what_history_decides(history: Outcome) -> None:
    decider = Decider(PLAN)
    live = follow(decider, events(history))
    if history.until >= LAST_DUE:
        # Verdicts whose grace ends after the history are carried out by history alone.
        live += decider.advance(history.until)
        assert tuple(live) == decide(PLAN, history)
    else:
        assert tuple(live) == decide(PLAN, history)[: len(live)]


@QUICK
@given(histories(), st.data())
def test_a_restart_at_any_point_changes_nothing(history: Outcome, data: st.DataObject) -> None:
    happenings = events(history)
    place = data.draw(st.integers(0, len(happenings)))
    decider = Decider(PLAN)
    before = follow(decider, happenings[:place])
    snapshot = json.loads(json.dumps(decider.snapshot()))
    again = Decider.restore(PLAN, snapshot)
    assert again.snapshot() == snapshot
    assert again.next_due() == decider.next_due()
    after = follow(again, happenings[place:]) + again.advance(history.until)
    assert after == follow(decider, happenings[place:]) + decider.advance(history.until)
    assert len({decision.id for decision in before + after}) == len(before + after)


@QUICK
@given(histories(), st.data())
def test_what_comes_again_decides_nothing(history: Outcome, data: st.DataObject) -> None:
    happenings = events(history)
    decider = Decider(PLAN)
    place = data.draw(st.integers(0, len(happenings)))
    follow(decider, happenings[:place])
    again = data.draw(st.integers(0, place))
    assert follow(decider, happenings[again:place]) == []


@QUICK
@given(histories(), st.lists(st.integers(0, 120), max_size=10))
def test_looking_at_the_clock_more_often_changes_nothing(history: Outcome, looks: list[int]) -> None:
    often, seldom = Decider(PLAN), Decider(PLAN)
    # Of one instant, what happens comes before a mere look: a timer may be due beside a verdict.
    happenings: Events = sorted([*events(history), *((at, [], []) for at in looks)], key=lambda each: each[0])
    found: list[Decision] = []
    for at, judgements, changes in happenings:
        if judgements or changes:
            found += often.moment(at, judgements, changes)
        else:
            found += often.advance(min(at, history.until))
    found += often.advance(history.until)
    assert found == follow(seldom, events(history)) + seldom.advance(history.until)


def counted_at(entry: LedgerEntry) -> int:
    """The instant whose period an entry counts in: the start of a goal's window, or when a rule acted (M65)."""
    rules = {rule.name for rule in PLAN.rules}
    return entry.at if entry.cause in rules else entry.window.start


@QUICK
@given(histories())
def test_caps_are_never_exceeded(history: Outcome) -> None:
    decisions = entries_of(list(decide(PLAN, history)))
    for window, limit in ((NARROW, Decimal("3.33")), (WIDE, Decimal(7))):
        totals: dict[int, Decimal] = {}
        for entry in decisions:
            if entry.kind != "reward":
                start = window_containing(window, counted_at(entry)).start
                amount = -entry.amount if entry.kind == "cap" else entry.amount
                totals[start] = totals.get(start, Decimal(0)) + amount
        assert all(0 <= total <= limit for total in totals.values())


@QUICK
@given(histories())
def test_rewards_and_credits_are_held_by_caps_of_their_own(history: Outcome) -> None:
    """M76: both kinds to one party, each under a cap of its own."""
    rewarded = tuple(
        evolve(each, rewarding=(Credit(creditor="b", debtor="a", amount=2),)) for each in PLAN.goals
    )
    both = (
        Cap(name="credits", creditor="b", amount=3, window=NARROW),
        Cap(name="rewards", creditor="b", amount=4, window=WIDE, rewards=True),
    )
    plan = evolve(PLAN, goals=rewarded, caps=both)
    found = entries_of(list(decide(plan, history)))
    kinds = {entry.id: entry.kind for entry in found if entry.kind != "cap"}
    of_credits = [one for one in found if kinds[f"{one.id.rpartition('|')[0]}|0"] == "credit"]
    of_rewards = [one for one in found if one not in of_credits]
    for entries, window, limit in ((of_credits, NARROW, Decimal("3.33")), (of_rewards, WIDE, Decimal(7))):
        totals: dict[int, Decimal] = {}
        booked: dict[int, Decimal] = {}
        for entry in entries:
            start = window_containing(window, counted_at(entry)).start
            amount = -entry.amount if entry.kind == "cap" else entry.amount
            totals[start] = totals.get(start, Decimal(0)) + amount
            booked[start] = booked.get(start, Decimal(0)) + max(amount, Decimal(0))
        assert totals == {start: min(limit, total) for start, total in booked.items()}


@QUICK
@given(histories())
def test_no_three_windows_in_a_row_exceed_a_cap_over_the_last_three(history: Outcome) -> None:
    rolling = evolve(PLAN, caps=(Cap(name="last", creditor="b", amount=4, window=WINDOW, last=3),))
    totals: dict[int, Decimal] = {}
    for entry in entries_of(list(decide(rolling, history))):
        if entry.kind != "reward":
            start = window_containing(WINDOW, counted_at(entry)).start
            amount = -entry.amount if entry.kind == "cap" else entry.amount
            totals[start] = totals.get(start, Decimal(0)) + amount
    assert all(total >= 0 for total in totals.values())
    for start in range(-30, 100, 10):
        assert sum(totals.get(start + step, Decimal(0)) for step in (0, 10, 20)) <= 7


@QUICK
@given(histories())
def test_only_the_highest_of_the_credits_of_a_window_is_left(history: Outcome) -> None:
    highest = evolve(PLAN, caps=(Cap(name="highest", creditor="b", amount=None, window=NARROW),))
    credits: dict[int, list[Decimal]] = {}
    taken: dict[int, Decimal] = {}
    for entry in entries_of(list(decide(highest, history))):
        start = window_containing(NARROW, counted_at(entry)).start
        if entry.kind == "credit":
            credits.setdefault(start, []).append(entry.amount)
        elif entry.kind == "cap":
            taken[start] = taken.get(start, Decimal(0)) + entry.amount
    for start, amounts in credits.items():
        assert sum(amounts) - taken.get(start, Decimal(0)) == max(amounts)


@QUICK
@given(histories())
def test_a_cap_takes_back_no_more_than_its_credit_and_only_where_a_limit_is_met(history: Outcome) -> None:
    decisions = entries_of(list(decide(PLAN, history)))
    credits = {entry.id.rpartition("|")[0]: entry for entry in decisions if entry.kind == "credit"}
    taken: dict[str, Decimal] = {}
    for entry in decisions:
        assert entry.amount > 0
        if entry.kind == "cap":
            key = entry.id.rpartition("|")[0]
            taken[key] = taken.get(key, Decimal(0)) + entry.amount
            assert (entry.debtor, entry.creditor) == (credits[key].creditor, credits[key].debtor)
    assert all(total <= credits[key].amount for key, total in taken.items())


@st.composite
def ledgers(draw: st.DrawFn) -> list[LedgerEntry]:
    sizes = st.integers(1, 10**12).map(lambda cents: Decimal(cents).scaleb(-2))
    parties = st.sampled_from("abcd")
    pairs = st.tuples(parties, parties).filter(lambda pair: pair[0] != pair[1])
    rows = draw(
        st.lists(st.tuples(pairs, sizes, st.sampled_from(["EUR", "USD"]), st.integers(0, 50)), max_size=30)
    )
    return [
        LedgerEntry(
            id=str(number),
            kind="credit",
            debtor=debtor,
            creditor=creditor,
            amount=amount,
            currency=currency,
            at=at,
            cause="goal",
            labels=(),
            window=Interval(0, at),
            memo="",
        )
        for number, ((debtor, creditor), amount, currency, at) in enumerate(rows)
    ]


@QUICK
@given(ledgers(), st.randoms(use_true_random=False))
def test_any_order_of_entries_gives_the_same_balances(ledger: list[LedgerEntry], chance: object) -> None:
    shuffled = list(ledger)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert balances(shuffled) == balances(ledger)
    assert statement(shuffled, 10, 40) == statement(ledger, 10, 40)
    assert balances(ledger + shuffled) == balances(ledger)


@QUICK
@given(ledgers())
def test_all_positions_of_a_currency_add_to_zero(ledger: list[LedgerEntry]) -> None:
    totals: dict[str, Decimal] = {}
    for position in positions(ledger):
        totals[position.currency] = totals.get(position.currency, Decimal(0)) + position.amount
    assert all(total == 0 for total in totals.values())


@QUICK
@given(ledgers())
def test_balances_and_positions_tell_the_same(ledger: list[LedgerEntry]) -> None:
    net = {(position.currency, position.party): Decimal(0) for position in positions(ledger)}
    for balance in balances(ledger):
        assert balance.amount > 0
        net[balance.currency, balance.creditor] += balance.amount
        net[balance.currency, balance.debtor] -= balance.amount
    assert net == {(position.currency, position.party): position.amount for position in positions(ledger)}


@QUICK
@given(ledgers())
def test_accounts_lead_from_one_period_to_the_next_and_their_two_sides_add_to_zero(
    ledger: list[LedgerEntry],
) -> None:
    """A13: what is owed is explained line by line."""
    spread = [evolve(entry, at=entry.at * 5 * HOUR) for entry in ledger]
    lines = accounts(spread, CalendarWindow(CalendarUnit.DAY))
    standing: dict[tuple[str, str, str], Decimal] = {}
    sides = {(one.period, one.party, one.other, one.currency): one for one in lines}
    assert len(sides) == len(lines)
    for one in lines:
        key = (one.party, one.other, one.currency)
        assert one.opening == standing.get(key, 0)
        assert one.opening + one.received - one.given == one.closing
        standing[key] = one.closing
        mirrored = sides[one.period, one.other, one.party, one.currency]
        assert (mirrored.closing, mirrored.received, mirrored.entries) == (
            -one.closing,
            one.given,
            one.entries,
        )
    owed = {(one.creditor, one.debtor, one.currency): one.amount for one in balances(ledger)}
    assert {key: amount for key, amount in standing.items() if amount > 0} == owed
    assert sum(one.entries for one in lines) == 2 * len(ledger)


@QUICK
@given(ledgers(), st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50)))
def test_statements_join(ledger: list[LedgerEntry], instants: tuple[int, int, int]) -> None:
    start, middle, until = sorted(instants)
    one, two, whole = (
        statement(ledger, first, last) for first, last in ((start, middle), (middle, until), (start, until))
    )
    assert one.entries + two.entries == whole.entries
    assert (one.opening, one.closing, two.closing) == (whole.opening, two.opening, whole.closing)


odd = st.text(alphabet="a|=,%0C2\n é", max_size=6)


@QUICK
@given(st.lists(st.tuples(odd, st.lists(st.tuples(odd, odd), max_size=2)), min_size=2, max_size=6))
def test_different_occasions_have_different_identities(
    occasions: list[tuple[str, list[tuple[str, str]]]],
) -> None:
    different = {(cause, tuple(labels)) for cause, labels in occasions}
    identities = {
        Occasion(plan=evolve(PLAN, title=title), kind="goal", cause=cause, start=0, labels=labels).identity(
            "1"
        )
        for cause, labels in different
        for title in (PLAN.title, f"{PLAN.title}|v1")
    }
    assert len(identities) == 2 * len(different)
