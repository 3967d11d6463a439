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
        from wsla.syntax.grammar import GRAMMAR, TABLES, tables_of

        self._folder = tempfile.TemporaryDirectory()
        tables = Path(self._folder.name) / TABLES
        tables.write_bytes(tables_of((Path(self.root) / "grammar" / GRAMMAR).read_bytes()))
        build_data["force_include"][str(tables)] = f"wsla/syntax/{TABLES}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            self._folder.cleanup()
