"""Small OpenSLO files for tests: an SLO by its parts, and the other objects around it."""

from __future__ import annotations

import json
from typing import Any


def query(text: str, kind: str = "Prometheus", **more: Any) -> dict[str, Any]:
    return {"metricSource": {"type": kind, **more, "spec": {"query": text}}}


RATIO = {"ratioMetric": {"counter": True, "good": query("good()"), "total": query("all()")}}
THRESHOLD = {"thresholdMetric": query("latency()")}
MONTH = {
    "duration": "1M",
    "isRolling": False,
    "calendar": {"startTime": "2026-01-01 00:00:00", "timeZone": "Europe/Berlin"},
}
POLICY = {
    "alertWhenBreaching": True,
    "alertWhenResolved": True,
    "conditions": [
        {
            "kind": "AlertCondition",
            "metadata": {"name": "fast"},
            "spec": {
                "severity": "page",
                "condition": {
                    "kind": "burnrate",
                    "op": "gt",
                    "threshold": 14.4,
                    "lookbackWindow": "1h",
                    "alertAfter": "5m",
                },
            },
        }
    ],
    "notificationTargets": [
        {"kind": "AlertNotificationTarget", "metadata": {"name": "oncall"}, "spec": {"target": "pagerduty"}}
    ],
}


def thing(kind: str, name: str, spec: dict[str, Any], version: str = "openslo/v1") -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def slo(*objectives: dict[str, Any], indicator: dict[str, Any] | None = RATIO, **spec: Any) -> dict[str, Any]:
    """An SLO called `checkout`; further fields of its spec replace those it has."""
    whole = {} if indicator is None else {"indicator": {"metadata": {"name": "requests"}, "spec": indicator}}
    return thing(
        "SLO",
        "checkout",
        {
            "service": "shop",
            "timeWindow": [MONTH],
            "budgetingMethod": "Occurrences",
            "objectives": list(objectives or [{"target": 0.995}]),
            **whole,
            **spec,
        },
    )


def file(*things: dict[str, Any]) -> str:
    """A file with a document for each object."""
    return "\n---\n".join(json.dumps(one, indent=1) for one in things)
