"""Editor colours: the Pygments lexer and the TextMate grammar see what the parser sees, on every text that we ship."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from lark import UnexpectedCharacters
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import Comment, Error, Keyword, Literal, Name, Number, Operator, Punctuation, String

from wsla import highlight
from wsla.diagnostics.source import SourceText
from wsla.highlight import SlaLexer, grammar_text, textmate_grammar
from wsla.syntax import highlighting, surface
from wsla.syntax.formatter import format_document
from wsla.syntax.highlighting import CLASSES, class_of_word, rules, words_by_class
from wsla.syntax.parse import parser, reserved_words
from wsla.testing.surface_strategies import documents

ROOT = Path(__file__).resolve().parents[2]
FENCED = re.compile(r"^```sla\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shipped() -> dict[str, str]:
    """Every agreement of ours: whole files, and the examples of the pages."""
    texts = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in (ROOT / "specs").rglob("*.sla")}
    for page in (ROOT / "docs").rglob("*.md"):
        fenced = enumerate(FENCED.findall(page.read_text("utf-8")))
        texts |= {f"{page.relative_to(ROOT)}:{number}": text for number, text in fenced}
    return texts


def readable(text: str) -> bool:
    """True where the parser's lexer knows every token; some pages show texts in which it does not."""
    try:
        list(parser().lex(text))
    except UnexpectedCharacters:
        return False
    return True


TEXTS = shipped()
FOLDERS = sorted({str(Path(name).parent) for name in TEXTS})


def texts_in(folder: str) -> dict[str, str]:
    """Those of a folder that can be lexed at all."""
    return {name: text for name, text in TEXTS.items() if str(Path(name).parent) == folder and readable(text)}


def lexed(text: str) -> list[tuple[Any, str]]:
    return [(token, value) for _, token, value in SlaLexer().get_tokens_unprocessed(text)]


def by_textmate(text: str) -> list[tuple[int, str, str]]:
    """What an editor does with the grammar: the pattern that matches first, and of several the one named first."""
    patterns = [(re.compile(one["match"]), one["name"]) for one in textmate_grammar()["patterns"]]
    next_of = [pattern.search(text) for pattern, _ in patterns]
    found = []
    while any(next_of):
        match, name = min(
            ((match, name) for match, (_, name) in zip(next_of, patterns, strict=True) if match is not None),
            key=lambda pair: pair[0].start(),
        )
        found.append((match.start(), match.group(), name))
        next_of = [
            after if after is None or after.start() >= match.end() else pattern.search(text, match.end())
            for after, (pattern, _) in zip(next_of, patterns, strict=True)
        ]
    return found


def test_there_are_texts() -> None:
    assert len(TEXTS) >= 6
    assert any(name.startswith("docs") for name in TEXTS)
    assert all(readable(text) for name, text in TEXTS.items() if name.startswith("specs"))
    assert {"specs", "docs/reference/errors"} <= set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_shipped_texts_have_their_colours_everywhere(folder: str) -> None:
    """No token is an error, nothing is lost, tokens are those of the parser, and an editor sees the same."""
    scopes = {highlight._TOKENS[token_class]: scope for token_class, scope in highlight._SCOPES.items()}
    for name, text in texts_in(folder).items():
        tokens = list(SlaLexer().get_tokens_unprocessed(text))
        assert [value for _, token, value in tokens if token is Error] == [], name
        assert "".join(value for _, _, value in tokens) == text, name
        assert_as_parsed(text)
        expected = [(at, value, f"{scopes[token]}.sla") for at, token, value in tokens if token in scopes]
        assert by_textmate(text) == expected, name


