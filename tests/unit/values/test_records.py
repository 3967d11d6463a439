"""Records behave as attrs' own classes do: each law is asked of both."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from wsla.diagnostics.source import Span
from wsla.values import record_classes as ours
from wsla.values.record_classes import OFTEN

ROOT = Path(__file__).resolve().parents[3]


class Attrs:
    """attrs under the names that records have."""

    define, evolve, field, frozen = attrs.define, attrs.evolve, attrs.field, attrs.frozen


BOTH = pytest.mark.parametrize("maker", [ours, Attrs], ids=["ours", "attrs"])


def point(maker: Any) -> Any:
    @maker.frozen(kw_only=True)
    class Point:
        x: int
        y: int = 2
        _kept: list[int] = maker.field(factory=list, repr=False)
        span: int = maker.field(default=0, eq=False, repr=False)

    return Point


@ours.frozen
class Plain:
    """At the top of the module, where pickle finds it."""

    name: str
    number: int = 3


@BOTH
@pytest.mark.parametrize("times", [1, OFTEN + 1], ids=["at first", "compiled"])
def test_a_constructor_takes_what_is_declared(maker: Any, times: int) -> None:
    cls = point(maker)
    for _ in range(times):
        made = cls(x=1, kept=[5])
    assert (made.x, made.y, made._kept, made.span) == (1, 2, [5], 0)
    assert cls(x=1)._kept is not cls(x=1)._kept
    assert repr(cls(x=1)).endswith("Point(x=1, y=2)")


@BOTH
@pytest.mark.parametrize("times", [1, OFTEN + 1], ids=["at first", "compiled"])
@pytest.mark.parametrize("given", [{}, {"x": 1, "z": 2}, {"y": 1}, {"x": 1, "_kept": []}])
def test_wrong_arguments_are_type_errors(maker: Any, times: int, given: dict[str, int]) -> None:
    cls = point(maker)
    for _ in range(times):
        cls(x=1)
    with pytest.raises(TypeError):
        cls(**given)
    with pytest.raises(TypeError):
        cls(1)


@BOTH
@pytest.mark.parametrize("times", [1, OFTEN + 1], ids=["at first", "compiled"])
def test_places_and_names_of_arguments(maker: Any, times: int) -> None:
    @maker.frozen
    class Pair:
        left: int
        right: int = 2

    for _ in range(times):
        assert Pair(1) == Pair(1, 2) == Pair(1, right=2) == Pair(right=2, left=1)
    for wrong in (lambda: Pair(1, 2, 3), lambda: Pair(1, left=1), Pair):
        with pytest.raises(TypeError):
            wrong()
    match Pair(7, 8):
        case Pair(left, right):
            assert (left, right) == (7, 8)


@BOTH
def test_equality_and_hash_are_of_the_fields_that_count(maker: Any) -> None:
    cls, other = point(maker), point(maker)
    assert cls(x=1, span=1) == cls(x=1, span=2)
    assert cls(x=1) != cls(x=2)
    assert cls(x=1) != other(x=1)
    assert (cls(x=1) == (1, 2, [])) is False
    with pytest.raises(TypeError):
        hash(cls(x=1))

    @maker.frozen
    class Hashed:
        x: int
        span: int = maker.field(default=0, eq=False)

    assert hash(Hashed(1, 1)) == hash(Hashed(1, 2))
    assert len({Hashed(1), Hashed(1, 5), Hashed(2)}) == 2


@BOTH
def test_records_without_equality_are_themselves_alone(maker: Any) -> None:
    @maker.frozen(eq=False)
    class Lone:
        x: int

    one = Lone(1)
    assert one == one  # noqa: PLR0124
    assert one != Lone(1)
    assert len({one, Lone(1)}) == 2


@BOTH
def test_order_is_that_of_the_fields(maker: Any) -> None:
    @maker.frozen(order=True)
    class Version:
        major: int
        minor: int = 0

    assert Version(1, 2) < Version(1, 3) <= Version(1, 3)
    assert Version(2) > Version(1, 9) >= Version(1)
    assert sorted([Version(2), Version(1, 1), Version(1)]) == [Version(1), Version(1, 1), Version(2)]
    with pytest.raises(TypeError):
        Version(1) < (1, 0)  # noqa: B015


@BOTH
def test_what_is_frozen_stays_so_and_has_no_place_for_more(maker: Any) -> None:
    made = point(maker)(x=1)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.x = 2
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del made.x
    assert not hasattr(made, "__dict__")

    @maker.define
    class Counter:
        count: int = 0

    counter = Counter()
    counter.count += 1
    assert counter == Counter(1)
    with pytest.raises(AttributeError):
        counter.other = 1
    with pytest.raises(TypeError):
        hash(counter)


@BOTH
@pytest.mark.parametrize("times", [1, OFTEN + 1], ids=["at first", "compiled"])
def test_an_extended_record_has_the_fields_of_both(maker: Any, times: int) -> None:
    @maker.frozen(kw_only=True)
    class Base:
        name: str
        length: int = maker.field(init=False, eq=False)

        @length.default
        def _measure(self) -> int:
            return len(self.name)

        def shown(self) -> str:
            return self.name

    @maker.define
    class Extended(Base):
        more: int = maker.field(kw_only=True, converter=int)

        def __attrs_post_init__(self) -> None:
            if self.more < 0:
                raise ValueError(self.more)

        def shown(self) -> str:
            return super().shown() + "!"

    for _ in range(times):
        made = Extended(name="abc", more="4")
    assert (made.name, made.length, made.more, made.shown()) == ("abc", 3, 4, "abc!")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.more = 5
    with pytest.raises(ValueError, match="-1"):
        Extended(name="abc", more=-1)
    assert maker.evolve(made, name="abcd") == Extended(name="abcd", more=4)
    assert maker.evolve(made, name="abcd").length == 4


@BOTH
def test_a_method_that_is_written_out_is_kept(maker: Any) -> None:
    @maker.frozen
    class Own:
        x: int

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

        def __repr__(self) -> str:
            return "own"

    assert (Own(1) == 5, hash(Own(1)), repr(Own(1))) == (True, 7, "own")


@BOTH
def test_evolve_takes_the_names_of_arguments(maker: Any) -> None:
    made = point(maker)(x=1, span=9)
    changed = maker.evolve(made, kept=[1], y=5)
    assert (changed.x, changed.y, changed._kept, changed.span) == (1, 5, [1], 9)
    with pytest.raises(TypeError):
        maker.evolve(made, z=1)


def test_attrs_knows_records() -> None:
    cls = point(ours)
    assert [(one.name, one.kw_only, one.eq, one.alias) for one in attrs.fields(cls)] == [
        (one.name, one.kw_only, one.eq, one.alias) for one in attrs.fields(point(Attrs))
    ]
    assert attrs.has(cls)
    assert attrs.evolve(cls(x=1), y=5) == cls(x=1, y=5)
    assert attrs.asdict(cls(x=1)) == {"x": 1, "y": 2, "_kept": [], "span": 0}
    assert ours.field_names(cls) == ("x", "y", "_kept", "span")
    assert ours.field_names(int) == ()

    @attrs.frozen
    class More(Plain):
        extra: int = 1

    assert More("a", 2, 5) == More(name="a", number=2, extra=5)
    assert ours.evolve(attrs.make_class("Other", ["x"])(1), x=2).x == 2


def test_records_can_be_copied_and_sent() -> None:
    made = Plain("a", 4)
    for again in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert again == made
        assert again is not made


def test_the_first_instance_may_come_from_elsewhere() -> None:
    program = (
        "import pickle, sys\n"
        "from wsla.diagnostics.source import Span\n"
        "one, two = (pickle.loads(bytes.fromhex(sys.argv[1])) for _ in '12')\n"
        "assert one == two and hash(one) == hash(two) and one is not two\n"
        "match one:\n"
        "    case Span(1, 2): print('equal')\n"
    )
    sent = pickle.dumps(Span(1, 2)).hex()
    finished = subprocess.run(
        [sys.executable, "-c", program, sent], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (finished.stdout, finished.stderr) == ("equal\n", "")
