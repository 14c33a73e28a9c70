"""A file is there as a whole or not at all, and nothing is left beside it, however the writing ended."""

from __future__ import annotations

import os
import signal
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.snapshot import whole_file


class _EndedError(Exception):
    """Stands for whatever ends the writing."""


@given(
    old=st.none() | st.binary(max_size=50),
    parts=st.lists(st.binary(max_size=50), max_size=5),
    ends_at=st.integers(0, 6),
)
def test_a_reader_meets_the_old_file_or_the_new_one(old: bytes | None, parts: list[bytes], ends_at: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.csv")
        if old is not None:
            path.write_bytes(old)
        try:
            with whole_file.replacing(path) as beside, beside.open("wb") as file:
                for number, part in enumerate(parts):
                    assert (path.read_bytes() if path.exists() else None) == old
                    if number == ends_at:
                        raise _EndedError  # noqa: TRY301 - what is tested
                    file.write(part)
        except _EndedError:
            expected = old
        else:
            expected = b"".join(parts)
        assert (path.read_bytes() if path.exists() else None) == expected
        assert [left.name for left in Path(folder).iterdir()] == ([] if expected is None else ["report.csv"])


def _killed(path: Path) -> None:
    """Write to a path in a process that is killed meanwhile."""
    child = os.fork()
    if not child:
        with whole_file.replacing(path) as beside:
            beside.write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def test_what_a_killed_process_left_is_cleared_by_the_next_and_what_another_writes_is_not(tmp_path: Path) -> None:
    path = tmp_path / ("long" * 60)
    path.write_bytes(b"old")
    _killed(path)
    _killed(path)
    assert len(list(tmp_path.iterdir())) == 2
    assert path.read_bytes() == b"old"
    with whole_file.replacing(path) as first:
        first.write_bytes(b"first")
        with whole_file.replacing(path) as second:
            second.write_bytes(b"second")
        assert path.read_bytes() == b"second"
        assert set(tmp_path.iterdir()) == {path, first}
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed_and_permissions_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    with whole_file.replacing(link) as beside:
        assert stat.S_IMODE(beside.stat().st_mode) == 0o640
        beside.write_text("new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    with whole_file.replacing(tmp_path / "own", private=True) as beside:
        pass
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["/dev/null", "/dev/stdout", "/dev/full", "/proc/self/fd/1", "pipe", "folder"])
def test_what_is_no_plain_file_is_not_replaced(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    assert not whole_file.is_replaceable(tmp_path / name)


def test_a_file_is_held_by_one_process_and_by_the_next_once_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    says, told = os.pipe()
    child = os.fork()
    if not child:
        whole_file.hold(path)
        os.write(told, b"held")
        signal.pause()
    assert os.read(says, 4) == b"held"
    assert whole_file.hold(path) is None
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    handle = whole_file.hold(path)
    assert handle is not None
    for number in (handle, says, told):
        os.close(number)


def test_a_folder_for_a_while_is_private_and_that_of_a_killed_process_is_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    child = os.fork()
    if not child:
        with whole_file.scratch_folder() as folder:
            (folder / "estate").write_text("secret")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert list(tmp_path.rglob("estate"))
    with whole_file.scratch_folder() as folder, whole_file.scratch_folder() as another:
        assert {path.name for path in tmp_path.iterdir()} == {folder.name, another.name}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not list(tmp_path.iterdir())
