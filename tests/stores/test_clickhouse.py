"""ClickHouse by its HTTP interface: what is asked, what is read, and every way in which an answer can go wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from wsla.api import loads
from wsla.cli.eval import command
from wsla.evaluation.encoding import DataError
from wsla.evaluation.panes.collect import wanted
from wsla.sources.files import read_history
from wsla.sources.stores.clickhouse import ClickHouseStore, column_of
from wsla.sources.stores.dialects import Column, ColumnKind, NotPushed
from wsla.sources.stores.location import parse_location
from wsla.sources.stores.push import Table, extent, fetch, push

from .clickhouse_server import WRONG_PASSWORD, Answer, Asked, serving

HEADINGS = b'["at", "n"]\n["String", "UInt64"]\n'
TEXT = """\
agreement "Shop" version 1 {
  effective 2026-03-01 in "UTC"
  party host "Host GmbH" provider
  party shop "Shop AG" consumer
  source web = push {
    at      time
    label   region
    latency ms in ms
    holds   90s
  }
  metric up    = availability(web.ok) each 1h by region
  metric total = sum(web.served) each 1h
  metric quick = share(web.latency <= 300.5ms) each 1h
  goal available: host guarantees up >= 99%
}
"""


def asking(answer: Callable[[Asked], Answer], statement: str = "SELECT 1", options: str = "") -> list[Any]:
    """What a store makes of an answer."""
    with serving(answer) as port:
        location = parse_location(f"clickhouse://reader:secret@127.0.0.1:{port}/metrics{options}")
        with ClickHouseStore(location.address, location.shown) as store:
            return list(store.rows(statement))


def giving(*pieces: bytes, **more: Any) -> Callable[[Asked], Answer]:
    return lambda _: Answer(pieces=pieces, **more)


def test_rows_are_what_the_types_say_however_the_server_writes_them() -> None:
    heads = b'["a","b","c","d","e","f"]\n["UInt64","Nullable(Int128)","Decimal(38, 3)","Bool","String","Array(Int8)"]\n'
    line = '["18446744073709551615", -170141183460469231731687303715884105728, 0.100, true, "a\u2028b", [1, 2]]\n'
    more = '[1, null, "12345678901234567890.123", false, "", []]'
    # Lines are cut anywhere, and the last may have no end.
    pieces = [
        heads[:10],
        heads[10:],
        line[:30].encode(),
        line[30:].encode() + more[:3].encode(),
        more[3:].encode(),
    ]
    assert asking(giving(*pieces)) == [
        [2**64 - 1, -(2**127), Decimal("0.1"), True, "a\u2028b", "[1, 2]"],
        [1, None, Decimal("12345678901234567890.123"), False, "", "[]"],
    ]


def test_what_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks is said in a header, and a server that would break off without a word is told to refuse."""
    asked: list[Asked] = []

    def answer(one: Asked) -> Answer:
        asked.append(one)
        return Answer(pieces=[HEADINGS])

    asking(answer, "SELECT 'ü'", "?max_threads=2&timeout_overflow_mode=break&table=web")
    with serving(answer) as port:
        for user, password in ((None, None), ("bob", "from outside")):
            for name, value in (("CLICKHOUSE_USER", user), ("CLICKHOUSE_PASSWORD", password)):
                monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
            with ClickHouseStore(f"clickhouse://127.0.0.1:{port}", "shown") as store:
                assert store.columns("web") == {
                    "at": Column(kind=ColumnKind.TEXT),
                    "n": Column(kind=ColumnKind.WHOLE),
                }
    assert [(x.user, x.password, x.settings["database"]) for x in asked] == [
        ("reader", "secret", "metrics"),
        ("default", "", "default"),
        ("bob", "from outside", "default"),
    ]
    assert asked[0].sql == "SELECT 'ü'\nFORMAT JSONCompactEachRowWithNamesAndTypes"
    assert asked[0].settings["max_threads"] == "2"
    assert asked[0].settings["timeout_overflow_mode"] == asked[0].settings["read_overflow_mode"] == "throw"
    assert "table" not in asked[0].settings


