"""Broken texts and exactly what is said of them. Tone: what is missing or wrong, in the reader's words, no blame."""

from __future__ import annotations

import pytest

from wsla.diagnostics.codes import TITLES
from wsla.diagnostics.diagnostic import Diagnostic
from wsla.diagnostics.render import render_concise
from wsla.diagnostics.source import SourceText
from wsla.syntax.parse import parse


def problems_of(text: str) -> tuple[Diagnostic, ...]:
    return parse(SourceText(name="a.sla", text=text))[1]


def within(body: str) -> str:
    """A body in an agreement; its first line is line 2."""
    return f'agreement "A" version 1 {{\n{body}\n}}\n'


# (body of an agreement, line:column, code, message, whether its suggestion mends the text)
IN_AGREEMENTS = [
    ("goal x: guarantees up", "2:9", "E0110", "a goal needs a party before `guarantees`", False),
    ("goal: 99.9", "2:5", "E0110", "a goal needs a name before `:`", False),
    ("goal x acme guarantees up", "2:8", "E0110", "a goal needs `:` before `acme`", True),
    ("goal x = acme guarantees up", "2:8", "E0117", "`:` belongs here, not `=`", True),
    ("goal x: acme guarantees", "2:24", "E0110", "a goal needs a condition after `guarantees`", False),
    (
        "goal x: acme promises up",
        "2:14",
        "E0116",
        "`promises` is not a word that can stand here: did you mean `guarantees`?",
        True,
    ),
    (
        "goal each: acme guarantees up",
        "2:6",
        "E0115",
        "`each` is a word of the language and cannot be a name",
        True,
    ),
    (
        "metric source = 5",
        "2:8",
        "E0115",
        "`source` is a word of the language and cannot be a name",
        True,
    ),
    (
        "metric x = f(a, forgiving outages) each day",
        "2:34",
        "E0110",
        "a metric needs `under` or `up to` before `)`",
        False,
    ),
    (
        "metric x = f(a, forgiving outages under) each day",
        "2:40",
        "E0110",
        "a metric needs a length of time such as `5m` before `)`",
        False,
    ),
    (
        "metric x = f(a, forgiving outages up to) each day",
        "2:40",
        "E0110",
        "a metric needs a length of time such as `5m` before `)`",
        False,
    ),
    (
        "metric x = f(a, forgiving outages under 5m where b) each day",
        "2:44",
        "E0110",
        "a metric needs `)` after `5m`, not `where`",
        False,
    ),
    (
        "metric x = f(a, approximate within) each day",
        "2:35",
        "E0110",
        "a metric needs an error such as `1%` before `)`",
        False,
    ),
    (
        "metric x = f(a, approximate within 0.01) each day",
        "2:36",
        "E0110",
        "a metric needs an error such as `1%` after `within`, not `0.01`",
        False,
    ),
    (
        "metric x = f(a, approximate 1%) each day",
        "2:29",
        "E0110",
        "a metric needs `within` before `1%`",
        False,
    ),
    (
        "metric x = f(a, approximate within 1% where b) each day",
        "2:39",
        "E0110",
        "a metric needs `)` after `1%`, not `where`",
        False,
    ),
    ("metric x: 5", "2:9", "E0117", "`=` belongs here, not `:`", True),
    ("metric x == 5", "2:10", "E0117", "a definition is written with one `=`", True),
    ("metric x = a = 6", "2:14", "E0117", "equality is written `==`", True),
    ("metric x = a => 5", "2:14", "E0117", "`>=` belongs here, not `=>`", True),
    ("metric x = a =< 5", "2:14", "E0117", "`<=` belongs here, not `=<`", True),
    ("metric x = a <> 5", "2:14", "E0117", "`!=` belongs here, not `<>`", True),
    ("metric x = a ≥ 5", "2:14", "E0117", "`≥` is written `>=`", True),
    ("metric x = a && b", "2:14", "E0117", "`&&` is written `and`", True),
    ("metric x = a||b", "2:13", "E0117", "`||` is written `or`", True),
    ("metric x = !a", "2:12", "E0117", "`!` is written `not`", True),
    ("metric x = a;", "2:13", "E0117", "no `;` is needed at the end of a line", True),
    ("metric x = a // why", "2:14", "E0117", "a comment begins with `#`", True),
    ("metric x = 99,9%", "2:12", "E0114", "a decimal point is written `.`, not `,`", True),
    (
        "cap credits to a at 1,000 EUR each month",
        "2:21",
        "E0114",
        "a number has no comma between its thousands",
        True,
    ),
    ("metric x = a < 5 min", "2:16", "E0114", "a unit stands directly after its number", True),
    ('source s = http "x" every 5 minutes', "2:27", "E0114", "a unit stands directly after its number", True),
    (
        "metric x = €500",
        "2:12",
        "E0114",
        "an amount of money is written with the currency's code after it",
        True,
    ),
    ("metric x = a > 500 euros", "2:16", "E0114", "a currency is written by its code", True),
    ("metric x = .5", "2:12", "E0114", "a number begins with a digit", True),
    ("metric x = 1_000", "2:12", "E0114", "a number has no sign between its digits", True),
    ("metric x =\u00a05", "2:11", "E0117", "a space of another kind (U+00A0) stands here", True),
    (
        "source s = http “https://x.example” every 30s",
        "2:17",
        "E0117",
        'a text stands in straight quotes `"`, not in `“`',
        True,
    ),
    (
        "source s = http 'https://x.example' every 30s",
        "2:17",
        "E0117",
        "a text stands in straight quotes `\"`, not in `'`",
        True,
    ),
    ("source s = http https://x.example/a every 30s", "2:17", "E0110", "a text stands in quotes", True),
    (
        'source s = http "https://x.example every 30s',
        "2:17",
        "E0111",
        "a quoted text is not closed before the end of its line",
        True,
    ),
    (
        'source s = http "x" evry 30s',
        "2:21",
        "E0116",
        "`evry` is not a word that can stand here: did you mean `every`?",
        True,
    ),
    (
        "metirc x = 5",
        "2:1",
        "E0116",
        "`metirc` is not a word that can stand here: did you mean `metric`?",
        True,
    ),
    (
        "if up { notify a }",
        "2:1",
        "E0116",
        "`if` is not a word that can stand here: did you mean `when`?",
        True,
    ),
    (
        "when up { notfy a }",
        "2:11",
        "E0116",
        "`notfy` is not a word that can stand here: did you mean `notify`?",
        True,
    ),
    (
        "metric x = availability(up) monthly",
        "2:29",
        "E0116",
        "`monthly` is not a word that can stand here: did you mean `each month`?",
        True,
    ),
    ("metric x = each month", "2:12", "E0110", "a metric needs an expression before `each`", False),
    ("metric x = a +", "2:15", "E0110", "a metric needs a value after `+`", False),
    ("metric x = (a + b", "2:18", "E0110", "a metric needs `)` after `b`", True),
    ("metric x = a + b)", "2:17", "E0110", "this `)` closes nothing", True),
    ("metric x = count(a where )", "2:26", "E0110", "a metric needs a condition before `)`", False),
    ("metric x = by a { eu: 3 else: 4 }", "2:19", "E0110", "a text stands in quotes", True),
    (
        "when up for 3 { notify a }",
        "2:13",
        "E0110",
        "a rule needs a length of time such as `30s` after `for`, not `3`",
        False,
    ),
    ("schedule s { Monday 8-17 }", "2:21", "E0114", "a time has hours and minutes", True),
    (
        "schedule s { monday 08:00-17:00 }",
        "2:14",
        "E0116",
        "`monday` is not a word that can stand here: did you mean `Monday`?",
        True,
    ),
    ("effective 2026-01-01 in Europe/Berlin", "2:25", "E0110", "a text stands in quotes", True),
    (
        "effective 1.1.2026",
        "2:11",
        "E0114",
        "a date is written year, month, day: `2026-01-31`",
        True,
    ),
    ("kind: customer", "2:5", "E0117", "no `:` is needed after `kind`", True),
    (
        "cap credits to a at 3 EUR",
        "2:26",
        "E0110",
        "a cap needs a period such as `each month` after `3 EUR`",
        False,
    ),
    ('party a "A" provider { email x@y.example }', "2:30", "E0110", "a text stands in quotes", True),
    ("party", "2:6", "E0110", "a party needs a name after `party`", False),
    ("hello", "2:1", "E0110", "`hello` cannot stand here", False),
    ("metric x = a § b", "2:14", "E0117", "`§` is not a sign of the language", False),
    (
        "goal g: a guarantees b {\n  otherwise notify c\nmetric y = 4",
        "2:24",
        "E0112",
        "the block of `goal g` is not closed",
        True,
    ),
    ("metric x = 4 }", "3:1", "E0113", "this `}` closes nothing", True),
    (
        'test "t" { expect a met in 2026 }',
        "2:1",
        "E0113",
        "a test stands after the agreement, not inside it",
        False,
    ),
]

