"""A fresh machine: the environment is made, or one sentence says what is missing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

OLD = 'case "$2" in *platform*) echo 3.9.2;; *) exit 1;; esac'
BARE = (
    'case "$2" in *version_info*"< "*) exit 0;; *platform*) echo 3.11.2;; *ensurepip*) exit 1;; '
    "*venv*) echo python3.11-venv;; *) exit 1;; esac"
)


@pytest.fixture
def make_environment(root: Path, tmp_path: Path):
    """Runs the script on a machine whose path holds the named interpreters alone."""

    def run(**interpreters: str) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "bin"
        path.mkdir()
        for name, body in interpreters.items():
            script = path / name
            script.write_text(f"#!/bin/sh\n{body}\n", "utf-8")
            script.chmod(0o755)
        return subprocess.run(
            [shutil.which("sh") or "sh", str(root / ".ci" / "environment"), str(tmp_path / "made")],
            env={"PATH": str(path)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_no_python(make_environment) -> None:
    finished = make_environment()
    assert finished.returncode == 1
    assert finished.stderr.count("\n") == 1
    assert "Python 3.11 or newer is needed, and none was found" in finished.stderr


def test_an_old_python_is_refused(make_environment) -> None:
    finished = make_environment(python3=OLD)
    assert finished.returncode == 1
    assert finished.stderr == ("wsla: Python 3.11 or newer is needed, and the newest found here is 3.9.2.\n")


def test_a_python_without_ensurepip_names_the_package(make_environment) -> None:
    finished = make_environment(python3=BARE)
    assert finished.returncode == 1
    assert finished.stderr.count("\n") == 1
    assert "sudo apt install python3.11-venv" in finished.stderr


def test_a_broken_newer_python_does_not_hide_a_sound_one(make_environment, tmp_path: Path) -> None:
    sound = f'exec {sys.executable} "$@"'
    finished = make_environment(**{"python3.14": "exit 127", "python3.13": BARE, "python3": sound})
    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "made" / "bin" / "python").exists()
