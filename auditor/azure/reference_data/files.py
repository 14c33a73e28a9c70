"""Read the files that the data sets lie in, once each, on first use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson
from msgspec import Struct

from auditor.compiled import store
from auditor.lazy_imports import lazy_imports
from auditor.yaml_source import yaml_loader

with lazy_imports(__name__):
    import yaml

_FOLDER: Final = Path(__file__).parent / "data"


class Source(Struct, frozen=True):
    """Where facts were taken from, and the day that they stood there."""

    url: str
    as_of: date


class DataFile(Struct, frozen=True):
    """A file of facts: what it is about, its sources, what it says, and the SHA-256 of its bytes."""

    title: str
    sources: tuple[Source, ...]
    body: Mapping[str, Any]
    sha256: str


@cache
def read(name: str) -> DataFile:
    """Return a file of the folder `data`, YAML or JSON by its name's end."""
    raw = (_FOLDER / name).read_bytes()
    sha256 = hashlib.sha256(raw)
    is_json = name.endswith(".json")
    body: Mapping[str, Any] = orjson.loads(raw) if is_json else store.kept(name, sha256.digest, lambda: _plain(raw))
    return DataFile(body["title"], _sources(body["sources"]), body, sha256.hexdigest())


def _plain(raw: bytes) -> dict[str, object]:
    """Return what a YAML file holds as JSON can hold it: YAML reads days as dates, JSON as text."""
    found: dict[str, object] = orjson.loads(orjson.dumps(yaml.load(raw, Loader=yaml_loader())))  # noqa: S506 - a safe one
    return found


def _sources(listed: Sequence[Mapping[str, str]]) -> tuple[Source, ...]:
    return tuple(Source(source["url"], date.fromisoformat(source["as_of"])) for source in listed)
