"""Everything that is known of resource types; what needs to know of them asks here, by type or by trait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from auditor.azure import paths, type_files
from auditor.azure.relation import Navigation
from auditor.azure.resource_type import Namespace, ResourceType
from auditor.azure.vocabulary import Property, Vocabulary
from auditor.compiled import store

_FOLDER: Final = Path(__file__).resolve().parent / "types"
CONSTANTS: Final = (paths.ABSENT, paths.EACH)
"""Objects in types, relations and rules that are told apart by identity."""
_RELATIONS: Final = _FOLDER.parent / "relations"


class Catalogue:
    """All known types, sorted by name in lower case."""

    def __init__(self, types: Iterable[ResourceType], namespaces: Iterable[Namespace] = ()) -> None:
        self.namespaces: Sequence[Namespace] = sorted(namespaces, key=lambda item: item.name.lower())
        self._types = {item.key: item for item in sorted(types, key=lambda item: item.key)}
        self._labels = {item.label: item for item in self if item.label}
        self._versions = {item.name.lower(): item.api_version for item in self.namespaces}
        self._vocabularies: dict[str, Vocabulary] = {}
        self._unlisted = Vocabulary("resource", ())

    def __iter__(self) -> Iterator[ResourceType]:
        """Go through the types."""
        return iter(self._types.values())

    def get(self, resource_type: str) -> ResourceType | None:
        """Return what is known of a type, in any case, or None."""
        return self._types.get(resource_type.lower())

    def labelled(self, label: str) -> ResourceType:
        """Return the type that a file gives a label; KeyError where none does."""
        return self._labels[label]

    def of_type(self, resource_type: str) -> Vocabulary:
        """Return the names for a type; of an unlisted type only the envelope and explicit `properties.…` paths."""
        key = resource_type.lower()
        known = self._types.get(key)
        if known is None or not known.properties:
            return self._unlisted
        if key not in self._vocabularies:
            self._vocabularies[key] = Vocabulary(known.name, known.properties)
        return self._vocabularies[key]

    def types(self) -> list[str]:
        """Return the types whose properties have short names, as spelled, sorted."""
        return sorted(item.name for item in self if item.properties)

    def read_version(self, resource_type: str) -> str | None:
        """Return the version for reading a type: its own, else its parent's, else its namespace's; None without one."""
        key = resource_type.lower()
        while "/" in key:
            if (known := self._types.get(key)) and known.api_version:
                return known.api_version
            key = key.rpartition("/")[0]
        return self._versions.get(key)

    def default(self, resource_type: str, path: str) -> object:
        """Return what Azure applies where a property of a type is absent, or ABSENT where that is not known."""
        return next((item.default for item in self._listed(resource_type) if item.path == path), paths.ABSENT)

    def since(self, resource_type: str, path: str) -> str | None:
        """Return the first API version that shows a property of a type, or None where that is not known."""
        return next((item.since for item in self._listed(resource_type) if item.path == path), None)

    def _listed(self, resource_type: str) -> Sequence[Property]:
        known = self._types.get(resource_type.lower())
        return known.properties if known else ()

    def with_folders(self, folders: Iterable[Path]) -> Catalogue:
        """Return a catalogue that also holds the types of a user's folders. ContentError at the first mistake."""
        types, namespaces = dict(self._types), {item.name.lower(): item for item in self.namespaces}
        for folder in folders:
            more, spaces = type_files.load_folder(folder, types)
            types |= {item.key: item for item in more}
            namespaces |= {item.name.lower(): item for item in spaces}
        return Catalogue(types.values(), namespaces.values())


@lru_cache(maxsize=1)
def shipped() -> Catalogue:
    """Return the catalogue that comes with the tool."""
    return Catalogue(*store.kept("types", shipped_digest, lambda: type_files.load_folder(_FOLDER), CONSTANTS))


@lru_cache(maxsize=1)
def shipped_digest() -> bytes:
    """Return what tells the files of the tool's own types and relations. OSError where one cannot be read."""
    return store.digest([*type_files.files(_FOLDER), *type_files.files(_RELATIONS)])


@lru_cache(maxsize=1)
def ways() -> Mapping[str, Navigation]:
    """Return the ways to follow relations, by the names that rules and components use."""
    return store.kept("relations", shipped_digest, lambda: type_files.load_relations(_RELATIONS), CONSTANTS)


def spelled(resource_type: str) -> str:
    """Return a type of the tool's own as Azure spells it; KeyError where it has no file."""
    known = shipped().get(resource_type)
    if known is None:
        raise KeyError(resource_type)
    return known.name
