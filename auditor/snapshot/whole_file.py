"""Write a file beside its place and move it there whole, and leave nothing behind, however the process ends.

What is being written is held with a lock of the kernel's, which ends with the process. What a killed process left is
therefore told from what another is writing, whatever became of its number, and is cleared by the next who writes there.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_ENDING: Final = ".auditor-tmp"
_SCRATCH: Final = "auditor-scratch-"
_NAME_KEPT: Final = 40  # a name may be as long as the file system allows, and what stands beside it is longer
_NO_LOCKS: Final = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


def hold(path: Path, mode: int = 0o600) -> int | None:
    """Return the handle of a file that this process alone holds, made where it is not there; None where another does."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
        if not _lock(handle):
            os.close(handle)
            return None
        if _is_at(handle, path):  # else whoever held it removed it meanwhile
            return handle
        os.close(handle)


def is_replaceable(path: Path) -> bool:
    """Whether a path names a plain file, or nothing yet; a device or a pipe can only be written to."""
    if path.absolute().parts[1:2] in {("dev",), ("proc",)}:  # /dev/stdout may lead to a file that the shell holds open
        return False
    return path.is_file() or not path.exists()


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Give an empty file to fill, and move it to `path` once the body is through; after anything else nothing is changed.

    It is readable as the file that it replaces is, or as any new one; `private` makes it the owner's alone.
    """
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    _clear(target)
    handle, beside = _beside(target, 0o600 if private else 0o666)
    try:
        if not private and target.exists():
            os.fchmod(handle, stat.S_IMODE(target.stat().st_mode))
        yield beside
        os.fsync(handle)
        beside.replace(target)
        _sync_folder(target.parent)
    finally:
        beside.unlink(missing_ok=True)
        os.close(handle)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a folder of the owner's alone that is gone afterwards; those of killed processes are cleared first."""
    for left in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*"):
        _clear_scratch(left)
    with tempfile.TemporaryDirectory(prefix=_SCRATCH) as name:
        handle = hold(Path(name, "lock"))
        try:
            yield Path(name)
        finally:
            if handle is not None:
                os.close(handle)


def _lock(handle: int) -> bool:
    """Lock an open file; where the file system has no locks, everybody is taken to be alone."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as problem:
        if problem.errno not in _NO_LOCKS:
            raise
    return True


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False


def _beside(target: Path, mode: int) -> tuple[int, Path]:
    while True:
        path = target.with_name(f".{target.name[:_NAME_KEPT]}.{secrets.token_hex(6)}{_ENDING}")
        handle = hold(path, mode)
        if handle is not None:
            return handle, path


def _clear(target: Path) -> None:
    """Remove what killed processes left beside a file."""
    for left in target.parent.glob(f".{glob.escape(target.name[:_NAME_KEPT])}.*{_ENDING}"):
        with suppress(OSError):
            _remove_if_left(left)


def _remove_if_left(path: Path) -> None:
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(handle, path):
            path.unlink()
    finally:
        os.close(handle)


def _clear_scratch(folder: Path) -> None:
    """Remove a folder whose lock nobody holds. One without a lock is just being made, or is none of ours."""
    with suppress(OSError):
        if folder.lstat().st_uid != os.geteuid():
            return
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
        finally:
            os.close(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
