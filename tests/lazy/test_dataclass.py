"""A lazy dataclass is what the standard library makes of the same declaration, only later."""

from __future__ import annotations

import copy
import dataclasses
import operator
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass as standard
from dataclasses import field
from functools import partial
from typing import Any, ClassVar, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.lazy.dataclass import dataclass as lazy
from auditor.lazy.dataclass import field_types

Make = Callable[..., Any]


class Declaration(NamedTuple):
    """A class to be made by each: its fields as text and default, and what is asked of it."""

    fields: Mapping[str, Mapping[str, object]]
    options: Mapping[str, bool]
    own: Mapping[str, object]
    below: Declaration | None = None


DEFAULTS: st.SearchStrategy[dict[str, object]] = st.one_of(
    st.just({}),
    st.integers(0, 3).map(lambda value: {"default": value}),
    st.just({"default_factory": list}),
)
FIELDS = st.builds(
    lambda default, more: {**default, **more},
    DEFAULTS,
    st.fixed_dictionaries(
        {}, optional={"compare": st.booleans(), "repr": st.booleans(), "kw_only": st.booleans(), "init": st.booleans()}
    ),
)
OPTIONS = st.fixed_dictionaries(
    {}, optional={name: st.booleans() for name in ("frozen", "slots", "eq", "order", "kw_only")}
).filter(lambda options: options.get("eq", True) or not options.get("order"))
OWN = st.sampled_from(
    [
        {},
        {"__repr__": lambda _: "its own"},
        {"__hash__": lambda _: 7},
        {"__post_init__": lambda self: object.__setattr__(self, "a", 5)},
        {"shared": 3, "__annotations__": {"shared": "ClassVar[int]"}},
    ]
)
SINGLE = st.builds(Declaration, st.dictionaries(st.sampled_from("abcd"), FIELDS, max_size=4), OPTIONS, OWN)


def in_order(declaration: Declaration) -> Declaration:
    """Return the declaration with fields that have defaults behind those that have none."""
    fields = sorted(declaration.fields.items(), key=lambda item: len({"default", "default_factory"} & item[1].keys()))
    return declaration._replace(fields=dict(fields))


def above(below: Declaration, declaration: Declaration) -> Declaration:
    """Return the declaration of a subclass, whose fields have defaults and which is frozen as the other is."""
    fields = {
        name: {"default": 4} | given for name, given in declaration.fields.items() if "default_factory" not in given
    }
    options = {**declaration.options, "frozen": below.options.get("frozen", False)}
    return declaration._replace(fields=fields, options=options, below=below)


DECLARATIONS = st.one_of(SINGLE.map(in_order), st.builds(above, SINGLE.map(in_order), SINGLE))


def made(by: Make, declaration: Declaration) -> Any:
    base = (made(by, declaration.below),) if declaration.below else ()
    annotations: Any = declaration.own.get("__annotations__", {})
    body = {
        **declaration.own,
        "__annotations__": {**annotations, **dict.fromkeys(declaration.fields, "object")},
        **{name: field(**given) if given else None for name, given in declaration.fields.items()},
    }
    body = {name: value for name, value in body.items() if value is not None}
    return by(**declaration.options)(type("Thing", base, {"__module__": __name__, "__qualname__": "Thing", **body}))


def outcome(ask: Callable[[], object]) -> object:
    """Return what comes of it, a mistake by its kind and words."""
    try:
        return ask()
    except Exception as problem:  # noqa: BLE001 - whatever it is, both have to raise it
        return type(problem).__name__, str(problem).replace("__self", "self")


COMPARISONS = (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)


