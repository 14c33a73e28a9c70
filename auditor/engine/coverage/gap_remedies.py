"""Say what would settle a gap: a permission, a command, or a word on the export."""

from __future__ import annotations

import shlex
from typing import Final

from msgspec import Struct

from auditor import resource_id as ids
from auditor.azure.catalogue import Catalogue
from auditor.azure.resource_type import ResourceType
from auditor.estate.completeness import ALWAYS_EXISTS, NOT_IN_EXPORT
from auditor.estate.graph import OUTSIDE, Estate
from auditor.model import Gap
from auditor.snapshot.left_out import NOT_NEEDED
from auditor.snapshot.model import ANY_TYPE

OPEN_EXPORT: Final = Gap("/", ANY_TYPE, "the export does not say that it is complete")
"""The gap that every export has that could have left anything out."""


class Settling(Struct, frozen=True):
    """Says what to do about the gaps of an estate; `declared` are those that its snapshot names itself."""

    declared: frozenset[Gap]
    catalogue: Catalogue
    is_collected: bool

    @classmethod
    def of(cls, estate: Estate) -> Settling:
        """Return what is needed for the gaps of an estate."""
        return cls(frozenset(estate.gaps), estate.catalogue, is_collected=estate.metadata.collected_at is not None)

    def phrase(self, gap: Gap) -> str:
        """Return what to do about a gap, such as `grant …`."""
        if gap == OPEN_EXPORT:
            return "say --complete if it holds all there is; `auditor collect` reads all there is"
        if gap.reason == NOT_NEEDED:
            return "collect it with --everything"
        if gap.reason == OUTSIDE:
            return f"collect it, too: `auditor collect --subscription {ids.subscription_of(gap.scope) or 'ID'}`"
        if gap.reason == NOT_IN_EXPORT or gap.reason.startswith(f"{NOT_IN_EXPORT}:"):
            return f"{self._added(gap)}; say --complete if there is none"
        if gap.reason == ALWAYS_EXISTS:
            return self._added(gap)
        return f"grant {gap.permission}" if gap.permission else self._without_permission(gap)

    def _without_permission(self, gap: Gap) -> str:
        if gap not in self.declared:
            return "`auditor explain` shows what is not known; what decides it cannot be collected"
        if gap.what == ANY_TYPE:
            return "export or collect again, to the end"
        return "collect it again" if self.is_collected else self._added(gap)

    def _added(self, gap: Gap) -> str:
        """Say how to complete an export."""
        command = command_for(gap, self.catalogue)
        collect = "`auditor collect`" + (f" with {gap.permission}" if gap.permission else "")
        return f"add what `{command}` prints, or use {collect}" if command else f"use {collect}"


def command_for(gap: Gap, catalogue: Catalogue) -> str | None:
    """Return the command of the Azure CLI that prints what a gap hides, or None where no single one does."""
    is_at_resource = ids.type_of(gap.scope) is not None
    if "/" not in gap.what or (ids.type_of(gap.scope) or "").lower() == gap.what.lower():
        return f"az resource show --ids {shlex.quote(gap.scope)}" if is_at_resource else None
    kind = catalogue.get(gap.what) or catalogue.get(gap.what.rpartition("/")[0])
    if kind is None:
        return None
    if is_at_resource and kind.listing and (version := catalogue.read_version(kind.name)):
        member = gap.what[len(kind.name) :]
        url = f"{gap.scope}{kind.listing.path}{member}?api-version={version}"
        return f"az rest --method get --url {shlex.quote(url)}"
    return _query(kind)


def _query(kind: ResourceType) -> str | None:
    query = f"{kind.resource_graph} | where type =~ '{kind.name}'"
    return f'az graph query -q "{query}"' if kind.resource_graph else None
