"""Everything that is known of resource types; what needs to know of them asks here, by type or by trait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from auditor.azure import paths, type_files
from auditor.azure.relation import Navigation, StatedBy
from auditor.azure.resource_type import Namespace, ResourceType
from auditor.azure.vocabulary import ENVELOPE, Property, Vocabulary
from auditor.compiled import store
from auditor.errors import ContentError
from auditor.yaml_source import suggestion

_FOLDER: Final = Path(__file__).resolve().parent / "types"
CONSTANTS: Final = (paths.ABSENT, paths.EACH)
"""Objects in types, relations and rules that are told apart by identity."""
_RELATIONS: Final = _FOLDER.parent / "relations"


class Catalogue:
    """All known types, sorted by name in lower case."""

    def __init__(
        self,
        types: Iterable[ResourceType],
        namespaces: Iterable[Namespace] = (),
        ways: Mapping[str, Navigation] | None = None,
    ) -> None:
        self.namespaces: Sequence[Namespace] = sorted(namespaces, key=lambda item: item.name.lower())
        self.ways: Mapping[str, Navigation] = _own_ways() if ways is None else ways
        """The ways to follow relations, by the names that rules and components use; the tool's own where none are given."""
        self._types = {item.key: item for item in sorted(types, key=lambda item: item.key)}
        self._labels = {item.label: item for item in self if item.label}
        self._versions = {item.name.lower(): item.api_version for item in self.namespaces}
        self._vocabularies: dict[str, Vocabulary] = {}
        self._unlisted = Vocabulary("resource", ())

    @cached_property
    def statements(self) -> Mapping[str, Sequence[StatedBy]]:
        """Return, by relation, which types state it and how."""
        found: dict[str, list[StatedBy]] = {}
        for item in self:
            for stated in item.refers:
                found.setdefault(stated.relation, []).append((item.key, stated))
        return found

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

    def refuse_dead_path(self, resource_types: Iterable[str], path: str) -> str | None:
        """Return what is wrong with a property path on resources of some types; None where it leads somewhere.

        It does on one of them whose file names it, or something in it; of a type that no file says anything of, nothing is
        known to be wrong.
        """
        try:
            steps = tuple(step.folded for step in paths.parse(path))
        except ValueError as problem:
            return str(problem)
        known = [kind for name in resource_types if (kind := self.get(name)) is not None and kind.known_paths]
        texts = [text for kind in known for text in kind.known_paths]
        listed = [tuple(step.folded for step in paths.parse(text)) for text in texts]
        if not known or steps[0] in ENVELOPE or any(one[: len(steps)] == steps for one in listed):
            return None
        near = suggestion(path, texts) or "list it under 'properties' in the type's file"
        return f"'{path}' leads nowhere in what is known of {', '.join(kind.name for kind in known)}; {near}"

    def default(self, resource_type: str, path: str) -> object:
        """Return what Azure applies where a property of a type is absent, or ABSENT where that is not known."""
        return next((item.default for item in self._listed(resource_type) if item.path == path), paths.ABSENT)

    def since(self, resource_type: str, path: str) -> str | None:
        """Return the first API version that shows a property of a type, or None where that is not known."""
        return next((item.since for item in self._listed(resource_type) if item.path == path), None)

    def _listed(self, resource_type: str) -> Sequence[Property]:
        known = self._types.get(resource_type.lower())
        return known.properties if known else ()

    def with_folders(self, folders: Iterable[Path], relations: Iterable[Path] = ()) -> Catalogue:
        """Return a catalogue that also holds the types and relations of a user's folders. ContentError for mistakes."""
        types, namespaces = dict(self._types), {item.name.lower(): item for item in self.namespaces}
        for folder in folders:
            more, spaces = type_files.load_folder(folder, types)
            types |= {item.key: item for item in more}
            namespaces |= {item.name.lower(): item for item in spaces}
        ways, stated = dict(self.ways), list[StatedBy]()
        for folder in relations:
            found, more_stated = type_files.load_relations(folder, ways)
            ways |= found
            stated += more_stated
        for kind, entry in stated:
            if kind not in types:
                raise ContentError(f"{entry.place}: there is no file of the type '{kind}'", suggestion(kind, types))
            types[kind] = replace(types[kind], refers=[*types[kind].refers, entry])
        _refuse_strays(types.values(), ways)
        return Catalogue(types.values(), namespaces.values(), ways)


@lru_cache(maxsize=1)
def shipped() -> Catalogue:
    """Return the catalogue that comes with the tool."""
    return Catalogue(*store.kept("types", shipped_digest, _read_types, CONSTANTS))


def _read_types() -> tuple[Sequence[ResourceType], Sequence[Namespace]]:
    types, namespaces = type_files.load_folder(_FOLDER)
    _refuse_strays(types, _own_ways())
    return types, namespaces


@lru_cache(maxsize=1)
def _own_ways() -> Mapping[str, Navigation]:
    return store.kept("relations", shipped_digest, _read_ways, CONSTANTS)


def _read_ways() -> Mapping[str, Navigation]:
    ways, _ = type_files.load_relations(_RELATIONS, {})
    return ways


def _refuse_strays(types: Iterable[ResourceType], ways: Mapping[str, Navigation]) -> None:
    """Refuse what a type states of a relation that no file names: nobody could follow it."""
    known = {way.kind for way in ways.values()} | {way.then for way in ways.values() if way.then}
    for kind in types:
        for stated in kind.refers:
            if stated.relation not in known:
                message = f"{stated.place}: there is no relation '{stated.relation}'"
                raise ContentError(message, suggestion(stated.relation, known))


@lru_cache(maxsize=1)
def shipped_digest() -> bytes:
    """Return what tells the files of the tool's own types and relations. OSError where one cannot be read."""
    return store.digest([*type_files.files(_FOLDER), *type_files.files(_RELATIONS)])


def spelled(resource_type: str) -> str:
    """Return a type of the tool's own as Azure spells it; KeyError where it has no file."""
    known = shipped().get(resource_type)
    if known is None:
        raise KeyError(resource_type)
    return known.name
