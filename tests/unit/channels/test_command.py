"""Programs as channels: only those that are allowed, the notice on their input, an end to all that they start."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from wsla.channels.command import CommandChannel
from wsla.channels.errors import ChannelError
from wsla.ports import Delivery, DeliveryResult
from wsla.values.instants import MILLISECOND, SECOND

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")


@pytest.fixture
def program(tmp_path: Path) -> Any:
    def program(script: str) -> str:
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        path.chmod(0o700)
        return str(path)

    return program


def run(path: str, delivery: Delivery, *arguments: str, timeout_ns: int = 20 * SECOND) -> DeliveryResult:
    channel = CommandChannel(path, allowed=(path,), arguments=arguments, timeout_ns=timeout_ns)
    return asyncio.run(channel.send(delivery))


def test_the_notice_comes_in_and_arguments_see_no_shell(
    program: Any, delivery: Delivery, tmp_path: Path
) -> None:
    path = program(f'cat > {tmp_path}/in; printf "%s|" "$@" > {tmp_path}/arguments; env > {tmp_path}/env')
    os.environ["WSLA_TEST_SECRET"] = "TOPSECRET"
    try:
        assert run(path, delivery, "$HOME", "a b", ";") == DeliveryResult(delivered=True)
    finally:
        del os.environ["WSLA_TEST_SECRET"]
    notice = json.loads((tmp_path / "in").read_text("utf-8"))
    assert (notice["schema"], notice["id"], notice["attempt"]) == ("wsla.notice/1", delivery.key, 2)
    assert (tmp_path / "arguments").read_text() == "$HOME|a b|;|"
    assert "TOPSECRET" not in (tmp_path / "env").read_text()


@pytest.mark.parametrize(
    ("script", "permanent", "words"),
    [
        ("echo no such desk; exit 1", False, "ended with exit code 1: no such desk"),
        ("exit 75", False, "ended with exit code 75"),
        ("exit 65", True, "ended with exit code 65"),
        ("exit 78", True, "ended with exit code 78"),
        ("kill -TERM $$", False, "was ended by signal 15"),
        ("printf 'a\\033[2Jb' >&2; exit 1", False, "ended with exit code 1: [2Jb"),
    ],
)
def test_exit_codes(program: Any, delivery: Delivery, script: str, permanent: bool, words: str) -> None:
    path = program(script)
    result = run(path, delivery)
    assert (result.delivered, result.permanent) == (False, permanent)
    assert result.reason == f"the program {path} {words}"


def test_at_the_deadline_it_is_killed_with_all_that_it_started(
    program: Any, delivery: Delivery, tmp_path: Path
) -> None:
    path = program(
        f"sleep 60 & echo $! > {tmp_path}/child.new; mv {tmp_path}/child.new {tmp_path}/child; wait"
    )
    result = run(path, delivery, timeout_ns=2 * SECOND)
    assert (result.delivered, result.permanent) == (False, False)
    assert result.reason == f"the program {path} did not end within 2s"
    child = int((tmp_path / "child").read_text())
    state = Path(f"/proc/{child}/stat")
    for _ in range(600):
        # A killed one whose parent is gone may stay a zombie where nobody waits for orphans.
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("what the program started still runs")


def test_endless_output_is_not_kept_and_ends_at_the_deadline(program: Any, delivery: Delivery) -> None:
    result = run(program("yes"), delivery, timeout_ns=300 * MILLISECOND)
    assert result.reason is not None
    assert "did not end within 300ms" in result.reason


def test_one_that_does_not_read_its_input(program: Any) -> None:
    large = Delivery(key="k", subject="s", text="x" * 1_000_000, payload={})
    assert run(program("exit 0"), large).delivered


@pytest.mark.parametrize(
    ("path", "allowed", "words"),
    [
        ("/bin/true", (), r'does not allow this program: \[commands\] allow = \["/bin/true"\]'),
        ("/bin/true", ("/bin/false",), "does not allow this program"),
        ("true", ("true",), "named by its whole path"),
        ("/bin/../bin/true", ("/bin/../bin/true",), "named by its whole path"),
    ],
)
def test_what_is_not_allowed_is_not_built(path: str, allowed: tuple[str, ...], words: str) -> None:
    with pytest.raises(ChannelError, match=words):
        CommandChannel(path, allowed=allowed)


def test_a_program_that_is_gone_is_temporary(delivery: Delivery, tmp_path: Path) -> None:
    result = run(str(tmp_path / "nothing"), delivery)
    assert (result.delivered, result.permanent) == (False, False)
    assert result.reason is not None
    assert "cannot be run: no such file or directory" in result.reason
