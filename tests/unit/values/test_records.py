"""Records compare, hash and show themselves as what attrs itself would have written."""

from __future__ import annotations

from attrs import field, frozen

from wsla.values.records import Record


@frozen(kw_only=True, eq=False, repr=False)
class Ours(Record):
    name: str
    parts: tuple[int, ...] = ()
    place: int = field(default=0, eq=False, repr=False)


@frozen(kw_only=True, eq=False, repr=False)
class Longer(Ours):
    more: int = 0


@frozen(kw_only=True)
class Theirs:
    name: str
    parts: tuple[int, ...] = ()
    place: int = field(default=0, eq=False, repr=False)


@frozen(kw_only=True, eq=False, repr=False)
class Empty(Record):
    pass


@frozen(kw_only=True, eq=False, repr=False)
class Single(Record):
    part: tuple[int, ...]


def test_equal_by_the_fields_that_count() -> None:
    assert Ours(name="a", parts=(1, 2), place=3) == Ours(name="a", parts=(1, 2), place=4)
    assert Ours(name="a") != Ours(name="b")
    assert Ours(name="a", parts=(1,)) != Ours(name="a", parts=(2,))
    assert len({Ours(name="a", place=1), Ours(name="a", place=2), Ours(name="b")}) == 2


def test_another_class_is_never_equal() -> None:
    assert Ours(name="a") != Longer(name="a")
    assert Longer(name="a") != Ours(name="a")
    assert Longer(name="a", more=1) != Longer(name="a", more=2)
    assert Ours(name="a") != Theirs(name="a")
    assert Empty() == Empty()
    assert Empty() != Single(part=())
    assert Single(part=()) == Single(part=())


def test_shown_as_attrs_shows_it() -> None:
    ours, theirs = Ours(name="a", parts=(1,), place=3), Theirs(name="a", parts=(1,), place=3)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert repr(Empty()) == "Empty()"
