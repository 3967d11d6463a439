"""What the wheel holds, and what it must not hold."""

from __future__ import annotations

import configparser
import email
import os
import tomllib
import zipfile
from pathlib import Path

import wsla
from wsla.syntax.tables import MODULE

SHIPPED = {".py", ".lark", ".sla", ".toml", ".csv", ".html", ".css", ".xsd", ".json", ".tables"}


def entries(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def read(wheel: Path, ending: str) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(ending)]
        return archive.read(name)


def test_the_tests_import_what_was_installed(root: Path) -> None:
    inside = Path(wsla.__path__[0]).is_relative_to(root / "wsla")
    assert inside == ("WSLA_WHEEL" not in os.environ)


def test_the_grammar_is_the_one_copy(wheel: Path, root: Path) -> None:
    assert read(wheel, "wsla/syntax/wsla.lark") == (root / "grammar" / "wsla.lark").read_bytes()


def test_every_shipped_agreement_is_inside(wheel: Path, root: Path) -> None:
    written = {path.name for path in (root / "specs").rglob("*.sla")}
    shipped = {Path(name).name for name in entries(wheel) if name.startswith("wsla/specs/")}
    assert written <= shipped


def test_every_page_on_a_problem_is_inside(wheel: Path, root: Path) -> None:
    written = {path.name: path.read_bytes() for path in (root / "docs" / "reference" / "errors").glob("*.md")}
    assert written
    assert {name: read(wheel, f"wsla/errors/{name}") for name in written} == written


def test_the_schema_of_notices_is_inside(wheel: Path, root: Path) -> None:
    name = "wsla/channels/notice-1.schema.json"
    assert read(wheel, name) == (root / name).read_bytes()


def test_every_module_is_inside(wheel: Path, root: Path) -> None:
    written = {str(path.relative_to(root)) for path in (root / "wsla").rglob("*.py")}
    worked_out = {f"wsla/syntax/{MODULE}.py"}
    assert written | worked_out == {name for name in entries(wheel) if name.endswith(".py")}


def test_types_are_announced(wheel: Path) -> None:
    assert "wsla/py.typed" in entries(wheel)


def test_nothing_else_is_inside(wheel: Path) -> None:
    strangers = [
        name
        for name in entries(wheel)
        if not name.startswith("wsla-0.1.0.dist-info/")
        and name != "wsla/py.typed"
        and not (name.startswith("wsla/") and Path(name).suffix in SHIPPED and "__pycache__" not in name)
        and not (name.startswith(("wsla/specs/", "wsla/errors/")) and Path(name).suffix == ".md")
    ]
    assert strangers == []


def test_the_metadata_says_what_the_project_says(wheel: Path, root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    metadata = email.message_from_bytes(read(wheel, ".dist-info/METADATA"))
    assert metadata["Name"] == "wsla"
    assert metadata["Version"] == project["version"]
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert sorted(required) == sorted(project["dependencies"])


def test_the_command_is_declared(wheel: Path) -> None:
    parser = configparser.ConfigParser()
    parser.read_string(read(wheel, ".dist-info/entry_points.txt").decode())
    assert dict(parser["console_scripts"]) == {"wsla": "wsla.cli:main"}
