"""What each run could see and answered, so that runs may come in any order, and how far failures go."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables of answers and extents; of runs and findings that are there, keep what is known of their scopes."""
    op.add_column("auditor_runs", sa.Column("looked_at", sa.Text, nullable=True))
    op.add_column("auditor_findings", sa.Column("scopes", sa.Text, nullable=False, server_default="{}"))
    op.add_column("auditor_findings", sa.Column("accepted", sa.Text, nullable=False, server_default="{}"))
    op.add_column("auditor_notices", sa.Column("due_at", sa.String(40), nullable=True))
    op.execute("""UPDATE auditor_findings SET scopes = '{"' || scope || '":"' || first_seen || '"}'""")
    op.create_table(
        "auditor_answers",
        sa.Column("run", sa.Integer, sa.ForeignKey("auditor_runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("status", sa.String(16), primary_key=True),
        sa.Column("subjects", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "auditor_extents",
        sa.Column("finding", sa.Integer, sa.ForeignKey("auditor_findings.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("at", sa.String(40), primary_key=True),
        sa.Column("rests_on", sa.Text, nullable=False),
    )
