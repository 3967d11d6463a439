"""Agreements that run: load, check and judge service level agreements written as `.sla` files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsla.api import (
        Agreement,
        AgreementError,
        Report,
        check,
        correct,
        evaluate,
        load,
        loads,
    )
    from wsla.diagnostics.diagnostic import Diagnostic
    from wsla.evaluation.encoding import DataError, EncodingError
    from wsla.evaluation.stream import JudgementFinal, StandingChanged, TooLate, TriggerChanged
    from wsla.evaluation.verdicts import Judgement, Verdict
    from wsla.monitor import Monitor
    from wsla.remedies.corrections import Corrected, Correction
    from wsla.remedies.decisions import Intent, LedgerEntry
    from wsla.values.observations import Observation

_HOMES = {
    "Agreement": "wsla.api",
    "AgreementError": "wsla.api",
    "Monitor": "wsla.monitor",
    "Report": "wsla.api",
    "check": "wsla.api",
    "correct": "wsla.api",
    "evaluate": "wsla.api",
    "load": "wsla.api",
    "loads": "wsla.api",
    "DataError": "wsla.evaluation.encoding",
    "Diagnostic": "wsla.diagnostics.diagnostic",
    "EncodingError": "wsla.evaluation.encoding",
    "JudgementFinal": "wsla.evaluation.stream",
    "StandingChanged": "wsla.evaluation.stream",
    "TooLate": "wsla.evaluation.stream",
    "TriggerChanged": "wsla.evaluation.stream",
    "Judgement": "wsla.evaluation.verdicts",
    "Verdict": "wsla.evaluation.verdicts",
    "Corrected": "wsla.remedies.corrections",
    "Correction": "wsla.remedies.corrections",
    "Intent": "wsla.remedies.decisions",
    "LedgerEntry": "wsla.remedies.decisions",
    "Observation": "wsla.values.observations",
}

__all__ = [
    "Agreement",
    "AgreementError",
    "Corrected",
    "Correction",
    "DataError",
    "Diagnostic",
    "EncodingError",
    "Intent",
    "Judgement",
    "JudgementFinal",
    "LedgerEntry",
    "Monitor",
    "Observation",
    "Report",
    "StandingChanged",
    "TooLate",
    "TriggerChanged",
    "Verdict",
    "check",
    "correct",
    "evaluate",
    "load",
    "loads",
]


def __getattr__(name: str) -> Any:
    """Loads a name when it is first used, so that the command line starts fast."""
    if name not in _HOMES:
        raise AttributeError(f"module 'wsla' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
