"""Bindings: where each phone is registered.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bindings",
        sa.Column("site", sa.Text, primary_key=True, nullable=False),
        sa.Column("account", sa.Text, primary_key=True, nullable=False),
        sa.Column("position", sa.Integer, primary_key=True, nullable=False, autoincrement=False),
        sa.Column("contact", sa.Text, nullable=False),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("q", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("cseq", sa.Integer, nullable=False),
        sa.Column("flow", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("user_agent", sa.Text, nullable=False),
        sa.Column("registered_at", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("bindings")
