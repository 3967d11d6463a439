"""No frozen class loses its equality by leaving out what attrs would write for it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import attrs

import wsla.analysis
import wsla.diagnostics
import wsla.syntax
import wsla.values
from wsla.values.records import Record

ROOMS = (wsla.values, wsla.diagnostics, wsla.syntax, wsla.analysis)


def frozen_classes() -> Iterator[type]:
    for room in ROOMS:
        for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            module = importlib.import_module(found.name)
            for name, kind in vars(module).items():
                if isinstance(kind, type) and attrs.has(kind) and kind.__module__ == module.__name__:
                    assert name == kind.__name__
                    if kind.__setattr__.__name__ == "_frozen_setattrs":
                        yield kind


def test_frozen_classes_are_equal_by_their_fields() -> None:
    classes = list(frozen_classes())
    assert sum(issubclass(kind, Record) for kind in classes) > 150
    bare = [kind.__qualname__ for kind in classes if kind.__eq__ is object.__eq__]
    assert bare == []
