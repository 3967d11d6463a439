"""What the declarations of one agreement know of each other while it is checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from zoneinfo import ZoneInfo

from attrs import define, field

from wsla.analysis.arena import Arena
from wsla.analysis.checked import Party, Service
from wsla.analysis.fields import SourceEntry
from wsla.analysis.reporter import Reporter
from wsla.analysis.rows import WrittenTable
from wsla.diagnostics.diagnostic import Related
from wsla.syntax import surface
from wsla.values.quantities import DAYS, Dimension
from wsla.values.schedules import Schedule


@define(eq=False, repr=False)
class Term:
    """The head of an agreement."""

    kind: str = "customer"
    zone: str = "UTC"
    currency: str | None = None
    effective_start: int = 0
    effective_end: int | None = None
    grace: int = 600_000_000_000
    amends: int | None = None
    takes_over: bool = False

    @property
    def zone_info(self) -> ZoneInfo:
        """The zone, loaded."""
        return ZoneInfo(self.zone)


@define(eq=False, repr=False)
class Scope:
    """Names declared so far, each kind in a mapping of its own, and what was used.

    ``creditor`` is the party of the credit whose amount is being checked; ``unsound`` names services of which
    something wrong has been said already.
    """

    reporter: Reporter
    broken: frozenset[str] = frozenset()
    term: Term = field(factory=Term)
    arena: Arena = field(factory=Arena)
    parties: dict[str, Party] = field(factory=dict)
    services: dict[str, Service] = field(factory=dict)
    fees: dict[str, tuple[Fraction, str]] = field(factory=dict)
    schedules: dict[str, Schedule] = field(factory=dict)
    units: dict[str, str] = field(factory=lambda: {"day": "day", "days": "day"})
    sources: dict[str, SourceEntry] = field(factory=dict)
    declared: dict[str, tuple[str, surface.Word]] = field(factory=dict)
    used: set[str] = field(factory=set)
    tables: list[WrittenTable] = field(factory=list)
    creditor: str | None = None
    unsound: set[str] = field(factory=set)

    def declare(self, what: str, name: surface.Word) -> bool:
        """Takes a name; an error and False where it is taken already."""
        taken = self.declared.get(name.text)
        if taken is None:
            self.declared[name.text] = (what, name)
            return True
        self.reporter.error(
            "E0202",
            f"`{name.text}` is defined twice",
            name.span,
            label=f"this {what} has the name of a {taken[0]}",
            related=(Related(span=taken[1].span, text="first defined here"),),
        )
        return False

    def find(self, what: str, word: surface.Word, known: Mapping[str, object]) -> bool:
        """True where the name is known; marks it as used. An unknown one is an error, unless its declaration is
        broken.
        """
        if word.text in known:
            self.used.add(word.text)
            return True
        if word.text not in self.broken:
            self.reporter.unknown_name("E0201", what, word, known, self._other_kind(word, what))
        return False

    def _other_kind(self, word: surface.Word, what: str) -> str:
        found = self.declared.get(word.text)
        return f"`{word.text}` is a {found[0]}; a {what} is needed here" if found and found[0] != what else ""

    def countable(self, dimension: Dimension) -> str | None:
        """What a ledger may count in: a currency's code, or the name of a unit of the agreement; otherwise None."""
        if dimension.currency is not None:
            return dimension.currency
        bases = {name for name in self.units.values() if name != DAYS.exponents[0][0]}
        return next((name for name in bases if dimension.exponents == ((name, 1),)), None)

    def names(self, kinds: Iterable[str]) -> list[str]:
        """Declared names of some kinds."""
        wanted = set(kinds)
        return [name for name, (kind, _) in self.declared.items() if kind in wanted]
