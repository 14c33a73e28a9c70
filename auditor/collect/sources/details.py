"""Run one operation on one resource, and say what came back, what did not, and what that means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from auditor import resource_id as ids
from auditor.azure.catalogue import shipped
from auditor.collect.arm.client import Arm
from auditor.collect.arm.refusals import Kind, Refusal, Refused
from auditor.collect.operations import Operation
from auditor.errors import CollectionError
from auditor.model import Gap
from auditor.snapshot.model import ANY_TYPE

COMPLETE: Final = "complete"
PARTIAL: Final = "partial"
FAILED: Final = "failed"

_TRANSIENT: Final = frozenset({Kind.THROTTLED, Kind.FAILED, Kind.UNREACHABLE})


@dataclass(frozen=True, slots=True)
class Target:
    """A resource, resource group or subscription to run operations on."""

    id: str
    type_key: str = ""
    kind: str = ""
    sku: str = ""
    location: str = ""
    is_stale: bool = False
    is_bare: bool = False
    """Known without its properties."""

    @property
    def subscription(self) -> str:
        """Return the subscription's id as the resource's id spells it."""
        return ids.subscription_of(self.id) or ""


@dataclass(frozen=True, slots=True)
class Item:
    """One object that an operation brought, with the version that gave it and when."""

    body: dict[str, object]
    api_version: str
    at: str
    source: str = "arm"


@dataclass(slots=True)
class Outcome:
    """What one operation on one target yielded."""

    items: list[Item] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_transient: bool = False
    is_gone: bool = False

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


def _perform(arm: Arm, target: Target, operation: Operation, outcome: Outcome) -> None:
    path = target.id + operation.path
    try:
        found = _read(arm, path, operation, outcome, target)
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


def _read(arm: Arm, path: str, operation: Operation, outcome: Outcome, target: Target) -> list[Item]:
    if not operation.many:
        answer = arm.get(path, operation.api_version)
        if not isinstance(answer.value, dict):
            raise Refused(Refusal(Kind.FAILED, 200, message="the answer is not an object"))
        return [Item(shaped(answer.value, path, operation), answer.api_version, answer.at)]
    listing = arm.list_all(path, operation.api_version)
    if listing.refusal is not None:
        settle(arm, target, operation, listing.refusal, outcome)
    return [Item(shaped(body, path, operation), listing.api_version, listing.at) for body in listing.items]


def shaped(body: Mapping[str, object], path: str, operation: Operation) -> dict[str, object]:
    """Return an object with a whole id and a type, where a service leaves them out."""
    found = dict(body)
    own_id = found.get("id")
    if isinstance(own_id, str) and own_id[:14].lower() == "subscriptions/":
        found["id"] = "/" + own_id  # diagnostic settings of a subscription come without the first slash
    elif not ids.is_resource_id(own_id):
        found["id"] = path if not operation.many else f"{path}/{found.get('name')}"
    own_type = found.get("type")
    if not isinstance(own_type, str) or "/" not in own_type:
        found["type"] = operation.yields
    return found


def _detailed(arm: Arm, operation: Operation, item: Item, outcome: Outcome) -> Item:
    if not operation.details:
        return item
    try:
        answer = arm.get(str(item.body["id"]), operation.api_version)
    except Refused as refused:
        if refused.refusal.kind is Kind.NOT_FOUND:
            return item
        settle(
            arm,
            Target(str(item.body["id"]), operation.yields.lower()),
            operation,
            refused.refusal,
            outcome,
            what="properties",
        )
        return item
    if not isinstance(answer.value, dict):
        outcome.gaps.append(Gap(str(item.body["id"]), "properties", Kind.FAILED.value))
        return item
    return Item(shaped(answer.value, str(item.body["id"]), operation), answer.api_version, answer.at)


def settle(
    arm: Arm, target: Target, operation: Operation, refusal: Refusal, outcome: Outcome, *, what: str | None = None
) -> None:
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
    outcome.gaps.append(gap_of(target.id, what or operation.yields, refusal, operation.action))


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
    """Read a resource once more by its own id, in the version that the rules need."""
    outcome = Outcome()
    resource_type = ids.type_of(target.id) or ANY_TYPE
    version = shipped().read_version(target.type_key)
    if version is None:
        return outcome
    try:
        answer = arm.get(target.id, version)
    except Refused as refused:
        operation = Operation("resource", target.type_key, "", version, resource_type, f"{resource_type}/read")
        settle(arm, target, operation, refused.refusal, outcome)
        return outcome
    if isinstance(answer.value, dict) and ids.key(str(answer.value.get("id"))) == ids.key(target.id):
        outcome.items.append(Item(answer.value, answer.api_version, answer.at))
    else:
        outcome.gaps.append(Gap(target.id, resource_type, f"{Kind.FAILED.value}: another object came"))
    return outcome


def read_listed(arm: Arm, target: Target) -> Outcome:
    """Read a resource that a list gave without its properties, in any version; where that fails they are a gap."""
    outcome = Outcome()
    resource_type = ids.type_of(target.id) or ANY_TYPE
    version = shipped().read_version(target.type_key) or arm.newest_version(target.id)
    if version is None:
        outcome.gaps.append(Gap(target.id, "properties", Kind.UNKNOWN_VERSION.value))
        return outcome
    try:
        answer = arm.get(target.id, version)
    except Refused as refused:
        stop_if_signed_out(refused.refusal)
        outcome.is_gone = refused.refusal.kind is Kind.NOT_FOUND
        outcome.is_transient = refused.refusal.kind in _TRANSIENT
        if not outcome.is_gone:
            outcome.gaps.append(gap_of(target.id, "properties", refused.refusal, f"{resource_type}/read"))
        return outcome
    if isinstance(answer.value, dict) and ids.key(str(answer.value.get("id"))) == ids.key(target.id):
        outcome.items.append(Item(answer.value, answer.api_version, answer.at))
    else:
        outcome.gaps.append(Gap(target.id, "properties", f"{Kind.FAILED.value}: another object came"))
    return outcome


def is_gone(arm: Arm, target: Target) -> bool:
    """Whether a resource of the inventory has been deleted since; False where that cannot be told."""
    version = shipped().read_version(target.type_key)
    if version is None:
        return False
    try:
        arm.get(target.id, version)
    except Refused as refused:
        return refused.refusal.kind is Kind.NOT_FOUND
    return False
