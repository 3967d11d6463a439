"""The product as users have it: the working tree laid out as its wheel is, with the parser's tables worked out."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_FINISH = """
import compileall, sys
from pathlib import Path
from wsla.syntax.grammar import shipped_with
from wsla.syntax.tables import GRAMMAR
folder = Path(sys.argv[1]) / "wsla"
for name, content in shipped_with((folder / "syntax" / GRAMMAR).read_bytes()).items():
    (folder / "syntax" / name).write_bytes(content)
compileall.compile_dir(folder, quiet=1)
"""


def as_installed(folder: Path) -> Path:
    """A folder that holds the package `wsla`, made anew."""
    target = folder / "installed"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "wsla", target / "wsla", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "grammar" / "wsla.lark", target / "wsla" / "syntax")
    subprocess.run([sys.executable, "-c", _FINISH, str(target)], cwd=target, check=True)
    return target
