"""The steps of a collection, in order: groups, inventory, details, subscriptions, what lies outside, second chances."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

from auditor import resource_id as ids
from auditor.collect.arm.pacing import Stopped
from auditor.collect.arm.session import Session
from auditor.collect.ledger import FOLLOWED, Ledger
from auditor.collect.operations import RESOURCE_GROUPS, Operations
from auditor.collect.options import CollectOptions
from auditor.collect.plan import Job, Planner, call_of, target_of, twice
from auditor.collect.progress import Pace, Progress, ProgressAccount, Watcher
from auditor.collect.scope import CollectScope
from auditor.collect.sources.access import principals_of, read_principals
from auditor.collect.sources.details import (
    COMPLETE,
    Outcome,
    Target,
    gap_of,
    read_itself,
    read_resource,
    read_unlisted_group,
    stop_if_signed_out,
)
from auditor.collect.sources.inventory import ARM, Announced, Entry, Inventory, InventoryRow, Unconfirmed, Vanished
from auditor.collect.sources.references import FOLLOWED_FURTHER, references
from auditor.collect.sources.subscriptions import ResolvedScope, concerns, group_names, resource_condition
from auditor.collect.workers import Stream, spread
from auditor.errors import AuditorError, CollectionError
from auditor.estate.lookup import PRIVATE_ENDPOINTS
from auditor.model import Gap
from auditor.snapshot.model import ANY_TYPE

log = logging.getLogger("auditor.collect")

_REPORT_EVERY: Final = 0.2
_FOLLOW_ROUNDS: Final = 3
_LATE_JOBS: Final = 1
"""What a subscription needs after its resources: the activity log."""


@dataclass(slots=True)
class Collection:
    """One collection under way. Threads only fetch; everything here runs in one thread."""

    session: Session
    scope: CollectScope
    options: CollectOptions
    resolved: ResolvedScope
    ledger: Ledger
    started: datetime
    watch: Watcher
    targets: dict[str, Target] = field(default_factory=dict)
    groups: dict[str, list[Target]] = field(default_factory=dict)
    principals: set[str] = field(default_factory=set)
    _listed_groups: set[str] = field(default_factory=set)
    _again: list[Job] = field(default_factory=list)
    _told: float = 0.0
    _phase: str = "resource groups"
    _threads: int = field(init=False)
    _account: ProgressAccount = field(init=False)

    def __post_init__(self) -> None:
        quotas, share = self.options.quotas, self.options.quota_share
        self._threads = self.options.threads_for(len(self.resolved.subscriptions))
        pace = Pace(quotas.arm_at_once * share, quotas.arm_per_second * share, self._threads)
        names = {one.id: one.name for one in self.resolved.subscriptions}
        self._account = ProgressAccount(names, pace, time.monotonic())

    def run(self) -> None:
        """Do all steps."""
        planner = Planner(self.ledger.is_finished, self._operations)
        for one in self.resolved.subscriptions:
            own = sum(1 for _ in planner.subscription(Target(f"/subscriptions/{one.id}"), roots=(), access_again=True))
            self._account.expect(one.id, 1 + own + _LATE_JOBS)
        self._tell()
        self.ledger.add_gaps("scope", self.resolved.gaps)
        self._read_groups()
        self._do("inventory and details", self._main_jobs(planner))
        self._account.settle(_LATE_JOBS)
        self._do("subscriptions", self._late_jobs(planner))
        self._account.settle()
        if self.options.follow:
            self._follow(planner)
        if self.options.resolve_principals:
            self._resolve_principals()
        self._second_chance()
        self._phase = "everything asked"
        self._account.settle()
        self._tell()

    @property
    def _operations(self) -> Operations:
        return self.ledger.operations

    # Doing jobs

    def _spread(self, jobs: Iterable[Job | None]) -> Iterator[tuple[Job, Outcome]]:
        """Yield jobs with their outcomes as they come, and remember those whose failure may pass."""
        arm = self.session.arm

        def act(job: Job) -> Outcome:
            target, name, act_on = job
            try:
                return act_on(arm, target)
            except (AuditorError, Stopped):
                raise
            except Exception:
                log.debug("%s of %s", name, target.id, exc_info=True)
                return Outcome(gaps=[Gap(target.id, ANY_TYPE, f"failed: what came for {name} cannot be understood")])

        for job, outcome in spread(
            act, self._begun(jobs), self._threads, tick=self._tick, stop=self.session.clock.stop
        ):
            self._account.finish(job[0].subscription)
            if outcome.is_transient:
                self._again.append(job)
            yield job, outcome

    def _begun(self, jobs: Iterable[Job | None]) -> Iterator[Job | None]:
        for job in jobs:
            if job is not None:
                self._account.begin(job[0].subscription)
            yield job

    def _expected(self, jobs: Iterable[Job]) -> Sequence[Job]:
        """Return jobs once it is known how many there are."""
        listed = list(jobs)
        for target, _, _ in listed:
            self._account.expect(target.subscription, 1)
        return listed

    def _do(self, phase: str, jobs: Iterable[Job | None]) -> None:
        """Run jobs and settle each outcome."""
        self._phase = phase
        for (target, name, _), outcome in self._spread(jobs):
            for own_name, part in (outcome.parts or {name: outcome}).items():
                self.ledger.settle(target.id, own_name, part)
                self._note_principals(part)
        self._tell()

    def _note_principals(self, outcome: Outcome) -> None:
        for item in outcome.items:
            is_role = str(item.body.get("type", "")).lower().startswith("microsoft.authorization/role")
            if is_role and (principal := principals_of(item.body)):
                self.principals.add(principal)

    def _tick(self) -> None:
        self.ledger.tick()
        if time.monotonic() - self._told >= _REPORT_EVERY:
            self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        tally, pacer = self.session.arm.tally, self.session.arm.pacer
        parts, whole = self._account.parts(self._told)
        self.watch(
            Progress(
                phase=self._phase,
                resources=len(self.ledger.known),
                calls=tally.attempts,
                waited=pacer.waited,
                waiting_for=self._named(pacer.waiting_for),
                parts=parts,
                whole=whole,
            )
        )

    def _named(self, reason: str) -> str:
        """Return a reason to wait with the name of the subscription whose id ends it."""
        start, _, end = reason.rpartition(" ")
        names = {one.id.lower(): one.name for one in self.resolved.subscriptions}
        return f"{start} {names[end]}" if end in names else reason

    # Resource groups and inventory

    def _read_groups(self) -> None:
        """Read the resource groups that the scope means, in each subscription."""
        read = twice(call_of(RESOURCE_GROUPS))  # what follows hangs on them: there is no second chance at the end
        jobs = [(target, RESOURCE_GROUPS.name, read) for target in self._subscriptions()]
        listed: dict[str, list[str]] = {}
        for (target, name, _), outcome in self._spread(jobs):
            if not outcome.gaps:
                listed[target.id] = [str(item.body.get("id")) for item in outcome.items]
            names = group_names(self.scope, [item.body for item in outcome.items])
            if names is not None:
                kept = {text.lower() for text in names}
                outcome.items = [item for item in outcome.items if str(item.body.get("name", "")).lower() in kept]
            self._listed_groups.update(ids.key(str(item.body.get("id"))) for item in outcome.items)
            self.groups[target.id] = [target_of(item.body, self._operations) for item in outcome.items]
            self.ledger.settle(target.id, name, outcome)
        self.ledger.forget_deleted_groups(listed)
        self._again.clear()
        found = {ids.name_of(group.id).lower() for groups in self.groups.values() for group in groups}
        missing = [name for name in self.scope.resource_groups if name.lower() not in found]
        if missing and not self.ledger.gaps_named(RESOURCE_GROUPS.name) and not self.scope.tags:
            raise CollectionError(
                f"No resource group is called {', '.join(missing)} in the chosen subscriptions.", "check -g and -s"
            )

    def _subscriptions(self) -> list[Target]:
        return [Target(f"/subscriptions/{one.id}") for one in self.resolved.subscriptions]

    def _main_jobs(self, planner: Planner) -> Iterator[Job | None]:
        """Yield what can be asked of subscriptions and groups, and of each resource as soon as it is known.

        Resource Graph's quota is the narrowest, so that it is asked from the start; the calls to ARM are made while its
        answers come in.
        """
        for subscription in self._subscriptions():
            expected = sum(planner.expected(group) for group in self.groups[subscription.id])
            self._account.expect(subscription.subscription, expected)
        inventory = Inventory(self.session.arm)
        with Stream[Entry](lambda put: self._read_inventory(inventory, put)) as entries:
            for job in self._first_jobs(planner):
                yield job
                for entry in entries.arrived():
                    yield from self._take_in(entry, planner)
            for waited in entries:
                if waited is None:
                    yield None
                else:
                    yield from self._take_in(waited, planner)
        self._close_inventory(inventory)

    def _first_jobs(self, planner: Planner) -> Iterator[Job]:
        """Yield what can be asked before any resource is known."""
        is_part = self.scope.resource_groups and not self.scope.tags
        for subscription in self._subscriptions():
            groups = self.groups[subscription.id]
            roots = [group.id for group in groups] if is_part else []
            yield from planner.subscription(subscription, roots=roots, access_again=self.options.resolve_principals)
            yield from planner.resources(groups)

    def _take_in(self, entry: Entry, planner: Planner) -> Iterator[Job]:
        """Keep what the inventory says, and yield what is to be asked about it."""
        match entry:
            case Announced(subscription_id, bodies):
                targets = [target_of(body, self._operations) for body in bodies]
                self._account.expect(subscription_id, sum(planner.expected(target) for target in targets))
                self._account.count(subscription_id)
            case Vanished(key):
                self.ledger.vanish(key)
                self.targets.pop(key, None)
            case Unconfirmed(key):
                yield self.targets[key], "resource", read_itself
            case InventoryRow():
                target = self._keep_row(entry)
                yield from self._unlisted_group(target, planner)
                yield from planner.resources([target])

    def _unlisted_group(self, target: Target, planner: Planner) -> Iterator[Job]:
        """Yield the jobs of a resource's group, where the subscription's list of groups does not have it."""
        group = "/".join(target.id.split("/")[:5])
        is_part = bool(self.scope.resource_groups or self.scope.tags)
        if not is_part and ids.resource_group_of(group) and ids.key(group) not in self._listed_groups:
            self._listed_groups.add(ids.key(group))
            unlisted = Target(group, ids.RESOURCE_GROUPS)
            yield unlisted, "resource group", read_unlisted_group
            yield from planner.resources([unlisted])

    def _read_inventory(self, inventory: Inventory, put: Callable[[Entry], None]) -> None:
        """Read the inventory, in a thread of its own."""
        inventory.put = put
        if not self.scope.resource_groups and not self.scope.tags:
            inventory.read([one.id for one in self.resolved.subscriptions])
        else:
            for one in self.resolved.subscriptions:
                names = self._whole_groups(f"/subscriptions/{one.id}")
                if condition := resource_condition(self.scope, names):
                    inventory.read([one.id], condition, partial(concerns, self.scope, names))

    def _close_inventory(self, inventory: Inventory) -> None:
        """Note what the inventory could not prove."""
        for shortfall in inventory.shortfalls:
            stop_if_signed_out(shortfall.refusal)
            what = shortfall.resource_type or ANY_TYPE
            scopes = [f"/subscriptions/{one}" for one in shortfall.subscriptions]
            gaps = [gap_of(scope, what, shortfall.refusal, shortfall.action) for scope in scopes]
            self.ledger.add_gaps("inventory", gaps)
        whole = []
        for subscription in self._subscriptions():
            is_short = (ids.key(subscription.id), "inventory") in self.ledger.gaps
            refusal = inventory.instead.get(subscription.subscription)
            way = {"read_from": ARM, "because": f"{refusal.kind.value} {refusal.code}".strip()} if refusal else {}
            self.ledger.remark(subscription.id, "inventory", "partial" if is_short else COMPLETE, **way)
            if not is_short:
                whole.append(subscription.id)
        self.ledger.forget_deleted(whole, self.targets)
        if not self.targets and not self.ledger.gaps and not any(self.groups.values()):
            raise CollectionError(
                "The scope is empty: there is no resource in it that can be read.", "check the scope and the role"
            )

    def _whole_groups(self, subscription: str) -> Sequence[str]:
        """Return the groups that lie in the scope as a whole; where they could not be listed, those that were named."""
        unread = self.ledger.gaps.get((ids.key(subscription), RESOURCE_GROUPS.name))
        if unread and self.scope.tags:
            self.ledger.add_gaps("inventory", [Gap(subscription, ANY_TYPE, unread[0].reason, unread[0].permission)])
        elif unread:
            return self.scope.resource_groups
        return [ids.name_of(group.id) for group in self.groups[subscription]]

    def _keep_row(self, row: InventoryRow) -> Target:
        body = dict(row.body)
        self.ledger.store(body, source=row.source, api_version=row.api_version, at=row.at)
        target = target_of(body, self._operations, row.api_version, is_bare=row.is_bare)
        self.targets[ids.key(target.id)] = target
        return target

    # Subscriptions

    def _late_jobs(self, planner: Planner) -> Iterator[Job]:
        """Yield what depends on which providers and regions are in use."""
        namespaces = {target.type_key.partition("/")[0] for target in self.targets.values()}
        for subscription in self._subscriptions():
            yield from planner.activity(subscription, namespaces, self.started, self.options.activity_days)
        yield from planner.service_tags(self._subscriptions()[0], self.targets.values())

    # Outside the scope

    def _follow(self, planner: Planner) -> None:
        """Read what the scope's resources point at elsewhere, and mark it; strangers' endpoints may stay unread."""
        wanted = dict(self.ledger.wanted)
        for number in range(1, _FOLLOW_ROUNDS + 1):
            outside = [reference for key, reference in sorted(wanted.items()) if key not in self.ledger.known]
            targets = [Target(reference, (ids.type_of(reference) or "").lower()) for reference in outside]
            found: list[Target] = []
            further: list[str] = []
            jobs = self._expected((target, FOLLOWED, read_resource) for target in targets)
            for (target, _, _), outcome in self._spread(jobs):
                self._settle_followed(target, outcome)
                found += [target_of(item.body, self._operations) for item in outcome.items]
                further += [text for item in outcome.items for text in references(item.body.get("properties"))]
            self._do(f"outside the scope, round {number}", self._expected(planner.outside(found)))
            wanted = {ids.key(text): text for text in further if (ids.type_of(text) or "").lower() in FOLLOWED_FURTHER}

    def _settle_followed(self, target: Target, outcome: Outcome) -> None:
        """Store a followed resource. One that is gone leaves its reference dangling, which is a finding and no gap.

        A stranger's private endpoint on one of our resources may stay unread: its state is known from our side.
        """
        is_stranger = target.type_key == PRIVATE_ENDPOINTS and target.subscription.lower() not in self.resolved.visible
        if is_stranger and outcome.gaps:
            self.ledger.remark(target.id, FOLLOWED, "failed", reason="in a subscription that the identity cannot see")
            return
        if outcome.is_gone and not outcome.items:
            self.ledger.forget(target.id)  # an interrupted collection may have had it
            outcome.is_gone = False
        self.ledger.settle(target.id, FOLLOWED, outcome)

    # The rest

    def _resolve_principals(self) -> None:
        principals: Sequence[str] = sorted(self.principals)
        at = self.started.strftime("%Y-%m-%dT%H:%M:%SZ")
        read: Job = (Target("/"), "principals", lambda arm, _: read_principals(arm, principals, at))
        self._do("principals", self._expected([read]))

    def _second_chance(self) -> None:
        """Try once more what failed for a reason that may have passed meanwhile."""
        again, self._again = self._again, []
        if again:
            self._do("second tries", self._expected(again))
