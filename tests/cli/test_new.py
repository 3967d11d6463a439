"""`wsla new`: whatever is answered, the agreement checks without a remark and its tests pass."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wsla.analysis.check import check_text
from wsla.cli import new_answers as reading
from wsla.cli.new_answers import Answers, Unfit
from wsla.cli.new_text import agreement_text, identifier, party_names
from wsla.diagnostics.source import SourceText
from wsla.plan.build import build_plan
from wsla.syntax.formatter import format_document
from wsla.syntax.parse import parse, reserved_words
from wsla.testing.examples import run_example
from wsla.values.calendars import CalendarUnit

Run = Callable[..., Any]
ODD_TITLES = [
    'Acme "Gold"',
    "two\nlines\r\nand a\ttab",
    "back\\slash\\",
    "# no comment",
    "agreement",
    "when",
    "日本",
    "Größe & Söhne",
    "99 red balloons",
    "{}",
    "main",
    "up",
    "provider",
    "_",
    "x",
]
ZONES = ["UTC", "Europe/Berlin", "America/Havana", "Pacific/Apia", "Africa/Cairo", "Australia/Lord_Howe"]


def demand_good(text: str) -> None:
    """No diagnostics, the standard form, and at least one test, all of which pass."""
    source = SourceText(name="new.sla", text=text)
    agreements, problems = check_text(source)
    assert problems == (), text
    document, _ = parse(source)
    assert format_document(document, source) == text
    (agreement,) = agreements
    assert agreement.examples
    plan = build_plan(agreement)
    for one in agreement.examples:
        assert run_example(agreement, one, plan).failures == (), text


def answers(**changes: Any) -> Answers:
    """Usual answers with some changed; tiers are those usual for the goal, where there is a fee."""
    said: dict[str, Any] = {
        "title": "Shop",
        "kind": "customer",
        "provider": "Host Ltd",
        "consumer": "Bakery",
        "zone": "UTC",
        "start": date(2026, 1, 1),
        "measure": "file",
        "place": "samples.csv",
        "within": 0,
        "goal": Fraction(99, 100),
        "each": CalendarUnit.MONTH,
        "fee": (Fraction(1000), "EUR"),
    } | changes
    if "tiers" not in said:
        usual = reading.usual_tiers(said["goal"])
        said["tiers"] = reading.tiers_reader(said["goal"])(usual) if said["fee"] else ()
    return Answers(**said)


@pytest.mark.parametrize(
    ("measure", "each", "goal"),
    list(product(["tickets", "file"], CalendarUnit, ["0.0000000001%", "5%", "90%", "99.99999%", "100%"])),
)
def test_every_combination_of_what_is_read_from_files(measure: str, each: CalendarUnit, goal: str) -> None:
    for kind, fee in zip(reading.KINDS, [(Fraction(2000), "EUR"), None, (Fraction(1), "JPY")], strict=True):
        said = answers(
            measure=measure,
            place="data.jsonl",
            within=reading.read_within("8h"),
            each=each,
            goal=reading.read_goal(goal),
            kind=kind,
            fee=fee,
        )
        demand_good(agreement_text(said))


@pytest.mark.parametrize(
    ("each", "goal", "fee"),
    [
        ("day", "100%", "10 USD"),
        ("day", "99.9%", None),
        ("day", "0.1%", "10 KWD"),
        ("week", "99.5%", "10 USD"),
        ("week", "99.9%", None),
        ("month", "99.9%", "2000 EUR"),
        ("quarter", "95%", None),
        ("year", "50%", "0.01 EUR"),
    ],
)
def test_an_address_over_every_period(each: str, goal: str, fee: str | None) -> None:
    said = answers(
        measure="http",
        place="https://shop.example/health?a=%20&b=#top",
        each=reading.read_period(each),
        goal=reading.read_goal(goal),
        fee=fee and reading.read_fee(fee),
        zone="Europe/Berlin",
    )
    demand_good(agreement_text(said))


titles = st.one_of(st.sampled_from(ODD_TITLES), st.text(max_size=40)).map(
    lambda text: re.sub("[\ud800-\udfff]", "", text)
)


@settings(max_examples=40)
@given(
    title=titles,
    provider=titles,
    consumer=titles,
    zone=st.sampled_from(ZONES),
    start=st.dates(date(2000, 1, 1), date(2199, 12, 31)),
    measure=st.sampled_from(["tickets", "file"]),
    each=st.sampled_from(CalendarUnit),
    goal=st.integers(1, 10**6).map(lambda parts: Fraction(parts, 10**6)),
    within=st.integers(1, 366 * 24 * 60).map(lambda minutes: minutes * 60 * 10**9),
    cents=st.none() | st.integers(1, 10**9),
)
@example(
    title='"', provider="\n", consumer="x\x00", zone="UTC", start=date(2011, 12, 28), measure="file",
    each=CalendarUnit.DAY, goal=Fraction(1), within=60 * 10**9, cents=1,
)  # fmt: skip
@example(
    title="A", provider="A", consumer="A", zone="Pacific/Apia", start=date(2011, 12, 30), measure="tickets",
    each=CalendarUnit.DAY, goal=Fraction(1, 2), within=60 * 10**9, cents=None,
)  # fmt: skip
def test_whatever_is_answered(
    title: str,
    provider: str,
    consumer: str,
    zone: str,
    start: date,
    measure: str,
    each: CalendarUnit,
    goal: Fraction,
    within: int,
    cents: int | None,
) -> None:
    try:
        title, provider, consumer = map(reading.read_title, (title, provider, consumer))
    except Unfit:
        return
    text = agreement_text(
        answers(
            title=title,
            provider=provider,
            consumer=consumer,
            zone=zone,
            start=start,
            measure=measure,
            place='my "data".csv',
            each=each,
            goal=goal,
            within=within,
            fee=cents and (Fraction(cents, 100), "EUR"),
        )
    )
    demand_good(text)
    document, _ = parse(SourceText(name="new.sla", text=text))
    assert document.items[0].title.value == title


@given(titles, titles)
def test_names_are_names(provider: str, consumer: str) -> None:
    names = party_names(provider, consumer)
    assert len(set(names)) == 2
    for name in names:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert name not in reserved_words()


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Acme Cloud GmbH", "acme_cloud_gmbh"),
        ("Größe", "grosse"),
        ("Łódź 24", "lodz_24"),
        ("24 hours", "hours"),
        ("O'Neill", "oneill"),
        ("日本", ""),
    ],
)
def test_identifiers(title: str, name: str) -> None:
    assert identifier(title) == name


@pytest.mark.parametrize(
    ("pair", "names"),
    [
        (("Acme Cloud", "Globex AG"), ("acme", "globex")),
        (("Acme Cloud", "Acme Ltd"), ("acme", "acme_ltd")),
        (("Acme", "Acme"), ("acme", "consumer")),
        (("When", "Monday"), ("provider", "consumer")),
        (("Consumer", "Consumer"), ("consumer", "consumer_party")),
        (("日本", "x"), ("provider", "consumer")),
    ],
)
def test_names_of_parties(pair: tuple[str, str], names: tuple[str, str]) -> None:
    assert party_names(*pair) == names


# --- the verb


@pytest.mark.parametrize("measure", reading.MEASURES)
def test_all_that_is_usual(run_wsla: Run, tmp_path: Path, measure: str) -> None:
    path = tmp_path / "new.sla"
    finished = run_wsla("new", "--yes", "--measure", measure, path)
    assert (finished.code, finished.out) == (0, "")
    assert "wsla test" in finished.err
    assert run_wsla("check", path, "--format", "json").out == "[]\n"
    assert run_wsla("test", path).code == 0
    assert run_wsla("fmt", "--check", path).code == 0


@pytest.mark.parametrize("file", [["-"], []])
def test_to_standard_output(
    run_wsla: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    finished = run_wsla("new", "-y", "--title", "Parcels", "--start", "2026-02-03", *file)
    assert finished.code == 0
    assert finished.err == ""
    assert 'agreement "Parcels" version 1' in finished.out
    assert 'effective 2026-02-03 in "UTC"' in finished.out
    assert "in 2026-03" in finished.out
    assert list(tmp_path.iterdir()) == []


def test_options_are_taken(run_wsla: Run) -> None:
    words = "--provider Acme --consumer Globex --zone Europe/Rome --measure tickets --file t.parquet"
    finished = run_wsla(
        "new",
        "-y",
        *words.split(),
        "--within",
        "90m",
        "--each",
        "week",
        "--goal",
        "95%",
        "--fee",
        "7.5 chf",
        "--tiers",
        "5%, 50%: 100%",
    )
    assert finished.code == 0, finished.err
    for line in (
        'party acme "Acme" provider',
        "currency CHF",
        'records parquet "t.parquet"',
        "share(resolution <= 90m) each week",
        "acme guarantees on_time >= 95%",
        ">= 50%: 5% of main.fee",
        "fee 7.5 CHF per month",
        "cap credits to globex at 100% of main.fee each month",
    ):
        assert line in re.sub(" +", " ", finished.out)


def test_without_credits_money_is_not_spoken_of(run_wsla: Run) -> None:
    for arguments in (["--no-credit"], ["--kind", "internal"]):
        finished = run_wsla("new", "-y", *arguments)
        assert finished.code == 0
        assert not re.search("credit|currency|fee", finished.out)
    assert "credit consumer" in run_wsla("new", "-y", "--kind", "internal", "--credit").out


def test_a_file_is_never_overwritten_without_force(run_wsla: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.sla"
    path.write_text("mine", "utf-8")
    finished = run_wsla("new", "--yes", path)
    assert finished.code == 1
    assert "--force" in finished.err
    assert path.read_text("utf-8") == "mine"
    assert run_wsla("new", "--yes", "--force", path).code == 0
    assert path.read_text("utf-8").startswith("# Begun")


def test_a_file_that_cannot_be_written(run_wsla: Run, tmp_path: Path) -> None:
    finished = run_wsla("new", "--yes", tmp_path / "gone" / "new.sla")
    assert finished.code == 1
    assert "cannot be written" in finished.err
    finished = run_wsla("new", "--yes", "--force", tmp_path)
    assert finished.code == 2
    assert "ends in .sla" in finished.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--title", "  "], "--title: it cannot be empty"),
        (["--title", "x" * 201], "at most 200 characters"),
        (["--title", "a\x07b"], "U+0007"),
        (["--kind", "custmer"], "did you mean customer?"),
        (["--zone", "Europe/Brelin"], "did you mean Europe/Berlin"),
        (["--start", "01.02.2026"], "such as 2026-01-01"),
        (["--start", "1999-12-31"], "between 2000 and 2199"),
        (["--measure", "htp"], "did you mean http?"),
        (["--url", "shop.example"], "is not a web address"),
        (["--url", "https://"], "is not a web address"),
        (["--url", "https://a:b@shop.example/"], "password"),
        (["--url", "https://shop.example/a b"], "without blanks"),
        (["--url", "https://[::1"], "is not a web address"),
        (["--measure", "file", "--file", "data.xlsx"], ".csv, .jsonl or .parquet"),
        (["--measure", "file", "--file", ".csv"], ".csv, .jsonl or .parquet"),
        (["--measure", "tickets", "--within", "8 apples"], "is not a unit"),
        (["--measure", "tickets", "--within", "59s"], "between 1m and 366d"),
        (["--measure", "tickets", "--within", "20%"], "not a length of time"),
        (["--each", "fortnight"], "day, week, month, quarter, year"),
        (["--goal", "99,9"], "write 99.9%"),
        (["--goal", "0%"], "above 0%"),
        (["--goal", "100.1%"], "at most 100%"),
        (["--goal", "99.9999999%"], "less than a second"),
        (["--fee", "2,000 EUR"], "such as 2000 EUR"),
        (["--fee", "2000 EUX"], "did you mean"),
        (["--fee", "0 EUR"], "more than nothing"),
        (["--tiers", "10"], "write 10%, 99%: 25%"),
        (["--tiers", "10%, 99.9%: 20%"], "below the goal"),
        (["--tiers", "10%, 99%: 10%"], "credits more"),
        (["--url", "https://a.example", "--measure", "file"], "--url goes with --measure http"),
        (["--file", "a.csv"], "--file goes with --measure tickets or file"),
        (["--within", "8h"], "--within goes with --measure tickets"),
        (["--fee", "1 EUR", "--no-credit"], "--fee goes with --credit"),
        (["--tiers", "10%", "--no-credit"], "--tiers goes with --credit"),
        (["agreement.txt"], "ends in .sla"),
    ],
)
def test_a_wrong_option_is_explained(run_wsla: Run, arguments: list[str], words: str) -> None:
    finished = run_wsla("new", "--yes", *arguments)
    assert finished.code == 2, finished.said
    assert words in finished.err
    assert finished.out == ""


def test_without_a_terminal_nothing_is_asked(run_wsla: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    finished = run_wsla("new", "--title", "Shop")
    assert finished.code == 2
    assert "--yes" in finished.err


class Terminal(io.StringIO):
    """Answers typed by a person."""

    def isatty(self) -> bool:
        return True


def test_a_wrong_answer_is_asked_for_again(
    run_wsla: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("web_shop.sla").write_text("mine", "utf-8")
    typed = [
        "Web shop", "", "Host", "Bakery", "Berlim", "Europe/Berlin", "http", "shop.example", "http://shop.example/",
        "w", "99,9%", "99.9%", "y", "100", "100 GBP", "", "", "shop.sla",
    ]  # fmt: skip
    monkeypatch.setattr("sys.stdin", Terminal("\n".join(typed) + "\n"))
    finished = run_wsla("new")
    assert finished.code == 0, finished.said
    assert finished.out == ""
    for said in ("Europe/Berlin", "is not a web address", "write 99.9%", "such as 2000 EUR", "--force"):
        assert said in finished.err
    text = Path("shop.sla").read_text("utf-8")
    assert re.search('party host +"Host" +provider', text)
    assert "uptime >= 99.9%" in text
    assert "each week" in text
    assert Path("web_shop.sla").read_text("utf-8") == "mine"
    demand_good(text)


def test_an_end_of_input_stops(run_wsla: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", Terminal("Web shop\n"))
    assert run_wsla("new", "x.sla").code == 130
    assert list(tmp_path.iterdir()) == []
