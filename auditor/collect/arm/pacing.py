"""Hold calls back so that they stay inside Azure's quotas.

https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from typing import Final, Protocol

from auditor.collect.options import Quotas

GRAPH_BUCKET: Final = "resource graph"


class Clock(Protocol):
    """Time, and a way to let it pass."""

    def now(self) -> float:
        """Return seconds on a clock that never goes back."""

    def wait(self, seconds: float) -> None:
        """Let time pass; raise `Stopped` when the collection is being stopped."""


class Stopped(Exception):  # noqa: N818 - an order, not an error
    """The collection was asked to stop while a call was waiting."""


class WallClock:
    """Real time, whose waiting ends at once when the collection is stopped."""

    def __init__(self) -> None:
        self._stop = threading.Event()

    def now(self) -> float:
        """Return the monotonic time."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Sleep, unless the collection is being stopped."""
        if self._stop.wait(max(0.0, seconds)):
            raise Stopped

    def stop(self) -> None:
        """Wake everybody who waits, now and from now on."""
        self._stop.set()


class Bucket:
    """A token bucket that hands out places in the future: who draws when it is empty is told how long to wait."""

    def __init__(self, capacity: float, rate: float, clock: Clock) -> None:
        self._capacity, self._rate, self._clock = capacity, rate, clock
        self._tokens = capacity
        self._seen = clock.now()
        self._closed_until = self._seen
        self._lock = threading.Lock()

    def draw(self) -> float:
        """Take one token and return the seconds to wait before it may be used."""
        with self._lock:
            now = self._clock.now()
            self._tokens = min(self._capacity, self._tokens + (now - self._seen) * self._rate)
            self._seen = now
            self._tokens -= 1
            owed = max(0.0, -self._tokens / self._rate)
            return max(owed, self._closed_until - now)

    def close_for(self, seconds: float) -> None:
        """Let nobody through for a time, and let the bucket start empty after it."""
        with self._lock:
            now = self._clock.now()
            self._closed_until = max(self._closed_until, now + seconds)
            self._tokens = min(self._tokens, 0.0)
            self._seen = max(self._seen, now)

    def remaining(self, tokens: float) -> None:
        """Learn from a quota header how much is really left."""
        with self._lock:
            self._tokens = min(self._tokens, tokens)


class Pacer:
    """The buckets of one collection: Resource Graph, the tenant, and each subscription."""

    def __init__(self, clock: Clock, quotas: Quotas, quota_share: float = 1.0) -> None:
        self.clock = clock
        share = min(1.0, max(0.02, quota_share))
        self._graph = Bucket(quotas.graph_at_once, quotas.graph_per_second, clock)
        self._arm: defaultdict[str, Bucket] = defaultdict(
            lambda: Bucket(max(1.0, quotas.arm_at_once * share), quotas.arm_per_second * share, clock)
        )
        self._lock = threading.Lock()
        self.waited = 0.0
        self._reasons: Counter[str] = Counter()

    def bucket(self, name: str) -> Bucket:
        """Return the bucket of a name: `GRAPH_BUCKET`, a lower-case subscription id, or `tenant`."""
        if name == GRAPH_BUCKET:
            return self._graph
        with self._lock:
            return self._arm[name]

    def enter(self, name: str) -> None:
        """Wait for a place in a bucket."""
        seconds = self.bucket(name).draw()
        if seconds > 0:
            self.wait(seconds, f"the quota of {name}")

    def wait(self, seconds: float, reason: str) -> None:
        """Let time pass, and remember how much and why."""
        with self._lock:
            self.waited += seconds
            self._reasons[reason] += 1
        try:
            self.clock.wait(seconds)
        finally:
            with self._lock:
                self._reasons[reason] -= 1

    @property
    def waiting_for(self) -> str:
        """Return what most of the calls that are held back right now wait for, or nothing."""
        with self._lock:
            found = self._reasons.most_common(1)
        return found[0][0] if found and found[0][1] > 0 else ""
