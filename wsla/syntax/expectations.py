"""What may stand at a place, in the reader's words: from the tokens before it and the kinds accepted there."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from lark import Token

from wsla.syntax.vocabulary import words_of

_NOUNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AGREEMENT": "an agreement",
        "CAP": "a cap",
        "EFFECTIVE": "`effective`",
        "EXPECT": "an `expect`",
        "GIVEN": "a `given`",
        "GOAL": "a goal",
        "METRIC": "a metric",
        "PARTY": "a party",
        "SCHEDULE": "a schedule",
        "SERVICE": "a service",
        "SETTING": "a setting",
        "SOURCE": "a source",
        "IMPORT": "an import",
        "TEMPLATE": "a template",
        "TEST": "a test",
        "USE": "a use",
        "WHEN": "a rule",
    }
)
_RECURRING: Final[Mapping[str, str]] = MappingProxyType({"publish": "report", "call": "review"})
_STARTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "header": "an agreement",
        "test": "a test",
        "template": "a template",
        "template_header": "a template",
        "import_file": "an import",
        "declarations": "a declaration",
        "document": "a text",
        "stray": "a text",
    }
)
_LENGTH: Final = "a length of time such as `30s`"
_CONDITION: Final = "a condition"
_VALUE: Final = "a value"
_AFTER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AFTER": _LENGTH,
        "AGREEMENT": "a title in quotes",
        "AND": _CONDITION,
        "CAP": "`credits` or `rewards`",
        "COMPARISON": _VALUE,
        "COVERAGE": "a percentage such as `95%`",
        "CREDIT": "a party",
        "DURING": "a schedule",
        "EACH": "a period such as `month` or `5m`",
        "EFFECTIVE": "a date such as `2026-01-31`",
        "ELSE": "`:`",
        "ENV": "the name of an environment variable",
        "EXCEPT": "a day such as `Monday` or `2026-12-24`",
        "EXCLUDING": "a schedule",
        "FOR": _LENGTH,
        "GIVEN": "a source's field such as `probe.ok`",
        "GOAL": "a name",
        "GRANT": "a party",
        "GUARANTEES": _CONDITION,
        "HOLIDAYS": 'a country in quotes such as `"DE"`',
        "IMPLIES": _CONDITION,
        "METRIC": "a name",
        "MINUS": _VALUE,
        "NOT": _CONDITION,
        "OF": _VALUE,
        "OR": _CONDITION,
        "OTHERWISE": "an action such as `notify`",
        "PARTY": "a name",
        "PER": "a period such as `month`",
        "PLUS": _VALUE,
        "PROVIDED": _CONDITION,
        "REFUND": "a percentage such as `50%`",
        "REPEAT": "`every`",
        "REWARDING": "an action such as `credit`",
        "SCHEDULE": "a name",
        "SERVICE": "a name",
        "SETTING": _VALUE,
        "SIGNED": "a secret such as `env NAME`",
        "SLASH": _VALUE,
        "SOURCE": "a name",
        "STAR": _VALUE,
        "STARTING": "a day such as `15th`",
        "AMENDS": "a number",
        "IMPORT": 'a file in quotes such as `"terms.sla"`',
        "TEMPLATE": "a name",
        "USE": "the name of a template",
        "TEST": "a title in quotes",
        "TIMEOUT": _LENGTH,
        "TO": "a party",
        "VERB": "a party",
        "VERSION": "a number",
        "WHERE": _CONDITION,
        "WHILE": _CONDITION,
    }
)
_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "CLOCK": "a time such as `08:00`",
        "COLON": "`:`",
        "COMMA": "`,`",
        "COMPARISON": "a comparison such as `>=`",
        "DATE": "a date such as `2026-01-31`",
        "DATETIME": "a date such as `2026-01-31`",
        "DOT": "`.`",
        "EQUAL": "`=`",
        "LBRACE": "`{`",
        "LPAR": "`(`",
        "MINUS": "`-`",
        "NAME": "a name",
        "NUMBER": "a number",
        "ORDINAL": "a day such as `15th`",
        "PERIOD": "a period such as `2026-03`",
        "PLUS": "`+`",
        "QUANTITY": "a quantity such as `30s`",
        "RBRACE": "`}`",
        "RPAR": "`)`",
        "SLASH": "`/`",
        "STAR": "`*`",
        "STRING": "a text in quotes",
        "VERB": "an action such as `notify`",
        "VERDICT": "a verdict such as `violated`",
        "WEEKDAY": "a day such as `Monday`",
    }
)
_EXPRESSION: Final = frozenset({"NAME", "NUMBER", "QUANTITY", "LPAR"})
_OPERATORS: Final = frozenset({"PLUS", "STAR", "COMPARISON"})
_MOST_NAMED: Final = 4


def noun_of(read: tuple[Token, ...], start: str) -> str:
    """What is being read, with its article: the last thing that began on a line of its own, or first."""
    depth = 0
    for index in range(len(read) - 1, -1, -1):
        token = read[index]
        if token.type == "RBRACE":
            depth += 1
        elif token.type == "LBRACE":
            depth -= 1
        elif token.type == "VERB" and depth <= 0 and token in _RECURRING and read[index + 1 : index + 2]:
            if read[index + 1] == _RECURRING[token]:
                return f"a {_RECURRING[token]}"
        elif token.type in _NOUNS and depth <= 0:
            first = index == 0 or read[index - 1].line != token.line or read[index - 1] in ("{", "}")
            if first and not (token.type in ("PARTY", "SERVICE", "SOURCE") and depth > 0):
                return _NOUNS[token.type]
    return _STARTS[start]


def expectation(read: tuple[Token, ...], accepts: frozenset[str], start: str) -> str | None:
    """What is expected after these tokens, or None where too much would fit to say it in a few words."""
    if not read:
        return {
            "header": "`agreement`",
            "test": "`test`",
            "declarations": "a declaration such as `goal`",
        }.get(start, "`agreement` or `test`")
    noun, last = noun_of(read, start), read[-1].type
    if noun == "a cap" and "EACH" in accepts:
        return "a period such as `each month`"
    special = _special(read, accepts, noun)
    if special is not None:
        return special
    if last in _AFTER:
        return _AFTER[last]
    if accepts >= _EXPRESSION:
        return _VALUE
    if _OPERATORS & accepts:
        return "`)`" if "RPAR" in accepts else "a block in `{ … }`" if _only_block(accepts, noun) else None
    return _listed(accepts - {"$END"})


def _only_block(accepts: frozenset[str], noun: str) -> bool:
    return noun == "a rule" and "LBRACE" in accepts


def _special(read: tuple[Token, ...], accepts: frozenset[str], noun: str) -> str | None:
    last = read[-1].type
    before_last = read[-2].type if len(read) > 1 else ""
    match last, noun:
        case "NUMBER", "an agreement" if {"AMENDS", "LBRACE"} <= accepts:
            return "`{`"
        case "NAME", _ if before_last == "NAME" and read[-2] == "forgiving" and "QUANTITY" in accepts:
            return "`under` or `up to`"
        case "NAME", _ if before_last == "NAME" and read[-3].type == "COMMA" and "QUANTITY" in accepts:
            return "an error such as `1%`"
        case "NAME", _ if before_last == "COMMA" and read[-1] == "approximate" and "NAME" in accepts:
            return "`within`"
        case (("NAME" | "TO"), _) if accepts in ({"QUANTITY"}, {"QUANTITY", "TO"}):
            return "a length of time such as `5m`"
        case "COLON", "a template" if "GOAL" in accepts:
            return "a kind such as `party` or `quantity`"
        case _, "a template" if before_last == "COLON" and accepts & {"COMMA", "RPAR"}:
            return _listed(accepts & {"COMMA", "RPAR"})
        case "COMMA" | "LPAR", "a template" if "RPAR" in accepts or last == "COMMA":
            return "a parameter such as `target: quantity`"
        case "COMMA" | "LPAR", "a use" if "RPAR" in accepts or last == "COMMA":
            return "an argument such as `target = 99.9%`"
        case "COLON", "a goal" if accepts == {"NAME"}:
            return "a party"
        case "QUANTITY", "a rule" if accepts == {"AT", "LBRACE"}:
            return "`{`"
        case "COLON", "a rule":
            return "an action such as `notify`"
        case "EQUAL", "a source":
            return "a kind such as `http`"
        case "EQUAL", "a metric":
            return "an expression"
        case "NAME", "a goal" if accepts == {"COLON"}:
            return "`:`"
        case "FROM", _ if "NAME" in accepts:
            return "a party"
        case "EVERY", "a schedule":
            return "`day`"
        case "EVERY", _:
            return _LENGTH
        case "LAST", _ if before_last == "OVER":
            return "a length of time such as `1h`"
        case "WHEN", "a metric":
            return "`idle`"
        case "OR", "a metric" if before_last == "COMMA":
            return "a value for idle windows"
        case "IN", "`effective`":
            return 'a time zone in quotes such as `"Europe/Berlin"`'
        case (("IN" | "AT"), ("an `expect`" | "a test")):
            return "a period such as `2026-03`" if last == "IN" else "a date such as `2026-03-01T10:00`"
        case "BY", _ if accepts == {"NAME"}:
            return "a party" if noun == "a source" else "a label"
        case "AT", "a cap":
            return "an amount"
        case "LBRACE", "a schedule":
            return "a day such as `Monday`"
        case "LBRACE", "a rule":
            return "an action such as `notify`"
        case "MINUS", "a schedule":
            return "a day" if "WEEKDAY" in accepts else "a time such as `17:00`"
        case _:
            return None


def _listed(accepts: frozenset[str]) -> str | None:
    if {"DATE", "DATETIME"} <= accepts:
        accepts -= {"DATETIME"}
    shown = [_KINDS[kind] for kind in sorted(accepts) if kind in _KINDS]
    shown += [f"`{word}`" for word in words_of(frozenset(accepts - _KINDS.keys()))]
    if not shown or len(shown) > _MOST_NAMED:
        return None
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def plain(needed: str | None) -> str:
    """An expectation as a label."""
    return needed or "something else"


def found(token: Token) -> str:
    """A token as it is shown: in backquotes, shortened."""
    text = token if len(token) <= 30 else f"{token[:29]}…"
    return f"`{text}`"


def previous_words(read: tuple[Token, ...]) -> str:
    """`` after `x` ``, or nothing at the beginning."""
    return f" after {found(read[-1])}" if read else ""
