"""The parser of the language: from tables worked out when the wheel was built, or from the grammar itself."""

from __future__ import annotations

import io
from hashlib import sha256
from pathlib import Path
from typing import Final

import lark

from wsla.syntax.tables import MODULE, grammar_in, module_of, tables_from

TABLES: Final = "wsla.tables"


def load_parser(folder: str) -> lark.Lark:
    """The parser for the grammar that lies in a folder, or else in the source tree.

    Tables beside the grammar are as much our own code as the modules there. They are taken only where they were made of
    this very grammar by this release of lark.
    """
    grammar = grammar_in(folder)
    tables = Path(folder, TABLES)
    if tables.is_file():
        key, _, saved = tables.read_bytes().partition(b"\n")
        if key == _key(grammar):
            return lark.Lark.load(io.BytesIO(saved))
    return build_parser(grammar)


def build_parser(grammar: bytes) -> lark.Lark:
    """The parser of a grammar, worked out anew."""
    return lark.Lark(
        grammar.decode(),
        start=["document", "declarations", "header", "test", "template", "template_header", "import_file"],
        parser="lalr",
        lexer="basic",
        propagate_positions=True,
        maybe_placeholders=True,
    )


def tables_of(grammar: bytes) -> bytes:
    """What ``load_parser`` reads instead of working the parser out: a line that says of what, then lark's tables."""
    saved = io.BytesIO()
    build_parser(grammar).save(saved)
    return _key(grammar) + b"\n" + saved.getvalue()


def shipped_with(grammar: bytes) -> dict[str, bytes]:
    """The files, by name, that a wheel holds beside the grammar, so that no start has to work them out."""
    module = module_of(tables_from(build_parser(grammar), grammar))
    return {TABLES: tables_of(grammar), f"{MODULE}.py": module.encode()}


def _key(grammar: bytes) -> bytes:
    return f"lark {lark.__version__} {sha256(grammar).hexdigest()}".encode()
