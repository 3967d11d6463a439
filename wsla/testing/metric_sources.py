"""Sources of metrics as files and servers give them: an instant, a value, and the labels of a series."""

from __future__ import annotations

from typing import Final

from wsla.analysis.checked import Field, Source
from wsla.analysis.types import BooleanType, InstantType, TextType


def metric_source(value: Field, *labels: str, at: str = "") -> Source:
    """A source ``probe`` with one value; ``at`` is the column of its instants, where they have one."""
    return Source(
        name="probe",
        records=False,
        kind="push",
        options={},
        labels=labels,
        fields=(
            Field(name="at", column=at, type=InstantType()),
            *(Field(name=label, column=label, type=TextType()) for label in labels),
            value,
        ),
    )


UP: Final = metric_source(Field(name="up", column="value", type=BooleanType()), "region")
"""Whether something is up, by region."""
