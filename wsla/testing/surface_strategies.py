"""Hypothesis strategies for surface trees: everything that the grammar can read, and nothing else.

Spans are ``NOWHERE``. Printed with ``format_document`` and read again, a tree comes back equal.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from attrs import evolve
from hypothesis import strategies as st

from wsla.diagnostics.source import NOWHERE
from wsla.syntax import surface
from wsla.syntax.parse import reserved_words
from wsla.testing.recurring_strategies import often, recurring_declarations
from wsla.testing.service_strategies import service_declarations

_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
_LENGTHS = ("30s", "5m", "24h", "250ms", "7d", "1.5h")
_QUANTITIES = (*_LENGTHS, "99.9%", "100%", "500 EUR", "0.5 USD", "120/min", "1.5GiB", "3", "0.25", "14.4")
_ERRORS = ("1%", "0.5%", "99.9%")
_NUMBERS = ("1", "2", "3.5", "12")
_DATES = ("2026-01-01", "2027-12-31")
_MOMENTS = (*_DATES, "2026-03-04T10:00", "2026-03-04T10:00:00.5Z", "2026-03-04T10:00+01:00")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ROLES = ("provider", "consumer", "measurer", "evaluator", "manager", "auditor")
_VERDICTS = ("met", "violated", "lost", "secured")
_VERBS = ("notify", "escalate", "call", "ticket", "publish")
_KEYWORD_KEYS = (
    "at",
    "goal",
    "metric",
    "kind",
    "for",
    "test",
    "Monday",
    "notify",
    "last",
    "no",
    "met",
    "unknown",
)


def words(*texts: str) -> st.SearchStrategy[surface.Word]:
    """One of these words."""
    return st.sampled_from(texts).map(_word)


def _word(text: str) -> surface.Word:
    return surface.Word(text=text, span=NOWHERE)


def _optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def _tuples(strategy: st.SearchStrategy[Any], smallest: int, largest: int) -> st.SearchStrategy[Any]:
    return st.lists(strategy, min_size=smallest, max_size=largest).map(tuple)


def _node(kind: type[Any], /, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    # Not st.builds, whose description spells out every nested strategy: megabytes for a grammar.
    @st.composite
    def build(draw: st.DrawFn) -> Any:
        return kind(span=NOWHERE, **{name: draw(part) for name, part in parts.items()})

    return build()


def name_texts() -> st.SearchStrategy[str]:
    """Texts that are names: letters of any script, digits, underscores, and not reserved."""
    common = st.sampled_from(("up", "uptime", "acme", "search", "EUR", "p95", "größe", "_x", "time", "month"))
    free = st.from_regex(r"[A-Za-zäß_][A-Za-z0-9_ß]{0,8}", fullmatch=True)
    return (common | free).filter(lambda text: text not in reserved_words())


names = name_texts().map(_word)
keys = names | words(*_KEYWORD_KEYS)
all_words = keys | words("per", "signed", "needs")
_characters = st.characters(
    exclude_categories=("Cc", "Cs"),
    exclude_characters="\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
)
values = st.sampled_from(("", "Acme GmbH", 'say "hi"', "a\\b", "two\nlines\t#{}")) | st.text(
    _characters | st.sampled_from("\n\t"), max_size=12
)
plain_texts = _node(surface.Text, value=values, environment=st.just(False))
texts = plain_texts | _node(surface.Text, value=name_texts(), environment=st.just(True))

# --- expressions, by the levels of the grammar

quantities = _node(surface.Quantity, text=st.sampled_from(_QUANTITIES))
literals = (
    quantities
    | _node(surface.String, value=values)
    | _node(surface.Truth, value=st.booleans())
    | _node(surface.Moment, text=st.sampled_from(_MOMENTS))
)
references = st.tuples(names, _tuples(all_words, 0, 2)).map(
    lambda parts: surface.Reference(parts=(parts[0], *parts[1]), span=NOWHERE)
)


def _chain(
    operand: st.SearchStrategy[Any], *operators: str, longest: int = 2
) -> st.SearchStrategy[surface.Expression]:
    """``a op b op c``, grouped to the left."""
    steps = st.lists(st.tuples(st.sampled_from(operators), operand), max_size=longest)

    def build(parts: tuple[Any, list[tuple[str, Any]]]) -> surface.Expression:
        whole, further = parts
        for operator, right in further:
            whole = surface.Binary(operator=operator, left=whole, right=right, span=NOWHERE)
        return whole  # type: ignore[no-any-return]

    return st.tuples(operand, steps).map(build)


_forgiving = _node(
    surface.Forgiving,
    words=st.tuples(names, names, names) | st.tuples(names, names, names, words("to")),
    length=words(*_LENGTHS),
)

_approximate = _node(surface.Approximate, words=st.tuples(names, names), error=words(*_ERRORS))


@cache
def _primaries(depth: int) -> st.SearchStrategy[Any]:
    leaves = literals | references
    if depth == 0:
        return leaves
    inner = st.deferred(lambda: expressions(depth - 1))
    calls = _node(
        surface.Call,
        function=names | words("last"),
        arguments=_tuples(inner, 0, 2),
        where=_optional(inner),
    ) | _node(
        surface.Call,
        function=names,
        arguments=_tuples(inner, 1, 2),
        across=_node(surface.Across, labels=_tuples(names, 1, 2)),
        where=_optional(inner),
    )
    for option in ({"forgiving": _forgiving}, {"approximate": _approximate}):
        calls |= _node(
            surface.Call,
            function=names | words("last"),
            arguments=_tuples(inner, 1, 2),
            where=_optional(inner),
            **option,
        )
    return leaves | calls | _node(surface.Parenthesised, inner=inner) | _tables(depth - 1)


counted = st.tuples(st.sampled_from(_NUMBERS), names).map(
    lambda parts: surface.Quantity(text=f"{parts[0]} {parts[1].text}", span=NOWHERE)
)


def amounts(depth: int = 1) -> st.SearchStrategy[Any]:
    """Amounts: sums, and numbers of a unit that the agreement names itself."""
    return sums(depth) | counted


@cache
def _tables(depth: int) -> st.SearchStrategy[Any]:
    inner = st.deferred(lambda: sums(depth))
    value = inner | counted | _node(surface.NotApplicable, word=names)
    operators = st.sampled_from(_COMPARISONS)
    compared = _node(surface.Arm, operator=operators, bound=inner, value=value)
    second = st.builds(surface.Comparison, operator=operators, bound=inner)
    between = _node(surface.Arm, operator=operators, bound=inner, second=second, value=value)
    ties = _node(surface.Ties, party=names)
    exact = _node(surface.Arm, operator=st.just("=="), bound=literals, value=value)
    otherwise = _node(surface.Arm, operator=st.just("else"), bound=st.none(), value=value)
    arms = _tuples(compared | between | exact | otherwise, 0, 3)
    table = _node(surface.Table, subject=inner, arms=arms, ties=_optional(ties))
    keys = (
        _node(surface.Key, operator=operators, bound=inner)
        | _node(surface.Key, operator=st.just("=="), bound=literals)
        | _node(surface.Key, operator=st.just("else"), bound=st.none())
    )
    row = _node(surface.MatrixRow, key=keys, cells=_tuples(value, 1, 3))
    matrix = _node(
        surface.Matrix, first=inner, second=inner, columns=_tuples(keys, 1, 3), rows=_tuples(row, 0, 2)
    )
    return table | matrix


@cache
def sums(depth: int = 1) -> st.SearchStrategy[Any]:
    """Sums: what may stand as an amount, in an arm, or between comparisons."""
    primary = _primaries(depth)
    negative = _node(surface.Unary, operator=st.just("-"), operand=primary)
    days = _node(surface.Quantity, text=st.sampled_from(("1 day", "2.5 days")))
    product = _chain(primary | negative, "*", "/", "of", longest=1) | _node(
        surface.Binary, operator=st.just("of"), left=days, right=primary
    )
    return _chain(product, "+", "-", longest=1)


each_windows = _node(
    surface.EachWindow,
    period=names | words(*_LENGTHS),
    starting=_optional(words("1st", "2nd", "15th")),
    month=st.none(),
) | _node(surface.EachWindow, period=names, starting=words("1st", "6th"), month=names)


@cache
def _modifiers(depth: int) -> st.SearchStrategy[Any]:
    amount = sums(depth)
    comparison = _node(surface.Binary, operator=st.sampled_from(_COMPARISONS), left=amount, right=amount)
    pause = amount | comparison | _node(surface.Unary, operator=st.just("not"), operand=comparison)
    return st.one_of(
        each_windows,
        _node(surface.RollingWindow, length=words(*_LENGTHS), every=_optional(words(*_LENGTHS))),
        _node(surface.OverlappingWindow, count=words("1", "2", "12"), unit=words("months", "days", "year")),
        _node(surface.PerOutage, word=words("outage"), condition=_optional(references)),
        _node(surface.During, schedule=names),
        _node(surface.Excluding, schedule=names),
        _node(surface.Pausing, condition=pause),
        _node(surface.ByLabel, label=names),
    )


def _takes_a_comparison(node: surface.Expression) -> bool:
    """True where a comparison sign behind it would belong to its ``pausing while``."""
    if not isinstance(node, surface.Windowed) or not isinstance(node.modifiers[-1], surface.Pausing):
        return False
    condition = node.modifiers[-1].condition
    while isinstance(condition, surface.Unary) and condition.operator == "not":
        condition = condition.operand
    return not (isinstance(condition, surface.Binary) and condition.operator in _COMPARISONS)


@cache
def expressions(depth: int = 1) -> st.SearchStrategy[Any]:
    """Every expression, down to a depth of nested calls, tables and parentheses."""
    amount = sums(depth)
    windowed = amount | _node(surface.Windowed, operand=amount, modifiers=_tuples(_modifiers(0), 1, 3))
    compared = _node(
        surface.Binary,
        operator=st.sampled_from(_COMPARISONS),
        left=windowed.filter(lambda node: not _takes_a_comparison(node)),
        right=windowed,
    )
    state = _node(
        surface.GoalState,
        goal=references,
        verdict=st.sampled_from(_VERDICTS),
        count=st.none(),
        of_last=st.none(),
        unit=st.none(),
    )
    counted = _node(
        surface.GoalState,
        goal=references,
        verdict=st.sampled_from(_VERDICTS),
        count=words(*_NUMBERS),
        of_last=words(*_NUMBERS),
        unit=words("months", "windows"),
    )
    comparison = windowed | compared | state | counted
    negation = comparison | _node(surface.Unary, operator=st.just("not"), operand=comparison)
    disjunction = _chain(_chain(negation, "and", longest=1), "or", longest=1)
    return disjunction | _node(
        surface.Binary, operator=st.just("implies"), left=disjunction, right=disjunction
    )


# --- declarations

settings = _node(
    surface.Setting,
    name=words("kind", "currency", "grace"),
    value=all_words | words("10m", "3"),
)
effectives = _node(
    surface.Effective, start=words(*_MOMENTS), until=_optional(words(*_MOMENTS)), zone=_optional(plain_texts)
)
units = _node(surface.Unit, name=names, plural=_optional(plain_texts))
parties = _node(
    surface.Party,
    name=names,
    title=_optional(plain_texts),
    roles=_tuples(words(*_ROLES), 0, 2),
    channels=_optional(
        _tuples(
            _node(surface.Channel, name=keys, kind=_optional(names), address=texts, secret=_optional(texts)),
            0,
            3,
        )
    ),
)
services = service_declarations(names, keys, all_words, plain_texts, sums(0))
days = st.one_of(
    _node(surface.Weekdays, first=words(*_WEEKDAYS), last=_optional(words(*_WEEKDAYS))),
    _node(surface.EveryDay, unit=names),
    _node(surface.Dates, first=words(*_DATES), last=_optional(words(*_DATES))),
    _node(surface.Holidays, country=plain_texts),
)
schedules = _node(
    surface.Schedule,
    name=names,
    hours=_tuples(
        _node(
            surface.Hours,
            days=_tuples(days, 1, 2),
            clock_ranges=_tuples(
                _node(surface.ClockRange, start=words("00:00", "9:30"), end=words("17:00:30", "24:00")), 0, 2
            ),
            exceptions=_tuples(days, 0, 2),
        ),
        0,
        3,
    ),
)
_fields = _node(
    surface.Field,
    name=all_words,
    value=all_words | texts | words("3", "5m"),
    until=st.just(False),
    unit=_optional(names),
) | _node(surface.Field, name=all_words, value=names, until=st.just(True), unit=_optional(names))
sources = _node(
    surface.Source,
    name=names,
    kinds=_tuples(names, 1, 2),
    texts=_tuples(texts, 0, 2),
    every=_optional(words(*_LENGTHS)),
    timeout=_optional(words(*_LENGTHS)),
    measured_by=_optional(names),
    fields=_optional(_tuples(_fields, 0, 3)),
)
metrics = _node(surface.Metric, name=names, expression=expressions(), idle=_optional(literals))

targets = _node(surface.Target, party=names, channel=_optional(all_words))
_blocks = _node(
    surface.Blocks, rounding=names | words("started", "completed"), size=quantities, value=sums(0)
)
actions = st.one_of(
    _node(surface.Tell, verb=words(*_VERBS), targets=_tuples(targets, 1, 2), message=_optional(plain_texts)),
    _node(
        surface.Credit,
        target=targets,
        amount=amounts(),
        debtor=_optional(names),
        blocks=_optional(_blocks),
        length=_optional(sums(0)),
        ceiling=_optional(_node(surface.Limit, word=names | words("most"), amount=amounts(0))),
        floor=_optional(_node(surface.Limit, word=names | words("above"), amount=amounts(0))),
        claim=_optional(
            _node(
                surface.Claim,
                words=st.tuples(names, names, names),
                length=counted | _node(surface.Quantity, text=st.sampled_from(("30 days", "24h"))),
            )
        ),
    ),
    _node(surface.Grant, target=targets, right=plain_texts),
)
_several = _tuples(actions, 1, 2)
goals = _node(
    surface.Goal,
    name=names,
    service=_optional(names),
    party=names,
    condition=expressions(),
    provided=_optional(expressions(0)),
    items=_optional(
        _tuples(
            st.one_of(
                _node(surface.Otherwise, actions=_several),
                _node(surface.Rewarding, actions=_several),
                _node(
                    surface.UnknownTime,
                    words=st.sampled_from(
                        ("time is excluded", "time counts as met", "time counts as missed", "time is unknown")
                    ).map(lambda text: tuple(_word(part) for part in text.split())),
                ),
                _node(surface.Coverage, minimum=words("95%", "99.5%")),
                _node(
                    surface.Refund,
                    share=words("50%", "100%"),
                    length=_node(surface.Quantity, text=st.sampled_from(("3 months", "1 window"))),
                    word=words(*_VERDICTS),
                    condition=st.none(),
                ),
                _node(
                    surface.Refund,
                    share=words("50%", "100%"),
                    length=_node(surface.Quantity, text=st.sampled_from(("3 months", "1 window"))),
                    word=names,
                    condition=expressions(),
                ),
            ),
            1,
            3,
        )
    ),
)
rules = _node(
    surface.Rule,
    condition=expressions(),
    holding_for=_optional(words(*_LENGTHS)),
    often=_optional(often()),
    items=_tuples(
        st.one_of(
            _node(surface.AtOnce, action=actions),
            _node(surface.Repeat, every=words(*_LENGTHS)),
            _node(surface.After, delay=words(*_LENGTHS), actions=_several),
            _node(surface.Recovery, actions=_several),
        ),
        0,
        3,
    ),
)
caps = _node(
    surface.Cap,
    what=words("credits", "rewards"),
    party=names,
    amount=amounts() | _node(surface.Highest, words=st.tuples(names, names)),
    window=each_windows
    | _node(surface.LastPeriods, count=words(*_NUMBERS), unit=words("months", "year", "p95")),
)
declarations = st.one_of(
    settings, effectives, units, parties, services, schedules, sources, metrics, goals, rules, caps
) | recurring_declarations(targets, each_windows, plain_texts)
agreements = _node(
    surface.Agreement, title=plain_texts, version=words(*_NUMBERS), declarations=_tuples(declarations, 0, 5)
)

# --- tests

_occasions = _optional(
    _node(
        surface.Occasion,
        preposition=st.just("in"),
        text=st.sampled_from(("2026-03", "2026-Q1", "2026-W07", "2026", *_DATES)),
    )
    | _node(surface.Occasion, preposition=st.just("at"), text=st.sampled_from(_MOMENTS))
)
_labels = _tuples(_node(surface.LabelValue, label=names, value=plain_texts), 0, 2)
_givens = _node(
    surface.Given,
    assignments=_tuples(
        _node(surface.Assignment, source=names, field=all_words, value=_optional(literals)), 1, 3
    ),
    every=_optional(words(*_LENGTHS)),
    at=_optional(words(*_MOMENTS)),
    start=_optional(words(*_MOMENTS)),
    until=_optional(words(*_MOMENTS)),
    length=_optional(words(*_LENGTHS)),
)
_expectations = st.one_of(
    _node(
        surface.ExpectVerdict,
        goal=references,
        verdict=st.sampled_from(_VERDICTS),
        occasion=_occasions,
        labels=_labels,
    ),
    _node(
        surface.ExpectValue,
        operator=st.sampled_from(_COMPARISONS),
        left=sums(),
        right=sums(),
        occasion=_occasions,
        labels=_labels,
    ),
    _node(
        surface.ExpectCredit,
        negated=st.booleans(),
        refund=st.booleans(),
        target=targets,
        amount=_optional(amounts()),
        claimed=_optional(words(*_MOMENTS)),
        occasion=_occasions,
        # Nobody claims a refund.
    ).map(lambda step: evolve(step, claimed=None if step.refund else step.claimed)),
    _node(
        surface.ExpectAction,
        negated=st.booleans(),
        verb=st.sampled_from((*_VERBS, "grant")),
        target=targets,
        text=_optional(plain_texts),
        occasion=_occasions,
    ),
)
tests = _node(surface.Test, title=plain_texts, steps=_tuples(_givens | _expectations, 0, 4))

documents = st.builds(surface.Document, items=_tuples(agreements | tests, 0, 3), comments=st.just(()))
