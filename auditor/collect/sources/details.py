"""Run one operation on one resource, and say what came back, what did not, and what that means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure.catalogue import shipped
from auditor.collect.arm.client import Arm
from auditor.collect.arm.pages import ListAnswer
from auditor.collect.arm.refusals import Kind, Refusal, Refused
from auditor.collect.operations import LISTED, RESOURCE_GROUPS, Operation
from auditor.collect.sources import contract
from auditor.errors import CollectionError
from auditor.model import Gap
from auditor.snapshot.model import ANY_TYPE

COMPLETE: Final = "complete"
PARTIAL: Final = "partial"
FAILED: Final = "failed"

PROPERTIES: Final = "properties"
_TRANSIENT: Final = frozenset({Kind.THROTTLED, Kind.FAILED, Kind.UNREACHABLE, Kind.CUT, Kind.UNTRUSTED})


class Target(Struct, frozen=True):
    """A resource, resource group or subscription to run operations on."""

    id: str
    type_key: str = ""
    kind: str = ""
    sku: str = ""
    location: str = ""
    is_stale: bool = False
    is_bare: bool = False
    """Known without its properties."""
    lacks: frozenset[str] = frozenset()
    """Types, in lower case, that it cannot have, by what its properties say."""

    @property
    def subscription(self) -> str:
        """Return the subscription's id as the resource's id spells it."""
        return ids.subscription_of(self.id) or ""


class Item(Struct, frozen=True):
    """One object that an operation brought, with the version that gave it and when."""

    body: dict[str, object]
    api_version: str
    at: str
    source: str = "arm"


class Outcome(Struct):
    """What one operation on one target yielded."""

    items: list[Item] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_transient: bool = False
    is_gone: bool = False
    parts: Mapping[str, Outcome] = field(default_factory=dict)
    """Of several operations in one call: what each yielded, by its name."""

    @property
    def state(self) -> str:
        """Return `complete`, `partial` (something came and something is missing) or `failed`."""
        if not self.gaps:
            return COMPLETE
        return PARTIAL if self.items else FAILED


def perform(arm: Arm, target: Target, operation: Operation) -> Outcome:
    """Run an operation on a target, with its details and what hangs on its items."""
    outcome = Outcome()
    _perform(arm, target, operation, outcome)
    return outcome


def perform_together(arm: Arm, target: Target, operations: Sequence[Operation]) -> Outcome:
    """Run operations on a target that one list serves; where it does not answer as it must, each by itself."""
    listing = _listed_together(arm, target, operations)
    own = {operation.name: _of_type(listing, operation.yields) for operation in operations} if listing else {}
    if any(
        contract.believed(own[one.name].items, target.id + one.path, target.id, one)[1] for one in operations if own
    ):
        own = {}
    parts = {operation.name: Outcome() for operation in operations}
    for operation in operations:
        _perform(arm, target, operation, parts[operation.name], own.get(operation.name))
    return Outcome(is_transient=any(part.is_transient for part in parts.values()), parts=parts)


def _listed_together(arm: Arm, target: Target, operations: Sequence[Operation]) -> ListAnswer | None:
    """Return the list of all types below a target, whole; None where there is none, or none that can be believed.

    What cannot be had for good is not asked for again in the same subscription.
    """
    shared = operations[0].together
    place = (target.subscription.lower(), shared.path if shared else "")
    if shared is None or place in arm.not_shared:
        return None
    try:
        listing = arm.list_all(target.id + shared.path, max(operation.api_version for operation in operations))
    except Refused as refused:
        stop_if_signed_out(refused.refusal)
        if refused.refusal.kind not in _TRANSIENT:
            arm.not_shared.add(place)
        return None
    if listing.refusal is not None:
        return None
    if not contract.is_shared_list(listing.items, target.id, shared.always):
        arm.not_shared.add(place)
        return None
    return listing


def _of_type(listing: ListAnswer, resource_type: str) -> ListAnswer:
    """Return a list with only those of its items whose ids spell a type."""
    kind = resource_type.lower()
    return replace(
        listing, items=[one for one in listing.items if (ids.type_of(str(one.get("id"))) or "").lower() == kind]
    )


def _perform(
    arm: Arm, target: Target, operation: Operation, outcome: Outcome, listing: ListAnswer | None = None
) -> None:
    """Add what an operation yields to an outcome; `listing` is its list where that was read already."""
    try:
        found = _read(arm, target, operation, outcome, listing)
    except Refused as refused:
        settle(arm, target, operation, refused.refusal, outcome)
        return
    for item in found:
        outcome.items.append(_detailed(arm, operation, item, outcome))
        own_id = item.body.get("id")
        if operation.then and isinstance(own_id, str):
            child = Target(own_id, operation.yields.lower())
            for further in operation.then:
                _perform(arm, child, further, outcome)


def _read(arm: Arm, target: Target, operation: Operation, outcome: Outcome, listing: ListAnswer | None) -> list[Item]:
    if operation.many:
        return read_list(arm, target, operation, outcome, listing)
    path = target.id + operation.path
    answer = arm.get(path, operation.api_version)
    body = contract.answer_to(answer.value, path, target.id, operation)
    return [Item(body, answer.api_version, answer.at)]


def read_list(
    arm: Arm, target: Target, operation: Operation, outcome: Outcome, listing: ListAnswer | None = None
) -> list[Item]:
    """Return the items of a list that can be believed; what is missing or cannot be goes into the outcome.

    `listing` is the list where it was read already. Raises `Refused` where not even a first page came.
    """
    path = target.id + operation.path
    if listing is None:
        listing = arm.list_all(path, operation.api_version)
    bodies, doubted = contract.believed(listing.items, path, target.id, operation)
    for refusal in (listing.refusal, doubted):
        if refusal is not None:
            settle(arm, target, operation, refusal, outcome)
    return [Item(body, listing.api_version, listing.at) for body in bodies]


def _detailed(arm: Arm, operation: Operation, item: Item, outcome: Outcome) -> Item:
    """Return an item of a list as it is by its own id; where that does not come, its properties are a gap.

    The list has just named it, so that it is not gone either where Azure does not find it.
    """
    if not operation.details:
        return item
    own_id = str(item.body["id"])
    try:
        answer = arm.get(own_id, operation.api_version)
        body = contract.itself(answer.value, own_id)
    except Refused as refused:
        stop_if_signed_out(refused.refusal)
        outcome.is_transient = outcome.is_transient or refused.refusal.kind in _TRANSIENT
        outcome.gaps.append(gap_of(own_id, PROPERTIES, refused.refusal, operation.action))
        return item
    return Item(contract.shaped(body, own_id, operation), answer.api_version, answer.at)


def settle(arm: Arm, target: Target, operation: Operation, refusal: Refusal, outcome: Outcome) -> None:
    """Decide what a refusal means: nothing is there, the resource is gone, or a gap that says what would settle it."""
    stop_if_signed_out(refusal)
    outcome.notes.append(f"{refusal.status} {refusal.code}".strip())
    if refusal.code.lower() in operation.empty_codes or refusal.kind is Kind.NOT_LICENSED:
        return
    if refusal.kind is Kind.UNREGISTERED:
        namespace = operation.yields.partition("/")[0]
        if target.subscription and arm.is_unregistered(target.subscription, namespace):
            return
    if refusal.kind is Kind.NOT_FOUND:
        if operation.empty_if_missing:
            return
        if is_gone(arm, target):
            outcome.is_gone = True
            return
    outcome.is_transient = outcome.is_transient or refusal.kind in _TRANSIENT
    outcome.gaps.append(gap_of(target.id, operation.yields, refusal, operation.action))


def stop_if_signed_out(refusal: Refusal) -> None:
    """Raise where Azure no longer accepts the sign-in: every further call would only leave one more gap."""
    if refusal.kind is Kind.SIGNED_OUT:
        reason = refusal.code or refusal.message[:200]
        raise CollectionError(
            f"Azure no longer accepts the sign-in: {reason}",
            "sign in again and continue with `auditor collect --resume FILE`",
        )


def gap_of(scope: str, what: str, refusal: Refusal, action: str) -> Gap:
    """Return the gap that a refusal leaves; the permission is what Azure named, else what the operation needs."""
    permission = (refusal.action or action) if refusal.kind is Kind.DENIED else None
    reason = refusal.kind.value
    if refusal.kind not in {Kind.DENIED, Kind.THROTTLED} and (refusal.code or refusal.message):
        reason = f"{reason}: {refusal.code or refusal.message}"[:200]
    return Gap(scope, what, reason, permission)


def read_resource(arm: Arm, target: Target) -> Outcome:
    """Read a resource that only a reference names, by its own id, in the version that the rules need."""
    return _read_by_id(arm, target, shipped().read_version(target.type_key), ids.type_of(target.id) or ANY_TYPE)


def read_itself(arm: Arm, target: Target) -> Outcome:
    """Read a resource of the inventory by its own id, in any version; where that fails its properties are a gap."""
    version = shipped().read_version(target.type_key) or arm.newest_version(target.id)
    return _read_by_id(arm, target, version, PROPERTIES)


def read_unlisted_group(arm: Arm, target: Target) -> Outcome:
    """Read a resource group that no list had and that has a resource all the same: it cannot be gone."""
    outcome = _read_by_id(arm, target, RESOURCE_GROUPS.api_version, RESOURCE_GROUPS.yields)
    if outcome.is_gone:
        outcome.is_gone = False
        outcome.gaps.append(Gap(target.id, RESOURCE_GROUPS.yields, Kind.NOT_FOUND.value))
    return outcome


def _read_by_id(arm: Arm, target: Target, version: str | None, what: str) -> Outcome:
    """Read one resource; `what` is what is not known where that fails."""
    outcome = Outcome()
    if version is None:
        outcome.gaps.append(Gap(target.id, what, Kind.UNKNOWN_VERSION.value))
        return outcome
    try:
        answer = arm.get(target.id, version)
        body = contract.itself(answer.value, target.id)
    except Refused as refused:
        refusal = refused.refusal
        stop_if_signed_out(refusal)
        outcome.is_gone = refusal.kind is Kind.NOT_FOUND and not _is_listed(arm, target.id)
        outcome.is_transient = refusal.kind in _TRANSIENT
        if not outcome.is_gone:
            action = f"{ids.type_of(target.id) or ANY_TYPE}/read"
            outcome.gaps.append(gap_of(target.id, what, refusal, action))
        return outcome
    outcome.items.append(Item(body, answer.api_version, answer.at))
    return outcome


def is_gone(arm: Arm, target: Target) -> bool:
    """Whether a resource of the inventory has been deleted since; False where that cannot be told.

    One answer is not enough: what its own service does not find, Azure Resource Manager's list must not hold either.
    """
    version = shipped().read_version(target.type_key)
    if version is None:
        return False
    try:
        arm.get(target.id, version)
    except Refused as refused:
        return refused.refusal.kind is Kind.NOT_FOUND and not _is_listed(arm, target.id)
    return False


def _is_listed(arm: Arm, resource_id: str) -> bool:
    """Whether Azure Resource Manager lists a resource, a group, or what a resource lies below; True where it won't say."""
    parts = ids.segments(resource_id)
    if len(parts) < 4 or parts[2].lower() != "resourcegroups":
        return True
    is_group = len(parts) == 4
    operation = RESOURCE_GROUPS if is_group else LISTED
    owner = "/" + "/".join(parts[: 2 if is_group else 4])
    try:
        listing = arm.list_all(owner + operation.path, operation.api_version)
    except Refused as refused:
        return refused.refusal.kind is not Kind.NOT_FOUND
    listed = {ids.key(own_id) for item in listing.items if isinstance(own_id := item.get("id"), str)}
    return listing.refusal is not None or any(ids.is_under(resource_id, key) for key in listed)
