"""The tables of a history, as the newest migration leaves them. Times are text, ISO 8601 in UTC, so that they sort."""

from __future__ import annotations

from typing import Final

from auditor.errors import AuditorError

try:
    from sqlalchemy import (
        Boolean,
        Column,
        ForeignKey,
        Integer,
        LargeBinary,
        MetaData,
        String,
        Table,
        Text,
        UniqueConstraint,
    )
except ImportError as problem:
    raise AuditorError(
        "a history needs the package SQLAlchemy, which is not installed", "run: pip install 'estate-auditor[history]'"
    ) from problem

METADATA: Final = MetaData()

RUNS: Final = Table(
    "auditor_runs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("run_id", String(32), nullable=False),
    Column("at", String(40), nullable=False, index=True),
    Column("snapshot_sha256", String(64), nullable=False),
    Column("scope", String(64), nullable=False),
    Column("baseline", Text, nullable=False),
    Column("baseline_version", Text, nullable=False),
    Column("tool_version", Text, nullable=False),
    Column("resources", Integer, nullable=False),
    Column("passed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("unknown", Integer, nullable=False),
    Column("looked_at", Text, nullable=True),
)
"""One row per audit. `digest` is over what was found, so that an audit twice is one run; `scope` over what was asked for;
`looked_at` (JSON) is what it could have seen, null for audits that older releases kept."""

ANSWERS: Final = Table(
    "auditor_answers",
    METADATA,
    Column("run", Integer, ForeignKey("auditor_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("status", String(16), primary_key=True),
    Column("subjects", LargeBinary, nullable=False),
)
"""What a run answered: by status, eight bytes for each fingerprint, sorted."""

FINDINGS: Final = Table(
    "auditor_findings",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("baseline", Text, nullable=False),
    Column("fingerprint", String(128), nullable=False),
    Column("rule_id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("is_exempt", Boolean, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("resource_type", Text, nullable=False),
    Column("sub_object", Text, nullable=False),
    Column("workload", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("scope", String(64), nullable=False),
    Column("first_seen", String(40), nullable=False),
    Column("last_seen", String(40), nullable=False),
    Column("judged_at", String(40), nullable=False),
    Column("scopes", Text, nullable=False, server_default="{}"),
    Column("accepted", Text, nullable=False, server_default="{}"),
    UniqueConstraint("baseline", "fingerprint"),
)
"""One row per failure that ever was. `status` is the last answer, of the time `judged_at`; `scope` that of the run that saw
it fail last. `scopes` (JSON): since when runs of which scope saw it fail. `accepted` (JSON): by exemption that does not say
how far it goes, when it was first seen to cover it, and what it rested on then."""

EPISODES: Final = Table(
    "auditor_episodes",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("finding", Integer, ForeignKey("auditor_findings.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("opened_at", String(40), nullable=False),
    Column("closed_at", String(40), nullable=True),
    Column("how_closed", String(16), nullable=False),
    UniqueConstraint("finding", "opened_at"),
)
"""From when to when a finding failed; one that is open has no end. `how_closed`: `mended`, `gone` (its subject), or empty."""

EXTENTS: Final = Table(
    "auditor_extents",
    METADATA,
    Column("finding", Integer, ForeignKey("auditor_findings.id", ondelete="CASCADE"), primary_key=True),
    Column("at", String(40), primary_key=True),
    Column("rests_on", Text, nullable=False),
)
"""What a failure rested on from a time on, as JSON; a row only where it is another set than at the failure before."""

NOTICES: Final = Table(
    "auditor_notices",
    METADATA,
    Column("episode", Integer, ForeignKey("auditor_episodes.id", ondelete="CASCADE"), primary_key=True),
    Column("receiver", String(64), primary_key=True),
    Column("claimed_at", String(40), nullable=True),
    Column("sent_at", String(40), nullable=True),
    Column("due_at", String(40), nullable=True),
)
"""What a receiver is to be told, once. `due_at`: the time of the run that made it due, for a failure that grows is told again.
`claimed_at`: somebody is about to; `receiver` is a hash, for its address is a secret."""
