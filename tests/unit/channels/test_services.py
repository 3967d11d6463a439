"""Services through Apprise: what is sent, what refusals mean, deadlines, and that no secret is logged."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from typing import Any

import pytest
from attrs import evolve

from wsla.channels import services
from wsla.channels.errors import ChannelError
from wsla.channels.services import ServiceChannel
from wsla.ports import Delivery, DeliveryResult
from wsla.values.instants import MILLISECOND

pytest.importorskip("apprise", reason="what speaks to services is not installed")

FIRED = "Shop|v1|rule slow|fired 1|2026-03-04T10:00:00Z|region=eu|0"
RECOVERED = "Shop|v1|rule slow|recovery 1|2026-03-04T10:00:00Z|region=eu|0"


def send_all(channel: ServiceChannel, *deliveries: Delivery) -> list[DeliveryResult]:
    async def run() -> list[DeliveryResult]:
        try:
            return [await channel.send(delivery) for delivery in deliveries]
        finally:
            await channel.close()

    return asyncio.run(run())


def test_subject_and_text_arrive(receive: Any, respond: Any, clock: Any, delivery: Delivery) -> None:
    receiver = receive(respond(200))
    channel = ServiceChannel("apprise", f"json://127.0.0.1:{receiver.port}/hook", clock=clock)
    assert send_all(channel, delivery) == [DeliveryResult(delivered=True)]
    (request,) = receiver.requests
    body = json.loads(request.body)
    assert (body["title"], body["message"], body["type"]) == (delivery.subject, delivery.text, "warning")


@pytest.mark.parametrize(
    ("status", "permanent", "words"),
    [
        (404, True, "apprise answered 404 Not Found"),
        (401, True, "apprise answered 401 Unauthorized"),
        (429, False, "apprise answered 429 Too Many Requests"),
        (503, False, "apprise answered 503 Service Unavailable"),
        (301, True, "apprise answered 301 Moved Permanently"),
    ],
)
def test_a_refusal_means_what_its_status_means(
    receive: Any, respond: Any, clock: Any, delivery: Delivery, status: int, permanent: bool, words: str
) -> None:
    receiver = receive(respond(status, {"Location": "http://127.0.0.1:1/"}))
    channel = ServiceChannel("apprise", f"json://127.0.0.1:{receiver.port}/", clock=clock)
    assert send_all(channel, delivery) == [DeliveryResult(delivered=False, permanent=permanent, reason=words)]
    assert len(receiver.requests) == 1


def test_nobody_there_is_temporary(clock: Any, delivery: Delivery, free_port: int) -> None:
    channel = ServiceChannel("sms", f"json://127.0.0.1:{free_port}/", clock=clock)
    (result,) = send_all(channel, delivery)
    assert (result.delivered, result.permanent) == (False, False)
    assert result.reason == "sms could not be reached, or did not take the message"


def test_a_service_that_hangs_ends_at_the_deadline_and_does_not_pile_up(
    receive: Any, respond: Any, clock: Any, delivery: Delivery
) -> None:
    """A2."""
    receiver = receive(respond(200))
    receiver.behaviour = receiver.hang
    channel = ServiceChannel(
        "apprise",
        f"json://127.0.0.1:{receiver.port}/?rto=60",
        clock=clock,
        timeout_ns=50 * MILLISECOND,
    )
    results = send_all(channel, *[delivery] * (services.MOST_ATTEMPTS + 1))
    assert {one.reason for one in results[:-1]} == {"apprise did not answer within 50ms"}
    assert results[-1].reason == "4 attempts have not ended yet"
    assert not any(one.permanent for one in results)
    receiver.released.set()


def test_no_secret_reaches_a_log_or_a_reason(
    receive: Any, respond: Any, clock: Any, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    """A10."""
    receiver = receive(respond(403, body=b"TOPSECRET"))
    with caplog.at_level(logging.DEBUG):
        channel = ServiceChannel(
            "apprise", f"json://me:TOPSECRET@127.0.0.1:{receiver.port}/TOPSECRET?+X=TOPSECRET", clock=clock
        )
        (result,) = send_all(channel, delivery)
    assert receiver.requests
    assert "TOPSECRET" not in caplog.text
    assert "TOPSECRET" not in str(result)


def test_an_episode_is_one_incident_and_its_recovery_resolves_it(
    receive: Any, respond: Any, clock: Any, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apprise.plugins import pagerduty

    receiver = receive(respond(202, body=b"{}"))
    monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, "us", receiver.url)
    channel = ServiceChannel("pagerduty", "pagerduty://integration@key", clock=clock)
    keys = [FIRED, FIRED.replace("fired 1", "repeat 1 action 1"), RECOVERED, FIRED.replace("eu", "us")]
    results = send_all(channel, *(evolve(delivery, key=key) for key in keys))
    assert all(one.delivered for one in results)
    events = [json.loads(request.body) for request in receiver.requests]
    assert [one["event_action"] for one in events] == ["trigger", "trigger", "resolve", "trigger"]
    first, second, third, other = [one["dedup_key"] for one in events]
    assert first == second == third != other


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("pagerduty", "pagerduty://integration@key"),
        ("opsgenie", "opsgenie://key"),
        ("slack", "slack://TokenA/TokenB/TokenC"),
        ("slack", "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"),
        ("teams", "workflows://prod.example.com/workflow/signature"),
        ("sms", "json://127.0.0.1/"),
    ],
)
def test_each_kind_takes_its_services_address(clock: Any, kind: str, url: str) -> None:
    assert ServiceChannel(kind, url, clock=clock)


@pytest.mark.parametrize(
    ("kind", "url", "words"),
    [
        ("slack", "pagerduty://TOPSECRET@key", "of another service; it begins with slack://…"),
        ("teams", "json://TOPSECRET/", "it begins with msteams://… or workflow://… or workflows://…"),
        ("apprise", "nothing://TOPSECRET", "is no URL that Apprise can use"),
        ("apprise", "TOPSECRET", "is no URL that Apprise can use"),
        ("apprise", "http://[TOPSECRET", "is no URL that Apprise can use"),
    ],
)
def test_other_addresses_are_refused_and_not_repeated(clock: Any, kind: str, url: str, words: str) -> None:
    with pytest.raises(ChannelError, match="the address of the channel") as caught:
        ServiceChannel(kind, url, clock=clock)
    assert words in str(caught.value)
    assert "TOPSECRET" not in str(caught.value)


def test_without_apprise_it_is_said_what_is_needed(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(
        ChannelError, match=r"'slack' needs the package apprise: pip install 'wsla\[channels\]'"
    ):
        ServiceChannel("slack", "slack://TokenA/TokenB/TokenC", clock=clock)
