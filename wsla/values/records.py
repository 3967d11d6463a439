"""Records: classes declared as with attrs (`frozen`, `define`, `field`, `evolve`), ready at a fraction of its cost.

attrs writes and compiles the methods of a class while its module is imported, 0.9 ms each; a start of the command
declares some 250. Here a class costs 0.05 ms and its constructor is compiled once it has been used often. Who reads the
code and who checks its types sees attrs; `attrs.fields`, `attrs.evolve` and `attrs.has` take these classes too.
Validators and what else `field` below does not take remain with attrs itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsla.values.record_classes import field_names

if TYPE_CHECKING:
    from attrs import define, evolve, field, frozen
else:
    from wsla.values.record_classes import define, evolve, field, frozen

__all__ = ["define", "evolve", "field", "field_names", "frozen"]
