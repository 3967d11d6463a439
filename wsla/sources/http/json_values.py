"""Values out of a JSON body, as the fields that an agreement gives them: each of its type, in its unit, or unknown."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Final

from attrs import evolve, frozen

from wsla.analysis.checked import Field
from wsla.evaluation.encoding import EncodingError, encode
from wsla.sources.targets import Deployed
from wsla.values.observations import Raw
from wsla.values.paths import Missing, PathError, Step, parse_path, value_at

OPTION: Final = "json"
"""Before the name of a field in the options of a source: where in the body it stands."""

_LONGEST_NUMBER: Final = 40


@frozen(kw_only=True)
class JsonValue:
    """A field and where in the body it stands."""

    field: Field
    path: tuple[Step, ...]


def wanted_values(deployed: Deployed) -> tuple[JsonValue, ...]:
    """What a source takes out of the body. Raises SourceError for a path that cannot be one."""
    fields = {one.name: one for one in deployed.declared.fields}
    found = []
    for option, text in deployed.options.items():
        word, _, name = option.partition(" ")
        if word != OPTION or name not in fields:
            continue
        try:
            path = parse_path(str(text))
        except PathError as error:
            raise deployed.wrong(str(error)) from None
        # Services write more digits than a millionth; the nearest one is taken.
        found.append(JsonValue(field=evolve(fields[name], rounded=True), path=path))
    return tuple(found)


def read_values(body: str, wanted: tuple[JsonValue, ...]) -> dict[str, Raw]:
    """The wanted values of a body. None for what is not there, or of another kind; never raises for a body."""
    try:
        document = json.loads(
            body.removeprefix("\ufeff"), parse_float=_number, parse_int=_whole, parse_constant=_no_number
        )
    except (ValueError, RecursionError):
        return {one.field.name: None for one in wanted}
    return {one.field.name: _raw(value_at(document, one.path), one.field) for one in wanted}


def _raw(value: object, field: Field) -> Raw:
    if value is None or value is Missing or isinstance(value, dict | list):
        return None
    try:
        return encode(field, value)
    except EncodingError:
        return None


def _whole(text: str) -> int | None:
    """A whole number; unknown where nobody can have meant it."""
    return int(text) if len(text) <= _LONGEST_NUMBER else None


def _number(text: str) -> Decimal | None:
    """A number, exactly; unknown where nobody can have meant it."""
    if len(text) > _LONGEST_NUMBER:
        return None
    number = Decimal(text)
    exponent = number.as_tuple().exponent
    return number if isinstance(exponent, int) and abs(exponent) <= _LONGEST_NUMBER else None


def _no_number(text: str) -> None:
    """NaN and the infinities, which JSON does not have."""
