"""Agreement and configuration become probes and channels; what is missing is said with agreement, place and name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wsla.api import loads
from wsla.daemon.bindings import ChannelPlan, Deploying, Deployment, unused_bindings
from wsla.daemon.config import Bindings, ChannelBinding, Config, Mail, SourceBinding
from wsla.daemon.tables import Reference
from wsla.plan.model import Target
from wsla.values.instants import MILLISECOND, SECOND

MAIL = Mail(server="mail.example.org", sender="sla@example.org")
SECRETS = {"HOOK_SECRET": "s3cret"}


def deploy(
    agreement: Any, clock: Any, config: Config | None = None, **environ: str
) -> tuple[Deployment, Deploying]:
    deploying = Deploying(agreement, config or Config(mail=MAIL), environ, clock)
    return deploying.deploy(), deploying


def test_as_the_agreement_says(agreements: Any, clock: Any) -> None:
    deployment, deploying = deploy(agreements(), clock, **SECRETS)
    assert deploying.problems == []
    probe = deployment.probes["probe"]
    assert (probe.every, probe.target.timeout) == (SECOND, 500 * MILLISECOND)
    assert probe.target.url == "https://acme.example/health"
    hook = deployment.channel(Target(party="globex"))
    assert hook == deployment.channel(Target(party="globex", channel="hook"))
    assert isinstance(hook, ChannelPlan)
    assert (hook.kind, dict(hook.options)) == ("webhook", {"secret": "s3cret"})
    assert "s3cret" not in repr(deployment.channels)


def test_what_reaches_nobody_says_why(agreements: Any, clock: Any) -> None:
    deployment, deploying = deploy(agreements(), clock, Config(), **SECRETS)
    assert "pagerduty need a binding in wsla.toml" in str(deployment.channel(Target(party="acme")))
    assert "no server for mail" in str(deployment.channel(Target(party="acme", channel="email")))
    assert "has no channel" in str(deployment.channel(Target(party="nobody")))
    assert "has no channel" in str(deployment.channel(Target(party="stranger")))
    assert len(deploying.warnings) == 2


def test_a_missing_secret_is_named_with_its_place(agreements: Any, clock: Any) -> None:
    _, deploying = deploy(agreements(), clock)
    assert deploying.problems == [
        "“Quick”: channel globex.hook, signing secret: the environment variable HOOK_SECRET is not set"
    ]


def test_a_secret_may_lie_elsewhere(agreements: Any, clock: Any, tmp_path: Any) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    config = Config(mail=MAIL, secrets={"HOOK_SECRET": Reference(file=str(tmp_path / "secret"))})
    deployment, deploying = deploy(agreements(), clock, config)
    assert deploying.problems == []
    hook = deployment.channel(Target(party="globex"))
    assert isinstance(hook, ChannelPlan)
    assert dict(hook.options) == {"secret": "from a file"}


def test_bindings_go_before_the_agreement_and_titles_before_all(agreements: Any, clock: Any) -> None:
    general = Bindings(
        sources={"probe": SourceBinding(url="http://127.0.0.1:1/", every=2 * SECOND, verify_tls=False)},
        channels={
            "acme.oncall": ChannelBinding(kind="log", address="stdout"),
            "globex": ChannelBinding(kind="log", address="stderr"),
        },
    )
    own = Bindings(channels={"acme.oncall": ChannelBinding(kind="webhook", address="http://127.0.0.1:2/")})
    config = Config(mail=MAIL, bindings=general, agreements={"Quick": own})
    deployment, deploying = deploy(agreements(), clock, config, **SECRETS)
    assert deploying.problems == []
    assert deploying.warnings == []
    probe = deployment.probes["probe"]
    assert (probe.target.url, probe.every, probe.target.verify_tls) == (
        "http://127.0.0.1:1/",
        2 * SECOND,
        False,
    )
    assert getattr(deployment.channel(Target(party="acme", channel="oncall")), "kind", None) == "webhook"
    assert getattr(deployment.channel(Target(party="acme")), "kind", None) == "webhook"
    assert getattr(deployment.channel(Target(party="globex")), "address", None) == "stderr"
    assert getattr(deployment.channel(Target(party="globex", channel="hook")), "kind", None) == "webhook"


def test_a_file_is_looked_for_beside_the_agreement(agreements: Any, clock: Any) -> None:
    found = agreements(source='csv "x.csv" every 10s')
    deployment, deploying = deploy(found, clock, **SECRETS)
    assert deploying.problems == []
    probe = deployment.probes["probe"]
    assert probe.every == SECOND
    assert probe.target.path == str(Path(found.source.name).resolve().parent / "x.csv")


def test_a_packed_file_is_not_followed(agreements: Any, clock: Any) -> None:
    _, deploying = deploy(agreements(source='csv "x.csv.gz" every 10s'), clock, **SECRETS)
    [problem] = deploying.problems
    assert "a packed file does not grow" in problem


def test_another_kind_may_be_bound_to_http(agreements: Any, clock: Any) -> None:
    config = Config(mail=MAIL, bindings=Bindings(sources={"probe": SourceBinding(url="http://127.0.0.1:1/")}))
    deployment, deploying = deploy(agreements(source="push every 1s"), clock, config, **SECRETS)
    assert deploying.problems == []
    assert deployment.probes["probe"].target.url == "http://127.0.0.1:1/"


def test_fields_that_http_does_not_give_cannot_be_bound(agreements: Any, clock: Any) -> None:
    text = agreements.text(source="push every 1s").replace(
        "up = probe.ok", "up = probe.ok and probe.queue < 5"
    )
    config = Config(mail=MAIL, bindings=Bindings(sources={"probe": SourceBinding(url="http://127.0.0.1:1/")}))
    _, deploying = deploy(loads(text), clock, config, **SECRETS)
    assert "its fields are not those" in deploying.problems[0]


def test_the_options_of_an_http_source(agreements: Any, clock: Any) -> None:
    source = (
        'http "https://acme.example/health" every 1s {\n method POST\n header "X-One: 1"\n header "X-Two: 2"\n'
        ' body "ping"\n contains "pong"\n redirects 3\n certificate unchecked\n}'
    )
    deployment, deploying = deploy(agreements(source=source), clock, **SECRETS)
    assert deploying.problems == []
    target = deployment.probes["probe"].target
    assert target.method == "POST"
    assert target.headers == (("X-One", "1"), ("X-Two", "2"))
    assert (target.body, target.expected_text) == (b"ping", "pong")
    assert (target.max_redirects, target.follow_redirects, target.verify_tls) == (3, True, False)
    assert target.timeout == SECOND


@pytest.mark.parametrize(
    "line", ['header "no colon"', "redirects perhaps", "method FETCH", 'body "with a GET"']
)
def test_an_option_that_cannot_work_is_a_problem(agreements: Any, clock: Any, line: str) -> None:
    source = f'http "https://acme.example/health" every 1s {{\n {line}\n}}'
    _, deploying = deploy(agreements(source=source), clock, **SECRETS)
    assert len(deploying.problems) == 1
    assert "source probe" in deploying.problems[0]


def test_a_binding_that_fits_nothing_is_a_problem(agreements: Any) -> None:
    bindings = Bindings(
        sources={"prob": SourceBinding(url="http://x/")},
        channels={"globex.hok": ChannelBinding(kind="log", address="")},
    )
    config = Config(bindings=bindings, agreements={"Quik": Bindings()})
    found = unused_bindings(config, {"Quick": [agreements()]})
    assert len(found) == 3
    assert all("did you mean" in one for one in found[:2])


def test_a_program_is_run_only_where_it_is_allowed(agreements: Any, clock: Any) -> None:
    binding = ChannelBinding(kind="command", address="/bin/true", arguments=("--desk",))
    bindings = Bindings(channels={"acme.oncall": binding})
    target = Target(party="acme", channel="oncall")
    deployment, deploying = deploy(
        agreements(), clock, Config(mail=MAIL, commands=("/bin/true",), bindings=bindings), **SECRETS
    )
    assert deploying.problems == []
    plan = deployment.channel(target)
    assert isinstance(plan, ChannelPlan)
    assert dict(plan.options) == {"allowed": ("/bin/true",), "arguments": ("--desk",)}
    _, deploying = deploy(agreements(), clock, Config(mail=MAIL, bindings=bindings), **SECRETS)
    assert deploying.problems == [
        "“Quick”: channel acme.oncall: wsla.toml does not allow this program: "
        '[commands] allow = ["/bin/true"]'
    ]


def test_a_service_is_bound_by_its_url(agreements: Any, clock: Any) -> None:
    pytest.importorskip("apprise", reason="what speaks to services is not installed")
    binding = ChannelBinding(kind="pagerduty", address="pagerduty://integration@key")
    config = Config(mail=MAIL, bindings=Bindings(channels={"acme.oncall": binding}))
    deployment, deploying = deploy(agreements(), clock, config, **SECRETS)
    assert (deploying.problems, deploying.warnings) == ([], [])
    plan = deployment.channel(Target(party="acme"))
    assert isinstance(plan, ChannelPlan)
    assert plan.kind == "pagerduty"
    assert "integration" not in repr(plan)
