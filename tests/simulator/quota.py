"""Azure's quotas, enforced: token buckets of subscriptions and the query quota of Resource Graph."""

from __future__ import annotations

import threading
import time

Headers = dict[str, str]


class Quotas:
    """Counts calls in real time; `scale` makes Azure's clock run faster."""

    def __init__(self, *, scale: float = 1.0) -> None:
        self._scale = scale
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}
        self._window: tuple[float, int] = (0.0, 0)

    def arm(self, subscription: str) -> tuple[bool, Headers]:
        """Draw one read of a subscription's 250, refilled at 25 a second."""
        with self._lock:
            now = time.monotonic() * self._scale
            tokens, seen = self._buckets.get(subscription, (250.0, now))
            tokens = min(250.0, tokens + (now - seen) * 25)
            allowed = tokens >= 1
            self._buckets[subscription] = (tokens - allowed, now)
            header = f"x-ms-ratelimit-remaining-{'tenant' if subscription == 'tenant' else 'subscription'}-reads"
            return allowed, {header: str(int(tokens - allowed))} if allowed else {"Retry-After": "1"}

    def graph(self) -> tuple[bool, Headers]:
        """Draw one of 15 queries in 5 seconds."""
        with self._lock:
            now = time.monotonic() * self._scale
            start, used = self._window
            if now - start >= 5:
                start, used = now, 0
            allowed = used < 15
            self._window = (start, used + allowed)
            left = 5 - (now - start)
            return allowed, {
                "x-ms-user-quota-remaining": str(15 - used - allowed if allowed else 0),
                "x-ms-user-quota-resets-after": f"00:00:{max(0, round(left)):02d}",
            }
