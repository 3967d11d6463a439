"""What the streaming evaluator tells its caller, in order of ``at`` (nanoseconds since the epoch)."""

from __future__ import annotations

from attrs import frozen

from wsla.evaluation.verdicts import Judgement, Labels
from wsla.values.observations import Observation


@frozen(kw_only=True)
class JudgementFinal:
    """A window's verdict is final: at its end in history, at its end + grace live."""

    at: int
    judgement: Judgement


@frozen(kw_only=True)
class StandingChanged:
    """What is said of a window that is still open has changed (live only).

    ``since`` is for *secured* and *lost* the first instant at which that was certain, as far as is known at ``at``
    (rule M99); None for other words. It may lie before ``at``, where nobody looked, or an observation came late; where
    late data moves it, it is told anew.
    """

    at: int
    judgement: Judgement
    since: int | None = None


@frozen(kw_only=True)
class TriggerChanged:
    """A rule's trigger takes a value for a label combination; the first one is the value at its start."""

    at: int
    rule: str
    labels: Labels
    value: bool | None


@frozen(kw_only=True)
class TooLate:
    """An observation that lies further back than the grace for late data; it was not taken."""

    at: int
    observation: Observation


Event = JudgementFinal | StandingChanged | TriggerChanged | TooLate
