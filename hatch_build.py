"""Works the parser's tables out once, when a wheel is built, so that no start of the command has to."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ParserTables(BuildHookInterface[Any]):
    """Puts the tables beside the grammar. An editable installation has none and reads the grammar."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        from wsla.syntax.grammar import shipped_with
        from wsla.syntax.tables import GRAMMAR

        self._folder = tempfile.TemporaryDirectory()
        for name, content in shipped_with((Path(self.root) / "grammar" / GRAMMAR).read_bytes()).items():
            path = Path(self._folder.name) / name
            path.write_bytes(content)
            build_data["force_include"][str(path)] = f"wsla/syntax/{name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            self._folder.cleanup()
