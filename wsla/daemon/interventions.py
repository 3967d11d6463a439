"""What people did about messages, as the outbox asks before each attempt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from wsla.remedies.decisions import Intent
from wsla.remedies.identity import episode_of, is_recovery, said_of
from wsla.store.interventions import Delivering, Intervention, Withheld
from wsla.store.sqlite import Store
from wsla.values.instants import format_instant

KINDS: Final = ("drop", "acknowledge", "silence")


class Interventions:
    """What is in force of ``known``; it is made anew whenever something was added."""

    def __init__(self, known: Iterable[Intervention] = ()) -> None:
        self._dropped: Final[set[Delivering]] = set()
        self._acknowledged: Final[dict[str, Intervention]] = {}
        self._silences: Final[dict[tuple[str, str], Intervention]] = {}
        self.count = 0
        for one in known:
            self.count += 1
            match one.kind:
                case "drop":
                    self._dropped.add((one.subject, one.target or ""))
                case "acknowledge":
                    self._acknowledged.setdefault(one.subject, one)
                case "silence":
                    # Of two silences about the same the later one counts, so that one can be ended early.
                    self._silences[one.agreement, one.subject] = one
                case "retry":
                    pass

    @classmethod
    def of(cls, store: Store) -> Interventions:
        """Everything that a store holds."""
        return cls(store.interventions(*KINDS, "retry"))

    def is_dropped(self, intent_id: str, target: str) -> bool:
        """True where somebody dropped a message while it waited: it is not pending in the store any more."""
        return (intent_id, target) in self._dropped

    def withholds(self, agreement: str, intent: Intent, now: int) -> tuple[Withheld, str] | None:
        """Why a message is not sent at an instant (nanoseconds), in words; None where it is."""
        said = said_of(intent.id)
        # A silence of everything is meant for alarms: a report and a meeting would be missing for good.
        appointed = said is not None and said.kind in ("report", "review")
        for cause in (intent.cause,) if appointed else ("", intent.cause):
            silence = self._silences.get((agreement, cause))
            if silence is not None and silence.at <= now < (silence.until or 0):
                until = format_instant(silence.until or 0)
                return "silenced", f"silenced by {silence.author} until {until}: {silence.note}"
        episode = episode_of(intent.id)
        acknowledged = None if episode is None else self._acknowledged.get(episode)
        if acknowledged is None or is_recovery(intent.id):
            return None
        when = format_instant(acknowledged.at)
        return "acknowledged", f"acknowledged by {acknowledged.author} at {when}"
