"""The how-to for calendars shows what the commands on it say of the files on it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("icalendar", reason="what reads calendars is not installed")

Run = Callable[..., Any]

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "calendars.md").read_text("utf-8")
FILES = dict(re.findall(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(r"^```sh\n(.*?)^```\n\n```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_commands_say_and_write_what_the_page_shows(
    run_wsla: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        if name != "desk.sla":
            Path(name).write_text(text, "utf-8")
    assert len(COMMANDS) == 4
    for commands, shown in COMMANDS:
        said = ""
        for command in commands.splitlines():
            finished = run_wsla(*shlex.split(command)[1:])
            said += finished.out + finished.err
        assert said.rstrip("\n") == shown.rstrip("\n")
    assert Path("desk.sla").read_text("utf-8") == FILES["desk.sla"] == Path("again.sla").read_text("utf-8")
