"""`wsla explain FILE GOAL`: the chain from a verdict to what was observed, and to what followed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from wsla.store.sqlite import Store
from wsla.values.instants import DAY

from . import march

Run = Callable[..., Any]

REGIONS = """\
agreement "Regions" version 1 {
  effective 2026-03-01 until 2026-03-20 in "Europe/Berlin"
  currency EUR
  party host "Host" provider
  party shop "Shop" consumer { email "it@shop.example" }
  service web { fee 300 EUR per month }
  schedule maintenance { Monday 09:00-09:30 }
  schedule never { 2026-03-19 }
  source probe = csv "probe.csv" every 10m {
    at time
    label region
    ok reachable
  }
  metric uptime = availability(probe.ok) each day by region excluding maintenance
  metric down = downtime(probe.ok) each day by region excluding maintenance
  metric nothing = availability(probe.ok) each day by region during never
  goal reachable: host guarantees uptime >= 99% {  # the promise
    otherwise credit shop by uptime {
      >= 95%: 10% of web.fee
      else:   50% of web.fee
    } only above 5 EUR claimed within 30 days of window end
    otherwise credit shop 1 EUR per started 30m of down at most 2 EUR
    otherwise notify shop
  }
  goal counted_met: host guarantees uptime >= 99% { unknown time counts as met }
  goal counted_missed: host guarantees uptime >= 99% { unknown time counts as missed }
  goal left_open: host guarantees uptime >= 99% { unknown time is unknown }
  goal sparse: host guarantees uptime >= 99% { coverage 100% }
  goal when_busy: host guarantees uptime >= 99% provided down > 100h
  goal void: host guarantees nothing >= 99%
  cap credits to shop at 160 EUR each month
}
"""


@pytest.fixture(scope="module")
def regions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two regions, 1 to 4 March: eu is away from 08:00 to 10:00 on Monday the 2nd; of us nothing is known from 11:00
    to 13:00 on that day, and on the 3rd it is away from 6 to 7.
    """
    folder = tmp_path_factory.mktemp("regions")
    (folder / "regions.sla").write_text(REGIONS, "utf-8")
    rows = ["time,reachable,region"]
    for minute in range(0, 3 * 1440 + 720, 10):
        day, rest = divmod(minute, 1440)
        hour = rest // 60
        at = f"2026-03-{1 + day:02d}T{hour:02d}:{rest % 60:02d}:00+01:00"
        rows.append(f"{at},{str(not (day == 1 and 8 <= hour < 10)).lower()},eu")
        if not (day == 1 and 11 <= hour < 13):
            rows.append(f"{at},{str(not (day == 2 and hour == 6)).lower()},us")
    (folder / "probe.csv").write_text("\n".join(rows) + "\n", "utf-8")
    return folder


@pytest.fixture
def why(run_wsla: Run, regions: Path) -> Run:
    def run(goal: str, *arguments: object) -> Any:
        data = f"probe={regions / 'probe.csv'}"
        return run_wsla("explain", regions / "regions.sla", goal, "--data", data, *arguments)

    return run


def as_json(finished: Any) -> Any:
    assert finished.code == 0, finished.said
    return json.loads(finished.out)


