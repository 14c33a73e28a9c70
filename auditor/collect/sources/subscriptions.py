"""Turn the scope that was asked for into subscriptions, resource groups and a condition for the inventory."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.azure import body
from auditor.collect.arm.client import Arm
from auditor.collect.arm.credentials import SignedInIdentity
from auditor.collect.arm.refusals import Kind, Refused
from auditor.collect.scope import CollectScope
from auditor.collect.sources.resource_graph import any_of, literal, run
from auditor.errors import CollectionError
from auditor.model import Gap
from auditor.snapshot.model import ANY_TYPE

log = logging.getLogger("auditor.collect")

_EVERY_SUBSCRIPTION: Final = """resourcecontainers
| where type in~ ('microsoft.resources/subscriptions')
| project id, subscriptionId
| order by id asc"""
_SUBSCRIPTIONS_VERSION: Final = "2022-12-01"
_MANAGEMENT_GROUPS_VERSION: Final = "2020-05-01"


class Subscription(Struct, frozen=True):
    """A subscription that the identity can see."""

    id: str
    name: str
    tenant_id: str | None = None


class ResolvedScope(Struct):
    """The subscriptions to read, sorted by id, and those asked for that cannot be read."""

    subscriptions: Sequence[Subscription]
    gaps: list[Gap] = field(default_factory=list)
    visible: frozenset[str] = frozenset()


def resolve(arm: Arm, scope: CollectScope, identity: SignedInIdentity) -> ResolvedScope:
    """Return the subscriptions of a scope; raise `CollectionError` where none can be read or a name is ambiguous."""
    _check_tenant(scope, identity)
    visible = _visible(arm, identity)
    if not visible:
        raise CollectionError(
            f"{identity} sees no subscription.",
            "give it Reader or the auditor's role on a subscription or management group, or sign in to another tenant",
        )
    if not scope.subscriptions and not scope.management_groups:
        return _everything(arm, visible)
    chosen: dict[str, Subscription] = {}
    gaps: list[Gap] = []
    by_id = {subscription.id.lower(): subscription for subscription in visible}
    for wanted in [*scope.subscriptions, *(found for group in scope.management_groups for found in _below(arm, group))]:
        found = by_id.get(wanted.lower()) if _is_guid(wanted) else _by_name(visible, wanted)
        if found is not None:
            chosen[found.id.lower()] = found
        else:
            gap = Gap(f"/subscriptions/{wanted}", ANY_TYPE, Kind.DENIED.value, "Microsoft.Resources/subscriptions/read")
            gaps.append(gap)
    if not chosen:
        raise CollectionError(
            f"None of the chosen subscriptions can be read by {identity}.",
            "check the ids and the tenant, or give the identity Reader or the auditor's role there",
        )
    return ResolvedScope(sorted(chosen.values(), key=lambda one: one.id.lower()), sorted(set(gaps)), _ids(visible))


def _check_tenant(scope: CollectScope, identity: SignedInIdentity) -> None:
    wanted, got = scope.tenant, identity.tenant_id
    if wanted and got and _is_guid(wanted) and wanted.lower() != got.lower():
        raise CollectionError(
            f"Signed in to tenant {got}, but tenant {wanted} was asked for.", f"run `az login --tenant {wanted}`"
        )


def _visible(arm: Arm, identity: SignedInIdentity) -> list[Subscription]:
    try:
        listing = arm.list_all("/subscriptions", _SUBSCRIPTIONS_VERSION)
    except Refused as refused:
        raise unreadable("The subscriptions", arm, refused) from refused
    if listing.refusal is not None:
        raise unreadable("The subscriptions", arm, Refused(listing.refusal))
    found = [
        Subscription(own_id, str(item.get("displayName") or own_id), body.text(item, "tenantId"))
        for item in listing.items
        if isinstance(own_id := item.get("subscriptionId"), str)
    ]
    if identity.tenant_id:
        # Subscriptions of other tenants are listed too where they are delegated to this one (Lighthouse); they count.
        found.sort(key=lambda one: one.id.lower())
    return sorted(found, key=lambda one: one.id.lower())


def _everything(arm: Arm, visible: Sequence[Subscription]) -> ResolvedScope:
    """Return the subscriptions that are listed, with those that only Resource Graph knows: each read itself, or a gap.

    Azure Resource Manager leaves out what the identity cannot read, without a word.
    """
    try:
        rows = run(arm, _EVERY_SUBSCRIPTION, ())
    except Refused as refused:
        log.info("Resource Graph does not list subscriptions: %s", refused)
        return ResolvedScope(visible, visible=_ids(visible))
    listed = _ids(visible)
    found = [*visible]
    gaps: list[Gap] = []
    for own_id in sorted({str(row.get("subscriptionId")).lower() for row in rows}):
        if own_id in listed or not _is_guid(own_id):
            continue
        scope = f"/subscriptions/{own_id}"
        try:
            answer = arm.get(scope, _SUBSCRIPTIONS_VERSION).value
        except Refused as refused:
            reason = f"only Resource Graph knows it: {refused.refusal.kind.value}"
            gaps.append(Gap(scope, ANY_TYPE, reason, "Microsoft.Resources/subscriptions/read"))
            continue
        name = body.text(answer, "displayName") or own_id
        found.append(Subscription(own_id, name, body.text(answer, "tenantId")))
    return ResolvedScope(sorted(found, key=lambda one: one.id.lower()), gaps, visible=_ids(found))


def unreadable(what: str, arm: Arm, refused: Refused) -> CollectionError:
    """Return the one line that says why nothing can be read at all, and what to do."""
    refusal = refused.refusal
    host = arm.cloud.arm
    match refusal.kind:
        case Kind.UNREACHABLE:
            hint = "check the network, HTTPS_PROXY and NO_PROXY, and whether --cloud or --arm-endpoint is right"
            return CollectionError(f"{host} cannot be reached: {_short(refusal.message)}", hint)
        case Kind.SIGNED_OUT:
            hint = "sign in to the right tenant and cloud, for example with `az login --tenant TENANT`"
            return CollectionError(
                f"{host} does not accept the sign-in: {refusal.code or _short(refusal.message)}", hint
            )
        case _:
            hint = f"it needs {refusal.action}" if refusal.action else "try again, or give a narrower scope"
            return CollectionError(f"{what} cannot be read: {refusal.kind.value}, {_short(refusal.message)}", hint)


def _below(arm: Arm, group: str) -> Iterator[str]:
    """Yield the ids of the subscriptions anywhere below a management group."""
    path = f"/providers/Microsoft.Management/managementGroups/{group.rpartition('/')[2]}"
    try:
        answer = arm.get(path, _MANAGEMENT_GROUPS_VERSION, **{"$expand": "children", "$recurse": "true"})
    except Refused as refused:
        raise unreadable(f"Management group {group}", arm, refused) from refused
    properties = answer.value.get("properties") if isinstance(answer.value, Mapping) else None
    yield from _leaves(properties)


def _leaves(root: object) -> Iterator[str]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        children = node.get("children") if isinstance(node, Mapping) else None
        for child in children if isinstance(children, list) else []:
            if isinstance(child, Mapping) and str(child.get("type", "")).lower().endswith("/subscriptions"):
                yield str(child.get("name"))
            else:
                waiting.append(child)


def _by_name(visible: Sequence[Subscription], name: str) -> Subscription:
    found = [one for one in visible if one.name.lower() == name.lower()]
    if len(found) > 1:
        listed = ", ".join(one.id for one in found)
        raise CollectionError(f"{len(found)} subscriptions are called {name!r}: {listed}.", "give the id instead")
    if not found:
        raise CollectionError(
            f"No subscription is called {name!r}.", "run `az account list -o table` for those you can see"
        )
    return found[0]


def group_names(scope: CollectScope, groups: Sequence[Mapping[str, object]]) -> list[str] | None:
    """Return the names of the resource groups that lie in a scope as a whole, sorted; None: all of them."""
    if not scope.resource_groups and not scope.tags:
        return None
    wanted = {name.lower() for name in scope.resource_groups}
    named = [group for group in groups if not wanted or str(group.get("name", "")).lower() in wanted]
    return sorted({str(group.get("name")) for group in named if not scope.tags or has_tags(group, scope.tags)})


def resource_condition(scope: CollectScope, whole_groups: Sequence[str]) -> str:
    """Return the condition of the query language for the resources of a scope that names groups or tags.

    `whole_groups` are those that lie in it as a whole. Where tags are asked for, a resource may carry them itself.
    """
    in_groups = any_of("resourceGroup", whole_groups) if whole_groups else ""
    if not scope.tags:
        return in_groups
    tagged = " and ".join(f"tags[{literal(name)}] =~ {literal(value)}" for name, value in sorted(scope.tags.items()))
    if scope.resource_groups:
        tagged = f"({any_of('resourceGroup', sorted(scope.resource_groups))}) and {tagged}"
    return f"({tagged}) or ({in_groups})" if in_groups else tagged


def concerns(scope: CollectScope, whole_groups: Sequence[str], body: Mapping[str, object]) -> bool:
    """Whether a resource of a list meets the condition that `resource_condition` puts to Resource Graph."""
    group = (ids.resource_group_of(str(body.get("id"))) or "").lower()
    if group in {name.lower() for name in whole_groups}:
        return True
    is_named = not scope.resource_groups or group in {name.lower() for name in scope.resource_groups}
    return bool(scope.tags) and is_named and has_tags(body, scope.tags)


def has_tags(body: Mapping[str, object], wanted: Mapping[str, str]) -> bool:
    """Whether an object carries all the tags, names and values in any case."""
    tags = body.get("tags")
    if not isinstance(tags, Mapping):
        return False
    own = {str(name).lower(): str(value).lower() for name, value in tags.items()}
    return all(own.get(name.lower()) == value.lower() for name, value in wanted.items())


def _ids(subscriptions: Sequence[Subscription]) -> frozenset[str]:
    return frozenset(one.id.lower() for one in subscriptions)


def _is_guid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return len(text) == 36


def _short(message: str) -> str:
    return " ".join(message.split())[:200] or "no reason given"
