"""Mail without a server: what is composed, and which addresses and servers are refused at once."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from wsla.channels.errors import ChannelError
from wsla.channels.mail import MailChannel, MailServer
from wsla.ports import Delivery


@given(subject=st.text(max_size=300), text=st.text(max_size=300), key=st.text(max_size=50))
def test_any_text_composes_to_the_same_headers(subject, text, key):
    class Clock:
        def now(self) -> int:
            return 0

    server = MailServer(host="mail.example", sender="sla@acme.example")
    channel = MailChannel("it@globex.example", server, clock=Clock())
    octets = channel._compose(Delivery(key=key, subject=subject, text=text, payload={})).as_bytes()
    head = octets.partition(b"\r\n\r\n")[0]
    names = [line.split(b":")[0] for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    assert set(names[:6]) == {b"Subject", b"From", b"To", b"Date", b"Message-ID", b"Auto-Submitted"}
    assert sorted(names[6:]) == [b"Content-Transfer-Encoding", b"Content-Type", b"MIME-Version"]
    assert octets.isascii()
    assert octets.replace(b"\r\n", b"").count(b"\n") == 0


@pytest.mark.parametrize(
    "address",
    [
        "",
        "it",
        "it@",
        "@globex.example",
        "a@b@c.example",
        "it@glo bex.example",
        "it@globex.example\r\nDATA",
        "a,b@c.example",
    ],
)
def test_addresses_that_are_none_are_refused(clock, address):
    server = MailServer(host="mail.example", sender="sla@acme.example")
    with pytest.raises(ChannelError, match="is not a mail address"):
        MailChannel(address, server, clock=clock)
    with pytest.raises(ChannelError, match="the sender"):
        MailChannel("it@globex.example", evolve(server, sender=address), clock=clock)


@pytest.mark.parametrize("length", [64, 65])
def test_the_part_before_the_at_sign_has_a_longest_length(clock, length):
    server = MailServer(host="mail.example", sender="sla@acme.example")
    address = "x" * length + "@globex.example"
    if length == 64:
        MailChannel(address, server, clock=clock)
    else:
        with pytest.raises(ChannelError):
            MailChannel(address, server, clock=clock)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"host": ""}, "host"),
        ({"host": "a b"}, "host"),
        ({"host": "a\r\nb"}, "host"),
        ({"security": "ssl"}, "starttls, tls or none"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"timeout_ns": 0}, "timeout"),
        ({"username": "u"}, "go together"),
        ({"password": "p"}, "go together"),
        ({"username": "u", "password": "p", "security": "none"}, "only over starttls or tls"),
        ({"username": "u", "password": "pä"}, "ASCII"),
    ],
)
def test_servers_that_cannot_work_are_refused(wrong, words):
    with pytest.raises(ChannelError, match=words):
        MailServer(**{"host": "mail.example", "sender": "sla@acme.example", **wrong})


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_follows_from_the_security(security, port):
    server = MailServer(host="mail.example", sender="sla@acme.example", security=security)
    assert server.where == f"mail.example:{port}"
