"""Read every resource of the scope from two sources, so that neither can hide one.

Resource Graph is an index: it lags behind by up to thirty hours, and is partial without a sign. So its rows are counted,
and held against the lists of ids that Azure Resource Manager keeps. What only one of the two knows is read itself.
Where Resource Graph does not answer, the lists take its place.

https://learn.microsoft.com/azure/governance/resource-graph/overview
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct, field

from auditor import resource_id as ids
from auditor.azure.catalogue import shipped
from auditor.collect.arm.client import Arm
from auditor.collect.arm.pacing import Stopped
from auditor.collect.arm.refusals import Kind, Refusal, Refused
from auditor.collect.operations import LISTED
from auditor.collect.sources.contract import is_deeper, untrusted
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
from auditor.errors import AuditorError

log = logging.getLogger("auditor.collect")

RESOURCE_GRAPH: Final = "resource-graph"
ARM: Final = "arm"

_SUBSCRIPTIONS_PER_QUERY: Final = 200
_USELESS_TO_ASK_ELSEWHERE: Final = frozenset({Kind.SIGNED_OUT, Kind.UNREACHABLE})
_NO_SECOND_SOURCE: Final = frozenset({Kind.DENIED, Kind.NO_TABLE, Kind.NOT_FOUND, Kind.UNKNOWN_VERSION})
_MAY_PASS: Final = frozenset({Kind.FAILED, Kind.CUT, Kind.UNTRUSTED, Kind.THROTTLED})
_WORKERS: Final = 4
"""Queries in flight; the quota allows fewer than three a second."""
_LISTS: Final = 8
"""Lists of subscriptions in flight; each subscription has a quota of its own."""

Concerns = Callable[[Mapping[str, object]], bool]


class InventoryRow(Struct, frozen=True):
    """One resource as the inventory has it, ready to be stored; a bare one has come without its properties."""

    body: Mapping[str, object]
    api_version: str | None
    at: str
    source: str = RESOURCE_GRAPH
    is_bare: bool = False


class Unconfirmed(Struct, frozen=True):
    """A resource, by key, that Resource Graph shows and Azure Resource Manager does not list."""

    key: str


class Vanished(Struct, frozen=True):
    """A resource, by key, that Resource Graph showed once and not again."""

    key: str


class Announced(Struct, frozen=True):
    """What a subscription's list holds, without properties: so many resources will come."""

    subscription: str
    bodies: Sequence[Mapping[str, object]]


Entry = InventoryRow | Unconfirmed | Vanished | Announced


class Shortfall(Struct):
    """What the inventory could not prove: a type (None: any), in these subscriptions, and why."""

    subscriptions: Sequence[str]
    resource_type: str | None
    refusal: Refusal
    action: str = "Microsoft.ResourceGraph/resources/read"


class _Listed(Struct):
    """The resources of a subscription as Azure Resource Manager lists them, by key, and why that may not be all."""

    bodies: dict[str, dict[str, object]] = field(default_factory=dict)
    at: str = ""
    refusal: Refusal | None = None


