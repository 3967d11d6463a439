"""From an agreement and the configuration to what is probed and where messages go, with every secret filled in."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Final, cast

from attrs import define, evolve, field, frozen

from wsla.analysis.fields import SOURCE_KINDS
from wsla.analysis.operations import SourceField
from wsla.api import Agreement
from wsla.channels.registry import DIRECT_KINDS, ChannelError, build_channel
from wsla.daemon.agreements import sha256_of, side_by_side
from wsla.daemon.config import Bindings, ChannelBinding, Config, SourceBinding
from wsla.daemon.lineage import Lineage
from wsla.daemon.tables import Reference, SecretMissing, nearest
from wsla.interop.icalendar.meetings import is_available
from wsla.plan.model import Channel, Party, Plan, RecurringKind, Secret, Source, Target, Text
from wsla.ports import Clock
from wsla.sources import heartbeat
from wsla.sources.followed import EVERY, FILE_KINDS
from wsla.sources.registry import FOLLOWED_KINDS, SourceError, build_target
from wsla.sources.sql import SqlTarget
from wsla.sources.targets import Deployed, Option
from wsla.sources.targets import Target as Looked
from wsla.sources.verdicts import KIND as VERDICTS
from wsla.texts import OUTSIDE, lies_within

PUSHED: Final = "push"
"""The kind of source whose observations others send."""
DEFAULT_TIMEOUT: Final = 10_000_000_000
_NO_FILES: Final = ("", "stdout", "stderr")


@frozen(kw_only=True)
class ProbePlan:
    """One source to look at: how often (nanoseconds), and how. Equal plans need no new start."""

    source: str
    kind: str
    every: int
    target: Looked


@frozen(kw_only=True)
class ChannelPlan:
    """Where messages to one target go."""

    kind: str
    address: str = field(repr=False)
    options: tuple[tuple[str, object], ...] = field(default=(), repr=False)


@frozen(kw_only=True)
class Deployment:
    """An agreement, ready to run here.

    ``channels`` hold, by target (``party`` or ``party.channel``), where messages go, or why they go nowhere.
    ``pushed`` are the sources whose observations others send. ``before`` are the versions that run beside it, the
    oldest first, each by itself; the sources of all are among ``probes`` and ``pushed``, as the store calls them.
    """

    agreement: Agreement
    probes: Mapping[str, ProbePlan]
    channels: Mapping[str, ChannelPlan | str]
    pushed: frozenset[str] = frozenset()
    before: tuple[Deployment, ...] = ()
    lineage: Lineage = field(init=False, eq=False, repr=False)

    @lineage.default
    def _line_up(self) -> Lineage:
        return Lineage(agreements=(*(one.agreement for one in self.before), self.agreement))

    @property
    def versions(self) -> tuple[Deployment, ...]:
        """The versions that run side by side, the oldest first."""
        return (*self.before, self)

    @property
    def sha256(self) -> str:
        """The checksum of the texts of all versions."""
        texts = [sha256_of(one.agreement) for one in self.versions]
        return texts[0] if len(texts) == 1 else hashlib.sha256(" ".join(texts).encode()).hexdigest()

    def looked_at(self, now: int) -> Mapping[str, ProbePlan]:
        """The sources to look at at an instant: some version may still judge by them."""
        if not self.before:
            return self.probes
        wanted = self.lineage.looked_at(now)
        return {name: probe for name, probe in self.probes.items() if name in wanted}

    def at(self, at: int) -> Deployment:
        """That of the version in force at an instant."""
        return self.versions[self.lineage.place_of(at)]

    @property
    def followed(self) -> frozenset[str]:
        """The sources that are read on."""
        return frozenset(name for name, probe in self.probes.items() if probe.kind in FOLLOWED_KINDS)

    def channel(self, target: Target) -> ChannelPlan | str:
        """Where messages to a target go, or why they go nowhere."""
        return self.channels.get(str(target), f"the agreement has no channel {target}")


@define
class Deploying:
    """Puts one agreement together with the configuration. ``problems`` keep it from running, ``warnings`` do not."""

    agreement: Agreement
    config: Config
    environ: Mapping[str, str]
    clock: Clock
    problems: list[str] = field(factory=list)
    warnings: list[str] = field(factory=list)
    stored: Mapping[str, str] = field(factory=dict)
    """What sources are called in the store, where they have another name there."""

    def deploy(self) -> Deployment:
        """The deployment; of use only where there are no problems."""
        plan = self.agreement.plan
        probes = {
            probe.source: probe for source in plan.sources if (probe := self._probe(source)) is not None
        }
        channels: dict[str, ChannelPlan | str] = {}
        for party in plan.parties:
            self._party(party, channels)
        self._reviews()
        pushed = frozenset(self._name(source) for source in plan.sources if self._is_pushed(source))
        return Deployment(agreement=self.agreement, probes=probes, channels=channels, pushed=pushed)

    @property
    def _bindings(self) -> tuple[Bindings, Bindings]:
        return (self.config.agreements.get(self.agreement.title, Bindings()), self.config.bindings)

    def _problem(self, what: str) -> None:
        self.problems.append(f"“{self.agreement.title}”: {what}")

    def _warn(self, what: str) -> None:
        self.warnings.append(f"“{self.agreement.title}”: {what}")

    # Sources

    def _binding(self, source: Source) -> SourceBinding | None:
        return next((found for one in self._bindings if (found := one.sources.get(source.name))), None)

    def _name(self, source: Source) -> str:
        return self.stored.get(source.name, source.name)

    def _is_pushed(self, source: Source) -> bool:
        return _kind(source, self._binding(source)) == PUSHED

    def _probe(self, source: Source) -> ProbePlan | None:
        binding = self._binding(source)
        kind = _kind(source, binding)
        if kind in (PUSHED, heartbeat.KIND):
            if self.config.http is None:
                self._problem(
                    f"source {source.name}: its observations are sent over HTTP, and wsla.toml has no [http]"
                )
            if kind == PUSHED or source.every is None:
                return None
            target = heartbeat.HeartbeatTarget(source=self._name(source), timeout=source.timeout or 0)
            return ProbePlan(source=self._name(source), kind=kind, every=source.every, target=target)
        if not _fits(self.agreement.plan, source, kind):
            article = "an" if kind[0] in "aeiouh" else "a"
            self._problem(
                f"source {source.name}: its fields are not those that {article} {kind} source gives"
            )
            return None
        options = self._options(source, kind, binding)
        return None if options is None else self._plan(source, kind, options, binding)

    def _options(self, source: Source, kind: str, binding: SourceBinding | None) -> dict[str, Option] | None:
        """The options of a source, secrets filled in; None where one is missing."""
        bound = {} if binding is None else dict(binding.options)
        if binding is not None and binding.url is not None:
            bound["url"] = binding.url
        known = SOURCE_KINDS[kind]
        for name in bound:
            if name not in (known.text, *known.options):
                self._problem(
                    f"source {source.name}: wsla.toml: a source of kind {kind} has no option {name}"
                    f"{nearest(name, [one for one in (known.text, *known.options) if one is not None])}"
                )
                return None
        written = source.options if kind == source.kind else {}
        options: dict[str, Option] = {}
        for name, value in written.items():
            # Options that may be said several times are numbered.
            if name.partition(" ")[0] in bound:
                continue
            filled = value
            if isinstance(value, str | Secret):
                text = self._text(value, f"source {source.name}, {name}")
                if text is None:
                    return None
                filled = text
            options[name] = cast(Option, filled)
        return options | bound

    def _plan(
        self, source: Source, kind: str, options: dict[str, Option], binding: SourceBinding | None
    ) -> ProbePlan | None:
        bound = binding if binding is not None else SourceBinding()
        every = source.every if bound.every is None else bound.every
        timeout = source.timeout if bound.timeout is None else bound.timeout
        timeout = timeout or DEFAULT_TIMEOUT
        if kind in FILE_KINDS or kind == VERDICTS:
            # `every` tells how often rows come; whether there are some costs little to see.
            every = bound.every or min(every or EVERY, EVERY)
        elif every is not None:
            timeout = min(timeout, every)
        if every is None:
            self._problem(f'source {source.name}: wsla.toml does not say how often to look: every = "30s"')
            return None
        path = options.get("path") if kind in FILE_KINDS and "path" not in bound.options else None
        folder = self._folder(bound)
        if isinstance(path, str) and not _files_lie_within(os.path.join(folder, path), self.config.within):
            self._problem(f"source {source.name}: `{path}` cannot be read: {OUTSIDE}")
            return None
        deployed = Deployed(
            declared=source if self._name(source) == source.name else evolve(source, name=self._name(source)),
            options=options,
            timeout=timeout,
            every=every,
            verify_tls=bound.verify_tls,
            ca_file=bound.ca_file,
            reach=self.config.network.reach,
            private_redirects=self.config.network.private_redirects,
            commands=self.config.commands,
            folder=folder,
            zone=self.agreement.plan.zone,
        )
        try:
            target = build_target(kind, deployed)
        except SourceError as error:
            self._problem(str(error))
            return None
        written = source.options.get("connection") if "connection" not in bound.options else None
        file = target.file if isinstance(target, SqlTarget) and isinstance(written, str) else None
        if file is not None and not lies_within(file, self.config.within):
            self._problem(f"source {source.name}: `{file}` cannot be read: {OUTSIDE}")
            return None
        return ProbePlan(source=self._name(source), kind=kind, every=every, target=target)

    def _folder(self, binding: SourceBinding) -> str:
        """Where relative paths of files start from: where the one who wrote them wrote."""
        is_here = {"path", "connection"} & binding.options.keys()
        written = self.config.path if is_here else self.agreement.source.name
        return os.path.dirname(os.path.abspath(written or ""))

    # Channels

    def _party(self, party: Party, channels: dict[str, ChannelPlan | str]) -> None:
        for channel in party.channels:
            name = f"{party.name}.{channel.name}"
            channels[name] = self._channel(name, channel)
        binding = self._channel_binding(party.name)
        if binding is not None:
            channels[party.name] = self._bound(party.name, binding, None)
        elif party.channels:
            channels[party.name] = channels[f"{party.name}.{party.channels[0].name}"]
        else:
            channels[party.name] = f"the party {party.name} has no channel"

    def _channel_binding(self, name: str) -> ChannelBinding | None:
        return next((found for one in self._bindings if (found := one.channels.get(name))), None)

    def _channel(self, name: str, channel: Channel) -> ChannelPlan | str:
        binding = self._channel_binding(name)
        if binding is not None:
            return self._bound(name, binding, channel.secret)
        if channel.kind not in DIRECT_KINDS:
            reason = f"channels of kind {channel.kind} need a binding in wsla.toml"
            self._warn(f"channel {name}: {reason}; its messages go to the dead letters until then")
            return reason
        address = self._text(channel.address, f"channel {name}, address")
        secret = None
        if channel.secret is not None:
            secret = self._text(channel.secret, f"channel {name}, signing secret")
        if (
            channel.kind == "log"
            and address not in (None, *_NO_FILES)
            and not lies_within(address or "", self.config.within)
        ):
            self._problem(f"channel {name}: `{address}` cannot be written: {OUTSIDE}")
            return OUTSIDE
        if address is None or (channel.secret is not None and secret is None):
            return "a secret is missing"
        return self._checked(name, channel.kind, address, secret)

    def _bound(self, name: str, binding: ChannelBinding, inherited: Text | None) -> ChannelPlan | str:
        secret = binding.secret
        if secret is None and inherited is not None and binding.kind == "webhook":
            secret = self._text(inherited, f"channel {name}, signing secret")
        return self._checked(name, binding.kind, binding.address, secret, binding.arguments)

    def _checked(
        self, name: str, kind: str, address: str, secret: str | None, arguments: tuple[str, ...] = ()
    ) -> ChannelPlan | str:
        options: dict[str, object] = {}
        if kind in ("webhook", "alertmanager") and secret is not None:
            options["secret"] = secret
        if kind == "command":
            options = {"allowed": self.config.commands, "arguments": arguments}
        if kind == "email":
            if self.config.mail is None:
                self._warn(f"channel {name}: wsla.toml has no [mail]; its messages go to the dead letters")
                return "wsla.toml names no server for mail"
            options = self.config.mail.options()
        try:
            build_channel(kind, address, options, self.clock)
        except ChannelError as error:
            self._problem(f"channel {name}: {error}")
            return str(error)
        return ChannelPlan(kind=kind, address=address, options=tuple(options.items()))

    def _reviews(self) -> None:
        called = any(one.kind is RecurringKind.REVIEW for one in self.agreement.plan.recurring)
        if called and not is_available():
            self._problem("invitations to reviews need the package icalendar: pip install 'wsla[calendar]'")

    # Secrets

    def _text(self, text: Text, place: str) -> str | None:
        if isinstance(text, str):
            return text
        reference = self.config.secrets.get(text.variable, Reference(variable=text.variable))
        try:
            return reference.resolve(self.environ)
        except SecretMissing as error:
            self._problem(f"{place}: {error}")
            return None


def deploy_together(
    agreements: Sequence[Agreement], config: Config, environ: Mapping[str, str], clock: Clock
) -> tuple[Deployment, list[str], list[str]]:
    """The deployment of versions that run side by side, the oldest first; what keeps it from running; and warnings.

    Raises ValueError where they do not follow each other.
    """
    if len(agreements) == 1:
        deploying = Deploying(agreements[0], config, environ, clock)
        return deploying.deploy(), deploying.problems, deploying.warnings
    lineage = Lineage(agreements=side_by_side(agreements))
    single, problems, warnings = [], dict[str, None](), dict[str, None]()
    for agreement, names in zip(lineage.agreements, lineage.names, strict=True):
        deploying = Deploying(agreement, config, environ, clock, stored=names)
        single.append(deploying.deploy())
        problems.update(dict.fromkeys(deploying.problems))
        warnings.update(dict.fromkeys(deploying.warnings))
    *before, newest = single
    together = evolve(
        newest,
        probes={name: probe for one in single for name, probe in one.probes.items()},
        pushed=frozenset(name for one in single for name in one.pushed),
        before=tuple(before),
    )
    return together, list(problems), list(warnings)


def _files_lie_within(path: str, folders: tuple[str, ...] | None) -> bool:
    """True where all files that a path or pattern stands for lie in one of the folders; None stands for all."""
    if folders is None:
        return True
    parts = path.split("/")
    fixed = next((number for number, part in enumerate(parts) if set(part) & set("*?[")), len(parts))
    return ".." not in parts[fixed:] and lies_within("/".join(parts[:fixed]) or "/", folders)


def _kind(source: Source, binding: SourceBinding | None) -> str:
    """The kind by which a source is looked at here."""
    if binding is None:
        return source.kind
    if binding.kind is not None:
        return binding.kind
    own = SOURCE_KINDS.get(source.kind)
    return "http" if binding.url is not None and (own is None or own.text != "url") else source.kind


def _fits(plan: Plan, source: Source, kind: str) -> bool:
    """True where a kind gives every field of a source that the agreement asks for."""
    fields = SOURCE_KINDS[kind].fields
    if fields is None or (kind == source.kind and not source.records):
        return True
    asked = {
        one.field for one in plan.operations if isinstance(one, SourceField) and one.source == source.name
    }
    given = dict(fields)
    wanted = {one.name: one.type for one in source.fields if one.name in {*asked, *source.labels}}
    return not source.records and all(given.get(name) == type_ for name, type_ in wanted.items())


def unused_bindings(config: Config, agreements: Mapping[str, Sequence[Agreement]]) -> list[str]:
    """Bindings that fit no source and no channel of any agreement: most likely misspelt."""
    problems = []
    for title, bindings in [(None, config.bindings), *config.agreements.items()]:
        place = "" if title is None else f'agreements."{title}".'
        if title is not None and title not in agreements:
            problems.append(f'agreements."{title}": there is no such agreement{nearest(title, agreements)}')
            continue
        kept = [agreements[title]] if title is not None else list(agreements.values())
        meant = [one for versions in kept for one in versions]
        sources = {source.name for one in meant for source in one.plan.sources}
        parties = [party for one in meant for party in one.plan.parties]
        channels = {f"{party.name}.{channel.name}" for party in parties for channel in party.channels}
        channels |= {party.name for party in parties}
        for name in bindings.sources:
            if name not in sources:
                problems.append(
                    f"{place}bindings.sources.{name}: there is no such source{nearest(name, sources)}"
                )
        for name in bindings.channels:
            if name not in channels:
                problems.append(
                    f'{place}bindings.channels."{name}": there is no such channel{nearest(name, channels)}'
                )
    return [f"{config.path or 'wsla.toml'}: {problem}" for problem in problems]
