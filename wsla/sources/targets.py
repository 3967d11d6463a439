"""What every kind of source offers: a target that can be compared, built from what agreement and deployment say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import field, frozen

from wsla.plan.model import Source
from wsla.sources.network.addresses import EVERYWHERE, Reach
from wsla.sources.network.endpoint import Endpoint

Option = str | int | bool | tuple[str, ...]
"""The value of an option, secrets filled in. A tuple is an option that was said several times."""


class SourceError(ValueError):
    """An option of a source that cannot be used. The message is for the author of the agreement, without secrets."""


class Target(Protocol):
    """What one source looks at. Frozen: equal targets need no new start."""

    @property
    def source(self) -> str:
        """The name of the source."""
        ...

    @property
    def host(self) -> str:
        """What limits per host count by; empty where none applies."""
        ...

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields of every observation."""
        ...

    @property
    def shown(self) -> str:
        """What is looked at, in a few words without secrets."""
        ...


@frozen(kw_only=True)
class RowsTarget:
    """What gives rows that are declared field by field: files, and verdicts of another agreement. On no host.

    What cannot be read is unknown after ``timeout`` nanoseconds.
    """

    declared: Source
    timeout: int

    @property
    def patience(self) -> int:
        """How long it may not be there, or be unreadable, before that counts."""
        return self.timeout

    @property
    def source(self) -> str:
        """The name of the source."""
        return self.declared.name

    @property
    def host(self) -> str:
        """It is on no host."""
        return ""

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields of every observation."""
        return tuple(
            x.name for x in self.declared.fields if self.declared.records or x.name != self.declared.at
        )


@frozen(kw_only=True)
class EndpointTarget:
    """What is behind a host and a port. ``timeout`` is nanoseconds."""

    source: str
    endpoint: Endpoint
    timeout: int
    reach: frozenset[Reach] = EVERYWHERE

    @property
    def host(self) -> str:
        """The host that is connected to."""
        return self.endpoint.host

    @property
    def shown(self) -> str:
        """Host and port."""
        return self.endpoint.where


@frozen(kw_only=True)
class Deployed:
    """One source as it is to be looked at here.

    ``declared`` is the source of the agreement. ``options`` are those of its kind, the text after the kind among them
    by its name (``url``, ``address`` …), with what the deployment says instead. ``timeout`` and ``every`` are
    nanoseconds. The rest comes from the deployment alone: ``reach`` says how near to this machine an address may lie,
    ``private_redirects`` whether a redirect may lead further in, ``commands`` which programs may be run.
    Relative paths of files start from ``folder``; times without an offset are of ``zone``.
    """

    declared: Source
    options: Mapping[str, Option] = field(factory=dict, repr=False)
    timeout: int
    every: int
    verify_tls: bool | None = None
    ca_file: str | None = None
    reach: frozenset[Reach] = EVERYWHERE
    private_redirects: bool = False
    commands: tuple[str, ...] = ()
    folder: str = ""
    zone: str = "UTC"

    @property
    def name(self) -> str:
        """The name of the source."""
        return self.declared.name

    def text(self, option: str) -> str | None:
        """An option as it is written; None where it is not given."""
        value = self.options.get(option)
        return None if value is None else str(value)

    def texts(self, option: str) -> tuple[str, ...]:
        """All values of an option that may be said several times (``header 1``, ``header 2`` …), in their order."""
        found: list[str] = []
        for name, value in self.options.items():
            if name == option or name.startswith(f"{option} "):
                found.extend(value if isinstance(value, tuple) else (str(value),))
        return tuple(found)

    def wrong(self, what: str) -> SourceError:
        """An error that names the source."""
        return SourceError(f"source {self.name}: {what}")
