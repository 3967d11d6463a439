"""The library as a program uses it: load, check, evaluate, and follow live."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

import wsla

START = datetime(2026, 3, 2, tzinfo=UTC)
TEXT = """\
agreement "Web shop" version 2 {
  effective 2026-01-01 until 2027-01-01 in "UTC"
  currency EUR

  party host "Host" provider
  party shop "Shop" consumer { email "it@shop.example" }

  source probe = push every 1m { elapsed elapsed in ms }

  metric up = probe.ok and probe.elapsed < 2s
  metric uptime = availability(up) each 1h

  goal available: host guarantees uptime >= 90% {
    otherwise credit shop 10 EUR
    otherwise notify shop
  }

  when not up for 2m { notify shop }
}
"""


@pytest.fixture(scope="module")
def agreement() -> wsla.Agreement:
    return wsla.loads(TEXT)


def minutes(down: range, count: int = 120) -> list[Mapping[str, object]]:
    """A row a minute from the start; in some the shop is down."""
    return [
        {
            "at": START + timedelta(minutes=minute),
            "ok": minute not in down,
            "elapsed": timedelta(milliseconds=80),
        }
        for minute in range(count)
    ]


# --- load and check


def test_load_reads_a_file_and_says_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "shop.sla"
    path.write_text(TEXT, "utf-8")
    agreement = wsla.load(path)
    assert (agreement.title, agreement.version, agreement.goals) == ("Web shop", 2, ("available",))
    assert agreement.warnings == ()


def test_check_gives_every_problem_with_its_place() -> None:
    found = wsla.check(
        TEXT.replace("uptime >= 90%", "uptme >= 90%").replace("for 2m", "for 2min"), "shop.sla"
    )
    assert [diagnostic.position[0] for diagnostic in found if diagnostic.severity.value == "error"] == [
        13,
        18,
    ]
    assert wsla.check(TEXT) == ()


def test_an_agreement_with_errors_is_not_loaded() -> None:
    with pytest.raises(wsla.AgreementError, match=r"shop\.sla:13:") as caught:
        wsla.loads(TEXT.replace("uptime >= 90%", "uptme >= 90%"), "shop.sla")
    assert [
        diagnostic.code for diagnostic in caught.value.diagnostics if diagnostic.severity.value == "error"
    ] == ["E0201"]


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        wsla.load(tmp_path / "gone.sla")


def test_a_text_with_two_agreements_has_to_be_taken_apart() -> None:
    with pytest.raises(ValueError, match="2 agreements"):
        wsla.loads(TEXT + TEXT.replace("Web shop", "Other shop"))


# --- evaluate


def test_evaluate_judges_rows(agreement: wsla.Agreement) -> None:
    # Six of sixty minutes are exactly the tenth that may be lost.
    report = wsla.evaluate(agreement, {"probe": minutes(range(10, 16))}, until=START + timedelta(hours=2))
    assert [judgement.verdict for judgement in report.judgements] == [wsla.Verdict.MET, wsla.Verdict.MET]
    assert report.judgements[0].value == Fraction(9, 10)
    assert report.judgements[0].budget_left == 0
    assert report.entries == ()
    late = wsla.evaluate(agreement, {"probe": minutes(range(10, 17))}, until=START + timedelta(hours=2))
    assert [judgement.verdict for judgement in late.judgements] == [wsla.Verdict.VIOLATED, wsla.Verdict.MET]
    (entry,) = late.entries
    assert (entry.debtor, entry.creditor, entry.amount, entry.currency) == (
        "host",
        "shop",
        Decimal("10.00"),
        "EUR",
    )
    assert [intent.verb for intent in late.intents] == ["notify", "notify"]
    assert [point.value.value for point in late.metrics["uptime"]] == [Fraction(53, 60), 1]


def test_evaluate_takes_observations_in_any_order_and_an_iterator(agreement: wsla.Agreement) -> None:
    rows = minutes(range(5))

    def observations() -> Iterator[wsla.Observation]:
        for minute in reversed(range(120)):
            at = agreement.instant(START + timedelta(minutes=minute))
            yield wsla.Observation(source="probe", at=at, fields={"ok": minute >= 5, "elapsed": 80_000_000})

    assert (
        wsla.evaluate(agreement, observations()).judgements
        == wsla.evaluate(agreement, {"probe": rows}).judgements
    )


def test_nothing_observed_is_nothing_judged(agreement: wsla.Agreement) -> None:
    assert wsla.evaluate(agreement, {"probe": []}).judgements == ()
    empty = wsla.evaluate(agreement, {}, start="2026-03-02T00:00", until="2026-03-02T02:00")
    assert [judgement.verdict for judgement in empty.judgements] == [wsla.Verdict.UNKNOWN] * 2


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"at": START, "ok": True, "elapsed": float("nan")}, "finite"),
        ({"at": START, "ok": "perhaps", "elapsed": 1}, "neither true nor false"),
        ({"at": datetime(2026, 3, 2), "ok": True, "elapsed": "5 parsecs"}, "elapsed"),
        ({"at": "yesterday", "ok": True, "elapsed": 1}, "yesterday"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_with_its_number(
    agreement: wsla.Agreement, row: dict[str, object], words: str
) -> None:
    good = {"at": START - timedelta(minutes=1), "ok": True, "elapsed": 1}
    with pytest.raises(wsla.EncodingError, match=f"row 2.*{words}"):
        wsla.evaluate(agreement, {"probe": [good, row]})


def test_an_unknown_source_or_field_is_refused(agreement: wsla.Agreement) -> None:
    with pytest.raises(KeyError):
        wsla.evaluate(agreement, {"prob": []})
    with pytest.raises(wsla.DataError, match="`ok`"):
        wsla.evaluate(agreement, {"probe": [{"at": START, "okay": True, "elapsed": 1}]})


def test_a_time_without_a_zone_is_of_the_agreements_zone_as_text_and_refused_as_datetime(
    agreement: wsla.Agreement,
) -> None:
    assert agreement.instant("2026-03-02T00:00") == agreement.instant(START)
    with pytest.raises(ValueError, match="zone"):
        agreement.instant(datetime(2026, 3, 2))


# --- Monitor


def test_a_monitor_says_what_changed_as_it_changes(agreement: wsla.Agreement) -> None:
    monitor = wsla.Monitor(agreement)
    standings: list[wsla.Verdict] = []
    told: list[wsla.Intent] = []
    for minute in range(60):
        changed = monitor.observe(
            "probe", START + timedelta(minutes=minute), ok=minute not in range(10, 17), elapsed=timedelta(0)
        )
        standings += [
            change.judgement.verdict for change in changed if isinstance(change, wsla.StandingChanged)
        ]
        told += [change for change in changed if isinstance(change, wsla.Intent)]
    assert standings[-2:] == [wsla.Verdict.AT_RISK, wsla.Verdict.LOST]
    assert [intent.at for intent in told] == [agreement.instant(START + timedelta(minutes=12))]


def test_a_monitor_closes_windows_when_time_passes(agreement: wsla.Agreement) -> None:
    monitor = wsla.Monitor(agreement)
    for minute in range(60):
        monitor.observe(
            "probe", START + timedelta(minutes=minute), ok=minute not in range(10, 17), elapsed="80ms"
        )
    early = monitor.advance("2026-03-02T01:09:59.999999999")
    assert not any(isinstance(change, wsla.JudgementFinal | wsla.LedgerEntry) for change in early)
    changed = monitor.advance("2026-03-02T01:10")
    finals = [change.judgement for change in changed if isinstance(change, wsla.JudgementFinal)]
    assert [(judgement.verdict, judgement.value) for judgement in finals] == [
        (wsla.Verdict.VIOLATED, Fraction(53, 60))
    ]
    assert [change.amount for change in changed if isinstance(change, wsla.LedgerEntry)] == [Decimal("10.00")]


def test_a_monitor_and_evaluate_say_the_same(agreement: wsla.Agreement) -> None:
    monitor = wsla.Monitor(agreement)
    changes = []
    for row in minutes(range(40, 50)):
        at = row["at"]
        assert isinstance(at, datetime)
        changes += monitor.observe("probe", at, ok=row["ok"], elapsed=row["elapsed"])
    changes += monitor.advance("2026-03-02T02:10")
    live = [change.judgement for change in changes if isinstance(change, wsla.JudgementFinal)]
    report = wsla.evaluate(agreement, {"probe": minutes(range(40, 50))}, until="2026-03-02T02:00")
    assert tuple(live) == report.judgements
    booked = [change for change in changes if isinstance(change, wsla.LedgerEntry)]
    assert tuple(booked) == report.entries


def test_a_monitor_refuses_what_does_not_fit_and_goes_on(agreement: wsla.Agreement) -> None:
    monitor = wsla.Monitor(agreement, start=START)
    monitor.observe("probe", START, ok=True, elapsed="80ms")
    with pytest.raises(KeyError):
        monitor.observe("prob", START + timedelta(minutes=1), ok=True)
    with pytest.raises(wsla.EncodingError, match=r"probe\.elapsed"):
        monitor.observe("probe", START + timedelta(minutes=1), ok=True, elapsed=float("nan"))
    with pytest.raises(wsla.EncodingError, match="okay"):
        monitor.observe("probe", START + timedelta(minutes=1), okay=True)
    monitor.observe("probe", START + timedelta(minutes=1), ok=True, elapsed="80ms")
    (standing,) = monitor.judgements(START + timedelta(minutes=2))
    assert standing.verdict is wsla.Verdict.ON_TRACK
    assert standing.coverage == Fraction(2, 60)


def changes_of_minutes(agreement: wsla.Agreement, rows: list[Mapping[str, object]]) -> list[object]:
    monitor = wsla.Monitor(agreement, start=START)
    found: list[object] = []
    for row in rows:
        at = row["at"]
        assert isinstance(at, datetime)
        found += monitor.observe("probe", at, ok=row["ok"], elapsed=row["elapsed"])
    return found


def test_columns_say_what_their_rows_say(agreement: wsla.Agreement) -> None:
    rows = minutes(range(40, 50), count=300)
    monitor = wsla.Monitor(agreement, start=START)
    found: list[object] = []
    for first in range(0, 300, 70):
        part = rows[first : first + 70]
        found += monitor.observe_many("probe", {name: [row[name] for row in part] for name in rows[0]})
    assert found == changes_of_minutes(agreement, rows)
    assert any(isinstance(change, wsla.LedgerEntry) for change in found)


@pytest.mark.parametrize("elapsed", [80, 80.5, "80ms", timedelta(milliseconds=80), Fraction(161, 2), None])
def test_columns_take_what_single_values_take(agreement: wsla.Agreement, elapsed: object) -> None:
    rows = [{**row, "elapsed": elapsed} for row in minutes(range(40, 50))]
    monitor = wsla.Monitor(agreement, start=START)
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    assert monitor.observe_many("probe", columns) == changes_of_minutes(agreement, rows)


def test_columns_may_be_arrays(agreement: wsla.Agreement) -> None:
    numpy = pytest.importorskip("numpy", reason="arrays need numpy")
    start = agreement.instant(START)
    instants = start + numpy.arange(120) * 60 * 10**9
    ok = numpy.arange(120) % 60 < 50
    rows = [
        {"at": START + timedelta(minutes=minute), "ok": minute % 60 < 50, "elapsed": 70 + minute}
        for minute in range(120)
    ]
    expected = changes_of_minutes(agreement, rows)
    for at in (instants, instants.astype("datetime64[ns]")):
        monitor = wsla.Monitor(agreement, start=START)
        columns = {"at": at, "ok": ok, "elapsed": 70 + numpy.arange(120)}
        assert monitor.observe_many("probe", columns) == expected
        assert monitor.observe_many("probe", {name: column[:0] for name, column in columns.items()}) == []


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"at": [START], "okay": [True]}, "no field `okay`"),
        ({"ok": [True]}, "no column `at`"),
        ({"at": [START], "ok": [True, False]}, "different lengths"),
        ({"at": [START, START], "ok": [True, "perhaps"]}, r"probe\.ok, row 2"),
        ({"at": [START, "soon"], "ok": [True, True]}, "row 2"),
        ({"at": [1.5], "ok": [True]}, "no instant"),
        ({"at": [START], "ok": [True], "elapsed": [float("nan")]}, r"probe\.elapsed, row 1"),
        ({"at": [START], "ok": [True], "elapsed": [2**70]}, "too large"),
    ],
)
def test_columns_that_do_not_fit_are_refused_whole(
    agreement: wsla.Agreement, columns: Mapping[str, object], message: str
) -> None:
    monitor = wsla.Monitor(agreement, start=START)
    with pytest.raises(wsla.EncodingError, match=message):
        monitor.observe_many("probe", columns)
    with pytest.raises(KeyError):
        monitor.observe_many("prob", {"at": [START]})
    assert monitor.observe("probe", START, ok=True, elapsed="80ms") == changes_of_minutes(
        agreement, minutes(range(0), count=1)
    )


# --- as a package


def test_every_public_name_is_there() -> None:
    assert sorted(wsla.__all__) == list(wsla.__all__)
    for name in wsla.__all__:
        assert getattr(wsla, name).__doc__, name
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = wsla.nothing_of_the_kind


def test_importing_it_loads_nothing_heavy() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, wsla; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(wsla.__path__[0]).parent,
    )
    assert not {"lark", "click", "httpx", "holidays", "polars", "rich"} & set(loaded.stdout.split())
    assert (Path(wsla.__path__[0]) / "py.typed").exists()
