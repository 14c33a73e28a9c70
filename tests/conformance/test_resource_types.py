"""What the type files say of names, versions and paths is what Azure publishes of its types."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from auditor.azure import paths
from auditor.azure.catalogue import shipped
from auditor.azure.resource_type import ResourceType
from tests.conformance.material import SHARED

_OF_THE_ENVELOPE = {"kind", "id"}
_WITHOUT_ALIAS = {
    # newer than the published aliases
    ("Microsoft.CognitiveServices/accounts", "properties.instant"),
    ("Microsoft.CognitiveServices/accounts", "properties.instant.modelAllowList"),
    ("Microsoft.CognitiveServices/accounts", "properties.instant.modelAllowList[*]"),
    # of the caller's own making, so that nothing publishes what is in it
    ("Microsoft.CognitiveServices/accounts/connections", "properties.metadata.ResourceId"),
    ("Microsoft.CognitiveServices/accounts/projects/connections", "properties.metadata.ResourceId"),
    ("Microsoft.MachineLearningServices/workspaces/connections", "properties.metadata.ResourceId"),
    # an object whose names are the rules' own
    (
        "Microsoft.MachineLearningServices/workspaces",
        "properties.managedNetwork.outboundRules[*].destination.serviceResourceId",
    ),
    ("Microsoft.Storage/storageAccounts", "properties.creationTime"),  # it is read-only
    # its alias leads to where newer versions keep it, outboundVnetRouting.imagePullTraffic
    ("Microsoft.Web/sites", "properties.vnetImagePullEnabled"),
    ("Microsoft.Web/sites/slots", "properties.vnetImagePullEnabled"),
}
# Listed by the resource manager itself, whose own versions the published list of types leaves out.
_OF_ARM = {
    "Microsoft.Resources/resources",
    "Microsoft.Resources/subscriptions",
    "Microsoft.Resources/subscriptions/locations",
}
# Roles for Cosmos DB's other APIs, in Azure's own specification since 2025 and not yet in the published list.
_NEWER = {
    f"microsoft.documentdb/databaseaccounts/{form}role{what}"
    for form in ("table", "cassandra", "gremlin", "mongomi")
    for what in ("assignments", "definitions")
}
# The published list leaves these providers out.
_NOT_LISTED = ("microsoft.batch/", "microsoft.datafactory/", "microsoft.dbformysql/")


@cache
def published() -> Mapping[str, Mapping[str, Any]]:
    """Return what Azure publishes of each type (in lower case): its aliases and API versions."""
    folder = SHARED / "data" / "policy-aliases"
    types: dict[str, Mapping[str, Any]] = {}
    for file in sorted([*folder.glob("providers/*/types.json"), *folder.glob("from-get-azpolicyalias/*/types.json")]):
        types |= {f"{file.parent.name}/{one['resourceType']}".lower(): one for one in json.loads(file.read_text())}
    return types


def listed() -> Iterator[tuple[ResourceType, Mapping[str, Any]]]:
    """Yield the types that have a file and are published, with what is published."""
    for item in shipped():
        if item.key in published():
            yield item, published()[item.key]


def _paths(item: ResourceType) -> Iterator[str]:
    yield from (known.path for known in item.properties)
    yield from item.hosts.stated if item.hosts else ()
    yield from (paths.show(place.at) for stated in item.refers for place in stated.places if place.at)
    yield from (f"{paths.show(one.each)}.{one.address}" for one in item.addresses)
    for endpoint in item.way_in.endpoints if item.way_in else ():
        yield from endpoint.paths


def _known_paths(aliases: Mapping[str, str]) -> set[str]:
    whole = [str(path).lower().replace("[*]", "").split(".") for path in aliases.values()]
    return {".".join(steps[:end]) for steps in whole for end in range(1, len(steps) + 1)}


def test_nearly_every_type_is_a_published_one() -> None:
    assert sum(1 for _ in listed()) > 0.9 * sum(
        1 for item in shipped() if item.key not in _NEWER and not item.key.startswith(_NOT_LISTED)
    )


def test_every_version_is_one_of_its_type() -> None:
    wrong = [
        (item.name, version)
        for item, known in listed()
        if (version := shipped().read_version(item.name)) and item.name not in _OF_ARM
        if known.get("apiVersions") and version not in {one.lower() for one in known["apiVersions"]}
    ]
    assert wrong == []


def test_every_path_is_one_of_its_type() -> None:
    wrong = [
        (item.name, path)
        for item, known in listed()
        if known.get("aliases")
        for path in _paths(item)
        if path not in _OF_THE_ENVELOPE and (item.name, path) not in _WITHOUT_ALIAS
        if path.lower().replace("[*]", "") not in _known_paths(known["aliases"])
    ]
    assert wrong == []
