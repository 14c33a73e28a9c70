"""Make the sample of a landing zone: `python -m tests.estates.landing_zone` writes `samples/landing-zone.json` anew."""

from __future__ import annotations

from tests.estates.arm import Body
from tests.estates.landing_zone import access, hub, services, spokes
from tests.estates.landing_zone.places import SUBSCRIPTIONS, TENANT


def document() -> Body:
    """Return the estate as an export that is complete."""
    return {
        "complete": True,
        "source": {
            "snapshotAt": "2026-06-15T09:00:00Z",
            "madeUp": "This estate does not exist; see README.md beside this file.",
        },
        "tenantId": TENANT,
        "subscriptions": [{"subscriptionId": id_, "displayName": name} for name, id_ in SUBSCRIPTIONS.items()],
        "resources": [*hub.resources(), *spokes.resources(), *services.resources(), *access.resources()],
    }