class _Shown(Struct):
    """What Resource Graph shows of some subscriptions: keys by type, counts, doubtful rows, and why it broke off."""

    keys: dict[str, set[str]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    is_counted: bool = False
    doubts: dict[str, str] = field(default_factory=dict)
    refusal: Refusal | None = None

    def got(self, resource_type: str) -> int:
        return len(self.keys.get(resource_type, ()))

    def differing(self) -> list[str]:
        """Return the types of which another number was counted than came."""
        return sorted(name for name in {*self.counts, *self.keys} if self.counts.get(name, 0) != self.got(name))


class Inventory(Struct):
    """Reads the inventory of some subscriptions; `put` is called for each entry, in several threads."""

    arm: Arm
    put: Callable[[Entry], None] = lambda _: None
    shortfalls: list[Shortfall] = field(default_factory=list)
    instead: dict[str, Refusal] = field(default_factory=dict)
    """Subscriptions of which Resource Graph did not show all, and what it said."""
    projection: int = 0

    def read(self, subscriptions: Sequence[str], condition: str = "", concerns: Concerns = lambda _: True) -> None:
        """Read every resource of the subscriptions that meets a condition of the query language.

        `concerns` is the same condition on the body of a resource.
        """
        for start in range(0, len(subscriptions), _SUBSCRIPTIONS_PER_QUERY):
            chosen = QueryFilter(subscriptions[start : start + _SUBSCRIPTIONS_PER_QUERY], condition)
            with ThreadPoolExecutor(_LISTS, "lists") as pool:
                try:
                    self._read_chosen(chosen, pool, concerns)
                except (AuditorError, Stopped):
                    raise
                except Exception:
                    log.debug("the inventory", exc_info=True)
                    self._miss(chosen, None, Refusal(Kind.FAILED, message="what came cannot be understood"))

    def _read_chosen(self, chosen: QueryFilter, pool: ThreadPoolExecutor, concerns: Concerns) -> None:
        lists = {name: pool.submit(self._list, name, concerns) for name in chosen.subscriptions}
        shown = self._query(chosen, concerns)
        if shown.refusal is not None and shown.refusal.kind in _USELESS_TO_ASK_ELSEWHERE:
            self._miss(chosen, None, shown.refusal)
        else:
            self._compare(chosen, shown, lists, concerns)

    # Azure Resource Manager

    def _list(self, subscription: str, concerns: Concerns) -> _Listed:
        """List a subscription's resources by Azure Resource Manager, once more where the list was not whole."""
        listed = self._list_once(subscription)
        if listed.refusal is not None and listed.refusal.kind in _MAY_PASS:
            listed = self._list_once(subscription)
        if listed.refusal is None:
            self.put(Announced(subscription, [body for body in listed.bodies.values() if concerns(body)]))
        return listed

    def _list_once(self, subscription: str) -> _Listed:
        scope = f"/subscriptions/{subscription}"
        try:
            listing = self.arm.list_all(scope + LISTED.path, LISTED.api_version)
        except Refused as refused:
            return _Listed(refusal=refused.refusal)
        listed = _Listed(at=listing.at, refusal=listing.refusal)
        for body in listing.items:
            own_id = body.get("id")
            spelled = ids.type_of(own_id) if isinstance(own_id, str) else None
            if not isinstance(own_id, str) or spelled is None or not ids.is_under(own_id, scope) or is_deeper(body):
                listed.refusal = untrusted("the list of resources holds something that is no resource of it")
                continue
            plain = {name: value for name, value in body.items() if name != "properties"}
            listed.bodies[ids.key(own_id)] = plain if _states(plain, spelled) else {**plain, "type": spelled}
        return listed

    def _compare(
        self, chosen: QueryFilter, shown: _Shown, lists: Mapping[str, Future[_Listed]], concerns: Concerns
    ) -> None:
        """Take in what only the lists know, and have that confirmed which only Resource Graph knows."""
        have = {key for keys in shown.keys.values() for key in keys}
        by_subscription: dict[str, list[str]] = {}
        for key in sorted(have):
            by_subscription.setdefault(ids.subscription_of(key) or "", []).append(key)
        known = dict(shown.keys)
        for subscription in chosen.subscriptions:
            listed = lists[subscription].result()
            if shown.refusal is not None:
                self.instead[subscription] = shown.refusal
            if listed.refusal is not None:
                self.shortfalls.append(Shortfall([subscription], None, listed.refusal, LISTED.action))
            for key, body in listed.bodies.items():
                shown.doubts.pop(key, None)
                if key not in have and concerns(body):
                    self.put(InventoryRow(body, None, listed.at, ARM, is_bare=True))
                    known.setdefault(str(body["type"]).lower(), set()).add(key)
            if listed.refusal is None:
                for key in by_subscription.get(subscription.lower(), ()):
                    if key not in listed.bodies:
                        self.put(Unconfirmed(key))
        self._note_missing(chosen, shown, known)

    def _note_missing(self, chosen: QueryFilter, shown: _Shown, known: Mapping[str, set[str]]) -> None:
        """Note what was counted and came from neither source, and rows that nothing else confirms.

        Where Resource Graph broke off before it had counted, the lists have nothing to be held against; where it is
        refused or this cloud has none, they are what there is, and the snapshot says so.
        """
        if shown.refusal is not None and not shown.is_counted and shown.refusal.kind not in _NO_SECOND_SOURCE:
            self._miss(chosen, None, shown.refusal)
        for resource_type, counted in shown.counts.items():
            if counted > len(known.get(resource_type, ())):
                message = f"{counted} resources counted, {len(known.get(resource_type, ()))} received"
                self._miss(chosen, resource_type, Refusal(Kind.FAILED, 200, message=message))
        for key, reason in shown.doubts.items():
            self._miss(chosen, ids.type_of(key), untrusted(f"a row of Resource Graph {reason}"))

    def _miss(self, chosen: QueryFilter, resource_type: str | None, refusal: Refusal) -> None:
        self.shortfalls.append(Shortfall(chosen.subscriptions, resource_type, refusal))

    # Resource Graph

    def _query(self, chosen: QueryFilter, concerns: Concerns) -> _Shown:
        shown = _Shown()
        try:
            shown.counts = counts = count_by_type(self.arm, chosen)
            shown.is_counted = True
            self._take(partitions(chosen, sum(counts.values())), shown, concerns)
            shown.counts = counts = count_by_type(self.arm, chosen)
            if differing := shown.differing():
                log.info("counting again: %s", ", ".join(differing))
                narrowed = chosen.narrowed(any_of("type", differing))
                old = {resource_type: shown.keys.pop(resource_type, set()) for resource_type in differing}
                self._take(
                    partitions(narrowed, sum(counts.get(resource_type, 0) for resource_type in differing)),
                    shown,
                    concerns,
                )
                again = count_by_type(self.arm, narrowed)
                shown.counts = {**counts, **dict.fromkeys(differing, 0), **again}
                self._drop_vanished(old, shown)
        except Refused as refused:
            log.info("Resource Graph does not answer: %s", refused)
            shown.refusal = refused.refusal
        return shown

    def _drop_vanished(self, old: Mapping[str, set[str]], shown: _Shown) -> None:
        for resource_type, keys in old.items():
            for key in sorted(keys - shown.keys.get(resource_type, set())):
                self.put(Vanished(key))

    def _take(self, wanted: Iterable[Partition], shown: _Shown, concerns: Concerns) -> None:
        with ThreadPoolExecutor(_WORKERS, "graph") as pool:
            waiting = iter(wanted)
            running = [pool.submit(self._fetch, part, concerns) for part in _first(waiting, _WORKERS)]
            while running:
                rows = running.pop(0).result()
                running += [pool.submit(self._fetch, part, concerns) for part in _first(waiting, 1)]
                at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                for row, doubt in rows:
                    self._keep(row, doubt, at, shown)

    def _fetch(self, partition: Partition, concerns: Concerns) -> list[tuple[dict[str, object], str | None]]:
        """Return the rows of a partition with what speaks against each; where something does, it is asked for again."""
        for is_last in (False, True):
            rows = [(row, _doubt(row, partition.chosen, concerns)) for row in self._projected(partition)]
            if is_last or not any(doubt or _lacks_properties(row) for row, doubt in rows):
                return rows
        raise AssertionError("the last try returns")

    def _projected(self, partition: Partition) -> list[dict[str, object]]:
        while True:
            tried = self.projection
            try:
                return fetch(self.arm, partition, PROJECTIONS[tried])
            except Refused as refused:
                # A column that this cloud does not know is an error of the query; ask for less.
                if refused.refusal.kind is not Kind.BAD_REQUEST or tried + 1 >= len(PROJECTIONS):
                    raise
                self.projection = max(self.projection, tried + 1)

    def _keep(self, row: dict[str, object], doubt: str | None, at: str, shown: _Shown) -> None:
        if doubt is not None:
            shown.doubts[ids.key(str(row.get("id")))] = doubt
            return
        body, version = body_of(row)
        is_bare = not isinstance(body.get("properties"), Mapping)
        if is_bare:
            body.pop("properties", None)
        shown.keys.setdefault(str(row["type"]).lower(), set()).add(ids.key(str(body["id"])))
        self.put(InventoryRow(body, version, at, is_bare=is_bare))


def _doubt(row: Mapping[str, object], chosen: QueryFilter, concerns: Concerns) -> str | None:
    """Return why a row cannot be one that was asked for, or None where it can."""
    own_id, own_type = row.get("id"), row.get("type")
    if not ids.is_resource_id(own_id) or not isinstance(own_type, str):
        return "has no id or type"
    if not _states(row, ids.type_of(own_id) or ""):
        return "has another type than its id"
    subscriptions = {name.lower() for name in chosen.subscriptions}
    if (ids.subscription_of(own_id) or "").lower() not in subscriptions or not concerns(row):
        return "lies outside the scope"
    return "is nested more deeply than anything of Azure's" if is_deeper(row) else None


def _lacks_properties(row: Mapping[str, object]) -> bool:
    """Whether a row of a type that rules read has come without its properties."""
    return not isinstance(row.get("properties"), Mapping) and shipped().get(str(row.get("type"))) is not None


def _states(body: Mapping[str, object], spelled: str) -> bool:
    """Whether an object's type is the one that its id spells."""
    own_type = body.get("type")
    return isinstance(own_type, str) and own_type.lower() == spelled.lower()


def _first(items: Iterator[Partition], number: int) -> Iterator[Partition]:
    for _, item in zip(range(number), items, strict=False):
        yield item
