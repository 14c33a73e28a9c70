"""Write and read the one form of archive that a bundle has: the same members make the same bytes, and no others are taken.

It is a tar file that every `tar` unpacks (POSIX ustar), without times, owners and links. A header is read by writing what it
should be and comparing: so a changed byte shows wherever it is, and nothing but plain files gets through.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Final

from msgspec import Struct

from auditor.errors import InputError

_BLOCK: Final = 512
_END: Final = bytes(2 * _BLOCK)
_CHUNK: Final = 1 << 20
MOST_MEMBERS: Final = 20_000
LARGEST_MEMBER: Final = 1 << 33  # what the size of a member has digits for
_NAME: Final = re.compile(r"[A-Za-z0-9_.@ ()+,=-]{1,255}(/[A-Za-z0-9_.@ ()+,=-]{1,255})*")
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # devices where Windows unpacks
_ODD: Final = "it was damaged or made by something else: pack it again"


class PackedMember(Struct, frozen=True):
    """A file in an archive: its name, how long it is, and the hash of what it holds."""

    name: str
    size: int
    sha256: str


def refuse_name(name: str) -> None:
    """Raise InputError for a name that a file of a bundle cannot have: one that leads out, or that some system changes."""
    parts = name.split("/")
    is_plain = _NAME.fullmatch(name) and not any(part in {".", ".."} or part.endswith((".", " ")) for part in parts)
    if not is_plain or any(_RESERVED.fullmatch(part) for part in parts):
        raise InputError(
            f"'{name[:100]}' is no name for a file in a bundle", "rename it: plain letters, digits, '-', '_', '.'"
        )
    try:
        _header(name, 0)
    except ValueError as problem:
        raise InputError(f"'{name[:100]}' is too long a name for a file in a bundle", "shorten it") from problem


def write(out: IO[bytes], name: str, source: IO[bytes], size: int) -> None:
    """Add a member."""
    refuse_name(name)
    out.write(_header(name, size))
    left = size
    while left and (chunk := source.read(min(_CHUNK, left))):
        out.write(chunk)
        left -= len(chunk)
    if left or source.read(1):
        raise InputError(f"{name} changed while it was packed", "pack it again when nothing else writes there")
    out.write(bytes(-size % _BLOCK))


def finish(out: IO[bytes]) -> None:
    """End the archive."""
    out.write(_END)


def unpack(stream: IO[bytes], folder: Path, label: str) -> Iterator[PackedMember]:
    """Put each member into a folder and yield it; InputError at the first byte that no bundle of ours has.

    Nothing is written outside of the folder, no link is made, no name is taken twice, in any case of its letters.
    """
    seen: set[str] = set()
    while header := stream.read(_BLOCK):
        if header == bytes(_BLOCK):
            if stream.read(_BLOCK + 1) != bytes(_BLOCK):
                raise InputError(f"{label}: there is something after its end", _ODD)
            return
        name, size = _read_header(header, label)
        if name.lower() in seen:
            raise InputError(f"{label}: holds '{name}' twice", _ODD)
        if len(seen) >= MOST_MEMBERS:
            raise InputError(f"{label}: holds more than {MOST_MEMBERS:,} files", _ODD)
        seen.add(name.lower())
        yield PackedMember(name, size, _copy(stream, _place(folder, name, label), size, label))
    raise InputError(f"{label}: is cut off", "copy it again")


def _read_header(header: bytes, label: str) -> tuple[str, int]:
    try:
        told = tarfile.TarInfo.frombuf(header, "ascii", "strict")
        refuse_name(told.name)
        if header == _header(told.name, told.size):
            return told.name, told.size
    except (tarfile.TarError, ValueError, InputError):
        pass
    raise InputError(f"{label}: holds something that is no plain file of a bundle", _ODD)


def _header(name: str, size: int) -> bytes:
    if not 0 <= size < LARGEST_MEMBER:
        raise ValueError(f"{name} has {size} bytes")
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")


def _place(folder: Path, name: str, label: str) -> Path:
    place = folder / PurePosixPath(name)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:  # a file of that name, or too deep a path
        raise InputError(f"{label}: '{name}' cannot be unpacked", _ODD) from problem
    return place


def _copy(stream: IO[bytes], place: Path, size: int, label: str) -> str:
    digest = hashlib.sha256()
    left = size
    try:
        with place.open("xb") as out:
            while left and (chunk := stream.read(min(_CHUNK, left))):
                out.write(chunk)
                digest.update(chunk)
                left -= len(chunk)
    except OSError as problem:
        raise InputError(
            f"{label}: cannot be unpacked: {problem.strerror}", "check the space for temporary files"
        ) from problem
    padding = -size % _BLOCK
    if left or len(zeros := stream.read(padding)) < padding:
        raise InputError(f"{label}: is cut off", "copy it again")
    if zeros.strip(b"\0"):
        raise InputError(f"{label}: there is something between its files", _ODD)
    return digest.hexdigest()
