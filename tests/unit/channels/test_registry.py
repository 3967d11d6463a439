"""Building channels from words."""

from __future__ import annotations

import asyncio
import json

import pytest

from wsla.channels.log import LogChannel
from wsla.channels.mail import MailChannel
from wsla.channels.registry import (
    DIRECT_KINDS,
    KNOWN_KINDS,
    OPTIONS,
    SERVICE_KINDS,
    ChannelError,
    build_channel,
)
from wsla.channels.webhook import WebhookChannel

MAIL = {"host": "mail.example", "sender": "sla@acme.example"}
HOOK = "https://hooks.example/x"


def test_the_kinds():
    assert DIRECT_KINDS | SERVICE_KINDS | {"alertmanager", "command"} == KNOWN_KINDS
    assert frozenset(OPTIONS) == KNOWN_KINDS


@pytest.mark.parametrize(
    ("kind", "address", "options", "form"),
    [
        ("webhook", HOOK, {}, WebhookChannel),
        ("webhook", HOOK, {"secret": "s", "timeout_seconds": "20", "ca_file": None}, WebhookChannel),
        ("email", "it@globex.example", MAIL, MailChannel),
        (
            "email",
            "it@globex.example",
            {
                **MAIL,
                "port": "2525",
                "security": "tls",
                "username": "u",
                "password": "p",
                "timeout_seconds": 300,
            },
            MailChannel,
        ),
        ("log", "", {}, LogChannel),
        ("log", "stdout", {}, LogChannel),
        ("log", "stderr", {}, LogChannel),
        ("log", "notices.jsonl", {}, LogChannel),
    ],
)
def test_each_kind_is_built(clock, kind, address, options, form):
    channel = build_channel(kind, address, options, clock)
    assert isinstance(channel, form)
    asyncio.run(channel.close())


@pytest.mark.parametrize(
    ("kind", "address", "options", "words"),
    [
        ("webhok", HOOK, {}, "there is no channel 'webhok'; did you mean 'webhook'?"),
        ("EMAIL", "", {}, "there is no channel 'EMAIL'; did you mean 'email'?"),
        ("pigeon", "", {}, "there is no channel 'pigeon'; known: " + ", ".join(sorted(KNOWN_KINDS))),
        (
            "webhook",
            HOOK,
            {"secrt": "s"},
            "the channel 'webhook' has no option 'secrt'; did you mean 'secret'?",
        ),
        ("log", "", {"secret": "s"}, "the channel 'log' has no option 'secret'"),
        ("webhook", HOOK, {"secret": 7}, "the option 'secret' is a text"),
        ("webhook", HOOK, {"timeout_seconds": 0}, "the option 'timeout_seconds' lies between 1 and 300"),
        ("webhook", HOOK, {"timeout_seconds": 301}, "the option 'timeout_seconds' lies between 1 and 300"),
        ("webhook", HOOK, {"timeout_seconds": "5s"}, "the option 'timeout_seconds' is a whole number"),
        ("webhook", HOOK, {"timeout_seconds": 1.5}, "the option 'timeout_seconds' is a whole number"),
        ("webhook", HOOK, {"timeout_seconds": True}, "the option 'timeout_seconds' is a whole number"),
        (
            "email",
            "it@globex.example",
            {"sender": "a@b.example"},
            "the channel 'email' needs the option 'host'",
        ),
        (
            "email",
            "it@globex.example",
            {"host": "mail.example"},
            "the channel 'email' needs the option 'sender'",
        ),
        (
            "email",
            "it@globex.example",
            {**MAIL, "security": "ssl"},
            "a mail server's security is starttls, tls or none",
        ),
        ("log", "a\0b", {}, "the path of a log holds a null character"),
    ],
)
def test_mistakes_are_named(clock, kind, address, options, words):
    with pytest.raises(ChannelError) as caught:
        build_channel(kind, address, options, clock)
    assert str(caught.value) == words


def test_a_log_to_standard_output_writes_there(clock, delivery, capsys):
    channel = build_channel("log", "stdout", {}, clock)
    assert asyncio.run(channel.send(delivery)).delivered
    assert json.loads(capsys.readouterr().out)["id"] == delivery.key


@pytest.mark.parametrize("kind", sorted(KNOWN_KINDS))
def test_no_mistake_tells_a_secret(clock, kind):
    options = {"secret": "TOPSECRET", "password": "TOPSECRET", "username": "x", "port": "TOPSECRET"}
    with pytest.raises(ChannelError) as caught:
        build_channel(kind, "nowhere://TOPSECRET@x/?k=TOPSECRET", options, clock)
    assert "TOPSECRET" not in str(caught.value)
