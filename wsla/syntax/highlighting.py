"""Classes of tokens for editors, derived from the parser's own terminals: colours follow the grammar by themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from attrs import frozen
from lark.lexer import PatternStr, TerminalDef

from wsla.syntax.parse import parser, reserved_words

_OF_WORDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "declaration": frozenset(
            {
                "agreement",
                "version",
                "effective",
                "kind",
                "currency",
                "grace",
                "party",
                "service",
                "schedule",
                "source",
                "metric",
                "goal",
                "cap",
                "test",
                "template",
                "import",
                "use",
                "amends",
            }
        ),
        "action": frozenset(["notify", "escalate", "call", "ticket", "publish", "credit", "grant"]),
        "verdict": frozenset(["met", "violated", "lost", "secured"]),
        "constant": frozenset(["true", "false", "unknown"]),
        "word operator": frozenset(["and", "or", "not", "implies", "of"]),
    }
)
_OF_TERMINALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "COMMENT": "comment",
        "STRING": "string",
        "DATETIME": "time",
        "DATE": "time",
        "PERIOD": "time",
        "CLOCK": "time",
        "WEEKDAY": "time",
        "ORDINAL": "number",
        "NUMBER": "number",
        "QUANTITY": "quantity",
        "NAME": "name",
        "WHITE_SPACE": "space",
    }
)
_PUNCTUATION: Final = frozenset("{}(),:.")

CLASSES: Final = (
    *_OF_WORDS,
    *dict.fromkeys(_OF_TERMINALS.values()),
    "keyword",
    "operator",
    "punctuation",
    "attribute",
    "function",
)
"""Every class that a rule can have. ``attribute`` is what stands behind a dot, ``function`` a name that is called."""


@frozen
class Rule:
    """Text that matches the pattern (as Python's and Oniguruma's regular expressions agree on) is of the class."""

    token_class: str
    pattern: str


def class_of_word(word: str) -> str:
    """The class of a reserved word."""
    from wsla.syntax.vocabulary import WEEKDAYS

    if word in WEEKDAYS:
        return "time"
    return next((name for name, words in _OF_WORDS.items() if word in words), "keyword")


@cache
def words_by_class() -> Mapping[str, tuple[str, ...]]:
    """Every reserved word under its class, words in order."""
    found: dict[str, list[str]] = {}
    for word in sorted(reserved_words()):
        found.setdefault(class_of_word(word), []).append(word)
    return MappingProxyType({name: tuple(words) for name, words in sorted(found.items())})


@cache
def rules() -> tuple[Rule, ...]:
    """The rules in the order in which they are tried at each place, as the parser's lexer tries its terminals."""
    name = next(terminal for terminal in parser().terminals if terminal.name == "NAME").pattern.value
    lexical = [terminal for terminal in parser().terminals if not _is_word(terminal)]
    lexical.sort(key=lambda terminal: (-terminal.priority, -len(terminal.pattern.value), terminal.name))
    signs = [terminal for terminal in lexical if terminal.priority <= 0 and terminal.name != "NAME"]
    first = [terminal for terminal in lexical if terminal.priority > 0]
    return (
        *(Rule(_class_of_terminal(terminal), _pattern(terminal)) for terminal in first),
        Rule("attribute", rf"(?<=\.)(?:{name})"),
        *(
            Rule(token_class, rf"\b(?:{'|'.join(words)})\b")
            for token_class, words in words_by_class().items()
        ),
        Rule("function", rf"(?:{name})(?=[ \t]*\()"),
        Rule("name", name),
        *(Rule(_class_of_terminal(terminal), _pattern(terminal)) for terminal in signs),
    )


def _is_word(terminal: TerminalDef) -> bool:
    """True for terminals that stand for reserved words and nothing else."""
    alternatives = re.sub(r"^\(\?:|\)?\\b$", "", terminal.pattern.value).split("|")
    return all(word in reserved_words() for word in alternatives)


def _class_of_terminal(terminal: TerminalDef) -> str:
    sign = terminal.pattern.value if isinstance(terminal.pattern, PatternStr) else ""
    return _OF_TERMINALS.get(terminal.name, "punctuation" if sign and sign in _PUNCTUATION else "operator")


def _pattern(terminal: TerminalDef) -> str:
    value: str = terminal.pattern.value
    if isinstance(terminal.pattern, PatternStr):
        return re.sub(r"([^\w\s])", r"\\\1", value)
    return value
