"""Versions of one agreement side by side say what `wsla eval` says of the same observations (M69, M70, M71)."""

from __future__ import annotations

from typing import Any

import pytest

from wsla.api import Agreement, judge, load_all, versions_of
from wsla.daemon.agreements import find_agreements, own_text, side_by_side
from wsla.daemon.lineage import Lineage, over_at
from wsla.daemon.recovery import recover
from wsla.daemon.reigns import latest, reigns
from wsla.daemon.versions import TakenOver, Versions
from wsla.diagnostics.source import SourceText
from wsla.evaluation.stream import JudgementFinal
from wsla.remedies.decisions import Intent, LedgerEntry
from wsla.reporting.verification import verify_agreement
from wsla.store.records import Batch, Decided, Judged, Observed, Snapshot
from wsla.store.sqlite import Store
from wsla.values.instants import HOUR, MINUTE, parse_instant
from wsla.values.observations import Observation

BEGIN = parse_instant("2026-03-02T00:00:00Z")
TEXT = """agreement "Search" version {version}{amends} {{
  effective {start} in "UTC"{under_way}
  currency EUR
  party acme "Acme" provider {{ hook webhook "https://acme.example/hook" }}
  party globex "Globex" consumer {{ hook webhook "https://globex.example/hook" }}
  source probe = http "{url}" every 5m
  metric up = probe.ok
  metric uptime = availability(up) each day
  metric lately = availability(up) over last 3h every 1h
  goal available: acme guarantees uptime >= {promised} {{
    otherwise credit globex {amount} EUR
    otherwise notify globex
  }}
  goal steady: acme guarantees lately >= 50% {{ otherwise notify globex }}
  when not up for 12m {{ notify acme, globex repeat every 30m on recovery: notify globex }}
  cap credits to globex at 7 EUR each month
}}
"""
URL = "https://search.example/health"


def text(version: int, start: str, *, under_way: bool = False, url: str = URL, **terms: object) -> str:
    amends = "" if version == 3 else f" amends {version - 1}"
    values: dict[str, object] = {"promised": "99%", "amount": 5, **terms}
    return TEXT.format(
        version=version,
        amends=amends,
        start=start,
        url=url,
        under_way=" for windows under way" if under_way else "",
        **values,
    )


def versions(*texts: str) -> tuple[Agreement, ...]:
    return versions_of(load_all(SourceText(name="search.sla", text=one))[0] for one in texts)


OLD = text(3, "2026-01-01")
NEW = text(4, "2026-03-04T06:00", promised="99.9%", amount=6)


def looks(first: int, last: int, source: str = "probe") -> list[Observation]:
    """One every five minutes; bad for a while every seven hours."""
    found = []
    for minute in range(first - first % 5 + 5, last, 5):
        bad = minute % 420 < 35
        found.append(Observation(source=source, at=BEGIN + minute * MINUTE, fields={"ok": not bad}))
    return found


