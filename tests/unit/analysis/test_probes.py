"""What the checker says of the addresses and options of probes."""

from __future__ import annotations

import pytest

from wsla.api import check

TEXT = """\
agreement "Probes" version 1 {
  effective 2026-01-01 in "UTC"
  party host "Host" provider
  party shop "Shop" consumer
  source probe = SOURCE
  metric uptime = availability(probe.ok) each month
  goal available: host guarantees uptime >= 99.9% { otherwise notify shop }
}
"""


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ('tcp "mail.example:25" every 1m', None),
        ('tcp "mail.example:1" every 1m', None),
        ('tcp "mail.example:65535" every 1m', None),
        ('tcp "[2001:db8::1]:25" every 1m', None),
        ("tcp env PLACE every 1m", None),
        ('tcp "mail.example" every 1m', "E0210"),
        ('tcp "mail.example:0" every 1m', "E0210"),
        ('tcp "mail.example:65536" every 1m', "E0210"),
        ('tcp "mail.example:' + "9" * 5_000 + '" every 1m', "E0210"),
        ('tcp "https://mail.example:25" every 1m', "E0210"),
        ('tcp "mail.example:25"', "E0701"),
        ("tcp every 1m", "E0703"),
        ('tcp "mail.example:25" every 1m { header "X: y" }', "E0209"),
        ('tcp "mail.example:25" every 1m { contains "a" contains "b" }', "E0202"),
        ('tls "shop.example" every 1m', None),
        ('tls "shop.example:0" every 1m', "E0210"),
        ('tls "shop.example" every 1m { protocol 1.3 }', None),
        ('tls "shop.example" every 1m { protocol 1.1 }', "E0706"),
        ('dns "shop.example" every 1m { record aaaa expected "::1" expected "::2" }', None),
        ('dns "shop.example" every 1m { record ANY }', "E0706"),
        ('icmp "shop.example" every 1m { count 100 }', None),
        ('icmp "shop.example" every 1m { count 101 }', "E0706"),
        ('icmp "shop.example" every 1m { count env MANY }', None),
        ('command "/usr/bin/true" every 1m { argument "a" argument "a" expected 0 }', None),
        ('command "true" every 1m', "E0210"),
        ('push every 1m { only "service.name=shop" only "zone=a" }', None),
        ('push every 1m { only "service.name" }', "E0706"),
        ('push every 1m { only "=shop" }', "E0706"),
        ('sql "sqlite:///shop.db" "SELECT 1" every 1m { parameter "a=1" parameter "b=" }', None),
        ('sql "sqlite:///shop.db" "SELECT 1" every 1m { parameter "a" }', "E0706"),
        ('sql "sqlite:///shop.db" "SELECT 1" every 1m { parameter "1=a" }', "E0706"),
        ('verdicts "Database OLA" "available" { holds 5m  ok met }', None),
        ('verdicts "Database OLA" { holds 5m }', "E0703"),
        ('verdicts "Database OLA" "available"', "E0704"),
        ('tpc "mail.example:25" every 1m', "E0208"),
    ],
)
def test_addresses_and_options(source: str, code: str | None) -> None:
    found = [one.code for one in check(TEXT.replace("SOURCE", source))]
    assert found == ([] if code is None else [code])


@pytest.mark.parametrize("kind", ["tcp", "tls", "dns", "icmp", "command"])
def test_a_field_that_the_kind_does_not_give(kind: str) -> None:
    place = "/usr/bin/true" if kind == "command" else "h:1" if kind == "tcp" else "h"
    text = TEXT.replace("SOURCE", f'{kind} "{place}" every 1m').replace("probe.ok", "probe.okay")
    assert [one.code for one in check(text)] == ["E0203"]
