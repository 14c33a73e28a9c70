"""The steps of a collection, in order: groups, inventory, details, subscriptions, what lies outside, second chances."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest
from typing import Final

from auditor import resource_id as ids
from auditor.collect.access import principals_of, read_access, read_principals
from auditor.collect.activity import read_regenerations
from auditor.collect.details import (
    COMPLETE,
    Item,
    Outcome,
    Target,
    gap_of,
    perform,
    settle,
    stop_if_signed_out,
)
from auditor.collect.inventory import Inventory, Row
from auditor.collect.ledger import Ledger
from auditor.collect.operations import (
    ACTIVITY_LOG,
    CATEGORIES,
    DIAGNOSED,
    OPERATIONS,
    OUTSIDE,
    RESOURCE_GROUPS,
    SERVICE_TAGS,
    SUBSCRIPTION_OPERATIONS,
    Operation,
    read_version,
)
from auditor.collect.options import CollectOptions
from auditor.collect.progress import Progress, Watcher
from auditor.collect.references import FOLLOWED_FURTHER, OTHER_SIDE, references
from auditor.collect.refusal import Kind, Refused
from auditor.collect.resource_graph import any_of, literal
from auditor.collect.scope import CollectScope
from auditor.collect.session import Session
from auditor.collect.sink import ANY_TYPE
from auditor.collect.subscriptions import Resolved, group_condition
from auditor.collect.workers import spread
from auditor.errors import CollectionError
from auditor.model import Gap

_REPORT_EVERY: Final = 0.2
_FOLLOW_ROUNDS: Final = 3
_RESOURCE_GRAPH: Final = "Microsoft.ResourceGraph/resources/read"

Job = tuple[Target, str, Callable[[Target], Outcome]]
"""Something to do: the target, the name it is remembered by, and the deed."""


@dataclass(slots=True)
class Collection:
    """One collection under way. Threads only fetch; everything here runs in one thread."""

    session: Session
    scope: CollectScope
    options: CollectOptions
    resolved: Resolved
    ledger: Ledger
    started: datetime
    watch: Watcher
    targets: list[Target] = field(default_factory=list)
    groups: dict[str, list[Target]] = field(default_factory=dict)
    principals: set[str] = field(default_factory=set)
    _again: list[Job] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    _told: float = 0.0

    def run(self) -> None:
        """Do all steps."""
        self.ledger.add_gaps("scope", self.resolved.gaps)
        chosen = self._read_groups()
        self._read_inventory(chosen)
        self._do("details", self._detail_jobs(self.targets))
        self._do("subscriptions", self._subscription_jobs())
        if self.options.follow:
            self._follow()
        if self.options.resolve_principals:
            self._resolve_principals()
        self._second_chance()

    def _do(self, phase: str, jobs: Iterable[Job], total: int | None = None) -> None:
        """Run jobs, settle each outcome, and remember those whose failure may pass."""
        finished = spread(_run, jobs, self.options.threads, self.session.clock.stop)
        for done, ((target, name, deed), outcome) in enumerate(finished, start=1):
            if outcome.is_transient:
                self._again.append((target, name, deed))
            self.ledger.settle(target.id, name, outcome)
            self._note_principals(outcome)
            self._tell(phase, done, total)

    def _note_principals(self, outcome: Outcome) -> None:
        for item in outcome.items:
            if str(item.body.get("type", "")).lower().startswith("microsoft.authorization/role") and (
                principal := principals_of(item.body)
            ):
                self.principals.add(principal)

    def _tell(self, phase: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now - self._told < _REPORT_EVERY and done != total:
            return
        self._told = now
        tally = self.session.arm.tally
        rate = tally.attempts / max(0.001, now - self._began)
        self.watch(Progress(phase, done, total, tally.attempts, rate, self.session.arm.pacer.waited, tally.waiting_for))

    # Resource groups and inventory

    def _read_groups(self) -> dict[str, list[str] | None]:
        """Read the resource groups; return the names that the scope means in each subscription (None: all)."""
        chosen: dict[str, list[str] | None] = {}
        arm = self.session.arm
        subscriptions = [Target(f"/subscriptions/{one.id}") for one in self.resolved.subscriptions]
        jobs = [
            (target, RESOURCE_GROUPS.name, lambda target: perform(arm, target, RESOURCE_GROUPS))
            for target in subscriptions
        ]
        for (target, name, deed), outcome in spread(_run, jobs, self.options.threads, self.session.clock.stop):
            if outcome.is_transient:
                self._again.append((target, name, deed))
            names = group_condition(self.scope, [item.body for item in outcome.items])
            if names is not None and not outcome.gaps:
                kept = {text.lower() for text in names}
                outcome.items = [item for item in outcome.items if str(item.body.get("name", "")).lower() in kept]
            chosen[target.id] = None if outcome.gaps and not self.scope.resource_groups else names
            self.groups[target.id] = [
                Target(str(item.body["id"]), "microsoft.resources/resourcegroups") for item in outcome.items
            ]
            self.ledger.settle(target.id, name, outcome)
        self._check_groups()
        return chosen

    def _check_groups(self) -> None:
        found = {ids.name_of(group.id).lower() for groups in self.groups.values() for group in groups}
        missing = [name for name in self.scope.resource_groups if name.lower() not in found]
        unread = any(name == RESOURCE_GROUPS.name for _, name in self.ledger.gaps)
        if missing and not unread and not self.scope.tags:
            raise CollectionError(
                f"No resource group is called {', '.join(missing)} in the chosen subscriptions.", "check -g and -s"
            )

    def _read_inventory(self, chosen: dict[str, list[str] | None]) -> None:
        inventory = Inventory(self.session.arm, self._keep_row, self.ledger.forget)
        whole = [ids.name_of(subscription) for subscription, names in sorted(chosen.items()) if names is None]
        inventory.read(whole)
        parts = [(subscription, names) for subscription, names in sorted(chosen.items()) if names is not None]
        for subscription, names in parts:
            if condition := self._condition(names):
                inventory.read([ids.name_of(subscription)], condition)
        for shortfall in inventory.shortfalls:
            stop_if_signed_out(shortfall.refusal)
            what = shortfall.resource_type or ANY_TYPE
            self.ledger.add_gaps(
                "inventory",
                (
                    gap_of(f"/subscriptions/{one}", what, shortfall.refusal, _RESOURCE_GRAPH)
                    for one in shortfall.subscriptions
                ),
            )
        self._say_inventory()
        if not self.targets and not inventory.shortfalls and not any(self.groups.values()):
            raise CollectionError(
                "The scope is empty: there is no resource in it that can be read.", "check the scope and the role"
            )

    def _condition(self, names: Sequence[str]) -> str:
        in_groups = any_of("resourceGroup", names) if names else ""
        if not self.scope.tags:
            return in_groups
        tagged = " and ".join(
            f"tags[{literal(name)}] =~ {literal(value)}" for name, value in sorted(self.scope.tags.items())
        )
        return f"({tagged}) or {in_groups}" if in_groups else tagged

    def _say_inventory(self) -> None:
        for one in self.resolved.subscriptions:
            scope = f"/subscriptions/{one.id}"
            state = "failed" if (ids.key(scope), "inventory") in self.ledger.gaps else COMPLETE
            self.ledger.remark(scope, "inventory", state)

    def _keep_row(self, row: Row) -> None:
        body = dict(row.body)
        self.ledger.store(body, source="resource-graph", api_version=row.api_version, at=row.at)
        self.targets.append(_target(body))
        self._tell("inventory", len(self.targets), None)

    # Details

    def _detail_jobs(self, targets: Iterable[Target]) -> Iterator[Job]:
        """Yield the operations of each target, the subscriptions taking turns so that no quota runs dry early."""
        lanes: dict[str, list[Target]] = defaultdict(list)
        for target in targets:
            lanes[target.subscription.lower()].append(target)
        for groups in self.groups.values():
            for group in groups:
                lanes[group.subscription.lower()].append(group)
        described: set[tuple[str, str, str]] = set()
        for row in zip_longest(
            *(sorted(lane, key=lambda target: target.id.lower()) for _, lane in sorted(lanes.items()))
        ):
            for target in row:
                if target is not None:
                    yield from self._jobs_of(target, described, _BY_TYPE)

    def _jobs_of(
        self,
        target: Target,
        described: set[tuple[str, str, str]],
        operations: Mapping[str, Sequence[Operation]],
    ) -> Iterator[Job]:
        arm = self.session.arm
        wanted = [
            operation
            for operation in operations.get(target.type_key, ())
            if not operation.kinds or target.kind.lower() in operation.kinds
        ]
        model = (target.type_key, target.kind.lower(), target.sku.lower())
        if target.type_key in _DIAGNOSED_KEYS and model not in described:
            described.add(model)
            wanted.append(CATEGORIES)
        for operation in wanted:
            if not self.ledger.is_finished(target.id, operation.name):
                yield target, operation.name, _deed(arm, operation)

    # Subscriptions

    def _subscription_jobs(self) -> Iterator[Job]:
        arm, roots = self.session.arm, self._roots()
        days, until = self.options.activity_days, self.started
        namespaces = {target.type_key.partition("/")[0] for target in self.targets}
        for one in self.resolved.subscriptions:
            target = Target(f"/subscriptions/{one.id}")
            for operation in SUBSCRIPTION_OPERATIONS:
                if not self.ledger.is_finished(target.id, operation.name):
                    yield target, operation.name, _deed(arm, operation)
            if self.options.resolve_principals or not self.ledger.is_finished(target.id, "access"):
                yield target, "access", lambda target: read_access(arm, target, roots.get(target.id, ()))
            if not self.ledger.is_finished(target.id, ACTIVITY_LOG.name):
                yield target, ACTIVITY_LOG.name, lambda target: read_regenerations(arm, target, namespaces, until, days)
        regions = sorted({_region(target.location) for target in self.targets if target.location})
        if regions and self.resolved.subscriptions:
            target = Target(f"/subscriptions/{self.resolved.subscriptions[0].id}")
            yield target, SERVICE_TAGS.name, lambda target: _service_tags(self.session, target, regions)

    def _roots(self) -> dict[str, list[str]]:
        """Return what access must concern in each subscription: its chosen groups, or nothing in particular."""
        if not self.scope.resource_groups or self.scope.tags:
            return {}
        return {subscription: [group.id for group in groups] for subscription, groups in self.groups.items()}

    # Outside the scope

    def _follow(self) -> None:
        """Read what the scope's resources point at elsewhere, and mark it; strangers' endpoints may stay unread."""
        wanted = dict(self.ledger.wanted)
        for number in range(_FOLLOW_ROUNDS):
            outside = [reference for key, reference in sorted(wanted.items()) if key not in self.ledger.known]
            found: list[Target] = []
            jobs = [(_reference_target(reference), "followed", self._read_one) for reference in outside]
            further: dict[str, str] = {}
            for (target, _, _), outcome in spread(_run, jobs, self.options.threads, self.session.clock.stop):
                self._settle_followed(target, outcome)
                for item in outcome.items:
                    found.append(_target(item.body))
                    further |= {ids.key(text): text for text in references(item.body.get("properties"))}
            self._do(f"outside the scope, round {number + 1}", self._own_jobs(found))
            wanted = {
                key: text for key, text in further.items() if (ids.type_of(text) or "").lower() in FOLLOWED_FURTHER
            }

    def _own_jobs(self, targets: Sequence[Target]) -> Iterator[Job]:
        described: set[tuple[str, str, str]] = set()
        for target in targets:
            yield from self._jobs_of(target, described, _BY_TYPE_OUTSIDE)

    def _read_one(self, target: Target) -> Outcome:
        outcome = Outcome()
        version = read_version(target.type_key)
        if version is None:
            return outcome
        try:
            answer = self.session.arm.get(target.id, version)
        except Refused as refused:
            operation = Operation(
                "followed", target.type_key, "", version, ids.type_of(target.id) or "", _read_action(target)
            )
            settle(self.session.arm, target, operation, refused.refusal, outcome)
            return outcome
        if isinstance(answer.value, dict) and ids.is_resource_id(answer.value.get("id")):
            outcome.items.append(Item(answer.value, answer.api_version, answer.at))
        else:
            outcome.gaps.append(
                Gap(target.id, ids.type_of(target.id) or ANY_TYPE, f"{Kind.FAILED.value}: not a resource")
            )
        return outcome

    def _settle_followed(self, target: Target, outcome: Outcome) -> None:
        """Store a followed resource. One that is gone leaves its reference dangling, which is a finding and no gap."""
        is_stranger = target.type_key == OTHER_SIDE and target.subscription.lower() not in self.resolved.visible
        if is_stranger and outcome.gaps:
            outcome.gaps = []
            self.ledger.remark(target.id, "followed", "failed", reason="in a subscription that the identity cannot see")
            return
        outcome.is_gone = False
        self.ledger.settle(target.id, "followed", outcome)

    # The rest

    def _resolve_principals(self) -> None:
        at = self.started.strftime("%Y-%m-%dT%H:%M:%SZ")
        everything = Target("/")
        principals = sorted(self.principals)
        self._do(
            "principals", [(everything, "principals", lambda _: read_principals(self.session.arm, principals, at))]
        )

    def _second_chance(self) -> None:
        """Try once more what failed for a reason that may have passed meanwhile."""
        again, self._again = self._again, []
        if again:
            self._do("second tries", again, len(again))


def _by_type(operations: Iterable[Operation]) -> Mapping[str, Sequence[Operation]]:
    found: dict[str, list[Operation]] = {}
    for operation in operations:
        found.setdefault(operation.on, []).append(operation)
    return found


_BY_TYPE: Final = _by_type(OPERATIONS)
_BY_TYPE_OUTSIDE: Final = _by_type([*OPERATIONS, *OUTSIDE])
_DIAGNOSED_KEYS: Final = frozenset(resource_type.lower() for resource_type in DIAGNOSED)


def _run(job: Job) -> Outcome:
    target, _, deed = job
    return deed(target)


def _deed(session_arm: object, operation: Operation) -> Callable[[Target], Outcome]:
    return lambda target: perform(session_arm, target, operation)  # type: ignore[arg-type]


def _target(body: dict[str, object]) -> Target:
    sku = body.get("sku")
    return Target(
        id=str(body["id"]),
        type_key=str(body.get("type") or ids.type_of(str(body["id"])) or "").lower(),
        kind=str(body.get("kind") or ""),
        sku=str(sku.get("name") or "") if isinstance(sku, dict) else "",
        location=str(body.get("location") or ""),
    )


def _reference_target(reference: str) -> Target:
    return Target(reference, (ids.type_of(reference) or "").lower())


def _read_action(target: Target) -> str:
    return f"{ids.type_of(target.id) or ANY_TYPE}/read"


def _region(location: str) -> str:
    return location.replace(" ", "").lower()


def _service_tags(session: Session, target: Target, regions: Sequence[str]) -> Outcome:
    """Return the address ranges of the service tags: those without a region and those of the regions in scope.

    The region in the call only chooses a version of the list; the answer holds all of the cloud's tags.
    """
    outcome = Outcome()
    try:
        answer = session.arm.get(target.id + SERVICE_TAGS.path.format(location=regions[0]), SERVICE_TAGS.api_version)
    except Refused as refused:
        settle(session.arm, target, SERVICE_TAGS, refused.refusal, outcome)
        return outcome
    body = answer.value
    values = body.get("values") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(values, list):
        outcome.gaps.append(Gap(target.id, SERVICE_TAGS.yields, f"{Kind.FAILED.value}: not a list of tags"))
        return outcome
    kept = [value for value in values if _tag_region(value) in {"", *regions}]
    if kept:
        whole = {
            **body,
            "id": f"{target.id}/providers/{SERVICE_TAGS.yields}/{body.get('cloud', 'Public')}",
            "values": kept,
        }
        outcome.items.append(Item({**whole, "type": SERVICE_TAGS.yields}, answer.api_version, answer.at))
    return outcome


def _tag_region(value: object) -> str:
    properties = value.get("properties") if isinstance(value, dict) else None
    region = properties.get("region") if isinstance(properties, dict) else None
    return _region(region) if isinstance(region, str) else ""
