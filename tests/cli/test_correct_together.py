"""`wsla correct` with agreements that stand on the one corrected (M106): what they observed of it is another now."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from wsla.api import judge, loads
from wsla.daemon.verdicts import VerdictFollower
from wsla.remedies.ledger import balances
from wsla.reporting.correcting import reconsider
from wsla.reporting.standing_on import reconsider_together
from wsla.reporting.stored import EARLIEST, LATEST
from wsla.store.records import Batch, Judged, Observed
from wsla.store.sqlite import Store
from wsla.values.instants import DAY, HOUR
from wsla.values.observations import Observation

from . import levels, march
from .test_correct import KILLED

Run = Callable[..., Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "wsla.db"
    levels.fill(path)
    return path


def correct(run_wsla: Run, path: Path, title: str = levels.BASE, *more: str) -> Any:
    done = run_wsla("correct", title, "--store", path, "--at", levels.AT, *more)
    assert done.code == 0, done.said
    return done


def everything(path: Path) -> list[Any]:
    """What the store holds that a correction adds to."""
    with Store.open(str(path), writer=False) as store:
        return [
            (title, list(store.links(title)), list(store.observations(title, EARLIEST, LATEST)))
            for title in levels.TEXTS
        ]


def owed(path: Path) -> Any:
    with Store.open(str(path), writer=False) as store:
        return balances([one for _, one in store.entries(None, EARLIEST, LATEST)])


def standing(path: Path, title: str) -> dict[str, set[str]]:
    """By goal every verdict that stands on a window of the first day's morning, or on that day."""
    with Store.open(str(path), writer=False) as store:
        said = {
            (one.goal, one.window): one.verdict.value
            for one in store.judgements(title, levels.DOWN, levels.UP_AGAIN)
        }
        said |= {(one.goal, one.window): one.verdict.value for _, one in store.corrections(title)}
    found: dict[str, set[str]] = {}
    for (goal, _), verdict in said.items():
        found.setdefault(goal, set()).add(verdict)
    return found


def test_whoever_stands_on_a_verdict_is_corrected_with_it_level_by_level(run_wsla: Run, path: Path) -> None:
    assert standing(path, levels.ABOVE) == {name: {"violated"} for name in ("standing", "keeping", "few")}
    assert standing(path, levels.TOP) == {"whole": {"violated"}}
    assert owed(path)
    before = everything(path)
    dry = correct(run_wsla, path, levels.BASE, "--dry-run")
    assert "adjustment: globex owes acme 100.00 EUR" in dry.out
    assert dry.out.endswith("nothing was noted: this was a dry run\n")
    assert everything(path) == before
    done = correct(run_wsla, path)
    assert "“Web shop”: 3 verdicts that it stands on are others now" in done.out
    assert "“Group”: 1 verdict that it stands on is another now" in done.out
    assert standing(path, levels.ABOVE) == {name: {"met"} for name in ("standing", "keeping", "few")}
    assert standing(path, levels.TOP) == {"whole": {"met"}}
    assert not owed(path)
    assert run_wsla("verify", path).code == 0
    # Whoever was told of the verdicts is told of the correction, once.
    with Store.open(str(path), writer=False) as store:
        told = [
            (key, one.cause) for key, one in store.intents(None, EARLIEST, LATEST) if "correction" in one.id
        ]
    assert sorted(told) == [
        (levels.BASE, "available"),
        (levels.BASE, "short"),
        (levels.TOP, "whole"),
        (levels.ABOVE, "standing"),
    ]


def test_done_again_from_any_level_it_changes_nothing(run_wsla: Run, path: Path) -> None:
    correct(run_wsla, path)
    after = everything(path)
    with Store.open(str(path), writer=False) as store:
        # Nothing waits for a correction, so that nothing is kept for one.
        assert [store.earliest_uncorrected(title) for title in levels.TEXTS] == [None] * 3
    for title in levels.TEXTS:
        done = correct(run_wsla, path, title)
        assert "came too late; nothing to correct" in done.out
        assert done.out.count("\n") == 1
        assert everything(path) == after


