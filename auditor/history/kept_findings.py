"""Read the findings of a history with their timelines, and write what became of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from msgspec import Struct, field

from auditor.history.inspections import SoughtFinding
from auditor.history.schema import EPISODES, EXTENTS, FINDINGS
from auditor.history.timeline import Episode, Timeline

_BATCH: Final = 400
_EPISODE_VALUES: Final = ("opened_at", "closed_at", "how_closed")


class KeptFinding(Struct):
    """A finding as it is stored, and what becomes of it.

    `scopes`: since when runs of which scope saw it fail. `accepted`: by exemption that does not say how far it goes, when
    it was first seen to cover it, and what it rested on then.
    """

    row: dict[str, object]
    id: int | None = None
    timeline: Timeline = field(default_factory=Timeline)
    stored_extents: Mapping[str, str] = field(default_factory=dict)
    scopes: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, tuple[str, str]] = field(default_factory=dict)
    is_changed: bool = False

    def text(self, name: str) -> str:
        """Return a value of its row that is a text."""
        return str(self.row[name])

    @property
    def subject(self) -> SoughtFinding:
        """Return what a run must have looked at to say that it is gone."""
        return SoughtFinding(self.text("rule_id"), self.text("resource_id"), self.text("resource_type"), self.scopes)

    def change(self, values: Mapping[str, object]) -> None:
        """Set values of its row."""
        if any(self.row[name] != value for name, value in values.items()):
            self.row |= values
            self.is_changed = True


def load(connection: sa.Connection, baseline: str) -> dict[str, KeptFinding]:
    """Return the findings of a baseline by fingerprint."""
    kept: dict[int, KeptFinding] = {}
    for row in connection.execute(sa.select(FINDINGS).where(FINDINGS.c.baseline == baseline)).mappings():
        accepted = {name: (at, text) for name, (at, text) in json.loads(row["accepted"]).items()}
        kept[row["id"]] = KeptFinding(dict(row), row["id"], scopes=json.loads(row["scopes"]), accepted=accepted)
    its = sa.select(EPISODES).join(FINDINGS).where(FINDINGS.c.baseline == baseline).order_by(EPISODES.c.opened_at)
    for row in connection.execute(its).mappings():
        values = row["opened_at"], row["closed_at"], row["how_closed"]
        kept[row["finding"]].timeline.episodes.append(Episode(*values, id=row["id"], stored=values))
    extents = sa.select(EXTENTS).join(FINDINGS).where(FINDINGS.c.baseline == baseline)
    for row in connection.execute(extents).mappings():
        kept[row["finding"]].timeline.extents[row["at"]] = row["rests_on"]
    for each in kept.values():
        each.stored_extents = dict(each.timeline.extents)
    return {each.text("fingerprint"): each for each in kept.values()}


def store(connection: sa.Connection, kept: Iterable[KeptFinding]) -> None:
    """Write what changed: new findings at once, then their episodes and extents."""
    all_kept = list(kept)
    new = [each for each in all_kept if each.id is None]
    changed = [each for each in all_kept if each.id is not None and each.is_changed]
    if new:
        connection.execute(FINDINGS.insert(), [each.row for each in new])
        _number(connection, new)
    names = [column.name for column in FINDINGS.c if column.name != "id"]
    columns: dict[str, sa.BindParameter[object]] = {
        name: sa.bindparam(f"new_{name}", type_=FINDINGS.c[name].type) for name in names
    }
    if changed:
        connection.execute(
            FINDINGS.update().where(FINDINGS.c.id == sa.bindparam("own_id")).values(columns),
            [{"own_id": each.id, **{f"new_{name}": each.row[name] for name in columns}} for each in changed],
        )
    _store_episodes(connection, all_kept)
    _store_extents(connection, all_kept)


def _number(connection: sa.Connection, new: Sequence[KeptFinding]) -> None:
    """Learn the numbers that the database gave to new findings."""
    by_fingerprint = {each.text("fingerprint"): each for each in new}
    baseline = new[0].text("baseline")
    fingerprints = list(by_fingerprint)
    for start in range(0, len(fingerprints), _BATCH):
        some = fingerprints[start : start + _BATCH]
        query = sa.select(FINDINGS.c.id, FINDINGS.c.fingerprint).where(
            FINDINGS.c.baseline == baseline, FINDINGS.c.fingerprint.in_(some)
        )
        for number, fingerprint in connection.execute(query):
            by_fingerprint[fingerprint].id = number


def _store_episodes(connection: sa.Connection, kept: Sequence[KeptFinding]) -> None:
    """Write new and changed episodes at once, and learn the numbers that the database gave to new ones."""
    listed = [(each.id, episode) for each in kept for episode in each.timeline.episodes]
    dropped = [number for each in kept for number in each.timeline.dropped]
    changed = [episode for _, episode in listed if episode.id is not None and episode.values != episode.stored]
    new = {(finding, episode.opened_at): episode for finding, episode in listed if episode.id is None}
    if dropped:
        connection.execute(EPISODES.delete().where(EPISODES.c.id.in_(dropped)))
    if changed:
        values = {name: sa.bindparam(f"new_{name}", type_=sa.Text) for name in _EPISODE_VALUES}
        connection.execute(
            EPISODES.update().where(EPISODES.c.id == sa.bindparam("own_id")).values(values),
            [{"own_id": each.id, **_named(each, "new_")} for each in changed],
        )
    if new:
        rows = [{"finding": finding, **_named(episode, "")} for (finding, _), episode in new.items()]
        connection.execute(EPISODES.insert(), rows)
        _number_episodes(connection, new)


def _number_episodes(connection: sa.Connection, new: Mapping[tuple[int | None, str], Episode]) -> None:
    numbers = sorted({finding for finding, _ in new if finding is not None})
    for start in range(0, len(numbers), _BATCH):
        its = EPISODES.c.finding.in_(numbers[start : start + _BATCH])
        query = sa.select(EPISODES.c.id, EPISODES.c.finding, EPISODES.c.opened_at).where(its)
        for number, finding, opened_at in connection.execute(query):
            if (finding, opened_at) in new:
                new[finding, opened_at].id = number


def _named(episode: Episode, prefix: str) -> dict[str, str | None]:
    return {f"{prefix}{name}": value for name, value in zip(_EPISODE_VALUES, episode.values, strict=True)}


def _store_extents(connection: sa.Connection, kept: Sequence[KeptFinding]) -> None:
    """Write what failures rest on, where that is another set than before."""
    old: list[Mapping[str, object]] = []
    new: list[Mapping[str, object]] = []
    for each in kept:
        now, before = each.timeline.extents.items(), each.stored_extents.items()
        old += [{"own_finding": each.id, "own_at": at} for at, _ in before - now]
        new += [{"finding": each.id, "at": at, "rests_on": rests_on} for at, rests_on in now - before]
    if old:
        own = EXTENTS.c.finding == sa.bindparam("own_finding"), EXTENTS.c.at == sa.bindparam("own_at")
        connection.execute(EXTENTS.delete().where(*own), old)
    if new:
        connection.execute(EXTENTS.insert(), new)
