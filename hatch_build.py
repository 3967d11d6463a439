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
        from wsla.syntax.grammar import TABLES, build_parser, tables_of
        from wsla.syntax.tables import GRAMMAR, MODULE, module_of, tables_from

        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        grammar = (Path(self.root) / "grammar" / GRAMMAR).read_bytes()
        (folder / TABLES).write_bytes(tables_of(grammar))
        module = module_of(tables_from(build_parser(grammar), grammar))
        (folder / f"{MODULE}.py").write_text(module, "utf-8")
        for path in folder.iterdir():
            build_data["force_include"][str(path)] = f"wsla/syntax/{path.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            self._folder.cleanup()
