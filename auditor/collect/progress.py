"""Tell whoever watches how far the collection is, how long it will take, and what it waits for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct, field

_WINDOW: Final = 30.0
"""Seconds over which speed is measured: a quota that is used up slows a collection down."""
_SAMPLE_EVERY: Final = 1.0
_OUTSIDE: Final = "outside the scope"


class PartProgress(Struct, frozen=True):
    """How far a subscription is: calls `done` of a `total`, which is a lower bound until `is_counted`."""

    name: str
    done: int
    total: int
    seconds_left: float
    is_counted: bool

    @property
    def is_over(self) -> bool:
        """Whether nothing is left that is known of."""
        return self.is_counted and self.done >= self.total


class Progress(Struct, frozen=True):
    """A moment of the collection.

    `resources` stored so far; `calls` on the wire; `waited` seconds of all threads, and what somebody waits for right
    now; how far each subscription is, in the order of their ids, and what lies outside; and all of them together.
    """

    phase: str
    resources: int
    calls: int
    waited: float
    waiting_for: str
    parts: Sequence[PartProgress]
    whole: PartProgress


Watcher = Callable[[Progress], None]
"""Called in the collecting thread, a few times a second at most."""


def nobody(_: Progress) -> None:
    """Watch nothing."""


class Pace(Struct, frozen=True):
    """What bounds speed before any is measured: a subscription's quota, at once and a second, and the calls in flight."""

    at_once: float
    per_second: float
    in_flight: int
    seconds_per_call: float = 0.2

    def seconds_left(self, done: int, total: int, elapsed: float) -> float:
        """Return what the quota alone makes a subscription take from now on, and the calls by themselves."""
        by_quota = (total - self.at_once) / self.per_second - elapsed
        return max(by_quota, (total - done) * self.seconds_per_call / self.in_flight, 0.0)


class _Part(Struct):
    name: str
    expected: int = 0
    begun: int = 0
    finished: int = 0
    needless: int = 0
    """What was expected and did not have to be done."""
    is_counted: bool = False
    samples: deque[tuple[float, int]] = field(default_factory=deque)

    @property
    def done(self) -> int:
        return self.finished + self.needless

    @property
    def total(self) -> int:
        return max(self.expected, self.begun + self.needless)

    def settle(self, outstanding: int) -> None:
        """Take what has not begun, but for so many, as done: it will not come."""
        self.is_counted = True
        self.expected = self.total
        self.needless += max(0, self.total - self.begun - self.needless - outstanding)

    def measured(self, now: float) -> float | None:
        """Return the seconds that the rest takes at the speed of the last while; None where there was none."""
        while len(self.samples) > 1 and now - self.samples[0][0] > _WINDOW:
            self.samples.popleft()
        if not self.samples or now - self.samples[-1][0] >= _SAMPLE_EVERY:
            self.samples.append((now, self.finished))
        since, before = self.samples[0]
        if now - since < _SAMPLE_EVERY or self.finished <= before:
            return None
        return (self.total - self.done) * (now - since) / (self.finished - before)


class ProgressAccount:
    """Counts what is expected, begun and done in each subscription. No number falls, whatever comes in which order."""

    def __init__(self, names: Mapping[str, str], pace: Pace, began: float) -> None:
        self._parts = {key.lower(): _Part(name) for key, name in names.items()}
        self._whole = _Part("all")
        self._pace = pace
        self._began = began

    def expect(self, subscription: str, calls: int) -> None:
        """Count calls that will be made."""
        self._of(subscription).expected = self._of(subscription).total + calls

    def count(self, subscription: str) -> None:
        """Note that all that is in a subscription is expected by now."""
        self._of(subscription).is_counted = True

    def begin(self, subscription: str) -> None:
        """Count a call that is being made, expected or not."""
        self._of(subscription).begun += 1

    def finish(self, subscription: str) -> None:
        """Count a call that was begun and has ended, well or not."""
        self._of(subscription).finished += 1

    def settle(self, outstanding: int = 0) -> None:
        """Note that nothing more comes but so many calls in each subscription, where so many are expected."""
        for part in self._parts.values():
            part.settle(outstanding)

    def parts(self, now: float) -> tuple[Sequence[PartProgress], PartProgress]:
        """Return how far each subscription is, and all together, at a moment of the monotonic clock."""
        own = list(self._parts.values())
        whole = self._whole
        whole.expected = max(whole.expected, sum(part.total for part in own))
        whole.finished = sum(part.finished for part in own)
        whole.needless = sum(part.needless for part in own)
        whole.is_counted = all(part.is_counted for part in own)
        elapsed = now - self._began
        floors = [self._pace.seconds_left(part.done, part.total, elapsed) for part in own]
        left = max([whole.measured(now) or 0.0, *floors])
        times = [min(left, max(part.measured(now) or left, low)) for part, low in zip(own, floors, strict=True)]
        return [_shown(part, seconds) for part, seconds in zip(own, times, strict=True)], _shown(whole, left)

    def _of(self, subscription: str) -> _Part:
        key = subscription.lower()
        if key in self._parts:
            return self._parts[key]
        return self._parts.setdefault("", _Part(_OUTSIDE, is_counted=True))


def _shown(part: _Part, seconds: float) -> PartProgress:
    if part.is_counted and part.done == part.total:
        seconds = 0.0
    return PartProgress(part.name, part.done, part.total, seconds, part.is_counted)
