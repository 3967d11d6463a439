"""Reports and reviews (rules M104, M105): decided once, whatever happens to the daemon; changed with the text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsla.api import Agreement, loads
from wsla.daemon.agreements import sha256_of
from wsla.daemon.appointments import _reports, look_up, report_of, words_about_meetings
from wsla.daemon.interventions import Interventions
from wsla.plan.model import Plan
from wsla.remedies.decisions import Intent
from wsla.remedies.identity import said_of
from wsla.store.interventions import Intervention
from wsla.store.records import AgreementVersion, Batch, Decided
from wsla.store.sqlite import Store
from wsla.values.instants import DAY, HOUR, parse_instant

TEXT = """\
agreement "Web | shop" version VERSION {
  effective 2026-01-01 in "Europe/Berlin"
  party host "Host" provider { desk email "desk@host.example" }
  party shop "Shop" consumer { email "it@shop.example" }
  source probe = http "https://shop.example/health" every 30s
  metric uptime = availability(probe.ok) each month
  goal available: host guarantees uptime >= 99.9% { otherwise notify shop }
  LINES
}
"""
MONTHLY = "publish report to shop each month after 2d at 9:00"
QUARTERLY = 'call review with shop, host.desk each quarter after 10d at 10:00 for 90m "Review"'


def agreement(lines: str, version: int = 1) -> Agreement:
    return loads(TEXT.replace("LINES", lines).replace("VERSION", str(version)))


def at(text: str) -> int:
    return parse_instant(f"{text}+00:00")


def register(store: Store, one: Agreement, when: int) -> None:
    store.write(
        Batch(
            agreements=(
                AgreementVersion(
                    key=one.title,
                    title=one.title,
                    version=one.version,
                    text=one.text,
                    sha256=sha256_of(one),
                    at=when,
                ),
            )
        )
    )


class Life:
    """A daemon's life in the eyes of the calendar: it looks at instants, and may be killed before it stores."""

    def __init__(self, store: Store, one: Agreement, begun: int) -> None:
        self.store, self.agreement = store, one
        register(store, one, begun)

    @property
    def plan(self) -> Plan:
        return self.agreement.plan

    def change(self, one: Agreement, when: int) -> None:
        self.agreement = one
        register(self.store, one, when)

    def look(self, now: int, *, killed: bool = False) -> list[Intent]:
        """A start, and one look; what was decided is stored unless it is killed before."""
        known = look_up(self.store, self.agreement.title, self.plan, now)
        found = [intent for intent in known.reports(now) if intent.id not in known.sent]
        found += words_about_meetings(self.plan, known.meetings, now)
        if not killed:
            decided = tuple(Decided(self.agreement.title, one) for one in found)
            assert self.store.write(Batch(decisions=decided)).contradictions == ()
        return found


def test_a_report_is_decided_when_it_is_due_and_once(store: Store) -> None:
    """M104."""
    life = Life(store, agreement(MONTHLY), at("2026-01-20T00:00"))
    due = at("2026-02-03T08:00")
    assert life.look(due - 1) == []
    (one,) = life.look(due)
    assert life.look(due + 1) == life.look(due + DAY) == []
    assert (one.verb, one.at, one.cause, str(one.targets[0])) == ("publish", due, "report 1", "shop")
    assert one.window is not None
    assert (one.window.start, one.window.end) == (at("2025-12-31T23:00"), at("2026-01-31T23:00"))
    assert one.subject == "Web | shop: report of 2026-01"


def test_what_fell_into_a_time_without_a_daemon_is_decided_at_the_next_start(store: Store) -> None:
    """M104: over clocks that change, and months of any length."""
    life = Life(store, agreement(MONTHLY), at("2026-01-20T00:00"))
    found = life.look(at("2026-05-03T08:00"))
    assert [one.at for one in found] == [
        at("2026-02-03T08:00"),
        at("2026-03-03T08:00"),
        at("2026-04-03T07:00"),
        at("2026-05-03T07:00"),
    ]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 24 * 200), st.booleans()), max_size=30))
