"""The template functions, on sets of ports and addresses that are spelled out one by one."""

from __future__ import annotations

import ipaddress
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.language import functions
from auditor.truth import NO, UNKNOWN, YES
from tests.language.asking import ask, truth

_PORT = st.integers(0, 40)
_RANGE = st.tuples(_PORT, _PORT).map(sorted)


def value(expression: str, **properties: Any) -> Any:
    """Return what an expression computes, as evidence shows it."""
    found = ask({"value": expression, "exists": True}, {"id": "/x", "properties": properties})
    return "error" if found.errors else found.evidence[0].actual


@given(outer=_RANGE, inner=_RANGE, spaced=st.booleans())
def test_a_port_range_contains_what_the_set_of_its_ports_contains(
    outer: list[int], inner: list[int], *, spaced: bool
) -> None:
    sign = " - " if spaced else "-"
    written, asked = (f"{low}{sign}{high}" if low != high else str(low) for low, high in (outer, inner))
    ports, wanted = (set(range(low, high + 1)) for low, high in (outer, inner))

    assert functions.call("portRangeContains", [written, asked]) is (wanted <= ports)
    assert functions.call("portRangeContains", ["*", asked]) is True
    assert functions.call("portRangeContains", [["65535", written], asked]) is (wanted <= ports)


@pytest.mark.parametrize("ports", [None, "", "  ", []])
def test_no_ports_contain_none(ports: Any) -> None:
    assert functions.call("portRangeContains", [ports, "22"]) is False


@pytest.mark.parametrize("ports", ["a", "22-", "-22", "30-20", "65536", "22,23", "1-2-3", {}, True, "٢٢"])
def test_what_is_no_port_is_an_error_and_not_a_no(ports: Any) -> None:
    with pytest.raises(functions.FunctionError):
        functions.call("portRangeContains", [ports, "22"])


_ADDRESS = st.integers(0, 255)
_LENGTH = st.integers(24, 32)


@given(outer=st.tuples(_ADDRESS, _LENGTH), inner=st.tuples(_ADDRESS, _LENGTH), six=st.booleans())
def test_an_address_range_contains_what_the_set_of_its_addresses_contains(
    outer: tuple[int, int], inner: tuple[int, int], *, six: bool
) -> None:
    def text(last: int, length: int) -> str:
        return f"2001:db8::{last:x}/{length + 96}" if six else f"203.0.113.{last}/{length}"

    addresses, wanted = ({*ipaddress.ip_network(text(*one), strict=False)} for one in (outer, inner))

    assert functions.call("ipRangeContains", [text(*outer), text(*inner)]) is (wanted <= addresses)


@given(low=_ADDRESS, high=_ADDRESS, asked=_ADDRESS)
def test_a_span_of_addresses_contains_those_between_its_ends(low: int, high: int, asked: int) -> None:
    low, high = sorted((low, high))

    span = f"10.0.0.{low} - 10.0.0.{high}"

    assert functions.call("ipRangeContains", [span, f"10.0.0.{asked}"]) is (low <= asked <= high)


