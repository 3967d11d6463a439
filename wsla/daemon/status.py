"""What the daemon knows of itself at a moment, for whoever asks."""

from __future__ import annotations

import os
import platform
from typing import Final, Literal

from attrs import frozen

from wsla.daemon.lateness import LatenessCounts
from wsla.evaluation.verdicts import Judgement
from wsla.values.observations import Observation


@frozen(kw_only=True)
class Turn:
    """Whether this daemon judges or stands by, its own name, and the name of the one that judges: None where nobody
    does at the moment, or nobody knows."""

    role: Literal["judge", "standby"]
    me: str
    judge: str | None


def name_of_process() -> str:
    """What this daemon is called where there are several: ``process 12 on db1``."""
    return f"process {os.getpid()} on {platform.node()}"


ALONE: Final = Turn(role="judge", me="", judge=None)


@frozen(kw_only=True)
class SourceStatus:
    """A source: its latest observation, and how late (nanoseconds) its latest look began."""

    name: str
    last: Observation | None
    lateness: int


@frozen(kw_only=True)
class AgreementStatus:
    """An agreement that is kept. ``failed`` says why it is not judged, None where it is. ``version`` is the one in
    force, ``versions`` are all that run."""

    title: str
    version: int
    file: str
    sources: tuple[SourceStatus, ...]
    standings: tuple[Judgement, ...]
    accepted: int
    failed: str | None
    versions: tuple[int, ...] = ()


@frozen(kw_only=True)
class Status:
    """The daemon. ``waiting`` is what is not stored yet, ``dropped`` how many observations were lost for want of room.

    Of messages: ``in_hand`` wait or are under way, the others count what became of attempts since the start.
    ``refused_rows`` are those of what is read on that cannot be used.
    ``broken`` says what was wrong when the files were read last, so that all stays as it was before; ``sound_at`` is
    when they were taken last, in nanoseconds.
    ``looks`` counts looks since the start by how late they began. ``turn`` says whose turn it is to judge.
    """

    agreements: tuple[AgreementStatus, ...]
    running_probes: int
    lateness: int
    waiting: int
    dropped: int
    store_trouble: str | None
    in_hand: int
    delivered: int
    failed_attempts: int
    dead: int
    reloads: int = 0
    refused_rows: int = 0
    broken: tuple[str, ...] = ()
    looks: LatenessCounts = LatenessCounts()
    sound_at: int = 0
    turn: Turn = ALONE
