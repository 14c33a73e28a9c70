"""Read every resource of the scope from Resource Graph and prove by counting that none is missing.

Where Resource Graph does not answer, the lists of Azure Resource Manager take its place.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from auditor import resource_id as ids
from auditor.collect.arm.client import Arm
from auditor.collect.arm.refusals import Kind, Refusal, Refused
from auditor.collect.operations import LISTED
from auditor.collect.sources.resource_graph import (
    PROJECTIONS,
    Partition,
    QueryFilter,
    any_of,
    body_of,
    count_by_type,
    fetch,
    partitions,
)

log = logging.getLogger("auditor.collect")

RESOURCE_GRAPH: Final = "resource-graph"
ARM: Final = "arm"

_SUBSCRIPTIONS_PER_QUERY: Final = 200
_USELESS_TO_ASK_ELSEWHERE: Final = frozenset({Kind.SIGNED_OUT, Kind.UNREACHABLE})
_WORKERS: Final = 4
"""Queries in flight; the quota allows fewer than three a second."""


@dataclass(frozen=True, slots=True)
class InventoryRow:
    """One resource as the inventory has it, ready to be stored; a list of ARM has no properties."""

    body: Mapping[str, object]
    api_version: str | None
    at: str
    source: str = RESOURCE_GRAPH


@dataclass(slots=True)
class Shortfall:
    """What the inventory could not prove: a type (None: any), in these subscriptions, and why."""

    subscriptions: Sequence[str]
    resource_type: str | None
    refusal: Refusal
    action: str = "Microsoft.ResourceGraph/resources/read"


@dataclass(slots=True)
class Inventory:
    """Reads the inventory of some subscriptions.

    `store` is called for each row, `remove` with the key of one that was gone when it was read again; both in the
    calling thread.
    """

    arm: Arm
    store: Callable[[InventoryRow], None] = lambda _: None
    remove: Callable[[str], None] = lambda _: None
    shortfalls: list[Shortfall] = field(default_factory=list)
    instead: dict[str, Refusal] = field(default_factory=dict)
    """Subscriptions that were listed by ARM, and what Resource Graph said."""
    projection: int = 0
    _keys: dict[str, set[str]] = field(default_factory=dict)

    def read(
        self,
        subscriptions: Sequence[str],
        condition: str = "",
        concerns: Callable[[Mapping[str, object]], bool] = lambda _: True,
    ) -> None:
        """Read every resource of the subscriptions that meets a condition of the query language.

        `concerns` is the same condition on the body of a resource as ARM lists it.
        """
        for start in range(0, len(subscriptions), _SUBSCRIPTIONS_PER_QUERY):
            chosen = QueryFilter(subscriptions[start : start + _SUBSCRIPTIONS_PER_QUERY], condition)
            try:
                self._read_group(chosen)
            except Refused as refused:
                if refused.refusal.kind in _USELESS_TO_ASK_ELSEWHERE:
                    self.shortfalls.append(Shortfall(chosen.subscriptions, None, refused.refusal))
                    continue
                log.info("Resource Graph does not answer: %s", refused)
                for subscription in chosen.subscriptions:
                    self.instead[subscription] = refused.refusal
                    self._list(subscription, concerns)

    def _list(self, subscription: str, concerns: Callable[[Mapping[str, object]], bool]) -> None:
        """List a subscription's resources by ARM; what Resource Graph gave before it failed says more and stays."""
        have = {key for keys in self._keys.values() for key in keys}
        try:
            listing = self.arm.list_all(f"/subscriptions/{subscription}/resources", LISTED.api_version)
        except Refused as refused:
            self.shortfalls.append(Shortfall([subscription], None, refused.refusal, LISTED.action))
            return
        if listing.refusal is not None:
            self.shortfalls.append(Shortfall([subscription], None, listing.refusal, LISTED.action))
        for body in listing.items:
            own_id = body.get("id")
            if ids.is_resource_id(own_id) and ids.key(own_id) not in have and concerns(body):
                self.store(InventoryRow(body, None, listing.at, ARM))

    def _read_group(self, chosen: QueryFilter) -> None:
        self._keys = {}
        before = count_by_type(self.arm, chosen)
        self._take(partitions(chosen, sum(before.values())))
        after = count_by_type(self.arm, chosen)
        differing = self._differing(after)
        if differing:
            log.info("counting again: %s", ", ".join(differing))
            narrowed = chosen.narrowed(any_of("type", differing))
            old = {resource_type: self._keys.pop(resource_type, set()) for resource_type in differing}
            self._take(partitions(narrowed, sum(after.get(resource_type, 0) for resource_type in differing)))
            after = {**after, **dict.fromkeys(differing, 0), **count_by_type(self.arm, narrowed)}
            self._drop_vanished(old)
        for resource_type in self._differing(after):
            message = f"{after.get(resource_type, 0)} resources counted, {self._got(resource_type)} received"
            self.shortfalls.append(
                Shortfall(chosen.subscriptions, resource_type, Refusal(Kind.FAILED, 200, message=message))
            )

    def _differing(self, counts: Mapping[str, int]) -> list[str]:
        return sorted(name for name in {*counts, *self._keys} if counts.get(name, 0) != self._got(name))

    def _got(self, resource_type: str) -> int:
        return len(self._keys.get(resource_type, ()))

    def _drop_vanished(self, old: Mapping[str, set[str]]) -> None:
        for resource_type, keys in old.items():
            for key in sorted(keys - self._keys.get(resource_type, set())):
                self.remove(key)

    def _take(self, wanted: Iterable[Partition]) -> None:
        with ThreadPoolExecutor(_WORKERS, "graph") as pool:
            waiting = iter(wanted)
            running = [pool.submit(self._fetch, part) for part in _first(waiting, _WORKERS + 2)]
            while running:
                rows = running.pop(0).result()
                running += [pool.submit(self._fetch, part) for part in _first(waiting, 1)]
                at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                for row in rows:
                    self._keep(row, at)

    def _fetch(self, partition: Partition) -> list[dict[str, object]]:
        while True:
            tried = self.projection
            try:
                return fetch(self.arm, partition, PROJECTIONS[tried])
            except Refused as refused:
                # A column that this cloud does not know is an error of the query; ask for less.
                if refused.refusal.kind is not Kind.BAD_REQUEST or tried + 1 >= len(PROJECTIONS):
                    raise
                self.projection = max(self.projection, tried + 1)

    def _keep(self, row: dict[str, object], at: str) -> None:
        body, version = body_of(row)
        resource_id = body.get("id")
        if not ids.is_resource_id(resource_id):
            return
        self._keys.setdefault(str(row.get("type", "")).lower(), set()).add(ids.key(resource_id))
        self.store(InventoryRow(body, version, at))


def _first(items: Iterator[Partition], number: int) -> Iterator[Partition]:
    for _, item in zip(range(number), items, strict=False):
        yield item
