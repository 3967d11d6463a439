"""What a service stands on, checked: other services, another agreement, or an assumption."""

from __future__ import annotations

from fractions import Fraction

from attrs import field, frozen

from wsla.diagnostics.source import NOWHERE, Span
from wsla.values.calendars import TumblingWindow
from wsla.values.records import Record


@frozen(kw_only=True, eq=False, repr=False)
class NeededService(Record):
    """A service that must be up."""

    service: str


@frozen(kw_only=True, eq=False, repr=False)
class NeededSome(Record):
    """Of these, ``least`` must be up: all of them, one, or some."""

    least: int
    members: tuple[Need, ...]

    @property
    def word(self) -> str:
        """``all``, ``any`` or ``2 of``."""
        if self.least == len(self.members):
            return "all"
        return "any" if self.least == 1 else f"{self.least} of"


Need = NeededService | NeededSome


@frozen(kw_only=True, eq=False, repr=False)
class Origin(Record):
    """The service of another agreement that a service is; the agreement is known by its title."""

    title: str
    service: str
    span: Span = field(default=NOWHERE, eq=False, repr=False)


@frozen(kw_only=True, eq=False, repr=False)
class Assumption(Record):
    """The availability that a service without an agreement of its own is taken to have in every window."""

    share: Fraction
    window: TumblingWindow


def need_text(need: Need) -> str:
    """A need as it is written."""
    if isinstance(need, NeededService):
        return need.service
    return f"{need.word}({', '.join(need_text(one) for one in need.members)})".replace(" of(", " of (")
