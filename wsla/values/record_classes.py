"""How a record is made: slots, comparison by one attribute getter, a constructor that is compiled when it pays."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from types import FunctionType
from typing import Any, Final, NoReturn

OFTEN: Final = 100
"""After so many instances the constructor of a class is compiled: that costs about as much as it has saved by then."""

_NOTHING: Final = object()


class Declared:
    """One field: what `field` was given, and the names of the attribute and of the argument."""

    __slots__ = (
        "argument",
        "converter",
        "eq",
        "factory",
        "init",
        "kw_only",
        "name",
        "repr",
        "takes_self",
        "type",
        "value",
    )

    def __init__(
        self, value: Any, factory: Any, init: bool, repr: bool, eq: bool, kw_only: bool, converter: Any
    ) -> None:
        self.value = value
        self.factory = factory
        self.init = init
        self.repr = repr
        self.eq = eq
        self.kw_only = kw_only
        self.converter = converter
        self.takes_self = False
        self.name = self.argument = self.type = ""

    def default(self, method: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Decorates the method that works the default out from the fields before this one."""
        self.factory, self.takes_self = method, True
        return method

    def initial(self, instance: Any) -> Any:
        """The default for a new instance; ``_NOTHING`` where there is none."""
        if self.factory is None:
            return self.value
        return self.factory(instance) if self.takes_self else self.factory()


def field(
    *,
    default: Any = _NOTHING,
    factory: Callable[[], Any] | None = None,
    init: bool = True,
    repr: bool = True,
    eq: bool = True,
    kw_only: bool = False,
    converter: Callable[[Any], Any] | None = None,
) -> Any:
    """Declares a field as `attrs.field` does."""
    return Declared(default, factory, init, repr, eq, kw_only, converter)


class Shape:
    """What is known of a record class; much is found out with its first instance, since many never have one."""

    __slots__ = (
        "arguments",
        "cls",
        "eq",
        "frozen",
        "kinds",
        "known",
        "kw_only",
        "order",
        "own",
        "positional",
        "seen",
        "setters",
        "used",
    )

    cls: Any

    def __init__(
        self, own: dict[str, Any], kinds: dict[str, Any], frozen: bool, kw_only: bool, eq: bool, order: bool
    ) -> None:
        self.own = own
        self.kinds = kinds
        self.frozen = frozen
        self.kw_only = kw_only
        self.eq = eq
        self.order = order
        self.used = 0
        self.seen = False
        self.known: tuple[Declared, ...] | None = None

    @property
    def fields(self) -> tuple[Declared, ...]:
        """All fields, those of the classes that it extends first."""
        if self.known is None:
            inherited: dict[str, Declared] = {}
            for base in reversed(self.cls.__mro__[1:-1]):
                shape: Shape | None = base.__dict__.get("__record__")
                if shape is not None:
                    inherited.update((one.name, one) for one in shape.fields)
            own = self._own_fields()
            names = {one.name for one in own}
            self.known = (*(one for name, one in inherited.items() if name not in names), *own)
        return self.known

    def _own_fields(self) -> list[Declared]:
        own = []
        for name, given in self.own.items():
            plain = not isinstance(given, Declared)
            declared = Declared(given, None, True, True, True, False, None) if plain else given
            declared.kw_only = declared.kw_only or self.kw_only
            declared.name, declared.argument, declared.type = name, name.lstrip("_"), self.kinds[name]
            own.append(declared)
        return own

    def look(self) -> None:
        """Finds what constructors need, and gives the class its comparisons."""
        self.seen = True
        fields = self.fields
        self.setters = tuple([getattr(self.cls, one.name).__set__ for one in fields])
        self.arguments = frozenset([one.argument for one in fields if one.init])
        self.positional = tuple([one.argument for one in fields if one.init and not one.kw_only])
        matched = tuple([one.name for one in fields if one.init and not one.kw_only])
        setattr(self.cls, "__match_args__", matched)  # noqa: B010
        if self.eq:
            for name, method in _comparisons(self).items():
                setattr(self.cls, name, method)


def frozen(maybe: type | None = None, *, kw_only: bool = False, eq: bool = True, order: bool = False) -> Any:
    """Makes a record whose fields never change, as `attrs.frozen` does."""
    if maybe is not None:
        return _record(maybe, True, kw_only, eq, order)
    return lambda cls: _record(cls, True, kw_only, eq, order)


def define(maybe: type | None = None, *, kw_only: bool = False, eq: bool = True, order: bool = False) -> Any:
    """Makes a record whose fields may change, as `attrs.define` does; frozen where what it extends is frozen."""
    if maybe is not None:
        return _record(maybe, False, kw_only, eq, order)
    return lambda cls: _record(cls, False, kw_only, eq, order)


