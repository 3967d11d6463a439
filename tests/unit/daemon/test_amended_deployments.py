"""What runs where an amendment comes: beside the version before it, from files or from the store, and back again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from wsla.api import Agreement, load_all
from wsla.daemon.agreements import find_agreements, side_by_side
from wsla.daemon.appointments import Meeting, in_turn, look_up, words_about_meetings
from wsla.daemon.bindings import Deployment, deploy_together
from wsla.daemon.config import Config
from wsla.daemon.lineage import Lineage, judged_to, stored_names
from wsla.daemon.recovery import recover
from wsla.daemon.reload import Changes, compare
from wsla.daemon.succeeding import with_stored
from wsla.diagnostics.source import SourceText
from wsla.store.sqlite import Store
from wsla.values.instants import DAY, MINUTE, parse_instant

NOW = parse_instant("2026-03-02T00:00:00Z")
TEXT = """agreement "Search" version {version}{amends} {{
  effective {start} in "UTC"{tail}
  party acme "Acme" provider {{ hook webhook "https://acme.example/{hook}" }}
  party globex "Globex" consumer {{ hook webhook "https://globex.example/sla" }}
  source probe = http "{url}" every 1m
  source sent = push every {every} {{ up up }}
  metric uptime = availability(probe.ok) each day
  metric worked = availability(sent.up) each day
  goal available: acme guarantees uptime >= 99% {{ otherwise notify acme }}
  goal {second}: acme guarantees worked >= 99% {{ otherwise notify acme }}
  call review with globex each month after 2d at 10:00
}}
"""


def text(version: int, start: str, **terms: str) -> str:
    values = {
        "amends": f" amends {version - 1}" if version > 3 else "",
        "tail": "",
        "hook": "old",
        "url": "https://search.example/health",
        "every": "1m",
        "second": "working",
        **terms,
    }
    return TEXT.format(version=version, start=start, **values)


OLD = text(3, "2026-01-01")
NEW = text(4, "2026-03-04", hook="new", every="2m", second="used")


class Folder:
    """Agreements in files, and what runs because of them."""

    def __init__(self, path: Path, clock: Any) -> None:
        self.path, self.clock = path, clock
        self.running: dict[str, Deployment] = {}

    def look(self, **files: str) -> Changes:
        for old in self.path.iterdir():
            old.unlink()
        for name, content in files.items():
            (self.path / f"{name}.sla").write_text(content, "utf-8")
        changes = compare(self.running, find_agreements([self.path]), Config(http=http()), {}, self.clock)
        for one in (*changes.added, *changes.changed, *changes.adjusted):
            self.running[one.agreement.title] = one
        return changes

    def versions(self) -> list[int]:
        return [one.agreement.version for one in self.running["Search"].versions]


def http() -> Any:
    from wsla.daemon.http_config import Http

    return Http(host="127.0.0.1", port=0)


def agreement(written: str) -> Agreement:
    return load_all(SourceText(name="search.sla", text=written))[0]


@pytest.fixture
def folder(tmp_path: Path, clock: Any) -> Folder:
    path = tmp_path / "agreements"
    path.mkdir()
    return Folder(path, clock)


def test_an_amendment_runs_beside_what_it_amends_until_it_is_taken_back(folder: Folder) -> None:
    assert folder.look(a=OLD).messages == []
    changes = folder.look(a=OLD, b=NEW)
    assert (changes.messages, len(changes.changed), changes.warnings) == ([], 1, [])
    assert folder.versions() == [3, 4]
    changes = folder.look(a=f"{OLD}\n{NEW}")
    assert (changes.messages, changes.changed, len(changes.adjusted)) == ([], [], 1)
    folder.look(a=OLD)
    assert folder.versions() == [3]


def test_in_the_place_of_what_it_amends_both_go_on(folder: Folder) -> None:
    folder.look(a=OLD)
    folder.look(a=NEW)
    assert folder.versions() == [3, 4]
    changes = folder.look(a=NEW)
    assert (changes.changed, changes.adjusted, changes.removed) == ([], [], [])
    folder.look(a=text(5, "2026-04-01"))
    assert folder.versions() == [3, 4, 5]
    # Whatever does not say what it amends takes the place of all.
    folder.look(a=OLD.replace("version 3", "version 6"))
    assert folder.versions() == [6]


def test_other_terms_of_a_version_are_remarked_and_no_other(folder: Folder) -> None:
    folder.look(a=OLD, b=NEW)
    [warning] = folder.look(a=OLD.replace("99%", "98%"), b=NEW).warnings
    assert "it is still version 3" in warning


def test_what_is_looked_at_and_where_messages_go(folder: Folder) -> None:
    folder.look(a=OLD, b=NEW.replace("https://search", "https://new"))
    found = folder.running["Search"]
    assert sorted(found.probes) == ["probe", "probe@4"]
    assert {name: probe.source for name, probe in found.probes.items()} == {
        "probe": "probe",
        "probe@4": "probe@4",
    }
    # What others send comes by name, and is for both.
    assert found.pushed == {"sent"}
    begin = parse_instant("2026-03-04T00:00:00Z")
    assert found.at(begin - 1).agreement.version == 3
    assert found.at(begin).agreement.version == 4
    channel = found.at(begin - 1).channels["acme"]
    assert "old" in repr(getattr(channel, "address", ""))
    assert set(found.looked_at(begin + MINUTE)) == {"probe", "probe@4"}
    assert set(found.looked_at(begin + 3 * MINUTE)) == {"probe@4"}
    plan = found.lineage.shown(begin)
    assert [goal.name for goal in plan.goals] == ["available", "used", "working"]
    assert [source.name for source in plan.sources] == ["probe", "sent", "probe@4"]


def test_the_store_knows_what_is_in_no_file(folder: Folder, store: Store, clock: Any) -> None:
    config = Config(http=http())
    [old], [both] = side_by_side([agreement(OLD)]), [agreement(NEW)]
    recover(store, old, NOW)
    given, problems, _ = deploy_together(side_by_side([both]), config, {}, clock)
    assert problems == []
    whole = with_stored(store, given, config, {}, clock)
    assert [one.agreement.version for one in whole.versions] == [3, 4]
    assert whole.agreement.plan.judges_from is not None
    recover(store, whole.agreement, NOW + 60, [one.agreement for one in whole.before])
    # And so it stays, however often it starts.
    again = with_stored(store, given, config, {}, clock)
    assert [one.agreement.plan for one in again.versions] == [one.agreement.plan for one in whole.versions]
    following, _, _ = deploy_together(side_by_side([agreement(text(5, "2026-04-01"))]), config, {}, clock)
    assert [one.agreement.version for one in with_stored(store, following, config, {}, clock).versions] == [
        3,
        4,
        5,
    ]


def test_nobody_is_told_that_a_review_is_off_because_an_amendment_is_coming(store: Store) -> None:
    """M105: a meeting is the same through all versions."""
    agreements = side_by_side([agreement(OLD), agreement(NEW)])
    plans = [one.plan for one in agreements]
    recover(store, agreements[1], NOW, agreements[:1])
    meetings: dict[Any, Meeting] = {}
    # The review of February was called by version 3, and is yet to come; that of March is called by version 4.
    first = words_about_meetings(plans[1], meetings, NOW, in_turn(plans))
    assert {one.id.split("|")[1] for one in first} == {"v3", "v4"}
    assert all("invitation" in one.id for one in first)
    assert words_about_meetings(plans[1], meetings, NOW + DAY, in_turn(plans)) == []
    known = look_up(store, "Search", plans[1], NOW, in_turn(plans))
    assert not known.empty


def test_a_source_keeps_its_name_while_it_is_declared_alike() -> None:
    plan = agreement(OLD).plan
    probe, sent = plan.sources
    other = evolve(probe, every=2 * MINUTE)

    def version(number: int, *sources: Any) -> Any:
        return evolve(plan, version=number, sources=sources)

    assert stored_names(
        [
            version(3, probe, sent),
            version(4, other, evolve(sent, every=DAY)),
            version(5, other),
            version(6, probe),
        ]
    ) == [
        {"probe": "probe", "sent": "sent"},
        {"probe": "probe@4", "sent": "sent"},
        {"probe": "probe@4"},
        {"probe": "probe@6"},
    ]
    assert stored_names([version(3, probe), version(4), version(5, probe)])[2] == {"probe": "probe@5"}


def test_the_last_window_ends_where_the_calendar_says() -> None:
    before, after = side_by_side([agreement(OLD), agreement(NEW.replace("2026-03-04", "2026-03-04T06:00"))])
    assert judged_to(before.plan) == parse_instant("2026-03-05T00:00:00Z")
    assert judged_to(after.plan) is None
    lineage = Lineage(agreements=(before, after))
    assert lineage.at(0) is before
    under_way = agreement(text(4, "2026-03-04T06:00", tail=" for windows under way"))
    cut, _ = side_by_side([agreement(OLD), under_way])
    assert judged_to(cut.plan) == parse_instant("2026-03-04T06:00:00Z")