def behaviour(declared: Any, arguments: list[tuple[object, ...]], keywords: dict[str, object]) -> list[object]:
    """Return all that can be seen of a class, without the class itself."""
    instances = [outcome(partial(declared, *positional, **keywords)) for positional in arguments]
    things = [one for one in instances if not isinstance(one, tuple)]
    seen: list[object] = [one if isinstance(one, tuple) else "made" for one in instances]
    seen += [of_instance(one, things, keywords) for one in things]
    seen += [
        (each.name, each.type, each.init, each.kw_only, repr(each.default)) for each in dataclasses.fields(declared)
    ]
    seen += [declared.__match_args__, [getattr(each, "__slots__", ()) for each in declared.__mro__]]
    seen += [declared.__hash__ is None, "__hash__" in vars(declared)]
    seen += [getattr(declared, name, "none") for name in "abcd" if not getattr(declared, "__slots__", ())]
    seen.append([getattr(declared.__dataclass_params__, name) for name in ("frozen", "eq", "order")])
    return seen


def of_instance(one: Any, others: list[Any], keywords: dict[str, object]) -> list[object]:
    seen = [outcome(lambda: repr(one)), outcome(lambda: hash(one) if type(one).__hash__ is not object.__hash__ else 0)]
    seen += [outcome(partial(compare, one, other)) for compare in COMPARISONS for other in (*others, 3)]
    # How it refuses is not compared: with slots the standard library itself fails on what is no field of the class.
    seen += [outcome(partial(setattr, copy.copy(one), name, 1)) is None for name in ("a", "other")]
    seen += [outcome(partial(delattr, copy.copy(one), name)) is None for name in ("a", "other")]
    seen += [outcome(lambda: dataclasses.asdict(one)), outcome(lambda: repr(copy.deepcopy(one)))]
    seen.append(outcome(lambda: repr(dataclasses.replace(one, **keywords))))
    return seen


@given(
    DECLARATIONS,
    st.lists(st.lists(st.integers(0, 1), max_size=3).map(tuple), min_size=2, max_size=3),
    st.dictionaries(st.sampled_from("abcd"), st.integers(0, 1), max_size=2),
)
def test_it_does_what_the_standard_librarys_does(
    declaration: Declaration, arguments: list[tuple[object, ...]], keywords: dict[str, object]
) -> None:
    expected = outcome(lambda: made(standard, declaration))
    if isinstance(expected, tuple):
        return  # no such class can be declared: ours says so at its first instance, or not at all

    assert behaviour(made(lazy, declaration), arguments, keywords) == behaviour(expected, arguments, keywords)


@lazy(frozen=True, slots=True)
class Point:
    x: int
    y: int = 0
    unit: ClassVar[str] = "m"


@lazy(frozen=True, slots=True)
class Named(Point):
    name: str = field(default="", compare=False)


def test_no_method_is_written_before_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("written")

    with monkeypatch.context() as patched:
        patched.setattr(dataclasses, "dataclass", fail)

        @lazy(frozen=True, slots=True, order=True)
        class Other:
            a: int

        assert [Other(1).a, Other(a=2).a] == [1, 2]
        with pytest.raises(AssertionError):
            hash(Other(1))
    assert Other(1) < Other(2)


def test_an_instance_can_be_pickled_before_anything_else_is_asked_of_it() -> None:
    assert pickle.loads(pickle.dumps(Named(1, 2, "a"))) == Named(1, 2, "b")  # noqa: S301 - our own


def test_it_can_be_matched() -> None:
    match Named(1, 2, "a"):
        case Named(x, y, name):
            assert (x, y, name) == (1, 2, "a")


def test_the_types_of_fields_are_known_without_them() -> None:
    assert field_types(Named) == {"x": "int", "y": "int", "name": "str"}


@pytest.mark.parametrize("option", ["init", "repr", "unsafe_hash", "weakref_slot"])
def test_an_option_that_it_does_not_know_is_a_mistake(option: str) -> None:
    with pytest.raises(TypeError, match="frozen, slots, eq, order, kw_only"):
        lazy(**{option: True})


@pytest.mark.parametrize("annotation", ["InitVar[int]", "dataclasses.InitVar[int]", dataclasses.KW_ONLY])
def test_pseudo_fields_are_refused(annotation: object) -> None:
    with pytest.raises(TypeError, match=r"Thing\.a: a lazy dataclass has no"):
        lazy(type("Thing", (), {"__annotations__": {"a": annotation}}))
