"""Say which part of Azure to collect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from auditor.errors import CollectionError


class CollectScope(Struct, frozen=True):
    """What the user asked for; everything empty means every subscription that the identity can see.

    `subscriptions` are ids or display names; `resource_groups` are names, looked up in all chosen subscriptions;
    `tags` must all match on a resource or on its resource group.
    """

    tenant: str | None = None
    management_groups: Sequence[str] = ()
    subscriptions: Sequence[str] = ()
    resource_groups: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> Mapping[str, object]:
        """Return the scope as a snapshot's metadata keeps it."""
        return {
            "tenant": self.tenant,
            "management_groups": sorted(self.management_groups),
            "subscriptions": sorted(self.subscriptions),
            "resource_groups": sorted(self.resource_groups),
            "tags": dict(sorted(self.tags.items())),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> CollectScope:
        """Return the scope that a snapshot's metadata keeps, for resuming its collection."""
        tags = stored.get("tags")
        tenant = stored.get("tenant")
        return cls(
            tenant=tenant if isinstance(tenant, str) else None,
            management_groups=_texts(stored.get("management_groups")),
            subscriptions=_texts(stored.get("subscriptions")),
            resource_groups=_texts(stored.get("resource_groups")),
            tags={str(name): str(value) for name, value in tags.items()} if isinstance(tags, Mapping) else {},
        )


def _texts(value: object) -> Sequence[str]:
    if value is None:
        return ()
    if isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise CollectionError("The snapshot's stored scope is damaged.", "collect anew instead of resuming")