def evolve(instance: Any, **changes: Any) -> Any:
    """A copy with other values, as `attrs.evolve` makes it."""
    shape: Shape | None = getattr(type(instance), "__record__", None)
    if shape is None:
        import attrs

        return attrs.evolve(instance, **changes)
    for one in shape.fields:
        if one.init and one.argument not in changes:
            changes[one.argument] = getattr(instance, one.name)
    return type(instance)(**changes)


def field_names(kind: type) -> tuple[str, ...]:
    """The names of a record's fields; none for another class."""
    shape: Shape | None = getattr(kind, "__record__", None)
    return () if shape is None else tuple([one.name for one in shape.fields])


def _record(cls: type, frozen: bool, kw_only: bool, eq: bool, order: bool) -> type:
    space = dict(cls.__dict__)
    space.pop("__dict__", None)
    space.pop("__weakref__", None)
    kinds: dict[str, Any] = space.get("__annotations__", {})
    own = {
        name: space.pop(name, _NOTHING)
        for name, kind in kinds.items()
        if not str(kind).startswith(("ClassVar", "typing.ClassVar"))
    }
    slots: list[str] = list(own)
    if cls.__bases__ == (object,):
        slots.append("__weakref__")
    else:
        frozen = frozen or any(base.__setattr__ is _refuse_change for base in cls.__bases__)
        taken = {name for base in cls.__mro__[1:-1] for name in base.__dict__.get("__slots__", ())}
        slots = [name for name in slots if name not in taken]
        if not any(getattr(base, "__weakrefoffset__", 0) for base in cls.__bases__):
            slots.append("__weakref__")
    eq = eq and "__eq__" not in space
    shape = Shape(own, kinds, frozen, kw_only, eq, order)
    space["__slots__"] = slots
    space["__record__"] = shape
    space["__attrs_attrs__"] = _ATTRIBUTES
    for name, method in _SHARED:
        if name not in space:
            space[name] = method
    if frozen:
        space["__setattr__"] = space["__delattr__"] = _refuse_change
    shape.cls = made = type(cls)(cls.__name__, cls.__bases__, space)
    _point_to(made, cls, space)
    if order:
        shape.look()
    return made


def _point_to(made: type, cls: type, space: dict[str, Any]) -> None:
    """Methods that say `super()` hold the class that they were written in: from now on the one with slots."""
    for value in space.values():
        kind = type(value)
        if kind is FunctionType:
            method = value
        elif kind is property:
            method = value.fget
        elif kind is classmethod or kind is staticmethod:
            method = value.__func__
        else:
            continue
        for cell in method.__closure__ or ():
            if cell.cell_contents is cls:
                cell.cell_contents = made


# --- methods that all records share


def _refuse_change(self: Any, name: str, value: object = None) -> NoReturn:
    from attrs.exceptions import FrozenInstanceError

    raise FrozenInstanceError


def _shown(self: Any) -> str:
    parts = [f"{one.name}={getattr(self, one.name)!r}" for one in type(self).__record__.fields if one.repr]
    return f"{type(self).__qualname__.rpartition('>.')[2]}({', '.join(parts)})"


def _state(self: Any) -> dict[str, Any]:
    return {one.name: getattr(self, one.name) for one in type(self).__record__.fields}


def _set_state(self: Any, state: dict[str, Any]) -> None:
    shape: Shape = type(self).__record__
    if not shape.seen:
        shape.look()
    for name, value in state.items():
        object.__setattr__(self, name, value)


def _comparisons(shape: Shape) -> dict[str, Any]:
    """Equality, hash and, if wanted, order: of the fields that count, between instances of one class."""
    names = [one.name for one in shape.fields if one.eq]
    key: Callable[[Any], Any] = attrgetter(*names) if names else lambda _: ()

    def equal(self: Any, other: object) -> Any:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return key(self) == key(other)

    def hashed(self: Any) -> int:
        return hash((self.__class__, key(self)))

    found: dict[str, Any] = {"__eq__": equal}
    if not shape.frozen:
        found["__hash__"] = None
    elif "__hash__" not in shape.cls.__dict__:
        found["__hash__"] = hashed
    if shape.order:

        def less(self: Any, other: object) -> Any:
            return key(self) < key(other) if other.__class__ is self.__class__ else NotImplemented

        def at_most(self: Any, other: object) -> Any:
            return key(self) <= key(other) if other.__class__ is self.__class__ else NotImplemented

        # Python turns `a > b` round where only `b < a` is there.
        found |= {"__lt__": less, "__le__": at_most}
    return found


