"""Objects as YAML documents, numbers exactly as they are."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from wsla.interop.openslo.schema import plain

_INTEGER: Final = "tag:yaml.org,2002:int"
_NUMBER: Final = "tag:yaml.org,2002:float"


def documents_text(things: Iterable[dict[str, Any]]) -> str:
    """The documents of some objects, one behind the other. Raises ImportError where PyYAML is missing."""
    import yaml

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]
        """One that writes decimals, and no anchors."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def decimal(dumper: Any, value: Decimal) -> Any:
        text = plain(value)
        return dumper.represent_scalar(_NUMBER if "." in text else _INTEGER, text)

    Dumper.add_representer(Decimal, decimal)
    made: str = yaml.dump_all(
        list(things), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=False
    )
    return made
