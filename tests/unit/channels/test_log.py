"""Notices in logs: whole lines, on the disk, and nothing lost in silence."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import logging
import os
import stat

import pytest

from wsla.channels.log import LOGGER_NAME, LogChannel
from wsla.ports import Delivery, DeliveryResult


def send_all(channel: LogChannel, *deliveries: Delivery) -> list[DeliveryResult]:
    async def run() -> list[DeliveryResult]:
        try:
            return list(await asyncio.gather(*[channel.send(delivery) for delivery in deliveries]))
        finally:
            await channel.close()

    return asyncio.run(run())


def test_a_line_is_the_notice_and_its_time(tmp_path, clock, delivery):
    path = tmp_path / "notices.jsonl"
    assert send_all(LogChannel(path, clock=clock), delivery) == [DeliveryResult(delivered=True)]
    text = path.read_text("utf-8")
    assert text.endswith("}\n")
    assert json.loads(text) == {
        "schema": "wsla.notice/1",
        "id": delivery.key,
        "attempt": 2,
        "subject": delivery.subject,
        "text": delivery.text,
        "cause": delivery.payload,
        "at": "2026-03-04T10:00:00Z",
    }
    assert "Grüße" in text
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0


def test_lines_of_many_messages_do_not_mix(tmp_path, clock):
    path = tmp_path / "notices.jsonl"
    keys = [f"key-{number}" for number in range(50)]
    deliveries = [Delivery(key=key, subject="s", text="x" * 20_000, payload={}) for key in keys]
    assert all(result.delivered for result in send_all(LogChannel(path, clock=clock), *deliveries))
    assert sorted(json.loads(line)["id"] for line in path.read_text().splitlines()) == sorted(keys)


def test_no_text_can_start_a_line_or_move_a_cursor(tmp_path, clock):
    path = tmp_path / "notices.jsonl"
    hostile = "a\n{}\r\x1b[2J\x7f\x85\x9b2J\u2028\u2029\ud800"
    delivery = Delivery(key=hostile, subject=hostile, text=hostile, payload={"x": hostile})
    assert send_all(LogChannel(path, clock=clock), delivery)[0].delivered
    text = path.read_bytes().decode("utf-8")
    assert len(text.splitlines()) == 1
    assert all(character.isprintable() for character in text.rstrip("\n"))
    assert json.loads(text)["cause"] == {"x": hostile}


def test_a_torn_line_does_not_swallow_the_next(tmp_path, clock, delivery):
    path = tmp_path / "notices.jsonl"
    path.write_text('{"schema":"wsla.no')
    send_all(LogChannel(path, clock=clock), delivery)
    torn, whole = path.read_text("utf-8").splitlines()
    assert torn == '{"schema":"wsla.no'
    assert json.loads(whole)["id"] == delivery.key


def test_a_rotated_file_is_begun_anew(tmp_path, clock, delivery):
    path = tmp_path / "notices.jsonl"
    channel = LogChannel(path, clock=clock)
    send_all(channel, delivery)
    path.rename(tmp_path / "notices.1")
    send_all(channel, delivery)
    assert path.read_text("utf-8").count("\n") == 1


def test_the_line_is_forced_to_the_disk_before_it_counts(tmp_path, clock, delivery, monkeypatch):
    path = tmp_path / "notices.jsonl"
    forced = []

    def fsync(handle: int) -> None:
        forced.append(stat.S_ISREG(os.fstat(handle).st_mode) and path.read_text("utf-8").endswith("}\n"))

    monkeypatch.setattr(os, "fsync", fsync)
    send_all(LogChannel(path, clock=clock), delivery)
    assert forced[0] is True


def test_a_disk_that_fails_means_not_delivered(tmp_path, clock, delivery, monkeypatch):
    def fsync(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    (result,) = send_all(LogChannel(tmp_path / "notices.jsonl", clock=clock), delivery)
    assert result == DeliveryResult(
        delivered=False, reason="the notice could not be written: No space left on device"
    )


@pytest.mark.parametrize("name", ["absent/notices.jsonl", ".", "x" * 300])
def test_a_place_that_cannot_be_written_means_not_delivered(tmp_path, clock, delivery, name):
    (result,) = send_all(LogChannel(tmp_path / name, clock=clock), delivery)
    assert (result.delivered, result.permanent) == (False, False)
    assert str(tmp_path) not in result.reason


def test_a_line_that_the_system_takes_in_pieces_is_whole(tmp_path, clock, delivery, monkeypatch):
    path = tmp_path / "notices.jsonl"
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, octets: write(handle, bytes(octets[:7])))
    assert send_all(LogChannel(path, clock=clock), delivery)[0].delivered
    assert json.loads(path.read_text("utf-8"))["id"] == delivery.key


def test_a_stream_is_flushed_and_left_open(clock, delivery):
    class Stream(io.StringIO):
        flushed = ""

        def flush(self) -> None:
            self.flushed = self.getvalue()

    stream = Stream()
    assert send_all(LogChannel(stream, clock=clock), delivery, delivery)[1].delivered
    assert len([json.loads(line) for line in stream.flushed.splitlines()]) == 2
    assert not stream.closed
    stream.close()
    (result,) = send_all(LogChannel(stream, clock=clock), delivery)
    assert result.reason == "the notice could not be written: the stream is closed"


def test_the_logger_takes_the_line(clock, delivery, caplog):
    caplog.set_level(logging.INFO)
    assert send_all(LogChannel(None, clock=clock), delivery)[0].delivered
    (record,) = [record for record in caplog.records if record.name == LOGGER_NAME]
    assert json.loads(record.getMessage())["id"] == delivery.key


def test_a_logger_that_would_drop_the_line_is_passed_by(clock, delivery, capsys):
    logger = logging.getLogger(LOGGER_NAME)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        assert send_all(LogChannel(None, clock=clock), delivery)[0].delivered
    finally:
        logger.setLevel(before)
    assert json.loads(capsys.readouterr().err)["id"] == delivery.key


def test_a_payload_that_json_cannot_hold_is_a_permanent_failure(tmp_path, clock):
    path = tmp_path / "notices.jsonl"
    broken = Delivery(key="k", subject="s", text="t", payload={"value": float("inf")})
    (result,) = send_all(LogChannel(path, clock=clock), broken)
    assert result.permanent
    assert not path.exists()
