"""Turn what somebody asks about access into a question that has an answer, or say what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

from auditor import resource_id as ids
from auditor.errors import InputError
from auditor.rbac.access_graph import AccessGraph
from auditor.rbac.permissions import Plane
from auditor.rbac.queries import given_names, principals_named
from auditor.rbac.scopes import ScopeKind, kind_of

_OPERATION: Final = re.compile(
    r"[A-Za-z0-9]+(\.[A-Za-z0-9]+)+(/[A-Za-z0-9._-]+)+/(read|write|delete|action)", re.IGNORECASE
)
_PATTERN: Final = re.compile(r"\*|[A-Za-z0-9.*]+(/[A-Za-z0-9._*-]+)+")
_EXAMPLE: Final = "write it as roles do, such as Microsoft.KeyVault/vaults/secrets/getSecret/action"


def operation(text: str) -> tuple[Plane | None, str]:
    """Return (plane or None, operation) of a text such as `data:Microsoft.…/read`. Raise InputError if it is none."""
    plane, name = _apart(text)
    if _OPERATION.fullmatch(name) is None:
        wild = "ask about one operation, not about a pattern" if "*" in name else _EXAMPLE
        raise InputError(f"'{text}' is no operation", wild)
    return plane, name


def operations(texts: Iterable[str]) -> Sequence[str]:
    """Return operations and patterns, given apart or in one text. Raise InputError for what is neither, or for none."""
    names = [name for text in texts for name in text.replace(",", " ").split()]
    for name in names:
        if _PATTERN.fullmatch(_apart(name)[1]) is None:
            raise InputError(f"'{name}' is no operation", _EXAMPLE)
    if not names:
        raise InputError("no operation is given", _EXAMPLE)
    return names


def _apart(text: str) -> tuple[Plane | None, str]:
    prefix, colon, rest = text.strip().partition(":")
    if colon and prefix.lower() in set(Plane):
        return Plane(prefix.lower()), rest.strip()
    return None, text.strip()


def scope(graph: AccessGraph, text: str, operations: Sequence[str] = ()) -> str:
    """Return the scope that a text names: an id, as the estate spells it, or the last part of one resource's id.

    Of several resources of a name the one counts that the operations are for: a record in a private zone has the name of
    its service. A child of a resource of the estate, and a group or subscription that holds one, need not be resources.
    Raise InputError where the estate holds nothing of the kind.
    """
    name = text.strip()
    if ids.key(name) in {"", "/"}:
        raise InputError("the root scope is no resource", "name a resource, a resource group or a subscription")
    estate = graph.estate
    if (resource := estate.resource(name)) is not None:
        return resource.id
    if name.startswith("/"):
        if _is_held(graph, name):
            return name.rstrip("/")
        raise InputError(
            f"'{text}' is not in the estate", _near(ids.key(name), (known.key for known in estate.resources))
        )
    alike = [known for known in estate.resources if known.name.lower() == name.lower()]
    meant = [known.id for known in alike if any(_is_for(one, known.type_key) for one in operations)]
    named = meant or [known.id for known in alike]
    if len(named) == 1:
        return named[0]
    if named:
        raise InputError(f"'{text}' names {len(named)} resources", f"give the id: {', '.join(named[:5])}")
    raise InputError(f"'{text}' is not in the estate", _near(name, {known.name for known in estate.resources}))


def _is_for(operation: str, kind: str) -> bool:
    """Whether an operation, or a pattern of some, is one of a type or of what is inside it."""
    return operation.lower().startswith(f"{kind}/")


def _is_held(graph: AccessGraph, scope: str) -> bool:
    estate = graph.estate
    kind = kind_of(scope)
    if kind in {ScopeKind.SUBSCRIPTION, ScopeKind.RESOURCE_GROUP}:
        return any(ids.is_under(known.key, scope) for known in estate.resources)
    if kind is ScopeKind.MANAGEMENT_GROUP:
        return any(ids.key(a.scope) == ids.key(scope) for a in graph.grants.assignments)
    above = ids.parent_of(scope)
    while above is not None:
        if estate.resource(above) is not None:
            return True
        above = ids.parent_of(above)
    return False


def principals(graph: AccessGraph, name: str) -> Sequence[str]:
    """Return the principals that a name stands for. Raise InputError, with those of near names, where there are none."""
    named = principals_named(graph, name)
    if named:
        return named
    components = {part.component for parts in graph.parts.values() for part in parts}
    resource = graph.estate.resource(name)
    if resource is not None:
        raise InputError(
            f"'{resource.name}' runs as no managed identity that is known", "name an identity or a principal id"
        )
    everyone = {a.principal for a in graph.grants.assignments}
    known = {*given_names(graph).values(), *components, *everyone}
    raise InputError(f"nobody is named '{name}' in the estate", _near(name, known) or "give a principal id")


def _near(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word.lower(), sorted({name.lower() for name in known}), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else ""
