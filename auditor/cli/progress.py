"""Say on stderr who signed in, how far a collection is, what it waits for, and what it came to."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from auditor.cli.lazy_imports import lazy_imports
from auditor.cli.streams import remark, safe
from auditor.collect.progress import Progress, Watcher

with lazy_imports(__name__):
    from auditor.collect import permissions
    from auditor.collect import run as collection
    from auditor.collect.arm import credentials


_EVERY = 0.2  # seconds between two lines
_ERASE = "\r\x1b[2K"


class Memory:
    """Watches a collection for somebody else, and remembers how many resources it had."""

    def __init__(self, watch: Watcher) -> None:
        self.resources = 0
        self._watch = watch

    def __call__(self, now: Progress) -> None:
        """Remember a moment and pass it on."""
        self.resources = now.resources
        self._watch(now)


@contextmanager
def display(*, quiet: bool) -> Iterator[Watcher]:
    """Give a watcher that keeps one line up to date on a terminal, and says nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    last = 0.0

    def watch(now: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= _EVERY:
            last = time.monotonic()
            _draw(_ERASE + safe(line(now))[:100])

    try:
        yield watch
    finally:
        _draw(_ERASE)


def _draw(text: str) -> None:
    with suppress(OSError):  # a terminal that was closed
        sys.stderr.write(text)
        sys.stderr.flush()


def line(now: Progress) -> str:
    """Return a moment of a collection as one line."""
    done = f"{now.done:,}" if now.total is None else f"{now.done:,}/{now.total:,}"
    waits = f" · waited {now.waited:.0f} s" if now.waited >= 1 else ""
    reason = f" · waiting for {now.waiting_for}" if now.waiting_for else ""
    return f"{now.phase}: {done} · {now.calls:,} calls · {now.rate:.0f}/s{waits}{reason}"


def say_endpoint(endpoint: str) -> None:
    """Say which Resource Manager is talked to."""
    remark(f"Azure Resource Manager at {endpoint}")


def say_identity(identity: credentials.SignedInIdentity) -> None:
    """Say who signed in."""
    remark(f"signed in by {identity.credential}: tenant {identity.tenant_id}, object {identity.object_id}")


def say_summary(summary: collection.CollectionSummary) -> None:
    """Say what a collection came to: resources, gaps, calls and waiting."""
    by_method: Counter[str] = Counter()
    for call, count in summary.calls.items():
        by_method[call.partition(" ")[0]] += count
    calls = ", ".join(f"{count:,} {method}" for method, count in sorted(by_method.items()))
    remark(
        f"{summary.resources:,} resources in {len(summary.subscriptions)} subscriptions, {len(summary.gaps)} gaps; "
        f"{summary.attempts:,} requests ({calls}), {summary.retries} retries, {summary.throttled} throttled, "
        f"waited {summary.waited:.0f} s in all threads, took {summary.seconds:.0f} s"
    )
    for resource_id in summary.gone:
        sys.stderr.write(safe(f"deleted while it was read, and left out: {resource_id}") + "\n")


def preflight_lines(preflight: permissions.Preflight) -> Iterator[str]:
    """Return what an identity may not read, and what it may do beyond reading, as lines."""
    yield safe(f"identity: {preflight.identity.credential}, object {preflight.identity.object_id}")
    for rights in preflight.subscriptions:
        yield safe(f"{rights.name} ({rights.id})")
        if not rights.is_known:
            yield "  Azure does not say what this identity may do here"
        yield from (f"  lacks     {safe(action)}" for action in rights.missing)
        yield from (f"  warning: should not have {safe(action)}" for action in rights.too_much)
        if rights.is_known and not rights.missing and not rights.too_much:
            yield "  can read everything that is needed, and nothing more"
    yield from (safe(f"unreadable: {gap.scope} {gap.what}: {gap.reason}") for gap in preflight.unreadable)
    yield "everything can be read" if preflight.is_sufficient else "something would be missing: grant what is listed"
