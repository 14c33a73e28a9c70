"""What was kept is taken only where it was made of the same, by the same tool, and is whole."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.compiled import store
from auditor.language.ast import Constant
from auditor.yaml_source import noting


def of(text: bytes) -> Callable[[], bytes]:
    return lambda: text


class Maker:
    """Makes a value and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Constant:
        self.times += 1
        return Constant("made")


@pytest.fixture
def kept_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return tmp_path


def files(folder: Path) -> list[Path]:
    # A module that is first imported meanwhile leaves its bytecode here too: that is Python's, not the store's.
    return [path for path in folder.rglob("*") if path.is_file() and ".pyc" not in path.name]


def test_what_was_made_is_kept_for_the_next_start(kept_in: Path) -> None:
    make = Maker()

    assert store.kept("thing", of(b"this"), make) == store.kept("thing", of(b"this"), make) == Constant("made")
    assert make.times == 1
    assert [path.suffix for path in files(kept_in)] == [".json"]


def test_of_other_files_it_is_made_anew(kept_in: Path) -> None:
    make = Maker()
    for made_of in (of(b"this"), of(b"that"), of(b"this")):
        store.kept("thing", made_of, make)

    assert make.times == 3
    assert len(files(kept_in)) == 1


@pytest.mark.usefixtures("kept_in")
def test_another_state_of_the_tool_makes_it_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    make = Maker()
    store.kept("thing", of(b"this"), make)
    monkeypatch.setattr(store, "state", lambda: b"another")
    store.kept("thing", of(b"this"), make)

    assert make.times == 2


@given(at=st.integers(0, 10_000), byte=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_file_is_as_none(kept_in: Path, at: int, byte: int, *, cut: bool) -> None:
    make = Maker()
    store.kept("thing", of(b"this"), make)
    (path,) = files(kept_in)
    text = bytearray(path.read_bytes())
    at %= len(text)
    text[at] ^= byte
    path.write_bytes(text[:at] if cut else text)
    before = make.times

    assert store.kept("thing", of(b"this"), make) == Constant("made")
    assert make.times == before + 1
    assert store.kept("thing", of(b"this"), make) == Constant("made")
    assert make.times == before + 1, "it is mended"


def test_nothing_is_written_where_python_may_write_no_bytecode(kept_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    make = Maker()
    store.kept("thing", of(b"this"), make)
    store.kept("thing", of(b"this"), make)

    assert make.times == 2
    assert files(kept_in) == []


def test_where_nothing_can_be_written_it_is_made_each_time(kept_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (kept_in / "file").write_text("")
    monkeypatch.setattr(sys, "pycache_prefix", str(kept_in / "file"))
    make = Maker()
    store.kept("thing", of(b"this"), make)

    assert store.kept("thing", of(b"this"), make) == Constant("made")
    assert make.times == 2


def test_what_cannot_be_written_is_made_each_time(kept_in: Path) -> None:
    thing = object()

    assert store.kept("thing", of(b"this"), lambda: thing) is thing
    assert files(kept_in) == []


def test_what_making_raises_is_raised_and_nothing_kept(kept_in: Path) -> None:
    def fail() -> Constant:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.kept("thing", of(b"this"), fail)
    assert files(kept_in) == []


def test_files_are_told_apart_by_path_and_content_and_count_as_read(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"x")
    second.write_bytes(b"x")
    with noting() as noted:
        told = {
            store.digest([first]),
            store.digest([second]),
            store.digest([first], b"x"),
            store.digest([first, second]),
        }
        first.write_bytes(b"y")
        told.add(store.digest([first]))

    assert len(told) == 5
    assert noted == {first, second}
