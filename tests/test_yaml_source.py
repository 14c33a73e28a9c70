"""Rule files as text: YAML 1.2 without what a hostile file could abuse."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ContentError
from auditor.yaml_source import MAX_BYTES, load_file, load_text, suggestion


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("Off", "Off"), ("y", "y"), ("true", True), ("False", False),
        ("null", None), ("~", None), ("'true'", "true"), ('"5"', "5"), ("5", 5), ("-5", -5), ("010", 10),
        ("0x10", "0x10"), ("0o10", "0o10"), ("1_000", "1_000"), ("1.5", 1.5), ("1e3", 1000.0), ("1e999", "1e999"),
        (".inf", ".inf"), (".nan", ".nan"), ("12:30:45", "12:30:45"), ("2024-03-01", "2024-03-01"), ("1.2.3", "1.2.3"),
        ("=", "="), ("[a, 1]", ["a", 1]), ("{a: no}", {"a": "no"}), ("{1: x}", {"1": "x"}), ("|\n  a\n  b", "a\nb\n"),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    found = load_text(f"key: {text}\n", "f").plain()["key"]

    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("a: &x 1\nb: *x\n", "1:4", "anchors"),
        ("b: *x\n", "1:4", "anchors"),
        ("&x a: 1\n", "1:1", "anchors"),
        ("*x : 1\n", "1:1", "anchors"),
        ("a: !!python/object/apply:os.system [ls]\n", "1:4", "tags"),
        ("a: !x 1\n", "1:4", "tags"),
        ("a: !!str 1\n", "1:4", "tags"),
        ("a: 1\n<<: {b: 1}\n", "2:1", "merge keys"),
        ("a: 1\nb: 2\na: 3\n", "3:1", "'a' stands here twice; first at line 1"),
        ("x: {a: 1, 'a': 2}\n", "1:11", "'a' stands here twice"),
        ("? [a]\n: 1\n", "1:3", "must be text"),
        ("a: 1\n--- \nb: 1\n", "2:1", "more than one document"),
        ("", "1:1", "empty"),
        ("# nothing\n", "1:1", "empty"),
        ("a: b: c\n", "1:5", "not valid YAML"),
        ("a:\n  - 'open\n", "3:1", "not valid YAML"),
        ("a: 1\nb: x\x00y\n", "2:5", "control characters"),
        ("a: x\udcffy\n", "1:5", "not text"),
    ],
)
def test_what_is_refused_is_refused_with_its_place(text: str, place: str, word: str) -> None:
    with pytest.raises(ContentError, match=re.escape(word)) as raised:
        load_text(text, "rule.yaml")

    assert raised.value.message.startswith(f"rule.yaml:{place}: ")


def test_a_tab_is_explained() -> None:
    with pytest.raises(ContentError, match="spaces, not tabs") as raised:
        load_text("a:\n\tb: 1\n", "rule.yaml")

    assert raised.value.message.startswith("rule.yaml:2:1: ")


def test_a_file_that_is_no_text_says_where(tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")

    with pytest.raises(ContentError, match="not UTF-8") as raised:
        load_file(path, "rule.yaml")

    assert raised.value.message.startswith("rule.yaml:2:4: ")


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: no\r\n")

    assert load_file(path).plain() == {"a": 1, "b": "no"}


def test_a_file_that_is_too_large_or_not_there_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (MAX_BYTES + 1))

    for path in (large, tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(ContentError, match=re.escape(str(path))):
            load_file(path)


_HOSTILE = {
    "brackets": "[" * MAX_BYTES,
    "braces": "{" * MAX_BYTES,
    "question marks": "? " * (MAX_BYTES // 2),
    "dashes": "- " * (MAX_BYTES // 2),
    "deep mapping": "\n".join(" " * depth + "a:" for depth in range(700)),
    "exclamation marks": "!" * MAX_BYTES,
    "open quote": '"' + "a\n" * (MAX_BYTES // 2 - 1),
    "one key many times": "{" + "a," * (MAX_BYTES // 2 - 1) + "}",
    "documents": "---\n" * (MAX_BYTES // 4),
    "directives": "%\n" * (MAX_BYTES // 2),
    "long key": "? " + "k" * (MAX_BYTES // 2) + "\n: 1\n? " + "k" * (MAX_BYTES // 2 - 10) + "\n: [",
    "laughs": "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n",
}


@pytest.mark.parametrize("name", sorted(_HOSTILE))
def test_a_hostile_file_is_refused_quickly(name: str) -> None:
    start = time.process_time()

    with pytest.raises(ContentError) as raised:
        load_text(_HOSTILE[name], "rule.yaml")

    assert time.process_time() - start < 2
    assert len(str(raised.value)) < 1000


def test_the_largest_harmless_files_are_read_quickly() -> None:
    start = time.process_time()

    keys = load_text("".join(f"k{number}: \n" for number in range(20_000)), "f")
    lists = load_text("[" + "[]," * 60_000 + "]", "f")

    assert len(keys.plain()) == 20_000
    assert len(lists.plain()) == 60_000
    assert time.process_time() - start < 4


@given(st.text(st.sampled_from("ab:-?[]{},&*!|>'\"%@`#\n\t 01.~<\x00\u2028é"), max_size=30))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        load_text(text, "f")
    except ContentError as problem:
        place = problem.message
    else:
        place = "f:1:1: "
    assert re.match(r"f:\d+:\d+: ", place)


_ascii = st.text(st.characters(codec="ascii", min_codepoint=32))
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | _ascii,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "é"]), inner, max_size=3),
    max_leaves=8,
)


@given(value=_json)
def test_json_is_read_as_what_it_is(value: Any) -> None:
    assert load_text(json.dumps({"value": value}), "f").plain() == {"value": value}


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("notequal", ["equals", "notEquals", "less"], "did you mean 'notEquals' or 'equals'?"),
        ("zzz", ["b", "a"], "known: a, b"),
        ("zzz", [], ""),
        ("zzz", [f"k{number}" for number in range(31)], ""),
    ],
)
def test_a_suggestion_is_the_nearest_word_or_all_of_few(word: str, known: list[str], expected: str) -> None:
    assert suggestion(word, known) == expected
