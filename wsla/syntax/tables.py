"""What the direct reader goes by: the pattern of all tokens and the parser's states, as plain numbers and texts.

lark works them out of the grammar; written down as a module they are loaded without lark.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from attrs import fields, frozen

from wsla.values.records import Record

if TYPE_CHECKING:
    from lark import Lark

GRAMMAR: Final = "wsla.lark"
MODULE: Final = "worked_out"
DEFAULT: Final = -1
"""Stands in a state for every symbol without an entry."""


@frozen(eq=False, repr=False)
class Reduction(Record):
    """What happens where a rule has been read.

    ``parts`` says what of the children the builder gets: ``(number, spread, before)`` for each, where ``spread`` is
    True for a list whose members it gets, and ``before`` is how many None stand before it; ``missing`` is how many
    stand at the end. ``name`` is the builder's method; an empty one makes a list. ``single`` is True where the one
    part is handed on as it is.
    """

    origin: int
    size: int
    name: str
    parts: tuple[tuple[int, bool, int], ...]
    missing: int
    single: bool


@frozen(eq=False, repr=False)
class Tables(Record):
    """Symbols of the grammar are numbers here; the first ones are tokens, which have ``names``.

    ``pattern`` matches what is ignored and then one token, or the end of the text; ``kinds`` says which by the number
    of the group. One of the kind ``word`` is looked up among ``words``, the reserved ones. Builders get tokens that
    are ``kept``. A state is ``(symbol, action, symbol, action, …)``: an action from 0 up is the next state,
    ``~action`` a reduction. ``starts`` maps a rule that a text may begin with to its (first, last) state. All this is
    made of ``grammar``.
    """

    grammar: bytes
    pattern: str
    kinds: tuple[int, ...]
    names: tuple[str, ...]
    word: int
    words: dict[str, int]
    end: int
    kept: tuple[int, ...]
    states: tuple[tuple[int, ...], ...]
    reductions: tuple[tuple[Any, ...], ...]
    starts: dict[str, tuple[int, int]]


def load_tables(folder: str, parser: Callable[[], Lark]) -> Tables:
    """The tables that lie beside the grammar in a folder if they were made of it; else those of ``parser``."""
    grammar = grammar_in(folder)
    try:
        tables = Tables(*import_module(f"wsla.syntax.{MODULE}").TABLES)
    except ModuleNotFoundError:
        return tables_from(parser(), grammar)
    return tables if tables.grammar == grammar else tables_from(parser(), grammar)


def grammar_in(folder: str) -> bytes:
    """The grammar that was shipped in a folder, or else lies in the source tree."""
    try:
        with open(f"{folder}/{GRAMMAR}", "rb") as shipped:
            return shipped.read()
    except FileNotFoundError:
        with open(f"{folder}/../../grammar/{GRAMMAR}", "rb") as written:
            return written.read()


def module_of(tables: Tables) -> str:
    """A module that holds tables."""
    values = ", ".join(repr(getattr(tables, one.name)) for one in fields(Tables))
    return f"# Worked out of the grammar by lark.\nTABLES = ({values})\n"


def tables_from(parser: Lark, grammar: bytes) -> Tables:
    """The tables of a parser that lark has worked out from ``grammar``."""
    from lark.parsers.lalr_analysis import Shift

    lexing: Any = parser.parser.lexer
    table: Any = parser.parser.parser._parse_table
    scanned = lexing.scanner.terminals
    ((word, unless),) = lexing.callback.items()
    numbers = {name: number for number, name in enumerate(sorted(one.name for one in parser.terminals))}
    names = tuple(numbers)
    for rule in parser.rules:
        numbers.setdefault(rule.origin.name, len(numbers))
    end = numbers.setdefault("$END", len(numbers))
    ignored = "|".join(one.pattern.to_regexp() for one in scanned if one.name in lexing.ignore_types)
    tokens = [one for one in scanned if one.name not in lexing.ignore_types]
    found = "|".join(f"({one.pattern.to_regexp()})" for one in tokens)
    order = {rule: number for number, rule in enumerate(parser.rules)}
    reductions = tuple(_reduction(rule, numbers) for rule in order)
    kept = {
        rule.expansion[number].name
        for rule, reduction in zip(order, reductions, strict=True)
        for number, spread, _ in reduction.parts
        if rule.expansion[number].is_term and not spread
    }
    places = {state: place for place, state in enumerate(table.states)}
    states = []
    for actions in table.states.values():
        coded = {
            numbers[str(symbol)]: places[arg] if action is Shift else ~order[arg]
            for symbol, (action, arg) in actions.items()
        }
        states.append(_packed(coded))
    return Tables(
        grammar=grammar,
        pattern=f"(?:{ignored})*(?:{found}|\\Z)",
        kinds=(end, *(numbers[one.name] for one in tokens)),
        names=names,
        word=numbers[word],
        words={one.pattern.value: numbers[one.name] for one in unless.scanner.terminals},
        end=end,
        kept=tuple(sorted(numbers[name] for name in kept)),
        states=tuple(states),
        reductions=tuple(
            (one.origin, one.size, one.name, one.parts, one.missing, one.single) for one in reductions
        ),
        starts={
            start: (places[state], places[table.end_states[start]])
            for start, state in table.start_states.items()
        },
    )


def _packed(actions: dict[int, int]) -> tuple[int, ...]:
    """A state with its most frequent reduction as the default: that never shifts a token which cannot stand there."""
    reduced = [action for action in actions.values() if action < 0]
    default = max(set(reduced), key=lambda action: (reduced.count(action), action)) if reduced else None
    packed: list[int] = []
    for symbol, action in sorted(actions.items()):
        if action != default:
            packed += (symbol, action)
    return (*packed, *(() if default is None else (DEFAULT, default)))


def _reduction(rule: Any, numbers: dict[str, int]) -> Reduction:
    from lark.parse_tree_builder import maybe_create_child_filter

    options = rule.options
    chosen = maybe_create_child_filter(rule.expansion, options.keep_all_tokens, False, options.empty_indices)
    parts: tuple[tuple[int, bool, int], ...] = tuple(
        (number, False, 0) for number in range(len(rule.expansion))
    )
    missing = 0
    if chosen is not None and len(chosen.args) == 2:
        parts, missing = tuple(chosen.args[0]), chosen.args[1]
    elif chosen is not None:
        parts = tuple((number, spread, 0) for number, spread in chosen.args[0])
    origin = str(rule.origin.name)
    name = str(rule.alias or ("" if origin.startswith("_") else origin))
    single = bool(options.expand1 and not rule.alias)
    return Reduction(numbers[origin], len(rule.expansion), name, parts, missing, single)