def test_what_stands_is_what_history_gives(run_wsla: Run, path: Path, tmp_path: Path) -> None:
    """By the language's rules: judged as if the base had been observed in time."""
    correct(run_wsla, path)
    anew = tmp_path / "anew.db"
    levels.fill(anew, late=False)
    with Store.open(str(path), writer=False) as store, Store.open(str(anew), writer=True) as other:
        for title in (levels.ABOVE, levels.TOP):
            agreement = levels.agreement(title)
            stands = list(store.observations_that_stand(title))
            report = judge(agreement, stands, levels.START, levels.UNTIL)
            said = {
                (one.goal, one.window): one.verdict
                for one in store.judgements(title, EARLIEST, LATEST, final_only=True)
            }
            said |= {(one.goal, one.window): one.verdict for _, one in store.corrections(title)}
            found = {(one.goal, one.window): one.verdict for one in report.judgements}
            assert said == {window: found[window] for window in said}
            # Only what was observed otherwise is another observation: no window is there twice.
            plain = list(other.observations(title, EARLIEST, LATEST))
            gone = title == levels.ABOVE
            assert len(stands) == len(plain) - gone


@pytest.mark.parametrize("point", ["mid-write", "before-commit", "after-commit"])
def test_killed_in_the_middle_all_of_it_is_done_or_nothing(run_wsla: Run, path: Path, point: str) -> None:
    before = everything(path)
    arguments = [point, levels.BASE, "--store", str(path), "--at", levels.AT]
    child = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True, check=False)
    assert child.returncode == -signal.SIGKILL, child.stderr.decode()
    if point == "after-commit":
        assert not owed(path)
    else:
        assert everything(path) == before
    correct(run_wsla, path)
    assert not owed(path)
    assert run_wsla("verify", path).code == 0


def test_what_was_corrected_alone_is_followed_by_the_next_correction(run_wsla: Run, path: Path) -> None:
    """As an earlier wsla did it, or a daemon that observed a verdict in the moment of its correction."""
    with Store.open(str(path), writer=False, beside=True) as store:
        at = levels.agreement(levels.BASE).instant(levels.AT)
        store.write(reconsider(store, levels.BASE, levels.agreement(levels.BASE), at).batch())
    assert standing(path, levels.ABOVE)["standing"] == {"violated"}
    done = correct(run_wsla, path, levels.ABOVE)
    assert done.out.startswith(" ") or "3 verdicts that it stands on are others now" in done.out
    assert not owed(path)
    assert standing(path, levels.TOP) == {"whole": {"met"}}


def test_json_says_all_of_it(run_wsla: Run, path: Path) -> None:
    found = json.loads(correct(run_wsla, path, levels.BASE, "--format", "json").out)
    assert [(one["agreement"], one["late"], one["verdicts"]) for one in found["corrections"]] == [
        (levels.BASE, 5, 0),
        (levels.ABOVE, 0, 3),
        (levels.TOP, 0, 1),
    ]
    base, above, top = found["corrections"]
    assert [pair["is"] and pair["is"]["verdict"] for pair in base["changed"]] == ["met", None]
    assert {(pair["was"]["verdict"], pair["is"]["verdict"]) for pair in above["changed"]} == {
        ("violated", "met")
    }
    assert [one["amount"] for one in top["entries"]] == ["100.00"]
    assert [one["targets"] for one in top["notices"]] == [["globex"]]
    assert (found["dry_run"], found["again"], found["unreadable"]) == (False, [], [])