def test_every_report_is_decided_once_whenever_it_is_killed(
    tmp_path_factory: pytest.TempPathFactory, looks: list[tuple[int, bool]]
) -> None:
    """M104: killed before what it decided is stored, or after."""
    begun = at("2026-01-20T00:00")
    with Store.open(str(tmp_path_factory.mktemp("store") / "wsla.db"), writer=True) as store:
        life = Life(store, agreement(f"{MONTHLY} {QUARTERLY}"), begun)
        for hour, killed in sorted(looks):
            life.look(begun + hour * HOUR, killed=killed)
        life.look(begun + 200 * DAY)
        said = [intent for _, intent in store.intents(None, begun, begun + 300 * DAY)]
        reports = [one.at for one in said if one.verb == "publish"]
        assert reports == [one.at for one in _reports(life.plan, begun, begun + 200 * DAY)]
        assert len(reports) == 7
        assert len({one.id for one in said}) == len(said)
        assert not any("change" in one.id or "cancellation" in one.id for one in said)


def test_a_report_that_is_new_does_not_go_back_and_one_that_stays_leaves_nothing_out(store: Store) -> None:
    life = Life(store, agreement(""), at("2026-01-20T00:00"))
    life.change(agreement(MONTHLY), at("2026-03-20T00:00"))
    assert [one.window for one in life.look(at("2026-04-04T00:00"))] != []
    assert len(life.look(at("2026-04-05T00:00"))) == 0
    # While the daemon was away a report fell due, and the text was changed in something else.
    life.change(agreement(f"{MONTHLY} when not probe.ok {{ notify host }}"), at("2026-05-20T00:00"))
    assert [one.at for one in life.look(at("2026-05-20T01:00"))] == [at("2026-05-03T07:00")]


@pytest.mark.parametrize("amended", ["2026-04-01", "2026-04-10"])
def test_the_last_period_of_a_version_is_reported_under_the_next(store: Store, amended: str) -> None:
    """M104: the report of March belongs to version 1, though it is due when version 2 is in force."""
    life = Life(store, agreement(MONTHLY), at("2026-01-20T00:00"))
    assert len(life.look(at("2026-03-20T00:00"))) == 2
    text = TEXT.replace("LINES", MONTHLY).replace("VERSION", "2").replace("2026-01-01", amended)
    life.change(loads(text), at("2026-04-01T00:00"))
    (march,) = life.look(at("2026-04-20T00:00"))
    assert march.id == "Web %7C shop|v1|report report 1|publish|2026-03-01T00:00:00+01:00||0"
    (april,) = life.look(at("2026-05-20T00:00"))
    assert "|v2|" in april.id
    assert len([1 for _, one in store.intents(None, 0, 2**62) if one.verb == "publish"]) == 4


def test_what_was_reported_is_not_reported_again_under_a_version_of_the_same_time(store: Store) -> None:
    """M104: one report for each period, whichever of two versions that begin together is in force by then."""
    life = Life(store, agreement(MONTHLY), at("2026-01-20T00:00"))
    assert len(life.look(at("2026-04-03T07:00"))) == 3
    life.change(agreement(MONTHLY, version=2), at("2026-04-10T00:00"))
    assert life.look(at("2026-04-11T00:00")) == []
    (one,) = life.look(at("2026-05-03T07:00"))
    assert "|v2|" in one.id


def words(found: list[Intent]) -> list[tuple[str, list[str]]]:
    steps = []
    for one in found:
        said = said_of(one.id)
        assert said is not None
        steps.append((said.step, [str(target) for target in one.targets]))
    return steps


def test_people_are_invited_once_and_told_of_what_changes(store: Store) -> None:
    """M105."""
    life = Life(store, agreement(QUARTERLY), at("2026-01-20T00:00"))
    now = at("2026-01-20T00:00")
    assert words(life.look(now)) == [("invitation 0", ["shop", "host.desk"])]
    assert life.look(now + HOUR) == []
    later = agreement(QUARTERLY.replace("10:00", "11:00"), 2)
    life.change(later, now + DAY)
    (changed,) = life.look(now + DAY)
    assert words([changed]) == [("change 1", ["shop", "host.desk"])]
    assert changed.window is not None
    assert changed.window.start == at("2026-04-11T09:00")
    assert life.look(now + DAY + HOUR) == []
    life.change(agreement(QUARTERLY.replace("10:00", "11:00").replace("shop, ", "host, "), 3), now + 2 * DAY)
    assert words(life.look(now + 2 * DAY)) == [("cancellation 2", ["shop"]), ("invitation 2", ["host"])]
    life.change(agreement("", 4), now + 3 * DAY)
    assert words(life.look(now + 3 * DAY)) == [("cancellation 3", ["host.desk", "host"])]
    assert life.look(now + 4 * DAY) == []
    # It comes back with a later number: calendars believe the highest.
    life.change(agreement(QUARTERLY, 5), now + 5 * DAY)
    assert words(life.look(now + 5 * DAY)) == [("invitation 4", ["shop", "host.desk"])]


