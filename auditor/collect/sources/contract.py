"""Hold an answer against its question: the parent, the type and the shape that Azure's answer must have.

An answer that does not fit is not believed, whatever the reason: a proxy, a defect of a provider, a cache that mixes up
its entries. What it would have said is a gap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from auditor import resource_id as ids
from auditor.azure.catalogue import shipped
from auditor.collect.arm.refusals import Kind, Refusal, Refused
from auditor.collect.operations import Operation
from auditor.snapshot import json_text

_NO_PROPERTIES: Final = "it came without properties"
_TOO_DEEP: Final = "it is nested more deeply than anything of Azure's"
_LEVELS: Final = 100


def untrusted(reason: str) -> Refusal:
    """Return the refusal that an answer comes to that does not fit its question."""
    return Refusal(Kind.UNTRUSTED, 200, message=reason)


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


def answer_to(value: object, path: str, scope: str, operation: Operation) -> dict[str, object]:
    """Return the object that an operation on a scope brought, shaped; raise `Refused` where it cannot be believed."""
    if not isinstance(value, Mapping):
        raise Refused(untrusted("the answer is not an object"))
    body = shaped(value, path, operation)
    if reason := _doubt(body, scope, operation):
        raise Refused(untrusted(reason))
    return body


def itself(value: object, resource_id: str) -> dict[str, object]:
    """Return the resource that was asked for by its id; raise `Refused` where the answer cannot be believed."""
    if not isinstance(value, Mapping):
        raise Refused(untrusted("the answer is not an object"))
    if reason := _doubt_itself(value, resource_id):
        raise Refused(untrusted(reason))
    return dict(value)


def _doubt(body: Mapping[str, object], scope: str, operation: Operation) -> str | None:
    """Return why an object, shaped, cannot be the answer to an operation on a scope, or None where it can."""
    own_id = str(body["id"])
    is_asked = operation.many or ids.key(own_id) == ids.key(scope + operation.path)
    if not is_asked or not _lies_right(own_id, scope, operation):
        return f"{own_id} does not belong to what was asked"
    spelled = ids.type_of(own_id)
    if spelled is not None and not _is_type(spelled, operation.yields):
        return f"{own_id} is of another type"
    own_type = str(body["type"])
    if not _is_type(own_type, operation.yields) and own_type.lower() != (spelled or "").lower():
        return f"its type is {own_type}"
    if is_deeper(body):
        return _TOO_DEEP
    if not operation.without_properties and not isinstance(body.get("properties"), Mapping):
        return _NO_PROPERTIES
    return None


def _lies_right(own_id: str, scope: str, operation: Operation) -> bool:
    """Whether an id lies where an operation's answer must: below what it was asked of, or above where that is inherited.

    What holds for a subscription (assignments, policies) may come from a management group or from the root.
    """
    if ids.key(own_id) == ids.key(scope):
        return False
    if ids.is_under(own_id, scope):
        return True
    owner, is_extension, _ = own_id.rpartition("/providers/")
    if not is_extension or operation.on != ids.SUBSCRIPTIONS:
        return False
    return ids.subscription_of(own_id) is None or (bool(owner) and ids.is_under(scope, owner))


def _is_type(spelled: str, expected: str) -> bool:
    """Whether a spelling means a type.

    App Service states the type of a slot's child as that of a site's; the settings of a subscription carry a namespace
    that is none (`AzureResourceManager/diagnosticSettings`).
    """
    own, asked = spelled.lower(), expected.lower()
    if own == asked:
        return True
    same_name = own.rpartition("/")[2] == asked.rpartition("/")[2]
    return same_name and own.partition("/")[0] in {asked.partition("/")[0], "azureresourcemanager"}


def _doubt_itself(body: Mapping[str, object], resource_id: str) -> str | None:
    """Return why an object cannot be the resource with an id, or None where it can."""
    own_id, own_type = body.get("id"), body.get("type")
    if not isinstance(own_id, str) or ids.key(own_id) != ids.key(resource_id):
        return "another object came"
    spelled = ids.type_of(resource_id)
    if spelled is not None and isinstance(own_type, str) and "/" in own_type and own_type.lower() != spelled.lower():
        return f"its type is {own_type}"
    if is_deeper(body):
        return _TOO_DEEP
    if not isinstance(body.get("properties"), Mapping) and _has_properties(spelled or ""):
        return _NO_PROPERTIES
    return None


def is_deeper(value: object) -> bool:
    """Whether objects and lists are nested in a value more deeply than anything of Azure's."""
    return json_text.is_deeper(value, _LEVELS)


def _has_properties(resource_type: str) -> bool:
    """Whether rules read properties of a type, so that a resource without any says nothing about them."""
    known = shipped().get(resource_type)
    return known is not None and any(item.path.lower().startswith("properties.") for item in known.properties)


def is_shared_list(bodies: Sequence[Mapping[str, object]], scope: str, always: str) -> bool:
    """Whether objects are those right below a resource, of any type, the one that is always there included."""
    deeper = len(ids.segments(scope)) + 2
    found = [own_id for body in bodies if ids.is_resource_id(own_id := body.get("id"))]
    are_here = all(ids.is_under(own_id, scope) and len(ids.segments(own_id)) == deeper for own_id in found)
    is_there = any((ids.type_of(own_id) or "").lower() == always.lower() for own_id in found)
    return len(found) == len(bodies) and are_here and is_there


def believed(
    bodies: Sequence[Mapping[str, object]], path: str, scope: str, operation: Operation
) -> tuple[list[dict[str, object]], Refusal | None]:
    """Return the items of a list that fit the question, shaped, and what the others come to."""
    reasons: list[str] = []
    kept = []
    for body in bodies:
        is_named = ids.is_resource_id(body.get("id")) or isinstance(body.get("name"), str)
        whole = shaped(body, path, operation)
        reason = _doubt(whole, scope, operation) if is_named else "it came without id and name"
        if reason is None:
            kept.append(whole)
        else:
            reasons.append(reason)
    if not reasons:
        return kept, None
    return kept, untrusted(f"{len(reasons)} of {len(bodies)} items are left out: {reasons[0]}")
