"""`wsla run`: what keeps it from starting is said in full; told to stop, it ends in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsla.store.sqlite import Store

from . import march

Run = Callable[..., Any]
# Nobody listens on port 9 of the loopback.
TEXT = march.TEXT.replace("https://track.carrier.example/health", "http://127.0.0.1:9/").replace(
    "every 10m timeout 5s", "every 200ms timeout 200ms"
)


def test_a_broken_agreement_is_shown_with_its_place_and_nothing_starts(run_wsla: Run, tmp_path: Path) -> None:
    file = tmp_path / "broken.sla"
    file.write_text(march.TEXT.replace("uptime >= 99.5%", "uptme >= 99.5%"), "utf-8")
    finished = run_wsla("run", file, "--store", tmp_path / "wsla.db")
    assert finished.code == 1
    assert "uptme" in finished.err
    assert "error[E" in finished.err
    assert f"{file}:" in finished.err
    assert not (tmp_path / "wsla.db").exists()


def test_a_path_that_stands_for_nothing_is_named(run_wsla: Run, tmp_path: Path) -> None:
    finished = run_wsla("run", tmp_path / "no.sla", "--store", tmp_path / "wsla.db")
    assert finished.code == 1
    assert "there is no such file" in finished.err


@pytest.mark.parametrize(
    ("content", "words"),
    [("store = 3", "store: this is a text in quotes"), ("storre = ''", "storre"), ("[", "this is not TOML")],
)
def test_a_configuration_that_cannot_be_used_is_named(
    run_wsla: Run, tmp_path: Path, content: str, words: str
) -> None:
    file, config = tmp_path / "parcels.sla", tmp_path / "wsla.toml"
    file.write_text(TEXT, "utf-8")
    config.write_text(content, "utf-8")
    finished = run_wsla("run", file, "--config", config, "--store", tmp_path / "wsla.db")
    assert finished.code == 1
    assert words in finished.err
    assert not (tmp_path / "wsla.db").exists()


def test_the_configuration_in_the_current_folder_is_taken(
    run_wsla: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("parcels.sla").write_text(TEXT, "utf-8")
    Path("wsla.toml").write_text("nonsense = 1", "utf-8")
    finished = run_wsla("run", "parcels.sla")
    assert finished.code == 1
    assert "wsla.toml: nonsense" in finished.err


def test_a_store_that_cannot_be_is_one_message(run_wsla: Run, tmp_path: Path) -> None:
    file = tmp_path / "parcels.sla"
    file.write_text(TEXT, "utf-8")
    finished = run_wsla("run", file, "--store", f"sqlite:///{tmp_path}/no/wsla.db")
    assert finished.code == 1
    assert "does not exist" in finished.err


def test_no_path_is_wrong_usage(run_wsla: Run) -> None:
    assert run_wsla("run").code == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_measures_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    file, path = tmp_path / "parcels.sla", tmp_path / "wsla.db"
    file.write_text(TEXT, "utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    daemon = subprocess.Popen(
        [sys.executable, "-P", "-m", "wsla", "run", str(file), "--store", f"sqlite:///{path}"],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    try:
        assert daemon.stdout is not None
        for line in daemon.stdout:
            said.append(line)
            if "keeping 1 agreement" in line:
                break
        daemon.send_signal(number)
        rest, _ = daemon.communicate(timeout=60)
    finally:
        daemon.kill()
        daemon.wait()
    assert daemon.returncode == 0, "".join(said) + rest
    assert "Traceback" not in "".join(said) + rest
    with Store.open(str(path), writer=False) as store:
        assert [one.title for one in store.agreements()] == [march.TITLE]
