"""What the breakers of policies count."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "breaker_counts",
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("breaker", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision"], ["decisions.id"], name=op.f("breaker_counts_decision_fk")
        ),
        sa.PrimaryKeyConstraint(
            "decision", "policy", "breaker", "key", name=op.f("breaker_counts_pk")
        ),
    )
    op.create_index(
        op.f("breaker_counts_policy_breaker_key_created_at"),
        "breaker_counts",
        ["policy", "breaker", "key", "created_at"],
        unique=False,
    )
    op.create_index(
        op.f("breaker_counts_created_at"), "breaker_counts", ["created_at"], unique=False
    )
