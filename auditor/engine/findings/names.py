"""Call what a sentence is about by the names that people know: a GUID only where no name is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final

from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.azure import body
from auditor.engine.bounded_cache import BoundedCache
from auditor.estate.graph import Estate
from auditor.model import Finding, Resource

_GUID: Final = re.compile(r"(?i)\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b")
_ID: Final = re.compile(
    r"(?i)(?<![\w.])/(?:subscriptions|providers/microsoft\.management)/[^\s,;:'\"()…]*[^\s,;:'\"().…]"
)
_REMEMBERED: Final = 4_096


class CommonNames:
    """What people call the things of an estate; gone through at the first sentence that has a GUID in it.

    `known` are the names by GUID in lower case, where somebody has gone through it.
    """

    def __init__(
        self, estate: Estate, subscriptions: Mapping[str, str], known: Mapping[str, str] | None = None
    ) -> None:
        self._estate = estate
        self._subscriptions = subscriptions
        self._known = known
        self._sentences: BoundedCache[str, str] = BoundedCache(_REMEMBERED)

    def into(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return findings whose sentences call resources, subscriptions and principals by name; ids stay where they belong."""
        named = []
        known = self._sentences
        for finding in findings:
            message = known.get(finding.message) or self._sentence(finding.message)
            named.append(finding if message == finding.message else replace(finding, message=message))
        return named

    def _sentence(self, text: str) -> str:
        """Return a sentence with names in it; many findings say the same."""
        named = _ID.sub(lambda match: ids.name_of(match[0]) or match[0], text) if "/" in text else text
        if _GUID.search(named):
            named = _called_by(self.by_guid, named)
        return self._sentences.keep(text, named)

    @cached_property
    def by_guid(self) -> Mapping[str, str]:
        """Return what people call a subscription, a principal or a role, by its GUID in lower case."""
        return _names(self._estate, self._subscriptions) if self._known is None else self._known


def _called_by(names: Mapping[str, str], text: str) -> str:
    return _GUID.sub(lambda match: names.get(match[0].lower(), match[0]), text)


def _names(estate: Estate, subscriptions: Mapping[str, str]) -> dict[str, str]:
    """Return what people call a subscription, a principal or a role, by its GUID in lower case."""
    names: dict[str, str] = {}
    for resource in estate.resources:
        for guid, name in _called(resource):
            names.setdefault(guid.lower(), name)
    return names | {key.lower(): name for key, name in subscriptions.items()}


def _own_principal(resource: Resource) -> str | None:
    """Return the principal that a resource acts as; role assignments that a service keeps name their holder's."""
    is_assignment = resource.type_key.endswith("roleassignments")
    stated = None if is_assignment else body.text(resource.properties, "principalId")
    return stated or body.text(resource.body, "identity.principalId")


def _called(resource: Resource) -> Iterator[tuple[str, str]]:
    principal = body.text(resource.properties, "principalId")
    if resource.type_key.startswith("microsoft.authorization/"):
        name = body.text(resource.properties, "principalName")
        if principal and name:
            yield principal, name
    elif principal := _own_principal(resource):
        yield principal, resource.name
    if _GUID.fullmatch(resource.name):
        own = body.text(resource.properties, "roleName") or body.text(resource.properties, "displayName")
        if name := own or body.text(resource.body, "displayName"):
            yield resource.name, name
