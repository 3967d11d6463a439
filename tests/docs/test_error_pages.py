"""The pages on codes: each wrong example gives the message that the page shows, each right one gives none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import click
import pytest

import wsla
from wsla.analysis.reuse.imports import MAX_FILES
from wsla.cli import cli
from wsla.cli.explain import pages_folder, read_page, registered
from wsla.diagnostics.codes import TITLES
from wsla.interop.formats import FORMATS
from wsla.interop.safety import DEEPEST, LARGEST_FILE
from wsla.syntax.parse import MAX_EXPRESSION_DEPTH, MAX_NESTING, MAX_PROBLEMS, MAX_TEXT

Run = Callable[..., Any]

PAGES = Path(__file__).resolve().parents[2] / "docs" / "reference" / "errors"
MESSAGES = re.compile(r"^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
NAME = "example.sla"
# What `wsla import` and `wsla export` say stands on pages that name their whole command.
SAID = re.compile(r"^`wsla ([^`]+)` says:$", re.MULTILINE)
CHECK = "check"

RIGHT = """\
agreement "Web shop" version 1 {
  effective 2026-01-01 in "Europe/Berlin"
  party host "Host" provider
  party shop "Shop" consumer
  source probe = http "https://shop.example/health" every 30s
  metric uptime = availability(probe.ok) each month
  goal available: host guarantees uptime >= 99.9% { otherwise notify shop }
}
"""


def changed(old: str, new: str) -> bytes:
    assert RIGHT.count(old) == 1
    return RIGHT.replace(old, new).encode("utf-8")


# Wrong files that a page describes in words, since they cannot be shown: for each its name and its content. A name that
# is not the one that is checked is a file that is not there.
DESCRIBED = {
    "E0001": (NAME, RIGHT.encode("utf-8")),
    "E0100": (NAME, RIGHT.replace("Host", "Müller").encode("latin-1")),
    "E0101": (NAME, changed("Web shop", "Web\u202eshop")),
    "E0102": (NAME, RIGHT.encode("utf-8") + b"#" * (MAX_TEXT + 1 - len(RIGHT))),
    "E0103": (NAME, changed("probe.ok", "(" * (MAX_NESTING - 1) + "probe.ok" + ")" * (MAX_NESTING - 1))),
    "E0104": (NAME, changed("(probe.ok)", f"({'probe.ok and ' * (MAX_EXPRESSION_DEPTH + 1)}probe.ok)")),
    "E0105": (NAME, changed("  goal", "  metric uptime\n" * (MAX_PROBLEMS + 1) + "  goal")),
    "E0903": (NAME, ("".join(f'import "{n}.sla"\n' for n in range(MAX_FILES + 1)) + RIGHT).encode("utf-8")),
    "E1002": ("example.xml", b"#" * (LARGEST_FILE + 1)),
    "E1004": ("example.xml", b'<SLA xmlns="http://www.ibm.com/wsla">' + b"\n<Parties>" * DEEPEST),
}

# Of these, the right file is described as well.
MENDED = {
    "E0001": RIGHT.encode("utf-8"),
    "E0100": RIGHT.replace("Host", "Müller").encode("utf-8"),
    "E0102": RIGHT.encode("utf-8") + b"#" * (MAX_TEXT - len(RIGHT)),
}
# Files of other formats are only as large and deep as they may be; what is in them is not looked at here.
UNCHECKED = {"E1002", "E1004"}


def source_of(code: str) -> str:
    return (PAGES / f"{code}.md").read_text("utf-8")


def shown_on(code: str) -> list[str]:
    (block,) = MESSAGES.findall(source_of(code))
    return str(block).splitlines()


def command_of(code: str) -> list[str]:
    """The words of the command on a page, without `wsla`."""
    (said,) = SAID.findall(source_of(code))
    return str(said).split()


def foreign(code: str) -> bool:
    return command_of(code) != [CHECK]


def in_reach(code: str) -> bool:
    """Whether the format of the examples on the page of a code is there."""
    words = command_of(code)
    suffixes = tuple(suffix for one in FORMATS.values() for suffix in one.suffixes)
    return (
        words == [CHECK]
        or any(word in FORMATS and FORMATS[word].exported for word in words)
        or words[-1].endswith(suffixes)
    )


def told_of(run_wsla: Run, folder: Path, code: str, content: bytes) -> list[str]:
    """What the command on the page of a code says of a file, a line for each problem."""
    words = command_of(code)
    if words == [CHECK]:
        return printed_for(run_wsla, folder, NAME, content)
    (name,) = [word for word in words if word.startswith("example.")]
    (folder / name).write_bytes(content)
    # `-o rules` is the folder for a format of several files.
    inside = (name, "rules")
    finished = run_wsla(*[folder / word if word in inside else word for word in words], "--format", "concise")
    found = [line.removeprefix(f"{folder}/") for line in finished.err.splitlines()]
    return [line for line in found if re.search(r": (?:error|warning)\[", line)]


def printed_for(run_wsla: Run, folder: Path, name: str, content: bytes, checked: str = NAME) -> list[str]:
    """What `wsla check` prints of a file, a line for each problem, as it would in the folder of the file."""
    (folder / name).write_bytes(content)
    finished = run_wsla("check", "--quiet", "--format", "concise", folder / checked)
    return [line.removeprefix(f"{folder}/") for line in finished.out.splitlines()]


# --- the pages


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == {*TITLES, "README"}


@pytest.mark.parametrize("code", TITLES)
def test_a_page_has_the_form_of_one(code: str) -> None:
    source = source_of(code)
    page = read_page(source)
    assert (page.code, page.title) == (code, TITLES[code])
    assert 1 <= len(re.findall(r"[.?!](?= |\Z)", page.text.replace("\n\n", " "))) <= 4
    assert re.findall(r"^#+ .*", FENCE.sub("", source), re.MULTILINE)[1:] == ["## Wrong", "## Right"]
    assert (page.wrong is None) == (code in DESCRIBED)


@pytest.mark.parametrize("code", [code for code in TITLES if code not in DESCRIBED and in_reach(code)])
def test_the_wrong_example_gives_the_message_on_the_page(code: str, run_wsla: Run, tmp_path: Path) -> None:
    wrong = read_page(source_of(code)).wrong
    assert wrong is not None
    printed = told_of(run_wsla, tmp_path, code, wrong.encode("utf-8"))
    assert printed == shown_on(code)
    assert {found for line in printed for found in re.findall(r"\[([EW]\d{4})\]: ", line)} == {code}


@pytest.mark.parametrize("code", [code for code in DESCRIBED if in_reach(code)])
def test_a_described_file_gives_the_message_on_the_page(code: str, run_wsla: Run, tmp_path: Path) -> None:
    name, content = DESCRIBED[code]
    checked = "exmple.sla" if code == "E0001" else name
    if foreign(code):
        printed = told_of(run_wsla, tmp_path, code, content)
    else:
        printed = printed_for(run_wsla, tmp_path, name, content, checked)
    if code == "E0105":
        assert len(printed) == MAX_PROBLEMS + 1
        printed = printed[-1:]
    if code == "E0903":
        # None of the others is there either.
        assert len(printed) == MAX_FILES + 1
        printed = printed[-1:]
    assert printed == shown_on(code)
    assert f"[{code}]: " in printed[0]


@pytest.mark.parametrize("code", ["E0001", "E0100"])
def test_a_file_that_cannot_be_read_has_its_code_in_json_too(
    code: str, run_wsla: Run, tmp_path: Path
) -> None:
    path = tmp_path / NAME
    if code == "E0100":
        path.write_bytes(DESCRIBED[code][1])
    (problem,) = json.loads(run_wsla("check", "--format", "json", path).out)
    assert problem["code"] == code
    assert problem["severity"] == "error"


@pytest.mark.parametrize("code", [code for code in TITLES if code not in UNCHECKED and in_reach(code)])
def test_the_right_example_gives_no_message(code: str, run_wsla: Run, tmp_path: Path) -> None:
    right = read_page(source_of(code)).right
    assert (right is None) == (code in MENDED)
    content = MENDED[code] if right is None else right.encode("utf-8")
    assert told_of(run_wsla, tmp_path, code, content) == []


def test_the_index_names_every_code_with_its_title() -> None:
    index = (PAGES / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| \[`(\w+)`\]\((\w+)\.md\) \| (.*?) \|$", index, re.MULTILINE)
    assert rows == [(code, code, title) for code, title in TITLES.items()]


def test_codes_in_the_program_are_registered_and_registered_ones_are_given() -> None:
    package = Path(wsla.__path__[0])
    registry = package / "diagnostics" / "codes.py"
    modules = [path for path in package.rglob("*.py") if path != registry]
    used = {code for path in modules for code in re.findall(r'"([EW]\d{4})"', path.read_text("utf-8"))}
    assert used == set(TITLES)


def test_a_page_without_its_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="a page has"):
        read_page("# E0001: a title\n\nSome text.\n\n## Wrong\n\nNothing right.\n")


# --- wsla explain


@pytest.mark.parametrize("code", TITLES)
def test_a_page_is_printed_as_plain_text(code: str, run_wsla: Run) -> None:
    finished = run_wsla("explain", code)
    assert finished.code == 0
    assert finished.err == ""
    lines = finished.out.splitlines()
    assert lines[0] == f"{code}: {TITLES[code]}"
    assert {"Wrong", "Right"} <= set(lines)
    assert "```" not in finished.out
    assert "\n## " not in finished.out
    assert all(len(line) <= 80 for line in lines if not line.startswith("    "))
    for line in shown_on(code):
        assert f"    {line}" in lines


def test_a_page_as_json(run_wsla: Run) -> None:
    page = json.loads(run_wsla("explain", "E0302", "--format", "json").out)
    assert list(page) == ["code", "title", "text", "wrong", "right"]
    assert (page["code"], page["title"]) == ("E0302", TITLES["E0302"])
    assert "\n" not in page["text"]
    assert page["wrong"] != page["right"]
    assert page["right"].startswith("agreement ")
    described = json.loads(run_wsla("explain", "E0102", "--format", "json").out)
    assert described["wrong"] is None


@pytest.mark.parametrize("written", ["e0302", "[E0302]", "E0302"])
def test_a_code_as_people_type_it(written: str) -> None:
    assert registered(written) == "E0302"


@pytest.mark.parametrize(
    ("written", "nearest"), [("E302", "E0302"), ("W0302", "E0302"), ("E03014", "E0314"), ("E06O2", "E0602")]
)
def test_an_unknown_code_is_refused_with_the_nearest(written: str, nearest: str, run_wsla: Run) -> None:
    finished = run_wsla("explain", written)
    assert finished.code == 2
    assert finished.out == ""
    assert f"there is no code `{written}`" in finished.err
    assert f"`{nearest}`" in finished.err


def test_what_is_no_code_at_all_leads_to_the_list() -> None:
    with pytest.raises(click.UsageError, match="lists all codes"):
        registered("help")


def test_without_a_code_all_are_listed(run_wsla: Run) -> None:
    assert run_wsla("explain").out.splitlines() == [f"{code}  {title}" for code, title in TITLES.items()]
    listed = json.loads(run_wsla("explain", "--format", "json").out)
    assert {one["code"]: one["title"] for one in listed} == dict(TITLES)


def test_the_pages_that_are_printed_are_those_of_the_documentation() -> None:
    for code in TITLES:
        assert (pages_folder() / f"{code}.md").read_text("utf-8") == source_of(code)


# --- the hint of wsla check


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def said_by_check(stream: StringIO, *arguments: str) -> str:
    with redirect_stdout(StringIO()), redirect_stderr(stream):
        cli.main(["check", *arguments], standalone_mode=False)
    return stream.getvalue()


@pytest.fixture
def unit_mistake(tmp_path: Path) -> str:
    path = tmp_path / NAME
    path.write_bytes(changed("probe.ok", "probe.elapsed < 2"))
    return str(path)


def test_check_on_a_terminal_says_where_to_read_more(unit_mistake: str, tmp_path: Path) -> None:
    last = said_by_check(Terminal(), unit_mistake).splitlines()[-1]
    assert last == "`wsla explain E0302` says more"
    gone = said_by_check(Terminal(), str(tmp_path / "gone.sla"), unit_mistake)
    assert gone.splitlines()[-1] == "`wsla explain E0001` says more"


@pytest.mark.parametrize("options", [("--quiet",), ("--format", "concise"), ("--format", "json")])
def test_other_formats_carry_no_hint(unit_mistake: str, options: tuple[str, ...]) -> None:
    assert "explain" not in said_by_check(Terminal(), unit_mistake, *options)


def test_there_is_no_hint_in_a_file_nor_where_all_is_well(unit_mistake: str, tmp_path: Path) -> None:
    assert "explain" not in said_by_check(StringIO(), unit_mistake)
    (tmp_path / "right.sla").write_text(RIGHT, "utf-8")
    assert "explain" not in said_by_check(Terminal(), str(tmp_path / "right.sla"))
