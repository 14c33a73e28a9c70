"""What receivers are to be told, so that each hears of a failure once."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of notices."""
    op.create_table(
        "auditor_notices",
        sa.Column("episode", sa.Integer, sa.ForeignKey("auditor_episodes.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("receiver", sa.String(64), primary_key=True),
        sa.Column("claimed_at", sa.String(40), nullable=True),
        sa.Column("sent_at", sa.String(40), nullable=True),
    )
