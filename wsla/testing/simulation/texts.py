"""The agreements that are kept in simulations: a few written by hand, with what the seed chooses filled in."""

from __future__ import annotations

from random import Random
from typing import Final

from attrs import frozen

from wsla.values.calendars import find_zone
from wsla.values.instants import SECOND, format_instant

_SHOP: Final = """agreement "{title}" version {version} {{
  kind customer
  effective 2026-01-01 in "Europe/Berlin"
  currency EUR
  grace {grace}
  party acme "Acme" provider {{
    oncall webhook "https://acme.example/oncall"
    manager webhook "https://acme.example/manager"
  }}
  party globex "Globex" consumer {{ hook webhook "https://globex.example/sla" }}
  party initech "Initech" consumer {{ hook webhook "https://initech.example/sla" }}
  service shop "Shop" {{ fee 3000 EUR per month }}
  source probe = http "https://shop.example/health" every {every} timeout 20s
  metric up = probe.ok and probe.elapsed < 2s
  metric uptime = availability(up) each {window}
  metric day = availability(up) each day
  goal available: acme guarantees uptime >= {promised} {{
    otherwise credit globex by uptime {{
      >= 80%: 1% of shop.fee
      >= 50%: 2% of shop.fee
      else:   5% of shop.fee
    }} claimed within 2 days of window end
    otherwise credit initech 7.77 EUR
    otherwise notify globex, initech
    unknown time {unknown}
  }}
  goal daily: acme guarantees day >= 99% {{
    otherwise credit globex 10% of shop.fee
    otherwise notify globex
  }}
  when not up for {patience} {{
    notify acme.oncall
    repeat every 7m
    after 5m: notify acme.manager
    after 15m: escalate acme.manager, globex
    on recovery: notify acme.oncall, globex
  }}
  when consecutive(available) >= 2 {{
    credit globex 11 EUR from acme
    escalate acme.manager
  }}
  cap credits to globex at {cap} EUR each day
  cap credits to initech at 20 EUR each month
  {calendar}
}}
"""

_FEED: Final = """agreement "{title}" version {version} {{
  effective 2026-01-01 in "UTC"
  currency USD
  grace {grace}
  party host "Host" provider {{ oncall webhook "https://host.example/oncall" }}
  party shop "Shop" consumer {{ hook webhook "https://shop.example/sla" }}
  service stream "Feed" {{ fee 100 USD per month }}
  source feed = push every {every} {{
    label region
    up up
    latency took in ms
  }}
  metric working = feed.up and feed.latency < 1s
  metric uptime = availability(working) each {window} by region
  metric slow = percentile(feed.latency, 90) each {window}
  goal available: host guarantees uptime >= {promised} {{
    otherwise credit shop 5% of stream.fee
    otherwise notify shop
    rewarding credit host 1 USD from shop
    unknown time {unknown}
  }}
  goal fast: host guarantees slow < 1500ms {{ otherwise credit shop 0.33 USD }}
  when misses(available, 4) >= 2 {{ grant shop "termination" }}
  when not working for {patience} {{
    notify host.oncall
    repeat every 9m
    on recovery: notify host.oncall, shop
  }}
  cap credits to shop at the highest each day
  cap rewards to host at 5 USD each day
}}
"""

_DESK: Final = """agreement "{title}" version {version} {{
  kind internal
  effective 2026-01-01 in "America/New_York"
  currency EUR
  grace {grace}
  party it "IT" provider {{ desk webhook "https://it.example/desk" }}
  party sales "Sales" consumer {{ hook webhook "https://sales.example/sla" }}
  source probe = http "https://desk.example/health" every {every} timeout 30s
  source tickets = records push every {every} {{
    key number
    at closed_at
    opened opened_at
  }}
  metric up = debounced(probe.ok, {patience})
  metric uptime = availability(up) over last 20m every 5m
  metric solved = share(elapsed(tickets.opened, tickets.closed_at) <= 20m) each {window}, or 100% when idle
  metric missing = downtime(probe.ok) over last 20m every 5m
  goal available: it guarantees uptime >= {promised} {{
    otherwise credit sales 3 EUR per started 1m of missing at most 20 EUR
    otherwise notify sales
  }}
  goal quick: it guarantees solved >= 70% {{
    otherwise credit sales 4 EUR only above 1 EUR
    otherwise ticket it.desk
  }}
  when available violated in 2 of last 3 windows {{
    notify sales, it.desk
    credit sales 2 EUR from it
  }}
  cap credits to sales at {most} EUR each day
}}
"""