MIDDLE = "Code: 159. DB::Exception: Timeout exceeded: elapsed 10.1 seconds, maximum: 10. (TIMEOUT_EXCEEDED)"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            giving(WRONG_PASSWORD.encode(), status=403),
            "reader: Authentication failed: password is incorrect, or there is no user with such name. "
            "(the password is taken from CLICKHOUSE_PASSWORD)",
        ),
        (
            giving(
                b"Code: 60. DB::Exception: Unknown table expression identifier 'web' in scope SELECT * FROM web. In "
                b"scope SELECT * FROM web LIMIT 0. (UNKNOWN_TABLE) (version 25.8.1.5101 (official build))\n",
                status=404,
            ),
            "Unknown table expression identifier 'web' in scope SELECT * FROM web (UNKNOWN_TABLE)",
        ),
        (giving(HEADINGS, b'["a", 1]\n', MIDDLE.encode()), "Timeout exceeded: elapsed 10.1 seconds"),
        (
            giving(HEADINGS, f'["exception": "{MIDDLE} (version 23.9)"]\n'.encode()),
            "maximum: 10. (TIMEOUT_EXCEEDED)",
        ),
        (giving(HEADINGS, json.dumps({"exception": MIDDLE}).encode()), "maximum: 10. (TIMEOUT_EXCEEDED)"),
        (
            giving(
                HEADINGS,
                b'["a", 1]\n\r\n__exception__\r\nabcdefgh\r\n' + MIDDLE.encode() + b"\n101 abcdefgh\r\n",
            ),
            "maximum: 10. (TIMEOUT_EXCEEDED)",
        ),
        (giving(HEADINGS, b'["a", 1]\n', breaks_off=True), "cannot be read in the middle of the answer: "),
        (giving(b"<html>Welcome</html>"), "it answered with status 200, and not as ClickHouse does"),
        (giving(b"Bad gateway", status=502), "it answered with status 502, and not as ClickHouse does"),
        (giving(b"Code: 999. DB::Exception: ", status=500), "code 999"),
        (giving(b""), "its answer is empty"),
        (giving(b'["at"]\n'), "its answer is empty"),
        (giving(b'["at"]\n[1]\n'), "not as ClickHouse does"),
        (giving(HEADINGS, b'["a"]\n'), "not as ClickHouse does"),
        (giving(HEADINGS, b'["a", "b"]\n'), "not as ClickHouse does"),
    ],
)
def test_what_goes_wrong_is_said_in_a_sentence(answer: Callable[[Asked], Answer], words: str) -> None:
    with pytest.raises(DataError) as found:
        asking(answer)
    said = str(found.value)
    assert words in said
    assert said.startswith("`clickhouse://127.0.0.1:")
    assert "secret" not in said
    assert not any(mark in said for mark in ("\n", "version", '"', "Code:"))


def test_a_long_reason_is_cut() -> None:
    with pytest.raises(DataError) as found:
        asking(giving(b"Code: 62. DB::Exception: " + b"x" * 100_000, status=400))
    assert len(str(found.value)) < 400


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("clickhouse://reader:secret@127.0.0.1:1/metrics", "cannot be read: connection refused"),
        ("clickhouse://reader:secret@127.0.0.1:port/metrics", "has no port that is a number"),
        ("clickhouse:///metrics", "names no host"),
        ("clickhouse://reader:secret@[::1/metrics", "is no address"),
        ("clickhouse://reader:secret@a b/metrics", "cannot be read"),
    ],
)
def test_who_is_not_there(address: str, words: str) -> None:
    with pytest.raises(DataError) as found:
        _asked_at(address)
    assert words in str(found.value)
    assert "secret" not in str(found.value)


def _asked_at(address: str) -> None:
    location = parse_location(address)
    with ClickHouseStore(location.address, location.shown) as store:
        list(store.rows("SELECT 1"))


@pytest.mark.parametrize(("scheme", "options"), [("clickhouses", ""), ("clickhouse", "?secure=1")])
def test_a_secure_address_sends_nothing_in_the_clear(scheme: str, options: str) -> None:
    heard: list[Asked] = []

    def answer(asked: Asked) -> Answer:
        heard.append(asked)
        return Answer(pieces=[HEADINGS])

    with serving(answer) as port:
        location = parse_location(f"{scheme}://reader:secret@127.0.0.1:{port}/metrics{options}")
        with (
            ClickHouseStore(location.address, location.shown) as store,
            pytest.raises(DataError, match="SSL"),
        ):
            list(store.rows("SELECT 1"))
    assert not heard


