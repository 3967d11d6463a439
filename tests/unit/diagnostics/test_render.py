"""What a reader sees of a diagnostic: in full, on one line, as JSON."""

from __future__ import annotations

import json
import re

import pytest

from wsla.diagnostics.codes import TITLES, title
from wsla.diagnostics.diagnostic import Diagnostic, Related, Severity, Suggestion
from wsla.diagnostics.render import WIDTH, render_concise, render_full, to_json
from wsla.diagnostics.source import SourceText, Span
from wsla.diagnostics.width import display_width, visible


def diagnostic(text: str, marked: str, **more: object) -> Diagnostic:
    start = text.index(marked)
    parts: dict[str, object] = {
        "code": "E0302",
        "message": "`uptme` is not known",
        "source": SourceText(name="shop.sla", text=text),
        "span": Span(start, start + len(marked)),
    }
    return Diagnostic(**(parts | more))  # type: ignore[arg-type]


def test_concise() -> None:
    assert (
        render_concise(diagnostic("a\n b uptme", "uptme"))
        == "shop.sla:2:4: error[E0302]: `uptme` is not known"
    )
    warning = diagnostic("x", "x", severity=Severity.WARNING, message="two\nlines")
    assert render_concise(warning) == "shop.sla:1:1: warning[E0302]: two lines"


def test_full() -> None:
    text = "metric uptime = 1\n\n\n\n\n\n\n\n\ngoal g: a guarantees uptme > 0\n"
    found = diagnostic(
        text,
        "uptme",
        label="no metric has this name",
        notes=("metrics are defined with `metric`",),
        related=(Related(span=Span(7, 13), text="this one is similar"),),
        suggestion=Suggestion(text="write `uptime`", span=Span(49, 54), replacement="uptime"),
    )
    assert render_full(found) == (
        "error[E0302]: `uptme` is not known\n"
        "  --> shop.sla:10:22\n"
        "   |\n"
        "10 | goal g: a guarantees uptme > 0\n"
        "   |                      ^^^^^ no metric has this name\n"
        "  ::: shop.sla:1:8\n"
        " 1 | metric uptime = 1\n"
        "   |        ------ this one is similar\n"
        "   |\n"
        "   = note: metrics are defined with `metric`\n"
        "   = help: write `uptime`"
    )


def test_help_shows_the_replacement_that_its_text_does_not_name() -> None:
    found = diagnostic(
        "a b", "b", suggestion=Suggestion(text="did you mean this", span=Span(2, 3), replacement="c")
    )
    assert render_full(found).endswith("= help: did you mean this: `c`")


def test_wide_characters_and_tabs_keep_the_caret_below_its_place() -> None:
    lines = render_full(diagnostic("\t日本 = x", "x")).splitlines()
    assert lines[3:5] == ["1 |     日本 = x", "  |            ^"]
    lines = render_full(diagnostic("\t日本 = x", "日本")).splitlines()
    assert lines[4] == "  |     ^^^^"


def test_a_span_over_lines_shows_the_first_and_the_last() -> None:
    text = "metric m = (\n  a +\n  b\n)"
    lines = render_full(diagnostic(text, "(\n  a +\n  b", label="too long")).splitlines()
    assert lines[3:] == [
        "1 | metric m = (",
        "  |            ^",
        "...",
        "3 |   b",
        "  |   ^ too long",
    ]


def test_an_empty_span_has_one_caret_even_behind_the_end() -> None:
    source = SourceText(name="x", text="ab\n")
    for offset, line, caret in ((2, "1 | ab", "  |   ^"), (3, "2 |", "  | ^")):
        found = Diagnostic(code="E0110", message="m", source=source, span=Span(offset, offset))
        assert render_full(found).splitlines()[3:] == [line, caret]


@pytest.mark.parametrize("before", [0, 10, 500])
@pytest.mark.parametrize("behind", [0, 10, 500])
def test_long_lines_are_cut_around_the_caret(before: int, behind: int) -> None:
    lines = render_full(diagnostic("a" * before + "xyz" + "b" * behind, "xyz")).splitlines()
    source, caret = lines[3], lines[4]
    place = caret.index("^^^")
    assert source[place : place + 3] == "xyz"
    assert len(source) <= WIDTH + len("1 | ") + 2
    assert source.endswith("…") == (behind == 500)
    assert ("| …" in source) == (before == 500)


def test_a_line_of_exactly_the_width_is_not_cut() -> None:
    text = "x" + "a" * (WIDTH - 1)
    assert render_full(diagnostic(text, "x")).splitlines()[3] == f"1 | {text}"
    assert render_full(diagnostic(text + "a", "x")).splitlines()[3].endswith("…")


def test_a_text_cannot_steer_the_terminal() -> None:
    text = 'x = "\x1b[31m\x07\u202e\x9b"'
    found = diagnostic(text, "x", message="say \x1b[0m", label="\x1b", notes=("\x00",))
    shown = render_full(found)
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown) is None
    assert '1 | x = "\\u001b[31m\\u0007\\u202e\\u009b"' in shown
    assert "\x1b" not in render_concise(found)


def test_colour_only_when_asked_and_only_colour() -> None:
    found = diagnostic("a b", "b", notes=("n",), suggestion=Suggestion(text="s"), label="here")
    plain, coloured = render_full(found), render_full(found, colour=True)
    assert "\x1b" not in plain
    assert "\x1b[1;31merror[E0302]\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


def test_json_has_every_part_and_can_be_encoded() -> None:
    found = diagnostic(
        "ab\ncd \ud800",
        "cd",
        message="m\ud800",
        label="here",
        notes=("n",),
        related=(Related(span=Span(0, 2), text="there"),),
        suggestion=Suggestion(text="write `x`", span=Span(3, 5), replacement="x", safe=True),
    )
    shown = to_json(found)
    json.dumps(shown, ensure_ascii=False).encode("utf-8")
    assert shown == {
        "path": "shop.sla",
        "line": 2,
        "column": 1,
        "end_line": 2,
        "end_column": 3,
        "code": "E0302",
        "severity": "error",
        "message": "m\ufffd",
        "label": "here",
        "notes": ["n"],
        "related": [{"line": 1, "column": 1, "end_line": 1, "end_column": 3, "text": "there"}],
        "suggestion": {
            "text": "write `x`",
            "replacement": "x",
            "safe": True,
            "span": {"line": 2, "column": 1, "end_line": 2, "end_column": 3},
        },
    }
    assert to_json(diagnostic("x", "x"))["suggestion"] is None


def test_widths_and_visibility() -> None:
    assert display_width("abc") == 3
    assert display_width("日本e\u0301") == 5
    assert visible("a\tb\x07é日") == "a    b\\u0007é日"
    assert visible("\U000e0001") == "\\U000e0001"


def test_the_registry_is_sorted_and_well_formed() -> None:
    assert list(TITLES) == sorted(TITLES, key=lambda code: code[1:])
    for code, words in TITLES.items():
        assert re.fullmatch(r"[EWN]\d{4}", code)
        assert words
        assert not words.endswith(".")
        assert "\n" not in words
    assert title("E0100") == "the file is not UTF-8 text"
    with pytest.raises(KeyError):
        title("E9999")
