"""How a condition differs from an older one, part by part, and whether that makes it harder to keep."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from attrs import define, frozen

from wsla.analysis.operations import (
    Aggregate,
    Arithmetic,
    Compare,
    Elapsed,
    Idle,
    Latest,
    Logical,
    Negation,
    OutageWindow,
    Previous,
    Sustained,
    TimeFilter,
    Value,
)
from wsla.analysis.types import NumberType, Shape
from wsla.comparing.canon import FLIPPED
from wsla.comparing.changes import Version
from wsla.evaluation.scalars import scalar_value
from wsla.explaining.words import length_words, shortened, value_words, window_kind_words
from wsla.values.quantities import TIME, format_percentage

STRICTER: Final = 1
LOOSER: Final = -1
UNCLEAR: Final = 0

_GROWING: Final = frozenset(
    (
        *("availability", "duration", "longest", "time_mean", "share"),
        *("sum", "mean", "median", "min", "max", "percentile", "last", "first"),
    )
)
"""Functions that greater values, and conditions that are true more often, cannot make less."""


@frozen
class Difference:
    """What differs, in words, and whether it makes a promise stricter (1), looser (-1), or neither for sure (0)."""

    text: str
    strictness: int


@frozen(kw_only=True)
class Side:
    """A version with the numbers of its operations (see ``Numbering``)."""

    version: Version
    numbers: tuple[int, ...]

    def called(self, index: int) -> str:
        """What the agreement calls a formula: its name, else as written, else its value."""
        for name, position in self.version.plan.metrics.items():
            if position == index:
                return name
        node = self.version.plan.operations[index]
        quoted = self.version.written.quote(node.span)
        if quoted:
            return shortened(quoted)
        return self.fixed_words(index) if node.shape is Shape.SCALAR else type(node).__name__.lower()

    def quoted(self, index: int) -> str:
        """A formula as written, without its name."""
        return shortened(self.version.written.quote(self.version.plan.operations[index].span))

    def fixed(self, index: int) -> Value:
        """The value of a scalar."""
        return scalar_value(self.version.plan.operations, index)

    def fixed_words(self, index: int) -> str:
        """The value of a scalar, in words."""
        return value_words(self.fixed(index), self.version.plan.operations[index].type)


@define
class Comparison:
    """Compares formulas of two versions."""

    old: Side
    new: Side

    def differences(self, before: int, after: int, sign: int = 1) -> list[Difference]:
        """What differs between two formulas; ``sign`` is 1 where a greater (or truer) value helps the promise, -1 where
        it hurts, 0 where neither is sure. Nothing where they mean the same.
        """
        if self.old.numbers[before] == self.new.numbers[after]:
            return []
        old, new = self.old.version.plan.operations[before], self.new.version.plan.operations[after]
        if old.shape is Shape.SCALAR and new.shape is Shape.SCALAR:
            return [self._fixed(before, after, sign)]
        match old, new:
            case (Logical(operator="and" | "or" as joint), _) | (_, Logical(operator="and" | "or" as joint)):
                return self._joined(joint, before, after, sign)
            case Logical(operator="implies"), Logical(operator="implies"):
                return [
                    *self.differences(old.left, new.left, -sign),
                    *self.differences(old.right, new.right, sign),
                ]
            case Negation(), Negation():
                return self.differences(old.operand, new.operand, -sign)
            case Latest(), Latest():
                return self.differences(old.operand, new.operand, sign)
            case Previous(), Previous():
                return self.differences(old.operand, new.operand, sign)
            case Sustained(), Sustained():
                found = self.differences(old.condition, new.condition, sign)
                if old.length != new.length:
                    # What must last longer is true less often.
                    found.append(self._became(before, after, sign if new.length > old.length else -sign))
                return found
            case Idle(), Idle():
                return [
                    *self.differences(old.operand, new.operand, sign),
                    *self.differences(old.value, new.value, sign),
                ]
            case Compare(), Compare():
                return self._compared(before, after, old, new, sign)
            case Arithmetic(), Arithmetic() if old.operator == new.operator and old.operator in "+-":
                right = sign if old.operator == "+" else -sign
                return [
                    *self.differences(old.left, new.left, sign),
                    *self.differences(old.right, new.right, right),
                ]
            case Arithmetic(), Arithmetic() if old.operator == new.operator:
                return self._product(before, after, old, new, sign)
            case Aggregate(), Aggregate() if old.function == new.function:
                return self._aggregated(before, after, old, new, sign)
            case Elapsed(), Elapsed() if (old.source, old.filter) != (new.source, new.filter):
                return self._filters(old.filter, new.filter) or [self._became(before, after, UNCLEAR)]
            case _:
                return [self._became(before, after, UNCLEAR)]

    # --- parts

    def _became(self, before: int, after: int, strictness: int) -> Difference:
        old, new = self.old.called(before), self.new.called(after)
        if old == new:
            # One name, or one text: then what the name stands for may tell the two apart.
            old, new = self.old.quoted(before), self.new.quoted(after)
        if old == new:
            return Difference(f"`{self.new.called(after)}` means something else now", strictness)
        return Difference(f"`{old}` became `{new}`", strictness)

    def _same_text(self, before: int, after: int) -> bool:
        return self.old.called(before) == self.new.called(after)

    def _fixed(self, before: int, after: int, sign: int) -> Difference:
        old, new = self.old.fixed(before), self.new.fixed(after)
        strictness = UNCLEAR
        if isinstance(old, int | Fraction) and isinstance(new, int | Fraction):
            strictness = -sign if new > old else sign
        return Difference(f"{self.old.fixed_words(before)} became {self.new.fixed_words(after)}", strictness)

    def _compared(self, before: int, after: int, old: Compare, new: Compare, sign: int) -> list[Difference]:
        old_left, old_operator, old_right = _fixed_last(self.old, old)
        new_left, new_operator, new_right = _fixed_last(self.new, new)
        side = {">": 1, "<": -1}.get(old_operator[0], 0)
        if side != {">": 1, "<": -1}.get(new_operator[0], 0) or (side == 0 and old_operator != new_operator):
            return [self._became(before, after, UNCLEAR)]
        left = self.differences(old_left, new_left, sign * side)
        right = self.differences(old_right, new_right, -sign * side)
        if old_operator != new_operator:
            # Only one of the two holds where both sides are equal.
            narrower = len(new_operator) < len(old_operator)
            right.append(self._became(before, after, sign if narrower else -sign))
        if right:
            # `uptime >= 99%` became `uptime >= 99.5%` says more than the two numbers.
            kinds = {one.strictness for one in right}
            told = self._became(before, after, kinds.pop() if len(kinds) == 1 else UNCLEAR)
            right = right if self._same_text(before, after) else [told]
        return [*left, *right]

    def _product(
        self, before: int, after: int, old: Arithmetic, new: Arithmetic, sign: int
    ) -> list[Difference]:
        """Products, quotients and blocks, where one operand stayed and is not below zero."""
        same_left = self.old.numbers[old.left] == self.new.numbers[new.left]
        same_right = self.old.numbers[old.right] == self.new.numbers[new.right]
        if same_right and self._is_positive(new.right):
            return self.differences(old.left, new.left, sign)
        if same_left and self._is_positive(new.left):
            return self.differences(old.right, new.right, sign if new.operator == "*" else -sign)
        return [self._became(before, after, UNCLEAR)]

    def _is_positive(self, index: int) -> bool:
        """True for what cannot be below zero: such a fixed number, and blocks of time."""
        node = self.new.version.plan.operations[index]
        if node.shape is Shape.SCALAR:
            value = self.new.fixed(index)
            return isinstance(value, int | Fraction) and value > 0
        if isinstance(node, Arithmetic) and node.operator in ("started", "completed"):
            return self._is_positive(node.left)
        kind = node.type
        return isinstance(kind, NumberType) and isinstance(node, Aggregate) and kind.dimension == TIME

    def _joined(self, joint: str, before: int, after: int, sign: int) -> list[Difference]:
        """Conditions that are joined are compared one by one; what is only in one of the two was added or removed."""
        old, new = _parts(self.old, before, joint), _parts(self.new, after, joint)
        common = {self.old.numbers[one] for one in old} & {self.new.numbers[one] for one in new}
        gone = [one for one in old if self.old.numbers[one] not in common]
        come = [one for one in new if self.new.numbers[one] not in common]
        # What is most alike is held against each other: first what has one name, then what is of one kind.
        found: list[Difference] = []
        for one in list(gone):
            other = next((index for index in come if self._alike(one, index)), None)
            if other is not None:
                gone.remove(one)
                come.remove(other)
                found += self.differences(one, other, sign)
        if len(gone) == len(come) == 1 and not (gone == [before] or come == [after]):
            return [*found, *self.differences(gone[0], come[0], sign)]
        if gone == [before] or come == [after]:
            return [self._became(before, after, UNCLEAR)]
        harder = sign if joint == "and" else -sign
        found += [Difference(f"`{self.new.called(one)}` was added by `{joint}`", harder) for one in come]
        found += [Difference(f"`{self.old.called(one)}` was removed from `{joint}`", -harder) for one in gone]
        return found

    def _alike(self, before: int, after: int) -> bool:
        old, new = self.old.version.plan.operations[before], self.new.version.plan.operations[after]
        if isinstance(old, Compare) and isinstance(new, Compare):
            a, b = _fixed_last(self.old, old)[0], _fixed_last(self.new, new)[0]
            return self.old.numbers[a] == self.new.numbers[b] or self.old.called(a) == self.new.called(b)
        return self.old.called(before) == self.new.called(after)

    def _aggregated(
        self, before: int, after: int, old: Aggregate, new: Aggregate, sign: int
    ) -> list[Difference]:
        found: list[Difference] = []
        growing = sign if new.function in _GROWING else UNCLEAR
        if old.argument is not None and new.argument is not None:
            found += self.differences(old.argument, new.argument, growing)
        if old.parameter is not None and new.parameter is not None and old.parameter != new.parameter:
            rank = -sign if new.parameter > old.parameter else sign
            found.append(self._became(before, after, rank))
        found += self._filters(old.filter, new.filter)
        if old.forgiving != new.forgiving:
            found.append(self._forgiving(old, new, after))
        if old.within != new.within:
            a, b = (
                "exact" if one is None else f"approximate within {format_percentage(one)}"
                for one in (old.within, new.within)
            )
            found.append(Difference(f"{self.new.called(after)} is {b} instead of {a}", UNCLEAR))
        a, b = window_kind_words(old.window), window_kind_words(new.window)
        if a != b:
            found.append(Difference(f"{self.new.called(after)} is taken {b} instead of {a}", UNCLEAR))
        if isinstance(old.window, OutageWindow) and isinstance(new.window, OutageWindow):
            found += self.differences(old.window.condition, new.window.condition, UNCLEAR)
        if old.by != new.by:
            found.append(
                Difference(f"{self.new.called(after)} is taken {_by(new.by)} instead of {_by(old.by)}", 0)
            )
        if old.where is not None and new.where is not None:
            found += self.differences(old.where, new.where, UNCLEAR)
        elif old.where is not None or new.where is not None:
            found.append(self._became(before, after, UNCLEAR))
        if old.idle is not None and new.idle is not None:
            found += self.differences(old.idle, new.idle, sign)
        elif old.idle is not None or new.idle is not None:
            what = "has a value when idle now" if old.idle is None else "has no value when idle any more"
            found.append(Difference(f"{self.new.called(after)} {what}", UNCLEAR))
        return found or [self._became(before, after, UNCLEAR)]

    def _forgiving(self, old: Aggregate, new: Aggregate, after: int) -> Difference:
        """Outages that are forgiven make a promise looser."""
        lengths = [
            None if one is None else (one.length, one.strictly is False)
            for one in (old.forgiving, new.forgiving)
        ]
        a, b = ("none" if one is None else f"up to {length_words(one[0])}" for one in lengths)
        name = self.new.called(after)
        more = (lengths[1] or (0, False)) > (lengths[0] or (0, False))
        return Difference(f"{name} forgives outages {b} instead of {a}", LOOSER if more else STRICTER)

    def _filters(self, old: TimeFilter, new: TimeFilter) -> list[Difference]:
        """Time that does not count any more makes a promise looser, time that counts now stricter."""
        found: list[Difference] = []
        for word, before, after in (
            ("excluded", old.excluding, new.excluding),
            ("the only time that counts", old.during, new.during),
        ):
            found += [Difference(f"`{name}` is {word} now", LOOSER) for name in after if name not in before]
            found += [
                Difference(f"`{name}` is not {word} any more", STRICTER)
                for name in before
                if name not in after
            ]
        return found


def _fixed_last(side: Side, node: Compare) -> tuple[int, str, int]:
    operations = side.version.plan.operations
    if operations[node.left].shape is Shape.SCALAR and operations[node.right].shape is not Shape.SCALAR:
        return node.right, FLIPPED[node.operator], node.left
    return node.left, node.operator, node.right


def _parts(side: Side, index: int, joint: str) -> list[int]:
    node = side.version.plan.operations[index]
    if isinstance(node, Logical) and node.operator == joint:
        return [*_parts(side, node.left, joint), *_parts(side, node.right, joint)]
    return [index]


def _by(labels: Sequence[str]) -> str:
    return f"by {', '.join(labels)}" if labels else "as a whole"
