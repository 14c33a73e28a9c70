"""Let one process at a time collect into a path."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auditor.errors import SnapshotError
from auditor.snapshot import whole_file
from auditor.snapshot.compression import label_of


@contextmanager
def collecting(path: Path) -> Iterator[None]:
    """Hold a snapshot's path while the body collects into it; SnapshotError names the process that holds it already.

    The lock is the kernel's and ends with its holder: what a killed process left of it is taken over.
    """
    beside = path.with_name(f"{path.name}.lock")
    with _written(path):
        handle = whole_file.hold(beside)
    if handle is None:
        raise SnapshotError(
            f"{label_of(path)} is being collected by {_holder(beside)}", "wait for it, or choose another path"
        )
    try:
        with _written(path):
            os.ftruncate(handle, 0)
            os.write(handle, f"process {os.getpid()} on {platform.node()}\n".encode())
        yield
    finally:
        beside.unlink(missing_ok=True)
        os.close(handle)


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise SnapshotError(
            f"{label_of(path)} cannot be written: {problem.strerror}", "check the folder and its free space"
        ) from problem


def _holder(lock: Path) -> str:
    """Return who holds a lock, as it says itself."""
    try:
        text = lock.read_text(encoding="utf-8", errors="replace")[:100].strip()
    except OSError:
        text = ""
    return text if text.startswith("process ") and text.isprintable() else "another process"
