"""`wsla.toml`: everything that it may say, and every problem with its place, in one pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsla.daemon.config import Config, ConfigError, load_config
from wsla.daemon.retention import Retention
from wsla.daemon.tables import Reference
from wsla.values.instants import DAY, HOUR, SECOND

FULL = """
store = "sqlite:////var/lib/wsla/wsla.db"
log_format = "json"

[limits]
concurrency = 100
per_host = 2
attempts = 7
deliver_within = "12h"
buffer = 5000
snapshot_every = "10s"

[mail]
server = "mail.example.org"
port = 465
security = "tls"
sender = "SLA desk <sla@example.org>"
username = "sla"
password = { env = "MAIL_PASSWORD" }

[bindings.sources.probe]
url = "http://127.0.0.1:8000/health"
timeout = "2s"

[bindings.channels."acme.oncall"]
kind = "webhook"
address = { file = "hook" }
secret = { env = "HOOK" }

[agreements."Search API Gold".bindings.channels.globex]
kind = "log"
address = "stdout"

[secrets]
GLOBEX_HOOK_SECRET = { file = "secret" }
"""


def load(folder: Path, text: str, **environ: str) -> Config:
    path = folder / "wsla.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, environ)


def problems(folder: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(folder, text, **environ)
    prefix = f"{folder / 'wsla.toml'}: "
    assert all(problem.startswith(prefix) for problem in raised.value.problems)
    return [problem.removeprefix(prefix) for problem in raised.value.problems]


def test_without_a_file_there_are_defaults() -> None:
    config = load_config(None, {})
    assert config == Config()
    assert (config.store, config.limits.concurrency, config.limits.per_host) == (
        "sqlite:///wsla.db",
        2_000,
        10,
    )
    assert (config.limits.attempts, config.limits.deliver_within) == (500, 24 * HOUR)


def test_an_empty_file_says_the_same(tmp_path: Path) -> None:
    config = load(tmp_path, "")
    assert config == Config(path=str(tmp_path / "wsla.toml"))


def test_everything(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("https://hooks.example.org/x\n")
    config = load(tmp_path, FULL, MAIL_PASSWORD="a", HOOK="b")
    assert config.store == "sqlite:////var/lib/wsla/wsla.db"
    assert config.log_format == "json"
    assert (config.limits.per_host, config.limits.snapshot_every) == (2, 10 * SECOND)
    assert config.mail is not None
    assert config.mail.options()["password"] == "a"
    assert config.bindings.sources["probe"].timeout == 2 * SECOND
    channel = config.bindings.channels["acme.oncall"]
    assert (channel.kind, channel.address, channel.secret) == ("webhook", "https://hooks.example.org/x", "b")
    assert config.agreements["Search API Gold"].channels["globex"].kind == "log"
    assert config.secrets == {"GLOBEX_HOOK_SECRET": Reference(file=str(tmp_path / "secret"))}


def test_no_secret_is_shown(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("https://hooks.example.org/token")
    shown = repr(load(tmp_path, FULL, MAIL_PASSWORD="hidden-one", HOOK="hidden-two"))
    assert not any(secret in shown for secret in ("hidden", "token"))


def test_all_problems_come_at_once_with_their_places(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        'stor = 1\n[limits]\nconcurency = 3\nper_host = 0\nattempts = true\n[mail]\nserver = "m"\n'
        'password = "x"\n[bindings.channels."a.b"]\nkind = "webhok"\n[bindings.sources.s]\nurl = "ftp://x"\n',
    )
    assert 'stor: there is no such setting; did you mean "store"?' in found
    assert 'limits.concurency: there is no such setting; did you mean "concurrency"?' in found
    assert "limits.per_host: this is a whole number between 1 and 10000" in found
    assert "limits.attempts: this is a whole number between 1 and 1000" in found
    assert "mail.sender: this is needed for mail" in found
    assert any(one.startswith("mail.password: a secret is not written here") for one in found)
    assert 'bindings.channels."a.b".kind: there is no "webhok"; did you mean "webhook"?' in found
    assert any(one.startswith('bindings.channels."a.b".address: ') for one in found)
    assert "bindings.sources.s.url: a web address begins with https:// or http://" in found


def test_a_written_secret_is_not_repeated(tmp_path: Path) -> None:
    found = problems(tmp_path, '[secrets]\nX = "hunter2"\n')
    assert len(found) == 1
    assert "hunter2" not in found[0]


@pytest.mark.parametrize(
    ("environ", "words"),
    [({}, "variable MAIL_PASSWORD is not set"), ({"MAIL_PASSWORD": ""}, "variable MAIL_PASSWORD is empty")],
)
def test_a_secret_that_is_not_there(tmp_path: Path, environ: dict[str, str], words: str) -> None:
    text = (
        '[mail]\nserver = "m"\nsender = "a@b.example"\nusername = "u"\npassword = { env = "MAIL_PASSWORD" }\n'
    )
    [found] = problems(tmp_path, text, **environ)
    assert words in found


@pytest.mark.parametrize(
    ("value", "fine"),
    [('"1s"', True), ('"30d"', True), ('"999ms"', False), ('"31d"', False), ("30", False), ('"30"', False)],
)
def test_the_ends_of_a_length(tmp_path: Path, value: str, fine: bool) -> None:
    text = f"[limits]\ndeliver_within = {value}\n"
    if fine:
        assert load(tmp_path, text).limits.deliver_within >= SECOND
    else:
        assert problems(tmp_path, text)[0].startswith("limits.deliver_within: ")


@pytest.mark.parametrize(("value", "fine"), [(0, False), (1, True), (10_000, True), (10_001, False)])
def test_the_ends_of_a_number(tmp_path: Path, value: int, fine: bool) -> None:
    text = f"[limits]\nconcurrency = {value}\n"
    if fine:
        assert load(tmp_path, text).limits.concurrency == value
    else:
        assert problems(tmp_path, text)


def test_what_is_no_toml_and_what_cannot_be_read(tmp_path: Path) -> None:
    assert problems(tmp_path, "store = ")[0].startswith("this is not TOML")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "absent.toml", {})
    (tmp_path / "latin.toml").write_bytes(b'store = "\xe9"')
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(tmp_path / "latin.toml", {})


@pytest.mark.parametrize("text", ["limits = 3", "[[bindings]]", "bindings.sources = []", "agreements = 1"])
def test_a_table_that_is_none(tmp_path: Path, text: str) -> None:
    assert "this is a table" in problems(tmp_path, text)[0]


def test_how_long_observations_are_kept(tmp_path: Path) -> None:
    assert load(tmp_path, "").retention == Retention(observations=None, rollup=DAY)
    text = '[retention]\nobservations = "400d"\nrollup = "1h"\n'
    assert load(tmp_path, text).retention == Retention(observations=400 * DAY, rollup=HOUR)


@pytest.mark.parametrize(
    "text",
    [
        'observations = "23h"',
        "observations = 400",
        'rollup = "7h"',
        'observation = "400d"',
        'observations = "0s"',
    ],
)
def test_retention_that_cannot_be(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"retention\."):
        load(tmp_path, f"[retention]\n{text}\n")


def test_the_address_of_a_service_is_a_reference_and_arguments_are_a_programs(tmp_path: Path) -> None:
    path = tmp_path / "wsla.toml"
    path.write_text(
        '[commands]\nallow = ["/bin/true"]\n'
        '[bindings.channels.a]\nkind = "slack"\naddress = { env = "SLACK" }\n'
        '[bindings.channels.b]\nkind = "command"\naddress = "/bin/true"\narguments = ["--to", "desk"]\n',
        "utf-8",
    )
    config = load_config(path, {"SLACK": "slack://A/B/C"})
    slack, program = config.bindings.channels["a"], config.bindings.channels["b"]
    assert (slack.kind, slack.address) == ("slack", "slack://A/B/C")
    assert "slack://A" not in repr(config)
    assert (program.kind, program.arguments) == ("command", ("--to", "desk"))
    path.write_text(
        '[bindings.channels.a]\nkind = "pagerduty"\naddress = "pagerduty://TOPSECRET"\n'
        '[bindings.channels.b]\nkind = "webhook"\naddress = "https://x/"\narguments = ["x"]\n',
        "utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert "TOPSECRET" not in str(caught.value)
    first, second = caught.value.problems
    assert "bindings.channels.a.address: this holds secrets" in first
    assert "bindings.channels.b.arguments: there is no such setting" in second
