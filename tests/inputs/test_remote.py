"""Inputs may lie wherever fsspec reaches, and are what they are in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.errors import InputError
from auditor.inputs import read
from tests.checkout import ROOT, SAMPLE
from tests.e2e.command import auditor

fsspec = pytest.importorskip("fsspec", reason="the extra [dask] is not installed")
from auditor.inputs import remote  # noqa: E402 - it needs fsspec


def test_an_input_is_the_same_wherever_it_lies() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/estates/chat.json", SAMPLE.read_bytes())

    assert remote.read_all(["memory://estates/chat.json"]) == read.read(SAMPLE)
    assert remote.read_all(["memory://estates"]) == read.read(SAMPLE)
    assert remote.read_all([f"file://{SAMPLE}", "memory://estates/chat.json"]) == read.read(SAMPLE, SAMPLE)
    assert remote.read_all([str(SAMPLE), "memory://estates/chat.json"]) == read.read(SAMPLE, SAMPLE)


def test_what_is_wrong_with_an_input_is_said_with_where_it_lies() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/wrong/empty.json", b"")

    with pytest.raises(InputError) as empty:
        remote.read_all(["memory://wrong/empty.json"])
    assert str(empty.value).startswith("memory://wrong/empty.json is empty")
    with pytest.raises(InputError, match=r"^memory://nowhere/at.all: cannot be read: "):
        remote.read_all(["memory://nowhere/at.all"])
    with pytest.raises(InputError, match=r"^unheard-of://at.all: cannot be read: Protocol not known"):
        remote.read_all(["unheard-of://at.all"])


def test_the_command_reads_a_location(tmp_path: Path) -> None:
    near = auditor("evaluate", SAMPLE, "--complete", "-o", "json", at=tmp_path)
    far = auditor("evaluate", f"file://{SAMPLE}", "--complete", "-o", "json", at=tmp_path)

    assert (far.code, far.out) == (near.code, near.out)


def test_without_the_extra_a_location_is_told_how_to_be_read(tmp_path: Path) -> None:
    (tmp_path / "fsspec.py").write_text("raise ImportError('not here')\n", encoding="utf-8")
    path = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}

    ended = auditor("evaluate", f"file://{SAMPLE}", at=tmp_path, env=path)

    assert ended.code == 2
    assert "needs the package fsspec" in ended.err
    assert "pip install 'estate-auditor[dask]'" in ended.err
    assert auditor("evaluate", SAMPLE, "--complete", "-q", at=tmp_path, env=path).code == 1