_BEAT: Final = """agreement "{title}" version {version} {{
  effective 2026-01-01 in "UTC"
  currency EUR
  grace {grace}
  party ops "Operations" provider {{ oncall webhook "https://ops.example/oncall" }}
  party bank "Bank" consumer {{ hook webhook "https://bank.example/sla" }}
  source backup = heartbeat every {every} timeout 20s
  source probe = http "https://bank.example/health" every {every} timeout 15s
  metric alive = backup.ok
  metric uptime = availability(alive and probe.ok) each {window}
  metric outage = downtime(probe.ok) per outage of probe.ok
  goal available: ops guarantees uptime >= {promised} {{
    otherwise credit bank 12.50 EUR
    otherwise notify bank
    unknown time {unknown}
  }}
  goal short: ops guarantees outage <= 8m {{
    otherwise credit bank 1 EUR per started 5m of outage at most 6 EUR
  }}
  when not alive for {patience} {{
    notify ops.oncall
    repeat every 6m
    on recovery: notify ops.oncall
  }}
  cap credits to bank at {cap} EUR over last 2 days
  {calendar}
}}
"""

KINDS: Final = {"shop": _SHOP, "feed": _FEED, "desk": _DESK, "beat": _BEAT}
_CALENDAR: Final = {
    "shop": "publish report to globex, acme.manager each day",
    "beat": 'call review with ops, bank each day at 22:30 for 30m "Handover"',
}
"""In every second variant, for it is looked at every second."""
_VARIANTS: Final = 8
_CHOICES: Final = {
    "every": ("80s", "100s", "2m"),
    "window": ("5m", "5m", "10m"),
    "promised": ("90%", "99%", "85%"),
    "grace": ("1m", "3m", "10s"),
    "unknown": ("is excluded", "counts as missed", "counts as met"),
    "patience": ("2m", "3m"),
    "cap": ("40", "400"),
    "most": ("20", "30", "60"),
}


@frozen(kw_only=True)
class Wording:
    """One text of an agreement: of a kind, in one of a few variants. Few, so that each is read once in a process.

    With ``begins`` (nanoseconds) it amends the version before it from that instant on."""

    kind: str
    variant: int
    version: int = 1
    title: str
    moved: bool = False
    begins: int | None = None

    def text(self) -> str:
        """The text."""
        chance = Random(f"{self.kind} {self.variant % _VARIANTS}")
        chosen = {name: chance.choice(values) for name, values in _CHOICES.items()}
        chosen["calendar"] = _CALENDAR.get(self.kind, "") if self.variant % 2 else ""
        text = KINDS[self.kind].format(title=self.title, version=self.version, **chosen)
        if self.begins is not None:
            zone = text.partition("effective 2026-01-01 in ")[2].split('"')[1]
            begins = format_instant(self.begins // SECOND * SECOND, find_zone(zone))[:19]
            text = text.replace("effective 2026-01-01", f"effective {begins}", 1)
            text = text.replace(" {", f" amends {self.version - 1} {{", 1)
        # Another address changes no term.
        return text.replace("/oncall", "/oncall2").replace("/health", "/healthy") if self.moved else text


def first_wording(kind: str, chance: Random) -> Wording:
    """What an agreement of a kind says at the beginning."""
    return Wording(kind=kind, variant=chance.randrange(_VARIANTS), title=kind.capitalize())
