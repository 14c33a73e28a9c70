"""Dataclasses whose methods are written when they are first called.

The standard library writes up to eleven methods of each dataclass as text and compiles them as soon as the class is
made. For the several hundred classes of this tool that was a quarter of a start; yet a command makes instances of half
of them, and compares or hashes few. Here a class gets its slots at once, and a method when it is called. To a type
checker, and to `fields`, `replace` and `asdict`, it is what `dataclasses.dataclass` makes of the same declaration.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, MISSING, Field, FrozenInstanceError
from types import FunctionType, MemberDescriptorType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

_Method: TypeAlias = Callable[..., object]
_OPTIONS: Final = {"frozen": False, "slots": False, "eq": True, "order": False, "kw_only": False}
_PLAN: Final = "__lazy_dataclass__"
_PSEUDO_FIELDS: Final = {"InitVar", "KW_ONLY"}
_ORDER: Final = ("__lt__", "__le__", "__gt__", "__ge__")
_WANTED: Final[Mapping[str, Mapping[str, bool]]] = {
    "__repr__": {"repr": True},
    "__eq__": {"eq": True},
    "__hash__": {"unsafe_hash": True},
    **{name: {"eq": True, "order": True} for name in _ORDER},
    "__dataclass_fields__": {},
    "__match_args__": {},
}
"""What to ask of the standard library for an attribute."""


class _Plan:
    """What was declared of a class, of which its methods are made.

    `body` has the annotations and the defaults, which give way to slots in the class itself. `made` is the class.
    """

    __slots__ = ("body", "made", "options", "own")

    def __init__(self, declared: type, options: Mapping[str, bool]) -> None:
        self.made = declared
        self.options = {**_OPTIONS, **options}
        given = vars(declared)
        self.own = tuple(_own_fields(declared))
        kept = (*self.own, "__module__", "__annotations__", "__orig_bases__")
        self.body: dict[str, Any] = {name: given[name] for name in kept if name in given}
        self.body["__qualname__"] = declared.__qualname__

    def twin(self, wanted: Mapping[str, bool]) -> type:
        """Return what the standard library makes of the same declaration, with the methods wanted."""
        given = {"init": False, "repr": False, "eq": False, "kw_only": self.options["kw_only"], **wanted}
        if any(hasattr(base, "__dataclass_fields__") for base in self.made.__bases__):
            given["frozen"] = self.options[
                "frozen"
            ]  # as it demands below a frozen class; else it writes two methods more
        plain = type(self.made)(self.made.__name__, self.made.__bases__, dict(self.body))
        return cast("type", dataclasses.dataclass(**given)(plain))


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - by this name a type checker knows it
else:

    def dataclass(declared: type | None = None, /, **options: bool) -> type | Callable[[type], type]:
        """Do as `dataclasses.dataclass` with `frozen`, `slots`, `eq`, `order` and `kw_only`, but write methods on use.

        `InitVar` and `KW_ONLY` are not for it. A default before a field without one is found at the first instance.
        """
        if not options.keys() <= _OPTIONS.keys():
            raise TypeError(f"a lazy dataclass has no options but {', '.join(_OPTIONS)}")
        return _made(declared, options) if declared is not None else lambda late: _made(late, options)


def field_types(made: type) -> Mapping[str, object]:
    """Return the annotations of the fields of such a class by name, without a `Field` for each."""
    plans = [plan for base in reversed(made.__mro__) if isinstance(plan := vars(base).get(_PLAN), _Plan)]
    return {name: plan.body["__annotations__"][name] for plan in plans for name in plan.own}


def _own_fields(declared: type) -> Iterator[str]:
    """Yield the names of the fields that a class itself declares."""
    for name, annotation in vars(declared).get("__annotations__", {}).items():
        text = annotation if isinstance(annotation, str) else repr(annotation)
        kind = text.partition("[")[0].rpartition(".")[2]
        if annotation is KW_ONLY or kind in _PSEUDO_FIELDS:
            raise TypeError(f"{declared.__qualname__}.{name}: a lazy dataclass has no pseudo-fields")
        if kind != "ClassVar":
            yield name


def _made(declared: type, options: Mapping[str, bool]) -> type:
    plan = _Plan(declared, options)
    described = ("__dataclass_fields__", "__match_args__", "__dataclass_params__")
    added = {_PLAN: plan, **{name: _Description(plan, name) for name in described}, **_methods(plan, vars(declared))}
    if plan.options["slots"]:
        plan.made = _with_slots(plan, added)
    else:
        _set_defaults(plan)
        for name, value in added.items():
            setattr(declared, name, value)
    return plan.made


def _with_slots(plan: _Plan, added: Mapping[str, object]) -> type:
    """Return the class anew: Python takes slots only when it makes one."""
    declared = plan.made
    body = {**vars(declared), **added, "__qualname__": declared.__qualname__}
    for name in (*plan.own, "__dict__", "__weakref__"):
        body.pop(name, None)
    inherited = {name for base in declared.__mro__[1:-1] for name in vars(base).get("__slots__", ())}
    named = dict.fromkeys(name for base in reversed(declared.__mro__[1:]) for name in _fields_of(base))
    body["__slots__"] = tuple(name for name in {**named, **dict.fromkeys(plan.own)} if name not in inherited)
    return type(declared)(declared.__name__, declared.__bases__, body)


def _fields_of(base: type) -> Iterable[str]:
    """Return the names of the fields that a class adds to those of its bases, or of all where it is no lazy one."""
    plan = vars(base).get(_PLAN)
    return plan.own if isinstance(plan, _Plan) else vars(base).get("__dataclass_fields__", ())


def _set_defaults(plan: _Plan) -> None:
    """Leave of each `field(…)` in the class its default, if it has one."""
    for name in plan.own:
        value = plan.body.get(name)
        if isinstance(value, Field) and value.default is MISSING:
            delattr(plan.made, name)
        elif isinstance(value, Field):
            setattr(plan.made, name, value.default)


def _methods(plan: _Plan, given: Mapping[str, object]) -> dict[str, object]:
    """Return the methods that the class gets: none that it brings itself."""
    frozen, eq = plan.options["frozen"], plan.options["eq"]
    names = ["__init__", "__repr__"] + ["__eq__"] * eq + list(_ORDER) * plan.options["order"]
    methods: dict[str, object] = {name: _on_call(plan, name) for name in names if name not in given}
    if eq and (given.get("__hash__") is None and ("__hash__" not in given or "__eq__" in given)):
        methods["__hash__"] = _on_call(plan, "__hash__") if frozen else None
    if frozen:
        methods |= _guards(plan)
    if frozen and plan.options["slots"]:
        methods |= {name: method for name, method in _PICKLING.items() if name not in given}
    return methods


def _on_call(plan: _Plan, name: str) -> _Method:
    """Return a method that puts the written one in its place, and calls it."""

    def method(self: object, /, *arguments: object, **named: object) -> object:
        written = _initialiser(plan) if name == "__init__" else _standard(plan, name)
        setattr(plan.made, name, written)
        return written(self, *arguments, **named)

    return method


def _standard(plan: _Plan, name: str) -> _Method:
    written: _Method = vars(plan.twin(_WANTED[name]))[name]
    return written


def _fields(made: type) -> tuple[Field[object], ...]:
    return dataclasses.fields(made)


class _Description:
    """Stands for an attribute that describes the fields of a class, until it is read."""

    __slots__ = ("name", "plan")

    def __init__(self, plan: _Plan, name: str) -> None:
        self.plan, self.name = plan, name

    def __get__(self, instance: object, owner: type | None = None) -> object:
        wanted = {each: self.plan.options[each] for each in ("frozen", "eq", "order")} | {"init": True, "repr": True}
        found = vars(self.plan.twin(_WANTED.get(self.name, wanted)))[self.name]
        setattr(self.plan.made, self.name, found)
        return found


def _guards(plan: _Plan) -> dict[str, object]:
    """Return the methods that forbid to change an instance."""

    def forbids(self: object, name: str) -> bool:
        return type(self) is plan.made or any(field.name == name for field in _fields(plan.made))

    def set_attribute(self: object, name: str, value: object) -> None:
        if forbids(self, name):
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super(plan.made, self).__setattr__(name, value)  # type: ignore[arg-type]  # `made` is a class

    def delete_attribute(self: object, name: str) -> None:
        if forbids(self, name):
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        super(plan.made, self).__delattr__(name)  # type: ignore[arg-type]  # as above

    return {"__setattr__": set_attribute, "__delattr__": delete_attribute}


def _state(self: object) -> list[object]:
    """Return the values for `pickle` and `copy`, which else would want to assign them to a frozen instance."""
    return [getattr(self, field.name) for field in _fields(type(self))]


def _set_state(self: object, state: Sequence[object]) -> None:
    for field, value in zip(_fields(type(self)), state, strict=True):
        object.__setattr__(self, field.name, value)


_PICKLING: Final[Mapping[str, object]] = {"__getstate__": _state, "__setstate__": _set_state}


class _Declared:
    """A field as the class declares it, for `__init__`: asking the standard library for it takes five times as long."""

    __slots__ = ("default", "factory", "is_given", "is_keyword", "name")

    def __init__(self, name: str, declared: object, *, is_keyword: bool) -> None:
        self.name = name
        if isinstance(declared, Field):
            self.default, self.factory, self.is_given = declared.default, declared.default_factory, declared.init
            self.is_keyword = is_keyword if declared.kw_only is MISSING else declared.kw_only
        else:
            self.default, self.factory, self.is_given, self.is_keyword = declared, MISSING, True, is_keyword


def _declared_in(made: type) -> dict[str, _Declared]:
    """Return the fields of a class by name, in their order."""
    found: dict[str, _Declared] = {}
    for base in reversed(made.__mro__):
        plan = vars(base).get(_PLAN)
        if isinstance(plan, _Plan):
            keywords = plan.options["kw_only"]
            found |= {name: _Declared(name, plan.body.get(name, MISSING), is_keyword=keywords) for name in plan.own}
        elif "__dataclass_fields__" in vars(base):
            found |= {field.name: _Declared(field.name, field, is_keyword=False) for field in _fields(base)}
    return found


def _initialiser(plan: _Plan) -> _Method:
    """Write `__init__`."""
    made = plan.made
    fields = list(_declared_in(made).values())
    names: dict[str, object] = {"__missing": MISSING, "__set": object.__setattr__}
    body = [line for field in fields for line in _assignment(plan, field, names)]
    if hasattr(made, "__post_init__"):
        body.append("__self.__post_init__()")
    given = [field for field in fields if field.is_given]
    positional = [_parameter(field) for field in given if not field.is_keyword]
    keywords = [_parameter(field) for field in given if field.is_keyword]
    parameters = ", ".join(["__self", *positional, *(["*", *keywords] if keywords else [])])
    text = f"def __init__({parameters}):\n " + "\n ".join(body or ["pass"])
    exec(text, names)  # noqa: S102 - as the standard library does
    written = cast("FunctionType", names["__init__"])
    written.__qualname__ = f"{made.__qualname__}.__init__"
    written.__module__ = made.__module__
    return written


def _parameter(field: _Declared) -> str:
    if field.default is not MISSING:
        return f"{field.name}=__default_{field.name}"
    return field.name if field.factory is MISSING else f"{field.name}=__missing"


def _assignment(plan: _Plan, field: _Declared, names: dict[str, object]) -> Iterator[str]:
    """Yield the statement that sets a field, and put what it needs among the names.

    A frozen instance's slots are set by their descriptors, which takes half the time of `object.__setattr__`.
    """
    name, value = field.name, field.name
    if field.factory is not MISSING:
        names[f"__make_{name}"] = field.factory
        value = f"__make_{name}() if {name} is __missing else {name}" if field.is_given else f"__make_{name}()"
    elif field.default is not MISSING:
        names[f"__default_{name}"] = field.default
        value = name if field.is_given else f"__default_{name}"
    elif not field.is_given:
        return  # `__post_init__` sets it, or nobody
    slot = getattr(plan.made, name, None)
    if not plan.options["frozen"]:
        yield f"__self.{name} = {value}"
    elif isinstance(slot, MemberDescriptorType):
        names[f"__set_{name}"] = slot.__set__
        yield f"__set_{name}(__self, {value})"
    else:
        yield f"__set(__self, {name!r}, {value})"
