"""From an agreement and the configuration to what is probed and where messages go, with every secret filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from attrs import define, field, frozen

from wsla.api import Agreement
from wsla.channels.registry import KNOWN_KINDS, ChannelError, build_channel
from wsla.daemon.config import Bindings, ChannelBinding, Config, SourceBinding
from wsla.daemon.tables import Reference, SecretMissing, nearest
from wsla.plan.model import Channel, Party, Secret, Source, Target, Text
from wsla.ports import Clock
from wsla.sources.http import HttpTarget, HttpTargetError

_STATUS: Final = re.compile(r"(\d{3})(?:\s*(?:-|\.\.|to)\s*(\d{3}))?")
_OFF: Final = frozenset({"no", "none", "never", "off", "refused", "ignored", "unchecked"})
_ON: Final = frozenset({"yes", "follow", "followed", "on", "checked"})
DEFAULT_TIMEOUT: Final = 10_000_000_000


@frozen(kw_only=True)
class ProbePlan:
    """One source to look at: how often (nanoseconds), and how. Equal plans need no new start."""

    source: str
    every: int
    target: HttpTarget


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
    """

    agreement: Agreement
    probes: Mapping[str, ProbePlan]
    channels: Mapping[str, ChannelPlan | str]

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

    def deploy(self) -> Deployment:
        """The deployment; of use only where there are no problems."""
        plan = self.agreement.plan
        probes = {source.name: probe for source in plan.sources if (probe := self._probe(source)) is not None}
        channels: dict[str, ChannelPlan | str] = {}
        for party in plan.parties:
            self._party(party, channels)
        return Deployment(agreement=self.agreement, probes=probes, channels=channels)

    @property
    def _bindings(self) -> tuple[Bindings, Bindings]:
        return (self.config.agreements.get(self.agreement.title, Bindings()), self.config.bindings)

    def _problem(self, what: str) -> None:
        self.problems.append(f"“{self.agreement.title}”: {what}")

    def _warn(self, what: str) -> None:
        self.warnings.append(f"“{self.agreement.title}”: {what}")

    # Sources

    def _probe(self, source: Source) -> ProbePlan | None:
        binding = next((found for one in self._bindings if (found := one.sources.get(source.name))), None)
        if source.kind != "http" and binding is None:
            reader = "; `wsla eval` reads files" if source.kind in ("csv", "jsonl", "parquet") else ""
            self._problem(
                f"source {source.name}: `wsla run` cannot observe a source of kind {source.kind}{reader}. "
                f"Bind it to a web address in wsla.toml: [bindings.sources.{source.name}]"
            )
            return None
        if source.records or not self._fits(source):
            self._problem(f"source {source.name}: its fields are not those that an http source gives")
            return None
        return self._http(source, binding)

    def _fits(self, source: Source) -> bool:
        from wsla.analysis.fields import SOURCE_KINDS

        given = dict(SOURCE_KINDS["http"].fields or ())
        wanted = {one.name: one.type for one in source.fields if one.name != source.at}
        return source.kind == "http" or all(given.get(name) == kind for name, kind in wanted.items())

    def _http(self, source: Source, binding: SourceBinding | None) -> ProbePlan | None:
        options = source.options if source.kind == "http" else {}
        every = binding.every if binding is not None and binding.every is not None else source.every
        if every is None:
            self._problem(f'source {source.name}: wsla.toml does not say how often to look: every = "30s"')
            return None
        timeout = binding.timeout if binding is not None and binding.timeout is not None else source.timeout
        texts = {
            name: self._text(value, f"source {source.name}, {name}")
            if isinstance(value, str | Secret)
            else value
            for name, value in options.items()
            if name != "url" or binding is None
        }
        if binding is not None:
            texts["url"] = binding.url
        if any(value is None for value in texts.values()):
            return None
        try:
            target = _target(source.name, texts, min(timeout or DEFAULT_TIMEOUT, every), binding)
        except (HttpTargetError, ValueError) as error:
            self._problem(str(error))
            return None
        return ProbePlan(source=source.name, every=every, target=target)

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
        if channel.kind not in KNOWN_KINDS:
            reason = f"channels of kind {channel.kind} are not available in this release"
            self._warn(
                f"channel {name}: {reason}; its messages go to the dead letters unless wsla.toml binds it"
            )
            return reason
        address = self._text(channel.address, f"channel {name}, address")
        secret = None
        if channel.secret is not None:
            secret = self._text(channel.secret, f"channel {name}, signing secret")
        if address is None or (channel.secret is not None and secret is None):
            return "a secret is missing"
        return self._checked(name, channel.kind, address, secret)

    def _bound(self, name: str, binding: ChannelBinding, inherited: Text | None) -> ChannelPlan | str:
        secret = binding.secret
        if secret is None and inherited is not None and binding.kind == "webhook":
            secret = self._text(inherited, f"channel {name}, signing secret")
        return self._checked(name, binding.kind, binding.address, secret)

    def _checked(self, name: str, kind: str, address: str, secret: str | None) -> ChannelPlan | str:
        options: dict[str, object] = {}
        if kind == "webhook" and secret is not None:
            options["secret"] = secret
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


