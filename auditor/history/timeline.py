"""From when to when a finding failed, and how far it went: the same in whatever order its runs are told.

Runs see a finding at times: it fails, or it does not any more. An unknown answer, and a run that did not look, see nothing.
An episode begins with the first failure after an end, and ends with the next end. Where runs of one time disagree the
finding fails, for nobody knows which of them was the later.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from msgspec import Struct, field

from auditor.engine.accepted.finding_sets import beyond, from_document
from auditor.engine.accepted.set_words import how_it_grew
from auditor.model import FindingSet

Values = tuple[str, str | None, str]
"""When an episode opened and closed, and how."""


class Sight(Struct, frozen=True):
    """That a finding fails at a time, or that it does not: then `how_closed` says why (`mended`, `gone`)."""

    at: str
    how_closed: str = ""

    @property
    def fails(self) -> bool:
        """Return whether it fails."""
        return not self.how_closed


class Episode(Struct):
    """From when to when a finding failed. `id` is None where it is not stored yet; `stored` is what is, if anything."""

    opened_at: str
    closed_at: str | None = None
    how_closed: str = ""
    id: int | None = None
    stored: Values | None = None

    @property
    def values(self) -> Values:
        """Return what is to be stored of it."""
        return self.opened_at, self.closed_at, self.how_closed

    def covers(self, at: str) -> bool:
        """Return whether it failed at a time, as far as was seen."""
        return self.opened_at <= at and (self.closed_at is None or at < self.closed_at)


class Widening(Struct, frozen=True):
    """That a failure went further at a time than at the run before it, in words."""

    at: str
    how: str


class Timeline(Struct):
    """The episodes of a finding, the oldest first, and by time what it rested on from then on.

    `extents` hold a set only where it is another than at the failure before; the empty text is a failure about no set.
    `dropped` are the stored episodes that were part of another, by id.
    """

    episodes: list[Episode] = field(default_factory=list)
    extents: dict[str, str] = field(default_factory=dict)
    dropped: list[int] = field(default_factory=list)

    def at(self, at: str) -> Episode | None:
        """Return the episode that covers a time."""
        return next((each for each in self.episodes if each.covers(at)), None)

    def see(self, sights: Iterable[Sight], at: str) -> None:
        """Take in what a run saw at a time. `sights` are its own and all that others saw then or afterwards."""
        by_time: dict[str, list[Sight]] = defaultdict(list)
        for sight in [*sights, *self._bounds(at)]:
            by_time[sight.at].append(sight)
        episodes = [each for each in self.episodes if each.opened_at < at]
        later = [each for each in self.episodes if each.opened_at >= at]
        current: Episode | None = None
        if episodes and (episodes[-1].closed_at is None or episodes[-1].closed_at >= at):
            current = episodes[-1]
            current.closed_at, current.how_closed = None, ""
        for time in sorted(by_time):
            if any(sight.fails for sight in by_time[time]):
                if current is None:
                    current = Episode(time)
                    episodes.append(current)
            elif current is not None:
                current.closed_at, current.how_closed = time, max(sight.how_closed for sight in by_time[time])
                current = None
        self.episodes = episodes
        self._recognise(later)

    def _bounds(self, at: str) -> list[Sight]:
        """Return what the stored episodes say of a time and those after it: runs that are kept no more saw it."""
        opened = [Sight(each.opened_at) for each in self.episodes if each.opened_at >= at]
        closed = [Sight(each.closed_at, each.how_closed) for each in self.episodes if each.closed_at is not None]
        return [*opened, *(sight for sight in closed if sight.at >= at)]

    def _recognise(self, stored: Sequence[Episode]) -> None:
        """Give episodes the ids that they, or a part of them, had: who was told of one is not told again."""
        by_start = {each.opened_at: each for each in stored}
        for episode in self.episodes:
            if episode.id is None and (same := by_start.pop(episode.opened_at, None)):
                episode.id, episode.stored = same.id, same.stored
        for episode in self.episodes:
            inside = [start for start in sorted(by_start) if episode.covers(start)]
            if episode.id is None and inside:
                same = by_start.pop(inside[0])
                episode.id, episode.stored = same.id, same.stored
        self.dropped += [each.id for each in by_start.values() if each.id is not None]

    def extend(self, at: str, rests_on: str, next_failure: str | None) -> None:
        """Note what a failure rests on at a time; `next_failure` is when it is next known to have failed."""
        before = self._extent(at)
        if before == rests_on:
            return
        if next_failure is not None and before is not None:
            self.extents.setdefault(next_failure, before)
        self.extents[at] = max(rests_on, self.extents.get(at, ""))
        ordered = sorted(self.extents)
        changed = [
            time
            for number, time in enumerate(ordered)
            if not number or self.extents[time] != self.extents[ordered[number - 1]]
        ]
        self.extents = {time: self.extents[time] for time in changed}

    def _extent(self, at: str) -> str | None:
        times = [time for time in self.extents if time <= at]
        return self.extents[max(times)] if times else None

    def widenings(self) -> list[Widening]:
        """Return when the failure went further than at the run before, without a break between them."""
        times = sorted(self.extents)
        found = []
        for before, now in pairwise(times):
            episode = self.at(now)
            if episode is None or episode.opened_at == now:
                continue
            how = growth(self.extents[now], self.extents[before])
            if how:
                found.append(Widening(now, how))
        return found


def growth(now: str, before: str) -> str:
    """Return in words how far a set goes beyond another, both as they are stored; nothing where it does not."""
    new, old = _set(now), _set(before)
    if new is None or old is None:
        return ""
    more = beyond(new, [old])
    return how_it_grew(new, [old], more) if more is not None else ""


def _set(text: str) -> FindingSet | None:
    return from_document(json.loads(text)) if text else None