def test_rows_are_read_as_they_come() -> None:
    """An answer of 128 MiB is not made before its first rows are looked at, and is left in the middle."""
    made = 0

    def pieces() -> Iterator[bytes]:
        nonlocal made
        yield HEADINGS
        for _ in range(2048):
            made += 1
            yield b'["a", 1]\n' * 7282

    with (
        serving(lambda _: Answer(pieces=pieces())) as port,
        ClickHouseStore(f"clickhouse://127.0.0.1:{port}", "shown") as store,
    ):
        rows = store.rows("SELECT 1")
        assert [next(rows) for _ in range(10_000)] == [["a", 1]] * 10_000
        assert made < 1024
        rows.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("UInt8", Column(kind=ColumnKind.WHOLE)),
        ("LowCardinality(Nullable(String))", Column(kind=ColumnKind.TEXT)),
        ("SimpleAggregateFunction(max, Nullable(Int128))", Column(kind=ColumnKind.WHOLE)),
        ("Nullable(Decimal(18, 3))", Column(kind=ColumnKind.DECIMAL, places=3)),
        ("Decimal(38, 18)", Column(kind=ColumnKind.DECIMAL, places=18)),
        ("Decimal(76, 3)", Column(kind=ColumnKind.OTHER)),
        ("Int256", Column(kind=ColumnKind.OTHER)),
        ("Nullable(DateTime64(3, 'Europe/Madrid'))", Column(kind=ColumnKind.INSTANT)),
        ("DateTime", Column(kind=ColumnKind.INSTANT)),
        ("Date", Column(kind=ColumnKind.OTHER)),
        ("Float32", Column(kind=ColumnKind.FLOAT)),
        ("Array(Nullable(String))", Column(kind=ColumnKind.OTHER)),
        ("Enum8('a' = 1, 'b' = 2)", Column(kind=ColumnKind.OTHER)),
    ],
)
def test_types_of_columns(kind: str, column: Column) -> None:
    assert column_of(kind) == column


# --- with the engine itself


def made(database: Any, types: str, *rows: str) -> None:
    database.execute("DROP TABLE IF EXISTS web")
    database.execute(f"CREATE TABLE web ({types}) ENGINE = Memory")
    if rows:
        database.execute(f"INSERT INTO web VALUES {', '.join(rows)}")


TYPES = (
    "time DateTime('America/New_York'), region LowCardinality(String), ok UInt8, ms Decimal(38, 3), served {}"
)


