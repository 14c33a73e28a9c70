"""What receivers are to be told of a history's findings, each once: due with the run, claimed, then told or due again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa

from auditor.history.database import History
from auditor.history.schema import NOTICES

_CLAIM: Final = timedelta(minutes=15)
"""How long a process may take to tell; after it, another takes its work for abandoned."""


def make_due(connection: sa.Connection, episodes: Iterable[int], receiver: str) -> None:
    """Note, in the transaction that records a run, that a receiver is to be told of episodes; of each only once."""
    known = set(connection.execute(sa.select(NOTICES.c.episode).where(NOTICES.c.receiver == receiver)).scalars())
    new = [{"episode": each, "receiver": receiver} for each in sorted(set(episodes) - known)]
    if new:
        connection.execute(NOTICES.insert(), new)


def claim(history: History, running: Mapping[str, int], receiver: str, *, is_rehearsal: bool) -> list[str]:
    """Return the fingerprints that a receiver is to be told of now; nobody else is given them meanwhile.

    `running` are the failures of this run: what is due of earlier ones, and fails still, is among them.
    """
    now = datetime.now(UTC)
    episodes = {episode: fingerprint for fingerprint, episode in running.items()}
    abandoned = (now - _CLAIM).isoformat()
    with history.writing() as connection:
        due = connection.execute(
            sa.select(NOTICES.c.episode).where(
                NOTICES.c.receiver == receiver,
                NOTICES.c.sent_at.is_(None),
                sa.or_(NOTICES.c.claimed_at.is_(None), NOTICES.c.claimed_at < abandoned),
            )
        ).scalars()
        mine = [episode for episode in due if episode in episodes]
        if not is_rehearsal:
            _set(connection, mine, receiver, claimed_at=now.isoformat())
    return [episodes[episode] for episode in mine]


def settle(
    history: History, running: Mapping[str, int], receiver: str, claimed: Iterable[str], told: Iterable[str]
) -> None:
    """Note of what was claimed that the receiver was told of it, or that it is due again."""
    done = set(told)
    with history.writing() as connection:
        sent = [running[each] for each in claimed if each in done]
        due = [running[each] for each in claimed if each not in done]
        _set(connection, sent, receiver, sent_at=datetime.now(UTC).isoformat())
        _set(connection, due, receiver, claimed_at=None)


def _set(connection: sa.Connection, episodes: Iterable[int], receiver: str, **values: str | None) -> None:
    rows = [{"own_episode": each} for each in episodes]
    if rows:
        own = NOTICES.c.episode == sa.bindparam("own_episode"), NOTICES.c.receiver == receiver
        connection.execute(NOTICES.update().where(*own).values(**values), rows)
