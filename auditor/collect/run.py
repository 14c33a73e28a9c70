"""Collect an estate into a snapshot, or say beforehand what would be missing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct, field

from auditor.azure.catalogue import shipped
from auditor.collect.arm.credentials import SignedInIdentity
from auditor.collect.arm.pacing import Stopped
from auditor.collect.arm.session import Session, open_session
from auditor.collect.ledger import Ledger
from auditor.collect.operations import Operations
from auditor.collect.options import CollectOptions
from auditor.collect.permissions import Preflight, examine
from auditor.collect.progress import Watcher, nobody
from auditor.collect.scope import CollectScope
from auditor.collect.sink import Sink
from auditor.collect.sources.subscriptions import ResolvedScope, resolve
from auditor.collect.steps import Collection
from auditor.engine.coverage.needs import EVERYTHING
from auditor.model import Gap
from auditor.redaction.body import Redactor
from auditor.redaction.marks import random_key
from auditor.shipped import tool_version
from auditor.snapshot.left_out import LEFT_OUT, named
from auditor.snapshot.model import Metadata

log = logging.getLogger("auditor.collect")


class CollectionSummary(Struct, frozen=True):
    """What a collection came to. `calls` counts requests by method and type, `waited` adds up all threads.

    `gone`: ids of what was deleted while it was read.
    """

    identity: SignedInIdentity
    cloud: str
    subscriptions: Mapping[str, str]
    resources: int
    gaps: Sequence[Gap]
    gone: Sequence[str] = ()
    calls: Mapping[str, int] = field(default_factory=dict)
    attempts: int = 0
    retries: int = 0
    throttled: int = 0
    received: int = 0
    waited: float = 0.0
    seconds: float = 0.0


def collect(
    scope: CollectScope,
    options: CollectOptions,
    open_sink: Callable[[Metadata], Sink],
    watch: Watcher = nobody,
    announce: Callable[[SignedInIdentity], None] | None = None,
) -> CollectionSummary:
    """Collect a scope into the sink that `open_sink` returns, and close it.

    `open_sink` is called once the scope is known, with the metadata of the new snapshot; to go on with an interrupted
    collection it ignores them and returns the old one's sink. `announce` is told who signed in.
    Raises `CollectionError` where nothing trustworthy can be read, and passes on KeyboardInterrupt; in both cases an
    open sink is closed as unfinished, so that it can be resumed.
    """
    started = datetime.now(UTC)
    session = open_session(options, scope.tenant)
    try:
        if announce is not None:
            announce(session.identity)
        resolved = resolve(session.arm, scope, session.identity)
        operations = Operations(options.catalogue or shipped(), options.needs or EVERYTHING, options.as_begun)
        sink = open_sink(_metadata(scope, session, resolved, operations, started))
        key = options.redaction_key or random_key()
        ledger = Ledger(sink, Redactor(key, people=options.redact_people), operations)
        gaps = _fill(Collection(session, scope, options, resolved, ledger, started, watch))
        return _summary(session, resolved, ledger, gaps, started)
    finally:
        session.clock.stop()
        session.arm.close()


def _fill(collection: Collection) -> list[Gap]:
    ledger = collection.ledger
    try:
        ledger.open()
        collection.run()
        gaps = ledger.close()
    except Stopped:
        _break_off(ledger)
        raise KeyboardInterrupt from None
    except BaseException:
        _break_off(ledger)
        raise
    ledger.sink.close(finished=True)
    return gaps


def _break_off(ledger: Ledger) -> None:
    try:
        ledger.flush()
    finally:
        ledger.sink.close(finished=False)


def preflight(scope: CollectScope, options: CollectOptions) -> Preflight:
    """Return what the signed-in identity may not read in a scope, and what it may do that an auditor should not."""
    session = open_session(options, scope.tenant)
    try:
        resolved = resolve(session.arm, scope, session.identity)
        return examine(session.arm, session.identity, resolved, options.catalogue or shipped())
    finally:
        session.clock.stop()
        session.arm.close()


def _metadata(
    scope: CollectScope, session: Session, resolved: ResolvedScope, operations: Operations, started: datetime
) -> Metadata:
    identity = session.identity
    left_out = {LEFT_OUT: named(operations.left_out)} if operations.left_out else {}
    return Metadata(
        origin="azure",
        complete=True,
        collected_at=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        tenant_id=identity.tenant_id,
        scope={
            **scope.to_json(),
            "subscription_ids": [one.id for one in resolved.subscriptions],
            **left_out,
        },
        subscription_names={one.id.lower(): one.name for one in resolved.subscriptions},
        tool_version=tool_version(),
        extra={
            "secrets": "redacted",
            "cloud": session.cloud.name,
            "arm_endpoint": session.cloud.arm,
            "identity": {
                "credential": identity.credential,
                "tenant_id": identity.tenant_id,
                "object_id": identity.object_id,
                "application_id": identity.application_id,
            },
        },
    )


def _summary(
    session: Session, resolved: ResolvedScope, ledger: Ledger, gaps: Sequence[Gap], started: datetime
) -> CollectionSummary:
    tally = session.arm.tally
    return CollectionSummary(
        identity=session.identity,
        cloud=session.cloud.name,
        subscriptions={one.id: one.name for one in resolved.subscriptions},
        resources=len(ledger.known),
        gaps=gaps,
        gone=[ledger.gone[key] for key in sorted(ledger.gone)],
        calls=dict(sorted(tally.calls.items())),
        attempts=tally.attempts,
        retries=tally.retries,
        throttled=tally.throttled,
        received=tally.received,
        waited=session.arm.pacer.waited,
        seconds=(datetime.now(UTC) - started).total_seconds(),
    )