@pytest.mark.clickhouse
@pytest.mark.parametrize("kind", ["UInt64", "Int128", "UInt128", "Decimal(38, 0)"])
def test_long_numbers_are_added_up_without_wrapping_round(clickhouse_database: Any, kind: str) -> None:
    """Twice the largest that is stored is more than 64 bits hold, and beyond it a row does not fit."""
    of = loads(TEXT)
    store, source, asked = clickhouse_database.store, of.plan.source("web"), wanted(of.plan)
    largest = 2**63 - 1
    made(
        clickhouse_database,
        TYPES.format(kind),
        f"('2026-03-01 00:00:00', 'eu', 1, 300.5, {largest // 10**6})",
        f"('2026-03-01 00:00:01', 'eu', 1, 300.501, {largest // 10**6 + 1})",
    )
    of_web = asked.sources["web"]
    found = push(store, of.plan, source, Table(name="web"), of_web, asked.length, 2 * largest // 2)
    [total] = [found.panes.columns[name] for name, measure in of_web.items() if measure.kind.name == "SUM"]
    assert (found.misfits, int(total[0])) == (1, largest // 10**6 * 10**6)
    # New York is five hours behind.
    [stream] = found.panes.streams
    assert stream.first == of.instant("2026-03-01T05:00:00Z")
    assert fetch(store, source, Table(name="web")).rejects.total == 1


@pytest.mark.clickhouse
def test_an_empty_table_of_columns_that_are_never_null_has_no_extent(clickhouse_database: Any) -> None:
    of = loads(TEXT)
    made(clickhouse_database, TYPES.format("UInt64"))
    assert extent(clickhouse_database.store, of.plan, of.plan.source("web"), Table(name="web")) is None


@pytest.mark.clickhouse
def test_numbers_of_256_bits_and_of_many_decimals_are_fetched(clickhouse_database: Any) -> None:
    of = loads(TEXT)
    store, source, asked = clickhouse_database.store, of.plan.source("web"), wanted(of.plan)
    for kind, value in (("UInt256", "7"), ("Decimal(38, 20)", "7.00001"), ("Decimal(76, 2)", "7.5")):
        made(clickhouse_database, TYPES.format(kind), f"('2026-03-01 00:00:00', 'eu', 1, 300.5, {value})")
        with pytest.raises(NotPushed):
            push(store, of.plan, source, Table(name="web"), asked.sources["web"], asked.length, 10**19)
        [row] = fetch(store, source, Table(name="web")).observations
        assert row.fields["served"] == Decimal(value) * 10**6


@pytest.mark.clickhouse
def test_lengths_of_texts_are_of_characters(clickhouse_database: Any) -> None:
    of = loads(TEXT)
    store, source, asked = clickhouse_database.store, of.plan.source("web"), wanted(of.plan)
    for length, misfits in ((1024, 0), (1025, 1)):
        made(
            clickhouse_database,
            TYPES.format("Int8"),
            f"('2026-03-01 00:00:00', '{'ü' * length}', 1, 300.5, 1)",
        )
        found = push(store, of.plan, source, Table(name="web"), asked.sources["web"], asked.length, 2**62)
        assert found.misfits == misfits


@pytest.mark.clickhouse
def test_the_same_verdicts_as_from_a_file(clickhouse_database: Any, tmp_path: Path) -> None:
    rows = [
        (f"2026-03-01T{hour:02}:{minute:02}:30Z", region, hour != 3, f"{minute * 10}.5", minute * 10**9)
        for hour in range(6)
        for minute in range(60)
        for region in ("eu", "us'\\")
    ]
    columns = {"time": "instant", "region": "text", "ok": "truth", "ms": "decimal", "served": "whole"}
    clickhouse_database.fill("web", columns, rows)
    (tmp_path / "shop.sla").write_text(TEXT)
    lines = [",".join(map(str, row)) for row in rows]
    (tmp_path / "web.csv").write_text("\n".join([",".join(columns), *lines, ""]))

    def judged(*options: str) -> Any:
        finished = CliRunner().invoke(command, [str(tmp_path / "shop.sla"), *options, "--format", "json"])
        assert finished.exit_code == 0, finished.output
        assert finished.stderr == ""
        return json.loads(finished.stdout)

    address = clickhouse_database.address
    expected = judged("--data", f"web={tmp_path / 'web.csv'}")
    assert {one["verdict"] for one in expected["judgements"]} >= {"met", "violated"}
    assert judged("--on", address) == expected
    assert judged("--on", f"web={address}?table=default.web") == expected
    assert judged("--data", f"web={address}::web") == expected
    assert judged("--data", f"web={address}::select * from web order by time") == expected
    found = read_history(loads(TEXT).plan.source("web"), f"{address}::web", where={"region": "us'\\"})
    assert len(found.observations) == len(rows) // 2


@pytest.mark.clickhouse
def test_what_the_engine_refuses_is_said_in_a_sentence(clickhouse_database: Any) -> None:
    source = loads(TEXT).plan.source("web")
    with pytest.raises(
        DataError, match=r"^`clickhouse://127\.0\.0\.1:\d+/default` cannot be read: .*nowhere"
    ):
        fetch(clickhouse_database.store, source, Table(name="nowhere"))
    made(clickhouse_database, TYPES.format("Int8"))
    with pytest.raises(DataError, match="many, too many"):
        list(clickhouse_database.store.rows("SELECT throwIf(number = 9, 'many, too many') FROM numbers(10)"))
    wrong = clickhouse_database.address.replace("rd@", "rt@")
    with pytest.raises(DataError, match=r"password is incorrect.*CLICKHOUSE_PASSWORD"):
        read_history(source, f"{wrong}::web")
