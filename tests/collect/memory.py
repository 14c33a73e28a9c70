"""A sink in memory, with the behaviour of the snapshot writer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor import resource_id as ids
from auditor.model import Gap
from auditor.snapshot.model import Metadata


@dataclass(frozen=True)
class Noted:
    state: str
    detail: str


@dataclass
class MemorySink:
    metadata: Metadata = field(default_factory=Metadata)
    bodies: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    origins: dict[str, tuple[str, str | None, str | None]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    notes: dict[tuple[str, str], Noted] = field(default_factory=dict)
    finished: bool | None = None

    def add(
        self, body: Mapping[str, Any], *, source: str, api_version: str | None = None, collected_at: str | None = None
    ) -> None:
        assert ids.is_resource_id(body["id"]), body["id"]
        self.bodies[ids.key(body["id"])] = body
        self.origins[ids.key(body["id"])] = (source, api_version, collected_at)

    def remove(self, resource_id: str) -> None:
        for key in [key for key in self.bodies if ids.is_under(key, resource_id)]:
            del self.bodies[key]

    def gap(self, gap: Gap) -> None:
        self.gaps.append(gap)

    def facet_all(self, facets: Iterable[tuple[str, str, str, str]]) -> None:
        for scope, name, state, detail in facets:
            self.notes[scope, name] = Noted(state, detail)

    def facets(self) -> Mapping[tuple[str, str], Noted]:
        return self.notes

    def keys(self) -> list[str]:
        return sorted(self.bodies)

    def close(self, *, finished: bool) -> None:
        self.finished = finished

    def open(self, metadata: Metadata) -> MemorySink:
        self.metadata = metadata
        return self

    def of_type(self, resource_type: str) -> list[str]:
        """Return the keys of a type."""
        wanted = resource_type.lower()
        return sorted(key for key, body in self.bodies.items() if str(body.get("type", "")).lower() == wanted)
