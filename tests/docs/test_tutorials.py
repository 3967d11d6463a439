"""Pages that are run: every block of a tutorial or how-to does what the page says it does.

On each page, in order and in one folder: a block of any kind after ``<!-- file: NAME -->`` is written to that file; a
``python`` block is executed, all of a page in one namespace; an ``sh`` block of ``wsla …`` lines is run. A ``text``
block right after either of the last two is what it prints, to the letter.
"""

from __future__ import annotations

import io
import os
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

Run = Callable[..., Any]

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(page for folder in ("tutorial", "howto") for page in (DOCS / folder).glob("*.md"))
BLOCK = re.compile(
    r"(?:^<!-- file: (?P<file>\S+) -->\n)?^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)


@frozen
class Block:
    """A fenced block of a page, and the line that it begins in."""

    language: str
    body: str
    file: str | None
    line: int


def blocks(page: str) -> Iterator[Block]:
    """The blocks of a page in order."""
    for match in BLOCK.finditer(page):
        line = page.count("\n", 0, match.start("body"))
        yield Block(match["language"], match["body"], match["file"], line)


def run_page(page: str, name: str, run_wsla: Run) -> int:
    """Runs a page in the current folder and returns how many outputs were compared.

    Raises AssertionError where one differs.
    """
    namespace: dict[str, object] = {"__name__": "page"}
    printed: str | None = None
    compared = 0
    for block in blocks(page):
        place = f"{name}:{block.line}"
        if block.file is not None:
            Path(block.file).write_text(block.body, "utf-8")
        match block.language:
            case "python":
                code = compile("\n" * block.line + block.body, name, "exec")
                out = io.StringIO()
                with redirect_stdout(out):
                    exec(code, namespace)
                printed = out.getvalue()
            case "sh":
                printed = "".join(run_line(line, place, run_wsla) for line in block.body.splitlines())
            case "text" if block.file is None:
                assert printed is not None, f"{place}: nothing was run before this output"
                assert trimmed(printed) == trimmed(block.body), place
                compared += 1
                printed = None
    return compared


def run_line(line: str, place: str, run_wsla: Run) -> str:
    """What a line of a shell block prints; other commands, and verbs that run on, are for the reader only."""
    words = shlex.split(line, comments=True)
    if len(words) < 2 or words[0] != "wsla" or words[1] in ("run", "demo"):
        return ""
    finished = run_wsla(*words[1:])
    assert finished.code in (0, 1), f"{place}: {finished.said}"
    return str(finished.said)


def trimmed(text: str) -> list[str]:
    """The lines, without white space at their ends and empty lines around them."""
    return [line.rstrip() for line in text.strip("\n").splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_does_what_it_says(
    page: Path, run_wsla: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with chdir(tmp_path):
        run_page(page.read_text("utf-8"), page.name, run_wsla)


def test_the_tutorials_are_there_and_say_what_is_printed() -> None:
    names = {page.name for page in PAGES}
    assert names >= {"first-agreement.md", "library.md"}
    for page in PAGES:
        if page.parent.name == "tutorial":
            assert any(block.language == "text" for block in blocks(page.read_text("utf-8"))), page.name


def test_a_page_that_lies_is_caught(run_wsla: Run, tmp_path: Path) -> None:
    with chdir(tmp_path):
        assert run_page('```python\nprint("a")\n```\n\n```text\na\n```\n', "page.md", run_wsla) == 1
        with pytest.raises(AssertionError, match=r"page\.md:5"):
            run_page('```python\nprint("a")\n```\n\n```text\nb\n```\n', "page.md", run_wsla)
        with pytest.raises(AssertionError, match="nothing was run"):
            run_page("```text\nb\n```\n", "page.md", run_wsla)
        with pytest.raises(ZeroDivisionError):
            run_page("```python\n1 / 0\n```\n", "page.md", run_wsla)
        with pytest.raises(AssertionError):
            run_page("```sh\nwsla evl\n```\n", "page.md", run_wsla)
        run_page("<!-- file: a.sla -->\n```sla\n# nothing\n```\n", "page.md", run_wsla)
        assert os.listdir() == ["a.sla"]
