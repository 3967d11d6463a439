"""The unit and the image that the pages offer: what systemd says of the one, and what can be read in the other."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = ROOT / "docs" / "howto" / "files"
UNIT = (FILES / "wsla.service").read_text("utf-8")
IMAGE = (FILES / "Dockerfile").read_text("utf-8")
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")


def settings(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


def analyzed(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    assert ANALYZE is not None
    unit = folder / "wsla.service"
    unit.write_text(UNIT.replace("/opt/wsla/bin/wsla ", "/bin/true "), "utf-8")
    command = [ANALYZE, *options, str(unit)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@needs_systemd
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    found = analyzed(tmp_path, "verify")
    if "Failed to initialize manager" in found.stderr or "Operation not permitted" in found.stderr:
        pytest.skip("systemd-analyze cannot work here: it needs the rights of a manager")
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


@needs_systemd
def test_the_service_may_do_hardly_anything(tmp_path: Path) -> None:
    found = analyzed(tmp_path, "security", "--offline=true", "--threshold=20")
    if "Overall exposure level" not in found.stdout:
        pytest.skip(f"systemd-analyze cannot say how exposed a file of a unit is: {found.stderr.strip()}")
    assert found.returncode == 0, found.stdout


def test_what_matters_is_said_once() -> None:
    once = {
        "Type": "notify",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "StateDirectory": "wsla",
        "CapabilityBoundingSet": "",
        "SystemCallArchitectures": "native",
        "Restart": "on-failure",
    }
    assert {name: settings(name) for name in once} == {name: [value] for name, value in once.items()}
    assert settings("SystemCallFilter") == ["@system-service", "~@privileged"]
    assert int(settings("TimeoutStopSec")[0].removesuffix("s")) > 10


def parsed(run_wsla: Callable[..., Any], command: list[str]) -> None:
    """Fails where `wsla run` knows no such option."""
    assert command[0] == "/opt/wsla/bin/wsla"
    help_ = run_wsla(command[1], "--help").out
    for option in command[2:]:
        if option.startswith("--"):
            assert option in help_


def test_both_start_what_there_is(run_wsla: Callable[..., Any]) -> None:
    parsed(run_wsla, shlex.split(settings("ExecStart")[0]))
    [entry], [arguments] = (
        re.findall(rf"^{name} (\[.*\])$", IMAGE, re.MULTILINE) for name in ("ENTRYPOINT", "CMD")
    )
    parsed(run_wsla, json.loads(entry) + json.loads(arguments))


def test_the_image_is_small_and_runs_as_nobody_else() -> None:
    lines = [line for line in IMAGE.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    words = [line.split()[0] for line in lines]
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert len(bases) == 2
    for base in bases:
        name, _, tag = base.partition(":")
        assert name == "python"
        assert "slim" in tag
        assert "latest" not in tag
    last = len(words) - 1 - words[::-1].index("FROM")
    final = lines[last:]
    users = [line for line in final if line.startswith("USER ")]
    assert len(users) == 1
    assert re.fullmatch(r"USER \d{4,}:\d{4,}", users[0])
    assert final.index(users[0]) > max(number for number, line in enumerate(final) if line.startswith("RUN "))
    assert {"HEALTHCHECK", "VOLUME", "STOPSIGNAL", "ENTRYPOINT", "WORKDIR"} <= {
        line.split()[0] for line in final
    }
    # Nothing of the build is in it, nothing is fetched from an address, nothing is secret.
    assert not {"ADD", "ARG", "MAINTAINER"} & set(words)
    assert [line for line in final if line.startswith("COPY")] == ["COPY --from=built /opt/wsla /opt/wsla"]
    for line in lines:
        assert not re.search(r"https?://(?!127\.0\.0\.1)|sudo|chmod 777|apt-get|PASSWORD|SECRET|TOKEN", line)
    health = next(line for line in final if line.startswith("HEALTHCHECK"))
    json.loads(health[health.index("[") :])


def test_the_image_installs_extras_that_there_are() -> None:
    extras = re.findall(r'install "\.\[([\w,]+)\]"', IMAGE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(extras[0].split(",")) <= set(project["optional-dependencies"])
    version = re.search(r"python:(\d+\.\d+)-", IMAGE)
    assert version is not None
    assert f"Programming Language :: Python :: {version[1]}" in project["classifiers"]


def test_the_page_shows_both() -> None:
    page = (ROOT / "docs" / "howto" / "run-the-daemon.md").read_text("utf-8")
    assert "(files/wsla.service)" in page
    assert "(files/Dockerfile)" in page
    assert "LoadCredential=globex-hook:" in page
    assert "#LoadCredential=globex-hook:" in UNIT
