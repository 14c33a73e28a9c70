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


def make_due(connection: sa.Connection, episodes: Iterable[int], receiver: str, at: str) -> None:
    """Note, in the transaction that records the run of a time, that a receiver is to be told of episodes.

    Of each it is told once, and again where a later run made it due: the failure has grown, or is accepted no more.
    """
    query = sa.select(NOTICES.c.episode, NOTICES.c.due_at).where(NOTICES.c.receiver == receiver)
    known = {row.episode: row.due_at or "" for row in connection.execute(query)}
    wanted = sorted(set(episodes))
    new = [{"episode": each, "receiver": receiver, "due_at": at} for each in wanted if each not in known]
    if new:
        connection.execute(NOTICES.insert(), new)
    again = [each for each in wanted if each in known and known[each] < at]
    _set(connection, again, receiver, due_at=at, claimed_at=None, sent_at=None)


def claim(history: History, running: Mapping[str, int], receiver: str, *, is_rehearsal: bool) -> dict[str, str]:
    """Return the fingerprints that a receiver is to be told of now, and since when; nobody else is given them meanwhile.

    `running` are the failures of this run: what is due of earlier ones, and fails still, is among them.
    """
    now = datetime.now(UTC)
    episodes = {episode: fingerprint for fingerprint, episode in running.items()}
    abandoned = (now - _CLAIM).isoformat()
    with history.writing() as connection:
        due = connection.execute(
            sa.select(NOTICES.c.episode, NOTICES.c.due_at).where(
                NOTICES.c.receiver == receiver,
                NOTICES.c.sent_at.is_(None),
                sa.or_(NOTICES.c.claimed_at.is_(None), NOTICES.c.claimed_at < abandoned),
            )
        ).all()
        mine = {episode: due_at or "" for episode, due_at in due if episode in episodes}
        if not is_rehearsal:
            _set(connection, mine, receiver, claimed_at=now.isoformat())
    return {episodes[episode]: due_at for episode, due_at in mine.items()}


def settle(
    history: History, running: Mapping[str, int], receiver: str, claimed: Mapping[str, str], told: Iterable[str]
) -> None:
    """Note of what was claimed that the receiver was told of it, or that it is due again.

    What grew meanwhile is left as it is: a run has made it due anew.
    """
    done = set(told)
    with history.writing() as connection:
        query = sa.select(NOTICES.c.episode, NOTICES.c.due_at).where(NOTICES.c.receiver == receiver)
        due_now = {row.episode: row.due_at or "" for row in connection.execute(query)}
        mine = {each: running[each] for each, due_at in claimed.items() if due_now.get(running[each]) == due_at}
        sent = [episode for each, episode in mine.items() if each in done]
        due = [episode for each, episode in mine.items() if each not in done]
        _set(connection, sent, receiver, sent_at=datetime.now(UTC).isoformat())
        _set(connection, due, receiver, claimed_at=None)


def _set(connection: sa.Connection, episodes: Iterable[int], receiver: str, **values: str | None) -> None:
    rows = [{"own_episode": each} for each in episodes]
    if rows:
        own = NOTICES.c.episode == sa.bindparam("own_episode"), NOTICES.c.receiver == receiver
        connection.execute(NOTICES.update().where(*own).values(**values), rows)
