"""Small catalogues of resource types, for tests."""

from __future__ import annotations

from auditor.azure import paths
from auditor.azure.catalogue import Catalogue
from auditor.azure.resource_type import ResourceType
from auditor.azure.vocabulary import Property
from auditor.yaml_source import load_text


def catalogue_of(text: str) -> Catalogue:
    """Return a catalogue of the types in a YAML text: type → property path → nothing, or {default, since}."""
    types = load_text(text, "types").mapping("types")
    return Catalogue(
        ResourceType(
            name, properties=[Property(path, paths.parse(path), **(known or {})) for path, known in items.items()]
        )
        for name, node in types.items()
        for items in [node.plain()]
    )
