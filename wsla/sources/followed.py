"""The csv, jsonl and parquet sources: files that grow, and folders into which files come."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from attrs import frozen

from wsla.sources.files.packed import ENDINGS
from wsla.sources.files.places import CALENDARS, COLUMNAR
from wsla.sources.targets import Deployed, RowsTarget
from wsla.values.calendars import find_zone
from wsla.values.instants import SECOND

if TYPE_CHECKING:
    from wsla.sources.following import Follower

FILE_KINDS: Final = frozenset({"csv", "jsonl", "parquet"})
"""The kinds whose files are followed."""
EVERY: Final = SECOND
"""How often files are looked at where nobody says it."""


@frozen(kw_only=True)
class FileTarget(RowsTarget):
    """The files of one source: one, those of a folder, or those that a pattern matches.

    ``zone`` is that of times without an offset.
    """

    kind: str
    path: str
    zone: str | None = None

    @property
    def shown(self) -> str:
        """The path."""
        return self.path


def from_options(kind: str, deployed: Deployed) -> FileTarget:
    """The target of a source of files of a kind. Raises SourceError where an option cannot be used."""
    source = deployed.declared
    path = deployed.text("path") or ""
    if not path or "\0" in path:
        raise deployed.wrong("it names no file")
    if path.casefold().endswith(ENDINGS):
        raise deployed.wrong("a packed file does not grow by rows; `wsla eval` reads it")
    if path.casefold().endswith(CALENDARS):
        if not source.records:
            raise deployed.wrong("a calendar holds records: `source x = records csv …`")
        if find_spec("icalendar") is None:
            raise deployed.wrong("what reads calendars is not installed: pip install 'wsla[calendar]'")
    if kind == "parquet":
        if find_spec("polars") is None:
            raise deployed.wrong("what reads Parquet is not installed: pip install 'wsla[parquet]'")
        name = os.path.basename(path).casefold()
        if "." in name and not name.endswith((*COLUMNAR, "*")):
            raise deployed.wrong("the name of a Parquet file ends in .parquet")
    return FileTarget(
        declared=source,
        kind=kind,
        path=os.path.normpath(os.path.join(deployed.folder, path)),
        timeout=deployed.timeout,
        zone=deployed.zone if source.options.get("times") == "local" else None,
    )


def build_follower(target: FileTarget) -> Follower:
    """Who follows the files of a target."""
    zone: ZoneInfo | None = None if target.zone is None else find_zone(target.zone)
    if target.path.casefold().endswith(CALENDARS):
        from wsla.sources.files.following_calendars import CalendarFollower

        return CalendarFollower(target.declared, target.path, zone)
    if target.kind == "parquet":
        from wsla.sources.files.following_tables import TableFollower

        return TableFollower(target.declared, target.path, zone)
    from wsla.sources.files.following import TextFollower

    return TextFollower(target.declared, target.kind, target.path, zone)
