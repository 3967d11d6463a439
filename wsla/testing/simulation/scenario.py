"""What a seed chooses: when it begins, which agreements, which kinds of faults, and when each of them strikes."""

from __future__ import annotations

from random import Random
from typing import Final

from attrs import define, evolve, field

from wsla.testing.simulation.disk import Trouble
from wsla.testing.simulation.outside import RECEIVER_MODES, SERVICE_MODES, Spell
from wsla.testing.simulation.texts import KINDS, Wording, first_wording
from wsla.values.instants import DAY, HOUR, MINUTE, SECOND

_STARTS: Final = (
    1_774_737_000,  # 28 March 2026, 22:30 UTC: clocks go forward in Berlin at 01:00
    1_777_584_600,  # 30 April 2026, 21:30 UTC: a month ends in Berlin
    1_792_882_800,  # 24 October 2026, 23:00 UTC: clocks go back in Berlin at 01:00
    1_793_505_600,  # 1 November 2026, 04:00 UTC: a month begins, and clocks go back in New York at 06:00
    1_798_754_400,  # 31 December 2026, 22:00 UTC: a year ends
    1_835_391_600,  # 28 February 2028, 23:00 UTC: before a leap day
    1_780_000_000,
)
FAMILIES: Final = (
    "crashes", "kills", "restarts", "services", "receivers", "disk", "clock", "suspend", "lateness", "people",
    "reloads", "housekeeping", "computing",
)  # fmt: skip
"""The kinds of faults. Each is in about half of the runs, so that what one hides the others do not meet in some."""

