"""What is written of objects is what comes back: type, order and identity of constants included."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from auditor.azure import catalogue, paths
from auditor.compiled import objects
from auditor.language.ast import AllOf, Constant, Leaf, Not, Value
from auditor.model import Severity
from auditor.yaml_source import load_text

CONSTANTS = (paths.ABSENT, paths.EACH)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs",))), st.sampled_from([*Severity, *CONSTANTS]),
)  # fmt: skip
KEYS = st.one_of(st.text(max_size=3), st.integers(0, 3), st.tuples(st.booleans(), st.integers(0, 2)))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(KEYS, inner, max_size=3),
        st.frozensets(st.text(max_size=3), max_size=3),
        st.builds(Constant, inner),
        st.builds(Leaf, st.builds(Value, st.builds(Constant, inner), st.text(max_size=3)), st.text(max_size=3),
                  st.builds(Constant, inner), inner),
        st.builds(lambda value: AllOf((Not(value), value)), st.builds(Constant, inner)),
    ),
    max_leaves=12,
)  # fmt: skip


def spelled(value: object) -> str:
    """Return a text that tells 1, 1.0 and True apart, and constants by identity."""
    for number, constant in enumerate(CONSTANTS):
        if value is constant:
            return f"constant {number}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(map(spelled, value))})"
    if isinstance(value, dict):
        return f"dict({', '.join(f'{spelled(key)}: {spelled(inner)}' for key, inner in value.items())})"
    if isinstance(value, frozenset):
        return f"frozenset({sorted(value)})"
    if isinstance(value, Struct):
        parts = ", ".join(spelled(getattr(value, name)) for name in value.__struct_fields__)
        return f"{type(value).__qualname__}({parts})"
    return f"{type(value).__qualname__} {value!r}"


@given(VALUES)
def test_what_is_written_comes_back(value: object) -> None:
    assert spelled(objects.load(objects.dump(value, CONSTANTS), CONSTANTS)) == spelled(value)


def test_equal_objects_are_written_once() -> None:
    leaf = Leaf(Value(Constant(["a", 1]), "a"), "equals", Constant(1))
    once, often = (objects.dump(AllOf((leaf,) * times), CONSTANTS) for times in (1, 1000))

    assert len(often) < len(once) + 10_000


def test_numbers_and_booleans_that_compare_equal_are_no_equal_objects() -> None:
    value = [Constant(each) for each in (1, True, 1.0)]

    assert spelled(objects.load(objects.dump(value))) == spelled(value)


@pytest.mark.parametrize("value", [object(), {1, 2}, load_text, range(3), 2**80])
def test_what_would_not_come_back_is_not_written(value: object) -> None:
    with pytest.raises(TypeError):
        objects.dump([value])


def test_no_class_but_the_tools_own_is_made() -> None:
    text = objects.dump(Constant(["x"])).replace(b"auditor.language.ast:Constant", b"subprocess:Popen")

    with pytest.raises(ValueError, match="no class of the tool"):
        objects.load(text)


def test_places_and_paths_come_back() -> None:
    node = load_text("a: [1, two]", "file.yaml")

    assert objects.load(objects.dump([node, Path("a/b")])) == [node, Path("a/b")]


def test_all_types_of_the_tool_come_back() -> None:
    known = list(catalogue.shipped())

    assert objects.load(objects.dump(known, CONSTANTS), CONSTANTS) == known
