"""The import law read from the source: quick, with file and line; import-linter sees indirect imports too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

LAYERS = (
    {"values"},
    {"diagnostics"},
    {"syntax"},
    {"analysis"},
    {"plan"},
    {"evaluation"},
    {"remedies", "composition"},
    {"engine"},
    {"ports"},
    {"ical"},
    {"sources", "channels", "store", "testing", "texts", "interop"},
    {"explaining"},
    {"comparing"},
    {"api"},
    {"monitor"},
    {"daemon"},
    {"reporting"},
    {"lsp", "web", "testing/simulation"},
    {"cli"},
    {"__main__", "highlight"},
)
HEIGHT = {room: height for height, layer in enumerate(LAYERS) for room in layer}
CORE = {room for room, height in HEIGHT.items() if height < HEIGHT["ports"]} | {"explaining", "comparing"}
IMPURE = {
    "asyncio",
    "http",
    "httpx",
    "logging",
    "multiprocessing",
    "os",
    "random",
    "secrets",
    "shutil",
    "signal",
    "smtplib",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
}
ALONE = {
    "lark": {"syntax"},
    "click": {"cli"},
    "rich": {"cli"},
    "pygments": {"highlight"},
    "httpx": {"sources", "channels"},
}


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that a module imports, at any depth."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                for name in names:
                    yield node.lineno, name.name
            case ast.ImportFrom(module="wsla", level=0, names=names):
                for name in names:
                    yield node.lineno, f"wsla.{name.name}"
            case ast.ImportFrom(module=str(module), level=0):
                yield node.lineno, module
            case ast.ImportFrom(level=level) if level > 0:
                yield node.lineno, "." * level


def breaches(room: str, source: str) -> list[tuple[int, str]]:
    """What a module of a room says that the law forbids, as (line, reason)."""
    found = []
    for line, name in imported(source):
        top, _, rest = name.partition(".")
        target = rest.split(".")[0]
        if name.startswith("."):
            found.append((line, "relative import"))
        elif top == "wsla" and target not in HEIGHT:
            found.append((line, f"{name}: the public API is for users, not for rooms"))
        elif top == "wsla" and name.startswith("wsla.testing.simulation") and room != "testing/simulation":
            found.append((line, "the simulator is for nobody to import"))
        elif top == "wsla" and target != room and HEIGHT[target] >= HEIGHT[room]:
            found.append((line, f"{room} may not import {target}"))
        elif top in ALONE and room not in ALONE[top]:
            found.append((line, f"{top} is not for {room}"))
        elif top in IMPURE and room in CORE:
            found.append((line, f"{top} is not for the core"))
    return found


def room_of(path: Path, package: Path) -> str:
    if path.is_relative_to(package / "testing" / "simulation"):
        # It runs what the rest of its room may not see, and nobody may import it.
        return "testing/simulation"
    return path.relative_to(package).parts[0].removesuffix(".py")


def test_every_module_obeys(root: Path) -> None:
    package = root / "wsla"
    modules = [path for path in package.rglob("*.py") if path != package / "__init__.py"]
    assert modules
    found = [
        f"{path.relative_to(root)}:{line}: {reason}"
        for path in modules
        for line, reason in breaches(room_of(path, package), path.read_text("utf-8"))
    ]
    assert found == []


def test_every_room_has_its_place(root: Path) -> None:
    package = root / "wsla"
    rooms = {room_of(path, package) for path in package.rglob("*.py")} - {"__init__"}
    assert rooms <= HEIGHT.keys()


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("values", "import socket"),
        ("plan", "def f():\n    from time import monotonic"),
        ("engine", "import urllib.request"),
        ("analysis", "from wsla.plan import build"),
        ("analysis", "from wsla import plan"),
        ("sources", "from wsla.store import open_store"),
        ("testing", "import wsla.daemon"),
        ("testing", "import wsla.testing.simulation.simulation"),
        ("cli", "from wsla.testing.simulation import simulation"),
        ("testing/simulation", "import wsla.cli"),
        ("explaining", "import time"),
        ("comparing", "from wsla.api import load"),
        ("evaluation", "import lark"),
        ("daemon", "import click"),
        ("store", "import httpx"),
        ("plan", "from wsla import load"),
        ("plan", "from . import nodes"),
    ],
)
def test_a_breach_is_seen(room: str, source: str) -> None:
    assert breaches(room, source) != []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("plan", "from wsla.values.instants import SECOND"),
        ("plan", "from wsla.plan.nodes import Plan"),
        ("syntax", "from lark import Lark"),
        ("sources", "import httpx, socket, asyncio"),
        ("cli", "from wsla import api, daemon"),
        ("testing", "from wsla.engine import step"),
    ],
)
def test_what_is_allowed_is_no_breach(room: str, source: str) -> None:
    assert breaches(room, source) == []
