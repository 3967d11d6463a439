"""A store as the daemon leaves it: an agreement, one that stands on its verdicts, and one that stands on those."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from wsla.api import Agreement, loads
from wsla.daemon.agreements import state_version
from wsla.daemon.verdicts import place_of, row_of
from wsla.engine import Engine
from wsla.evaluation.stream import JudgementFinal
from wsla.remedies.decisions import Intent, LedgerEntry
from wsla.sources.verdicts import VerdictsTarget
from wsla.store.records import Batch, Decided, Judged, Observed, Place, Snapshot
from wsla.store.sqlite import Store
from wsla.values.instants import DAY, HOUR, MINUTE
from wsla.values.observations import Observation

from . import march

BASE, ABOVE, TOP = "Database OLA", "Web shop", "Group"
_HEAD = """\
  effective 2026-01-01 in "UTC"
  currency EUR
  party acme   "Acme"   provider { email "sla@acme.example" }
  party globex "Globex" consumer { email "sla@globex.example" }
"""
TEXTS = {
    BASE: f"""agreement "{BASE}" version 1 {{
{_HEAD}
  source probe = push every 10m
  metric uptime = availability(probe.ok) each 1h
  metric up     = debounced(probe.ok, 20m)
  metric outage = downtime(up) per outage of up
  goal available: acme guarantees uptime >= 99% {{ otherwise credit globex 1 EUR  otherwise notify globex }}
  goal short: acme guarantees outage <= 15m {{ otherwise credit globex 2 EUR  otherwise notify globex }}
}}
""",
    ABOVE: f"""agreement "{ABOVE}" version 1 {{
{_HEAD}
  grace 3h
  source database = verdicts "{BASE}" "available" {{ holds 1h }}
  source hours    = records verdicts "{BASE}" "available" {{ uptime value in percent }}
  source outages  = records verdicts "{BASE}" "short"
  metric up     = availability(database.met) each 6h
  metric kept   = share(hours.met and hours.uptime >= 99%) each 6h
  metric number = count(outages where outages.met or not outages.met) each 6h
  goal standing: acme guarantees up >= 99%    {{ otherwise credit globex 10 EUR  otherwise notify globex }}
  goal keeping:  acme guarantees kept >= 99%  {{ otherwise credit globex 20 EUR }}
  goal few:      acme guarantees number <= 0  {{ otherwise credit globex 40 EUR }}
}}
""",
    TOP: f"""agreement "{TOP}" version 1 {{
{_HEAD}
  grace 10h
  source shop = verdicts "{ABOVE}" "standing" {{ holds 6h }}
  metric up = availability(shop.met) each day
  goal whole: acme guarantees up >= 99% {{ otherwise credit globex 100 EUR  otherwise notify globex }}
}}
""",
}
START = loads(TEXTS[BASE], "base.sla").instant("2026-03-01")
DOWN, UP_AGAIN = START + 7 * HOUR + 10 * MINUTE, START + 8 * HOUR
UNTIL = START + 4 * DAY
AT = "2026-03-05T12:00"


def probed(down: tuple[int, int] = (DOWN, UP_AGAIN)) -> list[Observation]:
    """The looks of all days: down from 07:10 to 08:00 on the first."""
    return [
        Observation(source="probe", at=at, fields={"ok": not down[0] <= at < down[1]})
        for at in range(START, UNTIL, 10 * MINUTE)
    ]


def came_late() -> tuple[Observed, ...]:
    """It was up after all."""
    return tuple(
        Observed(BASE, Observation(source="probe", at=at, fields={"ok": True}), UNTIL, late=True)
        for at in range(DOWN + 1, UP_AGAIN, 10 * MINUTE)
    )


def agreement(title: str) -> Agreement:
    return loads(TEXTS[title], f"{title}.sla")


def targets(title: str) -> Iterator[VerdictsTarget]:
    for source in agreement(title).plan.sources:
        if source.kind == "verdicts":
            of, goal = str(source.options["agreement"]), str(source.options["goal"])
            yield VerdictsTarget(declared=source, timeout=0, agreement=of, goal=goal)


def fill(path: Path, titles: Iterable[str] = (BASE, ABOVE, TOP), late: bool = True) -> None:
    """Makes the store at a path."""
    with Store.open(str(path), writer=True) as store:
        for title in titles:
            keep(store, title)
        if late:
            store.write(Batch(observations=came_late()))


def keep(store: Store, title: str, since: int = START) -> None:
    """Follows an agreement to its end, with what it observes of those that are kept."""
    found = agreement(title)
    observed = [Observed(title, one, one.at) for one in probed()] if title == BASE else []
    places = []
    for target in targets(title):
        source = target.declared.name
        judged = store.judgements(target.agreement, since - found.plan.grace, UNTIL, final_only=True)
        rows = [row_of(target, one) for one in judged if one.goal == target.goal]
        observed += [
            Observed(title, one, UNTIL, stream, row)
            for stream, row, one in rows
            if one.at >= since - found.plan.grace
        ]
        places.append(
            Place(title, source, {"kind": "verdicts", "place": {"of": place_of(target), "until": UNTIL}})
        )
    engine = Engine(found.plan, since)
    observed.sort(key=lambda one: one.observation.at)
    outputs = [output for one in observed for output in engine.observe(one.observation)]
    outputs += engine.advance(UNTIL)
    store.write(Batch(agreements=(march.version_of(found, since),)))
    store.write(
        Batch(
            observations=tuple(observed),
            judgements=tuple(
                Judged(title, output.judgement) for output in outputs if isinstance(output, JudgementFinal)
            ),
            decisions=tuple(Decided(title, one) for one in outputs if isinstance(one, Intent | LedgerEntry)),
            snapshots=(Snapshot(title, state_version(found, since), UNTIL, engine.snapshot()),),
            places=tuple(places),
        )
    )
