"""`wsla.toml`: what the deployment knows and the agreements do not."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from attrs import evolve, field, frozen

from wsla.analysis.fields import SOURCE_KINDS
from wsla.channels.registry import SERVICE_KINDS
from wsla.daemon.http_config import Http, read_http
from wsla.daemon.retention import Retention
from wsla.daemon.tables import Reference, SecretMissing, Table
from wsla.sources.network.addresses import USUAL, Reach
from wsla.sources.network.endpoint import Endpoint, EndpointError, endpoint
from wsla.sources.registry import KNOWN_KINDS as PROBED_KINDS
from wsla.sources.targets import Option
from wsla.texts import content_of
from wsla.values.instants import DAY, HOUR, MILLISECOND, SECOND

CHANNEL_KINDS: Final = ("webhook", "email", "log", "alertmanager", "command", *sorted(SERVICE_KINDS))
SECURITIES: Final = ("starttls", "tls", "none")
LOG_FORMATS: Final = ("text", "json")
ROLLUPS: Final = {"1h": HOUR, "1d": DAY}
_OPTIONS: Final = {
    kind: tuple(name for name in (SOURCE_KINDS[kind].text, *SOURCE_KINDS[kind].options) if name is not None)
    for kind in sorted(PROBED_KINDS)
}
_ALL_OPTIONS: Final = tuple(dict.fromkeys(name for names in _OPTIONS.values() for name in names))


class ConfigError(ValueError):
    """A configuration that cannot be used. ``problems`` holds every one, each with file and key; ``files`` are those
    in which its secrets should lie."""

    def __init__(self, problems: tuple[str, ...], files: tuple[str, ...] = ()) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.files = files


@frozen(kw_only=True)
class Limits:
    """How much at once, how long, how often. Lengths are nanoseconds.

    ``concurrency`` and ``per_host`` count probes; ``attempts`` and ``deliver_within`` end a delivery; ``buffer`` counts
    what is kept in memory while the store cannot be written; ``snapshot_every`` is the time between two notes of the
    engine's state.
    """

    concurrency: int = 2_000
    per_host: int = 10
    attempts: int = 500
    deliver_within: int = 24 * HOUR
    buffer: int = 100_000
    snapshot_every: int = 30 * SECOND


@frozen(kw_only=True)
class Mail:
    """The server that takes mail in."""

    server: str
    sender: str
    port: int | None = None
    security: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None

    def options(self) -> dict[str, object]:
        """As a channel of kind ``email`` takes it."""
        return {
            "host": self.server,
            "sender": self.sender,
            "port": self.port,
            "security": self.security,
            "username": self.username,
            "password": self.password,
            "ca_file": self.ca_file,
        }


@frozen(kw_only=True)
class Network:
    """How near to this machine a source may lie, and whether a redirect may lead further in than where it came from.

    ``references`` are places that can be reached whenever this machine's own network works.
    """

    reach: frozenset[Reach] = USUAL
    private_redirects: bool = False
    references: tuple[Endpoint, ...] = ()


@frozen(kw_only=True)
class SourceBinding:
    """What a source looks at here, in place of what its agreement says. What is None stays as it is there.

    Without a ``kind`` a ``url`` means `http`, unless the source's own kind takes one.
    """

    kind: str | None = None
    url: str | None = field(default=None, repr=False)
    options: Mapping[str, Option] = field(factory=dict, repr=False)
    every: int | None = None
    timeout: int | None = None
    verify_tls: bool | None = None
    ca_file: str | None = None


@frozen(kw_only=True)
class ChannelBinding:
    """Where messages to a channel go here."""

    kind: str
    address: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    arguments: tuple[str, ...] = field(default=(), repr=False)


@frozen(kw_only=True)
class Bindings:
    """Sources and channels (``party.channel``, or ``party`` for the channel that is used without a name)."""

    sources: Mapping[str, SourceBinding] = field(factory=dict)
    channels: Mapping[str, ChannelBinding] = field(factory=dict)


@frozen(kw_only=True)
class Config:
    """Everything that `wsla.toml` says, with defaults for what it does not say.

    ``agreements`` holds bindings for one agreement, by its title; they go before ``bindings``. ``secrets`` says where
    the variables lie that agreements name after ``env``. ``commands`` are the programs that sources and channels may
    run. ``files`` are those in which secrets lie. What agreements name is read and written only ``within`` folders, or
    anywhere for None. With ``reload_on_change`` changed files are read without being asked.
    """

    path: str | None = None
    store: str = field(default="sqlite:///wsla.db", repr=False)
    log_format: str = "text"
    limits: Limits = Limits()
    network: Network = Network()
    commands: tuple[str, ...] = ()
    retention: Retention = Retention()
    mail: Mail | None = None
    http: Http | None = None
    bindings: Bindings = Bindings()
    agreements: Mapping[str, Bindings] = field(factory=dict)
    secrets: Mapping[str, Reference] = field(factory=dict)
    files: tuple[str, ...] = ()
    within: tuple[str, ...] | None = None
    reload_on_change: bool = True


def load_config(path: str | Path | None, environ: Mapping[str, str]) -> Config:
    """The configuration of a file; None gives the defaults. Raises ConfigError with all problems of the file."""
    if path is None:
        return Config()
    name = str(path)
    try:
        values = tomllib.loads(content_of(path).decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(
            (f"{name}: cannot be read: {(error.strerror or 'unknown reason').lower()}",)
        ) from None
    except UnicodeDecodeError:
        raise ConfigError((f"{name}: the text is not UTF-8",)) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError((f"{name}: this is not TOML: {error}",)) from None
    except ValueError as error:
        raise ConfigError((f"{name}: {error}",)) from None
    top = Table(values, (), [], os.path.dirname(name))
    config = _read(top, name, environ)
    files = tuple(dict.fromkeys(top.files))
    if top.problems:
        raise ConfigError(tuple(f"{name}: {problem}" for problem in top.problems), files)
    return evolve(config, files=files)


def _read(top: Table, name: str, environ: Mapping[str, str]) -> Config:
    hidden = isinstance(top.values.get("store"), dict)
    store = _secret(top, "store", environ) if hidden else top.text("store")
    log_format = top.text("log_format", LOG_FORMATS)
    limits = _limits(top.table("limits"))
    network = _network(top.table("network"))
    commands = _commands(top.table("commands"))
    retention = _retention(top.table("retention"))
    mail = _mail(top.table("mail"), environ)
    http = read_http(top.table("http"), environ)
    bindings = _bindings(top.table("bindings"), environ)
    agreements = {}
    named = top.table("agreements")
    for title, table in named.tables() if named is not None else ():
        agreements[title] = _bindings(table.table("bindings"), environ)
        table.finish()
    secrets = {}
    places = top.table("secrets")
    for variable in places.values if places is not None else ():
        reference = places.reference(variable) if places is not None else None
        if reference is not None:
            secrets[variable] = reference
    files = top.table("files")
    within = None
    if files is not None:
        within = files.texts("within")
        files.finish()
    reload = top.table("reload")
    on_change = None
    if reload is not None:
        on_change = reload.truth("on_change")
        reload.finish()
    top.finish()
    return Config(
        path=name,
        store=store or Config().store,
        log_format=log_format or "text",
        limits=limits,
        network=network,
        commands=commands,
        retention=retention,
        mail=mail,
        http=http,
        bindings=bindings,
        agreements=agreements,
        secrets=secrets,
        within=None if within is None else tuple(os.path.join(top.folder, one) for one in within),
        reload_on_change=on_change is not False,
    )


def _limits(table: Table | None) -> Limits:
    default = Limits()
    if table is None:
        return default
    limits = Limits(
        concurrency=table.integer("concurrency", default.concurrency, 1, 10_000),
        per_host=table.integer("per_host", default.per_host, 1, 10_000),
        attempts=table.integer("attempts", default.attempts, 1, 1_000),
        deliver_within=table.length("deliver_within", default.deliver_within, SECOND, 30 * DAY),
        buffer=table.integer("buffer", default.buffer, 1_000, 10_000_000),
        snapshot_every=table.length("snapshot_every", default.snapshot_every, 100 * MILLISECOND, HOUR),
    )
    table.finish()
    return limits


def _network(table: Table | None) -> Network:
    if table is None:
        return Network()
    reach = table.texts("reach", Reach)
    redirects = table.truth("private_redirects")
    references = []
    for text in table.texts("references") or ():
        try:
            references.append(endpoint(text))
        except EndpointError as error:
            table.problem("references", str(error))
    table.finish()
    return Network(
        reach=USUAL if reach is None else frozenset(Reach(one) for one in reach),
        private_redirects=bool(redirects),
        references=tuple(references),
    )


def _commands(table: Table | None) -> tuple[str, ...]:
    if table is None:
        return ()
    allowed = table.texts("allow") or ()
    for path in allowed:
        if not os.path.isabs(path) or os.path.normpath(path) != path:
            table.problem("allow", f'"{path}" is not the whole path of a program, such as "/usr/bin/true"')
    table.finish()
    return allowed


def _retention(table: Table | None) -> Retention:
    if table is None:
        return Retention()
    observations = table.optional_length("observations", DAY, 36_525 * DAY)
    rollup = table.text("rollup", ROLLUPS)
    table.finish()
    return Retention(observations=observations, rollup=ROLLUPS.get(rollup or "1d", DAY))


def _mail(table: Table | None, environ: Mapping[str, str]) -> Mail | None:
    if table is None:
        return None
    server, sender = table.text("server"), table.text("sender")
    for key, value in (("server", server), ("sender", sender)):
        if value is None and key not in table.values:
            table.problem(key, "this is needed for mail")
    port = table.integer("port", 0, 1, 65_535)
    mail = Mail(
        server=server or "",
        sender=sender or "",
        port=port or None,
        security=table.text("security", SECURITIES),
        username=table.text("username"),
        password=_secret(table, "password", environ),
        ca_file=table.path("ca_file"),
    )
    if (mail.username is None) != ("password" not in table.values):
        table.problem("username", "username and password go together")
    if mail.security == "none" and "password" in table.values:
        table.problem("security", "a password is sent only over starttls or tls")
    table.finish()
    return mail


def _bindings(table: Table | None, environ: Mapping[str, str]) -> Bindings:
    if table is None:
        return Bindings()
    sources, channels = table.table("sources"), table.table("channels")
    found = Bindings(
        sources={name: _source(one, environ) for name, one in sources.tables()}
        if sources is not None
        else {},
        channels={name: _channel(one, environ) for name, one in channels.tables()}
        if channels is not None
        else {},
    )
    table.finish()
    return found


def _source(table: Table, environ: Mapping[str, str]) -> SourceBinding:
    kind = table.text("kind", PROBED_KINDS)
    names = _OPTIONS.get(kind or "", _ALL_OPTIONS)
    url = None
    if "url" in names:
        hidden = isinstance(table.values.get("url"), dict)
        url = _secret(table, "url", environ) if hidden else table.text("url")
    if url is not None and not url.startswith(("http://", "https://")):
        table.problem("url", "a web address begins with https:// or http://")
    options = {
        name: value
        for name in names
        if name != "url" and (value := _option(table, name, environ)) is not None
    }
    binding = SourceBinding(
        kind=kind,
        url=url,
        options=options,
        every=table.optional_length("every", MILLISECOND, DAY),
        timeout=table.optional_length("timeout", MILLISECOND, HOUR),
        verify_tls=table.truth("verify_tls"),
        ca_file=table.path("ca_file"),
    )
    if not table.values:
        table.problem(None, "a binding says what is looked at instead, or how often")
    table.finish()
    return binding


def _option(table: Table, key: str, environ: Mapping[str, str]) -> Option | None:
    """A text, a whole number, several texts, or a reference to a secret."""
    if isinstance(table.values.get(key), dict):
        return _secret(table, key, environ)
    return table.option(key)


def _channel(table: Table, environ: Mapping[str, str]) -> ChannelBinding:
    kind = table.text("kind", CHANNEL_KINDS)
    hidden = isinstance(table.values.get("address"), dict)
    address = _secret(table, "address", environ) if hidden else table.text("address")
    for key in ("kind", "address"):
        if key not in table.values:
            table.problem(key, "a binding says the kind of channel and its address")
    if kind in SERVICE_KINDS and address is not None and not hidden:
        table.problem(
            "address", 'this holds secrets: { env = "NAME" } or { file = "path" } says where it lies'
        )
    arguments = table.texts("arguments") if kind == "command" else None
    binding = ChannelBinding(
        kind=kind or "log",
        address=address or "",
        secret=_secret(table, "secret", environ),
        arguments=arguments or (),
    )
    table.finish()
    return binding


def _secret(table: Table, key: str, environ: Mapping[str, str]) -> str | None:
    reference = table.reference(key)
    if reference is None:
        return None
    try:
        return reference.resolve(environ)
    except SecretMissing as error:
        table.problem(key, str(error))
        return None
