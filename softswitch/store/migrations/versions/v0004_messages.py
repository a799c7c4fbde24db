"""Messages: those that wait for somebody's phones.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "messages",
        sa.Column("site", sa.Text, primary_key=True, nullable=False),
        sa.Column("person", sa.Text, primary_key=True, nullable=False),
        sa.Column("number", sa.Integer, primary_key=True, nullable=False, autoincrement=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("sender_person", sa.Text, nullable=False),
        sa.Column("mark", sa.Text, nullable=False),
        sa.Column("received_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("secure", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("had", sa.Text, nullable=False),
        sa.Column("delivered_at", sa.Float, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("messages")
