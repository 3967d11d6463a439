"""The log: one line an event in both forms, whatever stands in it (W2)."""

from __future__ import annotations

import io
import json
import logging
import re

import pytest

from wsla.daemon.logs import one_line, set_up_logging, take_down_logging

PAYLOADS = [
    "two\nlines",
    "two\r\n2026-01-01T00:00:00.000Z error wsla.store: the store is damaged",
    "a\x1b[2J\x1b]0;title\x07b",
    "\x00\x08\x0b\x0c\x85\x9b31m",
    "\u2028\u2029",
    "\u202eevil\u2066\u200f",
    "\ud800",
    '"}\n{"level": "error"',
    "%s %d %(message)s {0}",
]
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\w+) ([\w.]+): (.*)")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_line_of_text_stays_one_line(payload: str) -> None:
    stream = io.StringIO()
    handler = set_up_logging("text", stream)
    try:
        logging.getLogger("wsla.test").warning("label %s", payload)
    finally:
        take_down_logging(handler)
    [line] = stream.getvalue().split("\n")[:-1]
    found = LINE.fullmatch(line)
    assert found is not None
    assert (found[1], found[2]) == ("warning", "wsla.test")
    assert all(character.isprintable() for character in line)
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_line_of_json_is_one_object(payload: str) -> None:
    stream = io.StringIO()
    handler = set_up_logging("json", stream)
    try:
        logging.getLogger("wsla.test").error("label %s", payload)
    finally:
        take_down_logging(handler)
    [line] = stream.getvalue().split("\n")[:-1]
    found = json.loads(line)
    assert list(found) == ["at", "level", "logger", "message"]
    assert found["message"] == f"label {payload}"
    assert (found["level"], found["logger"]) == ("error", "wsla.test")
    assert line.isascii()
    assert all(character.isprintable() for character in line)


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_exception_is_part_of_its_line(form: str) -> None:
    stream = io.StringIO()
    handler = set_up_logging(form, stream)
    try:
        raise ValueError("why\nso")
    except ValueError:
        logging.getLogger("wsla.test").exception("it failed")
    finally:
        take_down_logging(handler)
    [line] = stream.getvalue().split("\n")[:-1]
    if form == "json":
        found = json.loads(line)
        assert (found["message"], found["exception"].endswith("ValueError: why\nso")) == ("it failed", True)
    else:
        assert "it failed Traceback (most recent call last): | " in line


def test_errors_of_what_runs_beneath_are_written_alike() -> None:
    stream = io.StringIO()
    handler = set_up_logging("json", stream)
    try:
        for name in ("asyncio", "uvicorn.error"):
            logging.getLogger(name).warning("Invalid HTTP request received.")
            logging.getLogger(name).error("Exception in ASGI application")
    finally:
        take_down_logging(handler)
    found = [json.loads(line)["logger"] for line in stream.getvalue().splitlines()]
    assert found == ["asyncio", "uvicorn.error"]


def test_afterwards_everything_is_as_it_was() -> None:
    take_down_logging(set_up_logging("text", io.StringIO()))
    for name in ("wsla", "asyncio", "uvicorn"):
        logger = logging.getLogger(name)
        assert (logger.handlers, logger.propagate, logger.level) == ([], True, logging.NOTSET)


def test_one_line_leaves_what_people_write_alone() -> None:
    assert one_line("“Größe”: 5 € – naïve 日本\t✓") == "“Größe”: 5 € – naïve 日本\t✓"