def unused_bindings(config: Config, agreements: Mapping[str, Agreement]) -> list[str]:
    """Bindings that fit no source and no channel of any agreement: most likely misspelt."""
    problems = []
    for title, bindings in [(None, config.bindings), *config.agreements.items()]:
        place = "" if title is None else f'agreements."{title}".'
        if title is not None and title not in agreements:
            problems.append(f'agreements."{title}": there is no such agreement{nearest(title, agreements)}')
            continue
        meant = [agreements[title]] if title is not None else list(agreements.values())
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


def _target(
    source: str, options: Mapping[str, object], timeout: int, binding: SourceBinding | None
) -> HttpTarget:
    given: dict[str, object] = {"source": source, "url": str(options.get("url", "")), "timeout": timeout}
    if "method" in options:
        given["method"] = str(options["method"]).upper()
    headers = [str(value) for name, value in options.items() if name.startswith("header")]
    if headers:
        given["headers"] = tuple(_header(source, line) for line in headers)
    if "body" in options:
        given["body"] = str(options["body"]).encode()
    if "expected" in options:
        given["expected_status"] = _statuses(source, str(options["expected"]))
    if "contains" in options:
        given["expected_text"] = str(options["contains"])
    if "redirects" in options:
        given.update(_redirects(source, str(options["redirects"]).lower()))
    if "certificate" in options:
        given.update(_certificate(str(options["certificate"])))
    if binding is not None and binding.verify_tls is not None:
        given["verify_tls"] = binding.verify_tls
    if binding is not None and binding.ca_file is not None:
        given["ca_file"] = binding.ca_file
    return HttpTarget(**given)  # type: ignore[arg-type]


def _header(source: str, line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise HttpTargetError(f'source {source}: a header is written "Name: value"')
    return name.strip(), value.strip()


def _statuses(source: str, text: str) -> tuple[tuple[int, int], ...]:
    found = []
    for part in text.split(","):
        match = _STATUS.fullmatch(part.strip())
        if match is None:
            raise HttpTargetError(
                f'source {source}: expected statuses are written "200", "200-299" or "200, 404"'
            )
        found.append((int(match[1]), int(match[2] or match[1])))
    return tuple(found)


def _redirects(source: str, text: str) -> dict[str, object]:
    if text in _ON:
        return {"follow_redirects": True}
    if text in _OFF or text == "0":
        return {"follow_redirects": False}
    if text.isdigit():
        return {"max_redirects": int(text)}
    raise HttpTargetError(
        f"source {source}: redirects are followed, never followed, or at most a number of them"
    )


def _certificate(text: str) -> dict[str, object]:
    if text.lower() in _ON:
        return {"verify_tls": True}
    return {"verify_tls": False} if text.lower() in _OFF else {"ca_file": text}
