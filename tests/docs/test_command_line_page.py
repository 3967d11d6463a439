"""The page on the command line names every verb and option that there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from wsla.cli import VERBS, cli

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "command-line.md"
SECTION = re.compile(r"^## ([a-z-]+)$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| ((?:`--?[\w-]+`(?:, )?)+) \|([^|]*)\|", re.MULTILINE)


def sections() -> dict[str, str]:
    return dict(SECTION.findall(PAGE.read_text("utf-8")))


def command_of(verb: str) -> click.Command:
    assert isinstance(cli, click.Group)
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    return command


def test_every_verb_has_a_section() -> None:
    assert list(sections()) == list(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_is_explained_and_no_other(verb: str) -> None:
    command = command_of(verb)
    there_are = {name for one in command.params if isinstance(one, click.Option) for name in one.opts}
    explained = {name for names, _ in ROW.findall(sections()[verb]) for name in re.findall(r"`(.*?)`", names)}
    assert explained == there_are


@pytest.mark.parametrize("verb", VERBS)
def test_defaults_are_as_explained(verb: str) -> None:
    command = command_of(verb)
    explained = {
        name: default.strip("` ")
        for names, default in ROW.findall(sections()[verb])
        for name in re.findall(r"`(.*?)`", names)
    }
    for option in command.params:
        if isinstance(option.default, str | int) and not isinstance(option.default, bool) and option.default:
            assert explained[option.opts[0]] == str(option.default)
