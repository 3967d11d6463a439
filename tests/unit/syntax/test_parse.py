"""Every construct of the grammar, its surface node, and that its span covers what was written."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from wsla.diagnostics.source import NOWHERE, SourceText
from wsla.syntax import surface as s
from wsla.syntax.parse import decode, parse, parser, reserved_words


def read(text: str) -> s.Document:
    document, problems = parse(SourceText(name="a.sla", text=text))
    assert [(problem.position, problem.message) for problem in problems] == []
    return document


def declarations(body: str) -> tuple[Any, ...]:
    (agreement,) = read(f'agreement "A" version 1 {{\n{body}\n}}').items
    assert isinstance(agreement, s.Agreement)
    return agreement.declarations


def declaration(body: str) -> Any:
    (one,) = declarations(body)
    return one


def expression(text: str) -> Any:
    return declaration(f"metric m = {text}").expression


def steps(body: str) -> tuple[Any, ...]:
    (test,) = read(f'test "t" {{ {body} }}').items
    assert isinstance(test, s.Test)
    return test.steps


def w(text: str) -> s.Word:
    return s.Word(text=text, span=NOWHERE)


def t(value: str, environment: bool = False) -> s.Text:
    return s.Text(value=value, environment=environment, span=NOWHERE)


def q(text: str) -> s.Quantity:
    return s.Quantity(text=text, span=NOWHERE)


def r(text: str) -> s.Reference:
    return s.Reference(parts=tuple(w(part) for part in text.split(".")), span=NOWHERE)


def b(left: Any, operator: str, right: Any) -> s.Binary:
    return s.Binary(operator=operator, left=left, right=right, span=NOWHERE)


def test_an_agreement_has_title_version_and_declarations_in_order() -> None:
    (agreement,) = read('agreement "A \\"b\\"" version 1.2 { kind internal currency EUR grace 10m }').items
    assert agreement == s.Agreement(
        title=t('A "b"'),
        version=w("1.2"),
        declarations=tuple(
            s.Setting(name=w(name), value=w(value), span=NOWHERE)
            for name, value in (("kind", "internal"), ("currency", "EUR"), ("grace", "10m"))
        ),
        span=NOWHERE,
    )


def test_an_empty_text_is_an_empty_document() -> None:
    assert read("") == s.Document(items=(), comments=())
    assert read(" \ufeff\t\r\n").items == ()


@pytest.mark.parametrize(
    ("body", "start", "until", "zone"),
    [
        ("effective 2026-01-01", "2026-01-01", None, None),
        ('effective 2026-01-01 in "UTC"', "2026-01-01", None, "UTC"),
        ('effective 2026-01-01T00:00 until 2027-01-01 in "UTC"', "2026-01-01T00:00", "2027-01-01", "UTC"),
    ],
)
def test_effective(body: str, start: str, until: str | None, zone: str | None) -> None:
    assert declaration(body) == s.Effective(
        start=w(start), until=w(until) if until else None, zone=t(zone) if zone else None, span=NOWHERE
    )


def test_party_without_and_with_channels() -> None:
    assert declaration('party a "A" provider manager') == s.Party(
        name=w("a"), title=t("A"), roles=(w("provider"), w("manager")), channels=None, span=NOWHERE
    )
    assert declaration("party a") == s.Party(name=w("a"), title=None, roles=(), channels=None, span=NOWHERE)
    assert declaration("party a { }").channels == ()
    text = 'party a { email "x" hook webhook env URL signed env KEY at email "y" signed "z" }'
    assert declaration(text).channels == (
        s.Channel(name=w("email"), kind=None, address=t("x"), secret=None, span=NOWHERE),
        s.Channel(
            name=w("hook"), kind=w("webhook"), address=t("URL", True), secret=t("KEY", True), span=NOWHERE
        ),
        s.Channel(name=w("at"), kind=w("email"), address=t("y"), secret=t("z"), span=NOWHERE),
    )


def test_a_setting_behind_a_party_or_a_source_is_not_a_part_of_it() -> None:
    party, setting, source, grace = declarations("party a provider\nkind internal\nsource s = push\ngrace 5m")
    assert [role.text for role in party.roles] == ["provider"]
    assert (setting.name.text, setting.value.text) == ("kind", "internal")
    assert [kind.text for kind in source.kinds] == ["push"]
    assert (grace.name.text, grace.value.text) == ("grace", "5m")


def test_service_without_and_with_items() -> None:
    assert declaration("service x") == s.Service(name=w("x"), title=None, items=None, span=NOWHERE)
    assert declaration('service x "X" { fee 2000 EUR per month seats 3 * 4 }') == s.Service(
        name=w("x"),
        title=t("X"),
        items=(
            s.ServiceItem(name=w("fee"), value=q("2000 EUR"), per=w("month"), span=NOWHERE),
            s.ServiceItem(name=w("seats"), value=b(q("3"), "*", q("4")), per=None, span=NOWHERE),
        ),
        span=NOWHERE,
    )


def test_schedules() -> None:
    text = """schedule x {
      Monday-Friday, Sunday 08:00-12:00, 13:00-17:00 except holidays "DE-BE", 2026-12-24 until 2026-12-31
      every day
      2026-05-01 9:30-10:00:30
    }"""
    weekday = s.Weekdays(first=w("Monday"), last=w("Friday"), span=NOWHERE)
    clock = [
        s.ClockRange(start=w(start), end=w(end), span=NOWHERE)
        for start, end in (("08:00", "12:00"), ("13:00", "17:00"), ("9:30", "10:00:30"))
    ]
    assert declaration(text).hours == (
        s.Hours(
            days=(weekday, s.Weekdays(first=w("Sunday"), last=None, span=NOWHERE)),
            clock_ranges=(clock[0], clock[1]),
            exceptions=(
                s.Holidays(country=t("DE-BE"), span=NOWHERE),
                s.Dates(first=w("2026-12-24"), last=w("2026-12-31"), span=NOWHERE),
            ),
            span=NOWHERE,
        ),
        s.Hours(
            days=(s.EveryDay(unit=w("day"), span=NOWHERE),), clock_ranges=(), exceptions=(), span=NOWHERE
        ),
        s.Hours(
            days=(s.Dates(first=w("2026-05-01"), last=None, span=NOWHERE),),
            clock_ranges=(clock[2],),
            exceptions=(),
            span=NOWHERE,
        ),
    )
    assert declaration("schedule x { }").hours == ()


def test_sources() -> None:
    assert declaration("source x = push") == s.Source(
        name=w("x"),
        kinds=(w("push"),),
        texts=(),
        every=None,
        timeout=None,
        measured_by=None,
        fields=None,
        span=NOWHERE,
    )
    text = 'source x = records sql env URL "select" every 30s timeout 5s by p { key id }'
    found = declaration(text)
    assert [kind.text for kind in found.kinds] == ["records", "sql"]
    assert found.texts == (t("URL", True), t("select"))
    assert (found.every, found.timeout, found.measured_by) == (w("30s"), w("5s"), w("p"))


@pytest.mark.parametrize(
    ("text", "value", "until", "unit"),
    [
        ("key id", w("id"), False, None),
        ("key at", w("at"), False, None),
        ('key "a b"', t("a b"), False, None),
        ("key env TOKEN", t("TOKEN", True), False, None),
        ("stale 90s", w("90s"), False, None),
        ("scale 3", w("3"), False, None),
        ("goal until closed", w("closed"), True, None),
        ("spent minutes in m", w("minutes"), False, w("m")),
    ],
)
def test_fields(text: str, value: s.Word | s.Text, until: bool, unit: s.Word | None) -> None:
    (field,) = declaration(f"source x = push {{ {text} }}").fields
    assert field == s.Field(
        name=w(text.split(maxsplit=1)[0]), value=value, until=until, unit=unit, span=NOWHERE
    )


def test_metric_with_and_without_idle() -> None:
    assert declaration("metric m = 1") == s.Metric(name=w("m"), expression=q("1"), idle=None, span=NOWHERE)
    assert declaration("metric m = x each month, or 100% when idle").idle == q("100%")


def test_goals() -> None:
    assert declaration("goal g: p guarantees x >= 1") == s.Goal(
        name=w("g"), party=w("p"), condition=b(r("x"), ">=", q("1")), provided=None, items=None, span=NOWHERE
    )
    text = """goal g: p guarantees x provided y > 2 {
      otherwise notify a, b.c "late"
      otherwise { credit a 5% of s.fee from b  grant a "leave" }
      rewarding escalate a
      coverage 95%
    }"""
    goal = declaration(text)
    a = s.Target(party=w("a"), channel=None, span=NOWHERE)
    bc = s.Target(party=w("b"), channel=w("c"), span=NOWHERE)
    assert goal.provided == b(r("y"), ">", q("2"))
    assert goal.items == (
        s.Otherwise(
            actions=(s.Tell(verb=w("notify"), targets=(a, bc), message=t("late"), span=NOWHERE),),
            span=NOWHERE,
        ),
        s.Otherwise(
            actions=(
                s.Credit(target=a, amount=b(q("5%"), "of", r("s.fee")), debtor=w("b"), span=NOWHERE),
                s.Grant(target=a, right=t("leave"), span=NOWHERE),
            ),
            span=NOWHERE,
        ),
        s.Rewarding(
            actions=(s.Tell(verb=w("escalate"), targets=(a,), message=None, span=NOWHERE),), span=NOWHERE
        ),
        s.Coverage(minimum=w("95%"), span=NOWHERE),
    )


@pytest.mark.parametrize(
    "policy", ["time is excluded", "time counts as met", "time counts as missed", "time is unknown"]
)
def test_unknown_time(policy: str) -> None:
    (item,) = declaration(f"goal g: p guarantees x {{ unknown {policy} }}").items
    assert item == s.UnknownTime(words=tuple(w(word) for word in policy.split()), span=NOWHERE)


def test_rules() -> None:
    text = """when not up for 3m {
      notify a
      repeat every 30m
      after 2h: { call a.hook  credit b 5 EUR }
      on recovery: notify a
    }"""
    a = s.Target(party=w("a"), channel=None, span=NOWHERE)
    tell = s.Tell(verb=w("notify"), targets=(a,), message=None, span=NOWHERE)
    rule = declaration(text)
    assert rule.condition == s.Unary(operator="not", operand=r("up"), span=NOWHERE)
    assert rule.holding_for == w("3m")
    assert rule.items == (
        s.AtOnce(action=tell, span=NOWHERE),
        s.Repeat(every=w("30m"), span=NOWHERE),
        s.After(
            delay=w("2h"),
            actions=(
                s.Tell(
                    verb=w("call"),
                    targets=(s.Target(party=w("a"), channel=w("hook"), span=NOWHERE),),
                    message=None,
                    span=NOWHERE,
                ),
                s.Credit(
                    target=s.Target(party=w("b"), channel=None, span=NOWHERE),
                    amount=q("5 EUR"),
                    debtor=None,
                    span=NOWHERE,
                ),
            ),
            span=NOWHERE,
        ),
        s.Recovery(actions=(tell,), span=NOWHERE),
    )
    assert declaration("when x { }") == s.Rule(condition=r("x"), holding_for=None, items=(), span=NOWHERE)


def test_cap() -> None:
    assert declaration("cap credits to a at 50% of s.fee each month starting 15th") == s.Cap(
        what=w("credits"),
        party=w("a"),
        amount=b(q("50%"), "of", r("s.fee")),
        window=s.EachWindow(period=w("month"), starting=w("15th"), span=NOWHERE),
        span=NOWHERE,
    )


def test_units_of_the_agreements_own() -> None:
    assert declaration('unit point "points"') == s.Unit(name=w("point"), plural=t("points"), span=NOWHERE)
    assert declaration("unit point") == s.Unit(name=w("point"), plural=None, span=NOWHERE)
    cap = declaration("cap credits to a at 4  points each month")
    assert cap.amount == q("4 points")
    (item,) = declaration("when x { credit a by m { < 1: 2 points  else: 2.5 points } }").items
    assert [arm.value for arm in item.action.amount.arms] == [q("2 points"), q("2.5 points")]


def test_caps_of_other_kinds() -> None:
    assert declaration("cap credits to a at 5 EUR over last 12 months") == s.Cap(
        what=w("credits"),
        party=w("a"),
        amount=q("5 EUR"),
        window=s.LastPeriods(count=w("12"), unit=w("months"), span=NOWHERE),
        span=NOWHERE,
    )
    assert declaration("cap credits to a at the highest each month") == s.Cap(
        what=w("credits"),
        party=w("a"),
        amount=s.Highest(words=(w("the"), w("highest")), span=NOWHERE),
        window=s.EachWindow(period=w("month"), starting=None, span=NOWHERE),
        span=NOWHERE,
    )


def test_a_credit_with_everything_behind_it() -> None:
    text = (
        "credit a 3 days of s.fee per started 30m of m for x from b at most s.fee * 2 only above 1 EUR"
        " claimed within 30 days of window end"
    )
    (item,) = declaration(f"when x {{ {text} }}").items
    assert item.action == s.Credit(
        target=s.Target(party=w("a"), channel=None, span=NOWHERE),
        amount=b(q("3 days"), "of", r("s.fee")),
        blocks=s.Blocks(rounding=w("started"), size=q("30m"), value=r("m"), span=NOWHERE),
        length=r("x"),
        debtor=w("b"),
        ceiling=s.Limit(word=w("most"), amount=b(r("s.fee"), "*", q("2")), span=NOWHERE),
        floor=s.Limit(word=w("above"), amount=q("1 EUR"), span=NOWHERE),
        claim=s.Claim(words=(w("within"), w("window"), w("end")), length=q("30 days"), span=NOWHERE),
        span=NOWHERE,
    )


# --- expressions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("99.9%", q("99.9%")),
        ("120/min", q("120/min")),
        ("500 EUR", q("500 EUR")),
        ("3", q("3")),
        ('"a\\tb"', s.String(value="a\tb", span=NOWHERE)),
        ("true", s.Truth(value=True, span=NOWHERE)),
        ("false", s.Truth(value=False, span=NOWHERE)),
        ("2026-01-01", s.Moment(text="2026-01-01", span=NOWHERE)),
        ("2026-01-01T10:00Z", s.Moment(text="2026-01-01T10:00Z", span=NOWHERE)),
        ("a.goal.per", r("a.goal.per")),
        ("-a", s.Unary(operator="-", operand=r("a"), span=NOWHERE)),
        ("(a)", s.Parenthesised(inner=r("a"), span=NOWHERE)),
        ("a + b * c", b(r("a"), "+", b(r("b"), "*", r("c")))),
        ("a - b - c", b(b(r("a"), "-", r("b")), "-", r("c"))),
        ("10% of a / b", b(b(q("10%"), "of", r("a")), "/", r("b"))),
        ("a or b and c", b(r("a"), "or", b(r("b"), "and", r("c")))),
        ("a or b implies c", b(b(r("a"), "or", r("b")), "implies", r("c"))),
        ("not a < b", s.Unary(operator="not", operand=b(r("a"), "<", r("b")), span=NOWHERE)),
        ("f()", s.Call(function=w("f"), arguments=(), where=None, span=NOWHERE)),
        ("last(a, 3)", s.Call(function=w("last"), arguments=(r("a"), q("3")), where=None, span=NOWHERE)),
        ("count(a where b)", s.Call(function=w("count"), arguments=(r("a"),), where=r("b"), span=NOWHERE)),
        (
            "g violated",
            s.GoalState(goal=r("g"), verdict="violated", count=None, of_last=None, unit=None, span=NOWHERE),
        ),
        (
            "g met in 3 of last 6 months",
            s.GoalState(
                goal=r("g"), verdict="met", count=w("3"), of_last=w("6"), unit=w("months"), span=NOWHERE
            ),
        ),
    ],
)
def test_expressions(text: str, expected: object) -> None:
    assert expression(text) == expected


def test_tables() -> None:
    table = expression('by x { >= 99%: 1 "a": 2 == y: 3 else: 4 }')
    assert table.subject == r("x")
    assert [(arm.operator, arm.bound, arm.value) for arm in table.arms] == [
        (">=", q("99%"), q("1")),
        ("==", s.String(value="a", span=NOWHERE), q("2")),
        ("==", r("y"), q("3")),
        ("else", None, q("4")),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("each 5m", s.EachWindow(period=w("5m"), starting=None, span=NOWHERE)),
        ("each month starting 1st", s.EachWindow(period=w("month"), starting=w("1st"), span=NOWHERE)),
        ("over last 1h", s.RollingWindow(length=w("1h"), every=None, span=NOWHERE)),
        ("over last 1h every 1m", s.RollingWindow(length=w("1h"), every=w("1m"), span=NOWHERE)),
        ("during x", s.During(schedule=w("x"), span=NOWHERE)),
        ("excluding x", s.Excluding(schedule=w("x"), span=NOWHERE)),
        ("pausing while x == 1", s.Pausing(condition=b(r("x"), "==", q("1")), span=NOWHERE)),
        (
            "pausing while not x",
            s.Pausing(condition=s.Unary(operator="not", operand=r("x"), span=NOWHERE), span=NOWHERE),
        ),
        ("by region", s.ByLabel(label=w("region"), span=NOWHERE)),
    ],
)
def test_modifiers(text: str, expected: object) -> None:
    assert expression(f"a {text}") == s.Windowed(operand=r("a"), modifiers=(expected,), span=NOWHERE)


def test_a_modifier_behind_a_pause_belongs_to_the_whole() -> None:
    found = expression('elapsed(a, b) pausing while x == "w" during office')
    assert [type(modifier) for modifier in found.modifiers] == [s.Pausing, s.During]


def test_windows_bind_closer_than_comparisons() -> None:
    found = expression("a over last 1h > 3 and b over last 5m > 3")
    assert found.operator == "and"
    assert found.left.left == s.Windowed(
        operand=r("a"), modifiers=(s.RollingWindow(length=w("1h"), every=None, span=NOWHERE),), span=NOWHERE
    )


# --- tests


def test_given() -> None:
    (given,) = steps(
        'given a.b = true, a.at = unknown, c.d = "x" every 30s from 2026-01-01 until 2026-02-01 for 1h'
    )
    assert given == s.Given(
        assignments=(
            s.Assignment(source=w("a"), field=w("b"), value=s.Truth(value=True, span=NOWHERE), span=NOWHERE),
            s.Assignment(source=w("a"), field=w("at"), value=None, span=NOWHERE),
            s.Assignment(source=w("c"), field=w("d"), value=s.String(value="x", span=NOWHERE), span=NOWHERE),
        ),
        every=w("30s"),
        at=None,
        start=w("2026-01-01"),
        until=w("2026-02-01"),
        length=w("1h"),
        span=NOWHERE,
    )
    (at,) = steps("given a.b = 3 at 2026-01-01T10:00")
    assert at.at == w("2026-01-01T10:00")


def occasion(preposition: str, text: str) -> s.Occasion:
    return s.Occasion(preposition=preposition, text=text, span=NOWHERE)


def test_expectations() -> None:
    found = steps(
        """expect g violated in 2026-03 where region == "eu" and zone == "a"
        expect g.x met
        expect m >= 99.9% in 2026
        expect credit p 200 EUR in 2026-Q1
        expect no credit p
        expect notify p.oncall "down" at 2026-03-01T10:00
        expect no grant p "leave" in 2026-W07"""
    )
    p = s.Target(party=w("p"), channel=None, span=NOWHERE)
    labels = tuple(
        s.LabelValue(label=w(label), value=t(value), span=NOWHERE)
        for label, value in (("region", "eu"), ("zone", "a"))
    )
    assert found == (
        s.ExpectVerdict(
            goal=r("g"), verdict="violated", occasion=occasion("in", "2026-03"), labels=labels, span=NOWHERE
        ),
        s.ExpectVerdict(goal=r("g.x"), verdict="met", occasion=None, labels=(), span=NOWHERE),
        s.ExpectValue(
            operator=">=",
            left=r("m"),
            right=q("99.9%"),
            occasion=occasion("in", "2026"),
            labels=(),
            span=NOWHERE,
        ),
        s.ExpectCredit(
            negated=False, target=p, amount=q("200 EUR"), occasion=occasion("in", "2026-Q1"), span=NOWHERE
        ),
        s.ExpectCredit(negated=True, target=p, amount=None, occasion=None, span=NOWHERE),
        s.ExpectAction(
            negated=False,
            verb="notify",
            target=s.Target(party=w("p"), channel=w("oncall"), span=NOWHERE),
            text=t("down"),
            occasion=occasion("at", "2026-03-01T10:00"),
            span=NOWHERE,
        ),
        s.ExpectAction(
            negated=True,
            verb="grant",
            target=p,
            text=t("leave"),
            occasion=occasion("in", "2026-W07"),
            span=NOWHERE,
        ),
    )


# --- what stands around


def test_comments_have_their_places() -> None:
    text = 'agreement "#" version 1 { # one  \r\n\t# two\r\n}#three'
    comments = read(text).comments
    assert [(c.text, c.alone) for c in comments] == [("# one", False), ("# two", True), ("#three", False)]
    assert [text[c.span.start : c.span.end] for c in comments] == ["# one", "# two", "#three"]


def test_tabs_line_ends_and_byte_order_marks_are_blanks() -> None:
    text = 'agreement "A" version 1 {\n  kind internal\n}\n'
    assert read("\ufeff" + text.replace("\n", "\r\n").replace("  ", "\t")) == read(text)


def test_spans_cover_what_was_written() -> None:
    text = 'agreement "A" version 1 {\n  goal g: p guarantees x >= 5% provided y { coverage 9% }\n}\n'
    (agreement,) = read(text).items
    assert isinstance(agreement, s.Agreement)
    (goal,) = agreement.declarations
    assert isinstance(goal, s.Goal)
    assert text[agreement.span.start : agreement.span.end] == text.rstrip()
    assert text[goal.span.start : goal.span.end] == text.splitlines()[1].strip()
    assert text[goal.condition.span.start : goal.condition.span.end] == "x >= 5%"
    assert goal.items is not None
    assert text[goal.items[0].span.start : goal.items[0].span.end] == "coverage 9%"


def test_spans_are_left_out_of_equality() -> None:
    moved = attrs.evolve(w("a"), span=attrs.evolve(NOWHERE, end=9))
    assert moved == w("a")


# --- the grammar


def test_reserved_words_are_no_names_and_may_follow_a_dot_where_the_grammar_says_so() -> None:
    assert {"goal", "each", "kind", "Monday", "notify", "met", "true"} <= reserved_words()
    assert not {"uptime", "name", "comment", "month"} & reserved_words()
    for word in sorted(reserved_words()):
        document, problems = parse(
            SourceText(name="a.sla", text=f'agreement "A" version 1 {{ metric {word} = 1 }}')
        )
        assert problems, word
        assert document.items


def test_the_grammar_is_built_once() -> None:
    assert parser() is parser()


# --- bytes


def test_bytes_that_are_no_utf_8() -> None:
    source, problems = decode("a.sla", b"# gr\xfcn\n")
    assert [(problem.code, problem.position) for problem in problems] == [("E0100", (1, 5))]
    assert source.text == "# gr\ufffdn\n"
    assert decode("a.sla", "# grün".encode())[1] == ()
    (problem,) = decode("a.sla", "kind".encode("utf-16"))[1]
    assert "UTF-16" in problem.notes[0]


@pytest.mark.parametrize("verb", ["notify", "escalate", "call", "ticket", "publish"])
def test_every_way_to_tell_somebody(verb: str) -> None:
    document, problems = parse(
        SourceText(
            name="a.sla", text=f'agreement "A" version 1 {{ when probe.ok {{ {verb} desk.queue "down" }} }}'
        )
    )
    assert problems == ()
    assert f"Word(text='{verb}')" in repr(document)