def test_a_window_that_is_no_more_is_corrected_once(run_wsla: Run, path: Path) -> None:
    """Late data took the outage away: there is news of it once, and who was told of it is told."""
    first = correct(run_wsla, path)
    assert "no window any more" in first.out
    again = correct(run_wsla, path)
    assert "no window any more" not in again.out
    assert "nothing to correct" in again.out
    with Store.open(str(path), writer=False) as store:
        [notice] = [one for _, one in store.intents(levels.BASE, EARLIEST, LATEST) if one.cause == "short"][
            1:
        ]
        [gone] = [one for one in store.rejudged(levels.BASE) if not one.exists]
    assert notice.subject.startswith("Corrected: Database OLA: short not applicable in the outage from ")
    assert "Said before: violated. There is no such window any more." in notice.text
    assert gone.judgement.goal == "short"
    report = json.loads(
        run_wsla("report", levels.BASE, "--store", path, "--window", "2026-03", "--format", "json").out
        or "{}"
    )
    assert report == {} or "not applicable" in json.dumps(report)


def test_a_verdict_that_is_corrected_twice_is_followed_twice(run_wsla: Run, path: Path) -> None:
    """Down again but for moments, by what came later still: the hour is missed, and there is no outage."""
    correct(run_wsla, path)
    looks = tuple(
        Observed(
            levels.BASE, Observation(source="probe", at=at + 2, fields={"ok": False}), levels.UNTIL, late=True
        )
        for at in range(levels.DOWN, levels.UP_AGAIN, HOUR // 6)
    )
    with Store.open(str(path), writer=False, beside=True) as store:
        store.write(Batch(observations=looks))
    correct(run_wsla, path)
    assert standing(path, levels.ABOVE) == {"standing": {"violated"}, "keeping": {"violated"}, "few": {"met"}}
    assert standing(path, levels.TOP) == {"whole": {"violated"}}
    after = everything(path)
    correct(run_wsla, path)
    assert everything(path) == after
    assert run_wsla("verify", path).code == 0


def test_who_observed_a_verdict_later_observed_it_as_it_stood(run_wsla: Run, tmp_path: Path) -> None:
    path = tmp_path / "wsla.db"
    levels.fill(path, [levels.BASE])
    correct(run_wsla, path)
    rows = {}
    for target in levels.targets(levels.ABOVE):
        follower = VerdictFollower(target, str(path), lambda *_: None)
        follower.begin(None, levels.START)
        found = follower.look(levels.UNTIL)
        rows[target.source] = found.rows
        # The same again from the place that was kept, as after a start.
        follower.begin(found.place, levels.START)
        assert {row[:2] for row in follower.look(levels.UNTIL).rows} <= {row[:2] for row in found.rows}
    assert {row[2].fields["met"] for row in rows["database"]} == {True}
    assert rows["outages"] == ()
    with Store.open(str(path), writer=True) as store:
        levels.keep(store, levels.ABOVE)
    # The fixture observes what was said first, as a daemon may have, and is corrected; nobody else is.
    assert "3 verdicts" in correct(run_wsla, path).out


def test_windows_from_before_an_agreement_was_kept_are_not_observed_by_a_correction(
    run_wsla: Run, tmp_path: Path
) -> None:
    path = tmp_path / "wsla.db"
    levels.fill(path, [levels.BASE])
    with Store.open(str(path), writer=True) as store:
        levels.keep(store, levels.ABOVE, levels.START + DAY)
    done = correct(run_wsla, path)
    assert "Web shop" not in done.out
    with Store.open(str(path), writer=False) as store:
        assert store.versions(levels.ABOVE) == {}


def test_final_verdicts_alone_are_corrected_and_the_others_by_the_next(run_wsla: Run, path: Path) -> None:
    """M97 for each agreement by itself: the days' verdicts of the topmost are not there yet."""
    with Store.open(str(path), writer=True) as store:
        said = tuple(Judged(levels.TOP, one) for one in store.judgements(levels.TOP, EARLIEST, LATEST))
        with store._session.transaction() as connection:
            connection.execute(
                "DELETE FROM judgements WHERE agreement_id = (SELECT id FROM agreements WHERE key = ?)",
                (levels.TOP,),
            )
            connection.execute("DELETE FROM entries WHERE id LIKE ?", (f"{levels.TOP}|%",))
    done = correct(run_wsla, path)
    assert "“Group”: 1 verdict that it stands on is another now; nothing to correct" in done.out
    # It was said by the old verdict then (M96), and the next correction of it puts that right.
    with Store.open(str(path), writer=False, beside=True) as store:
        store.write(Batch(judgements=said))
    assert "whole" in correct(run_wsla, path, levels.TOP).out
    assert standing(path, levels.TOP) == {"whole": {"met"}}


CIRCLE = """agreement "Circle" version 1 {
  effective 2026-01-01 in "UTC"
  party acme   "Acme"   provider { email "sla@acme.example" }
  party globex "Globex" consumer { email "sla@globex.example" }
  grace 1d
  source shop = verdicts "Web shop" "standing" { holds 6h }
  metric up = availability(shop.met) each day
  goal whole: acme guarantees up >= 99%
}
"""


def test_a_circle_is_gone_round_once_and_told(
    run_wsla: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "wsla.db"
    shop = levels.TEXTS[levels.ABOVE].replace(
        "  metric up   ", '  source circle = verdicts "Circle" "whole" { holds 1d }\n  metric up   '
    )
    shop = shop.replace(
        "  goal few:", "  metric round = availability(circle.met) each day\n  goal few:"
    ).replace("  goal few:", "  goal round_again: acme guarantees round >= 99%\n  goal few:")
    monkeypatch.setitem(levels.TEXTS, levels.ABOVE, shop)
    monkeypatch.setitem(levels.TEXTS, "Circle", CIRCLE)
    levels.fill(path, [levels.BASE, levels.ABOVE, "Circle"])
    done = correct(run_wsla, path)
    assert "“Circle”: 1 verdict that it stands on is another now" in done.out
    assert "note: “Web shop” stands on what was corrected after it: correct it once more" in done.err
    assert not correct(run_wsla, path, levels.ABOVE).err
    after = [one for one in everything(path) if one[0] != "Circle"]
    correct(run_wsla, path)
    assert [one for one in everything(path) if one[0] != "Circle"] == after


def test_a_text_that_is_no_longer_accepted_is_named(run_wsla: Run, path: Path) -> None:
    with Store.open(str(path), writer=True) as store:
        store.register_agreement(
            levels.TOP,
            title=levels.TOP,
            version=2,
            text=f"{levels.TEXTS[levels.TOP]} what is this",
            sha256="another",
            at=levels.UNTIL,
        )
    done = correct(run_wsla, path)
    assert "whether “Group” stands on this is not known: its text is no longer accepted" in done.err
    assert "Web shop" in done.out


def test_a_source_that_is_bound_to_something_else_is_not_followed(run_wsla: Run, path: Path) -> None:
    from wsla.store.records import Place

    with Store.open(str(path), writer=True) as store:
        place = Place(levels.TOP, "shop", {"kind": "csv", "place": None})
        store.write(Batch(places=(place,)))
    assert "Group" not in correct(run_wsla, path).out


def test_what_is_looked_at_is_in_order_and_every_version_once(path: Path) -> None:
    with Store.open(str(path), writer=False, beside=True) as store:
        agreement = levels.agreement(levels.BASE)
        seen = reconsider_together(store, levels.BASE, agreement, agreement.instant(levels.AT))
        versions = seen.corrections[1].versions
        ahead = list(store.observations_that_stand(levels.ABOVE, versions))
        store.write(seen.batch())
        stored = list(store.observations_that_stand(levels.ABOVE))
        assert stored == ahead or sorted(map(repr, stored)) == sorted(map(repr, ahead))
        assert all(one.at <= other.at for one, other in pairwise(ahead))
        assert len(list(store.observations(levels.ABOVE, EARLIEST, LATEST))) == len(stored) + 2 + 2


def test_march_has_nobody_on_it(run_wsla: Run, tmp_path: Path) -> None:
    path = tmp_path / "wsla.db"
    march.fill(path)
    with Store.open(str(path), writer=False) as store:
        at = march.agreement().instant("2026-04-10T12:00")
        seen = reconsider_together(store, march.TITLE, loads(march.TEXT), at)
    assert [one.key for one in seen.corrections] == [march.TITLE]