def statements(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield tree
    for below in tree["because"]:
        yield from statements(below)


def of_kind(window: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one for one in statements(window["why"]) if one["kind"] == kind]


def test_the_chain_leads_from_the_goal_to_the_credit(why: Run, regions: Path) -> None:
    said = why("reachable", "--window", "2026-03-02", "--label", "region=eu").out
    path = regions / "regions.sla"
    line = next(number for number, text in enumerate(REGIONS.splitlines(), 1) if "goal reachable" in text)
    assert f"({path}:{line})" in said
    for words in (
        "goal reachable: host guarantees uptime >= 99%",
        "2026-03-02: 2026-03-02 00:00 to 2026-03-03 00:00, Europe/Berlin (region=eu)",
        "violated: `uptime >= 99%` does not hold",
        "the promise leaves 14m 6s of room: overspent by 1h 15m 54s",
        "of the 1d of this window 23h 30m count",
        "30m cut: maintenance, which is excluded",
        "22h good, 1h 30m bad, 0s unknown",
        "2026-03-02 08:00 to 09:00 (1h) bad: probe.ok = false",
        "2026-03-02 09:30 to 10:00 (30m) bad: probe.ok = false",
        "the line `else` of the table fits, as uptime is about 93.617%",
        "`50% of web.fee` is 150 EUR",
        "it has to be claimed before 2026-04-02 00:00",
        "3 blocks of 30m are started in 1h 30m",
        "Host owes Shop 2.00 EUR as a credit",
        "notify shop: due 2026-03-03 00:10",
    ):
        assert words in said
    assert "the promise\n" not in said, "a comment is not quoted"


def test_json_is_exact_and_its_keys_are_stable(why: Run) -> None:
    value = as_json(why("reachable", "--window", "2026-03-02", "--label", "region=eu", "--format", "json"))
    assert list(value) == ["agreement", "version", "zone", "goal", "windows", "others"]
    (window,) = value["windows"]
    assert list(window["why"]) == ["kind", "text", "place", "facts", "because"]
    (verdict,) = of_kind(window, "verdict")
    assert verdict["facts"] == {
        "verdict": "violated",
        "final": True,
        "decided_by": "upper bound",
        "rule": "M21",
    }
    assert Fraction(of_kind(window, "value")[0]["facts"]["value"]) == Fraction(44, 47)
    assert of_kind(window, "budget")[0]["facts"]["budget_left"] == str(-(75 * 60 + 54) * 10**9)
    table, *_ = of_kind(window, "table")
    assert table["facts"]["line"] == "2"
    first, second = of_kind(window, "credit")
    assert (first["facts"]["amount"], second["facts"]["amount"]) == ("150.00", "2.00")
    (evidence,) = of_kind(window, "evidence")
    assert evidence["facts"]["bad"] == str(90 * 60 * 10**9)
    assert set(evidence["timeline"]) == {"good", "bad", "nothing"}


def test_what_a_cap_takes_back_is_told(why: Run) -> None:
    value = as_json(why("reachable", "--window", "2026-03-03", "--label", "region=us", "--format", "json"))
    first, second = of_kind(value["windows"][0], "credit")
    # 152 of 160 EUR were used up the day before.
    assert (first["facts"]["booked"], first["facts"]["taken_back"], first["facts"]["amount"]) == (
        "30.00",
        "22.00",
        "8.00",
    )
    assert (second["facts"]["taken_back"], second["facts"]["amount"]) == ("2.00", "0.00")
    assert "above the cap of 160.00 EUR in 2026-03" in of_kind(value["windows"][0], "cap")[0]["text"]


@pytest.mark.parametrize(
    ("goal", "verdict", "decided"),
    [
        # Of 23h 30m two hours are unknown: 91.5% are known, all of it good.
        ("reachable", "met", "value"),
        ("counted_met", "met", "policy"),
        ("counted_missed", "violated", "policy"),
        ("left_open", "unknown", "policy"),
        ("sparse", "unknown", "coverage"),
        ("when_busy", "not applicable", "provided"),
    ],
)
def test_what_decides_where_something_is_unknown(why: Run, goal: str, verdict: str, decided: str) -> None:
    """M21, policy by policy."""
    value = as_json(why(goal, "--window", "2026-03-02", "--label", "region=us", "--format", "json"))
    (found,) = of_kind(value["windows"][0], "verdict")
    assert (found["facts"]["verdict"], found["facts"]["decided_by"]) == (verdict, decided)


def test_the_worst_combination_of_labels_comes_first(why: Run) -> None:
    value = as_json(why("reachable", "--window", "2026-03", "--format", "json", "--most", "3"))
    assert [(one["window"], one["labels"]["region"], one["verdict"]) for one in value["windows"]] == [
        ("2026-03-02", "eu", "violated"),
        ("2026-03-03", "us", "violated"),
        ("2026-03-04", "eu", "on track"),
    ]
    assert len(value["others"]) == 5
    said = why("reachable", "--window", "2026-03", "--most", "1").out
    assert "and 7 more windows (1 violated, 2 on track, 4 met)" in said


def test_an_open_window_says_what_would_change_it(why: Run) -> None:
    """M22."""
    said = why("reachable", "--label", "region=eu").out
    assert "2026-03-04" in said
    assert "it is lost once more than 14m 24s more is bad" in " ".join(said.split())
    earlier = why("reachable", "--label", "region=eu", "--until", "2026-03-02T08:10").out
    assert "it is kept if no more than 4m 6s more is bad" in " ".join(earlier.split())
    lost = why("reachable", "--label", "region=eu", "--until", "2026-03-02T12:00").out
    assert "nothing can make it hold any more" in " ".join(lost.split())


def test_an_instant_means_the_window_that_contains_it(why: Run) -> None:
    for at, day in (("2026-03-02T00:00", "2026-03-02"), ("2026-03-01T23:59:59", "2026-03-01")):
        value = as_json(why("reachable", "--window", f"at {at}", "--format", "json"))
        assert {one["window"] for one in value["windows"]} == {day}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("reachabel",), 2, "did you mean `reachable`?"),
        (("reachable", "--window", "last month"), 2, "names no period such as"),
        (("reachable", "--window", "at noon"), 2, "is not a time"),
        (("reachable", "--window", "2026-02"), 1, "outside of the term of “Regions”, which has not begun"),
        (("reachable", "--window", "2026-03-20"), 1, "outside of the term of “Regions”, which has ended"),
        (("reachable", "--window", "2026-03-10"), 1, "nothing was observed in 2026-03-10"),
        (("reachable", "--label", "region=asia"), 1, "there is region=eu, region=us"),
        (("reachable", "--label", "country=de"), 2, "has no label `country`; it has region"),
        (("reachable", "--label", "eu"), 2, "--label takes NAME=VALUE"),
        (("void", "--window", "2026-03-02"), 1, "none of that time counts for it"),
        (("reachable", "--most", "0"), 2, "--most is at least 1"),
        (("reachable", "--until", "2025-01-01"), 2, "--until is not after --from"),
    ],
)
def test_what_cannot_be_explained_is_one_message(
    why: Run, arguments: tuple[str, ...], code: int, words: str
) -> None:
    finished = why(*arguments)
    assert (finished.code, finished.out) == (code, "")
    assert words in finished.err


