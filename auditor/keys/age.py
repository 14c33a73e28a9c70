"""Bound the age of a key by what a log of regenerations shows, and by what it can show at all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

_UNSEEN_END: Final = timedelta(days=1)
"""How long before the time of judgement a log may end and still tell of that time."""
_EDGE: Final = timedelta(hours=1)
"""By how much the time that was read may fall short of a limit: Azure keeps 90 days to the minute, and limits are days."""

_SECOND: Final = timedelta(seconds=1)
"""Key Vault counts whole seconds, the activity log parts of them."""


class Rotation(Struct, frozen=True):
    """A regeneration in a log: of which key, None where the log does not say; `is_sure` that it succeeded."""

    at: datetime
    key: str | None
    is_sure: bool = True


class Window(Struct, frozen=True):
    """A time over which every regeneration is known."""

    start: datetime
    end: datetime


class AgeBounds(Struct, frozen=True):
    """When a key got its present value: not before `earliest`, not after `latest`; equal where it is known exactly.

    `earliest` is None where nothing says how old the key can be. `seen_from`: from then to `now` every regeneration is
    known; None where the end of that time was not seen. `unclear`: regenerations that may have been of this key.
    """

    earliest: datetime | None
    latest: datetime
    now: datetime
    seen_from: datetime | None = None
    unclear: Sequence[Rotation] = ()

    @property
    def exact(self) -> datetime | None:
        """Return when the key got its present value, or None where that is known in bounds only."""
        return self.latest if self.earliest == self.latest else None

    @property
    def at_least(self) -> timedelta:
        """Return the least age that the key can have."""
        return max(self.now - self.latest, timedelta())

    @property
    def at_most(self) -> timedelta | None:
        """Return the greatest age that the key can have, or None where nothing limits it."""
        return None if self.earliest is None else max(self.now - self.earliest, timedelta())

    def is_within(self, limit: timedelta) -> bool | None:
        """Whether the key is no older than a limit; None where its bounds lie on both sides of it."""
        if self.at_most is not None and self.at_most <= limit:
            return True
        is_from_edge = self.latest == self.seen_from
        return False if self.at_least > limit or (is_from_edge and self.at_least >= limit - _EDGE) else None


def bounds(
    key: str,
    keys: Collection[str],
    *,
    created: datetime | None,
    rotations: Sequence[Rotation],
    windows: Sequence[Window],
    now: datetime,
) -> AgeBounds:
    """Return when one of the keys of a resource got its present value, as far as that follows.

    `created`: when the resource came to be, with all its keys. Outside the windows anything may have happened. A
    regeneration that names another of the keys is none of this one; one that names none may be of any of them.
    """
    past = [rotation for rotation in rotations if rotation.at <= now and (created is None or rotation.at >= created)]
    names = {name.lower() for name in keys}
    own = [rotation for rotation in past if rotation.key is not None and rotation.key.lower() == key.lower()]
    nameless = [rotation for rotation in past if rotation.key is None or rotation.key.lower() not in names]
    sure = [rotation.at for rotation in (own if len(names) > 1 else [*own, *nameless]) if rotation.is_sure]
    earliest = max([*sure, *([] if created is None else [created])], default=None)
    unclear = [rotation for rotation in (*own, *nameless) if earliest is None or rotation.at > earliest]
    seen_from = _seen_from(windows, now)
    if seen_from is None:
        return AgeBounds(earliest, max(now, earliest or now), now, None, unclear)
    start = seen_from if earliest is None else max(seen_from, earliest)
    latest = max([start, *(rotation.at for rotation in unclear)])
    return AgeBounds(earliest, latest, now, seen_from, [each for each in unclear if each.at >= start])


def holds_present_key(
    made: datetime, *, created: datetime | None, rotations: Sequence[Rotation], seen_from: datetime | None
) -> bool | None:
    """Whether a copy made at a time was made after its service and after the last regeneration; None where nobody knows.

    `rotations` are those up to the time of judgement, in order. Two keys are rotated in turn: regenerate the idle one,
    copy it, regenerate the other. So a copy that followed the regeneration of a key, which the log names, is that key's,
    and what befell the other key later is nothing to it.
    """
    until = made + _SECOND
    if created is not None and until < created:
        return False
    before = [rotation for rotation in rotations if rotation.at <= until and rotation.is_sure]
    followed = before[-1].key if before else None
    touching = [
        rotation for rotation in rotations if rotation.at > until and (not followed or rotation.key in {followed, None})
    ]
    if any(rotation.is_sure for rotation in touching):
        return False
    is_seen = seen_from is not None and seen_from <= made and created is not None
    return True if is_seen and not touching else None


def _seen_from(windows: Sequence[Window], now: datetime) -> datetime | None:
    """Return since when the windows leave no moment out, or None where they do not reach the time of judgement."""
    reached: datetime | None = None
    for window in sorted(windows, key=lambda window: window.end, reverse=True):
        edge = now - _UNSEEN_END if reached is None else reached
        if window.end >= edge and window.start <= now:
            reached = window.start if reached is None else min(reached, window.start)
    return reached
