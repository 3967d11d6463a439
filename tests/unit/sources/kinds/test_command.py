"""The command source runs only what is allowed, without a shell, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from wsla.sources.command import FIELDS, LARGEST_OUTPUT
from wsla.sources.targets import SourceError
from wsla.values.instants import MILLISECOND

PYTHON = os.path.realpath(sys.executable)


def look(kit: Any, program: str, *arguments: str, **options: Any) -> Any:
    return kit.look(
        "command", path=PYTHON, argument=("-c", program, *arguments), commands=(PYTHON,), **options
    )


def is_alive(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_number_as_output(kit: Any) -> None:
    seen = look(kit, "print(-41.5)")
    assert (seen.failure, tuple(seen.fields)) == (None, FIELDS)
    assert (seen.fields["exit_code"], seen.fields["output"]) == (0, -41_500_000)
    assert seen.fields["ok"] is True


@pytest.mark.parametrize(
    ("written", "output"),
    [
        ("7", 7_000_000),
        ("  7\\n", 7_000_000),
        ("0.0000005", 0),
        ("0.0000015", 2),
        ("", None),
        ("7 items", None),
        ("1e9", None),
        ("nan", None),
        ("9" * 18, 999_999_999_999_999_999_000_000),
        ("9" * 19, None),
        ("\\uff17", None),
    ],
)
def test_only_a_plain_number_is_one(kit: Any, written: str, output: int | None) -> None:
    program = f"import sys; sys.stdout.reconfigure(encoding='utf-8'); sys.stdout.write('{written}')"
    assert look(kit, program).fields["output"] == output


@pytest.mark.parametrize(
    ("expected", "code", "failure"),
    [
        ("0", 0, None),
        ("0", 1, "exit"),
        ("0-1", 1, None),
        ("0-1", 2, "exit"),
        ("0, 2", 2, None),
        ("255", 255, None),
    ],
)
def test_exit_codes(kit: Any, expected: str, code: int, failure: str | None) -> None:
    seen = look(kit, f"raise SystemExit({code})", expected=expected)
    assert (seen.failure, seen.fields["ok"]) == (failure, failure is None)
    assert seen.fields["exit_code"] == code * 1_000_000


def test_the_expected_text(kit: Any) -> None:
    assert look(kit, "print('all is well')", contains="is well").fields["matched"] is True
    seen = look(kit, "print('s3cret')", contains="is well")
    assert (seen.failure, seen.fields["matched"]) == ("text", False)
    assert "s3cret" not in seen.reason


def test_there_is_no_shell_and_hardly_an_environment(
    kit: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WSLA_SECRET", "s3cret")
    program = "import os, sys; print(sorted(os.environ), os.getcwd(), sys.argv[1:], sys.stdin.read())"
    wanted = "['LC_ALL', 'PATH'] / ['$HOME; touch x', '*'] \n"
    seen = look(kit, program, "$HOME; touch x", "*", contains=wanted)
    assert seen.failure is None


def test_a_signal(kit: Any) -> None:
    seen = look(kit, "import os; os.kill(os.getpid(), 15)")
    assert (seen.failure, seen.fields["exit_code"]) == ("signal", None)
    assert seen.reason == "the program was ended by signal 15"


def test_at_the_timeout_it_is_killed_with_everything_that_it_started(kit: Any, tmp_path: Path) -> None:
    numbers = tmp_path / "numbers"
    program = (
        "import os, subprocess, sys, time, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "with open(sys.argv[1], 'w') as file: file.write(f'{os.getpid()} {child.pid}')\n"
        "time.sleep(60)\n"
    )
    seen = look(kit, program, str(numbers), timeout=4000 * MILLISECOND)
    assert (seen.failure, seen.fields["ok"], seen.fields["exit_code"]) == ("timeout", False, None)
    assert seen.fields["elapsed"] == 4000 * MILLISECOND
    started = [int(one) for one in numbers.read_text().split()]
    assert len(started) == 2
    for _ in range(1500):
        if not any(is_alive(one) for one in started):
            break
        time.sleep(0.02)
    assert [one for one in started if is_alive(one)] == []


def test_a_child_that_holds_the_output_is_not_waited_for_forever(kit: Any) -> None:
    program = (
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    )
    assert look(kit, program, timeout=1000 * MILLISECOND).failure == "timeout"


@pytest.mark.parametrize(
    ("size", "failure"), [(LARGEST_OUTPUT, None), (LARGEST_OUTPUT + 1, "output-too-large")]
)
def test_output_has_a_ceiling(kit: Any, size: int, failure: str | None) -> None:
    assert look(kit, f"import sys; sys.stdout.write('x' * {size})").failure == failure


def test_endless_output_ends_the_look(kit: Any) -> None:
    program = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
    assert look(kit, program).failure == "output-too-large"


def test_closing_kills_what_runs(kit: Any) -> None:
    async def main() -> Any:
        prober = kit.prober(
            "command", path=PYTHON, argument=("-c", "import time; time.sleep(60)"), commands=(PYTHON,)
        )
        running = asyncio.create_task(prober.probe(1))
        await asyncio.sleep(0.3)
        await prober.close()
        return await running

    seen = asyncio.run(main())
    assert (seen.failure, set(seen.fields.values())) == ("observer-shutdown", {None})


@pytest.mark.parametrize("mode", [None, 0o644, 0o755])
def test_a_program_that_cannot_be_run_is_the_observers_fault(
    kit: Any, tmp_path: Path, mode: int | None
) -> None:
    path = tmp_path / "program"
    if mode is not None:
        path.write_text("neither script nor program")
        path.chmod(mode)
    seen = kit.look("command", path=str(path), commands=(str(path),))
    assert (seen.failure, seen.fields["ok"]) == ("observer-command", None)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"path": "/usr/bin/true"}, r'\[commands\] allow = \["/usr/bin/true"\]'),
        ({"path": "/usr/bin/truer", "commands": ("/usr/bin/true",)}, "does not allow"),
        ({"path": "true", "commands": ("true",)}, "whole path"),
        ({"path": "/usr/bin/../bin/true", "commands": ("/usr/bin/true",)}, "whole path"),
        ({"path": "/bin/true\0", "commands": ("/bin/true\0",)}, "whole path"),
        ({"path": "/t", "commands": ("/t",), "argument": ("a\0b",)}, "null character"),
        ({"path": "/t", "commands": ("/t",), "argument": ("x" * 40_000,)}, "too long"),
        ({"path": "/t", "commands": ("/t",), "expected": "256"}, "up to 255"),
        ({"path": "/t", "commands": ("/t",), "expected": "2-1"}, "exit codes"),
        ({"path": "/t", "commands": ("/t",), "expected": "ok"}, "exit codes"),
        ({"path": "/t", "commands": ("/t",), "contains": ""}, "empty"),
    ],
)
def test_options_that_cannot_work(kit: Any, options: dict[str, Any], what: str) -> None:
    with pytest.raises(SourceError, match=what):
        kit.target("command", **options)


def test_arguments_are_not_shown(kit: Any) -> None:
    target = kit.target("command", path="/t", commands=("/t",), argument=("s3cret",))
    assert "s3cret" not in repr(target)
    assert (target.shown, target.host) == ("/t", "/t")