# (whole text, line:column, code, message)
WHOLE = [
    (
        'include "x"\nagreement "X" version 1 { }',
        "1:1",
        "E0110",
        "`include` cannot stand at the top of a text: only `agreement`, `test`, `template` and `import` can",
    ),
    (
        'agreemnt "X" version 1 {\n metric x = 3\n}',
        "1:1",
        "E0116",
        "`agreemnt` is not a word that can stand here: did you mean `agreement`?",
    ),
    ('agreement "X" version 1\n metric x = 3\n}', "1:24", "E0110", "an agreement needs `{` after `1`"),
    ('agreement "X" version {}', "1:23", "E0110", "an agreement needs a number before `{`"),
    (
        'agreement "X" version 1 {\n metric x = 3\n',
        "1:25",
        "E0112",
        'the block of `agreement "X"` is not closed',
    ),
    (
        'agreement "X" version 1 {\n metric x = 3\n}\nmetric y = 4\n}\n',
        "3:1",
        "E0113",
        "the agreement ends here, but `metric` follows after it",
    ),
    ("metric x = 3", "1:1", "E0113", "`metric` stands outside of an agreement"),
    ("}", "1:1", "E0113", "this `}` closes nothing"),
    ('test "x" { given a.b 3 }', "1:22", "E0110", "a `given` needs `=` before `3`"),
    (
        'test "x" { expect a breached in 2026-03 }',
        "1:21",
        "E0116",
        "`breached` is not a word that can stand here: did you mean `violated`?",
    ),
    (
        'test "x" { expect a met in 2026 where r != "x" }',
        "1:39",
        "E0110",
        "a label is compared with `==`, not with `!=`",
    ),
    (
        'agreement "A\x00" version 1 {}',
        "1:13",
        "E0101",
        "a NUL character (U+0000) cannot stand in an agreement",
    ),
    (
        'agreement "A\ud800" version 1 {}',
        "1:13",
        "E0101",
        "half of a surrogate pair (U+D800) cannot stand in an agreement",
    ),
    (
        'agreement "A\u202e" version 1 {}',
        "1:13",
        "E0101",
        "an invisible character that changes how the text is shown (U+202E) cannot stand in an agreement",
    ),
    (
        'agreement "A"\rversion 1 {}',
        "1:14",
        "E0101",
        "a carriage return without a line feed (U+000D) cannot stand in an agreement",
    ),
]