class Running:
    """What a daemon does with a store, without the daemon."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.engine: Any = None
        self.state = ""
        self.lineage: Any = None
        self.until = BEGIN

    def begin(self, agreements: tuple[Agreement, ...], until: int) -> None:
        *before, newest = agreements
        recovered = recover(self.store, newest, until, before)
        self.engine, self.state = recovered.engine, recovered.state
        self.lineage = Lineage(agreements=agreements)
        self.keep([], recovered.outputs)

    def keep(self, observed: list[Observation], outputs: list[Any]) -> None:
        rests_on = self.lineage.rests_on()
        result = self.store.write(
            Batch(
                observations=tuple(Observed("Search", one, one.at) for one in observed),
                judgements=tuple(
                    Judged("Search", one.judgement, rests_on(one.judgement, place), version)
                    for one, place, version in (
                        (said.output, said.place, said.version)
                        if isinstance(said, TakenOver)
                        else (said, None, None)
                        for said in outputs
                    )
                    if isinstance(one, JudgementFinal)
                ),
                decisions=tuple(
                    Decided("Search", one) for one in outputs if isinstance(one, Intent | LedgerEntry)
                ),
            )
        )
        assert not result.contradictions

    def run(self, observations: list[Observation]) -> None:
        for begin in range(0, len(observations), 50):
            piece = observations[begin : begin + 100]
            outputs = [output for one in piece for output in self.engine.observe(one)]
            self.keep(piece, [*outputs, *self.engine.advance(piece[-1].at)])

    def note(self, at: int) -> None:
        snapshot = Snapshot("Search", self.state, at, self.engine.snapshot())
        self.store.write(Batch(snapshots=(snapshot,)))


def expected(agreements: tuple[Agreement, ...], data: list[Observation], until: int) -> tuple[Any, Any]:
    """Verdicts and decisions as `wsla eval` gives them."""
    judged, decided = [], {}
    for one in agreements:
        report = judge(one, data, BEGIN, until)
        judged += [x for x in report.judgements if x.final and x.window.end + one.plan.grace <= until]
        decided.update({x.id: x for x in report.decisions})
    return told(judged), decided


def told(judgements: Any) -> list[Any]:
    found = [(x.goal, x.labels, x.window, x.verdict.value, x.value) for x in judgements]
    return sorted(found, key=lambda one: (one[2].end, one[2].start, *map(str, one)))


def stored(store: Store) -> tuple[Any, Any]:
    ever = (-(2**62), 2**62)
    found = store.judgements("Search", *ever, final_only=True)
    decided = {one.id: one for _, one in store.entries("Search", *ever)}
    decided.update({one.id: one for _, one in store.intents("Search", *ever)})
    return told(found), decided


def minute(day: int, hour: int = 0) -> int:
    return ((day - 2) * 24 + hour) * 60


def test_both_from_the_beginning_say_what_eval_says(store: Store) -> None:
    """M69, M71."""
    agreements = versions(OLD, NEW)
    running = Running(store)
    running.begin(side_by_side(agreements), BEGIN)
    data = looks(1, minute(8))
    running.run(data)
    until = data[-1].at
    judged, decided = stored(store)
    assert (judged, decided) == expected(agreements, data, until)
    begun = {one[2].start for one in judged}
    assert parse_instant("2026-03-04T00:00:00Z") in begun
    assert {identity.split("|")[1] for identity in decided} == {"v3", "v4"}
    running.note(until)
    assert verify_agreement(store, "Search", lambda *_: None).findings == []


@pytest.mark.parametrize("noted", [None, 100, 2000, minute(4, 5), minute(6)])
@pytest.mark.parametrize("under_way", [False, True])
def test_an_amendment_that_comes_by_a_reload_and_a_crash(
    store: Store, noted: int | None, under_way: bool
) -> None:
    """M69, M70: before it takes effect it changes nothing; from then on it is as if it had always been there."""
    agreements = versions(OLD, text(4, "2026-03-04T06:00", promised="99.9%", amount=6, under_way=under_way))
    data = looks(1, minute(8))
    running = Running(store)
    running.begin(side_by_side(agreements[:1]), BEGIN)
    came, crashed = minute(3, 7), minute(7, 3)
    running.run([one for one in data if one.at < BEGIN + came * MINUTE])
    if noted is not None and noted < came:
        running.note(BEGIN + (came - 1) * MINUTE)
    running.begin(side_by_side(agreements), BEGIN + came * MINUTE - 1)
    running.run([one for one in data if BEGIN + came * MINUTE <= one.at < BEGIN + crashed * MINUTE])
    if noted is not None and noted >= came:
        running.note(BEGIN + (crashed - 1) * MINUTE)
    running.begin(side_by_side(agreements), BEGIN + crashed * MINUTE - 1)
    running.run([one for one in data if one.at >= BEGIN + crashed * MINUTE])
    assert stored(store) == expected(agreements, data, data[-1].at)
    running.note(data[-1].at)
    verified = verify_agreement(store, "Search", lambda *_: None)
    assert (verified.findings, verified.left) == ([], 0)
    assert verified.booked == sum(isinstance(one, LedgerEntry) for one in stored(store)[1].values())


def test_another_address_is_another_source(store: Store) -> None:
    """Each version judges by its own looks; what is said of the store names them apart."""
    agreements = versions(OLD, text(4, "2026-03-04T06:00", url="https://new.example/health"))
    together = side_by_side(agreements)
    lineage = Lineage(agreements=together)
    assert list(lineage.sources) == ["probe", "probe@4"]
    running = Running(store)
    running.begin(together, BEGIN)
    old = looks(1, minute(8))
    new = [Observation(source="probe@4", at=one.at, fields={"ok": True}) for one in old]
    running.run([one for pair in zip(old, new, strict=True) for one in pair])
    judged, decided = stored(store)
    until = old[-1].at
    renamed = [Observation(source="probe", at=one.at, fields=one.fields) for one in new]
    by_old, by_new = expected(agreements[:1], old, until), expected(agreements[1:], renamed, until)
    assert sorted(judged, key=str) == sorted([*by_old[0], *by_new[0]], key=str)
    assert decided == by_old[1] | by_new[1]
    running.note(until)
    assert verify_agreement(store, "Search", lambda *_: None).findings == []
    # The old address is left alone once the last window that it counts for is over.
    last = parse_instant("2026-03-05T00:00:00Z")
    assert lineage.looked_at(last) == {"probe", "probe@4"}
    assert lineage.looked_at(last + 11 * MINUTE) == {"probe@4"}
    assert lineage.next_end(BEGIN) == last + 10 * MINUTE


def test_a_version_that_has_said_everything_is_let_go(store: Store) -> None:
    agreements = side_by_side(versions(OLD, NEW))
    end = over_at(agreements[0].plan)
    assert end is not None
    running = Running(store)
    running.begin(agreements, BEGIN)
    assert isinstance(running.engine, Versions)
    running.engine.advance(end)
    assert running.engine.members[0].engine is not None
    running.engine.advance(end + 1)
    assert running.engine.members[0].engine is None
    running.note(end + 1)
    running.begin(agreements, end + HOUR)
    assert running.engine.members[0].engine is None


def test_an_amendment_that_is_taken_back_in_time_leaves_no_trace(store: Store) -> None:
    agreements = versions(OLD, NEW)
    data = looks(1, minute(8))
    running = Running(store)
    running.begin(side_by_side(agreements), BEGIN)
    taken_back = minute(3)
    running.run([one for one in data if one.at < BEGIN + taken_back * MINUTE])
    running.note(BEGIN + (taken_back - 1) * MINUTE)
    running.begin(side_by_side(agreements[:1]), BEGIN + taken_back * MINUTE - 1)
    running.run([one for one in data if one.at >= BEGIN + taken_back * MINUTE])
    alone = versions(OLD)
    assert stored(store) == expected(alone, data, data[-1].at)
    [reign] = latest(store.agreement_history("Search"))
    assert (reign.start, reign.version.version) == (BEGIN, 3)
    running.note(data[-1].at)
    assert verify_agreement(store, "Search", lambda *_: None).findings == []


def test_an_amendment_that_comes_late_leaves_what_was_final(store: Store) -> None:
    agreements = versions(OLD, NEW)
    data = looks(1, minute(9))
    running = Running(store)
    running.begin(side_by_side(agreements[:1]), BEGIN)
    came = minute(6, 7)
    running.run([one for one in data if one.at < BEGIN + came * MINUTE])
    before = stored(store)
    running.note(BEGIN + (came - 1) * MINUTE)
    running.begin(side_by_side(agreements), BEGIN + came * MINUTE - 1)
    running.run([one for one in data if one.at >= BEGIN + came * MINUTE])
    judged, decided = stored(store)
    assert [one for one in before[0] if one not in judged] == []
    assert before[1].items() <= decided.items()
    judged_by_it, _ = expected(agreements[1:], data, data[-1].at)
    now = BEGIN + came * MINUTE
    assert [one for one in judged_by_it if one[2].end > now and one not in judged] == []
    # The day under way began under the amendment, though nobody knew of it.
    assert ("available", parse_instant("2026-03-06T00:00:00Z")) in {(one[0], one[2].start) for one in judged}
    running.note(data[-1].at)
    assert verify_agreement(store, "Search", lambda *_: None).findings == []


def test_a_store_of_the_time_when_one_version_ran_is_read_as_it_was(store: Store) -> None:
    """An amendment that was registered by itself took the place of the version before it."""
    agreements = versions(OLD, NEW)
    running = Running(store)
    running.begin(side_by_side(agreements[:1]), BEGIN)
    alone = side_by_side(agreements[1:])
    assert alone[0].plan.judges_from is None
    running.begin(alone, BEGIN + HOUR)
    first, second = reigns(store.agreement_history("Search"))
    assert (first.start, first.switch, second.start) == (
        BEGIN,
        BEGIN + HOUR,
        BEGIN + HOUR - alone[0].plan.grace,
    )
    assert second.agreement is not None
    assert second.agreement.plan.judges_from is None


def test_one_file_or_two_is_the_same(tmp_path: Any) -> None:
    both = tmp_path / "both"
    apart = tmp_path / "apart"
    for folder in (both, apart):
        folder.mkdir()
    (both / "search.sla").write_text(OLD + "\n" + NEW, "utf-8")
    (apart / "a.sla").write_text(NEW, "utf-8")
    (apart / "b.sla").write_text(OLD, "utf-8")
    found = [find_agreements([folder]) for folder in (both, apart)]
    assert [one.messages for one in found] == [[], []]
    texts = [[one.text for one in (*x.before["Search"], x.agreements["Search"])] for x in found]
    assert texts[0] == texts[1] == [OLD, NEW]
    plans = [[one.plan for one in (*x.before["Search"], x.agreements["Search"])] for x in found]
    assert plans[0] == plans[1] == [one.plan for one in versions(OLD, NEW)]


def test_what_belongs_to_a_version_goes_with_it() -> None:
    [one, other] = load_all(SourceText(name="x.sla", text=f"# ours\n{OLD}\n{NEW}"))
    assert own_text(one).text == f"# ours\n{OLD}"
    assert own_text(other).text == f"# ours\n\n{NEW}"


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (OLD, "is in"),
        (text(4, "2026-03-04").replace(" amends 3", ""), "has to say `version 4 amends 3`"),
        (text(5, "2026-03-04"), "amends version 4; the one before it here is version 3"),
        (text(4, "2025-03-04"), "takes effect no later than version 3"),
    ],
)
def test_agreements_of_one_title_that_do_not_follow_each_other(tmp_path: Any, second: str, said: str) -> None:
    (tmp_path / "a.sla").write_text(OLD, "utf-8")
    (tmp_path / "b.sla").write_text(second, "utf-8")
    found = find_agreements([tmp_path])
    [message] = found.messages
    assert said in message
    assert found.broken
