# ruff: noqa: E501 documents are read better on one line
"""Every construct of WSLA 1.0, as it should be written and as it is, becomes what means the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wsla.analysis.check import check_text
from wsla.diagnostics.diagnostic import Diagnostic, has_errors
from wsla.diagnostics.source import SourceText
from wsla.interop.formats import FORMATS, import_text, recognise
from wsla.interop.wsla_xml.vocabulary import DIRECTIVES, FUNCTIONS
from wsla.syntax.formatter import format_source

from .wsla_documents import (
    LEAF,
    SPACES,
    document,
    expression,
    function,
    guarantee,
    metric,
    objective,
    operand,
    predicate,
    scalar,
    series,
)

CORPUS = Path(__file__).resolve().parents[3].parent / "shared" / "corpus" / "wsla"
LOAD = LEAF.format("Load")


def imported(text: str) -> tuple[str, tuple[Diagnostic, ...]]:
    known, found = import_text(SourceText(name="a.xml", text=text))
    assert known is not None
    assert found.text is not None
    return found.text, found.diagnostics


def agreement(text: str) -> str:
    """The text without comments, that was imported without errors; it checks, and is in the standard form."""
    made, found = imported(text)
    assert not has_errors(found), found
    source = SourceText(name="a.sla", text=made)
    assert not has_errors(check_text(source)[1])
    assert format_source(source)[0] == made
    return "\n".join(line for line in made.splitlines() if not line.strip().startswith("#"))


def line(text: str, start: str) -> str:
    """The declaration that begins so, on one line."""
    found = re.search(
        rf"^  {re.escape(start)} (.*?)(?=\n  [^\s}}]|\n\n|\n}})", text + "\n}", re.MULTILINE | re.DOTALL
    )
    assert found is not None, text
    return " ".join(found.group(0).split())


def codes(text: str) -> list[str]:
    return [one.code for one in imported(text)[1] if one.code != "W1010"]


# --- documents as they really occur


@pytest.mark.parametrize(
    "path", sorted(CORPUS.glob("*.xml")) or [None], ids=lambda path: path and path.name[:2]
)
def test_every_document_of_the_corpus_is_imported_without_errors(path: Path | None) -> None:
    if path is None:
        pytest.skip("the corpus of documents is not beside the project")
    text = path.read_text("utf-8")
    made = agreement(text)
    written = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    objectives = re.findall(r'<ServiceLevelObjective name="([^"]+)"', written)
    assert re.findall(r"^  goal (\w+):", made, re.MULTILINE) == objectives
    # Every number that something is compared with is there, as it is or as a percentage.
    for value in re.findall(r"<Value>([\d.]+)</Value>", written):
        assert re.search(rf"\b{re.escape(value)}\b|{float(value) * 100:g}%", made), value


# --- functions

CASES = {
    "QConstructor": (function("Mean", function("QConstructor", "<Metric>Load</Metric><Window>12</Window>")),
        "mean(Load.value) over last 1h every 5m"),
    "TSConstructor": (function("Mean", series("Load")), "mean(last(Load.value) each 5m) over last 1h every 5m"),
    "Size": (function("Size", operand(series("Load"))), "count(last(Load.value) each 5m) over last 1h every 5m"),
    "TSSelect": (
        function("TSSelect", operand("<Metric>S</Metric>") + "<Element>-2</Element>"),
        "previous(previous(S))",
    ),
    "Plus": (function("Plus", operand("<Metric>S</Metric>") + operand(scalar("2"))), "S + 2"),
    "Minus": (function("Minus", operand(scalar("1")) + operand("<Metric>S</Metric>")), "1 - S"),
    "Times": (function("Times", operand("<Metric>S</Metric>") + operand(scalar("0.5"))), "S * 0.5"),
    "Divide": (function("Divide", operand("<Metric>S</Metric>") + operand(scalar("3"))), "S / 3"),
    "Average": (function("Average", "<Metric>S</Metric>"), "mean(S) over last 1h every 5m"),
    "Mean": (function("Mean", "<Metric>S</Metric>"), "mean(S) over last 1h every 5m"),
    "Median": (function("Median", "<Metric>S</Metric>"), "median(S) over last 1h every 5m"),
    "Mode": (function("Mode", "<Metric>S</Metric>"), "mode(S) over last 1h every 5m"),
    "Sum": (function("Sum", "<Metric>S</Metric>"), "sum(S) over last 1h every 5m"),
    "Max": (function("Max", "<Metric>S</Metric>"), "max(S) over last 1h every 5m"),
    "Round": (
        function("Round", function("Mean", "<Metric>S</Metric>") + "<Digits><LongScalar>2</LongScalar></Digits>"),
        "round(mean(S) over last 1h every 5m, 2)",
    ),
    "ValueOccurs": (
        function("ValueOccurs", "<Metric>S</Metric><Value><LongScalar>0</LongScalar></Value>"),
        "count(S where S == 0) over last 1h every 5m",
    ),
    "PercentageGreaterThanThreshold": (
        function("PercentageGreaterThanThreshold", f"<Metric>S</Metric><Value>{scalar('0.8')}</Value>"),
        "share(S > 0.8) over last 1h every 5m",
    ),
    "PercentageLessThanThreshold": (
        function("PercentageLessThanThreshold", f"<Metric>S</Metric><Value>{scalar('0.8')}</Value>"),
        "share(S < 0.8) over last 1h every 5m",
    ),
    "NumberGreaterThanThreshold": (
        function("NumberGreaterThanThreshold", f"<Metric>S</Metric><Value>{scalar('1e2')}</Value>"),
        "count(S where S > 100) over last 1h every 5m",
    ),
    "NumberLessThanThreshold": (
        function("NumberLessThanThreshold", "<Metric>S</Metric><Value><Constant>Low</Constant></Value>"),
        "count(S where S < -4) over last 1h every 5m",
    ),
    "RateOfChange": (
        function("RateOfChange", "<Metric>S</Metric><Interval><Hours>1</Hours></Interval>"),
        "(S - previous(S)) * 12",
    ),
    "Span": (
        function("Span", "<Metric>S</Metric><Value><LongScalar>0</LongScalar></Value>"),
        "streak(S == 0) over last 1h every 5m",
    ),
    "QualifyMeasurementTimeSeries": (
        function(
            "Max",
            function(
                "QualifyMeasurementTimeSeries",
                "<BaseMetric>S</BaseMetric><ValidationMetric>V</ValidationMetric>"
                "<Value><LongScalar>1</LongScalar></Value>",
            ),
        ),
        "max(S where V == 1) over last 1h every 5m",
    ),
}  # fmt: skip


def test_there_is_a_case_for_each_function() -> None:
    assert set(CASES) == set(FUNCTIONS)


@pytest.mark.parametrize(("written", "meant"), CASES.values(), ids=CASES)
def test_a_function_is_the_formula_that_means_the_same(written: str, meant: str) -> None:
    constant = '<Constant name="Low"><Integer>-4</Integer></Constant>'
    others = metric("S", series("Load")) + metric("V", series("Valid")) + LEAF.format("Valid")
    made = agreement(document(metric("M", written) + others + LOAD, schedules=constant))
    assert line(made, "metric M").removeprefix("metric M = ") == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        # A time series of another one: the latest value at each tick, or the function itself at these ticks.
        (series("S", 24, "hours"), "last(S) each 1h"),
        (
            function("TSConstructor", f"<Schedule>hours</Schedule>{function('Mean', '<Metric>S</Metric>')}<Window>1</Window>"),
            "mean(S) each 1h",
        ),
        (function("Mean", series("H", 2)), "mean(last(H) over last 2h every 5m) over last 2h 5m every 5m"),
        # Different ticks meet at the finer ones.
        (
            function("Plus", operand("<Metric>S</Metric>") + operand("<Metric>H</Metric>")),
            "(last(S) over last 2h every 5m) + (last(H) over last 2h every 5m)",
        ),
        # A share stays one beside numbers that suit both, and becomes a number beside one.
        (
            function("Minus", operand(scalar("1")) + operand(function("Divide", operand("<Metric>S</Metric>") * 2))),
            "100% - S / S",
        ),
        (
            function(
                "Plus",
                operand("<Metric>S</Metric>") + operand(function("Divide", operand("<Metric>S</Metric>") * 2)),
            ),
            "S + 1 * (S / S)",
        ),
        (function("RateOfChange", "<Metric>S</Metric><Interval><Minutes>7</Minutes></Interval>"), "(S - previous(S)) * 1.4"),
        (function("RateOfChange", "<Metric>H</Metric><Interval><Minutes>7</Minutes></Interval>"), "(H - previous(H)) * 7 / 60"),
    ],
)  # fmt: skip
def test_functions_of_functions(written: str, meant: str) -> None:
    others = metric("S", series("Load")) + metric("H", series("Load", 24, "hours"))
    made = agreement(document(metric("M", written) + others + LOAD))
    assert line(made, "metric M").removeprefix("metric M = ") == meant.replace("2h 5m", "125m")


def test_a_doubling_chain_of_metrics_is_refused() -> None:
    double = "".join(
        metric(f"M{n}", function("Plus", operand(f"<Metric>M{n - 1}</Metric>") * 2)) for n in range(2, 60)
    )
    last = metric("M", function("Plus", operand("<Metric>M59</Metric>") * 2))
    text = document(last + double + metric("M1", series("Load")) + LOAD)
    assert "E1103" in codes(text)
    assert len(imported(text)[0]) < 20_000


# --- directives

PLAIN = "source M = push every 1m by Host { value value }"
AT = "<MeasurementURI>https://shop.example/health</MeasurementURI>"
DIRECTIVE_CASES = {
    "Counter": ("<MeasurementURI>snmp://a</MeasurementURI>", PLAIN),
    "Gauge": ("<MeasurementURI/>", PLAIN),
    "ResponseTime": (AT, 'source M = http "https://shop.example/health" every 1m by Host'),
    "SumResponseTime": ("", PLAIN),
    "Status": (
        AT + "<TimeOut><Seconds>5</Seconds></TimeOut>",
        'source M = http "https://shop.example/health" every 1m timeout 5s by Host',
    ),
    "InvocationCount": ("<CounterURI/>", PLAIN),
    "StatusRequest": ("<RequestURI>http://shop.example/status</RequestURI>", PLAIN),
    "Downtime": ("", PLAIN),
    "MaintenancePeriodQuery": ("", PLAIN),
}


def directive(kind: str, inner: str) -> str:
    return metric("M", f'<MeasurementDirective xsi:type="{kind}">{inner}</MeasurementDirective>')


def test_there_is_a_case_for_each_directive() -> None:
    assert set(DIRECTIVE_CASES) == set(DIRECTIVES)


@pytest.mark.parametrize("kind", DIRECTIVES)
def test_a_directive_is_a_source(kind: str) -> None:
    inner, meant = DIRECTIVE_CASES[kind]
    made = agreement(document(directive(kind, inner)))
    assert line(made, "source M") == meant
    condition = {"Status": "not P", "ResponseTime": "P < 1ms"}.get(kind, "P < 1")
    assert line(made, "goal O:") == f"goal O: Host guarantees {condition}"


def test_a_reading_schedule_says_how_often() -> None:
    inner = "<ReadingSchedule>hours</ReadingSchedule><MeasurementURI/>"
    made = agreement(document(directive("Gauge", inner)))
    assert line(made, "source M") == "source M = push every 1h by Host { value value }"
    assert line(made, "metric P") == "metric P = last(M.value) each 1h"


def test_metrics_with_a_dot_are_fields_of_one_source() -> None:
    made = agreement(
        document(
            metric("M", series("node.load")) + LEAF.format("node.load") + LEAF.format("node.temperature")
        )
    )
    assert line(made, "source node") == (
        "source node = push every 5m by Host { load load temperature temperature }"
    )
    assert line(made, "metric M") == "metric M = last(node.load) each 5m"


def test_a_status_is_a_condition() -> None:
    status = directive("Status", AT)
    for kind, value, meant in (("Greater", "0", "P"), ("Equal", "0", "not P"), ("GreaterEqual", "1", "P")):
        made = agreement(document(status, objective("O", predicate(kind, "P", value))))
        assert line(made, "goal O:") == f"goal O: Host guarantees {meant}"
    assert codes(document(status, objective("O", predicate("Less", "P", "7")))) == ["E1103"]


# --- predicates and connectives


@pytest.mark.parametrize(
    ("inner", "meant"),
    [
        (predicate("Greater", "P"), "P > 1"),
        (predicate("Less", "P", " -1.50 "), "P < -1.5"),
        (predicate("Equal", "P"), "P == 1"),
        (predicate("GreaterEqual", "P"), "P >= 1"),
        (predicate("LessEqual", "P"), "P <= 1"),
        ('<Predicate xsi:type="NewValue"><SLAParameter>P</SLAParameter></Predicate>', "count(M) each 1m >= 1"),
        (f"<Not><Expresssion>{predicate('Less', 'P')}</Expresssion></Not>", "not (P < 1)"),
        (f"<Not>{expression(predicate('Less', 'P'))}</Not>", "not (P < 1)"),
        (
            f"<And>{expression(predicate('Less', 'P', '9'))}{expression(predicate('Greater', 'P'))}</And>",
            "P < 9 and P > 1",
        ),
        (
            f"<Implies>{expression(predicate('Less', 'P', '9'))}"
            + expression(f"<Or>{expression(predicate('Equal', 'P', '3'))}{expression(predicate('Greater', 'P', '4'))}</Or>")
            + "</Implies>",
            "P < 9 implies P == 3 or P > 4",
        ),
        (
            "<And>"
            + expression(f"<Or>{expression(predicate('Equal', 'P', '3'))}{expression(predicate('Greater', 'P', '4'))}</Or>")
            + expression('<Predicate xsi:type="True"/>')
            + "</And>",
            "P == 3 or P > 4",
        ),
        (
            f"<Or>{expression(predicate('Less', 'P'))}" + expression('<Predicate xsi:type="False"/>') + "</Or>",
            "P < 1",
        ),
    ],
)  # fmt: skip
def test_an_expression_is_the_condition_that_means_the_same(inner: str, meant: str) -> None:
    made = agreement(document(directive("Gauge", ""), objective("O", inner)))
    assert line(made, "goal O:") == f"goal O: Host guarantees {meant}"


def test_the_violation_of_another_objective_is_worked_out_in_an_objective() -> None:
    other = objective("A", predicate("Less", "P"))
    violation = '<Predicate xsi:type="Violation"><ServiceLevelObjective>A</ServiceLevelObjective></Predicate>'
    made = agreement(document(directive("Gauge", ""), other + objective("O", violation)))
    assert line(made, "goal O:") == "goal O: Host guarantees not (P < 1)"
    itself = document(directive("Gauge", ""), objective("A", violation))
    assert codes(itself) == ["E1103"]


def test_a_number_above_one_compared_with_a_share_is_a_percentage() -> None:
    share = function("PercentageGreaterThanThreshold", series("Load") + f"<Value>{scalar('0.8')}</Value>")
    text = document(metric("M", share) + LOAD, objective("O", predicate("Less", "P", "30")))
    assert line(agreement(text), "goal O:") == "goal O: Host guarantees P < 30%"
    assert codes(text) == ["W1104"]
    assert codes(text.replace("<Value>30<", "<Value>1<")) == []


# --- when objectives and guarantees are looked at

VIOLATED = '<Predicate xsi:type="Violation"><ServiceLevelObjective>O</ServiceLevelObjective></Predicate>'
ROLLING = metric("M", function("Mean", series("Load"))) + LOAD
GAUGE = metric("M", '<MeasurementDirective xsi:type="Gauge"/>')
ABOUT_O = objective("O", predicate("Less", "P"))


@pytest.mark.parametrize(
    ("metrics", "inner", "modality", "meant"),
    [
        (GAUGE, VIOLATED, "Always", "goal O: Host guarantees P < 1 { otherwise notify Shop }"),
        (ROLLING, VIOLATED, "Always", "when O violated for 1ms { notify Shop repeat every 5m }"),
        (GAUGE, VIOLATED, "OnEnteringCondition", "when O violated { notify Shop }"),
        (ROLLING, VIOLATED, "OnEnteringCondition", "goal O: Host guarantees P < 1 { otherwise notify Shop }"),
        (
            ROLLING,
            VIOLATED,
            "OnEnteringAndOnLeavingCondition",
            "when O violated { notify Shop on recovery: notify Shop }",
        ),
        (
            GAUGE,
            VIOLATED,
            "OnEveryEvaluation",
            "goal O: Host guarantees P < 1 { otherwise notify Shop rewarding notify Shop }",
        ),
        (
            ROLLING,
            VIOLATED,
            "OnEveryEvaluation",
            "when O violated or not O violated for 1ms { notify Shop repeat every 5m }",
        ),
        (GAUGE, predicate("Greater", "P", "3"), "OnEnteringCondition", "when M.value > 3 { notify Shop }"),
        (ROLLING, predicate("Greater", "P", "3"), "Always", "when P > 3 for 1ms { notify Shop repeat every 5m }"),
    ],
)  # fmt: skip
def test_modalities(metrics: str, inner: str, modality: str, meant: str) -> None:
    made = agreement(document(metrics, ABOUT_O + guarantee(inner, modality)))
    assert " ".join(meant.split()) in " ".join(made.split()).replace("(O violated)", "O violated")


def test_evaluation_by_a_schedule_looks_at_its_ticks() -> None:
    hourly = objective("O", predicate("Less", "P"), evaluated="<Schedule>hours</Schedule>")
    made = agreement(document(ROLLING, hourly))
    assert line(made, "goal O:") == "goal O: Host guarantees last(P) each 1h < 1"


def test_objectives_of_different_ticks_are_judged_at_the_finer_ones() -> None:
    hourly = metric("H", series("Load", 2, "hours"))
    parameter = '<SLAParameter name="Q"><Metric>H</Metric></SLAParameter>'
    both = f"<And>{expression(predicate('Less', 'P'))}{expression(predicate('Less', 'Q'))}</And>"
    made = agreement(document(parameter + ROLLING + hourly, objective("O", both)))
    assert line(made, "goal O:") == (
        "goal O: Host guarantees last(P) over last 2h every 5m < 1 and last(Q) over last 2h every 5m < 1"
    )


MASK = (
    "<ConditionTime>{}</ConditionTime><ConditionMonthOfYearMask>{}</ConditionMonthOfYearMask>"
    "<ConditionDayOfMonthMask>{}</ConditionDayOfMonthMask><ConditionDayOfWeekMask>{}</ConditionDayOfWeekMask>"
    "<ConditionTimeOfDayMask>{}</ConditionTimeOfDayMask><ConditionTimeZone>{}</ConditionTimeZone>"
    "<ConditionLocalOrUtcTime>{}</ConditionLocalOrUtcTime>"
)


@pytest.mark.parametrize(
    ("mask", "hours"),
    [
        (("", "", "", "0111110", "080000:180000", "", ""), "{ Monday-Friday 08:00-18:00 }"),
        (("", "1" * 12, "1" * 31, "1000001", "", "Z", "1"), "{ Saturday-Sunday }"),
        (("", "", "", "1" * 7, "220000:060000", "", ""), "{ every day 22:00-06:00 }"),
        (("", "", "1" + "0" * 30, "", "", "", ""), "{ 2026-01-01 }"),
        # The last day of a month is the first of the second half.
        (("", "", "0" * 31 + "1" + "0" * 30, "", "", "", ""), "{ 2026-01-31 }"),
        (("20260110000000:20260112000000", "", "", "", "", "", ""), "{ 2026-01-10 until 2026-01-11 }"),
        (("THISANDPRIOR/20260102T235959", "", "", "", "T080000/T120000", "", ""), "{ 2026-01-01 until 2026-01-02 08:00-12:00 }"),
        (("", "", "", "0001000", "", "-05:00", "1"), "{ Wednesday }"),
    ],
)  # fmt: skip
def test_masks_are_hours_of_a_schedule(mask: tuple[str, ...], hours: str) -> None:
    during = objective("O", predicate("Less", "P"), validity=MASK.format(*mask))
    text = document(GAUGE, during + objective("A", predicate("Less", "P")))
    made = agreement(text)
    assert line(made, "schedule O_validity").removeprefix("schedule O_validity ") == hours
    assert "provided count(M) each 1m during O_validity >= 0" in " ".join(made.split())
    assert ('in "Etc/GMT+5"' in made) == (mask[5] == "-05:00")


def test_masks_that_say_nothing_are_always() -> None:
    always = objective("O", predicate("Less", "P"), validity=MASK.format(*[""] * 7))
    made = agreement(document(GAUGE, always + objective("A", predicate("Less", "P"))))
    assert "schedule" not in made


def test_a_shorter_validity_is_a_schedule_with_its_first_and_last_hours() -> None:
    short = "<Start>2026-01-05T12:00:00Z</Start><End>2026-01-08T06:30:00+01:00</End>"
    made = agreement(
        document(
            GAUGE,
            objective("O", predicate("Less", "P"), validity=short) + objective("A", predicate("Less", "P")),
        )
    )
    assert line(made, "schedule O_validity") == (
        "schedule O_validity { 2026-01-05 12:00-24:00 2026-01-06 until 2026-01-07 2026-01-08 00:00-05:30 }"
    )


# --- parties


def test_parties_roles_and_actions() -> None:
    soap = (
        '<Action xsi:type="WSDLSOAPActionDescriptionType" name="page"><WSDLFile>a.wsdl</WSDLFile>'
        "<SOAPBindingName>b</SOAPBindingName><SOAPOperationName>c</SOAPOperationName></Action>"
    )
    web = '<Action xsi:type="WSDLGetPostActionDescriptionType" name="tell"><Address>https://shop.example/n</Address></Action>'
    mail = '<Action xsi:type="WSDLGetPostActionDescriptionType" name="write"><Address>mailto:a@shop.example</Address></Action>'
    third = (
        f'<SupportingParty name="Third &amp; Co">{soap}<Sponsor>Host</Sponsor><Role>MeasurementService</Role>'
        "<Role>ManagementService</Role></SupportingParty>"
    )
    parties = (
        f'<ServiceProvider name="Host"/><ServiceConsumer name="Shop">{web}{mail}</ServiceConsumer>{third}'
    )
    note = (
        '<Action xsi:type="Notification" actionName="tell"><NotificationType>Information</NotificationType>'
        "<CausingGuarantee>G 1</CausingGuarantee><SLAParameter>P Q</SLAParameter></Action>"
    )
    made = agreement(document(GAUGE, ABOUT_O + guarantee(VIOLATED, "Always", note), parties=parties))
    assert line(made, "party Shop") == (
        'party Shop consumer { tell webhook "https://shop.example/n" write email "a@shop.example" }'
    )
    assert line(made, "party Third_Co") == (
        'party Third_Co "Third & Co" measurer manager { page webhook env THIRD_CO_PAGE }'
    )
    assert 'otherwise notify Shop.tell "Information: G 1 (P, Q)"' in made


def test_names_that_nothing_has_are_read_as_the_nearest() -> None:
    text = document(GAUGE, ABOUT_O).replace("<Obliged>Host", "<Obliged>Hosts")
    _, found = imported(text)
    (wrong,) = (one for one in found if one.code == "W1102")
    assert wrong.message == "there is no party named `Hosts`, read as `Host`"
    assert text[wrong.span.start : wrong.span.end] == "Hosts"
    missing = document(metric("M", series("Laod")) + LOAD)
    assert codes(missing) == ["W1102"]
    assert codes(document(metric("M", series("Zzz")) + LOAD)) == ["E1103", "W1102"]


def test_a_name_that_is_missing_often_is_told_once_with_all_lines() -> None:
    text = document(GAUGE + LOAD, ABOUT_O).replace("<Source>Host", "\n<Source>Hots")
    (wrong,) = (one for one in imported(text)[1] if one.code == "W1102")
    assert wrong.position[0] == 2
    assert wrong.notes == ("also in lines 3",)


# --- macros and what has no place


def test_macros_are_written_out() -> None:
    macro = (
        '<MetricMacroDefinition name="Measured">'
        + metric("raw", "<MeasurementDirectiveVariable/>")
        + metric("mean", function("Mean", series("raw")))
        + "</MetricMacroDefinition>"
    )
    expansions = "".join(
        f'<MetricMacroExpansion macroName="Measured" expansionName="{name}">'
        '<MeasurementDirectiveAssignment metricName="raw"><MeasurementDirective xsi:type="Gauge"/>'
        "</MeasurementDirectiveAssignment></MetricMacroExpansion>"
        for name in ("one", "two")
    )
    body = macro + expansions + '<SLAParameter name="Q"><Metric>two.mean</Metric></SLAParameter>'
    both = objective("O", predicate("Less", "P")) + objective("B", predicate("Less", "Q"))
    made = agreement(document(body, both).replace("<Metric>M<", "<Metric>one_mean<"))
    assert (
        line(made, "metric one_mean")
        == "metric one_mean = mean(last(one_raw.value) each 5m) over last 1h every 5m"
    )
    assert line(made, "metric Q") == "metric Q = two_mean"


def test_nothing_is_dropped_silently() -> None:
    extra = (
        '<Trigger name="T"><Time>2026-01-01T00:00:00Z</Time></Trigger><Constant name="C"><Integer>7</Integer></Constant>'
        "<Price>100</Price>"
    )
    text = document(
        GAUGE,
        f'{ABOUT_O}<ObligationGroup name="G">{objective("B", predicate("Less", "P"))}</ObligationGroup>',
        schedules=extra,
    )
    made, found = imported(text)
    for piece in (
        '<Trigger name="T">',
        '<Constant name="C"><Integer>7</Integer></Constant>',
        "<Price>100</Price>",
        '<ObligationGroup name="G"><ServiceLevelObjective name="B"/></ObligationGroup>',
        "<ActionGuarantee",
    ):
        assert (f"# kept from wsla: {piece}" in made) == (piece != "<ActionGuarantee")
    assert sorted(one.code for one in found) == ["W1010"] * 4 + ["W1101"]


# --- what a document may not do


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<SLA", "E1003"),
        ('<!DOCTYPE SLA [<!ENTITY a "b">]><SLA>&a;</SLA>', "E1005"),
        ('<!DOCTYPE SLA SYSTEM "file:///etc/passwd"><SLA/>', "E1005"),
        ("<SLA>&undefined;</SLA>", "E1003"),
        ("<SLA>" + "<Parties>" * 200, "E1004"),
        ("<SLA>" + "<Metric/>" * 100_001 + "</SLA>", "E1004"),
    ],
)
def test_what_cannot_be_read_has_its_place_and_its_code(text: str, code: str) -> None:
    _, found = import_text(SourceText(name="a.xml", text=text))
    assert found.text is None
    assert [one.code for one in found.diagnostics] == [code]


def test_another_root_is_said_where_the_format_is_named() -> None:
    source = SourceText(name="a.xml", text=f"<Parties {SPACES}/>")
    assert recognise(source, FORMATS.values()) is None
    _, found = import_text(source, FORMATS["wsla"])
    assert [one.code for one in found.diagnostics] == ["E1103"]


@pytest.mark.parametrize("prefix", ["wsla:", "x:"])
def test_prefixes_and_small_letters_are_read(prefix: str) -> None:
    text = document(GAUGE, ABOUT_O + guarantee(VIOLATED, "Always"))
    plain = agreement(text)
    spaced = re.sub(r"<(/?)(\w)", rf"<\1{prefix}\2", text).replace("xmlns=", f"xmlns:{prefix[:-1]}=")
    assert agreement(re.sub(r'xsi:type="', f'xsi:type="{prefix}', spaced)) == plain
    small = re.sub(r"</?[A-Za-z]+", lambda tag: tag.group().lower(), text)
    assert agreement(small) == plain
    assert recognise(SourceText(name="a", text="<!-- x -->\n" + spaced), FORMATS.values()) is not None


def test_an_empty_document_is_read_as_far_as_it_goes() -> None:
    text = f"<SLA {SPACES}><Parties><ServiceProvider/><ServiceConsumer/></Parties><ServiceDefinition/><Obligations/></SLA>"
    made = agreement(text)
    assert line(made, "party provider") == "party provider provider"
    assert codes(text) == ["W1104"]
    assert codes(f"<SLA {SPACES}/>") == ["W1101", "W1101", "W1104"]


def test_errors_cost_what_needs_them_and_no_more() -> None:
    text = document(
        GAUGE + metric("B", function("Nothing", "")),
        ABOUT_O + objective("Z", predicate("Less", "Q")) + objective("Y", predicate("Less", "P", "abc")),
    )
    made, found = imported(text)
    told = [one.code for one in found if one.code != "W1010"]
    assert sorted(told) == ["E1103", "E1103", "E1103", "W1102"]
    assert "goal O: Host guarantees P < 1" in made
    assert not has_errors(check_text(SourceText(name="a", text=made))[1])