def test_nobody_is_told_of_a_meeting_that_has_begun(store: Store) -> None:
    life = Life(store, agreement(QUARTERLY), at("2026-01-20T00:00"))
    life.look(at("2026-01-20T00:00"))
    begins = at("2026-04-11T08:00")
    life.look(begins - DAY)
    life.change(agreement("", 2), begins)
    assert words(life.look(begins)) == [("cancellation 1", ["shop", "host.desk"])]
    (left,) = life.store.intents("Web | shop", begins, begins + DAY)
    assert left[1].window is not None
    assert left[1].window.start == at("2026-07-11T08:00")


def test_what_was_decided_is_not_looked_for_again(store: Store) -> None:
    """Years of daily reports must not be worked out anew every second."""
    life = Life(store, agreement("publish report to shop each day"), at("2026-01-20T00:00"))
    known = look_up(store, "Web | shop", life.plan, at("2026-01-20T00:00"))
    first = list(known.reports(at("2026-01-25T00:00")))
    known.passed(at("2026-01-25T00:00"))
    assert len(first) == 5
    assert list(known.reports(at("2026-01-25T00:00"))) == []
    assert len(list(known.reports(at("2026-01-26T00:00")))) == 1
    known.passed(at("2026-01-21T00:00"))
    assert list(known.reports(at("2026-01-25T00:00"))) == []


def test_until_something_falls_due_nothing_is_worked_out(store: Store) -> None:
    """An agreement is asked every second, and there may be thousands."""
    begun = at("2026-01-20T00:00")
    life = Life(store, agreement(f"{MONTHLY} {QUARTERLY}"), begun)
    known = look_up(store, "Web | shop", life.plan, begun)
    assert not known.is_quiet(begun, begun)
    known.passed(begun, begun)
    report, quarter = at("2026-02-03T08:00"), at("2026-03-31T22:00")
    assert known.is_quiet(begun, begun)
    assert known.is_quiet(report - 1, quarter - 1)
    assert not known.is_quiet(report, report)
    assert not known.is_quiet(report - 1, quarter)
    known.passed(report, report)
    assert known.is_quiet(report, report)
    assert not known.is_quiet(at("2026-03-03T08:00"), at("2026-03-03T08:00"))


def test_where_nothing_is_appointed_nothing_is_looked_for(store: Store) -> None:
    life = Life(store, agreement(""), at("2026-01-20T00:00"))
    assert look_up(store, "Web | shop", life.plan, at("2026-01-20T00:00")).empty
    for lines in (MONTHLY, QUARTERLY):
        life.change(agreement(lines), at("2026-01-21T00:00"))
        assert not look_up(store, "Web | shop", life.plan, at("2026-01-21T00:00")).empty
        life.look(at("2026-01-21T00:00"))
    # A meeting of which somebody was told may have to be cancelled yet.
    life.change(agreement(""), at("2026-01-22T00:00"))
    assert not look_up(store, "Web | shop", life.plan, at("2026-01-22T00:00")).empty


def test_a_silence_of_everything_is_not_meant_for_reports() -> None:
    plan = agreement(MONTHLY).plan
    one = next(
        report_of(plan, each) for each in _reports(plan, at("2026-01-20T00:00"), at("2026-03-01T00:00"))
    )

    def silence(cause: str) -> Interventions:
        made: Any = Intervention(
            kind="silence",
            agreement="Web | shop",
            subject=cause,
            at=0,
            until=one.at + 1,
            author="Ana",
            note="n",
        )
        return Interventions([made])

    assert silence("").withholds("Web | shop", one, one.at) is None
    assert silence("report 1").withholds("Web | shop", one, one.at) is not None
