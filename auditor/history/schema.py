"""The tables of a history, as the newest migration leaves them. Times are text, ISO 8601 in UTC, so that they sort."""

from __future__ import annotations

from typing import Final

from auditor.errors import AuditorError

try:
    from sqlalchemy import Boolean, Column, ForeignKey, Integer, MetaData, String, Table, Text, UniqueConstraint
except ImportError as problem:
    raise AuditorError(
        "a history needs the package SQLAlchemy, which is not installed", "run: pip install 'auditor[history]'"
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
)
"""One row per audit. `digest` is over what was found, so that an audit twice is one run; `scope` over what was asked for."""

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
    UniqueConstraint("baseline", "fingerprint"),
)
"""One row per failure that ever was. `status` is the last answer, of the time `judged_at`; `scope` the run's that gave it."""

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

NOTICES: Final = Table(
    "auditor_notices",
    METADATA,
    Column("episode", Integer, ForeignKey("auditor_episodes.id", ondelete="CASCADE"), primary_key=True),
    Column("receiver", String(64), primary_key=True),
    Column("claimed_at", String(40), nullable=True),
    Column("sent_at", String(40), nullable=True),
)
"""What a receiver is to be told, once. `claimed_at`: somebody is about to; `receiver` is a hash, for its address is a secret."""
