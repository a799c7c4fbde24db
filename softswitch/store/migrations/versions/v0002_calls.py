"""Calls: what became of each call.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calls",
        sa.Column("site", sa.Text, primary_key=True, nullable=False),
        sa.Column("started_at", sa.Float, primary_key=True, nullable=False),
        sa.Column("call_id", sa.Text, primary_key=True, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("caller_account", sa.Text, nullable=False),
        sa.Column("called", sa.Text, nullable=False),
        sa.Column("answered_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("answered_by", sa.Text, nullable=False),
        sa.Column("hung_up_by", sa.Text, nullable=False),
        sa.Column("legs", sa.Text, nullable=False),
        sa.Column("steps", sa.Text, nullable=False),
        sa.Column("people", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("calls_by_id", "calls", ["call_id"])
    op.create_index("calls_unfinished", "calls", ["ended_at"], sqlite_where=sa.text("ended_at = 0"))


def downgrade() -> None:
    op.drop_table("calls")