@pytest.mark.parametrize(("body", "place", "code", "message", "mended"), IN_AGREEMENTS)
def test_in_an_agreement(body: str, place: str, code: str, message: str, mended: bool) -> None:
    text = within(body)
    problems = problems_of(text)
    assert [render_concise(problem) for problem in problems] == [f"a.sla:{place}: error[{code}]: {message}"]
    suggestion = problems[0].suggestion
    can_be_applied = (
        suggestion is not None and suggestion.span is not None and suggestion.replacement is not None
    )
    assert can_be_applied == mended
    if suggestion is not None and suggestion.span is not None and suggestion.replacement is not None:
        after = text[: suggestion.span.start] + suggestion.replacement + text[suggestion.span.end :]
        assert [render_concise(problem) for problem in problems_of(after)] == []


@pytest.mark.parametrize(("text", "place", "code", "message"), WHOLE)
def test_whole_texts(text: str, place: str, code: str, message: str) -> None:
    assert [render_concise(problem) for problem in problems_of(text)] == [
        f"a.sla:{place}: error[{code}]: {message}"
    ]


def test_every_code_is_registered_and_no_message_is_of_the_parser_library() -> None:
    for body, _, code, message, _ in IN_AGREEMENTS:
        assert code in TITLES, body
        assert not any(word in message for word in ("Unexpected", "token", "Expected one of", "LBRACE"))


def test_the_form_of_a_declaration_is_shown_to_those_who_write_keys_and_values() -> None:
    (problem,) = problems_of(within("goal: 99.9"))
    assert problem.notes == ("a goal is written `goal NAME: PARTY guarantees CONDITION`",)


def test_a_surplus_brace_points_at_what_follows() -> None:
    (problem,) = problems_of('agreement "X" version 1 {\n}\nmetric y = 4\n}\n')
    assert [problem.source.position(related.span.start) for related in problem.related] == [(3, 1)]
