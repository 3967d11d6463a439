"""Prometheus: goals and rules as recording and alerting rules, with unit tests for ``promtool``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsla.analysis.checked import CheckedAgreement
    from wsla.diagnostics.source import SourceText
    from wsla.interop.formats import Exported


def export_agreement(agreement: CheckedAgreement, source: SourceText) -> Exported:
    """A file of rules, a file of their unit tests, and what Prometheus cannot say of an agreement."""
    from wsla.interop.prometheus.exporting import export_rules

    return export_rules(agreement, source)
