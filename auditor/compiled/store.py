"""Keep what was made from files beside Python's bytecode, under the same trust, and know when it is stale.

What lies there is believed as Python believes its own bytecode: who can write into `__pycache__` can change the tool. So
nothing is kept where Python keeps no bytecode (`PYTHONDONTWRITEBYTECODE`, a folder that cannot be written), and it lies
with the rest under `PYTHONPYCACHEPREFIX`. It is as old as the files that it was made from, by their content, and as the
tool, by the size and time of each module, as bytecode is. What is stale, damaged or not there is made anew.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.util import cache_from_source
from operator import attrgetter
from pathlib import Path
from typing import Final, TypeVar

from auditor.compiled import objects
from auditor.shipped import PACKAGE
from auditor.yaml_source import note

T = TypeVar("T")

_AT_ONCE: Final = 256 * 1024
_LOGGER: Final = logging.getLogger(__name__)
_DAMAGED: Final = (ValueError, TypeError, LookupError, AttributeError, ImportError)


def kept(name: str, made_of: Callable[[], bytes], make: Callable[[], T], constants: Sequence[object] = ()) -> T:
    """Return what was kept under a name if it was made of the same, else make it and keep it for the next start.

    `made_of` returns what tells that apart, or raises OSError where it cannot be told: then nothing is taken or kept.
    `constants` are as in `objects.dump`. What `make` raises is raised, and nothing kept.
    """
    place = _place(name)
    if place is None:
        return make()
    try:
        key = sha256(state() + made_of()).hexdigest().encode()
    except OSError:
        return make()  # which says what cannot be read
    found = _read(place, key, constants)
    if found is not None:
        return found  # type: ignore[return-value]  # what `make` returned when it was kept
    made = make()
    if not sys.dont_write_bytecode:
        _keep(place, key, made, constants)
    return made


def digest(files: Iterable[Path], *more: bytes) -> bytes:
    """Return what tells some files, by path and content, and further texts from any others. OSError where one cannot be read."""
    whole = sha256()
    for path in files:
        note(path)
        whole.update(_counted(os.fsencode(path)) + _counted(_content(path)))
    for text in more:
        whole.update(_counted(text))
    return whole.digest()


def _counted(text: bytes) -> bytes:
    """Return a text with its length before it: texts that follow each other are then no others than they are."""
    return b"%d:%s" % (len(text), text)


def _content(path: Path) -> bytes:
    """Return what a file holds, without the objects around it: hundreds are read at each start."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(file, _AT_ONCE):
            parts.append(part)
    finally:
        os.close(file)
    return b"".join(parts)


def _place(name: str) -> Path | None:
    """Return the file, or None where this Python has no place for bytecode."""
    try:
        return Path(cache_from_source(str(Path(__file__).with_name(f"{name}.py")), optimization="")).with_suffix(
            ".json"
        )
    except NotImplementedError:
        return None


@cache
def state() -> bytes:
    """Return what tells this state of the tool's own code from others."""
    whole = sha256(sys.version.encode())
    folders = [os.fspath(PACKAGE)]
    while folders:
        with os.scandir(folders.pop()) as listed:  # not os.walk, which makes as much again of hundreds of files
            entries = sorted(listed, key=attrgetter("name"))
        for entry in entries:
            if entry.name.endswith(".py"):
                at = entry.stat()
                whole.update(f"{entry.path}\0{at.st_size}\0{at.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
            elif entry.name != "__pycache__" and entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
    return whole.digest()


def _read(place: Path, key: bytes, constants: Sequence[object]) -> object | None:
    try:
        head, _, text = place.read_bytes().partition(b"\n")
    except OSError:
        return None
    if head != b"%s %s" % (key, sha256(text).hexdigest().encode()):
        return None
    try:
        return objects.load(text, constants)
    except _DAMAGED:
        _LOGGER.debug("%s cannot be read", place, exc_info=True)
        return None


def _keep(place: Path, key: bytes, made: object, constants: Sequence[object]) -> None:
    """Write the file in one step, so that another process finds the old one, the new one, or none."""
    part = place.with_name(f"{place.name}.{os.getpid()}")
    try:
        text = objects.dump(made, constants)
        place.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as out:
            out.write(b"%s %s\n%s" % (key, sha256(text).hexdigest().encode(), text))
        part.replace(place)
    except (OSError, TypeError):
        _LOGGER.debug("%s cannot be kept", place, exc_info=True)
        with suppress(OSError):
            part.unlink(missing_ok=True)
