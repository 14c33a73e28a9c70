"""Read inputs from wherever fsspec reaches: an object store, a server, the memory of this process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from auditor.errors import AuditorError, InputError
from auditor.inputs import read
from auditor.snapshot import whole_file
from auditor.snapshot.model import Snapshot

try:
    import fsspec
except ImportError as problem:
    raise AuditorError(
        "an input with a scheme, such as s3://…, needs the package fsspec, which is not installed",
        "run: pip install 'estate-auditor[dask]', and what the scheme needs (s3fs, adlfs, gcsfs)",
    ) from problem


def read_all(sources: Sequence[str]) -> Snapshot:
    """Return the estate in several inputs, of which some are fetched first, into a folder that is gone afterwards.

    Raise InputError for what cannot be fetched; what is wrong with the content is said with where it came from.
    """
    with whole_file.scratch_folder() as folder:
        places = {source: _fetched(source, folder / str(number)) for number, source in enumerate(sources)}
        try:
            return read.read(*places.values())
        except AuditorError as problem:
            message, hint = problem.message, problem.hint
            for source, place in places.items():
                message, hint = (text.replace(str(place), source) for text in (message, hint))
            raise type(problem)(message, hint) from problem


def file_system(place: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """Return what reads and writes a place that a scheme names, and the place as it is called there."""
    system, path = fsspec.core.url_to_fs(place)
    return system, str(path)


def _fetched(source: str, folder: Path) -> str:
    """Return where an input lies: as it is given, or what its scheme leads to, as a copy in a folder."""
    if not read.is_location(source):
        return source
    folder.mkdir()
    try:
        system, path = file_system(source)
        if system.isdir(path):
            for inner in map(PurePosixPath, system.find(path)):
                below = inner.relative_to(path.rstrip("/"))
                if not any(part.startswith(".") for part in below.parts):  # hidden, or the way out of the folder
                    (folder / below).parent.mkdir(parents=True, exist_ok=True)
                    system.get_file(str(inner), str(folder / below))
            return str(folder)
        copy = folder / f"of-{PurePosixPath(path).name}"
        system.get_file(path, str(copy))
    except Exception as problem:  # each kind of store has its own kinds of mistakes
        reason = str(problem).partition("\n")[0] or type(problem).__name__
        raise InputError(
            f"{source}: cannot be read: {reason}", "check the address, and who may read there"
        ) from problem
    return str(copy)
