"""An agreement that OpenSLO can say comes back from it as it was."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.interop.openslo_documents import file, query, thing
from wsla.analysis.check import check_text
from wsla.diagnostics.diagnostic import has_errors
from wsla.diagnostics.source import SourceText
from wsla.interop.formats import FORMATS, exporter, import_text

SHARES = st.decimals("0.5", "1", places=4).map(float)
LENGTHS = st.sampled_from(["1m", "5m", "90m", "2h"])
WINDOWS = st.one_of(
    st.sampled_from(["45m", "6h", "7d", "28d"]).map(lambda one: {"duration": one, "isRolling": True}),
    st.tuples(
        st.sampled_from(["1d", "1w", "1M", "1Q", "1Y", "12h", "3d", "2w"]),
        st.sampled_from(["2026-01-01 00:00:00", "2026-01-05 00:00:00", "2026-04-06 00:00:00"]),
    ).map(
        lambda one: {
            "duration": one[0],
            "isRolling": False,
            "calendar": {"startTime": one[1], "timeZone": "UTC"},
        }
    ),
)
KINDS = st.sampled_from(["Prometheus", "Datadog"])


@st.composite
def indicators(draw: st.DrawFn) -> tuple[dict[str, Any], bool]:
    """(an indicator, whether values are compared with a bound)."""
    kind = draw(KINDS)
    shape = draw(st.sampled_from(["good", "bad", "raw", "threshold"]))
    if shape == "threshold":
        return {"thresholdMetric": query("value()", kind)}, True
    if shape == "raw":
        word = draw(st.sampled_from(["success", "failure"]))
        return {"ratioMetric": {"rawType": word, "raw": query("raw()", kind), "counter": False}}, False
    counts = {shape: query("part()", kind), "total": query("all()", kind)}
    return {"ratioMetric": {"counter": draw(st.booleans()), **counts}}, False


@st.composite
def objectives(draw: st.DrawFn, method: str, *, threshold: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"target": draw(SHARES)}
    if threshold:
        made |= {
            "op": draw(st.sampled_from(["lt", "lte", "gt", "gte"])),
            "value": draw(st.integers(-9, 900)) / 4,
        }
    if method == "Timeslices":
        made["timeSliceTarget"] = draw(SHARES)
    if method != "Occurrences":
        made["timeSliceWindow"] = draw(LENGTHS)
    return made


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    condition: dict[str, Any] = {
        "kind": "burnrate",
        "op": draw(st.sampled_from(["gt", "gte"])),
        "threshold": draw(st.sampled_from([1, 2, 14.4])),
        "lookbackWindow": draw(st.sampled_from(["5m", "1h", "3d"])),
    }
    if draw(st.booleans()):
        condition["alertAfter"] = draw(st.sampled_from(["1m", "1h"]))
    spec: dict[str, Any] = {"severity": draw(st.sampled_from(["page", "ticket"])), "condition": condition}
    if draw(st.booleans()):
        spec["description"] = "too fast"
    told = draw(st.lists(st.sampled_from(["email", "slack", "log"]), min_size=1, max_size=2, unique=True))
    return {
        "kind": "AlertPolicy",
        "metadata": {"name": draw(st.sampled_from(["first", "second"]))},
        "spec": {
            "alertWhenBreaching": True,
            "alertWhenResolved": draw(st.booleans()),
            "conditions": [{"kind": "AlertCondition", "metadata": {"name": "fast"}, "spec": spec}],
            "notificationTargets": [
                {
                    "kind": "AlertNotificationTarget",
                    "metadata": {"name": f"to-{one}"},
                    "spec": {"target": one},
                }
                for one in told
            ],
        },
    }


@st.composite
def slos(draw: st.DrawFn, name: str) -> list[dict[str, Any]]:
    """An SLO and what it refers to; a composite every now and then."""
    method = draw(st.sampled_from(["Occurrences", "Timeslices", "RatioTimeslices"]))
    spec: dict[str, Any] = {
        "service": draw(st.sampled_from(["shop", "search-api"])),
        "timeWindow": [draw(WINDOWS)],
        "budgetingMethod": method,
    }
    if draw(st.booleans()):
        spec["description"] = "as  promised: ü"
    further: list[dict[str, Any]] = []
    if draw(st.integers(0, 3)) == 0:
        parts = []
        for number in range(2):
            indicator, threshold = draw(indicators())
            one = draw(objectives(method, threshold=threshold))
            own = {"metadata": {"name": f"{name}-part-{number}"}, "spec": indicator}
            weight = draw(st.integers(1, 5))
            parts.append({"displayName": f"p{number}", **one, "indicator": own, "compositeWeight": weight})
        spec["objectives"] = parts
    else:
        indicator, threshold = draw(indicators())
        count = draw(st.integers(1, 2))
        spec["objectives"] = [draw(objectives(method, threshold=threshold)) for _ in range(count)]
        if draw(st.booleans()):
            spec["indicatorRef"] = f"{name}-sli"
            further.append(thing("SLI", f"{name}-sli", indicator))
        else:
            spec["indicator"] = {"metadata": {"name": f"{name}-sli"}, "spec": indicator}
    if draw(st.booleans()):
        spec["alertPolicies"] = [draw(policies())]
    return [thing("SLO", name, spec), *further]


@st.composite
def files(draw: st.DrawFn) -> str:
    made = [one for name in ("first-slo", "second") for one in draw(slos(name))]
    if draw(st.booleans()):
        made.append(thing("Service", "shop", {"description": "where things are sold"}))
        made[-1]["metadata"]["displayName"] = "Web shop"
    return file(*made)


def without_comments(text: str) -> str:
    """The words of a text; how it is laid out depends on its comments."""
    return " ".join(
        word for line in text.splitlines() if not line.strip().startswith("#") for word in line.split()
    )


def imported(text: str) -> SourceText:
    _, found = import_text(SourceText(name="a.yaml", text=text), FORMATS["openslo"])
    assert not has_errors(found.diagnostics), found.diagnostics
    assert found.text is not None
    return SourceText(name="a.sla", text=found.text)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files())
def test_what_openslo_can_say_comes_back_as_it_was(text: str) -> None:
    made = imported(text)
    (checked,), found = check_text(made)
    assert not has_errors(found)
    exported = exporter(FORMATS["openslo"]).export_agreement(checked, made)
    assert exported.diagnostics == ()
    (one,) = exported.files
    again = imported(one.text)
    assert without_comments(again.text) == without_comments(made.text)
    # What was kept stays kept: from the second time on the comments too are as they were.
    (checked,), _ = check_text(again)
    (twice,) = exporter(FORMATS["openslo"]).export_agreement(checked, again).files
    assert imported(twice.text).text == again.text