def test_a_file_without_a_goal_names_the_goals(run_wsla: Run, regions: Path) -> None:
    finished = run_wsla("explain", regions / "regions.sla")
    assert finished.code == 2
    assert "reachable, counted_met" in finished.err
    assert run_wsla("explain", regions / "gone.sla", "reachable").code == 1
    assert run_wsla("explain", "E0302", "--window", "2026-03").code == 2
    assert run_wsla("explain", regions / "regions.sla", "reachable", "--zone", "UTC").code == 2


# --- the store


@pytest.fixture(scope="module")
def parcels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parcels")
    march.fill(folder / "wsla.db")
    (folder / "parcels.sla").write_text(march.TEXT, "utf-8")
    return folder


def test_the_store_knows_what_was_booked_and_sent(run_wsla: Run, parcels: Path) -> None:
    finished = run_wsla(
        "explain",
        parcels / "parcels.sla",
        "reachable",
        "--store",
        parcels / "wsla.db",
        "--window",
        "2026-03-10",
    )
    assert finished.code == 0, finished.said
    # The month in which the day lies.
    assert "2026-03: 2026-03-01 00:00 to 2026-04-01 00:00, Europe/Madrid" in finished.out
    assert "2026-03-10 06:00 to 12:00 (6h) bad: probe.ok = false" in finished.out
    assert "Rápido Parcels owes Corner Store 60.00 EUR as a credit" in finished.out
    assert "to carrier: pending" in finished.out


def test_a_store_without_the_agreement_is_one_message(run_wsla: Run, parcels: Path, regions: Path) -> None:
    finished = run_wsla("explain", regions / "regions.sla", "reachable", "--store", parcels / "wsla.db")
    assert (finished.code, finished.out) == (1, "")
    assert "holds no agreement “Regions”" in finished.err


def test_another_text_than_the_one_in_force_is_remarked(run_wsla: Run, parcels: Path, tmp_path: Path) -> None:
    other = tmp_path / "parcels.sla"
    other.write_text(march.TEXT.replace("99.5%", "99%"), "utf-8")
    finished = run_wsla("explain", other, "reachable", "--store", parcels / "wsla.db", "--window", "2026-03")
    assert finished.code == 0
    assert "is not the text that the daemon runs" in finished.err
    assert "uptime >= 99.5%" in finished.out


def test_what_is_no_longer_kept_is_noted(run_wsla: Run, tmp_path: Path) -> None:
    path = tmp_path / "wsla.db"
    found = march.fill(path)
    (tmp_path / "parcels.sla").write_text(march.TEXT, "utf-8")
    arguments = ("explain", tmp_path / "parcels.sla", "reachable", "--store", path, "--window", "2026-04")
    assert "are kept" not in run_wsla(*arguments).err
    with Store.open(str(path), writer=True) as store:
        until = found.instant("2026-03-08")
        store.thin(store.streams_to_thin(march.TITLE, until, 0, 9), until, DAY)
    finished = run_wsla(*arguments)
    assert finished.code == 0, finished.said
    assert "not all observations before 2026-03-08T00:00:00+01:00 are kept" in finished.err
