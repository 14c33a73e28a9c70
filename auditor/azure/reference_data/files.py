"""Read the files that the data sets lie in, once each, on first use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from importlib import resources
from typing import Any, Final

import orjson
import yaml
from msgspec import Struct

from auditor.yaml_source import LOADER

_FOLDER: Final = resources.files(__package__) / "data"


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
    body: Mapping[str, Any] = yaml.load(raw, Loader=LOADER) if name.endswith(".yaml") else orjson.loads(raw)  # noqa: S506 - a safe one
    return DataFile(body["title"], _sources(body["sources"]), body, hashlib.sha256(raw).hexdigest())


def _sources(listed: Sequence[Mapping[str, str | date]]) -> tuple[Source, ...]:
    """Return the sources; YAML reads their days as dates, JSON as text."""
    return tuple(Source(str(source["url"]), date.fromisoformat(str(source["as_of"]))) for source in listed)
