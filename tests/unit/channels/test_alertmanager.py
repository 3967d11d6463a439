"""Alertmanager: one alert an episode, that its recovery ends; against a fake and, where it is there, the real one."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import evolve

from wsla.channels.alertmanager import AlertmanagerChannel, alert_of
from wsla.channels.errors import ChannelError
from wsla.ports import Delivery, DeliveryResult
from wsla.values.instants import SECOND, parse_instant

from ...ports import free_port

NOW = parse_instant("2026-03-04T10:00:00Z")
PROGRAMS = ("prometheus-alertmanager", "alertmanager")


def message(step: str, end: str = "2026-03-04T09:30:00Z", **labels: str) -> Delivery:
    return Delivery(
        key=f"Shop|v1|rule slow|{step}|2026-03-04T09:00:00Z||0",
        subject="slow",
        text="It has held for 5 min.",
        payload={
            "agreement": "Shop",
            "version": 1,
            "rule": "slow",
            "labels": labels,
            "window": {"start": "2026-03-04T09:00:00Z", "end": end},
            "verb": "notify",
            "at": end,
        },
    )


def send_all(channel: AlertmanagerChannel, *deliveries: Delivery) -> list[DeliveryResult]:
    async def run() -> list[DeliveryResult]:
        try:
            return [await channel.send(delivery) for delivery in deliveries]
        finally:
            await channel.close()

    return asyncio.run(run())


def test_an_alert_is_posted(receive: Any, respond: Any, clock: Any) -> None:
    receiver = receive(respond(200))
    channel = AlertmanagerChannel(f"http://127.0.0.1:{receiver.port}/am/", clock=clock, token="t0ken")
    assert send_all(channel, message("fired 1", region="eu")) == [DeliveryResult(delivered=True)]
    (request,) = receiver.requests
    assert request.line == "POST /am/api/v2/alerts HTTP/1.1"
    assert request.headers["authorization"] == "Bearer t0ken"
    assert json.loads(request.body) == [
        {
            "labels": {
                "alertname": "slow",
                "job": "wsla",
                "agreement": "Shop",
                "rule": "slow",
                "region": "eu",
            },
            "annotations": {
                "summary": "slow",
                "description": "It has held for 5 min.",
                "id": "Shop|v1|rule slow|fired 1|2026-03-04T09:00:00Z||0",
            },
            "startsAt": "2026-03-04T09:00:00Z",
            "endsAt": "2026-03-05T10:00:00Z",
        }
    ]


def test_it_leads_to_the_daemons_page_and_to_where_it_is_acknowledged() -> None:
    page, address = "https://sla.example/agreements/Shop", "https://sla.example/acknowledge/t"
    alert = alert_of(evolve(message("fired 1"), page_url=page, acknowledge_url=address), NOW)
    assert alert["generatorURL"] == page
    assert alert["annotations"]["acknowledge_url"] == address  # type: ignore[index]
    bare = alert_of(message("fired 1"), NOW)
    assert "generatorURL" not in bare
    assert "acknowledge_url" not in bare["annotations"]  # type: ignore[operator]


@pytest.mark.parametrize("kind", ["report", "review"])
def test_reports_and_reviews_are_no_alerts(receive: Any, respond: Any, clock: Any, kind: str) -> None:
    receiver = receive(respond(200))
    channel = AlertmanagerChannel(f"http://127.0.0.1:{receiver.port}", clock=clock)
    (result,) = send_all(channel, evolve(message("publish"), payload={kind: f"{kind} 1"}))
    assert (result.delivered, result.permanent) == (False, True)
    assert receiver.requests == []


def test_the_recovery_ends_the_same_alert() -> None:
    fired, repeated, over = (
        alert_of(message(step), NOW) for step in ("fired 1", "repeat 1 action 1", "recovery 1")
    )
    assert fired["labels"] == repeated["labels"] == over["labels"]
    assert fired["endsAt"] == repeated["endsAt"] == "2026-03-05T10:00:00Z"
    assert over["endsAt"] == "2026-03-04T09:30:00Z"


def test_labels_that_it_cannot_hold_are_renamed_and_hide_none() -> None:
    labels = alert_of(
        message("fired 1", **{"kind of-host": "a", "job": "b", "1st": "c", "agreement": "d"}), NOW
    )["labels"]
    assert labels == {
        "alertname": "slow",
        "job": "wsla",
        "agreement": "Shop",
        "rule": "slow",
        "kind_of_host": "a",
        "label_job": "b",
        "label_1st": "c",
        "label_agreement": "d",
    }


def test_a_message_without_a_window_is_an_alert_too() -> None:
    alert = alert_of(Delivery(key="k", subject="s", text="t", payload={"window": None}), NOW)
    assert alert["labels"] == {"alertname": "wsla", "job": "wsla"}
    assert "startsAt" not in alert


@pytest.mark.parametrize("url", ["http://host/?k=TOPSECRET", "http://host/#TOPSECRET", "ftp://TOPSECRET/"])
def test_addresses_that_cannot_work(clock: Any, url: str) -> None:
    with pytest.raises(ChannelError) as caught:
        AlertmanagerChannel(url, clock=clock)
    assert "TOPSECRET" not in str(caught.value)


@pytest.mark.parametrize("token", ["", "a\r\nX: y", "ü"])
def test_tokens_that_no_header_holds(clock: Any, token: str) -> None:
    with pytest.raises(ChannelError, match="plain printable ASCII"):
        AlertmanagerChannel("http://host/", clock=clock, token=token)


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[str]:
    """The address of a real one."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("Alertmanager is not installed (Debian: prometheus-alertmanager)")
    (tmp_path / "am.yml").write_text("route: {receiver: none}\nreceivers: [{name: none}]\n", "utf-8")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [
            program,
            f"--config.file={tmp_path / 'am.yml'}",
            f"--storage.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            try:
                if httpx.get(f"{url}/-/ready", trust_env=False).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        else:
            pytest.fail("Alertmanager did not start")
        yield url
    finally:
        process.kill()
        process.wait()


class RealClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns()

    def monotonic(self) -> int:
        return time.monotonic_ns()

    async def sleep(self, nanoseconds: int) -> None:
        await asyncio.sleep(nanoseconds / SECOND)


def test_the_real_one_fires_and_resolves(alertmanager: str) -> None:
    def firing() -> list[dict[str, Any]]:
        answer = httpx.get(f"{alertmanager}/api/v2/alerts", trust_env=False)
        found: list[dict[str, Any]] = answer.json()
        return found

    fired = message("fired 1", region="eu")
    assert send_all(AlertmanagerChannel(alertmanager, clock=RealClock()), fired, fired)[1].delivered
    (alert,) = firing()
    assert alert["labels"]["region"] == "eu"
    assert alert["annotations"]["summary"] == "slow"
    over = message("recovery 1", region="eu")
    assert send_all(AlertmanagerChannel(alertmanager, clock=RealClock()), over) == [
        DeliveryResult(delivered=True)
    ]
    assert firing() == []