_AMENDED: Final = 0.7
_CORRECTED: Final = 0.6
DOWN_FOR: Final = (SECOND // 10, 5 * SECOND, 40 * SECOND, 2 * MINUTE, 8 * MINUTE)


@define
class Edit:
    """What somebody does to the file of an agreement: a text, or None to take the file away; ``raw`` in its place is
    no agreement at all. ``told`` is how often the daemon is then told to read anew."""

    at: int
    kind: str
    wording: Wording | None
    raw: str | None = None
    told: int = 1


@define
class Scenario:
    """A run before it is run. All instants are nanoseconds of the timeline."""

    seed: int
    length: int
    start: int = 0
    families: frozenset[str] = frozenset()
    wordings: dict[str, Wording] = field(factory=dict)
    services: dict[str, list[Spell]] = field(factory=dict)
    receivers: dict[str, list[Spell]] = field(factory=dict)
    troubles: list[Trouble] = field(factory=list)
    kills: list[int] = field(factory=list)
    restarts: list[int] = field(factory=list)
    steps: list[tuple[int, int]] = field(factory=list)
    suspends: list[tuple[int, int]] = field(factory=list)
    edits: list[Edit] = field(factory=list)
    packs: list[int] = field(factory=list)
    corrections: list[int] = field(factory=list)
    crashes: list[int] = field(factory=list)
    limits: dict[str, str] = field(factory=dict)
    retention: bool = False
    computing: int = 0
    empty_store: bool = False

    @property
    def often(self) -> int:
        """How many times as many faults there are as in a short run: days without any would show little."""
        return max(1, self.length // (4 * HOUR))


def drawn(seed: int, length: int) -> Scenario:
    """The scenario of a seed; ``length`` is nanoseconds."""
    chance = Random(f"scenario {seed}")
    families = frozenset(one for one in FAMILIES if chance.random() < 0.5)
    kinds = chance.sample(sorted(KINDS), chance.choice((1, 1, 1, 1, 2, 3)))
    scenario = Scenario(seed=seed, length=length, start=chance.choice(_STARTS) * SECOND, families=families)
    scenario.start += chance.randrange(HOUR // 2)
    scenario.wordings = {kind: first_wording(kind, chance) for kind in kinds}
    scenario.limits = {
        "snapshot_every": chance.choice(("5s", "1m", "10m", "1h")),
        "deliver_within": chance.choice(("20m", "2h", "24h")),
        "attempts": chance.choice(("3", "500", "500")),
    }
    scenario.empty_store = chance.random() < 0.03
    _draw_outside(scenario, chance)
    _draw_process(scenario, chance)
    _draw_files(scenario, chance)
    _draw_corrections(scenario)
    _draw_amendments(scenario)
    return scenario


def _instants(scenario: Scenario, chance: Random, most: int) -> list[int]:
    return sorted(chance.randrange(scenario.length) for _ in range(chance.randint(1, most * scenario.often)))


def _length(chance: Random) -> int:
    return chance.choice(
        (chance.randrange(SECOND, 90 * SECOND), chance.randrange(MINUTE, 9 * MINUTE), 25 * MINUTE)
    )


def _spells(scenario: Scenario, chance: Random, modes: tuple[str, ...], most: int) -> list[Spell]:
    return [Spell(chance.choice(modes), at, at + _length(chance)) for at in _instants(scenario, chance, most)]


def _draw_outside(scenario: Scenario, chance: Random) -> None:
    # Without any outage nothing would follow from anything.
    for host in ("shop.example", "desk.example", "bank.example"):
        modes = SERVICE_MODES if "services" in scenario.families else ("down",)
        scenario.services[host] = _spells(scenario, chance, modes, 4)
    if "receivers" in scenario.families:
        hosts = (
            "acme.example/oncall", "acme.example/manager", "globex.example/sla", "initech.example/sla",
            "host.example/oncall", "shop.example/sla", "it.example/desk", "sales.example/sla",
            "ops.example/oncall", "bank.example/sla",
        )  # fmt: skip
        for host in hosts:
            if chance.random() < 0.6:
                scenario.receivers[f"https://{host}"] = _spells(scenario, chance, RECEIVER_MODES, 3)


def _draw_process(scenario: Scenario, chance: Random) -> None:
    families = scenario.families
    if "crashes" in families:
        scenario.crashes = [
            int(10 ** chance.uniform(0, 3.2)) for _ in range(chance.randint(1, 4 * scenario.often))
        ]
    if "kills" in families:
        scenario.kills = _instants(scenario, chance, 3)
    if "restarts" in families:
        scenario.restarts = _instants(scenario, chance, 2)
    if "disk" in families:
        kinds = ("full", "locked", "failing", "uncertain", "unreadable", "slow")
        for at in _instants(scenario, chance, 4):
            scenario.troubles.append(Trouble(chance.choice(kinds), at, at + _length(chance)))
    if "clock" in families:
        by = (-HOUR, -5 * MINUTE, -SECOND, SECOND, 2 * MINUTE, HOUR)
        scenario.steps = [(at, chance.choice(by)) for at in _instants(scenario, chance, 2)]
    if "suspend" in families:
        lengths = (30 * SECOND, 4 * MINUTE, 4 * MINUTE, 50 * MINUTE)
        scenario.suspends = [(at, chance.choice(lengths)) for at in _instants(scenario, chance, 2)]
        if chance.random() < 0.05:
            # In longer runs long enough for observations to be no longer kept; dear to look at, so that it is rare.
            long = 3 * DAY if scenario.length > HOUR // 2 else 5 * HOUR
            scenario.suspends[0] = (scenario.suspends[0][0], long)
            scenario.retention = True
    if "computing" in families:
        scenario.computing = chance.choice((2_000, 100_000))
    if "housekeeping" in families:
        scenario.packs = _instants(scenario, chance, 6)
        scenario.retention = chance.random() < 0.5
        # Who has slept long finds much that is old enough to be packed, and a look that has not ended yet.
        waking = Random(f"waking {scenario.seed}")
        scenario.packs += [
            at + length + waking.randrange(10 * SECOND)
            for at, length in scenario.suspends
            if length > HOUR // 2
        ]


def _draw_corrections(scenario: Scenario) -> None:
    # To judge again is dear, and only what others date comes too late; none of it does at the beginning.
    chance = Random(f"corrections {scenario.seed}")
    dated = {"feed", "desk"} & scenario.wordings.keys()
    if dated and "lateness" in scenario.families and chance.random() < _CORRECTED:
        third = scenario.length // 3
        instants = [third + at * 2 // 3 for at in _instants(scenario, chance, 2)]
        scenario.corrections = [*instants, scenario.length + MINUTE]


def _draw_amendments(scenario: Scenario) -> None:
    """Some new versions amend those before them, soon after they come, and run beside them."""
    chance = Random(f"amendments {scenario.seed}")
    begins: dict[tuple[str, int], int] = {}
    latest: dict[str, int] = {}
    for edit in scenario.edits:
        wording = edit.wording
        if wording is None or wording.version == 1:
            continue
        which = (wording.kind, wording.version)
        if which not in begins and chance.random() < _AMENDED:
            at = scenario.start + edit.at + chance.randrange(20 * MINUTE)
            begins[which] = latest[wording.kind] = max(at, latest.get(wording.kind, 0) + 2 * SECOND)
        begins.setdefault(which, 0)
    scenario.edits[:] = [
        evolve(
            edit, wording=evolve(edit.wording, begins=begins.get((edit.kind, edit.wording.version)) or None)
        )
        if edit.wording is not None
        else edit
        for edit in scenario.edits
    ]


def _draw_files(scenario: Scenario, chance: Random) -> None:
    if "reloads" not in scenario.families:
        return
    current = dict(scenario.wordings)
    for at in _instants(scenario, chance, 4):
        kind = chance.choice(sorted(current))
        wording, raw, back = current[kind], None, at
        match chance.choice(("changed", "version", "moved", "broken", "gone", "renamed", "same")):
            case "changed":
                wording = evolve(wording, variant=wording.variant + 1)
            case "version":
                wording = evolve(wording, variant=wording.variant + 1, version=wording.version + 1)
            case "moved":
                wording = evolve(wording, moved=not wording.moved)
            case "broken":
                raw = chance.choice(("agreement", "", "\0\xff", wording.text()[: chance.randrange(40, 400)]))
            case "gone":
                scenario.edits.append(Edit(at, kind, None))
                back = at + chance.randrange(MINUTE, 10 * MINUTE)
            case "renamed":
                renamed = evolve(wording, title=f"{wording.title} (new)")
                scenario.edits.append(Edit(at, kind, renamed))
                back = at + chance.randrange(MINUTE, 20 * MINUTE)
        scenario.edits.append(Edit(back, kind, wording, raw, told=chance.choice((1, 1, 3))))
        if raw is not None:
            scenario.edits.append(Edit(at + _length(chance), kind, wording))
        current[kind] = wording
    scenario.edits.sort(key=lambda edit: edit.at)
