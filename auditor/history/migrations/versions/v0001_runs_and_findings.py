"""Runs, findings, and from when to when each finding failed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first three tables."""
    op.create_table(
        "auditor_runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("at", sa.String(40), nullable=False, index=True),
        sa.Column("snapshot_sha256", sa.String(64), nullable=False),
        sa.Column("scope", sa.String(64), nullable=False),
        sa.Column("baseline", sa.Text, nullable=False),
        sa.Column("baseline_version", sa.Text, nullable=False),
        sa.Column("tool_version", sa.Text, nullable=False),
        sa.Column("resources", sa.Integer, nullable=False),
        sa.Column("passed", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("unknown", sa.Integer, nullable=False),
    )
    op.create_table("auditor_findings", *_finding_columns(), sa.UniqueConstraint("baseline", "fingerprint"))
    op.create_table(
        "auditor_episodes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "finding",
            sa.Integer,
            sa.ForeignKey("auditor_findings.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("opened_at", sa.String(40), nullable=False),
        sa.Column("closed_at", sa.String(40), nullable=True),
        sa.Column("how_closed", sa.String(16), nullable=False),
        sa.UniqueConstraint("finding", "opened_at"),
    )


def _finding_columns() -> Sequence[sa.schema.SchemaItem]:
    texts = ("rule_id", "title", "resource_id", "resource_type", "sub_object", "workload", "message", "tags")
    times = ("first_seen", "last_seen", "judged_at")
    return [
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("baseline", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.String(128), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("is_exempt", sa.Boolean, nullable=False),
        *[sa.Column(name, sa.Text, nullable=False) for name in texts],
        sa.Column("scope", sa.String(64), nullable=False),
        *[sa.Column(name, sa.String(40), nullable=False) for name in times],
    ]
