"""The growing list of operations, where equal operations are kept once, and types that are still being found out."""

from __future__ import annotations

import attrs
from attrs import define, field, frozen

from wsla.analysis.operations import Node, Operation, Window
from wsla.analysis.types import BooleanType, InstantType, NumberType, Shape, TextType, ValueType
from wsla.values.records import Record


@define(eq=False, repr=False)
class OpenType:
    """The type of a field that nothing has told yet. ``numeric`` is True where it must be a number."""

    name: str
    found: ValueType | None = None
    linked: OpenType | None = None
    numeric: bool = False

    def root(self) -> OpenType:
        """The open type that speaks for this one."""
        return self if self.linked is None else self.linked.root()


AnyType = NumberType | BooleanType | TextType | InstantType | OpenType


def resolve(kind: AnyType) -> AnyType:
    """The type as far as it is known."""
    if isinstance(kind, OpenType):
        root = kind.root()
        return root.found if root.found is not None else root
    return kind


def settled(kind: AnyType) -> ValueType:
    """The type in the end: what nothing has told is a plain number where numbers are needed, else a text."""
    known = resolve(kind)
    if isinstance(known, OpenType):
        return NumberType() if known.numeric else TextType()
    return known


@frozen(kw_only=True, eq=False, repr=False)
class Typed(Record):
    """An operation with all that is known of it while checking.

    ``window`` is that of a series; ``by`` the labels that tell its parts from each other; ``sources`` those it
    rests on. ``applicable`` is a condition of the same shape, false where the formula is *not applicable*; None where
    it always applies.
    """

    operation: int
    shape: Shape
    type: AnyType
    window: Window | None = None
    by: tuple[str, ...] = ()
    sources: frozenset[str] = frozenset()
    applicable: int | None = None


@define(eq=False, repr=False)
class Arena:
    """Operations in order; each after its inputs."""

    operations: list[Operation] = field(factory=list)
    _positions: dict[Operation, int] = field(factory=dict)

    def add(self, operation: Operation) -> int:
        """The position of an operation, which is added where no equal one is there."""
        position = self._positions.get(operation)
        if position is None:
            position = len(self.operations)
            self.operations.append(operation)
            self._positions[operation] = position
        return position

    def settle(self) -> tuple[Operation, ...]:
        """All operations, with types that are known for good."""
        return tuple(_settle(operation) for operation in self.operations)


def _settle(operation: Operation) -> Operation:
    node: Node = operation
    if isinstance(node.type, OpenType):
        return attrs.evolve(operation, type=settled(node.type))
    return operation
