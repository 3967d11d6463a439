"""Values out of a JSON body become fields of their own: of the type that the agreement's formulas give them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.api import AgreementError, loads
from wsla.daemon.bindings import Deploying
from wsla.daemon.clock import SystemClock
from wsla.daemon.config import Config
from wsla.sources.http import FIELDS, HttpTarget
from wsla.sources.http.json_values import read_values
from wsla.sources.registry import build_prober

TEXT = """\
agreement "Shop" version 1 {
  effective 2026-01-01 in "UTC"
  party host "Host" provider
  party shop "Shop" consumer
  source web = http "URL" every 30s timeout 5s {
    queue   "$.queue.length"
    slowest "$.slowest[0]" in ms
    state   "$['the state']"
    ready   "$.ready"
    load    "$.load" in percent
  }
  metric up     = web.ok and web.queue < 100 and web.slowest <= 250ms and web.state == "fine" and web.ready
  metric calm   = web.load < 80%
  metric uptime = availability(up and calm) each month

  goal available: host guarantees uptime >= 99% { otherwise notify shop }
}

test "a long queue" {
  given web.ok = true every 30s from 2026-03-01 until 2026-04-01
  given web.ready = true every 30s from 2026-03-01 until 2026-04-01
  given web.state = "fine" every 30s from 2026-03-01 until 2026-04-01
  given web.slowest = 250ms every 30s from 2026-03-01 until 2026-04-01
  given web.load = 79% every 30s from 2026-03-01 until 2026-04-01
  given web.queue = 99 every 30s from 2026-03-01 until 2026-04-01
  given web.queue = 100 from 2026-03-02 until 2026-03-03
  expect available violated in 2026-03
}
"""
NAMES = ("queue", "slowest", "state", "ready", "load")


def target(url: str = "http://127.0.0.1:1/") -> HttpTarget:
    deploying = Deploying(loads(TEXT.replace("URL", url)), Config(), {}, SystemClock())
    deployment = deploying.deploy()
    assert deploying.problems == []
    found = deployment.probes["web"].target
    assert isinstance(found, HttpTarget)
    return found


def look(kit: Any, answer: bytes | Callable[..., Any]) -> Any:
    async def main() -> Any:
        async with kit.service(answer) as service:
            return await build_prober("http", target(service.url()), SystemClock()).probe(7)

    return asyncio.run(main())


def values(body: str) -> tuple[Any, ...]:
    return tuple(read_values(body, target().values).values())


def test_a_body_becomes_fields(kit: Any) -> None:
    body = b'{"queue": {"length": 3}, "slowest": [12.5], "the state": "fine", "ready": true, "load": 12.5}'
    seen = look(kit, kit.answer(body, Content_Type="application/json"))
    assert seen.failure is None
    assert tuple(seen.fields) == (*FIELDS, *NAMES)
    assert tuple(seen.fields[name] for name in NAMES[:4]) == (3_000_000, 12_500_000, "fine", True)
    assert seen.fields["load"] is not None
    assert seen.fields["body_size"] == len(body) * 1_000_000


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"queue": 3}', b"[" * 100_000, b'"\xff"'])
def test_what_is_not_there_is_unknown_and_no_failure(kit: Any, body: bytes) -> None:
    seen = look(kit, kit.answer(body))
    assert (seen.failure, seen.fields["ok"]) == (None, True)
    assert [seen.fields[name] for name in NAMES] == [None] * 5


def test_a_probe_that_fails_has_the_fields_too(kit: Any) -> None:
    seen = look(kit, b"")
    assert seen.failure == "incomplete"
    assert set(seen.fields) == {*FIELDS, *NAMES}
    assert [seen.fields[name] for name in NAMES] == [None] * 5


@pytest.mark.parametrize(
    ("body", "queue"),
    [
        ('{"queue": {"length": 0.1}}', 100_000),
        ('{"queue": {"length": 0.0000005}}', 0),
        ('{"queue": {"length": 0.0000015}}', 2),
        ('{"queue": {"length": 1e3}}', 1_000_000_000),
        ('{"queue": {"length": -7}}', -7_000_000),
        ('{"queue": {"length": "7"}}', 7_000_000),
        ('{"queue": {"length": "many"}}', None),
        ('{"queue": {"length": true}}', None),
        ('{"queue": {"length": null}}', None),
        ('{"queue": {"length": [7]}}', None),
        ('{"queue": {"length": NaN}}', None),
        ('{"queue": {"length": 1e999999999}}', None),
        ('{"queue": {"length": ' + "9" * 5_000 + "}}", None),
        ('\ufeff{"queue": {"length": 7}}', 7_000_000),
    ],
)
def test_numbers_are_exact_or_unknown(body: str, queue: int | None) -> None:
    assert values(body)[0] == queue


def test_texts_and_truths() -> None:
    assert values('{"the state": 7, "ready": 1}')[2:4] == ("7", True)
    assert values('{"the state": "", "ready": "perhaps"}')[2:4] == (None, None)
    assert values('{"the state": "\\ud800", "ready": 2}')[2:4] == (None, None)


@given(st.text(max_size=40))
def test_no_body_breaks_the_reader(body: str) -> None:
    assert len(values(body)) == 5


def test_the_example_comes_out(run_wsla: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "shop.sla").write_text(TEXT.replace("URL", "https://shop.example/"), "utf-8")
    finished = run_wsla("test", tmp_path)
    assert (finished.code, "1 test passed" in finished.said) == (0, True), finished.said


@pytest.mark.parametrize(
    ("line", "code", "what"),
    [
        ('status "$.status"', "E0202", "every source of kind `http` has"),
        ('queue "$.queue[*]"', "E0210", "is not a path to one value"),
        ('queue "$"', None, ""),
        ('queue "queue.length"', "E0209", "option of a source of kind `http`"),
    ],
)
def test_what_the_checker_says(line: str, code: str | None, what: str) -> None:
    text = TEXT.replace("URL", "https://shop.example/").replace('queue   "$.queue.length"', line)
    if code is None:
        loads(text)
        return
    with pytest.raises(AgreementError) as caught:
        loads(text)
    assert any(one.code == code and what in one.message for one in caught.value.diagnostics)


def test_no_body_of_head(kit: Any) -> None:
    text = TEXT.replace("URL", "https://shop.example/").replace(
        "timeout 5s {", "timeout 5s {\n    method HEAD"
    )
    deploying = Deploying(loads(text), Config(), {}, SystemClock())
    deploying.deploy()
    assert "no body out of which to take values" in deploying.problems[0]
