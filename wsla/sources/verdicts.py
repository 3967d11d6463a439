"""The verdicts source: what another agreement came to, window by window."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from attrs import frozen

from wsla.analysis.checked import Field
from wsla.analysis.operations import Value
from wsla.analysis.types import BooleanType, InstantType, NumberType, TextType
from wsla.evaluation.encoding import DataError
from wsla.evaluation.verdicts import Judgement, Verdict
from wsla.sources.targets import Deployed, RowsTarget
from wsla.values.observations import Observation, Raw

KIND: Final = "verdicts"
COLUMNS: Final = ("met", "verdict", "value", "lower", "upper", "coverage", "start", "end")
"""What there is of every window, besides the labels of the goal."""
_MET: Final[Mapping[Verdict, bool]] = {Verdict.MET: True, Verdict.VIOLATED: False}
_LARGEST: Final = 2**63 - 1


@frozen(kw_only=True)
class VerdictsTarget(RowsTarget):
    """A goal of another agreement, by the agreement's title and its own name."""

    agreement: str
    goal: str

    @property
    def shown(self) -> str:
        """The goal and its agreement."""
        return f"{self.goal} of “{self.agreement}”"


def from_options(deployed: Deployed) -> VerdictsTarget:
    """The target of a verdicts source. Raises SourceError where an option cannot be used."""
    agreement, goal = deployed.text("agreement") or "", deployed.text("goal") or ""
    if not agreement or not goal:
        raise deployed.wrong("it names an agreement by its title, and a goal of that")
    source = deployed.declared
    for x in source.fields:
        if x.name in source.labels or x.name == source.at:
            continue
        if x.column not in COLUMNS:
            raise deployed.wrong(f"a verdict has no {x.column}; it has {', '.join(COLUMNS)}")
        if not _fits(x):
            raise deployed.wrong(f"{x.column} of a verdict is something else than {x.name} is used for")
    return VerdictsTarget(declared=source, agreement=agreement, goal=goal, timeout=deployed.timeout)


def _fits(x: Field) -> bool:
    match x.column:
        case "met":
            return isinstance(x.type, BooleanType)
        case "verdict":
            return isinstance(x.type, TextType)
        case "start" | "end":
            return isinstance(x.type, InstantType)
    return isinstance(x.type, NumberType)


def observed(target: VerdictsTarget, judged: Judgement) -> Observation:
    """A final judgement as an observation. A sample says from the window's beginning what the window came to; a record
    counts at the last instant of the window. Raises DataError for one that is no such."""
    source = target.declared
    at = judged.window.end - 1 if source.records else judged.window.start
    labels = dict(judged.labels)
    fields: dict[str, Raw] = {}
    for x in source.fields:
        if x.name == source.at:
            if source.records:
                fields[x.name] = at
        elif x.name in source.labels:
            if x.column not in labels:
                raise DataError(f"{target.shown} has no label {x.column}")
            fields[x.name] = labels[x.column]
        else:
            fields[x.name] = _raw(x, judged)
    return Observation(source=source.name, at=at, fields=fields)


def _raw(x: Field, judged: Judgement) -> Raw:
    match x.column:
        case "met":
            return _MET.get(judged.verdict)
        case "verdict":
            return judged.verdict.value
        case "start":
            return judged.window.start
        case "end":
            return judged.window.end
        case "coverage":
            found: Value = judged.coverage
        case "value":
            found = judged.value
        case "lower":
            found = judged.lower
        case _:
            found = judged.upper
    if found is None or isinstance(found, str):
        return None
    steps = round(Fraction(found) / x.resolution)
    return steps if -_LARGEST <= steps <= _LARGEST else None
