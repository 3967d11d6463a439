"""What is sent as observations: every row is one, is refused with its reason, or repeats another."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.api import loads
from wsla.plan.model import Source
from wsla.sources import pushed
from wsla.sources.pushed import MOST_AHEAD, Pushed, TooManyRows, Unreadable, read_pushed
from wsla.values.instants import SECOND, parse_instant

NOW = parse_instant("2026-03-01T12:00:00Z")
HOUR = "2026-03-01T11:00:00Z"
TEXT = """agreement "Sent" version 1 {{
  effective 2026-01-01 in "UTC"
  party host "Host" provider
  party shop "Shop" consumer
  source web = {source}
  metric up = {metric}
  goal available: host guarantees up >= 99%
}}
"""
SAMPLES = "push every 30s { label region; up up; latency took in ms }"
RECORDS = "records push { key id; at closed; updated seen; took took in s }"
KEYLESS = "records push { at closed; took took in s }"


def source(declared: str, metric: str = "availability(web.up and web.latency < 1s) each day") -> Source:
    text = declared.replace("{ ", "{\n").replace("; ", "\n").replace(" }", "\n}")
    return loads(TEXT.format(source=text, metric=metric)).plan.source("web")


def samples() -> Source:
    return source(SAMPLES, "availability(web.up and web.latency < 1s) each day by region")


def records() -> Source:
    return source(RECORDS, "share(web.took < 1h) each day")


def keyless() -> Source:
    return source(KEYLESS, "share(web.took < 1h) each day")


def read(of: Source, value: object, lines: bool = False) -> Pushed:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read_pushed(of, body, None, NOW, lines=lines)


def row(at: str | None = HOUR, **changes: object) -> dict[str, object]:
    return {"at": at, "region": "eu", "up": True, "took": 12, **changes}


def test_a_row_a_list_and_lines_are_the_same() -> None:
    alone = read(samples(), row())
    assert alone == read(samples(), [row()])
    assert alone == read(samples(), json.dumps(row()).encode() + b"\n", lines=True)
    [(stream, within, found)] = alone.rows
    assert (stream, within, found.at) == ('["eu"]', "", parse_instant(HOUR))
    assert found.fields == {"region": "eu", "up": True, "latency": 12_000_000}


def test_bad_rows_are_refused_and_good_ones_stay() -> None:
    body = b"\n".join(
        [
            json.dumps(row()).encode(),
            b"{",
            b"",
            json.dumps(row("2026-03-01T11:00:01Z", up="perhaps")).encode(),
            b"[1]",
            json.dumps(row("2026-03-01T11:00:02Z", region=None)).encode(),
            b"\xff",
            json.dumps(row("1600-01-01T00:00:00Z")).encode(),
            json.dumps(row("2026-03-01T11:00:03Z", took=0.1)).encode(),
        ]
    )
    found = read(samples(), body, lines=True)
    assert found.numbers == (1, 9)
    assert [(one.line, one.reason.partition(":")[0]) for one in found.refused] == [
        (2, "this is no JSON"),
        (4, "up"),
        (5, "this is no JSON object"),
        (6, "the label region is empty"),
        (7, "this is not written in UTF-8"),
        (8, "at"),
    ]
    assert found.rows[1][2].fields["latency"] == 100_000


def test_of_two_samples_of_an_instant_the_first_stands() -> None:
    """Rule M1."""
    found = read(samples(), [row(), row(), row(up=False), row(region="us", up=False)])
    assert (len(found.rows), found.repeated) == (2, 1)
    assert [one.line for one in found.refused] == [3]


@pytest.mark.parametrize(("ahead", "good"), [(MOST_AHEAD, True), (MOST_AHEAD + 1, False)])
def test_a_clock_may_be_a_little_ahead(ahead: int, good: bool) -> None:
    second, rest = divmod(ahead, SECOND)
    found = read(samples(), row(f"2026-03-01T12:00:{second:02}.{rest:09}Z"))
    assert bool(found.rows) is good
    if not good:
        assert "ahead of the daemon's clock" in found.refused[0].reason


def test_a_sample_without_an_instant_is_dated_on_receipt() -> None:
    found = read(samples(), [{"region": "eu", "up": True, "took": 1}, row(None, region="us")])
    assert [one.at for _, _, one in found.rows] == [NOW, NOW]


def test_a_source_that_names_the_column_wants_an_instant() -> None:
    named = source("push every 30s { at when; up up; latency took in ms }")
    with pytest.raises(Unreadable, match="when"):
        read(named, {"up": True, "took": 1})
    found = read(named, [{"when": None, "up": True, "took": 1}])
    assert found.refused[0].reason == "at is empty, so the row has no instant"


def test_an_instant_needs_a_zone() -> None:
    found = read(samples(), row("2026-03-01T11:00:00"))
    assert "has no zone" in found.refused[0].reason


def test_versions_of_records_are_told_apart_by_what_they_say() -> None:
    def version(took: int) -> dict[str, object]:
        return {"id": "T-1", "closed": HOUR, "seen": HOUR, "took": took}

    found = read(records(), [version(1), version(2), version(2), version(1)])
    assert found.repeated == 1
    assert [one.fields["took"] for _, _, one in found.rows] == [SECOND, 2 * SECOND, SECOND]
    names = [name for _, name, _ in found.rows]
    assert len(set(names)) == 3
    assert all(name.startswith("T-1 ") for name in names)
    assert [
        name for _, name, _ in read(records(), [version(1), version(2), version(2), version(1)]).rows
    ] == names


def test_rows_without_a_key_are_all_kept() -> None:
    """Rule M1."""
    one = {"closed": HOUR, "took": 5}
    found = read(keyless(), [one, one])
    assert len({name for _, name, _ in found.rows}) == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON"),
        (b"7", "neither"),
        (b"\xff", "UTF-8"),
        (b"[" * 100_000, "no JSON"),
        (b"[" + b"1" * 5_000 + b"]", "no JSON"),
        (b'{"at": "2026-03-01T11:00:00Z", "region": "eu", "op": true, "took": 1}', "`up`"),
    ],
)
def test_what_cannot_be_read_is_told(body: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read(samples(), body)


def test_rows_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushed, "MOST_ROWS", 2)
    rows = [row(region=name) for name in "abc"]
    assert len(read(samples(), rows[:2]).rows) == 2
    with pytest.raises(TooManyRows):
        read(samples(), rows)


def _cells() -> st.SearchStrategy[object]:
    return st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just(HOUR), st.just([])
    )


@pytest.mark.parametrize("of", [samples, records, keyless])
def test_every_row_is_accounted_for(of: Callable[[], Source]) -> None:
    found_source = of()
    names = ["at", "region", "up", "took", "id", "closed", "seen"]
    whole = dict.fromkeys(names)

    @given(st.lists(st.dictionaries(st.sampled_from(names), _cells()), max_size=8))
    def holds(rows: list[dict[str, object]]) -> None:
        found = read(found_source, [whole | one for one in rows])
        assert len(found.rows) + found.repeated + len(found.refused) == len(rows)
        identities = [(stream, one.at, name) for stream, name, one in found.rows]
        assert len(set(identities)) == len(identities)

    holds()