def test_the_families_of_addresses_do_not_contain_each_other() -> None:
    assert functions.call("ipRangeContains", ["0.0.0.0/0", "::1"]) is False
    assert functions.call("ipRangeContains", ["::/0", "10.0.0.1"]) is False
    assert functions.call("ipRangeContains", ["::/0", "2001:db8::/32"]) is True


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "10.0.0.0/33", "internet", "10.0.0.1-", "10.0.0.9-10.0.0.1", "1-2", None, [], {}, True]
)
def test_what_is_no_address_is_an_error_and_not_a_no(text: Any) -> None:
    with pytest.raises(functions.FunctionError):
        functions.call("ipRangeContains", ["10.0.0.0/8", text])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("[concat('a', 1, true, field('color'))]", "a1true"),
        ("[concat(createArray(1), createArray('x'))]", [1, "x"]),
        ("[createArray(field('color'), 'x')]", [None, "x"]),
        ("[first(split('a/b', '/'))]", "a"),
        ("[last(split('a/b', '/'))]", "b"),
        ("[split('a/b', '/')[1]]", "b"),
        ("[first('')]", None),
        ("[length(field('size'))]", 0),
        ("[length(items(field('size')))]", 0),
        ("[empty(field('color'))]", True),
        ("[padLeft('7', 3, '0')]", "007"),
        ("[substring('abcdef', 1, 2)]", "bc"),
        ("[replace('aXa', 'X', '')]", "aa"),
        ("[coalesce(field('color'), 'x')]", "x"),
        ("[if(equals('A', 'a'), 'yes', 'no')]", "yes"),
        ("[if(not(true), 1, 2)]", 2),
        ("[and(true, false)]", False),
        ("[or(true, false)]", True),
        ("[add('2', 3)]", 5),
        ("[sub(2, '3')]", -1),
        ("[max(1, '4', 2)]", 4),
        ("[min(createArray(3, 2))]", 2),
        ("[int('12')]", 12),
        ("[indexOf('abC', 'c')]", 2),
        ("[startsWith('Abc', 'aB')]", True),
        ("[endsWith('Abc', 'BC')]", True),
        ("[toUpper(trim(' a '))]", "A"),
        ("[union(createArray('a', 'B'), createArray('b', 'c'))]", ["a", "B", "c"]),
        ("[intersection(createArray('a', 'B'), createArray('b'))]", ["B"]),
        ("[contains(field('color'), 'x')]", False),
        ("[utcNow()]", "2024-03-01T00:00:00Z"),
        ("[addDays(utcNow(), -60)]", "2024-01-01T00:00:00Z"),
        ("[addDays('2024-02-28T10:00:00.1234567Z', 1)]", "2024-02-29T10:00:00.123456Z"),
        ("[string(7)]", "7"),
        ("['it''s']", "it's"),
    ],
)
def test_a_function_computes(expression: str, expected: Any) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "[if('true', 1, 2)]",
        "[if(field('color'), 1, 2)]",
        "[add(field('size'), field('size'))]",
        "[int(add(field('properties.huge'), field('properties.huge')))]",
        "[padLeft('x', 131073)]",
        "[padLeft('x', add(field('properties.huge'), field('properties.huge')))]",
        "[substring('abc', 4)]",
        "[split('a', '')]",
        "[replace('a', '', 'b')]",
        "[addDays('soon', 1)]",
        "[addDays('9999-12-31', 1)]",
        "[addDays('2024-01-01', 999999999999)]",
        "[and(1, true)]",
        "[max('a')]",
        "[toLower(createArray(1))]",
        "[less('a', 1)]",
        "[length(5)]",
        "[items('text')]",
        "[concat(field('properties.long'), field('properties.long'))]",
    ],
)
def test_a_function_that_cannot_be_carried_out_says_so(expression: str) -> None:
    assert value(expression, huge=1.7e308, long="x" * 100_000) == "error"


def test_a_list_built_from_absent_values_can_be_shown_as_json() -> None:
    found = ask({"field": "color", "in": "[createArray(field('size'))]"}, {"properties": {"color": "x"}})

    assert found.truth is NO
    assert found.evidence[0].expected == [None]


@pytest.mark.parametrize("function", ["union", "intersection"])
def test_long_lists_of_strangers_do_not_stall_a_run(function: str) -> None:
    long = ",".join(map(str, range(40_000)))
    condition = {"value": f"[length({function}(split(field('color'), ','), split(field('color'), ',')))]", "less": 9}
    start = time.process_time()

    assert truth(condition, {"properties": {"color": long}}) is UNKNOWN
    assert time.process_time() - start < 2


_MEMBERS = st.dictionaries(st.text("abcXYZ", min_size=1, max_size=3), st.integers(-5, 5), max_size=4)


@given(members=_MEMBERS)
def test_the_members_of_an_object_come_in_order_and_make_it_again(members: dict[str, int]) -> None:
    found = functions.call("items", [members])

    assert isinstance(found, list)
    assert {one["key"]: one["value"] for one in found} == members
    assert [one["key"] for one in found] == sorted(members)
    assert functions.call("sum", [members]) == functions.call("sum", [list(members.values())]) == sum(members.values())


def test_nothing_has_no_members_and_adds_up_to_nothing() -> None:
    assert functions.call("items", [None]) == []
    assert functions.call("sum", [None]) == functions.call("sum", [[]]) == functions.call("sum", [{}]) == 0
    assert functions.call("sum", [["1", 2]]) == 3  # Azure writes some numbers as text


@pytest.mark.parametrize(
    ("name", "wrong"), [("items", "a"), ("items", [1]), ("sum", "a"), ("sum", ["a"]), ("sum", [[1]])]
)
def test_what_has_no_members_or_is_no_number_is_an_error(name: str, wrong: Any) -> None:
    with pytest.raises(functions.FunctionError):
        functions.call(name, [wrong])


def test_the_members_of_an_object_are_counted_one_by_one() -> None:
    notices = {"b": {"on": True}, "a": {"on": False}, "c": {"on": True}}
    counted = {"value": "[items(field('properties.notices'))]", "name": "n"}
    condition = {
        "count": {**counted, "where": {"value": "[current('n').value.on]", "equals": True}},
        "equals": 2,
    }
    first = {"value": "[first(items(field('properties.notices'))).key]", "equals": "a"}

    assert ask(condition, {"properties": {"notices": notices}}).truth is YES
    assert ask(first, {"properties": {"notices": notices}}).truth is YES
