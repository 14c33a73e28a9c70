"""Write what was collected, and keep account of what was not."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

import orjson
from msgspec import Struct, field
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.collect.operations import SHIPPED, Operations
from auditor.collect.sink import Sink
from auditor.collect.sources.details import COMPLETE, Item, Outcome
from auditor.collect.sources.references import references
from auditor.model import Gap
from auditor.redaction.body import Redactor

FOLLOWED: Final = "followed"
"""The facet of what was read outside the scope."""
_FACETS_AT_ONCE: Final = 500
_FACETS_KEPT: Final = 1.0
"""Seconds of work that a crash may cost."""


class Ledger(Struct):
    """The one place that writes into the sink. Gaps are kept until the end, because a second try may settle them."""

    sink: Sink
    redactor: Redactor
    operations: Operations = SHIPPED
    known: dict[str, str] = field(default_factory=dict)
    """What was stored: key → lower-case type."""
    wanted: dict[str, str] = field(default_factory=dict)
    """Followed references: key → id as spelled."""
    gone: dict[str, str] = field(default_factory=dict)
    """What was deleted while it was read: key → id as spelled."""
    gaps: dict[tuple[str, str], list[Gap]] = field(default_factory=dict)
    finished: set[tuple[str, str]] = field(default_factory=set)
    is_resumed: bool = False
    _facets: list[tuple[str, str, str, str]] = field(default_factory=list)
    _flushed: float = field(default_factory=time.monotonic)

    def open(self) -> None:
        """Learn from an interrupted collection what need not be read again."""
        self.is_resumed = any(True for _ in self.sink.keys())  # noqa: SIM118 - no mapping
        for (scope, name), remark in self.sink.facets().items():
            if remark.state == COMPLETE:
                self.finished.add((ids.key(scope), name))
                self._want(_stored_references(remark.detail))

    def is_finished(self, scope: str, name: str) -> bool:
        """Whether an interrupted collection had read this to the end."""
        return (ids.key(scope), name) in self.finished

    def store(self, body: dict[str, object], *, source: str, api_version: str | None, at: str) -> list[str]:
        """Store one object without its secrets and return what it points at."""
        found = [*references(body.get("properties"))]
        self._want(found)
        key = ids.key(str(body.get("id")))
        self.gone.pop(key, None)
        self.known[key] = str(body.get("type", "")).lower()
        self.sink.add(self.redactor.body(body), source=source, api_version=api_version, collected_at=at)
        return found

    def settle(self, scope: str, name: str, outcome: Outcome) -> None:
        """Store what an operation yielded, and then how far it got."""
        found = [reference for item in outcome.items for reference in self._item(item)]
        key = (ids.key(scope), name)
        if outcome.is_gone:
            self.gone[ids.key(scope)] = scope
        if outcome.gaps:
            self.gaps[key] = [self._clean(gap) for gap in outcome.gaps]
        else:
            self.gaps.pop(key, None)
        detail = {"references": sorted(set(found))} if found else {}
        if outcome.gaps or outcome.notes:
            detail["notes"] = sorted({*outcome.notes, *(f"{gap.what}: {gap.reason}" for gap in outcome.gaps)})
        self._facet(scope, name, outcome.state, detail)

    def _item(self, item: Item) -> list[str]:
        return self.store(item.body, source=item.source, api_version=item.api_version, at=item.at)

    def remark(self, scope: str, name: str, state: str, **detail: object) -> None:
        """Note how far something got that is not an operation."""
        self._facet(scope, name, state, detail)

    def _facet(self, scope: str, name: str, state: str, detail: Mapping[str, object]) -> None:
        """Keep a facet for a moment: each time they are written costs more than many of them."""
        clean = {key: self.redactor.value(key, value) for key, value in detail.items()}
        text = orjson.dumps(clean, option=orjson.OPT_SORT_KEYS).decode() if clean else ""
        self._facets.append((scope, name, state, text))
        if len(self._facets) >= _FACETS_AT_ONCE:
            self.flush()

    def tick(self) -> None:
        """Write the facets that were kept long enough."""
        if self._facets and time.monotonic() - self._flushed > _FACETS_KEPT:
            self.flush()

    def flush(self) -> None:
        """Write the facets that are kept; what was stored before them goes with them."""
        self.sink.facet_all(self._facets)
        self._facets.clear()
        self._flushed = time.monotonic()

    def add_gaps(self, name: str, gaps: Iterable[Gap]) -> None:
        """Keep gaps that belong to no operation."""
        for gap in gaps:
            self.gaps.setdefault((ids.key(gap.scope), name), []).append(self._clean(gap))

    def _clean(self, gap: Gap) -> Gap:
        return replace(gap, reason=self.redactor.text(gap.reason))  # which may quote what Azure answered

    def gaps_named(self, name: str) -> bool:
        """Whether an operation of this name has left a gap anywhere."""
        return any(found == name for _, found in self.gaps)

    def vanish(self, key: str) -> None:
        """Take a resource back that the inventory had once and not again; it is told, unless it comes back."""
        self.forget(key)
        self.gone[key] = key

    def forget(self, resource_id: str) -> None:
        """Take a resource back that is gone."""
        self.known.pop(ids.key(resource_id), None)
        self.sink.remove(resource_id)

    def forget_deleted_groups(self, listed: Mapping[str, Iterable[str]]) -> None:
        """Take back what an interrupted collection had in groups of some subscriptions (ids) that are listed no longer."""
        if self.is_resumed and listed:
            kept = {ids.key(group) for groups in listed.values() for group in groups}
            found = {_group_of(key) for key in self._below(listed)}
            for group in sorted(group for group in found if group and group not in kept):
                self.forget(group)

    def forget_deleted(self, subscriptions: Iterable[str], inventory: Collection[str]) -> None:
        """Take back what an interrupted collection had of subscriptions and the inventory, by key, no longer has.

        What was followed is no part of the inventory, and neither is what is listed for a subscription or a group.
        """
        if not self.is_resumed:
            return
        kept = {ids.key(scope) for scope, name in self.sink.facets() if name == FOLLOWED}
        kept.update(root for key in inventory if (root := inventoried(key, self.operations)))
        roots = {inventoried(key, self.operations) for key in self._below(subscriptions)}
        for root in sorted(root for root in roots if root and root not in kept):
            self.forget(root)

    def _below(self, subscriptions: Iterable[str]) -> Iterator[str]:
        """Return the keys of what is stored of some subscriptions, after one look through all that is."""
        chosen = {(ids.subscription_of(scope) or "").lower() for scope in subscriptions}
        return (key for key in self.sink.keys() if (ids.subscription_of(key) or "") in chosen)  # noqa: SIM118 - no mapping

    def close(self) -> list[Gap]:
        """Take back what is gone, write the gaps, and return them."""
        for key in sorted(self.gone):
            self.forget(key)
            self.remark(self.gone[key], "gone", "gone", because="neither its service nor the list of its group has it")
        gaps = sorted(
            {
                gap
                for found in self.gaps.values()
                for gap in found
                if not any(ids.is_under(gap.scope, key) for key in self.gone)
            },
            key=lambda gap: (gap.scope, gap.what, gap.reason, gap.permission or ""),
        )
        self.flush()
        for gap in gaps:
            self.sink.gap(gap)
        return gaps

    def _want(self, found: Iterable[str]) -> None:
        for reference in found:
            self.wanted.setdefault(ids.key(reference), reference)


def _group_of(key: str) -> str | None:
    parts = key.split("/")
    return "/".join(parts[:5]) if len(parts) >= 5 and parts[3] == "resourcegroups" else None


def inventoried(key: str, operations: Operations) -> str | None:
    """Return the key of the top-level resource that a key is or lies below, or None where no inventory shows it."""
    parts = key.split("/")
    if len(parts) < 9 or parts[3] != "resourcegroups" or parts[5] != "providers":
        return None
    return None if f"{parts[6]}/{parts[7]}" in operations.not_inventoried else "/".join(parts[:9])


def _stored_references(detail: str) -> list[str]:
    try:
        stored = orjson.loads(detail) if detail else {}
    except orjson.JSONDecodeError:
        return []
    found = stored.get("references") if isinstance(stored, dict) else None
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []
