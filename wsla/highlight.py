"""Colours for `.sla` texts: a lexer for Pygments, and a TextMate grammar for editors, both made of the parser's tokens.

``python -m wsla.highlight`` prints the grammar.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pygments import token as pygments_token  # type: ignore[import-untyped]
from pygments.lexer import RegexLexer  # type: ignore[import-untyped]

from wsla.syntax.highlighting import rules

_TOKENS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "action": pygments_token.Keyword.Pseudo,
        "attribute": pygments_token.Name.Attribute,
        "comment": pygments_token.Comment.Single,
        "constant": pygments_token.Keyword.Constant,
        "declaration": pygments_token.Keyword.Declaration,
        "function": pygments_token.Name.Function,
        "keyword": pygments_token.Keyword,
        "name": pygments_token.Name,
        "number": pygments_token.Number,
        "operator": pygments_token.Operator,
        "punctuation": pygments_token.Punctuation,
        "quantity": pygments_token.Number.Float,
        "space": pygments_token.Whitespace,
        "string": pygments_token.String.Double,
        "time": pygments_token.Literal.Date,
        "verdict": pygments_token.Keyword.Type,
        "word operator": pygments_token.Operator.Word,
    }
)
_SCOPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "action": "support.function.action",
        "attribute": "variable.other.property",
        "comment": "comment.line.number-sign",
        "constant": "constant.language",
        "declaration": "storage.type",
        "function": "entity.name.function",
        "keyword": "keyword.control",
        "name": "variable.other",
        "number": "constant.numeric",
        "operator": "keyword.operator",
        "punctuation": "punctuation",
        "quantity": "constant.numeric.quantity",
        "string": "string.quoted.double",
        "time": "constant.other.date",
        "verdict": "support.type",
        "word operator": "keyword.operator.word",
    }
)

_BEGINNING: Final = re.compile(r'(?:\s+|#[^\n]*\n)*agreement\s+"')


class SlaLexer(RegexLexer):  # type: ignore[misc]
    """The Pygments lexer for agreements; ``get_lexer_by_name("sla")`` finds it where wsla is installed."""

    name = "Service level agreement"
    aliases: Final = ["sla", "wsla"]
    filenames: Final = ["*.sla"]
    # Pygments knows another language whose files end in `.sla`.
    priority: Final = 0.1

    @staticmethod
    def analyse_text(text: str) -> float:
        """1 for a text that begins as an agreement does, else 0."""
        return 1.0 if _BEGINNING.match(text) else 0.0

    @classmethod
    def get_tokendefs(cls) -> dict[str, list[tuple[str, Any]]]:
        """The rules; asked for when the first lexer is made, so that being found costs no parser."""
        return {"root": [(rule.pattern, _TOKENS[rule.token_class]) for rule in rules()]}


def textmate_grammar() -> dict[str, Any]:
    """The TextMate grammar as a value for JSON."""
    patterns: list[dict[str, Any]] = []
    for rule in rules():
        if rule.token_class == "space":
            continue
        pattern: dict[str, Any] = {"name": f"{_SCOPES[rule.token_class]}.sla", "match": rule.pattern}
        if rule.token_class == "string":
            escape = {"name": "constant.character.escape.sla", "match": r"\\."}
            pattern["captures"] = {"0": {"patterns": [escape]}}
        patterns.append(pattern)
    return {
        "name": "Service level agreement",
        "scopeName": "source.sla",
        "fileTypes": ["sla"],
        "patterns": patterns,
    }


def grammar_text() -> str:
    """The TextMate grammar as the file in ``docs/editors`` holds it."""
    return json.dumps(textmate_grammar(), indent=2, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    print(grammar_text(), end="")
