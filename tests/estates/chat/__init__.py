"""An estate of our own for tests: the chat architecture in production, in the shapes in which ARM returns it.

It is built by what is in it: `network` (subnets and security groups), `endpoints` (private endpoints and zones),
`gateway`, `workspace`, `services`, `apps`, `jump_box`, `identities`. Names and settings follow the architecture's
published reference implementation, with what that gets wrong, so that each kind of finding is there once; a test in
`conformance` holds both to the same findings.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests.estates.arm import GROUP, TENANT, Body, resource
from tests.estates.chat import apps, endpoints, gateway, identities, jump_box, network, services, workspace


@cache
def _text() -> str:
    group = resource("Microsoft.Resources/resourceGroups", "rg-chat", properties={"provisioningState": "Succeeded"})
    group["id"] = GROUP
    parts = (identities, network, endpoints, gateway, workspace, services, apps, jump_box)
    bodies = [group, *(body for part in parts for body in part.bodies())]
    return json.dumps(sorted(bodies, key=lambda body: (body["type"], body["id"])))


def chat_bodies() -> list[Body]:
    """Return fresh copies of the estate's resources."""
    bodies: list[Body] = json.loads(_text())
    return bodies


def chat_document() -> dict[str, Any]:
    """Return the estate as the document that an export is."""
    subscription = {"subscriptionId": "00000000-0000-0000-0000-0000000000a1", "displayName": "sub-chat-prod"}
    return {
        "source": {"snapshotAt": "2024-02-20T12:00:00Z"},
        "tenantId": TENANT,
        "subscriptions": [subscription],
        "resources": chat_bodies(),
    }
