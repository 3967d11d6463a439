"""Objectives of OpenSLO become goals that mean the same; wrong files get messages with places, hostile ones limits."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from wsla.analysis.check import check_text
from wsla.diagnostics.diagnostic import Diagnostic, Severity, has_errors
from wsla.diagnostics.source import SourceText
from wsla.interop.formats import FORMATS, import_text, recognise
from wsla.interop.openslo.schema import LONGEST_DESCRIPTION
from wsla.interop.safety import DEEPEST, MOST_PARTS
from wsla.syntax.formatter import format_source

from .openslo_documents import MONTH, POLICY, RATIO, THRESHOLD, file, query, slo, thing

CORPUS = Path(__file__).resolve().parents[3].parent / "shared" / "corpus" / "openslo"
SERVICE = "apiVersion: openslo/v1\nkind: Service\nmetadata:\n  name: shop\nspec:\n  description: {}\n"


def imported(text: str) -> tuple[str | None, tuple[Diagnostic, ...]]:
    known, found = import_text(SourceText(name="a.yaml", text=text))
    assert known is not None
    assert known.name == "openslo"
    return found.text, found.diagnostics


def agreement(*things: dict[str, Any]) -> str:
    """The text without comments, that was imported without errors; it checks, and is in the standard form."""
    made, found = imported(file(*things))
    assert not has_errors(found), found
    assert made is not None
    source = SourceText(name="a.sla", text=made)
    assert not has_errors(check_text(source)[1])
    assert format_source(source)[0] == made
    return "\n".join(line for line in made.splitlines() if not line.strip().startswith("#"))


def line(text: str, start: str) -> str:
    """The declaration that begins so, on one line."""
    found = re.search(rf"^  {re.escape(start)} .*?(?=\n  [^\s}}]|\n\n|\n}})", text, re.MULTILINE | re.DOTALL)
    assert found is not None, text
    return " ".join(found.group(0).split())


def told(*things: dict[str, Any]) -> list[str]:
    return [one.code for one in imported(file(*things))[1] if one.code != "W1010"]


def errors(text: str) -> list[tuple[str, tuple[int, int]]]:
    return [(one.code, one.position) for one in imported(text)[1] if one.severity is Severity.ERROR]


# --- files as they really occur


def verdicts() -> list[tuple[str, bool]]:
    if not CORPUS.is_dir():
        return []
    stated = json.loads((CORPUS / "EXPECTED-VALIDITY.json").read_text("utf-8"))["files"]
    return [
        (str(path.relative_to(CORPUS)), one["valid"])
        for name, one in stated.items()
        if (CORPUS / name).exists()
        for path in ([CORPUS / name] if (CORPUS / name).is_file() else sorted((CORPUS / name).iterdir()))
    ]


@pytest.mark.parametrize(("name", "valid"), verdicts() or [("", None)])
def test_the_verdicts_of_the_corpus_hold(name: str, valid: bool | None) -> None:
    if valid is None:
        pytest.skip("the corpus of files is not beside the project")
    source = SourceText(name=name, text=(CORPUS / name).read_text("utf-8"))
    _, found = import_text(source)
    wrong = [one for one in found.diagnostics if one.severity is Severity.ERROR]
    assert (not wrong) == valid, wrong
    for one in wrong:
        assert one.code in ("E1201", "E1202", "E1203")
        assert one.source is source
        assert one.span.end > one.span.start
    if valid:
        assert found.text is not None
        made = SourceText(name="a.sla", text=found.text)
        assert format_source(made)[0] == found.text


# --- what objectives become


def test_occurrences_of_counters_of_counts_and_of_bad_ones() -> None:
    made = agreement(slo())
    assert line(made, "metric checkout_level") == (
        "metric checkout_level = increase(requests.good) / increase(requests.total) each month"
    )
    assert line(made, "goal checkout") == "goal checkout for shop: team guarantees checkout_level >= 99.5%"
    assert 'effective 2026-01-01 in "Europe/Berlin"' in made
    counts = {"ratioMetric": {"counter": False, "bad": query("bad()"), "total": query("all()")}}
    assert line(agreement(slo(indicator=counts)), "metric checkout_level") == (
        "metric checkout_level = 100% - sum(requests.bad) / sum(requests.total) each month"
    )


@pytest.mark.parametrize(("kind", "formula"), [("success", ""), ("failure", "100% - ")])
def test_raw_ratios(kind: str, formula: str) -> None:
    raw = {"ratioMetric": {"rawType": kind, "raw": query("ratio()"), "counter": False}}
    assert line(agreement(slo(indicator=raw)), "metric checkout_level") == (
        f"metric checkout_level = {formula}mean(requests.raw) each month"
    )


@pytest.mark.parametrize(("word", "sign"), [("lt", "<"), ("lte", "<="), ("gt", ">"), ("gte", ">=")])
def test_thresholds(word: str, sign: str) -> None:
    one = {"op": word, "value": 0.25, "targetPercent": 99.5}
    made = agreement(slo(one, indicator=THRESHOLD))
    assert line(made, "metric checkout_level") == (
        f"metric checkout_level = share(requests.value {sign} 0.25) each month"
    )
    assert "checkout_level >= 99.5%" in made


def test_time_slices_are_good_from_their_own_target_on() -> None:
    one = {"target": 0.999, "timeSliceTarget": 0.95, "timeSliceWindow": "5m"}
    made = agreement(slo(one, budgetingMethod="Timeslices"))
    assert line(made, "metric checkout_slice") == (
        "metric checkout_slice = increase(requests.good) / increase(requests.total) each 5m >= 95%"
    )
    assert line(made, "metric checkout_level") == "metric checkout_level = share(checkout_slice) each month"


def test_ratio_time_slices_are_averaged_and_minutes_may_be_bare() -> None:
    made = agreement(slo({"target": 0.999, "timeSliceWindow": 90}, budgetingMethod="RatioTimeslices"))
    assert "increase(requests.total) each 90m" in line(made, "metric checkout_slice")
    assert line(made, "metric checkout_level") == "metric checkout_level = mean(checkout_slice) each month"


@pytest.mark.parametrize(
    ("duration", "window"),
    [("90m", "90m every 1m"), ("23h", "23h every 1m"), ("1d", "1d every 1h"), ("4w", "28d every 1h")],
)
def test_rolling_windows(duration: str, window: str) -> None:
    made = agreement(slo(timeWindow=[{"duration": duration, "isRolling": True}]))
    assert line(made, "metric checkout_level").endswith(f"over last {window}")


def test_rolling_months_have_one_length_which_is_told() -> None:
    rolling = slo(timeWindow=[{"duration": "1M", "isRolling": True}])
    assert line(agreement(rolling), "metric checkout_level").endswith("over last 30d every 1h")
    assert told(rolling) == ["W1204", "W1204"]


def calendar(duration: str, start: str, zone: str = "Europe/Berlin") -> dict[str, Any]:
    stated = {"startTime": start, "timeZone": zone}
    return slo(timeWindow=[{"duration": duration, "isRolling": False, "calendar": stated}])


@pytest.mark.parametrize(
    ("duration", "start", "window", "remarks"),
    [
        ("1d", "2026-01-01 00:00:00", "each day", 0),
        ("1w", "2026-01-05 00:00:00", "each week", 0),
        ("7d", "2026-01-05 00:00:00", "each week", 0),
        ("1w", "2026-01-06 00:00:00", "each 7d", 1),
        ("1d", "2026-01-01 12:30:00", "each 1d", 1),
        ("12h", "2026-01-01 12:30:00", "each 12h", 0),
        ("1M", "2026-01-15 00:00:00", "each month starting 15th", 0),
        ("1M", "2026-01-01 12:00:00", "each month", 1),
        ("3M", "2026-04-01 00:00:00", "each quarter", 0),
        ("1Q", "2026-02-22 00:00:00", "each quarter starting February 22nd", 0),
        ("1Y", "2026-01-01 00:00:00", "each year", 0),
        ("12M", "2026-04-06 00:00:00", "each year starting April 6th", 0),
        ("2M", "2026-01-01 00:00:00", "each 60d", 1),
        ("1m", "2026-01-01 00:00:00", "each 1m", 1),
    ],
)
def test_calendar_windows(duration: str, start: str, window: str, remarks: int) -> None:
    one = calendar(duration, start)
    assert line(agreement(one), "metric checkout_level").endswith(f"/ increase(requests.total) {window}")
    assert told(one) == ["W1204"] * remarks


def test_exact_days_are_calendar_days_where_clocks_do_not_change() -> None:
    assert told(calendar("1d", "2026-01-01 12:30:00", "UTC")) == []
    assert "effective 2026-01-01T12:30 in" in agreement(calendar("1d", "2026-01-01 12:30:00", "UTC"))


def test_several_objectives_are_several_goals_over_one_source() -> None:
    made = agreement(slo({"displayName": "Good", "target": 0.99}, {"target": 0.9}))
    assert re.findall(r"^  goal (\w+)", made, re.MULTILINE) == ["checkout_Good", "checkout_2"]
    assert len(re.findall(r"^  source ", made, re.MULTILINE)) == 1


def test_a_composite_weighs_its_parts() -> None:
    parts = [
        {"displayName": "a", "target": 0.98, "compositeWeight": 1, "indicatorRef": "first"},
        {"displayName": "b", "target": 0.99, "compositeWeight": 3, "indicatorRef": "second"},
    ]
    slis = [thing("SLI", name, RATIO) for name in ("first", "second")]
    made = agreement(slo(*parts, indicator=None), *slis)
    assert line(made, "metric checkout_level") == (
        "metric checkout_level = (1 * checkout_a_level + 3 * checkout_b_level) / 4"
    )
    assert line(made, "goal checkout").endswith(">= 98.75%")
    assert "increase(second.good)" in line(made, "metric checkout_b_level")


def test_policies_become_rules_that_watch_the_budget() -> None:
    policy = thing("AlertPolicy", "fast", POLICY)
    for one in ("fast", {"alertPolicyRef": "fast"}, {k: policy[k] for k in ("kind", "metadata", "spec")}):
        made = agreement(slo(alertPolicies=[one]), policy)
        assert "oncall pagerduty env ONCALL" in made
        assert line(made, "when") == (
            "when burn(checkout) over last 1h > 14.4 for 5m "
            "{ notify team.oncall on recovery: notify team.oncall }"
        )


def test_a_data_source_with_an_address_is_asked() -> None:
    details = {"type": "Prometheus", "connectionDetails": [{"url": "http://metrics.example.com"}]}
    asked = {"thresholdMetric": query('a{b="c"}', metricSourceRef="prom")}
    one = {"op": "lt", "value": 5, "target": 0.9}
    made = agreement(slo(one, indicator=asked), thing("DataSource", "prom", details))
    source = line(made, "source requests")
    assert source.startswith('source requests = prometheus "http://metrics.example.com" every 1m {')
    assert '"a{b=\\"c\\"}"' in source


@pytest.mark.parametrize("text", ["a[{{.window}}]", "a[$window]", "a # b"])
def test_a_query_that_cannot_be_asked_as_it_is_is_kept(text: str) -> None:
    one = slo({"op": "lt", "value": 5, "target": 0.9}, indicator={"thresholdMetric": query(text)})
    assert line(agreement(one), "source requests") == "source requests = push every 1m"
    made, _ = imported(file(one))
    assert made is not None
    assert text in made


def test_v1alpha_and_v2alpha_say_the_same_in_their_own_words() -> None:
    metric = {"source": "Prometheus", "queryType": "promql"}
    old = thing(
        "SLO",
        "checkout",
        {
            "service": "shop",
            "timeWindows": [{"unit": "Month", "count": 1, "isRolling": False, "calendar": MONTH["calendar"]}],
            "budgetingMethod": "Occurrences",
            "objectives": [
                {
                    "target": 0.995,
                    "ratioMetrics": {
                        "incremental": True,
                        "good": {**metric, "query": "good()"},
                        "total": {**metric, "query": "all()"},
                    },
                }
            ],
        },
        "openslo/v1alpha",
    )
    metrics = {
        key: {"dataSourceSpec": {"type": "Prometheus"}, "spec": {"query": f"{word}()"}}
        for key, word in (("good", "good"), ("total", "all"))
    }
    new = slo(indicator=None)
    del new["spec"]["service"]
    new["apiVersion"] = "openslo.com/v2alpha"
    new["spec"] |= {
        "serviceRef": "shop",
        "sli": {"metadata": {"name": "requests"}, "spec": {"ratioMetric": {"counter": True, **metrics}}},
    }
    today = agreement(slo())
    assert agreement(new) == today
    assert re.sub(r"checkout_indicator", "requests", line(agreement(old), "metric checkout_level")) == line(
        today, "metric checkout_level"
    )


# --- what has no place, and what is not there


def test_what_has_no_place_is_kept_beside_what_it_is_about_and_told() -> None:
    one = slo({"displayName": "Good", "target": 0.9})
    one["metadata"]["labels"] = {"team": ["a  b", "c"]}
    made, found = imported(file(one))
    assert made is not None
    (kept,) = re.findall(r"# kept from openslo: (.*)\n  goal checkout", made)
    assert json.loads(kept) == {
        "kind": "SLO",
        "metadata": {"labels": {"team": ["a  b", "c"]}},
        "objectives": [{"displayName": "Good"}],
    }
    assert [one.code for one in found] == ["W1010"]


def test_secrets_are_not_kept() -> None:
    details = {"type": "Redshift", "connectionDetails": {"user": "u", "secretAccessKey": "hush"}}
    made, found = imported(file(thing("DataSource", "db", details)))
    assert made is not None
    assert "hush" not in made
    assert '"user": "u"' in made
    assert "without what looks like a secret" in found[0].message


def test_names_that_nothing_has_are_told_with_the_nearest() -> None:
    one = slo(indicator=None, indicatorRef="request", alertPolicies=["fast"])
    _, found = imported(file(one, thing("SLI", "requests", RATIO)))
    assert [(one.code, one.notes) for one in found if one.code == "W1205"] == [
        ("W1205", ("did you mean `requests`?",)),
        ("W1205", ()),
    ]


@pytest.mark.parametrize("known", ["Service", "SLI", "DataSource", "AlertNotificationTarget"])
def test_a_file_without_objectives_is_an_agreement_without_goals(known: str) -> None:
    specs: dict[str, dict[str, Any]] = {
        "SLI": RATIO,
        "DataSource": {"type": "X"},
        "AlertNotificationTarget": {"target": "slack"},
    }
    assert agreement(thing(known, "a", specs.get(known, {}))).startswith('agreement "a" version 1 {')


# --- what is wrong


@pytest.mark.parametrize(
    ("old", "new", "code", "place"),
    [
        ("openslo/v1", "openslo/v3", "E1201", (1, 13)),
        ("kind: Service", "kind: Servcie", "E1201", (2, 7)),
        ("name: shop", "name: my shop", "E1203", (4, 9)),
        ("  name: shop", "  nam: shop", "E1202", (4, 3)),
        ("description: fine", "markdown: x", "E1202", (6, 3)),
        ("description: fine", "description: [x]", "E1203", (6, 16)),
        ("description: fine", f"description: {'x' * (LONGEST_DESCRIPTION + 1)}", "E1203", (6, 16)),
    ],
)
def test_a_wrong_object_gets_a_message_with_its_place(
    old: str, new: str, code: str, place: tuple[int, int]
) -> None:
    sound = SERVICE.format("fine")
    assert errors(sound) == []
    found = errors(sound.replace(old, new))
    assert (code, place) in found


def test_a_description_may_be_as_long_as_it_may() -> None:
    assert errors(SERVICE.format("x" * LONGEST_DESCRIPTION)) == []


@pytest.mark.parametrize(
    ("target", "wrong"), [(0, True), (1e-6, False), (1, False), (1.0001, True), (-0.1, True)]
)
def test_a_target_is_a_share(target: float, wrong: bool) -> None:
    assert bool(errors(file(slo({"target": target})))) == wrong


@pytest.mark.parametrize(
    "one",
    [
        slo(indicator=None),
        slo(indicatorRef="x"),
        slo({"target": 0.9, "targetPercent": 90}),
        slo({"target": 0.9}, indicator=THRESHOLD),
        slo({"target": 0.9, "timeSliceWindow": "1m"}, budgetingMethod="Timeslices"),
        slo({"target": 0.9, "timeSliceTarget": 0.9}, budgetingMethod="RatioTimeslices"),
        slo(timeWindow=[]),
        slo(timeWindow=[MONTH, MONTH]),
        slo(timeWindow=[{"duration": "0d", "isRolling": True}]),
        calendar("1d", "2026-13-01 00:00:00"),
        calendar("1d", "2026-01-01 00:00:00", "Europe/Berln"),
        slo(alertPolicies=[{"alertPolicyRef": "x", "spec": POLICY}]),
    ],
)
def test_an_objective_that_says_too_little_or_too_much_is_refused(one: dict[str, Any]) -> None:
    found = errors(file(one))
    assert found
    assert all(code in ("E1202", "E1203") for code, _ in found)


def test_the_sound_objects_of_a_file_are_imported_beside_a_wrong_one() -> None:
    made, found = imported(file(slo(), thing("Service", "a b", {})))
    assert has_errors(found)
    assert made is not None
    assert "goal checkout" in made


# --- files that are not to be trusted


def codes(text: str) -> list[str]:
    return [one.code for one in imported(f"apiVersion: openslo/v1\n{text}")[1]]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: !!python/object/apply:os.system [ls]", "E1005"),
        ("a: !mine x", "E1005"),
        ("a: *b", "E1003"),
        ("a: &b [*b]", "E1003"),
        ("a: 'b", "E1003"),
        ("a: b\na: c", "E1003"),
        ("? [a]\n: b", "E1003"),
        ("a: \x01", "E1003"),
        ("\ta: b", "E1003"),
        ("%YAML 3.0", "E1003"),
        ("a: " + "[" * DEEPEST + "]" * DEEPEST, "E1004"),
        ("a: [" + "1," * MOST_PARTS + "]", "E1004"),
    ],
)
def test_what_is_no_sound_file_is_refused(text: str, code: str) -> None:
    assert codes(text) == [code]


def test_aliases_are_followed_and_count_as_often_as_they_repeat() -> None:
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for number in range(1, 9):
        laughs += f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]\n"
    assert codes(laughs) == ["E1004"]
    deep = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, DEEPEST + 1))
    assert codes(deep) == ["E1004"]
    shared = SERVICE.format("&text fine").replace("name: shop", "name: shop\n  displayName: Shop")
    assert imported(f"{shared}---\n{SERVICE.format('x')}".replace("shop", "a", 1))[0] is not None


def test_merged_keys_are_read() -> None:
    text = "- &one\n  apiVersion: openslo/v1\n  kind: Service\n  metadata: {name: a}\n  spec: {}\n"
    made, found = imported(f"{text}- <<: *one\n  metadata: {{name: b}}\n")
    assert found == ()
    assert made is not None
    assert "service b" in made


def test_a_file_is_recognised_by_its_interface_and_an_empty_one_is_not() -> None:
    known = FORMATS["openslo"]
    for text, sure in (
        (SERVICE, True),
        (f"# a comment\n---\n- {SERVICE}", True),
        ('{\n "apiVersion": "openslo/v1"}', True),
        ("<SLA>\napiVersion: x\n</SLA>", False),
        ("", False),
    ):
        found = recognise(SourceText(name="a.yaml", text=text), FORMATS.values())
        assert (found is known) == sure, text


def test_a_named_file_of_nothing_says_so() -> None:
    _, found = import_text(SourceText(name="a.yaml", text="---\n"), FORMATS["openslo"])
    assert [one.code for one in found.diagnostics] == ["E1202"]