class _Attributes:
    """The fields in attrs' own form, made when someone looks."""

    def __get__(self, instance: object, owner: type) -> Any:
        import attrs

        shape: Shape = owner.__record__  # type: ignore[attr-defined]
        these: dict[str, Any] = {}
        for one in shape.fields:
            given: dict[str, Any] = {
                name: getattr(one, name) for name in ("init", "repr", "eq", "kw_only", "converter", "type")
            }
            if one.factory is not None:
                factory: Any = attrs.Factory
                given["default"] = factory(one.factory, takes_self=one.takes_self)
            elif one.value is not _NOTHING:
                given["default"] = one.value
            these[one.name] = attrs.field(**given)
        attributes = attrs.fields(attrs.make_class(owner.__name__, these, frozen=shape.frozen))
        owner.__attrs_attrs__ = attributes  # type: ignore[attr-defined]
        return attributes


_ATTRIBUTES: Final = _Attributes()


# --- constructors


def _first(self: Any, *values: Any, **given: Any) -> None:
    """The constructor until there is an instance."""
    cls = next(base for base in type(self).__mro__ if "__record__" in base.__dict__)
    shape: Shape = cls.__record__  # type: ignore[attr-defined]
    shape.look()
    cls.__init__ = _interpreting(shape)  # type: ignore[misc]
    self.__init__(*values, **given)


def _interpreting(shape: Shape) -> Callable[..., None]:
    """A constructor that goes through the fields, and has itself replaced when the class turns out to be used often."""

    def __init__(self: Any, *values: Any, **given: Any) -> None:
        shape.used += 1
        if shape.used >= OFTEN:
            shape.cls.__init__ = _compiled(shape)
        named = given
        if values:
            named = dict(zip(shape.positional, values, strict=False)) | given
        if len(named) != len(values) + len(given) or not named.keys() <= shape.arguments:
            # Something is wrong: what it is, Python says best.
            _compiled(shape)(self, *values, **given)
            return
        for one, put in zip(shape.fields, shape.setters, strict=True):
            value = named.get(one.argument, _NOTHING) if one.init else _NOTHING
            if value is _NOTHING:
                value = one.initial(self)
                if value is _NOTHING:
                    if one.init:
                        _compiled(shape)(self, *values, **given)
                    continue
            put(self, value if one.converter is None else one.converter(value))
        if hasattr(self, "__attrs_post_init__"):
            self.__attrs_post_init__()

    return __init__


def _compiled(shape: Shape) -> Callable[..., None]:
    """The constructor as one would write it by hand."""
    space: dict[str, Any] = {"_nothing": _NOTHING}
    positional: list[str] = ["self"]
    named: list[str] = []
    lines: list[str] = []
    for number, (one, put) in enumerate(zip(shape.fields, shape.setters, strict=True)):
        space[f"_put{number}"] = put
        fallback = ""
        if one.factory is not None:
            space[f"_make{number}"] = one.factory
            fallback = f"_make{number}(self)" if one.takes_self else f"_make{number}()"
        elif one.value is not _NOTHING:
            space[f"_default{number}"] = one.value
            fallback = f"_default{number}"
        value = one.argument if one.init else fallback
        if not value:
            continue
        if one.init:
            arguments = named if one.kw_only else positional
            if one.factory is not None:
                arguments.append(f"{one.argument}=_nothing")
                value = f"{fallback} if {one.argument} is _nothing else {one.argument}"
            else:
                arguments.append(f"{one.argument}={fallback}" if fallback else one.argument)
        if one.converter is not None:
            space[f"_convert{number}"] = one.converter
            value = f"_convert{number}({value})"
        lines.append(f"    _put{number}(self, {value})" if shape.frozen else f"    self.{one.name} = {value}")
    if getattr(shape.cls, "__attrs_post_init__", None) is not None:
        lines.append("    self.__attrs_post_init__()")
    if named:
        named.insert(0, "*")
    text = f"def __init__({', '.join(positional + named)}):\n" + "\n".join(lines or ["    pass"])
    exec(compile(text, f"<constructor of {shape.cls.__qualname__}>", "exec"), space)
    made = space["__init__"]
    assert isinstance(made, FunctionType)
    made.__qualname__ = f"{shape.cls.__qualname__}.__init__"
    return made


_SHARED: Final = (
    ("__init__", _first),
    ("__repr__", _shown),
    ("__getstate__", _state),
    ("__setstate__", _set_state),
)
