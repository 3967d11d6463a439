"""The pages of the kinds of sources: their examples check, format, come out as they say and can be looked at."""

from __future__ import annotations

import re
import socket
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsla.analysis.fields import SOURCE_KINDS
from wsla.api import loads
from wsla.daemon.bindings import Deploying
from wsla.daemon.clock import SystemClock
from wsla.daemon.config import Config, load_config
from wsla.diagnostics.source import SourceText
from wsla.sources.network.failures import Failure
from wsla.sources.registry import KNOWN_KINDS
from wsla.syntax.formatter import format_source

Run = Callable[..., Any]

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
PAGES = {kind: (REFERENCE / f"source-{kind}.md").read_text("utf-8") for kind in sorted(KNOWN_KINDS)}
ENVIRON = {"ORDERS_DB": "sqlite:///orders.db", "DESK_DB": "sqlite:///desk.db"}
WITH_EXAMPLE = [kind for kind, page in PAGES.items() if "```sla\n" in page]


def blocks(kind: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[kind], re.MULTILINE | re.DOTALL)


def test_there_are_examples() -> None:
    assert {"tcp", "tls", "dns", "icmp", "command"} <= set(WITH_EXAMPLE)


@pytest.mark.parametrize("kind", WITH_EXAMPLE)
def test_the_example_checks_and_its_tests_pass(kind: str, run_wsla: Run, tmp_path: Path) -> None:
    (example,) = blocks(kind, "sla")
    (tmp_path / "example.sla").write_text(example, "utf-8")
    finished = run_wsla("check", tmp_path)
    assert (finished.code, finished.out) == (0, ""), finished.said
    finished = run_wsla("test", tmp_path)
    assert finished.code == 0, finished.said
    assert "1 test passed" in finished.said


@pytest.mark.parametrize("kind", WITH_EXAMPLE)
def test_the_example_is_formatted(kind: str) -> None:
    (example,) = blocks(kind, "sla")
    assert format_source(SourceText(name="page", text=example)) == (example, ())


@pytest.mark.parametrize("kind", WITH_EXAMPLE)
def test_the_example_can_be_looked_at(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where ICMP is not permitted, this would be said instead.
    monkeypatch.setattr("wsla.sources.icmp.open_socket", lambda family: socket.socket())
    config = Config()
    for text in blocks(kind, "toml"):
        tomllib.loads(text)
        (tmp_path / "wsla.toml").write_text(text, "utf-8")
        config = load_config(tmp_path / "wsla.toml", {})
    agreement = loads(blocks(kind, "sla")[0])
    deploying = Deploying(agreement, config, ENVIRON, SystemClock())
    deployment = deploying.deploy()
    assert deploying.problems == []
    assert {plan.kind for plan in deployment.probes.values()} == {kind}
    for plan in deployment.probes.values():
        assert plan.target.fields[: len(SOURCE_KINDS[kind].fields or ())] == tuple(
            name for name, _ in SOURCE_KINDS[kind].fields or ()
        )


@pytest.mark.parametrize("kind", sorted(KNOWN_KINDS))
def test_every_field_and_option_is_named(kind: str) -> None:
    known = SOURCE_KINDS[kind]
    page = PAGES[kind]
    assert [name for name, _ in known.fields or () if f"`{name}`" not in page] == []
    if kind != "http":  # its page names the options of the target, that of the configuration the lines
        assert [name for name in known.options if f"`{name} " not in page] == []


def test_every_word_for_a_failure_is_on_a_page() -> None:
    pages = "".join(PAGES.values())
    assert [word for word in Failure if f"`{word}`" not in pages] == []


@pytest.mark.parametrize("kind", sorted(KNOWN_KINDS))
def test_the_pages_name_no_other_words(kind: str) -> None:
    named: set[str] = set()
    for title in ("## What is the service's fault", "## What is the observer's fault"):
        section = PAGES[kind].partition(title)[2].partition("\n## ")[0]
        for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE):
            named.update(re.findall(r"`([a-z-]+)`", row))
    assert named - {"observer-missed"} <= {str(word) for word in Failure}
    assert any(word.startswith("observer-") for word in named)