def assert_as_parsed(text: str) -> None:
    """The same tokens at the same places, each of the class of its terminal or, for names, of its use."""
    coloured = {}
    for at, token, value in SlaLexer().get_tokens_unprocessed(text):
        coloured[at] = (value, token)
    for token in parser().lex(text):
        value, colour = coloured[token.start_pos]
        assert value == str(token)
        behind_dot = text[: token.start_pos].endswith(".")
        if behind_dot and re.match(r"[^\W\d]", value):
            assert colour is Name.Attribute
        elif value in reserved_words():
            assert colour is highlight._TOKENS[class_of_word(value)]
        elif token.type == "NAME":
            assert colour in (Name, Name.Function)
        else:
            terminal = next(one for one in parser().terminals if one.name == token.type)
            assert colour is highlight._TOKENS[highlighting._class_of_terminal(terminal)]


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("agreement", Keyword.Declaration),
        ("goal", Keyword.Declaration),
        ("guarantees", Keyword),
        ("notify", Keyword.Pseudo),
        ("violated", Keyword.Type),
        ("true", Keyword.Constant),
        ("and", Operator.Word),
        (">=", Operator),
        ("=", Operator),
        ("{", Punctuation),
        ("Monday", Literal.Date),
        ("2026-03-04T10:00Z", Literal.Date),
        ("2026-Q1", Literal.Date),
        ("08:00", Literal.Date),
        ("99.9%", Number.Float),
        ("500 EUR", Number.Float),
        ("120/min", Number.Float),
        ("15th", Number),
        ("3", Number),
        ('"a \\" # b"', String.Double),
        ('# no "string', Comment.Single),
        ("größe", Name),
        ("goals", Name),
        ("notmet", Name),
    ],
)
def test_one_token(text: str, token: Any) -> None:
    assert lexed(text) == [(token, text)]
    assert [(at, value) for at, value, _ in by_textmate(text)] == [(0, text)]


def test_what_stands_behind_a_dot_is_no_keyword_and_what_is_called_is_a_function() -> None:
    assert (Name.Attribute, "at") in lexed("tickets.at")
    assert (Name.Function, "percentile") in lexed("percentile(x, 95)")


def test_what_cannot_be_read_is_an_error() -> None:
    assert (Error, "§") in lexed("goal §")
    assert (Error, '"') in lexed('"open')


@settings(max_examples=30)
@given(documents)
def test_any_agreement_is_lexed_as_it_is_parsed(document: surface.Document) -> None:
    assert_as_parsed(format_document(document, SourceText(name="made up", text="")))


# --- the table


def test_every_reserved_word_has_one_class() -> None:
    words = [word for words in words_by_class().values() for word in words]
    assert sorted(words) == sorted(reserved_words())
    named = {word for words in highlighting._OF_WORDS.values() for word in words}
    assert named <= reserved_words()


def test_every_terminal_of_the_table_is_in_the_grammar() -> None:
    names = {terminal.name for terminal in parser().terminals}
    assert highlighting._OF_TERMINALS.keys() <= names


def test_every_class_has_a_colour_and_a_scope() -> None:
    assert {rule.token_class for rule in rules()} <= set(CLASSES)
    assert set(CLASSES) == highlight._TOKENS.keys()
    assert set(CLASSES) - {"space"} == highlight._SCOPES.keys()
    assert len(set(highlight._SCOPES.values())) == len(highlight._SCOPES)
    assert len(set(highlight._TOKENS.values())) == len(highlight._TOKENS)


def test_both_know_the_same_words() -> None:
    alternatives = re.compile(r"\\b\(\?:([\w|]+)\)\\b")
    in_textmate = {
        word
        for one in textmate_grammar()["patterns"]
        if (found := alternatives.fullmatch(one["match"]))
        for word in found[1].split("|")
    }
    assert in_textmate == reserved_words()


def test_the_committed_grammar_is_the_one_that_is_made() -> None:
    committed = (ROOT / "docs" / "editors" / "sla.tmLanguage.json").read_text("utf-8")
    assert committed == grammar_text(), "python -m wsla.highlight >docs/editors/sla.tmLanguage.json"
    assert json.loads(committed) == textmate_grammar()


def test_pygments_is_told_of_the_lexer() -> None:
    """By the entry point that the project declares; an installed wsla is found by it."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]
    assert declared["pygments.lexers"] == {"sla": "wsla.highlight:SlaLexer"}
    assert SlaLexer.filenames == ["*.sla"]
    if entry_points(group="pygments.lexers", name="sla"):
        assert isinstance(get_lexer_by_name("sla"), SlaLexer)
        assert isinstance(get_lexer_for_filename("shop.sla"), SlaLexer)
        assert isinstance(get_lexer_for_filename("shop.sla", '# us\nagreement "A" version 1 {}'), SlaLexer)


@pytest.mark.parametrize(
    ("text", "likeness"),
    [
        ('agreement "A" version 1 {', 1),
        ('\n# one\n\n  # two\nagreement  "A"', 1),
        ("agreement A", 0),
        ("", 0),
    ],
)
def test_a_text_is_known_by_its_beginning(text: str, likeness: float) -> None:
    assert SlaLexer.analyse_text(text) == likeness
